"""Medications, allergies and problems on the screen, over the real gate."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.people import SUD, Clinic, close_clinic, encounter, open_clinic, patient
from tests.web.real import Visitor, furnish
from tests.web.test_plan import staff

pytestmark = pytest.mark.asyncio(loop_scope="module")


class At(NamedTuple):
    """A prescriber of mental health, one of both programs and a nurse, each at a browser; and a client of their own."""

    clinic: Clinic
    doctor: Visitor
    both: Visitor
    nurse: Visitor
    p: str

    async def of(self, type_: str, query: str = "", who: str = "sys-mh") -> list[Any]:
        return list((await self.clinic.get(who, f"{type_}?patient={self.p}{query}")).entries)

    async def do(self, visitor: Visitor, path: str, **form: str) -> Any:
        await visitor.get(f"/patients/{self.p}/{path}")
        return await visitor.post(f"/patients/{self.p}/{path}", {"key": uuid4().hex, **form})


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(cluster: Cluster, template: str) -> AsyncIterator[tuple[Clinic, Visitor, Visitor, Visitor]]:
    """One clinic for all tests here."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    clinic = await open_clinic(Dsn(app=cluster.app(name), owner=cluster.owner(name)))
    await clinic.owner.execute("INSERT INTO record.account (tenant, account, kind, login, name) VALUES (1, 'nurse', 'staff', 'nurse', 'nurse')")
    await clinic.owner.execute("INSERT INTO record.assignment (tenant, account, role, programs, acting, known_from) VALUES (1, 'nurse', 'nurse', '{2}', 2, now())")
    await furnish(clinic)
    for who, family, title in (("mh-clinician", "Whitfield", "MD"), ("both-clinician", "Okafor", "MD"), ("nurse", "Nguyen", "RN")):
        await staff(clinic, who, family, title)
    visitors = []
    for who in ("mh-clinician", "both-clinician", "nurse"):
        visitor = Visitor(clinic)
        await visitor.sign_in(who)
        visitors.append(visitor)
    yield (clinic, *visitors)  # type: ignore[misc]
    await close_clinic(clinic)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(loop_scope="module")
async def at(house: tuple[Clinic, Visitor, Visitor, Visitor]) -> At:
    clinic, doctor, both, nurse = house
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return At(clinic, doctor, both, nurse, p)


async def test_what_is_told_and_what_is_ordered_stand_on_one_list_with_their_sources(at: At) -> None:
    assert (await at.do(at.nurse, "medications", do="add", name="Lisinopril 10 mg", dose="One daily", source="home")).status_code == 303
    assert (await at.do(at.doctor, "medications", do="add", name="Sertraline 50 mg tablet", dose="One every morning", source="here", indication="Depression")).status_code == 303
    (told,), (order,) = await at.of("MedicationStatement"), await at.of("MedicationRequest")
    assert (told["informationSource"]["reference"], told["dosage"][0]["text"]) == (f"Patient/{at.p}", "One daily")
    assert (order["status"], order["intent"], order["reasonCode"][0]["text"]) == ("active", "order", "Depression")
    text = (await at.nurse.get(f"/patients/{at.p}/medications")).text
    for words in ("Told by the client", "Prescribed here", "Lisinopril 10 mg", "One every morning", "ordered", "taken"):
        assert words in text
    assert "2 of 2 medications" in text


async def test_a_nurse_orders_nothing_and_nobody_without_a_title_does(at: At) -> None:
    answer = await at.do(at.nurse, "medications", do="add", name="Lithium 300 mg", dose="One", source="here")
    assert answer.status_code == 422
    assert "Only who prescribes" in answer.text
    assert "Lithium 300 mg" in answer.text  # what was typed stays
    assert await at.of("MedicationRequest") == []


async def test_a_form_that_is_sent_twice_writes_once(at: At) -> None:
    form = {"do": "add", "name": "Prazosin 1 mg", "dose": "At night", "source": "home", "key": uuid4().hex}
    for _ in range(2):
        assert (await at.do(at.nurse, "medications", **form)).status_code == 303
    assert len(await at.of("MedicationStatement")) == 1


async def test_stop_hold_change_and_error_each_ask_why_and_keep_who_and_when(at: At) -> None:
    await at.do(at.doctor, "medications", do="add", name="Quetiapine 100 mg", dose="One at night", source="here")
    (order,) = await at.of("MedicationRequest")
    line = f"medications/order/{order['id']}"
    assert (await at.do(at.doctor, line, do="stop")).status_code == 422
    assert (await at.do(at.doctor, line, do="hold", why="Sedation")).status_code == 303
    assert (await at.do(at.doctor, line, do="resume", why="Awake")).status_code == 303
    assert (await at.do(at.nurse, line, do="stop", why="x")).status_code == 422  # an order is changed by who prescribes
    assert (await at.do(at.doctor, line, do="change", dose="Half at night", why="Sedation")).status_code == 303
    old, new = sorted(await at.of("MedicationRequest"), key=lambda r: r["status"] == "active")
    assert (old["status"], new["priorPrescription"]["reference"], new["dosageInstruction"][0]["text"]) == ("stopped", f"MedicationRequest/{old['id']}", "Half at night")
    text = (await at.doctor.get(f"/patients/{at.p}/{line}")).text
    for words in ("On hold: Sedation", "Going on: Awake", "Changed to: Half at night", "Dana Whitfield, MD"):
        assert words in text
    gone = await at.do(at.doctor, f"medications/order/{new['id']}", do="error", why="Wrong chart")
    assert gone.status_code == 303
    assert [r["status"] for r in await at.of("MedicationRequest", f"&_id={new['id']}")] == ["entered-in-error"]


