"""The second person, as an attacker meets it: who makes a link, or gives out a code, or wants a role, does not get in alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.doors.smart.office import Office
from tests.people import START, A, Clinic, close_clinic, open_clinic
from tests.web.real import ADMIN, HASH, Visitor, furnish, later
from tests.web.second import approve, at_the_page, code_for
from tests.web.test_accounts import NEW, WHO, account_of, administrator, invite, path_of
from tests.web.test_proxies import browser, client, code_of, here, invited  # noqa: F401 - a fixture


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        made = await open_clinic(database)
        await furnish(made)
        yield made
        await close_clinic(made)


async def opens(clinic: Clinic, path: str, code: str) -> Visitor:
    """Somebody with a link and what they hold for its code."""
    visitor = Visitor(clinic)
    await visitor.get(path)
    await visitor.post(path, {"new": NEW, "again": NEW, "code": code})
    return visitor


async def another_administrator(clinic: Clinic) -> str:
    await organization.account(clinic.owner, A, organization.AccountRow("admin2", "staff", "admin2", "Kim Other", HASH, None, "administrator", [], None, []), clock.now())
    return "admin2"


@pytest.mark.parametrize("what", ["invitation", "reset"])
async def test_an_administrator_who_opens_the_link_alone_does_not_become_a_clinician(clinic: Clinic, what: str) -> None:
    admin = await administrator(clinic)
    if what == "invitation":
        path = await invite(admin, role="clinician")
        account = await account_of(clinic, "nia")
    else:
        account = WHO
        await admin.get(f"/accounts/{WHO}")
        path = path_of((await admin.post(f"/accounts/{WHO}/reset", {"factors": "yes"})).text)
    for code in ("", "aaaa-aaaa"):
        tried = await opens(clinic, path, code)
        assert tried.last.status_code == 422
        assert (await tried.get("/patients")).headers["location"].startswith("/sign-in")
    # Nor do they get the code: their own page refuses it, and so does the function beneath it.
    await admin.get("/accounts/confirm")
    assert "somebody else gives out its code" in admin.last.text
    assert (await admin.post("/accounts/confirm", {"do": "code", "account": account})).status_code == 409
    assert not await clinic.owner.fetchval("SELECT gate.confirm_link(1, $1, $2, '\\x00', $3)", account, ADMIN, clock.now())


async def test_link_and_code_together_let_in_and_the_page_says_who_came(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    code = await code_for(clinic, "nia")
    theirs = await opens(clinic, path, code.upper().replace("-", " "))
    assert theirs.last.headers["location"] == "/today"
    page = (await at_the_page(clinic)).last.text
    assert re.search(r"Nia Thornton</b>.*?Invited by Robin Castellanos, code from officer", page, re.DOTALL)
    assert code not in str([dict(r) for t in ("ticket", "audit") for r in await clinic.owner.fetch(f"SELECT * FROM record.{t}")])


async def test_after_five_wrong_codes_the_link_is_worth_nothing_with_the_right_one(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    code = await code_for(clinic, "nia")
    for n in range(5):
        assert (await opens(clinic, path, f"bbbb-bb{n}x")).last.status_code == 422
    assert (await opens(clinic, path, code)).last.status_code == 404


async def test_whoever_gives_out_the_code_never_sees_the_link_and_a_new_link_needs_a_new_code(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    await invite(admin)
    assert "/welcome/" not in (await at_the_page(clinic)).last.text
    code = await code_for(clinic, "nia")
    account = await account_of(clinic, "nia")
    await admin.get(f"/accounts/{account}")
    again = path_of((await admin.post(f"/accounts/{account}/link")).text)
    assert (await opens(clinic, again, code)).last.status_code == 422


async def test_a_sock_puppet_with_the_right_to_confirm_needs_a_second_person_itself(clinic: Clinic) -> None:
    """An administrator makes another administrator, to be the second person of the next account."""
    admin = await administrator(clinic)
    path = await invite(admin, role="administrator", login="puppet", name="Pat Puppet")
    assert (await opens(clinic, path, "")).last.status_code == 422
    # A colleague of no sight that is given a role later does not get it from one person either.
    await admin.get("/accounts/biller")
    assert (await admin.post("/accounts/biller/role", {"role": "administrator", "program-2": "yes"})).status_code == 303
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.assignment WHERE account = 'biller' AND role = 'administrator'") == 0
    page = (await admin.get("/accounts/confirm")).text
    asked = re.findall(r'name="asked" value="([^"]+)"', page)[0]
    assert (await admin.post("/accounts/confirm", {"do": "grant", "account": "biller", "asked": asked})).status_code == 409
    later(seconds=1)
    await approve(clinic, "biller")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.assignment WHERE account = 'biller' AND role = 'administrator'") == 1


async def test_whoever_puts_the_second_person_out_of_the_way_waits_a_week(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    for who in ("officer", "mh-officer"):
        await admin.get(f"/accounts/{who}")
        assert (await admin.post(f"/accounts/{who}/deactivate")).status_code == 303
    path = await invite(admin)
    assert "waits for a second person" in admin.last.text
    assert (await opens(clinic, path, "")).last.status_code == 422
    later(days=8)
    admin = await administrator(clinic)
    await admin.get(f"/accounts/{await account_of(clinic, 'nia')}")
    alone = path_of((await admin.post(f"/accounts/{await account_of(clinic, 'nia')}/link")).text)
    assert (await opens(clinic, alone, "")).last.status_code == 303, "where there is nobody else, nobody else can be asked"


async def test_a_policy_that_says_no_acts_after_a_week(clinic: Clinic) -> None:
    off = "SELECT gate.set_policy($1, $2, $3, $4, $5, $6, '', '\"no\"', 'tried')"
    access = await clinic.gate.access(clinic.tokens["officer"])
    assert access is not None
    await clinic.owner.execute(off, *access.head, "officer", "accounts.second-person")
    admin = await administrator(clinic)
    assert (await opens(clinic, await invite(admin), "")).last.status_code == 422
    later(days=8)
    assert (await opens(clinic, await invite(await administrator(clinic), login="ned", name="Ned Late"), "")).last.status_code == 303


async def test_only_who_may_confirm_comes_to_the_page_and_no_code_is_given_for_a_client_there(clinic: Clinic) -> None:
    for who, status in ((WHO, 403), ("technician", 403), ("biller", 403), ("officer", 200), (ADMIN, 200)):
        visitor = Visitor(clinic)
        await visitor.sign_in(who)
        assert (await visitor.get("/accounts/confirm")).status_code == status, who
    assert (await (await at_the_page(clinic)).post("/accounts/confirm", {"do": "code", "account": "ana"})).status_code == 404


async def test_a_clerk_who_opens_a_clients_link_alone_does_not_become_the_client(here: Office) -> None:  # noqa: F811 - the fixture
    p = await client(here.clinic)
    desk = browser(here)
    await desk.sign_in("clerk")
    link = await invited(desk, p)
    assert "waits for a second person" in desk.last.text
    theirs = browser(here)
    await theirs.get(link)
    assert (await theirs.post(link, {"new": NEW, "again": NEW, "code": "aaaa-aaaa"})).status_code == 422
    await desk.get(f"/patients/{p}/proxies/self")
    assert "waits for you" not in desk.last.text
    assert (await desk.post(f"/patients/{p}/proxies/self", {"do": "confirm", "evidence": "identity"})).status_code == 409
    code = await code_of(here, p)
    assert (await theirs.post(link, {"new": NEW, "again": NEW, "code": code})).status_code == 303
    lines = await here.clinic.owner.fetch("SELECT account, patients FROM record.audit WHERE action = 'account-link-confirm' AND outcome = 'done'")
    assert [(r["account"], list(r["patients"])) for r in lines] == [("officer", [p])]


async def test_an_administrator_who_resets_a_clients_sign_in_needs_who_sees_their_chart(here: Office) -> None:  # noqa: F811 - the fixture
    p = await client(here.clinic)
    desk = browser(here)
    await desk.sign_in("clerk")
    theirs = browser(here)
    link = await invited(desk, p)
    await theirs.get(link)
    assert (await theirs.post(link, {"new": NEW, "again": NEW, "code": await code_of(here, p)})).status_code == 303
    account = await here.clinic.owner.fetchval("SELECT account FROM record.account WHERE agent = $1", f"Patient/{p}")
    admin = browser(here)
    await admin.sign_in(ADMIN)
    await admin.get(f"/accounts/{account}")
    reset = re.findall(r'value="http://[^/"]+(/welcome/[^"]+)"', (await admin.post(f"/accounts/{account}/reset")).text)[0]
    assert (await browser(here).post(reset, {"new": NEW, "again": NEW, "code": "aaaa-aaaa"}, token=admin.hidden("csrf"))).status_code in (403, 422)
    await admin.get("/accounts/confirm")
    assert (await admin.post("/accounts/confirm", {"do": "code", "account": account})).status_code == 404
    assert await code_of(here, p, who="clerk"), "the clerk made none of it this time, and sees the chart"


async def test_a_link_that_was_made_before_this_rule_stays_good(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    await clinic.owner.execute("UPDATE record.ticket SET held = false WHERE kind = 'invitation'")  # as the migration leaves it
    assert (await opens(clinic, path, "")).last.status_code == 303
