"""The house that is measured: a PostgreSQL of its own in a temporary folder, one tenant, one server process, and the bare app."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import asyncpg

from bench import made
from sojourn.base import clock, crypto
from sojourn.base.settings import Settings
from sojourn.gate.gate import Gate
from sojourn.gate.importing import Arrival, bring_in
from sojourn.gate.roles import starting_rules
from sojourn.record import organization as org
from sojourn.record.database import Dsn, ensure_database

TOKENS = {"all": "bench-all-" + "a" * 33, "redacted": "bench-one-" + "b" * 33, "import": "bench-imp-" + "c" * 33}


class House:
    """Everything that runs for a measurement; `close` stops what was started."""

    def __init__(self, folder: Path, prepare: Callable[[Dsn, Settings], None] | None = None) -> None:
        """prepare: makes the organization; without it, one tenant with a program of either kind."""
        self.settings = replace(Settings.from_environment({"SOJOURN_DATA": str(folder)}), log_level="warning")
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self.dsn: Dsn = asyncio.run(ensure_database(self.settings))
        if prepare is None:
            asyncio.run(self._tenant())
        else:
            prepare(self.dsn, self.settings)

    @property
    def postmaster(self) -> int:
        """The process id of the embedded PostgreSQL."""
        return int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])

    async def _tenant(self) -> None:
        await set_up(self.dsn.owner)
        gate = await self.gate()
        for name, secret in TOKENS.items():
            if await gate.identity.caller(secret) is None:
                await gate.token(gate.house.tenants[1], name, secret=secret)
        await gate.close()

    async def gate(self) -> Gate:
        """A gate of our own on the same record."""
        gate = Gate(self.dsn.app, crypto.load_server_key(self.settings.key_file), self.settings.data, base="http://127.0.0.1/fhir", connections=4)
        await gate.open()
        return gate

    def load(self, items: Iterable[made.Item], progress: Callable[[int], None] = lambda n: None) -> tuple[int, float]:
        """Import through the gate: resources written and seconds."""
        return asyncio.run(self._load(items, progress))

    async def _load(self, items: Iterable[made.Item], progress: Callable[[int], None]) -> tuple[int, float]:
        gc.freeze()  # as `sojourn import` does
        gc.set_threshold(20_000, 20, 50)
        gate = await self.gate()
        started = time.perf_counter()
        written = await fill(gate, items, progress)
        seconds = time.perf_counter() - started
        await gate.close()
        return written, seconds

    def tidy(self) -> None:
        """VACUUM ANALYZE, and write everything out, so that no measurement pays for the load before it."""

        async def work() -> None:
            owner = await asyncpg.connect(self.dsn.owner)
            await owner.execute("VACUUM ANALYZE")
            await owner.execute("CHECKPOINT")
            await owner.close()

        asyncio.run(work())

    def sql(self, text: str) -> list[asyncpg.Record]:
        """One statement as the owner."""

        async def work() -> list[asyncpg.Record]:
            owner = await asyncpg.connect(self.dsn.owner)
            try:
                return await owner.fetch(text)
            finally:
                await owner.close()

        return asyncio.run(work())

    def serve(self) -> None:
        """Start the server (one process) and the bare app, and wait until both answer."""
        environment = {**os.environ, "SOJOURN_DATA": str(self.folder), "SOJOURN_LOG_LEVEL": "warning"}
        self._start("server", [sys.executable, "-m", "sojourn", "serve", "--port"], environment, "/fhir/metadata")
        self._start("bare", [sys.executable, "-m", "bench.bare"], {**environment, "BENCH_DSN": self.dsn.owner}, "/")

    def restart(self) -> None:
        """Stop the server and the bare app, and start them anew: nothing is warm."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)
        self.serve()

    def _start(self, name: str, command: list[str], environment: dict[str, str], path: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.ports[name] = port
        self.processes[name] = subprocess.Popen([*command, str(port)], env=environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                    return
            except OSError as error:
                if self.processes[name].poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the {name} did not start") from error
                time.sleep(0.05)

    def close(self) -> None:
        """Stop everything."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)
        self.dsn.release()


async def set_up(address: str) -> None:
    """One tenant with a program of either kind, and three callers: one who sees all, one for imports, one outside the Part 2 program."""
    owner = await asyncpg.connect(address)
    try:
        if await org.tenants(owner):
            return
        now = clock.now()
        await org.tenant(owner, 1, "bench", "Bench", b"bench" * 4)
        await org.programs(owner, 1, [org.ProgramRow(1, "mh", "Mental health", None, False), org.ProgramRow(2, "sud", "Recovery", None, True)], now)
        await org.role_rules(owner, 1, starting_rules(), now)
        for name, role, programs, acting in (("all", "system", [1, 2], 1), ("import", "system", [1, 2], None), ("redacted", "clinician", [1], 1)):
            kind = "system" if role == "system" else "staff"
            await org.account(owner, 1, org.AccountRow(name, kind, name, name, None, f"Practitioner/d-{name}", role, programs, acting, []), now)
    finally:
        await owner.close()


async def fill(gate: Gate, items: Iterable[made.Item], progress: Callable[[int], None] = lambda n: None) -> int:
    """Import through the gate; how many resources were written."""
    access = await gate.access(TOKENS["import"])
    assert access is not None
    written = 0
    async for outcome in bring_in(access, (Arrival(f"{n}", item.program, item.resource) for n, item in enumerate(items))):
        written += outcome.written
        if outcome.refused:
            raise SystemExit(f"refused: {outcome.refused[0]}")
        progress(written)
    return written
