"""C-CDA as we write it: valid, read back into the same facts, its words all of them and nothing more, marked, and the same bytes for the same content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from sojourn.wire.ccda import writer
from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.values import Coded, Quantity
from sojourn.wire.ccda.writer import KINDS, Heading, write
from tests.effort import THOROUGH
from tests.shared import SHARED, needs_shared
from tests.wire import schematron
from tests.wire.charts import HOUSE, RECEIVER, Invented, Json, clients

etree = pytest.importorskip("lxml.etree")
HEADING = Heading("https://ehr.example/fhir", "urn:doc:1", "Summary for follow-up", "2026-11-30T10:00:00Z", HOUSE, RECEIVER, series="urn:series:1", reason="Follow-up within 7 days", purpose="TREAT",
                  notice="This record is protected by Federal confidentiality rules (42 CFR part 2).", scope="For treatment, by Lakeside.", consents=("Consent/c1",))  # fmt: skip
CHARTS: list[tuple[str, list[Json]]] = [*((f"client {n}", c) for n, c in enumerate(clients(12 if THOROUGH else 1, 30 if THOROUGH else 8))), *((f"invented {n}", Invented(n).chart()) for n in range(300 if THOROUGH else 6))]
HL7 = "{urn:hl7-org:v3}"
CASES = [pytest.param(kind, chart, id=f"{kind}, {name}") for n, (name, chart) in enumerate(CHARTS) for k, kind in enumerate(KINDS) if THOROUGH or n == 0 or k == n % len(KINDS)]


@pytest.mark.parametrize(("kind", "chart"), CASES)
@needs_shared
def test_it_is_valid_by_the_schema_and_by_every_assertion_of_c_cda(kind: str, chart: list[Json]) -> None:
    assert SHARED is not None
    place = SHARED / "samples" / "ccda-validation"
    root = etree.fromstring(write(kind, chart, HEADING))
    schema = _schema(str(place))
    assert schema.validate(root), [f"{e.line}: {e.message}" for e in schema.error_log][:5]
    assert schematron.failed(schematron.load(place / "CCDA-2.1-novoc.sch"), root) == []


_SCHEMAS: dict[str, Any] = {}


def _schema(place: str) -> Any:
    if place not in _SCHEMAS:
        _SCHEMAS[place] = etree.XMLSchema(etree.parse(f"{place}/schema/extensions/SDTC/infrastructure/cda/CDA_SDTC.xsd"))
    return _SCHEMAS[place]


@needs_shared
def test_our_way_to_check_finds_what_others_found_in_the_samples() -> None:
    """SOURCES.md says how many assertions of the same schematron fail by lxml's XSLT."""
    assert SHARED is not None
    rows = re.findall(r"^\| (ccda-\S+) \|.*schematron failed-asserts (\d+)", (SHARED / "samples" / "SOURCES.md").read_text(), re.M)
    schema = schematron.load(SHARED / "samples" / "ccda-validation" / "CCDA-2.1-novoc.sch")
    checked = {name: (len(schematron.failed(schema, etree.parse(SHARED / "samples" / name).getroot())), int(number)) for name, number in rows[:12]}
    assert {n: ours for n, (ours, _) in checked.items()} == {n: theirs for n, (_, theirs) in checked.items()}


# --- in and out ---


def by_id(document: Document) -> dict[str, Fact]:
    return {i.partition("|")[2]: fact for fact in document.facts() for i in fact.identifiers if "|" in i}


