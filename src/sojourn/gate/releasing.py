"""Release of information: looked at exactly as it would leave, decided again, and sent.

What would leave is what the recipient would be shown by the gate if they asked themselves, for that purpose, now: the same
decision, the same predicate; and nothing that the one who releases may not see themselves. It is decided at release, not at request (a consent revoked in between stops it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sojourn.base import crypto, errors
from sojourn.fhir import codec
from sojourn.gate import bases, disclosing, meeting, proof
from sojourn.gate.access import Access
from sojourn.gate.consenting.membership import answers_to
from sojourn.gate.documenting import CODES
from sojourn.gate.everything import everything
from sojourn.gate.policy import tables
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.found import Stored

CHANGED = "What would leave has changed since you looked: a consent, a label or the record itself. Look again; nothing has left."
NOTHING = "Nothing would leave: no consent in force names this recipient for this purpose."
_MOST = 5_000
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
    """What is to be released: whose, to whom (`Organization/id`), for which purpose (v3-ActReason), which types; none means all."""

    patient: str
    recipient: str
    purpose: str
    types: tuple[str, ...] = ()


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
    await access.read("Patient", wish.patient)
    recipient = await as_recipient(access, wish)
    mine = {(stored.type, stored.id): stored for stored in await _all(access, wish)}
    theirs = {(stored.type, stored.id): stored for stored in await _all(recipient, wish)}
    leaves = [stored for key, stored in theirs.items() if key in mine]
    for stored in await _disagreements(access, recipient, wish, {f"{type_}/{id_}" for type_, id_ in theirs if (type_, id_) in mine}):
        leaves.append(stored)
        mine[stored.type, stored.id] = stored
    stays = [(stored, reason(stored.resource)) for key, stored in mine.items() if key not in theirs]
    handed = [meeting.common(stored.resource, mine[stored.type, stored.id].resource) for stored in leaves]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": f"{access.house.base}/{r['resourceType']}/{r['id']}", "resource": r} for r in handed]}
    outgoing = await disclosing.prepare(recipient, codec.dumps(bundle), channel="release")
    return Preview(leaves, stays, outgoing, crypto.sha256_hex(outgoing.body))


async def release(access: Access, wish: Wish, digest: str) -> str:
    """Decide again and let it leave; the id of its line in the log. Raises ProofNeeded, Conflict (it changed) or Malformed (nothing)."""
    await proof.require_fresh(access)
    now = await preview(access, wish)
    if not now.outgoing.shows:
        raise errors.Malformed(NOTHING)
    if now.digest != digest:
        raise errors.Conflict(CHANGED)
    bundle = codec.loads(now.outgoing.body)
    head = {key: bundle.pop(key) for key in ("resourceType", "meta", "type") if key in bundle}
    payload = codec.dumps({**head, "timestamp": instant(access.now), **bundle})
    recipient = await as_recipient(access, wish)
    return await disclosing.record(recipient, now.outgoing, payload, recipient=wish.recipient, channel="release")


async def as_recipient(access: Access, wish: Wish) -> Access:
    """The recipient asking, through the one who releases: its decision is an outside organization's, its trail names the person.

    What it may be shown has nothing to do with the person's own role, but the types that their role reads.
    """
    organization = (await access.read("Organization", wish.recipient.removeprefix("Organization/"))).resource
    types = [c["code"] for concept in organization.get("type", ()) for c in concept.get("coding", ()) if c.get("code")]
    keys = (wish.recipient, *answers_to(wish.recipient, types))
    caller = replace(access.caller, kind="organization", agent=wish.recipient, programs=(), keys=keys, purpose=wish.purpose, door="release")
    made = Access(access.house, caller, access.request)
    made.now = access.now
    return made


async def _disagreements(access: Access, recipient: Access, wish: Wish, leaving: set[str]) -> list[Stored]:
    """Statements of disagreement about what leaves go with it (45 CFR 164.526(d)(5)), as far as both may see them."""
    if not leaving:
        return []
    asked = [("patient", wish.patient), ("category", f"{CODES}|statement-of-disagreement")]
    known = {stored.id for stored in (await access.search("Communication", asked, count=100)).matches}
    found = (await recipient.search("Communication", asked, count=100)).matches
    return [stored for stored in found if stored.id in known and _is_about(stored.resource, leaving)]


def _is_about(statement: dict[str, Any], leaving: set[str]) -> bool:
    """Whether a statement is about something that leaves; one about no entry in particular is about all of it."""
    about = {str(reference.get("reference", "")) for reference in statement.get("about", ())}
    entries = {reference for reference in about if not reference.startswith("Task/")}
    return not entries or bool(entries & leaving)


async def _all(access: Access, wish: Wish) -> list[Stored]:
    """Everything of the patient that may be seen, page by page; nothing when the patient may not be. Raises TooCostly beyond the limit."""
    found: list[Stored] = []
    cursor: str | None = None
    allowed = access.rules.types(_OUTSIDE, "read", access.house.types)
    types = [("_type", ",".join(t for t in allowed if not wish.types or t in wish.types) or "Patient")]
    while True:
        try:
            page = await everything(access, wish.patient, types, cursor=cursor)
        except errors.NotFound:
            return []
        found += page.matches
        cursor = page.next
        if cursor is None:
            return sorted(found, key=lambda s: (s.type != "Patient", s.type, s.id))
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
