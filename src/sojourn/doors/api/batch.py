"""Transactions and batches (https://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from sojourn.base import errors
from sojourn.doors.api import persons, write
from sojourn.doors.api.answer import JSON, Answer, of_error
from sojourn.doors.api.ask import GENERAL, Ask, decode_form, etag
from sojourn.doors.api.forms import instant
from sojourn.doors.api.mhd import provide
from sojourn.fhir import bundles, codec
from sojourn.fhir.bundle import Entry, Links, in_order, take_apart
from sojourn.fhir.outcome import outcome
from sojourn.fhir.search import parse
from sojourn.gate import security
from sojourn.gate.changes import Change, Written, new_id
from sojourn.gate.found import Stored

Inner = Callable[[Ask], Any]


async def system(ask: Ask, inner: Inner) -> Answer:
    """POST of a Bundle to the base. `inner` answers one request as the door would, for reads within."""
    ask.check_format()
    bundle = await ask.json()
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("transaction", "batch"):
        raise errors.Malformed("Send a Bundle of type transaction or batch.", expression="Bundle.type")
    if ask.access.caller.outside and provide.is_one(bundle):
        return await provide.take(ask, bundle)
    entries = take_apart(bundle)
    if bundle["type"] == "transaction":
        answers = await _transaction(ask, list(entries), inner)
    else:
        await security.alive(ask.access)  # each entry would be refused by itself to whom nobody knows any more
        answers = [await _alone(ask, entry, inner) for entry in entries]
    return Answer(200, bundles.responses(f"{bundle['type']}-response", ask.base, answers))


async def _transaction(ask: Ask, entries: list[Entry], inner: Inner) -> list[bundles.Answer]:
    """All or nothing: ids are given first, links rewritten, everything written in one statement; reads see the result."""
    answers: dict[int, bundles.Answer] = {}
    changes: list[tuple[Entry, Change]] = []
    assigned: dict[str, str] = {}
    links = Links(entries)
    if links.dangling:
        raise errors.Invalid("An entry refers to a urn: that is no entry's fullUrl.", expression=f"Bundle.entry[{links.dangling[0]}]")
    for entry in in_order(entries):
        if entry.method in ("GET", "HEAD"):
            continue
        with _about(entry.index):
            change = await _change(ask, entry)
        if isinstance(change, Stored):
            answers[entry.index] = _stored(ask, change, "200 OK")
            assigned[entry.full_url] = f"{change.type}/{change.id}"
        elif change is None:
            answers[entry.index] = bundles.Answer("204 No Content")
        else:
            changes.append((entry, change))
            assigned[entry.full_url] = f"{change.type}/{change.id}"
    _once_each(changes)
    found = {}
    for text in links.conditional:
        with _about(_holder(entries, text)):
            found[text] = await _conditional(ask, text)
    assigned.pop("", None)
    links.rewrite(assigned, found)
    reads = [entry for entry in entries if entry.method in ("GET", "HEAD")]
    changed = {(change.type, change.id) for _, change in changes}
    for entry in reads:
        with _about(entry.index):
            early = await _before(ask, entry, changed, inner)
        if early is not None:
            answers[entry.index] = early
    for (entry, _), written in zip(changes, await _apply(ask, changes), strict=True):
        answers[entry.index] = _written(ask, written)
    for entry in reads:
        if entry.index not in answers:
            answers[entry.index] = await _read(ask, entry, inner)
    return [answers[entry.index] for entry in entries]


async def _before(ask: Ask, entry: Entry, changed: set[tuple[str, str]], inner: Inner) -> bundles.Answer | None:
    """What can fail a read fails the transaction, so it is found out before anything is written.

    A read of what the transaction does not touch is answered now; a search is only checked, for it must see what is written.
    """
    parts = [p for p in entry.path.split("/") if p]
    if len(parts) == 2 and entry.id and (entry.type, entry.id) not in changed:  # noqa: PLR2004 - Type/id
        return _answered(await inner(_request(ask, entry)))
    if entry.query and len(parts) < 2:  # noqa: PLR2004 - a type or nothing
        asked = [(k, v) for k, v in decode_form(entry.query) if k not in GENERAL]
        parse(entry.type or None, asked, handling="strict" if ask.prefer("handling") == "strict" else "lenient", base=ask.base.rstrip("/"), value_sets=ask.access.house.value_sets)
    return None


async def _apply(ask: Ask, changes: list[tuple[Entry, Change]]) -> list[Written]:
    """Everything at once; an error names its entry."""
    if not changes:
        return []
    try:
        written: list[Written] = await ask.access.write([change for _, change in changes], action="transaction")
    except errors.SojournError as error:
        if error.place is not None:
            _locate(error, changes[error.place][0].index)
        raise
    return written


def _once_each(changes: list[tuple[Entry, Change]]) -> None:
    """Two entries may find the same resource by different conditions. Raises Invalid."""
    seen: set[tuple[str, str]] = set()
    for entry, change in changes:
        if (change.type, change.id) in seen:
            raise errors.Invalid("Another entry changes the same resource.", expression=f"Bundle.entry[{entry.index}]")
        seen.add((change.type, change.id))


def _holder(entries: list[Entry], text: str) -> int:
    """The first entry that refers to something by this condition."""
    wanted = codec.dumps(text)
    return next((entry.index for entry in entries if entry.resource is not None and wanted in codec.dumps(entry.resource)), 0)


@contextmanager
def _about(index: int) -> Iterator[None]:
    """Errors inside are about that entry."""
    try:
        yield
    except errors.SojournError as error:
        _locate(error, index)
        raise


def _locate(error: errors.SojournError, index: int) -> None:
    """Say where in the Bundle the error is."""
    at = f"Bundle.entry[{index}]"

    def inside(expression: str) -> str:
        head, dot, rest = expression.partition(".")
        return expression if head == "Bundle" else f"{at}.resource{dot}{rest}" if head[:1].isupper() else at

    error.expression = inside(error.expression)
    if isinstance(error, errors.Invalid) and error.issues:
        error.issues = tuple(issue._replace(expression=inside(issue.expression)) for issue in error.issues)  # type: ignore[attr-defined]


async def _change(ask: Ask, entry: Entry) -> Change | Stored | None:
    """What an entry wants changed; what is there already (If-None-Exist); or None where there is nothing to delete."""
    access, resource = ask.access, entry.resource
    if entry.type == "Subscription":
        raise errors.NotSupported("Send a Subscription by itself: it is begun and ended apart from what is stored.", expression=f"Bundle.entry[{entry.index}].request.url")
    if resource is not None:
        write.whole(resource)
    if entry.method == "POST":
        if resource is None or "$" in entry.path:
            raise errors.NotSupported("An operation cannot be part of a transaction.", expression=f"Bundle.entry[{entry.index}].request.url")
        existing = await write.match(access, entry.type, entry.if_none_exist) if entry.if_none_exist else None
        return existing or Change("create", entry.type, new_id(), resource)
    if_match = etag(entry.if_match)
    if entry.method == "DELETE":
        if entry.conditional:
            existing = await write.match(access, entry.type, entry.query)
            return Change("delete", entry.type, existing.id, if_match=if_match) if existing else None
        return await _deletion(ask, entry, if_match)
    if entry.method == "PATCH":
        how = write.patcher("", _patch_document(resource))
        if entry.conditional:
            return await write.conditional_patch(access, entry.type, entry.query, how, if_match)
        return Change("patch", entry.type, entry.id, patch=how, if_match=if_match)
    assert resource is not None
    if entry.conditional:
        change = await write.conditional_update(access, entry.type, entry.query, resource, if_match)
        change.id = change.id or new_id()
        return change
    return Change("update", entry.type, entry.id, await persons.untold(access, resource), if_match=if_match)


async def _deletion(ask: Ask, entry: Entry, if_match: str | None) -> Change | None:
    """Deleting what cannot be seen is no error, and tells nothing."""
    try:
        await ask.access.read(entry.type, entry.id)
    except (errors.NotFound, errors.Gone):
        return None
    return Change("delete", entry.type, entry.id, if_match=if_match)


def _patch_document(resource: Any) -> Any:
    """A patch in a Bundle: Parameters, or a JSON Patch inside a Binary (https://hl7.org/fhir/R4/http.html#jsonpatch)."""
    if isinstance(resource, dict) and resource.get("resourceType") == "Binary":
        import base64

        try:
            return codec.loads(base64.b64decode(resource.get("data", ""), validate=True))
        except ValueError:
            raise errors.Malformed("The Binary does not hold a JSON Patch.") from None
    return resource


async def _conditional(ask: Ask, text: str) -> str:
    type_, _, query = text.partition("?")
    existing = await write.match(ask.access, type_, query)
    if existing is None:
        raise errors.Invalid("A conditional reference matches nothing.")
    return f"{existing.type}/{existing.id}"


async def _alone(ask: Ask, entry: Entry, inner: Inner) -> bundles.Answer:
    """One entry of a batch: its own success or failure."""
    try:
        if entry.issues:
            return bundles.Answer("400 Bad Request", outcome=codec.dumps(outcome(entry.issues)))
        if entry.method in ("GET", "HEAD"):
            return await _read(ask, entry, inner)
        if entry.method == "POST" and (entry.resource is None or "$" in entry.path or entry.path.endswith("_search")):
            return await _read(ask, entry, inner)
        links = Links([entry])
        if links.dangling:
            raise errors.Invalid("Entries of a batch cannot refer to each other; send a transaction.")
        links.rewrite({}, {text: await _conditional(ask, text) for text in links.conditional})
        change = await _change(ask, entry)
        if isinstance(change, Stored):
            return _stored(ask, change, "200 OK")
        if change is None:
            return bundles.Answer("204 No Content")
        (written,) = await ask.access.write([change], action=change.kind)
        return _written(ask, written)
    except errors.SojournError as error:
        _locate(error, entry.index)
        return _failed(error)


async def _read(ask: Ask, entry: Entry, inner: Inner) -> bundles.Answer:
    """A read or search inside a bundle, answered as the door answers it."""
    try:
        return _answered(await inner(_request(ask, entry)))
    except errors.SojournError as error:
        return _failed(error)


def _answered(answer: Answer) -> bundles.Answer:
    """What an entry was answered. Raises NotSupported for what is no FHIR resource: a file, a clinical document."""
    if answer.stream is not None or answer.leaving is not None or (answer.body and answer.media is not JSON):
        raise errors.NotSupported("This is no FHIR resource, and has no place in a Bundle. Ask for it by itself.")
    return bundles.Answer(_words(answer.status), body=answer.body or None)


def _request(ask: Ask, entry: Entry) -> Ask:
    """An entry as a request of its own."""
    headers = dict(ask.headers)
    for name, value in ((b"if-none-match", entry.if_none_match), (b"if-modified-since", entry.if_modified_since)):
        headers.pop(name, None)
        if value:
            headers[name] = value.encode("latin-1", "replace")
    sub = Ask(entry.method if entry.method != "HEAD" else "GET", [p for p in entry.path.split("/") if p], entry.query, headers, ask.receive, ask.access, ask.base, ask.spoken)
    headers.pop(b"content-type", None)
    sub._body = b"" if entry.resource is None else codec.dumps(entry.resource)  # noqa: SLF001 - a request made here
    return sub


def _failed(error: errors.SojournError) -> bundles.Answer:
    return bundles.Answer(_words(error.status), outcome=of_error(error).body)


def _words(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _written(ask: Ask, written: Written) -> bundles.Answer:
    if written.stored is None and written.created:  # a note kept apart, which no API reads back
        ref = f"{written.type}/{written.id}"
        return bundles.Answer("201 Created", ref, None, f"{ask.base}{ref}/_history/{written.version}", f'W/"{written.version}"')
    if written.stored is None:
        return bundles.Answer("204 No Content", etag=f'W/"{written.version}"')
    return _stored(ask, written.stored, "201 Created" if written.created else "200 OK")


def _stored(ask: Ask, stored: Stored, status: str) -> bundles.Answer:
    """minimal answers leave the resource out."""
    ref = f"{stored.type}/{stored.id}"
    body = None if ask.prefer("return") == "minimal" else stored.body
    return bundles.Answer(status, ref, body, f"{ask.base}{ref}/_history/{stored.version}", f'W/"{stored.version}"', instant(stored))
