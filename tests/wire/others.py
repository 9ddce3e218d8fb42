"""What two other readers of HL7 v2, python-hl7 and medforge, make of a message, held against what ours makes of it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import hl7
import medforge

from sojourn.wire import hl7v2
from sojourn.wire.hl7v2 import Message, Segment, text

_THEIRS = re.compile(r"\\(?:[FSTRE]|\.br|X(?:[0-9A-Fa-f]{2})+)\\")
"""Escapes that medforge turns into letters; it leaves others as they are written."""


class Compared(NamedTuple):
    """How many parts were compared: by python-hl7 down to subcomponents, by medforge down to components. refused: medforge's words, where it takes no such message."""

    parts: int
    components: int
    refused: str = ""


def compare(message: Message) -> Compared:
    """Each part of each segment but MSH-1 and MSH-2, which are the delimiters themselves. Raises AssertionError where they differ."""
    whole = message.encode()
    parts = _python_hl7(message, hl7.parse(whole))
    try:
        theirs = medforge.parse(whole)
    except ValueError as refusal:
        return Compared(parts, 0, str(refusal))
    return Compared(parts, _medforge(message, theirs))


def readable(raw: bytes | str) -> Compared:
    """The same for one that we wrote: both others have to take it."""
    found = compare(hl7v2.parse(raw))
    assert not found.refused, found.refused
    return found


def _fields(segment: Segment) -> range:
    return range(3 if segment.name == "MSH" else 1, len(segment.fields))


def _said(repetitions: list[Any]) -> list[Any]:
    """Those that say something: ours passes over repetitions that are empty or say that a field is to be emptied."""
    return [r for r in repetitions if r not in ([[""]], [[hl7v2.NULL]], [""], [hl7v2.NULL])]


def _python_hl7(message: Message, theirs: Any) -> int:
    d, compared = message.delimiters, 0
    assert [str(s[0]) for s in theirs] == [s.written or s.name for s in message.segments]
    assert [str(s) for s in theirs] == [s.encode() for s in message.segments]
    for mine, other in zip(message.segments, theirs, strict=True):
        for n in _fields(mine):
            ours = [[c.split(d.sub) for c in r.raw.split(d.component)] for r in mine.reps(n)]
            found = _said([[[str(sub) for sub in _list(c)] for c in _list(r)] for r in _list(other[n])])
            assert found == ours, f"python-hl7, {mine.name}-{n}: {found} {ours}"
            compared += sum(len(c) for r in ours for c in r)
    return compared


def _list(part: Any) -> list[Any]:
    """A part of python-hl7, which leaves out the levels that have one part alone."""
    return list(part) if isinstance(part, list) else [part]


def _medforge(message: Message, theirs: Any) -> int:
    d, compared = message.delimiters, 0
    assert [s.name for s in theirs.segments] == [s.name for s in message.segments]
    for mine, other in zip(message.segments, theirs.segments, strict=True):
        for n in _fields(mine):
            ours = [[_unescaped(c, d) for c in r.raw.split(d.component)] for r in mine.reps(n)]
            field = other.field(n)
            found = _said([[c.value for c in r.components] for r in field.repetitions or [field]])
            assert found == ours, f"medforge, {mine.name}-{n}: {found} {ours}"
            compared += sum(len(r) for r in ours)
    return compared


def _unescaped(raw: str, d: hl7v2.Delimiters) -> str:
    """In plain letters; of `\\X…\\` each byte as a letter, as medforge has it, where we read UTF-8 first."""
    return _THEIRS.sub(lambda found: bytes.fromhex(found[0][2:-1]).decode("latin-1") if found[0][1] == "X" else text(found[0], d), raw)
