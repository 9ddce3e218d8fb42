"""GET and POST /patients/{id}/papers/{document}/reconcile: document beside chart, decided and signed."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care.summaries import charting, comparing, deciding, mapping, opening
from sojourn.care.summaries.comparing import LIKELY, SAME
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.pages import PAGES
from sojourn.fhir import codec
from sojourn.gate import drafts
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response as Answer

    from sojourn.care.summaries.deciding import Act, Case
    from sojourn.gate.access import Access

HOW = {SAME: "the same", LIKELY: "likely the same", "": "not in the chart"}
CHANGED = "The chart changed since you opened it. It is shown as it is now, with what you decided of what is the same; look again."


async def show(request: Request) -> Answer:
    """The act, as it was left."""
    access, patient, document = _where(request)
    about, case, draft = await asyncio.gather(banner.fetch(access, patient), _case(access, patient, document), drafts.kept(access, _key(document)))
    said = {str(k): str(v) for k, v in codec.loads(draft.body).items()} if draft else deciding.begun(case)
    kept = await charting.kept(case) if request.query_params.get("kept") and not case.uncoded else None
    return await _page(request, case, said={**said, "stamp": draft.stamp if draft else ""}, about=about, kept=kept)


async def act(request: Request) -> Answer:
    """Keep, look at what will be signed, sign."""
    access, patient, document = _where(request)
    said = await sent(request)
    if said.get("do") == "keep":
        return await _keep(access, patient, document, said)
    case = await _case(access, patient, document)
    decided = deciding.read(said, case)
    try:
        if case.program is None:
            raise Conflict(deciding.ELSEWHERE)
        if said.get("seen") != _seen(case):
            raise VersionConflict
        if missing := deciding.unresolved(case, decided):
            return await _page(request, case, f"{len(missing)} {'thing is' if len(missing) == 1 else 'things are'} not decided. Look at what is marked.", 422, said=said, missing=missing)
        text = deciding.text(case, decided)
        if said.get("do") == "sign" and said.get("digest") == _digest(text):
            await deciding.sign(access, case, decided, text, entering.kept_key(said))
            await drafts.drop(access, _key(document))
            return redirect(request, f"/patients/{patient}/papers/{document}", "document-reconciled")
        return await _sign_page(request, case, decided, text, said)
    except VersionConflict:
        return await _page(request, await _case(access, patient, document), CHANGED, 412, said=said)
    except (Malformed, Conflict) as error:
        return await _page(request, case, error.message, 409 if isinstance(error, Conflict) else 422, said=said)


def _where(request: Request) -> tuple[Access, str, str]:
    return request.state.access, request.path_params["id"], request.path_params["document"]


def _key(document: str) -> str:
    return f"document/{document}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _seen(case: Case) -> str:
    return comparing.seen(case.compared)


async def _case(access: Access, patient: str, document: str) -> Case:
    stored = await charting.one(access, patient, document)
    try:
        return await charting.case(access, patient, stored)
    except opening.BadDocument:
        raise NotFound from None


async def _keep(access: Access, patient: str, document: str, said: Mapping[str, str]) -> Answer:
    """What is typed, for this person alone. Another window's newer one stays; nothing of it is lost."""
    await charting.one(access, patient, document)
    body = codec.dumps({k: v for k, v in said.items() if k not in ("csrf", "do", "tab", "stamp")})
    try:
        await drafts.keep(access, _key(document), body, patient=patient, seen=said.get("stamp", ""), tab=said.get("tab", ""))
    except VersionConflict:
        return Response(status_code=409)
    return Response(status_code=204)


async def _page(request: Request, case: Case, problem: str = "", status: int = 200, *, said: Mapping[str, str], missing: Mapping[str, str] | None = None, about: Any = None, kept: Mapping[str, int] | None = None) -> Answer:
    access, patient, document = _where(request)
    about = about or await banner.fetch(access, patient)
    done, changed = await asyncio.gather(deciding.done(access, patient, [document]), charting.changed(access, patient, case.stored, case))
    offered = {row.key: deciding.offered(case, row) for row in case.compared.every}
    return PAGES.render(
        request, "papers/reconcile.html", status=status, banner=about, parts=allowed(access), here="papers", case=case, kinds=mapping.LINES, beside=case.beside(), besides=mapping.BESIDE, stays=case.stays(), unread=case.unread(), offered=offered, how=HOW,
        said=said, stamp=said.get("stamp", ""), tab=said.get("tab") or entering.key()[:12], seen=_seen(case), problem=problem or (deciding.ELSEWHERE if case.program is None else ""), missing=missing or {},
        may=case.program is not None, takes=case.takes, done=document in done, changed=changed, document=document, kept=kept,
    )  # fmt: skip


async def _sign_page(request: Request, case: Case, decided: Act, text: str, said: Mapping[str, str]) -> Answer:
    access, patient, document = _where(request)
    about = await banner.fetch(access, patient)
    return PAGES.render(
        request, "papers/reconcile_sign.html", banner=about, parts=allowed(access), here="papers", text=text, fields=deciding.fields(decided), digest=_digest(text), seen=_seen(case), changed=said.get("do") == "sign",
        key=entering.kept_key(said) or entering.key(), document=document,
    )  # fmt: skip
