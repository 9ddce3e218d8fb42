"""A clinical document from the tray to the signed reconciliation in a browser, by keyboard, with axe at two widths; and what it wrote."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.record import organization
from tests.care import outside
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import FAR, MH, SUD, A, patient
from tests.web.test_plan import staff
from tests.web.test_reconcile import order, told


async def people(place: Place) -> str:  # noqa: F811 - the fixture
    """Somebody who indexes, a nurse, and a client who takes some of what the document says."""
    clinic = place.clinic
    for who, role, programs in (("ivy", "admissions", [SUD, MH, FAR]), ("nurse", "nurse", [MH])):
        row = organization.AccountRow(who, "staff", who, who, None, f"Practitioner/{who}", role, programs, MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
    await staff(clinic, "nurse", "Nguyen", "RN")
    await clinic.gate.reload()
    p = (await clinic.make("sys-mh", patient(identifier=[{"system": f"urn:oid:{outside.MRN}", "value": "H-1"}]))).id
    for resource in (order(p, "Sertraline 25 mg tablet", "One every morning"), told(p, "Ibuprofen 200 mg", "As needed")):
        await clinic.make("sys-mh", resource)
    return p


NARRATIVE = (
    "<table><thead><tr><th>Medication with a long name that does not fit on a telephone</th><th>Directions</th><th>Started</th></tr></thead><tbody><tr><td>Lisinopril 10 MG Oral Tablet</td><td>One every morning with water</td><td>2025-01-10</td></tr></tbody></table>"
    "<script>document.title = 'gone'</script><linkHtml href='http://evil.example/'>see also</linkHtml>"
)


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_document_is_taken_in_put_into_a_chart_and_reconciled_by_keyboard(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    p = await people(place)
    body = outside.usual() + outside.section("10164-2", "", NARRATIVE, title="History of present illness")
    async with visit(place, "ivy", size) as v:
        page = v.page
        await v.go("/tray")
        await page.get_by_label("Files", exact=True).set_input_files({"name": "summary.xml", "mimeType": "text/xml", "buffer": outside.ccd(body)})
        await page.get_by_label("Program that they came for").select_option(label="MH")
        await page.get_by_role("button", name="Take in").click()
        await expect(page.locator("#whose")).to_contain_text("One person here has the number that it names")
        await expect(page.locator(".ccda")).to_contain_text("see also")
        await shoot(v, "document-in-tray")
        await page.get_by_role("button", name=re.compile("Rivera, Ana")).click()
        await expect(page.get_by_label("What it says, in a few words")).to_have_value("Summary of Care")
        await page.get_by_label("Program that it belongs to").select_option(label="MH")
        await shoot(v, "document-chosen")
        await page.get_by_role("button", name="Put it into the chart").click()
        await expect(page.locator("#waiting")).to_contain_text("Nothing waits.")
    async with visit(place, "nurse", size) as v:
        page = v.page
        await v.go(f"/patients/{p}/papers")
        await shoot(v, "document-waits")
        await page.locator("#papers").get_by_role("link", name=re.compile("Summary of Care")).focus()
        await v.press("Enter")
        await expect(page.get_by_text("Nothing of it is on a list yet.")).to_be_visible()
        await shoot(v, "document")
        await page.get_by_role("link", name="Reconcile it with the chart").focus()
        await v.press("Enter")
        await expect(page.locator(".decide")).to_have_count(4)
        await shoot(v, "document-reconcile")
        await page.get_by_role("button", name="Read it, and sign").focus()
        await v.press("Enter")
        await expect(page.locator(".decide.wrong")).to_have_count(4)
        await shoot(v, "document-undecided")
        for name, what in (("Penicillin G", "Add"), ("Type 2 diabetes", "Add"), ("Lisinopril", "Add"), ("Sertraline", "Do not take over")):
            await page.locator(".decide").filter(has_text=name).get_by_role("radio", name=what, exact=True).focus()
            await v.press("Space")
        await page.get_by_label(re.compile("^Why.*Sertraline")).focus()
        await v.type("Ordered here at a lower dose")
        await page.get_by_role("button", name="Read it, and sign").focus()
        await v.press("Enter")
        await expect(page.locator(".signed-words")).to_contain_text("because: Ordered here at a lower dose")
        await shoot(v, "document-sign")
        await page.get_by_role("button", name="Sign", exact=True).focus()
        await v.press("Enter")
        await expect(page.locator(".panel").first).to_contain_text("reconciled")
        await shoot(v, "document-done")
        await v.go(f"/patients/{p}/medications")
        await expect(page.locator("#on-list")).to_contain_text("Lakeside Hospital, 2026-02-01")
    assert sorted(r["medicationCodeableConcept"]["text"] for r in (await place.clinic.get("sys-mh", f"MedicationStatement?patient={p}")).entries) == ["Ibuprofen 200 mg", "Lisinopril 10 MG Oral Tablet"]
    assert [t["status"] for t in (await place.clinic.get("sys-mh", f"Task?patient={p}")).entries] == ["completed"]
