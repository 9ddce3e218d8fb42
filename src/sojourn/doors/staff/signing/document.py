"""The verification screen of a document, and the acts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Invalid, NotFound, SojournError
from sojourn.care import signing, tasks
from sojourn.care.notes import reading
from sojourn.care.signing import acting, adding, documents, late
from sojourn.care.signing.digests import contents
from sojourn.care.signing.documents import COSIGN, LATE, REVIEW, Document
from sojourn.care.signing.reading import Happened, Signature, trace
from sojourn.care.staffing import zones
from sojourn.doors.staff import kinds
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import code_text, own_name
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

STATES = {
    "": ("Not signed here", "plain"), "ready": ("Ready to sign", "amber"), "returned": ("Returned with comments", "amber"), "reopened": ("Opened again", "amber"),
    "unlocked": ("Unlocked", "amber"), "signed": ("Signed", "good"), "co-signed": ("Co-signed", "good"), "locked": ("Locked", "plain"), "error": ("Entered in error", "red"),
}  # fmt: skip
"""How a state is called, and its tone."""


class Row(NamedTuple):
    """One signature as it stands on the page."""

    signature: Signature
    binds: bool
    picture: str


class Act(NamedTuple):
    """Something that the caller may do with it now. ask: the label of the reason that it needs, or ''."""

    name: str
    button: str
    text: str
    ask: str = ""
    kind: str = ""
    title: str = ""


async def show(request: Request) -> Response:
    """GET /patients/{id}/documents/{document}."""
    return await _page(request)


async def act(request: Request) -> Response:
    """POST /patients/{id}/documents/{document}: one act, from the version that was seen; again if the page is old, with what was typed."""
    access: Access = request.state.access
    document = await _document(request, writing=True)
    fields = await sent(request)
    do, why, version = fields.get("do", ""), fields.get("why", ""), fields.get("version", "")
    acts: dict[str, Callable[[], Awaitable[Any]]] = {
        "co-sign": lambda: acting.cosign(access, document, version=version),
        "return": lambda: acting.give_back(access, document, why, version=version),
        "reviewed": lambda: acting.reviewed(access, document, why),
        "reopen": lambda: acting.reopen(access, document, why, version=version),
        "lock": lambda: acting.lock(access, document, version=version),
        "unlock": lambda: acting.unlock(access, document, why, version=version),
        "error": lambda: acting.error(access, document, why, version=version),
        "addendum": lambda: adding.addendum(access, document, why, key=fields.get("key", "")),
        "sign": lambda: _sign(access, document, version),
        "refused": lambda: _refused(access, document, why),
        "seen": lambda: late.seen(access, document, why),
    }
    if do not in acts:
        raise NotFound
    if await _done(access, document, do, fields):
        return redirect(request, request.url.path, "document-done")
    try:
        await acts[do]()
    except SojournError as error:
        if error.status in (401, 404, 500, 503):
            raise
        return await _page(request, problem=error.message, typed={do: why}, status=error.status)
    return redirect(request, request.url.path, "document-done")


_AFTER = {"return": "returned", "reopen": "reopened", "lock": "locked", "unlock": "unlocked", "error": "error"}
_SIGNS = {"co-sign": "co-signer", "sign": "author", "reviewed": "reviewed"}


async def _done(access: Access, document: Document, do: str, fields: dict[str, str]) -> bool:
    """Whether a second press of the same button finds its work done."""
    if do in _AFTER:
        return document.state == _AFTER[do]
    if do == "addendum":
        return bool(fields.get("key")) and await adding.added(access, document, fields["key"])
    if do == "seen":
        return not await acting.waiting(access, document, LATE)
    if do == "sign" and not document.closed:
        return False
    target = f"DocumentReference/{document.id}"
    if do == "refused":  # for another reason it is another signature
        return any((s.meaning, s.reason, s.reference) == (do, fields.get("why", "").strip(), access.caller.agent) for s in await signing.signatures(access, target))
    return await signing.already(access, target, document.shown, _SIGNS[do])


async def _sign(access: Access, document: Document, version: str) -> None:
    """Sign what is there as it is: what was returned or opened again and has been changed, or came unsigned and is the caller's own."""
    outcome = await documents.signing(access, [documents.again(document, version)], document.id, document.shown)
    await access.write(outcome.changes, action="sign")


async def _refused(access: Access, document: Document, why: str) -> None:
    """The client was asked and did not sign: staff sign that, with the reason."""
    if len(why.strip()) < acting.LEAST:
        raise Invalid("Write why the client did not sign, in their words if they gave any.")
    made = await signing.prepare(access, [f"DocumentReference/{document.id}"], document.shown, "refused", reason=why.strip(), labels=acting.apart_of(document), program=document.program)
    await access.write(made.changes, action="sign")


async def _document(request: Request, *, writing: bool = False) -> Document:
    """The document of the address, of this patient. Raises NotFound alike for any other."""
    document = await documents.read(request.state.access, request.path_params["document"], writing=writing)
    if document.patient != request.path_params["id"]:
        raise NotFound
    return document


