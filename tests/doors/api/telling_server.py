"""Whoever tells subscribers as a process of its own, for a test that kills it. Arguments: database, data folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sojourn.base import crypto
from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.gate.gate import Gate
from sojourn.web.outbound import Outbound
from tests.people import BASE


async def main() -> None:
    """Tell until killed."""
    dsn, data = sys.argv[1:]
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base=BASE, connections=6)
    await gate.open()
    await Telling(gate, Outbound(["127.0.0.1"])).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
