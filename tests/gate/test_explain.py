"""The explanation of an answer and the answer itself are one: now, and for every moment of the past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.gate import explain
from sojourn.gate.access import Access
from sojourn.gate.explain import Asked
from sojourn.gate.explaining.steps import DELETED, NO, YES, Explanation
from sojourn.record import organization
from tests.effort import THOROUGH
from tests.people import BY_NAME, START, A, Clinic, close_clinic, consent, encounter, labelled, observation, open_clinic, patient

CALLERS = ("sud-clinician", "mh-clinician", "both-clinician", "technician", "biller", "tpo", "tpo-billing", "tpo-research", "stranger", "revoked", "specific", "denied")


async def officer(clinic: Clinic, account: str = "officer") -> Access:
    access = await clinic.gate.access(clinic.tokens[account])
    assert access
    return access


async def why(clinic: Clinic, who: str, type_: str, id_: str, at: datetime | None = None, purpose: str | None = None) -> list[Explanation]:
    found = await explain.explain(await officer(clinic), Asked(account=who, purpose=purpose or BY_NAME[who].purpose), type_, id_, at)
    return found.explanations


def status_of(one: Explanation) -> int:
    """What the FHIR door answers to the same question."""
    if one.allowed:
        return 200
    if one.outcome == DELETED:
        return 410
    return 403 if one.decisive.step == "role" else 404


def coherent(one: Explanation) -> None:
    """The rows named are the rows behind the outcome."""
    for step in one.steps:
        held = [row for row in step.rows if row.get("holds")]
        if step.step == "consent" and step.outcome == NO:
            assert not held, one
        if step.step == "consent" and step.outcome == YES and "permitted by" in step.words:
            assert held, one
        if step.step == "deny":
            assert bool(held) == (step.outcome == NO), one
    assert (one.decisive.outcome == NO) == (not one.allowed and one.outcome != DELETED), one


@pytest.fixture
async def told(database: Any) -> AsyncIterator[tuple[Clinic, FakeClock]]:
    now = FakeClock(START)
    with clock.using(now):
        clinic = await open_clinic(database)
        yield clinic, now
        await close_clinic(clinic)


class Story:
    """Random days of a clinic: people come, consent, revoke, and records are made, changed, deleted."""

    def __init__(self, clinic: Clinic, random: Random) -> None:
        self.clinic, self.random = clinic, random
        self.patients: list[str] = []
        self.known: list[tuple[str, str]] = []
        self.consents: list[dict[str, Any]] = []
        self.gone: set[tuple[str, str]] = set()

    async def make(self, by: str, resource: dict[str, Any]) -> str:
        reply = await self.clinic.make(by, resource)
        self.known.append((resource["resourceType"], reply.id))
        return reply.id

    async def step(self) -> None:
        random = self.random
        by = random.choice(("sys-sud", "sys-mh"))
        who = random.choice(self.patients) if self.patients and random.random() < 0.9 else ""
        if not who:
            self.patients.append(await self.make(by, patient(f"P{len(self.patients)}")))
            await self.make(by, encounter(self.patients[-1]))
            return
        for kind in random.choices(("observation", "encounter", "consent", "deny", "revoke", "delete", "team", "change", "account"), (5, 2, 5, 2, 2, 1, 2, 1, 1), k=2):
            await getattr(self, kind)(by, who)

    async def observation(self, by: str, who: str) -> None:
        label = self.random.choice(("", "", "HIV"))
        security: dict[str, Any] = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": label}]}} if label else {}
        if self.random.random() < 0.2:
            security = {"valueQuantity": labelled({"value": 5}, "HIV")}
        await self.make(by, observation(who, self.random.randint(40, 99), **security))

    async def encounter(self, by: str, who: str) -> None:
        await self.make(by, encounter(who))

    async def consent(self, by: str, who: str) -> None:
        purposes = self.random.choice((("TREAT",), ("TREAT", "HPAYMT", "HOPERAT"), ("HRESCH",)))
        limits = self.random.choice(({}, {}, {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}, {"period": {"start": "2026-01-01", "end": "2026-03-04"}}))
        signed = await self.clinic.make("sys-sud", consent(who, self.random.choice(("tpo", "tpo", "revoked", "specific", "denied")), purposes=purposes, provision=limits))
        self.consents.append(signed.json())

    async def deny(self, by: str, who: str) -> None:
        provision = {"type": "deny", "purpose": [], "securityLabel": [], "action": []}
        made = await self.clinic.make("sys-sud", consent(who, self.random.choice(("denied", "tpo")), provision={k: v for k, v in provision.items() if v} | {"type": "deny"}))
        self.consents.append(made.json())

    async def revoke(self, by: str, who: str) -> None:
        if self.consents:
            one = self.consents.pop(self.random.randrange(len(self.consents)))
            await self.clinic.put("sys-sud", {**one, "status": "inactive"})

    async def delete(self, by: str, who: str) -> None:
        live = [k for k in self.known if k[0] == "Observation" and k not in self.gone]
        if live:
            type_, id_ = self.random.choice(live)
            await self.clinic.ask("sys-sud", "DELETE", f"{type_}/{id_}")
            self.gone.add((type_, id_))

    async def change(self, by: str, who: str) -> None:
        live = [k for k in self.known if k[0] == "Observation" and k not in self.gone]
        if live:
            _, id_ = self.random.choice(live)
            read = await self.clinic.get("both-clinician", f"Observation/{id_}")
            if read.status == 200:
                await self.clinic.put("both-clinician", {**read.json(), "status": "amended"})

    async def team(self, by: str, who: str) -> None:
        member = {"member": {"reference": self.random.choice(("Organization/stranger", "Practitioner/mh-clinician"))}}
        await self.clinic.make(by, {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{who}"}, "participant": [member],
                                    "period": {"start": "2026-01-01", "end": self.random.choice(("2026-03-03", "2027-01-01"))}})  # fmt: skip

    async def account(self, by: str, who: str) -> None:
        p = BY_NAME["mh-clinician"]
        role, programs = self.random.choice((("clinician", [1, 2]), ("clinician", [2]), ("biller", [2])))
        row = organization.AccountRow(p.account, p.kind, p.account, p.account, None, p.agent, role, programs, p.acting, [])
        await organization.account(self.clinic.owner, A, row, clock.now())


@pytest.mark.parametrize("seed", ["fixed", "random"] if THOROUGH else ["fixed"])
async def test_what_is_explained_is_what_was_answered_now_and_at_every_moment_of_the_past(told: tuple[Clinic, FakeClock], seed: str) -> None:
    clinic, now = told
    number = 3 if seed == "fixed" else Random().randrange(10**9)
    print(f"seed {number}")
    random = Random(number)
    story = Story(clinic, random)
    answered: list[tuple[datetime, str, str, str, int]] = []
    statuses = set()
    for _ in range(24):
        await story.step()
        now.advance(timedelta(minutes=5))
        for type_, id_ in random.sample(story.known, min(4, len(story.known))):
            for who in random.sample(CALLERS, 5):
                status = (await clinic.get(who, f"{type_}/{id_}")).status
                explained = (await why(clinic, who, type_, id_))[0]
                coherent(explained)
                assert status_of(explained) == status, (number, who, type_, id_, explained)
                answered.append((clock.now(), who, type_, id_, status))
                statuses.add(status)
        now.advance(timedelta(hours=random.choice((1, 20))))
    if seed == "fixed":  # what the days of another seed come to is luck
        assert statuses >= {200, 404}
    for at, who, type_, id_, status in answered:
        then, hindsight = await why(clinic, who, type_, id_, at)
        coherent(then)
        coherent(hindsight)
        assert status_of(then) == status, (number, at, who, type_, id_, then)


async def shared(clinic: Clinic) -> tuple[str, str]:
    """A patient of both programs, and an Observation of the Part 2 program."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-sud", observation(p, 61))).id


