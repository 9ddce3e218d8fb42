"""Document exchange in two worlds: whoever asks from outside, or asks somebody outside, gets the same whatever is hidden from them.

The second world is the first one with what is hidden added, on a clock that stands still.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.partners import Envoys
from sojourn.record.database import Dsn
from tests import people
from tests.care import outside
from tests.care.test_handoff import at
from tests.doors.mhd.network import HIE, partner
from tests.people import MH, START, A, Clinic, consent, encounter, labelled, observation, patient

MRN = "urn:oid:2.16.840.1.113883.19.5"
THEIRS = "urn:oid:2.16.840.1.113883.19.6"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


async def told(clinic: Clinic, who: str, p: str, d: str) -> list[tuple[str, int, bytes]]:
    """Everything that somebody outside may ask about one person, and about one who is not here."""
    out = []
    for person in (patient(identifier=[{"system": MRN, "value": "R1"}]), patient(), patient("Quillfeather"), {"resourceType": "Patient", "identifier": [{"system": THEIRS, "value": "H1"}]}):
        for certain in (True, False):
            body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}, {"name": "onlyCertainMatches", "valueBoolean": certain}]}
            reply = await clinic.ask(who, "POST", "Patient/$match", body)
            out.append((f"match {person.get('name')} {certain}", reply.status, reply.body))
    asked = [
        f"Patient/$ihe-pix?sourceIdentifier={MRN}|R1", f"Patient/$ihe-pix?sourceIdentifier={THEIRS}|H1", f"Patient/$ihe-pix?sourceIdentifier={MRN}|R1&targetSystem={THEIRS}",
        f"DocumentReference?patient.identifier={MRN}|R1", f"DocumentReference?patient.identifier={THEIRS}|H1&_summary=count", f"DocumentReference?patient={p}&status=current&_total=accurate&_count=1",
        f"DocumentReference?patient={p}&_sort=-date", f"DocumentReference?patient={p}&creation=ge2020&_sort=-creation", f"DocumentReference/{d}/$content", f"DocumentReference/{d}/$content?n=1", f"DocumentReference/$docref?patient={p}",
        f"List?patient.identifier={MRN}|R1&code=submissionset", f"List?patient={p}&code=submissionset&_count=1",
    ]  # fmt: skip
    for url in asked:
        reply = await clinic.get(who, url)
        out.append((url, reply.status, reply.body))
    return out


@pytest.mark.parametrize("who", ["tpo", "stranger"])
async def test_what_is_hidden_changes_no_byte_of_any_answer(clinic: Clinic, who: str) -> None:
    """tpo may see what the Part 2 program has of her, stranger nothing. Hidden: another person of her name and birth date, a number of hers, documents."""
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", consent(p, "tpo"))
    d = (await clinic.make("sys-sud", outside.letter(p))).id
    before = await told(clinic, who, p, d)
    hidden: list[dict[str, Any]] = [
        outside.letter(p, b"A hidden letter.", meta={"security": [{"system": people._ACT, "code": "HIV"}]}),
        patient(identifier=[{"system": MRN, "value": "R9"}]), patient("Quillfeather", identifier=[{"system": THEIRS, "value": "H1"}]),
    ]  # fmt: skip
    for resource in hidden:
        await clinic.make("sys-sud", resource)
    stored = (await clinic.get("sys-sud", f"Patient/{p}")).json()
    stored["identifier"].append(labelled({"system": THEIRS, "value": "H1"}, "HIV"))
    assert (await clinic.put("sys-sud", stored)).status == 200
    assert [a for a, b in zip(await told(clinic, who, p, d), before, strict=True) if a != b] == []
    assert any(b'"R1"' in body for _, _, body in before) == (who == "tpo"), "to whoever may know her, she is there: so this test can fail"


async def test_a_revoked_consent_ends_every_answer(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-sud", encounter(p))
    d = (await clinic.make("sys-sud", outside.letter(p))).id
    nothing = await told(clinic, "tpo", p, d)
    given = (await clinic.make("sys-sud", consent(p, "tpo"))).json()
    assert await told(clinic, "tpo", p, d) != nothing
    assert (await clinic.put("sys-sud", {**given, "status": "inactive"})).status == 200
    assert await told(clinic, "tpo", p, d) == nothing


# --- asking somebody outside ----------------------------------------------------------------------------------------------------


async def client(clinic: Clinic, place: str, by: str) -> tuple[str, list[dict[str, Any]]]:
    """A client of the program that dana works in, and by what she may see the partner to know of them."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    order = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{p}"}, "performer": [{"reference": f"Organization/{place}"}]}
    reasons = {"nothing": [], "consent": [consent(p, place)], "referral": [order]}[by]
    return p, [(await clinic.make("sys-mh", r)).json() for r in reasons]


