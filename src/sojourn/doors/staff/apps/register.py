"""/apps/new and /apps/{app}: register an app, look at how it is used, approve, change and stop it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Forbidden
from sojourn.doors.staff.accounts.accounts import words
from sojourn.doors.staff.apps.apps import STATES, sees
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.security.security import ago
from sojourn.gate import accounts
from sojourn.gate.apps import ending, keys, registering
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import METHODS, PACE, USES, WHOSE, App
from sojourn.gate.exchange import appbench, trying
from sojourn.gate.trail.words import did
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_CHOICES = {"staff": "People who work here", "patient": "Patients and those who act for them", "patient staff": "Both", "service": USES["service"]}
_PURPOSES = (("TREAT", "Treatment"), ("HPAYMT", "Payment"), ("HOPERAT", "Running the organization"))
TEXTS = (
    Field("name", "Name", "Enter the name, as people should see it.", max_length=80),
    Field("publisher", "Made by", "", "Company or person.", max_length=120),
    Field("description", "What it is for", "", "One or two sentences that a patient understands.", type="textarea", max_length=400),
    Field("home", "Home page", "", "https://…", max_length=300),
    Field("policy", "Privacy policy", "", "Patients are shown this address before they allow it.", max_length=300),
    Field("contact", "Whom we call when something is wrong", "", max_length=200),
)
KIND = (
    Field("uses", "Who uses it", "Choose who uses it.", options=(("", "Choose"), *_CHOICES.items())),
    Field("whose", "Whose it is", "Choose whose it is.", options=(("", "Choose"), *WHOSE.items())),
    Field("method", "How it proves who it is", "Choose how it proves who it is.", options=(("", "Choose"), *METHODS.items())),
)
REACH = (
    Field("redirects", "Redirect URIs", "", "One on each line, exactly as the app sends them: https://app.example/callback", type="textarea", max_length=2000),
    Field("launch", "Launch address", "", "Where it is opened from a chart. Leave it empty for an app that is not.", max_length=300),
    Field("scopes", "The most that it may ask for", "", "SMART scopes with spaces between. Left empty: everything to read for whoever uses it.", type="textarea", max_length=4000),
    Field("jwks_uri", "Address of its keys", "", "jwks_uri, https://…", max_length=300),
    Field("jwks", "Or its keys themselves", "", "A JWKS with public keys: RS384 or ES384.", type="textarea", max_length=20_000),
)
PACE_FIELD = Field("pace", "Requests in a minute", "Enter a number.", "More than these are answered with 429 and how long to wait.", check=lambda v: "" if re.fullmatch(r"\d{1,6}", v) else "Enter a number.")


async def _form(access: Access) -> Form:
    roles = tuple((r, words(r)) for r in await accounts.roles(access) if r not in ("patient", "proxy"))
    programs = tuple((str(p.number), p.name) for _, p in sorted(access.rules.programs.items()))
    found = await access.search("Organization", [("_sort", "name")], count=200) if access.may("Organization", "search") else None
    listed = tuple((f"Organization/{s.id}", str(s.resource.get("name") or "Unnamed")) for s in found.matches) if found else ()
    service = (
        Field("organization", "Of which outside organization", "", options=(("", "None"), *listed)),
        Field("role", "Role", "", "What the service may do at most.", options=(("system", "System: everything"), *roles)),
        Field("acting", "Writes for", "", "The program under which what it writes is kept.", options=(("", "No program"), *programs)),
        Field("purpose", "For what it asks", "", options=_PURPOSES),
    )
    form = Form((*TEXTS, *KIND, *REACH, PACE_FIELD, *service))
    form.values = {"pace": str(PACE), "role": "system", "purpose": "TREAT"}
    return form


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _ticked(fields: dict[str, str], acting: str) -> tuple[int, ...]:
    numbers = {int(key.removeprefix("program-")) for key in fields if re.fullmatch(r"program-\d{1,6}", key)}
    return tuple(sorted(numbers | ({int(acting)} if acting else set())))


async def new(request: Request) -> Response:
    """GET and POST /apps/new."""
    access: Access = request.state.access
    await registering.check(access)
    form, problem, ticked = await _form(access), "", tuple[int, ...]()
    if request.method == "POST":
        fields = await sent(request)
        good = form.fill(fields)
        v = form.values
        ticked = _ticked(fields, v["acting"] if v["acting"].isdecimal() else "")
        if good:
            wanted = App(
                id="", name=v["name"], uses=tuple(v["uses"].split()), whose=v["whose"], method=v["method"], scopes=" ".join(v["scopes"].split()), description=v["description"],
                publisher=v["publisher"], contact=v["contact"], home=v["home"], policy=v["policy"], redirects=_lines(v["redirects"]), launch=v["launch"], jwks=v["jwks"], jwks_uri=v["jwks_uri"],
                organization=v["organization"], role=v["role"], programs=ticked, acting=int(v["acting"]) if v["acting"] else None, purpose=v["purpose"], pace=int(v["pace"]),
            )  # fmt: skip
            try:
                made, secret = await registering.register(access, wanted, types=await _types(access, v["organization"]))
            except Refused as error:
                problem = error.message
            else:
                return PAGES.render(request, "apps/registered.html", app=made, secret=secret, base=access.house.base, root=access.house.base.removesuffix("/fhir"))
    programs = [(n, p.name, n in ticked) for n, p in sorted(access.rules.programs.items())]
    return PAGES.render(request, "apps/new.html", status=422 if form.errors or problem else 200, form=form, programs=programs, problem=problem)


async def _types(access: Access, organization: str) -> list[str]:
    """The type codes of an outside organization, by which consents call classes of recipients."""
    if not organization:
        return []
    stored = await access.read("Organization", organization.removeprefix("Organization/"))
    return [str(c["code"]) for kind in stored.resource.get("type", ()) for c in kind.get("coding", ()) if c.get("code")]


async def one(request: Request) -> Response:
    """GET /apps/{app}."""
    return await _one(request)


async def _one(request: Request, problem: str = "", status: int = 200, secret: str = "", form: Form | None = None) -> Response:
    access: Access = request.state.access
    app = await registering.one(access, request.path_params["app"])
    history, use, granted = await registering.history(access, app.id), await registering.use(access, app.id), await ending.of_app(access, app.id)
    used = [
        {"day": r["day"].strftime("%-d %b %Y"), "who": r["name"] or r["account"] or "the app itself", "did": did(r["action"]), "what": r["type"], "times": f"{r['times']:,}", "outcome": (r["outcome"], "amber") if r["outcome"] != "done" else "done"}
        for r in use[:60]
    ]  # fmt: skip
    people: dict[str, dict[str, str]] = {}
    for each in granted:
        people.setdefault(each.account, {"account": each.account, "name": each.name, "since": each.created.strftime("%-d %b %Y"), "used": ago(each.used) if each.used else "never"})
    states = [{"state": r["state"], "when": r["since"].strftime("%-d %b %Y, %H:%M UTC"), "who": r["name"] or ("itself" if r["reason"] == "registered itself" else r["author"]), "why": r["reason"]} for r in history]
    changing = form or _changing(app)
    return PAGES.render(
        request, "apps/app.html", status=status, app=app, state=STATES[app.state], sees=sees(app), states=states, used=used, people=list(people.values()), form=changing, problem=problem,
        secret=secret, data=await _data(access, app), uses=USES, whose=WHOSE, methods=METHODS, approves="service" not in app.uses or access.caller.account not in registering.part_in(history),
    )  # fmt: skip


async def _data(access: Access, app: App) -> tuple[str, str, str, str] | None:
    """What a service's tokens are for: (tag, tone, why, where its test bench is); None for what people use."""
    if "service" not in app.uses:
        return None
    why, partner = await appbench.stands(access, app.id)
    bench = f"/exchange/partners/{partner}/bench" if partner and access.may("Exchange", "administer") else ""
    if why == "stopped":
        return "nothing", "amber", "Its partner was stopped.", bench
    if why:
        return "made-up people", "amber", trying.WHY[why], bench
    return "real records", "plain", "", bench


