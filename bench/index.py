"""Time what a write pays for being found: extraction alone, and with hashing into index rows.

Run: python -m bench.index
"""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from bench import made
from sojourn.fhir.codec import dumps
from sojourn.fhir.extract import extract
from sojourn.record.index import Keys, rows

PATIENTS = 40
TYPES = ("Patient", "Observation", "Condition", "Encounter")


def best(work: Callable[[], object], repeats: int = 7) -> float:
    """The shortest of several runs, in seconds of processor time: strangers on the machine only ever slow it down."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print microseconds a resource by type."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in made.organization(PATIENTS):
        by_type[item.resource["resourceType"]].append(item.resource)
    keys = Keys(b"bench" * 6)
    print(f"{'type':<14}{'bytes':>7}{'extract':>9}{'rows':>7}{'tokens':>8}{'index rows':>12}")
    for resource_type in TYPES:
        found = by_type[resource_type]
        size = sum(len(dumps(r)) for r in found) / len(found)
        walked = best(lambda found=found: [extract(r) for r in found]) / len(found) * 1e6  # type: ignore[misc]
        indexed = best(lambda found=found: [rows(r, keys) for r in found]) / len(found) * 1e6  # type: ignore[misc]
        sample = [rows(r, keys) for r in found]
        tokens = sum(len(s.tokens) for s in sample) / len(found)
        written = sum(len(s.token_hash) + len(s.string_key) + len(s.date_key) + len(s.number_key) + len(s.edge_param) for s in sample)
        print(f"{resource_type:<14}{size:>7.0f}{walked:>9.1f}{indexed:>7.1f}{tokens:>8.1f}{written / len(found):>12.1f}")


if __name__ == "__main__":
    main()
