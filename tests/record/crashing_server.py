"""The FHIR door as a process of its own, for a test that kills it, with a follower of the feed that counts what it is handed.

Arguments: the application's address, data folder, port. With a fourth, `bulk`, it works on exports instead, in small stretches and pieces.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from sojourn.base import crypto
from sojourn.doors.api.app import FhirDoor
from sojourn.gate.bulk import leaving, running, walking
from sojourn.gate.feed import Change, Turn
from sojourn.gate.gate import Gate
from sojourn.listeners import LISTENERS, Following


async def take(turn: Turn, changes: list[Change]) -> None:
    """The follower's work: a row for each change (the test made table and function)."""
    await turn.db.call("SELECT gate.taken($1, $2, $3)", turn.tenant, [c.n for c in changes], [c.version for c in changes])


def main() -> None:
    """Serve until killed."""
    dsn, data, port, *bulk = sys.argv[1:]
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base=f"http://127.0.0.1:{port}/fhir", connections=6)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await gate.open()
        if bulk:
            walking.ROWS, running.LINES, leaving.PIECE = 20, 150, 4096
        else:
            LISTENERS["taken"] = take
        following = running.Exporting(gate) if bulk else Following(gate)
        await following.start()
        yield
        await following.stop()
        await gate.close()

    app = Starlette(routes=[Mount("/fhir", app=FhirDoor(gate))], lifespan=life)
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="error")


if __name__ == "__main__":
    main()
