"""Capture a consent: choose the form, fill it in with the patient looking on, see what it would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import FormData

from sojourn.base.errors import Invalid, NotFound
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.desk.consents import answers as asked
from sojourn.doors.staff.desk.consents import effects
from sojourn.doors.staff.desk.consents.reading import Opened, called, names, opened, path, show, worded
from sojourn.gate.consenting import drafting, elements, preview, signing, terms
from sojourn.gate.consenting.drafting import Answers, Recipient
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

GROUPS = (
    ("Share substance use treatment records", ("part2_tpo_single", "part2_specific", "part2_counseling_notes", "part2_proceedings", "part2_criminal_justice", "part2_central_registry")),
    ("Share other records", ("hipaa_authorization",)),
    ("Keep from sharing", ("patient_directive_deny", "hie_opt_out")),
    ("Care", ("treatment",)),
)
"""The forms as they are offered."""


async def choose(request: Request) -> Response:
    """GET /patients/{id}/consents/new: the forms that there are."""
    return await _choose(request)


async def _choose(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    about = await banner.fetch(access, request.path_params["id"])
    groups = [(title, [(kind, terms.kind(kind), asked.programs(access, kind)) for kind in kinds if asked.programs(access, kind)]) for title, kinds in GROUPS]
    return show(request, "choose.html", about, status=status, groups=[g for g in groups if g[1]], problem=problem)


async def begin(request: Request) -> Response:
    """POST /patients/{id}/consents/new: keep an empty form of the kind, and go on to fill it in."""
    access, form = request.state.access, await sent(request)
    about = await banner.fetch(access, request.path_params["id"])
    kind = form.get("kind", "")
    if not terms.kind(kind) or terms.kind(kind).get("hidden"):
        return await _choose(request, "Choose a form.", 422)
    program = form.get(f"program:{kind}", "")
    mine = asked.programs(access, kind)
    if program not in dict(mine):
        return await _choose(request, "Choose the program whose records it is about.", 422)
    started = Answers(kind, disclosers=[program], recipients=[Recipient(of_class=c) for c in terms.kind(kind).get("classes", ())], everything="content" not in terms.kind(kind)["asks"],
                      expiry=terms.kind(kind)["expiry"][0] if len(terms.kind(kind)["expiry"]) == 1 or kind == "part2_tpo_single" else "")  # fmt: skip
    started.episode = await _episode(request, program)
    draft = drafting.drafted(f"Patient/{about.id}", started)
    id_, _ = await signing.save(access, draft, program=signing.program_for(access, draft)[0])
    return redirect(request, path(about, id_))


async def _episode(request: Request, program: str) -> str:
    """The episode of care that "the end of my treatment" means, if there is one."""
    access = request.state.access
    if not access.may("EpisodeOfCare", "search"):
        return ""
    found = await access.search("EpisodeOfCare", [("patient", request.path_params["id"]), ("status", "active"), ("organization", program.partition("/")[2])], count=1)
    return f"EpisodeOfCare/{found.matches[0].id}" if found.matches else ""


async def amend(request: Request) -> Response:
    """POST /patients/{id}/consents/{consent}/amend: a new form with the same answers, which takes the old one's place once it is signed."""
    access, at = request.state.access, await opened(request)
    answers = drafting.answered(at.consent)
    if not terms.kind(answers.kind) or at.consent.get("status") == "draft":
        raise Invalid("This consent was not made with one of our forms. Begin a new one.")
    answers.replaces = f"Consent/{at.stored.id}" if at.consent.get("status") == "active" else ""
    draft = drafting.drafted(f"Patient/{at.banner.id}", answers)
    id_, _ = await signing.save(access, draft, program=signing.program_for(access, draft)[0])
    return redirect(request, path(at.banner, id_))


async def edit(request: Request) -> Response:
    """GET /patients/{id}/consents/{consent}/form: the form."""
    return await _page(request, _draft(await opened(request)), None)


async def save(request: Request) -> Response:
    """POST .../form: keep the answers; find, add or take out recipients; go on to read and sign; or only look at the effect."""
    at, form = _draft(await opened(request)), await request.form()
    answers = asked.taken(form, drafting.answered(at.consent))
    own = dict(asked.disclosers(request.state.access, answers.kind))
    answers.disclosers = [d for d in answers.disclosers if d in own]
    act = str(form.get("do") or "")
    if act == "effect":
        return await _page(request, at, form, answers=answers, block="effect")
    if act == "discard":
        return await _discard(request, at)
    draft = {**drafting.drafted(f"Patient/{at.banner.id}", answers), "id": at.stored.id}
    if _changed(at, draft):
        await signing.save(request.state.access, draft, program=None, version=str(form.get("version") or at.stored.version))
    if act == "read":
        return redirect(request, path(at.banner, at.stored.id, "sign"))
    if form.get("find") or form.get("add") or form.get("remove"):
        return await _page(request, await opened(request), form, answers=answers)
    return redirect(request, path(at.banner, at.stored.id, "form"), "saved")


def _changed(at: Opened, draft: dict[str, object]) -> bool:
    return any(at.consent.get(k) != v for k, v in draft.items() if k != "meta") or any(k not in draft and k not in ("meta", "text") for k in at.consent)


def _draft(at: Opened) -> Opened:
    if at.consent.get("status") != "draft":
        raise NotFound
    return at


async def _discard(request: Request, at: Opened) -> Response:
    await signing.save(request.state.access, {**at.consent, "status": "entered-in-error"}, program=None, version=at.stored.version)
    return redirect(request, path(at.banner), "discarded")


async def _page(request: Request, at: Opened, form: FormData | None, *, answers: Answers | None = None, block: str = "") -> Response:
    access = request.state.access
    answers = answers or drafting.answered(at.consent)
    typed = str(form.get("find") or "" if form and not form.get("add") else "").strip()[:60]
    draft = {**drafting.drafted(f"Patient/{at.banner.id}", answers), "id": at.stored.id}
    known = {**at.names, **await names(access, drafting.referenced([draft]) - at.names.keys())}
    choices = await asked.choices(access, at.banner.id, typed) if "recipients" in at.kind["asks"] and not block else []
    missing = elements.unsigned(draft)
    shown = effects.said(await preview.of_form(access, draft), known) if at.kind["direction"] != "none" else []
    chosen = {r.reference for r in answers.recipients}
    return show(
        request, "form.html", at.banner, block=block, at=at, kind=at.kind, answers=answers, names=known, typed=typed, choices=[c for c in choices if c.reference not in chosen],
        missing=missing, effects=shown, forms=terms.forms(), disclosers=asked.disclosers(access, answers.kind), kinds=asked.KINDS, classes=asked.class_choices(answers.kind),
        words=worded(request, at._replace(names=known)), called=called, protected=PROTECTED, beside=effects.beside(draft),
    )  # fmt: skip


PROTECTED = (("mental_health", "Mental health"), ("hiv", "HIV"), ("reproductive", "Reproductive and sexual health"), ("violence", "Domestic and sexual violence"), ("genetic", "Genetic tests"))
"""Kinds of records that state law protects beside, as the form names them."""
