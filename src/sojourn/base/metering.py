"""What this process did, in numbers, in the text format of Prometheus: counters and histograms.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    """One value of a metric, with its labels."""

    labels: Mapping[str, str]
    value: float


class Requests:
    """Answers by route and class of status, and how long they took. One instance a process. running: requests that are being answered."""

    def __init__(self) -> None:
        self.running = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._times: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def note(self, route: str, status: int, seconds: float) -> None:
        """One answer. seconds: from its request to the end of its answer."""
        key = (route, f"{status // 100}xx")
        self._counts[key] = self._counts.get(key, 0) + 1
        self._times.setdefault(route, [0] * (len(BUCKETS) + 1))[bisect_left(BUCKETS, seconds)] += 1
        self._sums[route] = self._sums.get(route, 0.0) + seconds

    def text(self) -> str:
        """Both metrics."""
        counts = metric("sojourn_requests_total", "counter", "Answers by route and class of status.", (Sample({"route": r, "status": s}, n) for (r, s), n in sorted(self._counts.items())))
        name = "sojourn_request_seconds"
        lines = [f"# HELP {name} Seconds from a request to the end of its answer.", f"# TYPE {name} histogram"]
        for route, times in sorted(self._times.items()):
            so_far = 0
            for bound, n in zip((*map(str, BUCKETS), "+Inf"), times, strict=True):
                so_far += n
                lines.append(f"{name}_bucket{_labels({'route': route, 'le': bound})} {so_far}")
            lines += [f"{name}_sum{_labels({'route': route})} {self._sums[route]!r}", f"{name}_count{_labels({'route': route})} {so_far}"]
        return counts + "\n".join(lines) + "\n"


def metric(name: str, kind: str, words: str, samples: Iterable[Sample]) -> str:
    """One metric with its samples. kind: counter or gauge."""
    return "".join([f"# HELP {name} {words}\n# TYPE {name} {kind}\n", *(f"{name}{_labels(s.labels)} {s.value!r}\n" for s in samples)])


def _labels(labels: Mapping[str, str]) -> str:
    said = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
