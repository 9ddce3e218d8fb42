"""Lines of the trail for those who may read them; reading it leaves a line, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from sojourn.base import errors
from sojourn.gate import sealed
from sojourn.record import lines as store
from sojourn.record.lines import BEGINNING, END, NEWEST, Place, Wish

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt

PAGE = 50
CHUNK = 500

__all__ = ["Line", "Lines", "Wish", "every", "page", "reader"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as its reader may know it. name, kind, agent: of the account; entities: `Type/id/_history/version` of what was shown; mark: tells questions and
    types apart that are not shown to this reader (a digest and the type as it was written: not to be shown either).
    """

    recorded: datetime
    request: str
    account: str
    name: str
    kind: str
    agent: str | None
    role: str
    door: str
    purpose: str
    action: str
    outcome: str
    type: str
    query: str
    patients: tuple[str, ...]
    entities: tuple[str, ...]
    mark: bytes
    place: Place

    @classmethod
    def of(cls, row: Any) -> Line:
        """From a row of gate.trail."""
        return cls(
            row["recorded"], row["request"], row["account"], row["name"] or "", row["kind"] or "", row["agent"], row["role"], row["door"], row["purpose"],
            row["action"], row["outcome"], row["type"], row["query"], tuple(row["patients"]), tuple(row["entities"]), row["mark"],
            Place(row["recorded"], row["stamp"], row["n"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of lines. next: an opaque cursor, or None."""

    lines: list[Line]
    receipt: Receipt
    next: str | None = None


def reader(access: Access, patient: str | None) -> str | None:
    """How this caller may read lines (about one patient, or all): whole, part or self; None: not at all.

    Those who oversee the trail read it as far as they may know of what it is about. Patients read what is about themselves
    (their accounts stand for `Patient/id`) if their role and the scopes of their app include AuditEvents. Whoever acts for a patient
    needs a right of its own beside that, and reads in part.
    """
    if access.may("AuditEvent", "trail"):
        return "whole" if access.decision.entire else "part"
    if patient is None or not access.may("AuditEvent", "search"):  # the scopes of a patient's app say so, too
        return None
    caller = access.caller
    if caller.kind == "patient" and caller.agent == f"Patient/{patient}":
        return "self"
    acts = caller.kind == "proxy" and caller.standing is not None and caller.standing.patient == patient
    return "part" if acts and access.may("AuditEvent", "report") else None


async def page(access: Access, wish: Wish, *, count: int = PAGE, cursor: str | None = None, action: str = "search") -> Lines:
    """Lines, newest first. Raises Forbidden, recorded, or Malformed for a bad cursor."""
    asked = question(wish)
    how = await _allowed(access, wish, asked)
    after = _place(sealed.open_cursor(access, f"trail:{asked}", cursor)) if cursor else NEWEST
    rows = await store.trail(access.house.db, access.head, access.decided, how, wish, after=after, limit=count + 1)
    found = [Line.of(row) for row in rows[:count]]
    receipt = await note(access, action, asked, patients=_patients(found))
    following = None
    if len(rows) > count:
        last = found[-1].place
        following = sealed.cursor(access, f"trail:{asked}", [last.recorded.isoformat(), last.stamp, last.n])
    return Lines(found, receipt, following)


async def every(access: Access, wish: Wish) -> AsyncIterator[list[Line]]:
    """All lines in chunks, for an export. A line `export` stands in the trail before the first, and one with the patients before each.

    The export ends where the trail was when it began, so that it never meets its own lines. Raises Forbidden, recorded.
    """
    asked = question(wish)
    how = await _allowed(access, wish, asked)
    await note(access, "export", asked, outcome="started")
    wish = wish._replace(until=min(wish.until, access.now))
    after = NEWEST
    while True:
        rows = await store.trail(access.house.db, access.head, access.decided, how, wish, after=after, limit=CHUNK)
        chunk = [Line.of(row) for row in rows]
        if chunk:
            await note(access, "export", asked, patients=_patients(chunk))
            yield chunk
            after = chunk[-1].place
        if len(rows) < CHUNK:
            return


async def note(access: Access, action: str, asked: str, *, outcome: str = "done", patients: Sequence[str] = ()) -> Receipt:
    """The trail's own line about looking at it. Staff do that for the running of the organization, whatever else they are there for."""
    entry = access.entry(action, "AuditEvent", asked, outcome=outcome, patients=patients)
    return await access.note(entry._replace(purpose="HOPERAT") if access.caller.kind == "staff" else entry)


async def _allowed(access: Access, wish: Wish, asked: str) -> str:
    how = reader(access, wish.patient)
    if how is None:
        await access.refuse("search", "AuditEvent", asked)
        raise errors.Forbidden("Your role does not include looking at the audit trail.")
    return how


def _patients(found: Sequence[Line]) -> list[str]:
    return sorted({p for line in found for p in line.patients})


def _place(position: list[Any]) -> Place:
    try:
        return Place(datetime.fromisoformat(position[0]), int(position[1]), int(position[2]))
    except (ValueError, IndexError, TypeError):
        raise errors.Malformed("The page link is not valid here; start the search again.") from None


def question(wish: Wish) -> str:
    """What was asked, for the trail's own line about it."""
    said = []
    for name, value in wish._asdict().items():
        if value is None or value in (BEGINNING, END) or name == "alone":  # how much of each line, not which
            continue
        text = value.isoformat() if isinstance(value, datetime) else ",".join(value) if isinstance(value, list | tuple) else str(value)
        said.append(f"{name}={quote_plus(text)}")
    return "&".join(said)
