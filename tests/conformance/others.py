"""Other people's clients, as `make setup` installed them (requirements/clients.txt, decision 93)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "clients"
HOME = Path(sys.prefix) / "clients" / "bin"
PATIENCE = 300
"""Seconds until a client is taken to hang."""


def program(name: str) -> str:
    """A program of theirs. One that is missing fails the test: what nobody ran shows nothing."""
    path = HOME / name
    assert path.is_file(), f"{path} is missing: run `make setup`"
    return str(path)


async def run(*command: str, folder: Path | None = None, **environment: str) -> str:
    """What the client prints; a client that fails fails the test."""
    around = {**os.environ, "PYTHONWARNINGS": "ignore", **environment}
    process = await asyncio.create_subprocess_exec(*command, env=around, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        said = (await asyncio.wait_for(process.communicate(), PATIENCE))[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said[-4000:]
    return said
