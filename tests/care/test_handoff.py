"""A hand-off: exactly what was looked at leaves, nothing leaves when consent changed meanwhile, and silence is not forgotten."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care import tasks
from sojourn.care.handoff import loops, referral
from sojourn.fhir.validate import validate
from sojourn.gate import disclosing, disclosurelog
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, Clinic, consent, encounter, observation, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """A clinic whose clinicians are people."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        for who in ("both-clinician", "mh-clinician"):
            them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
            await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
            made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
        yield made
        await people.close_clinic(made)


async def at(clinic: Clinic, who: str = "both-clinician", *, proved: bool = True) -> Access:
    """Somebody who proved who they are a moment ago."""
    secret = await clinic.gate.identity.issue(clinic.gate.house.tenants[1], who, kind="session", door="staff", life=timedelta(days=20))
    if proved:
        await clinic.owner.execute("UPDATE record.credential SET proved = $1 WHERE account = $2", clock.now(), who)
    found = await clinic.gate.session(secret)
    assert found is not None
    return found


async def chart(clinic: Clinic) -> tuple[str, str, str]:
    """(patient, receiver, consent): a client of both programs, who agreed that the receiver may know of the Part 2 program."""
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p = (await clinic.make("sys-mh", patient())).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p))
        await clinic.make(who, observation(p))
    agreed = (await clinic.make("sys-sud", consent(p, receiver))).id
    return p, receiver, agreed


async def begun(clinic: Clinic, p: str, receiver: str) -> referral.Handoff:
    access = await at(clinic)
    return await referral.one(access, await referral.prepare(access, p, receiver, asks="Follow-up within 7 days", why="Stable"))


async def test_what_was_looked_at_leaves_as_a_document_that_holds_exactly_that(clinic: Clinic) -> None:
    p, receiver, _ = await chart(clinic)
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    seen = await referral.preview(access, handoff)
    disclosure = await referral.send(access, handoff, seen.digest)
    row = await disclosurelog.one(access, disclosure)
    received = json.loads(disclosing.payload(access, row))
    assert received["type"] == "document"
    first, *entries = [e["resource"] for e in received["entry"]]
    assert first["resourceType"] == "Composition"
    consents = [f"Consent/{r['id']}" for r in entries if r["resourceType"] == "Consent"]
    entries = [r for r in entries if r["resourceType"] != "Consent"]
    assert consents == [c.partition("/_history")[0] for c in row["consents"]], "with it goes a copy of the consent that it rests on"
    assert {(r["resourceType"], r["id"]) for r in entries} == {(s.type, s.id) for s in seen.leaves} == {tuple(w.split("/")[:2]) for w in row["what"] if not w.startswith("Consent/")}
    named = {e["reference"].rpartition("/fhir/")[2] for s in first["section"] for e in s.get("entry", ())}
    assert named | {f"Patient/{p}"} == {f"{r['resourceType']}/{r['id']}" for r in entries} | set(consents)
    assert first["section"][0]["title"] == "Notice on redisclosure"
    assert "42 CFR part 2" in first["section"][0]["text"]["div"]
    assert [i for i in validate(received) if i.severity == "error"] == []
    after = await referral.one(await at(clinic), handoff.id)
    assert (after.step, after.sent) == ("sent", (disclosure,))
    with pytest.raises(errors.SojournError):
        await referral.send(await at(clinic), after._replace(step="sent"), seen.digest + "x")


async def test_a_consent_taken_back_between_the_preview_and_the_sending_stops_it(clinic: Clinic) -> None:
    p, receiver, agreed = await chart(clinic)
    handoff = await begun(clinic, p, receiver)
    seen = await referral.preview(await at(clinic), handoff)
    assert seen.leaves
    current = (await clinic.get("sys-sud", f"Consent/{agreed}")).json()
    taken_back = await clinic.put("sys-sud", {**current, "status": "inactive"})
    assert taken_back.status == 200, taken_back.body
    with pytest.raises((errors.Conflict, errors.Malformed)):
        await referral.send(await at(clinic), handoff, seen.digest)
    assert (await referral.one(await at(clinic), handoff.id)).step == "prepared"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0


