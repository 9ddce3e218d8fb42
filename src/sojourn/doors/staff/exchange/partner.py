"""GET and POST /exchange/partners: who a partner is, what was agreed, and stopping them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care.exchange import kinds
from sojourn.doors.staff.apps.apps import sees
from sojourn.doors.staff.exchange import agreed
from sojourn.doors.staff.exchange.bench import tag_of
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.apps import registry
from sojourn.gate.exchange import cds, partners, profile, trying, watching, ways
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.gate.exchange.ways import DOORS as DOORS_OUT
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_LISTS = ("applications", "facilities", "addresses", "types", "ignored")
_TEXTS = ("name", "contact", "organization", "certificate", "plain", "basis", "timezone", "charset", "acknowledgement", "strangers", "door", "client")
DOORS = {"hl7v2": "HL7 v2 over MLLP, and SFTP where boxes are opened", "sftp": "SFTP only", "none": "Not at all: documents go to them by their ways", "fhir": "FHIR API: their service reads, exports, is told or sends FHIR messages", "cds": "CDS Hooks only: we ask them for advice"}
_MAPS = ("authorities", "tables", "marks")
_EACH = {
    "authorities": "Write each numbering of theirs on a line of its own, as in RIVER = urn:oid:2.16.840.1.113883.19.5.",
    "tables": "Write each code of theirs on a line of its own, with its table, as in 0004:OBS = O.",
    "marks": "Write each mark of theirs on a line of its own, as in ZPR-3=Y = 42CFRPart2.",
}


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
        said = {k: str(form.get(k, "")) for k in (*_TEXTS, *_LISTS, *_MAPS, "program", "part2", "registers")} | {
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
        acknowledgements=partners.ACKNOWLEDGEMENTS, doors=DOORS, strangers=partners.STRANGERS, states=states, types=_types(), gets=_gets(before), reached=_reached(before), asks=_asks(before),
        agreed=agreed.lines(before, await watching.keepers(access)) if before else [], ends=agreed.ending(before, access.now) if before else ("", "plain"), services=await _services(access), stands=await _stands(access, before), asks_most=await _most(access, before),
    )  # fmt: skip


async def _services(access: Access) -> dict[str, str]:
    """Registered services by client id, of outside organizations first; who may not look after apps chooses by the same names."""
    found = [a for a in await registry.every(access.house.db, access.tenant) if "service" in a.uses and a.state != "stopped"]
    return {a.id: a.name if a.whose == "outside" else f"{a.name} (ours, or under contract)" for a in sorted(found, key=lambda a: (a.whose != "outside", a.name.casefold()))}


async def _stands(access: Access, partner: Partner | None) -> tuple[str, str]:
    """Whether they exchange for real, as a tag."""
    return tag_of((await trying.clearances(access)).get(partner.id), partner) if partner else ("", "plain")


async def _most(access: Access, partner: Partner | None) -> list[str]:
    """What the service of who comes by the API may ask for, in words; none for others."""
    app = await registry.one(access.house.db, access.tenant, partner.client) if partner and partner.door == partners.API else None
    return sees(app) if app is not None else []


def _types() -> str:
    """What is filed by itself, in few words."""
    names = dict.fromkeys(t.partition("^")[0] for t in kinds.FILED)
    return "; ".join(f"{name} {' '.join(t.partition('^')[2] for t in kinds.FILED if t.startswith(name))}" for name in names)


def _gets(partner: Partner | None) -> str:
    """What goes to them, in a line."""
    out = profile.of(partner.sending) if partner else Profile()
    if not out.on:
        return "Nothing."
    kinds_ = ", ".join(k.replace("^", " ") for k in out.kinds) or "Acknowledgements only"
    if out.batch:
        return f"{kinds_}; {profile.BATCHES[out.batch].lower()}, in their SFTP box."
    return f"{kinds_}; to {out.host}, port {out.port}, {'encrypted' if out.tls else 'not encrypted'}."


def _reached(partner: Partner | None) -> str:
    """How documents reach them, in a line."""
    found = [DOORS_OUT[w.door].title.lower() for w in ways.in_order(partner.reached)] if partner and partner.reached.get("ways") else []
    return f"{', then '.join(found).capitalize()}." if found else "Nobody entered how."


def _asks(partner: Partner | None) -> str:
    """Which of their CDS services are asked, in a line."""
    calling = cds.of(partner.calls) if partner else cds.Calling()
    return ", ".join(s.title for s in calling.listed if s.id in calling.services) or "Nothing."


def _said(partner: Partner) -> dict[str, Any]:
    facts = asdict(partner)
    return {
        **{k: facts[k] for k in _TEXTS}, **{k: ", ".join(facts[k]) for k in _LISTS}, **{k: "\n".join(f"{theirs} = {ours}" for theirs, ours in facts[k].items()) for k in _MAPS},
        "registers": "yes" if partner.registers else "",
        "program": "" if partner.program is None else str(partner.program), "part2": "yes" if partner.part2 else "", "programs": [str(p) for p in partner.programs],
    }  # fmt: skip


def _read(said: dict[str, Any], before: Partner) -> Partner:
    """What was typed. Raises Malformed."""
    maps: dict[str, dict[str, str]] = {name: {} for name in _MAPS}
    for name in _MAPS:
        for line in filter(str.strip, said.get(name, "").splitlines()):
            theirs, by, ours = (line.rpartition if name == "marks" else line.partition)("=")
            if not by or not theirs.strip() or not ours.strip():
                raise Malformed(_EACH[name])
            maps[name][theirs.strip()] = ours.strip()
    facts: dict[str, Any] = {
        **{k: said[k].strip() for k in _TEXTS}, **{k: tuple(filter(None, (one.strip() for one in said[k].replace("\n", ",").split(",")))) for k in _LISTS}, **maps, "registers": said["registers"] == "yes",
        "program": int(said["program"]) if digits(said["program"]) else None, "part2": said["part2"] == "yes", "programs": tuple(sorted(int(p) for p in said["programs"] if digits(p))),
    }  # fmt: skip
    facts["door"] = facts["door"] if facts["door"] in DOORS else before.door
    facts["strangers"] = facts["strangers"] or before.strangers
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
            bases=partners.BASES, acknowledgements=partners.ACKNOWLEDGEMENTS, doors=DOORS, strangers=partners.STRANGERS, states=[], types=_types(), gets=_gets(before), reached=_reached(before), asks=_asks(before),
            agreed=agreed.lines(before, await watching.keepers(access)), ends=agreed.ending(before, access.now), services=await _services(access), stands=await _stands(access, before), asks_most=await _most(access, before),
        )  # fmt: skip
    return redirect(request, f"/exchange/partners/{id_}", "saved")
