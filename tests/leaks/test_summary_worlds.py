"""Documents from outside in two worlds: hidden lines and a hidden document match nothing, count nowhere and stand in nobody's way.

The second world is the first one with what is hidden added, on a clock that stands still. Nothing is taken out before comparing but the tokens and
nonces of the session, and the random keys of new forms.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from sojourn.base import clock, errors, ids
from sojourn.base.clock import FakeClock
from sojourn.care.papers import receiving
from sojourn.care.papers.receiving import File
from sojourn.care.summaries import filing, opening, registering
from sojourn.gate import papers
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care import outside
from tests.care.test_handoff import at
from tests.leaks.drawn import Drawn
from tests.people import MH, START, SUD, A, Clinic, close_clinic, encounter, open_clinic, patient
from tests.web.real import Visitor, furnish
from tests.web.test_plan import staff
from tests.web.test_reconcile import order, told
from tests.web.test_summaries import ALL, filed, form

SESSION = Drawn("csrf", "tab", "key")


class Worlds(NamedTuple):
    """A prescriber of mental health alone, one of both programs, and a client of both with a document that waits."""

    clinic: Clinic
    doctor: Visitor
    both: Visitor
    p: str
    document: str


@pytest.fixture
async def worlds(database: Dsn) -> AsyncIterator[Worlds]:
    with clock.using(FakeClock(START)):
        clinic = await open_clinic(database)
        await furnish(clinic)
        for who, name in (("mh-clinician", "Whitfield"), ("both-clinician", "Okafor")):
            await staff(clinic, who, name, "MD")
        p = (await clinic.make("sys-mh", patient())).id
        await clinic.make("sys-mh", order(p, "Sertraline 50 mg tablet", "One every morning"))
        await clinic.make("sys-sud", encounter(p))
        visitors = []
        for who in ("mh-clinician", "both-clinician"):
            visitors.append(Visitor(clinic))
            await visitors[-1].sign_in(who)
        document = await filed(clinic, p, outside.ccd(whole="1.2.9.60", number="2"))
        yield Worlds(clinic, *visitors, p, document)
        await close_clinic(clinic)


async def look(w: Worlds) -> dict[str, tuple[int, str]]:
    """Every page about the document, what is offered and signed, and Today."""
    base = f"/patients/{w.p}"
    found: dict[str, tuple[int, str]] = {}
    for path in ("", "/papers", f"/papers/{w.document}", f"/papers/{w.document}/reconcile", "/reconcile", "/medications", "/allergies", "/problems", "/notes", "/risk"):
        answer = await w.doctor.get(base + path)
        found[path] = (answer.status_code, SESSION.out(answer.text))
    await w.doctor.get(f"{base}/papers/{w.document}/reconcile")
    said = form(w.doctor, **{**ALL, "Penicillin": {"what": "add"}, "Type 2": {"what": "add"}})
    answer = await w.doctor.post(f"{base}/papers/{w.document}/reconcile", {**said, "beside.result": "yes", "do": "look"})
    found["look"] = (answer.status_code, SESSION.out(answer.text))
    found["today"] = (200, SESSION.out((await w.doctor.get("/today")).text))
    return found


async def hide(w: Worlds) -> None:
    """What only the Part 2 program knows: the same medication, problem, allergy and result, the document's earlier version, and another that waits."""
    for resource in (
        told(w.p, "Lisinopril 10 MG Oral Tablet", "1 tablet, every 24 h"), order(w.p, "Sertraline 50 mg tablet", "Two"),
        {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}, "code": {"text": "Penicillin G"}, "patient": {"reference": f"Patient/{w.p}"}},
        {"resourceType": "Condition", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}], "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]}, "subject": {"reference": f"Patient/{w.p}"}},
    ):  # fmt: skip
        await w.clinic.make("sys-sud", resource)
    await filed(w.clinic, w.p, outside.ccd(whole="1.2.9.60", number="1", id_="1.2.9.61"), program=SUD)
    other = await filed(w.clinic, w.p, outside.ccd(whole="1.2.9.60", number="3", id_="1.2.9.62"), program=SUD)
    await w.both.get(f"/patients/{w.p}/papers/{other}/reconcile")
    said = form(w.both, **{n: {"what": "no", "reason": "Known"} for n in ALL})
    path = f"/patients/{w.p}/papers/{other}/reconcile"
    await w.clinic.owner.execute("UPDATE record.credential SET proved = $1", clock.now())
    shown = await w.both.post(path, {**said, "beside.result": "yes", "do": "look"})
    fields = {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown.text)}
    assert (await w.both.post(path, {**fields, "do": "sign"})).status_code == 303


