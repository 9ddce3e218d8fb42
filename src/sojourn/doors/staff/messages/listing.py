"""The list of messages, what is new first; searching them; and those of Today."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.care.staffing import zones
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import full_name
from sojourn.gate import messages
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.messages import Thread

_TODAY = 12


class Row(NamedTuple):
    """A thread in a list. said: the message that a search found."""

    id: str
    subject: str
    name: str
    who: str
    when: str
    unread: bool
    urgent: bool
    said: str = ""


def spoken(at: datetime) -> str:
    """A moment in the time of the site."""
    here = at.astimezone(zones.of(None))
    return f"{here.day} {here:%b, %H:%M}"


def row(access: Access, thread: Thread, visible: dict[str, dict[str, object]], said: str = "") -> Row:
    """A thread as a line."""
    name = "You" if thread.by == access.caller.account else thread.name
    who = full_name(visible[thread.patient]) if thread.patient in visible else ""
    return Row(thread.id, str(thread.body.get("subject", "")), name, who, spoken(thread.last), thread.unread, thread.urgent and thread.unread, said)


async def show(request: Request) -> Response:
    """GET: every thread. POST: those in which the words stand; they travel in the body, as they may be names."""
    access = request.state.access
    words = (await sent(request)).get("q", "").strip() if request.method == "POST" else ""
    if words:
        hits, visible = await messages.found(access, words)
        rows = [row(access, thread, visible, text) for thread, text in hits]
    else:
        threads, visible = await messages.listed(access)
        rows = [row(access, thread, visible) for thread in threads]
    return PAGES.render(request, "messages/list.html", block="results", rows=rows, words=words)


async def today(access: Access) -> list[Line]:
    """For Today: what was not read; the urgent first. What it is about stands behind the line."""
    threads, visible = await messages.listed(access, unread=True)
    ordered = sorted(threads, key=lambda t: (not t.urgent, t.last))
    return [
        Line(f"{'Urgent message' if t.urgent else 'Message'} from {t.name or 'a colleague'}", f"/messages/{t.id}", full_name(visible[t.patient]) if t.patient in visible else "", "urgent" if t.urgent else "", "red" if t.urgent else "plain", spoken(t.last))
        for t in ordered[:_TODAY]
    ]  # fmt: skip
