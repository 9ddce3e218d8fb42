"""The FHIR door and the clock's duties as a process of its own, for a test that kills it. The time is what a file says.

Arguments: the application's address, data folder, port, the file with the time, the text gateway.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from sojourn.base import clock, crypto
from sojourn.care.calling import duty as calls
from sojourn.care.consequences import CONSEQUENCES
from sojourn.care.risk import duty
from sojourn.doors.api.app import FhirDoor
from sojourn.doors.calling.texting import Texting
from sojourn.duties import Doing, Duty
from sojourn.gate.channels import SMS
from sojourn.gate.gate import Gate
from tests.doors.calling.counterpart import TOKEN


class FileClock:
    """A clock whose hands are moved from outside."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return datetime.fromisoformat(self._path.read_text("utf-8"))

    def monotonic(self) -> float:
        return time.monotonic()


def main() -> None:
    """Serve until killed."""
    dsn, data, port, hands, gateway = sys.argv[1:]
    clock.set_clock(FileClock(Path(hands)))
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base=f"http://127.0.0.1:{port}/fhir", connections=6, consequences=CONSEQUENCES)

    gate.house.channels = {SMS: Texting(gateway, TOKEN)}

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await gate.open()
        doing = Doing(gate, (Duty("risk", 1, duty.escalate), Duty("calls", 1, calls.run)))
        await doing.start()
        yield
        await doing.stop()
        await gate.close()

    app = Starlette(routes=[Mount("/fhir", app=FhirDoor(gate))], lifespan=life)
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="error")


if __name__ == "__main__":
    main()
