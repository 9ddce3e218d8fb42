"""/exchange/partners/{partner}/contracts: when an exchange is closed; /exchange/overdue: what is late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.doors.staff.exchange import desk
from sojourn.doors.staff.exchange.owing import kind_text, line
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import agreed, contracts, direct, partners, profile, terms
from sojourn.gate.exchange.terms import CLOSINGS, Term
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.exchange.partners import Partner

_MOST = 4
"""Digits of hours in 90 days."""


async def show(request: Request) -> Response:
    """The contract of each kind of exchange with a partner."""
    access, id_ = request.state.access, request.path_params["partner"]
    before = await partners.one(access, id_)
    current, writes = terms.of(before.agreed), id_ in await direct.every(access.house, access.tenant)
    rows = _rows(before, current, writes=writes)
    said = {r["name"]: r["hours"] for r in rows}
    problem, status = "", 200
    if request.method == "POST":
        form = await request.form()
        said = {name: str(form.get(name, "")).strip() for name in said}
        try:
            made = contracts.changed(current, _read(rows, said), access.now)
            kept = agreed.facts(replace(agreed.of(before.agreed), terms=tuple(terms.facts(made))))
            await partners.put(access, replace(before, agreed=kept), before)
            return redirect(request, f"/exchange/partners/{id_}/contracts", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    groups = [(words, [r for r in rows if r["direction"] == way]) for way, words in (("in", "What comes from them"), ("out", "What goes to them"))]
    return PAGES.render(request, "exchange/contracts.html", status=status, partner=before, groups=groups, said=said, problem=problem)


def _rows(partner: Partner, current: tuple[Term, ...], *, writes: bool) -> list[dict[str, Any]]:
    """What may be agreed: each kind of message that is exchanged, files and documents, and what can close it; and what was agreed for others. writes: they write by Direct."""
    hours = {(t.direction, t.kind, t.closes): t.hours for t in current}
    wanted = dict.fromkeys(("in", k, terms.DONE) for k in (partner.types or (() if partner.door in (partners.API, "none", "cds") else ("",))))
    for kind in profile.of(partner.sending).kinds:
        wanted |= dict.fromkeys(("out", kind, name) for name, c in CLOSINGS.items() if c.direction == "out" and (not c.kinds or kind in c.kinds))
    wanted |= dict.fromkeys(("in", k, terms.DONE) for k, there in ((terms.FILES, partner.door == "sftp"), (terms.BROUGHT, bool(partner.organization)), (terms.LETTERS, writes)) if there)
    if partner.reached:
        wanted["out", terms.SENT, terms.ARRIVED] = None
    return [
        {
            "name": f"{way}.{closes}.{kind}", "direction": way, "kind": kind, "closes": closes, "what": kind_text(way, kind), "acts": CLOSINGS[closes].acts, "closed": CLOSINGS[closes].words,
            "hours": str(hours.get((way, kind, closes), "")), "usual": terms.usual(kind, closes),
        }
        for way, kind, closes in (*wanted, *(k for k in hours if k not in wanted))
    ]  # fmt: skip


def _read(rows: list[dict[str, Any]], said: dict[str, str]) -> list[Term]:
    """What was typed. Raises Malformed."""
    found = []
    for row in rows:
        typed = said[row["name"]]
        if typed and not (typed.isdecimal() and len(typed) <= _MOST):
            raise Malformed("Write hours as a whole number; leave it empty where nothing was agreed.")
        if typed:
            found.append(Term(row["direction"], row["kind"], row["closes"], int(typed)))
    return found


async def overdue(request: Request) -> Response:
    """What is overdue, by contract, with the envelopes."""
    access = request.state.access
    found = await contracts.overdue(access)
    names = {o.partner.id: o.partner.name for o in found}
    shown = [line(o, access.now) | {"rows": [desk.row(e, names, access.now) for e in o.some], "more": o.n > len(o.some)} for o in found]
    return PAGES.render(request, "exchange/overdue.html", found=shown, administers=access.may("Exchange", "administer"))
