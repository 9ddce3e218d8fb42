"""Tests that the sample organization does itself: cups and breath alcohol, done and to do."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sojourn.base.errors import SojournError
from sojourn.care import policies
from sojourn.care.orders import catalog, findings, ordering, reading
from sojourn.care.orders.findings import Found, Reading
from sojourn.care.orders.ordering import Wish
from sojourn.care.resources import id_of
from sojourn.care.results import entering
from sojourn.cli.riverbend_desk import at_browser
from sojourn.sample.callers import program_organization_id

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate

SEED = 1
_SITES = "99D0000000 Riverbend (invented)"
_KITS = {"uds": "Twelve-panel cup", "breath-alcohol": "Breathalyzer of the unit", "pregnancy": "Urine strip", "glucose": "Meter of the unit", "covid-flu": "Swab kit"}
_WISHES = (("uds", "Return from leave", {"cocaine": "positive"}), ("breath-alcohol", "Came back late", {"alcohol": "0.00"}), ("uds", "Agreed in the plan", {"fentanyl": "presumptive"}), ("uds", "Morning round", None))
"""What is ordered, why, and what it showed beside negative; None: it is still to be done."""


async def lay_out(gate: Gate, today: date) -> None:
    """Once: while no test is done here."""
    async with at_browser(gate, "sam") as sam:
        panels = await catalog.panels(sam)
        if any(p.here for p in panels):
            return
        for panel in (p for p in panels if p.key in _KITS):
            await catalog.change(sam, panel._replace(here=True, kit=_KITS[panel.key]))
    async with at_browser(gate, "priya") as officer:
        with suppress(SojournError):
            await policies.change(officer, "orders.clia", "", _SITES, "Certificate of waiver, renewed this year")
    async with at_browser(gate, "okafor") as doctor:
        clients = await _in_detox(doctor)
        orders = [(client, await ordering.order(doctor, client, Wish(key, today, "urgent", why=why, key=f"here{n}")), said) for n, (client, (key, why, said)) in enumerate(zip(clients, _WISHES, strict=False))]
    async with at_browser(gate, "nina") as nina:
        for client, order, said in orders:
            if said is not None:
                with suppress(SojournError):  # whoever tests must see the client; the sample's people change with its stories
                    await _tested(nina, client, order, said)


async def _tested(nina: Access, client: str, order: str, said: dict[str, str]) -> None:
    one = await reading.one(nina, client, order)
    panel, rules = catalog.of(await catalog.panels(nina), one.resource), await policies.of(nina)
    if panel is None:
        return
    found = tuple(Found(c, said.get(c.key, "negative" if c.choices else "0.00")) for c in panel.components)
    sites = findings.sites(rules.value("orders.clia"))
    test = Reading(
        f"sample-{order}", nina.now - timedelta(minutes=25), nina.now - timedelta(minutes=18), found, panel.kit, "L2411", nina.today + timedelta(days=200), note="Observed; 36 °C", site=sites[0] if sites else None
    )  # fmt: skip
    await entering.enter(nina, one, test)


async def _in_detox(access: Access) -> list[str]:
    managing = f"Organization/{program_organization_id(SEED, 'detox')}"
    found = await access.search("EpisodeOfCare", [("status", "active"), ("organization", managing), ("_sort", "-date")], count=10)
    return list(dict.fromkeys(id_of(e.get("patient"), "Patient") for e in found.resources))
