"""The clinical statements of an entry as facts: by their templates, or their shape and section.

Template roots: HL7 C-CDA R2.1, Companion Guide; R1.1 uses the same roots without extensions. A statement that is only wrapped (a concern, an
organizer) gives the facts of what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sojourn.wire.ccda import participants, values
from sojourn.wire.ccda.facts import Fact, Marks
from sojourn.wire.ccda.marks import SECURITY, is_security, marks_of
from sojourn.wire.ccda.values import Coded, Quantity, Span
from sojourn.wire.ccda.xml import Node

Value = Coded | Quantity | str
STATEMENTS: Final = ("act", "observation", "organizer", "substanceAdministration", "supply", "procedure", "encounter", "observationMedia", "regionOfInterest")
_ROOT: Final = "2.16.840.1.113883.10.20.22.4."
_KINDS: Final[Mapping[str, str]] = {
    "7": "allergy", "90": "allergy", "4": "problem", "16": "medication", "52": "immunization", "2": "result", "27": "vital",
    "12": "procedure", "13": "procedure", "14": "procedure", "49": "encounter", "38": "social", "78": "social", "85": "social", "72": "social",
    "109": "social", "202": "note", "20": "instruction", "69": "assessment", "86": "assessment", "39": "plan", "40": "plan", "41": "plan", "42": "plan", "43": "plan", "44": "plan", "120": "plan", "121": "goal", "146": "plan",
    "18": "dispense", "46": "relative", "50": "device", "61": "coverage",
}  # fmt: skip
_BY_SECTION: Final[Mapping[str, str]] = {
    "allergies": "allergy", "problems": "problem", "medications": "medication", "immunizations": "immunization", "results": "result", "vitals": "vital",
    "procedures": "procedure", "encounters": "encounter", "social-history": "social", "plan": "plan",
}  # fmt: skip
# What stands in the statement that it says more about: template -> name of the detail.
_ABOUT: Final[Mapping[str, str]] = {"9": "reaction", "8": "severity", "145": "criticality", "64": "comment", "147": "directions", "6": "status", "28": "status", "31": "age", "19": "indication", "80": "diagnosis", "54": "refill", "53": "reason", "144": "achieved", "502": "diagnosed"}
_IN_WORDS: Final = ("comment", "directions")
_INSTRUCTION: Final = "20"
"""Its words are what is to be done; its code only says that it is an instruction."""
_WRAPPED: Final = ("COMP", "SUBJ", "")
_DEEPEST: Final = 12
_AHEAD: Final = ("INT", "RQO", "PRMS", "PRP", "ARQ", "APT", "GOL", "RSK", "SLOT")
"""Moods of what is still to come (HL7 v3 ActMood); in any other but an event, such as a definition, it states no fact."""
_RISK: Final = "136"
# Acts that only wrap what they are about, and by which other relations: health concern, risk concern, interventions, coverage.
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"132": ("REFR", "SPRT"), _RISK: ("REFR", "SPRT"), "131": ("REFR",), "146": ("REFR",), "60": ("COMP",)}
# Discharge and admission medications: an act around what is given, which is always `completed` and says nothing of it.
_AROUND_MEDICINE: Final = frozenset({"35", "36"})
_MEDICINE: Final = ("substanceAdministration", "supply")
_CONCERNS: Final = frozenset({"3", "30", "113", "80", *_ALSO, *_AROUND_MEDICINE})
_POINTER: Final = "122"
_PANEL: Final = "1"
_REPORT: Final = "#report"
"""With what the id of a result ends that we write for a report as a whole."""


def facts_of(entry: Node, section: str, narrative: Mapping[str, str]) -> Iterator[Fact]:
    """The facts of an entry."""
    for child in entry.below:
        if child.name in STATEMENTS:
            yield from _statement(child, section, narrative, marks_of(entry, narrative), 0)


def of_another(node: Node) -> bool:
    """Whether a section or statement is about a relative, a newborn or another person than the document's (subject, CDA R2 4.3.8.1)."""
    return any(s.get("nullFlavor") == "" and (r := s.one("relatedSubject")) is not None and ((c := r.one("code")) is None or c.get("code") not in _SELF) for s in node.all("subject"))


