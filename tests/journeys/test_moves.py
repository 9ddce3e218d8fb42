"""Moving on in a browser over the real gate: a transition that comes back with a question, a discharge, and a hand-off to primary care."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from sojourn.record.database import Dsn
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import MH, SUD, consent, encounter, observation, patient


@pytest.fixture
async def ward(place: Place, database: Dsn) -> AsyncIterator[Place]:  # noqa: F811 - the fixture
    """Programs with names, and clinicians who are people."""
    clinic = place.clinic
    for number, name in ((SUD, "Recovery"), (MH, "Counseling")):
        runs = (await clinic.make("sys-none", {"resourceType": "Organization", "name": name})).id
        await clinic.owner.execute("UPDATE record.program SET organization = $1, name = $3 WHERE tenant = 1 AND program = $2", runs, number, name)
    await clinic.gate.reload()
    for who in ("mh-clinician", "sud-clinician", "both-clinician"):
        them = (await clinic.make("sys-none", {"resourceType": "Practitioner", "name": [{"family": "Whitfield", "given": [who]}]})).id
        await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
    return place


async def packet(page: Page) -> None:
    """What only the sender knows."""
    for text in await page.locator(".packet li.missing textarea").all():
        await text.fill("None, asked.")


@pytest.mark.parametrize("size", list(SIZES))
async def test_from_one_level_of_care_to_the_next_and_home(ward: Place, size: str) -> None:
    clinic = ward.clinic
    p = (await clinic.make("sys-mh", patient())).id
    kind = [{"text": "Counseling", "coding": [{"system": "https://sojourn.example/fhir/CodeSystem/level-of-care", "code": "OP"}]}]
    await clinic.make("sys-mh", {"resourceType": "EpisodeOfCare", "status": "active", "type": kind, "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-02-01"}})
    await clinic.make("sys-mh", observation(p))
    async with visit(ward, "mh-clinician", size) as v:
        page = v.page
        await v.go(f"/patients/{p}/moves")
        await shoot(v, "moves")
        await page.get_by_text("Move to another level of care").click()
        await page.get_by_label("Program", exact=True).select_option(label="Recovery")
        await page.get_by_label("Level", exact=True).select_option("2.1")
        await page.get_by_role("button", name="Prepare the packet").click()
        await page.get_by_role("button", name=re.compile("^Offer it")).click()
        await expect(page.get_by_text("The packet is not whole.")).to_be_visible()
        await shoot(v, "packet-missing")
        await packet(page)
        await page.get_by_role("button", name=re.compile("^Offer it")).click()
        await expect(page.locator(".toast").first).to_contain_text("Offered")
        await shoot(v, "packet-offered")
        here = page.url
        async with visit(ward, "sud-clinician", size) as other:
            await other.go("/today")
            await other.page.get_by_role("link", name=re.compile("Somebody is offered")).click()
            await shoot(other, "offer")
            await other.page.get_by_label("Or what you need to know first").fill("Which pharmacy?")
            await other.page.get_by_role("button", name="Return with questions").click()
            await expect(other.page.locator("h1")).to_have_text("Today")
        await page.goto(here)
        await expect(page.get_by_text("Which pharmacy?").first).to_be_visible()
        await page.get_by_label("Belongings and transport: what you add").fill("Mill Street pharmacy.")
        await page.get_by_role("button", name=re.compile("^Offer it")).click()
        await expect(page.locator(".toast").first).to_contain_text("Offered")
    async with visit(ward, "sud-clinician", size) as v:
        page = v.page
        await v.go("/today")
        await page.get_by_role("link", name=re.compile("Somebody is offered")).first.click()
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator("#stays")).to_contain_text("in care")
        await shoot(v, "moves-accepted")
        await page.get_by_role("link", name=re.compile("^Discharge")).click()
        await page.get_by_role("button", name="End the stay").click()
        await expect(page.get_by_text("Choose how the stay ends.")).to_be_visible()
        await shoot(v, "discharge")
        for box in await page.get_by_role("checkbox", name=re.compile("^Done")).all():
            await box.check()
        await page.get_by_label(re.compile("^Why not: Medications reconciled")).fill("Takes none; nobody who prescribes is here.")
        risks = page.get_by_label("Risks that were explained, and by whom")
        await expect(risks).to_be_hidden()
        await page.get_by_label("Type", exact=True).select_option("against-advice")
        await expect(risks).to_be_visible()
        await shoot(v, "discharge-against-advice")
        await page.get_by_label("Type", exact=True).select_option("completed")
        await page.get_by_role("button", name="End the stay").click()
        await expect(page.locator(".toast").first).to_contain_text("The stay has ended")
    stays = {(e["type"][0]["text"], e["status"]) for e in (await clinic.get("sys-sud", f"EpisodeOfCare?patient={p}")).entries}
    assert stays == {("Counseling", "finished"), ("Recovery", "finished")}
    (moved,) = (await clinic.get("sys-mh", f"Task?patient={p}&code=transition")).entries
    assert (moved["status"], moved["businessStatus"]["coding"][0]["code"]) == ("completed", "transition.accepted")
    assert "Mill Street pharmacy." in [i.get("valueString") for i in moved["input"]], "the packet, as it was offered"
    assert [re.sub(r" by .*", "", n["text"]) for n in moved["note"]] == ["Offered.", "Returned", "Offered.", "Accepted"]
    calls = (await clinic.get("sys-sud", f"Task?patient={p}&code=aftercare-call")).entries
    assert len(calls) == 3
    did = {(r["account"], r["action"]) for r in await clinic.owner.fetch("SELECT account, action FROM record.audit WHERE tenant = 1 AND outcome = 'done' AND $1 = ANY(patients)", p)}
    assert {("mh-clinician", "transition"), ("sud-clinician", "transition"), ("sud-clinician", "discharge")} <= did


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_hand_off_to_primary_care(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    clinic = place.clinic
    them = (await clinic.make("sys-none", {"resourceType": "Practitioner", "name": [{"family": "Whitfield"}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'both-clinician'", f"Practitioner/{them}")
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p = (await clinic.make("sys-mh", patient())).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p))
        await clinic.make(who, observation(p))
    agreed = (await clinic.make("sys-sud", consent(p, receiver))).id
    async with visit(place, "both-clinician", size) as v:
        page = v.page
        await v.go(f"/patients/{p}/handoff")
        await page.get_by_label("Who receives it").select_option(label="Lakeside Primary Care")
        await page.get_by_label("What you ask of them").fill("Follow-up within 7 days")
        await shoot(v, "handoff")
        await page.get_by_role("button", name="Show what would leave").click()
        await expect(page.locator("#would-leave")).to_contain_text("entries")
        await shoot(v, "handoff-preview")
        current = (await clinic.get("sys-sud", f"Consent/{agreed}")).json()
        taken_back = await clinic.put("sys-sud", {**current, "status": "inactive"})
        assert taken_back.status == 200, taken_back.body
        await page.get_by_role("button", name="Send it").click()
        await expect(page.locator(".notice").first).to_contain_text(re.compile("changed since you looked|Nothing would leave"))
        await shoot(v, "handoff-changed")
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0
        await clinic.make("sys-sud", consent(p, receiver))
        await page.reload()
        await page.get_by_role("button", name="Send it").click()
        await expect(page.locator("#until-now")).to_contain_text("Sent")
        await page.get_by_role("button", name="Acknowledged").click()
        await expect(page.locator("#until-now")).to_contain_text("Acknowledged")
        await page.get_by_label("Day of the appointment, if one was made").fill("2026-12-07")
        await page.get_by_role("button", name="Appointment made").click()
        await expect(page.locator("#until-now")).to_contain_text("Appointment made")
        await shoot(v, "handoff-sent")
    (task,) = (await clinic.get("both-clinician", f"Task?patient={p}&code=handoff")).entries
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("in-progress", "handoff.scheduled")
    sent = await clinic.owner.fetch("SELECT account, recipient, what FROM record.disclosure")
    assert [(r["account"], r["recipient"]) for r in sent] == [("both-clinician", f"Organization/{receiver}")]
    assert {w.split("/")[0] for w in sent[0]["what"]} >= {"Patient", "Observation"}
    did = {(r["account"], r["action"]) for r in await clinic.owner.fetch("SELECT account, action FROM record.audit WHERE tenant = 1 AND outcome = 'done' AND $1 = ANY(patients)", p)}
    assert ("both-clinician", "handoff") in did