async def test_two_who_change_a_line_do_not_overwrite_each_other(at: At) -> None:
    await at.do(at.nurse, "medications", do="add", name="Ibuprofen 200 mg", source="home")
    (told,) = await at.of("MedicationStatement")
    line = f"medications/told/{told['id']}"
    await at.nurse.get(f"/patients/{at.p}/{line}")
    seen = at.nurse.hidden("version")
    assert (await at.do(at.doctor, line, do="hold", why="Stomach", version="")).status_code == 303
    answer = await at.do(at.nurse, line, do="stop", why="Not needed any more", version=seen)
    assert answer.status_code == 412
    assert "Not needed any more" in answer.text


async def test_a_warning_asks_a_reason_before_it_is_written_and_keeps_it(at: At) -> None:
    await at.do(at.nurse, "medications", do="add", name="Lithium 300 mg", dose="Twice daily", source="home")
    first = await at.do(at.doctor, "medications", do="add", name="Ibuprofen 600 mg", dose="As needed", source="here")
    assert first.status_code == 422
    assert "Lithium levels can rise" in first.text
    assert await at.of("MedicationRequest") == []
    again = await at.do(at.doctor, "medications", do="add", name="Ibuprofen 600 mg", dose="As needed", source="here", despite="Three days only, level on Friday.")
    assert again.status_code == 303
    (issue,) = await at.of("DetectedIssue")
    assert (issue["severity"], issue["code"]["coding"][0]["code"], issue["mitigation"][0]["action"]["text"]) == ("high", "DRG", "Three days only, level on Friday.")
    assert len(issue["implicated"]) == 2
    text = (await at.doctor.get(f"/patients/{at.p}/medications")).text
    assert "Three days only, level on Friday." in text
    assert 'value="override"' not in text


