"""Make a signature: a statement over the bytes that were shown, as a Provenance beside them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import crypto, errors, signing
from sojourn.care.signing import digests, jws, people
from sojourn.care.signing.meanings import MEANINGS
from sojourn.care.signing.people import Person, Signer
from sojourn.gate.changes import Change, new_id
from sojourn.gate.closing import Act

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_DOCUMENTS = ("DocumentReference/", "Binary/")
_OF_STAFF = frozenset({"author", "co-signer", "reviewed", "refused", "addendum", "error"})


class Signed(NamedTuple):
    """What goes into the write beside what is signed. digest: of the bytes shown; provenance: id of the signature."""

    changes: list[Change]
    digest: str
    provenance: str


async def prepare(
    access: Access, targets: Sequence[str], shown: bytes, meaning: str, *, signer: Signer | None = None, patient: str = "", program: int | None = None,
    title: str = "Signed copy", content_type: str = "text/plain; charset=utf-8", labels: Sequence[Mapping[str, Any]] = (), reason: str = "",
    signed_by: Person | None = None,
) -> Signed:  # fmt: skip
    """A signature over `shown`, for the same write as its targets (`Type/id`).

    shown: exactly the bytes that the signer saw. If no target is a document (DocumentReference or Binary) that holds them, a copy is
    kept as one, about `patient` (logical id) and closed at once. meaning: a key of MEANINGS. signer: whoever signs beside the caller;
    without, the caller does, and has to have proved who they are lately. labels: security labels of what is signed, for the copy.

    signed_by: the caller, where that was looked up already.

    Raises ProofNeeded, Forbidden (no person, credential expired), Invalid.
    """
    if meaning not in MEANINGS:
        raise errors.Invalid(f"There is no such meaning of a signature: {meaning}.")
    if not targets or not shown:
        raise errors.Invalid("A signature needs something that is signed, and the bytes that were shown.")
    if signer is None and meaning not in _OF_STAFF:
        raise errors.Invalid("Say who signs: this is not a signature of staff.")
    person = people.other(signer) if signer is not None else signed_by or await people.me(access)
    if signer is None:
        await access.require_fresh()
    elif not access.caller.agent:
        raise errors.Forbidden("Only a person takes a signature, under their own account.")
    changes = []
    signed = list(dict.fromkeys(targets))
    if not any(target.startswith(_DOCUMENTS) for target in signed):
        copy = _copy(access, signed, shown, patient or _patient(signed), title, content_type, labels)
        changes.append(Change("create", "DocumentReference", copy["id"], copy, program=program, closing=Act("sign", access.now)))
        signed.append(f"DocumentReference/{copy['id']}")
    statement = _statement(access, person, signed, shown, meaning, await people.zone(access), reason)
    id_ = new_id()
    provenance = _provenance(access, id_, person, signer, signed, meaning, statement, reason)
    if labels:
        provenance["meta"] = {"security": [dict(label) for label in labels]}
    changes.append(Change("create", "Provenance", id_, provenance, program=program))
    return Signed(changes, digests.of(shown), id_)


def _statement(access: Access, person: Person, targets: Sequence[str], shown: bytes, meaning: str, zone: str, reason: str) -> dict[str, Any]:
    """What is signed: who, as what, when, the reason if there is one, and digests; no word of what was shown."""
    said = {
        "v": 1, "shown": digests.of(shown), "targets": digests.of_targets(targets), "meaning": meaning, "at": _moment(access), "zone": zone,
        "who": person.reference, "name": person.name, "credential": person.credential, "role": person.role, "method": person.method,
        "relation": person.relation, "identity": person.identity, "reason": person.reason or reason,
        "taken_by": access.caller.agent if person.method != "staff" else "",
    }  # fmt: skip
    return {key: value for key, value in said.items() if value != ""}


def _provenance(
    access: Access, id_: str, person: Person, signer: Signer | None, targets: Sequence[str], meaning: str, statement: dict[str, Any], reason: str
) -> dict[str, Any]:
    meant = MEANINGS[meaning]
    who = person.who
    moment = _moment(access)
    signature = {"type": [meant.coding], "when": moment, "who": who, "targetFormat": "text/plain"}
    made = []
    if signer is not None and signer.drawn:
        statement = {**statement, "drawn": digests.of(signer.drawn)}
        made.append({**signature, "sigFormat": "image/png", "data": base64.b64encode(signer.drawn).decode()})
    said = jws.made(signing.Signer(access.house.key, jws.PURPOSE), statement)
    made.insert(0, {**signature, "sigFormat": jws.FORMAT, "data": base64.b64encode(said).decode()})
    agents = [{"type": {"coding": [{"system": _PARTICIPANT, "code": meant.agent}]}, "who": who}]
    if signer is not None:
        agents.append({"type": {"coding": [{"system": _PARTICIPANT, "code": "enterer"}]}, "who": {"reference": access.caller.agent}})
    return {
        "resourceType": "Provenance",
        "id": id_,
        "target": [{"reference": target} for target in targets],
        "recorded": moment,
        **({"reason": [{"text": reason}]} if reason else {}),
        "activity": {"text": f"Signed: {meant.text}"},
        "agent": agents,
        "signature": made,
    }


def _copy(
    access: Access, targets: Sequence[str], shown: bytes, patient: str, title: str, content_type: str, labels: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What was shown, kept byte by byte."""
    if not patient:
        raise errors.Invalid("Whose record is signed? The copy of what was shown needs a patient.")
    sha1 = hashlib.sha1(shown, usedforsecurity=False).digest()  # FHIR asks for SHA-1 here; what the signature stands over is SHA-256
    attachment = {
        "contentType": content_type, "data": base64.b64encode(shown).decode(), "size": len(shown), "hash": base64.b64encode(sha1).decode(), "title": title,
        "creation": _moment(access),
    }  # fmt: skip
    return {
        "resourceType": "DocumentReference",
        "id": new_id(),
        **({"meta": {"security": [dict(label) for label in labels]}} if labels else {}),
        "status": "current",
        "docStatus": "final",
        "type": {"text": title},
        "subject": {"reference": f"Patient/{patient}"},
        "date": _moment(access),
        **({"author": [{"reference": access.caller.agent}]} if access.caller.agent else {}),
        "content": [{"attachment": attachment}],
        "context": {"related": [{"reference": target} for target in targets]},
    }


def _patient(targets: Sequence[str]) -> str:
    return next((target.removeprefix("Patient/") for target in targets if target.startswith("Patient/")), "")


def _moment(access: Access) -> str:
    return access.now.isoformat(timespec="milliseconds")


def key_of(access: Access) -> bytes:
    """The public key that verifies signatures made here."""
    return signing.Signer(access.house.key, jws.PURPOSE).public


def once(*parts: str) -> str:
    """An id that the same act always has: doing it twice at once writes it once."""
    return crypto.sha256_hex("\0".join(parts).encode())[:32]
