"""What every page of the staff app costs at size: queries, and milliseconds with ten people at work at once.

Usage: python -m bench.pages [--resources 200000] [--folder FOLDER] [--rounds 4] [--pause 1.0] [--users 8]. Makes the sample organization,
grows it (bench/grown.py), finds every page that each of ten people of different roles can open by following links, counts the queries of
each, then lets all ten work at once against one server process: each opens their pages in an order of their own, with a pause between two
as somebody who reads; and once more without any pause. Gate, consents and audit are on. With --folder what was made is kept and used again.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import math
import random
import re
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import httpx
from starlette.applications import Starlette

from bench import grown, machine, walking
from bench.house import House
from bench.walking import Answer, Found, counted, pages, walk
from sojourn.app import application
from sojourn.base import clock, crypto
from sojourn.base.settings import Settings
from sojourn.care.consequences import CONSEQUENCES
from sojourn.cli import riverbend
from sojourn.gate.gate import Gate
from sojourn.gate.importing import bring_in
from sojourn.gate.signinrules import starting_rule
from sojourn.record.database import Dsn
from sojourn.web.about import About
from sojourn.web.outbound import Outbound

PEOPLE = ("dana", "okafor", "nina", "tess", "bill", "priya", "adam", "sam", "ivy", "robin")
"""A therapist, a psychiatrist, a nurse, a technician, a biller, a privacy officer, admissions, a supervisor; integration and an administrator, for the pages of
partners and messages, code systems, accounts and apps, which the others do not have.
"""
ALSO = ("/developers",)
"""Pages without signing in that are walked, too."""
LEAVES = tuple(leaf for leaf in walking.LEAVES if leaf not in ALSO)
MOST_QUERIES, LIMIT = 12, 150.0
WEIGHT = 60_000
"""Bytes of the first load, compressed, apart from fonts and icons."""


class Took(NamedTuple):
    """One answer under load."""

    who: str
    route: str
    ms: float
    status: int


def main() -> None:
    """Fill, walk, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__)
    parser.add_argument("--resources", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, help="keep what is made here, and use what is here")
    parser.add_argument("--rounds", type=int, default=4, help="times that each person opens each page")
    parser.add_argument("--warm", type=float, default=0.5, help="rounds before those that count")
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between two pages of a person")
    parser.add_argument("--users", type=int, default=len(PEOPLE), help="8: those with charts alone")
    parser.add_argument("--only", default="", help="a pattern of routes to measure")
    parser.add_argument("--first", action="store_true", help="run before other work on the machine")
    parser.add_argument("--count-only", action="store_true", help="count queries, and measure no time")
    parser.add_argument("--time-only", action="store_true", help="measure the pages that an earlier run on the same folder found, and count nothing")
    parser.add_argument("--seconds", type=float, default=240, help="at most so long for each of the two measurements")
    arguments = parser.parse_args()
    house = House(arguments.folder or Path(tempfile.mkdtemp(prefix="sojourn-pages-")), _organization)
    try:
        _fill(house, arguments.resources)
        asyncio.run(_measure(house, arguments))
    finally:
        house.close()


# --- what is there --------------------------------------------------------------------------------------------------------------


def _organization(dsn: Dsn, settings: Settings) -> None:
    asyncio.run(riverbend.set_up(dsn.owner, crypto.load_server_key(settings.key_file)))


def _fill(house: House, resources: int) -> None:
    """The sample organization as in the demo, then cohorts until there are so many resources."""
    done = house.folder / "pages.filled"
    if done.exists():
        return
    key, today = crypto.load_server_key(house.settings.key_file), clock.now().date()
    riverbend.run_fill(house.dsn.app, key, house.settings.data, today, lambda n: None)
    there = house.sql("SELECT count(*) FROM record.resource")[0][0]
    print(f"the sample organization: {there:,} resources", flush=True)
    asyncio.run(_grow(house, key, resources - there))
    house.tidy()
    done.write_text(today.isoformat())


async def _grow(house: House, key: crypto.ServerKey, resources: int) -> None:
    gate = await _gate(house, key)
    secret = await gate.token(gate.house.tenants[riverbend.TENANT], riverbend.IMPORTER, door="import", days=1)
    access = await gate.access(secret)
    assert access is not None
    started, written = time.perf_counter(), 0
    async for outcome in bring_in(access, grown.cohorts(clock.now().date(), resources)):
        written += outcome.written
        if outcome.refused:
            raise SystemExit(f"refused: {outcome.refused[0]}")
    print(f"grown by {written:,} resources in {time.perf_counter() - started:.0f} s", flush=True)
    await gate.close()


