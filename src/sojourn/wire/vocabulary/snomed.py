"""SNOMED CT: the snapshot of a release in RF2, with its map to ICD-10-CM.

https://confluence.ihtsdotools.org/display/DOCRELFMT.
A concept is named by the preferred synonym of US English where the release holds that language, else by its full name. Of relations only
"is a" is kept. Each line of the map keeps its group, priority, rule and advice: one code may need several, and a rule may ask for age or sex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sojourn.wire.vocabulary.files import Files, day, table
from sojourn.wire.vocabulary.model import ICD10CM, SNOMED, BadRelease, Concept, Edge, Part, Release, Target

_FULL, _SYNONYM = "900000000000003001", "900000000000013009"
_US_ENGLISH, _PREFERRED = "900000000000509007", "900000000000548007"
_IS_A: Final = "116680003"
_TO_ICD10CM: Final = "6011000124106"
_NOW: Final = frozenset({"900000000000526001", "900000000000527005", "900000000000528000", "900000000000530003"})
"""Historical associations to what stands for a concept now: replaced by, same as, was a, alternative."""
_ALWAYS: Final = ("TRUE", "OTHERWISE TRUE")


def release(place: Path) -> Release:
    """The snapshot of a release, in a folder or .zip. Raises BadRelease."""
    files = Files(place)
    name = files.one("sct2_Concept_Snapshot_*.txt")
    dated = re.search(r"_(\d{8})\.txt$", name)
    if not dated:
        raise BadRelease(f"{name}: the name says no date.")
    published = day(dated[1], name)
    return Release(SNOMED, dated[1], published, place.name, _parts(files, name))


def _parts(files: Files, name: str) -> Iterator[Part]:
    texts = _texts(files)
    now = _now(files)
    for row in table(files, name, ("id", "effectiveTime", "active"), "\t"):
        code, active = row["id"], row["active"] == "1"
        found = texts.pop(code, None)
        if found is None:
            continue
        display, kind, names = found
        yield Concept(code, display, active, kind, until=None if active else day(row["effectiveTime"], name), names=names, replaced=tuple(now.get(code, ())))
    del texts
    for part in files.find("sct2_Relationship_Snapshot_*.txt"):
        for row in table(files, part, ("active", "sourceId", "destinationId", "typeId"), "\t"):
            if row["active"] == "1" and row["typeId"] == _IS_A:
                yield Edge(row["destinationId"], row["sourceId"])
    for part in files.find("der2_iisssccRefset_ExtendedMapSnapshot_*.txt"):
        yield from _maps(files, part)


def _texts(files: Files) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Of each concept: its name, what kind of thing it is, and its other names."""
    preferred: set[str] = set()
    for part in files.find("der2_cRefset_LanguageSnapshot*.txt"):
        for row in table(files, part, ("active", "refsetId", "referencedComponentId", "acceptabilityId"), "\t"):
            if row["active"] == "1" and row["refsetId"] == _US_ENGLISH and row["acceptabilityId"] == _PREFERRED:
                preferred.add(row["referencedComponentId"])
    found: dict[str, list[tuple[int, str]]] = {}
    descriptions = files.find("sct2_Description_Snapshot-en*.txt", "sct2_Description_Snapshot*.txt")
    if not descriptions:
        raise BadRelease("The release has no file sct2_Description_Snapshot*.txt.")
    for part in descriptions:
        for row in table(files, part, ("id", "active", "conceptId", "typeId", "term"), "\t"):
            if row["active"] == "1" and row["typeId"] in (_FULL, _SYNONYM):
                full = row["typeId"] == _FULL
                found.setdefault(row["conceptId"], []).append((1 if full else 0 if row["id"] in preferred else 2, row["term"]))
    out: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for code, terms in found.items():
        terms.sort(key=lambda t: t[0])
        full_name = next((t for rank, t in terms if rank == 1), "")
        tag = re.search(r" \(([^()]+)\)$", full_name)
        display = terms[0][1] if terms[0][0] != 1 or not tag else full_name[: tag.start()]
        out[code] = display, tag[1] if tag else "", tuple(dict.fromkeys(t for _, t in terms if t != display))
    return out


def _now(files: Files) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in files.find("der2_cRefset_AssociationSnapshot*.txt"):
        for row in table(files, part, ("active", "refsetId", "referencedComponentId", "targetComponentId"), "\t"):
            if row["active"] == "1" and row["refsetId"] in _NOW:
                found.setdefault(row["referencedComponentId"], []).append(row["targetComponentId"])
    return found


def _maps(files: Files, part: str) -> Iterator[Part]:
    columns = ("active", "refsetId", "referencedComponentId", "mapGroup", "mapPriority", "mapRule", "mapAdvice", "mapTarget")
    for n, row in enumerate(table(files, part, columns, "\t"), 2):
        if row["active"] != "1" or row["refsetId"] != _TO_ICD10CM:
            continue
        if not (row["mapGroup"].isdecimal() and row["mapPriority"].isdecimal()):
            raise BadRelease(f"{part}, line {n}: group and priority are numbers.")
        rule = "" if row["mapRule"] in _ALWAYS else row["mapRule"]
        target = row["mapTarget"].rstrip("?")
        yield Target(
            row["referencedComponentId"], ICD10CM, target, "relatedto" if target else "unmatched", int(row["mapGroup"]), int(row["mapPriority"]), rule, row["mapAdvice"]
        )
