"""Taking back, events, confirmations, decisions, copies: what may happen to a signed Consent."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate.changes import Change, new_id
from sojourn.gate.consenting import compiling, entering, replacing, terms, validity
from sojourn.gate.consenting.terms import Resource
from sojourn.gate.policy import tables

if TYPE_CHECKING:
    from sojourn.gate.access import Access

WAYS = {
    "written": "A signed note from the patient",
    "form": "Our form, signed here",
    "message": "A written message from the patient's own account",
    "representative": "A signed note from somebody who may sign for the patient",
}
"""How somebody took a consent back in writing (42 CFR 2.31(a)(6))."""


def irrevocable(consent: Resource) -> bool:
    """Whether it cannot be taken back yet: some forms for the criminal justice system, until their event (42 CFR 2.35)."""
    if terms.kind_of(consent) != "part2_criminal_justice" or terms.value(consent, terms.IRREVOCABLE) is not True:
        return False
    return not terms.value(consent, terms.EVENT_OCCURRED)


async def revoke(access: Access, consent: Resource, *, how: str, version: str, note: str = "") -> None:
    """Take a Consent back: it stops with the next statement of every process, and what it permitted before stays permitted then.

    Raises ProofNeeded, Invalid for one that is not in force or cannot be taken back yet, VersionConflict.
    """
    await access.require_fresh()
    await taken_back(access, consent, how=how, version=version, note=note, capture=await replacing.taken_by(access))


async def taken_back(
    access: Access, consent: Resource, *, how: str, version: str, note: str, capture: dict[str, str], program: int | None = None, author: dict[str, str] | None = None
) -> None:
    """The same for a caller who has proved who they are already. program: to which the proof belongs, where not to the caller's; author: who says so, where it
    is not the patient."""
    if consent.get("status") not in ("active", "proposed"):
        raise errors.Invalid("This consent is not in force.", expression="Consent.status")
    if how not in WAYS:
        raise errors.Invalid("42 CFR 2.31(a)(6): taken back in writing. Say what you have in writing.")
    if irrevocable(consent):
        raise errors.Invalid("42 CFR 2.35: this consent cannot be taken back before its event. Record the event when it has come.")
    moment = _now(access)
    changes = [
        Change("update", "Consent", str(consent["id"]), replacing.ended(consent, moment, "revoked"), if_match=version, consenting=entering.ENDED),
        Change("create", "Provenance", new_id(), _provenance(capture, consent, moment, f"Consent revoked in writing: {WAYS[how]}", note, author or consent["patient"]), program=program),
    ]
    await access.write(changes, action="revoke")


async def occurred(access: Access, consent: Resource, *, on: datetime, version: str) -> None:
    """Record that the event has come with which a Consent ends. Raises Invalid where there is none, or the moment lies ahead."""
    if not validity.waits_for_event(consent) or on > access.now:
        raise errors.Invalid("Only an event that a consent waits for can be recorded, on the day on which it came.")
    values: dict[str, dict[str, Any] | None] = {terms.EVENT_OCCURRED: {"valueDateTime": on.isoformat(timespec="milliseconds")}}
    await _update(access, consent, terms.with_values(consent, values), version, "event", entering.ENDED)


async def not_yet(access: Access, consent: Resource, *, version: str) -> None:
    """Say that the event has not come: the Consent acts for some more weeks. Raises Invalid where it waits for none, or the episode ended."""
    if not validity.waits_for_event(consent) or consent.get("status") != "active":
        raise errors.Invalid("This consent waits for no event.")
    if (episode := terms.literal(terms.value(consent, terms.EXPIRY_EPISODE))) and await over(access, episode):
        raise errors.Invalid("The episode of care with which this consent ends is over. Record the event.")
    values: dict[str, dict[str, Any] | None] = {terms.EVENT_CONFIRMED: {"valueDateTime": _now(access)}}
    await _update(access, consent, terms.with_values(consent, values), version, "confirm", entering.CONFIRMED)


async def over(access: Access, episode: str) -> bool:
    """Whether an EpisodeOfCare that this caller may see has ended."""
    return bool(await all_over(access, [episode]))


async def all_over(access: Access, episodes: Iterable[str]) -> set[str]:
    """Which of these EpisodesOfCare have ended, as far as this caller may see them."""
    ids = sorted(e.partition("/")[2] for e in episodes)
    found: set[str] = set()
    for first in range(0, len(ids), 100):
        answer = await access.search("EpisodeOfCare", [("_id", ",".join(ids[first : first + 100]))], count=100)
        found |= {f"EpisodeOfCare/{s.id}" for s in answer.matches if s.resource.get("status") in ("finished", "cancelled") or (s.resource.get("period") or {}).get("end")}
    return found


def mandatory(consent: Resource) -> bool:
    """Whether a request must be agreed to: services paid for in full by the patient, kept from a health plan (45 CFR 164.522(a)(1)(vi))."""
    if not compiling.self_paid(consent):
        return False
    provision = terms.root(consent)
    purposes = set(terms.purposes(provision))
    money = tables.purposes("payment") | tables.purposes("operations")
    kinds = [terms.value(a, terms.RECIPIENT_KIND) for a in terms.actors(provision)]
    return bool(purposes) and purposes <= money and bool(kinds) and all(isinstance(k, str) and "plan" in tables.kind_of_recipient(k) for k in kinds)


async def decide(access: Access, consent: Resource, *, agreed: bool, reason: str, version: str) -> None:
    """Decide a request to restrict. Raises Invalid where there is nothing to decide, a reason is missing, or it must be agreed to.

    One that is agreed to ends the form that it takes the place of in the same moment; until then, and where it is refused, that one stands.
    """
    await access.require_fresh()
    if consent.get("status") != "proposed":
        raise errors.Invalid("This request was decided already.", expression="Consent.status")
    if not agreed and mandatory(consent):
        raise errors.Invalid("45 CFR 164.522(a)(1)(vi): the patient paid for these services in full, and asks that the health plan is not told. That must be agreed to.")
    if not agreed and len(reason.strip()) < 4:
        raise errors.Invalid("Say why the request is not agreed to, so that the patient can be told.")
    values: dict[str, dict[str, Any] | None] = {terms.DECISION: {"valueString": reason.strip()} if reason.strip() else None, terms.DECIDED_AT: {"valueDateTime": _now(access)}}
    decided = terms.with_values({**consent, "status": "active" if agreed else "rejected"}, values)
    changes = [Change("update", "Consent", str(consent["id"]), decided, if_match=version), *await replacing.ended_by(access, decided, _now(access))]
    await access.write(changes, action="decide")


async def copied(access: Access, consent: Resource, *, given: bool, version: str) -> None:
    """Mark that the patient got a copy, or did not want one."""
    values: dict[str, dict[str, Any] | None] = {terms.COPY: {"valueCode": "given" if given else "declined"}, terms.COPY_AT: {"valueDateTime": _now(access)}}
    await _update(access, consent, terms.with_values(consent, values), version, "copy")


async def _update(access: Access, consent: Resource, changed: dict[str, Any], version: str, action: str, act: str = "") -> None:
    await access.write([Change("update", "Consent", str(consent["id"]), changed, if_match=version, consenting=act)], action=action)


def _now(access: Access) -> str:
    return access.now.isoformat(timespec="milliseconds")


def _provenance(capture: dict[str, str], consent: Resource, moment: str, said: str, note: str, author: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Provenance",
        "target": [{"reference": f"Consent/{consent['id']}"}, consent["patient"]],
        "recorded": moment,
        "activity": {"text": said},
        "agent": [{"type": {"text": "author"}, "who": author}, {"type": {"text": "enterer"}, "who": capture}],
    }
    if labels := [c for c in (consent.get("meta") or {}).get("security") or () if c.get("code") in ("42CFRPart2", "MINOR")]:
        made["meta"] = {"security": labels}
    if note:
        made["signature"] = [{
            "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.14", "display": "Source Signature"}], "when": moment,
            "who": author, "sigFormat": "text/plain", "data": base64.b64encode(note.encode()).decode(),
        }]  # fmt: skip
    return made
