"""/oauth/authorize: who are you, whose record, and what may the app have (RFC 6749, 4.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse

from sojourn.base import errors
from sojourn.doors.smart import signin
from sojourn.doors.smart.pages import born, named, page
from sojourn.doors.smart.wellknown import tenant_of
from sojourn.gate.apps import allowing, asking, scopewords
from sojourn.gate.apps.asking import BadApp, SentBack, Wish
from sojourn.gate.security import alive
from sojourn.web import session
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.apps.registry import App

PATH = "/oauth/authorize"
SPECIAL = "It can include treatment for alcohol and drug use, mental health, HIV and other things that the law protects more. Leave out what you do not want it to have."
_FOUND = 20
_FRESH = ("login",)


def _answering(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except SentBack as back:
            return _away(back.address)
        except BadApp as error:
            return page(request, "bad_app.html", status=400, error=error)
        except errors.StaleCredential:
            request.app.state.gate.identity.forget(request.state.access.caller)
            kept = (await sent(request)).get("request", "") if request.method == "POST" else ""
            return RedirectResponse(here(kept) if kept else str(request.url), 303)

    return answered


def _away(address: str) -> Response:
    """To the app, which got an answer. Nothing of our addresses goes along."""
    return RedirectResponse(address, 303, headers={"referrer-policy": "no-referrer", "cache-control": "no-store"})


def here(sealed: str) -> str:
    """The address of a request that is on its way."""
    return f"{PATH}?{urlencode({'request': sealed})}"


async def posted(request: Request) -> Response:
    """POST /oauth/authorize, from the app's own page: the same as GET. Other sites' forms bring no cookies; the browser then comes itself."""
    form = await request.form()
    said = {k: v for k, v in form.items() if isinstance(v, str)}
    return RedirectResponse(f"{PATH}?{urlencode(said, quote_via=quote)}", 303, headers={"cache-control": "no-store"})


@_answering
async def show(request: Request) -> Response:
    """GET /oauth/authorize: the request of an app, or one that is on its way (`request`)."""
    house, tenant = request.app.state.gate.house, tenant_of(request)
    sealed = request.query_params.get("request", "")
    if sealed and "client_id" not in request.query_params:
        app, wish = await asking.opened(house, tenant, sealed)
        return await _next(request, app, wish, direct=False)
    pairs = request.query_params.multi_items()
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadApp
    app, wish = await asking.read(house, tenant, dict(pairs))
    return await _next(request, app, wish, direct=True)


def _right(access: Access | None, app: App, wish: Wish) -> bool:
    """Whether whoever is signed in can go on with this."""
    return access is not None and app.usable_by(access.caller.kind) and (not wish.account or wish.account == access.caller.account)


async def _next(request: Request, app: App, wish: Wish, *, direct: bool) -> Response:
    """What is still to be asked. direct: whether the browser comes from the app and not from one of our forms."""
    gate, tenant, access = request.app.state.gate, tenant_of(request), request.state.access
    issuer = gate.house.base
    again = wish.prompt in _FRESH and direct
    if not _right(access, app, wish) or again:
        if wish.prompt == "none":
            raise wish.refused(issuer, "login_required", "Nobody who can use this app is signed in.")
        return await signin.ask(request, app, asking.seal(gate.house, tenant, replace(wish, prompt="" if again else wish.prompt)), again=again and _right(access, app, wish))
    await alive(access)
    if wish.needs_patient and access.caller.kind == "patient":
        wish = replace(wish, patient=(access.caller.agent or "").removeprefix("Patient/"))
    if wish.needs_patient:
        if wish.prompt == "none":
            raise wish.refused(issuer, "interaction_required", "Somebody has to choose a patient.")
        return await _pick(request, app, wish)
    if await allowing.unproved(access, wish.scopes):
        if wish.prompt == "none":
            raise wish.refused(issuer, "login_required", "Whoever is signed in has to show once more who they are.")
        return await signin.ask(request, app, asking.seal(gate.house, tenant, wish), again=True)
    given = await allowing.before(access, app, wish)
    if given is not None:
        code = await allowing.allow(access, app, wish, given)
        address = wish.back(issuer, code=code)
        return _away(address) if direct else page(request, "going.html", app=app, address=address)
    if wish.prompt == "none":
        raise wish.refused(issuer, "consent_required", "Somebody has to allow this.")
    return await _consent(request, app, wish)


# --- whose record ---------------------------------------------------------------------------------------------------------------------


async def _pick(request: Request, app: App, wish: Wish, looked: str | None = None, problem: str = "", status: int = 200) -> Response:
    access: Access = request.state.access
    people: list[tuple[str, str, str]] = []
    own = access.caller.kind == "proxy"
    if own or looked:
        asked = [("name", looked)] if looked else []
        found = await access.search("Patient", [*asked, ("_sort", "family")], count=_FOUND)
        people = [(s.id, named(s.resource), born(s.resource)) for s in found.matches]
    sealed = asking.seal(request.app.state.gate.house, tenant_of(request), wish)
    return page(request, "pick.html", status=status, app=app, sealed=sealed, people=people, looked=looked, own=own, problem=problem)


@_answering
async def pick(request: Request) -> Response:
    """POST /oauth/patient: look for a patient, or choose one."""
    fields = await sent(request)
    app, wish = await asking.opened(request.app.state.gate.house, tenant_of(request), fields.get("request", ""))
    access = request.state.access
    if not _right(access, app, wish):
        return RedirectResponse(here(fields.get("request", "")), 303)
    if chosen := fields.get("patient", ""):
        try:
            await access.read("Patient", chosen)
        except (errors.NotFound, errors.Gone, errors.Forbidden):
            return await _pick(request, app, wish, "", "There is no such patient that you can see.", 422)
        wish = replace(wish, patient=chosen)
        return RedirectResponse(here(asking.seal(request.app.state.gate.house, tenant_of(request), wish)), 303)
    looked = fields.get("q", "").strip()[:80]
    return await _pick(request, app, wish, looked, "" if looked else "Type a name.", 200 if looked else 422)


# --- what it may have -------------------------------------------------------------------------------------------------------------------


async def _consent(request: Request, app: App, wish: Wish, problem: str = "", status: int = 200) -> Response:
    access: Access = request.state.access
    about = named((await access.read("Patient", wish.patient)).resource) if wish.patient and access.may("Patient", "read") else ""
    rows = allowing.rows(access, wish)
    said = {name: words for name, words in scopewords.OTHER.items() if name in wish.scopes and name != "offline_access"}
    named_by = [r.part.text for r in rows]
    return page(
        request, "consent.html", status=status, leads_to=wish.redirect, app=app, wish=wish, rows=rows, about=about, own=access.caller.kind == "patient", others=list(said.values()),
        offline="offline_access" in wish.scopes, not_seen=scopewords.left_out(named_by), sealed=asking.seal(request.app.state.gate.house, tenant_of(request), wish), problem=problem,
        special=SPECIAL, place=wish.redirect.split("?")[0], days=allowing.REMEMBERED.days,
    )  # fmt: skip


@_answering
async def decide(request: Request) -> Response:
    """POST /oauth/decide: allow or refuse. People who are not staff are signed out here afterwards: it may be somebody else's computer."""
    fields = await sent(request)
    gate, tenant, access = request.app.state.gate, tenant_of(request), request.state.access
    app, wish = await asking.opened(gate.house, tenant, fields.get("request", ""))
    if not _right(access, app, wish) or wish.needs_patient:
        return RedirectResponse(here(fields.get("request", "")), 303)
    if fields.get("answer") != "allow":
        await asking.refuse(access, wish)
        return await _leave(request, wish.refused(gate.house.base, "access_denied", "The person refused.").address)
    ticked = frozenset(name.removeprefix("give-") for name, value in fields.items() if name.startswith("give-") and value == "yes")
    scopes = scopewords.chosen(wish.scopes, allowing.rows(access, wish), ticked)
    if not any(scopewords.part(one) for one in scopes) and any(scopewords.part(one) for one in wish.scopes):
        return await _consent(request, app, wish, "Leave at least one thing on, or refuse.", 422)
    try:
        code = await allowing.allow(access, app, wish, scopes)
    except errors.ProofNeeded:  # the page lay open for a while: it is asked again, and shown again
        return RedirectResponse(here(fields.get("request", "")), 303)
    return await _leave(request, wish.back(gate.house.base, code=code))


async def _leave(request: Request, address: str) -> Response:
    response = _away(address)
    if request.state.access.caller.kind != "staff":
        await request.app.state.gate.sign_out(session.token_of(request))
        session.end(request, response)
    return response
