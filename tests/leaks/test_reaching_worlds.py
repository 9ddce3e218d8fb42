"""Documents under way in two worlds: what is hidden from a receiver changes nothing that leaves, and no page of whoever looks after messages."""

from __future__ import annotations

import re
from typing import Any

from sojourn.base import clock
from sojourn.care.handoff import referral, sending
from sojourn.care.papers import reading, receiving, sandbox
from sojourn.care.reaching.sender import Failed
from sojourn.doors.fax.collecting import Collecting
from sojourn.doors.fax.sending import Faxing
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import ways
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reach import DIRECT, FAX, Door, brought, partner
from tests.care.reported import house, visitor
from tests.care.test_handoff import at
from tests.doors.fax.counterpart import Counterpart
from tests.leaks.drawn import bytes_without, without
from tests.leaks.test_exchange_worlds import CHANGING
from tests.people import MH, A, Clinic, encounter, labelled, observation, patient
from tests.web.real import HASH

PATHS = ("/exchange", "/exchange/messages", "/exchange/messages?state=received", "/exchange/messages?state=review", "/exchange/partners/lakeside", "/exchange/partners/lakeside/ways")


async def a_world(clinic: Clinic, *, hidden: bool) -> tuple[list[Any], list[tuple[str, int, str]]]:
    """What a receiver got, and what ivo reads. hidden: what a Part 2 program knows of the client, a label on an address of theirs, and another client of it."""
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await partner(clinic, place, FAX, DIRECT)
    address = {"line": ["1 Elm St"], "city": "Dayton"}
    person = patient(address=[address])
    client = (await clinic.make("sys-mh", person)).id
    await clinic.make("sys-mh", encounter(client))
    await clinic.make("sys-mh", observation(client))
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{client}"}, "participant": [{"member": {"reference": f"Organization/{place}"}}]})
    if hidden:
        other = (await clinic.make("sys-sud", patient("Quillfeather"))).id
        for who in (other, client):
            await clinic.make("sys-sud", encounter(who))
            await clinic.make("sys-sud", observation(who, 99))
        assert (await clinic.put("sys-mh", {**person, "id": client, "address": [address, labelled({"line": ["9 Halfway House"]}, "42CFRPart2")]})).status == 200
    dana = await at(clinic, "mh-clinician")
    handoff = await referral.one(dana, await referral.prepare(dana, client, place, asks="Follow-up", why=""))
    await sending.queue(dana, handoff, (await referral.preview(dana, handoff)).digest)
    there, direct = Counterpart(), Door(Failed("Unknown.", again=False))
    there.lines[FAX.address] = ["busy", "not-a-fax"]
    fax = Faxing(there.gateway())
    if hidden:  # while it waits, the Part 2 program goes on
        await clinic.make("sys-sud", observation(client, 101))
    await brought(clinic, {ways.FAX: fax, ways.DIRECT: direct}, 3)
    pages = await seen_by_ivo(clinic)
    await brought(clinic, {ways.FAX: fax, ways.DIRECT: direct}, 4)
    pages += await seen_by_ivo(clinic)
    got = [(c.media, len(c.body), c.body) for parcel in direct.got for c in parcel.contents]
    assert len(there.faxes) == 2
    for _, pdf in there.faxes.values():
        words = without("the number of a fax", "\n".join(await sandbox.texts(pdf, reading.PDF)))
        got.append(("faxed", len(words), words.replace(client, "CLIENT").encode()))
    pages += await tray(clinic, there, hidden=hidden)
    return got, [(p, s, t.replace(client, "CLIENT").replace(place, "PLACE")) for p, s, t in pages]


async def tray(clinic: Clinic, there: Counterpart, *, hidden: bool) -> list[tuple[str, int, str]]:
    """The tray as who indexes for MH reads it. A fax of the partner came on the line of MH; hidden: and one on that of the Part 2 program."""
    pdf = await sandbox.composed([(b"Dear colleagues\n", reading.TEXT, [(0, 0)])])
    said = {"from": FAX.address, "received": "2026-02-28T10:00:00+00:00"}
    there.received = {"in-1": ({**said, "to": "+1"}, pdf), **({"in-2": ({**said, "to": "+2"}, pdf)} if hidden else {})}
    await Collecting(clinic.gate.house, there.gateway(), {"+1": "a/mh", "+2": "a/sud"}).round()
    for _ in range(2):
        await receiving.watch(await Clockwork(clinic.gate).access(A))
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.paper") == 1 + hidden
    browser = await visitor(clinic, "desk")
    found = [(path, answer.status_code, CHANGING.out(answer.text)) for path in ("/tray", "/today") for answer in [await browser.get(path)]]
    assert "Lakeside Primary Care, +15125550142" in found[0][2]
    await clinic.owner.execute("DELETE FROM record.paper")
    return [(p, s, without("a new paper", t)) for p, s, t in found]


async def seen_by_ivo(clinic: Clinic) -> list[tuple[str, int, str]]:
    """Every page of the exchange as an integration manager of MH reads it, without what is drawn anew each time."""
    rows = await clinic.owner.fetch("SELECT message, control FROM record.exchange_message ORDER BY seq")
    names = {str(v): f"{k}{n}" for n, r in enumerate(rows) for k, v in r.items()}
    browser = await visitor(clinic, "ivo")
    found = []
    for path in (*PATHS, *(f"/exchange/messages/{r['message']}{part}" for r in rows for part in ("", "/content"))):
        answer = await browser.get(path)
        text = CHANGING.out(answer.text)
        for random, name in names.items():
            text, path = text.replace(random, name), path.replace(random, name)
        found.append((path, answer.status_code, text))
    return found


async def test_what_is_hidden_changes_nothing_that_is_under_way_and_no_page_of_it(database: Dsn) -> None:
    async with house(database) as clinic:
        for name, role in (("ivo", "integration-manager"), ("desk", "admissions")):
            row = organization.AccountRow(name, "staff", name, name.title(), HASH, f"Practitioner/{name}", role, [MH], MH, [])
            await organization.account(clinic.owner, A, row, clock.now())
        worlds = []
        for hidden in (True, False):
            worlds.append(await a_world(clinic, hidden=hidden))
            for table in ("exchange_message", "exchange_event", "exchange_finding", "exchange_partner"):
                for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}"):
                    kept = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in r.values())
                    assert not re.search(rb"uillfeather|Halfway|Rivera", kept), table
                await clinic.owner.execute(f"DELETE FROM record.{table}")
        assert [m for m, _, _ in worlds[0][0]] == ["application/fhir+json", "application/xml", "application/pdf", "faxed", "faxed"]
        for (media, _, body), (media_b, _, body_b) in zip(worlds[0][0], worlds[1][0], strict=True):
            assert media == media_b
            assert media == "application/pdf" or bytes_without("ids in a document", body) == bytes_without("ids in a document", body_b), media
            assert b"Halfway" not in body
        for (path, status, text), (path_b, status_b, text_b) in zip(worlds[0][1], worlds[1][1], strict=True):
            assert (path, status) == (path_b, status_b)
            unlike = [(a, b) for a, b in zip(without("size", text).splitlines(), without("size", text_b).splitlines(), strict=True) if a != b]
            assert not unlike, (path, unlike[:3])
        assert "Rivera" not in str(worlds[0][1])
