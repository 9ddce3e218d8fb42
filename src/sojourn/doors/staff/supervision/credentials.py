"""The credentials of staff: who holds what until when, and the form to enter and renew them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base.digits import digits
from sojourn.base.errors import Invalid, NotFound, VersionConflict
from sojourn.care import policies
from sojourn.care.credentials import held, keeping
from sojourn.care.credentials.held import LEVELS, SUPERVISIONS, Credential
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


class Row(NamedTuple):
    """One credential as a row of the list."""

    holder: str
    id: str
    text: str
    level: str
    until: str
    state: str
    tone: str
    supervisor: str


async def show(request: Request) -> Response:
    """GET /credentials: everybody who holds one, those first that need attention; and who has none."""
    access: Access = request.state.access
    found = await keeping.holders(access)
    warn = (await policies.of(access)).number("credentials.warn-days")
    names = {h.reference: h.name for h in found}
    today = access.today
    rows = [_row(h, c, names, today, warn) for h in found for c in h.credentials if c.level]
    order = {"ended": 0, "red": 1, "amber": 2}
    rows.sort(key=lambda r: (order.get(r.state, order.get(r.tone, 3)), r.holder))
    bare = [h for h in found if not held.managed(h.resource)]
    return PAGES.render(request, "supervision/credentials.html", rows=rows, bare=bare)


def _row(holder: keeping.Holder, credential: Credential, names: dict[str, str], today: date, warn: float) -> Row:
    state, tone = _state(credential, today, warn)
    return Row(
        holder.name, holder.id, credential.text, LEVELS.get(credential.level, "").partition(":")[0], _day(credential.end), state, tone, names.get(credential.supervisor, ""),
    )  # fmt: skip


def _state(credential: Credential, today: date, warn: float) -> tuple[str, str]:
    if credential.end is not None and credential.end < today:
        return "ended", "red"
    if credential.start is not None and credential.start > today:
        return "not yet", "plain"
    if credential.end is not None and (credential.end - today).days <= warn:
        days = (credential.end - today).days
        return ("ends today" if not days else f"{days} days left"), "amber" if days >= 14 else "red"
    return "in force", "good"


def _day(day: date | None) -> str:
    return f"{day.day} {day:%b %Y}" if day else "open"


async def mine(request: Request) -> Response:
    """GET /credentials/mine: the caller's own, to read."""
    access: Access = request.state.access
    id_ = (access.caller.agent or "").removeprefix("Practitioner/")
    if not id_ or not access.may("Practitioner", "read"):
        raise NotFound
    stored = await access.read("Practitioner", id_)
    holder = keeping.holder(stored.resource, stored.version)
    warn = (await policies.of(access)).number("credentials.warn-days")
    rows = [_row(holder, c, {}, access.today, warn) for c in holder.credentials if c.level]
    return PAGES.render(request, "supervision/mine.html", rows=rows, holder=holder)


async def one(request: Request) -> Response:
    """GET /credentials/{practitioner}: what somebody holds, each with its form; and one more."""
    return await _page(request)


async def save(request: Request) -> Response:
    """POST /credentials/{practitioner}: enter one (`at` empty) or change one."""
    access: Access = request.state.access
    fields = await sent(request)
    at = fields.get("at", "")
    try:
        credential = keeping.checked(fields)
        await keeping.put(access, request.path_params["practitioner"], credential, at=int(at) if digits(at) else None, version=fields.get("version", ""))
    except (Invalid, VersionConflict) as error:
        return await _page(request, problem=error.message, typed=fields, status=error.status)
    return redirect(request, request.url.path, "saved")


async def _page(request: Request, *, problem: str = "", typed: dict[str, str] | None = None, status: int = 200) -> Response:
    access: Access = request.state.access
    found = await keeping.holders(access)
    holder = next((h for h in found if h.id == request.path_params["practitioner"]), None)
    if holder is None:
        raise NotFound
    warn = (await policies.of(access)).number("credentials.warn-days")
    today = access.today
    listed = [(n, c, *_state(c, today, warn)) for n, c in enumerate(holder.credentials) if c.level]
    supervisors = [(h.reference, h.name) for h in found if h.id != holder.id and any(c.on(today) and c.level == "independent" for c in held.managed(h.resource))]
    return PAGES.render(
        request, "supervision/credential.html", status=status, holder=holder, listed=listed, levels=LEVELS, supervisions=SUPERVISIONS, supervisors=supervisors,
        problem=problem, typed=typed or {}, empty=Credential("", level=""), others=[c for c in holder.credentials if not c.level and c.title],
    )  # fmt: skip
