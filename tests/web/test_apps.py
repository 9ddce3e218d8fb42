"""Apps in the staff app: who registers and stops them, what everybody finds there, and opening one from a chart."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.doors.smart.office import BASE, ROOT, Key, Office, keys, office
from tests.doors.smart.people import Person, through
from tests.exports import make_exports
from tests.people import encounter, observation, patient
from tests.web.real import ADMIN, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")
APP = {
    "name": "Heart Notes", "publisher": "Example Health", "description": "Shows vital signs over time.", "uses": "patient staff", "whose": "inside", "method": "client_secret_basic",
    "redirects": "https://app.example/back\r\nhttps://app.example/other", "launch": "https://app.example/launch", "pace": "600", "role": "system", "purpose": "TREAT",
}  # fmt: skip
SERVICE = {"name": "Warehouse", "uses": "service", "whose": "inside", "method": "private_key_jwt", "pace": "600", "role": "clinician", "purpose": "HOPERAT", "program-2": "yes"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(cluster: Cluster, template: str) -> AsyncIterator[Office]:
    """One office for all tests here."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    async with office(Dsn(app=cluster.app(name), owner=cluster.owner(name))) as made:
        yield made
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def at(here: Office, who: str) -> Visitor:
    visitor = Visitor(here.clinic)
    visitor.app.state.outbound = here.app.state.outbound
    await visitor.sign_in(who)
    return visitor


async def registered(visitor: Visitor, form: dict[str, str], **more: str) -> str:
    """Register; the client id."""
    await visitor.get("/apps/new")
    answer = await visitor.post("/apps/new", {**form, **more})
    assert "is registered" in answer.text, answer.text[-3000:]
    return re.findall(r"Client id</dt><dd><code>([^<]+)<", answer.text)[0]


async def test_exports_are_seen_by_who_administers_apps_and_stopped_at_once(here: Office) -> None:
    p = (await here.clinic.make("sys-mh", patient("Quillfeather"))).id
    await here.clinic.make("sys-mh", observation(p))
    begun = await here.clinic.ask("sys-mh", "GET", "Patient/$export?_type=Patient,Observation", None, (("prefer", "respond-async"),))
    place = begun.header("content-location").partition("/fhir/")[2]
    admin = await at(here, ADMIN)
    page = (await admin.get("/apps/exports")).text
    for word in ("sys-mh", "Patients&#39; records, 2 kinds", "waits", "Stop"):
        assert word in page, page[-3000:]
    await make_exports(here.clinic)
    page = (await admin.get("/apps/exports")).text
    assert "can be downloaded" in page
    assert re.search(r">[\d.]+ (bytes|KB)<", page), "how much it is"
    there = await here.clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE tenant = 1 AND type IN ('Patient', 'Observation') AND body IS NOT NULL")  # also what other tests wrote here
    assert re.findall(r'data-unit="(\w+)">(\d+)<', page)[:1] == [("resources", str(there))], "and what the number counts, where there is no head of the table"
    assert p not in page
    assert "Quillfeather" not in page
    export = re.findall(r'name="export" value="([^"]+)"', page)[0]
    await admin.post("/apps/exports", {"export": export})
    assert "Nobody takes anything out" in (await admin.get("/apps/exports")).text
    assert (await here.clinic.get("sys-mh", place)).status == 404
    other = await at(here, "mh-clinician")
    assert (await other.get("/apps/exports")).status_code == 403


async def test_registering_takes_a_page_and_gives_what_its_maker_needs(here: Office) -> None:
    admin = await at(here, ADMIN)
    client = await registered(admin, APP)
    text = admin.last.text
    secret = re.findall(r'class="key">([^<]+)<', text)[0]
    for needed in (f"{BASE}/.well-known/smart-configuration", f"{ROOT}/oauth/token", f"{ROOT}/oauth/authorize"):
        assert needed in text
    page = (await admin.get(f"/apps/{client}")).text
    assert secret not in page
    assert "Example Health" in page
    dana = Person(here, "mh-clinician", "staff")
    given = await through(dana, (await _app(here, client)), secret=secret, scope="openid user/Observation.rs")
    assert given["access_token"]
    await here.fhir(given["access_token"], "Observation?_count=1")
    page = (await admin.get(f"/apps/{client}")).text
    assert "mh-clinician" in page
    assert "looked at" in page


