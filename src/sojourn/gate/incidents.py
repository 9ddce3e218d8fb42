"""Incident reports: sealed, opened by role, never by those whom they are about.

They are no part of the record: no client's search, token, export, history or feed reaches them, and nothing in them that is readable in the
database names a person but who reported, where that was said. Why: docs/decisions/0037-beside-the-record.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors, ids
from sojourn.gate import beside, seeing
from sojourn.gate.explaining import callers
from sojourn.record import incidents as rows
from sojourn.record.explaining import Moment

if TYPE_CHECKING:
    import asyncpg

    from sojourn.gate.access import Access

SENT, CLOSED = "sent", "closed"
CLOCK = "system-clock"
_PURPOSE, _ACTION = "incident", "incident-action"


class Report(NamedTuple):
    """A report with its body as bytes. author: account, '' for an anonymous one. stamp: changes with every change. privacy: whether it is about privacy."""

    id: str
    program: int
    state: str
    author: str
    body: bytes
    stamp: str
    n: int
    reported: datetime
    changed: datetime
    barred: tuple[str, ...]
    privacy: bool

    @property
    def number(self) -> str:
        """By which people speak of it: random, so that it tells nothing of how many there are."""
        return number(self.id)


class Version(NamedTuple):
    """One version. who: name of whoever changed it, '' for somebody who stays unnamed; act: what they did."""

    n: int
    who: str
    act: str
    at: datetime
    body: bytes


class Action(NamedTuple):
    """A corrective action. owner: reference of a Practitioner; state: open, done."""

    incident: str
    id: str
    owner: str
    due: date
    state: str
    body: bytes
    stamp: str


class Reviewer(NamedTuple):
    """Somebody who may open a report: account, reference, and whether for every program."""

    account: str
    agent: str
    everything: bool


def number(id_: str) -> str:
    """The number of a report: `IR-7F3K9Q`."""
    return "IR-" + "".join(c for c in id_.upper() if c.isalnum())[-6:]


def digest(access: Access, who: str) -> str:
    """By which a report bars somebody; it tells nobody whom. who: a reference of a Practitioner, '' gives ''."""
    return access.house.key.derive(f"incident:{access.tenant.number}:{who}", 24).hex() if who else ""


def may_review(access: Access) -> bool:
    """Whether the role opens reports at all: of its programs (review), about privacy (review-privacy), or all (committee)."""
    return access.may("Incident", "open")


def _reach(access: Access) -> rows.Reach:
    if access.caller.account == CLOCK:
        return rows.Reach("", [], True, True)
    if not may_review(access):
        return rows.Reach("", [], False, False)
    mine = list(access.caller.programs) if access.may("Incident", "review") else []
    return rows.Reach(digest(access, access.caller.agent or ""), mine, access.may("Incident", "committee"), access.may("Incident", "review-privacy"))


def _context(access: Access, *names: str) -> bytes:
    return "\0".join((str(access.tenant.number), *names)).encode()


def _report(access: Access, row: asyncpg.Record) -> Report:
    body = access.house.key.open(_PURPOSE, row["body"], _context(access, row["incident"]))
    return Report(row["incident"], row["program"], row["state"], row["author"], body, row["stamp"], row["n"], row["reported"], row["changed"], tuple(row["barred"]), row["privacy"])


async def send(access: Access, id_: str, program: int, about: Sequence[str], body: bytes, *, privacy: bool, anonymous: bool) -> bool:
    """Send a report; whether it is new. about: references of those whom it is about.

    Of an anonymous one no account is kept, its time is the day alone, and its line in the trail names nobody and no request.
    """
    access.require("report", "Incident")
    reported = access.now.replace(hour=0, minute=0, second=0, microsecond=0) if anonymous else access.now
    sealed = access.house.key.seal(_PURPOSE, body, _context(access, id_))
    author = "" if anonymous else access.caller.account
    new = await rows.send(access.house.db, access.head, id_, program, privacy, author, [digest(access, who) for who in about], sealed, ids.new_id("stamp"), reported)
    line = access.entry("incident-send", "Incident", id_)
    await access.note(line._replace(account="", role="", request="", query=id_) if anonymous else line)
    return new


async def every(access: Access, since: datetime | None = None) -> list[Report]:
    """Reports from a moment on that the caller may open, the newest first; without a moment those that are open."""
    found = await beside.ask(access, rows.every(_reach(access), since))
    if access.caller.account != CLOCK:
        await access.note(access.entry("incidents", "Incident", "" if since is None else f"since={since.date()}"))
    return [_report(access, row) for row in found]


async def one(access: Access, id_: str) -> Report:
    """One report. Raises NotFound alike for what is not there and for what is not the caller's to see; each look is in the trail."""
    row = await rows.one(access.house.db, access.head, id_, _reach(access))
    await access.note(access.entry("incident-read", "Incident", id_, outcome="done" if row is not None else "absent"))
    if row is None:
        raise errors.NotFound("There is no such report.")
    return _report(access, row)


async def versions(access: Access, id_: str) -> list[Version]:
    """Every version of a report that the caller may open, the first one first."""
    found = await rows.versions(access.house.db, access.head, id_, _reach(access))
    key = access.house.key
    return [Version(r["n"], r["name"], r["act"], r["at"], key.open(_PURPOSE, r["body"], _context(access, id_))) for r in found]