async def _page(request: Request, *, problem: str = "", typed: dict[str, str] | None = None, status: int = 200) -> Response:
    access: Access = request.state.access
    about, document = await asyncio.gather(banner.fetch(access, request.path_params["id"]), _document(request))
    target = f"DocumentReference/{document.id}"
    (signatures, happened), works, added, later = await asyncio.gather(
        signing_trace(access, target), _works(access, document), _addenda(access, document), late.items(access, document)
    )
    mine = {added_.get("id") for added_ in added}
    rows = [Row(s, s.binds(document.resource), f"data:image/png;base64,{s.drawn}" if s.drawn else "") for s in signatures]
    acts = _acts(access, document, works)
    return PAGES.render(
        request, "signing/document.html", status=status, banner=about, parts=allowed(access), here="notes", title=code_text(document.resource.get("type") or {}) or "Document", document=document, rows=rows, acts=acts,
        happened=await _named(access, happened), state=_state(document, works), text=document.text, added=[_added(a) for a in added],
        later=[(_when(item.came), *kinds_line(item.resource)) for item in later if item.id not in mine], problem=problem, typed=typed or {}, relations=RELATIONS,
        unsigned_note=document.author == access.caller.agent and not document.closed and bool(reading.template_of(document.resource)), identities=signing.IDENTITIES, late=_late(document), locks=_when(document.locks) if document.locks else "", waits=_waits(works, access), key=access.request,
    )  # fmt: skip


RELATIONS = {"self": "The client", "parent": "A parent", "guardian": "A guardian", "representative": "A representative", "witness": "A witness"}
"""Who may sign on a handed-over device, in relation to the client."""


async def signing_trace(access: Access, target: str) -> tuple[list[Signature], list[Happened]]:
    """Signatures and acts, as far as the role may ask for them."""
    return await trace(access, target) if access.may("Provenance", "search") else ([], [])


async def _works(access: Access, document: Document) -> list[tuple[tasks.Work, Any]]:
    if document.state not in ("signed", "co-signed", "locked") or not access.may("Task", "search"):
        return []
    return [*await acting.waiting(access, document, COSIGN, REVIEW, LATE)]


async def _addenda(access: Access, document: Document) -> list[dict[str, Any]]:
    return await adding.addenda(access, document) if document.closed else []


def _acts(access: Access, document: Document, works: list[tuple[tasks.Work, Any]]) -> list[Act]:
    """What the caller may do now, the likeliest first."""
    if not (access.may("Provenance", "create") and access.may("DocumentReference", "update")):
        return []
    mine, state = document.author == access.caller.agent, document.state
    kinds_ = {work.kind for work, _ in works}
    found = []
    if acting.may_cosign(access, document, works):
        if COSIGN in kinds_ and state == "signed":
            found += [Act("co-sign", "Co-sign", "I have read it and agree.", kind="primary"), Act("return", "Return to its author", "", "What should change")]
        if REVIEW in kinds_:
            found.append(Act("reviewed", "Reviewed", "It was drawn for review. The document stays as it is.", "Remarks, if any"))
    if mine and document.shown and not document.closed and not reading.template_of(document.resource):
        found.append(Act("sign", "Sign", "Sign it as it stands above.", kind="primary"))
    if mine and state == "signed":
        found.append(Act("reopen", "Open it again", "Until it is co-signed or locked you may change it and sign again.", "Why"))
    if document.closed and state != "error":
        found.append(Act("addendum", "Sign and add", "It stands beside it, signed by you.", "Addendum", title="Add to it"))
    if state in ("signed", "co-signed") and COSIGN not in kinds_ and mine:
        found.append(Act("lock", "Lock now", "Nobody changes it from then on."))
    if state == "locked" and access.may("DocumentReference", "unlock"):
        found.append(Act("unlock", "Unlock", "Its author corrects it and signs again. The reason stays beside it.", "Why an addendum is not enough"))
    if document.closed and state != "error" and (mine or access.may("DocumentReference", "unlock")):
        found.append(Act("error", "Mark as entered in error", "It stays readable, marked as an error.", "What is wrong"))
    return found


def _state(document: Document, works: list[tuple[tasks.Work, Any]]) -> tuple[str, str]:
    waits = any(work.kind == COSIGN for work, _ in works)
    return ("Signed, waits for a co-signature", "amber") if document.state == "signed" and (waits or document.locks is None) else STATES[document.state]


def _waits(works: list[tuple[tasks.Work, Any]], access: Access) -> str:
    """Until when it waits, in words."""
    due = next((work.due for work, _ in works if work.kind == COSIGN and work.due), None)
    return f"{_when(due)}{', which is over' if due < access.now else ''}" if due else ""


async def _named(access: Access, happened: list[Happened]) -> list[tuple[str, str, str, str]]:
    """(act, who, when, why) of what was done with it."""
    ids = sorted({h.who.partition("/")[2] for h in happened if h.who.startswith("Practitioner/")})
    found = await access.search("Practitioner", [("_id", ",".join(ids))], count=len(ids)) if ids else None
    names = {f"Practitioner/{s.id}": own_name(s.resource) for s in found.matches} if found else {}
    return [(h.text, names.get(h.who, ""), _when(datetime.fromisoformat(h.at)), h.why) for h in happened]


def _late(document: Document) -> tuple[str, str]:
    """(when it happened, when it was written), of a late entry."""
    written = next((str(e.get("valueInstant", "")) for e in document.resource.get("extension") or () if e.get("url") == documents.LATE_ENTRY), "")
    end = str(((document.resource.get("context") or {}).get("period") or {}).get("end", ""))
    return (_when(datetime.fromisoformat(end)) if end else "", _when(datetime.fromisoformat(written))) if written else ("", "")


def _added(document: dict[str, Any]) -> tuple[str, str, str]:
    """(id, when, text) of an addendum."""
    shown = next(contents(document), b"").decode("utf-8", "replace")
    return str(document["id"]), _when(datetime.fromisoformat(str(document["date"]))), shown


def kinds_line(resource: Any) -> tuple[str, str]:
    """(what it is, what it says) of something that came later."""
    line = kinds.line(resource)
    return kinds.title(str(resource.get("resourceType", ""))), line.what


def _when(at: datetime) -> str:
    local = at.astimezone(zones.here())
    return f"{local:%B} {local.day}, {local.year}, {local:%H:%M} {local:%Z}"

