"""GET [type]/[id], its versions and its history (https://hl7.org/fhir/R4/http.html#read)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.doors.api import binary, forms, persons
from sojourn.doors.api.answer import Answer, of_stored, version_headers
from sojourn.doors.api.ask import Ask, etags
from sojourn.fhir import dates
from sojourn.gate.found import Stored
from sojourn.gate.trail import asking

HISTORY_PAGE = 100
MAX_PAGE = 1000


async def read(ask: Ask, type_: str, id_: str) -> Answer:
    """The current version; 304 when the caller has it already."""
    raw = type_ == "Binary" and binary.wants_content(ask)
    if not raw:
        ask.check_format()
    if type_ == "AuditEvent" and asking.generated(ask.access) and (event := await asking.read(ask.access, id_)):
        return _unless_known(ask, event)
    stored = await ask.access.read(type_, id_)
    if await persons.tell(ask.access, [stored]):  # what is told hangs on another record, too: whoever has this version may not have that
        return of_stored(forms.shaped_one(ask, stored))
    return _unless_known(ask, stored, raw=raw)


async def vread(ask: Ask, type_: str, id_: str, version: str) -> Answer:
    """One version."""
    raw = type_ == "Binary" and binary.wants_content(ask)
    if not raw:
        ask.check_format()
    return _unless_known(ask, await ask.access.vread(type_, id_, version), raw=raw)


def _unless_known(ask: Ask, stored: Stored, *, raw: bool = False) -> Answer:
    since = ask.modified_since() if b"if-modified-since" in ask.headers else None
    known = b"if-none-match" in ask.headers and not {stored.version, "*"}.isdisjoint(etags(ask.header("if-none-match")))
    if known or (since is not None and b"if-none-match" not in ask.headers and stored.updated - since < timedelta(seconds=1)):
        return Answer(304, b"", version_headers(stored.version, stored.updated), stored.receipt)
    if raw:
        return binary.content(stored)
    return of_stored(forms.shaped_one(ask, stored))


async def history(ask: Ask, type_: str | None, id_: str | None) -> Answer:
    """Versions, newest first, a page at a time (https://hl7.org/fhir/R4/http.html#history)."""
    ask.check_format()
    count = HISTORY_PAGE
    since = None
    for name, value in ask.search_params():
        if name == "_count":
            count = _count(value)
        elif name == "_since":
            since = _since(value)
        elif name not in ("_at", "_list", "page") or name == "_at":
            if name == "_at" or ask.prefer("handling") == "strict":
                raise errors.NotSupported(f"The parameter {name} is not offered for history.")
    found = await ask.access.history(type_, id_, count=count, since=since, cursor=ask.param("page") or None)
    return forms.history_bundle(ask, found)


def _count(value: str) -> int:
    if not digits(value):
        raise errors.Malformed("_count must be a whole number.")
    return max(1, min(int(value), MAX_PAGE))


def _since(value: str) -> datetime:
    try:
        return dates.bounds(value.replace(" ", "+"))[0]
    except ValueError:
        raise errors.Malformed("_since must be an instant such as 2026-01-31T12:00:00Z.") from None


