"""HL7 v2 messages written strictly: escaped, version and delimiters stated; and acknowledgements.

HL7 v2.8 chapter 2: 2.9 message processing rules (original and enhanced mode), 2.14.8 MSA, 2.14.5 ERR; tables 0008, 0357, 0516.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sojourn.wire.hl7v2 import USUAL, Message, Segment, escaped

Part = str | tuple[str, ...]
"""A component: its text, or its subcomponents."""
Value = str | tuple[Part, ...] | Sequence["str | tuple[Part, ...]"]
"""A field: its text; its components as a tuple; or its repetitions as a list."""

ACCEPTED, ERROR, REJECTED = "A", "E", "R"
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
VERSIONS: Final = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9")


def segment(name: str, fields: Mapping[int, Value]) -> str:
    """One segment, its delimiters the usual ones. fields: by their numbers; those left out are empty. Raises ValueError for what may not stand in it."""
    if not _NAME.fullmatch(name):
        raise ValueError("A segment's name is three capital letters or digits.")
    last = max(fields, default=0)
    return USUAL.field.join([name, *(_field(fields.get(n, "")) for n in range(1, last + 1))])


def _field(value: Value) -> str:
    if isinstance(value, list):
        return USUAL.repetition.join(_one(v) for v in value)
    return _one(value)  # type: ignore[arg-type]


def _one(value: str | tuple[Part, ...]) -> str:
    if isinstance(value, str):
        return escaped(value)
    return USUAL.component.join(
        escaped(c) if isinstance(c, str) else USUAL.sub.join(map(escaped, c)).rstrip(USUAL.sub) for c in value
    ).rstrip(USUAL.component)


def header(*, sender: tuple[Part, ...], sender_facility: tuple[Part, ...], receiver: tuple[Part, ...], receiver_facility: tuple[Part, ...], at: datetime, type_: tuple[str, ...],
           control: str, version: str, processing: str = "P", accept: str = "", application: str = "", extra: Mapping[int, Value] | None = None) -> str:  # fmt: skip
    """MSH. Raises ValueError for a version that there is not, or a control id that is empty or longer than any receiver keeps (199)."""
    if version not in VERSIONS:
        raise ValueError("There is no such version of HL7 v2.")
    if not control or len(control) > 199:
        raise ValueError("A message has a control id of 1 to 199 characters.")
    fields: dict[int, Value] = {
        3: sender, 4: sender_facility, 5: receiver, 6: receiver_facility, 7: moment(at), 9: type_, 10: control, 11: processing, 12: version, 15: accept, 16: application, 18: "UNICODE UTF-8",
        **(extra or {}),
    }  # fmt: skip
    rest = segment("MSH", fields).split(USUAL.field, 3)[3]
    return f"MSH{USUAL.field}{USUAL.encoding}{USUAL.field}{rest}"


def message(*segments: str) -> str:
    """Segments as one message, each ended by a carriage return."""
    return "".join(s + "\r" for s in segments)


def moment(at: datetime) -> str:
    """A time with its offset, as in 20261130085412+0000."""
    return at.strftime("%Y%m%d%H%M%S%z")


class Trouble(NamedTuple):
    """What is wrong with a message, for its sender. where: as in PID-3, or ''; code: of table 0357; words: what and what to do, nothing of its content."""

    words: str
    code: str = "207"
    where: str = ""


def acknowledgement(
    to: Message | None, code: str, at: datetime, control: str, *, trouble: Trouble | None = None, enhanced: bool = False
) -> str:
    """The answer to a message: ACCEPTED, ERROR or REJECTED. enhanced: it says only that the message is kept (CA, CE, CR), not what became of it.

    to: None where the message could not be read. Sender and receiver change places; the version is the sender's, so that they can read it.
    """
    head = to.header if to is not None else None
    version = head.v(12) if head is not None and head.v(12) in VERSIONS else "2.5.1"
    type_ = ("ACK", head.v(9, 2), "ACK") if head is not None and head.v(9, 2) else ("ACK",)
    fields: dict[int, Value] = {
        7: moment(at),
        9: type_,
        10: control,
        11: (head.v(11) if head is not None else "") or "P",
        12: version,
        18: "UNICODE UTF-8",
    }
    turned = {3: 5, 4: 6, 5: 3, 6: 4}
    rest = segment("MSH", {**dict.fromkeys(range(3, 7), ""), **fields}).split(USUAL.field)
    for ours, theirs in turned.items():  # as it stands, only with our delimiters
        rest[ours] = _as_ours(head, theirs) if head is not None else ""
    first = USUAL.field.join(["MSH", USUAL.encoding, *rest[3:]])
    said: dict[int, Value] = {1: ("C" if enhanced else "A") + code, 2: to.control if to is not None else ""}
    if trouble is not None and version in VERSIONS[:8]:
        said[3] = trouble.words  # withdrawn in 2.7
    out = [first, segment("MSA", said)]
    if trouble is not None:
        out.append(_trouble(trouble, version))
    return message(*out)


def _as_ours(head: Segment, n: int) -> str:
    found = head.reps(n)
    return _one(tuple(found[0].components)) if found else ""


def _trouble(trouble: Trouble, version: str) -> str:
    where = re.fullmatch(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\.(\d+))?)?", trouble.where)
    place: tuple[Part, ...] = (where[1], where[2] or "1", where[3] or "", "", where[4] or "") if where else ()
    if version in VERSIONS[:6] and version != "2.5":
        return segment("ERR", {1: (*(place[:3] if place else ("", "", "")), (trouble.code, trouble.words))})
    return segment("ERR", {2: place or "", 3: (trouble.code, "", "HL70357"), 4: "E", 8: trouble.words})