_SELF: Final = ("ONESELF", "SELF")


def _statement(node: Node, section: str, narrative: Mapping[str, str], around: Marks, depth: int) -> Iterator[Fact]:
    if depth > _DEEPEST:
        return
    if of_another(node):
        yield from (f if f.kind in ("relative", "mark") else f._replace(kind="other") for f in _stated(node, section, narrative, around, depth))
    else:
        yield from _stated(node, section, narrative, around, depth)


def _stated(node: Node, section: str, narrative: Mapping[str, str], around: Marks, depth: int) -> Iterator[Fact]:
    marks = marks_of(node, narrative, around)
    inside = [s for c in node.all("component") for s in c.below if s.name in STATEMENTS] if node.name == "organizer" else []
    # Marks of privacy among statements are read as marks; an organizer of nothing else is the document's privacy section.
    inside = [s for s in inside if not is_security(s)] or inside
    if node.name == "organizer" and participants.TEAM in _numbers(node):
        yield participants.team(node, narrative, marks)
        return
    about = participants.relative(node, narrative) if inside else ()
    concern = node.name == "act" and set(_numbers(node)) & _CONCERNS
    if concern or (node.name == "act" and section in ("problems", "allergies") and not values.coded(node.one("code"), narrative).system.endswith("sct")):
        inside += _held(node)
    if inside and _PANEL in _numbers(node):
        yield from _panel(node, narrative, marks, [f for child in inside for f in _statement(child, section, narrative, marks, depth + 1)])
        return
    if inside:
        for child in inside:
            for fact in _statement(child, section, narrative, marks, depth + 1):
                concern_status = values.coded(node.one("statusCode"), {}).code if node.name == "act" and not set(_numbers(node)) & _AROUND_MEDICINE else ""
                if fact.kind == "problem" and _RISK in _numbers(node):
                    risk = ("concern as", values.coded(node.one("code"), narrative))
                    fact = fact._replace(kind="risk", status=concern_status, author=fact.author or _author(node), number=fact.number or _number(node), details=(*fact.details, risk))
                yield fact._replace(details=(*fact.details, *about, *((("concern", concern_status),) if concern_status else ())))
        return
    yield _fact(node, section, narrative, marks)


def _panel(node: Node, narrative: Mapping[str, str], marks: Marks, held: list[Fact]) -> Iterator[Fact]:
    """The results of a Result Organizer (22.4.1), and the panel as a fact of its own; not where it is called as one of them, and so says no more."""
    what = values.coded(node.one("code"), narrative)
    whole = next((f for f in held if any(i.endswith(_REPORT) for i in f.identifiers) and f.what.code == what.code), None)
    results = [f for f in held if f is not whole]
    yield from results
    if not what or (whole is None and any((f.what.code, f.what.code or f.what.text) == (what.code, what.code or what.text) for f in results)):
        return
    time = whole.time if whole else values.span(node.one("effectiveTime"))
    own = Fact("report", what, values.coded(node.one("statusCode"), {}).code, time, author=_author(node), identifiers=values.identifiers(node), templates=tuple(t.get("root") for t in node.all("templateId") if t.get("root")), marks=marks, line=node.line, at=node.at, number=_number(node))
    if whole:
        own = own._replace(value=whole.value, details=whole.details, identifiers=(*own.identifiers, *whole.identifiers), author=whole.author, number=whole.number, text=whole.text, marks=whole.marks)
    yield own._replace(holds=tuple(f.at for f in results if f.kind == "result"))


def _held(node: Node) -> list[Node]:
    """The statements that an act wraps; what only points to another statement is none."""
    wide = next((n for n in _numbers(node) if n in _ALSO), "")
    kinds = (*_WRAPPED, *_ALSO.get(wide, ()))
    below = [s for r in node.all("entryRelationship") if r.get("typeCode") in kinds for s in r.below]
    names = _MEDICINE if set(_numbers(node)) & _AROUND_MEDICINE else STATEMENTS if wide else ("observation",)
    return [s for s in below if s.name in names and _POINTER not in _numbers(s) and not is_security(s)]


