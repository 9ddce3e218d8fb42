"""What became of each component of a message: mapped, decided by, or kept there alone.

Mapped is what stands in a resource that the message became, or is said by one in FHIR's form of it (a time, a number, the address of a coding system). That
something looked at a component proves nothing. What only decides (whose it is, which program, what state) is stated in meter.toml, and counts only
where it was looked at. All else is listed: the message keeps it, and the exchange desk shows it. Of a message that became nothing that is all but what
orders the message itself. Pure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources as files
from typing import Any, Final, NamedTuple

from sojourn.care.exchange import kinds
from sojourn.care.exchange.arrived import There
from sojourn.doors.hl7v2 import values
from sojourn.wire.hl7v2 import Message, Segment, text


class Account(NamedTuple):
    """Places of components as in PID-11.4, each in one of three, in the order of the message."""

    mapped: tuple[str, ...]
    decided: tuple[str, ...]
    kept: tuple[str, ...]


def account(message: Message, made: Iterable[Mapping[str, Any]] | None) -> Account:
    """Of a message and the resources that it became; None where nothing was done with it. A place that repeats is mapped only where every repetition is."""
    there = There(made or (), values.system)
    found: dict[str, str] = {}
    deciding: tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]] = _table()["control"], {}, {}
    if made is not None:
        deciding = _table()["control"], _table()["decides"], _table()["filed"] if message.type in kinds.DOCUMENTS else {}
    for segment in message.segments:
        for n, c in segment.populated():
            place = f"{segment.name}-{n}.{c}"
            how = "mapped" if _arrived(segment, n, c, there) else "decided" if _decides(segment, n, c, deciding) else "kept"
            found[place] = max(found.get(place, ""), how, key=("", "mapped", "decided", "kept").index)
    return Account(*(tuple(place for place, how in found.items() if how == wanted) for wanted in ("mapped", "decided", "kept")))


def kept(message: Message, made: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """What the message alone keeps."""
    return account(message, made).kept


def _decides(segment: Segment, n: int, c: int, tables: tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]) -> bool:
    control, decides, filed = tables
    names = (f"{segment.name}-{n}", f"{segment.name}-{n}.{c}")
    return any(name in control or name in filed for name in names) or (n, c) in segment.seen and any(name in decides for name in names)


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files.files("sojourn.doors.hl7v2") / "meter.toml").read_text())


def _arrived(segment: Segment, n: int, c: int, there: There) -> bool:
    """Whether every repetition of a component is said by what the message became."""
    d, measured = segment.delimiters, (segment.name, n) in _MEASURES
    for repetition in segment.raw(n).split(d.repetition):
        parts = repetition.split(d.component, c)
        if c > len(parts):
            continue
        subs = parts[c - 1].split(d.sub)
        for part in subs:
            said = " ".join(text(part, d).split()) if d.escape in part or " " in part else part
            # That a number is an OID says the address that it became.
            if said and said != '""' and not (said == "ISO" and len(subs) > 1) and not there.says(said, measured=measured):
                return False
    return True


_MEASURES: Final = frozenset({("OBX", 5), ("SCH", 9), ("PID", 25)})
"""Fields whose small numbers are facts."""
