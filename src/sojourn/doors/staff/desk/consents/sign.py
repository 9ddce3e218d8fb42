"""Read the exact words together, and sign: on the screen, or keep the paper that was signed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile

from sojourn.base.errors import Invalid, NotFound
from sojourn.care.staffing import zones
from sojourn.doors.staff.desk.consents import effects
from sojourn.doors.staff.desk.consents.reading import Opened, opened, path, show, worded
from sojourn.gate.consenting import elements, preview, signers, signing
from sojourn.gate.consenting.signers import Signer
from sojourn.gate.consenting.signing import Signing
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LARGEST = 900_000
"""Bytes of a scan: a form may hold one megabyte (web/session.py)."""


async def read(request: Request) -> Response:
    """GET .../sign: the words as they will be signed, what they would do, and who signs. `?how=paper`: for paper that was signed."""
    return await _page(request, _draft(await opened(request)), {}, [])


async def send(request: Request) -> Response:
    """POST .../sign: the signature. Everything that is missing is said at once, each with its section."""
    at, form = _draft(await opened(request)), await request.form()
    values = {k: v for k, v in form.items() if isinstance(v, str)}
    given, too_large = await _signing(form)
    words = worded(request, at)
    found = signing.problems(at.consent, given, words, at.patient, request.state.access.today)
    if too_large:
        found.append("The file is larger than 900 kB. Scan in grey at 150 dots per inch, or photograph it smaller.")
    if found:
        return await _page(request, at, values, found)
    try:
        await signing.sign(request.state.access, at.consent, given, words, at.patient, version=values.get("version", ""))
    except Invalid as error:
        return await _page(request, at, values, [error.message])
    return redirect(request, path(at.banner, at.stored.id), "signed")


def _draft(at: Opened) -> Opened:
    if at.consent.get("status") != "draft":
        raise NotFound
    return at


async def _signing(form: FormData) -> tuple[Signing, bool]:
    def said(name: str) -> str:
        value = form.get(name)
        return value.strip()[:200] if isinstance(value, str) else ""

    authority, reference = said("authority"), said("signer")
    signer = Signer(authority, reference if authority in ("patient", "minor", "minor_and_parent") or reference.startswith("RelatedPerson/") else "", said("other"), said("evidence"), said("second"))
    file = form.get("scan")
    scan, scan_type = b"", ""
    if isinstance(file, UploadFile):
        scan, scan_type = await file.read(LARGEST + 1), file.content_type or ""
    try:
        day = date.fromisoformat(said("signed_on"))
    except ValueError:
        day = None
    made = Signing(signer, said("method"), said("shown"), said("name"), said("identity"), said("witness"), day, scan[:LARGEST], scan_type, said("copy"))
    return made, len(scan) > LARGEST


async def _page(request: Request, at: Opened, values: dict[str, str], problems: list[str]) -> Response:
    access = request.state.access
    how = "paper" if (values.get("method") or request.query_params.get("how")) == "paper" else "electronic"
    shown = effects.said(await preview.of_form(access, at.consent), at.names) if at.kind["direction"] != "none" else []
    years = signers.age(at.patient, access.today)
    likely = "minor_and_parent" if years is not None and years < signers.MAJORITY else "patient"
    return show(
        request, "sign.html", at.banner, status=422 if problems else 200, at=at, words=worded(request, at), values=values, problems=problems, how=how, effects=shown,
        missing=elements.unsigned(at.consent), authorities=signers.AUTHORITIES, identities=signers.IDENTITIES, likely=likely, today=zones.today(access).isoformat(), beside=effects.beside(at.consent),
    )  # fmt: skip
