"""The FHIR door as a process of its own, for a test that kills it. Arguments: the application's address, data folder, port."""

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
from sojourn.gate.gate import Gate


def main() -> None:
    """Serve until killed."""
    dsn, data, port = sys.argv[1:]
    gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base=f"http://127.0.0.1:{port}/fhir", connections=6)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await gate.open()
        yield
        await gate.close()

    app = Starlette(routes=[Mount("/fhir", app=FhirDoor(gate))], lifespan=life)
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="error")


if __name__ == "__main__":
    main()
