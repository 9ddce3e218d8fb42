"""The sender as a process of its own, for a test that kills it. Arguments: database, data folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sojourn.base import crypto
from sojourn.doors.hl7v2.out.client import Identity
from sojourn.doors.hl7v2.out.sending import Sending
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.gate import Gate


async def main() -> None:
    """Send until killed."""
    dsn, data = sys.argv[1:]
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base="http://sojourn.test/fhir", connections=6)
    await gate.open()
    sending = Sending(Envoys(gate), Identity())
    await sending.start()
    print("sending", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
