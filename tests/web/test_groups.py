"""A group session over the real gate: one screen, eight charts, each with its own text only; once, whatever happens in between."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care import policies
from sojourn.care.groups import checks, opening, saving, signing
from sojourn.care.groups.model import Own, packed
from sojourn.care.risk.episode import TYPE
from sojourn.care.scheduling import members, tracks
from sojourn.gate import groupsessions
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.groupsessions import Part
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, SUD, Clinic, open_clinic, patient
from tests.web.test_emergency import post
from tests.web.test_frame import normal
from tests.web.test_gate import screen
from tests.web.test_schedule import MONDAY, group, practitioners

TUESDAY = MONDAY + timedelta(days=1, hours=5)
NAMES = ("Alvarez", "Boone", "Cruz", "Dunn", "Evans", "Fox", "Gray", "Hill")
WORDS = {
    "Alvarez": "He spoke about the weekend at his brother's house and how he left when the bottles came out, which he had planned with his sponsor on Friday evening.",
    "Boone": "She listened for most of the hour, then described shaking hands at the pharmacy counter and the breathing that got her through the queue without leaving.",
    "Cruz": "Reported two nights of poor sleep after a call from his daughter; named guilt as the trigger and asked others how they answer calls like that one.",
    "Dunn": "Laughed at first, then drew a map of streets to avoid on payday, marking three corners and a friend's porch as places that feel safe to him.",
    "Evans": "Brought the written list of warning signs, read five of them aloud, and connected irritability at work with skipping lunch and with old using patterns.",
    "Fox": "Kept her coat on and said little until the last third, when she told how she poured the wine away and phoned her aunt instead of drinking.",
    "Gray": "Challenged the idea that urges pass, timed one during the exercise, and noted with surprise that it had dropped from eight to three in ten minutes.",
}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """A Tuesday afternoon, after the group of the morning."""
    before = clock.set_clock(FakeClock(MONDAY))
    made = await open_clinic(database, connections=8)
    await practitioners(made)
    rules = made.gate.house.rules[1]
    for action in ("create", "update"):
        rules._allowed["director", action, "Schedule"] = None
    yield made
    await people.close_clinic(made)
    clock.set_clock(before)


class Group:
    """The group of a morning, its eight members, and the session that was begun."""

    def __init__(self, clinic: Clinic, browser: httpx.AsyncClient, track: str, members: dict[str, str]) -> None:
        self.clinic, self.browser, self.track, self.members = clinic, browser, track, members
        self.path, self.token = "", ""
        self.known: dict[str, str] = {}

    async def parts(self) -> dict[str, str]:
        """Part by family name, as the side of the screen lists them."""
        if self.known:
            return self.known
        page = (await self.browser.get(f"{self.path}?part=review")).text
        self.known = {name: part for part, name in re.findall(r'href="/groups/\w+\?part=(\w{24})"[^>]*><span>(\w+), Ana', page)}
        return self.known

    async def send(self, path: str, **form: Any) -> httpx.Response:
        self.token = self.token or re.findall(r'name="csrf" value="([^"]+)"', (await self.browser.get("/groups")).text)[0]
        return await self.browser.post(path, data={"csrf": self.token, **form})

    async def stamp(self, part: str) -> str:
        return re.findall(r'name="seen" value="(\w*)"', (await self.browser.get(f"{self.path}?part={part}")).text)[0]

    async def keep(self, name: str, **form: Any) -> httpx.Response:
        """What is known of a client, as its form sends it when its author goes on."""
        part = (await self.parts())[name]
        whole = {"seen": await self.stamp(part), "go": "review", **form}
        return await self.send(f"{self.path}/parts/{part}", **whole)

    async def writes(self, name: str, **more: Any) -> httpx.Response:
        """Everything for a client who was there."""
        one, two = WORDS[name].split(",")[0], WORDS[name].partition(",")[2] or WORDS[name]
        form = {"attendance": "present", "risk": "none", "no_objective": "No plan yet", "diagnoses": (await self.of(name, "Condition"))[0], "s-participation": one, "s-response": two, "s-progress": "Holds."}
        return await self.keep(name, **{**form, **more})

    async def of(self, name: str, type_: str) -> list[str]:
        return [r["id"] for r in (await self.clinic.get("mh-clinician", f"{type_}?patient={self.members[name]}")).entries]

    async def sitting(self) -> Any:
        return await opening.open_(await self.access(), self.path.rpartition("/")[2])

    async def fresh(self) -> None:
        """They have just proved who they are."""
        await self.clinic.owner.execute("UPDATE record.credential SET proved = $1, fresh = '8 hours' WHERE account = 'mh-clinician' AND kind = 'session'", clock.now())
        self.clinic.gate.identity._known.clear()

    async def access(self) -> Access:
        found = await self.clinic.gate.session(self.browser.cookies["sojourn"])
        assert found is not None
        return found


@pytest.fixture
async def held(clinic: Clinic) -> Group:
    """Eight members, and the group is over."""
    track_id = await group(clinic, capacity="10", leader="mh-clinician")
    director = await clinic.gate.access(clinic.tokens["both-clinician"])
    assert director is not None
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    made: dict[str, str] = {name: new_id() for name in NAMES}
    await director.write([Change("create", "Patient", id_, {**patient(name), "id": id_}) for name, id_ in made.items()] + [
        Change("create", "Condition", new_id(), {"resourceType": "Condition", "clinicalStatus": active, "code": {"text": "Alcohol use disorder"}, "subject": {"reference": f"Patient/{id_}"}}) for id_ in made.values()
    ])  # fmt: skip
    track, rules = await tracks.one(director, track_id), await policies.of(director)
    for id_ in made.values():
        await members.join(director, track, id_, MONDAY.date(), MONDAY.date() + timedelta(days=8), rules)
    clock.set_clock(FakeClock(TUESDAY))
    here = Group(clinic, await screen(clinic, "mh-clinician"), track_id, made)
    begun = await here.send("/groups/begin", group=track_id, day="2026-12-01")
    here.path = begun.headers["location"]
    assert (await here.send("/groups/begin", group=track_id, day="2026-12-01")).headers["location"] == here.path
    shared = {"topic": "Urges as waves", "intervention": "Ten minutes of timing an urge, then a round.", "process": "The group was quiet at first and warmed.", "service": "group", "modality": "in-person"}
    stamp = re.findall(r'name="seen" value="(\w*)"', (await here.browser.get(f"{here.path}?part=shared")).text)[0]
    assert (await here.send(f"{here.path}/shared", seen=stamp, go="next", **shared)).status_code == 303
    return here


def text_of(document: dict[str, Any]) -> str:
    return base64.b64decode(document["content"][0]["attachment"]["data"]).decode()


async def test_eight_clients_one_absent_one_leaves_early_and_the_rest_is_held(held: Group) -> None:
    clinic = held.clinic
    for name in NAMES[:7]:
        assert (await held.writes(name)).status_code == 303
    assert (await held.writes("Dunn", attendance="left-early", left="10:30")).status_code == 303
    assert (await held.keep("Hill", attendance="no-show")).status_code == 303
    await held.keep("Gray", attendance="present", risk="none")
    review = (await held.browser.get(f"{held.path}?part=review")).text
    assert "Sign 6 notes, mark 1 as missed, hold 1" in review
    await held.fresh()
    assert (await held.send(f"{held.path}/sign")).status_code == 303
    documents = {n: (await clinic.get("mh-clinician", f"DocumentReference?patient={p}")).entries for n, p in held.members.items()}
    assert {n: len(d) for n, d in documents.items()} == {n: 0 if n in ("Gray", "Hill") else 1 for n in NAMES}
    for name in NAMES[:6]:
        text = text_of(documents[name][0])
        assert "Urges as waves" in text
        assert [other for other in NAMES if other in text] == [name]
        assert not any(id_ in json.dumps(documents[name]) for n, id_ in held.members.items() if n != name)
        assert held.path.rpartition("/")[2] not in json.dumps(documents[name])
    (visit,) = list((await clinic.get("mh-clinician", f"Encounter?patient={held.members['Dunn']}")).entries)
    assert (visit["status"], visit["period"]["start"][11:16], visit["period"]["end"][11:16]) == ("finished", "09:00", "10:30")
    assert [a["status"] for a in (await clinic.get("mh-clinician", f"Appointment?patient={held.members['Dunn']}&date=2026-12-01")).entries] == ["fulfilled"]
    assert [a["status"] for a in (await clinic.get("mh-clinician", f"Appointment?patient={held.members['Hill']}&date=2026-12-01")).entries] == ["noshow"]
    assert [t["code"]["coding"][0]["code"] for t in (await clinic.get("mh-clinician", f"Task?patient={held.members['Hill']}")).entries] == ["outreach"]
    signatures = (await clinic.get("mh-clinician", f"Provenance?target=DocumentReference/{documents['Fox'][0]['id']}")).entries
    assert len(signatures) == 1
    after = (await held.browser.get(f"{held.path}?part=review")).text
    assert "6 signed, 1 missed, 1 open" in after
    assert "poured the wine" not in after
    assert (await held.writes("Gray")).status_code == 303
    assert (await held.send(f"{held.path}/sign")).status_code == 303
    assert "7 signed, 1 missed, 0 open" in (await held.browser.get(f"{held.path}?part=review")).text


async def test_two_clicks_at_once_and_a_fall_in_between_lose_and_double_nothing(held: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Alvarez", "Boone", "Cruz"):
        await held.writes(name)
    await held.fresh()
    mark, fallen = signing._mark, []

    async def falls(access: Access, sitting: Any, member: Any, state: str) -> int:
        if member.name.startswith("Boone") and not fallen:
            fallen.append(member.name)
            raise errors.Unavailable()
        return await mark(access, sitting, member, state)

    monkeypatch.setattr(signing, "_mark", falls)
    with pytest.raises(errors.Unavailable):
        await signing.sign(await held.access(), await held.sitting())
    both = [(await held.access(), await held.sitting()) for _ in range(2)]
    results = await asyncio.gather(*(signing.sign(access, sitting) for access, sitting in both))
    assert sum(r.signed for r in results) == 2  # Boone, whose note was there without a mark, and Cruz; Alvarez was done before
    for name in ("Alvarez", "Boone", "Cruz"):
        assert len(await held.of(name, "DocumentReference")) == 1, name
        assert len(await held.of(name, "Encounter")) == 1, name
        versions = (await held.clinic.get("mh-clinician", f"DocumentReference/{(await held.of(name, 'DocumentReference'))[0]}/_history")).entries
        assert len(versions) == 1, name


async def test_the_roster_and_the_shared_part_are_in_nobodys_record(held: Group) -> None:
    """Whatever the session says is sealed: no table of the record, no client and nobody who does not lead the group reaches it."""
    clinic, session = held.clinic, held.path.rpartition("/")[2]
    await held.writes("Alvarez")
    for url in ("_history", "Schedule", "Appointment", "Encounter", "List", "Group", "DocumentReference", f"Patient/{held.members['Boone']}/$everything"):
        assert "Urges as waves" not in (await clinic.get("mh-clinician", url)).body.decode(), url
        assert session not in (await clinic.get("mh-clinician", url)).body.decode(), url
    await clinic.owner.execute("UPDATE record.account SET agent = $1 WHERE account = 'ana'", f"Patient/{held.members['Alvarez']}")
    clinic.gate.identity._known.clear()
    own = (await clinic.get("ana", f"Appointment?patient={held.members['Alvarez']}")).body.decode()
    assert not [n for n, id_ in held.members.items() if n != "Alvarez" and id_ in own]
    for other in ("sud-clinician", "far-clinician", "technician", "officer"):
        answer = await (await screen(clinic, other)).get(held.path)
        assert answer.status_code in (403, 404), other
        assert "Alvarez" not in answer.text
    absent = await (await screen(clinic, "far-clinician")).get("/groups/" + "x" * len(session))
    hidden = await (await screen(clinic, "far-clinician")).get(held.path)
    assert absent.status_code == hidden.status_code == 404
    rows = await clinic.owner.fetch("SELECT body FROM record.group_part UNION ALL SELECT body FROM record.group_session")
    clear = " ".join(r["body"] for r in rows)
    assert not any(id_ in clear for id_ in held.members.values())
    dump = str([dict(r) for r in await clinic.owner.fetch("SELECT session, part, state, document, stamp FROM record.group_part")])
    assert not any(id_ in dump for id_ in held.members.values())


async def a_member_whom_the_facilitator_may_not_see_is_not_there(held: Group) -> None:
    clinic = held.clinic
    hidden = (await clinic.make("sys-sud", patient("Quill"))).id
    path = f"/patients/{hidden}/appointments"
    browser = await screen(clinic, "both-clinician")
    before = (await held.browser.get(f"{held.path}?part=review")).text
    answer = await post(browser, path, path, do="join", track=held.track, first="2026-12-01", until="2026-12-01")
    assert answer.status_code == 303
    await clinic.owner.execute("UPDATE record.resource SET own = own | 2, origin = '{1}' WHERE type = 'Appointment' AND patient = $1", hidden)
    after = (await held.browser.get(f"{held.path}?part=review")).text
    assert hidden not in after
    assert normal(before) == normal(after)


async def nor_is_one_counted_whom_somebody_else_added(held: Group) -> None:
    hidden = (await held.clinic.make("sys-sud", patient("Quill"))).id
    paths = ("/groups", "/today", f"{held.path}?part=review")
    before = [normal((await held.browser.get(path)).text) for path in paths]
    assert "8 to write" in before[0]
    await groupsessions.keep_part(await held.access(), held.path.rpartition("/")[2], Part("q" * 24, groupsessions.OPEN, "d" * 30, packed(Own(hidden)), ""))
    assert [normal((await held.browser.get(path)).text) for path in paths] == before


async def a_session_of_a_part_2_program_is_not_there_for_who_led_it_and_does_not_work_there_any_more(held: Group) -> None:
    none = [normal((await held.browser.get(path)).text) for path in ("/groups/" + "x" * 22, f"/groups/{'x' * 22}?part=review")]
    await held.clinic.owner.execute("UPDATE record.group_session SET program = $1", SUD)
    there = [normal((await held.browser.get(path)).text) for path in (held.path, f"{held.path}?part=review")]
    lists = [(await held.browser.get(path)).text for path in ("/groups", "/today")]
    sent = await held.send(f"{held.path}/shared", topic="Mine", go="next")
    await held.clinic.owner.execute("UPDATE record.group_session SET program = $1", MH)
    assert there == none
    assert sent.status_code == 404
    assert not any(held.path in page for page in lists)


async def two_windows_do_not_undo_one_another_and_an_old_save_does_not_undo_a_new_one(held: Group) -> None:
    part = (await held.parts())["Fox"]
    stamp, path = await held.stamp(part), f"{held.path}/parts/{part}"
    assert (await held.send(path, seen=stamp, window="one", turn="2", **{"s-participation": "second"})).status_code == 200
    assert (await held.send(path, seen=stamp, window="one", turn="1", **{"s-participation": "first"})).status_code == 200
    assert "second" in (await held.browser.get(f"{held.path}?part={part}")).text
    await going_on_while_the_page_still_saves_by_itself_is_no_other_window(held)
    other = await held.send(path, seen=stamp, window="two", turn="9", **{"s-participation": "of another window"})
    assert other.status_code == 409
    assert "of another window" in other.text
    assert "second" in (await held.browser.get(f"{held.path}?part={part}")).text


async def going_on_while_the_page_still_saves_by_itself_is_no_other_window(held: Group) -> None:
    """Both are on their way at once: the second was read before the first was kept."""
    access, before = await held.access(), await held.sitting()
    member = next(m for m in before.members if m.own.patient == held.members["Gray"])
    path, seen = f"{held.path}/parts/{member.part.id}", member.part.stamp
    assert (await held.send(path, seen=seen, window="same", turn="5", **{"s-participation": "half"})).status_code == 200
    said = replace(member.own, window="same", turn=6, sections={"participation": "whole"})
    await saving.keep_own(access, before, member, said, seen, typing=False)
    await saving.keep_own(access, before, member, replace(said, turn=4, sections={"participation": "older"}), seen, typing=True)
    now = next(m for m in (await held.sitting()).members if m.part.id == member.part.id)
    assert now.own.sections == {"participation": "whole"}
    form = {"window": "same", "turn": "7", "seen": before.session.stamp, "topic": "Urges"}
    assert (await held.send(f"{held.path}/shared", **form)).status_code == 200
    await saving.keep_shared(access, before, {**form, "turn": "8", "topic": "Urges as waves"})
    assert (await held.sitting()).shared.topic == "Urges as waves"


async def names_of_others_and_text_that_is_alike_are_pointed_out(held: Group) -> None:
    same = WORDS["Boone"]
    await held.writes("Boone", **{"s-response": same})
    await held.writes("Cruz", **{"s-response": same + " Boone agreed."})
    sitting = await held.sitting()
    cruz = next(m for m in sitting.members if m.name.startswith("Cruz"))
    found = checks.verdict(sitting, cruz, await signing.template_of(await held.access(), sitting), await policies.of(await held.access()))
    assert found.like >= 40
    assert any("“Boone” is somebody else in this group." in w for w in found.warnings)
    page = (await held.browser.get(f"{held.path}?part=shared")).text
    assert "is a name of somebody in this group" not in page
    stamp = re.findall(r'name="seen" value="(\w*)"', page)[0]
    await held.send(f"{held.path}/shared", seen=stamp, topic="What Boone said", go="next")
    assert "“Boone” is a name of somebody in this group" in (await held.browser.get(f"{held.path}?part=shared")).text


async def danger_that_is_heard_in_a_group_is_passed_on_before_anything_is_signed(held: Group) -> None:
    await held.writes("Evans", risk="present", risk_note="Said that she thinks of dying at night. Stayed with her; nurse came.")
    (episode,) = (await held.clinic.get("both-clinician", f"{TYPE}?patient={held.members['Evans']}")).entries
    tasks = (await held.clinic.get("both-clinician", f"Task?patient={held.members['Evans']}")).entries
    assert all("dying" not in t.get("description", "") for t in tasks)
    await held.writes("Evans", risk="present", risk_note="Said that she thinks of dying at night. Stayed with her; nurse came.")
    assert len((await held.clinic.get("both-clinician", f"{TYPE}/{episode['id']}/_history")).entries) == 1
    assert await held.of("Evans", "DocumentReference") == []


async def a_positive_item_9_inside_a_group_asks_for_words_before_the_note_is_signed(held: Group) -> None:
    await held.writes("Alvarez")
    await held.clinic.make("sys-mh", {"resourceType": "RiskAssessment", "status": "final", "subject": {"reference": f"Patient/{held.members['Alvarez']}"}, "occurrenceDateTime": clock.now().isoformat()})
    page = (await held.browser.get(f"{held.path}?part=review")).text
    assert "An answer of today points to danger: say what you found and did." in page
    await held.writes("Alvarez", risk="present")
    assert "Choose what was done at once, or say in words what you found." in (await held.browser.get(f"{held.path}?part=review")).text
    await held.writes("Alvarez", risk="present", done=["Seen alone after the group", "Suicide screen asked", "Not on the list"])
    member = next(m for m in (await held.sitting()).members if m.own.patient == held.members["Alvarez"])
    assert member.own.found() == "Seen alone after the group. Suicide screen asked."
    assert not checks.verdict(await held.sitting(), member, await signing.template_of(await held.access(), await held.sitting()), await policies.of(await held.access())).missing
    await held.writes("Alvarez", risk="present", risk_note="Spoke alone after the group; the nurse asked the questions.")
    assert "An answer of today points to danger: say" not in (await held.browser.get(f"{held.path}?part=review")).text


async def danger_that_only_the_group_heard_is_said_in_words(held: Group) -> None:
    await held.writes("Fox", risk="present", done=["Seen alone after the group"])
    assert "Say in words what you found." in (await held.browser.get(f"{held.path}?part=review")).text
    assert (await held.clinic.get("both-clinician", f"{TYPE}?patient={held.members['Fox']}")).entries == []


async def a_session_of_others_cannot_be_written(held: Group) -> None:
    listed = await opening.listed(await held.access())
    assert [s.open for s in listed] == [8]
    stranger = await screen(held.clinic, "far-clinician")
    assert (await post(stranger, f"{held.path}/sign", "/groups")).status_code == 404
    assert held.path not in (await stranger.get("/groups")).text


async def test_what_holds_while_a_session_is_written(held: Group) -> None:
    """One group for all of it: each looks at other clients."""
    await a_session_of_others_cannot_be_written(held)
    await a_member_whom_the_facilitator_may_not_see_is_not_there(held)
    await nor_is_one_counted_whom_somebody_else_added(held)
    await a_session_of_a_part_2_program_is_not_there_for_who_led_it_and_does_not_work_there_any_more(held)
    await two_windows_do_not_undo_one_another_and_an_old_save_does_not_undo_a_new_one(held)
    await names_of_others_and_text_that_is_alike_are_pointed_out(held)
    await a_positive_item_9_inside_a_group_asks_for_words_before_the_note_is_signed(held)
    await danger_that_only_the_group_heard_is_said_in_words(held)
    await danger_that_is_heard_in_a_group_is_passed_on_before_anything_is_signed(held)
