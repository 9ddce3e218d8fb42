"""Plans in two worlds: a plan of a Part 2 program beside one of mental health in the same chart leaves no trace on any page.

The second world is the first one with what is hidden added, on a clock that stands still. Nothing is taken out before comparing but the
tokens and nonces of the session.
"""

from __future__ import annotations

from sojourn.care.plan import duty
from sojourn.gate.clockwork import Clockwork
from tests.people import encounter
from tests.web.real import Visitor, later
from tests.web.test_plan import At, _plain, diagnosis, episode, staff
from tests.web.test_plan_life import at, clinic, in_force, sign  # noqa: F401 - fixtures


async def test_what_another_program_writes_down_asks_for_no_review(at: At) -> None:  # noqa: F811 - the fixture
    await in_force(at)
    await at.clinic.make("sys-sud", encounter(at.p))
    later(days=5)
    relapse = {"clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "relapse"}]}, "recordedDate": "2026-03-04"}
    high = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:sojourn:measure", "code": "c-ssrs-screener.triage"}]}, "valueInteger": 3, "effectiveDateTime": "2026-03-04T10:00:00Z", "subject": {"reference": f"Patient/{at.p}"}}
    await at.clinic.make("sys-sud", diagnosis(at.p, "F11.20", "Opioid use disorder", **relapse))
    await at.clinic.make("sys-sud", high)
    await duty.run(await Clockwork(at.clinic.gate).access(1))
    asked = f"Task?patient={at.p}&code=plan-review-asked"
    assert (await at.clinic.get("mh-clinician", asked)).entries == []
    await at.clinic.make("sys-mh", diagnosis(at.p, "F41.1", "Generalized anxiety disorder", recordedDate="2026-03-05"))
    await duty.run(await Clockwork(at.clinic.gate).access(1))
    assert [t["reasonCode"]["text"] for t in (await at.clinic.get("mh-clinician", asked)).entries] == ["New diagnosis"]


async def test_what_is_hidden_changes_no_page_of_plans(at: At) -> None:  # noqa: F811 - the fixture
    plan, ids, _ = await in_force(at)
    await staff(at.clinic, "both-clinician", "Okafor", "MD")
    await at.clinic.make("sys-sud", encounter(at.p))
    paths = (plan, f"{plan}/sign", f"{plan}/review", f"{plan}/words", f"{plan}/print", f"{plan}/thread/{ids['objective']}", f"/patients/{at.p}/loose-ends", f"/patients/{at.p}/plan", "/plans", "/today")
    for path in paths:
        await at.visitor.get(path)
    before = {path: _plain((await at.visitor.get(path)).text) for path in paths}
    agent = await at.clinic.owner.fetchval("SELECT agent FROM record.account WHERE tenant = 1 AND account = 'mh-clinician'")
    await at.clinic.make("sys-sud", episode(at.p, "sud", "2.1", agent, "2026-01-05"))
    other = Visitor(at.clinic)
    await other.sign_in("both-clinician")
    await other.get(f"/patients/{at.p}/plan")
    stay = (await at.clinic.get("sys-sud", f"EpisodeOfCare?patient={at.p}&organization=Organization/sud")).ids[0]
    theirs = At(at.clinic, other, at.p, stay)
    hidden = str((await theirs.do(f"/patients/{at.p}/plan", stay=stay)).headers["location"])
    problem = await theirs.add(hidden, "problem", name="Opioid use", code="F11.20")
    goal = await theirs.add(hidden, "goal", problem, statement="Ninety days", due="2026-06-01")
    objective = await theirs.add(hidden, "objective", goal, statement="Mood lifts", measure="phq-9.total", comparator="<", target="10", due="2026-05-01")
    await theirs.add(hidden, "intervention", objective, what="Counseling")
    assert (await sign(other, hidden, "clinician")).status_code == 303
    subject = {"subject": {"reference": f"Patient/{at.p}"}}
    for resource in (
        {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]}, "effectiveDateTime": "2026-02-27T10:00:00Z", "valueQuantity": {"value": 24}, **subject},
        {"resourceType": "Condition", "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.20"}], "text": "Opioid use disorder"}, "recordedDate": "2026-03-01", **subject},
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Buprenorphine"}, "authoredOn": "2026-02-28", **subject},
        {"resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]}, "date": "2026-02-28T10:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": "aGk="}}], **subject},
        {"resourceType": "Task", "status": "requested", "intent": "order", "code": {"coding": [{"system": "https://sojourn.example/fhir/CodeSystem/care", "code": "plan-review-asked"}]}, "for": {"reference": f"Patient/{at.p}"}, "focus": {"reference": f"CarePlan/{plan.rpartition('/')[2]}"}, "owner": {"reference": agent}},
    ):  # fmt: skip
        await at.clinic.make("sys-sud", resource)
    assert "Opioid" in (await other.get(hidden)).text
    for path in paths:
        assert _plain((await at.visitor.get(path)).text) == before[path], path
    for path in ("", "/sign", "/review", "/words", "/print", f"/thread/{objective}"):
        gone, none = await at.visitor.get(hidden + path), await at.visitor.get(f"/patients/{at.p}/plan/{'z' * 22}{path}")
        assert gone.status_code == none.status_code == 404
    for path in ("sign", "review"):
        assert (await at.visitor.post(f"{hidden}/{path}", {"do": "clinician"})).status_code == 404
