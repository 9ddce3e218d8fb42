"""RxNorm: the RRF files of a monthly release.

https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html.
A concept is an RXCUI with its RxNorm name; other names and the codes of other systems for the same concept come from the atoms of their
sources. What contains what (an ingredient, a brand) is kept as "is a kind of", so that all products of an ingredient are found.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from sojourn.wire.vocabulary.files import Files, split
from sojourn.wire.vocabulary.model import NDC, RXNORM, SNOMED, BadRelease, Concept, Edge, Part, Release, Target

_TERMS: Final = ("IN", "PIN", "MIN", "BN", "SCD", "SBD", "GPCK", "BPCK", "SCDC", "SBDC", "SCDF", "SBDF", "SCDG", "SBDG", "SCDGP", "SBDFP", "SCDFP", "DF", "DFG")
"""Term types that name a concept of RxNorm, those before the others."""
_SNOMED: Final = "SNOMEDCT_US"
_UNDER: Final = frozenset({"has_ingredient", "has_ingredients", "has_precise_ingredient", "tradename_of", "consists_of", "contains", "isa", "form_of"})
"""RELA of the second concept to the first: the second has the first as its ingredient and the like."""
_WIDTH_NAMES, _WIDTH_RELATIONS, _WIDTH_FACTS, _WIDTH_OLD = 18, 16, 13, 5


def release(place: Path) -> Release:
    """A release in a folder (its files lie in `rrf/`) or .zip. Raises BadRelease."""
    files = Files(place)
    files.one("RXNCONSO.RRF")
    dated = re.search(r"(\d{2})(\d{2})(20\d{2})", place.name)
    published = None
    if dated:
        try:
            published = date(int(dated[3]), int(dated[1]), int(dated[2]))
        except ValueError:
            raise BadRelease(f"{place.name}: the date in the name is none.") from None
    version = f"{dated[1]}{dated[2]}{dated[3]}" if dated else _said(files)
    return Release(RXNORM, version, published, place.name, _parts(files))


def _said(files: Files) -> str:
    """The version that RXNSAB states of RxNorm itself."""
    for name in files.find("RXNSAB.RRF"):
        for row in split(files, name, "|", 7):
            if row[3] == "RXNORM" and row[6]:
                return row[6].strip()
    raise BadRelease("Neither the name (RxNorm_full_MMDDYYYY) nor RXNSAB.RRF says the version.")


def _parts(files: Files) -> Iterator[Part]:
    names: dict[str, list[tuple[int, str, str, bool]]] = {}
    codes: dict[str, dict[str, None]] = {}
    for row in split(files, files.one("RXNCONSO.RRF"), "|", _WIDTH_NAMES):
        cui, source, term, code, text, suppressed = row[0], row[11], row[12], row[13], row[14], row[16]
        if source == "RXNORM":
            names.setdefault(cui, []).append((_TERMS.index(term) if term in _TERMS else len(_TERMS), term, text, suppressed in ("N", "")))
        elif source == _SNOMED and code and suppressed in ("N", ""):
            codes.setdefault(code, {})[cui] = None
    for cui, found in names.items():
        found.sort(key=lambda n: (not n[3], n[0]))
        _, term, text, active = found[0]
        yield Concept(cui, text, active, term, names=tuple(dict.fromkeys(n[2] for n in found[1:] if n[2] != text)))
    for code, cuis in codes.items():
        for cui in (c for c in cuis if c in names):
            yield Target(code=cui, system=SNOMED, target=code, equivalence="equivalent")
    yield from _under(files, names.keys())
    yield from _packages(files, names.keys())
    yield from _old(files, names.keys())


def _under(files: Files, known: Container[str]) -> Iterator[Part]:
    for name in files.find("RXNREL.RRF"):
        for row in split(files, name, "|", _WIDTH_RELATIONS):
            if row[10] == "RXNORM" and row[7] in _UNDER and row[0] in known and row[4] in known and row[14] in ("N", ""):
                yield Edge(row[0], row[4])


def _packages(files: Files, known: Container[str]) -> Iterator[Part]:
    """NDC numbers, as RxNorm itself states them (11 digits)."""
    for name in files.find("RXNSAT.RRF"):
        for row in split(files, name, "|", _WIDTH_FACTS):
            if row[8] == "NDC" and row[9] == "RXNORM" and row[0] in known and row[11] in ("N", ""):
                yield Target(code=row[0], system=NDC, target=row[10], equivalence="narrower")


def _old(files: Files, known: Container[str]) -> Iterator[Part]:
    """Numbers that were taken out, and what stands for them now."""
    gone: dict[str, dict[str, None]] = {}
    for name in files.find("RXNCUI.RRF"):
        for row in split(files, name, "|", _WIDTH_OLD):
            if row[0] not in known:
                gone.setdefault(row[0], {}).update({row[4]: None} if row[4] in known else {})
    for code, now in gone.items():
        yield Concept(code, "", active=False, kind="retired", replaced=tuple(now))
