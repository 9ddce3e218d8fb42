"""Alarms about partners: raised and closed by the clock, told to who answers for them.

They follow from when messages came, of whomever these are. So they are no Tasks, which many roles read, but lie beside the record for
whoever sees every envelope anyway (`Exchange`, `operate`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.gate.exchange import agreed, contracts
from sojourn.gate.exchange.keeping import RECEIVED
from sojourn.gate.exchange.partners import of_row
from sojourn.record import exchange, exchangealarms, exchangebench

if TYPE_CHECKING:
    from sojourn.gate.access import Access

BACKLOG: Final = "backlog"
"""Messages of a partner, or for one, wait to be done for longer than LATE."""
LATE: Final = timedelta(minutes=15)
"""A message that waits to be done for longer than this is late: something does not work."""
_MOST = 200
_EVERY = 100_000


class Alarm(NamedTuple):
    """One. kind: agreed.SILENT, agreed.ENDS, BACKLOG or one of contracts.alarm. closed: None while it is open.

    began: since when nothing came, when the agreement is over, when the first should have been closed or done.
    """

    partner: str
    kind: str
    began: datetime
    raised: datetime
    closed: datetime | None


async def hold(access: Access) -> int:
    """By the clock: what is silent for too long, ends soon or is overdue, each once; what is so no more is closed. How many alarms changed."""
    await access.check("watch", "Exchange")
    house, number = access.house, access.tenant.number
    await exchangebench.unblock(house.db, number, access.now)  # an agreement may have begun
    every = [p for r in await exchange.partners(house.db, number) if (p := of_row(r)).active]
    partners = [p for p in every if p.agreed]
    heard = {r["partner"]: r["last"] for r in await exchange.heard(house.db, access.head)} if partners else {}
    now = [(p.id, kind, began) for p in partners for kind, began in agreed.alarms(agreed.of(p.agreed), heard.get(p.id), ZoneInfo(p.timezone), access.now)]
    late = [(o.partner.id, contracts.alarm(o.term), o.due) for o in await contracts.found(access, partners, 1)]
    waits = {r["partner"]: r["oldest"] + LATE for r in await exchange.counts(house.db, access.head) if r["state"] == RECEIVED} if every else {}
    late += [(p.id, BACKLOG, waits[p.id]) for p in every if p.id in waits and waits[p.id] <= access.now]
    if late:  # one alarm as long as anything is overdue by a term or late, however many come and go meanwhile
        known = {(r["partner"], r["kind"]): r["began"] for r in await exchangealarms.alarms(house.db, access.head, "", _EVERY)}
        now += [(partner, kind, known.get((partner, kind), due)) for partner, kind, due in late]
    return await exchangealarms.hold(house.db, access.head, now)


async def open_(access: Access) -> list[Alarm]:
    """What is open, of every partner."""
    await access.check("operate", "Exchange")
    return [Alarm(*row) for row in await exchangealarms.alarms(access.house.db, access.head, "", _MOST)]


async def past(access: Access, partner: str) -> list[Alarm]:
    """The last alarms of one partner, the newest first."""
    await access.check("operate", "Exchange")
    return [Alarm(*row) for row in await exchangealarms.alarms(access.house.db, access.head, partner, 20)]


async def keepers(access: Access) -> dict[str, str]:
    """Who may answer for a partner: names by account."""
    await access.check("operate", "Exchange")
    return {r["account"]: r["name"] for r in await exchangealarms.keepers(access.house.db, access.head)}
