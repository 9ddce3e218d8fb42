"""Bulk exports beside COPY: how many resources a second, and what it costs a caller from whom a third is withheld. Output checked.

Usage: python -m bench.bulk [--patients 2100] [--folder FOLDER] [--first] [--rounds 3]

Both are measured in the same run, in turns, and said as a ratio: COPY of the same bodies as text by the owner of the database over the same
kind of connection is what the machine gives at that moment. An export counts from its kick-off to its last byte, and from there apart: making
(cutting its files) and downloading, and the processor time of the server and of PostgreSQL, which other work on the machine changes least. About 30 % of the resources are of a Part 2 program; the second caller works in the other program only.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from bench import made
from bench.house import TOKENS, House
from bench.machine import family, first, worked
from sojourn.base import clock
from sojourn.record import organization as org

SERVICE = "bench-svc-" + "d" * 33


def charts(patients: int) -> Iterator[made.Item]:
    """The directory, then charts, three of ten of a Part 2 program."""
    yield from made._directory()
    for n in range(patients):
        program = made.RECOVERY if n % 10 >= 7 else made.MENTAL_HEALTH
        for resource in made.chart(n):
            yield made.Item(program, resource)


async def _service(house: House) -> None:
    owner = await asyncpg.connect(house.dsn.owner)
    await org.account(owner, 1, org.AccountRow("bench-service", "app", "bench-service", "Bench service", None, None, "system", [1], 1, []), clock.now())
    await owner.close()
    gate = await house.gate()
    if await gate.identity.caller(SERVICE) is None:
        await gate.token(gate.house.tenants[1], "bench-service", secret=SERVICE)
    await gate.close()


async def copied(house: House) -> tuple[int, float]:
    """COPY of all bodies as text: rows and seconds."""
    owner = await asyncpg.connect(house.dsn.owner)
    size = 0

    async def take(data: bytes) -> None:
        nonlocal size
        size += len(data)

    started = time.perf_counter()
    said = await owner.copy_from_query("SELECT convert_from(body, 'UTF8') FROM record.resource WHERE tenant = 1", output=take)
    seconds = time.perf_counter() - started
    await owner.close()
    return int(said.split()[-1]), seconds


def export(port: int, token: str) -> tuple[dict[str, int], int, float, float]:
    """One export: lines by type, bytes, seconds until its files were cut, and seconds of downloading."""
    http_ = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"Authorization": f"Bearer {token}", "Prefer": "respond-async"}
    started = time.perf_counter()
    http_.request("GET", "/fhir/$export", headers=headers)
    answer = http_.getresponse()
    answer.read()
    place = "/fhir/" + (answer.getheader("content-location") or "").partition("/fhir/")[2]
    while True:
        http_.request("GET", place, headers=headers)
        answer = http_.getresponse()
        body = answer.read()
        if answer.status != 202:
            break
        time.sleep(0.02)
    cut = time.perf_counter() - started
    manifest = json.loads(body)
    lines: dict[str, int] = {}
    size = 0
    for file in manifest["output"]:
        http_.request("GET", "/fhir/" + file["url"].partition("/fhir/")[2], headers=headers)
        answer = http_.getresponse()
        count, last = 0, b""
        while piece := answer.read1(1 << 20):
            count += piece.count(b"\n")
            size += len(piece)
            last = piece[-1:]
        if count != file["count"] or last != b"\n":
            raise SystemExit(f"{file['url']}: {count} lines, {file['count']} were announced")
        lines[file["type"]] = lines.get(file["type"], 0) + count
    downloaded = time.perf_counter() - started - cut
    http_.request("DELETE", place, headers=headers)
    http_.getresponse().read()
    http_.close()
    return lines, size, cut, downloaded


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=2100)
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    parser.add_argument("--first", action="store_true", help="before everything else on the machine (needs the right to)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sj-bulk-") as temporary:
        house = House(args.folder or Path(temporary))
        try:
            asyncio.run(_service(house))
            if not house.sql("SELECT FROM record.resource LIMIT 1"):
                house.load(charts(args.patients))
            house.tidy()
            house.serve()
            measure(house, args.rounds, first_=args.first)
        finally:
            house.close()


def measure(house: House, rounds: int, *, first_: bool) -> None:
    """Rounds of COPY, the one who sees all, and the one who does not; then the one beside the other, without the first round."""
    expected = {
        "all": {r["type"]: r["n"] for r in house.sql("SELECT type, count(*) AS n FROM record.resource WHERE tenant = 1 GROUP BY 1")},
        "30 % withheld": {r["type"]: r["n"] for r in house.sql("SELECT type, count(*) AS n FROM record.resource WHERE tenant = 1 AND (own & 2) = 0 GROUP BY 1")},
    }
    callers = {"all": TOKENS["all"], "30 % withheld": SERVICE}
    port, server, postmaster = house.ports["server"], house.processes["server"].pid, house.postmaster
    ratios: dict[str, list[float]] = {"time": [], "processor time": []}
    print(f"{'':16}{'resources/s':>12}{'of COPY':>10}{'us each':>10}{'cut s':>8}{'download s':>12}{'server us':>11}{'PostgreSQL us':>15}{'lines':>9}")
    with first([server, postmaster], wanted=first_):
        _sealed(house)
        for n in range(rounds):
            rows, seconds = asyncio.run(copied(house))
            print(f"{'COPY':16}{rows / seconds:12,.0f}{1:10.2f}{seconds / rows * 1e6:10.2f}")
            took: dict[str, tuple[float, float]] = {}
            for name in list(callers) if n % 2 == 0 else list(reversed(callers)):
                before = _worked(server, postmaster)
                lines, _, cut, down = export(port, callers[name])
                _sealed(house)  # the trail of an export is work of its own, and not of the one after it
                used = [(b - a) / 1000 for a, b in zip(before, _worked(server, postmaster), strict=True)]
                if lines != expected[name]:
                    raise SystemExit(f"{name}: {lines} came, {expected[name]} were to come")
                total, whole = sum(lines.values()), cut + down
                took[name] = (whole / total, sum(used) / total)
                print(f"{name:16}{total / whole:12,.0f}{total / whole / (rows / seconds):10.2f}{whole / total * 1e6:10.2f}{cut:8.2f}{down:12.2f}{used[0] / total:11.2f}{used[1] / total:15.2f}{total:9,}")
            for what, one, other in zip(ratios, took["30 % withheld"], took["all"], strict=True):
                ratios[what].append(one / other)
    for what, found in ratios.items():
        print(f"{what} for each resource that comes, 30 % withheld to all: first {found[0]:.2f}; then median {statistics.median(found[1:] or found):.3f} ({min(found[1:] or found):.2f} to {max(found[1:] or found):.2f})")


def _sealed(house: House) -> None:
    """Wait until every line of the trail is sealed."""
    last = "SELECT s.stamp, s.n FROM record.seal s WHERE s.tenant = 1 ORDER BY s.number DESC LIMIT 1"
    while house.sql(f"SELECT FROM record.audit a WHERE a.tenant = 1 AND (a.stamp, a.n) > ({last}) LIMIT 1"):
        time.sleep(0.2)


def _worked(server: int, postmaster: int) -> tuple[int, int]:
    """Processor time of the server and of PostgreSQL so far."""
    return worked(server), sum(worked(pid) for pid in family(postmaster))


if __name__ == "__main__":
    main()
