"""An incident from a telephone to the committee, in a browser over the real gate, with axe on every page at two widths."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import MH, SUD, A, encounter, patient


@pytest.fixture
async def ward(place: Place, database: Dsn) -> AsyncIterator[Place]:  # noqa: F811 - the fixture
    """A nurse with colleagues, a client, and a risk manager."""
    clinic = place.clinic
    for account, role, given in (("nurse", "nurse", "Nina"), ("risk", "risk-manager", "Morgan")):
        them = (await clinic.make("sys-none", {"resourceType": "Practitioner", "active": True, "name": [{"family": "Quinn", "given": [given]}]})).id
        row = organization.AccountRow(account, "staff", account, given, None, f"Practitioner/{them}", role, [SUD, MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    return place


@pytest.mark.parametrize("size", list(SIZES))
async def test_an_incident_from_a_telephone_to_the_committee(ward: Place, size: str) -> None:
    async with visit(ward, "nurse", size) as v:
        page = v.page
        await v.go("/today")
        await v.press("Control+k")
        await v.type("report inc")
        await expect(page.locator("[role=option]").first).to_contain_text("Report an incident")
        await v.press("Enter")
        await expect(page.locator("h1")).to_have_text("Report an incident")
        await shoot(v, "incident-new")
        await page.locator("main button.primary").click()
        await expect(page.locator(".summary")).to_be_focused()
        await shoot(v, "incident-missing")
        await page.get_by_label("What was it?").select_option("fall")
        await page.get_by_label("How much harm?").select_option("mild")
        await page.get_by_label("What happened?").fill("At the sink Rivera slipped on the wet floor and sat down hard.")
        await expect(page.locator("#kept")).to_contain_text("is the name of a client")
        await page.get_by_label("What happened?").fill("The client slipped on the wet floor at the sink and sat down hard.")
        await expect(page.locator("#kept")).not_to_contain_text("is the name of a client")
        await expect(page.locator("#kept")).to_contain_text("Kept, for you alone")
        await page.get_by_label("Who was in it?").press_sequentially("riv")
        await page.locator("#people").get_by_label(re.compile("Rivera")).check()
        await page.get_by_label("Who was in it?").fill("")
        await page.get_by_label("Who was in it?").press_sequentially("quinn mor")
        await expect(page.locator("#people .chosen")).to_contain_text("Rivera")
        await expect(page.locator("#people .found")).to_contain_text("Morgan")
        await shoot(v, "incident-people")
        await page.locator("main button.primary").click()
        await expect(page.locator("h1")).to_have_text("Sent")
        await shoot(v, "incident-sent")
        await page.get_by_role("main").get_by_role("link", name="Incidents").click()
        await expect(page.locator("#sent")).to_contain_text("Received")
        await shoot(v, "incident-own")
    async with visit(ward, "risk", size) as v:
        page = v.page
        await v.go("/today")
        await page.locator("#today-incidents [data-row]").first.click()
        await expect(page.locator("h1")).to_contain_text("Fall or injury")
        await shoot(v, "incident-one")
        await page.locator("#notices").get_by_text("It was made").click()
        await page.get_by_label("Whom you reached").fill("Dr. Okafor")
        await page.get_by_label("How", exact=True).fill("Telephone")
        await page.get_by_label("Day", exact=True).last.fill("2020-01-01")
        await page.get_by_role("button", name="Save the proof").click()
        await expect(page.locator(".notice.red")).to_contain_text("after the incident")
        await page.get_by_label("Day", exact=True).last.fill(clock.now().date().isoformat())
        await page.locator("#notices").get_by_text("It does not have to be made").click()
        await page.get_by_label("Why not").fill("Seen by the physician of the house at once.")
        await page.get_by_role("button", name="Save", exact=True).first.click()
        await expect(page.locator("#notices")).to_contain_text("not needed")
        await page.get_by_label("The cause, and how you know").fill("The sign is kept on another floor.")
        await page.locator("#cause-card").get_by_role("button", name="Save").click()
        await page.locator("#give").get_by_text("Give somebody something to do").click()
        await page.get_by_label(re.compile("What is to be done")).fill("A sign in every kitchen.")
        await page.get_by_label("Who", exact=True).select_option(label="Nina Quinn")
        await page.get_by_label("By", exact=True).fill("2099-01-01")
        await page.get_by_role("button", name="Give it to them").click()
        await page.get_by_label("Members present").fill("Quinn and Sable")
        await page.get_by_label("Found", exact=True).fill("A busy hour.")
        await page.get_by_label("Decided", exact=True).fill("Mop after nine.")
        await page.get_by_role("button", name="Save the findings").click()
        await page.get_by_role("button", name="Sign off and close").click()
        await expect(page.locator("#committee")).to_contain_text("Signed off")
        await shoot(v, "incident-closed")
        await page.get_by_role("link", name="For the committee").click()
        await expect(page.locator("article")).to_contain_text("Client 1")
        await shoot(v, "incident-print")
        await v.go("/incidents/trends")
        await shoot(v, "incident-trends")
        await v.go("/incidents/closed")
        await shoot(v, "incident-listed")
    async with visit(ward, "nurse", size) as v:
        await v.go("/today")
        await v.page.locator("#today-incidents [data-row]").first.click()
        await expect(v.page.locator("main")).to_contain_text("A sign in every kitchen.")
        await shoot(v, "incident-action")
        await v.page.get_by_label("What was done").fill("They hang.")
        await v.page.get_by_role("button", name="Done").click()
        await expect(v.page.locator("h1")).to_have_text("Today")
    acts = [r["act"] for r in await ward.clinic.owner.fetch("SELECT act FROM record.incident_version ORDER BY n")]
    assert acts == ["sent", "waived", "cause", "committee", "signed"]
    lines = {(r["account"], r["action"]) for r in await ward.clinic.owner.fetch("SELECT account, action FROM record.audit WHERE type = 'Incident'")}
    assert {("nurse", "incident-send"), ("risk", "incident-read"), ("risk", "incident-change"), ("nurse", "incident-action")} <= lines
