"""The test bench of a partner: runs, signatures, go or no-go; and the page by which a partner signs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sojourn.base.errors import Conflict, Malformed, NotFound
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import agreed, appbench, cds, partners, testing, trying
from sojourn.gate.exchange.partners import API
from sojourn.gate.exchange.testing import ASKS, FAILED, IN, PASSED, WAITS
from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.web.visit import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.testing import Step
    from sojourn.gate.exchange.trying import Clearance, Run, Signature

STATES = {trying.RUNNING: ("running", "amber"), PASSED: ("passed", "good"), FAILED: ("failed", "red")}
_STEPS = {WAITS: ("waits", "amber"), PASSED: ("passed", "good"), FAILED: ("not yet", "red")}
_WAYS = {"here": "signed in here", "link": "by a link, once", "file": "by a signed result that they sent"}


def tag_of(clearance: Clearance | None, partner: Partner) -> tuple[str, str]:
    """(words, tone) of whether a partner exchanges for real."""
    if not partner.active:
        return "stopped", "amber"
    if clearance is None or clearance.why:
        return "held" if clearance is not None and clearance.way else "in testing", "amber"
    return ("active", "plain") if clearance.way == "run" or not _tested(partner) else ("active, untested", "plain")


def _tested(partner: Partner) -> bool:
    """Whether anything goes to and fro that a run tries."""
    return partner.door not in ("none", "cds") or bool(cds.of(partner.calls).services)


def words_of(clearance: Clearance) -> str:
    """How it was decided, in words."""
    when = day_and_time(clearance.at) if clearance.at else ""
    if clearance.way == "before":
        return f"They exchanged already before there was a test bench (written down {when}), and go on as long as their profile stays as it is. {clearance.reason}"
    if clearance.way == "run":
        return f"Go was given {when} by {clearance.name or 'somebody'}: {clearance.reason}"
    return f"No-go since {when}, by {clearance.name or 'somebody'}: {clearance.reason}" if clearance.way == "no" else ""


async def show(request: Request) -> Response:
    """The bench of one partner."""
    return await _page(request)


async def _page(request: Request, problem: str = "", status: int = 200, link: str = "") -> Response:
    access, id_ = request.state.access, request.path_params["partner"]
    partner, found, known = await asyncio.gather(partners.one(access, id_), trying.runs(access, id_), trying.clearances(access))
    latest = found[0] if found else None
    steps = await _planned(access, partner)
    signed = await trying.signatures(access, latest) if latest is not None and latest.state == PASSED else {}
    clearance = known[id_]
    samples = await _samples(access, partner, latest.steps if latest and latest.state == trying.RUNNING else steps)
    return PAGES.render(
        request, "exchange/bench.html", status=status, partner=partner, tested=_tested(partner), calls=bool(cds.of(partner.calls).services), problem=problem, link=link, run=latest, steps=_rows(latest) if latest else [], planned=[{"name": _name(s), "title": s.title, "expects": s.expects} for s in steps], api=partner.door == API, samples=samples, people=testing.people(), dated=testing.dated(),
        signed=[_signature(signed[s], s) for s in (trying.OURS, trying.THEIRS) if s in signed], unsigned=[s for s in (trying.OURS, trying.THEIRS) if s not in signed], state=STATES[latest.state] if latest else None,
        begun=day_and_time(latest.begun) if latest else "", clearance=clearance, decided=words_of(clearance), stands=tag_of(clearance, partner), why=trying.WHY[clearance.why], checks=_checks(access, partner, latest, signed),
        past=[{"when": day_and_time(r.begun), "who": r.author, "dated": r.dated, "state": STATES[r.state], "fits": "yes" if r.fits else "no: it was changed since"} for r in found],
    )  # fmt: skip


def _rows(run: Run) -> list[dict[str, Any]]:
    return [{"key": s.key, "name": _name(s), "title": s.title, "expects": s.expects, "said": s.said, "state": _STEPS[s.state], "again": run.state == trying.RUNNING and s.state != WAITS} for s in run.steps]


def _name(step: Step) -> str:
    """Short: the kind of a message, or nothing where the title says all."""
    return "" if step.way == ASKS else step.kind.replace("^", " ") or "File"


async def _planned(access: Access, partner: Partner) -> list[Step]:
    """The steps of a new run; none where their service is there no more, which the page of the partner says."""
    try:
        return await appbench.planned(access, partner)
    except Malformed:
        return []


async def _samples(access: Access, partner: Partner, steps: list[Step]) -> list[tuple[str, str]]:
    """(title, text) of what they can send, or of the requests that their client makes."""
    if partner.door != API:
        return [(s.kind.replace("^", " "), text) for s in steps if s.way == IN and (text := testing.sample(s.kind, partner, access.now))]
    base = access.house.base
    app = await appbench.service(access, partner) if steps else None
    says = {"base": base, "root": base.removesuffix("/fhir"), "client": partner.client, "scope": app.scopes if app is not None else ""}
    return [(s.title, testing.example(s, says)) for s in steps if s.way == ASKS]


def _signature(one: Signature, side: str) -> dict[str, str]:
    return {"side": "For us" if side == trying.OURS else "For them", "who": f"{one.name}, {one.role}", "when": day_and_time(one.at), "way": _WAYS[one.way]}


def _checks(access: Access, partner: Partner, run: Run | None, signed: dict[str, Signature]) -> list[tuple[str, bool]]:
    """What a go takes, and whether it is there."""
    what = agreed.of(partner.agreed)
    today = access.now.astimezone(ZoneInfo(partner.timezone)).date()
    in_force = bool(what.kind) and (what.begins is None or what.begins <= today) and (what.ends is None or what.ends >= today)
    basis = bool(partner.basis) and (bool(what.gives) or not (partner.sending.get("kinds") or partner.door == API or cds.of(partner.calls).services))
    passed = run is not None and run.state == PASSED and run.fits
    return [
        ("A run of the profile as it is was passed", passed), ("We signed its result", passed and trying.OURS in signed), ("They signed its result", passed and trying.THEIRS in signed), ("An agreement is in force", in_force),
        ("It is written down on what basis we receive, and they get", basis),
    ]  # fmt: skip


async def act(request: Request) -> Response:
    """Begin or end a run, do a step again, sign, make a link, keep what they signed, decide."""
    access, id_ = request.state.access, request.path_params["partner"]
    form = await request.form(max_files=1)
    said = {k: v for k, v in form.items() if isinstance(v, str)}
    run, do = said.get("run", ""), said.get("do", "")
    try:
        match do:
            case "begin":
                partner = await partners.one(access, id_)
                steps = await appbench.planned(access, partner)
                if partner.door == API:
                    await appbench.opened(request.app.state.gate, access.tenant, partner)
                await trying.begin(access, partner, steps)
            case "again":
                await trying.again(access, id_, run, said.get("step", ""))
            case "end":
                await trying.end(access, id_, run)
            case "sign":
                await trying.sign(access, id_, run, said.get("role", ""))
            case "link":
                secret = await trying.link(access, id_, run)
                return await _page(request, link=f"{str(request.base_url).rstrip('/')}/partner-test/{secret}")
            case "file":
                upload = form.get("file")
                content = b"" if upload is None or isinstance(upload, str) else await upload.read()
                await trying.upload(access, id_, run, said.get("name", ""), said.get("role", ""), content)
            case "go" | "no":
                await trying.decide(access, id_, run, said.get("why", ""), go=do == "go")
            case _:
                raise Malformed("Choose what to do.")
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422)
    return redirect(request, f"/exchange/partners/{id_}/bench", "saved")


async def countersign(request: Request) -> Response:
    """GET and POST /partner-test/{secret}: a partner reads the result and signs it. A link that is not good is not told from one that never was."""
    gate, secret = request.app.state.gate, request.path_params["secret"]
    tenant = gate.tenant_of(request.url.hostname or "")
    run = await trying.by_link(gate.house, tenant, secret)
    if run is None:
        return PAGES.render(request, "exchange/countersigned.html", status=404, done=False)
    said: dict[str, str] = {}
    problem = ""
    if request.method == "POST":
        said = await sent(request)
        try:
            if said.get("read") != "yes":
                raise Malformed("Say that you looked at each step on your side, and that it is as it stands here.")
            if not await trying.sign_by_link(gate.house, tenant, secret, said.get("name", ""), said.get("role", ""), visit_of(request).request):
                raise NotFound
            return PAGES.render(request, "exchange/countersigned.html", done=True)
        except Malformed as error:
            problem = error.message
    return PAGES.render(request, "exchange/countersign.html", status=422 if problem else 200, run=run, steps=_rows(run), begun=day_and_time(run.begun), problem=problem, said={"read": "", "name": "", "role": ""} | said, secret=secret)