def _changing(app: App) -> Form:
    form = Form((*TEXTS, *REACH, PACE_FIELD))
    form.values = {f.name: str(getattr(app, f.name)) for f in form.fields} | {"redirects": "\n".join(app.redirects)}
    return form


async def act(request: Request) -> Response:
    """POST /apps/{app}: approve, stop, start, a new secret, or end what one person allowed."""
    access, app = request.state.access, request.path_params["app"]
    fields = await sent(request)
    what, reason = fields.get("act", ""), fields.get("reason", "").strip()
    try:
        if what == "secret":
            return await _one(request, secret=await registering.new_secret(access, app))
        if what == "stop":
            await registering.stop(access, app, reason)
        elif what == "start":
            await registering.start(access, app, reason)
        elif what == "person":
            await ending.stop_for(access, app, fields.get("account", ""))
    except Conflict as error:
        return await _one(request, error.message, 409)
    except Forbidden as error:
        if not access.may("App", "administer"):
            raise
        return await _one(request, error.message, 403)
    return redirect(request, f"/apps/{app}", "app-stopped" if what in ("stop", "person") else "saved")


async def change(request: Request) -> Response:
    """POST /apps/{app}/facts."""
    access, app = request.state.access, request.path_params["app"]
    form = _changing(await registering.one(access, app))
    if not form.fill(await sent(request)):
        return await _one(request, "", 422, form=form)
    v = form.values
    try:
        await registering.change(access, app, **{**v, "redirects": _lines(v["redirects"]), "scopes": " ".join(v["scopes"].split()), "pace": int(v["pace"])})
    except Refused as error:
        return await _one(request, error.message, 422, form=form)
    return redirect(request, f"/apps/{app}", "saved")


async def renew_keys(request: Request) -> Response:
    """POST /apps/keys: new keys for identity tokens, at once."""
    await keys.renew(request.state.access)
    return redirect(request, "/apps", "saved")
