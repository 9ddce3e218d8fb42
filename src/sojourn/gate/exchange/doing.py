"""Doing messages: taken, written, and what became of them said; in one transaction, or not at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock
from sojourn.gate.exchange import telling
from sojourn.gate.exchange.keeping import PURPOSE, RECEIVED, context, theirs
from sojourn.gate.exchange.messages import Result, sealed_result
from sojourn.gate.feed import Turn
from sojourn.record import exchange, exchangebatch

if TYPE_CHECKING:
    from sojourn.base.db import Transaction
    from sojourn.gate.access import Access
    from sojourn.gate.gate import House

_AGAIN = timedelta(seconds=30)


class Taken(NamedTuple):
    """A message that is to be done now. chosen: (patient, program) that somebody decided."""

    id: str
    partner: str
    control: str
    kind: str
    tries: int
    content: bytes
    chosen: tuple[str, int | None]
    received: datetime


class Done(NamedTuple):
    """What became of one. programs: to which that belongs. again: seconds until it is tried again, for one that stays received."""

    id: str
    state: str
    reason: str = ""
    result: Result | None = None
    programs: tuple[int, ...] = ()
    again: float = 0.0


class Round:
    """One transaction in which messages are done."""

    def __init__(self, house: House, tenant: int, transaction: Transaction) -> None:
        self._house, self._tenant, self._transaction = house, tenant, transaction

    async def take(self, door: str, partners: Sequence[str], most: int, most_bytes: int, without: Sequence[str] = ()) -> list[Taken]:
        """The next messages but those of `without`, behind which those about the same person wait. None while another process does some."""
        rows = await exchange.take(self._transaction, self._tenant, door, clock.now(), most, most_bytes, list(partners), list(without))
        return [self._read(row) for row in rows]

    def _read(self, row: Any) -> Taken:
        open_, here = self._house.key.decrypt, context(self._tenant, row["message"])
        chosen = json.loads(open_(PURPOSE, bytes(row["choice"]), here)) if row["choice"] is not None else {}
        return Taken(row["message"], row["partner"], row["control"], row["kind"], row["tries"], open_(PURPOSE, bytes(row["body"]), here), (chosen.get("patient", ""), chosen.get("program")), row["received"])

    def inside(self, access: Access) -> Access:
        """The same Access, whose writes are part of this transaction. What it reads is what was committed before."""
        return Turn(self._tenant, self._transaction).inside(access)

    async def learn(self, access: Access, known: Sequence[tuple[str, str, str]]) -> None:
        """From now on (partner, person as the partner names them) is this patient."""
        for partner, person, patient in known:
            await exchange.know(self._transaction, access.head, partner, theirs(self._house, self._tenant, partner, person), patient, access.caller.account)

    async def answer(self, partner: str, orders: Iterable[str]) -> None:
        """Something about these orders (ids of ServiceRequests) is filed: what asked for it is answered."""
        await telling.answered(self._transaction, self._house, self._tenant, partner, orders)

    async def acknowledged(self, partner: str, control: str, reason: str) -> bool:
        """A partner says what became of a message of ours; False where no message of that number went to them. reason: '' where they took it."""
        return await exchangebatch.acknowledged(self._transaction, self._tenant, partner, control, clock.now(), reason[:500])

    async def settle(self, access: Access, done: Sequence[Done]) -> None:
        """Say what became of them."""
        if done:
            now = clock.now()
            rows = [
                (d.id, d.state, d.reason[:500], sealed_result(access, d.id, d.result) if d.result is not None else None, "{" + ",".join(map(str, d.programs)) + "}",
                 now + timedelta(seconds=d.again) if d.state == RECEIVED else now, "")
                for d in done
            ]  # fmt: skip
            await exchange.settle(self._transaction, self._tenant, now, rows)


@asynccontextmanager
async def begun(house: House, tenant: int) -> AsyncIterator[Round]:
    """A round; what is done in it is committed at its end together, or not at all when something is raised."""
    async with house.db.together() as transaction:
        yield Round(house, tenant, transaction)


async def known(access: Access, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The patients of (partner, person as the partner names them) whom somebody knows."""
    if not wanted:
        return {}
    keyed = {(partner, theirs(access.house, access.tenant.number, partner, person)): (partner, person) for partner, person in wanted}
    rows = await exchange.people(access.house.db, access.head, [p for p, _ in keyed], [k for _, k in keyed])
    return {keyed[r["partner"], bytes(r["theirs"])]: str(r["patient"]) for r in rows}


def id_for(access: Access, *parts: str) -> str:
    """The id of what follows from these words, here: the same whenever the same comes again, and nothing that can be guessed."""
    return access.house.key.sign("exchange id", "\0".join((str(access.tenant.number), *parts)).encode()).hex()[:32]
