"""Signatures on a plan: whose are asked for, whose are there, and what happens when all are."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sojourn.base.errors import Conflict, Forbidden, Invalid, NotFound
from sojourn.care import levels, signing, tasks
from sojourn.care.plan import due, fhir, work, writing
from sojourn.care.plan.model import Plan
from sojourn.care.policies import Policies
from sojourn.care.resources import CARE, author, concept, id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.closing import Act

CLIENT, GUARDIAN, CLINICIAN, SUPERVISOR, PHYSICIAN = "client", "guardian", "clinician", "supervisor", "physician"
WHO = {CLIENT: "Client", GUARDIAN: "Parent or guardian", CLINICIAN: "Clinician", SUPERVISOR: "Supervisor", PHYSICIAN: "Physician"}
MEANING = {CLIENT: "client", GUARDIAN: "guardian", CLINICIAN: "author", SUPERVISOR: "co-signer", PHYSICIAN: "reviewed"}
REASONS = {
    "disagrees": "Does not agree with the plan",
    "unable": "Not able to sign now",
    "absent": "Left before signing",
    "declines": "Agrees, and does not want to sign",
    "other": "Another reason",
}
"""Why a client's signature is not there."""
PLAN_DOCUMENT = "treatment-plan"
COPY = "plan-copy-given"


class Needed(NamedTuple):
    """One signature that is asked for, and the one that is there. refused: whether the client was asked and did not sign."""

    who: str
    signature: signing.Signature | None

    @property
    def title(self) -> str:
        """Whose."""
        return WHO[self.who]

    @property
    def refused(self) -> bool:
        """Whether the reason stands in place of a signature."""
        return self.signature is not None and self.signature.meaning == "refused"


def asked(rules: Policies, level: str, *, minor: bool) -> list[str]:
    """Whose signatures a plan needs."""
    named = [who for who in rules.value("plan.signers", level) if who in WHO]
    if minor and GUARDIAN not in named:
        named.insert(named.index(CLIENT) + 1 if CLIENT in named else 0, GUARDIAN)
    return [CLINICIAN, *(w for w in named if w != CLINICIAN)] if CLINICIAN in named else named


def is_minor(born: str, today: date) -> bool:
    """Whether somebody is under eighteen; unknown counts as no."""
    day = fhir.day(born)
    return day is not None and (today.year - day.year - ((today.month, today.day) < (day.month, day.day))) < 18


def standing(wanted: Sequence[str], there: Sequence[signing.Signature]) -> list[Needed]:
    """Each signature that is asked for with the one that answers it."""
    genuine = [s for s in there if s.genuine]
    out = []
    for who in wanted:
        fits = {MEANING[who], "refused"} if who in (CLIENT, GUARDIAN) else {MEANING[who]}
        found = [s for s in genuine if s.meaning in fits and not (s.meaning == "refused" and (s.relation != "self") == (who == CLIENT))]
        out.append(Needed(who, found[-1] if found else None))
    return out


async def document(access: Access, plan: Plan) -> tuple[str, bytes]:
    """The words that are being signed: the reference of their document and its bytes. Raises NotFound."""
    id_ = id_of({"reference": plan.document}, "DocumentReference")
    if not id_:
        raise NotFound
    stored = await access.read("DocumentReference", id_)
    return plan.document, held(stored.resource)


def held(resource: Mapping[str, Any]) -> bytes:
    """The text that a document holds."""
    data = next((c.get("attachment", {}).get("data") for c in resource.get("content", ())), "") or ""
    return base64.b64decode(data)


def may_sign(access: Access, who: str, titles: Sequence[str], own: Mapping[str, Any] | None) -> bool:
    """Whether the caller can sign as that. titles: of physicians; own: the caller's Practitioner."""
    if who == CLINICIAN:
        return writing.may_write(access)
    if who == SUPERVISOR:
        return access.may("CarePlan", "co-sign")
    if who == PHYSICIAN:
        held_titles = {str(q.get("code", {}).get("text") or "") for q in (own or {}).get("qualification", ())}
        held_titles |= {str(s) for n in (own or {}).get("name", ()) for s in n.get("suffix", ())}
        held_titles |= {str(c.get("code")) for q in (own or {}).get("qualification", ()) for c in q.get("code", {}).get("coding", ())}
        return bool(held_titles & set(titles))
    return writing.may_write(access) or access.may("CarePlan", "co-sign")


