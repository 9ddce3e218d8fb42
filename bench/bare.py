"""The yardstick: the same framework, server and driver as ours, one row fetched by id and sent. No gate, no audit, no FHIR.

Usage: BENCH_DSN=postgresql://... python -m bench.bare PORT
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def _no_reset(_: Any) -> None:
    return None


@asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_DSN"], min_size=16, max_size=16, reset=_no_reset) as pool:
        app.state.pool = pool
        yield


async def _ready(request: Request) -> Response:
    return Response(b"")


async def _read(request: Request) -> Response:
    body = await request.app.state.pool.fetchval("SELECT body FROM record.resource WHERE tenant = 1 AND type = 'Observation' AND id = $1", request.path_params["id"])
    return Response(body, media_type="application/fhir+json")


app = Starlette(routes=[Route("/", _ready), Route("/fhir/Observation/{id}", _read)], lifespan=_life)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
