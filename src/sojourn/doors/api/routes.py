"""The FHIR URL space on one page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from sojourn.base import errors
from sojourn.doors.api import (
    batch,
    bulk,
    capabilities,
    compartments,
    consents,
    documents,
    emergency,
    labels,
    messaging,
    operations,
    read,
    reports,
    search,
    summaries,
    terminology,
    write,
)
from sojourn.doors.api.answer import Answer
from sojourn.doors.api.ask import Ask
from sojourn.doors.api.mhd import documents as mhd
from sojourn.doors.api.mhd import people
from sojourn.doors.api.subscriptions import asked
from sojourn.fhir.definitions import RESOURCE_TYPES

Handler = Callable[..., Awaitable[Answer]]

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII).fullmatch

# (method, shape of the path) -> handler. In a shape: T a resource type, I an id, V a version; the rest stands for itself.
ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "metadata"): lambda ask: capabilities.metadata(ask, frozenset(ROUTES)),
    ("GET", "T/I"): read.read,
    ("GET", "T/I/_history/V"): read.vread,
    ("GET", "T/I/_history"): read.history,
    ("GET", "T/_history"): lambda ask, t: read.history(ask, t, None),
    ("GET", "_history"): lambda ask: read.history(ask, None, None),
    ("GET", "T"): search.search,
    ("POST", "T/_search"): search.search,
    ("GET", ""): lambda ask: search.search(ask, None),
    ("POST", "_search"): lambda ask: search.search(ask, None),
    ("GET", "T/I/T"): compartments.search,
    ("POST", "T/I/T/_search"): compartments.search,
    ("GET", "T/I/*"): compartments.every,
    ("POST", "T/I/*/_search"): compartments.every,
    ("POST", "T"): asked.create,
    ("PUT", "T/I"): asked.update,
    ("PUT", "T"): asked.whole_only(write.update_if),
    ("PATCH", "T/I"): asked.whole_only(write.patch),
    ("PATCH", "T"): asked.whole_only(write.patch_if),
    ("DELETE", "T/I"): asked.delete,
    ("DELETE", "T"): asked.whole_only(write.delete_if),
    ("POST", ""): lambda ask: batch.system(ask, dispatch),
    ("GET", "T/I/$everything"): operations.everything,
    ("POST", "T/I/$everything"): operations.everything,
    ("GET", "T/I/$ccd"): summaries.ccd,
    ("GET", "T/$docref"): operations.docref_of,
    ("POST", "T/$docref"): operations.docref_of,
    ("POST", "T/$import-ccda"): documents.take_in,
    ("GET", "T/I/$content"): mhd.content,
    ("POST", "T/$match"): people.match,
    ("GET", "T/$ihe-pix"): people.pix,
    ("POST", "T/$emergency-access"): emergency.declare,
    ("GET", "T/I/$meta"): labels.show,
    ("POST", "T/I/$meta-add"): labels.add,
    ("POST", "T/I/$meta-delete"): labels.remove,
    ("GET", "T/I/$words"): consents.words,
    ("POST", "T/I/$sign"): consents.sign,
    ("POST", "T/I/$revoke"): consents.revoke,
    ("GET", "T/I/$access-report"): reports.access_report,
    ("GET", "T/I/$accounting"): reports.disclosures,
    ("POST", "T/$validate"): operations.validate,
    ("POST", "T/I/$validate"): operations.validate,
    ("GET", "T/I/$validate"): operations.validate_stored,
    ("POST", "$validate"): operations.validate,
    ("GET", "T/$status"): asked.status,
    ("GET", "T/I/$status"): asked.status,
    ("GET", "T/I/$events"): asked.events,
    ("GET", "T/$lookup"): terminology.lookup,
    ("POST", "T/$lookup"): terminology.lookup,
    ("GET", "T/$validate-code"): terminology.validate,
    ("POST", "T/$validate-code"): terminology.validate,
    ("GET", "T/I/$validate-code"): terminology.validate,
    ("POST", "T/I/$validate-code"): terminology.validate,
    ("GET", "T/$expand"): terminology.expand,
    ("POST", "T/$expand"): terminology.expand,
    ("GET", "T/I/$expand"): terminology.expand,
    ("POST", "T/I/$expand"): terminology.expand,
    ("GET", "T/$translate"): terminology.translate,
    ("POST", "T/$translate"): terminology.translate,
    ("GET", "T/I/$translate"): terminology.translate,
    ("POST", "T/I/$translate"): terminology.translate,
    ("GET", "$export"): lambda ask: bulk.begin(ask, None),
    ("POST", "$export"): lambda ask: bulk.begin(ask, None),
    ("GET", "T/$export"): bulk.begin,
    ("POST", "T/$export"): bulk.begin,
    ("GET", "T/I/$export"): bulk.begin,
    ("POST", "T/I/$export"): bulk.begin,
    ("POST", "$process-message"): messaging.process,
    ("POST", "$import"): bulk.bring,
    ("GET", "$bulk/I"): bulk.status,
    ("DELETE", "$bulk/I"): bulk.cancel,
    ("GET", "$bulk/I/V"): bulk.download,
}
# What anybody may ask.
OPEN = frozenset({"metadata"})
_WORDS = frozenset(word for _, shape in ROUTES for word in shape.split("/") if word not in ("T", "I", "V", ""))
_METHODS = {shape: sorted(m for m, s in ROUTES if s == shape) for _, shape in ROUTES}


def shape_of(parts: list[str]) -> tuple[str, list[str]]:
    """The shape of a path and what fills it. Raises NotFound for an unknown type, or Malformed for what can be no id."""
    if not parts:
        return "", []
    head = parts[0]
    if head == bulk.PLACE:
        return "/".join([head, *("I", "V")[: len(parts) - 1], *parts[3:]]), parts[1:]
    if head in _WORDS:
        return "/".join(parts), []
    if head not in RESOURCE_TYPES:
        raise errors.NotFound("There is no such resource type." if head[:1].isupper() else "There is no such page here.")
    shape, filled = ["T"], [head]
    for n, part in enumerate(parts[1:], 1):
        if part in _WORDS:
            shape.append(part)
            continue
        if part[:1] in "$_":
            raise errors.NotSupported("There is no such operation here.")
        if not _ID(part):
            raise errors.NotFound(f"There is no such {head}.")
        shape.append("I" if n == 1 else "T" if n == 2 and part in RESOURCE_TYPES else "V")  # noqa: PLR2004 - places in the path
        filled.append(part)
    return "/".join(shape), filled


async def dispatch(ask: Ask) -> Answer:
    """Answer one request of a known caller. Raises NotAllowed or NotFound for what is not on this page."""
    shape, filled = shape_of(ask.parts)
    handler = ROUTES.get(("GET" if ask.method == "HEAD" else ask.method, shape))
    if handler is None:
        if shape in _METHODS:
            allowed = _METHODS[shape]
            raise errors.NotAllowed(f"Here only {', '.join(allowed)} is possible.", allowed=allowed)
        raise errors.NotFound("There is no such page here.")
    return await handler(ask, *filled)


def table() -> list[dict[str, Any]]:
    """Every route, for tests and documentation."""
    return [{"method": method, "shape": shape, "open": shape in OPEN} for method, shape in ROUTES]
