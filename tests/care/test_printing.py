"""What no door brought is printed by somebody: decided anew, and for nobody who may not see it all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.care.handoff import referral, sending
from sojourn.care.reaching.sender import PDF, Failed
from sojourn.gate import releasing
from sojourn.gate.exchange import posting, ways
from sojourn.gate.exchange.keeping import REVIEW
from sojourn.record import organization
from tests.care.reach import FAX, Door, brought, queued, state
from tests.care.test_handoff import at, begun, chart, clinic  # noqa: F401 - a fixture
from tests.people import FAR, MH, SUD, A, Clinic, consent


async def waiting(clinic: Clinic) -> tuple[str, str, str, str]:  # noqa: F811
    """(client, consent, hand-off, delivery) of one that waits for somebody to print it."""
    p, agreed, handoff, delivery = await queued(clinic, FAX)
    await brought(clinic, {ways.FAX: Door(Failed("No such number.", again=False), takes=(PDF,))}, 2)
    assert (await state(clinic, delivery))[0] == REVIEW
    return p, agreed, handoff, delivery


async def printed(clinic: Clinic) -> int:  # noqa: F811
    return int(await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure WHERE channel = 'release-print'"))


async def test_once_the_consent_is_taken_back_nothing_is_printed(clinic: Clinic) -> None:  # noqa: F811
    _, agreed, handoff, delivery = await waiting(clinic)
    given = (await clinic.ask("sys-sud", "GET", f"Consent/{agreed}")).json()
    assert (await clinic.put("sys-sud", {**given, "status": "inactive"})).status == 200
    access = await at(clinic)
    with pytest.raises(errors.Conflict) as refused:
        await sending.printed(access, await referral.one(access, handoff), delivery)
    assert refused.value.message == posting.CHANGED
    assert await printed(clinic) == 0


async def test_a_colleague_prints_it_who_works_in_all_its_programs_and_sees_all_of_it(clinic: Clinic) -> None:  # noqa: F811
    p, _, handoff, delivery = await waiting(clinic)
    row = organization.AccountRow("second", "staff", "second", "second", None, "Practitioner/second", "director", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    words = []
    for who, id_ in (("mh-clinician", delivery), ("both-clinician", "no-such"), ("mh-clinician", "no-such")):
        with pytest.raises(errors.NotFound) as refused:
            await posting.printed(await at(clinic, who), id_, handoff, PDF)
        words.append(refused.value.message)
    assert (await posting.printed(await at(clinic, "second"), delivery, handoff, PDF)).media == PDF
    assert await printed(clinic) == 1
    forbids: dict[str, Any] = {"type": "deny", "actor": [{"role": {"text": "she"}, "reference": {"reference": "Practitioner/second"}}], "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}
    signed = consent(p, "x", kind="patient_directive_deny", provision=forbids)
    await clinic.make("sys-sud", {**signed, "provision": {k: v for k, v in signed["provision"].items() if k not in ("purpose", "securityLabel", "action")}})
    with pytest.raises(errors.NotFound) as refused:
        await posting.printed(await at(clinic, "second"), delivery, handoff, PDF)
    assert {*words, refused.value.message} == {words[0]}, "as if it were not there"
    with pytest.raises(errors.NotFound):
        await posting.printed(await at(clinic), delivery, "another", PDF)


async def test_what_a_court_served_and_what_goes_to_a_person_goes_by_no_door(clinic: Clinic) -> None:  # noqa: F811
    p, receiver, _ = await chart(clinic)
    access = await at(clinic)
    handoff = await begun(clinic, p, receiver)
    wish = await referral.wish(access, handoff)
    found, _ = await releasing.decided(access, wish, (await referral.preview(access, handoff)).digest)
    served: Any = object()
    for other in (replace(wish, served=served), replace(wish, recipient="Practitioner/x")):
        with pytest.raises(errors.Malformed, match="by itself"):
            await posting.put(access, Any, other, found, [], {}, "Referral")  # type: ignore[arg-type]
