"""Bring in many resources with the ids they have: in chunks, repeatable, nothing refused in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock, errors
from sojourn.base.db import Changed
from sojourn.fhir import codec
from sojourn.fhir.outcome import Issue, is_error
from sojourn.fhir.validate import validate
from sojourn.gate import closing, documentmarks, inheriting, origin, plainly, preparing, retelling, takingback
from sojourn.gate.changes import Change
from sojourn.gate.vocabulary import local
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

# A chunk must commit within 200 ms, so that a clinician's save beside it waits no longer than that.
CHUNK = 150
_TRIES = 8
_LOOK = 5  # chunks between looks at whether the planner must count anew


class Refused(NamedTuple):
    """A resource that was not imported, and why. `place` is what the source calls it (file and line)."""

    place: str
    type: str
    id: str
    issues: tuple[Issue, ...]


class Outcome(NamedTuple):
    """What became of a chunk. clients: in whose records that is which was written or there already."""

    written: int
    unchanged: int
    refused: tuple[Refused, ...]
    deleted: int = 0
    clients: frozenset[str] = frozenset()


class NotTaken(str):
    """Why what came is not taken here, whatever it says."""

    __slots__ = ()


class Arrival(NamedTuple):
    """A resource on its way in, or a text that says why it cannot be read.

    `program`: the number of the program that made it; None for shared directory types.
    """

    place: str
    program: int | None
    resource: Any


class Wanted(NamedTuple):
    """A valid arrival as the change that it asks for."""

    place: str
    change: Change
    resource: dict[str, Any]


Renew = Callable[["Access"], "Awaitable[Access | None]"]
"""The same importer as the database knows it now, or None where they are known no more."""


async def bring_in(access: Access, arrivals: Iterable[Arrival], renew: Renew | None = None) -> AsyncGenerator[Outcome, None]:
    """Import in chunks; each is written whole before its Outcome is yielded. Stopping loses nothing: what was written stays,
    and importing the same again changes only what differs.

    renew: asked when everybody has to be looked up anew, as after a rule that changed meanwhile. Without it that ends the import.
    """
    importer = _Importer(access, renew)
    chunks = iter(_chunks(arrivals))
    fresh = True
    number = 0
    ready = await asyncio.to_thread(_ready, importer.access, chunks, fresh=fresh)
    while ready is not None:
        if number % _LOOK == 0 or number < 3:  # an empty store is planned for as one: the first look comes soon
            await store.measure(access.house.db, 4)
        sent = asyncio.Event()
        writing = asyncio.create_task(_write(importer, *ready, sent))
        # From the moment the database has this chunk the next one is read and prepared, as if nothing of it were there yet; if this
        # one was there already, so will the next be, and it is not worth while. Not before: both would wait for the interpreter
        # and the database for both. In a thread: a chunk is more than a socket takes at once.
        await sent.wait()
        ready = await asyncio.to_thread(_ready, importer.access, chunks, fresh=fresh)
        outcome = await writing
        fresh = outcome.written >= outcome.unchanged
        yield outcome
        number += 1
    if number:
        await store.measure(access.house.db, 1.2)


@dataclass(slots=True)
class _Importer:
    """Who imports, as the database knows them now."""

    access: Access
    renew: Renew | None
    listed: set[tuple[str, str, str]] = field(default_factory=set)
    """Local codes of which was asked already whether a map knows them."""

    async def list_codes(self, valid: Sequence[Wanted]) -> None:
        """Put the local codes of a chunk that no map knows on the work list. Also of what was there already: a run that was stopped may not have come to it."""
        new = [c for c in local.wanting(w.resource for w in valid) if c[:3] not in self.listed]
        if new:
            try:
                await local.known(self.access, "", new)
            except errors.StaleCredential:
                if not await self.again():
                    raise
                await local.known(self.access, "", new)
            self.listed.update(c[:3] for c in new)

    async def again(self) -> bool:
        """Look them up anew; whether they are still known."""
        found = await self.renew(self.access) if self.renew else None
        self.access = found or self.access
        return found is not None


def _chunks(arrivals: Iterable[Arrival]) -> Iterable[list[Arrival]]:
    """No resource twice in one chunk, and deletions apart from what is written, in the order in which they come."""
    chunk: list[Arrival] = []
    seen: set[tuple[str, str]] = set()
    for arrival in arrivals:
        resource = arrival.resource
        key = (str(resource.get("resourceType")), str(resource.get("id") or "")) if isinstance(resource, dict) else ("", "")  # whatever stands there
        if chunk and (len(chunk) >= CHUNK or (key in seen and key[1]) or takingback.is_one(resource) != takingback.is_one(chunk[-1].resource)):
            yield chunk
            chunk, seen = [], set()
        chunk.append(arrival)
        seen.add(key)
    if chunk:
        yield chunk


def _chunk(chunk: list[Arrival]) -> tuple[list[Wanted], tuple[Refused, ...]]:
    """What of a chunk is valid."""
    refused: list[Refused] = []
    valid: list[Wanted] = []
    for place, program, resource in chunk:
        if isinstance(resource, NotTaken):
            refused.append(Refused(place, "", "", (Issue("error", "not-supported", "", str(resource)),)))
            continue
        if takingback.is_one(resource):
            if takingback.named(resource) is None:
                refused.append(Refused(place, "Bundle", "", (takingback.NAMED,)))
            else:
                valid.append(Wanted(place, Change("delete", "Bundle", program=program), resource))
            continue
        if isinstance(resource, str):
            refused.append(Refused(place, "", "", (Issue("error", "structure", "", f"not the JSON that FHIR allows: {resource}"),)))
            continue
        issues = tuple(i for i in validate(resource) if is_error(i))
        if not issues and not resource.get("id"):
            issues = (Issue("error", "required", f"{resource.get('resourceType')}.id", "An imported resource needs an id."),)
        if issues:
            known = resource if isinstance(resource, dict) else {}
            refused.append(Refused(place, str(known.get("resourceType", "")), str(known.get("id", "")), issues))
        else:
            valid.append(Wanted(place, Change("update", resource["resourceType"], resource["id"], resource, upsert=True, program=program), resource))
    return valid, tuple(refused)


def _ready(access: Access, chunks: Iterator[list[Arrival]], *, fresh: bool) -> tuple[list[Wanted], tuple[Refused, ...], dict[int, preparing.Prepared]] | None:
    """What of the next chunk is valid, and what is written if nothing of it is there yet, by position; None when there is no more.

    What cannot be prepared is left for later, to be refused then.
    """
    chunk = next(chunks, None)
    if chunk is None:
        return None
    valid, refused = _chunk(chunk)
    drafts: dict[int, preparing.Prepared] = {}
    for n, wanted in enumerate(valid if fresh and not _deletes(valid) else ()):
        with suppress(errors.SojournError):
            drafts[n] = preparing.prepare(access, wanted.change, documentmarks.now(wanted.change.type, wanted.resource, access.rules.labels, brought=True))
    return valid, refused, drafts


def _deletes(valid: Sequence[Wanted]) -> bool:
    return bool(valid) and valid[0].change.kind == "delete"


async def _take_back(importer: _Importer, valid: list[Wanted], refused: tuple[Refused, ...]) -> Outcome:
    """Delete, one after another; each line counts once."""
    deleted, late = 0, list(refused)
    for place, change, resource in valid:
        importer.access.now = clock.now()
        names = takingback.named(resource) or []
        try:
            done, why = await takingback.taken_back(importer.access, names, change.program)
        except errors.StaleCredential:
            if not await importer.again():
                raise
            done, why = await takingback.taken_back(importer.access, names, change.program)
        deleted += done > 0 and why is None
        if why is not None:
            late.append(Refused(place, *names[0], (why,)))
    return Outcome(0, len(valid) - deleted - (len(late) - len(refused)), tuple(late), deleted)


async def _write(
    importer: _Importer, valid: list[Wanted], refused: tuple[Refused, ...], drafts: dict[int, preparing.Prepared], sent: asyncio.Event
) -> Outcome:
    """Write a chunk; `sent` is set when the database has it, or when there is nothing more to send."""
    try:
        if _deletes(valid):
            return await _take_back(importer, valid, refused)
        for attempt in range(_TRIES if valid else 0):
            importer.access.now = clock.now()
            try:
                written, unchanged, late, clients = await _try(importer.access, valid, drafts if attempt == 0 else {}, sent, again=attempt > 0)
                await importer.list_codes(valid)
                return Outcome(written, unchanged, (*refused, *late), clients=clients)
            except Changed:
                continue
            except errors.StaleCredential:
                if not await importer.again():
                    raise
        if valid:
            raise errors.Conflict()
        return Outcome(0, 0, refused)
    finally:
        sent.set()


async def _try(
    access: Access, valid: list[Wanted], drafts: dict[int, preparing.Prepared], sent: asyncio.Event, *, again: bool
) -> tuple[int, int, list[Refused], frozenset[str]]:
    """Write what is new or different. A resource that is there with the same content is left alone, so an import can be run again."""
    rows = await store.for_update(access.house.db, access.head, access.decided, [w.change.type for w in valid], [w.change.id for w in valid])
    prepared: list[preparing.Prepared] = []
    refused: list[Refused] = []
    clients: set[str] = set()
    for n, ((place, change, resource), row) in enumerate(zip(valid, rows, strict=True)):
        change.base = row if row["kind"] is not None else None
        if change.base is None and n in drafts:
            prepared.append(drafts[n])
            continue
        if row["kind"] == "current":
            before = change.before = _stored(access, row)
            if _content(before) == _content(resource):
                clients |= {row["patient"]} - {None}
                continue
            change.plain, change.by = await plainly.touched(access, before, resource)
        await inheriting.known(access, change, resource, again=again)
        try:
            prepared.append(preparing.prepare(access, change, await documentmarks.told(change.type, resource, access.rules.labels, brought=True)))
        except errors.SojournError as error:
            refused.append(Refused(place, change.type, change.id, (Issue("error", error.code, error.expression, error.message),)))
    if prepared:
        await inheriting.applied(access, prepared, again=again)
        await preparing.keep_apart(access, prepared)
        relabelled = await origin.extended(access, prepared)
        batch, patients = preparing.batch(access, [*prepared, *relabelled])
        sent.set()  # who waits for it goes on when the call below has put everything into the socket
        part = store.Part(access.head, access.caller.account, batch, access.entry("import", "Bundle", "", patients=patients))
        await retelling.write(access, part, [*prepared, *relabelled])
        clients.update(patients)
    return len(prepared), len(valid) - len(prepared) - len(refused), refused, frozenset(clients)


def _stored(access: Access, row: Any) -> dict[str, Any]:
    body = row["body"]
    if row["blobs"]:
        body = access.house.blobs.whole(access.tenant.number, body, row["blobs"])
    stored: dict[str, Any] = codec.loads(body)
    return stored


def _content(resource: dict[str, Any]) -> bytes:
    meta = {k: v for k, v in closing.plain(resource.get("meta", {})).items() if k not in ("versionId", "lastUpdated", "security")}
    # In the order in which it is stored: what comes first is not what was sent.
    rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
    return codec.dumps([resource.get("resourceType"), resource.get("id"), meta, rest])
