"""`sojourn serve`: start the server."""

import argparse
import asyncio
import sys
from collections.abc import Callable

from sojourn.base import log
from sojourn.base.settings import Settings
from sojourn.record.database import Dsn, ensure_database


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, when it is not where the settings say."""
    parser.add_argument("--host", help="address to listen on (SOJOURN_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (SOJOURN_PORT)")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then finish the requests at hand and stop what was started."""
    settings = Settings.from_environment()
    return serve(settings, args.host or settings.host, settings.port if args.port is None else args.port)


def serve(settings: Settings, host: str, port: int, ready: Callable[[Dsn], None] | None = None) -> int:
    """Bring up the database and the web server; `ready` is called just before the first request can arrive."""
    log.configure(settings.log_level)
    dsn = asyncio.run(ensure_database(settings))
    try:
        from sojourn.app import create_app
        from sojourn.cli import http

        web = http.server(create_app(settings, dsn), host, port, settings.trusted_proxies)
        if ready:
            ready(dsn)
        print(f"Sojourn listens on http://{host}:{port}", file=sys.stderr, flush=True)
        web.run()
        return 0 if web.started else 1
    finally:
        dsn.release()
