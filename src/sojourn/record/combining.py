"""Requests that write at the same time are written together, each with its own answer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from sojourn.base.db import Database
from sojourn.base.errors import Unavailable
from sojourn.record import store
from sojourn.record.store import Part

_FLYING = 2  # statements of one tenant on their way at once: while one waits for the disk, the next is at work
_LARGE = 32  # ops of a request that goes alone: an import's chunk, a large transaction
_OPS = 96  # ops of one statement


@dataclass(slots=True)
class _Waiting:
    part: Part
    touched: frozenset[tuple[str, str]]
    done: asyncio.Future[list[int]]


@dataclass(slots=True)
class _Lane:
    flying: int = 0
    waiting: deque[_Waiting] = field(default_factory=deque)


class Writer:
    """Sends what requests write to gate.write: at once while little is going on, else together with what waits beside it.

    A request alone costs the database a dozen statements however little it writes; twenty together cost little more. No two that
    touch the same resource go together, and when what went together fails, each is tried by itself, so that only what really fails
    is refused; but not when the database fell silent, which says nothing of what it did.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lanes: dict[int, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected

    async def write(self, part: Part) -> list[int]:
        """Write what one request asks for, whole or not at all. Returns the new versions. Raises as `store.write`."""
        if len(part.batch.ops) > _LARGE:
            return (await store.write(self._database, [part]))[0]
        lane = self._lanes.setdefault(part.head[0], _Lane())
        if lane.flying < _FLYING and not lane.waiting:
            lane.flying += 1
            try:
                return (await store.write(self._database, [part]))[0]
            finally:
                lane.flying -= 1
                self._send(lane)
        waiting = _Waiting(part, frozenset((op[1], op[2]) for op in part.batch.ops), asyncio.get_running_loop().create_future())
        lane.waiting.append(waiting)
        return await waiting.done

    def _send(self, lane: _Lane) -> None:
        while lane.waiting and lane.flying < _FLYING:
            group = _group(lane.waiting)
            if not group:
                continue
            lane.flying += 1
            task = asyncio.create_task(self._together(lane, group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _together(self, lane: _Lane, group: list[_Waiting]) -> None:
        try:
            written = await store.write(self._database, [waiting.part for waiting in group])
        except Exception as error:  # noqa: BLE001 - each request gets its own answer
            for waiting in group:
                # When nobody answered it may be written all the same: tried again, a create would be made twice.
                if len(group) == 1 or isinstance(error, Unavailable):
                    _fail(waiting, error)
                else:
                    await self._alone(waiting)
        else:
            for waiting, seqs in zip(group, written, strict=True):
                if not waiting.done.done():
                    waiting.done.set_result(seqs)
        finally:
            lane.flying -= 1
            for waiting in group:
                _fail(waiting, asyncio.CancelledError())  # nothing for those that have their answer
            self._send(lane)

    async def _alone(self, waiting: _Waiting) -> None:
        try:
            seqs = (await store.write(self._database, [waiting.part]))[0]
        except Exception as error:  # noqa: BLE001 - its own answer
            _fail(waiting, error)
        else:
            if not waiting.done.done():
                waiting.done.set_result(seqs)


def _fail(waiting: _Waiting, error: BaseException) -> None:
    if waiting.done.done():
        return
    if isinstance(error, asyncio.CancelledError):
        waiting.done.cancel()
    else:
        waiting.done.set_exception(error)


def _group(waiting: deque[_Waiting]) -> list[_Waiting]:
    """The next requests that can go together, in their order, taken from the queue; those whose caller is gone are dropped."""
    group: list[_Waiting] = []
    touched: set[tuple[str, str]] = set()
    ops = 0
    while waiting:
        first = waiting[0]
        if first.done.done():
            waiting.popleft()
            continue
        if group and (ops + len(first.part.batch.ops) > _OPS or not touched.isdisjoint(first.touched)):
            break
        group.append(waiting.popleft())
        touched |= first.touched
        ops += len(first.part.batch.ops)
    return group
