"""Draft, then sign: nothing is missing, the words are those shown, and who signed is known."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import bases
from sojourn.gate.changes import Change, new_id
from sojourn.gate.consenting import elements, entering, replacing, signers, terms
from sojourn.gate.consenting.signers import Signer
from sojourn.gate.consenting.terms import Resource
from sojourn.gate.consenting.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Collection

    from sojourn.gate.access import Access

_SIGNATURE = {"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.7", "display": "Consent Signature"}
SCANS = {"application/pdf": b"%PDF-", "image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}
"""Kinds of scanned paper that are taken, and how such a file begins."""


@dataclass(slots=True)
class Signing:
    """What is known about a signature. method: electronic or paper. shown: the digest of the words that were on the screen."""

    signer: Signer
    method: str
    shown: str
    name: str = ""
    identity: str = ""
    witness: str = ""
    signed_on: date | None = None
    scan: bytes = b""
    scan_type: str = ""
    copy: str = ""


async def save(access: Access, form: dict[str, Any], *, program: int | None, version: str = "") -> tuple[str, str]:
    """Keep an unsigned form. Returns its id and version. Raises VersionConflict if somebody else changed it."""
    if program is not None and program not in access.caller.programs:
        raise errors.Forbidden("Choose a program that you work in: a consent belongs to the program whose records it is about.")
    change = Change("update" if form.get("id") else "create", "Consent", str(form.get("id", "")), form, if_match=version or None, program=program)
    written = (await access.write([change], action="draft"))[0]
    return written.id, written.version


def problems(form: Resource, signing: Signing, wording: Wording, patient: Resource, today: date, ours: Collection[str] = ()) -> list[str]:
    """Everything that stands against signing, each with its section and what to do; empty when nothing does. ours: the organizations that are the house's own."""
    found = [element.missed for element in elements.unsigned(form)]
    root = terms.root(form)
    if root.get("type") == "deny" and any(terms.literal(actor.get("reference")) in ours for actor in terms.actors(root)):
        found.append("45 CFR 164.522(a): who is kept out. An organization of ours keeps nobody out who works here. Name the people themselves.")
    if signing.shown != wording.digest:
        found.append("The form was changed after it was shown. Read it again, then sign.")
    if signing.identity not in signers.IDENTITIES and signing.identity != signers.OWN_ACCOUNT:
        found.append("42 CFR 2.31(a)(8): how you know who signs. Choose what you saw or asked.")
    found += signers.problems(form, signing.signer, patient, today)
    if signing.method == "electronic" and len(signing.name.split()) < 2:
        found.append("42 CFR 2.31(a)(8): the signature. The person who signs types their first and last name.")
    if signing.method == "paper":
        found += _paper(signing, today)
    elif signing.method != "electronic":
        found.append("Choose whether it is signed on this screen or was signed on paper.")
    return found


def _paper(signing: Signing, today: date) -> list[str]:
    found = []
    if signing.signed_on is None:
        found.append("42 CFR 2.31(a)(9): the day of the signature. Write the day that stands on the paper.")
    elif signing.signed_on > today:
        found.append("42 CFR 2.31(a)(9): the day of the signature. It cannot be in the future.")
    if not signing.scan:
        found.append("42 CFR 2.31(a)(8): the signed paper. Scan or photograph it and choose the file.")
    elif not signing.scan.startswith(SCANS.get(signing.scan_type, b"\0\0")):
        found.append("The file must be a PDF, a JPEG or a PNG.")
    return found


async def sign(access: Access, form: Resource, signing: Signing, wording: Wording, patient: Resource, *, version: str) -> str:
    """Sign a draft: the Consent, its form with the exact words, and who signed, in one transaction. Returns the Consent's id.

    Raises ProofNeeded where the one who captures it must prove anew who they are, Invalid with everything that is missing by its
    section, VersionConflict where the draft was changed meanwhile. Earlier forms that it takes the place of end in the same moment.
    """
    await access.require_fresh()
    if signing.identity == signers.OWN_ACCOUNT:
        raise errors.Invalid("42 CFR 2.31(a)(8): how you know who signs. Choose what you saw or asked.")
    return await signed(access, form, signing, wording, patient, version=version, program=await _program(access, form), capture=await replacing.taken_by(access))


async def signed(
    access: Access, form: Resource, signing: Signing, wording: Wording, patient: Resource, *, version: str, program: int | None, capture: dict[str, str]
) -> str:
    """The same for a caller who has proved who they are already. program: to which the papers belong; capture: who takes the signature."""
    if form.get("status") != "draft":
        raise errors.Invalid("Only a draft can be signed.", expression="Consent.status")
    if found := problems(form, signing, wording, patient, access.today, ours(access)):
        raise errors.Invalid(" ".join(found))
    moment = access.now.isoformat(timespec="milliseconds")
    when = signing.signed_on.isoformat() if signing.method == "paper" and signing.signed_on else moment
    document, provenance = new_id(), new_id()
    made = _signed(form, signing, wording, when, document)
    changes = [
        Change("create", "DocumentReference", document, _document(made, signing, wording, moment), program=program),
        Change("update", "Consent", str(form["id"]), made, if_match=version, consenting=entering.SIGNED),
        Change("create", "Provenance", provenance, _provenance(capture, made, signing, wording, moment), program=program),
        *await replacing.ended_by(access, made, moment),
    ]
    await access.write(changes, action="sign")
    return str(form["id"])


