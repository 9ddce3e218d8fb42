"""`sojourn migrate`: bring the database to the schema of this version."""

import argparse
import asyncio

from sojourn.base.settings import Settings
from sojourn.record.database import ensure_database


def arguments(parser: argparse.ArgumentParser) -> None:
    """Takes none."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command has this shape
    """Apply what is missing and name it. An embedded PostgreSQL that this started is stopped again."""
    settings = Settings.from_environment()
    dsn = asyncio.run(ensure_database(settings))
    try:
        for name in dsn.applied:
            print(name)
        print("The database is up to date.")
    finally:
        dsn.release()
    return 0
