"""Release of information: looked at exactly as it would leave, decided again, and sent.

What would leave is what the recipient would be shown by the gate if they asked themselves, for that purpose, now: the same
decision, the same predicate; and nothing that the one who releases may not see themselves, nor by what they may not see: what consents hidden from them
let the recipient have does not leave by them, and of these no scope and no copy goes with it (gate/knowing.py). It is decided at release, not at request (a consent revoked in between stops it).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sojourn.base import crypto, errors
from sojourn.fhir import codec
from sojourn.gate import bases, compelled, disclosing, documentbundle, knowing, meeting, narrowing, proof, together
from sojourn.gate.access import Access
from sojourn.gate.compelled import Compelled, Instrument
from sojourn.gate.consenting.membership import answers_to
from sojourn.gate.documenting import CODES
from sojourn.gate.everything import everything
from sojourn.gate.policy import tables
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.found import Stored

CHANGED = "What would leave has changed since you looked: a consent, a label or the record itself. Look again; nothing has left."
NOTHING = "Nothing would leave: no consent in force names this recipient for this purpose."
_MOST, _AT_ONCE = 5_000, 1_000
_OUTSIDE = "outside"
"""The role whose types may leave at all."""

# Why something stays, by the strictest law that its labels name; in the words of the page.
_REASONS = (
    (bases.SUD_COUNSELING, "SUD counseling note: needs a consent for such notes alone (42 CFR 2.31(b))"),
    (bases.PSYCHOTHERAPY, "Psychotherapy note: needs an authorization for such notes alone (45 CFR 164.508(a)(2))"),
    (bases.PATIENT_REQUESTED, "The patient asked to keep it apart (45 CFR 164.522)"),
    (bases.PART2, "Part 2 record: no consent in force covers it for this recipient and purpose (42 CFR 2.31)"),
)
_OTHER_LAW = "Protected by a law of its own: no consent in force covers it for this recipient and purpose"
_NO_RELATION = "No consent or care relation connects this recipient with it for this purpose"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be released: whose, to whom (`Organization/id`), for which purpose (v3-ActReason), which types; none means all.

    document: the title under which it leaves as a FHIR document; '' for a collection. since, until: of what days; '' for all. without:
    `Type/id` of what the one who releases leaves out beside. served: what a court served, where that and no consent lets it leave. A
    recipient `Patient/id` is the patient themself, `RelatedPerson/id` who acts for them.
    """

    patient: str
    recipient: str
    purpose: str
    types: tuple[str, ...] = ()
    document: str = ""
    since: str = ""
    until: str = ""
    without: frozenset[str] = frozenset()
    served: Instrument | None = None

    def wants(self, resource: Mapping[str, Any]) -> bool:
        """Whether a resource is asked for at all: of its days, and not left out. What names no day is."""
        if f"{resource['resourceType']}/{resource['id']}" in self.without:
            return False
        day = _day(resource)
        return resource["resourceType"] == "Patient" or not day or ((not self.since or day >= self.since[: len(day)]) and (not self.until or day <= self.until))


_DAYS = (
    "effectiveDateTime", "effectiveInstant", "authoredOn", "authored", "onsetDateTime", "performedDateTime", "occurrenceDateTime", "identifiedDateTime", "whenHandedOver", "recordedDate", "startDate", "start", "started",
    "date", "dateTime", "dateWritten", "created", "createdDateTime", "sent", "issued", "recorded", "collectedDateTime", "receivedTime",
)  # fmt: skip
_PERIODS = ("period", "performedPeriod", "effectivePeriod", "occurrencePeriod", "identifiedPeriod", "createdPeriod")


