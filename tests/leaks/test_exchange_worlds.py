"""Messages from outside in two worlds: who may not know a client finds nothing of what came about them, on no page of the exchange.

The second world differs in whom a message is about: nobody here, or a client of a Part 2 program. Envelope, list, counts and answers are the same.
"""

from __future__ import annotations

import re

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.lab import MRN, code, done, listener, oru, registered, sent
from tests.people import MH, SUD, A, encounter, patient
from tests.web.real import HASH

CHANGING = re.compile(r'(name="csrf" value="|nonce="|"X-CSRF-Token": ")[^"]+')


async def test_whom_a_message_is_about_changes_no_page_of_who_may_not_know_them(database: Dsn) -> None:
    """One is about a client of SUD, one about nobody here; an integration manager of MH tells them apart by nothing."""
    async with house(database) as clinic:
        client = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))).id
        await clinic.make("sys-sud", encounter(client))
        await registered(clinic.gate)
        door = listener(clinic.gate)
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        browser = await visitor(clinic, "ivo")
        pages = []
        for control, mrn, family, born in (("QQ7A", "R1", "Quillfeather", "19880304"), ("QQ7B", "X1", "Othersurname", "19700101")):
            assert code(await sent(door, oru(control, mrn=mrn, family=family, born=born))) == "AA"
            id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message WHERE control = $1", control))
            found = []
            for path in ("/exchange", "/exchange/messages", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content"):
                answer = await browser.get(path)
                found.append((path.replace(id_, "ID"), answer.status_code, CHANGING.sub("", answer.text.replace(id_, "ID").replace(control, "MX"))))
            posted = await browser.post(f"/exchange/messages/{id_}/content", {"do": "choose", "patient": client})
            found.append(("choose", posted.status_code, CHANGING.sub("", posted.text.replace(id_, "ID"))))
            pages.append(found)
            await clinic.owner.execute("DELETE FROM record.exchange_message")
        assert pages[0] == pages[1]
        assert [status for _, status, _ in pages[0]] == [200, 200, 200, 404, 404]
        assert "Quillfeather" not in str(pages)


async def test_what_came_is_readable_nowhere_in_the_database(database: Dsn) -> None:
    async with house(database) as clinic:
        await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))
        await registered(clinic.gate, program=SUD)
        door = listener(clinic.gate)
        await sent(door, oru("M1", mrn="R1", family="Quillfeather"))
        await sent(door, oru("M2", mrn="X2", family="Quillfeather"))
        await done(door, clinic.gate)
        for table in ("exchange_message", "exchange_event", "exchange_person", "exchange_partner"):
            for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}"):
                kept = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in r.values())
                assert b"uillfeather" not in kept
                assert b"2823-3" not in kept
        (line,) = await clinic.owner.fetch("SELECT DISTINCT query FROM record.audit WHERE action = 'exchange'")
        assert "uillfeather" not in line["query"]
