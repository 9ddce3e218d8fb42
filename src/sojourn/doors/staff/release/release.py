"""Release a record: choose, see exactly what would leave and why the rest stays, release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Conflict, Malformed
from sojourn.care.exchange import clinical
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.kinds import Group, Left, groups, held_back
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import own_name
from sojourn.gate import disclosurelog, releasing
from sojourn.gate.releasing import Preview, Wish
from sojourn.gate.scope import PURPOSES
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

OFFERED = ("TREAT", "COC", "HPAYMT", "HOPERAT", "PATRQT", "HLEGAL", "HRESCH")
_DIRECTORY = 200

KINDS = {
    "": "Everything that may leave",
    "problems": "Problems, allergies and medications",
    "visits": "Visits and procedures",
    "results": "Measures and laboratory results",
    "documents": "Documents and notes",
    "plans": "Care plans and goals",
}
_TYPES = {
    "problems": ("Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "Immunization"),
    "visits": ("Encounter", "Procedure", "EpisodeOfCare"),
    "results": ("Observation", "DiagnosticReport"),
    "documents": ("DocumentReference", "Composition"),
    "plans": ("CarePlan", "Goal", "CareTeam"),
}


class Shown(NamedTuple):
    """A preview as the page shows it."""

    leaving: list[Group]
    staying: list[Left]
    notice: bool
    scope: str
    number: int
    digest: str


async def form(access: Access) -> Form:
    """The questions; recipients are the organizations of the directory."""
    found = await access.search("Organization", [("_sort", "name")], count=_DIRECTORY)
    own = {p.organization.removeprefix("Organization/") for p in access.rules.programs.values() if p.organization} | {access.tenant.organization}
    recipients = tuple((f"Organization/{s.id}", own_name(s.resource)) for s in found.matches if s.id not in own)
    return Form((
        Field("recipient", "Who gets it", "Choose who gets it.", options=(("", "Choose"), *recipients), max_length=100),
        Field("purpose", "What for", "Choose what it is for.", options=(("", "Choose"), *((code, PURPOSES[code].capitalize()) for code in OFFERED))),
        Field("kind", "What", hint="No more than the purpose needs.", options=tuple(KINDS.items())),
        Field("form", "As", hint="The same entries, whichever you choose.", options=(("", "FHIR Bundle"), *((k, t) for k, t in clinical.FORMS.items() if k))),
    ))  # fmt: skip


async def show(request: Request) -> Response:
    """GET /patients/{id}/release."""
    about = await banner.fetch(request.state.plain_access, request.path_params["id"])
    return _page(request, about, await form(request.state.plain_access))


async def send(request: Request) -> Response:
    """POST /patients/{id}/release: look; with the digest of what was looked at, release."""
    access = request.state.plain_access
    about = await banner.fetch(access, request.path_params["id"])
    fields = await sent(request)
    filled = await form(access)
    if not filled.fill(fields):
        return _page(request, about, filled, status=422)
    v = filled.values
    kinds = _TYPES.get(v["kind"])
    wish = Wish(about.id, v["recipient"], v["purpose"], ("Patient", *kinds) if kinds else ())
    problem, status = "", 200
    if digest := fields.get("digest"):
        try:
            return redirect(request, f"/releases/{await _release(access, wish, digest, v['form'])}", "released")
        except (Conflict, Malformed) as error:
            problem, status = error.message, 409
    found = await releasing.preview(access, wish)
    return _page(request, about, filled, problem, status, shown=_shown(found))


async def _release(access: Access, wish: Wish, digest: str, form: str) -> str:
    if not form:
        return await releasing.release(access, wish, digest)
    # Each release is a document of its own: nothing says that one takes the place of another.
    made = await clinical.maker(access, wish, form, series=f"{wish.recipient}/{digest}")
    return await releasing.release(access, wish, digest, made=made, media=clinical.MEDIA)


async def done(request: Request) -> Response:
    """GET /releases/{disclosure}: what was released, to take along."""
    row = await disclosurelog.one(request.state.plain_access, request.path_params["disclosure"])
    return PAGES.render(request, "release/done.html", row=row, purpose=PURPOSES.get(row["purpose"], row["purpose"]), count=len(row["what"]))


def _shown(found: Preview) -> Shown:
    return Shown(groups(found.leaves), held_back(found.stays), bool(found.outgoing.notice), found.outgoing.scope, len(found.leaves), found.digest)


def _page(request: Request, about: Any, filled: Form, problem: str = "", status: int = 200, shown: Shown | None = None) -> Response:
    return PAGES.render(request, "release/release.html", status=status, banner=about, here="release", parts=allowed(request.state.plain_access), form=filled, problem=problem, shown=shown)
