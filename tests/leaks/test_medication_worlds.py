"""Lists in two worlds: a hidden medication that would interact, a hidden allergy and a hidden reconciliation warn of nothing and count nowhere.

The second world is the first one with what is hidden added, on a clock that stands still. Nothing is taken out before comparing but the
the token of the session, and the random keys of new forms.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.medications import checking, duty
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.leaks.drawn import Drawn
from tests.people import START, SUD, Clinic, close_clinic, encounter, open_clinic, patient
from tests.web.real import Visitor, furnish
from tests.web.test_plan import episode, staff
from tests.web.test_reconcile import ALL, decided, order, told

SESSION = Drawn("csrf", "tab", "key")


class Worlds(NamedTuple):
    """A prescriber of mental health alone, one who works in both programs, and a client of both."""

    clinic: Clinic
    doctor: Visitor
    both: Visitor
    p: str
    stay: str


@pytest.fixture
async def worlds(database: Dsn) -> AsyncIterator[Worlds]:
    with clock.using(FakeClock(START)):
        clinic = await open_clinic(database)
        await furnish(clinic)
        for who, name in (("mh-clinician", "Whitfield"), ("both-clinician", "Okafor")):
            await staff(clinic, who, name, "MD")
        p = (await clinic.make("sys-mh", patient())).id
        stay = (await clinic.make("sys-mh", episode(p, "mh", "OP", started="2026-02-28T10:00:00Z"))).id
        for resource in (order(p, "Lorazepam 1 mg tablet", "One at night"), told(p, "Lisinopril 10 mg", "One daily"), order(p, "Sertraline 50 mg tablet"), order(p, "Trazodone 50 mg")):
            await clinic.make("sys-mh", resource)
        await clinic.make("sys-sud", encounter(p))
        visitors = []
        for who in ("mh-clinician", "both-clinician"):
            visitors.append(Visitor(clinic))
            await visitors[-1].sign_in(who)
        yield Worlds(clinic, *visitors, p, stay)
        await close_clinic(clinic)


def differences(one: str, two: str) -> list[str]:
    """The first lines that are not the same."""
    return list(difflib.unified_diff(one.splitlines(), two.splitlines(), lineterm="", n=0))[:12]


async def look(w: Worlds) -> dict[str, tuple[int, str]]:
    """Every page that lists, warns or reconciles, what comes of adding to the lists, and Today."""
    base = f"/patients/{w.p}"
    found: dict[str, tuple[int, str]] = {}
    for path in ("", "/medications", "/allergies", "/problems", "/reconcile", f"/reconcile/admission/{w.stay}", f"/reconcile/transition/{w.stay}", f"/reconcile/discharge/{w.stay}", "/moves"):
        answer = await w.doctor.get(base + path)
        found[path] = (answer.status_code, SESSION.out(answer.text))
    for name in ("Clonazepam 1 mg", "Naltrexone 50 mg", "Amoxicillin 500 mg", "Fish oil"):  # what would interact with, be forbidden by, or repeat what is hidden
        await w.doctor.get(f"{base}/medications")
        answer = await w.doctor.post(f"{base}/medications", {"do": "add", "name": name, "dose": "One", "source": "here", "key": "bad"})
        text = SESSION.out(answer.text)
        found[name] = (answer.status_code, text)
        for r in (await w.clinic.get("sys-mh", f"MedicationRequest?patient={w.p}&status=active")).entries:
            if r["medicationCodeableConcept"]["text"] == name:  # taken out again, so that both worlds begin alike
                await w.clinic.ask("sys-mh", "DELETE", f"MedicationRequest/{r['id']}")
    form = await decided(w, w.doctor, f"{base}/reconcile/admission/{w.stay}", **{k: v for k, v in ALL.items() if k in ("Sertraline", "Trazodone")})  # type: ignore[arg-type]
    answer = await w.doctor.post(f"{base}/reconcile/admission/{w.stay}", {**form, "do": "look"})
    found["look"] = (answer.status_code, SESSION.out(answer.text))
    found["today"] = (200, SESSION.out((await w.doctor.get("/today")).text))
    return found


async def hide(w: Worlds) -> None:
    """What only the Part 2 program knows: medications that interact, an allergy, a problem, a warning that was set aside, a reconciliation."""
    made = [order(w.p, "Methadone 10 mg tablet", "Six daily"), told(w.p, "Buprenorphine 8 mg and naloxone 2 mg film"), order(w.p, "Amoxicillin 500 mg"), order(w.p, "Clonazepam 1 mg")]
    made += [
        {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}, "code": {"text": "Penicillin"}, "patient": {"reference": f"Patient/{w.p}"}},
        {"resourceType": "Condition", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}], "code": {"text": "Opioid use disorder"}, "subject": {"reference": f"Patient/{w.p}"}},
        episode(w.p, "sud", "2.1", started="2026-02-28T10:00:00Z"),
    ]  # fmt: skip
    ids = [(await w.clinic.make("sys-sud", r)).id for r in made]
    await w.both.get(f"/patients/{w.p}/medications")
    open_ = re.findall(r'<p><b>([^<]+)</b>.*?name="finding" value="([0-9a-f]+)"', w.both.last.text, re.DOTALL)
    about = [key for title, key in open_ if any(name in title for name in ("Methadone", "Buprenorphine", "Amoxicillin", "Clonazepam"))]
    assert len(about) > 3
    for key in about:
        answer = await w.both.post(f"/patients/{w.p}/medications", {"do": "override", "finding": key, "reason": "Known to both programs."})
        assert answer.status_code in (303, 409), answer.text
    await duty.run(await Clockwork(w.clinic.gate).access(1))
    path = f"/patients/{w.p}/reconcile/admission/{ids[-1]}"
    form = await decided(w, w.both, path, Methadone={"what": "continue"})  # type: ignore[arg-type]
    assert (await w.both.post(path, {**form, "do": "save"})).status_code == 303


async def test_what_is_hidden_warns_of_nothing_and_counts_nowhere(worlds: Worlds) -> None:
    await duty.run(await Clockwork(worlds.clinic.gate).access(1))
    before = await look(worlds)
    await hide(worlds)
    seen: Any = (await worlds.both.get(f"/patients/{worlds.p}/medications")).text
    assert "Lorazepam 1 mg tablet with Methadone" in seen or "Methadone 10 mg tablet with Lorazepam" in seen
    assert "Known to both programs." in seen
    after = await look(worlds)
    for path, page in before.items():
        assert after[path] == page, (path, *differences(page[1], after[path][1]))
    assert checking.ALWAYS in before["/medications"][1]
    issues = (await worlds.clinic.get("mh-clinician", f"DetectedIssue?patient={worlds.p}")).entries
    assert not [i for i in issues if "ethadone" in repr(i) or "uprenorphine" in repr(i) or len(i["implicated"]) < 2]
    hidden = (await worlds.clinic.get("sys-sud", f"MedicationRequest?patient={worlds.p}")).entries
    line = next(r["id"] for r in hidden if "ethadone" in repr(r))
    for path in (f"medications/order/{line}", f"allergies/{line}", f"problems/{line}"):
        gone, none = await worlds.doctor.get(f"/patients/{worlds.p}/{path}"), await worlds.doctor.get(f"/patients/{worlds.p}/{path.replace(line, 'z' * len(line))}")
        assert (gone.status_code, SESSION.out(gone.text).replace(line, "")) == (none.status_code, SESSION.out(none.text).replace("z" * len(line), ""))


async def test_that_none_is_known_can_be_said_where_a_hidden_allergy_is(worlds: Worlds) -> None:
    await worlds.clinic.make("sys-sud", {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}, "code": {"text": "Penicillin"}, "patient": {"reference": f"Patient/{worlds.p}"}})
    await worlds.doctor.get(f"/patients/{worlds.p}/allergies")
    assert (await worlds.doctor.post(f"/patients/{worlds.p}/allergies", {"do": "none", "key": "f" * 20})).status_code == 303
    assert "Penicillin" not in (await worlds.doctor.get(f"/patients/{worlds.p}/allergies")).text


async def test_a_part_2_programs_own_allergy_stays_its_own_when_somebody_of_both_ends_it(worlds: Worlds) -> None:
    hidden = (await worlds.clinic.make("sys-sud", {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}, "code": {"text": "Naltrexone"}, "patient": {"reference": f"Patient/{worlds.p}"}})).id
    await worlds.both.get(f"/patients/{worlds.p}/allergies/{hidden}")
    assert (await worlds.both.post(f"/patients/{worlds.p}/allergies/{hidden}", {"do": "resolve", "why": "Tolerated it."})).status_code == 303
    assert await worlds.clinic.owner.fetchval("SELECT origin FROM record.resource WHERE tenant = 1 AND id = $1", hidden) == [SUD]
    assert "Naltrexone" not in (await worlds.doctor.get(f"/patients/{worlds.p}/allergies")).text