async def hide(clinic: Clinic, place: str, p: str) -> None:
    """A stay in a Part 2 program, what it found, and its consent for the same partner: none of it for dana."""
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", observation(p, 99))
    hidden = (await clinic.make("sys-sud", consent(p, place))).id
    assert (await clinic.get("mh-clinician", f"Consent/{hidden}")).status == 404


async def asked(clinic: Clinic, p: str, key: str) -> tuple[str, bool]:
    """What dana is told when she asks the partner, and whether what she asked would leave now."""
    dana = await at(clinic, "mh-clinician")
    try:
        ask = await asking.one(dana, p, await asking.begin(dana, p, HIE, MH, key))
    except errors.Malformed as error:
        return error.message, False
    return "", await leaves(clinic, ask)


async def leaves(clinic: Clinic, ask: asking.Ask) -> bool:
    tenant, envoys = clinic.gate.house.tenants[A], Envoys(clinic.gate)
    (them,) = [found for found in await envoys.partners(tenant) if found.id == HIE]
    return await asking.still(await asking.as_partner(envoys, tenant, them, ask.account), ask) is not None


@pytest.mark.parametrize("by", ["nothing", "consent", "referral"])
async def test_a_hidden_consent_lets_nobody_ask_and_keeps_nobody_from_asking(clinic: Clinic, by: str) -> None:
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Valley Health Network"})).id
    await partner(clinic, "http://127.0.0.1:1/fhir", f"Organization/{place}")
    p, _ = await client(clinic, place, by)
    before = await asked(clinic, p, "before")
    await hide(clinic, place, p)
    assert await asked(clinic, p, "after") == before
    assert before == ((asking.NO_CONSENT, False) if by == "nothing" else ("", True))


async def test_a_hidden_consent_keeps_nothing_going_and_what_another_asked_by_it_is_not_there(clinic: Clinic) -> None:
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Valley Health Network"})).id
    await partner(clinic, "http://127.0.0.1:1/fhir", f"Organization/{place}")
    p, (given,) = await client(clinic, place, "consent")
    dana, both = await at(clinic, "mh-clinician"), await at(clinic)
    ask = await asking.one(dana, p, await asking.begin(dana, p, HIE, MH, "hers"))
    assert (await clinic.put("sys-mh", {**given, "status": "inactive"})).status == 200
    assert not await leaves(clinic, ask)
    await hide(clinic, place, p)
    assert not await leaves(clinic, ask), "as before there was another that she may not see"
    assert not await leaves(clinic, await asking.anew(await at(clinic, "mh-clinician"), ask))
    theirs = await asking.one(both, p, await asking.begin(both, p, HIE, MH, "theirs"))
    assert await leaves(clinic, theirs), "who may see it asks by it"
    assert [a.id for a in await asking.of_patient(await at(clinic, "mh-clinician"), p)] == ["hers"]
    with pytest.raises(errors.NotFound):
        await asking.one(await at(clinic, "mh-clinician"), p, "theirs")
    assert {a.id for a in await asking.of_patient(both, p)} == {"hers", "theirs"}
