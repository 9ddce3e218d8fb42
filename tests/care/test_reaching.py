"""Documents reach a partner by the first of its doors that works, as they were looked at, or not at all; in the end a person prints them."""

from __future__ import annotations

import json

import pytest

from sojourn.base import errors
from sojourn.care.handoff import referral, sending
from sojourn.care.reaching.sender import PDF, Failed, Taken
from sojourn.gate import disclosing, disclosurelog
from sojourn.gate.exchange import posting, ways
from sojourn.gate.exchange.keeping import ASIDE, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.posting import CHANGED
from sojourn.gate.exchange.ways import PRINT, Way
from tests.care.reach import DIRECT, FAX, Door, brought, partner, queued, state
from tests.care.test_handoff import at, clinic  # noqa: F401 - a fixture
from tests.people import Clinic


async def test_it_leaves_by_the_first_door_once_as_it_was_looked_at_and_that_is_written_down(clinic: Clinic) -> None:  # noqa: F811
    _, _, handoff, delivery = await queued(clinic, DIRECT, FAX)
    direct, fax = Door(), Door()
    await brought(clinic, {ways.DIRECT: direct, ways.FAX: fax}, 3)
    assert (await state(clinic, delivery), len(direct.got), fax.got) == ((MAPPED, "direct", ""), 1, [])
    access = await at(clinic)
    after = await referral.one(access, handoff)
    assert (after.step, after.deliveries, len(after.sent)) == ("sent", (delivery,), 1)
    assert after.notes[-1][2] == "Arrived. Direct mail: They said so."
    row = await disclosurelog.one(access, after.sent[0])
    assert (row["channel"], row["recipient"]) == ("release-direct", f"Organization/{after.recipient}")
    left = disclosing.payload(access, row)
    assert left == direct.got[0].content.body
    shown = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in json.loads(left)["entry"][1:]}
    assert shown == {w.partition("/_history")[0] for w in row["what"]}, "the log names what the receiver got, and nothing else"
    assert "42 CFR part 2" in left.decode()
    assert [m for m, _ in direct.got[0].contents] == ["application/fhir+json", "application/xml", PDF]
    assert b"42 CFR part 2" in direct.got[0].contents[1].body


async def test_after_a_failure_the_next_door_has_the_same_content_and_at_the_end_somebody_prints(clinic: Clinic) -> None:  # noqa: F811
    p, _, handoff, delivery = await queued(clinic, DIRECT, FAX)
    direct, fax = Door(Failed("Their address is not known.", again=False)), Door(*[Failed("Busy.")] * 4, takes=(PDF,))
    await brought(clinic, {ways.DIRECT: direct, ways.FAX: fax}, 2)
    assert (await state(clinic, delivery))[2] == "Fax: Busy. It is tried again by itself (1 of 4)."
    await brought(clinic, {ways.DIRECT: direct, ways.FAX: fax}, 4)
    assert (len(direct.got), [f.key for f in fax.got]) == (1, [f"{delivery}-{n}" for n in range(4)])
    assert fax.got[0].content.media == PDF
    assert (await state(clinic, delivery))[0] == REVIEW
    access = await at(clinic)
    known = {f.way: f.said for f in await posting.findings(await at(clinic, "officer"), "lakeside") if f.kind == "failed"}
    assert known == {"direct": "Their address is not known.", "fax": "Busy."}
    asked = (await access.search("Task", [("_id", delivery)], count=1)).resources[0]
    assert (asked["for"]["reference"], asked["owner"]["reference"]) == (f"Patient/{p}", access.caller.agent)
    found = await referral.one(access, handoff)
    with pytest.raises(errors.Malformed):
        await sending.posted(access, found, delivery, "")
    content = await sending.printed(access, found, delivery)
    assert content == fax.got[0].content
    await sending.posted(access, found, delivery, "By the courier.")
    assert (await state(clinic, delivery))[:2] == (MAPPED, "print")
    after = await referral.one(await at(clinic), handoff)
    channels = [r["channel"] for r in await clinic.owner.fetch("SELECT channel FROM record.disclosure ORDER BY made, channel")]
    assert sorted(channels) == ["release-direct", "release-fax", "release-print"], "each way that was tried has one line, however often"
    assert after.notes[-1][2] == "Arrived. Printed and given away. By the courier."
    assert (await (await at(clinic)).search("Task", [("_id", delivery)], count=1)).resources[0]["status"] == "completed"
    lines = await clinic.owner.fetch("SELECT action, outcome, account, patients FROM record.audit WHERE action LIKE 'document-%' ORDER BY n")
    assert [tuple(r) for r in lines] == [(f"document-{what}", "done", access.caller.account, [p]) for what in ("queue", "print", "posted")]