async def _gate(house: House, key: crypto.ServerKey, connections: int = 8) -> Gate:
    gate = Gate(house.dsn.app, key, house.settings.data, base="http://127.0.0.1/fhir", connections=connections, consequences=CONSEQUENCES)
    await gate.open()
    return gate


# --- measuring ------------------------------------------------------------------------------------------------------------------


async def _measure(house: House, arguments: Any) -> None:
    key = crypto.load_server_key(house.settings.key_file)
    gate = await _gate(house, key)
    app = application(gate, About(), Outbound([]))
    await _describe(house)
    who = PEOPLE[: arguments.users]
    secrets = {name: await _signed_in(gate, name) for name in who}
    found, queries = dict[str, list[Found]](), dict[str, tuple[int, str]]()
    known = _known(house)
    for name in who:
        if arguments.time_only:
            found[name] = [page for page in known.get(name, []) if re.search(arguments.only, page.route)]
            continue
        found[name], asked = await _walked(app, secrets[name], re.compile(arguments.only), known.get(name))
        for route, most in asked.items():
            queries[route] = max(queries.get(route, (0, "")), (most, name))
    if not arguments.only and not arguments.time_only:
        (house.folder / _PAGES).write_text(json.dumps(found))
    _missing(found)
    if arguments.count_only:
        for route, (most, name) in sorted(queries.items(), key=lambda pair: -pair[1][0]):
            print(f"{most:4} {route} ({name})")
        await gate.close()
        return
    house.serve()
    with machine.first([house.processes["server"].pid, house.postmaster], wanted=arguments.first):
        meter = machine.Meter({"server": house.processes["server"].pid, "postgres": house.postmaster})
        worked = await _work(house, found, secrets, arguments.rounds, arguments.pause, arguments.seconds, arguments.warm)
        use = meter.read()
        hurried = await _work(house, found, secrets, arguments.rounds // 2, 0.0, arguments.seconds, 0.5) if arguments.rounds > 1 else []
    await gate.close()
    _report(worked, hurried, queries, use)
    await _weigh(house, secrets[who[0]])


async def _describe(house: House) -> None:
    owner = await asyncpg.connect(house.dsn.owner)
    counts = await owner.fetchrow(
        "SELECT count(*) AS resources, count(*) FILTER (WHERE type = 'Patient') AS patients, count(DISTINCT patient) FILTER (WHERE type = 'Consent') AS consents FROM record.resource"
    )
    await owner.close()
    print(f"{counts['resources']:,} resources, {counts['patients']:,} patients, {counts['consents']:,} of them with consents", flush=True)


async def _signed_in(gate: Gate, login: str) -> str:
    begun = await gate.identity.begin(gate.house.tenants[riverbend.TENANT], login, starting_rule("staff", clock.now().date()), door="staff", methods=("password",))
    assert begun is not None, login
    return begun.token


_PAGES = "pages.found"


def _known(house: House) -> dict[str, list[Found]]:
    """The pages of an earlier run on the same folder, so that two builds are measured on the same ones."""
    file = house.folder / _PAGES
    return {name: [Found(*page) for page in there] for name, there in json.loads(file.read_text()).items()} if file.exists() else {}


async def _walked(app: Starlette, secret: str, only: re.Pattern[str], known: list[Found] | None) -> tuple[list[Found], dict[str, int]]:
    """The pages that somebody can open, and the most queries that one of each route asked when it was opened the second time."""
    most: dict[str, int] = defaultdict(int)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", cookies={"sojourn": secret}) as client:

        async def get(address: str) -> Answer:
            answer = await client.get(address)
            return Answer(answer.status_code, answer.text if "html" in answer.headers.get("content-type", "") else "")

        found = [page for page in known or await walk(get, each=2, extra=ALSO, leaves=LEAVES) if only.search(page.route)]
        for page in found:
            with counted() as asked:
                await client.get(page.address)
            most[page.route] = max(most[page.route], len(asked))
    return found, most


def _missing(found: dict[str, list[Found]]) -> None:
    reached = {page.route for there in found.values() for page in there}
    print("pages that nobody reached by a link:", ", ".join(sorted(set(pages()) - reached)) or "none", flush=True)


async def _work(house: House, found: dict[str, list[Found]], secrets: dict[str, str], rounds: int, pause: float, seconds: float, warm: float) -> list[Took]:
    """Everybody at once, each their own pages in an order of their own; `warm` rounds without a pause come first and do not count."""
    took: list[Took] = []
    until = 0.0
    together = asyncio.Barrier(len(found))

    async def person(name: str) -> None:
        nonlocal until
        rng = random.Random(name)
        reader, writer = await asyncio.open_connection("127.0.0.1", house.ports["server"])
        before = math.ceil(warm)
        for turn in range(-before, rounds):
            if not turn:
                await together.wait()
                until = until or time.perf_counter() + seconds
            share = len(found[name]) // 2 if turn == -1 and warm % 1 else len(found[name])
            for page in rng.sample(found[name], share):
                if turn >= 0 and time.perf_counter() > until:
                    break
                if pause and turn >= 0:
                    await asyncio.sleep(rng.expovariate(1 / pause))
                head = f"GET {page.address} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sojourn={secrets[name]}\r\nAccept-Encoding: gzip\r\n\r\n"
                began = time.perf_counter()
                writer.write(head.encode())
                status = await _answer(reader)
                if turn >= 0:
                    took.append(Took(name, page.route, (time.perf_counter() - began) * 1000, status))
        writer.close()

    await asyncio.gather(*(person(name) for name in found))
    return took


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read one answer whole; its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if match := re.search(rb"content-length: (\d+)", head):
        await reader.readexactly(int(match[1]))
    elif b"transfer-encoding: chunked" in head:
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    return int(head[9:12])


# --- saying it ------------------------------------------------------------------------------------------------------------------


def _share(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def _report(worked: list[Took], hurried: list[Took], queries: dict[str, tuple[int, str]], use: machine.Use) -> None:
    by: dict[str, list[float]] = defaultdict(list)
    slow: dict[str, list[float]] = defaultdict(list)
    for one in worked:
        by[one.route].append(one.ms)
    for one in hurried:
        slow[one.route].append(one.ms)
    print("\n| page | answers | p50 ms | p95 ms | no pause: p50 | p95 | queries, most | of |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for route in sorted(by, key=lambda r: -_share(by[r], 0.95)):
        most, name = queries.get(route, (0, ""))
        hurry = slow.get(route) or [0.0]
        print(f"| `{route}` | {len(by[route])} | {statistics.median(by[route]):.0f} | {_share(by[route], 0.95):.0f} | {statistics.median(hurry):.0f} | {_share(hurry, 0.95):.0f} | {most} | {name} |")
    every = [one.ms for one in worked]
    late = sum(_share(values, 0.95) > LIMIT for values in by.values())
    odd = {one.status for one in worked} - {200}
    print(f"\nall pages: {len(every)} answers, p50 {statistics.median(every):.0f} ms, p95 {_share(every, 0.95):.0f} ms; {late} of {len(by)} pages over {LIMIT:.0f} ms at p95; "
          f"{sum(most > MOST_QUERIES for most, _ in queries.values())} ask more than {MOST_QUERIES} queries; other statuses: {sorted(odd) or 'none'}")  # fmt: skip
    people: dict[str, list[float]] = defaultdict(list)
    for one in worked:
        people[one.who].append(one.ms)
    print("by person: " + ", ".join(f"{name} {statistics.median(ms):.0f}/{_share(ms, 0.95):.0f}" for name, ms in people.items()))
    print("cores: " + json.dumps(use.cores) + f"; others on this machine used {use.foreign} cores meanwhile", flush=True)


async def _weigh(house: House, secret: str) -> None:
    """The first load of Today: the page and what it needs before it can be used, compressed."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.ports['server']}", cookies={"sojourn": secret}) as client:
        page = await client.get("/today")
        total = {"page": len(gzip.compress(page.content, 6))}
        for link in dict.fromkeys(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)):
            kind = urlsplit(link).path.rpartition(".")[2]
            if kind in ("css", "js"):
                async with client.stream("GET", link, headers={"accept-encoding": "gzip"}) as answer:
                    size = sum([len(chunk) async for chunk in answer.aiter_raw()])
                total[kind] = total.get(kind, 0) + size
    print(f"first load of Today, compressed: {sum(total.values()):,} bytes of {WEIGHT:,} ({', '.join(f'{k} {v:,}' for k, v in total.items())})")


if __name__ == "__main__":
    main()
