"""Cost grows with the answer, not with the store: the chart search at 50,000 and at 1,000,000 resources.

Usage: python -m bench.growth [--small 1020] [--large 20400] [--data FOLDER] [--first]; numbers of patients of 49 resources each.
The same patients are asked both times, in the same store, which grows in between.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from pathlib import Path

from bench import made, operations
from bench.__main__ import _drive
from bench.house import House


def main() -> None:
    """Load, measure, load more, measure again."""
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("--small", type=int, default=1020)
    parser.add_argument("--large", type=int, default=20_400)
    parser.add_argument("--data", default="")
    parser.add_argument("--first", action="store_true", help="run what is measured before everything else on the machine (needs root)")
    arguments = parser.parse_args()
    house = House(Path(arguments.data or tempfile.mkdtemp(prefix="sojourn-growth-")))
    try:
        results = [measured(house, size, arguments) for size in (arguments.small, arguments.large)]
    finally:
        house.close()
    small, large = results
    print(f"at {small[0]:,}: {small[1]:.3f} of the bare read; at {large[0]:,}: {large[1]:.3f}; time {small[1] / large[1]:.2f} times as long")


def measured(house: House, patients: int, arguments: argparse.Namespace) -> tuple[int, float]:
    """Resources, and the chart search's rate as a share of the bare read's beside it: the middle one of five pairs."""
    there = house.sql("SELECT count(*) AS n FROM record.resource WHERE type = 'Patient'")[0]["n"]
    if there < patients:
        count, seconds = house.load(made.organization(patients - there, there), lambda n: print(f"\r{n}", end="", file=sys.stderr))
        print(f"\n{count:,} resources in {seconds:.0f} s: {count / seconds:,.0f}/s", flush=True)
        house.tidy()
    if not house.processes:
        house.serve()
    charts, reads = operations.vitals(arguments.small, random.Random(1)), operations.read(arguments.small, random.Random(2))
    _drive(house, "server", charts, 8, 2, 0, ahead=False)
    shares = []
    for n in range(5):
        bare = _drive(house, "bare", reads, 8, 1.5, n, ahead=arguments.first)
        ours = _drive(house, "server", charts, 8, 2.5, n, ahead=arguments.first)
        print(f"{ours['rate']:,.0f}/s of {bare['rate']:,.0f}/s, p50 {ours['p50']} ms, others {ours['foreign']}", flush=True)
        shares.append(ours["rate"] / bare["rate"])
    return house.sql("SELECT count(*) AS n FROM record.resource")[0]["n"], statistics.median(shares)


if __name__ == "__main__":
    main()
