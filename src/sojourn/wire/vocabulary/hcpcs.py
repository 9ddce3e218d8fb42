"""HCPCS Level II: the alpha-numeric file of a quarter.

https://www.cms.gov/medicare/coding-billing/healthcare-common-procedure-system.
Records of 320 characters in fixed columns. A long title goes on in further records of the same code. Codes that begin with D belong to the
American Dental Association and are left out; so are modifiers of two letters, which are not codes of services.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from sojourn.wire.vocabulary.files import Files, day
from sojourn.wire.vocabulary.model import HCPCS, BadRelease, Concept, Part, Release

_CODE: Final = re.compile(r"[A-Z][0-9]{4}").fullmatch
_FIRST, _MORE, _MODIFIERS = "3", "4", ("7", "8")
_DATES: Final = 276
"""The day on which a code was added ends here, and every first record has it."""
_QUARTERS: Final = {"JAN": 1, "APR": 4, "JUL": 7, "OCT": 10}


def release(place: Path) -> Release:
    """The file of a quarter, in a folder, a .zip or by itself. Raises BadRelease."""
    files = Files(place)
    name = files.one("HCPC*ANWEB*.txt")
    said = re.search(r"HCPC(20\d\d)_([A-Z]{3})", Path(name).name.upper())
    if not said or said[2] not in _QUARTERS:
        raise BadRelease(f"{name}: the name says no quarter, as HCPC2026_JAN_ANWEB.txt does.")
    published = date(int(said[1]), _QUARTERS[said[2]], 1)
    return Release(HCPCS, published.isoformat(), published, Path(name).name, _parts(files, name))


def _parts(files: Files, name: str) -> Iterator[Part]:
    head = ""
    words: list[str] = []
    place = name
    for n, line in files.lines(name):
        if not line.strip():
            continue
        code, kind = line[0:5].strip(), line[10:11]
        if kind in _MODIFIERS:
            continue
        short = kind == _FIRST and len(line) < _DATES
        if short or kind not in (_FIRST, _MORE) or not _CODE(code) or (kind == _MORE and code != head[0:5]):
            raise BadRelease(f"{name}, line {n}: expected a code and 3, or 4 for more words of the same code, in their columns.")
        if kind == _FIRST:
            if head:
                yield from _concept(head, words, place)
            head, words, place = line, [line[11:91].strip()], f"{name}, line {n}"
        else:
            words.append(line[11:91].strip())
    if head:
        yield from _concept(head, words, place)


def _concept(head: str, words: list[str], place: str) -> Iterator[Part]:
    code = head[0:5]
    if code.startswith("D"):
        return
    since, until = day(head[268:276], place), day(head[284:292], place)
    title = " ".join(w for w in words if w)
    short = head[91:119].strip()
    if not title and not short:
        raise BadRelease(f"{place}: the code has no title.")
    yield Concept(code, title or short, since=since, until=until, names=(short,) if short and short != title else ())
