"""Faxes that the gateway received: put where the clock finds them for the tray."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, log
from sojourn.base.background import Background
from sojourn.base.settings import BadSetting
from sojourn.doors.fax.gateways import Gateway, Incoming, NotThere, TooLarge
from sojourn.gate.exchange import troubles, ways

if TYPE_CHECKING:
    from sojourn.gate.gate import House

_log = log.logger(__name__)
_PAUSE: Final = 15.0
_LARGE: Final = "A fax that came is larger than is taken, and stays there. Whoever looks after the gateway prints it, or sends it again in parts, and removes it there."
_AWAY: Final = "It could not be asked: faxes neither come nor go. Whoever runs the server looks whether it is there."


def lines_of(setting: str) -> dict[str, str]:
    """Folders (`organization` or `organization/program`, by key) by our number, as `+15125550100=riverbend/sud`. Raises BadSetting."""
    found = {}
    for each in filter(str.strip, setting.split(",")):
        number, by, folder = (part.strip() for part in each.partition("="))
        if not by or not number.startswith("+") or not folder or any(p in ("", ".", "..") for p in folder.split("/")) or folder.count("/") > 1:
            raise BadSetting("SOJOURN_FAX_LINES names lines as +15125550100=organization/program, with commas between.")
        found[number] = folder
    return found


class Collecting(Background):
    """The task that does it. Two processes that take the same fax keep it once: it has the same name, time and content."""

    def __init__(self, house: House, gateway: Gateway, lines: dict[str, str]) -> None:
        self._house, self._gateway, self._lines = house, gateway, lines
        self._said: tuple[str, datetime] | None = None
        self._large: set[str] = set()

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - it is looked again
                _log.warning("faxes wait at the gateway", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """A round; and whoever looks after partners learns whether the gateway is there. Raises NotThere."""
        try:
            await self.round()
        except NotThere:
            await self._say(_AWAY)
            raise
        await self._say(_LARGE if self._large else "")

    async def _say(self, why: str) -> None:
        now = clock.now()
        if self._said is None or self._said[0] != why or now - self._said[1] >= troubles.SAID_EVERY:
            await troubles.carrier(self._house, ways.FAX, why)
            self._said = why, now

    async def round(self) -> int:
        """Take what came; how many. One that cannot be taken stays there and keeps no other waiting; one that is too large is not asked for again. Raises NotThere."""
        taken, there = 0, await self._gateway.incoming()
        self._large &= {one.id for one in there}
        for one in (each for each in there if each.id not in self._large):
            try:
                await self._take(one)
                taken += 1
            except TooLarge:
                self._large.add(one.id)
                _log.warning("a fax stays at the gateway", reason="too large")
            except (NotThere, OSError) as error:
                _log.warning("a fax stays at the gateway", error=type(error).__name__)
        return taken

    async def _take(self, one: Incoming) -> None:
        tenants = list(self._house.tenants.values())
        place = self._lines.get(one.line) or (tenants[0].key if len(tenants) == 1 else "")
        if place.partition("/")[0] not in {t.key for t in tenants}:
            raise NotThere  # it is nobody's line: SOJOURN_FAX_LINES says whose it is
        content = await self._gateway.take(one.id)
        await asyncio.to_thread(_put, self._house.inbox / place, one, content)
        await self._gateway.taken(one.id)


def _put(folder: Path, one: Incoming, content: bytes) -> None:
    """What was said of it first, then the fax; its time is that of its arrival, so that it is the same fax when it comes again."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{one.id}.pdf"
    path.with_name(path.name + ".json").write_text(json.dumps({"from": one.sender, "received": one.received}), "utf-8")
    draft = folder / f".{one.id}.part"
    draft.write_bytes(content)
    draft.chmod(0o600)
    with suppress(ValueError):
        when = datetime.fromisoformat(one.received).timestamp()
        os.utime(draft, (when, when))
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(path)
