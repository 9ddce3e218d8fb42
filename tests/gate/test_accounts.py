"""Accounts, links and the second person, asked of the gate itself: who may, what is refused, and what a link is good for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sojourn.base import clock, errors
from sojourn.gate import accounts, secondperson
from sojourn.gate.access import Access
from sojourn.gate.accounts import WRONG_CODE, Fresh, Link
from sojourn.gate.secondperson import PERSONS, STAFF
from sojourn.gate.signin import Pending
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import WHO, clinic, sign_in, with_app
from tests.people import FAR, MH, SUD, A, B, Clinic
from tests.web.real import ADMIN, later

__all__ = ["clinic"]

NEW = "seven quiet lanterns over water"


async def invited(access: Access, login: str = "nia", **more: object) -> tuple[str, Fresh]:
    return await accounts.invite(access, **{"kind": "staff", "login": login, "name": "Nia Thornton", "role": "nurse", "programs": [FAR, MH], "acting": MH, **more})


async def accepted(clinic: Clinic, made: Fresh, password: str = NEW, code: str = "", door: str = "staff") -> tuple[str, str]:
    return await accounts.accept(clinic.gate.house, clinic.gate.house.tenants[A], made.secret, door, password, "request", code)


async def looked(clinic: Clinic, made: Fresh, door: str = "staff") -> Link | None:
    return await accounts.link(clinic.gate.house, clinic.gate.house.tenants[A], made.secret, door)


async def stale(access: Access) -> Access:
    """The same, whose last proof is too long ago."""
    access.caller = replace(access.caller, proved=None, session=False)
    return access


async def test_who_manages_accounts_sees_who_works_here_and_not_who_is_a_client(clinic: Clinic) -> None:
    admin, me = await signed_in(clinic, ADMIN), await signed_in(clinic)
    found = {a.account: a for a in await accounts.every(admin)}
    assert "other-clinician" not in found
    assert (found[WHO].name, found[WHO].agent, found[WHO].role, found[WHO].programs, found[WHO].acting) == (WHO, f"Practitioner/{WHO}", "clinician", (MH,), MH)
    assert [(found[who].name, found[who].agent) for who in ("ana", "parent")] == [("A client", None), ("Somebody who acts for a client", None)]
    assert await accounts.one(admin, WHO) == found[WHO]
    for who in ("nobody", "other-clinician"):
        with pytest.raises(errors.NotFound):
            await accounts.one(admin, who)
    for asked in (accounts.every(me), accounts.one(me, WHO), accounts.people(me), accounts.known(me, WHO)):
        with pytest.raises(errors.Forbidden):
            await asked
    officer = await signed_in(clinic, "officer")
    assert {a.kind for a in await accounts.people(officer)} == {"staff"}
    assert (await accounts.known(officer, WHO)).account == WHO
    for who in ("ana", "sys-mh", "nobody"):
        with pytest.raises(errors.NotFound):
            await accounts.known(officer, who)
    assert {"clinician", "nurse", "administrator"} <= set(await accounts.roles(admin))
    assert not {"system", "outside"} & set(await accounts.roles(admin))
    whole = found["officer"]
    for other, counted in ((whole, 1), (replace(whole, programs=(SUD, MH)), 0), (replace(whole, state="invited"), 0), (replace(whole, kind="app"), 0), (replace(whole, role="clinician"), 0)):
        assert accounts.overseers(admin, [other]) == counted
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'accounts' AND account = $1", ADMIN) == 1


async def test_who_was_signed_out_meanwhile_sees_and_changes_nothing(clinic: Clinic) -> None:
    admin = await signed_in(clinic, ADMIN)
    await clinic.owner.execute("SELECT gate.revoke($1, $2)", admin.caller.credential, clock.now())
    for act in (accounts.every(admin), accounts.one(admin, WHO), invited(admin), accounts.deactivate(admin, WHO, "x")):
        with pytest.raises(errors.StaleCredential):
            await act


async def test_what_cannot_be_given_is_not_given_and_a_login_is_of_one(clinic: Clinic) -> None:
    admin = await signed_in(clinic, ADMIN)
    for wrong in ({"kind": "robot"}, {"role": "outside"}, {"role": "system"}, {"role": "x"}, {"programs": [99]}, {"acting": SUD}, {"programs": [], "acting": MH}):
        with pytest.raises(errors.Invalid):
            await invited(admin, **wrong)
    account, made = await invited(admin)
    assert made.held
    with pytest.raises(errors.Conflict):
        await invited(admin)
    found = await accounts.one(admin, account)
    assert (found.state, found.role, found.programs, found.acting, found.password, found.link is not None) == ("invited", "nurse", (MH, FAR), MH, False, True)
    await invited(admin, "ned", programs=[], acting=None)
    assert (await accounts.one(admin, (await invited(admin, "lake", kind="organization", agent="Organization/lake"))[0])).kind == "organization"
    with pytest.raises(errors.Forbidden):
        await invited(await signed_in(clinic), "ben")
    with pytest.raises(errors.ProofNeeded):
        await invited(await stale(admin), "ben")


async def test_a_link_opens_once_with_the_code_of_somebody_else_and_a_password_nobody_would_try(clinic: Clinic) -> None:
    admin, officer = await signed_in(clinic, ADMIN), await signed_in(clinic, "officer")
    account, made = await invited(admin)
    assert await looked(clinic, made) == Link("invitation", account, "nia", "Nia Thornton", second=False, person=False, held=True)
    assert await accounts.link(clinic.gate.house, clinic.gate.house.tenants[B], made.secret, "staff") is None
    assert await looked(clinic, Fresh("nothing", held=False)) is None
    waiting = await secondperson.waiting(officer, STAFF, account)
    assert [(w.account, w.kind, w.author, w.confirmed) for w in waiting] == [(account, "invitation", ADMIN, False)]
    with pytest.raises(errors.Conflict):
        await secondperson.confirm(admin, STAFF, account)
    with pytest.raises(errors.Forbidden):
        await secondperson.confirm(await signed_in(clinic), STAFF, account)
    code = await secondperson.confirm(officer, STAFF, account)
    assert (await secondperson.waiting(officer, STAFF))[0].confirmed
    said, problem = await accepted(clinic, made, "nia", code)
    assert (said, bool(problem), problem == WRONG_CODE) == ("", True, False)
    assert await accepted(clinic, made) == ("", WRONG_CODE)
    assert await accepted(clinic, made, code="aaaa-aaaa") == ("", WRONG_CODE)
    assert await accepted(clinic, made, code=code.upper().replace("-", " ")) == (account, "")
    assert await accepted(clinic, made, code=code) == ("", "")
    lines = await clinic.owner.fetch("SELECT action, outcome, account, query FROM record.audit WHERE action LIKE 'invitation-%' OR action = 'account-link-confirm' ORDER BY n")
    assert [tuple(line) for line in lines] == [
        ("account-link-confirm", "failed", ADMIN, f"account={account}"), ("account-link-confirm", "done", "officer", f"account={account}"),
        *[("invitation-accept", "failed", "", f"about={account}")] * 2, ("invitation-accept", "done", account, f"about={account}"),
    ]  # fmt: skip
    came = await secondperson.opened(officer)
    assert [(o.account, o.kind, o.author, o.confirmed_by) for o in came] == [(account, "invitation", ADMIN, "officer")]
    later(days=91)
    assert await secondperson.opened(await signed_in(clinic, "officer")) == []
    with pytest.raises(errors.Forbidden):
        await secondperson.opened(await signed_in(clinic))
    with pytest.raises(errors.Forbidden):
        await secondperson.waiting(await signed_in(clinic), STAFF)


async def test_links_last_a_week_or_a_day_and_a_new_one_ends_the_old_one(clinic: Clinic) -> None:
    admin = await signed_in(clinic, ADMIN)
    account, first = await invited(admin)
    second = await accounts.invite_again(admin, account)
    assert await looked(clinic, first) is None
    assert await looked(clinic, second) is not None
    with pytest.raises(errors.Conflict):
        await accounts.reset(admin, account, factors=False)
    with pytest.raises(errors.Conflict):
        await accounts.invite_again(admin, WHO)
    back = await accounts.reset(admin, WHO, factors=False)
    assert await looked(clinic, back) == Link("reset", WHO, WHO, WHO, second=False, person=False, held=True)
    later(hours=23, minutes=59)
    assert await looked(clinic, back) is not None
    later(minutes=1)
    assert await looked(clinic, back) is None
    later(days=6)
    assert await looked(clinic, second) is None


async def test_a_reset_takes_the_password_and_only_where_it_says_so_the_factors(clinic: Clinic) -> None:
    admin = await signed_in(clinic, ADMIN)
    await with_app(clinic)
    waits = await sign_in(clinic)
    assert isinstance(waits, Pending)
    assert await looked(clinic, Fresh(waits.token, held=False)) is None, "a secret of another kind is no link"
    await accounts.reset(admin, WHO, factors=False)
    found = await accounts.one(admin, WHO)
    assert (found.password, found.totp) == (False, 1)
    assert await sign_in(clinic) is None
    await accounts.reset(admin, WHO, factors=True)
    assert (await accounts.one(admin, WHO)).totp == 0
    lines = await clinic.owner.fetch("SELECT outcome, query FROM record.audit WHERE action = 'account-reset' ORDER BY n")
    assert [tuple(line) for line in lines] == [("done", f"account={WHO}&factors=false"), ("done", f"account={WHO}&factors=true")]


async def test_an_account_ends_and_comes_back_by_somebody_elses_hand(clinic: Clinic) -> None:
    admin = await signed_in(clinic, ADMIN)
    for act in (accounts.deactivate(admin, ADMIN, "x"), accounts.reset(admin, ADMIN, factors=False), accounts.assign(admin, ADMIN, role="nurse", programs=[MH], acting=MH)):
        with pytest.raises(errors.Forbidden):
            await act
    with pytest.raises(errors.Conflict):
        await accounts.reactivate(admin, WHO, "x")
    mine = await signed_in(clinic)
    await accounts.deactivate(admin, WHO, "left")
    assert await clinic.gate.identity.of(mine.caller.credential) is None
    with pytest.raises(errors.Conflict):
        await accounts.deactivate(admin, WHO, "left")
    assert await sign_in(clinic) is None
    await accounts.reactivate(admin, WHO, "back")
    assert (await accounts.one(admin, WHO)).state == "active"
    assert await clinic.gate.identity.of(mine.caller.credential) is None
    lines = await clinic.owner.fetch("SELECT action, outcome FROM record.audit WHERE action IN ('account-deactivate', 'account-reactivate') ORDER BY n")
    assert [tuple(line) for line in lines] == [("account-deactivate", "done"), ("account-deactivate", "failed"), ("account-reactivate", "done")]
    with pytest.raises(errors.ProofNeeded):
        await accounts.deactivate(await stale(admin), WHO, "x")


async def test_more_waits_for_a_second_person_and_less_does_not(clinic: Clinic) -> None:
    admin, officer = await signed_in(clinic, ADMIN), await signed_in(clinic, "officer")
    for who in ("ana", "sys-mh", "tpo"):
        with pytest.raises(errors.Forbidden):
            await accounts.assign(admin, who, role="nurse", programs=[MH], acting=MH)
    with pytest.raises(errors.Invalid):
        await accounts.assign(admin, WHO, role="x", programs=[MH], acting=MH)
    assert await accounts.assign(admin, "both-clinician", role="director", programs=[MH, SUD], acting=MH) is True, "only less"
    assert (await accounts.one(admin, "both-clinician")).programs == (SUD, MH)
    for role, programs in (("clinician", [SUD, MH]), ("nurse", [MH])):
        later(seconds=1)
        assert await accounts.assign(admin, WHO, role=role, programs=programs, acting=MH) is False
    (asked,) = await secondperson.asked(officer, WHO)
    assert (asked.account, asked.role, asked.programs, asked.acting, asked.author) == (WHO, "nurse", (MH,), MH, ADMIN)
    assert await secondperson.asked(officer) == [asked]
    for who, at in ((admin, asked.at.isoformat()), (officer, "2026-01-01T00:00:00+00:00")):
        with pytest.raises(errors.Conflict):
            await secondperson.decide(who, WHO, at, granted=True)
    with pytest.raises(errors.Forbidden):
        await secondperson.decide(await signed_in(clinic), WHO, asked.at.isoformat(), granted=True)
    await secondperson.decide(officer, WHO, asked.at.isoformat(), granted=False)
    assert await secondperson.asked(officer) == []
    assert (await accounts.one(admin, WHO)).role == "clinician"
    later(seconds=1)
    assert not await accounts.assign(admin, WHO, role="nurse", programs=[MH], acting=MH)
    (asked,) = await secondperson.asked(officer)
    await secondperson.decide(officer, WHO, asked.at.isoformat(), granted=True)
    assert (await accounts.one(admin, WHO)).role == "nurse"
    with pytest.raises(errors.Conflict):
        await secondperson.decide(officer, WHO, asked.at.isoformat(), granted=True)
    lines = await clinic.owner.fetch("SELECT action, outcome, query FROM record.audit WHERE action LIKE 'account-assign%' AND outcome = 'done' ORDER BY n")
    assert [tuple(line) for line in lines] == [
        ("account-assign", "done", "account=both-clinician&role=director&programs=1,2"), ("account-assign-ask", "done", f"account={WHO}&role=clinician&programs=1,2"),
        ("account-assign-ask", "done", f"account={WHO}&role=nurse&programs=2"), ("account-assign-refuse", "done", f"account={WHO}&role=nurse&programs=2"),
        ("account-assign-ask", "done", f"account={WHO}&role=nurse&programs=2"), ("account-assign", "done", f"account={WHO}&role=nurse&programs=2"),
    ]  # fmt: skip


async def test_who_counts_as_a_second_person(clinic: Clinic) -> None:
    house, tenant = clinic.gate.house, clinic.gate.house.tenants[A]

    async def needed(type_: str = STAFF, author: str = ADMIN, account: str = WHO) -> bool:
        return await secondperson.needed(house, tenant, type_, author=author, account=account)

    assert await needed()
    assert await needed(PERSONS)
    confirms = [a.account for a in await accounts.people(await signed_in(clinic, ADMIN)) if house.rules[A].allows(a.role, "confirm", STAFF)]
    assert {"officer", "mh-officer", ADMIN} <= set(confirms)
    for who in confirms:
        if who not in ("officer", ADMIN):
            await clinic.owner.execute("UPDATE record.assignment SET role = 'nurse' WHERE account = $1", who)
    assert await needed()
    assert not await needed(author="officer", account=ADMIN), "neither who makes the link nor whom it is for"
    assert not await needed(author=ADMIN, account="officer")
    off = "SELECT gate.set_policy($1, $2, $3, $4, $5, $6, '', '\"no\"', 'tried')"
    await clinic.owner.execute(off, *(await signed_in(clinic, "officer")).head, "officer", secondperson.KEY[STAFF])
    assert await needed()
    later(days=7)
    assert not await needed()
    assert await needed(PERSONS), "each kind by its own"


async def test_codes_are_kept_keyed_and_read_however_they_are_written(clinic: Clinic) -> None:
    house, tenant = clinic.gate.house, clinic.gate.house.tenants[A]
    code = secondperson.new_code()
    assert (len(code), code[4]) == (9, "-")
    assert secondperson.hashed(house, tenant, code) == secondperson.hashed(house, tenant, f" {code.upper().replace('-', '')} ")
    assert secondperson.hashed(house, tenant, code) != secondperson.hashed(house, house.tenants[B], code)