def ours(access: Access) -> set[str]:
    """References of the operating organization and of those that stand for its programs."""
    named = [access.tenant.organization, *(p.organization for p in access.rules.programs.values())]
    return {f"Organization/{name.removeprefix('Organization/')}" for name in named if name}


async def _program(access: Access, form: Resource) -> int | None:
    """The program that the Consent itself belongs to: its papers belong there, too."""
    named = {terms.literal(o).removeprefix("Organization/") for o in form.get("organization") or ()}
    mine = [p.number for p in access.programs if p.organization and p.organization.removeprefix("Organization/") in named]
    if mine:
        return mine[0]
    part2 = [p.number for p in access.programs if p.part2]
    return part2[0] if part2 and terms.kind(terms.kind_of(form)).get("part2") else None


def program_for(access: Access, form: Resource) -> list[int | None]:
    """Programs in which a form could be kept, the best first."""
    named = {terms.literal(o).removeprefix("Organization/") for o in form.get("organization") or ()}
    mine: list[int | None] = [p.number for p in access.programs if p.organization and p.organization.removeprefix("Organization/") in named]
    return [*mine, access.caller.acting]


def _signed(form: Resource, signing: Signing, wording: Wording, when: str, document: str) -> dict[str, Any]:
    decided = terms.kind(terms.kind_of(form)).get("decided")
    evidence: dict[str, dict[str, Any] | None] = {
        terms.AUTHORITY: {"valueCode": signing.signer.authority},
        terms.AUTHORITY_EVIDENCE: {"valueString": signing.signer.evidence} if signing.signer.evidence else None,
        terms.IDENTITY: {"valueCode": signing.identity},
        terms.WITNESS: {"valueString": signing.witness} if signing.witness else None,
        terms.METHOD: {"valueCode": signing.method},
        terms.TYPED: {"valueString": signing.name} if signing.name else None,
        terms.DIGEST: {"valueString": wording.digest},
        terms.COPY: {"valueCode": signing.copy} if signing.copy else None,
        terms.COPY_AT: {"valueDateTime": when} if signing.copy else None,
    }
    signed = terms.with_values(form, evidence)
    signed |= {
        "status": "proposed" if decided else "active",
        "dateTime": when,
        "performer": [_who(signing)],
        "sourceReference": {"reference": f"DocumentReference/{document}"},
        "verification": [{"verified": True, "verificationDate": when}],
    }
    if provision := dict(terms.root(form)):
        provision["period"] = {"start": when, **{k: v for k, v in (provision.get("period") or {}).items() if k == "end"}}
        signed["provision"] = provision
    return _of_a_minor(signed) if signing.signer.authority == "minor" else signed


def _of_a_minor(signed: dict[str, Any]) -> dict[str, Any]:
    """What a minor signed alone is kept from parents, as is the care (42 CFR 2.14; 45 CFR 164.502(g)(3))."""
    meta = signed.get("meta") or {}
    return {**signed, "meta": {**meta, "security": [*(meta.get("security") or ()), {"system": bases.LOCAL, "code": "MINOR"}]}}


def _who(signing: Signing) -> dict[str, str]:
    return {"reference": signing.signer.reference} if signing.signer.reference else {"type": "RelatedPerson", "display": signing.signer.name or signing.name}


def _document(signed: Resource, signing: Signing, wording: Wording, moment: str) -> dict[str, Any]:
    attachments = [_attachment("text/plain; charset=utf-8", wording.text.encode(), wording.heading, moment)]
    if signing.scan:
        attachments.append(_attachment(signing.scan_type, signing.scan, "Signed paper", moment))
    return {
        "resourceType": "DocumentReference",
        **_under_the_same_law(signed),
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "59284-0"}], "text": "Signed consent"},
        "subject": signed["patient"],
        "date": moment,
        "content": [{"attachment": attachment} for attachment in attachments],
    }


def _under_the_same_law(signed: Resource) -> dict[str, Any]:
    """The labels of the laws under which the Consent stands, for the papers beside it."""
    labels = [c for c in (signed.get("meta") or {}).get("security") or () if c.get("code") in ("42CFRPart2", "MINOR")]
    return {"meta": {"security": labels}} if labels else {}


def _attachment(type_: str, data: bytes, title: str, moment: str) -> dict[str, Any]:
    """FHIR asks for SHA-1 here; what the signature stands under is SHA-256, on the Consent and in the signature."""
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return {
        "contentType": type_, "data": base64.b64encode(data).decode(), "hash": base64.b64encode(digest).decode(), "size": len(data), "title": title, "creation": moment,
    }  # fmt: skip


def _provenance(capture: dict[str, str], signed: Resource, signing: Signing, wording: Wording, moment: str) -> dict[str, Any]:
    who = _who(signing)
    role = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    return {
        "resourceType": "Provenance",
        **_under_the_same_law(signed),
        "target": [{"reference": f"Consent/{signed['id']}"}, signed["sourceReference"], signed["patient"]],
        "recorded": moment,
        "activity": {"text": "Consent signed"},
        "agent": [
            {"type": {"coding": [{"system": role, "code": "author"}]}, "who": who},
            {"type": {"coding": [{"system": role, "code": "enterer"}]}, "who": capture},
        ],
        "signature": [{
            "type": [_SIGNATURE], "when": moment, "who": who, "targetFormat": "text/plain", "sigFormat": "text/plain",
            "data": base64.b64encode(f"{signing.name or 'on paper'}\nsha256:{wording.digest}".encode()).decode(),
            **({"onBehalfOf": signed["patient"]} if who != signed["patient"] else {}),
        }],
    }  # fmt: skip
