"""A group of eight is written down by keyboard in a browser: one absent, one who leaves early, one whose answer points to danger."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care import policies
from sojourn.care.risk.episode import TYPE
from sojourn.care.scheduling import members, tracks
from sojourn.gate.changes import Change, new_id
from tests.journeys.serving import pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - the fixture is pytest's
from tests.people import patient
from tests.web.test_groups import NAMES
from tests.web.test_schedule import MONDAY, group, practitioners

KEY, CLICK, DECISION = 0.2, 1.2, 1.35
"""Seconds, by the keystroke-level model (Card, Moran and Newell), as the issue asks for them."""
LEAST = 45.0

PARTS = {
    "Alvarez": ("Spoke early about the weekend and let two others finish.", "Named the urge as a wave and timed it twice.", "Called his sponsor before payday, as planned."),
    "Boone": ("Listened with her eyes closed for most of the hour.", "Found the breathing easier than the counting, she said.", "Left the pharmacy queue once, and stayed once."),
    "Cruz": ("Asked how others answer calls from family at night.", "Wrote two replies and read the kinder one aloud.", "Slept badly, but did not drink on either night."),
    "Dunn": ("Drew a map of the streets to avoid on payday.", "Marked a porch as safe and laughed about the color.", "Walks home the long way since Tuesday of last week."),
    "Evans": ("Brought a written list and read five warning signs.", "Saw that skipping lunch comes before being short with people.", "Eats at noon now on three days of five."),
    "Fox": ("Kept her coat on until the last third of it.", "Told how she poured the wine away and phoned her aunt.", "First weekend without a drink since early summer."),
    "Gray": ("Doubted aloud that any urge passes by itself.", "Timed one from eight to three in ten minutes, surprised.", "Will try the same on Friday after his shift."),
}  # fmt: skip


class Counting:
    """A keyboard that counts what a person would spend: keys (a capital letter is two), clicks and decisions."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys, self.clicks, self.decisions = page, 0, 0, 0

    async def press(self, combination: str, *, decide: bool = False) -> None:
        self.keys += len(combination.split("+"))
        self.decisions += decide
        await self.page.keyboard.press(combination)

    async def type(self, words: str) -> None:
        self.decisions += 1
        self.keys += len(words) + sum(1 for c in words if c.isupper() or c in '"?!:')
        await self.page.keyboard.type(words)

    def seconds(self) -> float:
        """What it comes to since the last time, and begin anew."""
        spent = self.keys * KEY + self.clicks * CLICK + self.decisions * DECISION
        self.keys = self.clicks = self.decisions = 0
        return spent


@pytest.fixture
def standing() -> AsyncIterator[None]:
    """The clock of a Monday morning."""
    before = clock.set_clock(FakeClock(MONDAY))
    yield
    clock.set_clock(before)


async def furnished(place: Place) -> dict[str, str]:  # noqa: F811
    """A group with eight members, each with one objective about one diagnosis; and the afternoon after it."""
    clinic = place.clinic
    await practitioners(clinic)
    for action in ("create", "update"):
        clinic.gate.house.rules[1]._allowed["director", action, "Schedule"] = None
    id_ = await group(clinic, capacity="10", leader="mh-clinician")
    director = await clinic.gate.access(clinic.tokens["both-clinician"])
    assert director is not None
    made = {name: new_id() for name in NAMES}
    changes = []
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    for name, person in made.items():
        subject, condition = {"reference": f"Patient/{person}"}, new_id()
        changes += [
            Change("create", "Patient", person, {**patient(name), "id": person}),
            Change("create", "Condition", condition, {"resourceType": "Condition", "clinicalStatus": active, "code": {"text": "Alcohol use disorder"}, "subject": subject}),
            Change("create", "Goal", new_id(), {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "Four days a week without a drink"}, "subject": subject,
                                                "addresses": [{"reference": f"Condition/{condition}"}]}),
        ]  # fmt: skip
    await director.write(changes)
    track, rules = await tracks.one(director, id_), await policies.of(director)
    for person in made.values():
        await members.join(director, track, person, MONDAY.date(), MONDAY.date() + timedelta(days=8), rules)
    clock.set_clock(FakeClock(MONDAY + timedelta(days=1, hours=5)))
    return made


async def writes(page: Page, hands: Counting, name: str, *, attendance: str = "1", left: str = "", danger: bool = False) -> float:
    """One client's part by keyboard; the seconds that it takes by the model."""
    await expect(page.get_by_role("heading", name=f"{name}, Ana")).to_be_visible()
    await expect(page.locator("[data-begin]")).to_be_focused()
    hands.seconds()
    await hands.press(attendance, decide=True)
    if left:
        await expect(page.locator("#left")).to_be_focused()
        await hands.type(left)
        await hands.press("Enter")
    await expect(page.locator("[name=objectives]").first).to_be_focused()
    await hands.press("1", decide=True)
    await hands.press("Enter")
    await expect(page.locator("[name=risk]").first).to_be_focused()
    await hands.press("2" if danger else "1", decide=True)
    if danger:
        await expect(page.locator("[name=done]").first).to_be_focused()
        await hands.press("1", decide=True)
        await hands.press("3")
        await hands.press("Enter")
        await expect(page.locator("#risk_note")).to_be_focused()
        await hands.press("Tab")
    await expect(page.locator("#s-participation")).to_be_focused()
    for n, words in enumerate(PARTS[name]):
        if n:
            await hands.press("Tab")
        await hands.type(words)
    assert len(" ".join(PARTS[name]).split()) >= 25
    await hands.press("Control+Enter", decide=True)
    return hands.seconds()


