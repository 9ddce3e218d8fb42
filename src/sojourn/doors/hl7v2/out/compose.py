"""One message for one partner, the same again from the same: body, notice, marks, Z-segments, header.

The body is what a change is known by: its digest leaves out header, event and order control.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sojourn.care.notes import services
from sojourn.doors.hl7v2.out import events
from sojourn.doors.hl7v2.out.events import Step
from sojourn.doors.hl7v2.out.look import CHANNEL, View
from sojourn.doors.hl7v2.out.segments import Writer, day_of
from sojourn.gate import bases, disclosing
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import CHARSETS, Profile
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2write import header, message, segment

_STRUCTURES: Final = {
    "ADT^A04": "ADT_A01", "ADT^A08": "ADT_A01", "ADT^A13": "ADT_A01", "ADT^A11": "ADT_A09", "ADT^A12": "ADT_A09", "ADT^A28": "ADT_A05", "ADT^A31": "ADT_A05", "ADT^A40": "ADT_A39",
    "SIU^S13": "SIU_S12", "SIU^S14": "SIU_S12", "SIU^S15": "SIU_S12", "SIU^S26": "SIU_S12",
}  # fmt: skip
_STEPS: Final = {"Encounter": events.visit, "Patient": events.person, "Appointment": events.appointment, "ServiceRequest": events.order, "DocumentReference": events.document, "Procedure": events.service}
_REST: Final = 8
"""Minutes beyond whole units that count as one more, for a code in units (the rule of eight minutes)."""
_FIELD: Final = re.compile(r"\{([A-Z][A-Z0-9]{2})-(\d{1,2})(?:\.(\d{1,2}))?\}")


class Envelope(NamedTuple):
    """What stands in the header beside the content, and stays when a message is made again."""

    control: str
    at: datetime


def confidential(view: View) -> str:
    """How confidential it is, by table 0177: V, R, or '' for usual."""
    codes = {str(c.get("code")) for r in (view.resource, view.patient) for c in (r.get("meta") or {}).get("security") or () if c.get("system") == bases.CONFIDENTIALITY}
    return "V" if "V" in codes else "R" if "R" in codes or view.protected else ""


def digest(view: View, writer: Writer) -> str:
    """Of what they are shown of it, without header, event and order control."""
    lines = _body(view, writer, Step(("",), {}), "")
    return hashlib.sha256("\r".join(lines or ()).encode()).hexdigest()[:32]


def step(view: View, told: Mapping[str, Any] | None, writer: Writer) -> Step | None:
    """What is told next, or None."""
    return _STEPS[str(view.resource["resourceType"])](told, view.resource, digest(view, writer))


def kind_of(following: Step, profile: Profile) -> str:
    """The message by which it is told to this partner; '' where none was agreed."""
    return next((k for k in following.kinds if k in profile.kinds), "")


def written(view: View, following: Step, kind: str, partner: Partner, profile: Profile, envelope: Envelope) -> bytes | None:
    """The message; None where there is nothing to write, as of a document whose content is not here."""
    writer = Writer(partner, profile)
    lines = _body(view, writer, following, kind)
    if lines is None:
        return None
    code = kind.partition("^")
    if code[0] in ("ADT", "MDM", "DFT"):
        lines = [writer.event(code[2], envelope.at), *lines]
    lines = [*_marked(lines, view, writer), *_carried(view, envelope.at)]
    modes = {"original": ("", ""), "enhanced": ("AL", "NE"), "both": ("AL", "AL")}[profile.acknowledgement]
    structure = _STRUCTURES.get(kind, kind.replace("^", "_"))
    type_ = (code[0], code[2], structure) if writer.since("2.4") else (code[0], code[2])
    head = header(
        sender=(profile.ours,), sender_facility=(profile.our_place,), receiver=(profile.theirs,), receiver_facility=(profile.their_place,), at=envelope.at, type_=type_, control=envelope.control,
        version=profile.version, processing=profile.processing, accept=modes[0], application=modes[1], extra={18: profile.charset},
    )  # fmt: skip
    return encoded(_with_own(message(head, *lines), profile), profile)


def encoded(text: str, profile: Profile) -> bytes:
    """The bytes in their character set; a letter that it lacks is written as its number, so that nothing is lost."""
    codec = CHARSETS[profile.charset]
    return "".join(c if _has(c, codec) else f"\\X{c.encode('utf-8').hex().upper()}\\" for c in text).encode(codec)


def _has(letter: str, codec: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _body(view: View, writer: Writer, following: Step, kind: str) -> list[str] | None:
    seen, mark = view.resource, confidential(view)
    match seen["resourceType"]:
        case "Encounter":
            return [writer.pid(view.patient), writer.pv1(view, mark), *writer.diagnoses(view, seen.get("reasonReference") or ())]
        case "Patient" if events.into(seen):
            survivor = view.named.get(f"Patient/{events.into(seen)}", {})
            return [writer.pid(survivor), writer.mrg(seen)]
        case "Patient":
            return [writer.pid(seen), writer.pv1(None, mark)]
        case "Appointment":
            sch, *rest = writer.schedule(view)
            return [sch, writer.pid(view.patient), *([writer.pv1(None, mark)] if mark else []), *rest]
        case "ServiceRequest":
            visit = view.of(seen.get("encounter"), "Encounter/")
            pv1 = [writer.pv1(View(visit, view.patient, view.named), mark)] if visit else [writer.pv1(None, mark)] if mark else []
            return [writer.pid(view.patient), *pv1, *writer.order(view, following.control, mark)]
        case "DocumentReference":
            found = writer.document(view, mark)
            return None if found is None else [writer.pid(view.patient), writer.pv1(None, mark), *found]
        case "Procedure":
            return [writer.pid(view.patient), *([writer.pv1(None, mark)] if mark else []), *_charges(view, writer)]
    return None


def _charges(view: View, writer: Writer) -> list[str]:
    """FT1, one for each code of the service, in the units that its minutes come to."""
    done = view.resource
    known = {part: code for s in services.services(day_of(done)).values() for code in s.codes for part in code.code.split("+")}
    period = done.get("performedPeriod") or {}
    try:
        minutes = int((datetime.fromisoformat(str(period["end"])) - datetime.fromisoformat(str(period["start"]))).total_seconds() // 60)
    except (KeyError, ValueError):
        minutes = 0
    codings = [c for c in (done.get("code") or {}).get("coding") or () if c.get("system") in (services.CPT, services.HCPCS) and c.get("code")]
    return [writer.charge(view, c, services.units(known[c["code"]], minutes, _REST) if c["code"] in known and minutes else 1, n) for n, c in enumerate(codings, 1)]


def _marked(lines: list[str], view: View, writer: Writer) -> list[str]:
    """With ARV behind the person, where the version has it."""
    if not view.protected or not writer.since("2.6") or not any(line.startswith("EVN|") for line in lines):
        return lines
    at = next(n for n, line in enumerate(lines) if line.startswith("PID|")) + 1
    return [*lines[:at], segment("ARV", {1: "1", 2: ("A", "", "HL70206"), 3: ("ETHUD", "", "HL70717")}), *lines[at:]]


def _carried(view: View, at: datetime) -> list[str]:
    """The notice of 42 CFR 2.32 and the scope of the consent, in a segment of our own, whatever the version."""
    if not view.protected:
        return []
    return [segment("ZPR", {1: "1", 2: "42CFRPart2", 3: disclosing.statement(CHANNEL, "whole", at.date()).text, 4: view.out.scope})]


def _with_own(text: str, profile: Profile) -> str:
    """The message with the segments that its partner wants beside: fixed text, and what stands elsewhere in it; nothing else."""
    if not profile.segments:
        return text
    read = hl7v2.parse(text)

    def value(found: re.Match[str]) -> str:
        one = read.one(found[1])
        if one is None:
            return ""
        return hl7v2.escaped(one.v(int(found[2]), int(found[3] or 1)))

    return text + "".join(_FIELD.sub(value, line) + "\r" for line in profile.segments)

