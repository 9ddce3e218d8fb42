"""The life of a plan on the screen: signed, in force, reviewed, followed; and what two programs in one chart see of each other."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.plan import duty
from sojourn.gate.clockwork import Clockwork
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.people import START, Clinic, close_clinic, open_clinic, patient
from tests.web.real import HASH, Visitor, furnish, later
from tests.web.test_plan import At, diagnosis, episode, phq9, staff, whole


async def account(clinic: Clinic, name: str, role: str, programs: tuple[int, ...] = (2,)) -> None:
    """One more of the staff."""
    row = organization.AccountRow(name, "staff", name, name.title(), None, None, role, list(programs), programs[0], [])
    await organization.account(clinic.owner, 1, row, clock.now())
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND account = $2", HASH, name)


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        made = await open_clinic(database)
        await furnish(made)
        await account(made, "boss", "supervisor")
        yield made
        await close_clinic(made)


@pytest.fixture
async def at(clinic: Clinic) -> At:
    p = (await clinic.make("sys-mh", patient())).id
    them = await staff(clinic, "mh-clinician", "Whitfield")
    await staff(clinic, "boss", "Mercer", "LCSW")
    stay = (await clinic.make("sys-mh", episode(p, "mh", "OP", them))).id
    await clinic.make("sys-mh", diagnosis(p, "F33.1", "Major depressive disorder, recurrent, moderate"))
    await clinic.make("sys-mh", phq9(p, 17, "2026-02-25T10:00:00Z"))
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    return At(clinic, visitor, p, stay)


async def boss(at: At) -> Visitor:
    visitor = Visitor(at.clinic)
    await visitor.sign_in("boss")
    return visitor


async def sign(visitor: Visitor, plan: str, do: str, **more: str) -> Any:
    """One signature on the page of signatures."""
    page = (await visitor.get(f"{plan}/sign")).text
    return await visitor.post(f"{plan}/sign", {"do": do, "digest": (re.findall(r'name="digest" value="([^"]+)"', page) or [""])[0], **more})


async def in_force(at: At) -> tuple[str, dict[str, str], Visitor]:
    """A plan that everybody signed."""
    plan, ids = await whole(at)
    supervisor = await boss(at)
    assert (await sign(at.visitor, plan, "clinician")).status_code == 303
    assert (await sign(supervisor, plan, "supervisor")).status_code == 303
    assert (await sign(at.visitor, plan, "client", identity="known")).status_code == 303
    return plan, ids, supervisor


async def care(at: At) -> Any:
    return (await at.of("CarePlan"))[0]


async def test_a_plan_is_in_force_with_its_last_signature_and_every_signature_is_over_the_same_words(at: At) -> None:
    plan, _ = await whole(at)
    supervisor = await boss(at)
    refused = await sign(at.visitor, plan, "clinician")
    assert refused.status_code == 303
    assert (await care(at))["status"] == "draft"
    (document,) = [d for d in await at.of("DocumentReference") if d["type"]["coding"][0]["code"] == "18776-5"]
    assert (await care(at))["supportingInfo"] == [{"reference": f"DocumentReference/{document['id']}"}]
    # The supervisor is told; whoever wrote it cannot sign for them.
    (task,) = (await at.clinic.get("sys-mh", f"Task?patient={at.p}&status=requested")).entries
    assert task["performerType"][0]["coding"][0]["code"] == "supervisor"
    assert "Rivera" not in task["description"]
    page = (await at.visitor.get(f"{plan}/sign")).text
    assert "Sign as supervisor" not in page
    assert (await sign(supervisor, plan, "supervisor")).status_code == 303
    # The client does not want to sign: the reason stands in place of a signature.
    lacking = await sign(at.visitor, plan, "refused", reason="", why="")
    assert lacking.status_code == 422
    assert (await sign(at.visitor, plan, "refused", reason="disagrees", why="I want another group")).status_code == 303
    now = await care(at)
    assert now["status"] == "active"
    assert now["period"]["end"] == "2026-05-30"  # ninety days of outpatient care
    goals = {g["id"]: g for g in await at.of("Goal")}
    assert {g["lifecycleStatus"] for g in goals.values()} == {"active"}
    assert (await at.of("ServiceRequest"))[0]["status"] == "active"
    assert (await at.clinic.get("sys-mh", f"Task?patient={at.p}&status=requested")).entries == []
    signatures = (await at.clinic.get("sys-mh", f"Provenance?target=DocumentReference/{document['id']}")).entries
    assert len(signatures) == 3
    page = (await at.visitor.get(f"{plan}/sign")).text
    assert "I want another group" in page
    assert page.count("signed</span>") >= 1
    assert "did not sign" in page
    assert "Low mood" in (await at.visitor.get(f"{plan}/print")).text
    again = await sign(at.visitor, plan, "refused", reason="disagrees")
    assert again.status_code == 303  # pressed twice: nothing more was written
    assert len((await at.clinic.get("sys-mh", f"Provenance?target=DocumentReference/{document['id']}")).entries) == 3


async def test_a_change_after_signing_asks_for_signatures_again_and_old_words_cannot_be_signed(at: At) -> None:
    plan, ids, supervisor = await in_force(at)
    await at.add(plan, "goal", ids["problem"], statement="Sees friends once a week", due="2026-06-01")
    assert "Changed since it was signed" in (await at.visitor.get(plan)).text
    assert (await care(at))["status"] == "active"
    old = await supervisor.get(f"{plan}/sign")
    assert "Sign as supervisor" not in old.text  # the clinician begins the round
    assert (await sign(at.visitor, plan, "clinician")).status_code == 303
    page = (await supervisor.get(f"{plan}/sign")).text
    await at.add(plan, "goal", ids["problem"], statement="Takes a walk", due="2026-06-01")
    stale = await supervisor.post(f"{plan}/sign", {"do": "supervisor", "digest": re.findall(r'name="digest" value="([^"]+)"', page)[0]})
    assert stale.status_code == 403


async def test_a_minors_guardian_is_asked_and_a_client_alone_is_not_enough(at: At) -> None:
    young = (await at.clinic.make("sys-mh", patient("Quill", birthDate="2011-03-04"))).id
    stay = (await at.clinic.make("sys-mh", episode(young, "mh", "OP", (await at.clinic.owner.fetchval("SELECT agent FROM record.account WHERE tenant = 1 AND account = 'mh-clinician'"))))).id
    theirs = At(at.clinic, at.visitor, young, stay)
    plan, _ = await whole(theirs)
    await sign(at.visitor, plan, "clinician")
    await sign(await boss(at), plan, "supervisor")
    await sign(at.visitor, plan, "client", identity="known")
    assert (await care(theirs))["status"] == "draft"
    # The parent signs on the device in their hands; it reaches nothing else. The plan comes into force when its clinician says so.
    page = (await at.visitor.get(f"{plan}/sign")).text
    path = re.findall(r'name="path" value="([^"]+)"', page)[0]
    await at.visitor.post("/handover", {"path": path, "back": f"{plan}/sign", "with-relation": "parent", "with-identity": "photo-id"})
    await at.visitor.get(path)
    assert (await at.visitor.post(path, {"name": "Robin Quill", "agree": "yes"})).status_code in (200, 303)
    assert "Low mood" not in (await at.visitor.get(plan)).text
    again = Visitor(at.clinic)
    await again.sign_in("mh-clinician")
    assert "Everybody has signed" in (await again.get(f"{plan}/sign")).text
    assert (await sign(again, plan, "settle")).status_code == 303
    assert (await care(theirs))["status"] == "active"


async def test_a_review_rates_each_objective_and_sets_the_next_day(at: At) -> None:
    plan, ids, _ = await in_force(at)
    later(days=60)
    await at.visitor.sign_in("mh-clinician")
    await at.clinic.make("sys-mh", phq9(at.p, 12, "2026-04-25T10:00:00Z"))
    await at.visitor.get(f"{plan}/review")
    await at.do(f"{plan}/review", do="begin", why="The cycle")
    page = (await at.visitor.get(f"{plan}/review")).text
    assert "12, down 5 since the baseline" in page
    assert "In review" in page
    o = ids["objective"]
    kept = await at.do(f"{plan}/review/typed", **{f"rating-{o}": "improving", "summary": "Half a", "stamp": ""})
    assert kept.status_code == 200
    assert "a review</a>" in (await at.visitor.get(plan)).text
    assert "Half a</textarea>" in (await at.visitor.get(f"{plan}/review")).text
    incomplete = await at.do(f"{plan}/review", do="finish", **{f"rating-{o}": "worse", f"decision-{o}": "continue"})
    assert incomplete.status_code == 422
    assert "Give the reason." in incomplete.text
    assert (await at.do(f"{plan}/review", do="finish", summary="Going well", **{f"rating-{o}": "improving", f"decision-{o}": "continue"})).status_code == 303
    now = await care(at)
    assert now["period"]["end"] == "2026-07-29"
    rating = (await at.clinic.get("sys-mh", f"Observation?focus=Goal/{o}")).entries[0]
    (review,) = await at.of("ClinicalImpression")
    assert review["status"] == "completed"
    assert review["investigation"][0]["item"] == [{"reference": f"Observation/{rating['id']}"}]
    assert rating["derivedFrom"][0]["reference"].startswith("Observation/")
    goal = (await at.clinic.get("sys-mh", f"Goal/{o}")).json()
    assert goal["achievementStatus"]["coding"][0]["code"] == "improving"
    assert goal["outcomeReference"] == [{"reference": f"Observation/{rating['id']}"}]
    thread = (await at.visitor.get(f"{plan}/thread/{o}")).text
    for words in ("thread-line", "PHQ-9 total: 12", "PHQ-9 total: 17", "Better", "target &lt; 10"):
        assert words in thread, words
    assert "last review: better" in (await at.visitor.get(plan)).text
    # Who made it signs it; then it is a document that others sign as any other.
    page = (await at.visitor.get(f"{plan}/review")).text
    assert "Sign this review" in page
    other = await boss(at)
    assert "Sign this review" not in (await other.get(f"{plan}/review")).text
    shown = unescape(re.findall(r'name="shown" hidden>([^<]+)<', page)[0])
    assert "Going well" in shown
    assert "Better" in shown
    assert (await at.do(f"{plan}/review", do="sign", review=review["id"], shown=shown + "x")).status_code == 409
    answer = await at.do(f"{plan}/review", do="sign", review=review["id"], shown=shown)
    assert answer.status_code == 303
    document = answer.headers["location"]
    assert "Going well" in (await at.visitor.get(document)).text
    assert (await at.do(f"{plan}/review", do="sign", review=review["id"], shown=shown)).headers["location"].startswith(document), "pressed twice"
    assert "Sign this review" not in (await at.visitor.get(f"{plan}/review")).text
    (signed,) = [d for d in await at.of("DocumentReference") if d["type"]["text"] == "Review of the treatment plan"]
    assert {r["reference"].partition("/")[0] for r in signed["context"]["related"]} == {"ClinicalImpression", "CarePlan"}
    assert len((await at.clinic.get("sys-mh", f"Provenance?target=DocumentReference/{signed['id']}")).entries) == 1
    # Stopping an objective changes the plan: it is signed anew.
    await at.do(f"{plan}/review", do="begin", why="")
    await at.visitor.get(f"{plan}/review")
    await at.do(f"{plan}/review", do="finish", **{f"rating-{o}": "achieved", f"decision-{o}": "met"})
    assert (await at.clinic.get("sys-mh", f"Goal/{o}")).json()["lifecycleStatus"] == "completed"
    assert (await at.of("ServiceRequest"))[0]["status"] == "completed"
    assert "Changed since it was signed" in (await at.visitor.get(plan)).text


async def test_what_is_due_what_asks_for_a_review_and_what_hangs_loose_are_found(at: At) -> None:
    plan, ids, supervisor = await in_force(at)
    later(days=75)
    await at.visitor.sign_in("mh-clinician")
    note = {"resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}], "text": "Progress note"}, "subject": {"reference": f"Patient/{at.p}"},
            "date": "2026-05-10T10:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": "aGk="}}]}  # fmt: skip
    await at.clinic.make("sys-mh", note)
    await at.clinic.make("sys-mh", diagnosis(at.p, "F41.1", "Generalized anxiety disorder", recordedDate="2026-05-01"))
    page = (await at.visitor.get("/plans")).text
    assert "Review of the treatment plan" in page
    assert f"/patients/{at.p}/loose-ends" in page
    page = (await at.visitor.get(f"/patients/{at.p}/loose-ends")).text
    for words in ("Note without a link to the plan", "Intervention never delivered", "Diagnosis without a problem", "Generalized anxiety disorder"):
        assert words in page, words
    await at.clinic.make("sys-mh", {**note, "context": {"related": [{"reference": f"Goal/{ids['objective']}"}]}})
    assert "Intervention never delivered" not in (await at.visitor.get(f"/patients/{at.p}/loose-ends")).text
    assert "The chart asks for a review" in (await at.visitor.get(plan)).text
    await duty.run(await Clockwork(at.clinic.gate).access(1))
    await duty.run(await Clockwork(at.clinic.gate).access(1))
    (asked,) = (await at.clinic.get("sys-mh", f"Task?patient={at.p}&status=requested")).entries
    assert asked["code"]["coding"][0]["code"] == "plan-review-asked"
    assert asked["reasonCode"]["text"] == "New diagnosis"
    # Relapse, written down by hand, is not asked for twice.
    await at.visitor.get(plan)
    await at.do(plan, do="ask", event="relapse", why="Used on Sunday")
    assert len((await at.clinic.get("sys-mh", f"Task?patient={at.p}&status=requested")).entries) == 1
    later(days=40)
    await at.visitor.sign_in("mh-clinician")
    assert "Plans and reviews due" in (await at.visitor.get("/today")).text
    assert "This plan ran out" in (await at.visitor.get(plan)).text
    assert (await at.clinic.get("sys-mh", "CarePlan?status=active&date=eb2026-06-24")).ids == [plan.rpartition("/")[2]]
    await supervisor.sign_in("boss")
    assert "days late" in (await supervisor.get("/plans")).text


async def test_a_stay_that_names_none_of_our_programs_is_followed_by_who_made_it_and_keeps_no_other_waiting(clinic: Clinic) -> None:
    people = [(await clinic.make("sys-mh", patient())).id for _ in range(3)]
    for p, runs in zip(people, ({"display": "Elsewhere, as it was imported"}, {"reference": "Organization/mh"}, None), strict=True):
        stay = {k: v for k, v in episode(p, "mh", "1", started="2025-12-01").items() if k != "managingOrganization"}
        await clinic.make("sys-mh", stay if runs is None else {**stay, "managingOrganization": runs})
    await duty.run(await Clockwork(clinic.gate).access(1))
    for p in people:
        (task,) = (await clinic.get("sys-mh", f"Task?patient={p}&code=plan-initial")).entries
        assert task["status"] == "requested"
    assert {tuple(r["origin"]) for r in await clinic.owner.fetch("SELECT origin FROM record.resource WHERE type = 'Task'")} == {(2,)}
