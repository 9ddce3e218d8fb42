"""Lists and their reconciliation at an admission in a browser, by keyboard, with axe at two widths; what is written, and what the trail says."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.gate import drafts
from sojourn.record import organization
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.journeys.test_staff import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.people import MH, A, Clinic, patient
from tests.web.test_plan import episode, staff
from tests.web.test_reconcile import order, told


@pytest.fixture
async def ward(place: Place) -> Place:  # noqa: F811 - the fixture
    """A prescriber and a nurse who are people."""
    clinic = place.clinic
    row = organization.AccountRow("nurse", "staff", "nurse", "nurse", None, None, "nurse", [MH], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    await staff(clinic, "mh-clinician", "Okafor", "MD")
    await staff(clinic, "nurse", "Nguyen", "RN")
    await clinic.gate.reload()
    return place


async def arrived(clinic: Clinic, who: str, words: str) -> None:
    """Wait until the server keeps these words in a draft: a page that went away does not hear the answer."""
    access = await clinic.gate.access(await clinic.gate.token(clinic.gate.house.tenants[A], who, purpose="TREAT"))
    assert access is not None
    for _ in range(300):
        for each in await drafts.listed(access):
            draft = await drafts.kept(access, each.key)
            if draft is not None and words in draft.body.decode():
                return
        await asyncio.sleep(0.1)
    pytest.fail("The words never came to the server.")


@pytest.mark.parametrize("size", list(SIZES))
async def test_from_what_the_client_tells_to_the_signed_reconciliation(ward: Place, size: str) -> None:
    clinic = ward.clinic
    p = (await clinic.make("sys-mh", patient())).id
    stay = (await clinic.make("sys-mh", episode(p, "mh", "OP", started="2026-11-29T10:00:00Z"))).id
    for resource in (order(p, "Sertraline 50 mg tablet", "One every morning"), order(p, "Lithium 300 mg capsule", "One twice daily"), told(p, "Zoloft 50 mg", "When she remembers")):
        await clinic.make("sys-mh", resource)
    async with visit(ward, "nurse", size) as v:
        page = v.page
        await v.go(f"/patients/{p}/allergies")
        await expect(page.get_by_text("does not mean that there are none")).to_be_visible()
        await shoot(v, "allergies-not-asked")
        await page.get_by_role("button", name="Asked: no known allergies").focus()
        await v.press("Enter")
        await expect(page.locator("#on-list")).to_contain_text("No known allergies")
        await shoot(v, "allergies-none")
        await v.press("m")
        await expect(page.locator("#on-list")).to_contain_text("Zoloft 50 mg")
        await page.get_by_label("Medication and strength").focus()
        await v.type("Ibuprofen 600 mg")
        await v.press("Tab")
        await v.type("When the back hurts")
        await page.get_by_role("button", name="Add to the list").focus()
        await v.press("Enter")
        await expect(page.locator("#against")).to_contain_text("Lithium levels can rise")
        await shoot(v, "medications-warned")
        await page.get_by_label("Why it is right all the same", exact=True).focus()
        await v.type("Only written down; the prescriber is told.")
        await page.get_by_role("button", name="Write it all the same").focus()
        await v.press("Enter")
        await expect(page.locator("#on-list")).to_contain_text("Ibuprofen 600 mg")
        await expect(page.locator("#warnings")).to_contain_text("Only written down; the prescriber is told.")
        await shoot(v, "medications")
        await v.press("w")
        await expect(page.locator("h2").first).to_have_text("Reconcile medications")
        await shoot(v, "reconcile-room")
        await page.get_by_role("link", name=re.compile("^Admission")).focus()
        await v.press("Enter")
        await expect(page.locator(".decide")).to_have_count(3)
        await shoot(v, "reconcile")
        await page.get_by_role("group", name="What is decided: Ibuprofen 600 mg").get_by_label("Stop").focus()
        await v.press("Space")
        await page.get_by_label("Why: Ibuprofen 600 mg").focus()
        await v.type("Lithium")
        await v.go(f"/patients/{p}/medications")  # away at once, before the form would have saved itself
        await arrived(clinic, "nurse", "Lithium")
        await page.go_back()  # nothing that was typed is lost
        await expect(page.get_by_label("Why: Ibuprofen 600 mg")).to_have_value("Lithium")
        await page.get_by_role("button", name="Save for whoever signs").focus()
        await v.press("Enter")
        await expect(page.locator(".toast").first).to_contain_text("waits for whoever signs")
        await shoot(v, "reconcile-saved")
    async with visit(ward, "mh-clinician", size) as v:
        page = v.page
        await v.go("/today")
        await page.get_by_role("link", name=re.compile("waits for a signature")).focus()
        await v.press("Enter")
        await expect(page.get_by_label("Why: Ibuprofen 600 mg")).to_have_value("Lithium")
        await page.get_by_role("button", name="Read it, and sign").focus()
        await v.press("Enter")
        await expect(page.get_by_text("things are not decided")).to_be_visible()
        await shoot(v, "reconcile-missing")
        await page.get_by_role("group", name="What is decided: Lithium 300 mg capsule").get_by_label("Continue").focus()
        await v.press("Space")
        await page.get_by_role("group", name="What is decided: Sertraline 50 mg tablet").get_by_label("Change").focus()
        await v.press("Space")
        await page.get_by_label("Why: Sertraline 50 mg tablet").focus()
        await v.type("Mood still low")
        await v.press("Tab")
        await v.type("Two every morning")
        for name in ("Gone through with the client", "Gone through"):
            await page.get_by_label(name, exact=True).focus()
            await v.press("Space")
        await page.get_by_role("button", name="Read it, and sign").focus()
        await v.press("Enter")
        await expect(page.locator(".signed-words")).to_contain_text("Change to: Two every morning")
        await shoot(v, "reconcile-sign")
        await page.get_by_role("button", name="Sign", exact=True).focus()
        await v.press("Enter")
        await expect(page.locator(".toast").first).to_contain_text("Reconciled and signed")
        await expect(page.locator("#on-list")).to_contain_text("Two every morning")
        await shoot(v, "medications-reconciled")
        await page.get_by_role("link", name="Sertraline 50 mg tablet").first.focus()
        await v.press("Enter")
        await expect(page.locator("#past")).to_contain_text("Mood still low")
        await shoot(v, "medication-line")
        await v.press("p")
        await page.get_by_label("Problem", exact=True).fill("Bipolar disorder")
        await page.get_by_role("button", name="Add to the list").click()
        await expect(page.locator("#on-list")).to_contain_text("Bipolar disorder")
        await shoot(v, "problems")
    orders = {(r["medicationCodeableConcept"]["text"], r["status"]) for r in (await clinic.get("sys-mh", f"MedicationRequest?patient={p}")).entries}
    assert orders == {("Sertraline 50 mg tablet", "stopped"), ("Sertraline 50 mg tablet", "active"), ("Lithium 300 mg capsule", "active")}
    assert {r["status"] for r in (await clinic.get("sys-mh", f"MedicationStatement?patient={p}")).entries} == {"stopped"}
    done = [r for r in (await clinic.get("sys-mh", f"List?patient={p}")).entries if r["mode"] == "changes"]
    assert len(done) == 1
    assert (await clinic.get("sys-mh", f"Provenance?target=List/{done[0]['id']}")).entries[0]["signature"]
    actions = {r["action"] for r in await clinic.owner.fetch("SELECT DISTINCT action FROM record.audit WHERE tenant = 1 AND $1 = ANY(patients)", p)}
    assert {"medication", "allergy", "problem", "reconcile"} <= actions
    assert stay


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_table_is_looked_at_and_loaded(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    row = organization.AccountRow("robin", "staff", "robin", "Robin", None, None, "administrator", [], None, [])
    await organization.account(place.clinic.owner, A, row, clock.now())
    async with visit(place, "robin", size) as v:
        page = v.page
        await v.go("/medication-tables")
        await shoot(v, "medication-tables")
        await page.get_by_label("Or its text").fill("[[pair]]\n")
        await page.get_by_role("button", name="Only look for faults").click()
        await expect(page.locator("#faults")).to_contain_text("no-head")
        await shoot(v, "medication-tables-faults")
