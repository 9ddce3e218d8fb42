"""One's own security and what whoever runs the server mends, asked of the gate itself: proofs, whose session and factor, each line of the trail."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import clock as time
from sojourn.base import errors
from sojourn.gate import operating, security
from sojourn.gate.access import Access
from sojourn.gate.accounts import WRONG_CODE
from sojourn.gate.identity import Session
from sojourn.gate.signin import Pending
from tests.gate.test_accounts import NEW, accepted, looked, stale
from tests.gate.test_passkeys import PLACE
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import WHO, clinic, code, sign_in
from tests.people import A, B, Clinic
from tests.web.real import PASSWORD, later

__all__ = ["clinic"]


async def lines(clinic: Clinic, one: Access) -> list[tuple[str, str, str]]:
    """The lines of a request about one's security."""
    return [(r["action"], r["outcome"], r["query"]) for r in await clinic.trail(one.request) if r["type"] == "Login"]


async def added(one: Access) -> str:
    """Set an authenticator app up; its name."""
    made = await security.begin_app(one)
    assert await security.confirm_app(one, code(made.secret))
    return made.factor


async def alive(one: Access) -> bool:
    try:
        await security.alive(one)
    except errors.StaleCredential:
        return False
    return True


def acts(one: Access, factor: str) -> dict[str, Any]:
    """Everything that changes with what somebody signs in."""
    return {
        "password": security.change_password(one, NEW), "app": security.begin_app(one), "code": security.confirm_app(one, "000000"), "passkey": security.add_passkey(one, PLACE, "Key", "", ""),
        "factor": security.end_factor(one, factor), "recovery": security.new_recovery(one),
    }  # fmt: skip


async def test_every_change_asks_for_a_recent_proof_and_a_session_that_still_is(clinic: Clinic) -> None:
    mine, old, gone = [await signed_in(clinic) for _ in range(3)]
    factor = await added(mine)
    await stale(old)
    for act in acts(old, factor).values():
        with pytest.raises(errors.ProofNeeded):
            await act
    await clinic.owner.execute("SELECT gate.revoke($1, $2)", gone.caller.credential, time.now())
    for act in (*acts(gone, factor).values(), security.own(gone), security.app_begun(gone), security.ask_passkey(gone, PLACE), security.end_sessions(gone), security.end_sessions(gone, "x")):
        with pytest.raises(errors.StaleCredential):
            await act
    assert [f.id for f in (await security.own(mine)).factors] == [factor]
    assert isinstance(await sign_in(clinic, password=PASSWORD), Pending), "the password is as it was"
    assert [await lines(clinic, one) for one in (old, gone)] == [[], []]


async def test_a_new_password_ends_every_other_session_and_a_weak_one_changes_nothing(clinic: Clinic) -> None:
    mine, other, somebody = await signed_in(clinic), await signed_in(clinic), await signed_in(clinic, "officer")
    for weak in ("", "short", WHO * 2):
        assert await security.change_password(mine, weak)
    assert await alive(other)
    assert await security.change_password(mine, NEW) == ""
    assert [await alive(one) for one in (mine, other, somebody)] == [True, False, True]
    assert isinstance(await sign_in(clinic, password=NEW), Session)
    assert await sign_in(clinic, password=PASSWORD) is None
    assert await lines(clinic, mine) == [("password-change", "done", ""), ("session-end", "done", "all others")]


async def test_a_factor_counts_once_a_code_was_shown_and_the_last_one_stays_where_one_is_needed(clinic: Clinic) -> None:
    mine, somebody = await signed_in(clinic), await signed_in(clinic, "officer")
    with pytest.raises(errors.Conflict):
        await security.new_recovery(mine)
    begun = await security.begin_app(mine)
    assert (await security.app_begun(mine)).secret == begun.secret
    assert not await security.confirm_app(mine, "000000")
    assert (await security.own(mine)).seconds == 0
    with pytest.raises(errors.NotFound):
        await security.end_factor(mine, begun.factor)
    assert await security.confirm_app(mine, code(begun.secret))
    codes = await security.new_recovery(mine)
    own = await security.own(mine)
    assert ([f.id for f in own.factors], own.recovery, own.login, own.password, own.needed) == ([begun.factor], len(codes), WHO, True, False)
    for name in (begun.factor, "nothing"):
        with pytest.raises(errors.NotFound):
            await security.end_factor(somebody, name)
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = true")
    assert (await security.own(mine)).needed
    with pytest.raises(errors.Conflict):
        await security.end_factor(mine, begun.factor)
    later(minutes=1)
    second = await added(mine)
    await security.end_factor(mine, begun.factor)
    assert [f.id for f in (await security.own(mine)).factors] == [second]
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = false")
    await security.end_factor(mine, second)
    assert (await security.own(mine)).factors == ()
    assert not await security.add_passkey(mine, PLACE, "Key", "", "")
    assert await lines(clinic, mine) == [
        ("factor-add", "failed", "kind=totp"), ("factor-add", "done", "kind=totp"), ("factor-add", "done", "kind=recovery"), ("factor-add", "done", "kind=totp"), ("factor-end", "done", ""), ("factor-end", "done", ""),
        ("factor-add", "failed", "kind=passkey"),
    ]  # fmt: skip


