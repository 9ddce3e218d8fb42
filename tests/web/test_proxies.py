"""Accounts of clients and proxies: who may invite whom, what is said before, what the link and the account open, and ending it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.doors.smart.office import ROOT, Office, office
from tests.gate.test_proxies import related, stand_for, young
from tests.people import FAR, MH, START, A, Clinic, consent, encounter, observation, patient
from tests.web.real import ADMIN, HASH, Visitor
from tests.web.second import code_on
from tests.web.test_frame import normal

NEW = "seven quiet lanterns over water"


@pytest.fixture
async def here(database: Dsn) -> AsyncIterator[Office]:
    """On a clock that stands still, with somebody at the front desk who works in no Part 2 program."""
    with clock.using(FakeClock(START)):
        async with office(database) as made:
            await organization.account(made.clinic.owner, A, organization.AccountRow("clerk", "staff", "clerk", "Sam Reyes", HASH, None, "admissions", [MH, FAR], MH, []), clock.now())
            yield made


def browser(here: Office) -> Visitor:
    """One that keeps cookies, over the whole application."""
    visitor = Visitor(here.clinic)
    visitor.client = httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url=ROOT)
    return visitor


async def at_desk(here: Office, who: str = "clerk") -> Visitor:
    visitor = browser(here)
    await visitor.sign_in(who)
    return visitor


async def client(clinic: Clinic, **more: Any) -> str:
    p = (await clinic.make("sys-mh", patient(**more))).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p))
    return p


async def invited(desk: Visitor, p: str, person: str = "self", evidence: str = "identity") -> str:
    """The path of the link."""
    await desk.get(f"/patients/{p}/proxies/{person}")
    answer = await desk.post(f"/patients/{p}/proxies/{person}", {"do": "invite", "evidence": evidence})
    assert "The invitation is ready" in answer.text, answer.text[-3000:]
    return path(answer.text)


def path(page: str) -> str:
    return re.findall(r'value="http://[^/"]+(/welcome/[^"]+)"', page)[0]


async def code_of(here: Office, p: str, person: str = "self", evidence: str = "identity", who: str = "officer") -> str:
    """What the second person gives them."""
    desk = await at_desk(here, who)
    await desk.get(f"/patients/{p}/proxies/{person}")
    answer = await desk.post(f"/patients/{p}/proxies/{person}", {"do": "confirm", "evidence": evidence})
    assert answer.status_code == 200, answer.text
    return code_on(answer.text)


async def arrived(here: Office, link: str, code: str) -> Visitor:
    visitor = browser(here)
    await visitor.get(link)
    await visitor.post(link, {"new": NEW, "again": NEW, "code": code})
    return visitor


async def account_of(clinic: Clinic, agent: str) -> str:
    found: str = await clinic.owner.fetchval("SELECT account FROM record.account WHERE agent = $1 ORDER BY account DESC LIMIT 1", agent)
    return found


async def asked(clinic: Clinic, account: str, url: str, purpose: str) -> int:
    """What the account gets over FHIR."""
    return (await clinic.get(await clinic.gate.token(clinic.gate.house.tenants[A], account, purpose=purpose), url)).status


async def test_a_client_who_is_invited_sets_a_password_and_reaches_their_own_record(here: Office) -> None:
    clinic = here.clinic
    p = await client(clinic)
    sud = (await clinic.make("sys-sud", observation(p))).id
    desk = await at_desk(here)
    page = (await desk.get(f"/patients/{p}/proxies/self")).text
    assert "The whole record, of every program here" in page
    link = await invited(desk, p)
    login = unescape(re.findall(r"login is <b><code>([^<]+)</code>", desk.last.text)[0])
    assert "Rivera" not in link + login
    assert re.findall(r"<title>([^<]*)", desk.last.text)[0].startswith("A link to hand over")
    assert (await desk.get(link)).status_code == 403, "not at the desk that made it"
    theirs = browser(here)
    welcome = await theirs.get(link)
    assert welcome.status_code == 200
    assert "Rivera" not in welcome.text
    assert "Ana" not in welcome.text
    answer = await theirs.post(link, {"new": NEW, "again": NEW, "code": await code_of(here, p)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/oauth/apps")
    assert "You are signed in as" in (await theirs.get("/oauth/apps")).text
    assert (await theirs.get("/patients")).headers["location"].startswith("/sign-in"), "no way into the staff app"
    account = await account_of(clinic, f"Patient/{p}")
    assert await asked(clinic, account, f"Observation/{sud}", "PATRQT") == 200
    again = browser(here)
    await again.get("/oauth/apps")
    assert (await again.post("/oauth/sign-in", {"login": login, "password": NEW, "request": ""})).status_code == 303
    lines = await clinic.owner.fetch("SELECT action, query, patients FROM record.audit WHERE account = 'clerk' AND action = 'account-invite'")
    assert [(r["action"], list(r["patients"])) for r in lines] == [("account-invite", [p])]
    assert "evidence=identity" in lines[0]["query"]


async def test_what_a_parent_would_see_is_said_before_and_is_what_they_get(here: Office) -> None:
    clinic = here.clinic
    p = await client(clinic, birthDate=young(15))
    plain, sud = (await clinic.make("sys-mh", observation(p))).id, (await clinic.make("sys-sud", observation(p))).id
    mother = (await clinic.make("sys-mh", related(p, "MTH"))).id
    desk = await at_desk(here)
    page = (await desk.get(f"/patients/{p}/proxies/{mother}")).text
    for said in ("A parent acts for a child", "then it ends by itself", "Records of a Part 2 program", "Care that a minor of 15 may consent to alone", "No lawyer has checked this rule", "mental health law"):
        assert said in page, said
    await arrived(here, await invited(desk, p, mother, "known"), await code_of(here, p, mother, "known"))
    account = await account_of(clinic, f"RelatedPerson/{mother}")
    assert await asked(clinic, account, f"Observation/{plain}", "FAMRQT") == 200
    assert await asked(clinic, account, f"Observation/{sud}", "FAMRQT") == 404
    assert (await desk.get(f"/patients/{p}/proxies")).text.count(">can sign in</") == 1


@pytest.mark.parametrize(("code", "born", "said"), [("SIS", "1988-03-04", "Being related opens nothing"), ("MTH", "1988-03-04", "of age"), ("GUARD", "1988-03-04", "write its first day here")])
async def test_whom_nothing_lets_in_is_not_invited(here: Office, code: str, born: str, said: str) -> None:
    p = await client(here.clinic, birthDate=born)
    person = (await here.clinic.make("sys-mh", related(p, code))).id
    desk = await at_desk(here)
    assert said in (await desk.get(f"/patients/{p}/proxies/{person}")).text
    assert (await desk.post(f"/patients/{p}/proxies/{person}", {"do": "invite", "evidence": "identity"})).status_code == 422
    assert await account_of(here.clinic, f"RelatedPerson/{person}") is None


async def test_a_young_child_is_not_invited_and_a_guardian_needs_the_paper_that_appoints_them(here: Office) -> None:
    p = await client(here.clinic, birthDate=young(8))
    guardian = (await here.clinic.make("sys-mh", related(p, "GUARD", period={"start": "2026-01-01", "end": "2027-01-01"}))).id
    desk = await at_desk(here)
    await desk.get(f"/patients/{p}/proxies/self")
    assert (await desk.post(f"/patients/{p}/proxies/self", {"do": "invite", "evidence": "identity"})).status_code == 422
    page = (await desk.get(f"/patients/{p}/proxies/{guardian}")).text
    assert "since 1 Jan 2026, until 1 Jan 2027" in page
    assert (await desk.post(f"/patients/{p}/proxies/{guardian}", {"do": "invite", "evidence": "identity"})).status_code == 422
    assert await invited(desk, p, guardian, "appointed")


@pytest.mark.parametrize(("born", "start", "until"), [("2010-03-02", "2012-01-01", "until 1 Mar 2028, then it ends by itself"), ("1988-03-04", "2006-03-04", "with no end set")])
async def test_a_guardian_is_told_until_when_they_act(here: Office, born: str, start: str, until: str) -> None:
    p = await client(here.clinic, birthDate=born)
    guardian = (await here.clinic.make("sys-mh", related(p, "GUARD", period={"start": start}))).id
    assert until in (await (await at_desk(here)).get(f"/patients/{p}/proxies/{guardian}")).text


async def test_the_days_of_an_order_for_an_adult_are_written_here_and_let_its_guardian_act(here: Office) -> None:
    p = await client(here.clinic, birthDate="1988-03-04")
    guardian = (await here.clinic.make("sys-mh", related(p, "GUARD"))).id
    url, desk = f"/patients/{p}/proxies/{guardian}", await at_desk(here)
    assert "write its first day here" in (await desk.get(url)).text
    right = {"do": "appoint", "since": "2025-06-01", "until": "2027-05-31", "seen": "appointed"}
    for wrong, said in (
        ({"since": ""}, "Write the first day"), ({"since": "June"}, "Write a day"), ({"since": "2099-01-01"}, "still to come"), ({"until": "2025-05-31"}, "must not come before"),
        ({"since": "2004-03-03"}, "was not of age"), ({"seen": ""}, "seen the order"), ({"seen": "known"}, "Choose one of the answers"),
    ):  # fmt: skip
        answer = await desk.post(url, {**right, **wrong})
        assert (answer.status_code, said in answer.text) == (422, True), (wrong, answer.text[-2000:])
    assert "period" not in (await here.clinic.get("sys-mh", f"RelatedPerson/{guardian}")).json(), "nothing is half-written"
    assert (await desk.post(url, right)).status_code == 303
    stored = (await here.clinic.get("sys-mh", f"RelatedPerson/{guardian}")).json()
    assert stored["period"] == {"start": "2025-06-01", "end": "2027-05-31"}
    assert stored["relationship"] == related(p, "GUARD")["relationship"]
    page = (await desk.get(url)).text
    assert "A guardian or health care power of attorney" in page
    assert "since 1 Jun 2025, until 31 May 2027" in page
    assert await invited(desk, p, guardian, "appointed")


async def test_of_who_acts_by_no_order_no_days_are_written(here: Office) -> None:
    p = await client(here.clinic)
    for person in ("self", (await here.clinic.make("sys-mh", related(p, "SIS"))).id):
        desk = await at_desk(here)
        assert "The order that appoints them" not in (await desk.get(f"/patients/{p}/proxies/{person}")).text
        answer = await desk.post(f"/patients/{p}/proxies/{person}", {"do": "appoint", "since": "2025-06-01", "seen": "appointed"})
        assert (answer.status_code, "acts by an order" in answer.text) == (422, True)
        assert person == "self" or "period" not in (await here.clinic.get("sys-mh", f"RelatedPerson/{person}")).json()


async def test_a_consent_lets_somebody_in_for_the_kinds_of_entries_that_it_names(here: Office) -> None:
    clinic = here.clinic
    p = await client(clinic)
    friend = (await clinic.make("sys-mh", related(p, "FRND"))).id
    form = consent(p, "x", kind="part2_specific", purposes=["FAMRQT"])
    form["provision"]["actor"][0]["reference"]["reference"] = f"RelatedPerson/{friend}"
    form["provision"]["period"] = {"start": "2026-01-01", "end": "2027-01-01"}
    form["provision"]["class"] = [{"system": "http://hl7.org/fhir/resource-types", "code": t} for t in ("Observation", "Patient")]
    await clinic.make("sys-sud", form)
    clerk, officer = await at_desk(here), await at_desk(here, "officer")
    assert "only these kinds of entries: Observation, Patient" in (await officer.get(f"/patients/{p}/proxies/{friend}")).text
    assert "Being related opens nothing" in (await clerk.get(f"/patients/{p}/proxies/{friend}")).text, "who may not see the consent is not told of it"


async def test_ending_it_acts_with_the_next_step_and_a_new_invitation_is_another_account(here: Office) -> None:
    clinic = here.clinic
    p = await client(clinic)
    desk = await at_desk(here)
    theirs = await arrived(here, await invited(desk, p), await code_of(here, p))
    account = await account_of(clinic, f"Patient/{p}")
    token = await clinic.gate.token(clinic.gate.house.tenants[A], account, purpose="PATRQT")
    assert (await clinic.get(token, f"Patient/{p}")).status == 200
    await desk.get(f"/patients/{p}/proxies/self")
    assert (await desk.post(f"/patients/{p}/proxies/self", {"do": "end", "reason": " "})).status_code == 422
    assert (await desk.post(f"/patients/{p}/proxies/self", {"do": "end", "reason": "asked for it"})).status_code == 303
    assert (await clinic.get(token, f"Patient/{p}")).status == 401
    for _ in range(2):
        page = (await theirs.get("/oauth/apps")).text
    assert "You are signed in as" not in page
    await invited(desk, p)
    states = await clinic.owner.fetch("SELECT gate.account_state(1, account, $2) AS s FROM record.account WHERE agent = $1", f"Patient/{p}", clock.now())
    assert sorted(r["s"] for r in states) == ["deactivated", "invited"]


async def test_a_button_pressed_twice_makes_one_account_and_a_new_link_ends_the_old_one(here: Office) -> None:
    p = await client(here.clinic)
    desk = await at_desk(here)
    old = await invited(desk, p)
    answer = await desk.post(f"/patients/{p}/proxies/self", {"do": "invite", "evidence": "identity"}, token=None)
    assert answer.status_code == 409
    await desk.get(f"/patients/{p}/proxies/self")
    new = path((await desk.post(f"/patients/{p}/proxies/self", {"do": "link"})).text)
    assert (await browser(here).get(old)).status_code == 404
    await arrived(here, new, await code_of(here, p))
    await desk.get(f"/patients/{p}/proxies/self")
    reset = path((await desk.post(f"/patients/{p}/proxies/self", {"do": "link"})).text)
    assert (await arrived(here, reset, await code_of(here, p))).last.headers["location"] == "/oauth/apps"
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.account WHERE agent = $1", f"Patient/{p}") == 1


async def test_who_manages_accounts_does_not_read_who_is_a_client(here: Office) -> None:
    p = await client(here.clinic)
    await invited(await at_desk(here), p)
    admin = await at_desk(here, ADMIN)
    page = (await admin.get("/accounts?kind=people")).text
    assert "A client" in page
    assert "Rivera" not in page
    assert p not in page
    one = (await admin.get(f"/accounts/{await account_of(here.clinic, f'Patient/{p}')}")).text
    assert "Rivera" not in one


async def test_only_who_may_invite_comes_to_the_page(here: Office) -> None:
    p = await client(here.clinic)
    for who, status in (("clerk", 200), ("officer", 200), ("mh-clinician", 403), ("biller", 403), (ADMIN, 403)):
        assert (await (await at_desk(here, who)).get(f"/patients/{p}/proxies")).status_code == status, who


async def test_two_worlds_related_people_consents_and_accounts_that_are_hidden_change_nothing_here(here: Office) -> None:
    clinic = here.clinic
    p, other = await client(clinic), await client(clinic)
    friend = (await clinic.make("sys-mh", related(p, "FRND"))).id
    desk = await at_desk(here)
    unknown = normal((await desk.get(f"/patients/{p}/proxies/nobody")).text)
    paths = [f"/patients/{p}/proxies", f"/patients/{p}/proxies/{friend}", f"/patients/{p}/proxies/self"]
    before = [normal((await desk.get(x)).text) for x in paths]
    hidden = (await clinic.make("sys-sud", related(p, "GUARD"))).id
    await stand_for(clinic, "parent", f"RelatedPerson/{hidden}")
    form = consent(p, "x", kind="part2_specific", purposes=["FAMRQT"])
    form["provision"]["actor"][0]["reference"]["reference"] = f"RelatedPerson/{friend}"
    form["provision"]["period"] = {"start": "2026-01-01", "end": "2027-01-01"}
    await clinic.make("sys-sud", form)
    assert [normal((await desk.get(x)).text) for x in paths] == before
    elsewhere = (await clinic.make("sys-mh", related(other, "GUARD"))).id
    for id_ in (hidden, elsewhere, friend[:-1]):
        answer = await desk.get(f"/patients/{p}/proxies/{id_}")
        assert (answer.status_code, normal(answer.text).replace(id_, "nobody")) == (404, unknown)
        sent = await desk.post(f"/patients/{p}/proxies/{id_}", {"do": "invite", "evidence": "appointed"}, token=await _token(desk, p))
        assert (sent.status_code, normal(sent.text).replace(id_, "nobody")) == (404, unknown)
    assert hidden in (await (await at_desk(here, "officer")).get(f"/patients/{p}/proxies")).text, "planted: who may see it does"


async def _token(desk: Visitor, p: str) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', (await desk.client.get(f"/patients/{p}/proxies/self")).text)[0]
