"""Enter an authorization by hand, change it, end it; and read those of a client."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.authorizations import model
from sojourn.care.authorizations.model import LEVEL, OBTAINED, SERVICE, TAG, TYPE, UNITS, Authorization
from sojourn.care.notes import services
from sojourn.care.resources import CARE, moment
from sojourn.care.signing.preparing import once
from sojourn.gate import origin
from sojourn.gate.changes import Change, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sojourn.gate.access import Access

READS: Final = ((TYPE, "search"),)
WRITES: Final = (*READS, (TYPE, "create"), (TYPE, "update"))
REVIEW: Final = "authorization-review"
WATCH: Final = "authorization-watch"
tasks.ABOUT[WATCH] = (*READS, ("Task", "search"), ("Patient", "search"))
_MOST: Final = 10_000


async def of_patient(access: Access, patient: str) -> list[Authorization]:
    """Those of a client, the last to end first."""
    found = await access.search(TYPE, [("patient", patient), ("use", "preauthorization"), ("_tag", f"{CARE}|{TAG}")], count=200)
    made = [a for s in found.matches if (a := model.read(s.resource, s.version)) is not None]
    return sorted(made, key=lambda a: (a.end, a.start, a.id), reverse=True)


async def one(access: Access, patient: str, id_: str) -> Authorization:
    """One. Raises NotFound, also for one of another client."""
    stored = await access.read(TYPE, id_)
    found = model.read(stored.resource, stored.version)
    if found is None or found.patient != patient:
        raise errors.NotFound
    return found


def typed(patient: str, said: Mapping[str, str], known: Authorization | None = None) -> Authorization:
    """What was typed as an authorization. Raises Malformed with everything that is wrong, in one sentence each."""
    wrong: list[str] = []
    days: dict[str, date | None] = {}
    for name in ("start", "end", "review"):
        text = said.get(name, "").strip()
        try:
            days[name] = date.fromisoformat(text) if text else None
        except ValueError:
            days[name] = None
            wrong.append("Write days as they are asked for.")
    scope, _, of = said.get("of", "").partition(".")
    try:
        approved = float(said.get("approved", ""))
    except ValueError:
        approved = -1
    if not said.get("payer", "").strip():
        wrong.append("Write who authorized it.")
    if not said.get("number", "").strip():
        wrong.append("Write the number of the authorization.")
    if scope not in (LEVEL, SERVICE) or not of or (scope == SERVICE and of not in services.services(date.max)):
        wrong.append("Choose the level of care or the service.")
    if said.get("unit") not in UNITS or not 0 <= approved <= _MOST:
        wrong.append("Write how much was approved: a number, and of what.")
    start, end = days["start"], days["end"]
    if start is None or end is None or end < start:
        wrong.append("Write the first and the last day that are covered.")
    if said.get("obtained") not in OBTAINED:
        wrong.append("Choose how it was obtained.")
    if wrong or start is None or end is None:
        raise errors.Malformed(" ".join(dict.fromkeys(wrong)))
    return Authorization(
        known.id if known else "", known.version if known else "", patient, said["payer"].strip()[:200], said.get("coverage", ""), said["number"].strip()[:80], scope, of, said["unit"], approved, start, end,
        days["review"], said.get("contact", "").strip()[:300], said["obtained"], said.get("stay", ""), said.get("note", "").strip()[:1000], known.status if known else "active", known.created if known else "", frozenset(),
    )  # fmt: skip


async def enter(access: Access, a: Authorization, key: str = "") -> str:
    """Keep a new one; its id. key: of the open form, so that a second click keeps one."""
    id_ = once(TYPE, key, access.caller.account, a.patient) if key else new_id()
    await _leads(access, a)
    program = await origin.made_by(access, "EpisodeOfCare", a.stay) if a.stay else None
    try:
        await access.write([Change("create", TYPE, id_, model.resource(replace(a, created=moment(access))), program=program)], action="authorization")
    except errors.Conflict:
        if not key:
            raise
    return id_


async def change(access: Access, a: Authorization, before: Authorization) -> None:
    """Keep it as it is now; the review that was asked for is done where its day moved. Raises VersionConflict."""
    await _leads(access, a)
    changes = [Change("update", TYPE, a.id, model.resource(a), if_match=a.version)]
    if a.review != before.review and access.may("Task", "search") and access.may("Task", "update"):
        asked = await access.search("Task", [("focus", f"{TYPE}/{a.id}"), ("code", f"{CARE}|{REVIEW}"), ("status", ",".join(tasks.OPEN))], count=20)
        changes += [tasks.finishing(access, s.resource, "The review is written down.") for s in asked.matches]
    await access.write(changes, action="authorization")


async def cancel(access: Access, a: Authorization, reason: str) -> None:
    """It was entered wrong, or the payer took it back. What it covered is not covered any more. Raises Malformed."""
    if not reason.strip():
        raise errors.Malformed("Say why it does not hold.")
    await change(access, replace(a, status="cancelled", review=None, note=f"{a.note} {reason.strip()}".strip()), a)


async def _leads(access: Access, a: Authorization) -> None:
    """What it names is of the same client. Raises NotFound."""
    for type_, id_, element in (("EpisodeOfCare", a.stay, "patient"), ("Coverage", a.coverage, "beneficiary")):
        if id_ and (await access.read(type_, id_)).resource.get(element, {}).get("reference") != f"Patient/{a.patient}":
            raise errors.NotFound
