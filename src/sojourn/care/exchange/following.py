"""For listeners.py: a stay elsewhere, allergies and a document that came by message find somebody.

Who answers for the person is asked, or who stands in for them, if they may see it; the words say neither where it was nor why.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.exchange import kinds
from sojourn.care.papers.indexing import RECONCILE, REVIEW
from sojourn.care.papers.reading import CCDA
from sojourn.care.resources import id_of
from sojourn.care.results import owners
from sojourn.care.signing.preparing import once
from sojourn.gate import elsewhere, origin

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.feed import Change as Committed
    from sojourn.gate.feed import Handler, Turn
    from sojourn.gate.found import Stored

STAY: Final = "stay-elsewhere"
ALLERGY: Final = "allergy-elsewhere"
DOCUMENT: Final = "https://sojourn.example/fhir/NamingSystem/exchange-document"
"""Under this system a document names what it is for the partner who sent it."""
SOURCE_DIGEST: Final = "https://sojourn.example/fhir/StructureDefinition/exchange-digest"
"""On an attachment: SHA-256 of what it was made from, so that the same content is not made anew, and another is asked about again."""
_CLASSES: Final = ("IMP", "EMER", "ACUTE", "NONAC")
_BACK: Final = timedelta(days=30)
"""What began longer ago is history."""
_SOME: Final = 40


def follower(clockwork: Clockwork) -> Handler:
    """It reads what is committed and writes in the turn; what was asked once is not asked again."""

    async def handle(turn: Turn, changes: list[Committed]) -> None:
        wanted = {t: sorted({c.id for c in changes if c.type == t and c.kind in ("create", "update")}) for t in ("Encounter", "DocumentReference")}
        wanted["AllergyIntolerance"] = sorted({c.id for c in changes if c.type == "AllergyIntolerance" and c.kind == "create"})
        if not any(wanted.values()):
            return
        looking = await clockwork.access(turn.tenant)
        found = [s for type_, ids in wanted.items() for s in await _of(looking, type_, ids) if _asks(s.resource, looking.now)]
        if not found:
            return
        rules, inside = await policies.of(looking), turn.inside(looking)
        made = await origin.makers(looking, [f"AllergyIntolerance/{s.id}" for s in found if s.type == "AllergyIntolerance"])
        for stored in _one_of_each(found, made):
            await _ask(looking, inside, stored, rules)

    return handle


async def _of(access: Access, type_: str, ids: list[str]) -> list[Stored]:
    found: list[Stored] = []
    for start in range(0, len(ids), _SOME):
        found += (await access.search(type_, [("_id", ",".join(ids[start : start + _SOME]))], count=_SOME)).matches
    return found


def _asks(resource: dict[str, Any], now: datetime) -> bool:
    """Whether somebody is to know of it."""
    if resource["resourceType"] == "DocumentReference":
        return resource.get("status") == "current" and any(i.get("system") == DOCUMENT for i in resource.get("identifier") or ())
    if resource["resourceType"] == "AllergyIntolerance":
        return bool(_as_of(resource)) and "unconfirmed" in str(resource.get("verificationStatus"))
    if not elsewhere.told(resource) or resource.get("class", {}).get("code") not in _CLASSES or resource.get("status") not in ("arrived", "in-progress", "onleave", "finished"):
        return False
    period = resource.get("period") or {}
    said = str(period.get("end") or period.get("start") or "")
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return True
    return (at if at.tzinfo else at.replace(tzinfo=now.tzinfo)) >= now - _BACK


def _one_of_each(found: list[Stored], made: dict[str, int | None]) -> list[Stored]:
    """Of the allergies of one message about one person the first: whoever looks at it sees the list. One for each program that made some
    (made: by reference) and each set of labels, or a hidden one would take the place of one that more people see.
    """
    seen: set[tuple[Any, ...]] = set()
    out = []
    for stored in found:
        if stored.type == "AllergyIntolerance":
            labels = frozenset((c.get("system"), c.get("code")) for c in _labels(stored.resource))
            key = (str((stored.resource.get("patient") or {}).get("reference", "")), _as_of(stored.resource), made[f"{stored.type}/{stored.id}"], labels)
            if key in seen:
                continue
            seen.add(key)
        out.append(stored)
    return out


def _labels(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(s) for s in (resource.get("meta") or {}).get("security") or () if isinstance(s, dict)]


def _as_of(resource: dict[str, Any]) -> str:
    return next((str(e.get("valueInstant", "")) for e in resource.get("extension") or () if e.get("url") == kinds.AS_OF), "")


def digest_of(resource: dict[str, Any]) -> str:
    """Of what a document was made from; ''."""
    attachment: dict[str, Any] = next((c.get("attachment") or {} for c in resource.get("content") or ()), {})
    return next((str(e.get("valueString", "")) for e in attachment.get("extension") or () if e.get("url") == SOURCE_DIGEST), "")


def _words(*, clinical: bool, document: bool, allergy: bool, over: bool) -> str:
    """What somebody is asked to do, without a word of what came."""
    if document:
        return "Reconcile a document that came from outside" if clinical else "Look at a document that came from outside"
    if allergy:
        return "Look at the list of allergies: something came from outside"
    return "A stay elsewhere has ended: look at it" if over else "A stay elsewhere was reported: look at it"


async def _ask(access: Access, inside: Access, stored: Stored, rules: Policies) -> None:
    about, resource = f"{stored.type}/{stored.id}", stored.resource
    allergy = stored.type == "AllergyIntolerance"
    patient = id_of(resource.get("patient" if allergy else "subject"), "Patient")
    if not patient:
        return
    over = resource.get("status") == "finished"
    document = stored.type == "DocumentReference"
    clinical = document and any((c.get("attachment") or {}).get("contentType") == CCDA for c in resource.get("content") or ())
    kind = RECONCILE if clinical else REVIEW if document else ALLERGY if allergy else STAY
    id_ = once(kind, about, "over" if over else "", digest_of(resource))
    if (await access.search("Task", [("_id", id_)], count=1)).matches:
        return
    program = await origin.made_by(access, stored.type, stored.id)
    known = access.rules.programs.get(program) if program is not None else None
    owner = await owners.owner(access, patient, about, known, rules)
    words = _words(clinical=clinical, document=document, allergy=allergy, over=over)
    change = tasks.new(
        inside, kind, words, patient=patient, owner=owner or None, role=None if owner else str(rules.value("results.role")), focus=about,
        priority="routine" if document or allergy else "asap", due=access.now + timedelta(days=rules.number("papers.review-days") if document or allergy else 1), program=program, id_=id_,
    )  # fmt: skip
    assert change.resource is not None  # noqa: S101 - a create has one
    if security := _labels(resource):
        change.resource["meta"] = {"security": security}
    with suppress(errors.Conflict):  # it is there already
        await inside.write([change], action="task")