def said(one: Explanation, step: str) -> str:
    return " ".join(s.words for s in one.steps if s.step == step)


async def test_each_step_names_the_rule_or_row_that_it_rests_on(clinic: Clinic) -> None:
    p, sud = await shared(clinic)
    signed = await clinic.make("sys-sud", consent(p, "tpo"))
    (one,) = await why(clinic, "tpo", "Observation", sud)
    assert [s.step for s in one.steps][:5] == ["who", "why", "role", "relation", "labels"]
    assert one.allowed
    assert one.consents == [f"Consent/{signed.id}"]
    assert f"Consent/{signed.id}" in said(one, "consent")
    assert "SUD" in str(next(s for s in one.steps if s.step == "labels").rows)  # the program that made it
    assert "consent (Consent/" in said(one, "relation")
    (one,) = await why(clinic, "mh-clinician", "Observation", sud)
    assert one.decisive.step == "consent"
    assert "Part 2" in one.decisive.words
    (one,) = await why(clinic, "sud-clinician", "Observation", sud)
    assert "made in SUD, where the caller works" in said(one, "consent")
    (one,) = await why(clinic, "biller", "Observation", sud)
    assert one.decisive.step == "role"


async def test_a_consent_that_nearly_fits_is_named_with_what_it_lacks(clinic: Clinic) -> None:
    p, sud = await shared(clinic)
    signed = await clinic.make("sys-sud", consent(p, "tpo", purposes=("HPAYMT",)))
    (one,) = await why(clinic, "tpo", "Observation", sud)
    assert not one.allowed
    assert f"Consent/{signed.id}, but it is for " in one.decisive.words
    assert "payment (HPAYMT)" in one.decisive.words


