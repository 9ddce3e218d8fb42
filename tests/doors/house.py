"""A whole server in a process of its own, with a small clinic, for tests that look at it from outside: what it answers, how much memory it takes, and what is left when it falls."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from sojourn.base import crypto
from sojourn.base.settings import Settings
from sojourn.record.database import Dsn
from tests.docs.open_house import free_port
from tests.people import A, Clinic, close_clinic, open_clinic

ROOT = Path(__file__).parents[2]


@dataclass
class House:
    """url answers HTTP; mllp and sftp are ports; folder holds its data; began: bytes of memory that it held when it first answered."""

    url: str
    mllp: int
    sftp: int
    folder: Path
    clinic: Clinic
    process: asyncio.subprocess.Process
    began: int = 0

    @property
    def peak(self) -> int:
        """Bytes of memory that the server held at most until now (VmHWM, proc(5))."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text("utf-8"))
        assert found, "the server is not there"
        return int(found[1]) << 10

    def as_(self, who: str) -> httpx.AsyncClient:
        """A client of the FHIR door."""
        return httpx.AsyncClient(base_url=f"{self.url}/fhir/", headers={"authorization": f"Bearer {self.clinic.tokens.get(who, who)}", "content-type": "application/fhir+json"}, timeout=120)


@asynccontextmanager
async def house(dsn: Dsn, folder: Path, prepare: Callable[[Clinic], Awaitable[None]] | None = None, **settings: str) -> AsyncIterator[House]:
    """While this is open the server runs. prepare: what is there before it begins; settings: more variables of its environment."""
    port, mllp, sftp = free_port(), free_port(), free_port()
    clinic = await open_clinic(dsn, key=crypto.load_server_key(Settings(data=folder).key_file), base=f"http://127.0.0.1:{port}/fhir")
    await clinic.owner.execute("UPDATE record.tenant SET host = '127.0.0.1' WHERE tenant = $1", A)
    if prepare is not None:
        await prepare(clinic)
    told = {"SOJOURN_DATA": str(folder), "SOJOURN_PORT": str(port), "SOJOURN_MLLP_PORT": str(mllp), "SOJOURN_SFTP_PORT": str(sftp), **settings}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SOJOURN_")}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.doors.whole_server", dsn.app, dsn.owner, cwd=ROOT, env={**kept, **told}, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"answers\n", "the server did not begin"
        made = House(f"http://127.0.0.1:{port}", mllp, sftp, folder, clinic, process)
        made.began = made.peak
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await close_clinic(clinic)
