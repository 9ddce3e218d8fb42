"""Charts of somebody with several records: their pages read them as one and lead to the one kept.

Only for whoever may see the merge and both records (care/admissions/merging.py); on every other chart nothing happens here but one question, which
is asked alike of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse

from sojourn.care.admissions import merging
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

OWN: Final = frozenset({"all", "apps", "consents", "emergency", "handoff", "outside", "proxies", "records", "release", "requests"})
"""Places of a chart that stay those of one record, and ask about it alone: what leaves, who has an account and what was agreed to count for the record that they name."""
PRINTED: Final = "/print"
"""How pages end that are given away on paper: of one record, too."""
_ROOM: Final = 4
"""Parts of the path of a room of a chart: '', 'patients', its id, its name."""


async def look(request: Request) -> None:
    """Find the other records of the person whose chart this is."""
    access: Access = request.state.access
    if getattr(request.state, "handed", None) is None and _is_chart(request):
        one = await merging.of(access, request.path_params["id"])
        access.records = one.ids if one.merged else ()
        access.joined = access.records if _room(request) not in OWN and not _path(request).endswith(PRINTED) else ()


def onward(request: Request) -> Response | None:
    """Where a page leads that is read in the chart of the record that goes on, or None."""
    access: Access = request.state.access
    parts = _path(request).split("/")
    if request.method != "GET" or not access.joined or access.joined[0] == request.path_params.get("id") or len(parts) > _ROOM:
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return redirect(request, "/".join(["/patients", access.joined[0], *parts[3:]]) + query)


def beside(request: Request) -> Response | None:
    """Where an entry that is not of this record may be: the next record of the person, asked the same. None after the last, and for what is done
    in a place that stays that of one record: an account ended twice must not be that of the other, too."""
    access: Access = request.state.access
    here = request.path_params.get("id")
    if here not in access.records or access.records[-1] == here or (request.method != "GET" and _room(request) in OWN):
        return None
    after = access.records[access.records.index(here) + 1]
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(request.url.path.replace(f"/patients/{here}", f"/patients/{after}", 1) + query, 307)


def _path(request: Request) -> str:
    return request.url.path.removeprefix(request.scope.get("root_path", "")).rstrip("/")


def _room(request: Request) -> str:
    """The first place below a chart: handoff, notes; '' for the chart itself."""
    parts = _path(request).split("/")
    return parts[_ROOM - 1] if len(parts) >= _ROOM else ""


def _is_chart(request: Request) -> bool:
    return _path(request).startswith("/patients/") and "id" in request.path_params
