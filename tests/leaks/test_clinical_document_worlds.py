"""Clinical documents in two worlds: what stays changes no byte of what leaves, nor what its sender is shown.

The second world is the first one with what is hidden added, on a clock that stands still.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.exchange import clinical
from sojourn.care.handoff import referral
from sojourn.gate import disclosing, disclosurelog
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import KINDS
from tests import people
from tests.care.test_handoff import at
from tests.people import START, Clinic, consent, encounter, observation, patient

HIDDEN = "Opioid use disorder"
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}


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


def kept(p: str, words: str) -> list[dict[str, Any]]:
    """One of each type that a hand-off holds."""
    me, soon = {"reference": f"Patient/{p}"}, {"start": "2026-02-01T09:00:00Z", "end": "2026-02-01T10:00:00Z"}
    return [
        encounter(p, reasonCode=[{"text": words}], period=soon), observation(p, 88, note=[{"text": words}]),
        {"resourceType": "Condition", "subject": me, "code": {"text": words}, "onsetDateTime": "2025-01-05"},
        {"resourceType": "AllergyIntolerance", "patient": me, "clinicalStatus": ACTIVE, "code": {"text": words}},
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": me, "medicationCodeableConcept": {"text": words}, "authoredOn": "2026-02-02"},
        {"resourceType": "Goal", "lifecycleStatus": "active", "subject": me, "description": {"text": words}},
        {"resourceType": "DocumentReference", "status": "current", "subject": me, "type": {"text": words}, "date": "2026-02-03T10:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": "cGxhaW4gd29yZHM="}}]},
    ]  # fmt: skip


async def begun(clinic: Clinic, p: str, receiver: str, who: str) -> str:
    return await referral.prepare(await at(clinic, who), p, receiver, asks="Follow-up within 7 days", why="")


async def documents(clinic: Clinic, task: str, who: str) -> dict[str, bytes]:
    """The document of each kind as it would leave now."""
    access = await at(clinic, who)
    handoff = await referral.one(access, task)
    wish, seen = await referral.wish(access, handoff), await referral.preview(access, handoff)
    return {kind: await (await clinical.maker(access, wish, kind, series=f"Task/{task}", reason=handoff.reason))(seen) for kind in KINDS}


@pytest.mark.parametrize("who", ["mh-clinician", "both-clinician"])
async def test_what_stays_changes_no_byte_of_any_document(clinic: Clinic, who: str) -> None:
    """Whoever sends: who sees what stays, and who does not."""
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p = (await clinic.make("sys-mh", patient())).id
    for resource in kept(p, "Insomnia")[:3]:
        await clinic.make("sys-mh", resource)
    task = await begun(clinic, p, receiver, who)
    before = await documents(clinic, task, who)
    for resource in kept(p, HIDDEN):
        await clinic.make("sys-sud", resource)
    after = await documents(clinic, task, who)
    assert {kind for kind in KINDS if after[kind] != before[kind]} == set()
    assert all(HIDDEN.encode() not in data for data in after.values())
    await clinic.make("sys-sud", consent(p, receiver))
    opened = await documents(clinic, task, "both-clinician")
    assert all(HIDDEN.encode() in data and data != before[kind] for kind, data in opened.items()), "to whoever may have it, it goes: so this test can fail"


@pytest.mark.parametrize("kind", ["ccd", "care-plan"])
async def test_a_document_holds_exactly_what_was_looked_at_and_the_log_holds_the_document(clinic: Clinic, kind: str) -> None:
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p = (await clinic.make("sys-mh", patient())).id
    for who, words in (("sys-mh", "Insomnia"), ("sys-sud", HIDDEN)):
        for resource in kept(p, words):
            await clinic.make(who, resource)
    agreed = (await clinic.make("sys-sud", consent(p, receiver))).id
    access = await at(clinic)
    handoff = await referral.one(access, await begun(clinic, p, receiver, "both-clinician"))
    seen = await referral.preview(access, handoff)
    disclosure = await referral.send(access, handoff, seen.digest, kind)
    row, payload = await disclosurelog.payload(await at(clinic), disclosure)
    assert (row["media"], payload) == (clinical.MEDIA, disclosing.payload(await at(clinic), row))
    document = read(payload)
    told = {part.partition("#")[0] for fact in document.facts() for i in fact.identifiers if (part := i.partition("|")[2])}
    looked_at = {f"{s.type}/{s.id}" for s in seen.leaves if s.type != "Patient"}
    assert looked_at <= told
    assert told - looked_at <= {f"Consent/{agreed}", f"Patient/{p}"}, "and nothing more, but the consent that it rests on"
    assert document.marks.notice.startswith("This record which has been disclosed to you")
    assert document.marks.confidentiality == "R"
    assert f"Consent/{agreed}".encode() in payload
    assert all(fact.marks.confidentiality == "R" for fact in document.facts("problem") if fact.what.text == HIDDEN)
    assert (await referral.one(await at(clinic), handoff.id)).step == "sent"
