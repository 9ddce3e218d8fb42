"""GET and POST /exchange/partners/{partner}/ways: the doors to a partner, and what is known of each."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.digits import digits
from sojourn.base.errors import Forbidden, Malformed, VersionConflict
from sojourn.care.reaching import looking
from sojourn.care.release import trial as faxed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import partners, posting, watching, ways
from sojourn.gate.exchange.ways import DOORS, FAX, Way
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.posting import Finding

_KINDS: Final = {"found": "Found there", "arrived": "Last arrived", "failed": "Last failed", "test": "Last test page"}
_ORDER: Final = ("first", "second", "third", "fourth", "fifth")


async def show(request: Request) -> Response:
    """The ways, and what is known of them."""
    access = request.state.access
    before = await partners.one(access, request.path_params["partner"])
    if request.method != "POST":
        return await _page(request, before)
    form = await request.form()
    said = {f"{part}-{door}": str(form.get(f"{part}-{door}", "")) for door in DOORS for part in ("place", "address")}
    try:
        made = ways.checked(_read(said), ways.of(before.reached), access.caller.account)
        if made and not before.organization.startswith("Organization/"):
            raise Malformed("Enter first which organization they are here: consents name it, and the gate decides by it.")
        await partners.put(access, replace(before, reached=ways.facts(made)), before)
        return redirect(request, f"/exchange/partners/{before.id}/ways", "saved")
    except (Malformed, VersionConflict) as error:
        return await _page(request, before, error.message, 422, said)


async def confirm(request: Request) -> Response:
    """Somebody else types the address again."""
    access = request.state.access
    before = await partners.one(access, request.path_params["partner"])
    form = await request.form()
    try:
        made = ways.confirmed(ways.of(before.reached), str(form.get("door", "")), str(form.get("again", ""))[:60], access.caller.account, access.now.isoformat(timespec="seconds"))
        await partners.put(access, replace(before, reached=ways.facts(made)), before, "Fax number confirmed")
        return redirect(request, f"/exchange/partners/{before.id}/ways", "saved")
    except (Malformed, Forbidden, VersionConflict) as error:
        return await _page(request, before, error.message, 422)


async def look(request: Request) -> Response:
    """Ask now what is there."""
    access = request.state.access
    before = await partners.one(access, request.path_params["partner"])
    await looking.look(access, before, getattr(request.app.state, "senders", {}))
    return redirect(request, f"/exchange/partners/{before.id}/ways", "looked")


async def trial(request: Request) -> Response:
    """Fax a page about nobody, or ask what became of it."""
    access = request.state.access
    before = await partners.one(access, request.path_params["partner"])
    sender = getattr(request.app.state, "senders", {}).get(FAX)
    try:
        await (faxed.ask if (await request.form()).get("do") == "ask" else faxed.send)(access, before, sender)
        return redirect(request, f"/exchange/partners/{before.id}/ways", "looked")
    except Malformed as error:
        return await _page(request, before, error.message, 422)


def _read(said: dict[str, str]) -> list[Way]:
    """What was typed, in its order. Raises Malformed."""
    used = [(said[f"place-{door}"], door) for door in DOORS if digits(said[f"place-{door}"])]
    if len({place for place, _ in used}) != len(used):
        raise Malformed("Give each way a place of its own: two have the same.")
    return [Way(door, said[f"address-{door}"]) for _, door in sorted(used)]


async def _page(request: Request, before: Partner, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    found, names = await asyncio.gather(posting.findings(access, before.id), watching.keepers(access))
    current = ways.of(before.reached)
    return PAGES.render(
        request, "exchange/ways.html", status=status, partner=before, problem=problem, rows=_rows(current, said, found, names, access.caller.account),
        places=[(str(n), f"{word.capitalize()}") for n, word in enumerate(_ORDER, 1)], order=[DOORS[w.door].title for w in ways.in_order(before.reached)] if current else [],
    )  # fmt: skip


def _rows(current: tuple[Way, ...], said: dict[str, str] | None, found: list[Finding], names: dict[str, str], me: str) -> list[dict[str, Any]]:
    """A row for each door, those in use first and in their order."""
    used = {w.door: (n, w) for n, w in enumerate(current, 1)}
    rows = []
    for code in [*used, *(d for d in DOORS if d not in used)]:
        door, (n, way) = DOORS[code], used.get(code, (0, Way(code)))
        waits = bool(n) and door.confirmed and not way.confirmed
        rows.append({
            "code": code, "title": door.title, "label": door.label, "hint": door.hint, "place": said[f"place-{code}"] if said else str(n or ""), "address": said[f"address-{code}"] if said else way.address,
            "waits": waits, "mine": waits and way.entered == me, "confirmed": f"{names.get(way.confirmed, 'somebody')}, {day_and_time(way.at)}" if way.confirmed else "",
            "trial": code == FAX and bool(n), "asks": any(f.way == code and f.kind == faxed.REFERENCE and f.said for f in found),
            "known": [(_KINDS[k], f.said, day_and_time(f.at)) for k in _KINDS for f in found if f.way == code and f.kind == k],
        })  # fmt: skip
    return rows
