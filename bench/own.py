"""What each page itself costs: processor time of server and PostgreSQL, and buffers; opened alone.

Usage: python -m bench.own --folder FOLDER [--only PATTERN] [--who NAME,NAME] [--rounds 3] [--statements] [--profile]. FOLDER is one that
`python -m bench.pages --folder FOLDER` has filled and walked. On a machine that does other work the time that a page takes says more about
that work than about the page; what it uses of the processors and of the buffers hardly depends on it. Each page is opened once to warm up
and then `rounds` times; the least of them counts. Buffers and --statements need pg_stat_statements with pg_stat_statements.track = 'all'
in custom.conf of the database. --profile: where the server's time goes, all chosen pages together.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from bench import machine
from bench.house import House
from bench.pages import PEOPLE, _gate, _known, _organization, _signed_in
from sojourn.app import application
from sojourn.base import crypto
from sojourn.web.about import About
from sojourn.web.outbound import Outbound


class Cost(NamedTuple):
    """Of one page: milliseconds of processor time of the server and of PostgreSQL, and buffers (8 kB) touched."""

    server: float
    database: float
    buffers: int
    who: str
    address: str

    @property
    def both(self) -> float:
        """Milliseconds of processor time together."""
        return self.server + self.database


class Opened(NamedTuple):
    """A page, and as whom it is opened."""

    who: str
    address: str
    secret: str


def main() -> None:
    """Open, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.own", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", default="", help="a pattern of routes")
    parser.add_argument("--who", default=",".join(PEOPLE))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--least", type=float, default=0.0, help="print pages from so many milliseconds on")
    parser.add_argument("--statements", action="store_true", help="what each page asked of the database, and what each question cost")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    house = House(arguments.folder, _organization)
    try:
        asyncio.run(_measure(house, arguments))
    finally:
        house.close()


async def _measure(house: House, arguments: Any) -> None:
    gate = await _gate(house, crypto.load_server_key(house.settings.key_file))
    app = application(gate, About(), Outbound([]))
    owner = await asyncpg.connect(house.dsn.owner)
    await owner.execute("SET pg_stat_statements.track = 'none'")
    if "pg_stat_statements" in await owner.fetchval("SHOW shared_preload_libraries"):
        await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    counts = bool(await owner.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"))
    profile = cProfile.Profile() if arguments.profile else None
    costs: dict[str, Cost] = {}
    for who in arguments.who.split(","):
        secret = await _signed_in(gate, who)
        for page in _known(house).get(who, []):
            if not re.search(arguments.only, page.route):
                continue
            cost = await _cheapest(house, app, owner if counts else None, arguments.rounds, Opened(who, page.address, secret), profile)
            asked = await _asked(owner) if counts else []
            cost = cost._replace(buffers=sum(row["buffers"] for row in asked if row["toplevel"]))
            if page.route not in costs or cost.both > costs[page.route].both:
                costs[page.route] = cost
            if arguments.statements:
                print(f"\n{who} {page.address}: server {cost.server:.0f} ms, database {cost.database:.0f} ms, {cost.buffers} buffers")
                for row in asked[:15]:
                    print(f"  {row['ms']:7.1f} ms {row['buffers']:7} buffers {row['rows']:5} rows {row['calls']:3} calls {'' if row['toplevel'] else 'within '}{row['query'][:160]!r}")
    await owner.close()
    await gate.close()
    print("\n| page | server ms | PostgreSQL ms | buffers | of |\n| --- | ---: | ---: | ---: | --- |")
    for route, cost in sorted(costs.items(), key=lambda pair: -pair[1].both):
        if cost.both >= arguments.least:
            print(f"| `{route}` | {cost.server:.0f} | {cost.database:.0f} | {cost.buffers:,} | {cost.who} {cost.address} |")
    if profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


async def _cheapest(house: House, app: Any, owner: asyncpg.Connection | None, rounds: int, page: Opened, profile: cProfile.Profile | None) -> Cost:
    """The least of several times that a page was opened, after one more. owner: whose statistics begin anew each time."""
    await _open(app, page.address, page.secret)
    cost = Cost(1e9, 1e9, 0, page.who, page.address)
    for _ in range(rounds):
        if owner:
            await owner.execute("SELECT pg_stat_statements_reset()")
        begun, database = time.process_time(), _database(house)
        if profile:
            profile.enable()
        await _open(app, page.address, page.secret)
        if profile:
            profile.disable()
        once = Cost((time.process_time() - begun) * 1000, (_database(house) - database) * 1000, 0, page.who, page.address)
        cost = min(cost, once, key=lambda c: c.both)
    return cost


async def _open(app: Any, address: str, secret: str) -> int:
    """One page, without a client between; its status."""
    path, _, query = address.partition("?")
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
             "root_path": "", "headers": [(b"host", b"127.0.0.1"), (b"cookie", f"sojourn={secret}".encode())], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)
    return status


def _database(house: House) -> float:
    """Seconds of processor time of all processes of the database."""
    total = 0
    for pid in machine.family(house.postmaster):
        try:
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


async def _asked(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await owner.fetch(
        "SELECT query, toplevel, calls, total_exec_time + total_plan_time AS ms, (shared_blks_hit + shared_blks_read)::bigint AS buffers, rows FROM pg_stat_statements ORDER BY total_exec_time DESC"
    )
    return rows


if __name__ == "__main__":
    main()
