"""MDM: a document is sent, added to, replaced or taken back, among the papers of the chart. Pure.

https://hl7.org/fhir/R4/documentreference.html; HL7 v2.8, 9.5, 9.6.1 (TXA). What it holds becomes one clean PDF (care/papers/sandbox.py), as of every
paper; the bytes as they came stay in the message. A clinical document (C-CDA) is taken in as by any other door: into the tray of papers, where somebody
says whose it is, and from there to its reconciliation (care/summaries).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange.composing import digest, same
from sojourn.care.exchange.facts import CannotMap, Draft, Piece, Place
from sojourn.care.exchange.following import DOCUMENT, SOURCE_DIGEST
from sojourn.care.papers.indexing import CATEGORY
from sojourn.care.resources import concept
from sojourn.doors.hl7v2 import adt, persons, values
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import filekind, plaintext
from sojourn.wire.hl7v2 import Message, Segment

WITH_CONTENT: Final = ("T02", "T04", "T06", "T08", "T10")
_STATUS: Final = {"AU": "final", "LA": "final", "DO": "final", "DI": "preliminary", "IP": "preliminary", "IN": "preliminary", "PA": "preliminary"}
"""TXA-17 (table 0271)."""
_TYPES: Final = {
    "CN": "Consultation", "DI": "Imaging report", "DS": "Discharge summary from elsewhere", "ED": "Emergency department report", "HP": "History and physical", "OP": "Operative report", "PC": "Psychiatric consultation",
    "PH": "Psychiatric history and physical", "PN": "Procedure note", "PR": "Progress note", "TS": "Transfer summary", "CD": "Cardiology report", "AR": "Autopsy report", "SP": "Pathology report",
}  # fmt: skip
"""TXA-2 (table 0270)."""
_MOST: Final = 10 * 1024 * 1024
_BEGINS: Final = 16_384
"""Bytes by which the kind of a file is known."""


def draft(message: Message, partner: Partner) -> Draft:
    """What an MDM message states. Raises CannotMap."""
    event, txa, at = message.event, message.one("TXA"), adt.moment(message, partner)
    if txa is None or message.one("PID") is None:
        raise CannotMap("It does not say which document it is, or whose (TXA, PID).", "TXA")
    number, parent = _number(txa, 12), _number(txa, 13)
    if not number:
        raise CannotMap("It does not say which document it is (TXA-12).", "TXA-12")
    key = ("document", number)
    if event == "T11":
        return Draft([Piece("DocumentReference", key, _ended("entered-in-error"))], at)
    files, paper = _files(message, txa)
    if not files and paper:
        return Draft(at=at, paper=paper)
    if not files:
        raise CannotMap("It tells of a document and does not hold it (OBX-5). Ask for it to be sent with its content.", "OBX")
    body = _body(message, txa, partner, number)
    out = Draft(at=at, paper=paper, numbers=tuple(dict.fromkeys(filter(None, (txa.v(14), *(o.v(2) for o in message.all("ORC")))))))
    related = ("document", parent) if parent and parent != number and event in ("T06", "T10") else ()
    out.pieces.append(Piece("DocumentReference", key, _made(body, event, related, digest(files)), files))
    if related:
        out.pieces.append(Piece("DocumentReference", related, _ended("superseded" if event == "T10" else "")))
    return out


def _number(txa: Segment, n: int) -> str:
    """EI: the number of a document, with who gave it, as one text."""
    rep = txa.first(n)
    parts = [values.line(rep.c(c)) for c in (1, 2, 3)]
    return "|".join(filter(None, (parts[0] or parts[2], parts[1])))


def _body(message: Message, txa: Segment, partner: Partner, number: str) -> dict[str, Any]:
    zone, own = ZoneInfo(partner.timezone), persons.own(partner)
    code = txa.v(2).upper()
    kind = values.line(txa.v(2, 2)) or _TYPES.get(code, "") or "Document"
    title = values.line(txa.first(25).text) if txa.raw(25) else ""
    acted, made = values.when(txa.v(4), zone), values.when(txa.v(6), zone) or values.when(txa.v(7), zone)
    writers = [who for n in (9, 5, 11) for rep in txa.reps(n) if (who := values.reference(rep, own))]
    signed = [who for rep in txa.reps(22) if (who := values.reference(rep, own))]
    gone = txa.v(19).upper()
    body: dict[str, Any] = {
        "identifier": [{"system": DOCUMENT, "value": f"{partner.id}|{number}"}],
        "status": "entered-in-error" if gone == "CA" else "superseded" if gone == "OB" else "current", "docStatus": _STATUS.get(txa.v(17).upper(), "final"),
        "type": {**({"coding": [{"system": f"{own}/table/0270", "code": values.line(txa.v(2))}]} if code else {}), "text": kind},
        "category": [concept(CATEGORY, "Paper from outside")], "description": f"Came by message, from {values.line(message.header.v(4)) or partner.name}",
    }  # fmt: skip
    if writers:
        body["author"] = list({who["display"]: who for who in reversed(writers)}.values())[::-1]
    if signed:
        body["authenticator"] = signed[0]
    if partner.organization:
        body["custodian"] = {"reference": partner.organization, "display": partner.name}
    if acted is not None:
        body["context"] = {"period": {"start": acted.text}}
    body["content"] = [{"attachment": {"title": title or kind, **({"creation": made.text} if made is not None else {})}}]
    return body


def _made(body: dict[str, Any], event: str, related: tuple[str, ...], source: str) -> Any:
    def make(place: Place) -> dict[str, Any]:
        was = place.before or {}
        old: dict[str, Any] = next((c.get("attachment") or {} for c in was.get("content") or ()), {})
        attachment = {**body["content"][0]["attachment"], "extension": [{"url": SOURCE_DIGEST, "valueString": source}]}
        if same(was, source):
            attachment |= {k: old[k] for k in ("contentType", "data", "size", "url", "hash") if k in old}
        else:
            attachment |= {"contentType": "application/pdf", "data": base64.b64encode(place.clean).decode(), "size": len(place.clean)}
        out = {**was, "resourceType": "DocumentReference", **body, "subject": {"reference": f"Patient/{place.patient}"}, "date": was.get("date") or place.now, "content": [{"attachment": attachment}]}
        if related:
            other = f"DocumentReference/{place.ids[related]}"
            if other in place.known:
                out["relatesTo"] = [{"code": "replaces" if event == "T10" else "appends", "target": {"reference": other}}]
        return out

    return make


def _ended(status: str) -> Any:
    """What was there before has this status from now on; '' leaves it."""
    return lambda place: {**place.before, "status": status} if place.before is not None and status else None


def _files(message: Message, txa: Segment) -> tuple[tuple[bytes, ...], bytes]:
    """What OBX under TXA hold: files, and their words as one text; and the clinical document (C-CDA) among them. Raises CannotMap for what nobody can read."""
    files: list[bytes] = []
    paper = b""
    words: list[str] = []
    for obx in message.segments[message.segments.index(txa) :]:
        if obx.name != "OBX":
            continue
        kind = obx.v(2).upper()
        if kind == "ED":
            for rep in obx.reps(5):
                found = _decoded(rep.c(4), rep.whole(5))
                form = f"{rep.c(2)} {rep.c(3)}".upper()
                if found is None:
                    raise CannotMap("Its file cannot be read: it is neither Base64, Hex nor plain text (OBX-5.4).", "OBX-5")
                if filekind.of(found[:_BEGINS]) == filekind.CCDA:
                    if paper and paper != found:
                        raise CannotMap("It holds two clinical documents (C-CDA). Ask for each in a message of its own.", "OBX-5")
                    paper = found
                    continue
                if "XML" in form or "CDA" in form or found.lstrip()[:5] == b"<?xml":
                    raise CannotMap("Its document is XML, which nobody can read as it stands, and no C-CDA. Ask for a PDF, a picture or text.", "OBX-5")
                files.append(plaintext.readable(found, form))
        elif kind == "RP":
            raise CannotMap("It points to a file elsewhere and does not hold it (OBX-5, RP). Nothing is fetched from an address in a message.", "OBX-5")
        else:
            words.append("\n".join(values.prose(rep.text) for rep in obx.reps(5)))
    text = "\n".join(words).strip("\n")
    if any(len(f) > _MOST for f in files):
        raise CannotMap(f"The file in it is larger than {_MOST >> 20} MB (OBX-5). Ask for it in parts.", "OBX-5")
    return tuple(f for f in (*((text.encode(),) if text.strip() else ()), *files) if f), paper


def _decoded(form: str, data: str) -> bytes | None:
    """ED.5 by its encoding (table 0299)."""
    bare = re.sub(r"\s+", "", data)
    try:
        if form.upper() == "BASE64":
            return base64.b64decode(bare, validate=True)
        if form.upper() == "HEX":
            return bytes.fromhex(bare)
    except (ValueError, binascii.Error):
        return None
    return data.encode() if form.upper() in ("A", "") and data else None
