"""Render a page, or only the fragment that htmx asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sojourn import __version__
from sojourn.web.compiled import Compiled
from sojourn.web.icons import icon
from sojourn.web.oidc import provider_of
from sojourn.web.preferences import preferences
from sojourn.web.session import csrf_token
from sojourn.web.static import files

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access

TEMPLATES = Path(__file__).parent / "templates"
FLASHES = {
    "signed-out": "You are signed out.",
    "saved": "Saved.",
    "queued": "It is on its way.",
    "looked": "What was found stands with each way.",
    "decided-anew": "It is decided anew, and leaves if it may now.",
    "access-ended": "Ended. They are out with their next step, and so are the apps that they allowed.",
    "offered": "Offered. It comes back to you if they have questions.",
    "accepted": "Accepted. They are with you from now on.",
    "returned": "Returned to its sender.",
    "ended": "The stay has ended. The calls that follow are on the list of whoever makes them.",
    "reconciled": "Reconciled and signed. The list is as you decided.",
    "reconcile-kept": "Saved. It waits for whoever signs.",
    "merged": "Merged. Whoever may see both finds one person and one chart.",
    "unmerged": "Taken apart. Both records are what they were.",
    "admitted": "Admitted. The stay begins now, and the bed is theirs.",
    "form-sent": "Saved to the chart.",
    "draft-kept": "Kept for you. Go on whenever you like.",
    "form-published": "Published. It is asked from now on.",
    "form-retired": "It is no longer offered. What was answered stays.",
    "measure-saved": "Saved. The scores are below.",
    "measure-more": "Saved. The answers ask for these questions, too.",
    "measure-risk": "Saved. An answer points to danger: stay with the person and ask these questions now.",
    "risk-now": "Saved. The answers point to danger. Do not leave the person alone; call the person on duty now.",
    "risk-opened": "Written down. Whoever answers for this client has been told.",
    "risk-yours": "It is yours. Say what was done as soon as you know; until then others are told after a while.",
    "risk-passed": "The next person is told at once.",
    "risk-closed": "Closed. The next screening is on your list.",
    "signed-plan": "Signed and in force. Now hand the device over, so that the client signs the same words.",
    "signed": "Signed. It is in force, or waits for a decision, from now on.",
    "revoked": "Taken back. It stopped at once.",
    "note-saved": "Saved. It waits for your signature.",
    "note-signed": "Signed.",
    "discarded": "The draft is discarded.",
    "document-done": "Done. How it stands now is below.",
    "taken-back": "The device is yours again.",
    "emergency": "The emergency is declared and this chart is open. The privacy officer has been told.",
    "ordered": "Ordered.",
    "result-entered": "Saved. It is in the chart, and whoever ordered it looks at it.",
    "result-failed": "Written down. The order still waits for a test.",
    "result-corrected": "Saved. The version before is kept, and whoever looks at it is asked again.",
    "result-withdrawn": "Taken back. The order waits for a test again.",
    "result-seen": "Saved. The next ones that wait are below.",
    "result-repeat": "Saved. Order the test again here.",
    "message-sent": "Sent.",
    "group-signed": "Done. What was complete is signed and in each chart; what is held is listed below.",
    "papers-taken": "Taken in. Now say whose it is.",
    "paper-indexed": "It is in the chart. Whoever is to look at it has been told.",
    "paper-aside": "Set aside. It is kept as it came, and in no chart.",
    "asked-outside": "Asked. This page shows how far it is; you need not wait for it.",
    "asked-in-tray": "It is in the tray. Whoever indexes papers puts it into the chart.",
    "document-taken": "Taken in. Read it, and reconcile it with the chart.",
    "document-reconciled": "Signed. What you took over is on the lists of the chart.",
    "paper-moved": "Moved. The privacy officer has been told who saw it here.",
    "request-refused": "Refused. The letter is below, for print.",
    "released": "Released, and written into the disclosure log.",
    "emergency-ended": "The emergency access has ended.",
    "session-ended": "Your session has ended. Sign in to go on.",
    "locked": "The screen was locked. Sign in to go on where you were.",
    "code-sent": "The code is sent.",
    "reached": "Confirmed. From now on you are reached there.",
    "password-changed": "Your password is changed. You are signed out everywhere else.",
    "waits-for-second": "Asked for. It acts when a second person has approved it, under Accounts, Second person.",
    "deactivated": "The account is deactivated. Whoever used it is out.",
    "app-stopped": "Stopped. It gets nothing more from now on.",
    "export-stopped": "Stopped. Nothing of that export can be downloaded any more.",
    "signed-out-there": "Signed out there.",
    "signed-out-elsewhere": "You are signed out everywhere else.",
}
"""What may be said once on the next page, by the code that the `flash` cookie carries."""


class Pages:
    """The templates of one door, over those that every screen shares."""

    def __init__(self, *folders: Path) -> None:
        self.environment = Environment(
            loader=FileSystemLoader([*folders, TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,  # every template is kept
            bytecode_cache=Compiled(folders[0]),
        )
        self.environment.globals.update(icon=icon, static=lambda name: f"/static/{files().name(name)}", version=__version__)

    def load(self) -> None:
        """Read every template now: the first of each page takes up to a quarter of a second to compile, in which nobody else is answered."""
        for name in self.environment.list_templates(extensions=["html"]):
            self.environment.get_template(name)

    def render(self, request: Request, template: str, *, block: str = "", status: int = 200, **values: object) -> Response:
        """A whole page; only `block` of it, if one is named and htmx asked for a fragment."""
        found = self.environment.get_template(template)
        context = self._context(request) | values
        if block and wants_fragment(request):
            content = fragment(found, block, context)
        else:
            content = found.render(context)
        response = HTMLResponse(content, status, headers={"vary": "HX-Request, Cookie"})
        if request.cookies.get("flash"):
            response.delete_cookie("flash", path="/")
        return response

    def _context(self, request: Request) -> dict[str, object]:
        state = request.state
        root = request.scope.get("root_path", "")
        tenant = request.app.state.gate.tenant_of(request.url.hostname or "")
        return {
            "request": request,
            "access": getattr(state, "access", None),
            "handed": getattr(state, "handed", None),
            "standing": getattr(state, "standing", None),
            "about": request.app.state.about,
            "organization": tenant.name if tenant else "Sojourn",
            "outside": provider_of(request),
            "limits": limits(getattr(state, "access", None)),
            "nonce": state.nonce,
            "csrf": csrf_token(state.csrf_secret) if getattr(state, "csrf_secret", "") else "",
            "flash": FLASHES.get(request.cookies.get("flash", ""), ""),
            "preferences": preferences(request),
            "url": lambda path: root + path,
        }


class Limits(NamedTuple):
    """Seconds until an unused page locks itself, and how long before that it says so."""

    idle: int
    warning: int


def limits(access: Access | None) -> Limits | None:
    """Those of the session that asks; None without one."""
    if access is None or access.caller.idle is None or access.caller.warning is None:
        return None
    return Limits(int(access.caller.idle.total_seconds()), int(access.caller.warning.total_seconds()))


def fragment(template: Template, block: str, values: dict[str, object]) -> str:
    """One block of a template. The root is run up to its first words, because only that makes its imports known."""
    context = template.new_context(values)
    next(iter(template.root_render_func(context)), "")
    return "".join(context.blocks[block][0](context))


def wants_fragment(request: Request) -> bool:
    """Whether htmx asked, for a part of a page."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-request-type") != "full"


def redirect(request: Request, path: str, flash: str = "") -> Response:
    """Go to a page of ours after a form; `flash` is a key of FLASHES. htmx is told in its own header."""
    target = request.scope.get("root_path", "") + path
    response: Response = RedirectResponse(target, 303)
    if request.headers.get("hx-request") == "true":
        response = Response(status_code=200, headers={"hx-redirect": target})
    if flash:
        response.set_cookie("flash", flash, max_age=60, path="/", samesite="lax", httponly=True)
    return response
