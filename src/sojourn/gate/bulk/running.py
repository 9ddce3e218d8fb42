"""Works on exports, a stretch at a time: a killed process loses none and doubles none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, ids, log
from sojourn.base.background import Background
from sojourn.base.errors import SojournError, StaleCredential
from sojourn.gate.bulk import walking
from sojourn.gate.bulk.asking import Wish
from sojourn.gate.bulk.walking import Walk
from sojourn.record import bulk

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.bulk.walking import Part, Place
    from sojourn.gate.gate import Gate

_log = log.logger(__name__)
LINES: Final = 50_000
"""Of one file, at most."""
BYTES: Final = 1 << 29
"""Of one file, at most, and one line more."""
LEASE: Final = timedelta(seconds=20)
"""For how long nobody else takes up what one process works on, after its last stretch."""
TRIES: Final = 3
"""How often one is taken up again without getting on, before it fails."""
_PAUSE = 0.5
_SOON, _OFTEN = 0.02, 25  # and how often so soon after one was asked for: what is being written at that moment has to end first
_SWEEP = 120  # looks between those that drop what is over


class _Taken(Exception):
    """The export was cancelled, or somebody else works on it."""


@dataclass
class _Cut:
    """Where the files of one kind are."""

    kind: int
    n: int = 0
    file: int = 1
    lines: int = 0
    size: int = 0
    place: Place = walking.FIRST

    def add(self, lines: int, size: int) -> None:
        """A stretch was added; when the file is full, the next one begins."""
        self.lines += lines
        self.size += size
        if self.lines >= LINES or self.size >= BYTES:
            self.file, self.lines, self.size = self.file + 1, 0, 0


class Exporting(Background):
    """One task a process. Any number of processes may run it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._runner = ids.new_id("runner")

    async def _run(self) -> None:
        looks = soon = 0
        while True:
            try:
                busy = await self.round()
                if looks % _SWEEP == 0:
                    await bulk.sweep(self._gate.house.db, clock.now())
                looks += 1
            except Exception as error:  # noqa: BLE001 - of any kind: others must be worked on
                _log.warning("exports wait", error=type(error).__name__)
                busy = False
            if not busy:
                asked = self._gate.house.bulk_asked
                with suppress(TimeoutError):
                    await asyncio.wait_for(asked.wait(), _SOON if soon else _PAUSE)
                soon = _OFTEN if asked.is_set() else max(0, soon - 1)
                asked.clear()

    async def round(self) -> bool:
        """Work on one export to its end; False when none waits."""
        now = clock.now()
        row = await bulk.claim(self._gate.house.db, now, self._runner, now + LEASE)
        if row is None:
            return False
        try:
            await self._work(row)
        except _Taken:
            pass
        except StaleCredential:
            if row["tries"] < TRIES and await self._gate.identity.of(row["credential"]) is not None:  # rules have changed: it goes on under those of now
                now = clock.now()
                await bulk.step(self._gate.house.db, row["tenant"], row["export"], self._runner, now, now, await self._kind_of(row), "running", "")
            else:
                await self._fail(row, "What this caller may do has changed, or the app was stopped. Ask for the export again.")
        except Exception as error:  # noqa: BLE001 - of any kind: the others must go on
            _log.error("an export failed", error, export=row["export"])
            if row["tries"] >= TRIES or isinstance(error, SojournError):
                await self._fail(row, "The export could not be made. Ask for it again.")
        return True

    async def _kind_of(self, row: Any) -> int:
        """The kind that was being worked on: the last of which there is anything, or the one that it began with."""
        parts = await bulk.parts(self._gate.house.db, row["tenant"], row["export"])
        return int(max([row["kind"], *(part["kind"] for part in parts)]))

    async def _fail(self, row: Any, problem: str) -> None:
        now = clock.now()
        await bulk.step(self._gate.house.db, row["tenant"], row["export"], self._runner, now, now, row["kind"], "failed", problem)

    async def _access(self, row: Any) -> Access:
        """As whom it is worked on: the caller as they stand now, under a credential of the export."""
        caller = await self._gate.identity.of(row["credential"])
        if caller is None:
            raise StaleCredential
        return self._gate.access_of(await self._gate.current(caller), ids.new_id("request"))

    async def _work(self, row: Any) -> None:
        wish = Wish.unpack(row["asked"])
        walk = Walk(await self._access(row), wish, row["begun"])
        for kind in range(row["kind"], len(wish.kinds)):
            if kind + 1 < len(wish.kinds) and not await walk.any(kind):
                continue
            cut = await self._cut(row, kind)
            await self._kind(walk, row, cut)
            await self._step(row, kind + 1, "running" if kind + 1 < len(wish.kinds) else "done")

    async def _cut(self, row: Any, kind: int) -> _Cut:
        """What there is of a kind already."""
        cut = _Cut(kind)
        for part in await bulk.parts(self._gate.house.db, row["tenant"], row["export"], kind):
            cut.n += 1
            cut.add(part["count"], part["size"])
            cut.place = (part["to_patient"], part["to_rid"])
        return cut

    async def _kind(self, walk: Walk, row: Any, cut: _Cut) -> None:
        ahead = walking.Ahead(self._parts(walk, cut))
        try:
            await self._kept(row, cut, ahead)
        finally:
            ahead.stop()

    async def _kept(self, row: Any, cut: _Cut, made_: AsyncIterator[tuple[Part, int]]) -> None:
        begun = cut.place
        async for made, number in made_:
            if made.seqs:
                cut.n += 1
                if not await bulk.done(
                    self._gate.house.db, row["tenant"], row["export"], self._runner, clock.now() + LEASE, cut.kind, cut.n - 1, number, *begun, *made.to, len(made.seqs), made.size, made.stamp
                ):
                    raise _Taken
                begun = made.to
            elif not made.over:
                await self._step(row, cut.kind, "running")

    async def _parts(self, walk: Walk, cut: _Cut) -> AsyncIterator[tuple[Part, int]]:
        """The stretches of a kind, each with the number of its file."""
        over = False
        while not over:
            walk.access.now = clock.now()
            made = await walk.part(cut.kind, cut.place, lines=LINES - cut.lines, size=BYTES - cut.size, counted=True)
            cut.place, over, number = made.to, made.over, cut.file
            if made.seqs:
                cut.add(len(made.seqs), made.size)
            yield made, number

    async def _step(self, row: Any, kind: int, state: str) -> None:
        now = clock.now()
        if not await bulk.step(self._gate.house.db, row["tenant"], row["export"], self._runner, now, now + LEASE, kind, state, ""):
            raise _Taken
