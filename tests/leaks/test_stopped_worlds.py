"""What did not go to partners, for the privacy officer: all of it for who works in all programs, and for the officer of some nothing that tells of the others."""

from __future__ import annotations

import re

import pytest

from sojourn.base import clock
from sojourn.care.handoff import referral, sending
from sojourn.doors.mhd.asking import Asking
from sojourn.gate.exchange import asking, partners, posting, stopped, ways
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests.care.reach import AGREED, FAX, Door, brought, partner
from tests.care.reported import house, visitor
from tests.care.test_handoff import at
from tests.leaks.test_exchange_worlds import CHANGING
from tests.people import MH, SUD, A, Clinic, consent, encounter, observation, patient

PAGE = "/exchange/withheld"


async def sent(clinic: Clinic, who: str, p: str, place: str) -> None:
    """Somebody looked at a hand-off and sent it."""
    access = await at(clinic, who)
    handoff = await referral.one(access, await referral.prepare(access, p, place, asks="Follow-up", why=""))
    await sending.queue(access, handoff, (await referral.preview(access, handoff)).digest)


async def asked(clinic: Clinic, who: str, p: str, program: int, key: str) -> None:
    """Somebody asks the network about a client."""
    await asking.begin(await at(clinic, who), p, "hie", program, key)


async def a_world(clinic: Clinic, *, hidden: bool) -> tuple[str, str]:
    """What the officer of MH reads, and who works in all programs. hidden: what the Part 2 program sent and asked about its own client and about one of MH."""
    place, network = [(await clinic.make("sys-none", {"resourceType": "Organization", "name": name})).id for name in ("Lakeside", "Valley")]
    await partner(clinic, place, FAX)
    made = Partner("hie", "Valley Health Network", door="none", organization=f"Organization/{network}", fhir={"base": "https://fhir.valley.example/r4", "client": "c", "on": True}, agreed=AGREED)
    since = await clinic.owner.fetchval("SELECT known_from FROM record.exchange_partner WHERE partner = 'hie' AND known_to = 'infinity'")
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'test', '', $4)", A, made.id, partners.facts(made), clock.now(), since)
    client = (await clinic.make("sys-mh", patient(gender="female"))).id
    await clinic.make("sys-mh", encounter(client))
    value = (await clinic.make("sys-mh", observation(client))).json()
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{client}"}, "participant": [{"member": {"reference": f"Organization/{one}"}} for one in (place, network)]}
    team["id"] = (await clinic.make("sys-mh", team)).id
    await sent(clinic, "mh-clinician", client, place)
    await asked(clinic, "mh-clinician", client, MH, f"mine-{hidden}")
    if hidden:
        other = (await clinic.make("sys-sud", patient("Quillfeather", gender="female"))).id
        agreed = []
        for who in (other, client):
            await clinic.make("sys-sud", encounter(who))
            await clinic.make("sys-sud", observation(who, 99))
            agreed += [(await clinic.make("sys-sud", consent(who, one))).json() for one in (place, network)]
            await sent(clinic, "both-clinician", who, place)
            await asked(clinic, "both-clinician", who, SUD, f"hidden-{who}")
        for one in agreed:
            assert (await clinic.put("sys-sud", {**one, "status": "inactive"})).status == 200
    assert (await clinic.put("sys-mh", {**team, "status": "inactive"})).status == 200
    assert (await clinic.put("sys-mh", {**value, "status": "amended", "valueQuantity": {**value["valueQuantity"], "value": 73}})).status == 200, "it is not what somebody looked at any more"
    door = Door()
    await brought(clinic, {ways.FAX: door}, 3)
    assert door.got == []
    await clinic.owner.execute("UPDATE record.outside_ask SET due = '2000-01-01'")
    await Asking(Envoys(clinic.gate), Outbound()).round(clinic.gate.house.tenants[A])
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message WHERE reason = $1", posting.CHANGED) == (3 if hidden else 1)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.outside_ask WHERE state = 'failed'") == (3 if hidden else 1)
    pages = [await (await visitor(clinic, who)).get(PAGE) for who in ("mh-officer", "officer")]
    assert [p.status_code for p in pages] == [200, 200]
    for table in ("exchange_event", "exchange_message", "exchange_intent", "outside_ask"):
        await clinic.owner.execute(f"DELETE FROM record.{table}")
    mine, all_ = (CHANGING.out(p.text).replace(client, "CLIENT") for p in pages)
    return mine, all_


@pytest.mark.parametrize("at_first", [500, 1])
async def test_the_officer_of_some_programs_learns_of_nothing_that_others_did_not_send(database: Dsn, monkeypatch: pytest.MonkeyPatch, at_first: int) -> None:
    """Nor by their number: however few are looked at at first, what others did not send takes no place on the page."""
    monkeypatch.setattr(stopped, "_AT_FIRST", at_first)
    async with house(database) as clinic:
        (mine, all_), (without, all_without) = [await a_world(clinic, hidden=hidden) for hidden in (True, False)]
    assert "Document: Referral</b> to Lakeside Primary Care" in mine
    assert posting.CHANGED in mine
    assert "Question: who is this, and which documents are there</b> to Valley Health Network" in mine
    assert asking.NO_CONSENT in mine
    assert "Quillfeather" not in mine
    assert mine == without
    assert (all_.count("Quillfeather"), all_without.count("Quillfeather")) == (2, 0)
    assert (len(re.findall("Document: Referral", all_)), len(re.findall("Document: Referral", all_without))) == (3, 1)


async def test_nobody_but_a_privacy_officer_reads_it(database: Dsn) -> None:
    async with house(database) as clinic:
        for who in ("mh-clinician", "both-clinician", "biller"):
            assert (await (await visitor(clinic, who)).get(PAGE)).status_code == 403
