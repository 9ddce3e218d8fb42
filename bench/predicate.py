"""What the predicate costs: relation and consent beside none, and pages of which most is withheld.

Usage: python -m bench.predicate [--patients 2500] [--pairs 40] [--folder FOLDER] [--first]. First in process, through the gate, its audit on; then over HTTP. Requests
are interleaved, so that what else the machine does hits both alike; a ratio is of two requests in a row. Shared buffers are those of all
statements of a request. In process both callers take the path of callers who are not redacted; over HTTP all but one are redacted: staff
who need no relation, staff who need one, and an outside organization, whose answers are also marked, copied and logged before they leave.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import asyncpg

from bench import made
from bench.house import TOKENS, House
from bench.machine import first, worked
from sojourn.base import clock
from sojourn.gate import bases
from sojourn.gate.access import Access
from sojourn.gate.consenting.membership import EVERYONE, for_purpose
from sojourn.gate.decide import Decision
from sojourn.gate.gate import Gate
from sojourn.record import organization as org

WRITTEN = 50
"""Charts that come in through the gate; all others are copies of them, made in the database."""
CASELOAD, SITE = 60, 2000
Ask = Callable[[Access, int], Awaitable[int]]


class Shape(NamedTuple):
    """A question, and how many different ones there are to ask."""

    name: str
    ask: Ask


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.predicate", description=__doc__)
    parser.add_argument("--patients", type=int, default=2500, help="charts of 49 resources; the site of 2,000 needs more than that")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    parser.add_argument("--first", action="store_true", help="in process, before everything else on the machine (needs the right to)")
    arguments = parser.parse_args()
    house = House(arguments.folder or Path(tempfile.mkdtemp(prefix="sojourn-predicate-")))
    try:
        if not house.sql("SELECT FROM record.resource LIMIT 1"):
            asyncio.run(_fill(house, arguments.patients))
        house.tidy()
        asyncio.run(_measure(house, arguments))
    finally:
        house.close()


# --- what is there --------------------------------------------------------------------------------------------------------------


async def _fill(house: House, patients: int) -> None:
    """Charts of a Part 2 program, so that the one passes by program and the other by consent."""
    from bench.house import fill

    gate = await house.gate()
    await fill(gate, (made.Item(made.RECOVERY, r) for n in range(WRITTEN) for r in made.chart(n)))
    await gate.close()
    owner = await asyncpg.connect(house.dsn.owner)
    try:
        await _copies(owner, -(-patients // WRITTEN))
        await _named(owner, "Organization/program-0", patients, 0, "{2}")
        await _named(owner, f"program:{made.RECOVERY}", patients, 100)
        scopes = [("all", patients), *([("site", SITE)] if patients > SITE else []), ("caseload", CASELOAD)]
        for name, size in scopes:
            for withheld in (0, 50, 99):
                await _named(owner, f"Organization/{name}-{withheld}", size, withheld)
    finally:
        await owner.close()


async def _copies(owner: Any, times: int) -> None:
    """Every chart so many times, rows and what they are found by; ids end in the number of the copy."""
    step = await owner.fetchval("SELECT max(seq) + 1 FROM record.version")
    for table, named in (("resource", ("id", "patient")), ("version", ("id", "patient")), ("token", ()), ("string", ()), ("date", ()), ("number", ()), ("edge", ("target",))):
        columns = [r["column_name"] for r in await owner.fetch("SELECT column_name FROM information_schema.columns WHERE table_schema = 'record' AND table_name = $1 ORDER BY ordinal_position", table)]
        where = "WHERE t.patient IS NOT NULL" if table in ("resource", "version") else f"WHERE t.rid IN (SELECT rid FROM record.resource WHERE patient IS NOT NULL AND rid < {step})"  # noqa: S608 - our own numbers
        values = [f"t.{c} || '-' || k" if c in named else f"t.{c} + k * {step}" if c in ("rid", "seq", "plain_seq") else f"t.{c}" for c in columns]
        await owner.execute(f"INSERT INTO record.{table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM record.{table} t CROSS JOIN generate_series(1, {times - 1}) k {where}")  # noqa: S608
    await owner.execute(f"SELECT setval('record.seq', {step * (times + 1)})")


async def _named(owner: Any, key: str, size: int, withheld: int, programs: str | None = None) -> None:
    """A relation to the first so many patients, and consents of those who are not among the share that is withheld. programs: who may disclose."""
    people = "(SELECT p.id, row_number() OVER (ORDER BY md5(p.id)) AS n FROM record.resource p WHERE p.tenant = 1 AND p.type = 'Patient' ORDER BY md5(p.id) LIMIT $1)"
    await owner.execute(
        f"INSERT INTO record.relation (tenant, patient, actor, kind, source, known_from) SELECT 1, p.id, $2, 'care-team', 'CareTeam/bench', '-infinity' FROM {people} p",  # noqa: S608
        size, key,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs, valid_from, valid_to, known_from) "
        f"SELECT 1, p.id, 'bench', 1, 'permit', 2, $2, '{{CAREMGT,COC,COVERAGE,HOPERAT,HPAYMT,TREAT}}', 'disclose', $4::text::int[], '-infinity', 'infinity', '-infinity' FROM {people} p "  # noqa: S608
        "WHERE (p.n * 37) % 100 >= $3",
        size, key, withheld, programs,
    )  # fmt: skip


# --- who asks and what --------------------------------------------------------------------------------------------------------


def _needing(access: Access, key: str) -> Decision:
    """The decision of somebody who needs a relation and a consent, on the path of those who are not redacted."""
    return replace(access.decision, mask=bases.ORDINARY, programs=[], keys=[key, for_purpose("TREAT", key), EVERYONE], purpose="TREAT", action="disclose", related=True, redacted=False)


def _shapes(patients: list[str], names: list[str], codes: list[str]) -> list[Shape]:
    async def chart(access: Access, n: int) -> int:
        found = await access.search("Observation", [("patient", patients[n % len(patients)]), ("_sort", "-date")], count=20)
        return len(found.matches)

    async def person(access: Access, n: int) -> int:
        found = await access.search("Patient", [("name", names[n % len(names)])], count=20)
        return len(found.matches)

    async def bulk(access: Access, n: int) -> int:
        found = await access.search("Observation", [("code", f"{made.LOINC}|{codes[n % len(codes)]}")], count=500)
        return len(found.matches)

    return [Shape("chart search", chart), Shape("patient search", person), Shape("bulk reading", bulk)]


def _first_page(codes: list[str]) -> Ask:
    async def page(access: Access, n: int) -> int:
        found = await access.search("Condition", [("code", f"{made.SNOMED}|{codes[n % len(codes)]}"), ("_sort", "-recorded-date")], count=20)
        return len(found.matches)

    return page


# --- measured -------------------------------------------------------------------------------------------------------------------


async def _measure(house: House, arguments: argparse.Namespace) -> None:
    gate = Gate(house.dsn.app, house_key(house), house.settings.data, base="http://127.0.0.1/fhir", connections=1)
    await gate.open()
    owner = await asyncpg.connect(house.dsn.owner)
    try:
        patients = [r["id"] for r in await owner.fetch("SELECT id FROM record.resource WHERE type = 'Patient' ORDER BY md5(id) LIMIT 50")]
        names = [r["folded"] for r in await owner.fetch("SELECT DISTINCT s.folded FROM record.string s JOIN record.resource r ON r.rid = s.rid AND r.type = 'Patient' WHERE s.folded ~ '^[a-z]{6,}$' ORDER BY 1 LIMIT 20")]
        print(f"{await owner.fetchval('SELECT count(*) FROM record.resource'):,} resources\n\n| question | rows | time, median of {arguments.pairs} (95 % interval) | processor time of PostgreSQL | with the server's | buffers plain | with relation and consent |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        codes = [code for code, *_ in made.VITALS]
        with first([house.postmaster], wanted=arguments.first):
            for shape in _shapes(patients, names, codes):
                await _pairs(gate, owner, shape, arguments.pairs, "Organization/all-0")
            for shape in _shapes(patients, names, codes):
                await _pairs(gate, owner, shape._replace(name=f"{shape.name}, consent to one program's records"), arguments.pairs, "Organization/program-0")
        print("\n| first page of | rows at 0 / 50 / 99 % withheld | 50 % to 0 % | 99 % to 0 % |\n| --- | ---: | ---: | ---: |")
        page = _first_page([code for code, _ in made.PROBLEMS])
        for name in ("caseload", "site", "all"):
            if name != "site" or arguments.patients > SITE:
                await _pages(gate, name, page, arguments.pairs)
        await _callers(gate, owner)
        house.serve()
        urls = [
            ("chart search", lambda n: f"Observation?patient={patients[n % len(patients)]}&_sort=-date&_count=20"),
            ("patient search", lambda n: f"Patient?name={names[n % len(names)]}&_count=20"),
            ("bulk reading", lambda n: f"Observation?code={quote(made.LOINC)}%7C{codes[n % len(codes)]}&_count=500"),
        ]
        print("\n| over HTTP, median ms | staff, not redacted | staff, redacted | redacted, by relation | outside organization | by relation to redacted staff | outside to redacted staff |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name, url in urls:
            _over_http(house.ports["server"], name, url, arguments.pairs)
    finally:
        await owner.close()
        await gate.close()


HTTP = {"staff": TOKENS["all"], "redacted": "bench-hlf-" + "e" * 33, "near": "bench-nea-" + "f" * 33, "outside": "bench-out-" + "d" * 33}
"""Staff who see all there is; the same, but of whose organization a program is not theirs; staff who need relations; an organization that
all consents name."""


async def _callers(gate: Gate, owner: Any) -> None:
    now = clock.now()
    for row in (
        org.AccountRow("outside", "organization", "outside", "outside", None, "Organization/all-0", "outside", [], None, []),
        org.AccountRow("redacted-all", "system", "redacted-all", "redacted-all", None, "Practitioner/d-half", "system", [made.RECOVERY], made.RECOVERY, []),
        org.AccountRow("near", "staff", "near", "near", None, "Practitioner/d-near", "clinician", [made.RECOVERY], made.RECOVERY, []),
    ):
        await org.account(owner, 1, row, now)
    for account, who in (("outside", "outside"), ("redacted-all", "redacted"), ("near", "near")):
        await gate.token(gate.house.tenants[1], account, secret=HTTP[who])


def _over_http(port: int, name: str, url: Callable[[int], str], pairs: int) -> None:
    """Real requests on one connection, the callers in turn."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took: dict[str, list[float]] = {who: [] for who in HTTP}
    for n in range(-4, pairs):
        rows = {}
        for who in random.Random(n).sample(sorted(HTTP), len(HTTP)):
            started = time.perf_counter()
            connection.request("GET", f"/fhir/{url(n)}", headers={"Authorization": f"Bearer {HTTP[who]}"})
            answer = connection.getresponse()
            body = answer.read()
            took[who].append(time.perf_counter() - started)
            rows[who] = (answer.status, body.count(b'"fullUrl"'))
        if len(set(rows.values())) != 1:
            raise SystemExit(f"{name}: {rows}")
    connection.close()
    took = {who: times[4:] for who, times in took.items()}
    ratios = [[a / b for a, b in zip(took[who], took["redacted"], strict=True)] for who in ("near", "outside")]
    told = " | ".join(f"{statistics.median(r):.2f} ({_interval(r)[0]:.2f} to {_interval(r)[1]:.2f})" for r in ratios)
    print(f"| {name} | " + " | ".join(f"{statistics.median(took[who]) * 1000:.1f}" for who in HTTP) + f" | {told} |", flush=True)


