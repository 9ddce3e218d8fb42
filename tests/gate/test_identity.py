"""Who is behind a secret: found while it lasts, as the database knows them now; and whom a patient forbade something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.gate import identity
from sojourn.gate.caller import Caller, Tenant
from tests.gate.test_sessions import begin, clinic, later
from tests.people import MH, A, B, Clinic, consent, encounter, patient

__all__ = ["clinic"]


async def caller(clinic: Clinic, who: str, **changed: Any) -> Caller:
    found = await clinic.gate.identity.caller(clinic.tokens[who])
    assert found is not None
    return replace(found, **changed)


async def forbidden(clinic: Clinic, who: str, **more: Any) -> str:
    """A patient forbids somebody something; the Consent."""
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    signed = consent(p, "x", provision={"type": "deny", **more})
    signed["provision"]["actor"][0]["reference"] = {"reference": who}
    for name in ("purpose", "securityLabel", "action"):
        signed["provision"].pop(name, None)
    return (await clinic.make("sys-sud", signed)).id


async def test_only_staff_are_asked_about_and_each_gets_their_own_answer(clinic: Clinic) -> None:
    me = "Practitioner/both-clinician"
    mine = await caller(clinic, "both-clinician", keys=(me,))
    others = [await caller(clinic, "mh-clinician", keys=("Practitioner/mh-clinician",), programs=(MH,)), await caller(clinic, "sys-mh", keys=(me,)), await caller(clinic, "tpo", keys=(me,)), mine]
    assert [c.denied for c in await identity.all_denied(clinic.gate.house.db, others)] == [False] * 4
    made = await forbidden(clinic, me)
    assert [c.denied for c in await identity.all_denied(clinic.gate.house.db, others)] == [False, False, False, True]
    assert [c.denied for c in await identity.all_denied(clinic.gate.house.db, others[::-1])] == [True, False, False, False]
    assert (await identity.denied(clinic.gate.house.db, mine)).denied
    assert await identity.denied(clinic.gate.house.db, mine) == replace(mine, denied=True), "nothing else changes"
    assert not (await identity.denied(clinic.gate.house.db, others[0])).denied
    assert not (await identity.denied(clinic.gate.house.db, replace(mine, keys=(), programs=()))).denied
    assert await identity.all_denied(clinic.gate.house.db, []) == []
    stored = (await clinic.get("sys-sud", f"Consent/{made}")).json()
    assert (await clinic.put("sys-sud", {**stored, "status": "inactive"})).status == 200
    assert not (await identity.denied(clinic.gate.house.db, mine)).denied, "taken back"


async def test_a_secret_is_of_one_caller_while_it_lasts(clinic: Clinic) -> None:
    known = clinic.gate.identity
    assert await known.caller("nobody's") is None
    assert await known.of(crypto.sha256(b"nobody's")) is None
    session = await begin(clinic)
    found = await known.caller(session.token)
    assert found is not None
    assert found == session.caller
    assert (found.account, found.session, found.methods, found.door, found.tenant.number) == ("mh-clinician", True, ("password",), "staff", A)
    assert await known.of(found.credential) == found
    assert not (await caller(clinic, "mh-clinician")).session, "a token is no session"
    assert (await caller(clinic, "other-clinician")).tenant.number == B
    later(hours=13)
    assert await known.caller(session.token) is None
    assert await known.again(found) is None


async def test_what_changed_is_known_when_it_is_asked_anew(clinic: Clinic) -> None:
    known = clinic.gate.identity
    before = await caller(clinic, "technician")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'technician'")
    assert await known.caller(clinic.tokens["technician"]) == before, "remembered; each statement finds out"
    known.forget(before)
    after = await known.caller(clinic.tokens["technician"])
    assert after is None or after.generation == before.generation + 1
    known.forget(before)
    known.forget(before)


async def test_a_secret_is_made_for_an_active_account_and_ends_with_its_life_or_before(clinic: Clinic) -> None:
    known, tenant = clinic.gate.identity, clinic.gate.house.tenants[A]
    for nobody in ("nobody", "other-clinician"):
        with pytest.raises(errors.NotFound):
            await known.issue(tenant, nobody, kind="token", door="api", life=timedelta(hours=1))
    first = await known.issue(tenant, "mh-clinician", kind="token", door="api", life=timedelta(hours=1), purpose="HPAYMT")
    second = await known.issue(tenant, "mh-clinician", kind="token", door="api", life=timedelta(hours=1), token="s" * 43)
    assert second == "s" * 43 != first
    found = await known.caller(first)
    assert found is not None
    assert (found.purpose, found.door, found.session) == ("HPAYMT", "api", False)
    assert first.encode() not in bytes(await clinic.owner.fetchval("SELECT string_agg(credential, '') FROM record.credential"))
    await known.revoke(first)
    assert await known.caller(first) is None
    assert await known.caller(second) is not None
    later(minutes=59)
    assert await known.caller(second) is not None
    later(minutes=1)
    assert await known.caller(second) is None


async def test_what_the_database_no_longer_knows_is_not_remembered_either(clinic: Clinic) -> None:
    known, secret = clinic.gate.identity, clinic.tokens["mh-clinician"]
    before = await caller(clinic, "mh-clinician")
    await clinic.owner.execute("SELECT gate.revoke($1, $2)", before.credential, clock.now())
    assert await known.caller(secret) == before, "remembered; each statement finds out"
    assert await known.again(before) is None
    assert await known.caller(secret) is None


async def test_an_organization_that_another_process_made_is_read_when_somebody_comes_from_it(clinic: Clinic) -> None:
    tenants: dict[int, Tenant] = {}

    async def read() -> None:
        tenants.update(clinic.gate.house.tenants)

    found = await identity.Identity(clinic.gate.house.db, tenants, read).caller(clinic.tokens["other-clinician"])
    assert found is not None
    assert found.tenant.number == B


async def test_a_session_that_is_over_is_not_used_on(clinic: Clinic) -> None:
    known = clinic.gate.identity
    session = await begin(clinic)
    assert await known.used(session.caller)
    later(minutes=2)
    assert await known.used(session.caller)
    later(minutes=14)
    assert await known.used(session.caller), "from its last use"
    later(minutes=2)
    await clinic.owner.execute("SELECT gate.revoke($1, $2)", session.caller.credential, clock.now())
    assert not await known.used(session.caller)
    assert await known.caller(session.token) is None
    assert await known.used(session.caller), "what is not remembered is not asked about; the next statement finds out"
    assert await known.used(await caller(clinic, "mh-clinician")), "a token has no idle limit"
