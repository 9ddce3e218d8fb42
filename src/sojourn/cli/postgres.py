"""`sojourn postgres`: start, stop or look at the embedded PostgreSQL."""

import argparse
import sys

from sojourn.base.postgres import Postgres
from sojourn.base.settings import Settings
from sojourn.record.database import DATABASE


def arguments(parser: argparse.ArgumentParser) -> None:
    """One word: what to do."""
    parser.add_argument("what", choices=["start", "stop", "status", "address"], help="address: where its superuser connects, for backups")


def run(args: argparse.Namespace) -> int:
    """Do it. `status` exits 0 when the server runs and 3 when it does not, as service managers expect."""
    settings = Settings.from_environment()
    if not settings.embedded:
        print("SOJOURN_DATABASE_URL names another PostgreSQL; the embedded one is not used.", file=sys.stderr)
        return 1
    server = Postgres(settings.data)
    if args.what == "start":
        server.start()
    elif args.what == "stop":
        server.stop()
    pid = server.running()
    if args.what == "address" and pid:
        print(server.dsn(database=DATABASE))
    else:
        print(f"PostgreSQL {server.version} runs (process {pid}, socket in {server.socket_dir})." if pid else "PostgreSQL does not run.")
    return 3 if args.what in ("status", "address") and not pid else 0
