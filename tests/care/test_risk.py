"""A risky answer reaches somebody who acts, at any hour; nobody can close it empty; nobody learns more than they may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.base import errors
from sojourn.care.risk import acting, duty, opening, people, precautions, reading
from sojourn.care.risk.acting import Closing, NotYet
from sojourn.gate import paging
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.care.risky import AWAY, DAY, NIGHT, ON_CALL, Ward, another, cssrs, phq9, ward
from tests.conftest import Cluster
from tests.people import SUD, A, encounter, observation

FORMULATION = "Wishes to be dead since the argument on Sunday, no plan; two children and the job hold him. Alcohol raises it. Sees us on Friday."


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def everybody(cluster: Cluster, template: str) -> AsyncIterator[Ward]:
    """One ward for all tests here: each has a client and a week of its own."""
    name = f"test_{uuid4().hex}"
    cluster.copy(name, template)
    async with ward(Dsn(app=cluster.app(name), owner=cluster.owner(name)), at=DAY) as made:
        yield made
    cluster.drop(name)


@pytest_asyncio.fixture(loop_scope="module")
async def night(everybody: Ward) -> Ward:
    return await another(everybody, NIGHT)


@pytest_asyncio.fixture(loop_scope="module")
async def day(everybody: Ward) -> Ward:
    return await another(everybody, DAY)


async def test_an_answer_posted_by_any_door_opens_an_episode_with_its_notice_in_its_own_transaction(day: Ward) -> None:
    reply = await day.answer("phq-9", phq9(2))
    assert reply.status == 201
    episode = await day.episode()
    assert [(e.kind, e.level) for e in episode.events] == [("answered", "untriaged"), ("notified", "")]
    assert episode.events[0].about == f"QuestionnaireResponse/{reply.id}"
    (notice,) = await day.notices("therapist")
    assert notice["priority"] == "stat"
    words = repr({k: notice[k] for k in ("code", "description")}).casefold()
    assert not any(word in words for word in ("risk ", "suicid", "phq", "rivera", "ana", "harm"))
    one = await day.clinic.owner.fetch("SELECT DISTINCT updated FROM record.resource WHERE patient = $1 AND type IN ('QuestionnaireResponse', 'ClinicalImpression', 'Task', 'RiskAssessment')", day.client)
    assert len(one) == 1
    lines = await day.clinic.owner.fetch("SELECT query FROM record.audit WHERE action = 'create' AND query LIKE $1", f"%QuestionnaireResponse/{reply.id}%ClinicalImpression/{episode.id}%")
    assert len(lines) == 1
    assessed = (await day.clinic.get("sys-mh", f"RiskAssessment?patient={day.client}")).entries[0]
    assert assessed["prediction"][0]["qualitativeRisk"] == {"text": "Not yet triaged"}


async def test_an_answer_without_danger_opens_nothing_and_one_of_long_ago_is_history(day: Ward) -> None:
    await day.answer("phq-9", phq9(0))
    await day.answer("c-ssrs-screener", cssrs())
    await day.answer("phq-9", phq9(3), authored="2024-05-01T10:00:00Z")
    assert await day.episodes() == []


def nine(of: Ward) -> dict[str, Any]:
    """PHQ-9 question 9 as an Observation by itself."""
    made = observation(of.client, code={"coding": [{"system": "http://loinc.org", "code": "44260-8"}]}, effectiveDateTime=of.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), valueInteger=2)
    return {k: v for k, v in made.items() if k not in ("category", "valueQuantity")}


async def test_a_coded_finding_of_another_system_opens_it_too(day: Ward) -> None:
    assert (await day.clinic.ask("sys-mh", "POST", "Observation", nine(day))).status == 201
    assert (await day.episode()).state.level == "untriaged"


async def test_at_two_at_night_it_goes_to_who_is_on_call_then_to_everybody_left_again_and_again(night: Ward) -> None:
    await night.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    episode = await night.episode()
    assert night.told(episode) == [("skipped", "responsible", "therapist"), ("notified", "on-call", "night")]
    assert [e.code for e in episode.events if e.kind == "skipped"] == ["off-duty"]
    assert len(await night.notices("night")) == 1
    await night.minutes(4)
    assert len((await night.episode()).events) == len(episode.events)
    await night.minutes(2)
    after = night.told(await night.episode())[2:]
    assert after == [("skipped", "supervisor", "boss"), ("skipped", "site-lead", "lead"), ("all-hands", "", ""), ("notified", "site-lead", "lead")]
    trail = await night.clinic.owner.fetch("SELECT account, patients FROM record.audit WHERE action = 'risk-escalation' AND query LIKE $1", f"ClinicalImpression/{episode.id},%")
    assert [(line["account"], line["patients"]) for line in trail] == [("system-clock", [night.client])]
    await night.minutes(25)
    again = night.told(await night.episode())[6:]
    assert again == [("reminded", "site-lead", "lead")] * 2
    assert len(await night.notices("lead")) == 1


async def test_by_day_the_steps_come_in_order_each_after_its_minutes(day: Ward) -> None:
    await day.put(ON_CALL, "night", 8)
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    seen = []
    for minute in range(16):
        seen += [(minute, step, who) for kind, step, who in day.told(await day.episode())[len(seen) :] if kind == "notified"]
        await day.minutes(1)
    assert seen == [(0, "responsible", "therapist"), (5, "on-call", "night"), (10, "supervisor", "boss"), (15, "site-lead", "lead")]


async def test_who_is_away_is_passed_over_and_that_is_written_down(day: Ward) -> None:
    await day.put(AWAY, "therapist", 5)
    await day.put(AWAY, "boss", 5)
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    await day.minutes(6)
    episode = await day.episode()
    assert ("skipped", "responsible", "therapist") in day.told(episode)
    assert ("skipped", "supervisor", "boss") in day.told(episode)
    assert {e.code for e in episode.events if e.kind == "skipped"} == {"away"}
    assert await day.notices("therapist") == []


async def test_acknowledging_stops_the_chain_for_a_while_and_an_action_for_good(day: Ward) -> None:
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    episode = await day.episode()
    await acting.acknowledge(await day.access("therapist"), episode.id)
    await acting.acknowledge(await day.access("therapist"), episode.id)
    assert [e.kind for e in (await day.episode()).events].count("acknowledged") == 1
    await day.minutes(9)
    assert day.told(await day.episode()) == [("notified", "responsible", "therapist")]
    await day.minutes(2)
    assert day.told(await day.episode())[1:] == [("notified", "on-call", "night")]
    await acting.act(await day.access("night"), episode.id, "spoke", "")
    await day.minutes(200)
    assert len(day.told(await day.episode())) == 2
    assert await day.notices("therapist") == []
    assert await day.notices("night") == []


async def test_another_answer_joins_and_never_sets_the_clock_back(day: Ward) -> None:
    await day.answer("phq-9", phq9())
    await day.minutes(4)
    await day.answer("phq-9", phq9(2))
    await day.answer("c-ssrs-screener", cssrs(q1=1))
    episode = await day.episode()
    assert [e.level for e in episode.events if e.kind == "answered"] == ["untriaged", "untriaged", "low"]
    assert (episode.state.level, episode.state.pace) == ("low", "untriaged")
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    assert (await day.episode()).state.level == "high"
    await day.minutes(2)
    assert ("notified", "on-call", "night") in day.told(await day.episode())
    assert len(await day.episodes()) == 1


async def test_a_new_answer_after_an_action_calls_again_unless_who_acted_wrote_it(day: Ward) -> None:
    await day.answer("phq-9", phq9())
    id_ = (await day.episode()).id
    await acting.act(await day.access("therapist"), id_, "spoke", "")
    await day.answer("c-ssrs-screener", cssrs(q2=1, q3=1), who="therapist")
    assert (await day.episode()).state.due([15], 30) is None
    await day.answer("c-ssrs-screener", cssrs(q2=1, q5=1))
    state = (await day.episode()).state
    assert state.acknowledged is None
    assert len(await day.notices("therapist")) == 1


async def test_the_same_answer_sent_again_is_no_news(day: Ward) -> None:
    reply = await day.answer("phq-9", phq9())
    sent = await day.clinic.put("sys-mh", reply.json())
    assert sent.status == 200
    assert len([e for e in (await day.episode()).events if e.kind == "answered"]) == 1
    items = [{**i, "answer": [{"valueCoding": {"system": "http://loinc.org", "code": "LA6571-9"}}]} if i["linkId"] == "9" else i for i in sent.json()["item"]]
    await day.clinic.put("sys-mh", {**sent.json(), "item": items})
    assert len(await day.episodes()) == 1


async def test_it_cannot_be_closed_empty_and_leads_to_a_screening_by_a_day(day: Ward) -> None:
    await day.answer("phq-9", phq9())
    episode = await day.episode()
    them = await day.access("therapist")
    empty = Closing("  . ", "", "", "", None)
    with pytest.raises(NotYet) as refused:
        await acting.close(them, episode.id, episode.version, empty)
    assert [field for field, _ in refused.value.problems] == ["acknowledge", "action", "without", "formulation", "disposition", "again"]
    await acting.acknowledge(await day.access("therapist"), episode.id)
    await acting.act(await day.access("therapist"), episode.id, "spoke", "")
    await day.answer("c-ssrs-screener", cssrs(q1=1), who="therapist")
    tomorrow = day.clock.now().date() + timedelta(days=1)
    whole = Closing(FORMULATION, "stays", "", "", tomorrow)
    with pytest.raises(errors.VersionConflict):
        await acting.close(await day.access("therapist"), episode.id, episode.version, whole)
    episode = await day.episode()
    with pytest.raises(NotYet):
        await acting.close(await day.access("therapist"), episode.id, episode.version, Closing(FORMULATION, "stays", "", "", date(2030, 8, 1)))
    await acting.close(await day.access("therapist"), episode.id, episode.version, whole)
    (closed,) = await day.episodes()
    assert (closed.open, closed.summary, closed.state.closed is not None) == (False, FORMULATION, True)
    (task,) = (await day.clinic.get("sys-mh", f"Task?patient={day.client}&code=risk-rescreen")).entries
    assert (task["owner"]["reference"], task["restriction"]["period"]["end"][:10]) == (day.refs["therapist"], tomorrow.isoformat())
    assert await day.notices("therapist") == []
    await day.answer("phq-9", phq9())
    again = await day.episode()
    assert again.resource["previous"] == {"reference": f"ClinicalImpression/{closed.id}"}


async def test_two_processes_tell_nobody_twice(day: Ward) -> None:
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    day.later(minutes=6)
    first, second = Clockwork(day.clinic.gate), Clockwork(day.clinic.gate)
    one, two = await first.access(A), await second.access(A)
    await asyncio.gather(duty.escalate(one), duty.escalate(two))
    await duty.escalate(await first.access(A))
    assert [t for t in day.told(await day.episode()) if t[1] == "on-call"] == [("notified", "on-call", "night")]
    assert len(await day.notices("night")) == 1


async def test_two_risky_answers_at_one_moment_make_one_episode(day: Ward) -> None:
    replies = await asyncio.gather(*(day.answer("phq-9", phq9(n)) for n in (1, 2, 3)))
    assert {r.status for r in replies} == {201}
    assert len([e for e in (await day.episode()).events if e.kind == "answered"]) == 3


async def test_when_nobody_is_written_down_or_can_see_it_goes_on_and_stands_before_everybody(database: Dsn) -> None:
    async with ward(database, rostered=False) as alone:
        await alone.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        await alone.minutes(31)
        episode = await alone.episode()
        assert ("all-hands", "", "") in alone.told(episode)
        assert alone.told(episode)[-1] == ("reminded", "site-lead", "therapist") or alone.told(episode)[-1][0] == "reminded"
        for who in ("therapist", "boss"):
            assert [e.id for e in await reading.waiting(await alone.access(who))] == [episode.id]
        assert await reading.waiting(await alone.access("blind")) == []


async def test_who_cannot_see_the_client_is_paged_without_a_name_and_the_chain_goes_on(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as sud:
        await sud.put(ON_CALL, "blind", 8)
        await sud.put(AWAY, "therapist", 8)
        await sud.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        told = sud.told(await sud.episode())
        assert ("notified", "on-call", "blind") in told
        assert ("notified", "on-call", "night") in told
        await sud.tick()
        blind = await sud.access("blind")
        ((name, _),) = await paging.mine(blind)
        assert await sud.notices("blind") == []
        with pytest.raises(errors.NotFound):
            await blind.read("ClinicalImpression", name)
        for who in ("night", "boss", "therapist"):
            assert await paging.mine(await sud.access(who)) == []
        await acting.pass_page_on(await sud.access("blind"), name)
        assert await paging.mine(await sud.access("blind")) == []
        await sud.tick()
        assert ("notified", "supervisor", "boss") in sud.told(await sud.episode())


async def test_a_client_of_two_programs_has_an_episode_in_each_and_neither_tells_of_the_other(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as sud:
        await sud.clinic.make("sys-mh", encounter(sud.client))
        await sud.answer("phq-9", phq9(), who="sys-sud")
        assert [e.id for e in await sud.episodes("mh-clinician")] == []
        await sud.answer("phq-9", phq9(), who="sys-mh")
        assert len(await sud.episodes("mh-clinician")) == 1
        assert len(await sud.episodes("sys-sud")) == 2


async def test_a_technician_who_may_write_no_episode_opens_one_all_the_same(day: Ward) -> None:
    assert (await day.clinic.ask("technician", "POST", "Observation", nine(day))).status == 201
    assert (await day.clinic.ask("technician", "POST", "ClinicalImpression", {"resourceType": "ClinicalImpression", "status": "in-progress", "subject": {"reference": f"Patient/{day.client}"}})).status == 403
    assert (await day.episode()).events[0].by == "technician"


async def test_what_was_heard_without_a_questionnaire_opens_it_by_hand(day: Ward) -> None:
    with pytest.raises(errors.Malformed):
        await opening.by_hand(await day.access("therapist"), day.client, "high", "  ")
    id_ = await opening.by_hand(await day.access("therapist"), day.client, "moderate", "Said in group that nobody would miss her.")
    assert (await day.episode()).id == id_
    assert (await day.episode()).state.level == "moderate"
    assert await opening.by_hand(await day.access("boss"), day.client, "high", "Called her mother to say goodbye.") == id_




async def test_no_door_writes_closes_or_deletes_an_episode_past_its_room(day: Ward) -> None:
    await day.answer("phq-9", phq9())
    stored = (await day.clinic.get("sys-mh", f"ClinicalImpression?patient={day.client}")).entries[0]
    closed = {**stored, "status": "completed", "summary": "x"}
    forged = {k: v for k, v in stored.items() if k not in ("id", "meta", "identifier")}
    for who in ("therapist", "sys-mh"):
        assert (await day.clinic.put(who, closed)).status == 403
        assert (await day.clinic.put(who, {k: v for k, v in closed.items() if k not in ("extension", "identifier", "meta")})).status == 403
        assert (await day.clinic.ask(who, "DELETE", f"ClinicalImpression/{stored['id']}")).status == 403
        assert (await day.clinic.ask(who, "POST", "ClinicalImpression", forged)).status == 403
        assert (await day.clinic.ask(who, "PATCH", f"ClinicalImpression/{stored['id']}", [{"op": "replace", "path": "/status", "value": "completed"}], [("content-type", "application/json-patch+json")])).status == 403
    plain = {k: v for k, v in forged.items() if k not in ("extension", "investigation", "finding")} | {"code": {"text": "Another impression"}}
    assert (await day.clinic.ask("therapist", "POST", "ClinicalImpression", plain)).status == 201
    assert (await day.episode()).version == stored["meta"]["versionId"]


async def test_whoever_ends_a_notice_without_acting_gets_it_again(night: Ward) -> None:
    await night.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    await night.minutes(6)
    (notice,) = await night.notices("lead")
    await night.clinic.put("lead", {**notice, "status": "completed"})
    assert await night.notices("lead") == []
    await night.minutes(11)
    assert len(await night.notices("lead")) == 1


async def test_when_nobody_can_be_looked_up_the_answer_is_kept_and_the_clock_tells_them_later(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(people, "around", broken)
        assert (await day.answer("phq-9", phq9())).status == 201
        await day.tick()
    assert [e.kind for e in (await day.episode()).events] == ["answered"]
    await day.tick()
    assert day.told(await day.episode()) == [("notified", "responsible", "therapist")]


async def test_what_is_done_belongs_to_the_program_of_the_episode_whichever_its_author_acts_under(database: Dsn) -> None:
    async with ward(database, at=DAY) as mh:
        await mh.clinic.make("sys-sud", encounter(mh.client))
        await mh.clinic.owner.execute("UPDATE record.assignment SET acting = $1 WHERE tenant = 1 AND account = 'boss'", SUD)
        await mh.clinic.gate.reload()
        await mh.answer("c-ssrs-screener", cssrs(q1=1))
        boss = await mh.access("boss")
        assert boss.caller.acting == SUD
        episode = await mh.episode()
        await acting.act(boss, episode.id, "spoke", "")
        await precautions.put(boss, mh.client, "in-sight")
        episode = await mh.episode()
        await acting.close(boss, episode.id, episode.version, Closing(FORMULATION, "stays", "", "", DAY.date()))
        for type_ in ("Flag", "Task?code=risk-rescreen"):
            assert len((await mh.clinic.get("mh-clinician", f"{type_}{'&' if '?' in type_ else '?'}patient={mh.client}")).entries) == 1
