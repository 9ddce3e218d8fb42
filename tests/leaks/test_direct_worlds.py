"""Direct in two worlds: what a sender is told and what the pages show are the same whoever a message is about."""

from __future__ import annotations

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire.direct import File
from tests.care.reported import house, visitor
from tests.doors.direct.hisp import hisp
from tests.doors.direct.partner import THEM, US, Door, opened, read, sealed
from tests.doors.direct.test_fetching import letter
from tests.doors.hl7v2.lab import MRN, done, oru
from tests.doors.hl7v2.lab import listener as hl7
from tests.leaks.drawn import Drawn, without
from tests.people import MH, SUD, A, encounter, patient
from tests.web.real import HASH

CHANGING = Drawn("csrf")


async def test_whom_a_message_is_about_is_told_to_nobody(database: Dsn) -> None:
    """A message is about a client of SUD, or about nobody here: its sender, and an integration manager of MH, tell them apart by nothing."""
    async with house(database) as clinic:
        client = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))).id
        await clinic.make("sys-sud", encounter(client))
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        async with hisp(US, THEM) as there:
            await opened(clinic.gate, there, as_={"authorities": {"RIVER": MRN}, "program": SUD})
            browser = await visitor(clinic, "ivo")
            told, pages, states = [], [], []
            for mrn, family, born in (("R1", "Quillfeather", "19880304"), ("X1", "Othersurname", "19700101")):
                there.put(US, sealed(letter(1, File("result.hl7", "text/plain", oru("M1", mrn=mrn, family=family, born=born).ljust(400)))))
                await Door(clinic.gate).look()
                await done(hl7(clinic.gate), clinic.gate)
                told.append([read(raw)._replace(id="") for raw in there.inbox(THEM)])
                there.boxes[THEM]["INBOX"].clear()
                states.append([r["state"] for r in await clinic.owner.fetch("SELECT state FROM record.exchange_message WHERE door = 'hl7v2'")])
                id_, control = await clinic.owner.fetchrow("SELECT message, control FROM record.exchange_message WHERE door = 'direct'")
                found = []
                for path in ("/exchange/direct", "/exchange/partners/cedar/direct", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content", f"/exchange/messages/{id_}/files/0"):
                    answer = await browser.get(path)
                    said = CHANGING.out(answer.text.replace(id_, "ID").replace(control, "NO"))
                    found.append((path.replace(id_, "ID"), answer.status_code, without("size, age and time", said)))
                pages.append(found)
                await clinic.owner.execute("DELETE FROM record.exchange_message; DELETE FROM record.exchange_event")
        assert told[0] == told[1]
        assert [t.notice.what for t in told[0] if t.notice] == ["processed", "dispatched"]
        assert pages[0] == pages[1]
        assert [status for _, status, _ in pages[0]] == [200, 200, 200, 404, 404]
        assert states[0] != states[1], "one was matched, the other was not"
        assert "uillfeather" not in str(pages)
