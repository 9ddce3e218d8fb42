"""Who proves again who they are: by which ways, what wrong ones do, and the line of the trail that each leaves."""

from __future__ import annotations

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.gate.identity import Session
from sojourn.gate.signin import Pending, _pending
from sojourn.gate.signinrules import guessing
from tests.gate.test_signin import HERE, PASSWORD, THERE, WHO, clinic, code, sign_in, with_app
from tests.people import A, B, Clinic
from tests.web.real import later

__all__ = ["clinic"]


async def lines(clinic: Clinic) -> list[tuple[str, str, str, str]]:
    """What the trail says of signing in, the oldest first: what was done, its outcome, by whom, and about whom and how."""
    rows = await clinic.owner.fetch("SELECT action, outcome, account, query FROM record.audit WHERE type = 'Login' ORDER BY recorded, n")
    return [tuple(row) for row in rows]


async def begun(clinic: Clinic, who: str = WHO) -> Session:
    session = await sign_in(clinic, who)
    assert isinstance(session, Session)
    return session


@pytest.mark.parametrize(("has", "kinds"), [
    ((1, 0, 0), ("totp",)), ((0, 2, 0), ("passkey",)), ((1, 1, 0), ("totp", "passkey")), ((1, 0, 10), ("totp", "recovery")), ((0, 1, 9), ("passkey", "recovery")),
    ((1, 1, 1), ("totp", "passkey", "recovery")), ((0, 0, 0), ()), ((0, 0, 10), ()),
])  # fmt: skip
def test_recovery_codes_alone_complete_nothing(has: tuple[int, int, int], kinds: tuple[str, ...]) -> None:
    person = {"account": "a", "login": "ana", **dict(zip(("totp", "passkeys", "recovery"), has, strict=True))}
    assert _pending("t", person, ("password",)) == Pending("t", "a", "ana", ("password",), kinds)


async def test_each_way_in_leaves_a_line_of_its_own(clinic: Clinic) -> None:
    await sign_in(clinic)
    await sign_in(clinic, password="wrong")
    await sign_in(clinic, "nobody")
    secret = await with_app(clinic)
    tenant, signin = clinic.gate.house.tenants[A], clinic.gate.signin
    pending = await sign_in(clinic)
    assert isinstance(pending, Pending)
    await signin.second(tenant, pending, "totp", "000000", HERE)
    await signin.second(tenant, pending, "totp", code(secret), HERE)
    await signin.refused(tenant, HERE, "outside")
    assert await lines(clinic) == [
        ("sign-in", "done", WHO, "how=password"), ("sign-in", "denied", "", f"about={WHO}&how=password"), ("sign-in", "denied", "", "how=password"),
        ("sign-in", "half", "", f"about={WHO}&how=password"), ("sign-in", "denied", "", f"about={WHO}&how=totp"), ("sign-in", "done", WHO, "how=password,totp"),
        ("sign-in", "denied", "", "how=outside"),
    ]  # fmt: skip
    row = await clinic.owner.fetchrow("SELECT * FROM record.audit WHERE type = 'Login' AND outcome = 'done' LIMIT 1")
    assert (row["request"], row["door"], row["role"], row["tenant"]) == (HERE.request, "staff", "clinician", A)


@pytest.mark.parametrize("kind", ["password", "totp"])
async def test_who_confirms_has_a_fresh_proof_and_who_does_not_has_none(clinic: Clinic, kind: str) -> None:
    tenant, signin = clinic.gate.house.tenants[A], clinic.gate.signin
    caller = (await begun(clinic)).caller
    assert await signin.ways_to_confirm(caller) == ("password",)
    secret = await with_app(clinic)
    assert await signin.ways_to_confirm(caller) == ("password", "totp")
    later(minutes=3)
    recovery = (await signin.factors.new_recovery(tenant, WHO))[0]
    for wrong, answer in ((kind, "000000"), ("recovery", recovery), ("passkey", "{}"), ("", PASSWORD), ("outside", PASSWORD), ("totp" if kind == "password" else "password", PASSWORD + "x")):
        assert await signin.confirm(caller, wrong, answer, HERE) is None, wrong
    assert (await lines(clinic))[-1] == ("confirm", "denied", WHO, f"how={'totp' if kind == 'password' else 'password'}")
    again = await signin.confirm(caller, kind, PASSWORD if kind == "password" else code(secret), HERE)
    assert again is not None
    assert caller.proved is not None
    assert again.proved is not None
    assert again.proved > caller.proved
    assert (await lines(clinic))[-1] == ("confirm", "done", WHO, f"how={kind}")
    assert len([one for one in await lines(clinic) if one[:2] == ("confirm", "denied")]) == 6


async def test_proofs_of_somebody_signed_in_are_counted_and_a_right_one_takes_its_attempt_back(clinic: Clinic) -> None:
    caller, most = (await begun(clinic)).caller, guessing()["code"].attempts
    for _ in range(most + 2):
        assert await clinic.gate.signin.confirm(caller, "password", PASSWORD, HERE) is not None
    for _ in range(most):
        assert await clinic.gate.signin.confirm(caller, "password", "wrong", HERE) is None
    with pytest.raises(errors.TooManyRequests):
        await clinic.gate.signin.confirm(caller, "password", PASSWORD, HERE)
    assert (await lines(clinic))[-1] == ("sign-in", "denied", "", "how=too-many")
    assert isinstance(await sign_in(clinic, "officer"), Session), "of one account alone"