async def test_a_warning_on_the_list_can_be_set_aside_with_a_reason_only(at: At) -> None:
    for name in ("Sertraline 50 mg", "Trazodone 50 mg"):
        await at.clinic.make("sys-mh", {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": {"text": name}, "subject": {"reference": f"Patient/{at.p}"}, "authoredOn": "2026-02-01"})
    text = (await at.nurse.get(f"/patients/{at.p}/medications")).text
    key = re.findall(r'name="finding" value="([0-9a-f]+)"', text)[0]
    assert (await at.do(at.nurse, "medications", do="override", finding=key, reason=" ")).status_code == 422
    for _ in range(2):
        assert (await at.do(at.nurse, "medications", do="override", finding=key, reason="Low dose for sleep.")).status_code == 303
    assert len(await at.of("DetectedIssue")) == 1


async def test_nothing_written_no_known_allergies_and_an_allergy_are_three_different_things(at: At) -> None:
    assert "does not mean that there are none" in (await at.nurse.get(f"/patients/{at.p}/allergies")).text
    assert (await at.do(at.nurse, "allergies", do="none")).status_code == 303
    (fact,) = await at.of("AllergyIntolerance")
    assert fact["code"]["coding"][0]["code"] == "716186003"
    assert "No known allergies" in (await at.nurse.get(f"/patients/{at.p}/allergies")).text
    assert (await at.do(at.nurse, "allergies", do="none")).status_code == 303  # asked again: the same fact, newer
    assert len(await at.of("AllergyIntolerance")) == 1
    assert (await at.do(at.nurse, "allergies", do="add", name="Penicillin", reaction="Hives", criticality="high")).status_code == 303
    status = {r["code"]["text"]: r["clinicalStatus"]["coding"][0]["code"] for r in await at.of("AllergyIntolerance")}
    assert status == {"No known allergies": "inactive", "Penicillin": "active"}
    assert (await at.do(at.nurse, "allergies", do="none")).status_code == 422
    refused = await at.do(at.doctor, "medications", do="add", name="Amoxicillin 500 mg", dose="Three times daily", source="here")
    assert refused.status_code == 422
    assert "allergy to Penicillin" in refused.text
    line = next(r["id"] for r in await at.of("AllergyIntolerance") if r["code"]["text"] == "Penicillin")
    assert (await at.do(at.nurse, f"allergies/{line}", do="refute", why="Tested by the allergist.")).status_code == 303
    assert "Was none: Tested by the allergist." in (await at.nurse.get(f"/patients/{at.p}/allergies/{line}")).text


async def test_a_problem_has_its_onset_and_its_program_and_resolves_with_what_was_found(at: At) -> None:
    assert (await at.do(at.nurse, "problems", do="add", name="Panic disorder", code="banana")).status_code == 422
    assert (await at.do(at.nurse, "problems", do="add", name="Panic disorder", code="F41.0", onset="2031")).status_code == 422
    assert (await at.do(at.nurse, "problems", do="add", name="Panic disorder", code="f41.0", onset="2024-05", sure="yes")).status_code == 303
    (problem,) = await at.of("Condition")
    assert (problem["onsetDateTime"], problem["code"]["coding"][0]["code"]) == ("2024-05", "F41.0")
    text = (await at.nurse.get(f"/patients/{at.p}/problems")).text
    assert "May 2024" in text
    assert ">MH<" in text  # the program that treats it
    line = f"problems/{problem['id']}"
    assert (await at.do(at.nurse, line, do="resolve")).status_code == 422
    assert (await at.do(at.nurse, line, do="resolve", why="No attack in a year.", day="2026-02-01")).status_code == 303
    (after,) = await at.of("Condition")
    assert (after["clinicalStatus"]["coding"][0]["code"], after["abatementDateTime"]) == ("resolved", "2026-02-01")
    assert (await at.do(at.nurse, line, do="again", why="Two attacks this week.")).status_code == 303
    (after,) = await at.of("Condition")
    assert (after["clinicalStatus"]["coding"][0]["code"], "abatementDateTime" in after) == ("recurrence", False)


async def test_a_problem_of_a_part_2_program_is_written_under_it_and_another_program_sees_nothing(at: At) -> None:
    await at.clinic.make("sys-sud", encounter(at.p))
    assert (await at.do(at.both, "problems", do="add", name="Opioid use disorder", code="F11.20", program=str(SUD))).status_code == 303
    assert "Opioid use disorder" in (await at.both.get(f"/patients/{at.p}/problems")).text
    assert "Opioid" not in (await at.doctor.get(f"/patients/{at.p}/problems")).text


async def test_every_page_of_the_lists_asks_at_most_twelve_questions(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    await at.do(at.both, "medications", do="add", name="Sertraline 50 mg", dose="One", source="here")
    await at.do(at.nurse, "allergies", do="add", name="Latex")
    await at.do(at.nurse, "problems", do="add", name="Insomnia")
    (order,), (allergy,), (problem,) = await at.of("MedicationRequest"), await at.of("AllergyIntolerance"), await at.of("Condition")
    db, asked = at.clinic.gate.house.db, list[str]()
    inner = db.call

    def counted(statement: str, *args: Any) -> Any:
        asked.append(statement)
        return inner(statement, *args)

    monkeypatch.setattr(db, "call", counted)
    for path in ("medications", f"medications/order/{order['id']}", "allergies", f"allergies/{allergy['id']}", "problems", f"problems/{problem['id']}"):
        before = await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        asked.clear()
        assert (await at.both.get(f"/patients/{at.p}/{path}")).status_code == 200
        assert await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12, path
        assert len([a for a in asked if "gate.audit_rows" not in a]) <= 12, (path, asked)


async def test_an_organization_loads_a_table_and_goes_back(at: At) -> None:
    robin = Visitor(at.clinic)
    await robin.sign_in("administrator")
    await robin.get("/medication-tables")
    faulty = await robin.post("/medication-tables", {"do": "load", "text": "[[pair]]\n", "reason": "Ours"})
    assert faulty.status_code == 422
    assert "no-head" in faulty.text
    own = '[table]\ntitle = "Our formulary"\nversion = "7"\neffective = 2026-11-01\ncomplete = false\nsource = "Pharmacy committee"\n[[ingredient]]\nkey = "kratom"\nnames = ["kratom"]\nclasses = ["opioid"]\n'
    assert "can be loaded" in (await robin.post("/medication-tables", {"do": "look", "text": own})).text
    assert (await robin.post("/medication-tables", {"do": "load", "text": own, "reason": " "})).status_code == 422
    assert (await robin.post("/medication-tables", {"do": "load", "text": own, "reason": "Approved in November"})).status_code == 303
    for name in ("Kratom powder", "Lorazepam 1 mg"):
        await at.do(at.nurse, "medications", do="add", name=name, source="home", despite="Only written down.")
    text = (await at.nurse.get(f"/patients/{at.p}/medications")).text
    assert "Our formulary, version 7" in text
    assert "Kratom powder with Lorazepam" in text.replace("Lorazepam 1 mg with Kratom powder", "Kratom powder with Lorazepam")
    page = (await robin.get("/medication-tables")).text
    assert "Approved in November" in page
    assert (await robin.post("/medication-tables", {"do": "unload", "reason": "Back"})).status_code == 303
    assert "Kratom powder with Lorazepam" not in (await at.nurse.get(f"/patients/{at.p}/medications")).text
    assert (await at.nurse.get("/medication-tables")).status_code == 403
