"""Each way in: what it asks for, what it leaves in the trail, and how somebody signed in proves again who they are."""

from __future__ import annotations

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.gate.caller import Caller
from sojourn.gate.identity import Session
from sojourn.gate.signin import STRONG, Pending
from sojourn.gate.signinrules import guessing
from tests.gate.test_passkeys import PLACE, Device, registered
from tests.gate.test_signin import HERE, PASSWORD, WHO, clinic, code, sign_in, with_app
from tests.people import A, Clinic
from tests.web.real import later

__all__ = ["clinic"]

ISSUER = "https://idp.example"


async def lines(clinic: Clinic) -> list[tuple[str, str, str, str, str]]:
    """Action, outcome, account, role and what was asked of each line about signing in; then they are forgotten."""
    found = await clinic.owner.fetch("SELECT action, outcome, account, role, query FROM record.audit WHERE type = 'Login' ORDER BY n")
    await clinic.owner.execute("ALTER TABLE record.audit DISABLE TRIGGER USER; DELETE FROM record.audit; ALTER TABLE record.audit ENABLE TRIGGER USER")
    return [tuple(row) for row in found]


async def session(clinic: Clinic) -> Session:
    made = await sign_in(clinic)
    assert isinstance(made, Session)
    return made


async def half(clinic: Clinic) -> Pending:
    made = await sign_in(clinic)
    assert isinstance(made, Pending)
    return made


async def caller_of(clinic: Clinic, token: str) -> Caller | None:
    return await clinic.gate.identity.caller(token)


async def test_each_step_of_a_sign_in_is_in_the_trail_with_how_it_was_proved(clinic: Clinic) -> None:
    tenant, ways = clinic.gate.house.tenants[A], clinic.gate.signin
    await session(clinic)
    assert await lines(clinic) == [("sign-in", "done", WHO, "clinician", "how=password")]
    secret = await with_app(clinic)
    waiting = await half(clinic)
    assert waiting.methods == ("password",)
    assert await ways.second(tenant, waiting, "totp", "000000", HERE) is None
    done = await ways.second(tenant, waiting, "totp", code(secret), HERE)
    assert done is not None
    assert done.caller.methods == ("password", "totp")
    assert await lines(clinic) == [
        ("sign-in", "half", "", "", f"about={WHO}&how=password"), ("sign-in", "denied", "", "", f"about={WHO}&how=totp"), ("sign-in", "done", WHO, "clinician", "how=password,totp"),
    ]  # fmt: skip
    await ways.refused(tenant, HERE, "outside")
    assert await lines(clinic) == [("sign-in", "denied", "", "", "how=outside")]


async def test_a_half_done_sign_in_is_found_again_by_its_own_door(clinic: Clinic) -> None:
    await with_app(clinic)
    tenant, ways = clinic.gate.house.tenants[A], clinic.gate.signin
    waiting = await half(clinic)
    assert await ways.pending(tenant, waiting.token, "staff") == waiting
    assert await ways.pending(tenant, waiting.token, "portal") is None
    assert await ways.pending(tenant, "nothing", "staff") is None
    assert await ways.pending(tenant, "", "staff") is None


async def test_a_passkey_is_a_second_factor_of_its_own_account_alone(clinic: Clinic) -> None:
    tenant, ways = clinic.gate.house.tenants[A], clinic.gate.signin
    device = await registered(clinic)
    other = await registered(clinic, "officer", id=b"passkey-of-the-officer")
    waiting = await half(clinic)
    assert waiting.kinds == ("passkey",)

    async def answers(which: Device, account: str = WHO, *, kind: str = "passkey", there: bool = True) -> Session | None:
        asked = await ways.passkeys.ask(tenant, PLACE, account)
        return await ways.second(tenant, waiting, kind, which.get(asked), HERE, place=PLACE if there else None, state=asked.state)

    assert await answers(other) is None
    assert await answers(other, "officer") is None
    assert await answers(device, there=False) is None
    assert await answers(device, kind="totp") is None
    assert await answers(device, kind="recovery") is None
    done = await answers(device)
    assert done is not None
    assert done.caller.methods == ("password", "passkey")


