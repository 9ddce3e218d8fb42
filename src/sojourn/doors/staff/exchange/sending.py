"""GET and POST /exchange/partners/{partner}/sending: what a partner gets from us, where to and how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import partners, profile, sftp
from sojourn.gate.exchange.profile import Profile
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_TEXTS = ("host", "certificate", "plain", "ours", "our_place", "theirs", "their_place", "version", "charset", "processing", "acknowledgement", "purpose")
_NUMBERS = ("port", "timeout", "batch")
_BOXES = ("tls", "unnamed", "answers")
PROCESSING = {"P": "P: production", "T": "T: training", "D": "D: debugging"}


async def show(request: Request) -> Response:
    """What they get."""
    access, id_ = request.state.access, request.path_params["partner"]
    before = await partners.one(access, id_)
    current = profile.of(before.sending)
    said, problem, status = _said(current), "", 200
    if request.method == "POST":
        form = await request.form()
        said = {k: str(form.get(k, "")) for k in (*_TEXTS, *_NUMBERS, *_BOXES, "tables", "segments")} | {"kinds": [str(v) for v in form.getlist("kinds")]}
        try:
            made = profile.checked(_read(said, current), before.organization, access.now)
            await partners.put(access, replace(before, sending=profile.facts(made)), before)
            return redirect(request, f"/exchange/partners/{id_}/sending", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    groups = [(words, [(k, profile.KINDS[k]) for k in profile.KINDS if k.partition("^")[0] in types]) for words, types in _GROUPS]
    return PAGES.render(
        request, "exchange/sending.html", status=status, partner=before, said=said, problem=problem, groups=groups, versions={v: v for v in profile.VERSIONS}, charsets={c: c for c in profile.CHARSETS},
        modes=profile.MODES, batches={str(k or ""): v for k, v in profile.BATCHES.items()}, boxes=(await sftp.every(access.house, access.tenant)).get(id_), purposes=profile.PURPOSES, processing=PROCESSING, on=current.on,
    )  # fmt: skip


_GROUPS = (("Patients and visits", ("ADT",)), ("Appointments", ("SIU",)), ("Laboratory orders", ("ORM", "OML")), ("Documents", ("MDM",)), ("Charges", ("DFT",)))


def _said(current: Profile) -> dict[str, Any]:
    facts = profile.facts(current)
    return {
        **{k: facts[k] for k in _TEXTS}, **{k: str(facts[k] or "") for k in _NUMBERS}, **{k: "yes" if facts[k] else "" for k in _BOXES}, "kinds": list(current.kinds),
        "tables": "\n".join(f"{k} = {v}" for k, v in current.tables.items()), "segments": "\n".join(current.segments),
    }  # fmt: skip


def _read(said: dict[str, Any], current: Profile) -> Profile:
    """What was typed. Raises Malformed."""
    tables = {}
    for line in said["tables"].splitlines():
        ours, by, theirs = line.partition("=")
        if line.strip() and (not by or not ours.strip() or not theirs.strip()):
            raise Malformed("Write each code of theirs on a line of its own, as in 24323-8 = CMP^Metabolic panel^L.")
        if line.strip():
            tables[ours.strip()] = theirs.strip()
    numbers = {k: int(said[k]) if digits(said[k].strip()) and len(said[k].strip()) < 6 else 0 for k in _NUMBERS}  # noqa: PLR2004 - of a port
    facts: dict[str, Any] = {
        **{k: said[k].strip() for k in _TEXTS}, **numbers, **{k: said[k] == "yes" for k in _BOXES}, "kinds": tuple(k for k in profile.KINDS if k in said["kinds"]), "tables": tables,
        "segments": tuple(line.strip() for line in said["segments"].splitlines() if line.strip()),
    }  # fmt: skip
    return replace(current, **facts)
