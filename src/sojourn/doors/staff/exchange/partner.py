"""GET and POST /exchange/partners: who a partner is, what was agreed, and stopping them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Partner
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_LISTS = ("applications", "facilities", "addresses", "types")
_TEXTS = ("name", "contact", "organization", "certificate", "plain", "basis", "timezone", "charset", "acknowledgement")
TYPES = ("ORU^R01",)


async def new(request: Request) -> Response:
    """Write down a partner."""
    return await _form(request, None)


async def show(request: Request) -> Response:
    """One partner, and what is changed about it."""
    return await _form(request, await partners.one(request.state.access, request.path_params["partner"]))


async def _form(request: Request, before: Partner | None) -> Response:
    access = request.state.access
    said: dict[str, Any] = {}
    problem, status = "", 200
    if request.method == "POST":
        form = await request.form()
        said = {k: str(form.get(k, "")) for k in (*_TEXTS, *_LISTS, "authorities", "program", "part2")} | {
            "programs": [str(v) for v in form.getlist("programs")]
        }
        try:
            kept = await partners.put(access, _read(said, before or Partner("", "")), before)
            return redirect(request, f"/exchange/partners/{kept.id}", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    shown = said or _said(before or Partner("", ""))
    states = [
        {"when": day_and_time(h["since"]), "state": h["state"], "who": h["name"], "why": h["reason"]}
        for h in (await partners.history(access, before.id) if before else [])
    ]
    return PAGES.render(
        request, "exchange/partner.html", status=status, partner=before, said=shown, problem=problem, programs=sorted(access.rules.programs.values(), key=lambda p: p.number), bases=partners.BASES,
        acknowledgements=partners.ACKNOWLEDGEMENTS, states=states, types=", ".join(TYPES),
    )  # fmt: skip


def _said(partner: Partner) -> dict[str, Any]:
    facts = asdict(partner)
    return {
        **{k: facts[k] for k in _TEXTS}, **{k: ", ".join(facts[k]) for k in _LISTS}, "authorities": "\n".join(f"{k} = {v}" for k, v in partner.authorities.items()),
        "program": "" if partner.program is None else str(partner.program), "part2": "yes" if partner.part2 else "", "programs": [str(p) for p in partner.programs],
    }  # fmt: skip


def _read(said: dict[str, Any], before: Partner) -> Partner:
    """What was typed. Raises Malformed."""
    authorities = {}
    for line in said["authorities"].splitlines():
        theirs, by, ours = line.partition("=")
        if line.strip() and (not by or not theirs.strip() or not ours.strip()):
            raise Malformed("Write each numbering of theirs on a line of its own, as in RIVER = urn:oid:2.16.840.1.113883.19.5.")
        if line.strip():
            authorities[theirs.strip()] = ours.strip()
    facts: dict[str, Any] = {
        **{k: said[k].strip() for k in _TEXTS}, **{k: tuple(filter(None, (one.strip() for one in said[k].replace("\n", ",").split(",")))) for k in _LISTS}, "authorities": authorities,
        "program": int(said["program"]) if said["program"].isdigit() else None, "part2": said["part2"] == "yes", "programs": tuple(sorted(int(p) for p in said["programs"] if p.isdigit())),
    }  # fmt: skip
    return replace(before, **facts)


async def move(request: Request) -> Response:
    """Stop a partner, or let them go on."""
    access, id_ = request.state.access, request.path_params["partner"]
    form = await request.form()
    try:
        await partners.move(access, id_, str(form.get("state", "")), str(form.get("why", "")))
    except (Malformed, VersionConflict) as error:
        before = await partners.one(access, id_)
        return PAGES.render(
            request, "exchange/partner.html", status=422, partner=before, said=_said(before), problem=error.message, programs=sorted(access.rules.programs.values(), key=lambda p: p.number),
            bases=partners.BASES, acknowledgements=partners.ACKNOWLEDGEMENTS, states=[], types=", ".join(TYPES),
        )  # fmt: skip
    return redirect(request, f"/exchange/partners/{id_}", "saved")
