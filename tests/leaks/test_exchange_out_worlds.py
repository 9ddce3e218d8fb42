"""What goes out in two worlds: where hidden things differ, a partner gets the same, and no page of the exchange differs but the privacy officer's."""

from __future__ import annotations

import re
from datetime import timedelta

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.exchange import watching
from sojourn.care.orders.ordering import NUMBER
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import terms
from sojourn.gate.exchange.terms import Term
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.counterpart import Counterpart, agreed, due, sent
from tests.doors.hl7v2.lab import MRN
from tests.doors.hl7v2.test_orders_out import order
from tests.leaks.drawn import bytes_without, without
from tests.leaks.test_exchange_worlds import CHANGING
from tests.people import MH, A, Clinic, encounter, labelled, patient
from tests.web.real import HASH

PATHS = ("/exchange", "/exchange/messages", "/exchange/messages?state=received", "/exchange/messages?state=aside", "/exchange/partners/cedar", "/exchange/partners/cedar/sending", "/exchange/partners/cedar/contracts", "/exchange/partners/cedar/bench", "/exchange/overdue", "/exchange/traffic", "/exchange/traffic?by=hour", "/exchange/withheld")


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


async def a_world(clinic: Clinic, lab: Counterpart, *, hidden: bool) -> tuple[list[bytes], list[tuple[str, int, str]]]:
    """What the laboratory got, and what ivo reads. hidden: a Part 2 order, visit and appointment, a hidden address, and a client of SUD alone."""
    row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    owed = terms.facts([Term("out", "ORM^O01", terms.ANSWERED, 24, clock.now()), Term("out", "ORM^O01", terms.TAKEN, 1, clock.now())])
    place = "Organization/" + (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Cedar Ridge Laboratory"})).id
    partner = await agreed(clinic, lab, place, "ORM^O01", "ADT^A04", "ADT^A03", "ADT^A08", "ADT^A28", "ADT^A31", "SIU^S12", authorities={"RIVER": MRN}, programs=(MH,), what={"terms": owed})
    address = {"line": ["1 Elm St"], "city": "Dayton"}
    person = patient("Rivera", identifier=[{"system": MRN, "value": "R1"}], address=[address])
    client = (await clinic.make("sys-mh", person)).id
    await clinic.make("sys-mh", order(client, place))
    await sent(clinic, partner)
    if hidden:
        other = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R7"}]))).id
        for who in (other, client):
            await clinic.make("sys-sud", encounter(who))
            await clinic.make("sys-sud", order(who, place))
        assert (await clinic.put("sys-mh", {**person, "id": client, "address": [address, labelled({"line": ["9 Halfway House"]}, "42CFRPart2")]})).status == 200
    await sent(clinic, partner)
    await clinic.make("sys-mh", order(client, place, identifier=[{"system": NUMBER, "value": "N2"}]))
    await lab.close()
    await sent(clinic, partner)
    await due(clinic)
    with clock.using(FakeClock(clock.now() + timedelta(days=2))):  # all that was asked is overdue by then, and nothing that was not asked
        await watching.run(await Clockwork(clinic.gate).access(A))
        pages = [(path, status, text.replace(client, "CLIENT")) for path, status, text in await seen_by_ivo(clinic)]
    assert all(words in {p: t for p, _, t in pages}["/exchange/overdue"] for words in ("2 messages: Laboratory order", "1 message: Laboratory order"))
    return [bytes_without("the control id", m) for m in lab.got], pages


async def test_what_is_hidden_from_a_partner_changes_nothing_that_leaves_and_no_page_of_the_exchange(database: Dsn) -> None:
    async with house(database) as clinic:
        worlds = []
        for hidden in (True, False):
            lab = await Counterpart(port=0).open()
            got, pages = await a_world(clinic, lab, hidden=hidden)
            worlds.append((got, [(p, s, t.replace(str(lab.port), "PORT")) for p, s, t in pages]))
            if hidden:
                assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_intent WHERE state = 'withheld'") > 0
                officer = await visitor(clinic, "officer")
                page = (await officer.get("/exchange/withheld")).text
                assert "Quillfeather" in page
                assert "Part 2 record: no consent in force" in page
                mine = re.findall(r'name="message" value="([^"]+)"', page)
                answer = await officer.post("/exchange/withheld", {"message": mine[0]})
                assert (answer.status_code, answer.headers["location"]) == (303, "/exchange/withheld")
            for table in ("exchange_message", "exchange_event", "exchange_intent", "exchange_told", "exchange_partner", "exchange_alarm"):
                for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}"):
                    kept = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in r.values())
                    assert b"uillfeather" not in kept
                    assert b"Halfway" not in kept
                await clinic.owner.execute(f"DELETE FROM record.{table}")
        clean = [[bytes_without("ids in a message", m) for m in got] for got, _ in worlds]
        assert clean[0] == clean[1]
        assert len(clean[0]) >= 2
        assert b"Halfway" not in b"".join(clean[0])
        for (path, status, text), (path_b, status_b, text_b) in zip(worlds[0][1], worlds[1][1], strict=True):
            assert (path, status) == (path_b, status_b)
            unlike = [(a, b) for a, b in zip(without("an organization", text).splitlines(), without("an organization", text_b).splitlines(), strict=True) if a != b]
            assert not unlike, (path, unlike[:3])
        assert {p: s for p, s, _ in worlds[0][1]}["/exchange/withheld"] == 403
