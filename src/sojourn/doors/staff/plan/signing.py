"""Signatures on a plan: the words that are signed, who signed, and the form for whoever is next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import crypto
from sojourn.base.errors import Conflict, Forbidden, Invalid, NotFound, VersionConflict
from sojourn.care import signing
from sojourn.care.plan import approving, document
from sojourn.care.plan.approving import CLIENT, CLINICIAN, GUARDIAN, PHYSICIAN, REASONS, SUPERVISOR, Needed
from sojourn.doors.staff.plan.seen import Seen, look, render
from sojourn.doors.staff.words import Resource, first
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

RELATIONS = (("parent", "Parent"), ("guardian", "Guardian"), ("representative", "Legal representative"))


class Signing(NamedTuple):
    """What is signed now. body: the bytes; begun: whether they are being signed already. standing: whose signatures are there.

    may: as whom the caller can sign now. client: the client's name as one signs it.
    """

    body: bytes
    begun: bool
    standing: list[Needed]
    may: frozenset[str]
    client: str
    minor: bool
    copies: list[str]

    def complete(self, seen: Seen) -> bool:
        """Whether everybody has signed, and only the plan does not say so yet: the last one signed on a device in their hands."""
        return self.begun and seen.works and all(n.signature for n in self.standing) and (seen.plan.status == "draft" or seen.plan.changed)

    @property
    def digest(self) -> str:
        """Of the words, so that what is sent back is about these and no others."""
        return crypto.sha256_hex(self.body)


async def show(request: Request) -> Response:
    """GET …/sign."""
    seen = await look(request)
    return _page(request, seen, await state(request, seen))


def _page(request: Request, seen: Seen, now: Signing, *, wrong: str = "", status: int = 200, given: Mapping[str, str] | None = None) -> Response:
    return render(
        request, "sign.html", seen, status=status, now=now, words=now.body.decode(), missing=document.missing(seen.plan) if not now.begun else [], wrong=wrong,
        reasons=REASONS.items(), methods=[(k, v) for k, v in signing.METHODS.items() if k in ("typed", "paper", "spoken")], identities=signing.IDENTITIES.items(),
        relations=RELATIONS, given=given or {}, document_id=seen.plan.document.partition("/")[2], complete=now.complete(seen),
    )  # fmt: skip


async def state(request: Request, seen: Seen) -> Signing:
    """The words and their signatures. Three or four questions."""
    access, plan = request.state.access, seen.plan
    person, own, copies = await asyncio.gather(access.read("Patient", plan.patient), _own(request), approving.copies(access, plan))
    client, minor = name_of(person.resource), approving.is_minor(str(person.resource.get("birthDate", "")), access.today)
    wanted = approving.asked(seen.rules, seen.level, minor=minor)
    there: Sequence[signing.Signature] = ()
    if plan.document:
        (_, body), there = await asyncio.gather(approving.document(access, plan), signing.signatures(access, plan.document))
    else:
        body = document.text(plan, client, seen.stay, seen.team).encode()
    standing = approving.standing(wanted, there)
    titles = [str(t) for t in seen.rules.value("plan.physician-titles", seen.level)]
    waits = {n.who for n in standing if n.signature is None}
    may = {who for who in waits if approving.may_sign(access, who, titles, own)} if seen.works else set()
    if not plan.document:
        may &= {CLINICIAN}
    written = next((n.signature for n in standing if n.who == CLINICIAN), None)
    if written and written.reference == access.caller.agent:
        may -= {SUPERVISOR, PHYSICIAN}
    return Signing(body, bool(plan.document), standing, frozenset(may) if plan.open else frozenset(), client, minor, copies)


async def _own(request: Request) -> Resource:
    """The caller's own Practitioner, or an empty one."""
    access = request.state.access
    agent = access.caller.agent or ""
    if not agent.startswith("Practitioner/") or not access.may("Practitioner", "search"):
        return {}
    found = await access.search("Practitioner", [("_id", agent.partition("/")[2])], count=1)
    return found.resources[0] if found.resources else {}


def name_of(person: Resource) -> str:
    """A client's name as one signs it: given names first."""
    name = first(person, "name")
    return " ".join([*map(str, name.get("given", ())), str(name.get("family", ""))]).strip() or str(name.get("text", "")) or "Client"


async def send(request: Request) -> Response:
    """POST …/sign: one signature, or the reason why the client's is not there."""
    seen, form = await look(request), await sent(request)
    access, plan, who = request.state.access, seen.plan, form.get("do", "")
    now = await state(request, seen)
    refused = who == "refused"
    person = form.get("of", CLIENT) if refused else who
    if (person not in approving.WHO and who != "settle") or form.get("of", CLIENT) not in (CLIENT, GUARDIAN):
        raise NotFound
    if who == "settle" and now.complete(seen):
        await approving.settle(access, plan, seen.rules, seen.stay, now.standing)
        return redirect(request, f"/patients/{seen.about.id}/plan/{plan.id}/sign", "saved")
    if any(n.who == person and n.signature for n in now.standing):
        return redirect(request, f"/patients/{seen.about.id}/plan/{plan.id}/sign")  # pressed twice
    if person not in now.may:
        raise Forbidden("You cannot sign this plan as that.")
    if form.get("digest") != now.digest:
        return _page(request, seen, now, wrong="The plan was changed meanwhile. These are its words now: read them again before anybody signs.", status=409)
    try:
        if who == CLINICIAN:
            await approving.propose(access, plan, now.body.decode(), seen.rules, seen.stay, minor=now.minor, physician=_physician(seen))
        else:
            await approving.sign(access, plan, person, now.body, seen.rules, seen.stay, now.standing, signer=_signer(form, now, person, plan.patient, refused=refused), refused=refused)
        if form.get("copy") == "yes":
            await approving.give_copy(access, plan, seen.stay, "Given when it was signed")
    except (Invalid, Conflict, VersionConflict) as error:
        return _page(request, seen, now, wrong=error.message, status=422, given=form)
    return redirect(request, f"/patients/{seen.about.id}/plan/{plan.id}/sign", "saved")


def _physician(seen: Seen) -> str:
    """Whoever of the team signs as physician, if one does."""
    titles = {str(t) for t in seen.rules.value("plan.physician-titles", seen.level)}
    return next((m.reference for m in seen.team.values() if m.title in titles), "")


def _signer(form: Mapping[str, str], now: Signing, who: str, patient: str, *, refused: bool) -> signing.Signer | None:
    """Client or guardian, as the form says them; None for the caller. Raises Invalid."""
    if who not in (CLIENT, GUARDIAN):
        return None
    relation = "self" if who == CLIENT else dict(RELATIONS).get(form.get("relation", ""), "") and form["relation"]
    name = form.get("name", "").strip() or (now.client if who == CLIENT else "")
    themselves = f"Patient/{patient}" if relation == "self" else ""
    if not relation:
        raise Invalid("Say how the signer is related to the client.")
    if refused:
        reason = form.get("reason", "")
        words = form.get("why", "").strip()
        if reason not in REASONS or (reason == "other" and not words):
            raise Invalid("Say why there is no signature.")
        return signing.Signer(name, relation, themselves, method="spoken", reason=f"{REASONS[reason]}{f': {words}' if words else ''}")
    if form.get("identity") not in signing.IDENTITIES:
        raise Invalid("Say how you know who signs.")
    return signing.Signer(name, relation, themselves, method=form.get("method", "typed"), identity=form["identity"])

