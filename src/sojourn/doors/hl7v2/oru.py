"""ORU R01: each OBR becomes a DiagnosticReport, each OBX an Observation. Pure.

https://hl7.org/fhir/R4/diagnosticreport.html; HL7 v2.8, 7.3.1.
"""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange.facts import CannotMap, Report
from sojourn.doors.hl7v2 import observations, persons, values
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message, Segment

STATUSES: Final = {
    "F": "final", "C": "corrected", "P": "preliminary", "A": "partial", "R": "partial", "I": "registered", "O": "registered", "S": "registered", "X": "cancelled", "M": "preliminary", "Y": "unknown", "Z": "unknown",
}  # fmt: skip
"""OBR-25 (table 0123)."""
_SECTIONS: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
_IMAGES: Final = frozenset(
    {
        "RAD",
        "CT",
        "NMR",
        "MRI",
        "RUS",
        "US",
        "NMS",
        "RX",
        "XRC",
        "CUS",
        "VUS",
        "OUS",
        "EC",
        "EN",
        "CTH",
        "PF",
        "PT",
        "OT",
        "RC",
        "RE",
        "PHR",
        "AU",
    }
)
_WAITING: Final = ("registered", "partial", "preliminary")


def reports(message: Message, partner: Partner) -> list[Report]:
    """The reports of a message. Raises CannotMap."""
    if len(message.all("PID")) > 1:
        raise CannotMap("It is about several people (PID repeats). Ask the sender for one message for each person.", "PID[2]")
    out: list[Report] = []
    zone, own = ZoneInfo(partner.timezone), persons.own(partner)
    order: Segment | None = None
    groups: list[tuple[Segment, Segment | None, list[Segment]]] = []
    before: list[Segment] = []  # notes about the person or the order, which stand before the report that they belong to
    for segment in message.segments[1:]:
        if segment.name == "ORC":
            order = segment
        elif segment.name == "OBR":
            groups.append((segment, order, before))
            order, before = None, []
        elif segment.name == "NTE" and (order is not None or not groups):
            before.append(segment)
        elif groups and segment.name != "PID":
            groups[-1][2].append(segment)
    if not groups:
        raise CannotMap("It holds no result (OBR).", "OBR")
    sent = values.when(message.header.v(7), zone)
    for n, (obr, orc, rest) in enumerate(groups, 1):
        out.append(_report(message, partner, obr, orc, rest, n, sent, zone, own))
    return out


def _report(
    message: Message,
    partner: Partner,
    obr: Segment,
    orc: Segment | None,
    rest: list[Segment],
    n: int,
    sent: values.When | None,
    zone: ZoneInfo,
    own: str,
) -> Report:
    code = values.concept(obr.first(4), own)
    if code is None:
        message.findings.append("An order does not say what was tested (OBR-4).")
        code = {"text": "Laboratory result"}
    placer, filler = (obr.v(f) or (orc.v(f) if orc is not None else "") for f in (2, 3))
    status = STATUSES.get(obr.v(25).upper(), "") or _of_values(rest)
    begun, ended = values.when(obr.v(7), zone), values.when(obr.v(8), zone)
    issued = values.when(obr.v(22), zone) or sent
    body: dict[str, Any] = {"resourceType": "DiagnosticReport", "status": status, "category": _category(obr), "code": code}
    if numbers := _numbers(obr, orc, placer, filler, own):
        body["identifier"] = numbers
    if begun is not None and ended is not None and begun.text != ended.text and begun.moment < ended.moment:
        body["effectivePeriod"] = {"start": begun.text, "end": ended.text}
    elif begun is not None:
        body["effectiveDateTime"] = begun.text
    if at := values.instant(issued) or (issued.moment.isoformat() if issued is not None else ""):
        body["issued"] = at
    body["performer"] = [
        {"reference": partner.organization, "display": partner.name}
        if partner.organization
        else {"display": values.line(message.header.v(4)) or partner.name}
    ]
    report = Report(
        (filler or placer or f"{message.control}#{n}", str((code.get("coding") or [{}])[0].get("code", "")) or str(code.get("text", ""))),
        tuple(filter(None, (placer, filler))),
        body,
    )
    report.issued = issued.moment if issued is not None else None
    if _fill(report, obr, rest, begun.text if begun is not None else "", zone, own, status):
        message.findings.append("A value does not say what was measured (OBX-3); it stands under the name of its order.")
    return report


def _fill(report: Report, obr: Segment, rest: list[Segment], taken: str, zone: ZoneInfo, own: str, status: str) -> bool:
    """Values, notes, specimens and files that stand under an OBR. Whether a value had no code of its own."""
    notes: list[str] = []
    nameless = False
    specimens = [s for s in (values.concept(obr.first(15), own),) if s]
    usual = {"partial": "preliminary"}.get(status, status) if status in ("final", "corrected", *_WAITING) else "unknown"
    seen: dict[tuple[str, ...], int] = {}
    for at, segment in enumerate(rest):
        if segment.name == "NTE":
            if not any(s.name == "OBX" for s in rest[:at]):
                notes += [r.text for r in segment.reps(3)]
        elif segment.name == "SPM" and (specimen := values.concept(segment.first(4), own)):
            specimens.append(specimen)
        elif segment.name == "OBX":
            following = []
            for later in rest[at + 1 :]:
                if later.name != "NTE":
                    break
                following += [r.text for r in later.reps(3)]
            found = observations.value(segment, following, taken, zone, own, usual, report.body["code"])
            nameless = nameless or not segment.raw(3)
            n = seen[found.key] = seen.get(found.key, -1) + 1
            report.values.append(found._replace(key=(*found.key, str(n))))
    if words := values.prose("\n".join(notes)):
        report.body["conclusion"] = words
    if specimens:
        report.body["specimen"] = [{"display": str(s.get("text") or s["coding"][0]["code"])} for s in specimens]
    if files := [v.file for v in report.values if v.file is not None]:
        report.body["presentedForm"] = files
    if reader := values.reference(obr.first(32), own):
        report.body["resultsInterpreter"] = [reader]
    return nameless


def _of_values(rest: list[Segment]) -> str:
    """The status of a report that states none: that of its values, if they agree; registered where it has none."""
    found = {observations.STATUSES.get(s.v(11).upper(), "unknown") for s in rest if s.name == "OBX"}
    if not found:
        return "registered"
    if len(found) == 1:
        only = next(iter(found))
        return only if only in STATUSES.values() else "unknown"
    return (
        "corrected"
        if "corrected" in found and not found & {"preliminary", "registered"}
        else "partial"
        if found & {"preliminary", "registered"}
        else "final"
    )


def _category(obr: Segment) -> list[dict[str, Any]]:
    section = obr.v(24).upper()
    if section in _IMAGES:
        return [values.coded(section, _SECTIONS)]
    lab = values.coded("LAB", _SECTIONS, "Laboratory")
    return [lab] if section in ("", "LAB") or " " in section else [lab, values.coded(section, _SECTIONS)]


def _numbers(obr: Segment, orc: Segment | None, placer: str, filler: str, own: str) -> list[dict[str, Any]]:
    out = []
    for n, value, kind in ((3, filler, "FILL"), (2, placer, "PLAC")):
        by = obr.v(n, 3) or obr.v(n, 2) or (orc.v(n, 3) or orc.v(n, 2) if orc is not None else "")
        if value:
            out.append(
                {
                    "type": values.coded(kind, "http://terminology.hl7.org/CodeSystem/v2-0203"),
                    "system": values.system(by, by) or f"{own}/order/{kind.lower()}",
                    "value": values.line(value),
                }
            )
    return out
