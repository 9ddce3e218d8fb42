"""GET and POST /exchange/partners/{partner}/direct: from where a partner writes, and whom we believe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.errors import Conflict, Malformed, VersionConflict
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate.exchange import direct, directtrust, partners, sftp
from sojourn.gate.exchange.direct import Correspondent
from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.wire import trust

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SOON: Final = 30
"""Days before its end from which a certificate is shown as ending."""
_STANDINGS: Final = {trust.GOOD: ("not revoked", "good"), trust.REVOKED: ("revoked by its authority", "red"), trust.UNKNOWN: ("not known whether revoked", "amber")}
_TONES: Final = {direct.LEAVING: "plain", direct.SENT: "plain", direct.PROCESSED: "plain", direct.DELIVERED: "good", direct.FAILED: "red"}


async def show(request: Request) -> Response:
    """How they write."""
    return await _page(request)


async def put(request: Request) -> Response:
    """Enter how they write, change it, stop it."""
    access, said, id_ = request.state.access, await sent(request), request.path_params["partner"]
    before = await direct.one(access, id_)
    made = before or Correspondent(id_)
    try:
        if said.get("do") in ("stop", "start"):
            if not said.get("why", "").strip():
                raise Malformed("Write why.")
            made = replace(made, state="stopped" if said["do"] == "stop" else "active")
        else:
            addresses = tuple(said.get("addresses", "").replace(",", " ").split())
            made = replace(made, addresses=addresses, final=said.get("final") == "yes", brings=said.get("brings", ""))
        await direct.put(access, made, before, said.get("why", ""))
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/exchange/partners/{id_}/direct", "saved")


async def certificates(request: Request) -> Response:
    """Enter a certificate, or take one back."""
    access, said, id_ = request.state.access, await sent(request), request.path_params["partner"]
    try:
        if said.get("do") == "revoke":
            await directtrust.revoke(access, id_, said.get("certificate", ""), said.get("why", ""))
        else:
            await directtrust.add(access, id_, said.get("kind", ""), said.get("body", ""), all_=said.get("all") == "yes")
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/exchange/partners/{id_}/direct", "saved")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    partner = await partners.one(access, request.path_params["partner"])
    (them, found, letters), (services, box, standings) = await asyncio.gather(
        asyncio.gather(direct.one(access, partner.id), directtrust.certificates(access, partner.id), direct.letters(access.house, access.tenant, partner.id)),
        asyncio.gather(sftp.services(access), direct.mailbox(access), directtrust.standings(access, partner.id)),
    )
    shown: dict[str, Any] = {"addresses": ", ".join(them.addresses) if them else "", "final": "yes" if them is None or them.final else "", "brings": them.brings if them else "", "kind": "", "body": ""}
    if said and "addresses" in said:
        shown |= {"addresses": said["addresses"], "final": said.get("final", ""), "brings": said.get("brings", "")}
    shown |= {k: v for k, v in (said or {}).items() if k in ("kind", "body")}
    return PAGES.render(
        request, "exchange/correspondent.html", status=status, partner=partner, them=them, said=shown, problem=problem, kinds=directtrust.KINDS, certificates=[_certificate(c, access.now, standings) for c in found],
        services=[(s.id, s.name) for s in services if s.whose == "inside"], mailbox=box is not None and box[0].active, letters=[_letter(one, access.now) for one in letters],
    )  # fmt: skip


def _certificate(one: directtrust.Certificate, now: datetime, standings: Mapping[str, directtrust.Standing]) -> dict[str, Any]:
    days = (one.until - now).days
    state = ("taken back", "plain") if one.revoked else ("has expired", "red") if one.until <= now else (f"ends in {days} {'day' if days == 1 else 'days'}", "amber") if days <= _SOON else ("in force", "good")
    return {
        "id": one.certificate, "kind": directtrust.KINDS[one.kind], "name": one.name or "without a name", "fingerprint": one.fingerprint, "state": state, "all": not one.partner, "good": one.revoked is None,
        "standing": _STANDINGS.get(standings[one.certificate].state) if one.certificate in standings and one.revoked is None else None, "lists": standings[one.certificate].said if one.certificate in standings else "",
        "until": day_text(one.until.date().isoformat()), "added": f"entered {day_and_time(one.added.isoformat())} by {one.author}",
        "ended": f"Taken back {day_and_time(one.revoked.isoformat())} by {one.revoker}: {one.reason}" if one.revoked else "",
    }  # fmt: skip


def _letter(one: direct.Letter, now: datetime) -> dict[str, Any]:
    return {"state": (direct.STATES[one.state], _TONES[one.state]), "why": one.why, "sent": f"begun {age(one.begun, now)} ago".replace("just now ago", "just now"), "last": f"last notice {age(one.updated, now)} ago".replace("just now ago", "just now") if one.state not in (direct.LEAVING, direct.SENT) else "no notice yet"}
