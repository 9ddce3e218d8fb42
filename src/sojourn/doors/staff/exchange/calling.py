"""/exchange/partners/{partner}/cds: which CDS services of a partner are asked, and as whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.gate.exchange import cds, partners
from sojourn.gate.exchange.cds import Calling
from sojourn.gate.exchange.profile import PURPOSES
from sojourn.web.outbound import NotReached
from sojourn.web.page import redirect
from sojourn.wire import cdshooks

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_TEXTS = ("discovery", "issuer", "purpose", "seconds")


async def show(request: Request) -> Response:
    """Their services, which of them are asked, and looking again at what they offer."""
    access, id_ = request.state.access, request.path_params["partner"]
    before = await partners.one(access, id_)
    current = cds.of(before.calls)
    said: dict[str, Any] = {**{k: str(getattr(current, k)) for k in _TEXTS}, "services": list(current.services)}
    problem, status = "", 200
    if request.method == "POST":
        form = await request.form()
        said = {**{k: str(form.get(k, "")).strip() for k in _TEXTS}, "services": [str(v) for v in form.getlist("services")]}
        try:
            made = _read(said, current)
            if form.get("do") == "look" or made.discovery != current.discovery:
                made = await _looked(request, cds.checked(replace(made, services=()), before), made.services)
            await partners.put(access, replace(before, calls=cds.facts(cds.checked(made, before))), before)
            return redirect(request, f"/exchange/partners/{id_}/cds", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    services = [
        {"service": s, "hook": cdshooks.HOOKS[s.hook], "asks": [(k, t, _offered(t)) for k, t in s.prefetch.items()]} for s in current.listed
    ]  # fmt: skip
    base = access.house.base
    return PAGES.render(
        request, "exchange/calling.html", status=status, partner=before, said=said, problem=problem, services=services, on=bool(current.services), purposes=PURPOSES,
        seen=day_text(current.discovered) if current.discovered else "", base=base, keys=base.removesuffix("/fhir") + "/oauth/jwks",
    )  # fmt: skip


def _offered(template: str) -> bool:
    return cdshooks.wanted(template, "x") is not None


def _read(said: dict[str, Any], current: Calling) -> Calling:
    """What was typed. Raises Malformed."""
    if not digits(said["seconds"]) or len(said["seconds"]) > 2:  # noqa: PLR2004 - as checked() says
        raise Malformed(f"A service is waited for 1 to {cds.LONGEST} seconds.")
    if len(said["issuer"]) > 200 or not said["issuer"].isprintable():  # noqa: PLR2004 - as the field says
        raise Malformed("What they know us by is one line.")
    services = tuple(s for s in (one.id for one in current.listed) if s in said["services"])
    return replace(current, discovery=said["discovery"].rstrip("/"), issuer=said["issuer"], purpose=said["purpose"], seconds=int(said["seconds"]), services=services)


async def _looked(request: Request, made: Calling, services: tuple[str, ...]) -> Calling:
    """The same with what their discovery lists now. Raises Malformed where nobody answers."""
    if not made.discovery:
        return Calling(issuer=made.issuer, purpose=made.purpose, seconds=made.seconds)
    try:
        said = await request.app.state.outbound.get(made.discovery)
    except NotReached:
        raise Malformed("Nobody answers at that address with a list of services. It must be on the public internet, by https.") from None
    return cds.found(replace(made, services=services), said, request.state.access.now)
