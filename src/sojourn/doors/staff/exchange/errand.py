"""GET and POST /exchange/partners/{partner}/errands/{errand}: what is fetched or brought."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import errands, hostkeys, partners
from sojourn.gate.exchange.errands import Errand
from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.wire import sshkeys

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

NEW: Final = "new"
_TEXTS: Final = ("way", "host", "port", "login", "folder", "pattern", "known_by", "every", "afterwards")


def row(run: errands.Run, now: datetime) -> dict[str, Any]:
    """An errand as a list shows it."""
    e = run.errand
    state = ("stopped", "plain") if not e.active else ("does not work", "red") if run.problem else ("works", "good") if run.good else ("not done yet", "plain")
    last = f"last went well {age(run.good, now)} ago".replace("just now ago", "just now") if run.good else "has not gone well yet"
    return {
        "id": e.id, "partner": e.partner, "words": errands.WAYS[e.way], "where": f"{e.login}@{e.host}:{e.port}, {e.folder}", "often": f"every {e.every} minutes" if e.every != 1 else "every minute", "state": state,
        "last": f"{last}, {run.files} {'file' if run.files == 1 else 'files'} in all", "problem": run.problem if e.active else "", "active": e.active, "key": sshkeys.public(e.known_by).fingerprint,
    }  # fmt: skip


async def show(request: Request) -> Response:
    """Write one down, change it, stop it."""
    access = request.state.access
    partner = await partners.one(access, request.path_params["partner"])
    before = await _before(access, partner.id, request.path_params["errand"])
    said: dict[str, Any] = await sent(request) if request.method == "POST" else {}
    problem, status = "", 200
    if said:
        try:
            if said.get("state") in ("stopped", "active") and before is not None:
                await errands.put(access, replace(before, state=said["state"]), before, said.get("why", ""))
            else:
                await errands.put(access, _read(said, before or Errand("", partner.id)), before)
            return redirect(request, f"/exchange/partners/{partner.id}/sftp", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    known = before or Errand("", partner.id)
    shown = {name: said.get(name, str(getattr(known, name))) for name in _TEXTS} | {"renamed": said.get("renamed") == "yes" if "host" in said else known.renamed}
    return PAGES.render(
        request, "exchange/errand.html", status=status, partner=partner, errand=before, said=shown, problem=problem, ways=errands.WAYS, afterwards=errands.AFTERWARDS,
        ours=await asyncio.to_thread(_ours, access),
    )  # fmt: skip


def _ours(access: Access) -> str:
    """The key by which partners' servers know us; made at the first look."""
    hostkeys.private(access.house, hostkeys.CLIENT)
    found = hostkeys.public(access.house, hostkeys.CLIENT)
    return found.text if found is not None else ""


async def _before(access: Access, partner: str, id_: str) -> Errand | None:
    if id_ == NEW:
        return None
    found = next((r.errand for r in await errands.listed(access, partner) if r.errand.id == id_), None)
    if found is None:
        raise NotFound("There is no such errand.")
    return found


def _read(said: dict[str, Any], before: Errand) -> Errand:
    numbers: dict[str, Any] = {name: int(said[name]) if digits(said.get(name, "").strip()) and len(said[name]) < 9 else 0 for name in ("port", "every")}  # noqa: PLR2004 - no port or time is so long
    texts: dict[str, Any] = {name: said.get(name, "").strip() for name in _TEXTS if name not in numbers}
    return replace(before, **texts, **numbers, renamed=said.get("renamed") == "yes")


async def now(request: Request) -> Response:
    """Have it done at once."""
    access, partner = request.state.access, request.path_params["partner"]
    await errands.now(access, partner, request.path_params["errand"])
    return redirect(request, f"/exchange/partners/{partner}/sftp" if access.may("Exchange", "administer") else f"/exchange/partners/{partner}/files", "saved")
