"""A discharge summary as we write it: medications at discharge with what was decided of each, instructions; and those of others, read."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sojourn.wire.ccda import writedischarge, writer
from sojourn.wire.ccda.facts import Document, Fact, Section
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import write
from tests.shared import SHARED, needs_shared
from tests.wire import schematron
from tests.wire.charts import Json
from tests.wire.test_ccda_writer import HEADING

etree = pytest.importorskip("lxml.etree")
OWN = "https://sojourn.example/fhir/"
RX, LOINC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"
ME: Json = {"subject": {"reference": "Patient/p"}}
PATIENT: Json = {"resourceType": "Patient", "id": "p", "name": [{"family": "Rivera", "given": ["Ana"]}], "gender": "female", "birthDate": "1988-03-04"}
STAY: Json = {"resourceType": "Encounter", "id": "stay", **ME, "status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, "type": [{"text": "Residential stay"}], "period": {"start": "2026-03-01T09:00:00Z", "end": "2026-03-20T12:00:00Z"}}
NOTE = """Discharge summary

COURSE OF TREATMENT
Slept better.

AFTERCARE
Dr. Okafor on March 25.

Call 988 at once if the voices come back.

Written by Chidi Okafor, MD
"""


def order(id_: str, name: str, code: str, status: str = "active", day: str = "2026-03-02") -> Json:
    return {"resourceType": "MedicationRequest", "id": id_, **ME, "status": status, "intent": "order", "medicationCodeableConcept": {"coding": [{"system": RX, "code": code}], "text": name}, "authoredOn": day, "dosageInstruction": [{"text": "One every morning"}]}


def decided(of: str, what: str, why: str = "", directions: str = "") -> Json:
    said = [{"url": f"{OWN}StructureDefinition/reconciliation-{name}", "valueString": text} for name, text in (("reason", why), ("directions", directions)) if text]
    return {**({"extension": said} if said else {}), "flag": {"coding": [{"system": f"{OWN}CodeSystem/care", "code": what.lower()}], "text": what}, "item": {"reference": f"MedicationRequest/{of}"}}


def reconciliation(id_: str, *entries: Json, moment: str = "discharge", date: str = "2026-03-20T11:00:00Z", mode: str = "changes") -> Json:
    return {"resourceType": "List", "id": id_, **ME, "status": "current", "mode": mode, "title": "Medication reconciliation", "date": date, "entry": list(entries),
            "code": {"coding": [{"system": f"{OWN}CodeSystem/care", "code": f"medication-reconciliation.{moment}"}], "text": "Medication reconciliation"}}  # fmt: skip


def text(id_: str, code: str, words: str, **more: Any) -> Json:
    return {"resourceType": "DocumentReference", "id": id_, **ME, "status": "current", "docStatus": "final", "type": {"coding": [{"system": LOINC, "code": code}], "text": "Document"}, "date": "2026-03-20T12:30:00Z",
            "author": [{"display": "Chidi Okafor, MD"}], "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(words.encode()).decode()}}], **more}  # fmt: skip


ORDERS = [order("on", "Lithium 300 mg", "200061"), order("over", "Olanzapine 5 mg", "312076", "stopped"), order("new", "Olanzapine 10 mg", "314155", day="2026-03-20"), order("later", "Sertraline 50 mg", "312941", day="2026-04-02"),
          order("before", "Haloperidol 1 mg", "310670", "completed", "2026-02-01")]  # fmt: skip
SIGNED = reconciliation("signed", decided("on", "Continue"), decided("over", "Change", "slept badly", "order: 10 mg at night"))


def section(document: Document, code: str) -> Section | None:
    return next((s for s in document.sections if s.code.code == code), None)


def names(part: Section | None) -> set[str]:
    return {f.what.text for f in part.facts} if part else set()


def test_medications_of_discharge_are_what_was_decided_and_what_was_in_force_at_the_end() -> None:
    document = read(write(writer.DISCHARGE, [PATIENT, STAY, *ORDERS, SIGNED], HEADING))
    leaving = section(document, "10183-2")
    assert leaving is not None
    assert (leaving.kind, names(leaving)) == ("medications", {"Lithium 300 mg", "Olanzapine 5 mg", "Olanzapine 10 mg"})
    assert names(section(document, "10160-0")) == {"Sertraline 50 mg", "Haloperidol 1 mg"}
    said = {f.what.text: f.detail("comment") for f in leaving.facts}
    assert said == {"Lithium 300 mg": "Continue", "Olanzapine 5 mg": "Change; ordered: 10 mg at night; because: slept badly", "Olanzapine 10 mg": None}
    assert all(str(words or "") in leaving.narrative for words in said.values())
    assert {(f.kind, f.what.code, f.status) for f in leaving.facts} == {("medication", "200061", "active"), ("medication", "312076", "aborted"), ("medication", "314155", "active")}


def test_without_a_signed_reconciliation_of_the_stay_nothing_is_decided() -> None:
    others = [reconciliation("draft", decided("over", "Stop"), mode="working"), reconciliation("move", decided("over", "Stop"), moment="transition"), reconciliation("earlier", decided("over", "Stop"), date="2025-02-01T10:00:00Z")]
    leaving = section(read(write(writer.DISCHARGE, [PATIENT, STAY, *ORDERS, *others], HEADING)), "10183-2")
    assert names(leaving) == {"Lithium 300 mg", "Olanzapine 10 mg"}
    assert leaving is not None
    assert not any(f.details and f.detail("comment") for f in leaving.facts)


@pytest.mark.parametrize("kind", [k for k in writer.KINDS if k != writer.DISCHARGE])
def test_other_documents_have_all_medications_together(kind: str) -> None:
    document = read(write(kind, [PATIENT, STAY, *ORDERS, SIGNED], HEADING))
    assert (section(document, "10183-2"), len(names(section(document, "10160-0")))) == (None, len(ORDERS))


def test_instructions_are_those_that_somebody_wrote_and_a_chart_without_any_has_no_section() -> None:
    written = text("i", "8653-8", "Take lithium with food.")
    part = section(read(write(writer.DISCHARGE, [PATIENT, STAY, text("n", "18842-5", NOTE), written], HEADING)), "8653-8")
    assert part is not None
    told = {f.what.text: f.text for f in part.facts}
    assert told["Instructions at discharge"] == "Dr. Okafor on March 25.\n\nCall 988 at once if the voices come back."
    assert "Take lithium with food." in part.narrative
    assert ("Slept better." in part.narrative, "Written by" in part.narrative) == (False, False)
    draft = text("n", "18842-5", NOTE, docStatus="preliminary")
    for chart in ([PATIENT, STAY], [PATIENT, STAY, draft], [PATIENT, STAY, text("n", "18842-5", "Went home.")]):
        document = read(write(writer.DISCHARGE, chart, HEADING))
        assert (section(document, "8653-8"), section(document, "10183-2")) == (None, None)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Course: well.\n\nAftercare: Group on Monday.\n\nMore.", "Group on Monday."), ("DISCHARGE INSTRUCTIONS\none\ntwo\n\nPLAN\nthree", "one\ntwo"), ("Instructions:\none\n\ntwo", "one\n\ntwo"),
        ("AFTERCARE", ""), ("Aftercare was discussed.", ""), ("", ""), ("AFTERCARE\r\none\r\n\r\nWritten by X", "one"),
    ],
)  # fmt: skip
def test_instructions_stand_under_a_heading(words: str, found: str) -> None:
    assert writedischarge.instructed(text("n", "18842-5", words)) == found


def test_a_medication_of_discharge_carries_its_marks_and_those_of_what_was_decided_of_it() -> None:
    meta = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}, {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]}}
    for chart in ([{**ORDERS[0], **meta}, SIGNED], [ORDERS[0], {**SIGNED, **meta}]):
        leaving = section(read(write(writer.DISCHARGE, [PATIENT, STAY, *chart], HEADING._replace(notice="", scope=""))), "10183-2")
        assert leaving is not None
        (fact,) = leaving.facts
        assert (leaving.marks.confidentiality, fact.marks.confidentiality, [p.code for p in fact.marks.policies]) == ("R", "R", ["42CFRPart2"])


@needs_shared
@pytest.mark.parametrize("more", [[SIGNED], []])
def test_it_is_valid_by_the_schema_and_by_every_assertion_of_c_cda(more: list[Json]) -> None:
    assert SHARED is not None
    place = SHARED / "samples" / "ccda-validation"
    root = etree.fromstring(write(writer.DISCHARGE, [PATIENT, STAY, *ORDERS, text("n", "18842-5", NOTE), text("i", "8653-8", "Take lithium with food."), *more], HEADING))
    schema = etree.XMLSchema(etree.parse(f"{place}/schema/extensions/SDTC/infrastructure/cda/CDA_SDTC.xsd"))
    assert schema.validate(root), [f"{e.line}: {e.message}" for e in schema.error_log][:5]
    assert schematron.failed(schematron.load(place / "CCDA-2.1-novoc.sch"), root) == []


@needs_shared
def test_a_medication_of_discharge_of_others_is_read_as_the_medicine_and_not_as_what_is_around_it() -> None:
    assert SHARED is not None
    document = read((SHARED / "samples" / "ccda-discharge" / "brynlewis_C-CDA_Viewer__ds.xml").read_bytes())
    found: list[Fact] = [f for s in document.sections if s.code.code == "10183-2" for f in s.facts]
    assert [(f.kind, f.what.code, f.status, f.detail("concern")) for f in found] == [("medication", "329498", "completed", None)]
