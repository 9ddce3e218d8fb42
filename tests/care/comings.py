"""One protected record in by each door, each with a mark of its own kind.

Of its sender's profile, of the basis on which it comes, of a message, of a document, or the notice of 42 CFR 2.32.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.base import clock
from sojourn.care.papers import indexing, receiving
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.reading import CCDA
from sojourn.care.release import sheets
from sojourn.care.release.sheets import Line
from sojourn.care.summaries import filing
from sojourn.doors.mhd.taking import Taking
from sojourn.gate import papers
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.wire.direct import File, Letter
from sojourn.wire.hl7v2write import segment
from tests.care import outside, reach
from tests.care.test_handoff import at
from tests.doors.direct.hisp import hisp
from tests.doors.direct.partner import THEM, US, Door, sealed
from tests.doors.direct.partner import opened as mailbox
from tests.doors.hl7v2.lab import LAB, MRN, code, done, listener, oru, registered, sent
from tests.doors.mhd.submission import bundle
from tests.doors.sftp.partner import brought, connected, looked, opened
from tests.doors.sftp.partner import door as sftp
from tests.doors.sftp.test_routes import service
from tests.people import MH, A, Clinic

SHORT: Final = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
ACT: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
UNDER: Final = {"part2": True}
AGREED: Final = {"basis": "consent"}
NDJSON: Final = (("content-type", "application/fhir+ndjson"),)


class Who(NamedTuple):
    """A client of ours: id, and what others call them."""

    id: str
    mrn: str
    family: str


class Came(NamedTuple):
    """What came. ref: `Type/id`; word: stands in it wherever its words are; basis: on which we have it, '' where nobody agreed on one."""

    ref: str
    word: str
    basis: str


Coming = Callable[[Clinic, Who, str], Awaitable[Came]]


async def _filed(clinic: Clinic, who: Who, word: str, basis: str) -> Came:
    """Somebody files the one paper that waits, into the chart and a program that is none of Part 2, and labels nothing."""
    access = await at(clinic, "officer")
    (paper,) = await papers.waiting(access)
    wish = Wish(who.id, MH, "Letter", "2026-02-01", f"{word} letter", unborn=paper.media != CCDA, born="" if paper.media != CCDA else "1988-03-04")
    return Came(f"DocumentReference/{await (filing.file if paper.media == CCDA else indexing.index)(access, paper, wish)}", word, basis)


def _ccd(who: Who, word: str, body: str = "", **more: Any) -> bytes:
    """A clinical document with one allergy. Each is another: of another set of bytes."""
    substance = outside.allergy(f"1.2.7.{sum(map(ord, word))}", f"rxnorm|7980|{word} allergen")
    return outside.ccd(outside.section("48765-2", substance, body or f"<paragraph>{word}</paragraph>"), mrn=who.mrn, family=who.family, id_=f"1.2.8.{int.from_bytes(word.encode())}", **more)


def _pdf(word: str, *lines: str) -> bytes:
    drawn, _ = sheets.laid_out([Line(f"A letter about {word}", fresh=True), *(Line(line) for line in lines)])
    return sheets.written(drawn, "", "Elsewhere")


def _rtf(word: str, said: str) -> bytes:
    words = said.replace("part", "p{}art")
    return rf"{{\rtf1\ansi{{\fonttbl{{\f0 Arial;}}}}\f0 A letter about {word}\par \b {words}\b0\par}}".encode()


async def _message(clinic: Clinic, partner: dict[str, Any], content: bytes, type_: str = "", says: str = "") -> str:
    """A message comes; what of a type it became, where that is several the one that says something."""
    there = "SELECT array_agg(id) FROM record.resource WHERE tenant = $1 AND type = $2"
    before = await clinic.owner.fetchval(there, A, type_) or []
    await registered(clinic.gate, replace(LAB, id="sender", applications=("FAR",)), program=MH, **partner)
    door = listener(clinic.gate)
    assert code(await sent(door, content)) == "AA"
    await done(door, clinic.gate)
    state = await clinic.owner.fetchrow("SELECT state, reason FROM record.exchange_message WHERE direction = 'in' ORDER BY seq DESC LIMIT 1")
    assert state is not None
    assert tuple(state) == ("mapped", "")
    await _ended(clinic, "sender")
    new = [f"{type_}/{id_}" for id_ in await clinic.owner.fetchval(there, A, type_) or () if id_ not in before]
    said = [ref for ref in new if len(new) == 1 or says in (await clinic.get("sys-mh", ref)).body.decode()]
    return next(iter(said), "")


async def _ended(clinic: Clinic, *ids: str) -> None:
    """A partner of one coming is gone before the next."""
    for table in ("exchange_partner", "sftp_account", "sftp_key", "direct_partner", "direct_certificate", "direct_mailbox"):
        await clinic.owner.execute(f"DELETE FROM record.{table}" + ("" if table == "direct_mailbox" else " WHERE partner = ANY($1)"), *([] if table == "direct_mailbox" else [list(ids)]))


def _result(basis: str, partner: dict[str, Any], extra: str = "", carrier: str = "", *, attached: bool = False) -> Coming:
    """A result; attached: with its report as a PDF that says it."""

    async def coming(clinic: Clinic, who: Who, word: str) -> Came:
        value = f"{100 + int(word[2:4])}.{ord(word[0])}"  # another for each
        report = _ed("PDF", _pdf(word, SHORT)) + "\r" if attached else ""
        content = oru(f"C{word}", mrn=who.mrn, family=who.family, filler=f"F{word}", value=value, extra=extra + report, application="FAR")
        if carrier:
            content = content.replace(f"ORC|RE||F{word}\r".encode(), segment("ORC", {1: "RE", 3: f"F{word}", 28: carrier}).encode() + b"\r")
        return Came(await _message(clinic, partner, content, "Observation", value), value, basis)

    return coming


def _ed(form: str, content: bytes) -> str:
    return segment("OBX", {1: "9", 2: "ED", 3: ("1", "Summary"), 5: ("", "text", form, "Base64", base64.b64encode(content).decode())})


def _document(basis: str, partner: dict[str, Any], kept: str = "", text: str = "Discharged home.", form: str = "") -> Coming:
    """MDM T02, with a text, with a file of a form that holds the notice, or with a clinical document (XML) that goes through the tray."""

    async def coming(clinic: Clinic, who: Who, word: str) -> Came:
        files = {"XML": lambda: _ccd(who, word), "PDF": lambda: _pdf(word, SHORT), "RTF": lambda: _rtf(word, SHORT)}
        obx = _ed(form, files[form]()) if form else segment("OBX", {1: "1", 2: "TX", 3: ("1", "Summary"), 5: text})
        txa = segment("TXA", {1: "1", 2: "DS", 3: "TX", 12: (f"D{word}", "LAB"), 17: "AU", 18: kept, 25: f"{word} letter"})
        head = f"MSH|^~\\&|FAR|LAB|SOJOURN|RIVER|20260302083000-0500||MDM^T02|M{word}|P|2.5.1\rEVN|T02|20260302083000-0500\rPID|1||{who.mrn}^^^RIVER^MR||{who.family}^Ana||19880304|F\r"
        made = await _message(clinic, partner, f"{head}{txa}\r{obx}\r".encode(), "DocumentReference")
        return await _filed(clinic, who, word, basis) if form == "XML" else Came(made, word, basis)

    return coming


def _file(basis: str, partner: dict[str, Any], make: Callable[[Who, str], bytes], by: str) -> Coming:
    """A file by SFTP or Direct."""

    async def coming(clinic: Clinic, who: Who, word: str) -> Came:
        as_ = {"id": "sender", "name": "Cedar Clinic", "program": MH, **partner}
        content = make(who, word)
        if by == "sftp":
            await opened(clinic.gate, as_=as_, brings="mover")
            async with sftp(clinic.gate) as there, connected(there) as client:
                await brought(client, f"{word}.bin", content)
                await looked(there, clinic.gate)
        else:
            async with hisp(US, THEM) as there_:
                await mailbox(clinic.gate, there_, as_=as_)
                there_.put(US, sealed(Letter(f"<{word}@direct.cedar.test>", THEM, US, "Papers", "With this.", (File("a.bin", "application/octet-stream", content),)), word))
                await Door(clinic.gate).look()
        await _ended(clinic, "sender")
        if content[:1] == b"{":
            return Came(f"Condition/{word}", word, basis)
        return await _filed(clinic, who, word, basis)

    return coming


def _faxed(basis: str, partner: dict[str, Any] | None, *lines: str) -> Coming:
    async def coming(clinic: Clinic, who: Who, word: str) -> Came:
        if partner is not None:
            await reach.partner(clinic, "elsewhere", reach.FAX, id_="sender", **partner)
        folder = Path(clinic.gate.house.inbox) / "a" / "mh"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{word}.pdf").write_bytes(_pdf(word, *lines))
        (folder / f"{word}.pdf.json").write_text(json.dumps({"from": "(512) 555-0142"}))
        clock_ = await Clockwork(clinic.gate).access(A)
        while await receiving.watch(clock_) == 0:
            pass
        await _ended(clinic, "sender")
        return await _filed(clinic, who, word, basis)

    return coming


def _brought(basis: str, partner: dict[str, Any], label: str, *, plain: bool, numbered: bool = False, also: str = "") -> Coming:
    """ITI-65. numbered: by a number that was agreed, so that it is filed by itself; otherwise through the tray."""

    async def coming(clinic: Clinic, who: Who, word: str) -> Came:
        made = Partner("sender", "Lakeside Hospital", door="none", organization="Organization/stranger", program=MH, authorities={MRN: MRN} if numbered else {}, agreed=reach.AGREED, **partner)
        await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, made.id, partners.facts(made), clock.now())
        more: dict[str, Any] = {"securityLabel": [{"coding": [{"system": ACT, "code": label}]}]} if label else {}
        content = f"Ana {who.family}: {word}. {also}".encode() if plain else _ccd(who, word)
        body = bundle(content, media="text/plain" if plain else "application/xml", unique=f"urn:oid:1.{sum(map(ord, word))}", family=who.family, type={"text": f"{word} letter"}, **more)
        for person in body["entry"][1]["resource"]["contained"]:
            person["identifier"] = [{"system": MRN, "value": who.mrn}]
        reply = await clinic.ask("stranger", "POST", "", body)
        assert reply.status == 200, reply.body
        while await Taking(Envoys(clinic.gate)).round(clinic.gate.house.tenants[A]):
            pass
        await _ended(clinic, "sender")
        if numbered:
            assert await papers.waiting(await at(clinic, "officer")) == []
            return Came(reply.json()["entry"][1]["response"]["location"], word, basis)
        return await _filed(clinic, who, word, basis)

    return coming


def _condition(who: Who, word: str, label: str = "") -> dict[str, Any]:
    meta = {"meta": {"security": [{"system": ACT, "code": label}]}} if label else {}
    return {"resourceType": "Condition", "id": word, "subject": {"reference": f"Patient/{who.id}"}, "code": {"text": f"{word} trouble"}, "recordedDate": "2026-02-01", **meta}


def _line(who: Who, word: str, label: str = "") -> bytes:
    return json.dumps(_condition(who, word, label)).encode() + b"\n"


async def _imported(clinic: Clinic, who: Who, word: str) -> Came:
    reply = await clinic.ask("sys-mh", "POST", "$import?program=mh", _line(who, word, "42CFRPart2"), NDJSON)
    assert reply.status == 200, reply.body
    return Came(f"Condition/{word}", word, "")


async def _written(clinic: Clinic, who: Who, word: str) -> Came:
    return Came(f"Condition/{(await clinic.make('sys-mh', _condition(who, word, '42CFRPart2'))).id}", word, "")


async def _attached(clinic: Clinic, who: Who, word: str) -> Came:
    """A clinical document in a resource, which says itself what it is."""
    attachment = {"contentType": "application/xml", "data": base64.b64encode(_ccd(who, word, NOTICED)).decode(), "title": f"{word} letter"}
    made = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{who.id}"}, "type": {"text": "Summary"}, "date": "2026-02-03T10:00:00Z", "content": [{"attachment": attachment}]}
    return Came(f"DocumentReference/{(await clinic.make('sys-mh', made)).id}", word, "")


def _held(who: Who, word: str, media: str, content: bytes) -> dict[str, Any]:
    """A document with a file that says it."""
    attachment = {"contentType": media, "data": base64.b64encode(content).decode(), "title": f"{word} letter"}
    return {"resourceType": "DocumentReference", "id": word, "status": "current", "subject": {"reference": f"Patient/{who.id}"}, "type": {"text": f"{word} letter"}, "date": "2026-02-03T10:00:00Z", "content": [{"attachment": attachment}]}


async def _text_imported(clinic: Clinic, who: Who, word: str) -> Came:
    line = json.dumps(_held(who, word, "text/plain", f"{word}. {SHORT}".encode())).encode() + b"\n"
    reply = await clinic.ask("sys-mh", "POST", "$import?program=mh", line, NDJSON)
    assert reply.status == 200, reply.body
    return Came(f"DocumentReference/{word}", word, "")


def _sent(media: str, make: Callable[[str], bytes]) -> Coming:
    async def coming(clinic: Clinic, who: Who, word: str) -> Came:
        return Came(f"DocumentReference/{(await clinic.make('sys-mh', _held(who, word, media, make(word)))).id}", word, "")

    return coming


async def _asked_in(clinic: Clinic, who: Who, word: str) -> Came:
    """$import-ccda."""
    reply = await clinic.ask("sys-mh", "POST", "DocumentReference/$import-ccda?program=mh", _ccd(who, word, NOTICED), (("content-type", "application/hl7-cda+xml"),))
    assert reply.status == 202, reply.body
    return await _filed(clinic, who, word, "")


NOTICED: Final = f"<paragraph>{SHORT}</paragraph>"
COMINGS: Final[dict[str, Coming]] = {
    "a result of a Part 2 program": _result("treatment", UNDER), "a result under a consent": _result("consent", AGREED), "a result with a notice": _result("treatment", {}, f"NTE|1||{SHORT}\r"),
    "a result that its order marks": _result("treatment", {}, carrier="ETH"),
    "a message's document of a Part 2 program": _document("treatment", UNDER), "a message's document, marked": _document("treatment", {}, "ETH"), "a message's document with a notice": _document("treatment", {}, text=SHORT),
    "a message's RTF with a notice": _document("treatment", {}, form="RTF"), "a message's PDF with a notice": _document("treatment", {}, form="PDF"), "a result whose PDF has a notice": _result("treatment", {}, attached=True),
    "a C-CDA by message": _document("consent", AGREED, form="XML"),
    "a PDF by SFTP": _file("treatment", UNDER, lambda _, word: _pdf(word), "sftp"), "a C-CDA by SFTP": _file("treatment", {}, lambda who, word: _ccd(who, word, NOTICED), "sftp"),
    "records by SFTP of a Part 2 program": _file("treatment", UNDER, _line, "sftp"), "records by SFTP under a consent": _file("consent", AGREED, _line, "sftp"),
    "a PDF by Direct": _file("consent", AGREED, lambda _, word: _pdf(word), "direct"), "a C-CDA by Direct": _file("treatment", UNDER, _ccd, "direct"), "a PDF by Direct with a notice": _file("treatment", {}, lambda _, word: _pdf(word, SHORT), "direct"),
    "a fax of a Part 2 program": _faxed("treatment", UNDER), "a fax under a consent": _faxed("consent", AGREED), "a fax with a notice": _faxed("", None, SHORT),
    "a text by document exchange, labelled": _brought("treatment", {}, "ETHUD", plain=True), "a C-CDA by document exchange under a consent": _brought("consent", AGREED, "", plain=False),
    "a text by document exchange with a notice, filed by itself": _brought("treatment", {}, "", plain=True, numbered=True, also=SHORT), "a text by document exchange of a Part 2 program, filed by itself": _brought("treatment", UNDER, "", plain=True, numbered=True),
    "a C-CDA by document exchange under a consent, filed by itself": _brought("consent", AGREED, "", plain=False, numbered=True),
    "a bulk import": _imported, "a resource by the API": _written, "a C-CDA in a resource": _attached, "a text by bulk import with a notice": _text_imported,
    "a text by the API with a notice": _sent("text/plain", lambda word: f"{word}. {SHORT}".encode()), "a PDF by the API with a notice": _sent("application/pdf", lambda word: _pdf(word, SHORT)), "HTML by the API with a notice": _sent("text/html", lambda word: f"<html><p>{word}<p>{SHORT.replace('CFR', '<b>CFR</b>')}</html>".encode()), "a C-CDA for the tray": _asked_in,
}  # fmt: skip
"""Each way in, with its mark."""


async def prepared(clinic: Clinic) -> None:
    """What the comings need once."""
    await service(clinic, "mover")
