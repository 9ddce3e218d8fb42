"""Whoever connects a service of a partner, in a browser: registered, tested by its client, signed by both sides; at a desk and on a telephone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.gate.exchange import trying
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house
from tests.doors.smart.office import service_of
from tests.journeys import serving
from tests.journeys.serving import pytestmark
from tests.people import MH, SUD, A

__all__ = ["pytestmark"]


@pytest.mark.parametrize("size", ["desk", "telephone"])
async def test_a_service_of_a_partner_from_its_form_to_both_signatures(database: Dsn, size: str) -> None:
    async with house(database) as clinic:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy Trent", None, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        await service_of(clinic, "lakeside-viewer", "Organization/tpo")
        secret = await serving.issued(clinic, "ivy")
        async with serving.serving_clinic(clinic) as url, serving.visit(url, size, sojourn=secret) as v:
            await v.go("/exchange/partners/new")
            await expect(v.page.get_by_label("Their service")).to_be_hidden()
            await v.page.get_by_label("Name", exact=True).fill("Lakeside Primary Care")
            await v.page.get_by_label("How they connect").select_option(label="FHIR API: their service reads, exports, is told or sends FHIR messages")
            await expect(v.page.get_by_label("What their system calls itself (MSH-3)")).to_be_hidden()
            await v.page.get_by_label("Their service").select_option(label="lakeside-viewer")
            await serving.shoot(v, "exchange-new")
            await v.page.get_by_role("button", name="Register").click()
            await expect(v.page.get_by_role("heading", name="Lakeside Primary Care")).to_be_visible()
            await serving.shoot(v, "exchange-partner")
            await v.page.get_by_role("link", name="Test bench", exact=True).click()
            await v.page.get_by_role("button", name="Begin a run").click()
            await expect(v.page.get_by_text("It takes an export").first).to_be_visible()
            await v.page.get_by_role("group").filter(has_text="It proves who it is").locator("summary").click()
            await expect(v.page.get_by_text("grant_type=client_credentials")).to_be_visible()
            await serving.shoot(v, "exchange-bench")
            (run,) = await trying.running(clinic.gate.house, A)
            await trying.record(clinic.gate.house, A, run, [s.became("passed", "It did.", clock.now()) for s in run.steps])
            await v.page.reload()
            await v.page.get_by_label("Your function").first.fill("Integration manager")
            await v.page.get_by_role("button", name="Sign for us").click()
            await v.page.get_by_role("button", name="Make a link by which they sign").click()
            link = re.search(r"/partner-test/\S+", await v.page.locator("#link").inner_text() if await v.page.locator("#link").count() else await v.page.content())
            assert link is not None
            await serving.shoot(v, "exchange-link")
            async with serving.visit(url, size) as theirs:
                await theirs.go(link[0].split("<")[0])
                await serving.shoot(theirs, "exchange-countersign")
                await theirs.page.get_by_role("checkbox").check()
                await theirs.page.get_by_label("Your name").fill("Kim Lee")
                await theirs.page.get_by_label("Your function").fill("Interface analyst")
                await theirs.page.get_by_role("button", name="Sign for us").click()
                await expect(theirs.page.get_by_text("Thank you.")).to_be_visible()
            await v.go(v.page.url.removeprefix(url).partition("?")[0])
            await expect(v.page.get_by_text("Kim Lee, Interface analyst")).to_be_visible()
