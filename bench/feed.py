"""Two ways to order changes (docs/decisions/0008-feed.md): a clinician's saves beside an import, and saves alone.

a: the head row of the tenant is taken in the last statement of every write. b: what is built, an outbox that is numbered afterwards
below the oldest running transaction. Each with 0 and 3 ms added to every flush of the log (commit_delay with commit_siblings = 0: the
process that flushes sleeps first, holding the lock that the flush needs). Usage: python -m bench.feed FOLDER
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from pathlib import Path

import asyncpg

from bench import made
from bench.house import TOKENS, House
from bench.machine import first
from bench.operations import WHEN
from sojourn.gate.gate import Gate
from sojourn.gate.writing import Change
from sojourn.record import sql, store

BUILT = store._WRITE
HEAD = BUILT.replace("gate.write(", "gate.write_a(")
SECONDS = 5.0


async def prepare(house: House) -> None:
    """A copy of gate.write that numbers its changes itself, last of all."""
    text = (sql.HERE / "functions" / "03_write.sql").read_text()
    written = re.search(r"CREATE OR REPLACE FUNCTION gate\.write\(.*?END \$\$;", text, re.S)
    outbox = re.search(r"    INSERT INTO record\.change \(tenant, seq, kind\).*?ON CONFLICT DO NOTHING;\n", text, re.S)
    assert written
    assert outbox
    last = """    INSERT INTO record.feed_head (tenant) VALUES (p_tenant) ON CONFLICT DO NOTHING;
    WITH h AS (UPDATE record.feed_head f SET n = f.n + n WHERE f.tenant = p_tenant RETURNING f.n)
    INSERT INTO record.feed (tenant, n, seq, kind) SELECT p_tenant, h.n - cardinality(seqs) + o.i, seqs[o.i], 'create'
    FROM h, generate_series(1, cardinality(seqs)) AS o(i);
    RETURN seqs;
"""
    last = last.replace("f.n + n", "f.n + cardinality(seqs)")
    body = written[0].replace("gate.write(", "gate.write_a(").replace(outbox[0], "").replace("    RETURN seqs;\n", last)
    owner = await asyncpg.connect(house.dsn.owner)
    await owner.execute("SET ROLE sojourn_owner; " + sql.render(body))
    await owner.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gate TO sojourn_app")
    await owner.close()


async def delay(house: House, microseconds: int) -> None:
    """Add to every flush."""
    owner = await asyncpg.connect(house.dsn.owner)
    await owner.execute(f"ALTER SYSTEM SET commit_delay = {microseconds}")
    await owner.execute("ALTER SYSTEM SET commit_siblings = 0")
    await owner.execute("SELECT pg_reload_conf()")
    await owner.close()
    await asyncio.sleep(0.3)


async def saves(gate: Gate, people: int, pause: float, patients: int) -> tuple[float, float, float]:
    """Some people save one observation after another: saves a second, p50 and p99 in ms."""
    took: list[float] = []
    until = time.perf_counter() + SECONDS

    async def person(n: int) -> None:
        rng = random.Random(f"{n}-{time.time_ns()}")
        while time.perf_counter() < until:
            who = rng.randrange(patients) // 10 * 10
            value = made.observation(who, f"e{who}-1", WHEN, rng)
            access = await gate.access(TOKENS["all"])
            assert access is not None
            start = time.perf_counter()
            await access.write([Change("create", "Observation", resource=value)], action="create")
            took.append(time.perf_counter() - start)
            await asyncio.sleep(pause)

    await asyncio.gather(*(person(n) for n in range(people)))
    took.sort()
    return len(took) / SECONDS, took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000


async def measure(house: House, which: str, patients: int) -> str:
    """One way: four people beside an import, then 32 without pause."""
    store._WRITE = HEAD if which == "a" else BUILT
    gate = await house.gate()
    importer = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.feed", str(house.folder), "import", which)
    await asyncio.sleep(4)
    before = await versions(house)
    with first((house.postmaster, importer.pid), wanted="--first" in sys.argv):
        beside = await saves(gate, 4, 0.02, patients)
    imported = (await versions(house) - before - beside[0] * SECONDS) / SECONDS
    importer.kill()
    await importer.wait()
    await asyncio.sleep(1)
    with first((house.postmaster,), wanted="--first" in sys.argv):
        alone = await saves(gate, 32, 0, patients)
    await gate.close()
    return f"beside an import of {imported:,.0f}/s: p50 {beside[1]:.1f}, p99 {beside[2]:.1f} ms | 32 at once: {alone[0]:,.0f}/s, p99 {alone[2]:.1f} ms"


async def versions(house: House) -> int:
    """How many have been written so far."""
    owner = await asyncpg.connect(house.dsn.owner)
    try:
        return int(await owner.fetchval("SELECT count(*) FROM record.version"))
    finally:
        await owner.close()


def main() -> None:
    """Everything, twice."""
    house = House(Path(sys.argv[1]))
    if sys.argv[2:3] == ["import"]:
        store._WRITE = HEAD if sys.argv[3] == "a" else BUILT
        house.load(made.organization(100_000, random.randrange(10**6, 10**9)))
        return
    if not house.sql("SELECT 1 FROM record.resource LIMIT 1"):
        house.load(made.organization(200))
        house.tidy()
    asyncio.run(prepare(house))
    try:
        for _ in range(2):
            for microseconds in (0, 3000):
                asyncio.run(delay(house, microseconds))
                for which in ("b", "a"):
                    print(f"{which} +{microseconds / 1000:.0f} ms: {asyncio.run(measure(house, which, 200))}", flush=True)
    finally:
        asyncio.run(delay(house, 0))
        house.close()


if __name__ == "__main__":
    main()
