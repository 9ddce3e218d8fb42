"""`sojourn rebuild-grants`: compile every signed Consent anew into what the gate reads."""

import argparse
import asyncio

import asyncpg

from sojourn.base import clock, crypto
from sojourn.base.settings import Settings
from sojourn.gate.consenting.rebuilding import Rebuilt, rebuild
from sojourn.gate.gate import Gate
from sojourn.record.blobs import Blobs
from sojourn.record.database import ensure_database


def arguments(parser: argparse.ArgumentParser) -> None:
    """Takes none."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command has this shape
    """Rebuild every organization's grants and say what was wrong. It can run while the server serves."""
    settings = Settings.from_environment()
    dsn = asyncio.run(ensure_database(settings))
    try:
        key = crypto.load_server_key(settings.key_file)
        for name, done in asyncio.run(_all(dsn.owner, dsn.app, key, settings)).items():
            print(f"{name}: {done.consents} consents; {done.closed} rows closed, {done.added} added.")
    finally:
        dsn.release()
    return 0


async def _all(owner_dsn: str, app_dsn: str, key: crypto.ServerKey, settings: Settings) -> dict[str, Rebuilt]:
    gate = Gate(app_dsn, key, settings.data, base="", connections=1)
    await gate.open()
    owner = await asyncpg.connect(owner_dsn)
    try:
        return {
            tenant.name: await rebuild(owner, tenant, gate.house.rules[tenant.number].programs, Blobs(settings.data / "blobs", key), clock.now())
            for tenant in gate.house.tenants.values()
        }
    finally:
        await owner.close()
        await gate.close()