async def change(access: Access, report: Report, body: bytes, act: str, *, about: Sequence[str] | None = None, program: int | None = None, privacy: bool, state: str = "") -> Report:
    """Change a report; the earlier version stays. about: whom it is about, where that changed. Raises VersionConflict, NotFound."""
    stamp = ids.new_id("stamp")
    sealed = access.house.key.seal(_PURPOSE, body, _context(access, report.id))
    barred = list(report.barred) if about is None else [digest(access, who) for who in about]
    there = await rows.change(
        access.house.db, access.head, report.id, _reach(access), report.program if program is None else program, privacy, state or report.state, barred, sealed, report.stamp, stamp,
        access.caller.account, act,
    )  # fmt: skip
    if there is None:
        raise errors.NotFound("There is no such report.")
    if there != stamp:
        raise errors.VersionConflict("Somebody else changed this report meanwhile. Nothing of theirs was lost; look at it and save yours again.", current=there, expected=report.stamp)
    await access.note(access.entry("incident-change", "Incident", f"{report.id} {act}"))
    return report._replace(body=body, stamp=stamp, state=state or report.state, privacy=privacy)


async def sent(access: Access) -> list[tuple[str, str, datetime]]:
    """What the caller sent under their name: number, state and when; not what stands in it."""
    access.require("report", "Incident")
    return [(number(r["incident"]), r["state"], r["reported"]) for r in await rows.sent(access.house.db, access.head, access.caller.account)]


# --- corrective actions -------------------------------------------------------------------------------------------------------------


def _action(access: Access, r: asyncpg.Record) -> Action:
    return Action(r["incident"], r["action"], r["owner"], r["due"], r["state"], access.house.key.open(_ACTION, r["body"], _context(access, r["incident"], r["action"])), r["stamp"])


async def actions(access: Access, id_: str | None = None) -> list[Action]:
    """Corrective actions of a report that the caller may open; without one the open ones of all."""
    return [_action(access, r) for r in await rows.actions(access.house.db, access.head, id_, _reach(access))]


async def add_action(access: Access, id_: str, owner: str, due: date, body: bytes, *, name: str) -> None:
    """Give somebody something to do. name: of the form that asked, so that a second press adds nothing. Raises NotFound."""
    action = access.house.key.derive(f"incident-action:{id_}:{name}", 24).hex()[:24]
    sealed = access.house.key.seal(_ACTION, body, _context(access, id_, action))
    if not await rows.add_action(access.house.db, access.head, id_, _reach(access), action, owner, due, sealed, ids.new_id("stamp")):
        await one(access, id_)
    await access.note(access.entry("incident-action", "Incident", id_))


async def mine(access: Access) -> list[Action]:
    """Open corrective actions of the caller."""
    return [_action(access, r) for r in await beside.ask(access, rows.actions_of(access.caller.agent or ""))]


async def my_action(access: Access, action: str) -> Action:
    """One of the caller's own. Raises NotFound."""
    found = await beside.ask(access, rows.actions_of(access.caller.agent or "", action))
    if not found:
        raise errors.NotFound("There is no such action.")
    return _action(access, found[0])


async def do_action(access: Access, action: Action, body: bytes, state: str) -> None:
    """Its owner says what was done. Raises VersionConflict, NotFound."""
    sealed, stamp = access.house.key.seal(_ACTION, body, _context(access, action.incident, action.id)), ids.new_id("stamp")
    there = await rows.do_action(access.house.db, access.head, access.caller.agent or "", action.id, state, sealed, action.stamp, stamp)
    if there is None:
        raise errors.NotFound("There is no such action.")
    if there != stamp:
        raise errors.VersionConflict("This was changed meanwhile; nothing was lost.", current=there, expected=action.stamp)
    await access.note(access.entry("incident-action", "Incident", action.id))


# --- who is told, for the clock --------------------------------------------------------------------------------------------------


async def reviewers(access: Access, report: Report) -> list[Reviewer]:
    """Accounts that may open a report, those of every program first. For the clock alone."""
    if access.caller.account != CLOCK:
        raise errors.Forbidden("Only the clock asks who has to be told.")
    found = []
    for met in await callers.everyone(access, Moment(access.now, access.now, now=True), access.house.rules[access.tenant.number], "HOPERAT"):
        who, allows = met.caller, access.house.rules[access.tenant.number].allows
        everything = allows(who.role, "committee", "Incident")
        ours = report.program in who.programs and allows(who.role, "review", "Incident")
        private = report.privacy and allows(who.role, "review-privacy", "Incident")
        if who.kind == "staff" and allows(who.role, "open", "Incident") and digest(access, who.agent or "") not in report.barred and (everything or ours or private):
            found.append(Reviewer(who.account, who.agent or "", everything))
    return sorted(found, key=lambda r: (not r.everything, r.account))


async def accounts(access: Access, people: Sequence[str], report: Report) -> dict[str, str]:
    """The accounts of people by reference, without those whom the report is about."""
    wanted = [who for who in people if digest(access, who) not in report.barred]
    known = await seeing.sights(access, wanted, [], None, "Task")
    return {who: sight.account for who, sight in known.items() if sight.account}


def as_account(access: Access, account: str) -> Access:
    """For the clock, to put a page where one person finds it."""
    if access.caller.account != CLOCK:
        raise errors.Forbidden("Only the clock pages others.")
    return type(access)(access.house, replace(access.caller, account=account), access.request)
