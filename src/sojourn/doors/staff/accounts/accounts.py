"""Accounts: who has one, what it may act as, and the few things that can be done about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Invalid
from sojourn.care.staffing import zones
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.security.security import ago
from sojourn.doors.staff.words import day_text, own_name
from sojourn.gate import accounts, emergency
from sojourn.gate.accounts import Account, Fresh
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

STATES = {"invited": ("invited", "amber"), "active": "active", "deactivated": ("deactivated", "plain")}
SHOWN = (("staff", "Staff"), ("people", "Patients"), ("programs", "Systems"))
_KINDS = {"staff": ("staff",), "people": ("patient", "proxy"), "programs": ("app", "organization", "system")}
COLUMNS = (("name", "Name", ""), ("login", "Login", ""), ("role", "Role", ""), ("second", "Second step", ""), ("used", "Last used", ""), ("state", "State", ""))


def _login(value: str) -> str:
    return "" if re.fullmatch(r"[a-z0-9][a-z0-9._@-]{1,79}", value) else "Use small letters, digits and . _ @ - only, at least two."


def second(a: Account, nothing: str = "none") -> str:
    """What stands beside the password, in words."""
    return " and ".join(word for count, word in ((a.passkeys, "passkey"), (a.totp, "app")) if count) or nothing


async def show(request: Request) -> Response:
    """GET /accounts."""
    kind = request.query_params.get("kind", "staff")
    kind = kind if kind in _KINDS else "staff"
    access: Access = request.state.access
    everybody, left = await accounts.every(access), await emergency.left(access)
    found = [a for a in everybody if a.kind in _KINDS[kind]]
    rows = [
        {"name": a.name, "account": a.account, "login": a.login, "role": words(a.role), "second": second(a, "no second step"), "used": f"used {ago(a.used)}" if a.used else "never used", "state": STATES[a.state]}
        for a in found
    ]
    return PAGES.render(request, "accounts/accounts.html", overseers=accounts.overseers(access, everybody), left=left, oldest=day_text(left.oldest.astimezone(zones.here()).date().isoformat()) if left else "", rows=rows, columns=COLUMNS, kind=kind, kinds=SHOWN)


def words(role: str) -> str:
    """The name of a role as people say it."""
    return role.replace("-", " ").capitalize()


async def _form(access: Access, *, invitation: bool) -> Form:
    """Role and programs; for an invitation also who it is."""
    roles = tuple((r, words(r)) for r in await accounts.roles(access))
    programs = tuple((str(p.number), p.name) for _, p in sorted(access.rules.programs.items()))
    fields = [Field("role", "Role", "Choose a role.", "What the role may see and do is the same for everybody who has it.", options=(("", "Choose"), *roles))]
    fields.append(Field("acting", "Writes for", "", "The program under which what they write is kept.", options=(("", "No program"), *programs)))
    if not invitation:
        return Form(tuple(fields))
    people = await access.search("Practitioner", [("active", "true"), ("_sort", "family")], count=200) if access.may("Practitioner", "search") else None
    listed = tuple((f"Practitioner/{s.id}", own_name(s.resource)) for s in people.matches) if people else ()
    who = [
        Field("name", "Name", "Enter the name, as colleagues should see it."),
        Field("login", "Login", "Enter a login.", "What they sign in with. Small letters and digits.", check=_login, max_length=80),
        Field("agent", "In the directory", "", "Their entry among the practitioners, so that what they write is signed with it.", options=(("", "Not in the directory"), *listed)),
    ]
    return Form((*who, *fields))


def _programs(fields: dict[str, str], acting: str) -> list[int]:
    """Those ticked, and the one written under."""
    ticked = [int(key.removeprefix("program-")) for key in fields if re.fullmatch(r"program-\d{1,6}", key)]
    return sorted({*ticked, *([int(acting)] if acting else [])})


async def invitation(request: Request) -> Response:
    """GET and POST /accounts/new: invite somebody."""
    access: Access = request.state.access
    await access.check("administer", "Login")
    form, ticked, problem = await _form(access, invitation=True), list[int](), ""
    if request.method == "POST":
        fields = await sent(request)
        good = form.fill(fields)
        acting = form.values["acting"] if "acting" not in form.errors else ""
        ticked = _programs(fields, acting)
        if good:
            try:
                values = form.values
                account, fresh = await accounts.invite(
                    access, kind="staff", login=values["login"], name=values["name"], role=values["role"], programs=ticked,
                    acting=int(acting) if acting else None, agent=values["agent"] or None,
                )  # fmt: skip
            except Conflict as error:
                form.errors["login"] = error.message
            except Invalid as error:
                problem = error.message
            else:
                return await _given(request, account, fresh, "invitation")
    status = 422 if form.errors or problem else 200
    return PAGES.render(request, "accounts/new.html", status=status, form=form, programs=_listed(access, ticked), problem=problem)


def _listed(access: Access, ticked: list[int] | tuple[int, ...]) -> list[tuple[int, str, bool]]:
    return [(n, p.name, n in ticked) for n, p in sorted(access.rules.programs.items())]


async def _given(request: Request, account: str, fresh: Fresh, kind: str) -> Response:
    """The link, shown this once."""
    found = await accounts.one(request.state.access, account)
    link = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/welcome/{fresh.secret}"
    return PAGES.render(request, "accounts/link.html", account=found, link=link, kind=kind, held=fresh.held)


async def show_one(request: Request) -> Response:
    """GET /accounts/{account}."""
    access: Access = request.state.access
    found = await accounts.one(access, request.path_params["account"])
    form = await _form(access, invitation=False)
    form.values = {"role": found.role, "acting": str(found.acting) if found.acting else ""}
    return PAGES.render(
        request, "accounts/account.html", account=found, form=form, programs=_listed(access, found.programs), state=STATES[found.state], second=second(found), ago=ago,
        own=found.account == access.caller.account, words=words, problem="",
    )  # fmt: skip


async def assign(request: Request) -> Response:
    """POST /accounts/{account}/role."""
    access: Access = request.state.access
    fields = await sent(request)
    acting = fields.get("acting", "")
    if acting and not re.fullmatch(r"\d{1,6}", acting):
        raise Invalid("Choose a program of this organization.")
    account = request.path_params["account"]
    done = await accounts.assign(access, account, role=fields.get("role", ""), programs=_programs(fields, acting), acting=int(acting) if acting else None)
    return redirect(request, f"/accounts/{account}", "saved" if done else "waits-for-second")


async def link(request: Request) -> Response:
    """POST /accounts/{account}/link: a new invitation for somebody who has not come yet."""
    account = request.path_params["account"]
    return await _given(request, account, await accounts.invite_again(request.state.access, account), "invitation")


async def reset(request: Request) -> Response:
    """POST /accounts/{account}/reset: a link to set a new password, and the second step too if that is lost."""
    account = request.path_params["account"]
    factors = (await sent(request)).get("factors") == "yes"
    return await _given(request, account, await accounts.reset(request.state.access, account, factors=factors), "reset")


async def deactivate(request: Request) -> Response:
    """POST /accounts/{account}/deactivate: out at once, everywhere."""
    account = request.path_params["account"]
    await accounts.deactivate(request.state.access, account, (await sent(request)).get("reason", "").strip()[:200])
    return redirect(request, f"/accounts/{account}", "deactivated")


async def reactivate(request: Request) -> Response:
    """POST /accounts/{account}/reactivate."""
    account = request.path_params["account"]
    await accounts.reactivate(request.state.access, account, "")
    return redirect(request, f"/accounts/{account}", "saved")