async def _app(here: Office, client: str):  # type: ignore[no-untyped-def]
    from sojourn.gate.apps import registry

    found = await registry.one(here.clinic.gate.house.db, here.clinic.gate.house.tenants[1], client)
    assert found is not None
    return found


async def test_what_is_wrong_is_said_and_what_was_typed_stays(here: Office) -> None:
    admin = await at(here, ADMIN)
    await admin.get("/apps/new")
    wrong = await admin.post("/apps/new", {**APP, "redirects": "http://app.example/back"})
    assert wrong.status_code == 422
    assert "A redirect URI is https" in wrong.text
    assert "Shows vital signs over time." in wrong.text
    empty = await admin.post("/apps/new", {"name": "", "uses": "", "whose": "", "method": "", "pace": "many"})
    assert empty.status_code == 422
    assert "Choose who uses it." in empty.text


async def test_a_service_waits_for_somebody_else(here: Office) -> None:
    admin = await at(here, ADMIN)
    key = Key("w")
    client = await registered(admin, SERVICE, jwks=keys(key))
    await admin.get(f"/apps/{client}")
    assert "somebody else who administers apps has to approve it" in admin.last.text
    assert "Approve</button>" not in admin.last.text
    refused = await admin.post(f"/apps/{client}", {"act": "start", "reason": "me"})
    assert refused.status_code == 403
    app = await _app(here, client)
    assert (await here.for_service(app, key)).status_code == 401
    officer = await at(here, "officer")
    await officer.get("/apps")
    assert "waits for approval" in officer.last.text
    await officer.get(f"/apps/{client}")
    assert (await officer.post(f"/apps/{client}", {"act": "start", "reason": "contract seen"})).status_code == 303
    assert (await here.for_service(app, key)).status_code == 200
    mine = Key("mine")
    facts = {"name": "Warehouse", "pace": "600", "scopes": "system/*.rs", "jwks": keys(mine)}
    assert (await admin.post(f"/apps/{client}/facts", facts)).status_code == 303
    assert (await here.for_service(app, mine)).status_code == 401, "whoever holds the key is the service: it waits again"
    assert (await admin.post(f"/apps/{client}", {"act": "start", "reason": "mine"})).status_code == 403
    await officer.get(f"/apps/{client}")
    assert (await officer.post(f"/apps/{client}/facts", {**facts, "name": "Renamed"})).status_code == 303
    assert (await admin.post(f"/apps/{client}", {"act": "start", "reason": "mine"})).status_code == 403, "also after somebody else touched it"


async def test_the_kill_switch_a_new_secret_and_ending_it_for_one_person(here: Office) -> None:
    admin = await at(here, ADMIN)
    client = await registered(admin, APP, name="Switch")
    await admin.get(f"/apps/{client}")
    fresh = await admin.post(f"/apps/{client}", {"act": "secret"})
    secret = re.findall(r"shown this once: (\w{43}) ", fresh.text)[0]
    app = await _app(here, client)
    given = await through(Person(here, "mh-clinician", "staff"), app, secret=secret, scope="openid user/Observation.rs offline_access")
    await admin.get(f"/apps/{client}")
    assert "End it" in admin.last.text
    assert (await admin.post(f"/apps/{client}", {"act": "person", "account": "mh-clinician"})).status_code == 303
    assert (await here.fhir(given["access_token"], "Observation")).status_code == 401
    given = await through(Person(here, "mh-clinician", "staff"), app, secret=secret, scope="openid user/Observation.rs")
    await admin.get(f"/apps/{client}")
    assert (await admin.post(f"/apps/{client}", {"act": "stop", "reason": "a leak"})).status_code == 303
    assert (await here.fhir(given["access_token"], "Observation")).status_code == 401
    assert (await admin.post(f"/apps/{client}", {"act": "stop", "reason": "again"})).status_code == 409
    page = (await admin.get(f"/apps/{client}")).text
    assert "a leak" in page
    assert "Start it again" in page
    line = await here.clinic.owner.fetchrow("SELECT * FROM record.audit WHERE action = 'app-stop' AND query LIKE $1", f"%{client}%")
    assert line["account"] == ADMIN


