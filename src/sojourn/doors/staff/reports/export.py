"""POST /reports/{report}/file: the rows as CSV with what was counted, in the trail before it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import ImmutableMultiDict
from starlette.responses import StreamingResponse

from sojourn.care.reports import registry, source
from sojourn.care.reports.model import Definition, Row, chosen
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.reports import asking
from sojourn.doors.staff.sheets import lines
from sojourn.web.forms import pairs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.reports.source import Source

AT_ONCE: Final = 100
NOTICE: Final = (
    "This file holds health records of clients and is for the work of whoever made it. 42 CFR part 2 prohibits unauthorized use or disclosure of these records. "
    "Consents, restrictions and the release desk hold for it as they hold for the chart: give it to nobody outside without them, and delete it when it is done with."
)
"""The same in every file, whoever's records are in it: it must not tell. The second sentence is the short statement of 42 CFR 2.32(a)(2)."""


async def export(request: Request) -> Response:
    """Every row that was asked for, however many. Raises NotFound for a report that is not offered."""
    access = request.state.access
    definition = registry.one(access, request.path_params["report"])
    form = ImmutableMultiDict(await pairs(request))
    found = await source.of(access, asking.day(dict(form)))
    so = asking.so(definition, form)
    await asking.note(found, "export", definition, so, outcome="started")
    rows = chosen(await definition.rows(found), so)
    chunks = _csv(definition, found, so, rows)
    first = await anext(chunks)  # so that a refusal is a page, and the trail has it before its first byte leaves
    name = f"{definition.key}-{found.when.day.isoformat()}.csv"
    return StreamingResponse(_with(first, chunks), media_type="text/csv; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'})


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _csv(definition: Definition, found: Source, so: Mapping[str, tuple[str, ...]], rows: list[Row]) -> AsyncIterator[bytes]:
    """What was counted, then the rows; whose they are is in the trail before each part of them leaves."""
    access, when = found.access, found.when
    head: list[list[Any]] = [
        ["Report", definition.title], ["For", "now" if when.now else when.day.isoformat()], ["Counted at", when.at.astimezone(when.where).isoformat(timespec="minutes")], ["Time zone", when.where.key],
        ["What is counted", definition.words], ["Past days", definition.past], ["Source", definition.source], ["Rows", asking.asked(definition, so) or "all"], ["Number of rows", len(rows)],
        ["Counted for", f"{access.caller.name}, {access.caller.role}: what this person may see, and nothing else"], ["Notice", NOTICE], [],
        ["Client", "Record", *(c.title for c in definition.columns)],
    ]  # fmt: skip
    for start in range(0, max(len(rows), 1), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        patients = sorted({r.patient for r in some if r.patient})
        names = await patient_names(access, patients) if patients else {}
        await asking.note(found, "export", definition, so, patients=patients)
        # Of whom no name may be seen the page shows no record either.
        yield lines([*head, *([names.get(r.patient, ""), r.patient if r.patient in names else "", *(r.cells.get(c.key) for c in definition.columns)] for r in some)])
        head = []
