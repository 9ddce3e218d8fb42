"""GET /census: units and beds with the people in them, now or at a past midnight."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import policies
from sojourn.care.admissions import capacity
from sojourn.care.census import moving, occupancy, places
from sojourn.care.census.occupancy import Place
from sojourn.care.census.places import Bed
from sojourn.care.staffing import zones
from sojourn.doors.staff.lines import remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_of, day_text, full_name
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PATH = "/census"
HIDDEN = "Somebody whom you may not see"
CHANGED = "Somebody else changed this a moment ago. It is shown as it is now; nothing of yours was saved."


class Row(NamedTuple):
    """A bed. state: '' if it is free as far as one may see; who, patient, encounter: of the one in it."""

    id: str
    name: str
    room: str
    state: str
    who: str
    patient: str
    encounter: str
    since: str
    note: str
    version: str
    closed: bool


class Unit(NamedTuple):
    """A unit with its beds. present: in or on leave."""

    id: str
    name: str
    site: str
    beds: list[Row]
    total: int
    free: int
    present: int
    away: int
    expected: int

    @property
    def occupancy(self) -> int:
        """Per cent of the beds that can be used."""
        usable = sum(1 for b in self.beds if not b.closed)
        return round(100 * self.present / usable) if usable else 0


def units(access: Access, beds: list[Bed], found: list[Place]) -> list[Unit]:
    """Beds by unit, each with the people who have it; two where two were put into one."""
    by_bed: dict[str, list[Place]] = {}
    for place in found:
        by_bed.setdefault(place.bed, []).append(place)
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for bed in beds:
        rows = grouped.setdefault((bed.site, bed.unit_name, bed.unit), [])
        people = by_bed.get(bed.id, [])
        rows += [_row(access, bed, p) for p in people] or [Row(bed.id, _short(bed), bed.room, bed.closed, "", "", "", "", "", bed.version, bool(bed.closed))]
    return [_unit(key, rows) for key, rows in grouped.items()]


def _short(bed: Bed) -> str:
    """The name of a bed without that of its unit, which stands above it."""
    head, _, rest = bed.name.partition(", ")
    return head if rest and rest in bed.unit_name else bed.name


def _row(access: Access, bed: Bed, place: Place) -> Row:
    note = f"falls free {remaining(place.until, access.now)[0]}" if place.until else ""
    return Row(bed.id, _short(bed), bed.room, place.state, full_name(place.person) if place.person else HIDDEN, place.patient, place.encounter, day_text(place.since), note, bed.version, False)


def _unit(key: tuple[str, str, str], rows: list[Row]) -> Unit:
    total = len({r.id for r in rows})
    count = {state: sum(1 for r in rows if r.state == state) for state in ("in", "on leave", "expected", "held")}
    return Unit(key[2], key[1] or "No unit", key[0], rows, total, sum(1 for r in rows if not r.state), count["in"] + count["on leave"], count["on leave"], count["expected"] + count["held"])


async def show(request: Request) -> Response:
    """Now, or (`?on=`) at the midnight that begins a day, by the clock of the place."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Leave, come back, move, open or close a bed."""
    access = request.state.access
    said = await sent(request)
    try:
        match said.get("do", ""):
            case "leave" | "back":
                await moving.leave(access, said.get("encounter", ""), back=said["do"] == "back")
            case "move":
                await moving.move(access, said.get("encounter", ""), said.get("bed", ""))
            case "U" | "C" | "H" | "K" as state:
                await places.set_state(access, said.get("bed", ""), state, said.get("version", ""))
            case _:
                raise Malformed("Choose what to do.")
    except VersionConflict:
        return await _page(request, CHANGED, 412)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 409 if isinstance(error, Conflict) else 422)
    except NotFound:
        return await _page(request, "Choose a bed that is there.", 422)
    return redirect(request, PATH, "saved")


def _bedded(access: Access, board: list[Unit], found: list[Place]) -> frozenset[int]:
    """Programs that have beds: those whose clients lie in one, and those of which a unit has the name."""
    lying = {p.program for p in found}
    names = {u.name for u in board}
    return frozenset(n for n, p in access.rules.programs.items() if (p.organization or "").removeprefix("Organization/") in lying or any(p.name in name for name in names))


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    on = day_of(request.query_params.get("on", "")) if request.method == "GET" else None
    if on is not None:
        rules, counts, beds = await policies.of(access), None, await places.beds(access)
        found = await occupancy.midnight(access, on, beds)
    else:
        rules, counts, beds, _ = await asyncio.gather(policies.of(access), capacity.counted(access), places.beds(access), occupancy.ask(access))
        found = await occupancy.now(access, beds)
    board = units(access, beds, found)
    may = all(access.may(t, a) for t, a in moving.NEEDS) and on is None
    free = [(b.id, f"{u.name}: {b.name}") for u in board for b in u.beds if not b.state]
    today = zones.today(access)
    seats = capacity.of(access, rules, counts, without=_bedded(access, board, found))
    return PAGES.render(
        request, "census/census.html", status=status, seats=seats, units=board, on=on.isoformat() if on else "", on_text=day_text(on.isoformat()) if on else "", may=may, may_close=access.may("Location", "update") and on is None,
        free=free, problem=problem, before=((on or today + timedelta(days=1)) - timedelta(days=1)).isoformat(),
        total=sum(u.present for u in board), away=sum(u.away for u in board), expected=sum(u.expected for u in board), free_count=sum(u.free for u in board),
    )  # fmt: skip
