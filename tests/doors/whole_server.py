"""The whole server as a process of its own, every door open, as `sojourn serve` runs it. Its settings are in the environment; arguments: the database as application and as owner; it prints a line once it answers."""

from __future__ import annotations

import asyncio
import sys

from sojourn.app import create_app
from sojourn.base.settings import Settings
from sojourn.cli.http import server
from sojourn.record.database import Dsn


async def main() -> None:
    """Serve until ended."""
    settings, (app, owner) = Settings.from_environment(), sys.argv[1:]
    made = server(create_app(settings, Dsn(app=app, owner=owner)), settings.host, settings.port)
    running = asyncio.create_task(made.serve())
    while not made.started and not running.done():  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.02)
    print("answers" if made.started else "ended", flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main())
