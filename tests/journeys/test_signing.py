"""A note on its way to the lock, and a device in a client's hands, in a real browser over the real gate; axe on every page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import NamedTuple

import pytest
from playwright.async_api import BrowserContext, expect

from sojourn.base import clock
from sojourn.care import signing
from sojourn.care.credentials import supervision
from sojourn.care.credentials.held import Credential
from sojourn.care.signing import documents
from sojourn.record.database import Dsn
from tests import people
from tests.care.signers import at_the_screen, note, practitioner
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark
from tests.journeys.serving import shoot as look
from tests.people import Clinic
from tests.web.real import PASSWORD, furnish

__all__ = ["pytestmark"]
SAID = (
    b"Individual session, 50 minutes, in person.\n\nData: Reports two urges this week and used the plan both times. Slept six hours most nights.\n\n"
    b"Assessment: Moving toward the objective; PHQ-9 fell from 14 to 9.\n\nPlan: Continue weekly. Next: practice the call with her sister.\n"
)


class Place(NamedTuple):
    """A served clinic. secrets: of sessions by account."""

    url: str
    document: str
    secrets: dict[str, str]
    clinic: Clinic


async def filled(clinic: Clinic) -> str:
    """An intern's note that waits for its supervisor, one that is overdue, and hours of supervision."""
    await furnish(clinic)
    await clinic.owner.execute(
        "INSERT INTO record.role_rule (tenant, role, types, actions) SELECT 1, 'director', x.types, x.actions FROM (VALUES ('{Credential}'::text[], '{administer}'::text[]), "
        "('{Practitioner}', '{update}'), ('{Basic}', '{create}'), ('{DocumentReference}', '{co-sign,unlock}')) AS x (types, actions)"
    )
    await clinic.gate.reload()
    today = (await at_the_screen(clinic, "mh-clinician")).today  # the day at the site, by which credentials end
    await practitioner(clinic, "both-clinician", Credential("LCSW", "4711", "NY", end=today + timedelta(days=41)), name="Sam Castellano")
    intern = Credential("MHC-LP", "P-812", "NY", "intern", date(2020, 1, 1), today + timedelta(days=300), "Practitioner/both-clinician", "general")
    await practitioner(clinic, "mh-clinician", intern, name="Ina Whitfield")
    await practitioner(clinic, "technician", Credential("CASAC-T", "99", "NY", "certified", end=today - timedelta(days=3)), name="Tess Alvarado")
    access = await at_the_screen(clinic, "mh-clinician")
    for id_ in ("note1", "note2"):
        change = await note(access, id_, SAID)
        await access.write((await documents.signing(access, [change], id_, SAID)).changes, action="sign")
    supervisor = await at_the_screen(clinic, "both-clinician")
    await supervision.log(supervisor, ["Practitioner/mh-clinician"], day=today - timedelta(days=5), minutes=60, kind="individual", topic="Boundaries")
    await supervision.log(supervisor, ["Practitioner/mh-clinician"], day=today - timedelta(days=3), minutes=90, kind="group", topic="Documentation")
    document: str = f"/patients/{documents.id_of((await access.read('DocumentReference', 'note1')).resource['subject'])}/documents/note1"
    return document


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """The staff app over a clinic of its own."""
    clinic = await people.open_clinic(database, connections=8)
    document, secrets = await filled(clinic), await serving.begun(clinic, "both-clinician", "mh-clinician")
    async with serving.serving_clinic(clinic) as url:
        yield Place(url, document, secrets, clinic)
    await people.close_clinic(clinic)


@asynccontextmanager
async def browsing(place: Place, size: str, theme: str = "light") -> AsyncIterator[BrowserContext]:
    """A browser in which nobody has signed in."""
    async with serving.context(place.url, size, theme=theme) as made:
        yield made


async def become(context: BrowserContext, place: Place, who: str) -> None:
    """Somebody else sits down."""
    await context.add_cookies([{"name": "sojourn", "value": place.secrets[who], "url": place.url}])


