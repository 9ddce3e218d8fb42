"""GET and POST /exchange/partners/{partner}/fhir: a partner's FHIR server; may it be asked?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import asking, partners
from sojourn.gate.exchange.asking import Service
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """Its address, what we are known by there, and what we ask for."""
    access = request.state.access
    partner = await partners.one(access, request.path_params["partner"])
    known, problem, status = asking.service(partner), "", 200
    if request.method == "POST":
        said = await sent(request)
        known = Service(said.get("base", ""), said.get("client", ""), said.get("scope", ""), said.get("on") == "yes")
        try:
            good = asking.checked(known)
            if good.on and not partner.organization:
                raise Malformed("Say on the partner's page which organization they are here first: consents name it.")
            await partners.put(access, replace(partner, fhir=good._asdict()), partner)
            return redirect(request, f"/exchange/partners/{partner.id}", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    keys = access.house.base.removesuffix("/fhir") + "/oauth/jwks"
    return PAGES.render(request, "outside/askable.html", status=status, partner=partner, s=known, problem=problem, keys=keys)