def _day(resource: Mapping[str, Any]) -> str:
    """The day that a resource is of, as a FHIR date; '' where it names none."""
    period = next((resource[name] for name in _PERIODS if resource.get(name)), None) or (resource.get("context") or {}).get("period") or {}
    taken = resource.get("collection") or {}
    return str(period.get("start") or next((at[name] for at in (resource, taken) for name in _DAYS if at.get(name)), ""))[:10]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would leave now, and what would stay. digest: of what would leave; a release names it, so that nobody releases something else."""

    leaves: list[Stored]
    stays: list[tuple[Stored, str]]
    outgoing: disclosing.Outgoing
    digest: str


async def preview(access: Access, wish: Wish) -> Preview:
    """What would leave. Raises Forbidden, NotFound (patient or recipient) or Malformed (an unknown purpose or type)."""
    await access.check("release", "*", f"Patient/{wish.patient}")
    if wish.purpose not in tables.known_purposes():
        raise errors.Malformed("Choose a purpose.")
    _, asking, here, mine = await asyncio.gather(access.read("Patient", wish.patient), as_recipient(access, wish), _all(access, wish), _statements(access, wish))
    if wish.served is not None or not wish.recipient.startswith("Organization/"):  # who know the patient by what they are, or by what a court served
        return await _preview(access, wish, together.join(access, asking), here, mine)
    async with knowing.only_seen(access, asking, wish.patient) as recipient:
        return await _preview(access, wish, together.join(access, recipient), here, mine)


async def _preview(access: Access, wish: Wish, recipient: Access, here: list[Stored], disagreeing: list[Stored]) -> Preview:
    there, told = await asyncio.gather(_all(recipient, wish), _statements(recipient, wish))
    known = {stored.id for stored in disagreeing}
    said = [stored for stored in told if stored.id in known]  # what both may see
    mine = {(stored.type, stored.id): stored for stored in here}
    theirs = {(stored.type, stored.id): stored for stored in there if (stored.type, stored.id) in mine}
    leaves = list(theirs.values())
    leaving = {f"{type_}/{id_}" for type_, id_ in theirs}
    for stored in (s for s in said if leaving and _is_about(s.resource, leaving)):  # 45 CFR 164.526(d)(5)
        leaves.append(stored)
        mine[stored.type, stored.id] = stored
    served = wish.served
    stays = [(stored, compelled.why(access, served, stored.resource) if served else reason(stored.resource)) for key, stored in mine.items() if key not in theirs]
    handed = [meeting.handed(stored.resource, mine[stored.type, stored.id].resource) for stored in leaves]
    outgoing = await _outgoing(access, recipient, wish, handed)
    return Preview(leaves, stays, outgoing, crypto.sha256_hex(outgoing.body))


async def _outgoing(access: Access, recipient: Access, wish: Wish, handed: list[dict[str, Any]]) -> disclosing.Outgoing:
    """The bytes as they would leave: a collection, or a document with the notice in front."""
    base, day = access.house.base, access.now.date()
    if not wish.document or not handed:
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in handed]}
        return await disclosing.prepare(recipient, codec.dumps(bundle), channel="release")
    author = {"display": access.tenant.name, **({"reference": f"{base}/Organization/{access.tenant.organization}"} if access.tenant.organization else {})}
    named = f"urn:sojourn:document:{crypto.sha256_hex(f'{wish.patient} {wish.recipient} {access.now.date()}'.encode())[:32]}"
    bundle = documentbundle.composed(handed, title=wish.document, author=author, day=day.isoformat(), base=base, identifier=named)
    out = await disclosing.prepare(recipient, codec.dumps(bundle), channel="release")
    if not out.notice:
        return out
    told = " ".join(filter(None, (disclosing.statement("release", "whole", day).text, out.scope)))
    return replace(out, body=documentbundle.with_notice(out.body, told))


async def release(access: Access, wish: Wish, digest: str, *, made: Callable[[Preview], Awaitable[bytes]] | None = None, media: str = "application/pdf") -> str:
    """Decide again and let it leave; the id of its line in the log. Raises ProofNeeded, Conflict (it changed) or Malformed (nothing).

    made: makes what leaves instead of the Bundle, from what would leave and nothing else; media: its content type.
    """
    now, recipient = await decided(access, wish, digest)
    if made is not None:
        return await disclosing.record(recipient, now.outgoing, await made(now), recipient=wish.recipient, channel="release", media=media)
    payload = stamped(access, now)
    return await disclosing.record(recipient, now.outgoing, payload, recipient=wish.recipient, channel="release")


async def decided(access: Access, wish: Wish, digest: str) -> tuple[Preview, Access]:
    """(what leaves, the recipient asking): decided again for somebody who looked at it. Raises ProofNeeded, Conflict (it changed) or Malformed (nothing)."""
    await proof.require_fresh(access)
    now = await preview(access, wish)
    if not now.outgoing.shows:
        raise errors.Malformed(NOTHING)
    if now.digest != digest:
        raise errors.Conflict(CHANGED)
    return now, await as_recipient(access, wish)


def stamped(access: Access, found: Preview) -> bytes:
    """The Bundle as it leaves, with the moment at which it was put together."""
    bundle = codec.loads(found.outgoing.body)
    head = {key: bundle.pop(key) for key in ("resourceType", "meta", "identifier", "type") if key in bundle}
    return codec.dumps({**head, "timestamp": instant(access.now), **bundle})


async def as_recipient(access: Access, wish: Wish) -> Access:
    """The recipient asking, through the one who releases: its decision is an outside organization's, its trail names the person.

    What it may be shown has nothing to do with the person's own role, but the types that their role reads.
    """
    if wish.served is not None:
        return Compelled(access, wish.served, wish.recipient)
    if not wish.recipient.startswith("Organization/"):
        return await _own(access, wish)
    organization = (await access.read("Organization", wish.recipient.removeprefix("Organization/"))).resource
    types = [c["code"] for concept in organization.get("type", ()) for c in concept.get("coding", ()) if c.get("code")]
    keys = (wish.recipient, *answers_to(wish.recipient, types))
    caller = replace(access.caller, kind="organization", agent=wish.recipient, programs=(), keys=keys, purpose=wish.purpose, door="release")
    made = Access(access.house, caller, access.request)
    made.now = access.now
    return made


async def _own(access: Access, wish: Wish) -> Access:
    """The patient, or who acts for them by law or consent, asking for their own record through the one who releases. Raises NotFound."""
    kind = "patient" if wish.recipient.startswith("Patient/") else "proxy"
    if kind == "patient" and wish.recipient != f"Patient/{wish.patient}":
        raise errors.NotFound("Choose who gets it.")
    caller = replace(access.caller, kind=kind, agent=wish.recipient, role=kind, programs=(), keys=(wish.recipient,), purpose=wish.purpose, door="release", scopes=None)
    caller = await narrowing.standing(access.house.db, access.house.keys[access.tenant.number], caller, access.now)
    if kind == "proxy" and (caller.standing is None or caller.standing.patient not in ("", wish.patient)):
        raise errors.NotFound("Nobody acts for this patient by that record now.")
    made = Access(access.house, caller, access.request)
    made.now = access.now
    return made


async def _statements(access: Access, wish: Wish) -> list[Stored]:
    """Statements of disagreement of this patient that may be seen: those about what leaves, which both may see, go with it."""
    asked = [("patient", wish.patient), ("category", f"{CODES}|statement-of-disagreement")]
    return (await access.search("Communication", asked, count=100)).matches


def _is_about(statement: dict[str, Any], leaving: set[str]) -> bool:
    """Whether a statement is about something that leaves; one about no entry in particular is about all of it."""
    about = {str(reference.get("reference", "")) for reference in statement.get("about", ())}
    entries = {reference for reference in about if not reference.startswith("Task/")}
    return not entries or bool(entries & leaving)


async def _all(access: Access, wish: Wish) -> list[Stored]:
    """Everything of the patient that may be seen, page by page; nothing when the patient may not be. Raises TooCostly beyond the limit."""
    found: list[Stored] = []
    cursor: str | None = None
    role = "patient" if not wish.recipient.startswith("Organization/") and wish.served is None else _OUTSIDE
    allowed = access.rules.types(role, "read", access.house.types)
    wanted = [t for t in allowed if not wish.types or t in wish.types]
    # The patient is looked for in any case: who may not see them sees nothing of their chart.
    types = [("_type", ",".join(dict.fromkeys(["Patient", *wanted]))), ("_count", str(_AT_ONCE))]
    while True:
        try:
            page = await everything(access, wish.patient, types, cursor=cursor, apart=False)
        except errors.NotFound:
            return []
        found += page.matches
        cursor = page.next
        if cursor is None and not any(s.type == "Patient" and s.id == wish.patient for s in found):
            return []
        if cursor is None:
            return sorted((s for s in found if s.type in wanted and wish.wants(s.resource)), key=lambda s: (s.type != "Patient", s.type, s.id))
        if len(found) > _MOST:
            raise errors.TooCostly()


def reason(resource: dict[str, Any]) -> str:
    """Why something that would stay stays, from the labels that the one who looks sees on it."""
    mask = 0
    for coding in (resource.get("meta") or {}).get("security", ()):
        mask |= bases.claimed(coding)
    return next((text for bit, text in _REASONS if mask & bit), _OTHER_LAW if mask else _NO_RELATION)


def kinds(found: Sequence[Stored]) -> dict[str, int]:
    """How many of each type."""
    counted: dict[str, int] = {}
    for stored in found:
        counted[stored.type] = counted.get(stored.type, 0) + 1
    return counted
