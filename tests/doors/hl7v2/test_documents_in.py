"""MDM: a document joins the papers of the chart as one clean PDF, labelled, and finds somebody; it is added to, replaced, taken back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import clock
from sojourn.care.exchange import following
from sojourn.care.papers import sandbox
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.reading import CCDA, MOST_BYTES, MOST_DOCUMENT
from sojourn.care.summaries import filing as summaries
from sojourn.gate import papers as tray
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire import plaintext
from sojourn.wire.hl7v2write import segment
from tests.care import outside
from tests.care.risky import DAY, Ward, ward
from tests.care.test_handoff import at
from tests.doors.hl7v2.hospital import HOSPITAL
from tests.doors.hl7v2.lab import MRN, code, done, listener, oru, registered, sent, states
from tests.people import FAR, MH, SUD, A
from tests.record.settling import settled

RTF = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator Word;}\f0 Seen \b twice\b0 .\par Stable \u8211\'96 sleeping.}"
RTF_READ = plaintext.readable(RTF, "RTF")


def mdm(event: str, control: str, number: str = "D1", *, parent: str = "", obx: str = "OBX|1|TX|1^Summary||Discharged home.~Follow-up in a week.\r", kept: str = "", done_: str = "AU", mrn: str = "R1",
        at: str = "20260304083000-0500") -> bytes:  # fmt: skip
    """A discharge summary."""
    txa = segment("TXA", {1: "1", 2: "DS", 3: "TX", 4: "20260303", 9: ("99", "Okafor", "Ngozi"), 12: (number, "MERCY"), 13: (parent, "MERCY") if parent else "", 17: done_, 18: kept})
    return (f"MSH|^~\\&|MERCY|MERCY|SOJOURN|RIVER|{at}||MDM^{event}|{control}|P|2.5.1\rEVN|{event}|{at}\rPID|1||{mrn}^^^RIVER^MR||Rivera^Ana||19880304|F\r{txa}\r{obx}").encode()


def ed(content: bytes, form: str) -> str:
    return f"OBX|1|ED|1^Summary||^AP^{form}^Base64^{base64.b64encode(content).decode()}\r"


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        person = (await made.clinic.get(made.system, f"Patient/{made.client}")).json()
        person |= {"identifier": [{"system": MRN, "value": "R1"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}
        assert (await made.clinic.put(made.system, person)).status == 200
        await registered(made.clinic.gate, HOSPITAL, program=MH)
        yield made


async def came(made: Ward, *messages: bytes) -> list[tuple[str, str]]:
    door = listener(made.clinic.gate)
    for one in messages:
        assert code(await sent(door, one)) == "AA"
    await done(door, made.clinic.gate)
    return await states(made.clinic.gate, made.clinic.owner)


async def papers(made: Ward, who: str = "") -> dict[str, dict[str, Any]]:
    found = (await made.clinic.get(who or made.system, f"DocumentReference?patient={made.client}")).entries
    return {r["identifier"][0]["value"].partition("|")[2]: r for r in found}


async def test_a_document_joins_the_papers_and_finds_somebody_and_is_added_to_replaced_and_taken_back(day: Ward) -> None:
    assert await came(day, mdm("T02", "M1", kept="R", done_="PA")) == [("mapped", "")]
    paper = (await papers(day))["D1|MERCY"]
    assert (paper["type"]["text"], paper["docStatus"], paper["author"][0]["display"]) == ("Discharge summary from elsewhere", "preliminary", "Ngozi Okafor")
    assert base64.b64decode(paper["content"][0]["attachment"]["data"]).startswith(b"%PDF-")
    assert "R" in {c["code"] for c in paper["meta"]["security"]}
    for _ in range(2):
        await settled(day.clinic.gate.house.db)
        feed = Feed(day.clinic.gate.house.db, A)
        await feed.number()
        while await feed.follow("exchange", following.follower(Clockwork(day.clinic.gate))):
            pass
    (task,) = (await day.clinic.get(day.system, f"Task?patient={day.client}&code=paper-review")).entries
    assert (task["focus"]["reference"], task["owner"]["reference"]) == (f"DocumentReference/{paper['id']}", day.refs["therapist"])
    await came(day, mdm("T06", "M2", "D2", parent="D1", at="20260304090000-0500"), mdm("T10", "M3", "D3", parent="D1", at="20260304091000-0500"), mdm("T11", "M4", "D2", at="20260304092000-0500"))
    found = await papers(day)
    assert {n: r["status"] for n, r in found.items()} == {"D1|MERCY": "superseded", "D2|MERCY": "entered-in-error", "D3|MERCY": "current"}
    assert found["D3|MERCY"]["relatesTo"] == [{"code": "replaces", "target": {"reference": f"DocumentReference/{paper['id']}"}}]
    assert [s for s, _ in await came(day, mdm("T08", "M5", "D3", at="20260304085000-0500"))] == ["mapped"] * 5
    assert (await papers(day))["D3|MERCY"] == found["D3|MERCY"], "what is older changes nothing"


async def test_files_of_any_readable_kind_are_taken_and_others_say_why(day: Ward) -> None:
    picture = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
    good = await came(day, mdm("T02", "M1", "P1", obx=ed(picture, "PNG")), mdm("T02", "M2", "P2", obx=ed(RTF, "RTF")), mdm("T02", "M3", "P3", obx="OBX|1|FT|1^Summary||One\\.br\\Two\r" + ed(picture, "PNG")))
    assert good == [("mapped", "")] * 3
    bad = await came(day, mdm("T02", "M4", "P4", obx=ed(b"<?xml version='1.0'?><a/>", "XML")), mdm("T02", "M5", "P5", obx=ed(b"\x00\x01\x02", "PDF")), mdm("T02", "M6", "P6", obx="OBX|1|RP|1||http://127.0.0.1/x\r"),
                     mdm("T02", "M7", "P7", obx=""))  # fmt: skip
    assert [s for s, _ in bad[3:]] == ["failed"] * 4
    assert len(set(await papers(day))) == 3
    assert "Nothing is fetched" in bad[5][1]


async def test_a_file_that_takes_long_holds_up_only_what_is_about_the_same_person(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is open in the database meanwhile: the door is free for another process, too."""
    ended, composed = asyncio.Event(), sandbox.composed

    async def slow(parts: Any, *more: int) -> bytes:
        await ended.wait()
        return await composed(parts, *more)

    monkeypatch.setattr(sandbox, "composed", slow)
    gate, owner = day.clinic.gate, day.clinic.owner
    await registered(gate, program=MH)
    door, other = listener(gate), listener(gate)
    for one in (mdm("T02", "M1"), mdm("T11", "M2", at="20260304090000-0500"), oru("L1"), oru("M3", application="MERCY", mrn="R9", family="Nobody")):
        assert code(await sent(door, one)) == "AA"
    tenant = gate.house.tenants[1]
    assert await door.working.round(tenant) == 2
    waiting = ["received", "received", "mapped", "review"]
    assert [s for s, _ in await states(gate, owner)] == waiting
    assert code(await sent(door, oru("L2", filler="F2"))) == "AA"
    assert await door.working.round(tenant) == 1
    assert await other.working.round(tenant) == 0, "it makes the document itself, and holds nothing"
    await other.working.stop()
    assert [s for s, _ in await states(gate, owner)] == [*waiting, "mapped"]
    assert await papers(day) == {}
    ended.set()
    await done(door, gate)
    assert [s for s, _ in await states(gate, owner)] == ["mapped", "mapped", "mapped", "review", "mapped"]
    assert (await papers(day))["D1|MERCY"]["status"] == "entered-in-error"