async def test_what_is_hidden_matches_nothing_and_stands_in_nobodys_way(worlds: Worlds) -> None:
    await worlds.clinic.owner.execute("UPDATE record.credential SET proved = $1", clock.now())
    before = await look(worlds)
    assert (before[f"/papers/{worlds.document}/reconcile"][0], before["look"][0]) == (200, 200)
    await hide(worlds)
    seen = (await worlds.both.get(f"/patients/{worlds.p}/papers/{worlds.document}/reconcile")).text
    assert "In the chart: the same" in seen
    after = await look(worlds)
    for path, page in before.items():
        assert after[path] == page, (path, list(difflib.unified_diff(page[1].splitlines(), after[path][1].splitlines(), lineterm="", n=0))[:12])


async def test_who_works_in_both_signs_nothing_that_tells_one_program_of_the_other(worlds: Worlds) -> None:
    """A line of the Part 2 program stands beside the document, and is neither named nor changed by what is signed for the other program."""
    await hide(worlds)
    path = f"/patients/{worlds.p}/papers/{worlds.document}/reconcile"
    page = (await worlds.both.get(path)).text
    key = next(k for name, k in re.findall(r'<h3 id="name-([0-9a-f]+)">([^<]+?)\s*(?:<span|</h3>)', page) for k, name in [(name, k)] if name.startswith("Lisinopril"))
    assert set(re.findall(rf'name="what\.{key}" value="(\w+)"', page)) == {"add", "no"}
    hidden = (await worlds.clinic.get("sys-sud", f"DocumentReference?patient={worlds.p}&contenttype=application/hl7-cda%2Bxml")).ids
    for id_ in hidden:
        for way in ("", "/reconcile"):
            gone, none = await worlds.doctor.get(f"/patients/{worlds.p}/papers/{id_}{way}"), await worlds.doctor.get(f"/patients/{worlds.p}/papers/{'z' * len(id_)}{way}")
            if id_ != worlds.document:
                assert (gone.status_code, SESSION.out(gone.text).replace(id_, "")) == (none.status_code, SESSION.out(none.text).replace("z" * len(id_), ""))


async def test_somebody_hidden_of_the_same_name_does_not_stand_in_the_way_of_writing_a_person_down(worlds: Worlds) -> None:
    """The tray answers alike whether the Part 2 program has somebody of that name and birth date: written twice is found afterwards."""
    row = organization.AccountRow("mia", "staff", "mia", "Mia Index", None, None, "admissions", [MH], MH, [])
    await organization.account(worlds.clinic.owner, A, row, clock.now())
    house = (await worlds.clinic.make("sys-mh", {"resourceType": "Organization", "name": "Mental health"})).id
    await worlds.clinic.owner.execute("UPDATE record.program SET organization = $1 WHERE tenant = 1 AND program = $2", f"Organization/{house}", MH)
    await worlds.clinic.gate.reload()
    access = await at(worlds.clinic, "mia")
    await worlds.clinic.make("sys-sud", patient("Vale"))
    refusals: list[str] = []
    for family in ("Vale", "Wynn"):
        (id_,), _ = await receiving.take_in(access, [File("ccd.xml", outside.ccd(family=family, mrn=f"M-{family}", id_=f"1.2.9.{len(refusals) + 80}"))], program=MH, key=ids.new_id())
        paper = await papers.one(access, id_)
        assert (await filing.whose(access, await opening.opened(await papers.content(access, paper)))).candidates == ()
        try:
            await registering.register(access, paper, MH)
            refusals.append("")
        except errors.Malformed as error:
            refusals.append(error.message)
    assert refusals == ["", ""]
