"""The pages of asking outside: nothing waits for the partner, every step has its button, and what is found is taken in."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.doors.mhd.network import HIE, Two
from tests.doors.mhd.test_asking import WHO, here, there
from tests.people import SUD
from tests.web.real import ADMIN, HASH, Visitor


async def browser(two: Two, who: str) -> Visitor:
    """Somebody at a browser of ours."""
    await two.us.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND account = $2", HASH, who)
    found = Visitor(two.us, "127.0.0.1")
    assert (await found.sign_in(who)).status_code == 303
    return found


async def test_from_the_chart_to_the_document_in_it(two: Two) -> None:
    await there(two)
    p = await here(two)
    at = await browser(two, WHO)
    page = await at.get(f"/patients/{p}/outside")
    assert "Valley Health Network" in page.text
    key = at.hidden("key")
    answer = await at.post(f"/patients/{p}/outside", {"partner": HIE, "program": str(SUD), "key": key})
    assert answer.status_code == 303
    place = urlsplit(answer.headers["location"]).path
    page = await at.get(place)
    assert "Asking who this is there" in page.text
    assert 'hx-trigger="every 2s"' in page.text
    await two.done()
    page = await at.get(place)
    assert p in await two.us.named(page)
    assert 'hx-trigger="every' not in page.text.partition('id="outside"')[2]
    assert "Summary of Care" in page.text
    assert "restricted by its sender" in page.text
    paper = re.findall(r'name="paper" value="([^"]+)"', page.text)[-1]
    assert (await at.post(place, {"do": "fetch"})).status_code == 422
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await at.get(place)).text)[0]
    assert (await at.post(place, {"do": "fetch", "paper": paper, "stamp": stamp})).status_code == 303
    await at.get(place)
    assert (await at.post(place, {"do": "stop"})).status_code == 303
    assert "It was stopped" in (await at.get(place)).text
    assert (await at.post(place, {"do": "again"})).status_code == 303
    await two.done()
    page = await at.get(place)
    take = re.findall(r'name="do" value="(take:[^"]+)"', page.text)
    assert len(take) == 1
    answer = await at.post(place, {"do": take[0]})
    assert answer.status_code == 303, answer.text
    assert urlsplit(answer.headers["location"]).path.startswith(f"/patients/{p}/papers/")
    assert "In the chart" in (await at.get(place)).text
    assert "answered" in (await at.get(f"/patients/{p}/outside")).text
    assert (await at.get(f"/patients/{p}/outside/nothing")).status_code == 404


async def test_somebody_elses_document_is_not_taken_in_by_mistake(two: Two) -> None:
    await there(two)
    p = await here(two)
    at = await browser(two, WHO)
    await two.us.owner.execute("SELECT 1")
    await at.get(f"/patients/{p}/outside")
    place = urlsplit((await at.post(f"/patients/{p}/outside", {"partner": HIE, "program": str(SUD), "key": at.hidden("key")})).headers["location"]).path
    await two.done()
    page = await at.get(place)
    paper = re.findall(r'name="paper" value="([^"]+)"', page.text)[-1]
    await at.post(place, {"do": "fetch", "paper": paper})
    await two.done()
    stored = (await two.us.get("sys-sud", f"Patient/{p}")).json()
    assert (await two.us.put("sys-sud", {**stored, "birthDate": "1970-01-01", "name": [{"family": "Other", "given": ["Ana"]}]})).status == 200
    take = re.findall(r'name="do" value="(take:[^"]+)"', (await at.get(place)).text)[0]
    answer = await at.post(place, {"do": take})
    assert answer.status_code == 422
    assert "The document is about Ana Rivera" in answer.text
    assert (await at.post(place, {"do": take, "sure": "yes"})).status_code == 303


async def test_where_a_partner_is_asked_is_entered_by_an_administrator(two: Two) -> None:
    at = await browser(two, ADMIN)
    place = f"/exchange/partners/{HIE}/fhir"
    page = await at.get(place)
    assert page.status_code == 200
    assert f"{two.ours}/oauth/jwks" in page.text
    assert (await at.post(place, {"base": "http://169.254.169.254/latest", "on": "yes"})).status_code == 422
    assert (await at.post(place, {"base": "https://fhir.valley.example/r4/", "client": "c", "scope": "system/Patient.rs", "on": "yes"})).status_code == 303
    assert 'value="https://fhir.valley.example/r4"' in (await at.get(place)).text
