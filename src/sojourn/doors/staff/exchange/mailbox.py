"""GET and POST /exchange/direct: our mailbox at the HISP, how it goes, what was not taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Malformed, VersionConflict
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate.exchange import direct, directtrust
from sojourn.gate.exchange.direct import Mailbox
from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.wire import trust

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_TEXTS: Final = ("address", "smtp", "imap", "login", "certificates", "authority")
_NUMBERS: Final = ("smtp_port", "imap_port", "every")


async def show(request: Request) -> Response:
    """The mailbox, and what is changed about it."""
    access = request.state.access
    found = await direct.mailbox(access)
    before = found[0] if found is not None else None
    problem, status, said = "", 200, dict[str, str]()
    if request.method == "POST":
        said = await sent(request)
        try:
            if said.get("do") == "seen":
                await direct.saw(access, said.get("mail", ""))
                return redirect(request, "/exchange/direct#refused", "saved")
            await direct.put_mailbox(access, _read(said, before or Mailbox()), before, password=said.get("password", ""), key=said.get("key", ""), reason=said.get("why", ""))
            return redirect(request, "/exchange/direct", "saved")
        except (Conflict, Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    shown = {k: str(getattr(before or Mailbox(), k)) for k in (*_TEXTS, *_NUMBERS)} | {k: v for k, v in said.items() if k in (*_TEXTS, *_NUMBERS)}
    refused = [
        {"mail": r.mail, "sender": r.sender or "nobody who could be read", "why": r.reason, "when": day_and_time(r.at), "seen": f"{r.by}, {day_and_time(r.seen)}" if r.seen else ""}
        for r in await direct.refusals(access)
    ]
    return PAGES.render(request, "exchange/mailbox.html", status=status, box=before, said=shown, problem=problem, refused=refused, facts=_facts(found, access.now), trouble=found[1].problem if found is not None else "")


def _read(said: dict[str, str], before: Mailbox) -> Mailbox:
    """What was typed. Raises Malformed."""
    if said.get("do") in ("stop", "start"):
        if said["do"] == "stop" and not said.get("why", "").strip():
            raise Malformed("Write why.")
        return replace(before, state="stopped" if said["do"] == "stop" else "active")
    typed: dict[str, Any] = {k: said.get(k, "") for k in _TEXTS}
    for name in _NUMBERS:
        if not digits(said.get(name, "").strip()) or len(said[name]) > 6:  # noqa: PLR2004 - none of them is so large
            raise Malformed("Ports and seconds are whole numbers.")
        typed[name] = int(said[name])
    return replace(before, **typed)


def _facts(found: tuple[Mailbox, direct.Run] | None, now: Any) -> list[tuple[str, str]]:
    if found is None:
        return []
    box, run = found
    ours = directtrust.read(box.certificates)[0]
    return [
        ("Our certificate", f"{ours.subject.rfc4514_string()}, good until {day_text(ours.not_valid_after_utc.date().isoformat())}"), ("Its SHA-256", trust.fingerprint(ours)),
        ("Last looked into", f"{age(run.good, now)} ago".replace("just now ago", "just now") if run.good else "never yet"),
    ]  # fmt: skip
