"""docs/us-core.md: what US Core and USCDI ask for and what was found, written and read."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from sojourn.fhir.capability import US_CORE, duties
from tests.conformance import derived, table
from tests.conformance.checks import Result
from tests.conformance.left_out import NO_COMPONENTS, NOT_SHOWN, why_not

DOCS = Path(__file__).parents[2] / "docs" / "us-core.md"
_BEFORE = Path(__file__).parents[2] / "docs" / "conformance.md"
HEAD = """# US Core 6.1.0 and 7.0.0, USCDI v3

What a certified or certifying system must offer to apps, and whether this server does. Everything on this page is worked out of the
official packages and of test results; `tests/conformance/test_us_core_7.py` holds it true, and `SOJOURN_WRITE_DOCS=1` with that test writes
it anew. The 6.1.0 checks one by one are in [conformance.md](conformance.md).

How it is checked: the tables `src/sojourn/fhir/tables/hl7.fhir.us.core-*/server.json` are compiled from the CapabilityStatement and the
SearchParameters of each package, the profiles from its StructureDefinitions (docs/validation.md). From them each search, combination, list of
values and comparator, include and interaction is tried at the API of the sample organization, with values out of its data, and each answer is
compared with a plain reading of every resource. What must be supported has to be shown by some resource of Riverbend.

## What the server states

`GET /fhir/metadata` needs no sign-in. It `instantiates` the US Core server CapabilityStatements of both versions, names both guides, and for each type
the profiles that are enforced (by canonical URL, and with `|6.1.0` and `|7.0.0`), its search parameters, includes, `Provenance:target` among the
`_revinclude` values, and operations. A resource that claims `us-core-…` without a version is held to 6.1.0; claim `…|7.0.0` for the other.

Beyond the resources: JSON is served; a request without a valid token gets 401, one that a role or scope forbids 403, what one may not see 404, as if it
did not exist; searches work by GET and by POST to `_search`; a date has the comparators gt, ge, lt, le (and eq, ne, sa, eb, ap).

What is sensitive stays so: gender identity, sexual orientation, substance use and the like are labelled when they are written ([labels.md](labels.md)), and a
search, a count, an include or a must-support element never shows them to a caller to whom they are not permitted. A conformant app therefore finds
fewer elements in a chart with less permission, and nothing tells it so.

"""


class Row(NamedTuple):
    """One profile: checks of 7.0.0 that passed and were made, by SHALL and SHOULD; how much of what must be supported is shown."""

    shall: str
    should: str
    shown: str


def row_of(name: str, results: list[Result]) -> Row:
    """What the results of a profile come to."""
    counted = [f"{sum(r.outcome == 'pass' for r in some)} of {len(some)}" for some in ([r for r in results if r.expectation == how] for how in ("SHALL", "SHOULD"))]
    wanted = derived.supported("7.0.0", derived.groups("7.0.0")[name]["profile_url"])
    left = [p for p in wanted if why_not(name, p)]
    return Row(counted[0], counted[1], f"{len(wanted) - len(left)} of {len(wanted)}" if len(left) < len(wanted) else "none")


def read() -> dict[str, Row]:
    """The rows of the document."""
    text = DOCS.read_text() if DOCS.exists() else ""
    part = text.partition("## Profiles")[2].partition("\n## ")[0]
    cells = [[c.strip() for c in line[1:-1].split("|")] for line in part.splitlines() if line.startswith(("| us-core", "| head", "| pediatric"))]
    return {c[0]: Row(c[4], c[5], c[6]) for c in cells if c[4]}


def write(row: Row | None, name: str = "") -> None:
    """Put a profile's row in the place of what was said of it, and the rest as it is now."""
    rows = read()
    if row is not None:
        rows[name] = row
    DOCS.write_text(render(rows))


def render(rows: dict[str, Row]) -> str:
    """The whole document."""
    return HEAD + _asked() + _profiles(rows) + _left_out() + _uscdi()


