"""GET /vocabulary: which code systems are installed, and looking up a code by its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.vocabulary import asking, loading, mapping
from sojourn.wire.vocabulary.model import HCPCS, ICD10CM, LOINC, NAMES, RXNORM, SNOMED

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

NEEDS: Final = ((loading.TYPE, "administer"),)
_HOW: Final = {ICD10CM: "icd-10-cm", SNOMED: "snomed RELEASE.zip", LOINC: "loinc Loinc_2.82.zip", RXNORM: "rxnorm RxNorm_full_MMDDYYYY.zip", HCPCS: "hcpcs HCPC2026_JAN_ANWEB.txt"}
"""What `sojourn load-vocabulary` is given."""
_PAGE: Final = 25


async def show(request: Request) -> Response:
    """Code systems, and what was looked up."""
    access, asked = request.state.access, request.query_params
    installed = await asking.installed(access)
    active = {r.system: r for r in installed if r.state == "active"}
    rows = [
        {
            "name": NAMES[system], "how": how, "release": (release := active.get(system)), "published": f"{release.published:%-d %b %Y}" if release and release.published else "",
            "at": day_and_time(release.at) if release else "", "before": [r.version for r in installed if r.system == system and r.state != "active"],
        }
        for system, how in _HOW.items()
    ]  # fmt: skip
    system, words = asked.get("system", ""), asked.get("q", "").strip()[:100]
    found, total = await asking.listed(access, active[system], words=words, inactive=True, most=_PAGE) if words and system in active else ([], 0)
    to_map = (await mapping.work(access, most=1))[1]
    return PAGES.render(
        request, "vocabulary/systems.html", rows=rows, choices=[(s, NAMES[s]) for s in active if s in NAMES], system=system, words=words, found=found, total=total, to_map=to_map,
    )  # fmt: skip
