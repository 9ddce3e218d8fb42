"""What leaves with a question to a partner's service, and whether there is one."""

from __future__ import annotations

import json

import pytest

from sojourn.gate.exchange import consulting
from sojourn.gate.exchange.cds import Calling
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.cdshooks import Described
from tests.care.test_handoff import at
from tests.people import Clinic, consent, encounter, observation, patient


def service(**prefetch: str) -> Described:
    return Described("s", "patient-view", "Advice", "Looks.", prefetch)


OBSERVATIONS = {"found": "Observation?patient={{context.patientId}}"}


def partner(place: str) -> Partner:
    return Partner("advice", "Advice Ltd", door="cds", organization=f"Organization/{place}")


async def place(clinic: Clinic) -> str:
    return (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Advice Ltd"})).id


async def test_nothing_is_asked_about_somebody_whom_the_partner_may_not_be_shown_though_a_referral_relates_them(clinic: Clinic) -> None:
    """Of a client of a Part 2 program alone the entry is under Part 2 itself, and a referral permits nothing of it."""
    there = await place(clinic)
    client = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(client))
    referral = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{client}"}, "performer": [{"reference": f"Organization/{there}"}]}
    await clinic.make("sys-sud", referral)
    access, theirs = await at(clinic, "both-clinician"), partner(there)
    assert await consulting.question(access, theirs, Calling(), service(**OBSERVATIONS), client) is None
    assert await consulting.known(access, theirs, Calling(), client) is False
    await clinic.make("sys-sud", consent(client, there))
    assert await consulting.question(access, theirs, Calling(), service(**OBSERVATIONS), client) is not None
    assert await consulting.known(access, theirs, Calling(), client) is True
    gone = Partner("advice", "Advice Ltd", door="cds", organization="Organization/no-such")
    assert await consulting.question(access, gone, Calling(), service(**OBSERVATIONS), client) is None
    assert await consulting.known(access, gone, Calling(), client) is False


@pytest.mark.parametrize("program", ["sys-sud", "sys-mh"])
async def test_the_log_has_the_notice_of_a_question_of_which_a_part_is_under_part_2(clinic: Clinic, program: str) -> None:
    there = await place(clinic)
    client = (await clinic.make("sys-mh", patient())).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(client))
    found = (await clinic.make(program, observation(client))).id
    given = (await clinic.make("sys-sud", consent(client, there))).id
    access = await at(clinic, "both-clinician")
    asked = await consulting.question(access, partner(there), Calling(), service(**OBSERVATIONS, who="Patient/{{context.patientId}}", beyond="Nothing?x={{context.other}}"), client)
    assert asked is not None
    said = json.loads(asked.body)
    assert said["context"] == {"userId": access.caller.agent, "patientId": client}
    assert set(said["prefetch"]) == {"found", "who"}
    assert (said["prefetch"]["who"]["resourceType"], said["prefetch"]["who"]["id"]) == ("Patient", client)
    assert (said["prefetch"]["found"]["resourceType"], said["prefetch"]["found"]["type"]) == ("Bundle", "searchset")
    assert [r["id"] for e in said["prefetch"]["found"]["entry"] if (r := e["resource"])["resourceType"] == "Observation"] == [found]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0, "nothing has left yet"
    await consulting.leaves(asked)
    (row,) = await clinic.owner.fetch("SELECT recipient, channel, media, consents, notice, scope FROM record.disclosure")
    assert (row["recipient"], row["channel"], row["media"]) == (f"Organization/{there}", "cds-hooks", "application/json")
    assert await clinic.owner.fetchval("SELECT array_agg(patient) FROM record.disclosure_patient") == [client]
    if program == "sys-sud":
        assert row["notice"]
        assert row["consents"][0].startswith(f"Consent/{given}")
        assert row["scope"]
    else:
        assert (row["notice"], row["scope"]) == ("", "")