def house_key(house: House) -> Any:
    """The key of the server that is measured."""
    from sojourn.base import crypto

    return crypto.load_server_key(house.settings.key_file)


async def _access(gate: Gate, key: str = "") -> Access:
    access = await gate.access(TOKENS["all"])
    assert access is not None
    access.now = clock.now()
    access.decision = _needing(access, key) if key else replace(access.decision, redacted=False)
    return access


class Took(NamedTuple):
    """What one request took: seconds by the clock, nanoseconds of PostgreSQL's processor time, and of ours."""

    clock: float
    postgres: int
    server: int


async def _timed(gate: Gate, key: str, ask: Ask, n: int) -> tuple[Took, int]:
    access = await _access(gate, key)
    backend = await _backend(gate)
    begun, worked_, started = time.process_time_ns(), worked(backend), time.perf_counter()
    rows = await ask(access, n)
    seconds = time.perf_counter() - started
    return Took(seconds, worked(backend) - worked_, time.process_time_ns() - begun), rows


async def _backend(gate: Gate) -> int:
    """The process of the one connection."""
    return int((await gate.house.db.call("SELECT pg_backend_pid()"))[0][0])


async def _pairs(gate: Gate, owner: Any, shape: Shape, pairs: int, key: str) -> None:
    """Both callers in turn, the first of a pair drawn."""
    rng, counts = random.Random(1), []
    ratios: dict[str, list[float]] = {"clock": [], "postgres": [], "both": []}
    for n in range(-4, pairs):
        order = ["", key] if rng.random() < 0.5 else [key, ""]
        took = {}
        rows = {}
        for who in order:
            took[who], rows[who] = await _timed(gate, who, shape.ask, n)
        if rows[""] != rows[key]:
            raise SystemExit(f"{shape.name}: {rows[''] } rows for one and {rows[key]} for the other")
        if n >= 0:
            one, other = took[key], took[""]
            ratios["clock"].append(one.clock / other.clock)
            ratios["postgres"].append(one.postgres / other.postgres)
            ratios["both"].append((one.postgres + one.server) / (other.postgres + other.server))
            counts.append(rows[key])
    plain, needing = [await _buffers(gate, owner, who, shape.ask) for who in ("", key)]
    told = " | ".join(f"{statistics.median(r):.3f} ({_interval(r)[0]:.2f} to {_interval(r)[1]:.2f})" for r in ratios.values())
    print(f"| {shape.name} | {statistics.median(counts):.0f} | {told} | {plain:,.0f} | {needing:,.0f} |", flush=True)


