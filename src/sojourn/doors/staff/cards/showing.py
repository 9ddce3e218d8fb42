"""/patients/{id}/cards: cards of partners beside a chart and an order, and what is done about one."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup
from starlette.background import BackgroundTask

from sojourn.base import crypto
from sojourn.base.errors import Malformed, NotFound
from sojourn.care.orders import catalog, ordering
from sojourn.care.orders.ordering import Wish
from sojourn.doors.staff.cards import asking
from sojourn.doors.staff.cards.asking import Answered
from sojourn.doors.staff.developers import markdown
from sojourn.doors.staff.kinds import title
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.changes import new_id
from sojourn.gate.exchange import cds, consulting
from sojourn.web.forms import sent
from sojourn.wire import cdshooks

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.exchange.cds import Calling
    from sojourn.wire.cdshooks import Card, Described

_PURPOSE: Final = "cds-card"
_GOOD: Final = timedelta(hours=12)
"""For how long somebody can say what became of a card."""
_ROOMS: Final = {
    "ServiceRequest": ("orders/new", "Order from the laboratory"), "MedicationRequest": ("medications", "Medications"), "MedicationStatement": ("medications", "Medications"), "Condition": ("problems", "Problems"),
    "AllergyIntolerance": ("allergies", "Allergies"), "CarePlan": ("plan", "Plan"), "Goal": ("plan", "Plan"), "Appointment": ("appointments", "Appointments"), "Flag": ("", "Summary"), "Consent": ("consents", "Consents"),
}  # fmt: skip
"""Where a person does what is suggested, by the type of what would be written."""
_DOES: Final = {"create": "Add", "update": "Change", "delete": "Remove"}


async def beside(request: Request) -> Response:
    """Beside the chart: nothing, where nobody answers."""
    access, patient = request.state.access, request.path_params["id"]
    await access.read("Patient", patient)
    return _page(request, patient, await asking.ask(request, "patient-view", patient))


async def order(request: Request) -> Response:
    """Beside an order that is not sent yet."""
    access, patient = request.state.access, request.path_params["id"]
    await access.read("Patient", patient)
    draft = await _draft(access, patient, await sent(request))
    return _page(request, patient, await asking.ask(request, "order-sign", patient, draft) if draft is not None else [])


async def _draft(access: Access, patient: str, said: dict[str, str]) -> dict[str, Any] | None:
    """The order of the open sheet as it would be written; None while nothing is chosen."""
    panel = next((p for p in await catalog.panels(access) if p.key == said.get("panel")), None)
    if panel is None or not access.may("LabOrder", "order"):
        return None
    priority, collector = said.get("priority", ""), said.get("collector", "")
    wish = Wish(panel.key, date.min, priority if priority in ordering.PRIORITIES else "routine", collector if collector in ordering.COLLECTORS else "staff", said.get("fasting") == "yes")
    return ordering.sheet(access, panel, patient, wish, new_id()) | {"status": "draft"}


def _page(request: Request, patient: str, found: list[Answered]) -> Response:
    access = request.state.access
    shown = [
        {
            "partner": a.partner.name, "title": a.service.title,
            "cards": [{"card": c, "detail": _words(c.detail), "links": [(w, p, urlsplit(p).hostname) for w, p in c.links], "suggestions": [_suggestion(s) for s in c.suggestions], "token": _token(access, a, c, patient)} for c in a.cards],
        }
        for a in found
    ]  # fmt: skip
    return PAGES.render(request, "cards/cards.html", shown=shown, patient=patient)


def _suggestion(one: cdshooks.Suggestion) -> dict[str, Any]:
    return {"uuid": one.uuid, "label": one.label, "actions": [words or f"{_DOES[kind]}: {title(type_) if type_ else 'something'}" for kind, type_, words in one.actions]}


def _words(text: str) -> Markup:
    """Markdown of somebody else: its words and the least of its marks; no heading of ours, no picture, no markup, and links to https alone."""
    plain = re.sub(r"^#{1,6}[ \t]+(.*?)[ \t#]*$", r"**\1**", text.replace("![", "["), flags=re.MULTILINE)
    made = markdown.html(plain, cdshooks.secure)
    return Markup(str(made).replace('<a href="', '<a rel="noopener noreferrer" target="_blank" href="'))  # noqa: S704 - all of its words are escaped


def _token(access: Access, answered: Answered, card: Card, patient: str) -> str:
    """What whoever was shown a card sends back about it; '' for a card that cannot be named."""
    if not card.uuid:
        return ""
    said = {
        "partner": answered.partner.id, "service": answered.service.id, "card": card.uuid, "patient": patient, "at": access.now.isoformat(), "reasons": [r._asdict() for r in card.reasons],
        "suggestions": {s.uuid: next((t for _, t, _ in s.actions if t), "") for s in card.suggestions if s.uuid},
    }  # fmt: skip
    return str(access.house.key.seal(_PURPOSE, json.dumps(said).encode(), _context(access)))


def _context(access: Access) -> bytes:
    return f"{access.tenant.number}\0{access.caller.account}".encode()


async def act(request: Request) -> Response:
    """Say what becomes of a card: taken up, or not, and why. Nothing is written into the chart; the service is told."""
    access, patient = request.state.access, request.path_params["id"]
    await access.read("Patient", patient)
    form = await sent(request)
    try:
        said = json.loads(access.house.key.open(_PURPOSE, form.get("token", ""), _context(access)))
    except crypto.BadSeal:
        raise NotFound from None
    if said["patient"] != patient or datetime.fromisoformat(said["at"]) < access.now - _GOOD:
        raise NotFound
    taken, reason = form.get("take", ""), next((r for r in said["reasons"] if r["code"] == form.get("reason")), None)
    if taken and taken not in said["suggestions"]:
        raise Malformed("Choose what you take up.")
    told: dict[str, Any] = {"card": said["card"], "outcome": "accepted" if taken else "overridden", "outcomeTimestamp": access.now.astimezone(UTC).isoformat(timespec="seconds")}
    if taken:
        told["acceptedSuggestions"] = [{"id": taken}]
    elif reason is not None:
        told["overrideReason"] = {"reason": {"code": reason["code"], "display": reason["words"], **({"system": reason["system"]} if reason["system"] else {})}}
    found = await _service(access, said["partner"], said["service"], patient)
    query = f"partner={said['partner']}&service={said['service']}&card={said['card']}&outcome={told['outcome']}" + (f"&reason={reason['code']}" if reason and not taken else "")
    await access.note(access.entry("cds-tell", "Patient", query, patients=[patient]))
    path, name = _ROOMS.get(said["suggestions"].get(taken, ""), ("", "")) if taken else ("", "")
    answer = PAGES.render(request, "cards/told.html", patient=patient, taken=bool(taken), path=path, name=name)
    if found is not None:  # told after the answer has gone: a slow service keeps nobody waiting
        answer.background = BackgroundTask(asking.tell, request, *found, {"feedback": [told]})
    return answer


async def _service(access: Access, partner: str, id_: str, patient: str) -> tuple[Calling, Described] | None:
    """The service, where it is still asked, and may still know of the patient."""
    for p, calling, service in [one for hook in cdshooks.HOOKS for one in await cds.asked(access, hook)]:
        if (p.id, service.id) == (partner, id_) and await consulting.known(access, p, calling, patient):
            return calling, service
    return None
