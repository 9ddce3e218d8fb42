"""Pages of results and the shape that was asked for: searchset, history, _summary, _elements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote_plus

from sojourn.base import errors
from sojourn.doors.api.answer import Answer, shown
from sojourn.doors.api.ask import Ask
from sojourn.fhir import bundles, codec, subset
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate.found import Found, Stored

SUMMARIES = ("true", "text", "data", "count", "false")


def shaped_one(ask: Ask, stored: Stored) -> Stored:
    """The resource as _summary or _elements asks."""
    shape = _shape(ask)
    if shape and stored.body is not None:
        stored.body = codec.dumps(_shaped(stored, *shape))
    return stored


def shape_all(ask: Ask, found: Found) -> None:
    """The same for every match of a page (and, for _summary, what is included with it)."""
    shape = _shape(ask)
    if not shape:
        return
    for stored in shown(found) if shape[0] else found.matches:
        if stored.body is not None:
            stored.body = codec.dumps(_shaped(stored, *shape))


def _shape(ask: Ask) -> tuple[str, tuple[str, ...]] | None:
    if "_summary" not in ask.query and "_elements" not in ask.query and ask.method != "POST":
        return None
    summary = ask.param("_summary")
    if summary and summary not in SUMMARIES:
        raise errors.Malformed("_summary must be true, text, data, count or false.")
    names = tuple(n.strip().rpartition(".")[2] for v in (v for k, v in ask.params if k == "_elements") for n in v.split(",") if n.strip())
    if summary in ("", "false", "count") and not names:
        return None
    return (summary if summary not in ("false", "count") else "", names)


def _shaped(stored: Stored, summary: str, names: Sequence[str]) -> dict[str, object]:
    return subset.summary(stored.resource, summary) if summary else subset.elements(stored.resource, names)


def searchset(ask: Ask, path: str, found: Found, *, notes: Sequence[Issue] = ()) -> Answer:
    """A searchset from stored bytes. The self link names the parameters that were used."""
    shape_all(ask, found)
    hits = [(f"{s.type}/{s.id}", s.body or b"", s.mode) for s in shown(found)]
    if notes:
        hits.append(("", codec.dumps(outcome(notes)), "outcome"))
    used = [(k, v) for k, v in ask.params if k not in found.ignored and k != "page"]
    links = [("self", url(ask.base, path, used + ([("page", ask.param("page"))] if ask.param("page") else [])))]
    if found.next:
        links.append(("next", url(ask.base, path, [*used, ("page", found.next)])))
    return Answer(200, bundles.searchset(ask.base, hits, links, found.total), receipt=found.receipt)


def history_bundle(ask: Ask, found: Found) -> Answer:
    """A history Bundle."""
    path = "/".join(ask.parts)
    used = [(k, v) for k, v in ask.params if k != "page"]
    links = [("self", url(ask.base, path, ask.params))]
    if found.next:
        links.append(("next", url(ask.base, path, [*used, ("page", found.next)])))
    versions = [
        bundles.Answer(
            _STATUS[s.kind], f"{s.type}/{s.id}", s.body, etag=f'W/"{s.version}"', last_modified=instant(s), method=_METHOD[s.kind],
        )
        for s in found.matches
    ]  # fmt: skip
    return Answer(200, bundles.history(ask.base, versions, links), receipt=found.receipt)


_METHOD = {"create": "POST", "update": "PUT", "delete": "DELETE", "current": "PUT"}
_STATUS = {"create": "201 Created", "update": "200 OK", "delete": "204 No Content", "current": "200 OK"}


def instant(stored: Stored) -> str:
    """lastUpdated as a FHIR instant."""
    return stored.updated.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stored.updated.microsecond // 1000:03d}Z"


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return quote_plus(text, safe=":/,$|*")


def url(base: str, path: str, params: Sequence[tuple[str, str]]) -> str:
    """The address of a page of answers."""
    query = "&".join([f"{_quoted(k)}={_quoted(v)}" for k, v in params])
    return f"{base}{path}?{query}" if query else f"{base}{path}"