async def test_somebody_made_up_gets_the_answer_that_an_account_like_them_gets(clinic: Clinic) -> None:
    p, sud = await shared(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    access = await officer(clinic)
    for asked, seen in (
        (Asked(role="clinician", programs=(1,)), True),
        (Asked(role="clinician", programs=(2,)), False),
        (Asked(recipient="Organization/tpo"), True),
        (Asked(recipient="Organization/tpo", purpose="HRESCH"), False),
        (Asked(recipient="Organization/unheard-of"), False),
    ):
        (one,) = (await explain.explain(access, asked, "Observation", sud)).explanations
        assert one.allowed is seen, (asked, one)


async def test_a_past_day_is_answered_twice_and_a_consent_entered_late_shows_in_hindsight_only(told: tuple[Clinic, FakeClock]) -> None:
    clinic, now = told
    p, sud = await shared(clinic)
    now.advance(timedelta(days=2))
    day = clock.now()
    now.advance(timedelta(days=2))
    late = await clinic.make("sys-sud", consent(p, "tpo"))  # begins in January, known only now
    then, hindsight = await why(clinic, "tpo", "Observation", sud, day)
    assert (then.view, then.allowed) == ("then", False)
    assert (hindsight.view, hindsight.allowed) == ("hindsight", True)
    assert hindsight.consents == [f"Consent/{late.id}"]


async def test_what_was_revoked_since_is_explained_by_the_consent_of_that_day(told: tuple[Clinic, FakeClock]) -> None:
    clinic, now = told
    p, sud = await shared(clinic)
    signed = await clinic.make("sys-sud", consent(p, "tpo"))
    now.advance(timedelta(days=2))
    day = clock.now()
    now.advance(timedelta(days=2))
    await clinic.put("sys-sud", {**signed.json(), "status": "inactive"})
    assert not (await why(clinic, "tpo", "Observation", sud))[0].allowed
    then, _ = await why(clinic, "tpo", "Observation", sud, day)
    assert then.allowed
    assert then.consents == [f"Consent/{signed.id}"]


async def test_who_could_see_it_on_that_day_and_under_which_consent(told: tuple[Clinic, FakeClock]) -> None:
    clinic, now = told
    p, sud = await shared(clinic)
    signed = await clinic.make("sys-sud", consent(p, "tpo"))
    await clinic.make("sys-sud", consent(p, "nobody-here"))
    now.advance(timedelta(days=2))
    day = clock.now()
    await clinic.put("sys-sud", {**signed.json(), "status": "inactive"})
    now.advance(timedelta(days=1))
    views, _ = await explain.who(await officer(clinic), "Observation", sud, day - timedelta(hours=1))
    found = {s.account or s.who: s for s in dict(views)["then"]}
    assert found["tpo"].explanation.consents == [f"Consent/{signed.id}"]
    assert "Organization/nobody-here" in found
    assert "sud-clinician" in found
    assert "mh-clinician" not in found
    assert "stranger" not in found
    views, _ = await explain.who(await officer(clinic), "Observation", sud)
    assert "tpo" not in {s.account for s in dict(views)["now"]}
    for seer in dict(views)["now"]:  # and it is what the door answers
        if seer.account and seer.purpose == BY_NAME[seer.account].purpose:
            assert (await clinic.get(seer.account, f"Observation/{sud}")).status == 200


async def test_who_declared_an_emergency_is_among_those_who_can_see_it(clinic: Clinic) -> None:
    from tests.gate.test_emergency import declare, quill

    person, sud, *_ = await quill(clinic)
    declared = await declare(clinic)
    views, _ = await explain.who(await officer(clinic), "Observation", sud)
    found = [s for s in dict(views)["now"] if s.account == "mh-clinician"]
    assert found
    assert {s.purpose for s in found} <= {"BTG", "ETREAT"}
    assert any("Emergency access" in c for s in found for c in s.explanation.consents)
    assert declared.patient == person


async def test_a_whole_record_is_counted_by_reason(clinic: Clinic) -> None:
    p, _ = await shared(clinic)
    await clinic.make("sys-mh", observation(p, 70))
    views, _ = await explain.tally(await officer(clinic), Asked(account="mh-clinician"), p)
    found = {(t.type, t.outcome, t.step): t for t in dict(views)["now"]}
    assert found["Observation", "withheld", "consent"].count == 1
    assert "Part 2" in found["Observation", "withheld", "consent"].reason
    assert found["Observation", "seen in part", "decision"].count == 1


async def test_only_who_may_explain_and_works_in_every_program_is_told(clinic: Clinic) -> None:
    _, sud = await shared(clinic)
    with pytest.raises(errors.Forbidden):
        await explain.explain(await officer(clinic, "both-clinician"), Asked(account="tpo"), "Observation", sud)
    row = organization.AccountRow("officer", "staff", "officer", "officer", None, BY_NAME["officer"].agent, "privacy-officer", [2], 2, [])
    await organization.account(clinic.owner, A, row, clock.now())
    clinic.gate.identity._known.clear()
    for id_ in (sud, "no-such-id"):
        with pytest.raises(errors.Forbidden):
            await explain.explain(await officer(clinic), Asked(account="tpo"), "Observation", id_)


async def test_what_the_asker_may_not_see_is_explained_like_what_is_not_there(clinic: Clinic) -> None:
    p, _ = await shared(clinic)
    note = (await clinic.make("sys-mh", observation(p, 1, meta={"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]}))).id
    access, answers = await officer(clinic), []
    for id_ in (note, "no-such-id"):
        for question in (explain.explain(access, Asked(account="tpo"), "Observation", id_), explain.who(access, "Observation", id_)):
            with pytest.raises(errors.NotFound) as caught:
                await question
            answers.append(str(caught.value))
    assert len(set(answers)) == 1
    views, _ = await explain.tally(access, Asked(account="both-clinician"), p)
    assert sum(t.count for t in dict(views)["now"] if t.type == "Observation") == 1  # without the note
    lines = await clinic.trail(access.request)
    assert [(line["action"], line["outcome"]) for line in lines[:4]] == [("explain", "absent")] * 4


async def test_every_question_is_in_the_trail(clinic: Clinic) -> None:
    p, sud = await shared(clinic)
    access = await officer(clinic)
    await explain.explain(access, Asked(account="tpo"), "Observation", sud)
    (line,) = await clinic.trail(access.request)
    assert (line["action"], line["account"], line["patients"]) == ("explain", "officer", [p])
    assert "account:tpo" in line["query"]


async def test_a_moment_that_is_still_to_come_cannot_be_asked_about(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    access = await officer(clinic)
    for question in (explain.explain(access, Asked(account="mh-clinician"), "Patient", p, access.now + timedelta(hours=1)), explain.who(access, "Patient", p, access.now + timedelta(hours=1))):
        with pytest.raises(errors.Invalid):
            await question
