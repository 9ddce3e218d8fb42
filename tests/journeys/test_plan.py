"""Assessment to plan in a browser: from a PHQ-9 asked on the screen to a signed plan, with a client who does not sign; then a review and the thread; axe on every page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from sojourn.base import clock
from sojourn.record.database import Dsn
from tests import people
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark
from tests.journeys.test_consents import Place, look, visiting
from tests.people import Clinic, patient
from tests.web.real import furnish
from tests.web.test_plan import diagnosis, episode, staff
from tests.web.test_plan_life import account

__all__ = ["pytestmark"]


async def filled(clinic: Clinic) -> str:
    """A client of outpatient care with two diagnoses, and those who treat them."""
    await furnish(clinic)
    await account(clinic, "boss", "supervisor")
    p = (await clinic.make("sys-mh", patient("Rivera", birthDate="1988-03-04"))).id
    them = await staff(clinic, "mh-clinician", "Whitfield")
    await staff(clinic, "boss", "Mercer", "LCSW")
    today = clock.now().date()
    await clinic.make("sys-mh", episode(p, "mh", "OP", them, started=(today.replace(day=1)).isoformat()))
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": them}}]})
    await clinic.make("sys-mh", diagnosis(p, "F33.1", "Major depressive disorder, recurrent, moderate", recordedDate=today.isoformat()))
    await clinic.make("sys-mh", diagnosis(p, "F51.01", "Primary insomnia", recordedDate=today.isoformat()))
    return p


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """The staff app over a clinic of its own."""
    clinic = await people.open_clinic(database, connections=8)
    patient_id, secrets = await filled(clinic), await serving.begun(clinic, "mh-clinician", "boss")
    async with serving.serving_clinic(clinic) as url:
        yield Place(url, patient_id, secrets)
    await people.close_clinic(clinic)


async def asked(v: Visit, chart: str) -> None:
    """The PHQ-9, asked on the screen by keyboard: 17, and no thought of death."""
    await v.go(f"{chart}/measures/ask/phq-9")
    for item, answer in enumerate((3, 2, 2, 2, 2, 2, 2, 2, 0), 1):
        await v.page.locator(f'[name="q{item}"][value="{answer}"]').focus()
        await v.press("Space")
    await v.page.locator('[name="q10"][value="1"]').focus()
    await v.press("Space")
    await v.press("Enter")
    await expect(v.page).to_have_url(v.place + f"{chart}/measures")
    await expect(v.page.locator("main")).to_contain_text("17")


async def save(page: Page, **fields: str) -> None:
    """Fill the form that is open and save it with the keyboard."""
    for name, value in fields.items():
        box = page.locator(f"#form [name={name}]")
        if await box.evaluate("e => e.tagName") == "SELECT":
            await box.select_option(value)
        else:
            await box.fill(value)
    await page.locator("#form button[value=save]").press("Enter")
    await expect(page.locator("#toasts")).to_contain_text("Saved.")


async def test_from_a_finding_to_a_signed_plan(place: Place, database: Dsn) -> None:
    chart, size = f"/patients/{place.patient}", "desk"
    async with visiting(place, "mh-clinician", size) as v:
        page = v.page
        await asked(v, chart)
        await v.go(f"{chart}/plan")
        await look(v, f"{size}-plan-0-choose")
        await page.get_by_role("button", name="Begin the plan").click()
        await expect(page.locator(".plan-findings")).to_contain_text("PHQ-9 total")
        await look(v, f"{size}-plan-1-empty")
        await page.get_by_role("button", name=re.compile("Make it a problem.*Major depressive")).click()
        await expect(page.locator("#form")).to_be_visible()
        await page.locator("#form [name=words]").fill("I can't get out of bed and I don't see anybody")
        await expect(page.locator("#kept")).to_contain_text("not saved yet")
        await look(v, f"{size}-plan-2-problem")
        await save(page, dimension="4e-3")
        await page.get_by_role("button", name=re.compile("On most days of the week")).click()
        await save(page, quote="I want to feel like myself again")
        await page.get_by_role("button", name=re.compile("PHQ-9 total comes down")).click()
        await expect(page.locator("#form [name=baseline]")).to_have_value("17")
        await look(v, f"{size}-plan-3-objective")
        await save(page)
        await page.get_by_role("button", name=re.compile("Behavioral activation")).click()
        await page.locator("#form [name=by]").select_option(index=1)
        await save(page)
        await expect(page.locator(".tree")).to_contain_text("once a week, 45 minutes each")
        await look(v, f"{size}-plan-4-tree")
        plan = page.url.removeprefix(place.url).partition("#")[0]
        await v.go(f"{plan}/sign")
        await look(v, f"{size}-plan-5-sign")
        await page.get_by_role("button", name="Sign", exact=True).click()
        await expect(page.locator("#signatures")).to_contain_text("Dana Whitfield")
        await page.get_by_text("No signature", exact=True).click()
        await page.locator("#client-reason").select_option("disagrees")
        await page.locator("#client-why").fill("I would rather do this on my own")
        await look(v, f"{size}-plan-6-refuse")
        await page.get_by_role("button", name="Write down that there is no signature").click()
        await expect(page.locator("#signatures")).to_contain_text("I would rather do this on my own")
    async with visiting(place, "boss", size) as v:
        await v.go("/today")
        await look(v, f"{size}-plan-7-today")
        await v.page.get_by_role("link", name=re.compile("waits for the supervisor")).click()
        await v.page.get_by_role("button", name="Sign as supervisor").click()
        await expect(v.page.locator(".plan-head")).to_contain_text("In force")
        await look(v, f"{size}-plan-8-signed")
    async with visiting(place, "mh-clinician", size) as v:
        await v.go(plan)
        await look(v, f"{size}-plan-9-in-force")
        await v.go(f"{plan}/words")
        await v.page.get_by_role("button", name="A copy was given").click()
        await expect(v.page.locator("#copy")).to_contain_text("Given on")
        await look(v, f"{size}-plan-10-words")
        await v.go(f"{plan}/review")
        await v.page.get_by_role("button", name="Begin the review").click()
        await v.page.get_by_label("Better").check()
        await v.page.get_by_label("Continue").check()
        await look(v, f"{size}-plan-11-review")
        await v.page.get_by_role("button", name="Finish the review").click()
        await expect(v.page.locator("#past")).to_contain_text("Better")
        await v.go(plan)
        await v.page.get_by_role("link", name=re.compile("^Thread")).first.click()
        await expect(v.page.locator(".thread-line")).to_be_visible()
        await look(v, f"{size}-plan-12-thread")
        await v.go("/plans")
        await look(v, f"{size}-plan-13-caseload")
        await v.go("/plans/suggestions")
        await look(v, f"{size}-plan-14-suggestions")
    async with visiting(place, "mh-clinician", "telephone", "dark") as v:
        thread = ""
        for n, there in enumerate((plan, f"{plan}/sign", f"{plan}/review", f"{plan}/words", "/plans", f"{chart}/loose-ends")):
            await v.go(there)
            await look(v, f"telephone-plan-{n}")
            if there == plan:
                thread = str(await v.page.get_by_role("link", name=re.compile("^Thread")).first.get_attribute("href"))
                await v.page.locator(".goal .node-text").first.click()
                await look(v, "telephone-plan-form")
        await v.go(thread)
        await look(v, "telephone-plan-thread")
    await recorded(database, place.patient)


async def recorded(database: Dsn, p: str) -> None:
    """What stands in the record afterwards: the chain, the signatures, and the lines of the trail."""
    clinic = await people.open_clinic(database)
    try:
        (answers,) = (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries
        totals = (await clinic.get("sys-mh", f"Observation?patient={p}&code=44261-6")).entries
        assert [(t["valueQuantity"]["value"] if "valueQuantity" in t else t["valueInteger"], t["derivedFrom"][0]["reference"]) for t in totals] == [(17, f"QuestionnaireResponse/{answers['id']}")]
        (care,) = (await clinic.get("sys-mh", f"CarePlan?patient={p}&status=active")).entries
        goals = (await clinic.get("sys-mh", f"Goal?patient={p}&lifecycle-status=active")).entries
        deeds = (await clinic.get("sys-mh", f"ServiceRequest?patient={p}&status=active&based-on=CarePlan/{care['id']}")).entries
        assert (len(goals), len(deeds)) == (2, 1)
        document = care["supportingInfo"][0]["reference"]
        kinds = [s["signature"][0]["type"][0]["code"].rpartition(".")[2] for s in (await clinic.get("sys-mh", f"Provenance?target={document}")).entries]
        assert sorted(kinds) == ["1", "5", "9"]  # author, co-signer, and the reason of the client
        acts = {row["action"] for row in await clinic.owner.fetch("SELECT DISTINCT action FROM record.audit WHERE tenant = 1 AND $1 = ANY(patients)", p)}
        assert {"plan", "sign", "plan-review"} <= acts
    finally:
        await people.close_clinic(clinic)
