"""Emergency access in the staff app, over the real gate: what the pages tell, and whom."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic
from tests.web.test_frame import normal
from tests.web.test_gate import problem, screen

FORM = {"family": "Rivera", "given": "Ana", "born": "1988-03-04", "reason": "medical-emergency", "because": "Found unresponsive.", "attest": "yes"}
PLAIN = ("/emergency", "/patients", "/")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def post(browser: httpx.AsyncClient, path: str, page: str = "/patients", **form: str) -> httpx.Response:
    """Send a form with the token of a page that was open."""
    token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get(page)).text)[0]
    return await browser.post(path, data={"csrf": token, **form})


def same(text: str) -> str:
    """A page without what differs with every answer, and without its own address."""
    return re.sub(r"nonce-\w+|name=\"next\" value=\"[^\"]*\"|next=/[^\"]*", "", normal(text))


async def test_before_it_is_declared_absent_and_withheld_look_alike(clinic: Clinic) -> None:
    browser = await screen(clinic, "mh-clinician")
    absent = [(await browser.get(path)).text for path in PLAIN] + [(await post(browser, "/emergency", **{**FORM, "attest": ""})).text]
    await clinic.make("sys-sud", people.patient())
    withheld = [(await browser.get(path)).text for path in PLAIN] + [(await post(browser, "/emergency", **{**FORM, "attest": ""})).text]
    assert [same(text) for text in absent] == [same(text) for text in withheld]
    assert "There is a problem" in absent[-1]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency") == 0


async def test_declaring_opens_the_chart_with_a_banner_on_every_page_until_it_is_ended(clinic: Clinic) -> None:
    person = await clinic.make("sys-sud", people.patient())
    await clinic.make("sys-sud", problem(person.id, "Opioid use disorder"))
    browser = await screen(clinic, "mh-clinician")
    assert (await browser.get(f"/patients/{person.id}")).status_code == 404
    answer = await post(browser, "/emergency", **FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{person.id}")
    chart = (await browser.get(f"/patients/{person.id}")).text
    assert "Opioid use disorder" in chart
    assert "The privacy officer has been told." in chart
    for path in (f"/patients/{person.id}/problems", "/patients", "/", "/emergency", "/patients/nobody"):
        assert "Emergency access is in force." in (await browser.get(path)).text, path
    assert "Rivera" not in (await browser.get("/patients")).text, "only on the chart itself"
    assert "Emergency access is in force." not in (await (await screen(clinic, "both-clinician")).get("/patients")).text
    (end,) = set(re.findall(r"/emergency/[^/\"]+/end", chart))
    assert (await post(browser, end)).status_code == 303
    assert (await browser.get(f"/patients/{person.id}")).status_code == 404
    assert "Emergency access is in force." not in (await browser.get("/patients")).text


async def test_nobody_found_is_said_after_the_declaration_and_queued(clinic: Clinic) -> None:
    browser = await screen(clinic, "mh-clinician")
    answer = await post(browser, "/emergency", **FORM)
    assert answer.status_code == 200
    assert "Nobody was found by exactly this identity" in answer.text
    officer = await screen(clinic, "officer")
    assert "not reviewed yet" in (await officer.get("/desk")).text
    assert "emergency access to review" in (await officer.get("/patients")).text, "on every page of the officer's"
    assert "to review" not in (await browser.get("/patients")).text
    queue = (await officer.get("/desk/emergencies")).text
    assert "Rivera, Ana, 1988-03-04" in queue
    assert "nobody was found" in queue


async def test_the_officer_reviews_once_and_the_first_review_stays(clinic: Clinic) -> None:
    person = (await clinic.make("sys-sud", people.patient())).id
    await post(await screen(clinic, "mh-clinician"), "/emergency", **FORM)
    officer = await screen(clinic, "officer")
    (path,) = re.findall(r"/desk/emergencies/[^\"]+", (await officer.get("/desk/emergencies")).text)
    shown = await officer.get(path)
    assert await clinic.named(shown) == {person}
    page = shown.text
    for said in ("Rivera, Ana", "mh-clinician", "Found unresponsive.", "Medical emergency", "SUD"):
        assert said in page
    assert (await post(officer, path, decision="appropriate", note="")).status_code == 422
    assert (await post(officer, path, decision="appropriate", note="Called the ward.")).status_code == 303
    assert (await post(officer, path, decision="follow-up", note="Asked again.")).status_code == 303
    assert "Asked again." in (await officer.get(path)).text
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency_event WHERE kind = 'reviewed'") == 2
    assert (await post(await screen(clinic, "mh-clinician"), path, decision="appropriate", note="Mine.")).status_code == 403


async def test_an_officer_outside_the_programs_that_were_opened_has_nothing_of_it_to_review(clinic: Clinic) -> None:
    """Neither row nor count, whether somebody was found whom they may not see, or whom they may, or nobody."""
    officer = await screen(clinic, "mh-officer")
    pages = ("/desk", "/desk/emergencies", "/patients")
    before = [same((await officer.get(path)).text) for path in pages]
    await clinic.make("sys-sud", people.patient())
    shared = (await clinic.make("sys-mh", people.patient("Chen"))).id
    await clinic.make("sys-sud", problem(shared, "Opioid use disorder"))
    alone = (await clinic.make("sys-mh", people.patient("Silva"))).id
    browser = await screen(clinic, "mh-clinician")
    for family in ("Rivera", "Chen", "Silva", "Nobody"):
        await post(browser, "/emergency", **{**FORM, "family": family})
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency") == 4
    after = [same((await officer.get(path)).text).replace("Chen", "").replace("Silva", "").replace(shared, "").replace(alone, "") for path in pages[:2]]
    assert after == before[:2]
    assert "emergency access to review" not in (await officer.get("/patients")).text
    for task in (await clinic.get("mh-officer", "Task")).entries:
        assert "Patient/" not in repr(task), "the notice says that one was declared, and no more"
    for id_ in [r["emergency"] for r in await clinic.owner.fetch("SELECT emergency FROM record.emergency")]:
        path = f"/desk/emergencies/{id_}"
        assert (await officer.get(path)).status_code == 404
        for act, form in ((path, {"decision": "appropriate", "note": "x"}), (f"{path}/end", {})):
            assert (await post(officer, act, **form)).status_code == 404, act
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency_event") == 0
    assert (await (await screen(clinic, "officer")).get("/desk/emergencies")).text.count("data-row") == 4, "who works in every program reviews each"


async def test_each_officer_reviews_for_the_programs_in_which_they_work(clinic: Clinic) -> None:
    """Two Part 2 programs, an officer in each: neither is told of the other, and it waits until both have spoken."""
    await clinic.owner.execute("UPDATE record.program SET part2 = true WHERE tenant = 1 AND program = 3")
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{1}' WHERE account = 'mh-officer'")
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{3}' WHERE account = 'officer'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account IN ('officer', 'mh-officer')")
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-sud", problem(person, "Opioid use disorder"))
    await clinic.make("sys-far", problem(person, "Alcohol use disorder"))
    await post(await screen(clinic, "mh-clinician"), "/emergency", **FORM)
    one, two = await screen(clinic, "mh-officer"), await screen(clinic, "officer")
    (path,) = re.findall(r"/desk/emergencies/[^\"]+", (await one.get("/desk/emergencies")).text)
    assert "SUD" in (await one.get(path)).text
    assert "FAR" not in (await one.get(path)).text
    assert "FAR" in (await two.get(path)).text
    waits = same((await two.get(path)).text)
    assert (await post(one, path, decision="follow-up", note="He was at SUD.")).status_code == 303
    assert "emergency access to review" not in (await one.get("/patients")).text
    assert same((await two.get(path)).text) == waits, "what another reviewed for another program is not told"
    assert "emergency access to review" in (await two.get("/patients")).text


async def test_a_chart_offers_it_alike_whether_or_not_anything_is_withheld(clinic: Clinic) -> None:
    shared = await clinic.make("sys-mh", people.patient("Quill"))
    browser = await screen(clinic, "mh-clinician")
    before = (await browser.get(f"/patients/{shared.id}")).text
    hidden = await clinic.make("sys-sud", problem(shared.id, "Opioid use disorder"))
    assert same((await browser.get(f"/patients/{shared.id}")).text) == same(before)
    assert f"/patients/{shared.id}/emergency" in before
    path = f"/patients/{shared.id}/emergency"
    answer = await post(browser, path, **{k: v for k, v in FORM.items() if k in ("reason", "because", "attest")})
    assert answer.status_code == 303
    assert "Opioid use disorder" in (await browser.get(f"/patients/{shared.id}")).text
    assert hidden.id
    withheld = await clinic.make("sys-sud", people.patient("Rivas"))
    answers = [await browser.get(f"/patients/{id_}/emergency") for id_ in (withheld.id, "z" * len(withheld.id))]
    assert {a.status_code for a in answers} == {404}
    assert len({same(a.text) for a in answers}) == 1


async def test_who_has_no_such_role_is_not_offered_it(clinic: Clinic) -> None:
    shared = await clinic.make("sys-mh", people.patient("Quill"))
    browser = await screen(clinic, "technician")
    assert "mergency access" not in (await browser.get("/patients")).text
    for path in ("/emergency", f"/patients/{shared.id}/emergency", "/desk", "/desk/emergencies"):
        assert (await browser.get(path)).status_code == 403, path
