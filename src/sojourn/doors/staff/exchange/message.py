"""GET and POST /exchange/messages/{message}: where it is and why; what it says; whose it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Forbidden, Malformed, NotFound
from sojourn.care.exchange import kinds, matching
from sojourn.doors.staff.exchange import brought, desk, fhirmessage, file, letter
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.papers.paper import _found as people_found
from sojourn.doors.staff.patients.patients import row as patient_row
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import direct, looking, messages, partners, posting
from sojourn.gate.exchange.keeping import ASIDE, FAILED, HELD, MAPPED, OUT, RECEIVED, REVIEW
from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2person import key

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.exchange.messages import Opened

_EVENTS: Final = {
    **messages.STATES,
    "released": "Let go on",
    "again": "Done again",
    "chosen": "Somebody said whose it is",
    "destroyed": "What it said was destroyed, as the rule for its kind says",
    ASIDE: "Set aside",
}
_EVENTS_OUT: Final = {**_EVENTS, **messages.STATES_OUT, "released": "Let go on", "again": "To be sent again, decided anew", RECEIVED: "Tried", "queued": "Put into the queue"}
REMEDIES: Final = {
    RECEIVED: "It is done in a moment.", MAPPED: "Nothing is to be done.", ASIDE: "Nothing is to be done. It can be done again.", HELD: "It stays as it is until somebody lets it go on; what comes later about the same person waits for it.",
    REVIEW: "Open it and say whose it is, or set it aside. What comes later about the same person waits for it.",
    FAILED: "Put right what the reason names (here, or with the partner), and do it again; or read it, do what it asks by hand, and set it aside.",
}  # fmt: skip
REMEDIES_OUT: Final = {
    **REMEDIES, RECEIVED: "It is sent by itself, again and again, until they answer. Whether it may leave is decided anew each time.", HELD: "It stays until somebody lets it go on; what is to be told later about the same person waits for it.",
    FAILED: "Put right what the reason names (here, or with the partner), and send it again: whether it may leave is decided anew then. Or set it aside.",
    MAPPED: "Nothing is to be done. It can be sent again: whether it may leave is decided anew then.", ASIDE: "Nothing is to be done. It can be sent again: whether it may leave is decided anew then.",
}  # fmt: skip
_CLAIMED: Final = (brought.DOOR, direct.DOOR)
"""Doors whose task first says that it looks at a message, and then what became of it: two steps for each try."""
_NAMES: Final = {
    "MSH": "Header", "PID": "Person", "PD1": "More about the person", "NK1": "Next of kin", "PV1": "Visit", "PV2": "More about the visit", "ORC": "Order", "OBR": "What was ordered", "OBX": "Value", "NTE": "Note", "SPM": "Specimen",
    "EVN": "Event", "AL1": "Allergy", "DG1": "Diagnosis", "IN1": "Insurance", "GT1": "Guarantor", "SCH": "Appointment", "TXA": "Document", "FT1": "Charge", "MRG": "Merge", "TQ1": "Timing", "SFT": "Software",
}  # fmt: skip


async def show(request: Request) -> Response:
    """Envelope, reason, remedy, what happened."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Hold it, let it go on, do it again, set it aside."""
    id_, said = request.path_params["message"], await sent(request)
    try:
        await messages.move(request.state.access, id_, said.get("do", ""), said.get("why", ""))
    except Malformed as error:
        return await _page(request, error.message, 422)
    except Conflict as error:
        return await _page(request, error.message, 409)
    return redirect(request, f"/exchange/messages/{id_}", "saved")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access, id_ = request.state.access, request.path_params["message"]
    envelope, events, found = await asyncio.gather(messages.envelope(access, id_), messages.events(access, id_), partners.every(access))
    partner = next((p for p in found if p.id == envelope.partner), None)
    lines = [
        {"when": day_and_time(e["at"]), "what": (_EVENTS_OUT if envelope.direction == OUT else _EVENTS).get(e["state"], e["state"]), "who": e["name"] or "by itself", "why": e["reason"]}
        for e in events
    ]
    gone = any(e["state"] == "destroyed" for e in events)
    return PAGES.render(
        request, "exchange/message.html", tries=-(-envelope.tries // 2) if envelope.door in _CLAIMED else envelope.tries, tray=envelope.door == brought.DOOR and envelope.state == REVIEW and access.may("Paper", "index"), status=status, gone=gone, m=envelope, row=desk.row(envelope, {p.id: p.name for p in found}, access.now), events=lines, remedy=_remedy(envelope), problem=problem,
        opens=not gone and envelope.door != posting.DOOR and access.may("Exchange", "open") and messages.may_open(access, partner), ways=[] if gone or envelope.door == brought.DOOR and envelope.state == REVIEW else _ways(envelope.state, out=envelope.direction == OUT), administers=access.may("Exchange", "administer"),
    )  # fmt: skip


def _remedy(envelope: messages.Envelope) -> str:
    """What is to be done."""
    if envelope.door == brought.DOOR and envelope.state == REVIEW:
        return "Whoever looks after the tray says whose it is and puts it into the chart; then it is done here, too."
    if envelope.door == posting.DOOR and envelope.state == REVIEW:
        return "Whoever sent it prints it. If a way works again, put it into the queue again: every way that failed is tried once more."
    if envelope.door == posting.DOOR and envelope.state == ASIDE:
        return "Whoever sent it looks at it again and sends what may leave now."
    return (REMEDIES_OUT if envelope.direction == OUT else REMEDIES)[envelope.state]


def _ways(state: str, *, out: bool) -> list[tuple[str, str, bool]]:
    """(what, its button, whether a reason is asked for)."""
    ways = {
        RECEIVED: [("hold", "Hold it", True)], HELD: [("release", "Let it go on", False), ("aside", "Set it aside", True)], FAILED: [("again", "Do it again", False), ("aside", "Set it aside", True)],
        REVIEW: [("again", "Look again", False), ("aside", "Set it aside", True)], MAPPED: [("again", "Do it again", False)], ASIDE: [("again", "Do it again", False)],
    }  # fmt: skip
    return [(do, "Send it again" if out and do == "again" else words, why) for do, words, why in ways[state]]


async def content(request: Request) -> Response:
    """What it says."""
    door = (await messages.envelope(request.state.access, request.path_params["message"])).door
    if door == looking.DOOR:
        return await file.show(request)
    if door == direct.DOOR:
        return await letter.show(request)
    if door == brought.DOOR:
        return await brought.show(request)
    return await _content(request)


async def take(request: Request) -> Response:
    """The file that it is, as it came."""
    access, id_ = request.state.access, request.path_params["message"]
    if (await messages.envelope(access, id_)).door != brought.DOOR:
        return await file.take(request)
    return brought.taken((await messages.opened(access, id_)).content, id_)


async def choose(request: Request) -> Response:
    """Find whose it is, and say so."""
    access, id_, said = request.state.access, request.path_params["message"], await sent(request)
    found = await messages.opened(access, id_)
    if found.envelope.door == brought.DOOR:  # whose a document is, is said in the tray
        raise NotFound
    if said.get("do") != "choose":
        return await _content(request, said)
    number = said.get("program", "")
    try:
        if not said.get("patient"):
            raise Malformed("Choose whose it is.")
        await messages.choose(
            access, id_, said["patient"], int(number) if digits(number) else None, _key(found) if said.get("known") == "yes" else ""
        )
    except (Malformed, Forbidden) as error:
        return await _content(request, said, error.message, 422)
    except NotFound:
        return await _content(request, said, "Choose whose it is.", 422)
    except Conflict as error:
        return await _content(request, said, error.message, 409)
    return redirect(request, f"/exchange/messages/{id_}", "saved")


def _key(found: Opened) -> str:
    """The person as the sender names them."""
    if found.envelope.door == kinds.MESSAGING:
        return fhirmessage.key(found.content)
    try:
        return key(hl7v2.parse(found.content))
    except hl7v2.NotReadable:
        return ""


async def _content(request: Request, said: dict[str, str] | None = None, problem: str = "", status: int = 200) -> Response:
    access, id_, said = request.state.access, request.path_params["message"], said or {}
    found = await messages.opened(access, id_)
    names = {p.id: p.name for p in await partners.every(access)}
    typed = said.get("q", "").strip()[:80]
    people, trouble = await people_found(access, typed)
    asks = found.envelope.state == REVIEW or found.envelope.state == ASIDE and bool(found.result.why)
    candidates = await _candidates(access, found.result.candidates) if asks else []
    why = found.result.why if candidates and len(candidates) == len(found.result.candidates) else matching.NOBODY
    parsed, named = (fhirmessage.segments, fhirmessage.person) if found.envelope.door == kinds.MESSAGING else (_segments, _person)
    chosen = next((p for p in (*candidates, *people) if p.id == said.get("patient")), None)
    return PAGES.render(
        request, "exchange/content.html", status=status, m=found.envelope, row=desk.row(found.envelope, names, access.now), segments=parsed(found.content), person=named(found.content), result=found.result,
        links=_links(found.result), q=typed, found=people, candidates=candidates, chosen=chosen, programs=access.programs, problem=problem or trouble, review=asks, why=why,
        stranger=found.envelope.kind in kinds.WRITES_DOWN,
    )  # fmt: skip


async def _candidates(access: Access, ids: tuple[str, ...]) -> list[Any]:
    if not ids:
        return []
    there = await access.search("Patient", [("_id", ",".join(ids))], count=len(ids))
    return [patient_row(r) for r in there.resources]


def _links(result: messages.Result) -> list[tuple[str, str]]:
    """What it became, as addresses and words."""
    out = [(f"/patients/{result.patient}", "The chart")] if result.patient else []
    if result.patient and any(r.startswith("Encounter/") for r in result.resources):
        out.append((f"/patients/{result.patient}/encounters", "Visits"))
    reports = sum(r.startswith("DiagnosticReport/") for r in result.resources)
    if result.patient and reports:
        out.append(
            (
                f"/patients/{result.patient}/results",
                f"Results: {reports} {'report' if reports == 1 else 'reports'}, {sum(r.startswith('Observation/') for r in result.resources)} values",
            )
        )
    return out


def _segments(content: bytes) -> list[dict[str, Any]]:
    """The parsed view: each segment with the fields that say something; of what cannot be read the text as it came."""
    try:
        message = hl7v2.parse(content)
    except hl7v2.NotReadable:
        return [{"name": "?", "words": "Cannot be read", "fields": [("", content.decode("utf-8", "replace")[:20_000])]}]
    out = []
    for segment in message.segments[:2000]:
        begin = 3 if segment.name == "MSH" else 1
        fields = []
        for n in range(begin, len(segment.fields)):
            if segment.raw(n):
                shown = segment.raw(n) if len(segment.raw(n)) <= 2000 else segment.raw(n)[:200] + " … (a file)"  # noqa: PLR2004 - longer is no text
                fields.append((f"{segment.name}-{n}", hl7v2.text(shown, segment.delimiters)))
        out.append(
            {"name": segment.name, "words": _NAMES.get(segment.name, "Of their own" if segment.name[:1] == "Z" else ""), "fields": fields}
        )
    return out


def _person(content: bytes) -> dict[str, str]:
    """Whom it names, to be compared with a chart."""
    try:
        pid = hl7v2.parse(content).one("PID")
    except hl7v2.NotReadable:
        pid = None
    if pid is None:
        return {}
    born = pid.v(7)[:8]
    return {
        "Name": " ".join(filter(None, (pid.v(5, 2), pid.v(5, 3), pid.v(5, 1)))), "Born": f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 else born, "Sex": pid.v(8),  # noqa: PLR2004 - a whole day
        "Numbers": ", ".join(r.c(1) for n in (3, 2) for r in pid.reps(n))[:200], "Address": " ".join(filter(None, (pid.v(11, n) for n in (1, 3, 4, 5)))),
    }  # fmt: skip