async def test_a_passkey_alone_is_enough_and_recovery_codes_alone_are_no_second_factor(clinic: Clinic) -> None:
    tenant, ways = clinic.gate.house.tenants[A], clinic.gate.signin
    await ways.factors.new_recovery(tenant, WHO)
    assert isinstance(await sign_in(clinic), Session)
    device = await registered(clinic)
    asked = await ways.passkeys.ask(tenant, PLACE)
    await lines(clinic)
    done = await ways.passkey(tenant, PLACE, asked.state, device.get(asked), HERE)
    assert done is not None
    assert done.caller.methods == ("passkey",)
    assert await clinic.owner.fetchval("SELECT sum(count) FROM record.throttle") == 0, "it was no guess"
    assert await ways.passkey(tenant, PLACE, asked.state, device.get(asked), HERE) is None
    assert await lines(clinic) == [("sign-in", "done", WHO, "clinician", "how=passkey"), ("sign-in", "denied", "", "", "how=passkey")]
    assert (await half(clinic)).kinds == ("passkey", "recovery")


async def test_who_has_a_second_factor_sets_none_up_with_the_password_alone(clinic: Clinic) -> None:
    tenant, ways = clinic.gate.house.tenants[A], clinic.gate.signin
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = true")
    first = await half(clinic)
    app = await ways.set_up_app(tenant, first)
    assert app is not None
    await lines(clinic)
    assert await ways.second_set_up(tenant, first, "000000", HERE) is None
    assert await lines(clinic) == [("factor-add", "failed", "", "", f"about={WHO}&how=totp")]
    assert await ways.second_set_up(tenant, first, code(app.secret), HERE)
    assert await lines(clinic) == [("sign-in", "done", WHO, "clinician", "how=password,totp"), ("factor-add", "done", WHO, "clinician", "how=totp,recovery")]
    later(minutes=1)
    again = await half(clinic)
    assert await ways.set_up_app(tenant, again) is None
    assert await ways.second_set_up(tenant, again, code(app.secret), HERE) is None


async def test_somebody_signed_in_proves_again_by_what_they_have(clinic: Clinic) -> None:
    ways, me = clinic.gate.signin, (await session(clinic)).caller
    assert await ways.ways_to_confirm(me) == ("password",)
    secret, device = await with_app(clinic), await registered(clinic)
    assert await ways.ways_to_confirm(me) == ("password", "totp", "passkey")
    await clinic.owner.execute("UPDATE record.account SET password = NULL WHERE account = $1", WHO)
    assert await ways.ways_to_confirm(me) == ("totp", "passkey")
    assert await ways.confirm(me, "password", "", HERE) is None
    recovery = (await ways.factors.new_recovery(me.tenant, WHO))[0]
    assert await ways.confirm(me, "recovery", recovery, HERE) is None, "not what one has at hand"
    await lines(clinic)
    asked = await ways.passkeys.ask(me.tenant, PLACE, WHO)
    assert await ways.confirm(me, "totp", "000000", HERE) is None
    for kind, answer in (("totp", code(secret)), ("passkey", device.get(asked))):
        later(minutes=2)
        answer = code(secret) if kind == "totp" else answer
        found = await ways.confirm(me, kind, answer, HERE, place=PLACE, state=asked.state)
        assert found is not None
        assert found.proved == clock.now()
    assert await lines(clinic) == [("confirm", outcome, WHO, "clinician", f"how={kind}") for outcome, kind in (("denied", "totp"), ("done", "totp"), ("done", "passkey"))]


async def test_a_right_password_proves_and_is_no_guess_and_wrong_ones_are(clinic: Clinic) -> None:
    ways, me = clinic.gate.signin, (await session(clinic)).caller
    later(minutes=7)
    for _ in range(guessing()["code"].attempts + 1):
        found = await ways.confirm(me, "password", PASSWORD, HERE)
        assert found is not None
        assert found.proved == clock.now()
    for _ in range(guessing()["login_from_address"].attempts):
        assert await ways.confirm(me, "password", "x", HERE) is None
    with pytest.raises(errors.TooManyRequests):
        await ways.confirm(me, "password", PASSWORD, HERE)


async def test_a_proof_of_a_session_that_is_over_counts_for_nothing(clinic: Clinic) -> None:
    ways, made = clinic.gate.signin, await session(clinic)
    await clinic.owner.execute("SELECT gate.revoke($1, $2)", made.caller.credential, clock.now())
    assert await ways.confirm(made.caller, "password", PASSWORD, HERE) is None
    assert (await lines(clinic))[-1] == ("confirm", "denied", WHO, "clinician", "how=password")