async def test_a_consent_that_is_taken_back_stops_what_is_queued_and_what_a_door_has_taken(clinic: Clinic) -> None:  # noqa: F811
    _, agreed, handoff, delivery = await queued(clinic, DIRECT)
    direct = Door(Taken("their-7", "It is on its way."), Taken("their-7", "It is on its way."))
    await brought(clinic, {ways.DIRECT: direct}, 2)
    assert ((await state(clinic, delivery))[0], direct.asked) == (RECEIVED, ["their-7"])
    consent = (await clinic.ask("sys-sud", "GET", f"Consent/{agreed}")).json()
    assert (await clinic.put("sys-sud", {**consent, "status": "inactive"})).status == 200
    await brought(clinic, {ways.DIRECT: direct}, 2)
    assert (await state(clinic, delivery), direct.cancelled, len(direct.got)) == ((ASIDE, "direct", CHANGED), ["their-7"], 1)
    access = await at(clinic)
    after = await referral.one(access, handoff)
    assert (after.step, after.sent) == ("prepared", ())
    waits = (await access.search("Task", [("code", "handoff-stopped")], count=5)).resources
    assert [t["focus"]["reference"] for t in waits] == [f"Task/{handoff}"]


async def test_a_partner_that_was_stopped_gets_nothing_and_it_waits(clinic: Clinic) -> None:  # noqa: F811
    _, _, handoff, delivery = await queued(clinic, DIRECT)
    organization = (await referral.one(await at(clinic), handoff)).recipient
    await partner(clinic, organization, DIRECT, state="stopped")
    direct = Door()
    await brought(clinic, {ways.DIRECT: direct}, 2)
    assert ((await state(clinic, delivery))[0], direct.got) == (RECEIVED, [])
    await partner(clinic, organization, DIRECT)
    await brought(clinic, {ways.DIRECT: direct})
    assert ((await state(clinic, delivery))[0], len(direct.got)) == (MAPPED, 1)


def test_ways_are_sound_in_their_order_and_a_fax_number_is_confirmed_by_a_second_person() -> None:
    made = ways.checked([Way("fax", "+1 (512) 555-0142"), Way("direct", "records@direct.example")], (), "ivo")
    assert [(w.door, w.address, w.usable) for w in made] == [("fax", "+15125550142", False), ("direct", "records@direct.example", True)]
    assert [w.door for w in ways.in_order(ways.facts(made))] == ["direct", PRINT], "a number that nobody confirmed is not dialled"
    with pytest.raises(errors.Forbidden):
        ways.confirmed(made, "fax", "+15125550142", "ivo", "now")
    with pytest.raises(errors.Malformed):
        ways.confirmed(made, "fax", "+15125550124", "ana", "now")
    good = ways.confirmed(made, "fax", "+1 512 555 0142", "ana", "now")
    assert [w.door for w in ways.in_order(ways.facts(good))] == ["fax", "direct", PRINT]
    assert ways.checked(good, good, "ivo") == good
    assert not ways.checked([Way("fax", "+15125550143")], good, "ivo")[0].usable, "another number is confirmed anew"
    for door, address in (("fax", "5550142"), ("direct", "nobody"), ("mhd", "http://fhir.example"), ("mhd", "https://u:p@fhir.example/r4"), ("sftp", "../up"), ("telex", "1"), ("print", "a\x00b")):
        with pytest.raises(errors.Malformed):
            ways.checked([Way(door, address)], (), "ivo")
