"""Measure the server against a bare app in the same run: `make bench`, or `python -m bench --help`."""

from __future__ import annotations

import argparse
import json
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from bench import made, operations, table
from bench.house import TOKENS, House
from bench.machine import Meter, first, memory


def main() -> None:
    """Set up, measure, print, write."""
    arguments = _arguments()
    folder = Path(arguments.data or tempfile.mkdtemp(prefix="sojourn-bench-"))
    house = House(folder)
    result: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "patients": arguments.patients, "rows": []}
    try:
        result["load"] = _fill(house, arguments.patients)
        house.serve()
        result["import"] = _import(house, arguments)
        chosen = [o for o in operations.ALL if not arguments.only or any(word in o.name for word in arguments.only.split(","))]
        for operation in chosen:
            result["rows"].append(_row(house, operation, arguments))
            print(table.line(result["rows"][-1]), flush=True)
        result["memory"] = {name: memory(process.pid) for name, process in house.processes.items()}
    finally:
        house.close()
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(result, indent=1))
    print(table.markdown(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--patients", type=int, default=2000, help="charts of 49 resources each")
    parser.add_argument("--quick", action="store_true", help="200 patients, short measurements")
    parser.add_argument("--seconds", type=float, default=4, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of measurements of a row")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--first", action="store_true", help="run what is measured before everything else on the machine (needs root): for machines that are never quiet")
    parser.add_argument("--only", default="", help="rows whose name contains one of these words")
    parser.add_argument("--data", default="", help="folder to keep the database in, and to find it in again")
    parser.add_argument("--out", default="", help="JSON file for the figures")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.patients, arguments.seconds, arguments.rounds = 200, 1.5, 2
    return arguments


def _fill(house: House, patients: int) -> dict[str, Any]:
    """Load what is not there yet."""
    there = house.sql("SELECT count(*) AS n FROM record.resource")[0]["n"]
    if there:
        return {"resources": 0, "seconds": 0, "there": there}

    def progress(n: int) -> None:
        print(f"\r{n} resources", end="", file=sys.stderr, flush=True)

    meter = Meter({"postgres": house.postmaster})
    count, seconds = house.load(made.organization(patients), progress)
    use = meter.read()
    print(file=sys.stderr)
    house.tidy()
    return {"resources": count, "seconds": round(seconds, 1), "rate": round(count / seconds), "cores": use.cores, "foreign": use.foreign}


def _import(house: House, arguments: argparse.Namespace) -> dict[str, Any]:
    """A hundred charts more, as short as the other measurements: resources a second, the best of three. They are not asked for."""
    best: dict[str, Any] = {"rate": 0}
    there = house.sql("SELECT count(*) AS n FROM record.resource WHERE type = 'Patient'")[0]["n"]
    for n in range(3):
        meter = Meter({"postgres": house.postmaster})
        with first((house.postmaster,), wanted=arguments.first):
            count, seconds = house.load(made.organization(100, there + n * 100))
        use = meter.read()
        if count / seconds > best["rate"]:
            best = {"resources": count, "seconds": round(seconds, 2), "rate": round(count / seconds), "cores": use.cores, "foreign": use.foreign}
    print(f"import {best}", flush=True)
    return best


def _row(house: House, operation: operations.Operation, arguments: argparse.Namespace) -> dict[str, Any]:
    """Pairs of measurements, the bare read before each: the middle one of the ratios, the best of the rates."""
    if operation.name.startswith("history"):
        _make_versions(house, arguments.patients)
    requests = operation.requests(arguments.patients, random.Random(7))
    random.Random(8).shuffle(requests)
    _check(house, operation, requests)
    yardstick = operations.read(arguments.patients, random.Random(9))
    _drive(house, "server", requests, arguments.connections, min(2.0, arguments.seconds), 0, ahead=False)
    pairs = []
    for n in range(arguments.rounds):
        bare = _drive(house, "bare", yardstick, arguments.connections, arguments.seconds / 2, n * 331, ahead=arguments.first)
        ours = _drive(house, "server", requests, arguments.connections, arguments.seconds, n * 997, ahead=arguments.first)
        pairs.append({"bare": bare, "ours": ours, "ratio": ours["rate"] / bare["rate"]})
    best = max(pairs, key=lambda p: p["ours"]["rate"])["ours"]
    ratio = statistics.median(p["ratio"] for p in pairs)
    return {
        "name": operation.name, "ratio": round(ratio, 3), "bare": max(p["bare"]["rate"] for p in pairs), **best, "per": operation.per,
        "peer": operation.peer, "least": operation.least, "share": operation.share, "ratios": [round(p["ratio"], 3) for p in pairs],
        "rates": [p["ours"]["rate"] for p in pairs], "foreigns": [p["ours"]["foreign"] for p in pairs],
    }  # fmt: skip


def _drive(house: House, which: str, requests: list[bytes], connections: int, seconds: float, start: int, *, ahead: bool) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(suffix=".requests") as file:
        pickle.dump(requests, file)
        file.flush()
        meter = Meter({which: house.processes[which].pid, "postgres": house.postmaster})
        command = [sys.executable, "-m", "bench.closed", str(house.ports[which]), str(connections), str(seconds), file.name, str(start)]
        with first((house.processes[which].pid, house.postmaster), wanted=ahead):
            run = subprocess.run(command, capture_output=True, text=True, check=False)
        use = meter.read()
    if run.returncode:
        raise SystemExit(f"the load failed: {run.stderr[-600:]}")
    found: dict[str, Any] = json.loads(run.stdout)
    bad = {status: n for status, n in found["statuses"].items() if status[0] in "45" and status != "404"}
    if bad:
        raise SystemExit(f"errors under load: {bad}")
    spent = {name: round(cores / found["rate"] * 1e6) for name, cores in use.cores.items()}
    return {**found, "cores": use.cores, "cpu_us": spent, "foreign": use.foreign}


def _check(house: House, operation: operations.Operation, requests: list[bytes]) -> None:
    """One answer, looked at: the status, and how many entries it has at least."""
    status, entries = operation.check
    raw = requests[0].replace(b"@@N@@", b"%05d" % (time.time_ns() % 100_000))
    head, _, body = raw.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{house.ports['server']}{path}", body or None, headers, method=method)) as answer:
            got, value = answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{operation.name}: {error.code} {error.read()[:600]!r}") from None
    if status and (got != status or len(value.get("entry", [])) < entries):
        raise SystemExit(f"{operation.name}: {got} with {len(value.get('entry', []))} entries: {json.dumps(value)[:600]}")


def _make_versions(house: House, patients: int) -> None:
    """Give five versions to what history is asked of."""
    for n in operations.versioned(patients):
        url = f"http://127.0.0.1:{house.ports['server']}/fhir/Observation/b{n}-0"
        headers = {"Authorization": f"Bearer {TOKENS['all']}", "Content-Type": "application/fhir+json"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            found = json.loads(answer.read())
        if "note" in found:
            return
        for version in range(2, 6):
            found["note"] = [{"text": f"version {version}"}]
            urllib.request.urlopen(urllib.request.Request(url, json.dumps(found).encode(), headers, method="PUT")).close()


if __name__ == "__main__":
    main()