def plain(text: str) -> str:
    """Words as XML can hold them, blanks as one."""
    return " ".join(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", text).split())


def codes(concept: Json | None) -> set[tuple[str, str]]:
    return {(c["system"], c["code"]) for c in (concept or {}).get("coding", ()) if c.get("code")}


def all_codes(coded: Any) -> set[tuple[str, str]]:
    assert isinstance(coded, Coded), coded
    return {(coded.system, coded.code)} - {("", "")} | {pair for other in coded.others for pair in all_codes(other)}


def said(concept: Json) -> str:
    return plain(concept.get("text") or next((c["display"] for c in concept.get("coding", ()) if c.get("display")), "") or next((c["code"] for c in concept.get("coding", ())), ""))


def same(coded: Any, concept: Json, *, beside: int = 0) -> bool:
    """The same codes and the same words. beside: codes that the writer adds."""
    found = all_codes(coded)
    return codes(concept) <= found and len(found) - len(codes(concept)) <= beside and (not said(concept) or plain(coded.text) == said(concept))


def same_quantity(found: Any, given: Json) -> bool:
    assert isinstance(found, Quantity), found
    unit = given.get("code") or ("{" + given["unit"].replace(" ", "_") + "}" if given.get("unit") else "")
    return (found.number, found.unit, found.sign) == (str(given["value"]), unit, given.get("comparator", ""))


def moment(text: str) -> str:
    return text.replace("Z", "+00:00")


def same_value(fact: Fact, holder: Json) -> bool:
    key = next((k for k in holder if k.startswith("value")), "")
    value = holder.get(key)
    if value is None:
        return True
    if key == "valueQuantity":
        return same_quantity(fact.value, value)
    if key == "valueCodeableConcept":
        return same(fact.value, value)
    if key == "valueInteger":
        return fact.value == Quantity(str(value))
    return fact.value == ("true" if value is True else "false" if value is False else plain(str(value)))


def details(fact: Fact, name: str) -> list[Any]:
    return [value for key, value in fact.details if key == name]


CODED = {"AllergyIntolerance": "code", "Condition": "code", "MedicationRequest": "medicationCodeableConcept", "MedicationDispense": "medicationCodeableConcept", "Procedure": "code", "Immunization": "vaccineCode", "Observation": "code",
         "ServiceRequest": "code", "Goal": "description", "Flag": "code"}  # fmt: skip
WHEN = ("onsetDateTime", "effectiveDateTime", "performedDateTime", "occurrenceDateTime", "whenHandedOver")
NONE_KNOWN = {"716186003", "409137002", "428607008", "429625007"}


def held(document: Document, resource: Json) -> Iterator[str]:
    """What of a resource's coded facts the document does not give back."""
    facts, type_, name = by_id(document), resource["resourceType"], f"{resource['resourceType']}/{resource['id']}"
    if type_ in ("Patient", "Medication"):
        return
    fact = facts.get(name) or facts.get(f"{name}#report") or facts.get(f"{name}#policy") or next((f for key, f in facts.items() if key.startswith(f"{name}#")), None)
    if fact is None:
        yield f"{name}: not there"
    elif resource.get("status") == "entered-in-error":
        yield from [] if fact.text else [f"{name}: not told as a mistake"]
    else:
        what = resource.get(CODED.get(type_, ""))
        yield from [] if not what or same(fact.what, what) else [f"{name}: {fact.what} is not {what}"]
        yield from (f"{name}: {lost}" for lost in (*_times(resource, fact), *_denied(resource, fact), *_about(resource, fact)))
        yield from _measured(resource, fact, facts) if type_ == "Observation" else ()
        yield from _dosed(resource, fact) if type_ == "MedicationRequest" else ()


def _times(resource: Json, fact: Fact) -> Iterator[str]:
    when = next((resource[k] for k in WHEN if k in resource), None)
    if when and fact.time.start != moment(when):
        yield f"{fact.time} is not {when}"
    if resource["resourceType"] == "Condition" and fact.time.end != moment(resource.get("abatementDateTime", "")):
        yield f"until {fact.time.end}"


def _denied(resource: Json, fact: Fact) -> Iterator[str]:
    refuted = [c["code"] for c in resource.get("verificationStatus", {}).get("coding", ())] == ["refuted"]
    not_given = resource["resourceType"] == "Immunization" and resource["status"] == "not-done"
    none = resource["resourceType"] == "AllergyIntolerance" and bool({code for _, code in codes(resource["code"])} & NONE_KNOWN)
    if fact.negated != (refuted or not_given or none):
        yield f"negated {fact.negated}"


def _about(resource: Json, fact: Fact) -> Iterator[str]:
    """Reactions, reasons, interpretations, and the kind of a visit."""
    yield from ("reaction" for r in resource.get("reaction", ()) if not any(same(d, r["manifestation"][0]) for d in details(fact, "reaction")))
    if resource["resourceType"] in ("MedicationRequest", "Encounter", "Procedure", "ServiceRequest"):
        yield from ("why" for r in resource.get("reasonCode", ()) if not any(same(d, r) for d in details(fact, "indication")))
    yield from ("interpretation" for i in resource.get("interpretation", ()) if not (any(same(d, i) for d in details(fact, "interpretation")) if i.get("coding") else said(i) in details(fact, "comment")))
    if resource["resourceType"] == "Encounter" and not same(fact.what, resource["type"][0], beside=1):
        yield f"{fact.what}"


def _measured(resource: Json, fact: Fact, facts: dict[str, Fact]) -> Iterator[str]:
    if not same_value(fact, resource):
        yield f"{resource['id']}: {fact.value}"
    for n, component in enumerate(resource.get("component", ())):
        part = facts.get(f"Observation/{resource['id']}#{n}")
        if part is None or not same(part.what, component["code"]) or not same_value(part, component):
            yield f"{resource['id']}, part {n}: {part}"


def _dosed(resource: Json, fact: Fact) -> Iterator[str]:
    for dose in resource.get("dosageInstruction", ())[:1]:
        given = dose.get("doseAndRate", [{}])[0].get("doseQuantity")
        if given and not same_quantity(fact.detail("dose"), given):
            yield f"dose {fact.detail('dose')}"
        if dose.get("text") and fact.detail("directions") != plain(dose["text"]):
            yield f"directions {fact.detail('directions')}"
        if dose.get("route") and not same(fact.detail("route"), dose["route"]):
            yield "route"


@pytest.mark.parametrize(("kind", "chart"), CASES)
def test_read_back_it_gives_the_same_coded_facts(kind: str, chart: list[Json]) -> None:
    document = read(write(kind, chart, HEADING))
    assert [lost for resource in chart for lost in held(document, resource)] == []
    assert [s.title for s in document.sections if s.unread] == []


# --- the words ---

STATEMENTS = {HL7 + n for n in ("act", "observation", "organizer", "substanceAdministration", "supply", "procedure", "encounter")}
OURS = set("refills hour hours day days minute second week weeks every to from up till handed out yes no not given in this document as information unknown asked but answered known for now masked does apply value of and . ; : ? uTC".lower().split())
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def tokens(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


def dates(text: str) -> set[str]:
    """The words in which a TS is told."""
    found = re.match(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\d\d)?([+-]\d{4})?$", text)
    if not found:
        return set()
    year, month, day, hour, minute, zone = found.groups()
    out = {year, *([_MONTHS[int(month) - 1]] if month else []), *([str(int(day))] if day else []), *([hour, minute] if hour else [])}
    return out | ({"utc"} | {zone[1:3], zone[3:]} if zone == "+0000" else {zone[1:3], zone[3:]} if zone else set())


def bag(node: Any) -> set[str]:
    """All words that the data of an entry can be told in, units as they were given left out."""
    found: set[str] = set()
    for e in node.iter():
        for name in ("displayName", "code", "extension", "unit", "mediaType", "nullFlavor"):
            found |= tokens(e.get(name, ""))
        found |= tokens(e.get("value", "")) | dates(e.get("value", "")) | tokens(e.text or "") | tokens(e.tail or "")
    return found


@pytest.mark.parametrize(("kind", "chart"), CASES)
def test_the_words_of_a_section_say_all_facts_and_nothing_more(kind: str, chart: list[Json]) -> None:
    data = write(kind, chart, HEADING)
    root = etree.fromstring(data)
    marks = [e.get("ID") for e in root.iter() if e.get("ID")]
    assert len(marks) == len(set(marks))
    referred = {r.get("value") for r in root.iter(HL7 + "reference")}
    assert referred <= {f"#{m}" for m in marks}
    units = tokens(" ".join(unit_words(chart)))
    for section in root.iter(HL7 + "section"):
        entries = section.findall(HL7 + "entry")
        told = " ".join(section.find(HL7 + "text").itertext())
        if section.get("nullFlavor") == "NI":
            assert (told, entries) == ("No information.", [])
            continue
        known = set().union(*(bag(e) for e in entries)) | units | OURS
        for content in section.iter(HL7 + "content"):
            if f"#{content.get('ID')}" not in referred:
                assert tokens("".join(content.itertext())) <= known, f"said, and no fact: {''.join(content.itertext())}"
    for part in read(data).sections:
        if part.title == "Notice on redisclosure":
            continue
        heard = plain(part.narrative).lower()
        for fact in part.facts:
            assert not (missing := [w for w in facts_in_words(fact) if not tokens(w) <= tokens(heard)]), f"{part.title}: a fact that is not said: {missing}"


def unit_words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("unit"), str):
            yield value["unit"]
        for v in value.values():
            yield from unit_words(v)
    elif isinstance(value, list):
        for v in value:
            yield from unit_words(v)


PIECES = {"Vital signs", "Assertion"}


def facts_in_words(fact: Fact) -> Iterator[str]:
    """Each coded part of a fact in the words that a person must find."""
    for value in (fact.what, fact.value, *(v for k, v in fact.details if k != "data")):
        if isinstance(value, Coded):
            yield value.text
        elif isinstance(value, Quantity):
            yield value.number.replace("-", "")
        elif isinstance(value, str) and value not in ("true", "false", "active", "completed", ""):
            yield value if not re.match(r"\d{4}(-|$)", value) else ""
    for time in (fact.time.start, fact.time.end):
        if time:
            yield time[:4]
            if len(time) > 4:
                yield _MONTHS[int(time[5:7]) - 1]
            if len(time) > 10:
                yield time[11:16]
    yield fact.author


# --- marks, order, nothing ---


def test_what_is_marked_comes_back_marked_and_the_notice_stands_in_front() -> None:
    chart = Invented("marks").chart()
    document = read(write(writer.CCD, chart, HEADING))
    assert document.sections[0].title == "Notice on redisclosure"
    assert HEADING.notice in document.marks.notice
    assert {p.code for p in document.marks.policies} >= {"NORDSCLCD", "PERSISTLABEL", "TREAT"}
    strict = max(("N", *(c["code"] for r in chart for c in (r.get("meta") or {}).get("security", ()) if c["system"].endswith("Confidentiality"))), key="NRV".index)
    assert document.marks.confidentiality == strict
    found = by_id(document)
    checked = 0
    for resource in chart:
        marks = {c["code"] for c in (resource.get("meta") or {}).get("security", ())}
        fact = found.get(f"{resource['resourceType']}/{resource['id']}")
        if fact is None or not marks:
            continue
        checked += 1
        assert marks <= {fact.marks.confidentiality, *(p.code for p in fact.marks.policies)} | {"R"}
    assert checked > 3


def test_nothing_is_marked_where_nothing_is_and_no_notice_stands_there_without_one() -> None:
    chart = [{**r, "meta": {}} for r in Invented("plain").chart()]
    data = write(writer.CCD, chart, HEADING._replace(notice="", scope=""))
    assert b"2.16.840.1.113883.3.445" not in data
    assert b"3251" not in data
    assert read(data).marks.confidentiality == "N"


def test_the_same_content_is_the_same_bytes_in_whatever_order_it_came() -> None:
    chart = Invented("order").chart()
    for kind in KINDS:
        assert write(kind, chart, HEADING) == write(kind, list(reversed(chart)), HEADING)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_of_which_nothing_may_leave_but_the_person_says_no_information(kind: str) -> None:
    chart = Invented("nobody").chart()[:1]
    sections = read(write(kind, chart, HEADING)).sections
    empty = [s for s in sections if s.null]
    assert empty or kind == writer.CARE_PLAN
    assert {s.null for s in empty} == {"NI"}
    assert {s.narrative for s in empty} == {"No information."}


def test_known_to_have_no_allergy_is_said_only_where_somebody_said_so() -> None:
    chart = Invented("nobody").chart()[:1]
    none = {"resourceType": "AllergyIntolerance", "id": "none", "patient": {"reference": "Patient/p"}, "code": {"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}], "text": "No known allergies"}, "recordedDate": "2026-01-02"}
    (fact,) = read(write(writer.CCD, [*chart, none], HEADING)).facts("allergy")
    assert fact.negated
    assert b"716186003" not in write(writer.CCD, chart, HEADING)


def test_a_later_version_names_the_one_that_it_replaces() -> None:
    chart = Invented("again").chart()
    first = read(write(writer.CCD, chart, HEADING))
    again = write(writer.CCD, chart, HEADING._replace(identifier="urn:doc:2", version=2, replaces="urn:doc:1"))
    assert first.identifier.encode() in again
    assert (first.version[0], read(again).version) == (read(again).version[0], (first.version[0], "2"))