async def test_the_owner_takes_a_device_back_with_a_new_session(clinic: Clinic) -> None:
    ways, made = clinic.gate.signin, await session(clinic)
    secret = await with_app(clinic)
    await lines(clinic)
    assert await ways.take_back(made.caller, "password", "x", HERE) is None
    assert await ways.take_back(made.caller, "recovery", (await ways.factors.new_recovery(made.caller.tenant, WHO))[0], HERE) is None
    assert await ways.take_back(made.caller, "totp", "000000", HERE) is None
    assert await caller_of(clinic, made.token) == made.caller
    assert await lines(clinic) == [("take-back", "denied", WHO, "clinician", f"how={kind}") for kind in ("password", "recovery", "totp")]
    mine = await ways.take_back(made.caller, "totp", code(secret), HERE)
    assert mine is not None
    assert mine.caller.methods == ("password", "totp")
    assert await caller_of(clinic, made.token) is None
    assert await lines(clinic) == [("sign-in", "done", WHO, "clinician", "how=password,totp")]
    again = await ways.take_back(mine.caller, "password", PASSWORD, HERE)
    assert again is not None
    assert again.caller.methods == ("totp", "password")
    for _ in range(guessing()["code"].attempts):  # none of the right ones counts
        again = await ways.take_back(again.caller, "password", PASSWORD, HERE)
        assert again is not None
    await clinic.owner.fetchval("SELECT gate.set_account_state(1, $1, 'deactivated', '', '', $2)", WHO, clock.now())
    assert await ways.take_back(again.caller, "password", PASSWORD, HERE) is None


async def test_whoever_holds_the_device_cannot_guess_its_owners_password(clinic: Clinic) -> None:
    ways, made = clinic.gate.signin, await session(clinic)
    for _ in range(guessing()["login_from_address"].attempts):
        assert await ways.take_back(made.caller, "password", "x", HERE) is None
    with pytest.raises(errors.TooManyRequests):
        await ways.take_back(made.caller, "password", PASSWORD, HERE)


async def test_who_is_vouched_for_stays_with_their_first_account(clinic: Clinic) -> None:
    tenant, ways = clinic.gate.house.tenants[A], clinic.gate.signin
    made = await ways.outside(tenant, ISSUER, "subject-1", WHO, strong=False, visit=HERE)
    assert isinstance(made, Session)
    assert (made.caller.account, made.caller.methods) == (WHO, ("outside",))
    assert await ways.outside(tenant, ISSUER, "subject-1", "nobody", strong=False, visit=HERE) is None
    assert await ways.outside(tenant, ISSUER, "subject-2", WHO, strong=False, visit=HERE) is None
    assert [line[:2] + line[4:] for line in await lines(clinic)] == [("sign-in", "done", "how=outside"), *[("sign-in", "denied", "how=outside")] * 2]
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = true")
    assert isinstance(await ways.outside(tenant, ISSUER, "subject-1", WHO, strong=False, visit=HERE), Pending)
    strong = await ways.outside(tenant, ISSUER, "subject-1", WHO, strong=True, visit=HERE)
    assert isinstance(strong, Session)
    assert strong.caller.methods == ("outside", STRONG)


async def test_only_the_same_person_is_vouched_for_again(clinic: Clinic) -> None:
    ways = clinic.gate.signin
    made = await ways.outside(clinic.gate.house.tenants[A], ISSUER, "subject-1", WHO, strong=True, visit=HERE)
    assert isinstance(made, Session)
    await lines(clinic)
    later(minutes=3)
    assert not await ways.outside_again(made.caller, ISSUER, "subject-3", "officer", HERE)
    assert not await ways.outside_again(made.caller, ISSUER, "subject-1", "nobody", HERE)
    found = await clinic.gate.identity.again(made.caller)
    assert found is not None
    assert found.proved != clock.now()
    assert await ways.outside_again(made.caller, ISSUER, "subject-1", WHO, HERE) is True
    found = await clinic.gate.identity.again(made.caller)
    assert found is not None
    assert found.proved == clock.now()
    await clinic.owner.execute("SELECT gate.revoke($1, $2)", made.caller.credential, clock.now())
    assert await ways.outside_again(made.caller, ISSUER, "subject-1", WHO, HERE) is False
    assert await lines(clinic) == [("confirm", outcome, WHO, "clinician", "how=outside") for outcome in ("denied", "denied", "done", "denied")]


async def test_an_answer_of_one_name_comes_once(clinic: Clinic) -> None:
    tenant, name = clinic.gate.house.tenants[A], crypto.sha256(b"an answer of the provider")
    assert [await clinic.gate.signin.first_time(tenant, name) for _ in range(2)] == [True, False]