async def propose(access: Access, plan: Plan, shown: str, rules: Policies, stay: levels.Stay | None, *, minor: bool, physician: str = "") -> None:
    """The clinician signs the words of a plan, which from now on are what everybody else signs. Raises ProofNeeded, Conflict.

    physician: a reference to who is asked for the physician's signature.
    """
    if plan.document:
        raise Conflict("These words are being signed already.")
    program = writing.program_of(access, stay.organization if stay else "")
    if program is not None and program not in access.caller.programs:
        raise Forbidden("A plan is signed by somebody who works in its program.")
    body = shown.encode()
    id_ = new_id()
    name = f"DocumentReference/{id_}"
    signed = await signing.prepare(access, [name], body, MEANING[CLINICIAN], program=program)
    made = Change("create", "DocumentReference", id_, _document(access, plan, id_, body), program=program, closing=Act("sign", access.now))
    wanted = asked(rules, stay.level if stay else "", minor=minor)
    changes: list[Change] = [made, *signed.changes]
    if set(wanted) <= {CLINICIAN}:
        changes += in_force(access, plan, name, rules, stay)
    else:
        changes += [Change("patch", "CarePlan", plan.id, patch=lambda view: _signing(view, name), if_match=plan.version), *_asked_of(access, plan, wanted, program, physician)]
    await access.write([*changes, *await work.finished(access, plan, (due.SIGNATURES,))], action="sign")


def _signing(view: dict[str, Any], name: str) -> dict[str, Any]:
    infos = [i for i in view.get("supportingInfo", ()) if not str(i.get("reference", "")).startswith("DocumentReference/")]
    return {**view, "supportingInfo": [*infos, {"reference": name}]}


def _document(access: Access, plan: Plan, id_: str, body: bytes) -> dict[str, Any]:
    sha1 = hashlib.sha1(body, usedforsecurity=False).digest()  # FHIR asks for SHA-1 here; what the signature stands over is SHA-256
    return {
        "resourceType": "DocumentReference", "id": id_, "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}, {"system": CARE, "code": PLAN_DOCUMENT}], "text": "Treatment plan"},
        "category": [concept("treatment-plan", "Treatment plan")], "subject": ref("Patient", plan.patient), "date": moment(access),
        **({"author": [who]} if (who := author(access)) else {}),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(body).decode(), "size": len(body),
                                    "hash": base64.b64encode(sha1).decode(), "title": "Treatment plan", "creation": moment(access)}}],
        "context": {"related": [ref("CarePlan", plan.id)]},
    }  # fmt: skip


def _asked_of(access: Access, plan: Plan, wanted: Sequence[str], program: int | None, physician: str) -> list[Change]:
    """Tasks for those whose signatures are asked for."""
    out = []
    at = due.end_of(access.today)
    focus = f"CarePlan/{plan.id}"
    if SUPERVISOR in wanted:
        out.append(tasks.new(access, due.SIGNATURES, "A treatment plan waits for the supervisor's signature", patient=plan.patient, role="supervisor", due=at, focus=focus, program=program))
    if PHYSICIAN in wanted and physician and physician != access.caller.agent:
        out.append(tasks.new(access, due.SIGNATURES, "A treatment plan waits for your signature", patient=plan.patient, owner=physician, due=at, focus=focus, program=program))
    return out


