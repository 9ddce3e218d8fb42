"""A consent at the front desk, over the real gate: captured on a telephone with the patient looking on, signed, taken back; axe on every page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from playwright.async_api import expect

from sojourn.record.database import Dsn
from tests import people
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark
from tests.journeys.serving import shoot as look
from tests.people import Clinic, consent, encounter, observation, patient
from tests.web.test_consents import directory

__all__ = ["Place", "look", "pytestmark", "visiting"]


class Place(NamedTuple):
    """A served clinic. secrets: of sessions by account."""

    url: str
    patient: str
    secrets: dict[str, str]


async def filled(clinic: Clinic) -> str:
    """A patient of both programs with a small record and some consents."""
    await directory(clinic)
    p = (await clinic.make("sys-mh", patient("Rivera", telecom=[{"system": "phone", "value": "555-0100"}]))).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    for n in range(9):
        await clinic.make("sys-sud" if n % 2 else "sys-mh", observation(p, 60 + n))
    for n in range(4):
        drug = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": {"text": f"Medicine {n}"}, "subject": {"reference": f"Patient/{p}"}}
        await clinic.make("sys-sud" if n % 2 else "sys-mh", drug)
    await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"], provision={"period": {"start": "2026-01-01", "end": "2026-02-01"}}))
    defective = consent(p, "specific")
    defective["extension"] = [e for e in defective["extension"] if not e["url"].endswith("part2-stmt-refusal")]
    await clinic.make("sys-sud", defective)
    return p


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """The staff app over a clinic of its own."""
    clinic = await people.open_clinic(database, connections=8)
    patient_id, secrets = await filled(clinic), await serving.begun(clinic, "both-clinician", "officer")
    async with serving.serving_clinic(clinic) as url:
        yield Place(url, patient_id, secrets)
    await people.close_clinic(clinic)


@asynccontextmanager
async def visiting(place: Place, who: str, size: str, theme: str = "light") -> AsyncIterator[Visit]:
    """A browser in which somebody has signed in."""
    async with serving.visit(place.url, size, sojourn=place.secrets[who], theme=theme) as v:
        yield v


@pytest.mark.parametrize("size", ["telephone", "desk"])
async def test_a_consent_is_captured_signed_and_taken_back(place: Place, size: str) -> None:
    chart = f"/patients/{place.patient}"
    async with visiting(place, "both-clinician", size) as v:
        page = v.page
        await v.go(f"{chart}/consents")
        await look(v, f"{size}-1-list")
        await page.get_by_role("link", name="New consent").click()
        await look(v, f"{size}-2-choose")
        await page.get_by_role("button", name="Begin: Share with someone for one reason").click()
        await expect(page.locator("#effect")).to_contain_text("Still to be said")
        await page.locator("#find").fill("lake")
        await page.get_by_role("button", name="Find", exact=True).click()
        await page.get_by_role("button", name=re.compile("Lakeside Primary Care")).click()
        await page.get_by_label("Treatment", exact=True).check()
        await expect(page.locator("#effect")).to_contain_text("With this, Lakeside Primary Care will see")
        await page.get_by_label("Only these:").check()
        await page.get_by_label("Medicines").check()
        await expect(page.locator("#effect")).to_contain_text("4 medicines")
        await page.get_by_label("A day:").check()
        await page.locator("#until").fill("2099-01-01")
        await page.locator("#until").blur()
        await expect(page.locator("#effect")).not_to_contain_text("Still to be said")
        await look(v, f"{size}-3-form")
        await page.get_by_role("button", name="Read and sign").click()
        await expect(page.locator("h2").first).to_contain_text("Read it together")
        await look(v, f"{size}-4-sign")
        await page.get_by_role("button", name="Sign", exact=True).click()
        await expect(page.locator(".summary")).to_contain_text("how you know who signs")
        await look(v, f"{size}-5-problems")
        await page.locator("#identity").select_option("photo-id")
        await page.locator("#name").fill("Ana Rivera")
        await page.get_by_role("button", name="Sign", exact=True).click()
        await expect(page.locator("#toasts")).to_contain_text("Signed.")
        await look(v, f"{size}-6-signed")
        signed = page.url.removeprefix(place.url)
        await v.go(f"{signed}/copy")
        await look(v, f"{size}-7-copy")
        await v.go(f"{signed}/revoke")
        await expect(page.locator("main")).to_contain_text("Lakeside Primary Care will see 0 of the")
        await look(v, f"{size}-8-revoke")
        await page.get_by_label("A signed note from the patient", exact=True).check()
        await page.get_by_role("button", name="Take it back now").click()
        await expect(page.locator("main")).to_contain_text("Taken back")
        await v.go(f"{chart}/consents")
        await look(v, f"{size}-9-list")


async def test_a_scanned_paper_is_kept_with_its_consent(place: Place) -> None:
    chart = f"/patients/{place.patient}"
    async with visiting(place, "both-clinician", "telephone", "dark") as v:
        page = v.page
        await v.go(f"{chart}/consents/new")
        await page.get_by_role("button", name="Begin: Share for treatment, payment and operations").click()
        await expect(page.locator("#effect")).to_contain_text("a provider who treats this patient will see")
        await look(v, "dark-1-tpo")
        await page.get_by_role("button", name="Read and sign").click()
        await page.get_by_role("link", name="On paper").click()
        await page.locator("#identity").select_option("known")
        await page.locator("#signed_on").fill("2026-03-01")
        await page.locator("#scan").set_input_files({"name": "scan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 a page"})
        await look(v, "dark-2-paper")
        await page.get_by_role("button", name="Keep the signed paper").click()
        await expect(page.locator("main")).to_contain_text("On paper; the scan is kept")
        await look(v, "dark-3-signed")


@pytest.mark.parametrize("size", ["telephone", "desk"])
async def test_the_queue_is_sound(place: Place, size: str) -> None:
    async with visiting(place, "officer", size) as v:
        await v.go("/desk/consents")
        await expect(v.page.locator("main")).to_contain_text("Not valid")
        await look(v, f"{size}-queue")
