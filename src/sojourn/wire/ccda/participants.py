"""Entries whose facts stand in who takes part: care teams, relatives, insurance, visits.

HL7 C-CDA R2.1 and its Companion Guide: Care Team Organizer (22.4.500), Family History Organizer (22.4.45), Policy Activity (22.4.61), Encounter Activity (22.4.49).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sojourn.wire.ccda import values
from sojourn.wire.ccda.facts import Fact, Marks
from sojourn.wire.ccda.marks import marks_of
from sojourn.wire.ccda.values import Coded, Quantity, Span
from sojourn.wire.ccda.xml import Node

Said = tuple[str, Coded | Quantity | str]
TEAM: Final = "500"
_MEMBER: Final = "2.16.840.1.113883.10.20.22.4.500.1"
_UDI: Final = "2.16.840.1.113883.3.3719"


def team(node: Node, narrative: Mapping[str, str], marks: Marks) -> Fact:
    """A care team as one fact: its name or code, and of each member `member`, `role`, `since` and `until`, in this order."""
    details: list[Said] = []
    said = ""
    for act in node.all("component/act"):
        marks = marks_of(act, narrative, marks)
        if all(t.get("root") != _MEMBER for t in act.all("templateId")):
            said = said or values.referred(act.one("text"), narrative)
            continue
        for performer in act.all("performer"):
            entity = performer.one("assignedEntity")
            details.append(("member", values.name(entity.one("assignedPerson/name")) if entity else ""))
            if role := values.coded(performer.one("sdtc:functionCode"), narrative) or (values.coded(entity.one("code"), narrative) if entity else None):
                details.append(("role", role))
            details += [(key, time) for key, time in zip(("since", "until"), values.span(act.one("effectiveTime")), strict=True) if time]
    code = values.coded(node.one("code"), narrative)
    return Fact(
        "team", code._replace(text=said or code.text), values.coded(node.one("statusCode"), {}).code, values.span(node.one("effectiveTime")), details=tuple(details), identifiers=values.identifiers(node),
        templates=tuple(t.get("root") for t in node.all("templateId") if t.get("root")), marks=marks, line=node.line, at=node.at,
    )  # fmt: skip


def relative(organizer: Node, narrative: Mapping[str, str]) -> tuple[Said, ...]:
    """Of whom an organizer of a family's history tells."""
    found = values.coded(organizer.one("subject/relatedSubject/code"), narrative)
    return (("relationship", found),) if found else ()


def cover(policy: Node, narrative: Mapping[str, str]) -> tuple[Span, tuple[Said, ...]]:
    """Of a policy: from when to when it covers, and `payer`, `subscriber` (the holder's number, else the member's) and `relation` to who holds it."""
    of = {p.get("typeCode"): p for p in policy.all("participant")}
    covered, holder = of.get("COV"), of.get("HLD")
    payer = next((w for p in policy.all("performer/assignedEntity/representedOrganization/name") if (w := values.name(p))), "")
    number = next((i.get("extension") for p in (holder, covered) if p for i in p.all("participantRole/id") if i.get("extension")), "")
    relation = values.coded(covered.one("participantRole/code"), narrative) if covered else Coded()
    said: tuple[Said, ...] = (*((("payer", payer),) if payer else ()), *((("subscriber", number),) if number else ()), *((("relation", relation),) if relation else ()))
    return values.span(covered.one("time") if covered else None), said


def beside(node: Node, narrative: Mapping[str, str]) -> Iterator[Said]:
    """Who did it by name, when it was written down, where a visit went on to, the number of a device."""
    for performer in node.all("performer"):
        said, function = values.name(performer.one("assignedEntity/assignedPerson/name")), values.coded(performer.one("sdtc:functionCode"), narrative)
        if said or function:
            yield "performer", said
        if function:
            yield "as", function
    if written := values.span(node.one("author/time")).start:
        yield "authored", written
    if to := values.coded(node.one("sdtc:dischargeDispositionCode"), narrative):
        yield "disposition", to
    for made_by in node.all("consumable/manufacturedProduct/manufacturerOrganization/name"):
        if said := values.name(made_by):
            yield "maker", said
    for supply in (s for r in node.all("entryRelationship") for s in r.all("supply")):
        for place, name in (("repeatNumber", "refills"), ("quantity", "supply")):
            if (found_quantity := values.quantity(supply.one(place))).number:
                yield name, found_quantity
        if any(valid := values.span(supply.one("effectiveTime"))):
            yield "valid", "/".join(valid)
    for role in node.all("participant/participantRole"):
        if role.one("playingDevice") is not None:
            yield from (("udi", i.get("extension")) for i in role.all("id") if i.get("root") == _UDI and i.get("extension"))
