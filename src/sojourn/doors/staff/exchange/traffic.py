"""GET /exchange/traffic: how much comes and goes with each partner, and how much needs somebody."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import wall
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import contracts, partners
from sojourn.web.charts import Column, columns

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.exchange.contracts import Traffic

UNITS = {"day": "By day, for two weeks", "hour": "By hour, for two days"}
PARTS = (("came", "Came"), ("went", "Went"), ("failed", "For somebody"))


async def show(request: Request) -> Response:
    """A chart for each partner, or one."""
    access, asked = request.state.access, request.query_params
    unit = asked.get("by", "day") if asked.get("by", "day") in UNITS else "day"
    zone = wall.here()
    local = access.now.astimezone(zone)
    known = await partners.every(access)
    partner = asked.get("partner", "") if asked.get("partner", "") in {p.id for p in known} else ""
    begin = (local.replace(tzinfo=None) - 16 * contracts.UNITS["day"]).replace(tzinfo=UTC)  # a day more than is shown, whatever the zone
    stretches, counted = await contracts.traffic(access, partner, unit, str(zone), local, begin)
    charts = await asyncio.to_thread(_charts, [(p.id, p.name) for p in known if partner in ("", p.id)], stretches, counted, unit)
    return PAGES.render(request, "exchange/traffic.html", charts=charts, units=UNITS, unit=unit, partner=partner, partners=[(p.id, p.name) for p in known], parts=PARTS)


def _charts(known: list[tuple[str, str]], stretches: list[datetime], counted: list[Traffic], unit: str) -> list[dict[str, Any]]:
    out = []
    for n, (id_, name) in enumerate(known, 1):
        mine = {t.at: t for t in counted if t.partner == id_}
        rows = [Column(_label(at, unit), (t.came, t.went, t.failed) if (t := mine.get(at)) else (0, 0, 0)) for at in stretches]
        sums = [sum(r.parts[i] for r in rows) for i in range(3)]
        whole = sum(sums)
        out.append({
            "name": name, "sums": sums, "share": f"{100 * sums[2] / whole:.1f} %" if whole else "", "rows": [r for r in rows if any(r.parts)],
            "svg": columns(rows, [w for _, w in PARTS], f"Messages of {name}", f"traffic-{n}") if whole else "",
        })  # fmt: skip
    return out


def _label(at: datetime, unit: str) -> str:
    return f"{at.day} {at:%b}" if unit == "day" else f"{at.day} {at:%b %H}:00"