async def test_a_group_session_from_the_list_to_eight_charts(standing: None, place: Place) -> None:  # noqa: F811
    made = await furnished(place)
    clinic, spent = place.clinic, {}
    async with visit(place, "mh-clinician", "desk") as v:
        page, hands = v.page, Counting(v.page)
        await v.go("/patients")
        await page.locator("h1").click()
        await v.press("g", "s")
        await expect(page.get_by_role("heading", name=re.compile("Week of"))).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await v.press("g", "g")
        await expect(page.get_by_role("heading", name="Group sessions")).to_be_visible()
        await shoot(v, "groups-list")
        await v.press("1")
        await expect(page.locator("[name=service]").first).to_be_focused()
        hands.seconds()
        await hands.press("1", decide=True)
        await hands.press("1", decide=True)
        await expect(page.locator("#topic")).to_be_focused()
        for n, words in enumerate(("Urges as waves", "Timed an urge for ten minutes, then a round.", "Quiet at first, then warm.")):
            if n:
                await hands.press("Tab")
            await hands.type(words)
        await shoot(v, "groups-shared")
        await hands.press("Control+Enter", decide=True)
        for_all = hands.seconds()

        # An answer of the day points to danger: item 9 of a PHQ-9 that is asked in the group, beside the session.
        beside = await page.context.new_page()
        await beside.goto(f"{v.place}/patients/{made['Evans']}/measures/ask/phq-9")
        for item, answer in enumerate((0, 1, 0, 0, 0, 0, 0, 0, 2), 1):
            await beside.locator(f'[name="q{item}"][value="{answer}"]').check()
        await beside.locator('[name="q10"][value="1"]').check()
        await beside.get_by_role("button", name="Save", exact=True).click()
        await expect(beside).to_have_url(re.compile("/measures/ask/c-ssrs-screener$"))
        await beside.close()
        assert len((await clinic.get("mh-clinician", f"{TYPE}?patient={made['Evans']}")).entries) == 1

        for name in ("Alvarez", "Boone", "Cruz"):
            spent[name] = await writes(page, hands, name)
        spent["Dunn"] = await writes(page, hands, "Dunn", attendance="3", left="1030AM")
        await expect(page.get_by_text("An answer of today points to danger").first).to_be_visible()
        await shoot(v, "groups-danger")
        spent["Evans"] = await writes(page, hands, "Evans", danger=True)
        for name in ("Fox", "Gray"):
            spent[name] = await writes(page, hands, name)
        await expect(page.get_by_role("heading", name="Hill, Ana")).to_be_visible()
        await page.keyboard.press("4")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_role("heading", name="Review")).to_be_visible()
        await shoot(v, "groups-review")
        hands.seconds()
        await expect(page.get_by_role("button", name=re.compile("Sign 7 notes, mark 1 as missed"))).to_be_visible()
        await hands.press("Control+Enter", decide=True)
        await expect(page.get_by_text("7 signed, 1 missed, 0 open")).to_be_visible()
        await shoot(v, "groups-signed")
        signing = hands.seconds()
    plain = {name: seconds for name, seconds in spent.items() if name not in ("Dunn", "Evans")}
    print(f"\ngroup note by keystroke-level model: {max(plain.values()):.1f} s at most for a client who was there, {sum(plain.values()) / len(plain):.1f} s on average; "
          f"early leave {spent['Dunn']:.1f} s, danger {spent['Evans']:.1f} s; with their share of the part for all ({for_all:.1f} s) and of signing ({signing:.1f} s) "
          f"{(sum(spent.values()) + for_all + signing) / 8:.1f} s for each of eight")  # fmt: skip
    assert max(spent.values()) < LEAST
    assert (sum(spent.values()) + for_all + signing) / 8 < LEAST
    for name, person in made.items():
        documents = (await clinic.get("mh-clinician", f"DocumentReference?patient={person}")).entries
        assert len(documents) == (0 if name == "Hill" else 1), name
    (visit_,) = (await clinic.get("mh-clinician", f"Encounter?patient={made['Dunn']}")).entries
    assert visit_["period"]["end"][11:16] == "10:30"
    assert [a["status"] for a in (await clinic.get("mh-clinician", f"Appointment?patient={made['Hill']}&date=2026-12-01")).entries] == ["noshow"]
    signed = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE account = 'mh-clinician' AND action = 'sign' AND outcome = 'done'")
    assert signed == 7


async def test_a_group_is_seen_and_written_on_a_telephone(standing: None, place: Place) -> None:  # noqa: F811
    made = await furnished(place)
    async with visit(place, "mh-clinician", "telephone") as v:
        page = v.page
        await v.go("/schedule?view=week&date=2026-12-01")
        await shoot(v, "schedule-week-telephone")
        for name, path in (("arrivals", "/schedule/arrivals?date=2026-12-01"), ("groups", "/schedule/groups?date=2026-12-01"), ("waitlist", "/schedule/waitlist"), ("hours", "/schedule/hours"),
                           ("appointments", f"/patients/{made['Alvarez']}/appointments")):  # fmt: skip
            await v.go(path)
            await shoot(v, f"schedule-{name}-telephone")
        await v.go("/groups")
        await page.get_by_role("button", name=re.compile("Write it down")).first.click()
        await shoot(v, "groups-shared-telephone")
        await page.locator(".group-side a").nth(1).click()
        await expect(page.get_by_role("heading", name="Alvarez, Ana")).to_be_visible()
        await shoot(v, "groups-part-telephone")
