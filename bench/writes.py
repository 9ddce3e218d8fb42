"""What a write costs against a read by id asked in the same minute: one create, one update, transactions of 20, 499 and 500.

Usage: python -m bench.writes [--patients 200] [--folder FOLDER] [--rounds 15] [--first]. One connection, one request at a time, against one server
process with gate, audit and validation on. Each round asks everything once in turn; each ratio is of a write to the median of the reads of its own
round, and the middle one counts. Per resource: 500 is where `gate.write` has PostgreSQL count anew what it wrote, and references between resources
of one transaction are where it compares; so both transactions of 500 are there without references among themselves and with one each.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bench import made
from bench.house import TOKENS, House
from bench.machine import Meter, first
from bench.operations import WHEN


class Case(NamedTuple):
    """Something to ask. make: a new request each time (method, path, body); size: resources that it writes."""

    name: str
    size: int
    make: Callable[[random.Random, int], tuple[str, str, made.Resource | None]]


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="bench.writes", description=__doc__)
    parser.add_argument("--patients", type=int, default=200, help="charts of 49 resources each")
    parser.add_argument("--folder", type=Path, help="keep the database here, and use the one that is here")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--first", action="store_true", help="run before other work on the machine")
    arguments = parser.parse_args()
    house = House(arguments.folder or Path(tempfile.mkdtemp(prefix="sojourn-writes-")))
    try:
        if not house.sql("SELECT count(*) AS n FROM record.resource")[0]["n"]:
            house.load(made.organization(arguments.patients))
            house.tidy()
        house.serve()
        _measure(house, arguments)
    finally:
        house.close()


def _measure(house: House, arguments: Any) -> None:
    client = http.client.HTTPConnection("127.0.0.1", house.ports["server"])
    rng, patients, cases = random.Random(5), arguments.patients, _cases()
    ratios: dict[str, list[float]] = {case.name: [] for case in cases}
    took: dict[str, list[float]] = {case.name: [] for case in cases}
    meter = Meter({"server": house.processes["server"].pid, "postgres": house.postmaster})
    with first([house.processes["server"].pid, house.postmaster], wanted=arguments.first):
        for turn in range(-2, arguments.rounds):
            reads = [_ask(client, "GET", f"/Observation/b{rng.randrange(patients)}-{rng.randrange(36)}", None) for _ in range(21)]
            for case in cases:
                ms = _ask(client, *case.make(rng, patients)) / case.size
                if turn >= 0:
                    took[case.name].append(ms)
                    ratios[case.name].append(ms / statistics.median(reads))
    use = meter.read()
    print("\n| write | resources | ms each, median | of a read by id, median | the middle half |\n| --- | ---: | ---: | ---: | --- |")
    for case in cases:
        low, middle, high = statistics.quantiles(ratios[case.name], n=4)
        print(f"| {case.name} | {case.size} | {statistics.median(took[case.name]):.2f} | {middle:.2f} | {low:.2f} to {high:.2f} |")
    print(f"\nothers on this machine used {use.foreign} cores meanwhile")


def _ask(client: http.client.HTTPConnection, method: str, path: str, body: made.Resource | None) -> float:
    """Milliseconds of one request. Raises SystemExit for any answer but success."""
    raw = json.dumps(body, separators=(",", ":")).encode() if body else None
    began = time.perf_counter()
    client.request(method, f"/fhir{path}", raw, {"Authorization": f"Bearer {TOKENS['all']}", "Content-Type": "application/fhir+json"})
    answer = client.getresponse()
    got = answer.read()
    ms = (time.perf_counter() - began) * 1000
    if answer.status not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status} {got[:300]!r}")
    return ms


def _cases() -> list[Case]:
    return [
        Case("create", 1, lambda rng, most: ("POST", "/Observation", _vital(rng, _one(rng, most)))),
        Case("update", 1, _update),
        *(Case(f"transaction of {n} creates", n, lambda rng, most, n=n: _bundle([_vital(rng, _one(rng, most)) for _ in range(n)])) for n in (20, 499, 500)),
        Case("transaction of 500 creates that refer to each other", 500, lambda rng, most: _bundle(_linked(rng, most))),
    ]


def _one(rng: random.Random, patients: int) -> int:
    """A patient of the mental health program: the caller acts for it."""
    return rng.choice([n for n in range(patients) if n % 10 != 9])


def _vital(rng: random.Random, n: int) -> made.Resource:
    return made.observation(n, f"e{n}-1", WHEN + timedelta(minutes=rng.randrange(400_000)), rng, token=f"{rng.getrandbits(80):020x}")


def _update(rng: random.Random, most: int) -> tuple[str, str, made.Resource]:
    n = _one(rng, most)
    return "PUT", f"/Observation/b{n}-1", _vital(rng, n) | {"id": f"b{n}-1", "note": [{"text": f"{rng.getrandbits(40):x}"}]}


def _linked(rng: random.Random, most: int) -> list[made.Resource]:
    """One patient's, each but the first with a reference to the one before it."""
    n = _one(rng, most)
    found = [_vital(rng, n) for _ in range(500)]
    return [v | ({"hasMember": [{"reference": _name(k - 1)}]} if k else {}) for k, v in enumerate(found)]


def _name(k: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{k:012x}"


def _bundle(resources: list[made.Resource]) -> tuple[str, str, made.Resource]:
    entries = [{"fullUrl": _name(k), "resource": r, "request": {"method": "POST", "url": r["resourceType"]}} for k, r in enumerate(resources)]
    return "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}


if __name__ == "__main__":
    main()