def _numbers(node: Node) -> list[str]:
    """The numbers of its C-CDA entry templates."""
    roots = [t.get("root") for t in node.all("templateId")]
    return [root.removeprefix(_ROOT) for root in roots if root.startswith(_ROOT)]


def _fact(node: Node, section: str, narrative: Mapping[str, str], marks: Marks) -> Fact:
    numbers = _numbers(node)
    kind = next((_KINDS[n] for n in numbers if n in _KINDS), "") or _BY_SECTION.get(section, "other")
    mood = node.get("moodCode") or "EVN"
    if mood in _AHEAD and kind not in ("plan", "goal", "instruction"):
        kind = "medication" if kind == "medication" else "plan"
    elif mood not in (*_AHEAD, "EVN", "CRT"):
        kind = "other"
    if is_security(node) or values.coded(node.one("code"), {}).code in SECURITY:
        kind = "mark"
    time = next((t for n in node.all("effectiveTime") if any(t := values.span(n))), Span())
    value = _value(node.one("value"), narrative)
    what = values.coded(node.one("code"), narrative)
    details = list(_details(node, narrative))
    if kind == "allergy":
        substance = next((s for p in node.all("participant/participantRole/playingEntity") if (s := _entity(p, narrative))), None)
        what, details = (substance or _as_code(value) or what), [*details, *([("type", value)] if substance and value is not None else [])]
        value = None
    elif kind in ("problem", "relative") and isinstance(value, Coded) and (value or value.null):
        what, value = value, None
    elif kind == "coverage":
        time, told = participants.cover(node, narrative)
        details += told
    elif node.name in ("substanceAdministration", "supply"):
        product = next((p for place in ("consumable", "product") for p in node.all(f"{place}/manufacturedProduct/manufacturedMaterial")), None)
        what = _entity(product, narrative) if product else what
        details += [("lot", lot.text()) for lot in (product.all("lotNumberText") if product else ()) if lot.text()]
    words = values.referred(node.one("text"), narrative)
    if kind in ("note", "instruction"):
        text = node.one("text")
        bare = text is not None and text.get("representation") == "B64" and text.one("reference") is None
        words = "" if bare else values.lines(text, narrative)
        details += list(_file(text))
    if not what:
        what = next((d for r in node.all("participant/participantRole") for e in r.below if e.name in ("playingDevice", "playingEntity") and (d := _entity(e, narrative))), what)
    return Fact(
        kind, what, values.coded(node.one("statusCode"), {}).code, time, value, node.get("negationInd").lower() in ("true", "1"), mood, tuple(details), values.identifiers(node),
        tuple(t.get("root") for t in node.all("templateId") if t.get("root")), _author(node), words, marks, node.line, node.at, _number(node),
    )  # fmt: skip


def _file(text: Node | None) -> Iterator[tuple[str, Value]]:
    """What a note is that is no text: its kind and its bytes as they came."""
    if text is not None and text.get("representation") == "B64" and (data := "".join("".join(text.texts).split())):
        yield "media", text.get("mediaType")
        yield "data", data


def _as_code(value: Value | None) -> Coded | None:
    return value if isinstance(value, Coded) and value else None


def _entity(node: Node, narrative: Mapping[str, str]) -> Coded:
    """A substance, product or material: its code, and its name where the code has no words."""
    found = values.coded(node.one("code"), narrative)
    said = values.name(node.one("name"))
    return found._replace(text=said) if said and not (found.text or found.display) else found


def _value(node: Node | None, narrative: Mapping[str, str]) -> Value | None:
    if node is None:
        return None
    kind = node.get("type").rpartition(":")[2]
    if kind in ("CD", "CE", "CV", "CO", "CS") or (not kind and node.get("code")):
        return values.coded(node, narrative)
    if kind in ("PQ", "INT", "REAL", "IVL_PQ", "IVL_INT", "IVL_REAL") or (not kind and node.get("value")):
        found = values.quantity(node)
        return found if found.number else values.coded(node, narrative) if node.get("nullFlavor") else values.compared(node)
    if kind == "RTO" or kind.startswith("RTO_"):
        return values.ratio(node)
    if kind == "MO" and (amount := values.number(node.get("value"))):
        return f"{amount} {node.get('currency')}".strip()
    if kind in ("TS", "IVL_TS"):
        return values.span(node).start or None
    if kind == "BL":
        return node.get("value") or None
    return node.text() or values.referred(node, narrative) or None


