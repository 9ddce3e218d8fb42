"""Contracts of single exchanges: who acts, by when, and what closes it; and which are overdue.

A contract is a term of what was agreed with a partner, for one kind of message in one direction. It is about envelopes only, and is
counted for whoever sees every envelope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import errors
from sojourn.gate.exchange import messages, partners
from sojourn.gate.exchange.agreed import MOST_HOURS
from sojourn.gate.exchange.keeping import IN, OUT
from sojourn.gate.exchange.terms import ANSWERED, CLOSINGS, Term, of, usual
from sojourn.record import exchangeowed

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.messages import Envelope
    from sojourn.gate.exchange.partners import Partner

__all__ = ["ANSWERED", "CLOSINGS", "IN", "OUT", "Owed", "Term", "Traffic", "alarm", "changed", "found", "of", "overdue", "term_of", "traffic", "usual"]

_KIND: Final = "overdue"
_SHOWN: Final = 50
UNITS: Final = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
_BACK: Final = {"day": 14, "hour": 48}


class Owed(NamedTuple):
    """What is overdue by one term. n: how many; some: the oldest of them."""

    partner: Partner
    term: Term
    n: int
    some: tuple[Envelope, ...]

    @property
    def due(self) -> datetime:
        """When the oldest should have been closed."""
        return self.some[0].received + timedelta(hours=self.term.hours)


def alarm(term: Term) -> str:
    """The kind of the alarm about a term."""
    return f"{_KIND}|{term.direction}|{term.closes}|{term.kind}"


def term_of(kind: str) -> tuple[str, str, str] | None:
    """(direction, what closes it, kind of message) of an alarm about a term; None for another alarm."""
    said = kind.split("|")
    return (said[1], said[2], said[3]) if said[0] == _KIND and len(said) == 4 else None  # noqa: PLR2004 - as `alarm` writes it


async def found(access: Access, some: Sequence[Partner], most: int) -> list[Owed]:
    """What is overdue with active partners, by term. The caller has checked the right."""
    terms = [(p, t) for p in some if p.active for t in of(p.agreed)]
    rows = await exchangeowed.overdue(access.house.db, access.head, [(p.id, t.direction, t.kind, t.closes, t.hours, t.since) for p, t in terms], most)
    out = []
    for i, (partner, term) in enumerate(terms, 1):
        mine = [r for r in rows if r["term"] == i]
        if mine:
            out.append(Owed(partner, term, int(mine[0]["n"]), tuple(messages.envelope_of(r) for r in mine)))
    return out


async def overdue(access: Access, most: int = _SHOWN, some: Sequence[Partner] | None = None) -> list[Owed]:
    """What is overdue, the longest first. some: of these partners, which the caller has read; None: of all."""
    await access.check("operate", "Exchange")
    return sorted(await found(access, await partners.every(access) if some is None else some, most), key=lambda o: o.due)


def changed(before: Iterable[Term], said: Iterable[Term], now: datetime) -> tuple[Term, ...]:
    """Terms as they are kept: what is new or closes otherwise is counted from now on. Raises Malformed with what to do."""
    known = {(t.direction, t.kind, t.closes): t.since for t in before}
    out = []
    for term in said:
        closing = CLOSINGS.get(term.closes)
        if closing is None or closing.direction != term.direction or (closing.kinds and term.kind not in closing.kinds):
            raise errors.Malformed("Choose what closes an exchange from what is offered for it.")
        if not 1 <= term.hours <= MOST_HOURS:
            raise errors.Malformed("An exchange is closed within 1 hour to 90 days; leave it empty where nothing was agreed.")
        out.append(term._replace(since=known.get((term.direction, term.kind, term.closes), now)))
    return tuple(out)


class Traffic(NamedTuple):
    """How many messages of a partner began in one stretch of time. at: its beginning by the clock on the wall; failed: those that somebody has to look after."""

    partner: str
    at: datetime
    came: int
    went: int
    failed: int


async def traffic(access: Access, partner: str, unit: str, zone: str, local: datetime, begin: datetime) -> tuple[list[datetime], list[Traffic]]:
    """(every stretch, the oldest first; what there was in those in which there was something).

    local: now by the clock on the wall; begin: not later than the first stretch. Raises Forbidden.
    """
    await access.check("operate", "Exchange")
    last = local.replace(tzinfo=None, minute=0, second=0, microsecond=0)
    last = last.replace(hour=0) if unit == "day" else last
    stretches = [last - n * UNITS[unit] for n in reversed(range(_BACK[unit]))]
    counted: dict[tuple[str, datetime], list[int]] = {}
    for r in await exchangeowed.traffic(access.house.db, access.head, partner, begin, unit, zone):
        if r["at"] >= stretches[0]:
            row = counted.setdefault((r["partner"], r["at"]), [0, 0, 0])
            row[2 if r["state"] in ("failed", "review", "held") else 0 if r["direction"] == IN else 1] += int(r["n"])
    return stretches, [Traffic(who, at, *row) for (who, at), row in counted.items()]
