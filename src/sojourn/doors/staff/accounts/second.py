"""GET and POST /accounts/confirm: a second person for staff accounts; who came in by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict
from sojourn.doors.staff.accounts.accounts import words
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.security.security import ago
from sojourn.gate import accounts, secondperson
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PATH = "/accounts/confirm"
NEEDS = ((secondperson.STAFF, "confirm"),)
KINDS = {"invitation": "Invited", "reset": "Sign-in reset"}


async def show(request: Request) -> Response:
    """What waits for somebody who is not its maker, and what was opened."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Give out the code for a link; grant a role change, or not: `do`."""
    access: Access = request.state.access
    said = await sent(request)
    account = said.get("account", "")
    try:
        if said.get("do") == "code":
            found = await accounts.known(access, account)  # a client's is confirmed in their chart, by who sees it
            code = await secondperson.confirm(access, secondperson.STAFF, account)
            return PAGES.render(request, "accounts/code.html", name=found.name, code=code, back=PATH)
        await secondperson.decide(access, account, said.get("asked", ""), granted=said.get("do") == "grant")
    except Conflict as error:
        return await _page(request, error.message, 409)
    return redirect(request, PATH, "saved")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access: Access = request.state.access
    held = await secondperson.waiting(access, secondperson.STAFF)
    asked = await secondperson.asked(access)
    opened = await secondperson.opened(access)
    people = {a.account: a for a in await accounts.people(access)}
    programs = {n: p.name for n, p in access.rules.programs.items()}

    def name(account: str) -> str:
        return people[account].name if account in people else "whoever runs the server" if account in ("", secondperson.OPERATOR) else "somebody who left"

    def role(one: str, listed: tuple[int, ...]) -> str:
        return ", ".join([words(one) if one else "no role", *(programs.get(n, "") for n in listed)])

    mine = access.caller.account
    links = [
        {"account": w.account, "name": name(w.account), "what": KINDS[w.kind], "role": role(people[w.account].role, people[w.account].programs), "by": name(w.author), "when": ago(w.created),
         "confirmed": w.confirmed, "mine": mine in (w.author, w.account)}
        for w in held if w.account in people
    ]  # fmt: skip
    wishes = [
        {"account": a.account, "name": name(a.account), "before": role(people[a.account].role, people[a.account].programs), "after": role(a.role, a.programs), "by": name(a.author), "when": ago(a.at),
         "asked": a.at.isoformat(), "mine": mine in (a.author, a.account)}
        for a in asked if a.account in people
    ]  # fmt: skip
    came = [
        {"name": name(o.account), "what": KINDS[o.kind], "by": name(o.author), "with": name(o.confirmed_by) if o.confirmed_by else "", "when": ago(o.at)}
        for o in opened if o.account in people
    ]  # fmt: skip
    return PAGES.render(request, "accounts/second.html", status=status, links=links, wishes=wishes, came=came, problem=problem)