async def test_a_note_is_returned_signed_again_co_signed_and_locked(place: Place) -> None:
    async with browsing(place, "desk") as context:
        v = Visit(await context.new_page(), place.url)
        page = v.page
        await become(context, place, "both-clinician")
        await v.go("/today")
        await expect(page.locator("#today-to-cosign")).to_contain_text("waits for your co-signature")
        await expect(page.locator("#today-credentials")).to_contain_text("Your LCSW NY 4711")
        await look(v, "today")
        await v.go("/supervision")
        await expect(page.locator("h1")).to_have_text("Supervision")
        await look(v, "supervision-desk")
        await page.locator("#to-cosign a", has_text="Ina Whitfield").first.click()
        await look(v, "document-desk")
        await page.goto(place.url + place.document)
        await page.locator("#return-why").fill("The risk part is missing.")
        await page.get_by_role("button", name="Return to its author").dblclick()
        await expect(page.locator("h2.page-title")).to_contain_text("Returned with comments")
        await become(context, place, "mh-clinician")
        await v.go("/today")
        await page.locator("#today-returned a").first.click()
        await expect(page.locator("#done")).to_contain_text("The risk part is missing.")
        await page.get_by_role("button", name="Sign", exact=True).dblclick()
        await expect(page.locator("h2.page-title")).to_contain_text("waits for a co-signature")
        await become(context, place, "both-clinician")
        await v.go(place.document)
        await page.get_by_role("button", name="Co-sign").dblclick()
        await expect(page.locator("h2.page-title")).to_contain_text("Co-signed")
        await expect(page.locator("#signatures")).to_contain_text("Sam Castellano, LCSW NY 4711")
        await page.go_back()
        await page.goto(place.url + place.document)
        await page.locator("summary", has_text="Add to it").click()
        await page.locator("#addendum-why").fill("Her sister called on Monday.")
        await page.get_by_role("button", name="Sign and add").dblclick()
        await expect(page.locator(".words", has_text="Her sister called")).to_have_count(1)
        await expect(page.locator(".summary")).to_have_count(0)
        await look(v, "document-done")
        access = await at_the_screen(place.clinic, "mh-clinician")
        made = [s.meaning for s in await signing.signatures(access, "DocumentReference/note1")]
        assert made == ["author", "author", "co-signer"]
        lines = await place.clinic.owner.fetch("SELECT action FROM record.audit WHERE action IN ('return', 'sign') AND query LIKE '%note1%'")
        assert [line["action"] for line in lines].count("return") == 1


async def test_credentials_and_supervision_on_a_telephone(place: Place) -> None:
    async with browsing(place, "telephone", "dark") as context:
        v = Visit(await context.new_page(), place.url)
        await become(context, place, "both-clinician")
        await v.go("/credentials")
        await expect(v.page.locator("#credentials")).to_contain_text("41 days left")
        await look(v, "credentials-telephone")
        await v.page.get_by_role("link", name="Tess Alvarado").click()
        await look(v, "credential-telephone")
        await v.page.locator("#c0 summary").click()
        await v.page.locator("#end-0").fill((clock.now().date() + timedelta(days=700)).isoformat())
        await v.page.get_by_role("button", name="Save the change").click()
        await expect(v.page.locator("#c0")).to_contain_text("in force")
        await v.go("/supervision")
        await v.page.get_by_label("Ina Whitfield").check()
        await v.page.locator("#minutes").fill("45")
        await v.page.get_by_role("button", name="Write it down").click()
        await expect(v.page.locator("#log")).to_contain_text("45 min")
        await look(v, "supervision-telephone")
        await v.go(place.document)
        await look(v, "document-telephone")


@pytest.mark.parametrize("size", ["tablet", "telephone"])
async def test_a_client_signs_on_a_device_that_reaches_nothing_else(place: Place, size: str) -> None:
    async with browsing(place, size) as context:
        page = await context.new_page()
        v = Visit(page, place.url)
        await v.go("/sign-in")
        await page.locator("#login").fill("mh-clinician")
        await page.locator("#password").fill(PASSWORD)
        await v.press("Enter")
        await expect(page).to_have_url(f"{place.url}/today")
        await v.go(place.document)
        await page.locator("summary", has_text="Let the client").click()
        await page.get_by_role("button", name="Hand the device over").click()
        await expect(page.locator("h1")).to_have_text("Read it, then sign")
        await look(v, f"handed-{size}")
        await page.go_back()
        await expect(page.locator("h1")).to_have_text("Read it, then sign")
        other = await context.new_page()
        for typed in ("/patients", "/today", "/", "/sign-in", place.document, "/nowhere"):
            await other.goto(place.url + typed)
            await expect(other.locator("h1")).to_have_text("Read it, then sign")
            assert await other.get_by_role("link", name="Patients").count() == 0
        await other.keyboard.press("Control+k")
        assert await other.locator("dialog").count() == 0
        await other.close()
        await page.goto(place.url + place.document + "/client")
        box = await page.locator("canvas").bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 40, box["y"] + box["height"] * 0.7)
        await page.mouse.down()
        for n in range(1, 12):
            await page.mouse.move(box["x"] + 40 + n * box["width"] / 16, box["y"] + box["height"] * (0.3 if n % 2 else 0.75), steps=3)
        await page.mouse.up()
        await page.get_by_label("Type your first and last name").fill("Ana Rivera")
        await page.get_by_role("button", name="Sign", exact=True).click()
        await expect(page.locator(".summary")).to_contain_text("tick that you have read it")
        await page.get_by_label("I have read what stands above").check()
        await page.get_by_role("button", name="Sign", exact=True).click()
        await expect(page.locator("h1")).to_have_text("Thank you. You are done.")
        await look(v, f"given-back-{size}")
        await page.goto(place.url + "/patients")
        await expect(page.locator("h1")).to_have_text("Thank you. You are done.")
        await page.locator("#password").fill("not it")
        await page.get_by_role("button", name="Take the device back").click()
        await expect(page.locator(".summary")).to_contain_text("not right")
        await page.locator("#password").fill(PASSWORD)
        await page.get_by_role("button", name="Take the device back").click()
        await expect(page).to_have_url(place.url + place.document)
        await expect(page.locator("#signatures")).to_contain_text("Ana Rivera")
        await look(v, f"client-signed-{size}")
