"""Release requests and letters on their pages over the real gate: taken in, parts found, blacked out, released, refused; two worlds."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from bench.walking import counted
from sojourn.base import clock
from sojourn.care.papers import worker
from tests import people
from tests.care.reach import FAX, partner
from tests.care.test_release_requests import PASSAGE, SECRET, chart, clinic, document, problem  # noqa: F401 - a fixture
from tests.people import Clinic, consent, encounter, patient
from tests.web.test_emergency import post
from tests.web.test_gate import screen

pytestmark = pytest.mark.asyncio(loop_scope="module")
_SECRET = re.compile(r'(name="(?:csrf|tab|key)" value="|nonce="|"X-CSRF-Token": ")[^"]+')


async def browsing(clinic: Clinic, who: str) -> httpx.AsyncClient:  # noqa: F811 - the fixture
    """A browser of somebody who has just proved who they are."""
    made = await screen(clinic, who)
    await clinic.owner.execute("UPDATE record.credential SET proved = $1 WHERE account = $2", clock.now(), who)
    return made


def version(page: str) -> str:
    return re.findall(r'name="version" value="([^"]+)"', page)[0]


async def step(browser: httpx.AsyncClient, path: str, **form: Any) -> httpx.Response:
    page = (await browser.get(path)).text
    token = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    return await browser.post(path, data={"csrf": token, "version": version(page), **form})


async def taken(browser: httpx.AsyncClient, p: str, basis: str, **more: str) -> str:
    path = f"/patients/{p}/release/asked"
    form = {"basis": basis, "requester": "Lakeside Law", "received": "2026-02-20", "due": "2026-03-20", "name": "Lakeside Law", "address": "1 Court Street", "scope": "", **more}
    answer = await post(browser, path, path, **form)
    assert answer.status_code == 303, re.findall(r'<p class="error"[^>]*>.*?</p>', answer.text, re.DOTALL)
    return str(answer.headers["location"])


async def test_a_request_is_taken_in_checked_blacked_out_looked_at_and_released(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await chart(clinic)
    doc = (await clinic.make("sys-mh", document(p, worker.typeset(PASSAGE)))).id
    browser = await browsing(clinic, "both-clinician")
    wrong = await post(browser, f"/patients/{p}/release/asked", f"/patients/{p}/release/asked", basis="subpoena", requester="Lakeside <Law>")
    assert wrong.status_code == 422
    assert "Lakeside &lt;Law&gt;" in wrong.text
    path = await taken(browser, p, "access", name="")
    page = (await browser.get(path)).text
    assert "Opioid use disorder" in page
    assert "identity was proved" in page
    assert "Release it" not in page
    assert (await step(browser, path, do="found", identity="id")).status_code == 303
    black = f"{path}/documents/{doc}"
    picture = await browser.get(f"{black}/pages/1")
    assert picture.headers["content-type"] == "image/png"
    assert p in await clinic.named(picture)
    assert (await step(browser, black, do="words", words="nobody at all")).status_code == 422
    assert (await step(browser, black, do="words", words=SECRET)).status_code == 303
    assert (await step(browser, black, do="box", page="1", left="10", top="10", wide="20", high="5")).status_code == 303
    assert "2 places black" in (await browser.get(path)).text
    packet = await browser.get(f"{path}/packet")
    assert SECRET not in packet.text
    picture = await browser.get(f"{path}/packet/pages/1")
    assert picture.headers["content-type"] == "image/png"
    assert [p in await clinic.named(each) for each in (packet, picture)] == [True, True]
    page = (await browser.get(path)).text
    digest = re.findall(r'name="digest" value="([^"]+)"', page)[0]
    assert (await step(browser, path, do="release", digest="x")).status_code == 409
    assert (await step(browser, path, do="release", digest=digest)).status_code == 303
    done = (await browser.get(path)).text
    (release,) = set(re.findall(r"/releases/[\w-]+", done))
    assert "Open it to print" in (await browser.get(release)).text
    packet = await browser.get(f"{release}/print")
    assert packet.headers["content-type"] == "application/pdf"
    assert packet.content.startswith(b"%PDF-")
    assert (await browser.get(f"{release}/bundle")).content == packet.content
    assert (await step(browser, path, do="handed", door="mail", note="Certified")).status_code == 303
    assert "Printed and mailed" in (await browser.get(path)).text
    officer = await browsing(clinic, "officer")
    assert (await officer.get(release.replace("/releases", "/desk/disclosures"))).status_code == 200
    assert (await step(browser, path, do="extend", why="x")).status_code == 422


async def test_a_subpoena_for_a_part_2_chart_leads_to_a_letter_that_tells_nothing(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = (await clinic.make("sys-sud", patient("Quill"))).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", problem(p, "Opioid use disorder"))
    browser = await browsing(clinic, "both-clinician")
    path = await taken(browser, p, "subpoena")
    assert (await step(browser, path, do="found", identity="court", parts="assurance")).status_code == 303
    page = (await browser.get(path)).text
    assert "Nothing would leave" in page
    assert "a court order under subpart E is needed" in page
    assert "Release it" not in page
    assert (await step(browser, path, do="refuse", why="No order under part 2.")).status_code == 303
    (letter,) = set(re.findall(rf"/patients/{p}/papers/[\w-]+", (await browser.get(path)).text))
    said = (await browser.get(letter)).text
    assert "neither confirm nor deny" in said
    assert "It belongs into another chart" not in said


async def test_a_letter_shows_what_it_tells_and_leaves_with_consent_only(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await chart(clinic)
    school = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Mill Street School"})).id
    browser, path = await browsing(clinic, "both-clinician"), f"/patients/{p}/release/letter"
    form = {"letter": "work", "recipient": f"Organization/{school}", "purpose": "TREAT"}
    assert (await post(browser, path, path)).status_code == 422
    assert "It cannot leave" in (await post(browser, path, path, **form)).text
    await clinic.make("sys-sud", consent(p, school))
    shown = (await post(browser, path, path, **form)).text
    assert "2026-02-03" in shown
    digest = re.findall(r'name="digest" value="([^"]+)"', shown)[0]
    answer = await post(browser, path, path, **form, digest=digest)
    assert answer.status_code == 303
    assert (await browser.get(f"{answer.headers['location']}/print")).content.startswith(b"%PDF-")


async def test_letters_are_changed_by_those_who_change_rules(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    officer, path = await browsing(clinic, "officer"), "/requests/letters"
    assert (await post(officer, path, path, key="refuse", text="No. {organization}", do="keep")).status_code == 422
    assert (await post(officer, path, path, key="refuse", text="No. {organization}", reason="Shorter", do="keep")).status_code == 303
    assert "No. {organization}" in (await officer.get(path)).text
    assert (await officer.get("/policies")).status_code == 200
    assert (await post(officer, path, path, key="refuse", reason="Back", do="shipped")).status_code == 303
    assert (await (await browsing(clinic, "both-clinician")).get(path)).status_code == 403


async def test_every_page_asks_at_most_twelve_questions(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await chart(clinic)
    doc = (await clinic.make("sys-mh", document(p, worker.typeset(PASSAGE)))).id
    browser = await browsing(clinic, "both-clinician")
    path = await taken(browser, p, "access", name="")
    await step(browser, path, do="found", identity="id")
    for each in ("/requests/release", path, f"{path}/packet", f"{path}/documents/{doc}", f"/patients/{p}/release/asked", f"/patients/{p}/release/letter"):
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await browser.get(each)).status_code == 200
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12, each


async def test_a_request_of_a_partner_asks_at_most_twelve_statements_also_while_it_is_under_way(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await chart(clinic)
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await partner(clinic, place, FAX)
    await clinic.make("sys-sud", consent(p, place))
    await clinic.make("sys-mh", consent(p, place))
    browser = await browsing(clinic, "both-clinician")
    path = await taken(browser, p, "authorization", recipient=f"Organization/{place}", purpose="TREAT", name="")
    await step(browser, path, do="found", identity="known")
    for under_way in (False, True):
        if under_way:
            digest = re.findall(r'name="digest" value="([^"]+)"', (await browser.get(path)).text)[0]
            assert (await step(browser, path, do="release", by="doors", digest=digest)).status_code == 303
        await browser.get(path)
        with counted() as asked:
            page = (await browser.get(path)).text
        assert "Lakeside Primary Care" in page
        assert len(asked) <= 12, (under_way, asked)


async def test_hidden_requests_records_and_letters_change_nothing_that_is_seen(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-mh", problem(p, "Insomnia"))
    browser = await browsing(clinic, "mh-clinician")
    path = await taken(browser, p, "subpoena")
    await step(browser, path, do="found", identity="court", parts="assurance")
    await browser.get("/today")  # what is said once after a form has been said

    async def seen() -> list[tuple[int, str]]:
        pages = [await browser.get(each) for each in ("/requests/release", path, f"{path}/packet", f"/patients/{p}/release/asked", f"/patients/{p}/release/letter", f"/patients/{p}/papers", "/today")]
        return [(a.status_code, _SECRET.sub("", a.text)) for a in pages]

    before = await seen()
    await clinic.make("sys-sud", people.encounter(p))
    await clinic.make("sys-sud", problem(p, "Opioid use disorder"))
    await clinic.make("sys-sud", document(p, worker.typeset("Methadone\n"), title="Methadone"))
    both = await browsing(clinic, "both-clinician")
    theirs = await taken(both, p, "access", name="")
    await step(both, theirs, do="found", identity="id")
    hidden = await taken(both, p, "access", name="")
    assert (await step(both, hidden, do="refuse", why="Judged so.", reason="danger")).status_code == 303
    assert await seen() == before
    there, nowhere = await browser.get(theirs), await browser.get("/requests/release/" + "z" * len(theirs.rpartition("/")[2]))
    assert there.status_code == nowhere.status_code == 404