async def sign(access: Access, plan: Plan, who: str, shown: bytes, rules: Policies, stay: levels.Stay | None, there: Sequence[Needed], *, signer: signing.Signer | None = None, refused: bool = False) -> bool:
    """One more signature, or the reason why the client's is not there; the plan comes into force with the last. Whether it did.

    shown: the bytes that the signer saw; they have to be those of the document.
    """
    name, body = await document(access, plan)
    if body != shown:
        raise Conflict("The plan was changed meanwhile. Look at it again before anybody signs.")
    if any(n.who == who and n.signature for n in there):
        return False  # pressed twice
    written = next((n.signature for n in there if n.who == CLINICIAN and n.signature), None)
    if who in (SUPERVISOR, PHYSICIAN) and written and written.reference == access.caller.agent:
        raise Forbidden("Whoever wrote the plan does not sign it for the supervisor or the physician as well.")
    if who in (CLIENT, GUARDIAN) and signer is None:
        raise Invalid("Say who signs.")
    program = writing.program_of(access, stay.organization if stay else "")
    signed = await signing.prepare(access, [name], shown, "refused" if refused else MEANING[who], signer=signer, program=program)
    missing = [n.who for n in there if n.signature is None and n.who != who]
    changes = list(signed.changes)
    last = not missing
    if last:
        changes += in_force(access, plan, name, rules, stay)
    ended = await work.finished(access, plan, (due.SIGNATURES,), role="supervisor" if who == SUPERVISOR and not last else "", owner=(access.caller.agent or "") if who == PHYSICIAN and not last else "") if last or who in (SUPERVISOR, PHYSICIAN) else []
    await access.write([*changes, *ended], action="sign")
    return last


async def settle(access: Access, plan: Plan, rules: Policies, stay: levels.Stay | None, there: Sequence[Needed]) -> None:
    """Put a plan in force whose last signature was made elsewhere, as on a device in the client's hands. Raises Conflict if one is missing."""
    if not plan.document or any(n.signature is None for n in there):
        raise Conflict("A signature is still missing.")
    changes = in_force(access, plan, plan.document, rules, stay)
    await access.write([*changes, *await work.finished(access, plan, (due.SIGNATURES,))], action="plan")


def in_force(access: Access, plan: Plan, name: str, rules: Policies, stay: levels.Stay | None) -> list[Change]:
    """A plan whose signatures are complete: it and what it proposed are in force, and its next review has a day."""
    today = access.today
    until = due.next_review(today, stay.level if stay else "", rules)

    def patched(view: dict[str, Any]) -> dict[str, Any]:
        view = _signing(view, name)
        start = view.get("period", {}).get("start") or today.isoformat()
        view = fhir.extended(fhir.extended({**view, "status": "active", "period": {**view.get("period", {}), "start": start, "end": until.isoformat()}}, fhir.CHANGED, None), fhir.SIGNED, {"valueDate": today.isoformat()})
        return view

    return [Change("patch", "CarePlan", plan.id, patch=patched, if_match=plan.version), *writing.activated(access, plan)]


async def copies(access: Access, plan: Plan) -> list[str]:
    """The days on which the client was given a copy of the plan. One search."""
    if not access.may("Communication", "search"):
        return []
    found = await access.search("Communication", [("patient", plan.patient), ("based-on", f"CarePlan/{plan.id}"), ("category", f"{CARE}|{COPY}")], count=20)
    return sorted(str(c.get("sent", ""))[:10] for c in found.resources)


async def give_copy(access: Access, plan: Plan, stay: levels.Stay | None, how: str) -> None:
    """Write down that the client was given a copy. how: in words."""
    resource = {
        "resourceType": "Communication", "basedOn": [ref("CarePlan", plan.id)], "status": "completed", "category": [concept(COPY, "Copy of the treatment plan given")],
        "subject": ref("Patient", plan.patient), "recipient": [ref("Patient", plan.patient)], "sent": moment(access), "payload": [{"contentString": how}],
        **({"sender": who} if (who := author(access)) else {}),
    }  # fmt: skip
    await access.write([Change("create", "Communication", new_id(), resource, program=writing.program_of(access, stay.organization if stay else ""))], action="plan")


async def signed_by(access: Access, plan: Plan) -> list[signing.Signature]:
    """The signatures on the words of a plan, the oldest first; none where nothing is signed."""
    return [s for s in await signing.signatures(access, plan.document) if s.genuine] if plan.document else []