async def test_changing_what_is_registered(here: Office) -> None:
    admin = await at(here, ADMIN)
    client = await registered(admin, APP, name="Changing")
    await admin.get(f"/apps/{client}")
    facts = {**{k: v for k, v in APP.items() if k not in ("uses", "whose", "method")}, "name": "Changed", "scopes": "openid user/Observation.rs", "pace": "90"}
    assert (await admin.post(f"/apps/{client}/facts", facts)).status_code == 303
    app = await _app(here, client)
    assert (app.name, app.scopes, app.pace, app.uses) == ("Changed", "openid user/Observation.rs", 90, ("patient", "staff"))
    await admin.get(f"/apps/{client}")
    assert (await admin.post(f"/apps/{client}/facts", {**facts, "redirects": "javascript:x"})).status_code == 422
    states = await here.clinic.owner.fetchval("SELECT count(*) FROM record.app WHERE app = $1", client)
    assert states == 2, "what was registered before is kept"


async def test_everybody_finds_the_apps_that_are_for_them_and_only_some_register(here: Office) -> None:
    admin = await at(here, ADMIN)
    await registered(admin, APP, name="For everybody")
    await registered(admin, {**APP, "uses": "patient", "whose": "chosen"}, name="For patients only")
    dana = await at(here, "mh-clinician")
    page = (await dana.get("/apps")).text
    assert "For everybody" in page
    assert "For patients only" not in page
    assert "Register an app" not in page
    assert (await dana.get("/apps/new")).status_code == 403
    assert (await dana.post("/apps/keys")).status_code == 403
    assert (await dana.get("/apps/mine")).status_code == 200


async def test_an_app_is_opened_from_a_chart_with_patient_and_visit(here: Office) -> None:
    admin = await at(here, ADMIN)
    client = await registered(admin, {**APP, "method": "none"}, name="Beside the chart")
    p = (await here.clinic.make("sys-mh", patient())).id
    e = (await here.clinic.make("sys-mh", encounter(p))).id
    o = (await here.clinic.make("sys-mh", observation(p))).id
    dana = await at(here, "mh-clinician")
    room = (await dana.get(f"/patients/{p}/apps")).text
    assert "Open Beside the chart" in room
    assert f'value="{e}"' in room
    opening = (await dana.post(f"/patients/{p}/apps", {"app": client, "encounter": e})).text
    address = re.findall(r'content="0;url=([^"]+)"', opening)[0].replace("&amp;", "&")
    asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
    assert address.startswith("https://app.example/launch?")
    assert asked["iss"] == BASE
    assert p not in address
    given = await through(Person(here, "mh-clinician", "staff"), await _app(here, client), scope="launch patient/*.rs", launch=asked["launch"])
    assert (given["patient"], given["encounter"]) == (p, e)
    assert (await here.fhir(given["access_token"], f"Observation/{o}")).status_code == 200
    for who, path, app in (("mh-clinician", "nobody", client), ("far-clinician", p, client), ("mh-clinician", p, "nothing")):
        visitor = dana if who == "mh-clinician" else await at(here, who)
        answer = await visitor.post(f"/patients/{path}/apps", {"app": app})
        assert answer.status_code == 404, (who, path)