async def test_silence_is_told_to_the_sender_and_then_to_whoever_leads_once_each(clinic: Clinic) -> None:
    p, receiver, _ = await chart(clinic)
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    await referral.send(access, handoff, (await referral.preview(access, handoff)).digest)
    now = clock._clock
    assert isinstance(now, FakeClock)
    counts = []
    for days in (1, 1.1, 0.1, 3, 1):
        now.advance(timedelta(days=days))
        system = await clinic.gate.access(clinic.tokens["sys-none"])
        assert system is not None
        await referral.follow(system)
        found = await tasks.of_patient(await at(clinic), p, kinds=["handoff-silent"])
        counts.append([("supervisor" if w.role else "sender") for w in found])
    assert counts[0] == []
    assert counts[1] == counts[2] == ["sender"]
    assert sorted(counts[3]) == sorted(counts[4]) == ["sender", "supervisor"]


async def test_the_loop_is_closed_step_by_step_and_not_without_words(clinic: Clinic) -> None:
    p, receiver, _ = await chart(clinic)
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    await referral.send(access, handoff, (await referral.preview(access, handoff)).digest)
    seen = []
    for step, note, appointment in (
        ("acknowledged", "", ""), ("accepted", "", ""), ("scheduled", "", "2026-03-09"), ("kept", "", ""), ("reported", "Seen; blood pressure treated.", ""), ("closed", "", ""),
    ):  # fmt: skip
        access = await at(clinic)
        current = await referral.one(access, handoff.id)
        with pytest.raises(errors.Malformed):
            await referral.move(access, current, "closed" if step != "closed" else "acknowledged", "")
        await referral.move(access, current, step, note, appointment=appointment)
        after = await referral.one(access, handoff.id)
        seen.append((after.status, [s.state for s in loops.course(after)].count("done"), after.open))
    done = await referral.one(await at(clinic), handoff.id)
    assert (done.step, done.open, done.appointment) == ("closed", False, "2026-03-09")
    assert seen == [("requested", 2, True), ("accepted", 3, True), ("in-progress", 4, True), ("in-progress", 5, True), ("in-progress", 6, True), ("completed", 7, False)]
    course = loops.course(done)
    assert [s.words for s in course] == ["Sent", "Received", "Accepted", "Appointment made", "Appointment kept", "Report came back", "Closed"]
    assert all(s.at and s.by for s in course), "by whom and when"
    assert course[5].said == "Seen; blood pressure treated."
    assert (await access.read("ServiceRequest", handoff.request)).resource["status"] == "completed"


async def test_what_stands_still_after_its_day_is_told_too_and_what_ends_otherwise_says_so(clinic: Clinic) -> None:
    p, receiver, _ = await chart(clinic)
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    await referral.send(access, handoff, (await referral.preview(access, handoff)).digest)
    await referral.move(access, await referral.one(access, handoff.id), "acknowledged", "")
    now = clock._clock
    assert isinstance(now, FakeClock)
    counts = []
    for days in (4, 2, 0.1, 5, 1):
        now.advance(timedelta(days=days))
        system = await clinic.gate.access(clinic.tokens["sys-none"])
        assert system is not None
        await referral.follow(system)
        counts.append(sorted("supervisor" if w.role else "sender" for w in await tasks.of_patient(await at(clinic), p, kinds=["handoff-silent"])))
    assert counts == [[], ["sender"], ["sender"], ["sender", "supervisor"], ["sender", "supervisor"]]
    access = await at(clinic)
    current = await referral.one(access, handoff.id)
    assert loops.silent(current, access.now)
    assert [s.state for s in loops.course(current)] == ["done", "done", "next", "open", "open", "open", "open"]
    await referral.move(access, current, "declined", "No places until May.")
    ended = loops.course(await referral.one(access, handoff.id))
    assert [(s.key, s.state) for s in ended] == [("sent", "done"), ("acknowledged", "done"), ("declined", "over")]
    assert ended[-1].said == "No places until May."
    assert (await access.read("ServiceRequest", handoff.request)).resource["status"] == "revoked"


async def test_a_hand_off_of_somebody_hidden_is_not_there(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    both = await at(clinic)
    id_ = await referral.prepare(both, p, receiver, asks="Follow-up", why="")
    other = await at(clinic, "mh-clinician")
    with pytest.raises(errors.NotFound):
        await referral.one(other, id_)
    assert await referral.waiting(other) == []
