"""The disclosure log: who got what, under which consent, and the exact payload."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.responses import StreamingResponse

from sojourn.base import wall
from sojourn.base.errors import Malformed
from sojourn.care.exchange import clinical
from sojourn.doors.staff.desk.consents.reading import line as consent_line
from sojourn.doors.staff.desk.disclosures import searching
from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.names import moment, organization_names, patient_names
from sojourn.doors.staff.desk.trail import choosing
from sojourn.doors.staff.kinds import title
from sojourn.doors.staff.sheets import harmless
from sojourn.gate import disclosurelog
from sojourn.gate.scope import PURPOSES
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.disclosurelog import Place, Wish

COUNT = 50
_CHUNK = 500
COLUMNS = ("when", "about", "to", "recipient", "purpose", "how", "what", "consents", "notice", "reference in the trail", "sha-256")


async def waiting(access: Access) -> Waiting:
    """How many left today."""
    return Waiting(await disclosurelog.count(access, choosing.day(wall.day(access.now).isoformat()) or access.now), "left today")


PAGE = DeskPage("/desk/disclosures", "Disclosures", "Who outside got what, when, for which purpose and under which consent, to the byte.", waiting)


class Line(NamedTuple):
    """One disclosure."""

    id: str
    recipient: str
    people: str
    when: str
    how: str
    purpose: str
    what: str
    notice: bool


async def show(request: Request) -> Response:
    """GET /desk/disclosures: the newest. POST: those that were asked for, by client, recipient, days, purpose or way; these travel in the body."""
    access: Access = request.state.access
    form = await sent(request) if request.method == "POST" else {}
    asked = await searching.wished(access, form)
    rows: list[Any] = []
    if asked.wish is not None:
        rows = await disclosurelog.entries(access, asked.wish, after=_place(form.get("cursor", "")), limit=COUNT + 1)
    lines = await _lines(access, rows[:COUNT])
    more = _cursor(disclosurelog.place(rows[COUNT - 1])) if len(rows) > COUNT else ""
    return render(request, PAGE, "desk/disclosures/list.html", block="more" if form.get("cursor") else "", lines=lines, next=more, asked=asked, ways=searching.CHOICES, purposes=PURPOSES)


async def export(request: Request) -> Response:
    """POST /desk/disclosures/export: everything that fits the form, as a table. Raises Malformed while something in it is wrong or has to be chosen."""
    access: Access = request.state.access
    asked = await searching.wished(access, await sent(request))
    if asked.wish is None:
        raise Malformed(asked.problem or "Several patients fit these words. Search first, and choose one.")
    chunks = _csv(access, asked.wish)
    first = await anext(chunks)  # so that a refusal is a page, and the trail has the export before its first byte leaves

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return StreamingResponse(whole(), media_type="text/csv; charset=utf-8", headers={"content-disposition": 'attachment; filename="disclosures.csv"'})


async def _csv(access: Access, wish: Wish) -> AsyncIterator[bytes]:
    cells: list[list[str]] = [list(COLUMNS)]
    after: Place | None = None
    while True:
        rows = await disclosurelog.entries(access, wish, after=after, limit=_CHUNK)
        for row, line in zip(rows, await _lines(access, rows, all_of_them=True), strict=True):
            cells.append([
                row["made"].isoformat(), line.people, line.recipient, row["recipient"], line.purpose, line.how, line.what, " ".join(row["consents"]), notice_text(row["notice"]), row["request"], row["digest"],
            ])  # fmt: skip
        text = io.StringIO()
        csv.writer(text).writerows([harmless(value) for value in line] for line in cells)
        yield text.getvalue().encode()
        if len(rows) < _CHUNK:
            return
        cells, after = [], disclosurelog.place(rows[-1])


async def one(request: Request) -> Response:
    """GET /desk/disclosures/{disclosure}: everything about one, and what left."""
    access = request.state.access
    row = await disclosurelog.one(access, request.path_params["disclosure"])
    (line,) = await _lines(access, [row])
    text = ""
    if row["opens"]:
        _, content = await disclosurelog.payload(access, row["disclosure"])
        text = msgspec.json.format(content, indent=2).decode() if "json" in row["media"] else content.decode() if row["media"] == clinical.MEDIA else ""
    people, consents = await asyncio.gather(patient_names(access, row["patients"]), _consents(access, row["consents"]))
    return render(request, PAGE, "desk/disclosures/one.html", row=row, line=line, text=text, people=people, consents=consents, notice=notice_text(row["notice"]))


async def _consents(access: Access, named: list[str]) -> list[tuple[str, str]]:
    """The consents under which it went: where each is read, and what it is; those that the caller may not see are only counted."""
    ids = [n.removeprefix("Consent/").partition("/")[0] for n in named]
    found = (await access.search("Consent", [("_id", ",".join(sorted(set(ids))))], count=50)).matches if ids and access.may("Consent", "search") else []
    by = {s.id: consent_line(access, s, {}) for s in found}
    of = {s.id: str((s.resource.get("patient") or {}).get("reference", "")).removeprefix("Patient/") for s in found}
    seen = [(f"/patients/{of[i]}/consents/{i}", f"{by[i].title}, signed {by[i].signed}" if by[i].signed else by[i].title) for i in dict.fromkeys(ids) if i in by]
    hidden = len({i for i in ids if i not in by})
    return [*seen, *([("", f"{hidden} that you may not see")] if hidden else [])]


def notice_text(carried: str) -> str:
    """`Statement 1, as of 2024`."""
    id_, _, version = carried.partition(" ")
    return f"{id_.replace('_', ' ').capitalize()}, as of {version}" if id_ else ""


def _cursor(place: Place) -> str:
    return f"{place[0].isoformat()} {place[1]}"


def _place(text: str) -> Place | None:
    made, _, last = text.partition(" ")
    try:
        return (datetime.fromisoformat(made), last) if text else None
    except ValueError:
        raise Malformed("This list has gone stale. Open it again.") from None


async def _lines(access: Access, rows: list[Any], *, all_of_them: bool = False) -> list[Line]:
    """all_of_them: every person by name, as a table wants it."""
    people = await patient_names(access, [p for row in rows for p in row["patients"]])
    recipients = await organization_names(access, [row["recipient"] for row in rows])
    return [_line(row, people, recipients, len(people) if all_of_them else 2) for row in rows]


def _line(row: Any, people: dict[str, str], recipients: dict[str, str], most: int) -> Line:
    seen = [people[p] for p in row["patients"] if p in people]
    rest = len(row["patients"]) - len(seen)
    said = [*seen[:most], *([f"{len(seen) - most} more"] if len(seen) > most else []), *([f"{rest} whom you may not see"] if rest else [])]
    kinds: dict[str, int] = {}
    for name in row["what"]:
        kind = name.partition("/")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    how = searching.WAYS.get(row["channel"], row["channel"]) + (f" {row['name']}" if row["channel"] in searching.BY_SOMEBODY else "")
    return Line(
        row["disclosure"], recipients.get(row["recipient"], row["name"] if row["channel"] == "fhir" else row["recipient"]), ", ".join(said) or "nobody in particular", moment(row["made"]), how,
        PURPOSES.get(row["purpose"], row["purpose"]), ", ".join(f"{title(kind).lower()} ({n})" for kind, n in kinds.items()), bool(row["notice"]),
    )  # fmt: skip
