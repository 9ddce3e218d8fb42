"""Notes, alerts and consents of others: taken over as theirs, labelled by all that their document says, and counted and believed as nothing of ours."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.notes import reading
from sojourn.care.risk import precautions
from sojourn.care.summaries import mapping, mappingnotes
from sojourn.doors.hl7v2.out.following import not_ours
from sojourn.doors.staff.chart import banner
from sojourn.gate import elsewhere
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import CCD, write
from tests.care.rounds_chart import LOINC, PERSON, coded, packed
from tests.care.test_handoff import at
from tests.care.test_round import everything, opened, taken_in
from tests.people import START, Clinic
from tests.wire.test_ccda_writer import HEADING

Json = dict[str, Any]
ME: Json = {"subject": {"reference": "Patient/p1"}}
ALCOHOL: Json = {
    "resourceType": "Condition",
    "id": "c1",
    **ME,
    "clinicalStatus": coded("", "http://terminology.hl7.org/CodeSystem/condition-clinical|active"),
    "code": coded("Alcohol use disorder", "http://hl7.org/fhir/sid/icd-10-cm|F10.20"),
}
NOTE: Json = {
    "resourceType": "DocumentReference", "id": "n1", **ME, "status": "current", "docStatus": "final", "type": coded("Progress note", f"{LOINC}|11506-3"), "date": "2026-02-10T10:50:00Z", "author": [{"reference": "Practitioner/okafor", "display": "Chidi Okafor, MD"}],
    "content": [{"attachment": {"contentType": "text/plain", "data": packed("Slept badly.\n  Went back to the usual place on Friday.")}}],
}  # fmt: skip
ALERT: Json = {
    "resourceType": "Flag",
    "id": "f1",
    **ME,
    "status": "active",
    "category": [coded("", "http://terminology.hl7.org/CodeSystem/flag-category|safety")],
    "code": coded("Risk of violence", "http://snomed.info/sct|225917002"),
    "period": {"start": "2026-02-10"},
}


def document(*resources: Json) -> bytes:
    return write(CCD, [{**PERSON, "id": "p1"}, *resources], HEADING._replace(notice="", scope=""))


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        async with opened(database) as made:
            yield made


def of(type_: str, resources: list[Json]) -> list[Json]:
    return [r for r in resources if r["resourceType"] == type_]


async def test_a_note_of_others_is_read_among_the_notes_as_theirs_and_labelled_by_all_that_its_document_says(clinic: Clinic) -> None:
    p = await taken_in(clinic, document(ALCOHOL, NOTE))
    arrived = await everything(clinic, p)
    (note,) = [r for r in of("DocumentReference", arrived) if reading.outside(r) and r["type"]["text"] == "Progress note"]
    assert base64.b64decode(note["content"][0]["attachment"]["data"]) == b"Slept badly.\n  Went back to the usual place on Friday."
    assert "ETHUD" in {c["code"] for c in note["meta"]["security"]}, "nobody can tell what free words are about"
    lines, _ = await reading.listed(await at(clinic, "mh-clinician"), p)
    assert [(line.title, line.author, line.state) for line in lines] == [("Progress note", "Riverbend & Sons, 2026-11-30", "outside")], (
        "most of the staff are shown no name that stands beside a reference"
    )
    assert note["author"] == [{"display": "Chidi Okafor, MD"}]
    assert not_ours(note), "no partner is told of it as of a note of ours"
    assert of("Encounter", arrived) == []
    told = (await clinic.get("sys-mh", f"Provenance?target=DocumentReference/{note['id']}")).entries
    assert [a["who"]["identifier"]["value"] for r in told for a in r["agent"] if "identifier" in a["who"]] == ["Practitioner/okafor"], "by which number its author is known there"


async def test_an_alert_of_others_is_shown_as_theirs_and_is_no_precaution_that_is_counted_here(clinic: Clinic) -> None:
    p = await taken_in(clinic, document(ALERT))
    (flag,) = of("Flag", await everything(clinic, p))
    assert elsewhere.told(flag)
    assert "safety" not in {c["code"] for k in flag["category"] for c in k["coding"]}, "the caseload counts those of ours"
    doctor = await at(clinic, "mh-clinician")
    assert [x.text for x in await precautions.of_patient(doctor, p)] == ["Risk of violence (outside record)"]
    assert dict((await banner.fetch(doctor, p)).facts)["Safety"] == [("Risk of violence (outside record)", "red")]


async def test_a_consent_that_a_document_names_is_known_of_and_opens_nothing(clinic: Clinic) -> None:
    p = await taken_in(clinic, document(NOTE))
    arrived = await everything(clinic, p)
    (whole,) = [
        r for r in of("DocumentReference", arrived) if "paper" in {c["code"] for k in r.get("category", ()) for c in k.get("coding", ())}
    ]
    (named,) = [r for r in whole["context"]["related"] if r.get("type") == "Consent"]
    assert (named["identifier"]["value"], named["display"], "reference" in named) == ("Consent/c1", "Consent Document", False)
    assert of("Consent", arrived) == []
    assert (await clinic.get("sys-mh", f"Consent?patient={p}")).entries == []


def test_what_a_risk_of_others_is_of_is_not_said_to_be_there() -> None:
    """https://hl7.org/cda/us/ccda/2.1/: Risk Concern Act (22.4.136). Only of ours we know that it is an alert in its own words."""
    said = document(ALERT).replace(b'code="104605-1"', b'code="75310-3"')
    (flag,) = [m.resource for m in mapping.of(read(said), "p1") if m.resource and m.resource["resourceType"] == "Flag"]
    assert flag["code"]["text"] == "At risk for Risk of violence"


def test_a_file_that_is_called_what_no_file_is_keeps_its_bytes_and_a_note_without_words_stays() -> None:
    scan = {**NOTE, "content": [{"attachment": {"contentType": "application/pdf", "data": packed("%PDF-1.4")}}]}
    (fact,) = read(document(scan).replace(b'mediaType="application/pdf"', b'mediaType="javascript:alert"')).facts("note")
    made = mappingnotes.note(fact)
    assert isinstance(made, dict)
    assert made["content"][0]["attachment"] == {
        "contentType": "application/octet-stream",
        "data": packed("%PDF-1.4"),
        "title": "Progress note",
    }
    assert mappingnotes.note(fact._replace(details=(), text=" ")) == "It has no words of its own."
