"""What a partner brought: filed by itself where a number that was agreed says whose it is; else it waits, and is learnt from who says so."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.care.exchange.following import follower
from sojourn.care.papers import indexing
from sojourn.care.papers.indexing import RECONCILE, Wish
from sojourn.doors.mhd.taking import Taking
from sojourn.gate import papers
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import messages, partners
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.feed import Feed
from sojourn.listeners import _turn as following_turn
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.care import outside
from tests.care.reach import AGREED
from tests.care.test_handoff import at
from tests.doors.mhd.submission import bundle
from tests.gate.numbering import numbered
from tests.people import FAR, MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH

MRN = "urn:oid:2.16.840.1.113883.19.5"
THEIRS = "urn:oid:2.16.840.1.113883.19.6"
TEXT = b"Ana Rivera, born 4 March 1988. Seen for a cough."


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def agreed(clinic: Clinic, **more: Any) -> None:
    """tpo is a partner that may name people by our record numbers."""
    made = Partner("lakeside", "Lakeside Hospital", **{"door": "none", "organization": "Organization/tpo", "program": MH, "authorities": {MRN: MRN}, "agreed": AGREED, **more})
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, made.id, partners.facts(made), clock.now())


async def brought(clinic: Clinic, number: str, *content: bytes, system: str = MRN, unique: str = "urn:oid:1.2", **more: Any) -> list[str]:
    """A submission about somebody with that number is done; the ids that its documents have once they are in a chart."""
    sent = bundle(*content, unique=unique, **{"media": "text/plain", **more})
    for entry in sent["entry"]:
        for person in entry["resource"].get("contained", ()):
            person["identifier"] = [{"system": system, "value": number}]
    reply = await clinic.ask("tpo", "POST", "", sent)
    assert reply.status == 200, reply.body
    while await Taking(Envoys(clinic.gate)).round(clinic.gate.house.tenants[A]):
        pass
    return [e["response"]["location"].partition("/")[2] for e in reply.json()["entry"] if e["response"].get("location", "").count("/") == 1]


async def integrator(clinic: Clinic) -> Access:
    """Somebody who looks after messages, in every program."""
    row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    return await at(clinic, "ivo")


async def states(clinic: Clinic) -> list[tuple[str, str]]:
    return [(r["door"], r["state"]) for r in await clinic.owner.fetch("SELECT door, state FROM record.exchange_message ORDER BY seq")]


async def ana(clinic: Clinic) -> str:
    p = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-mh", encounter(p))
    return p


async def test_a_number_that_was_agreed_files_a_document_and_somebody_is_asked_to_look(clinic: Clinic) -> None:
    p = await ana(clinic)
    await agreed(clinic, part2=True)
    ids = await brought(clinic, "R1", TEXT)
    ids += await brought(clinic, "R1", outside.ccd(), unique="urn:oid:1.3", media="application/xml")
    assert await states(clinic) == [("mhd", "mapped")] * 2
    assert await papers.waiting(await at(clinic, "officer")) == []
    for id_ in ids:
        stored = (await clinic.get("sys-mh", f"DocumentReference/{id_}")).json()
        assert stored["subject"]["reference"] == f"Patient/{p}"
        assert "42CFRPart2" in {c["code"] for c in stored["meta"]["security"]}, "its sender's law goes with it"
        (source,) = (await clinic.get("sys-mh", f"Provenance?target=DocumentReference/{id_}")).entries
        assert source["agent"][0]["who"]["display"] == "Lakeside Hospital"
    await numbered(clinic)
    clockwork = Clockwork(clinic.gate)
    while await following_turn(Feed(clinic.gate.house.db, A), "exchange", follower(clockwork)):
        pass
    asked = (await clinic.get("sys-mh", f"Task?patient={p}")).entries
    assert sorted((t["focus"]["reference"], RECONCILE in json.dumps(t["code"])) for t in asked) == sorted([(f"DocumentReference/{ids[0]}", False), (f"DocumentReference/{ids[1]}", True)])
    message = await clinic.owner.fetchval("SELECT message FROM record.exchange_message ORDER BY seq LIMIT 1")
    await messages.move(await integrator(clinic), message, "again")
    while await Taking(Envoys(clinic.gate)).round(clinic.gate.house.tenants[A]):
        pass
    assert await states(clinic) == [("mhd", "mapped")] * 2
    assert len((await clinic.get("sys-mh", f"DocumentReference?patient={p}")).entries) == 2, "done again it is there once"


async def test_nobody_is_found_by_likeness_by_a_number_that_was_not_agreed_or_where_something_speaks_against_it(clinic: Clinic) -> None:
    await ana(clinic)
    await agreed(clinic)
    await brought(clinic, "R9", TEXT, unique="urn:oid:1.1")
    await brought(clinic, "R1", TEXT, unique="urn:oid:1.2", system=THEIRS)
    await brought(clinic, "R1", TEXT, unique="urn:oid:1.3", family="Quillfeather", born="1970-01-01")
    await brought(clinic, "R1", outside.ccd(family="Quillfeather", born="19700101"), unique="urn:oid:1.4", media="application/xml")
    assert await states(clinic) == [("mhd", "review")] * 4
    assert len({r["reason"] for r in await clinic.owner.fetch("SELECT reason FROM record.exchange_message")}) == 1, "the envelope says the same, whoever is here"
    assert len(await papers.waiting(await at(clinic, "officer"))) == 4
    assert (await clinic.get("sys-mh", "DocumentReference")).entries == []


async def test_whoever_says_whose_it_is_settles_the_message_and_may_teach_the_number(clinic: Clinic) -> None:
    p = await ana(clinic)
    await agreed(clinic)
    them = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Shah"}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'mh-officer'", f"Practitioner/{them}")
    clinic.tokens["mh-officer"] = await clinic.gate.token(clinic.gate.house.tenants[A], "mh-officer")
    access = await at(clinic, "mh-officer")
    for unique, known, then in (("urn:oid:1.1", False, "review"), ("urn:oid:1.2", True, "mapped")):
        (id_,) = await brought(clinic, "H77", TEXT + unique.encode(), unique=unique, system=THEIRS)
        (paper,) = await papers.waiting(access)
        assert paper.id == id_
        await papers.keep(access, paper._replace(about="Not ours."), state=papers.ASIDE)
        assert (await states(clinic))[-1] == ("mhd", "aside")
        aside = next(p for p in await papers.aside(access) if p.id == id_)
        await papers.keep(access, aside, state=papers.WAITING)
        assert (await states(clinic))[-1] == ("mhd", "review")
        await indexing.index(access, await papers.one(access, id_), Wish(p, MH, "Letter", "2026-02-01", "A letter", born="1988-03-04", known=known))
        assert (await states(clinic))[-1] == ("mhd", "mapped")
        (later,) = await brought(clinic, "H77", TEXT + b"later" + unique.encode(), unique=f"{unique}.9", system=THEIRS)
        assert (await states(clinic))[-1] == ("mhd", then)
        for waits in await papers.waiting(access):
            assert waits.id == later
            await papers.keep(access, waits._replace(about="Seen."), state=papers.ASIDE)


async def test_what_it_says_is_opened_by_who_has_the_right_and_works_where_it_may_belong(clinic: Clinic) -> None:
    await agreed(clinic)
    await brought(clinic, "R9", TEXT)
    message = await clinic.owner.fetchval("SELECT message FROM record.exchange_message")
    opened = await messages.opened(await integrator(clinic), message)
    assert TEXT in opened.content
    assert TEXT not in (await clinic.owner.fetchval("SELECT body FROM record.exchange_message")), "sealed where it lies"
