"""Clinical documents on the screen, over the real gate: taken in, put into a chart, read, and reconciled line by line with a signature."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sojourn.base import clock, ids
from sojourn.base.db import Database
from sojourn.care import tasks
from sojourn.care.papers import indexing, receiving, worker
from sojourn.care.papers.receiving import File
from sojourn.care.summaries import filing
from sojourn.fhir.validate import validate
from sojourn.gate import papers
from sojourn.gate.vocabulary import mapping
from sojourn.gate.vocabulary.mapping import Own
from sojourn.record import organization
from sojourn.wire.vocabulary.model import ICD10CM
from tests.care import outside
from tests.care.test_handoff import at as access_of
from tests.care.test_papers import wish
from tests.people import FAR, MH, SUD, A, Clinic, encounter, patient
from tests.web.real import Visitor
from tests.web.test_lists import At, at, house  # noqa: F401 - fixtures
from tests.web.test_reconcile import order, proved

pytestmark = pytest.mark.asyncio(loop_scope="module")
SNOMED = "http://snomed.info/sct"


async def indexer(clinic: Clinic) -> None:
    """Somebody who indexes in every program."""
    if "ivy" not in clinic.tokens:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy Index", None, None, "admissions", [SUD, MH, FAR], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        clinic.tokens["ivy"] = await clinic.gate.token(clinic.gate.house.tenants[1], "ivy")


async def filed(clinic: Clinic, p: str, content: bytes, program: int = MH, **more: Any) -> str:
    """A document in a chart, by somebody who indexes."""
    await indexer(clinic)
    access = await access_of(clinic, "ivy")
    (id_,), refused = await receiving.take_in(access, [File("ccd.xml", content)], program=program, key=ids.new_id())
    assert refused == []
    return await filing.file(access, await papers.one(access, id_), wish(p, kind="Record from another practice", title="Summary of Care", day="2026-02-01", **{"program": program, **more}))


@pytest_asyncio.fixture(loop_scope="module")
async def path(at: At) -> str:  # noqa: F811 - the fixture
    """A document that waits, in a chart that has some of what it says."""
    await at.clinic.make("sys-mh", order(at.p, "Sertraline 25 mg tablet", "One every morning"))
    await at.clinic.make("sys-mh", {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}, "code": {"text": "Penicillin G"}, "patient": {"reference": f"Patient/{at.p}"}})
    await at.clinic.make("sys-mh", {"resourceType": "Condition", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}, ], "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
                                    "code": {"text": "Type 2 diabetes mellitus"}, "subject": {"reference": f"Patient/{at.p}"}, "onsetDateTime": "2019"})  # fmt: skip
    return f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, outside.ccd(id_=f'1.2.8.{clock.now().microsecond}'))}"


def keys(text: str) -> dict[str, str]:
    return {html.unescape(name): key for key, name in re.findall(r'<h3 id="name-([0-9a-f]+)">([^<]+?)\s*(?:<span|</h3>)', text)}


def form(visitor: Visitor, **choices: dict[str, str]) -> dict[str, str]:
    """The form of the page that is open with these decisions, by the beginning of a name."""
    said = {"seen": visitor.hidden("seen")}
    for begins, fields in choices.items():
        key = next(k for name, k in keys(visitor.last.text).items() if name.startswith(begins))
        said |= {f"{field}.{key}": value for field, value in fields.items()}
    return said


async def sign(at: At, visitor: Visitor, path: str, said: dict[str, str]) -> Any:  # noqa: F811 - the fixture
    await proved(at)
    shown = await visitor.post(f"{path}/reconcile", {**said, "do": "look"})
    assert shown.status_code == 200, shown.text
    fields = {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown.text)}
    return await visitor.post(f"{path}/reconcile", {**fields, "do": "sign"}), fields


ALL = {"Penicillin": {"what": "update"}, "Type 2": {"what": "there"}, "Lisinopril": {"what": "add"}, "Sertraline": {"what": "no", "reason": "Ordered here as it is"}}


async def test_a_nurse_reconciles_a_document_line_by_line_and_signs(at: At, path: str) -> None:  # noqa: F811 - the fixture
    listed = (await at.nurse.get(f"/patients/{at.p}/papers")).text
    assert ("To reconcile" in listed, f"{path}/reconcile" in listed) == (True, True)
    assert "Reconcile a document that came from outside" in (await at.doctor.get("/today")).text
    assert f"{path}/reconcile" in (await at.nurse.get(f"/patients/{at.p}/reconcile")).text
    read = (await at.nurse.get(path)).text
    assert ("Nothing of it is on a list yet." in read, "Allergies as told." in read, "Lakeside Hospital" in read) == (True, True, True)
    shown = await at.nurse.get(f"{path}/reconcile")
    assert at.p in await at.clinic.named(shown)
    page = shown.text
    for words in ("Penicillin G", "Hives", "In the chart: the same", "In the chart: likely the same", "Not on the list that you see", "Lisinopril 10 MG Oral Tablet", "1 tablet, every 24 h", "Results: 1", "Office visit"):
        assert words in page, words
    assert "assignedAuthor" not in page
    kept = (await at.nurse.get(f"{path}/reconcile?kept=yes")).text
    assert ("manufacturedMaterial/code@code" in kept, "observation/id@extension" in kept) == (False, True), "what arrived is not among it"
    await at.nurse.get(f"{path}/reconcile")
    assert (await at.nurse.post(f"{path}/reconcile", {**form(at.nurse), "do": "look"})).status_code == 422
    assert "Not decided." in at.nurse.last.text
    await at.nurse.get(f"{path}/reconcile")
    offered = {name: set(re.findall(rf'name="what\.{key}" value="(\w+)"', page)) for name, key in keys(page).items()}
    assert offered["Sertraline 50 MG Oral Tablet"] == {"add", "there", "no"}, "who does not prescribe changes no order"
    assert offered["Lisinopril 10 MG Oral Tablet"] == {"add", "no"}
    answer, fields = await sign(at, at.nurse, path, {**form(at.nurse, **ALL), "beside.result": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    (statement,) = await at.of("MedicationStatement")
    assert (statement["status"], statement["dosage"][0]["text"], statement["medicationCodeableConcept"]["coding"][0]["code"]) == ("active", "1 tablet, every 24 h", "314076")
    (allergy,) = await at.of("AllergyIntolerance")
    assert (allergy["reaction"][0]["manifestation"][0]["text"], allergy["code"]["coding"][0]["code"]) == ("Hives", "7980")
    (glucose,) = await at.of("Observation")
    (problem,) = await at.of("Condition")
    assert (glucose["code"]["coding"][0]["code"], problem["code"]["text"]) == ("2345-7", "Type 2 diabetes mellitus")
    (kept,) = await at.of("List")
    assert [e["flag"]["coding"][0]["code"] for e in kept["entry"]] == ["update", "there", "add", "no"]
    assert not [i for r in (statement, allergy, glucose, kept) for i in validate(r) if i.severity in ("error", "fatal")]
    origins = [r for x in (statement, allergy, glucose) for r in (await at.clinic.get("sys-mh", f"Provenance?target={x['resourceType']}/{x['id']}")).entries]
    assert len(origins) == 3
    assert all(r["entity"][0]["what"]["reference"] == f"DocumentReference/{path.rpartition('/')[2]}" for r in origins)
    again = await at.nurse.post(f"{path}/reconcile", {**fields, "do": "sign"})
    assert again.status_code in (303, 412)
    assert len(await at.of("MedicationStatement")) == len(await at.of("Observation")) == 1
    medications = (await at.doctor.get(f"/patients/{at.p}/medications")).text
    assert ("Lisinopril 10 MG Oral Tablet" in medications, "Lakeside Hospital, 2026-02-01" in medications) == (True, True)
    assert "reconciled" in (await at.nurse.get(path)).text
    assert "To reconcile" not in (await at.nurse.get(f"/patients/{at.p}/papers")).text
    assert not [t for t in await at.of("Task", "&status=requested") if tasks.read(t).kind == indexing.RECONCILE]  # type: ignore[union-attr]


async def test_a_prescriber_changes_an_order_by_what_the_document_says(at: At, path: str) -> None:  # noqa: F811 - the fixture
    await at.doctor.get(f"{path}/reconcile")
    answer, _ = await sign(at, at.doctor, path, form(at.doctor, **{**ALL, "Sertraline": {"what": "update"}, "Lisinopril": {"what": "no", "reason": "Stopped last week"}}))
    assert answer.status_code == 303
    old, new = sorted(await at.of("MedicationRequest"), key=lambda r: r["status"] == "active")
    assert (old["status"], new["dosageInstruction"][0]["text"], new["priorPrescription"]["reference"]) == ("stopped", "1 tablet, every 24 h", f"MedicationRequest/{old['id']}")
    assert await at.of("MedicationStatement") == []
    assert await at.of("Observation") == [], "what is not ticked stays in the document"


async def test_a_long_document_is_signed_in_one_write_and_is_not_read_back(at: At, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    body = outside.section("30954-2", "".join(outside.result(f"1.2.7.{n}", outside.GLUCOSE, f"{n}.5", "mmol/L") for n in range(90))) + outside.section("11450-4", "".join(outside.problem(f"1.2.6.{n}", f"icd10|E11.{n}|Disease {n}") for n in range(30)))
    path = f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, outside.ccd(body))}"
    await at.nurse.get(f"{path}/reconcile")
    said = {"seen": at.nurse.hidden("seen"), "beside.result": "yes", **{f"what.{key}": "add" for key in keys(at.nurse.last.text).values()}}
    asked: list[str] = []
    call = Database.call

    async def counted(self: Database, query: str, *more: Any) -> Any:
        asked.append(query.partition("(")[0].rpartition(".")[2])
        return await call(self, query, *more)

    monkeypatch.setattr(Database, "call", counted)
    answer, _ = await sign(at, at.nurse, path, said)
    assert answer.status_code == 303
    assert asked.count("write") == 1
    assert "versions" not in asked[asked.index("write") :]
    assert (len(await at.of("Observation", "&_count=200")), len(await at.of("Condition", "&_count=200"))) == (90, 30)


async def test_what_changed_meanwhile_is_shown_before_anything_is_signed(at: At, path: str) -> None:  # noqa: F811 - the fixture
    await at.doctor.get(f"{path}/reconcile")
    said = form(at.doctor, **ALL)
    (allergy,) = await at.of("AllergyIntolerance")
    await at.clinic.ask("sys-mh", "PUT", f"AllergyIntolerance/{allergy['id']}", {**allergy, "criticality": "low"})
    answer = await at.doctor.post(f"{path}/reconcile", {**said, "do": "look"})
    assert (answer.status_code, "The chart changed since you opened it" in answer.text) == (412, True)
    await at.doctor.get(f"{path}/reconcile")
    kept = await at.doctor.post(f"{path}/reconcile", {**form(at.doctor, Lisinopril={"what": "no", "reason": "Half typed"}), "do": "keep", "tab": "one", "stamp": at.doctor.hidden("stamp")})
    assert kept.status_code == 204
    assert "Half typed" in (await at.doctor.get(f"{path}/reconcile")).text


async def test_labels_of_what_is_taken_over_rise_with_the_document(at: At) -> None:  # noqa: F811 - the fixture
    content = outside.ccd(outside.section("10160-0", outside.medication("1.2.3.3", outside.LISINOPRIL), confidentiality="R") + outside.section("30954-2", outside.result("1.2.3.5", outside.GLUCOSE, "7.2", "mmol/L")), id_="1.2.8.77")
    there = f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, content, labels=('SDV',))}"
    reader = at.both
    await reader.get(f"{there}/reconcile")
    assert reader.last.status_code == 200
    answer, _ = await sign(at, reader, there, {**form(reader, Lisinopril={"what": "add"}), "beside.result": "yes"})
    assert answer.status_code == 303
    for type_ in ("MedicationStatement", "Observation", "List"):
        (made,) = await at.of(type_)
        assert "SDV" in {c["code"] for c in made["meta"]["security"]}, type_


async def test_a_document_is_taken_in_by_the_tray_shown_safely_and_put_into_the_chart_of_whom_it_names(at: At) -> None:  # noqa: F811 - the fixture
    p = (await at.clinic.make("sys-mh", patient("Quennell"))).id  # a name of their own: of many namesakes not all are offered
    await at.clinic.make("sys-mh", encounter(p))
    await indexer(at.clinic)
    await at.clinic.owner.execute("UPDATE record.account SET password = (SELECT password FROM record.account WHERE tenant = 1 AND account = 'nurse') WHERE tenant = 1 AND account = 'ivy'")
    ivy = Visitor(at.clinic)
    await ivy.sign_in("ivy")
    await ivy.get("/tray")
    csrf = re.findall(r'name="csrf" value="([^"]+)"', ivy.last.text)[0]
    content = outside.ccd(outside.usual() + outside.section("10164-2", "", "<paragraph>Came by <script>alert(1)</script>ambulance.</paragraph><linkHtml href='http://evil.example/'>more</linkHtml>"), family="Quennell", mrn="H-90", id_="1.2.8.90")
    parts: list[Any] = [("csrf", (None, csrf)), ("key", (None, "k")), ("program", (None, str(MH))), ("files", ("ccd.xml", content))]
    answer: httpx.Response = await ivy.client.post("/tray", files=parts)
    assert answer.status_code == 303
    paper = answer.headers["location"]
    page = (await ivy.get(paper)).text
    assert ("Came by ambulance." in page, "evil.example" in page, "alert(1)" in page, p in page) == (True, False, False, True)
    assert (await ivy.get(f"{paper}/pages/1")).status_code == 404
    await ivy.get(paper)
    chosen = (await ivy.post(paper, {"do": "choose", "patient": p, "stamp": ivy.hidden("stamp")})).text
    assert ('value="Summary of Care"' in chosen, 'value="2026-02-01"' in chosen, "Birth date in the document" in chosen) == (True, True, True)
    done = await ivy.post(paper, {"do": "index", "patient": p, "kind": "Record from another practice", "title": "Summary of Care", "day": "2026-02-01", "program": str(MH), "stamp": ivy.hidden("stamp")})
    assert done.status_code == 303, done.text
    assert "Summary of Care" in (await at.doctor.get(f"/patients/{p}/papers")).text
    assert (await ivy.get(f"/patients/{p}/papers/{paper.rpartition('/')[2]}/reconcile")).status_code == 403


async def test_somebody_who_is_not_here_is_written_down_from_the_document_once(at: At) -> None:  # noqa: F811 - the fixture
    await indexer(at.clinic)
    await at.clinic.owner.execute("UPDATE record.account SET password = (SELECT password FROM record.account WHERE tenant = 1 AND account = 'nurse') WHERE tenant = 1 AND account = 'ivy'")
    ivy = Visitor(at.clinic)
    await ivy.sign_in("ivy")
    for number, (given, sure) in enumerate((("Nell", False), ("Nell", True))):
        access = await access_of(at.clinic, "ivy")
        (id_,), _ = await receiving.take_in(access, [File("ccd.xml", outside.ccd(family="Zeller", given=given, mrn=f"N-{number}", id_=f"1.2.8.20{number}"))], program=MH, key=ids.new_id())
        assert "Nobody here: write them down" in (await ivy.get(f"/tray/{id_}")).text
        refused = await ivy.post(f"/tray/{id_}", {"do": "register", "program": "", "stamp": ivy.hidden("stamp")})
        assert (refused.status_code, "Choose the program" in refused.text) == (422, True)
        await ivy.get(f"/tray/{id_}")
        said = {"do": "register", "program": str(MH), "stamp": ivy.hidden("stamp")}
        if sure:  # the first is here by now, with the same name and birth date
            refused = await ivy.post(f"/tray/{id_}", said)
            assert (refused.status_code, "Somebody here may be this person" in refused.text) == (422, True)
            await ivy.get(f"/tray/{id_}")
        shown = await ivy.post(f"/tray/{id_}", {**said, **({"sure": "yes"} if sure else {})})
        assert (shown.status_code, "Into the chart of" in shown.text) == (200, True)
    found = (await at.clinic.get("sys-mh", "Patient?family=Zeller")).entries
    assert [(r["birthDate"], r["address"][0]["city"]) for r in found] == [("1988-03-04", "Albany")] * 2
    assert [e["status"] for r in found for e in (await at.clinic.get("sys-mh", f"EpisodeOfCare?patient={r['id']}")).entries] == ["planned"] * 2


async def test_a_nurse_takes_a_document_in_at_the_chart_and_is_told_when_it_names_somebody_else(at: At) -> None:  # noqa: F811 - the fixture
    here = f"/patients/{at.p}/papers"

    async def take(content: bytes, **said: str) -> httpx.Response:
        await at.nurse.get(here)
        csrf, key = at.nurse.hidden("csrf"), at.nurse.hidden("key")
        parts: list[Any] = [("csrf", (None, csrf)), ("key", (None, key)), ("program", (None, str(MH))), *((k, (None, v)) for k, v in said.items()), ("file", ("ccd.xml", content))]
        return await at.nurse.client.post(f"{here}/take", files=parts)

    other = await take(outside.ccd(family="Okoro", born="19700101", id_="1.2.8.91"))
    assert (other.status_code, "The document is about Ana Okoro, born 1970-01-01." in html.unescape(other.text)) == (422, True)
    assert (await take(b"%PDF-1.4")).status_code == 422
    taken = await take(outside.ccd(id_="1.2.8.92"))
    assert taken.status_code == 303
    assert (await at.nurse.get(f"{taken.headers['location']}/reconcile")).status_code == 200
    assert (await take(outside.ccd(id_="1.2.8.92"))).headers["location"] == taken.headers["location"], "the same again is the same"
    (document,) = await at.of("DocumentReference")
    assert (document["content"][0]["attachment"]["title"], document["status"]) == ("Summary of Care", "current")
    assert (await take(outside.ccd(family="Okoro", born="19700101", id_="1.2.8.93"), sure="yes")).status_code == 303


async def test_a_document_whose_body_is_a_file_is_drawn_and_reconciled_as_one_without_coded_statements(at: At) -> None:  # noqa: F811 - the fixture
    path = f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, outside.unstructured('application/pdf', worker.typeset('Discharged on lithium.'), id_='1.2.8.94'))}"
    read = (await at.nurse.get(path)).text
    assert (f'src="{path}/pages/1"' in read, "Discharged on lithium." in read, "JVBERi" in read, f"{path}/pages/2" in read) == (True, True, False, False)
    drawn = await at.nurse.get(f"{path}/pages/1")
    assert (drawn.status_code, drawn.headers["content-type"], "sandbox" in drawn.headers["content-security-policy"]) == (200, "image/png", True)
    assert [(await at.nurse.get(f"{path}/pages/{n}")).status_code for n in ("2", "0", "x")] == [404, 404, 404]
    page = (await at.nurse.get(f"{path}/reconcile")).text
    assert ("No coded statements" in page, "Its body is a file (PDF)." in page, "The document names none" in page) == (True, True, False)
    answer, fields = await sign(at, at.nurse, path, form(at.nurse))
    assert (answer.status_code, "digest" in fields) == (303, True)
    (kept,) = await at.of("List")
    assert (kept.get("entry"), kept["emptyReason"]["text"]) == (None, "No coded statements. Its body is a file (PDF).")
    assert not [i for i in validate(kept) if i.severity in ("error", "fatal")]
    text = f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, outside.unstructured('text/html', b'<p>Went <b>home</b>.</p><script>alert(1)</script><img src=x onerror=alert(2)>', id_='1.2.8.95'))}"
    read = (await at.nurse.get(text)).text
    assert ('<pre class="ccda-body">Went home.</pre>' in read, "alert(" in read) == (True, False)
    assert (await at.nurse.get(f"{text}/pages/1")).status_code == 404
    word = f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, outside.unstructured('application/msword', bytes(range(256)), id_='1.2.8.96'))}"
    assert "ask its sender for a PDF" in (await at.nurse.get(word)).text


async def test_a_local_code_is_taken_over_listed_to_be_mapped_and_told_in_both_systems_then(at: At) -> None:  # noqa: F811 - the fixture
    access = await access_of(at.clinic, "sys-mh")

    async def taken(n: int) -> list[tuple[str, str]]:
        body = outside.section("11450-4", outside.problem(f"1.2.5.{n}", f"local|DEP{n % 2}|Low mood, house list"))
        path = f"/patients/{at.p}/papers/{await filed(at.clinic, at.p, outside.ccd(body, id_=f'1.2.5.1.{n}'))}"
        await at.nurse.get(f"{path}/reconcile")
        before = {c["id"] for c in await at.of("Condition")}
        answer, _ = await sign(at, at.nurse, path, {"seen": at.nurse.hidden("seen"), **{f"what.{key}": "add" for key in keys(at.nurse.last.text).values()}})
        assert answer.status_code == 303
        return [(c["system"], c["code"]) for r in await at.of("Condition") if r["id"] not in before for c in r["code"]["coding"]]

    ((system, local),) = await taken(1)
    work, _ = await mapping.work(access)
    assert [(w.partner, w.system, w.code, w.display, w.target_system) for w in work] == [("", system, local, "Low mood, house list", ICD10CM)]
    await mapping.put(access, Own(system, local, "Low mood", ICD10CM, "F32.A", "Depression, unspecified", "equivalent"), "Their list of March.")
    assert (await mapping.work(access))[1] == 0
    assert await taken(3) == [(system, local), (ICD10CM, "F32.A")]