def _asked() -> str:
    out = ["## What is asked of each type\n\n**SHALL** in bold, SHOULD plain; *7.0.0* where the older version does not ask for it.\n"]
    out.append("| Type | Interactions | Searches | Includes | Operations |\n| --- | --- | --- | --- | --- |")
    new, old = duties("7.0.0"), duties("6.1.0")
    for type_ in sorted(new):
        asked, before = new[type_], old.get(type_, {})
        cells = [_named(asked.get("interactions", {}), before.get("interactions", {}))]
        together = {" + ".join(names): how for names, how in asked.get("searches", ())}
        cells.append(_named(together, {" + ".join(names): how for names, how in before.get("searches", ())}))
        both = {**asked.get("includes", {}), **{f"_revinclude {n}": how for n, how in asked.get("revincludes", {}).items()}}
        cells.append(_named(both, {**before.get("includes", {}), **{f"_revinclude {n}": how for n, how in before.get("revincludes", {}).items()}}))
        cells.append(_named({f"${n}": how for n, how in asked.get("operations", {}).items()}, {f"${n}": how for n, how in before.get("operations", {}).items()}))
        out.append(f"| {type_} | {' | '.join(cells)} |")
    return "\n".join(out) + "\n\n"


def _named(asked: dict[str, str], before: dict[str, str]) -> str:
    parts = [f"{f'**{name}**' if how == 'SHALL' else name}{'' if name in before else ' *7.0.0*'}" for name, how in asked.items() if how != "MAY"]
    return "; ".join(parts)


def _profiles(rows: dict[str, Row]) -> str:
    before: dict[str, list[Result]] = {k: list(g) for k, g in groupby(sorted(table.read(_BEFORE)), lambda r: r.group)}
    out = ["## Profiles\n\nChecks that passed, of those made: for 6.1.0 all of them, for 7.0.0 what it adds, validation against it, and the rest of each profile.\nShown: elements, slices, types and targets that must be supported (USCDI's additional ones among them) which some resource of Riverbend has.\n"]
    out.append("| Profile | Type | 6.1.0 SHALL | 6.1.0 SHOULD | 7.0.0 SHALL | 7.0.0 SHOULD | Shown |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name, facts in derived.groups("7.0.0").items():
        found = before.get(name.replace("-", "_"), [])
        counts = [f"{sum(r.outcome == 'pass' for r in some)} of {len(some)}" if some else "" for some in ([r for r in found if r.expectation == how] for how in ("SHALL", "SHOULD"))]
        row = rows.get(name, Row("", "", ""))
        out.append(f"| {name} | {facts['resource']} | {' | '.join(counts)} | {' | '.join(row)} |")
    return "\n".join(out) + "\n\n"


def _left_out() -> str:
    lines = [f"- {_plain(key)}: {why}." for key, why in NOT_SHOWN.items()]
    more = f"- component and its parts, in most vital signs: {NO_COMPONENTS}."
    return "## What Riverbend does not show\n\n" + "\n".join([*lines, more]) + "\n\nThe server takes, finds and validates these all the same; the test adds an infant's measures to try it.\n\n"


def _plain(key: str) -> str:
    return key.removeprefix("* ").replace("*", "")


@cache
def uscdi() -> list[dict[str, Any]]:
    """The data elements of USCDI v3 with where they are (uscdi.toml)."""
    found: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "uscdi.toml").read_text())["elements"]
    return found


def found(element: dict[str, Any], resources: list[dict[str, Any]]) -> bool:
    """Whether some resource has each of the element's places: `profile path`, where a path may be left out."""
    return all(any(_has(resource, place) for resource in resources) for place in element["at"])


def _has(resource: dict[str, Any], place: str) -> bool:
    profile, _, path = place.partition(" ")
    url = f"http://hl7.org/fhir/us/core/StructureDefinition/{profile}"
    claimed = {p.partition("|")[0] for p in resource.get("meta", {}).get("profile", ())}
    if url not in claimed and resource["resourceType"] != profile:
        return False
    path, _, code = path.partition("=")
    at = [s for s in path.split(".") if s]
    if url in claimed and not code:
        return derived.shows("7.0.0", url, resource, path) if path else True
    values = derived.plain_values(resource, at)
    return any(re.search(rf'"{re.escape(code)}"', _text(v)) for v in values) if code else bool(values)


def _text(value: Any) -> str:
    import json

    return json.dumps(value)


def _uscdi() -> str:
    out = ["## USCDI v3\n\nhttps://www.healthit.gov/isp/united-states-core-data-interoperability-uscdi. Where each data element is, and whether Riverbend has one.\n"]
    out.append("| Data class | Data element | Where | In Riverbend |\n| --- | --- | --- | --- |")
    for e in uscdi():
        at = "; ".join(f"`{p}`" for p in e.get("at", ()))
        out.append(f"| {e['class']} | {e['element']} | {at} | {e.get('why', 'yes')} |")
    return "\n".join(out) + f"\n\nUS Core {US_CORE[-1]} adds USCDI v4's average blood pressure, care experience preference, treatment intervention preference, medication adherence and more; see the profiles above.\n"