async def test_who_was_ended_meanwhile_confirms_nothing(clinic: Clinic) -> None:
    session = await begun(clinic)
    await clinic.gate.identity.revoke(session.token)
    assert await clinic.gate.signin.confirm(session.caller, "password", PASSWORD, HERE) is None
    assert (await lines(clinic))[-1][:2] == ("confirm", "denied")


async def test_a_device_is_taken_back_by_its_owner_alone_and_what_was_handed_over_ends(clinic: Clinic) -> None:
    signin = clinic.gate.signin
    session = await begun(clinic)
    for wrong, answer in (("password", "wrong"), ("totp", "000000"), ("recovery", PASSWORD), ("passkey", PASSWORD), ("", PASSWORD)):
        assert await signin.take_back(session.caller, wrong, answer, HERE) is None
        assert (await lines(clinic))[-1] == ("take-back", "denied", WHO, f"how={wrong}" if wrong else "")
    assert await clinic.gate.session(session.token) is not None
    mine = await signin.take_back(session.caller, "password", PASSWORD, HERE)
    assert mine is not None
    assert (mine.caller.account, mine.caller.methods) == (WHO, ("password",))
    assert mine.token != session.token
    assert await clinic.gate.session(session.token) is None
    assert await clinic.gate.session(mine.token) is not None
    assert (await lines(clinic))[-1] == ("sign-in", "done", WHO, "how=password")


async def test_an_account_that_may_not_be_used_takes_nothing_back(clinic: Clinic) -> None:
    session = await begun(clinic)
    assert await clinic.owner.fetchval("SELECT gate.set_account_state($1, $2, 'deactivated', 'officer', 'left', $3)", A, WHO, clock.now())
    assert await clinic.gate.signin.take_back(session.caller, "password", PASSWORD, HERE) is None


async def test_an_outside_provider_vouches_for_a_login_and_its_subject_stays_with_it(clinic: Clinic) -> None:
    tenant, signin = clinic.gate.house.tenants[A], clinic.gate.signin
    assert await signin.outside(tenant, "https://idp", "s-0", "nobody", False, HERE) is None
    assert (await lines(clinic))[-1] == ("sign-in", "denied", "", "how=outside")
    session = await signin.outside(tenant, "https://idp", "s-1", WHO, False, HERE)
    assert isinstance(session, Session)
    assert session.caller.methods == ("outside",)
    strong = await signin.outside(tenant, "https://idp", "s-1", WHO, True, HERE)
    assert isinstance(strong, Session)
    assert strong.caller.methods == ("outside", "mfa")
    later(minutes=3)
    assert not await signin.outside_again(session.caller, "https://idp", "s-2", "officer", HERE), "somebody else"
    assert (await lines(clinic))[-1] == ("confirm", "denied", WHO, "how=outside")
    assert await signin.outside_again(session.caller, "https://idp", "s-1", WHO, HERE)
    assert (await lines(clinic))[-1] == ("confirm", "done", WHO, "how=outside")
    again = await clinic.gate.identity.again(session.caller)
    assert again is not None
    assert again.proved != session.caller.proved
    await clinic.gate.identity.revoke(session.token)
    assert not await signin.outside_again(session.caller, "https://idp", "s-1", WHO, HERE)
    await with_app(clinic)
    assert isinstance(await signin.outside(tenant, "https://idp", "s-1", WHO, False, HERE), Pending), "a second factor is asked for"
    assert isinstance(await signin.outside(tenant, "https://idp", "s-1", WHO, True, HERE), Session)


async def test_an_answer_of_a_provider_comes_once(clinic: Clinic) -> None:
    tenant, other, name = clinic.gate.house.tenants[A], clinic.gate.house.tenants[B], crypto.sha256(b"state")
    assert [await clinic.gate.signin.first_time(t, name) for t in (tenant, tenant, other)] == [True, False, True]


async def test_a_half_done_sign_in_is_of_its_browser_its_door_and_nothing_else(clinic: Clinic) -> None:
    tenant, signin = clinic.gate.house.tenants[A], clinic.gate.signin
    secret = await with_app(clinic)
    pending = await sign_in(clinic)
    assert isinstance(pending, Pending)
    assert await signin.pending(tenant, pending.token, "staff") == pending
    for token, door in (("", "staff"), ("x", "staff"), (pending.token, "patient")):
        assert await signin.pending(tenant, token, door) is None
    assert await signin.first_time(tenant, crypto.sha256(b"other"))
    assert await signin.pending(tenant, "other", "staff") is None, "a ticket for something else"
    assert await signin.set_up_app(tenant, pending) is None, "they have one"
    assert await signin.second_set_up(tenant, pending, code(secret), HERE) is None
    for kind in ("recovery", "passkey", "password"):
        assert await signin.second(tenant, pending, kind, PASSWORD, HERE) is None
    assert await signin.second(tenant, pending, "totp", code(secret), THERE._replace(door="patient")) is None, "by another door"
