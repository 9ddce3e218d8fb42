"""`sojourn postgres`: start, stop or look at the embedded PostgreSQL."""

import argparse

from sojourn.base.postgres import Postgres
from sojourn.base.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """One word: what to do."""
    parser.add_argument("what", choices=["start", "stop", "status"])


def run(args: argparse.Namespace) -> int:
    """Do it. `status` exits 0 when the server runs and 3 when it does not, as service managers expect."""
    server = Postgres(Settings.from_environment().data)
    if args.what == "start":
        server.start()
    elif args.what == "stop":
        server.stop()
    pid = server.running()
    print(f"PostgreSQL {server.version} runs (process {pid}, socket in {server.socket_dir})." if pid else "PostgreSQL does not run.")
    return 3 if args.what == "status" and not pid else 0