def _details(node: Node, narrative: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    for place, name in (("routeCode", "route"), ("targetSiteCode", "site"), ("approachSiteCode", "site"), ("interpretationCode", "interpretation"), ("methodCode", "method"), ("priorityCode", "priority")):
        for child in node.all(place):
            if found := values.coded(child, narrative):
                yield name, found
    for place, name in (("doseQuantity", "dose"), ("rateQuantity", "rate"), ("quantity", "quantity"), ("repeatNumber", "repeats")):
        found_quantity = values.quantity(node.one(place))
        if found_quantity.number:
            yield name, found_quantity
    for child in node.all("effectiveTime"):
        if (every := child.one("period")) is not None and (found_quantity := values.quantity(every)).number:
            yield "frequency", found_quantity
        if (event := child.one("event")) is not None and event.get("code"):
            yield "event", values.coded(event, narrative)
            if (offset := child.one("offset")) is not None and (found_quantity := values.quantity(offset)).number:
                yield "offset", found_quantity
    for child in node.all("referenceRange/observationRange"):
        if found_range := _value(child.one("value"), narrative) or values.referred(child.one("text"), narrative):
            yield "range", found_range
    yield from _others(node, narrative)
    yield from participants.beside(node, narrative)


def _others(node: Node, narrative: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    """What other statements and participants say about it."""
    for participant in node.all("participant"):
        if participant.get("typeCode") in ("LOC", "DEV") and (role := participant.one("participantRole")) is not None:
            entity = role.one("playingEntity") or role.one("playingDevice")
            said = values.name(entity.one("name")) if entity else ""
            if found := said or values.coded(role.one("code"), narrative):
                yield "location" if participant.get("typeCode") == "LOC" else "device", found
    for related in node.all("entryRelationship"):
        for child in related.below:
            if not is_security(child):
                yield from _related(child, related.get("typeCode"), narrative)


def _related(child: Node, kind: str, narrative: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    """What a statement that stands in another says of it."""
    name = next((_ABOUT[n] for n in _numbers(child) if n in _ABOUT), "")
    if name == "diagnosis":
        yield from (("diagnosis", c) for o in child.all("entryRelationship/observation") if isinstance(c := _value(o.one("value"), narrative), Coded) and c)
    elif child.get("moodCode") == "GOL" and not name:
        yield from ((key, found) for key, found in (("measure", values.coded(child.one("code"), narrative)), ("target", _value(child.one("value"), narrative))) if found)
    elif name == "diagnosed":
        yield from ((name, first) for first in (values.span(child.one("effectiveTime")).start,) if first)
    elif child.name in STATEMENTS:
        words = values.referred(child.one("text"), narrative) if name in _IN_WORDS or _INSTRUCTION in _numbers(child) else ""
        if found_value := words or _value(child.one("value"), narrative) or values.coded(child.one("code"), narrative) or values.referred(child.one("text"), narrative):
            yield name or {"RSON": "reason", "MFST": "reaction", "CAUS": "cause"}.get(kind, "about"), found_value
        if name == "reaction":
            yield from (("severity of it", value) for key, value in _others(child, narrative) if key == "severity")
            yield from (("onset of it", onset) for onset in (values.span(child.one("effectiveTime")).start,) if onset)


def _number(node: Node) -> str:
    """The first number of whoever `_author` names."""
    for place in ("author/assignedAuthor", "performer/assignedEntity"):
        if (who := node.one(place)) is not None and values.name(who.one("assignedPerson/name")):
            return next(iter(values.identifiers(who)), "")
    return ""


def _author(node: Node) -> str:
    for place in ("author/assignedAuthor/assignedPerson/name", "performer/assignedEntity/assignedPerson/name", "author/assignedAuthor/representedOrganization/name"):
        if said := values.name(node.one(place)):
            return said
    return ""
