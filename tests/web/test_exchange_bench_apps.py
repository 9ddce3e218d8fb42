"""The test bench of who comes by the FHIR API: made-up people until both sides signed; a contractor's warehouse, and a client for primary care outside."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.doors.api.subscriptions.telling import SIGNATURE, Telling
from sojourn.gate.apps import keys as ours
from sojourn.gate.apps import registering
from sojourn.gate.apps.registry import App
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.appbench import Looking
from sojourn.gate.subscriptions import following
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.record.migrate import MIGRATIONS
from sojourn.web.outbound import Outbound
from tests.doors.api.test_subscriptions import Receiver
from tests.doors.messaging.sender import message, person, stay
from tests.doors.smart.office import BASE, Key, Office, office
from tests.exports import make_exports
from tests.gate.numbering import numbered
from tests.people import FAR, MH, START, SUD, A, consent, encounter, observation, patient
from tests.web.real import ADMIN, HASH, Visitor

KEY = Key("one")
REAL = "Rivera"
AGREED = {"kind": "baa", "gives": "associate"}


@pytest.fixture
async def here(database: Dsn) -> AsyncIterator[Office]:
    with clock.using(FakeClock(START)):
        async with office(database) as made:
            row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], FAR, [])
            await organization.account(made.clinic.owner, A, row, clock.now())
            yield made


async def ivy(here: Office) -> Visitor:
    found = Visitor(here.clinic)
    assert (await found.sign_in("ivy")).status_code == 303
    return found


async def registered(here: Office, app: App, browser: Visitor, **more: str) -> str:
    """Ivy registers the partner at the page; where the partner is."""
    await browser.get("/exchange/partners/new")
    form = {"name": "Lakeside", "contact": "Kim", "door": "fhir", "client": app.id, "basis": "treatment", "timezone": "America/New_York", "acknowledgement": "auto", "strangers": "wait", **more}
    answer = await browser.post("/exchange/partners/new", form)
    assert answer.status_code == 303, answer.text
    place = str(answer.headers["location"]).partition("?")[0]
    row = await here.clinic.owner.fetchrow("SELECT partner, facts, state, author, reason, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity' AND partner = $1", place.rpartition("/")[2])
    made = replace(partners.of_row(row), agreed=AGREED)
    await here.clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'ivy', '', $4)", A, made.id, partners.facts(made), clock.now(), row["since"])
    return place


async def token(here: Office, app: App, scope: str = "system/*.rs") -> str:
    answer = await here.for_service(app, KEY, scope)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def looked(here: Office) -> None:
    """What the bench does by itself."""
    await Looking(here.clinic.gate).round(here.clinic.gate.house.tenants[A])


async def told(here: Office, telling: Telling) -> None:
    """What changed on the bench reaches who is to be told."""
    for tenant in here.clinic.gate.house.benches:
        feed = await numbered(here.clinic, tenant)
        while await feed.follow("subscriptions", following.follow):
            pass
    while await telling.round():
        pass


def tick(**by: float) -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(**by))


async def real(here: Office, recipient: str = "") -> str:
    """Somebody who exists, with a consent for who is outside."""
    p = (await here.clinic.make("sys-mh", patient(REAL))).id
    for who in ("sys-mh", "sys-sud"):
        await here.clinic.make(who, encounter(p))
        await here.clinic.make(who, observation(p))
    if recipient:
        await here.clinic.make("sys-sud", consent(p, recipient))
    return p


async def signed(here: Office, browser: Visitor, bench: str) -> None:
    """Both sides sign, and go is given."""
    page = (await browser.get(bench)).text
    run = re.findall(r'name="run" value="([^"]+)"', page)[0]
    assert (await browser.post(bench, {"do": "go", "run": run, "why": "Done"})).status_code == 422, "nobody signed"
    assert (await browser.post(bench, {"do": "sign", "run": run, "role": "Integration manager"})).status_code == 303
    await browser.get(bench)
    link = re.findall(r"/partner-test/[\w-]+", (await browser.post(bench, {"do": "link", "run": run})).text)[0]
    theirs = Visitor(here.clinic)
    assert "It proves who it is" in (await theirs.get(link)).text
    assert "Thank you." in (await theirs.post(link, {"name": "Kim Lee", "role": "Interface analyst", "read": "yes"})).text
    await browser.get(bench)
    assert (await browser.post(bench, {"do": "go", "run": run, "why": "Tested on both sides"})).status_code == 303


def families(bundle: Any) -> set[str]:
    return {e["resource"]["name"][0]["family"] for e in bundle.get("entry", ()) if e["resource"]["resourceType"] == "Patient"}


async def test_a_warehouse_reads_exports_and_is_told_of_people_who_do_not_exist_until_both_signed(here: Office) -> None:
    clinic, browser = here.clinic, await ivy(here)
    p = await real(here)
    app = await here.service(KEY, scopes="system/*.rs system/Subscription.c", programs=(MH, SUD))
    assert families((await here.fhir(await token(here, app), "Patient")).json()) == {REAL}, "ours, and nobody's partner"
    place = await registered(here, app, browser)
    bench = f"{place}/bench"
    refused = await here.for_service(app, KEY)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    assert "begin a run" in refused.json()["error_description"]
    page = (await browser.get(bench)).text
    assert "No test was passed and signed by both sides yet." in page
    for title in ("It proves who it is", "It finds people of the script", "It reads one of them", "It takes an export", "It is told of a change"):
        assert title in page
    assert (await browser.post(bench, {"do": "begin"})).status_code == 303
    await looked(here)
    assert (await browser.get(bench)).text.count(">waits<") == 5, "nothing was done yet"

    bearer = await token(here, app, app.scopes)
    found = (await here.fhir(bearer, "Patient")).json()
    assert families(found) == {"Zztest"}
    assert len(found["entry"]) == 2
    assert (await here.fhir(bearer, f"Patient/{p}")).status_code == 404
    assert (await here.fhir(bearer, "Patient/zztest-0001")).status_code == 200
    kicked = await here.fhir(bearer, "$export", prefer="respond-async")
    assert kicked.status_code == 202, kicked.text
    await make_exports(clinic)
    manifest = (await here.fhir(bearer, kicked.headers["content-location"].removeprefix(f"{BASE}/"))).json()
    for file in manifest["output"]:
        lines = (await here.fhir(bearer, file["url"].removeprefix(f"{BASE}/"), accept="application/fhir+ndjson")).text
        assert REAL not in lines
        assert len(lines.splitlines()) == file["count"]
    async with Receiver().open() as receiver:
        telling = Telling(clinic.gate, Outbound(["127.0.0.1"]))
        wanted = {"resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": "Observation?status=final",
                  "channel": {"type": "rest-hook", "endpoint": f"http://127.0.0.1:{receiver.port}/hook", "payload": "application/fhir+json"}}  # fmt: skip
        async with here.http as http:
            assert (await http.post("/fhir/Subscription", json=wanted, headers={"authorization": f"Bearer {bearer}"})).status_code == 201
        await told(here, telling)
        await looked(here)
        page = (await browser.get(bench)).text
        assert page.count(">waits<") == 1
        assert "Somebody of the script was changed." in page
        tick(seconds=5)
        await told(here, telling)
        await clinic.make("sys-mh", observation(p))
        await looked(here)
        assert "Make a link by which they sign" in (await browser.get(bench)).text, (await browser.get(bench)).text
        headers, body = receiver.got[-1]
        assert [e["resource"]["subject"]["reference"] for e in json.loads(body)["entry"][1:]] == ["Patient/zztest-0001"]
        key = jwt.PyJWK((await ours.published(clinic.gate.house, clinic.gate.house.tenants[A]))[0]).key
        jwt.decode(headers[SIGNATURE.lower()], key, algorithms=["RS256"], audience=f"http://127.0.0.1:{receiver.port}", options={"verify_exp": False, "verify_iat": False})
        await signed(here, browser, bench)
        assert (await here.fhir(bearer, "Patient")).status_code == 401, "what was given for the test ends with it"
        await told(here, telling)
        tick(seconds=5)
        so_far = len(receiver.got)
        await Looking(clinic.gate)._change(clinic.gate.house.tenants[A], app)
        await told(here, telling)
        assert len(receiver.got) == so_far, "nor are they told of made-up people any more"
    bearer = await token(here, app)
    assert families((await here.fhir(bearer, "Patient")).json()) == {REAL}, "now for real"
    assert re.search(r"just now</td><td role=\"cell\">\d+ tokens?</td>", (await browser.get("/exchange")).text), "they are heard when their service gets one"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE tenant = 1 AND id LIKE 'zztest%'") == 0, "nobody made up is among ours"
    actions = {r["action"] for r in await clinic.owner.fetch("SELECT action FROM record.audit WHERE tenant = 1")}
    assert {"exchange-test", "exchange-test-sign", "exchange-go"} <= actions
    run = re.findall(r'name="run" value="([^"]+)"', (await browser.get(bench)).text)[0]
    assert (await browser.post(bench, {"do": "no", "run": run, "why": "They changed their system"})).status_code == 303
    assert (await here.fhir(bearer, "Patient")).status_code == 401, "at once"
    assert families((await here.fhir(await token(here, app), "Patient")).json()) == {"Zztest"}


async def test_an_outside_client_finds_who_consented_and_its_notice_and_nobody_real(here: Office) -> None:
    browser = await ivy(here)
    await here.clinic.ask("sys-none", "POST", "$import", b'{"resourceType":"Organization","id":"lakeside","name":"Lakeside"}', (("content-type", "application/fhir+ndjson"),))
    await real(here, "lakeside")
    app = await here.service(KEY, whose="outside", organization="Organization/lakeside", live=False)
    assert (await here.for_service(app, KEY)).status_code == 400, "of an outside organization: it takes a test, also where nobody made it a partner"
    await browser.get("/exchange")
    place = await registered(here, app, browser)
    bench = f"{place}/bench"
    assert "It is told of a change" not in (await browser.get(bench)).text, "it may not subscribe"
    assert (await browser.post(bench, {"do": "begin"})).status_code == 303
    bearer = await token(here, app)
    found = (await here.fhir(bearer, "Patient")).json()
    assert [e["resource"]["id"] for e in found["entry"]] == ["zztest-0001"], "who has not consented is not there"
    observations = [e["resource"] for e in (await here.fhir(bearer, "Observation?patient=zztest-0001")).json()["entry"] if e["resource"]["resourceType"] == "Observation"]
    assert any(s["code"] == "42CFRPart2" for r in observations for s in r["meta"]["security"]), "also what bears the notice"
    assert (await here.fhir(bearer, "Patient/zztest-0001")).status_code == 200
    await looked(here)
    run = re.findall(r'name="run" value="([^"]+)"', (await browser.get(bench)).text)[0]
    tick(seconds=5)
    assert (await browser.post(bench, {"do": "again", "run": run, "step": "asks.read"})).status_code == 303
    for waits in (2, 1):
        await looked(here)
        assert (await browser.get(bench)).text.count(">waits<") == waits, "what was done before it was asked for again does not count"
        await here.fhir(bearer, "Patient/zztest-0001")
    kicked = await here.fhir(bearer, "$export?_type=Patient", prefer="respond-async")
    await make_exports(here.clinic)
    (file,) = (await here.fhir(bearer, kicked.headers["content-location"].removeprefix(f"{BASE}/"))).json()["output"]
    await here.fhir(bearer, file["url"].removeprefix(f"{BASE}/"), accept="application/fhir+ndjson")
    await looked(here)
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.disclosure WHERE tenant = 1") == 0, "nobody real was disclosed"
    await signed(here, browser, bench)
    assert families((await here.fhir(await token(here, app), "Patient")).json()) == {REAL}
    admin = Visitor(here.clinic)
    await admin.sign_in(ADMIN)
    assert "real records" in (await admin.get(f"/apps/{app.id}")).text
    changed = await registering.change(await here.acting(ADMIN), app.id, scopes="system/Patient.rs")
    await registering.start(await here.acting("officer"), app.id, "checked")
    assert changed.state == "requested"
    assert families((await here.fhir(await token(here, app, "system/Patient.rs"), "Patient")).json()) == {"Zztest"}, "what was tested is not what it is now"
    assert "Their profile was changed since it was tested." in (await browser.get(bench)).text
    row = await here.clinic.owner.fetchrow("SELECT partner, facts, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity'")
    await here.clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'stopped', $5, 'ivy', '', $4)", A, row["partner"], row["facts"], clock.now(), row["since"])
    refused = await here.for_service(app, KEY, "system/Patient.rs")
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client"), "a partner who is stopped gets no token at all"


async def test_a_service_that_was_live_before_goes_on_until_it_is_changed(here: Office) -> None:
    app = await here.service(KEY, whose="outside", organization="Organization/lakeside", live=False)
    waits = await here.service(KEY, whose="outside", organization="Organization/lakeside", live=False, approve=False)
    stopped = await here.service(KEY, whose="outside", organization="Organization/lakeside", live=False)
    await registering.stop(await here.acting(ADMIN), stopped.id, "a test")
    await real(here, "lakeside")
    text = (MIGRATIONS / "0209_pre_exchange_apps.sql").read_text("utf-8")
    await here.clinic.owner.execute(text[text.index("INSERT INTO") :])
    assert await here.clinic.owner.fetchval("SELECT array_agg(partner) FROM record.exchange_go") == [app.id], "who was approved, and nobody else"
    assert waits.id != app.id
    assert families((await here.fhir(await token(here, app), "Patient")).json()) == {REAL}
    browser = await ivy(here)
    place = await registered(here, app, browser)
    assert families((await here.fhir(await token(here, app), "Patient")).json()) == {REAL}, "also when it is made a partner"
    assert "They exchange for real." in (await browser.get(f"{place}/bench")).text


async def test_a_service_that_was_refused_stays_so_whichever_partner_names_it(here: Office) -> None:
    """Else whoever keeps the partners takes back alone what was decided: by writing another service, or another partner, down."""
    app, other = [await here.service(KEY, whose="outside", organization="Organization/lakeside", live=False) for _ in range(2)]
    await real(here, "lakeside")
    text = (MIGRATIONS / "0209_pre_exchange_apps.sql").read_text("utf-8")
    await here.clinic.owner.execute(text[text.index("INSERT INTO") :])
    ours = await here.service(KEY, programs=(MH,))
    browser = await ivy(here)
    for one in (app, ours):
        partner = (await registered(here, one, browser)).rpartition("/")[2]
        await here.clinic.gate.house.db.call("SELECT gate.exchange_go($1, $2, 'no', '', '', 'Not now.', $3)", A, partner, clock.now())
        assert (await here.for_service(one, KEY, "system/Patient.rs")).status_code == 400
        row = await here.clinic.owner.fetchrow("SELECT facts, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity' AND partner = $1", partner)
        elsewhere = json.dumps({**json.loads(row["facts"]), "client": other.id})
        await here.clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'stopped', $5, 'ivy', '', $4)", A, partner, elsewhere, clock.now(), row["since"])
        assert (await here.for_service(one, KEY, "system/Patient.rs")).status_code == 400, "nobody's service any more"
        await registered(here, one, browser)
        assert (await here.for_service(one, KEY, "system/Patient.rs")).status_code == 400, "another partner's"


async def test_a_subscription_of_a_service_that_is_held_waits_and_loses_nothing(here: Office) -> None:
    clinic, browser = here.clinic, await ivy(here)
    p = await real(here)
    app = await here.service(KEY, scopes="system/*.rs system/Subscription.c", programs=(MH, SUD))
    async with Receiver().open() as receiver:
        telling = Telling(clinic.gate, Outbound(["127.0.0.1"]))
        wanted = {"resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": "Observation?status=final",
                  "channel": {"type": "rest-hook", "endpoint": f"http://127.0.0.1:{receiver.port}/hook", "payload": "application/fhir+json"}}  # fmt: skip
        async with here.http as http:
            assert (await http.post("/fhir/Subscription", json=wanted, headers={"authorization": f"Bearer {await token(here, app, app.scopes)}"})).status_code == 201

        async def changes() -> None:
            feed = await numbered(clinic)
            while await feed.follow("subscriptions", following.follow):
                pass
            while await telling.round():
                pass

        await changes()
        assert len(receiver.got) == 1
        place = await registered(here, app, browser)
        await clinic.make("sys-mh", observation(p, 99))
        await changes()
        assert len(receiver.got) == 1, "they are a partner now who was not tested"
        await clinic.gate.house.db.call("SELECT gate.exchange_go($1, $2, 'before', '', '', '', $3)", A, place.rpartition("/")[2], clock.now())
        await changes()
        assert b'"value":99' in receiver.got[-1][1]


async def test_each_partner_has_a_service_of_its_own(here: Office) -> None:
    browser = await ivy(here)
    app = await here.service(KEY, programs=(MH,))
    await registered(here, app, browser)
    form = {"name": "Other", "door": "fhir", "basis": "treatment", "timezone": "America/New_York", "acknowledgement": "auto", "strangers": "wait"}
    for client, words in ((app.id, "Another partner comes by this service already."), ("", "Choose their service."), ("nobody", "Choose their service.")):
        await browser.get("/exchange/partners/new")
        answer = await browser.post("/exchange/partners/new", {**form, "client": client})
        assert (answer.status_code, words in answer.text) == (422, True), client


async def test_messages_of_a_partner_are_read_on_the_bench_and_kept_once_both_signed(here: Office) -> None:
    browser = await ivy(here)
    app = await here.service(KEY, whose="outside", organization="Organization/tpo", live=False, scopes="system/MessageHeader.c")
    place = await registered(here, app, browser, types="ADT^A01")
    bench, sent = f"{place}/bench", message("A01", stay(), person())

    async def answered() -> int:
        async with here.http as http:
            reply = await http.post("/fhir/$process-message", json=sent, headers={"authorization": f"Bearer {await token(here, app, app.scopes)}"})
        assert (reply.status_code, reply.json()["entry"][0]["resource"]["response"]["code"]) == (200, "ok"), reply.text
        return int(await here.clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message"))

    assert "It sends a FHIR message" in (await browser.get(bench)).text
    assert (await browser.post(bench, {"do": "begin"})).status_code == 303
    assert await answered() == 0, "nothing of it is kept"
    await looked(here)
    assert ">waits<" not in (await browser.get(bench)).text
    await signed(here, browser, bench)
    assert await answered() == 1