async def test_one_ends_ones_own_sessions_and_no_others(clinic: Clinic) -> None:
    mine, second, third, somebody = await signed_in(clinic), await signed_in(clinic), await signed_in(clinic), await signed_in(clinic, "officer")
    own = (await security.own(mine)).sessions
    assert (len(own), [s.here for s in own].count(True)) == (3, True)
    theirs = (await security.own(somebody)).sessions[0].handle
    assert not await security.end_sessions(mine, theirs)
    (handle,) = {s.handle for s in own} - {s.handle for s in own if s.here} - {next(s.handle for s in (await security.own(third)).sessions if s.here)}
    assert await security.end_sessions(mine, handle)
    assert [await alive(one) for one in (mine, second, third, somebody)] == [True, False, True, True]
    assert not await security.end_sessions(mine, handle)
    assert await security.end_sessions(mine)
    assert [await alive(one) for one in (mine, third, somebody)] == [True, False, True]
    assert not await security.end_sessions(mine)
    assert {line[2] for line in await lines(clinic, mine)} == {"one", "all others"}


async def test_whoever_runs_the_server_mends_accounts_by_links_that_are_in_the_trail(clinic: Clinic) -> None:
    house, tenant, other = clinic.gate.house, clinic.gate.house.tenants[A], clinic.gate.house.tenants[B]
    for act in (operating.by_login(house, tenant, "nobody"), operating.by_login(house, other, WHO), operating.reset(house, tenant, "nobody", factors=False), operating.deactivate(house, other, WHO, "x"), operating.confirm(house, tenant, "nobody")):
        with pytest.raises(errors.NotFound):
            await act
    with pytest.raises(errors.Conflict):
        await operating.invite(house, tenant, WHO, "Another", "clinician")
    with pytest.raises(errors.Conflict):
        await operating.confirm(house, tenant, WHO)
    made = await operating.invite(house, tenant, "nia", "Nia Thornton", "nurse")
    account = (await operating.by_login(house, tenant, "nia"))["account"]
    link = await looked(clinic, made)
    assert link is not None
    assert (link.kind, link.account, link.held, made.held) == ("invitation", account, True, True), "somebody else confirms it"
    again = await operating.reset(house, tenant, "nia", factors=True)
    link = await looked(clinic, again)
    assert link is not None
    assert (link.kind, await looked(clinic, made)) == ("invitation", None), "who never came in is invited again, and the link before is worth nothing"
    assert await accepted(clinic, again) == ("", WRONG_CODE)
    confirmed = await operating.confirm(house, tenant, "nia")
    assert await accepted(clinic, again, code=confirmed) == (account, "")
    later(days=1)
    mine = await signed_in(clinic)
    factor = await added(mine)
    kept = await operating.reset(house, tenant, WHO, factors=False)
    assert not await alive(mine)
    assert await sign_in(clinic, password=PASSWORD) is None
    link = await looked(clinic, kept)
    assert link is not None
    assert (link.kind, link.account) == ("reset", WHO)
    assert [r["factor"] for r in await clinic.owner.fetch("SELECT factor FROM gate.factors(1, $1, $2)", WHO, time.now())] == [factor]
    await operating.reset(house, tenant, WHO, factors=True)
    assert await clinic.owner.fetch("SELECT factor FROM gate.factors(1, $1, $2)", WHO, time.now()) == []
    somebody = await signed_in(clinic, "officer")
    await operating.deactivate(house, tenant, "officer", "left")
    assert not await alive(somebody)
    for act in (operating.deactivate(house, tenant, "officer", "left"), operating.reset(house, tenant, "officer", factors=False)):
        with pytest.raises(errors.Conflict):
            await act
    found = await clinic.owner.fetch("SELECT action, outcome, query, account, role, door FROM record.audit WHERE door = 'command-line' AND outcome = 'done' ORDER BY n")
    assert {(r["account"], r["role"], r["door"], r["outcome"]) for r in found} == {("", operating.OPERATOR, operating.DOOR, "done")}
    held = {True: "true", False: "false"}
    assert [(r["action"], r["query"]) for r in found] == [
        ("account-invite", f"account={account}&kind=staff&role=nurse"), ("account-invitation-link", f"account={account}&held=true"), ("account-invitation-link", f"account={account}&held=true"),
        ("account-link-confirm", f"account={account}"), ("account-reset", f"account={WHO}&factors=false"), ("account-reset-link", f"account={WHO}&held={held[kept.held]}"),
        ("account-reset", f"account={WHO}&factors=true"), ("account-reset-link", f"account={WHO}&held={held[kept.held]}"), ("account-deactivate", "account=officer"),
    ]  # fmt: skip
