"""For listeners.py: each change that a partner may have to be told of is remembered for them, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.notes.reading import outside
from sojourn.care.papers.indexing import CATEGORY
from sojourn.care.resources import code_of, id_of
from sojourn.gate import elsewhere
from sojourn.gate.exchange import telling
from sojourn.gate.exchange.telling import Subject

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.profile import Profile
    from sojourn.gate.feed import Change, Handler, Turn
    from sojourn.gate.found import Stored

KINDS: Final = {"Patient": ("ADT^A28", "ADT^A31", "ADT^A08", "ADT^A40"), "Encounter": ("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A11", "ADT^A12", "ADT^A13"),
                "Appointment": ("SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S26"), "ServiceRequest": ("ORM^O01", "OML^O21"), "DocumentReference": ("MDM^T02", "DFT^P03")}  # fmt: skip
"""Which messages a change of a type may lead to. A service is charged when its note is signed, so that a change of the note leads to it."""
_SOME: Final = 40
_LABORATORY: Final = "108252007"


def follower(clockwork: Clockwork) -> Handler:
    """For listeners.py."""

    async def handle(turn: Turn, changes: list[Change]) -> None:
        house = clockwork.gate.house
        sending = [(p, out) for p, out in await telling.sending(house, turn.tenant) if out.kinds]
        if not sending:
            return
        types = {t for t, kinds in KINDS.items() if any(set(kinds) & set(s.kinds) for _, s in sending)}
        named: dict[str, list[str]] = {}
        for c in changes:
            if c.type in types and c.kind in ("create", "update") and c.id not in named.setdefault(c.type, []):
                named[c.type].append(c.id)
        if not any(named.values()):
            return
        access = await clockwork.access(turn.tenant)
        found = {(s.type, s.id): s for type_, ids in named.items() for s in await _of(access, type_, ids)}
        order = list(dict.fromkeys((c.type, c.id) for c in changes))
        wanted = [(p.id, subject) for key in order if (s := found.get(key)) is not None for p, out in sending for subject in subjects(s, p, out)]
        await telling.intend(house, turn.tenant, wanted, turn)

    return handle


async def _of(access: Access, type_: str, ids: list[str]) -> list[Stored]:
    found: list[Stored] = []
    for start in range(0, len(ids), _SOME):
        found += (await access.search(type_, [("_id", ",".join(ids[start : start + _SOME]))], count=_SOME)).matches
    return found


def subjects(stored: Stored, partner: Partner, out: Profile) -> list[Subject]:
    """What a change is about for a partner by what was agreed; whether they may know of it is another question."""
    resource = stored.resource
    if out.since is not None and stored.updated < out.since or not_ours(resource):
        return []
    match stored.type:
        case "Patient":
            wants = {"ADT^A40"} if any(link.get("type") == "replaced-by" for link in resource.get("link") or ()) else set(KINDS["Patient"])
            return [Subject("Patient", stored.id, stored.id)] if wants & set(out.kinds) else []
        case "Encounter":
            return [Subject("Encounter", stored.id, who)] if set(KINDS["Encounter"]) & set(out.kinds) and (who := id_of(resource.get("subject"), "Patient")) else []
        case "Appointment":
            people = [i for p in resource.get("participant") or () if (i := id_of(p.get("actor"), "Patient"))]
            return [Subject("Appointment", stored.id, people[0])] if set(KINDS["Appointment"]) & set(out.kinds) and len(people) == 1 else []
        case "ServiceRequest":
            return [Subject("ServiceRequest", stored.id, who)] if _order(resource, partner, out) and (who := id_of(resource.get("subject"), "Patient")) else []
        case "DocumentReference":
            patient = id_of(resource.get("subject"), "Patient")
            if not patient or not signed(resource):
                return []
            whole = [("MDM^T02", "DocumentReference"), ("DFT^P03", "Procedure")]
            return [Subject(type_, stored.id, patient) for kind, type_ in whole if kind in out.kinds]
    return []


def not_ours(resource: Mapping[str, Any]) -> bool:
    """Whether it came from somebody else, who tells of it themselves: a visit or appointment elsewhere, a paper, a document or a note from outside."""
    return elsewhere.told(resource) or resource.get("resourceType") == "DocumentReference" and (any(code_of(c) == CATEGORY for c in resource.get("category") or ()) or outside(resource))


def signed(document: Mapping[str, Any]) -> bool:
    """Whether a document is signed, and all signatures that it needs are there."""
    return document.get("status") == "current" and document.get("docStatus") in ("final", "amended")


def _order(request: Mapping[str, Any], partner: Partner, out: Profile) -> bool:
    """Whether it is an order of the laboratory for this one. A standing order has orders of its own."""
    laboratory = any(c.get("code") == _LABORATORY for category in request.get("category") or () for c in category.get("coding") or ())
    if not laboratory or request.get("intent") not in ("order", "instance-order") or not set(KINDS["ServiceRequest"]) & set(out.kinds):
        return False
    named = [str(p.get("reference", "")) for p in request.get("performer") or ()]
    return partner.organization in named or (not named and out.unnamed)