async def test_a_file_that_takes_all_the_time_there_is_holds_up_no_document_of_another_partner(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a few seconds as every file has; then it is begun again where only what takes long waits for it."""
    ended, checked = asyncio.Event(), sandbox.checked

    async def hostile(content: bytes, seconds: int = sandbox.SECONDS) -> tuple[str, int]:
        if content == RTF_READ and seconds == sandbox.SECONDS:
            await ended.wait()
        if content == RTF_READ:
            raise sandbox.Unreadable("bomb")
        return await checked(content, seconds)

    monkeypatch.setattr(sandbox, "checked", hostile)
    gate, owner = day.clinic.gate, day.clinic.owner
    await registered(gate, replace(HOSPITAL, id="lake", name="Lake", applications=("LAKE",), facilities=("LAKE",)), program=MH)
    door = listener(gate)
    slow, good = mdm("T02", "M1", obx=ed(RTF, "RTF")), mdm("T02", "M2", "D2", mrn="R2").replace(b"|MERCY|MERCY|", b"|LAKE|LAKE|")
    other = {"resourceType": "Patient", "identifier": [{"system": MRN, "value": "R2"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}
    stranger = (await day.clinic.make(day.system, other)).id
    await day.clinic.make(day.system, {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{stranger}"}, "period": {"start": "2026-01-01"}, "managingOrganization": {"display": "Here"}})
    for one in (slow, good):
        assert code(await sent(door, one)) == "AA"
    tenant = gate.house.tenants[1]
    while [s for s, _ in await states(gate, owner)] != ["received", "mapped"]:
        await door.working.round(tenant)
        await asyncio.sleep(0.01)
    ended.set()
    await done(door, gate)
    assert [s for s, _ in await states(gate, owner)] == ["failed", "mapped"]


async def test_a_clinical_document_in_a_message_goes_to_the_tray_once_and_keeps_the_marks_of_its_message(day: Ward) -> None:
    """Whoever the message names: whose the document is, somebody says, as of one that comes by any other door."""
    content = outside.ccd()
    first = mdm("T02", "M1", "C1", obx=ed(content, "XML"), kept="AID", mrn="UNKNOWN")
    assert await came(day, first, first, mdm("T02", "M2", "C2", obx=ed(b"<ClinicalDocument", "XML"))) == [("mapped", ""), ("failed", ANY)]
    assert await papers(day) == {}, "it is in no chart yet"
    row = organization.AccountRow("ivy", "staff", "ivy", "ivy", None, "Practitioner/ivy", "admissions", [SUD, MH, FAR], MH, [])
    await organization.account(day.clinic.owner, A, row, clock.now())
    access = await at(day.clinic, "ivy")
    (paper,) = await tray.waiting(access)
    assert (paper.door, paper.media, set(paper.marks), await tray.content(access, paper)) == (tray.HL7, CCDA, {"R", "HIV"}, content)
    id_ = await summaries.file(access, paper, Wish(day.client, MH, "Discharge summary from elsewhere", "2026-03-03", "Summary of Mercy", unborn=True))
    filed = (await day.clinic.get(day.system, f"DocumentReference/{id_}")).json()
    assert {"R", "HIV"} <= {c["code"] for c in filed["meta"]["security"]}
    assert {c["code"] for c in summaries.picked(filed)} == {"R", "HIV"}, "what is taken over from it carries them"


async def test_a_clinical_document_may_be_larger_than_pages_and_not_endless() -> None:
    content = outside.ccd()
    padded = content.replace(b"</ClinicalDocument>", b"<!--" + b" " * (MOST_BYTES + 1) + b"--></ClinicalDocument>")
    assert await sandbox.checked(padded) == (CCDA, 1)
    for large in (padded + b" " * MOST_DOCUMENT, b" " * (MOST_BYTES + 1)):
        with pytest.raises(sandbox.Unreadable, match="20 MB for a clinical document"):
            await sandbox.checked(large)


def test_words_of_rtf_and_html() -> None:
    assert plaintext.readable(RTF, "RTF").decode() == "Seen twice.\nStable \u2013 sleeping."
    assert plaintext.html("<html><head><style>x{}</style></head><p>One &amp; two</p><script>alert(1)</script><br>three") == "One & two\nthree"


@given(st.text(alphabet="{}\\'*abu19 par\n", max_size=200))
def test_no_rtf_stops_the_reader(text: str) -> None:
    plaintext.rtf("{\\rtf1" + text)
    plaintext.html(text)
