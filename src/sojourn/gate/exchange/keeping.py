"""Messages are kept before anybody is told that we have them: sealed, each once, many in one commit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import clock, errors, ids
from sojourn.record import exchange

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

IN, OUT = "in", "out"
RECEIVED, MAPPED, REVIEW, HELD, FAILED, ASIDE = "received", "mapped", "review", "held", "failed", "aside"
PURPOSE: Final = "exchange message"
DOCUMENT: Final = "document"
"""The door of documents on their way to a partner (posting.py)."""
_GROUP: Final = 64
_GROUP_BYTES: Final = 8 << 20
_FLYING: Final = 2


class Came(NamedTuple):
    """One message that came. control: the sender's number of it; kind: as `ORU^R01`; person: as the sender names them, '' where they name none.

    same: by what it is known again, where that is not its bytes.
    test: it says of itself that it is a test.
    """

    partner: str
    door: str
    control: str
    kind: str
    version: str
    person: str
    content: bytes
    same: bytes = b""
    test: bool = False


class Kept(NamedTuple):
    """Where it is. fresh: False for one that was there already."""

    id: str
    fresh: bool


@dataclass(slots=True)
class _Waiting:
    tenant: int
    row: tuple[object, ...]
    size: int
    done: asyncio.Future[Kept]


def context(tenant: int, message: str) -> bytes:
    """What a seal of a message is bound to."""
    return f"{tenant}\0{message}".encode()


def theirs(house: House, tenant: int, partner: str, person: str) -> bytes:
    """A person as a partner names them, keyed: it can be compared and not read."""
    return house.key.sign("exchange person", f"{tenant}\0{partner}\0{person}".encode())


class Keeper:
    """Keeps messages in groups: those that come while one group is written go with the next."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: list[_Waiting] = []
        self._flying = 0
        self._tasks: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected

    async def keep(self, tenant: Tenant, came: Came, direction: str = IN) -> Kept:
        """Keep one. When this returns it is on the disk. Raises StaleCredential where the partner was stopped, Unavailable."""
        message = ids.new_id()
        house, number = self._house, tenant.number
        digest = house.key.sign("exchange digest", came.same or came.content)
        lane = theirs(house, number, came.partner, came.person) if came.person else house.key.sign("exchange lane", message.encode())
        seal = house.key.encrypt
        body = seal(PURPOSE, came.content, context(number, message)) if len(came.content) < 64 * 1024 else await asyncio.to_thread(seal, PURPOSE, came.content, context(number, message))
        row = (message, came.partner, came.door, direction, came.control[:250], digest, came.kind[:20], came.version[:20], lane, len(came.content), body, came.test)
        waiting = _Waiting(number, row, len(body), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._flying < _FLYING:
            self._begin()
        return await waiting.done

    def _begin(self) -> None:
        self._flying += 1
        task = asyncio.create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # those who come in the same turn of the loop go along
            while group := self._group():
                await self._write(group)
        finally:
            self._flying -= 1

    def _group(self) -> list[_Waiting]:
        """The next of one organization, no message twice."""
        group: list[_Waiting] = []
        rest: list[_Waiting] = []
        size, seen = 0, set()
        for one in self._waiting:
            key = one.row[1:6]
            if (group and (one.tenant != group[0].tenant or size + one.size > _GROUP_BYTES)) or len(group) >= _GROUP or key in seen:
                rest.append(one)
                continue
            group.append(one)
            seen.add(key)
            size += one.size
        self._waiting = rest
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        try:
            kept = await exchange.keep(self._house.db, group[0].tenant, clock.now(), [w.row for w in group])
        except Exception as error:  # noqa: BLE001 - each gets its own answer
            if len(group) == 1 or isinstance(error, errors.Unavailable):
                for one in group:
                    _fail(one, error)
                return
            for one in group:
                await self._write([one])
            return
        for one, (message, fresh) in zip(group, kept, strict=True):
            if not one.done.done():
                one.done.set_result(Kept(message, fresh))


def _fail(one: _Waiting, error: BaseException) -> None:
    if not one.done.done():
        one.done.set_exception(error)
