"""The SFTP door as a process of its own, for a test that kills it. Arguments: the application's address, data folder; it prints its port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sojourn.base import crypto
from sojourn.doors.sftp.serve import Listener, Place
from sojourn.gate.gate import Gate


async def main() -> None:
    """Listen until killed."""
    dsn, data = sys.argv[1:]
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base="http://sojourn.test/fhir", connections=6)
    await gate.open()
    door = Listener(gate, Place("127.0.0.1", 0))
    await door.open()
    print(door.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