async def _pages(gate: Gate, name: str, ask: Ask, pairs: int) -> None:
    """The same page with nothing, half and nearly all of what matches withheld."""
    ratios: dict[int, list[float]] = {50: [], 99: []}
    rows: dict[int, int] = {}
    for n in range(-2, pairs // 2):
        took = {}
        for share in random.Random(n).sample((0, 50, 99), 3):
            took[share], found = await _timed(gate, f"Organization/{name}-{share}", ask, n)
            rows[share] = rows.get(share, 0) + found
        if n >= 0:
            for share in ratios:
                ratios[share].append(took[share].clock / took[0].clock)
    told = " | ".join(f"{statistics.median(r):.2f} ({_interval(r)[0]:.2f} to {_interval(r)[1]:.2f})" for r in ratios.values())
    asked = pairs // 2 + 2
    print(f"| {name} | {rows[0] / asked:.0f} / {rows[50] / asked:.0f} / {rows[99] / asked:.0f} | {told} |", flush=True)


def _interval(ratios: list[float]) -> tuple[float, float]:
    """Of the median, by drawing again."""
    rng = random.Random(2)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(1000))
    return medians[25], medians[974]


async def _buffers(gate: Gate, owner: Any, who: str, ask: Ask, times: int = 10) -> float:
    """Shared buffers touched, a request."""
    before = await _touched(gate, owner)
    for n in range(times):
        await ask(await _access(gate, who), n)
    return (await _touched(gate, owner) - before) / times


async def _touched(gate: Gate, owner: Any) -> int:
    await gate.house.db.call("SELECT pg_stat_force_next_flush()")
    await gate.house.db.call("SELECT 1")
    await asyncio.sleep(0.2)
    await owner.execute("SELECT pg_stat_clear_snapshot()")
    return int(await owner.fetchval("SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"))


if __name__ == "__main__":
    main()
