"""Messages from outside in two worlds: who may not know a client finds nothing of what came about them, on no page of the exchange.

The second world differs in whom a message is about: nobody here, or a client of a Part 2 program. Envelope, list, counts and answers are the same.
"""

from __future__ import annotations

from typing import Any

from sojourn.base import clock
from sojourn.doors.mhd.taking import Taking
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reach import AGREED
from tests.care.reported import house, visitor
from tests.doors.hl7v2.hospital import HOSPITAL, adt
from tests.doors.hl7v2.lab import MRN, code, done, listener, oru, registered, sent
from tests.doors.hl7v2.test_appointments_in import siu
from tests.doors.hl7v2.test_documents_in import mdm
from tests.doors.messaging import sender as fhir
from tests.doors.mhd import submission
from tests.leaks.drawn import Drawn, without
from tests.people import MH, SUD, A, encounter, patient
from tests.web.real import HASH

CHANGING = Drawn("csrf")


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
            for path in ("/exchange", "/exchange/messages", "/exchange/overdue", "/exchange/traffic", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content"):
                answer = await browser.get(path)
                found.append((path.replace(id_, "ID"), answer.status_code, CHANGING.out(answer.text.replace(id_, "ID").replace(control, "MX"))))
            posted = await browser.post(f"/exchange/messages/{id_}/content", {"do": "choose", "patient": client})
            found.append(("choose", posted.status_code, CHANGING.out(posted.text.replace(id_, "ID"))))
            pages.append(found)
            await clinic.owner.execute("DELETE FROM record.exchange_message")
        assert pages[0] == pages[1]
        assert [status for _, status, _ in pages[0]] == [200, 200, 200, 200, 200, 404, 404]
        assert "Quillfeather" not in str(pages)


async def test_why_a_message_waits_is_the_same_whether_or_not_there_is_somebody_or_an_order(database: Dsn) -> None:
    """Somebody of SUD has that number or that order and another birth date, or nobody has: answer, envelope, lists and tasks are the same."""
    order = {
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Panel"},
        "identifier": [{"system": "https://sojourn.example/fhir/NamingSystem/lab-requisition", "value": "Q7"}],
    }  # fmt: skip
    async with house(database) as clinic:
        client = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))).id
        await clinic.make("sys-sud", {**order, "subject": {"reference": f"Patient/{client}"}})
        await registered(clinic.gate)
        await registered(clinic.gate, HOSPITAL)
        door = listener(clinic.gate)
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        browser = await visitor(clinic, "ivo")
        other = {"family": "Othersurname", "born": "19700101"}
        pages = []
        for mrn, placer in (("R1", "Q7"), ("X1", "Q8")):
            found: list[object] = []
            for control, content in (("K1", oru("K1", mrn=mrn, **other)), ("K2", oru("K2", mrn="", placer=placer, filler="F2", **other)), ("K3", adt("A01", "K3", mrn=mrn, **other)),
                                     ("K4", adt("A40", "K4", mrn=mrn, visit="", extra="MRG|X9^^^RIVER^MR\r", **other)), ("K5", siu("S12", "K5").replace(b"|R1^", f"|{mrn}^".encode()).replace(b"19880304", b"19700101")),
                                     ("K6", mdm("T02", "K6", mrn=mrn).replace(b"19880304", b"19700101"))):  # fmt: skip
                answer = await sent(door, content)
                found.append([s.name for s in answer.segments] + [code(answer)])
                await done(door, clinic.gate)
                id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message WHERE control = $1", control))
                for path in ("/exchange", "/exchange/messages", "/exchange/overdue", "/exchange/traffic", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content"):
                    shown = await browser.get(path)
                    found.append((shown.status_code, without("a message of ours", CHANGING.out(shown.text))))
            pages.append(found)
            await clinic.owner.execute("DELETE FROM record.exchange_message")
            await clinic.owner.execute("DELETE FROM record.exchange_event")
        assert pages[0] == pages[1]


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


async def test_whom_a_document_is_about_that_was_brought_changes_no_page_of_who_may_not_know_them(database: Dsn) -> None:
    """Our number of a client of SUD with another name and birth date, or a number that nobody has: answer, envelope, lists and content are the same."""
    async with house(database) as clinic:
        client = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))).id
        await clinic.make("sys-sud", encounter(client))
        made = Partner("lakeside", "Lakeside Hospital", door="none", organization="Organization/tpo", program=SUD, authorities={MRN: MRN}, agreed=AGREED)
        await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, made.id, partners.facts(made), clock.now())
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        browser = await visitor(clinic, "ivo")
        pages = []
        for number in ("R1", "X1"):
            bundle = submission.bundle(b"A letter about somebody.", media="text/plain", family="Othersurname", born="1970-01-01", unique=f"urn:oid:1.{number}")
            for entry in bundle["entry"]:
                for person in entry["resource"].get("contained", ()):
                    person["identifier"] = [{"system": MRN, "value": number}]
            found: list[object] = [without("a new document", (await clinic.ask("tpo", "POST", "", bundle)).body.decode())]
            while await Taking(Envoys(clinic.gate)).round(clinic.gate.house.tenants[A]):
                pass
            id_, control = (await clinic.owner.fetchrow("SELECT message, control FROM record.exchange_message"))
            for path in ("/exchange", "/exchange/messages", "/exchange/traffic", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content", f"/exchange/messages/{id_}/file", "/tray"):
                answer = await browser.get(path)
                found.append((path.replace(id_, "ID"), answer.status_code, without("a message of ours", CHANGING.out(answer.text.replace(control, "MX")))))
            pages.append(found)
            await clinic.owner.execute("DELETE FROM record.exchange_message; DELETE FROM record.paper")
        assert pages[0] == pages[1]
        assert [p[1] for p in pages[0][1:]] == [200, 200, 200, 200, 404, 404, 403], "who works in another program opens none"
        assert "Waiting for somebody" in str(pages)
        assert "Othersurname" not in str(pages)


async def test_whom_a_fhir_message_is_about_changes_neither_its_answer_nor_a_page(database: Dsn) -> None:
    """A visit, a result, two numbers of one person: of a client of SUD, or of nobody here; the hospital and an integration manager of MH tell them apart by nothing."""
    pages: list[list[Any]] = []
    async with house(database) as clinic:
        client = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))).id
        await clinic.make("sys-sud", encounter(client))
        await fhir.sends(clinic, account="tpo")
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        browser = await visitor(clinic, "ivo")
        for number, family, born in (("R1", "Quillfeather", "1988-03-04"), ("R7", "Othersurname", "1970-01-01")):
            found: list[Any] = []
            who = fhir.person(number, family, born)
            joined = {**who, "link": [{"type": "replaces", "other": {"reference": "Patient/p2"}}]}
            for event, resources in (("A01", (fhir.stay(), who)), ("R01", (fhir.result(fhir.value()), fhir.value(), who)), ("A40", (joined, fhir.person("R8", family, born, "p2"))), ("O21", (who,))):
                (reply,) = await fhir.came(clinic, fhir.message(event, *resources))
                found.append((reply.status, without("names in an answer", reply.body.decode())))
                id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
                for path in ("/exchange", "/exchange/messages", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content"):
                    answer = await browser.get(path)
                    found.append((path.replace(id_, "ID"), answer.status_code, CHANGING.out(answer.text.replace(id_, "ID"))))
                await clinic.owner.execute("DELETE FROM record.exchange_message")
            pages.append(found)
    assert [a for a, b in zip(*pages, strict=True) if a != b] == []
    assert [a[0] for a in pages[0] if isinstance(a[0], int)] == [200] * 4
    assert "Quillfeather" not in str(pages)
