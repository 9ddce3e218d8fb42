"""docs/conformance.md: results as a table, written and read."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.checks import Result, groups

HEAD = """# Conformance to US Core 6.1.0

The table below is what `tests/conformance/test_us_core.py` found against the sample organization. The checks follow the
metadata of Inferno's US Core test kit (every search with its combinations, comparators and lists of values, includes, reads,
versions, histories, must-support elements), with values taken from the data. Each answer of the server is compared with what
a plain reading of all resources finds: the right resources and no others. `SOJOURN_WRITE_DOCS=1` with that test writes this file
anew; CI checks that everything that passes here still does.

*n/a*: there is no data to try it with. What the sample organization does not show (an infant's measures, a problem named at
a visit) is added for the test by `tests/conformance/added.py`. US Core 7.0.0 and USCDI: [us-core.md](us-core.md).
"""


def read(path: Path) -> list[Result]:
    """The lines of the table."""
    out: list[Result] = []
    group = ""
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("## "):
            group = line[3:].partition(":")[0]
        elif line.startswith("| ") and not line.startswith(("| Check", "| ---", "| Profile")) and group:
            check, expectation, outcome, reason = (cell.strip(" *") for cell in line.strip()[1:-1].split("|"))
            out.append(Result(group, check, expectation, outcome, reason))
    return out


def write(path: Path, results: list[Result]) -> None:
    """Put one group's results in the place of what the table said of it."""
    known = [r for r in read(path) if r.group != results[0].group] + results
    order = list(groups())
    parts = [HEAD]
    counted = [sum(r.outcome == o for r in known) for o in ("pass", "fail", "n/a")]
    parts.append(f"{counted[0]} checks pass, {counted[1]} fail, {counted[2]} have nothing to be tried with.\n")
    for name in sorted({r.group for r in known}, key=order.index):
        facts = groups()[name]
        parts.append(f"## {name}: {facts['title']} ({facts['resource']})\n\n| Check | Expected | Result | Reason |\n| --- | --- | --- | --- |")
        parts += [f"| {r.check} | {r.expectation} | {'**fail**' if r.outcome == 'fail' else r.outcome} | {r.reason.replace('|', '/')} |" for r in known if r.group == name]
        parts.append("")
    path.write_text("\n".join(parts))
