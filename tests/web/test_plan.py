"""Plans on the screen, over the real gate: from what was found to a tree of problems, goals, objectives and interventions."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from sojourn.record.database import Dsn
from tests.people import Clinic, close_clinic, open_clinic, patient
from tests.web.real import Visitor, furnish

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LEVEL = "https://riverbend.example/fhir/CodeSystem/level-of-care"


class At(NamedTuple):
    """A clinician of mental health with a client in outpatient care."""

    clinic: Clinic
    visitor: Visitor
    p: str
    stay: str

    async def of(self, type_: str, query: str = "") -> list[Any]:
        return list((await self.clinic.get("sys-mh", f"{type_}?patient={self.p}{query}")).entries)

    async def do(self, path: str, **form: str) -> Any:
        return await self.visitor.post(path, form)

    async def begun(self) -> str:
        """The address of a new plan."""
        await self.visitor.get(f"/patients/{self.p}/plan")
        return str((await self.do(f"/patients/{self.p}/plan", stay=self.stay)).headers["location"])

    async def add(self, plan: str, kind: str, parent: str = "", **fields: str) -> str:
        """A new part; its id."""
        await self.visitor.get(plan)
        answer = await self.do(plan, do="save", kind=kind, node="", parent=parent, **fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"]).partition("#")[2]


def episode(p: str, program: str, level: str, clinician: str = "", started: str = "2026-02-20", **more: Any) -> dict[str, Any]:
    stay = {
        "resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "managingOrganization": {"reference": f"Organization/{program}"},
        "type": [{"coding": [{"system": LEVEL, "code": level}], "text": f"Program {program}"}], "period": {"start": started}, **more,
    }  # fmt: skip
    return {**stay, "careManager": {"reference": clinician}} if clinician else stay


def diagnosis(p: str, code: str, text: str, **more: Any) -> dict[str, Any]:
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    category = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}]
    return {"resourceType": "Condition", "clinicalStatus": active, "category": category, "code": {"coding": [{"system": ICD, "code": code}], "text": text}, "subject": {"reference": f"Patient/{p}"}, "recordedDate": "2026-02-20", **more}


def phq9(p: str, value: int, on: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]}, "subject": {"reference": f"Patient/{p}"}, "effectiveDateTime": on, "valueQuantity": {"value": value}}


async def staff(clinic: Clinic, account: str, family: str, suffix: str = "LCSW") -> str:
    """A Practitioner behind an account."""
    id_ = (await clinic.make("sys-none", {"resourceType": "Practitioner", "name": [{"family": family, "given": ["Dana"], "suffix": [suffix]}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $2 WHERE tenant = 1 AND account = $1", account, f"Practitioner/{id_}")
    return f"Practitioner/{id_}"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    await furnish(made)
    yield made
    await close_clinic(made)


@pytest.fixture
async def at(clinic: Clinic) -> At:
    p = (await clinic.make("sys-mh", patient())).id
    them = await staff(clinic, "mh-clinician", "Whitfield")
    stay = (await clinic.make("sys-mh", episode(p, "mh", "OP", them))).id
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": them}}]})
    await clinic.make("sys-mh", diagnosis(p, "F33.1", "Major depressive disorder, recurrent, moderate"))
    await clinic.make("sys-mh", phq9(p, 17, "2026-02-25T10:00:00Z"))
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    return At(clinic, visitor, p, stay)


async def whole(at: At) -> tuple[str, dict[str, str]]:
    """A plan with one of each; the ids by kind."""
    plan = await at.begun()
    ids = {"problem": await at.add(plan, "problem", name="Low mood", words="I can't get up", code="F33.1", dimension="4e-3")}
    ids["goal"] = await at.add(plan, "goal", ids["problem"], quote="I want to feel like myself", statement="Out of bed by nine on five days", due="2026-06-01")
    ids["objective"] = await at.add(plan, "objective", ids["goal"], statement="PHQ-9 below ten", measure="phq-9.total", comparator="<", target="10", due="2026-05-01")
    ids["intervention"] = await at.add(plan, "intervention", ids["objective"], what="Behavioral activation", modality="individual", times="1", period="wk", minutes="45")
    return plan, ids


async def test_findings_wait_on_the_left_and_become_problems_with_their_evidence(at: At) -> None:
    plan = await at.begun()
    page = (await at.visitor.get(plan)).text
    assert "PHQ-9 total" in page
    assert "Major depressive disorder, recurrent, moderate" in page
    score = (await at.of("Observation"))[0]["id"]
    taken = await at.do(plan, do="take", ref=f"Observation/{score}")
    assert "edit=problem." in taken.headers["location"]
    made = next(c for c in await at.of("Condition") if c.get("evidence"))
    assert made["evidence"][0]["detail"] == [{"reference": f"Observation/{score}"}]
    assert (await at.of("CarePlan"))[0]["addresses"] == [{"reference": f"Condition/{made['id']}"}]
    assert [c["id"] for c in (await at.clinic.get("sys-mh", f"Condition?evidence-detail=Observation/{score}")).entries] == [made["id"]]
    assert 'Make it a problem<span class="unseen">: PHQ-9' not in (await at.visitor.get(plan)).text


async def test_the_chain_is_kept_in_references_both_ways(at: At) -> None:
    plan, ids = await whole(at)
    (care,) = await at.of("CarePlan")
    goals = {g["id"]: g for g in await at.of("Goal")}
    (deed,) = await at.of("ServiceRequest")
    assert {g["reference"] for g in care["goal"]} == {f"Goal/{ids['goal']}", f"Goal/{ids['objective']}"}
    assert care["activity"] == [{"reference": {"reference": f"ServiceRequest/{ids['intervention']}"}}]
    assert goals[ids["goal"]]["addresses"] == [{"reference": f"Condition/{ids['problem']}"}]
    assert goals[ids["goal"]]["note"][0] == {"authorReference": {"reference": f"Patient/{at.p}"}, "text": "I want to feel like myself"}
    target = goals[ids["objective"]]["target"][0]
    assert target["detailQuantity"] == {"value": 10, "comparator": "<"}
    assert target["measure"]["coding"][0]["code"] == "44261-6"
    begin = next(e for e in goals[ids["objective"]]["extension"] if e["url"].endswith("goal-baseline"))
    assert begin["extension"][0]["valueQuantity"]["value"] == 17  # taken from the newest score
    assert deed["basedOn"] == [{"reference": f"CarePlan/{care['id']}"}]
    assert deed["occurrenceTiming"]["repeat"] == {"duration": 45, "durationUnit": "min", "frequency": 1, "period": 1, "periodUnit": "wk"}
    for query in (f"CarePlan?goal=Goal/{ids['objective']}", f"CarePlan?condition=Condition/{ids['problem']}", f"CarePlan?activity-reference=ServiceRequest/{ids['intervention']}"):
        assert (await at.clinic.get("sys-mh", query)).ids == [care["id"]], query
    page = (await at.visitor.get(plan)).text
    for words in ("I can&#39;t get up", "I want to feel like myself", "from 17 (25 February 2026) to below 10", "once a week, 45 minutes each"):
        assert words in page


async def test_two_clinicians_do_not_overwrite_each_other_and_both_versions_are_shown(at: At) -> None:
    plan, ids = await whole(at)
    page = (await at.visitor.get(f"{plan}?edit=goal.{ids['goal']}")).text
    seen = re.findall(r'name="version" value="([^"]+)"', page)[0]
    theirs = (await at.clinic.get("sys-mh", f"Goal/{ids['goal']}")).json()
    theirs["description"] = {"text": "Up by eight, every day"}
    assert (await at.clinic.put("sys-mh", theirs)).status == 200
    mine = {"kind": "goal", "node": ids["goal"], "parent": "", "quote": "", "statement": "Up by ten", "due": ""}
    refused = await at.do(plan, do="save", version=seen, **mine)
    assert refused.status_code == 409
    assert "Up by eight, every day" in refused.text
    assert "Up by ten" in refused.text
    now = re.findall(r'name="version" value="([^"]+)"', refused.text)[0]
    assert now != seen
    assert (await at.do(plan, do="save", version=now, **mine)).status_code == 303
    assert (await at.clinic.get("sys-mh", f"Goal/{ids['goal']}")).json()["description"]["text"] == "Up by ten"


async def test_two_parts_added_at_once_both_stay(at: At) -> None:
    plan, ids = await whole(at)
    second = await at.add(plan, "problem", name="Sleep")
    third = await at.add(plan, "problem", name="Work")
    named = {a["reference"].partition("/")[2] for a in (await at.of("CarePlan"))[0]["addresses"]}
    assert named == {ids["problem"], second, third}


async def test_what_is_typed_is_kept_and_comes_back_until_it_is_saved(at: At) -> None:
    plan, ids = await whole(at)
    await at.visitor.get(f"{plan}?add=goal.{ids['problem']}")
    kept = await at.do(f"{plan}/typed", key=f"goal.new.{ids['problem']}", statement="Half a sent", quote="", due="", stamp="")
    assert kept.status_code == 200
    assert "not saved yet" in kept.text
    again = (await at.visitor.get(f"{plan}?add=goal.{ids['problem']}")).text
    assert "Half a sent</textarea>" in again
    assert "a new goal" in (await at.visitor.get(plan)).text
    await at.add(plan, "goal", ids["problem"], statement="Half a sentence no more")
    assert "Half a sent</textarea>" not in (await at.visitor.get(f"{plan}?add=goal.{ids['problem']}")).text
    assert len([g for g in await at.of("Goal") if g["description"]["text"].startswith("Half")]) == 1


async def test_a_part_of_a_draft_is_taken_out_with_what_hangs_on_it(at: At) -> None:
    plan, ids = await whole(at)
    await at.visitor.get(plan)
    await at.do(plan, do="end", kind="goal", node=ids["goal"])
    (care,) = await at.of("CarePlan")
    assert "goal" not in care
    assert "activity" not in care
    assert await at.of("Goal") == []


async def test_suggestions_follow_the_problem_and_are_opened_to_be_made_ones_own(at: At) -> None:
    plan = await at.begun()
    await at.add(plan, "problem", name="Low mood", code="F33.1")
    page = (await at.visitor.get(plan)).text
    assert "On most days of the week, does at least one thing" in page
    used = await at.do(plan, do="use", entry="low-mood", what="goal.0")
    assert "edit=goal." in used.headers["location"]
    await at.visitor.get(plan)
    step = await at.do(plan, do="use", entry="low-mood", what="step.0.0")
    await at.visitor.get(plan)
    assert (await at.do(plan, do="use", entry="low-mood", what="help.0")).status_code == 303
    assert step.status_code == 303
    assert len(await at.of("ServiceRequest")) == 1


async def test_a_finding_that_is_set_aside_needs_a_reason_and_does_not_come_back(at: At) -> None:
    plan = await at.begun()
    found = next(c for c in await at.of("Condition"))["id"]
    await at.visitor.get(plan)
    assert (await at.do(plan, do="aside", ref=f"Condition/{found}", why="")).status_code == 422
    await at.do(plan, do="aside", ref=f"Condition/{found}", why="Treated by her own psychiatrist")
    assert 'Make it a problem<span class="unseen">: Major' not in (await at.visitor.get(plan)).text


async def test_a_plan_is_written_by_those_who_work_in_its_program(at: At) -> None:
    p = (await at.clinic.make("sys-far", patient("Quill"))).id
    stay = (await at.clinic.make("sys-far", episode(p, "far", "OP"))).id
    await at.clinic.make("sys-far", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": (await at.clinic.owner.fetchval("SELECT agent FROM record.account WHERE tenant = 1 AND account = 'mh-clinician'"))}}]})
    page = await at.visitor.get(f"/patients/{p}/plan")
    assert "written by those who work there" in page.text
    assert (await at.do(f"/patients/{p}/plan", stay=stay)).status_code == 403
    assert (await at.clinic.get("sys-far", f"CarePlan?patient={p}")).entries == []


async def test_a_plan_of_the_part_2_program_leaves_no_trace_in_the_same_chart(at: At) -> None:
    plan, _ = await whole(at)
    await at.visitor.get(plan)  # what is said once is said
    quiet = {path: (await at.visitor.get(path)).text for path in (plan, f"/patients/{at.p}/plan")}
    hidden = Visitor(at.clinic)
    await staff(at.clinic, "both-clinician", "Okafor", "MD")
    await at.clinic.make("sys-sud", episode(at.p, "sud", "2.1"))
    await hidden.sign_in("both-clinician")
    await hidden.get(f"/patients/{at.p}/plan")
    stay = (await at.clinic.get("sys-sud", f"EpisodeOfCare?patient={at.p}&organization=Organization/sud")).ids[0]
    theirs = At(at.clinic, hidden, at.p, stay)
    other = str((await theirs.do(f"/patients/{at.p}/plan", stay=stay)).headers["location"])
    problem = await theirs.add(other, "problem", name="Heroin", code="F11.20")
    await theirs.add(other, "goal", problem, statement="No heroin for ninety days")
    assert "Heroin" in (await hidden.get(other)).text
    for path, before in quiet.items():
        after = (await at.visitor.get(path)).text
        assert _plain(after) == _plain(before), path
    assert (await at.visitor.get(other)).status_code == 404


def _plain(page: str) -> str:
    """Without what differs from answer to answer: nonces and the tokens of forms."""
    return re.sub(r'(nonce="|name="csrf" value="|"X-CSRF-Token": ")[^"]+', r"\1", page)


async def test_the_builder_asks_at_most_twelve_questions(at: At) -> None:
    plan, ids = await whole(at)
    before = await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
    await at.visitor.get(f"{plan}?edit=goal.{ids['goal']}")
    assert await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12
