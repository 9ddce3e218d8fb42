"""Papers and releases in a browser over the real gate: a fax is indexed and looked at, a subpoena refused, an own copy released with a passage black."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.care.papers import reading, receiving, sandbox, worker
from sojourn.gate import disclosing, disclosurelog
from sojourn.record import organization
from sojourn.record.disclosures import Wish
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import FAR, MH, SUD, A, consent, encounter, patient
from tests.web.test_gate import problem

SECRET = "Doverly"


async def people(place: Place) -> str:  # noqa: F811 - the fixture
    """Somebody who indexes, a clinician of the directory, and a client of both programs."""
    clinic = place.clinic
    await organization.account(clinic.owner, A, organization.AccountRow("ivy", "staff", "ivy", "Ivy Index", None, "Practitioner/ivy", "admissions", [SUD, MH, FAR], MH, []), clock.now())
    them = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "active": True, "name": [{"family": "Whitfield", "given": ["Dana"]}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'both-clinician'", f"Practitioner/{them}")
    p = (await clinic.make("sys-mh", patient())).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p, period={"start": "2026-02-03"}))
    await clinic.make("sys-mh", problem(p, "Insomnia"))
    await clinic.make("sys-sud", problem(p, "Opioid use disorder"))
    return p


async def fax(place: Place, text: str) -> None:  # noqa: F811 - the fixture
    """A fax server puts a file into its folder, and the clock looks twice."""
    folder = place.clinic.gate.house.inbox / "a" / "mh"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "+15550142-1.pdf").write_bytes(worker.typeset(text))
    system = await place.clinic.gate.access(place.clinic.tokens["sys-none"])
    assert system is not None
    assert [await receiving.watch(system) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_fax_is_indexed_and_looked_at_and_an_own_copy_leaves_with_a_passage_black(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    p = await people(place)
    await fax(place, f"Ana Rivera, born 4 March 1988\nHer sister {SECRET} called.\nALT 62, high.\n" + "\n" * 60 + "Second page\n")
    async with visit(place, "ivy", size) as v:
        page = v.page
        await v.go("/today")
        await page.get_by_role("link", name=re.compile("1 paper waits")).click()
        await shoot(v, "tray")
        await page.get_by_role("link", name=re.compile("Fax from")).click()
        await expect(page.locator(".sheets img")).to_have_count(2)
        await page.get_by_role("button", name="Turn page 2 to the right").click()
        await expect(page.locator(".sheets img")).to_have_count(2)
        await page.get_by_label("Name and birth date, as on the paper").fill("rivera 3/4/1988")
        await page.get_by_role("button", name="Find", exact=True).click()
        await page.get_by_role("button", name=re.compile("Rivera, Ana")).click()
        await page.get_by_label("What it is", exact=True).select_option("Laboratory result")
        await page.get_by_label("What it says, in a few words").fill("Liver values")
        await page.get_by_label("Date on the paper", exact=True).fill("2026-02-20")
        await page.get_by_label("Program that it belongs to").select_option(label="MH")
        await page.get_by_label("Who looks at it").select_option(label="Dana Whitfield")
        await page.get_by_role("button", name="Put it into the chart").click()
        await expect(page.locator(".summary")).to_contain_text("birth date that is on the paper")
        await shoot(v, "paper")
        await page.get_by_label("Birth date on the paper").fill("1988-03-04")
        await page.get_by_role("button", name="Put it into the chart").click()
        await expect(page.locator("#waiting")).to_contain_text("Nothing waits.")
    async with visit(place, "both-clinician", size) as v:
        page = v.page
        await v.go("/today")
        await page.get_by_role("link", name=re.compile("Look at a document")).click()
        await shoot(v, "paper-in-chart")
        await page.get_by_label("What you make of it").fill("Repeat in four weeks.")
        await page.get_by_role("button", name="I looked at it").click()
        await expect(page.get_by_role("button", name="I looked at it")).to_have_count(0)
        await v.go(f"/patients/{p}/papers")
        await shoot(v, "papers")
        await v.go(f"/patients/{p}/release/asked")
        await page.get_by_role("radio", name=re.compile("asks for their own record")).check()
        await page.get_by_label("Who asks").fill("Ana Rivera")
        await shoot(v, "release-asked")
        await page.get_by_role("button", name="Take it in").click()
        await page.get_by_label("How the requester's identity was proved").select_option("id")
        await page.get_by_role("button", name="Write down what is there").click()
        await expect(page.locator("#parts")).to_contain_text("all found")
        await shoot(v, "release-request")
        await page.locator("#black summary").click()
        await page.locator("#black").get_by_role("link").click()
        await page.get_by_label("Words to black out").fill(SECRET)
        await page.get_by_role("button", name="Black out", exact=True).click()
        await expect(page.locator("h1")).to_contain_text("1 place black")
        await shoot(v, "black-out")
        await page.locator(".back a").click()
        await page.get_by_role("link", name="Look at the packet").click()
        await shoot(v, "packet")
        await page.locator(".back a").click()
        await page.get_by_role("button", name="Release it").click()
        await expect(page.locator("#became")).to_contain_text("Released")
        await page.get_by_label("How it got to them").select_option("handed")
        await page.get_by_role("button", name="Write it down").click()
        await expect(page.locator("#until-now")).to_contain_text("Printed and handed over")
        await shoot(v, "release-done")
    clinic = place.clinic
    officer = await clinic.gate.access(clinic.tokens["officer"])
    assert officer is not None
    (row,) = await disclosurelog.entries(officer, Wish(p))
    said = " ".join(await sandbox.texts(disclosing.payload(officer, row), reading.PDF))
    assert "Opioid use disorder" in said
    assert SECRET not in said
    (document,) = (await clinic.get("sys-mh", f"DocumentReference?patient={p}")).entries
    assert document["type"]["text"] == "Laboratory result"
    assert {t["status"] for t in (await clinic.get("sys-none", f"Task?patient={p}")).entries} == {"completed"}
    actions = {r["action"] for r in await clinic.owner.fetch("SELECT DISTINCT action FROM record.audit")}
    assert {"paper-receive", "paper-read", "paper-index", "release-request"} <= actions


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_subpoena_for_part_2_records_is_refused_and_a_consent_lets_a_letter_leave(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    p = await people(place)
    clinic = place.clinic
    school = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Mill Street School"})).id
    async with visit(place, "both-clinician", size) as v:
        page = v.page
        await v.go(f"/patients/{p}/release/asked")
        await page.get_by_role("radio", name=re.compile("Subpoena without")).check()
        await page.get_by_label("Who asks").fill("Harlan and Pike")
        await page.get_by_label("If not in the list").fill("Harlan and Pike")
        await page.get_by_role("button", name="Take it in").click()
        await expect(page.locator(".summary")).to_contain_text("Write the day by which the paper asks for it")
        await page.get_by_label("Day by which the paper asks for it").fill("2030-01-10")
        await page.get_by_role("button", name="Take it in").click()
        await expect(page.locator("#would-stay")).to_contain_text("a court order under subpart E is needed")
        await expect(page.get_by_text("Nothing would leave.")).to_be_visible()
        await shoot(v, "subpoena")
        await page.get_by_label("In your words").fill("No order under part 2.")
        await page.get_by_role("button", name="Refuse, with a letter").click()
        await expect(page.locator("#became")).to_contain_text("Refused")
        await page.locator("#letters").get_by_role("link").click()
        await expect(page.locator(".sheets img")).to_have_count(1)
        await shoot(v, "refusal")
        await v.go(f"/patients/{p}/release/letter")
        await page.get_by_label("Letter", exact=True).select_option("work")
        await page.get_by_label("Who gets it").select_option(label="Mill Street School")
        await page.get_by_label("What for").select_option("TREAT")
        await page.get_by_role("button", name="Show what it would tell").click()
        await expect(page.get_by_text("It cannot leave.")).to_be_visible()
        await clinic.make("sys-sud", consent(p, school))
        await page.get_by_role("button", name="Show what it would tell").click()
        await expect(page.locator("#tells")).to_contain_text("substance use disorder")
        await shoot(v, "letter")
        await page.get_by_role("button", name="Let it leave").click()
        await expect(page.locator("h1")).to_have_text("Released")
        await v.go("/requests/release")
        await shoot(v, "release-requests")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1
