"""Accounts: who may manage them, what an invitation is good for, and that nobody gets further with it than meant."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.base.errors import Forbidden
from sojourn.doors.staff.routes import ADMINISTER, SCREENS
from sojourn.gate import emergency
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, Clinic
from tests.web.real import ADMIN, Visitor, furnish, later
from tests.web.second import approve, code_for

NEW = "seven quiet lanterns over water"
WHO = "mh-clinician"
NIA = {"name": "Nia Thornton", "login": "nia", "role": "nurse", "program-2": "yes", "acting": "2"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def administrator(clinic: Clinic) -> Visitor:
    visitor = Visitor(clinic)
    await visitor.sign_in(ADMIN)
    return visitor


async def invite(visitor: Visitor, **changes: str) -> str:
    """Invite somebody; the path of the link."""
    await visitor.get("/accounts/new")
    answer = await visitor.post("/accounts/new", {**NIA, **changes})
    assert "The invitation is ready" in answer.text, answer.text
    return path_of(answer.text)


def path_of(page: str) -> str:
    return re.findall(r'value="http://a\.test(/welcome/[^"]+)"', page)[0]


async def accept(clinic: Clinic, path: str, password: str = NEW) -> Visitor:
    visitor = Visitor(clinic)
    page = (await visitor.get(path)).text
    code = await code_for(clinic, re.findall(r"<code>([^<]+)</code>", page)[0]) if 'name="code"' in page else ""
    await visitor.post(path, {"new": password, "again": password, "code": code})
    return visitor


async def account_of(clinic: Clinic, login: str) -> str:
    found: str = await clinic.owner.fetchval("SELECT account FROM record.account WHERE login = $1", login)
    return found


async def test_the_invited_person_sets_the_password_and_is_in(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    assert (await Visitor(clinic).sign_in("nia")).status_code == 401
    visitor = await accept(clinic, path)
    assert (visitor.last.status_code, visitor.last.headers["location"]) == (303, "/today")
    assert (await visitor.get("/patients")).status_code == 200
    assert (await Visitor(clinic).sign_in("nia", NEW)).status_code == 303


async def test_an_invitation_works_once_and_then_looks_like_one_that_never_was(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    await accept(clinic, path)
    used = await accept(clinic, path, "another password of mine")
    never = await accept(clinic, path[:-6] + "aaaaaa", "another password of mine")
    assert used.last.status_code == never.last.status_code == 404
    bodies = {re.sub(r'(nonce|csrf|X-CSRF-Token|value|content)[=":]+ ?"[^"]*"', "", v.last.text) for v in (used, never)}
    assert len(bodies) == 1
    assert (await Visitor(clinic).sign_in("nia", "another password of mine")).status_code == 401


async def test_two_who_open_an_invitation_at_once_get_one_account_between_them(clinic: Clinic) -> None:
    import asyncio

    path = await invite(await administrator(clinic))
    visitors = [Visitor(clinic) for _ in range(4)]
    for v in visitors:
        await v.get(path)
    code = await code_for(clinic, "nia")
    await asyncio.gather(*(v.post(path, {"new": f"{NEW} {n}", "again": f"{NEW} {n}", "code": code}) for n, v in enumerate(visitors)))
    assert sorted(v.last.status_code for v in visitors) == [303, 404, 404, 404]


async def test_a_new_link_makes_the_old_one_worthless_and_none_lasts_for_ever(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    old = await invite(admin)
    account = await account_of(clinic, "nia")
    await admin.get(f"/accounts/{account}")
    new = path_of((await admin.post(f"/accounts/{account}/link")).text)
    assert (await Visitor(clinic).get(old)).status_code == 404
    assert (await Visitor(clinic).get(new)).status_code == 200
    later(days=7)
    assert (await Visitor(clinic).get(new)).status_code == 404


async def test_an_invitation_of_one_organization_is_none_at_another(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    assert (await Visitor(clinic, host="b.test").get(path)).status_code == 404


async def test_the_secret_of_a_link_lies_nowhere(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    secret = path.rpartition("/")[2]
    kept = str([dict(r) for t in ("ticket", "audit", "account") for r in await clinic.owner.fetch(f"SELECT * FROM record.{t}")])
    assert secret not in kept


async def test_a_password_that_anybody_would_try_is_refused_and_the_link_stays_good(clinic: Clinic) -> None:
    path = await invite(await administrator(clinic))
    for password in ("short", "aaaaaaaaaaaaaaaaaaaa", "niathornton2026", "passwordpassword1", "Nia Thornton 1999!"):
        visitor = await accept(clinic, path, password)
        assert visitor.last.status_code == 422, password
        assert f'value="{password}"' not in visitor.last.text
    assert (await accept(clinic, path)).last.status_code == 303


async def test_a_deactivated_person_is_out_with_the_next_page_and_cannot_come_back(clinic: Clinic) -> None:
    admin, theirs = await administrator(clinic), Visitor(clinic)
    await theirs.sign_in(WHO)
    assert (await theirs.get("/patients")).status_code == 200
    await admin.get(f"/accounts/{WHO}")
    assert (await admin.post(f"/accounts/{WHO}/deactivate", {"reason": "left"})).status_code == 303
    for _ in range(2):
        answer = await theirs.get("/patients")
    assert answer.headers["location"].startswith("/sign-in")
    assert (await Visitor(clinic).sign_in(WHO)).status_code == 401
    assert (await clinic.get(WHO, "Patient")).status == 401
    await admin.get(f"/accounts/{WHO}")
    await admin.post(f"/accounts/{WHO}/reactivate")
    assert (await Visitor(clinic).sign_in(WHO)).status_code == 303
    assert (await clinic.get(WHO, "Patient")).status == 401


async def test_a_reset_ends_the_old_password_at_once_and_its_link_sets_a_new_one(clinic: Clinic) -> None:
    admin, theirs = await administrator(clinic), Visitor(clinic)
    await theirs.sign_in(WHO)
    await admin.get(f"/accounts/{WHO}")
    path = path_of((await admin.post(f"/accounts/{WHO}/reset", {"factors": "yes"})).text)
    for _ in range(2):
        answer = await theirs.get("/patients")
    assert answer.headers["location"].startswith("/sign-in")
    assert (await Visitor(clinic).sign_in(WHO)).status_code == 401
    assert (await accept(clinic, path)).last.status_code == 303
    assert (await Visitor(clinic).sign_in(WHO, NEW)).status_code == 303


async def test_an_invitation_ends_with_the_account_that_it_was_for(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    path = await invite(admin)
    account = await account_of(clinic, "nia")
    await admin.get(f"/accounts/{account}")
    await admin.post(f"/accounts/{account}/deactivate")
    assert (await accept(clinic, path)).last.status_code == 404


async def test_a_link_that_nobody_opened_ends_with_the_account_of_whoever_made_it(clinic: Clinic) -> None:
    """Who leaves may have kept one. What was opened before stays."""
    admin = await administrator(clinic)
    path = await invite(admin)
    code = await code_for(clinic, "nia")
    assert (await Visitor(clinic).get(path)).status_code == 200
    later(seconds=1)
    await clinic.owner.execute("SELECT gate.set_account_state(1, $1, 'deactivated', '', 'left', $2)", ADMIN, clock.now())
    theirs = Visitor(clinic)
    assert (await theirs.get(path)).status_code == 404
    assert (await theirs.post(path, {"new": NEW, "again": NEW, "code": code})).status_code == 404
    later(seconds=1)
    await clinic.owner.execute("SELECT gate.set_account_state(1, $1, 'active', '', 'back', $2)", ADMIN, clock.now())
    assert (await Visitor(clinic).get(path)).status_code == 404, "what was ended stays ended"
    again = await administrator(clinic)
    account = await account_of(clinic, "nia")
    await again.get(f"/accounts/{account}")
    assert (await accept(clinic, path_of((await again.post(f"/accounts/{account}/link")).text))).last.status_code == 303


async def test_a_role_given_acts_with_the_next_page(clinic: Clinic) -> None:
    admin, theirs = await administrator(clinic), Visitor(clinic)
    await theirs.sign_in(WHO)
    later(seconds=1)
    await admin.get(f"/accounts/{WHO}")
    assert (await admin.post(f"/accounts/{WHO}/role", {"role": "biller", "program-2": "yes"})).status_code == 303
    assert "Biller" not in (await theirs.get("/security")).text, "it waits for a second person"
    await approve(clinic, WHO)
    for _ in range(2):
        answer = await theirs.get("/security")
    assert "Biller" in answer.text
    history = await clinic.owner.fetch("SELECT role FROM record.assignment WHERE account = $1 AND known_to = 'infinity' ORDER BY valid_from", WHO)
    assert [r["role"] for r in history] == ["clinician", "biller"]


async def test_what_is_only_taken_away_acts_at_once(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    await admin.get("/accounts/both-clinician")
    before = await clinic.owner.fetchval("SELECT role FROM record.assignment WHERE account = 'both-clinician'")
    assert (await admin.post("/accounts/both-clinician/role", {"role": before, "program-2": "yes"})).status_code == 303
    assert await clinic.owner.fetchval("SELECT programs FROM record.assignment WHERE account = 'both-clinician' AND known_to = 'infinity' ORDER BY valid_from DESC LIMIT 1") == [2]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.assignment_asked") == 0


async def test_nobody_changes_their_own_account(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    for verb in ("role", "reset", "deactivate", "reactivate", "link"):
        await admin.get(f"/accounts/{ADMIN}")
        assert (await admin.post(f"/accounts/{ADMIN}/{verb}", {"role": "clinician"})).status_code == 403, verb


async def test_what_the_organization_does_not_have_cannot_be_given(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    changes: list[dict[str, str]] = [{"role": "system"}, {"role": "outside"}, {"role": "emperor"}, {"program-99": "yes"}, {"acting": "99"}]
    for change in changes:
        await admin.get("/accounts/new")
        assert (await admin.post("/accounts/new", {**NIA, **change})).status_code == 422, change
        assert await account_of(clinic, "nia") is None
        await admin.get(f"/accounts/{WHO}")
        assert (await admin.post(f"/accounts/{WHO}/role", {"role": "nurse", **change})).status_code == 422, change


async def test_an_account_of_another_organization_is_not_there(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    assert (await admin.get("/accounts/other-clinician")).status_code == (await admin.get("/accounts/nobody")).status_code == 404
    assert (await admin.post("/accounts/other-clinician/deactivate")).status_code == 404
    assert "other-clinician" not in (await admin.get("/accounts")).text


async def test_a_login_that_is_taken_is_said_beside_its_field_and_nothing_is_lost(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    await admin.get("/accounts/new")
    answer = await admin.post("/accounts/new", {**NIA, "login": WHO})
    assert answer.status_code == 422
    assert "There is an account with this login already" in answer.text
    assert 'value="Nia Thornton"' in answer.text


PAGES = [(s, m) for s in SCREENS for m in s.methods if s.needs == ADMINISTER]


async def test_only_an_administrator_comes_to_a_page_about_accounts(clinic: Clinic) -> None:
    for who, allowed in ((None, False), (WHO, False), ("officer", False), ("technician", False), (ADMIN, True)):
        visitor = Visitor(clinic)
        if who:
            await visitor.sign_in(who)
        for screen, method in PAGES:
            path = screen.path.replace("{account}", "biller")
            await visitor.get("/security" if who else "/")
            answer = await (visitor.get(path) if method == "GET" else visitor.post(path, {"role": "biller"}))
            if allowed:
                assert answer.status_code in (200, 303, 409, 422), (who, path, answer.status_code)
            elif who:
                assert answer.status_code == 403, (who, path)
            else:
                assert answer.headers["location"].startswith("/sign-in"), path


async def test_every_act_on_an_account_has_its_line(clinic: Clinic) -> None:
    admin = await administrator(clinic)
    path = await invite(admin)
    account = await account_of(clinic, "nia")
    await accept(clinic, path)
    for verb, form in (("role", {"role": "clinician"}), ("reset", {}), ("deactivate", {}), ("reactivate", {})):
        await admin.get(f"/accounts/{account}")
        await admin.post(f"/accounts/{account}/{verb}", form)
        if verb == "role":
            await approve(clinic, account)
    lines = await clinic.owner.fetch("SELECT action, outcome, account FROM record.audit WHERE query LIKE '%' || $1 || '%' ORDER BY n", account)
    found = [(r["action"], r["outcome"]) for r in lines if r["action"] not in ("sign-in", "accounts")]
    assert found == [
        ("account-invite", "done"), ("account-invitation-link", "done"), ("account-link-confirm", "done"), ("invitation-accept", "done"), ("account-assign-ask", "done"), ("account-assign", "done"), ("account-reset", "done"),
        ("account-reset-link", "done"), ("account-deactivate", "done"), ("account-reactivate", "done"),
    ]  # fmt: skip
    by = {"account-link-confirm": "officer", "account-assign": "officer"}
    assert all(r["account"] == by.get(r["action"], ADMIN) for r in lines if r["action"].startswith("account"))


async def test_who_manages_accounts_is_told_when_nobody_reviews_everything(clinic: Clinic) -> None:
    """By accounts alone: it says the same whether an emergency waits for somebody, and in which program."""
    visitor = await administrator(clinic)
    said = "Nobody here reviews everything"
    page = (await visitor.get("/accounts")).text
    assert said not in page
    assert "One person here reviews everything" in page
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{1,2}' WHERE account = 'officer'")
    assert said in (await visitor.get("/accounts")).text
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{1,2,3}' WHERE account IN ('officer', 'mh-officer')")
    assert "reviews everything" not in (await visitor.get("/accounts")).text


async def test_an_emergency_that_the_only_officer_may_not_see_is_reviewed_by_whom_the_administrator_chooses(clinic: Clinic) -> None:
    """The client forbade the officer to look. That a review waits is told to who manages accounts, and nothing of anybody."""
    person = (await clinic.make("sys-mh", people.patient())).id
    forbidding = people.consent(person, "tpo", kind="patient_directive_deny")
    forbidding["provision"] = {"type": "deny", "actor": [{**forbidding["provision"]["actor"][0], "reference": {"reference": "Practitioner/officer"}}]}
    await clinic.make("sys-mh", forbidding)
    access = await clinic.gate.access(clinic.tokens["sud-clinician"])
    assert access is not None
    declared = await emergency.declare(access, emergency.Sought("Rivera", "Ana", "1988-03-04"), reason="covering", because="Found unresponsive.", attested=True)
    assert declared.patient == person

    async def waiting(who: str) -> list[str]:
        officer = await clinic.gate.access(clinic.tokens[who])
        assert officer is not None
        return [row["emergency"] for row in await emergency.queue(officer)]

    assert await waiting("officer") == []
    page = (await (await administrator(clinic)).get("/accounts")).text
    assert "One person here reviews everything" in page
    assert "emergency access that nobody" not in page, "a week is not over"
    later(days=7, seconds=1)
    page = (await (await administrator(clinic)).get("/accounts")).text
    assert "1 emergency access that nobody has reviewed for more than 7 days; the oldest was declared on" in page
    for word in ("Rivera", person, "unresponsive", "sud-clinician", declared.id):
        assert word not in page.split("nobody has reviewed")[1].split("</p>")[0]
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{1,2,3}' WHERE account = 'mh-officer'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'mh-officer'")
    assert await waiting("mh-officer") == [declared.id]
    second = await clinic.gate.access(clinic.tokens["mh-officer"])
    assert second is not None
    await emergency.review(second, declared.id, "appropriate", "Talked to them.")
    assert "emergency access that nobody" not in (await (await administrator(clinic)).get("/accounts")).text
    clinician = await clinic.gate.access(clinic.tokens["sud-clinician"])
    assert clinician is not None
    with pytest.raises(Forbidden):
        await emergency.left(clinician)
