"""Somebody who is not here yet, written down as a document names them: it has a chart then.

The person and a planned stay of the program for which the document came; what it says of them stands in the Patient in the document's codes. Who is here
already is offered first (filing.whose). https://hl7.org/fhir/us/core/StructureDefinition-us-core-patient.html
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from sojourn.base import errors
from sojourn.care.papers.reading import CCDA
from sojourn.care.resources import ref
from sojourn.care.signing.preparing import once
from sojourn.care.summaries import elements, filing, opening, person
from sojourn.fhir.validate import validate
from sojourn.gate import papers
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.papers import Paper
from sojourn.wire.ccda.facts import Document, Place, Telecom
from sojourn.wire.ccda.values import Coded

NEEDS: Final = (("Patient", "create"), ("EpisodeOfCare", "create"))
_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_OMB: Final = frozenset({"1002-5", "2028-9", "2054-5", "2076-8", "2106-3", "2135-2", "2186-5", "UNK", "ASKU"})
"""Categories of race and ethnicity of the Office of Management and Budget; every other code is one in detail."""
_GENDERS: Final = {"M": "male", "F": "female", "UN": "other"}
_NAMES: Final = {"L": "official", "C": "usual", "P": "nickname", "A": "anonymous", "OR": "old"}
_USES: Final = {"HP": "home", "H": "home", "HV": "home", "WP": "work", "DIR": "work", "MC": "mobile", "TMP": "temp", "BAD": "old"}
_SCHEMES: Final = {"tel": "phone", "mailto": "email", "fax": "fax", "sms": "sms"}
_PARTS: Final = {"city": "city", "county": "district", "state": "state", "postalCode": "postalCode", "country": "country"}


def patient(document: Document) -> dict[str, Any]:
    """The Patient that a document describes."""
    p = document.patient
    names = [
        {k: v for k, v in (("use", _NAMES.get(n.use, "")), ("family", _words(n.family)), ("given", list(map(elements.words, n.given))), ("prefix", list(map(elements.words, n.prefix))), ("suffix", list(map(elements.words, n.suffix)))) if v}
        for n in p.names
    ]  # fmt: skip
    extensions = [*(e for e in (_origin("race", p.race), _origin("ethnicity", p.ethnicity)) if e), *person.extensions(document)]
    married = elements.concept(p.marital)
    return {
        "resourceType": "Patient", **({"extension": extensions} if extensions else {}), **({"identifier": ids} if (ids := [i for text in p.identifiers if (i := elements.identifier(text))]) else {}), "active": True,
        **({"name": names} if names else {}), **({"telecom": told} if (told := [t for said in p.reached if (t := _telecom(said))]) else {}), "gender": _GENDERS.get(p.gender, "unknown"),
        **({"birthDate": p.born[:10]} if p.born else {}), **_died(p.died), **({"address": places} if (places := [_address(a) for a in p.places]) else {}), **({"maritalStatus": married} if married else {}),
        **({"communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": code}]}, **({"preferred": True} if preferred else {})} for code, preferred in p.spoken]} if p.spoken else {}),
    }  # fmt: skip


def _words(parts: tuple[str, ...]) -> str:
    return elements.words(" ".join(parts))


def _origin(name: str, codes: tuple[Coded, ...]) -> dict[str, Any] | None:
    """The US Core extension for race or ethnicity."""
    inside: list[dict[str, Any]] = []
    for found in codes:
        (coding, *_) = elements.codings(found) or [{}]
        if coding:
            inside.append({"url": "ombCategory" if coding["code"] in _OMB else "detailed", "valueCoding": coding})
    if not inside:
        return None
    return {"url": _CORE + name, "extension": [*inside, {"url": "text", "valueString": ", ".join(c["valueCoding"].get("display") or c["valueCoding"]["code"] for c in inside)}]}


def _telecom(said: Telecom) -> dict[str, str] | None:
    scheme, colon, rest = said.value.partition(":")
    kind, value = (_SCHEMES.get(scheme.lower(), ""), rest) if colon else ("phone", said.value)
    value = elements.words(value if kind else said.value)
    use = _USES.get(said.use.split(" ")[0], "")
    return {"system": kind or "url", "value": value, **({"use": use} if use else {})} if value else None


def _address(place: Place) -> dict[str, Any]:
    lines = [elements.words(text) for tag, text in place.parts if tag == "streetAddressLine"]
    use = {"HP": "home", "H": "home", "WP": "work", "TMP": "temp", "BAD": "old"}.get(place.use, "")
    return {**({"use": use} if use else {}), **({"line": lines} if lines else {}), **{_PARTS[tag]: elements.words(text) for tag, text in place.parts if tag in _PARTS}}


def _died(said: str) -> dict[str, Any]:
    return {"deceasedBoolean": said == "true"} if said in ("true", "false") else {"deceasedDateTime": said} if said else {}


async def register(access: Access, paper: Paper, program: int, *, sure: bool = False) -> str:
    """Write down whom a document in the tray names; the id of the person. sure: that they are none of those who are offered. Doing it twice does it once.

    Raises Malformed for a document that names nobody or somebody who may be here, Forbidden for a role that writes nobody down.
    """
    if not all(access.may(t, a) for t, a in NEEDS):
        raise errors.Forbidden("Your role writes down nobody new.")
    if paper.state != papers.WAITING or paper.media != CCDA:
        raise errors.Conflict("Only a clinical document that waits says whom to write down.")
    if program not in access.caller.programs:
        raise errors.Malformed("Choose the program for which they are written down.")
    document = await opening.opened(await papers.content(access, paper))
    made = patient(document)
    if not (made.get("name") and made.get("birthDate")):
        raise errors.Malformed("The document does not say name and birth date. Take the person in as a call.")
    id_ = once("registered", paper.id)
    if not sure and set((await filing.whose(access, document)).candidates) - {id_}:
        raise errors.Malformed("Somebody here may be this person. Look at who is offered; if it is nobody of them, say so below.")
    if [i for i in validate(made) if i.severity in ("error", "fatal")]:
        raise errors.Malformed("What the document says of the person cannot be written down as it is. Take the person in as a call.")
    labels = filing.labels_of(document, (), paper.marks)
    meta = {"meta": {"security": labels}} if labels else {}
    ran = access.rules.programs[program]
    stay = {
        "resourceType": "EpisodeOfCare", **meta, "status": "planned", "type": [{"text": ran.name}], "patient": ref("Patient", id_),
        **({"managingOrganization": ref("Organization", ran.organization.rpartition("/")[2])} if ran.organization else {}),
    }  # fmt: skip
    with suppress(errors.Conflict):  # the second click
        await access.write([Change("create", "Patient", id_, {**made, **meta}, program=program), Change("create", "EpisodeOfCare", once("registered-stay", paper.id), stay, program=program)], action="paper-person")
    return id_
