"""The task that looks into mailboxes as a process of its own, for a test that kills it. Arguments: the application's address, data folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sojourn.base import crypto
from sojourn.doors.direct.fetching import Fetching
from sojourn.gate.gate import Gate
from tests.doors.direct.hisp import HOST


async def main() -> None:
    """Fetch until killed."""
    dsn, data = sys.argv[1:]
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base="http://sojourn.test/fhir", connections=6)
    await gate.open()
    await Fetching(gate, lambda: None, [HOST]).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
