"""The consents of a patient, and one of them: its words, its signature, what can be done with it."""

from __future__ import annotations

import asyncio
from datetime import datetime, time
from typing import TYPE_CHECKING

from sojourn.base.errors import Invalid, NotFound
from sojourn.care.staffing import zones
from sojourn.doors.staff import words
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.desk.consents import effects
from sojourn.doors.staff.desk.consents.reading import Opened, line, names, opened, path, show, worded
from sojourn.gate.consenting import drafting, elements, ending, preview, signers, standing, terms, validity
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PARTS = (
    ("Needs somebody", ("draft", "requested", "void", "lapsed"), True),
    ("In force", ("in_force", "agreed", "later"), True),
    ("Over", ("expired", "revoked", "replaced", "refused", "ended"), False),
)
"""Parts of the list: title, standings, whether it is open."""


async def listed(request: Request) -> Response:
    """GET /patients/{id}/consents."""
    access, patient = request.state.access, request.path_params["id"]
    about, found = await asyncio.gather(banner.fetch(access, patient), access.search("Consent", [("patient", patient), ("_sort", "-date")], count=100))
    known = await names(access, drafting.referenced(found.resources))
    lines = [line(access, stored, known) for stored in found.matches if stored.resource.get("status") != "entered-in-error"]
    parts = [(title, [one for one in lines if one.standing.key in keys], unfolded) for title, keys, unfolded in PARTS]
    return show(request, "list.html", about, parts_of_list=parts, more=found.next is not None, any=bool(lines))


async def one(request: Request) -> Response:
    """GET /patients/{id}/consents/{consent}: a draft goes on to its form."""
    at = await opened(request)
    if at.consent.get("status") == "draft":
        return redirect(request, path(at.banner, at.stored.id, "form"))
    if at.consent.get("status") == "entered-in-error":
        raise NotFound
    return _one(request, at)


def _one(request: Request, at: Opened, problem: str = "") -> Response:
    access, consent = request.state.access, at.consent
    return show(
        request, "one.html", at.banner, status=422 if problem else 200, at=at, words=worded(request, at), state=standing.standing(consent, access.now),
        checked=elements.elements(consent), facts=facts(at), problem=problem, waits=validity.waits_for_event(consent) and consent.get("status") == "active",
        irrevocable=ending.irrevocable(consent), mandatory=ending.mandatory(consent), today=zones.today(access).isoformat(), ours=bool(terms.value(consent, terms.DIGEST)),
        copy=terms.value(consent, terms.COPY),
    )  # fmt: skip


def facts(at: Opened) -> list[tuple[str, str]]:
    """How it was signed and what became of it."""
    consent = at.consent
    signer = ", ".join(at.names.get(terms.literal(p)) or str(p.get("display") or "somebody not in the directory") for p in consent.get("performer") or ())
    authority = signers.AUTHORITIES.get(str(terms.value(consent, terms.AUTHORITY)), "")
    found = [
        ("Signed by", signer),
        ("By what right", ", ".join(filter(None, (authority, str(terms.value(consent, terms.AUTHORITY_EVIDENCE) or ""))))),
        ("Signed on", words.day_and_time(consent.get("dateTime"))),
        ("How", {"electronic": f"On the screen, as {terms.value(consent, terms.TYPED)}", "paper": "On paper; the scan is kept"}.get(str(terms.value(consent, terms.METHOD)), "")),
        ("How the signer is known", signers.IDENTITIES.get(str(terms.value(consent, terms.IDENTITY)), "")),
        ("Witness", str(terms.value(consent, terms.WITNESS) or "")),
        ("Copy to the patient", {"given": "Given", "declined": "Not wanted"}.get(str(terms.value(consent, terms.COPY)), "Not yet")),
        ("Fingerprint of the words", str(terms.value(consent, terms.DIGEST) or "")[:16]),
        ("Last confirmed", words.day_and_time(terms.value(consent, terms.EVENT_CONFIRMED))),
        ("Event recorded for", words.day_and_time(terms.value(consent, terms.EVENT_OCCURRED))),
        ("Decision", str(terms.value(consent, terms.DECISION) or "")),
        ("Ended", words.day_and_time(terms.value(consent, terms.ENDED_AT))),
    ]
    return [(name, said) for name, said in found if said]


async def revoke(request: Request) -> Response:
    """GET .../revoke: what taking it back stops. POST: take it back."""
    access, at = request.state.access, await opened(request)
    if at.consent.get("status") not in ("active", "proposed"):
        raise NotFound
    problem = ""
    if request.method == "POST":
        form = await sent(request)
        try:
            await ending.revoke(access, at.consent, how=form.get("how", ""), version=form.get("version", ""), note=form.get("note", "").strip()[:500])
            return redirect(request, path(at.banner, at.stored.id), "revoked")
        except Invalid as error:
            problem = error.message
    permits = terms.root(at.consent).get("type") == "permit"
    shown = effects.said(await preview.of_revoking(access, at.consent), at.names, ending=True) if permits else []
    stops = await preview.open_rows(access, at.stored.id)
    return show(
        request, "revoke.html", at.banner, status=422 if problem else 200, at=at, effects=shown, stops=effects.stops(stops, at.names), ways=ending.WAYS, problem=problem,
        irrevocable=ending.irrevocable(at.consent), permits=permits,
    )  # fmt: skip


async def after(request: Request) -> Response:
    """POST .../after: record or put off its event, decide a request, mark the copy."""
    access, at, form = request.state.access, await opened(request), await sent(request)
    act, version = form.get("do", ""), form.get("version", "")
    try:
        if act == "occurred":
            await ending.occurred(access, at.consent, on=_moment(form.get("on", "")), version=version)
        elif act == "not_yet":
            await ending.not_yet(access, at.consent, version=version)
        elif act in ("agree", "refuse"):
            await ending.decide(access, at.consent, agreed=act == "agree", reason=form.get("reason", "")[:500], version=version)
        elif act in ("given", "declined"):
            await ending.copied(access, at.consent, given=act == "given", version=version)
        else:
            raise NotFound
    except Invalid as error:
        return _one(request, at, error.message)
    return redirect(request, path(at.banner, at.stored.id), "saved")


def _moment(text: str) -> datetime:
    try:
        return zones.moment(datetime.fromisoformat(text).date(), time(0), zones.here())
    except (ValueError, OverflowError):
        raise Invalid("Write the day on which the event came.") from None


async def copy(request: Request) -> Response:
    """GET .../copy: the form as it was signed, to print for the patient."""
    at = await opened(request)
    if at.consent.get("status") == "draft":
        raise NotFound
    return show(request, "copy.html", at.banner, at=at, words=worded(request, at), facts=facts(at), state=standing.standing(at.consent, request.state.access.now), copy=terms.value(at.consent, terms.COPY))
