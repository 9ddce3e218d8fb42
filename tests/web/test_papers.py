"""The tray and the papers of a chart over the real gate: taken in, sorted, indexed, looked at, moved; and two worlds that look alike."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from sojourn.care.papers import indexing, worker
from tests import people
from tests.care.test_handoff import at
from tests.care.test_papers import clinic, filed_wrongly, moved, person, taken, wish  # noqa: F401 - a fixture
from tests.people import SUD, Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import screen

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def sent(browser: httpx.AsyncClient, *files: tuple[str, bytes], token: bool = True, **fields: str) -> httpx.Response:
    page = (await browser.get("/tray")).text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0] if token else "wrong"
    parts: list[Any] = [("csrf", (None, csrf)), *((k, (None, v)) for k, v in fields.items()), *(("files", f) for f in files)]
    return await browser.post("/tray", files=parts)


def stamp(page: str) -> str:
    return re.findall(r'name="stamp" value="([^"]+)"', page)[0]


async def test_files_are_taken_in_by_a_form_and_go_into_a_chart(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    browser = await screen(clinic, "ivy")
    p = await person(clinic)
    answer = await sent(browser, ("scan.pdf", worker.typeset("Urine screen\n" * 90)), key="k1", program="2")
    assert answer.status_code == 303
    path = answer.headers["location"]
    page = (await browser.get(path)).text
    assert "Urine screen" in page
    assert page.count("<img") == 2
    picture = await browser.get(f"{path}/pages/1")
    assert (picture.status_code, picture.headers["content-type"], picture.headers["cache-control"]) == (200, "image/png", "no-store")
    assert (await browser.get(f"{path}/pages/3")).status_code == (await browser.get(f"{path}/pages/x")).status_code == 404
    assert (await post(browser, path, path, do="turn:1", stamp=stamp(page))).status_code == 303
    stale = await post(browser, path, path, do="turn:1", stamp=stamp(page))
    assert (stale.status_code, "Somebody else changed" in stale.text) == (412, True)
    found = (await post(browser, path, path, do="find", q="rivera 3/4/1988")).text
    assert f'value="{p}"' in found
    chosen = (await post(browser, path, path, do="choose", patient=p)).text
    form = {"do": "index", "patient": p, "kind": "Laboratory result", "title": "Urine screen", "day": "2026-02-20", "program": "2", "stamp": stamp(chosen)}
    wrong = await post(browser, path, path, **form, born="1988-03-05")
    assert wrong.status_code == 422
    assert "not the birth date in the chart" in wrong.text
    assert "Urine screen" in wrong.text, "nothing that was typed is lost"
    assert (await post(browser, path, path, **form, born="1988-03-04")).status_code == 303
    assert (await browser.get(path)).status_code == 404, "it is in no tray any more"
    reader = await screen(clinic, "both-clinician")
    listed = (await reader.get(f"/patients/{p}/papers")).text
    assert "Urine screen" in listed
    (one,) = set(re.findall(rf'data-row href="(/patients/{p}/papers/[\w-]+)"', listed))
    shown = (await reader.get(one)).text
    assert "Urine screen" in shown
    assert "It belongs into another chart" not in shown, "who does not index moves nothing"
    assert (await reader.get(f"{one}/pages/1")).headers["content-type"] == "image/png"
    assert (await reader.get(f"{one}/pages/9")).status_code == 404
    assert (await reader.get(f"{one}/move")).status_code == 403


async def test_a_form_with_files_needs_its_token_and_says_what_is_wrong_with_a_file(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    browser = await screen(clinic, "ivy")
    assert (await sent(browser, ("a.pdf", b"%PDF-1.7"), token=False)).status_code == 403
    answer = await sent(browser, ("bad.pdf", b"%PDF-1.7 broken"), ("fine.txt", b"Hello there\n"), key="k2")
    assert answer.status_code == 422
    assert "bad.pdf: The file is damaged" in answer.text
    assert "The other 1 file was taken in" in answer.text
    assert (await sent(browser)).status_code == 422
    assert (await sent(browser, ("a.txt", b"Hello there\n"), key="k3", program="99")).status_code in (303, 422)


async def test_a_wrong_chart_is_put_right_on_a_page(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    wrong, right, id_ = await filed_wrongly(clinic)
    browser, path = await screen(clinic, "ivy"), f"/patients/{wrong}/papers/{id_}/move"
    assert wrong in await clinic.named(await browser.get(path))
    assert f'value="{right}"' in (await post(browser, path, path, do="find", q="doverly")).text
    chosen = (await post(browser, path, path, do="choose", to=right)).text
    version = re.findall(r'name="version" value="([^"]+)"', chosen)[0]
    assert (await post(browser, path, path, do="move", to=right, version=version, why="")).status_code == 422
    assert (await post(browser, path, path, do="move", to=right, version=version, why="Another name.")).status_code == 303
    listed = (await browser.get(f"/patients/{wrong}/papers")).text
    assert "Put here by mistake" in listed
    assert "Urine" not in listed
    assert (await browser.get(f"/patients/{wrong}/papers/{id_}")).status_code == 404
    assert (await browser.get(f"/patients/{right}/papers/{id_}")).status_code == 200


async def test_every_page_asks_at_most_twelve_questions(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    wrong, _, id_ = await filed_wrongly(clinic)
    paper = await taken(clinic)
    browser = await screen(clinic, "ivy")
    for path in ("/tray", f"/tray/{paper.id}", f"/patients/{wrong}/papers", f"/patients/{wrong}/papers/{id_}", f"/patients/{wrong}/papers/{id_}/move"):
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await browser.get(path)).status_code == 200
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12, path
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
    assert (await post(browser, f"/tray/{paper.id}", f"/tray/{paper.id}", do="choose", patient=wrong)).status_code == 200
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 14, "with the page before it"


async def test_hidden_papers_people_and_documents_change_nothing_that_is_seen(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    p = await person(clinic)
    browser, reader = await screen(clinic, "mia"), await screen(clinic, "mh-clinician")
    mine = await taken(clinic, "mia")
    secret = re.compile(r'(name="(?:csrf|tab|key)" value="|nonce="|"X-CSRF-Token": ")[^"]+')

    async def seen() -> list[tuple[int, str]]:
        pages = [await browser.get(path) for path in ("/tray", f"/tray/{mine.id}", "/today", f"/patients/{p}/papers")]
        pages += [await reader.get(path) for path in (f"/patients/{p}/papers", "/today", f"/patients/{p}")]
        pages.append(await post(browser, f"/tray/{mine.id}", f"/tray/{mine.id}", do="find", q="rivera"))
        pages.append(await post(browser, f"/tray/{mine.id}", f"/tray/{mine.id}", do="choose", patient=p))
        return [(a.status_code, secret.sub("", a.text)) for a in pages]

    before = await seen()
    await taken(clinic, program=SUD)
    hidden = await taken(clinic, program=0)
    await person(clinic, "sys-sud", family="Rivera")
    await clinic.make("sys-sud", people.encounter(p))
    ivy = await at(clinic, "ivy")
    secretly = await indexing.index(ivy, await taken(clinic, program=SUD), wish(p, program=SUD, title="Methadone clinic"))
    _, right, _ = await filed_wrongly(clinic, SUD)
    other = await indexing.index(ivy, await taken(clinic, program=SUD), wish(p, program=SUD, title="Suboxone"))
    await moved(ivy, p, right, other)
    assert await seen() == before
    for path in (f"/tray/{hidden.id}", f"/tray/{hidden.id}/pages/1"):
        there, nowhere = await browser.get(path), await browser.get(path.replace(hidden.id, "z" * len(hidden.id)))
        assert (there.status_code, secret.sub("", there.text).replace(hidden.id, "")) == (nowhere.status_code, secret.sub("", nowhere.text).replace("z" * len(hidden.id), ""))
        assert there.status_code == 404
    for id_ in (secretly, other):
        assert (await reader.get(f"/patients/{p}/papers/{id_}")).status_code == 404
