"""An independent client in a browser (fhirclient for JavaScript): launched from a chart, and standalone by a patient, with PKCE."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sojourn.app import application
from sojourn.gate.apps.registry import App
from sojourn.record.database import Dsn
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from tests import people
from tests.doors.smart.office import Office
from tests.doors.smart.people import be
from tests.journeys import serving
from tests.journeys.serving import ROOT, SIZES, Visit, pytestmark, shoot
from tests.people import Clinic, encounter, observation, patient
from tests.web.real import ADMIN, PASSWORD, furnish

__all__ = ["pytestmark"]
LIBRARY = ROOT / "node_modules" / "fhirclient" / "build" / "fhir-client.pure.js"
SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs"
EHR = "openid fhirUser launch launch/encounter patient/Patient.rs patient/Observation.rs user/Practitioner.rs"
needs_library = pytest.mark.skipif(not LIBRARY.is_file(), reason="fhirclient is not installed: run `npm ci`.")
_AUTHORIZE = "<!doctype html><title>App</title><script src=/fhir-client.js></script><script>FHIR.oauth2.authorize({options})</script>"
_READY = """<!doctype html><title>App</title><h1>Heart Notes</h1><p id=who></p><p id=user></p><p id=visit></p><ul id=found></ul><p id=state>…</p><script src=/fhir-client.js></script><script>
FHIR.oauth2.ready().then(async client => {
  window.client = client
  const say = (id, text) => document.getElementById(id).textContent = text
  const person = await client.patient.read()
  say('who', person.name[0].family); say('user', client.user.fhirUser || ''); say('visit', client.encounter.id || '')
  const found = await client.request('Observation?patient=' + client.patient.id, {flat: true})
  document.getElementById('found').append(...found.map(o => Object.assign(document.createElement('li'), {textContent: o.id})))
  say('state', 'done')
}).catch(error => { document.getElementById('state').textContent = 'failed: ' + error.message })
</script>"""


@dataclass
class World:
    """Our server, and an app of somebody else at an address of its own."""

    office: Office
    url: str
    app_url: str
    options: dict[str, str]

    @property
    def clinic(self) -> Clinic:
        """Who and what is there."""
        return self.office.clinic


@asynccontextmanager
async def world(dsn: Dsn) -> AsyncIterator[World]:
    """Both, served over sockets."""
    ours: dict[str, Any] = {}
    made: dict[str, World] = {}

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await ours["app"](scope, receive, send)

    async def begin(request: Request) -> Response:  # noqa: ARG001 - the same for everybody
        return HTMLResponse(_AUTHORIZE.replace("{options}", made["world"].options["authorize"]))

    async def ready(request: Request) -> Response:  # noqa: ARG001 - the same for everybody
        return HTMLResponse(_READY)

    async def library(request: Request) -> Response:  # noqa: ARG001 - the same for everybody
        return Response(LIBRARY.read_bytes(), media_type="text/javascript")

    theirs = Starlette(routes=[Route("/launch", begin), Route("/app", ready), Route("/fhir-client.js", library)])
    async with serving.serving(late) as url, serving.serving(theirs, "localhost") as app_url:
        clinic = await people.open_clinic(dsn, connections=8, base=f"{url}/fhir")
        await furnish(clinic)
        ours["app"] = application(clinic.gate, About(), Outbound())
        made["world"] = World(Office(clinic, ours["app"]), url, app_url, {})
        yield made["world"]
        await people.close_clinic(clinic)


@pytest.fixture
async def there(database: Dsn) -> AsyncIterator[World]:
    """One world."""
    async with world(database) as made:
        yield made


async def registered(there: World, **more: Any) -> App:
    """A browser app of somebody else, without a secret."""
    facts = {"name": "Heart Notes", "publisher": "Example Health", "description": "Shows vital signs over time.", "redirects": (f"{there.app_url}/app",), "policy": "https://example.org/privacy", **more}
    app, _ = await there.office.person_app(**facts)
    return app


async def seen(page: Page) -> list[str]:
    """What the app got."""
    await expect(page.locator("#state")).to_have_text("done", timeout=15_000)
    return sorted(await page.locator("#found li").all_text_contents())


@needs_library
@pytest.mark.parametrize("size", list(SIZES))
async def test_an_app_opened_from_a_chart(there: World, size: str) -> None:
    clinic = there.clinic
    p = (await clinic.make("sys-mh", patient("Quillfeather"))).id
    e = (await clinic.make("sys-mh", encounter(p, status="in-progress"))).id
    shown = (await clinic.make("sys-mh", observation(p))).id
    await clinic.make("sys-sud", observation(p))
    app = await registered(there, uses=("staff",), launch=f"{there.app_url}/launch")
    there.options["authorize"] = f"{{clientId: '{app.id}', scope: '{EHR}', redirectUri: '{there.app_url}/app', pkceMode: 'required'}}"
    async with serving.visit(there.url, size, sojourn=await serving.issued(clinic, "mh-clinician")) as v:
        await v.go(f"/patients/{p}/apps")
        await shoot(v, "apps-chart")
        await v.page.get_by_label("About which visit").select_option(e)
        async with v.page.expect_popup() as opened:
            await v.page.get_by_role("button", name="Open Heart Notes").click()
        beside = await opened.value
        await expect(beside.locator("h1")).to_have_text("Allow Heart Notes?")
        await shoot(Visit(beside, there.url), "apps-consent-staff")
        await beside.get_by_role("button", name="Allow").click()
        assert await seen(beside) == [shown], "what the person may see in this chart, and no more"
        assert await beside.locator("#who").text_content() == "Quillfeather"
        assert await beside.locator("#visit").text_content() == e
        assert (await beside.locator("#user").text_content() or "").endswith("Practitioner/mh-clinician")
        async with v.page.expect_popup() as opened:
            await v.page.get_by_role("button", name="Open Heart Notes").click()
        again = await opened.value
        assert await seen(again) == [shown], "not asked twice"
        await v.go("/apps/mine")
        await shoot(v, "apps-mine")
        await v.page.get_by_role("button", name=re.compile("Stop it")).click()
        await expect(v.page.locator(".toast").first).to_contain_text("Stopped")
        assert await again.evaluate("client.request('Patient/' + client.patient.id).then(() => 'seen', () => 'refused')") == "refused"
        await v.go("/apps")
        await shoot(v, "apps-gallery")
    lines = await clinic.owner.fetch("SELECT DISTINCT account, action FROM record.audit WHERE door = $1", f"app:{app.id}")
    assert {("mh-clinician", "search"), ("mh-clinician", "read"), ("mh-clinician", "app-token")} <= {(r["account"], r["action"]) for r in lines}


@needs_library
@pytest.mark.parametrize("size", list(SIZES))
async def test_a_patient_connects_an_app_leaves_something_out_and_stops_it(there: World, size: str) -> None:
    clinic = there.clinic
    p = (await clinic.make("sys-mh", patient("Quillfeather"))).id
    await clinic.make("sys-sud", encounter(p))
    mine = sorted([(await clinic.make("sys-mh", observation(p))).id, (await clinic.make("sys-sud", observation(p))).id])
    await be(there.office, "ana", f"Patient/{p}")
    app = await registered(there, uses=("patient",), whose="chosen")
    there.options["authorize"] = f"{{clientId: '{app.id}', scope: '{SCOPE}', redirectUri: '{there.app_url}/app', iss: '{there.url}/fhir', pkceMode: 'required'}}"
    async with serving.visit(there.app_url, size) as v:
        page = v.page
        await page.goto(f"{there.app_url}/launch")
        await expect(page.locator("h1")).to_have_text("Sign in")
        await shoot(v, "apps-sign-in")
        await page.get_by_label("Login").fill("ana")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("h1")).to_have_text("Allow Heart Notes?")
        await shoot(v, "apps-consent-patient")
        await page.get_by_label("Diagnoses and problems", exact=False).first.uncheck()
        await page.get_by_role("button", name="Allow").click()
        assert await seen(page) == mine
        assert await page.evaluate("client.state.tokenResponse.scope.includes('Condition')") is False
        assert await page.evaluate("client.request('Condition?patient=' + client.patient.id).then(() => 'seen', error => String(error.statusCode || error.message))") == "403"
        first = await page.evaluate("client.state.tokenResponse.access_token")
        await page.evaluate("client.refresh()")
        assert await page.evaluate("client.state.tokenResponse.access_token") != first
        await page.goto(f"{there.url}/oauth/apps")
        await page.get_by_label("Login").fill("ana")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("h1")).to_have_text("My apps")
        await shoot(v, "apps-mine-patient")
        await page.get_by_role("button", name=re.compile("Stop it")).click()
        await expect(page.locator(".notice")).to_contain_text("Stopped")
        await page.goto(f"{there.app_url}/app")
        await expect(page.locator("#state")).to_contain_text("failed", timeout=15_000)


@pytest.mark.parametrize("size", list(SIZES))
async def test_registering_approving_and_stopping_one(there: World, size: str) -> None:
    async with serving.visit(there.url, size, sojourn=await serving.issued(there.clinic, ADMIN)) as v:
        page = v.page
        await v.go("/apps")
        await page.get_by_role("link", name="Register an app").click()
        await shoot(v, "apps-new")
        await page.get_by_role("button", name="Register").click()
        await expect(page.get_by_text("Choose who uses it.").first).to_be_visible()
        await shoot(v, "apps-new-problems")
        await page.get_by_label("Name", exact=True).fill("Heart Notes")
        await page.get_by_label("Who uses it").select_option("staff")
        await page.get_by_label("Whose it is").select_option("inside")
        await page.get_by_label("How it proves who it is").select_option("client_secret_basic")
        await page.get_by_label("Redirect URIs").fill("https://app.example/back")
        await page.get_by_role("button", name="Register").click()
        await expect(page.locator("h1")).to_have_text("Heart Notes is registered")
        await shoot(v, "apps-registered")
        await page.get_by_role("link", name="Go to the app").click()
        await expect(page.locator("h1")).to_have_text("Heart Notes")
        await shoot(v, "apps-one")
        await page.get_by_label("Why").fill("only a trial")
        await page.get_by_role("button", name="Stop this app").click()
        await expect(page.locator("#history")).to_contain_text("only a trial")
        await v.go("/apps")
        await shoot(v, "apps-all")
