"""Clinical documents from outside, labelled before anybody can read it; the same twice changes nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.care.papers import filed, indexing, reading, sandbox
from sojourn.care.summaries import charting, elements, filing, mapping, opening
from sojourn.gate import documentmarks, elsewhere, papers
from sojourn.wire.ccda import narrative, reader
from tests.care import outside
from tests.care.test_handoff import at
from tests.care.test_papers import clinic, person, taken, wish  # noqa: F401 - a fixture
from tests.people import MH, Clinic

pytestmark = pytest.mark.asyncio(loop_scope="module")


def read(content: bytes) -> list[mapping.Mapped]:
    return mapping.of(reader.read(content), "p1")


async def test_a_statement_keeps_its_codes_digits_times_ids_and_where_it_comes_from() -> None:
    by = {m.fact.kind: m for m in read(outside.ccd())}
    glucose = by["result"].resource
    assert glucose is not None
    assert (str(glucose["valueQuantity"]["value"]), glucose["valueQuantity"]["code"], glucose["effectiveDateTime"], glucose["status"]) == ("7.20", "mmol/L", "2026-01-10", "final")
    assert {"system": elements.URI, "value": "urn:oid:1.2.3.5"} in glucose["identifier"]
    assert {"url": "https://sojourn.example/fhir/StructureDefinition/line-teller", "valueString": "Lakeside Hospital, 2026-02-01"} in glucose["extension"]
    allergy, problem, medication = (by[k].resource or {} for k in ("allergy", "problem", "medication"))
    assert (allergy["code"]["text"], allergy["reaction"][0]["manifestation"][0]["text"]) == ("Penicillin G", "Hives")
    assert (problem["code"]["coding"][0]["code"], problem["onsetDateTime"]) == ("E11.9", "2019")
    (directions,) = medication["dosage"]
    assert (directions["text"], directions["timing"]["repeat"], str(directions["doseAndRate"][0]["doseQuantity"]["value"])) == ("1 tablet, every 24 h", {"frequency": 1, "period": 24, "periodUnit": "h"}, "1")
    visit = by["encounter"].resource or {}
    assert ([t["coding"][0]["code"] for t in visit["type"]], elsewhere.told(visit)) == (["elsewhere", "99213"], True)


async def test_marks_of_document_section_and_entry_and_the_notice_become_labels() -> None:
    def labels(content: bytes) -> set[str]:
        return {c["code"] for c in documentmarks.whole(reader.read(content))}

    body = outside.section("11450-4", outside.problem("1.2.3.2", outside.DIABETES) + outside.problem("1.2.3.9", "icd10|F11.20|Opioid dependence", confidentiality="R"))
    assert labels(outside.ccd(body)) == {"R"}
    one, other = read(outside.ccd(body))
    assert ("meta" in (one.resource or {}), (other.resource or {})["meta"]["security"][0]["code"]) == (False, "R")
    assert labels(outside.ccd(confidentiality="V")) == {"V"} == labels(outside.ccd(confidentiality="odd"))
    notice = outside.section("48764-5", "", "<paragraph>42 CFR part 2 prohibits unauthorized disclosure of these records.</paragraph>")
    marked = outside.ccd(outside.usual() + notice)
    assert labels(marked) == {"R", "42CFRPart2"}
    assert all("42CFRPart2" in {c["code"] for c in m.resource["meta"]["security"]} for m in read(marked) if m.resource)


HOSTILE = (
    '<paragraph onclick="x()">a<script>alert(1)</script><linkHtml href="javascript:alert(1)">b</linkHtml><renderMultiMedia referencedObject="m"/></paragraph>'
    '<table onload="x"><tbody><tr><td colspan="9999999" style="position:fixed" rowspan="2">c &lt;img src=x onerror=alert(1)&gt;</td><p>d</p></tr></tbody></table>'
    '<iframe src="http://evil.example/">e</iframe><img src="http://evil.example/p.png"/><content styleCode="Bold xUnderline">f</content><list listType="ordered"><item>g<br/>h</item>i</list>'
)


async def test_the_narrative_of_a_hostile_document_runs_loads_and_leads_nowhere() -> None:
    (shown,) = narrative.of(outside.ccd(outside.section("11450-4", "", HOSTILE, title='<x/>A "title"')))
    assert shown.html == (
        '<p>ab<i>[A picture or file of the document is not shown here.]</i></p><table><tbody><tr><td rowspan="2">c &lt;img src=x onerror=alert(1)&gt;</td><td>d</td></tr></tbody></table><b>f</b><ol><li>g<br>h</li></ol>'
    )


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><ClinicalDocument xmlns="urn:hl7-org:v3">&b;</ClinicalDocument>', b'<!DOCTYPE ClinicalDocument SYSTEM "http://evil.example/x.dtd"><ClinicalDocument xmlns="urn:hl7-org:v3"/>',
        b'<ClinicalDocument xmlns="urn:hl7-org:v3">' + b"<a>" * 200 + b"</a>" * 200 + b"</ClinicalDocument>", b'<ClinicalDocument xmlns="urn:hl7-org:v3"><a>',
    ],
)  # fmt: skip
async def test_a_bomb_is_refused_with_a_reason_that_repeats_nothing(content: bytes) -> None:
    with pytest.raises(sandbox.Unreadable, match="clinical document"):
        await sandbox.checked(content)


async def waiting(clinic: Clinic, content: bytes, program: int = MH) -> papers.Paper:  # noqa: F811 - the fixture
    return await taken(clinic, content=content, program=program)


async def put(clinic: Clinic, p: str, content: bytes, **more: Any) -> str:  # noqa: F811 - the fixture
    access = await at(clinic, "ivy")
    return await filing.file(access, await waiting(clinic, content), wish(p, kind="Record from another practice", title="Summary of Care", day="2026-02-01", **more))


async def test_a_document_is_offered_to_a_person_kept_as_it_came_and_is_there_once(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await person(clinic, identifier=[{"system": f"urn:oid:{outside.MRN}", "value": "H-7"}])
    content = outside.ccd(mrn="H-7")
    paper = await waiting(clinic, content)
    assert (paper.media, paper.received) == (reading.CCDA, 1)
    access = await at(clinic, "ivy")
    document = await opening.opened(content)
    assert await filing.whose(access, document) == filing.Whose(True, "", (p,))
    other = await filing.whose(access, reader.read(outside.ccd(mrn="H-7", born="19900101")))
    assert (other.sure, p in other.candidates, "Look closely" in other.why) == (False, True, True)
    assert not (await filing.whose(access, reader.read(outside.ccd(mrn="none", family="Nobody")))).candidates
    with pytest.raises(errors.Malformed, match="not the birth date"):
        await filing.file(access, await waiting(clinic, outside.ccd(born="19880305")), wish(p, kind="Record from another practice"))
    id_ = await filing.file(access, paper, wish(p, kind="Record from another practice", title="Summary of Care", day="2026-02-01", born="1900-01-01"))
    stored = (await (await at(clinic, "mh-clinician")).read("DocumentReference", id_)).resource
    attachment = stored["content"][0]["attachment"]
    assert base64.b64decode(attachment["data"]) == content
    assert attachment["hash"] == base64.b64encode(hashlib.sha1(content).digest()).decode()  # noqa: S324 - as FHIR has it
    assert stored["description"] == "Clinical document (C-CDA) from Lakeside Hospital, 2026-02-01"
    again = await put(clinic, p, content)
    assert again == id_
    (listed,) = await charting.of_patient(await at(clinic, "mh-clinician"), p)
    assert (listed.id, listed.done) == (id_, None)
    asked = await filed.asked(await at(clinic, "mh-clinician"), await filed.one(await at(clinic, "mh-clinician"), p, id_))
    assert [(w.kind, w.role) for w in asked] == [(indexing.RECONCILE, "clinician")]


async def test_a_document_is_labelled_by_its_marks_and_its_codes_before_it_can_be_read(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await person(clinic)
    opioid = outside.ccd(outside.section("11450-4", outside.problem("1.2.3.9", "icd10|B20|Human immunodeficiency virus disease")), id_="1.2.9.7")
    stored = (await clinic.get("sys-mh", f"DocumentReference/{await put(clinic, p, opioid)}")).json()
    assert "HIV" in {c["code"] for c in stored["meta"]["security"]}
    notice = outside.section("48764-5", "", "<paragraph>42 CFR part 2 prohibits unauthorized disclosure of these records.</paragraph>")
    marked = await put(clinic, p, outside.ccd(outside.usual() + notice, id_="1.2.9.8"))
    for resource in ((await clinic.get("sys-mh", f"DocumentReference/{marked}")).json(), *(await clinic.get("sys-mh", f"Task?patient={p}&focus=DocumentReference/{marked}")).entries):
        assert "42CFRPart2" in {c["code"] for c in resource["meta"]["security"]}


async def test_a_newer_version_takes_the_place_of_the_earlier_and_says_what_it_changed(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await person(clinic)
    first = await put(clinic, p, outside.ccd(whole="1.2.9.50", number="1", id_="1.2.9.51"))
    body = outside.section("11450-4", outside.problem("1.2.3.2", outside.DIABETES, over="20260105") + outside.problem("1.2.3.8", "icd10|I10|Hypertension"))
    second = await put(clinic, p, outside.ccd(body, whole="1.2.9.50", number="2", id_="1.2.9.52"))
    access = await at(clinic, "mh-clinician")
    assert [((await access.read("DocumentReference", i)).resource["status"]) for i in (first, second)] == ["superseded", "current"]
    stored = await charting.one(access, p, second)
    changed = await charting.changed(access, p, stored, await charting.case(access, p, stored))
    assert changed is not None
    assert (changed.new, changed.other) == (["Hypertension"], ["Type 2 diabetes mellitus: since 2019 → since 2019, resolved"])
    assert "Penicillin G" in changed.gone
    late = await put(clinic, p, outside.ccd(whole="1.2.9.50", number="1", id_="1.2.9.53", title="Late"))
    assert (await access.read("DocumentReference", late)).resource["status"] == "superseded", "an earlier number that comes late is no news"


async def test_files_of_other_kinds_are_taken_as_before() -> None:
    assert reading.media_of(b"<html>ClinicalDocument</html>") == reading.TEXT
    assert reading.media_of(b"%PDF-1.4 <ClinicalDocument >") == reading.PDF


async def test_a_document_comes_by_the_api_says_nothing_of_anybody_and_waits_for_a_person(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    content, xml = outside.ccd(id_="1.2.9.70"), (("content-type", "application/hl7-cda+xml"),)
    answers = [await clinic.ask("sys-mh", "POST", "DocumentReference/$import-ccda?program=mh", body, xml) for body in (content, content, outside.ccd(family="Nobody", id_="1.2.9.71"))]
    assert [a.status for a in answers] == [202, 202, 202]
    assert len({a.body for a in answers}) == 1
    waits = [p for p in await papers.waiting(await at(clinic, "ivy")) if p.door == papers.API]
    assert [(p.media, p.program) for p in waits] == [(reading.CCDA, MH)] * 2
    assert (await clinic.ask("sys-mh", "POST", "DocumentReference/$import-ccda", b"<a/>", xml)).status == 400
    assert (await clinic.ask("sys-mh", "POST", "DocumentReference/$import-ccda", content, (("content-type", "text/plain"),))).status == 415
    assert (await clinic.ask("sys-mh", "POST", "Patient/$import-ccda", content, xml)).status >= 400
    assert (await clinic.ask("sys-mh", "POST", "DocumentReference/$import-ccda?program=elsewhere", content, xml)).status == 400


async def test_a_document_that_the_api_puts_into_a_chart_itself_is_labelled_by_what_it_says(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """By every door: whoever writes the DocumentReference or the Binary, and whatever they call it."""
    p = await person(clinic)
    notice = outside.section("48764-5", "", "<paragraph>42 CFR part 2 prohibits unauthorized disclosure of these records.</paragraph>")
    content = outside.ccd(outside.section("11450-4", outside.problem("1.2.3.9", "icd10|B20|Human immunodeficiency virus disease")) + notice, id_="1.2.9.90")
    sent: list[dict[str, Any]] = [
        {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "content": [{"attachment": {"contentType": media, "data": base64.b64encode(body).decode()}}]}
        for media, body in (("application/hl7-cda+xml", content), ("text/xml", content), ("text/plain", content), ("text/xml", content[:-60]))
    ]
    made = [(await clinic.make("sys-mh", r)).json() for r in (*sent, {"resourceType": "Binary", "contentType": "text/xml", "securityContext": {"reference": f"Patient/{p}"}, "data": base64.b64encode(content).decode()})]
    labels = [{c["code"] for c in r["meta"]["security"]} for r in made]
    assert all({"42CFRPart2", "HIV", "R"} <= found for n, found in enumerate(labels) if n != 3), labels
    assert {"R", "PRS"} <= labels[3], "what cannot be read may say anything"
    again = (await clinic.ask("sys-mh", "PUT", f"DocumentReference/{made[0]['id']}", {**sent[0], "id": made[0]["id"], "description": "x"})).json()
    assert {"42CFRPart2", "HIV"} <= {c["code"] for c in again["meta"]["security"]}
    waits = [d.id for d in await charting.of_patient(await at(clinic, "mh-clinician"), p)]
    assert {made[0]["id"], made[1]["id"]} <= set(waits)
