"""Read one resource or its past, as this caller may see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import runs, sealed, several
from sojourn.gate.found import Found, Stored
from sojourn.gate.shown import Row, show
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt


async def read(access: Access, type_: str, id_: str) -> Stored:
    """The current version. Unknown and withheld ids run the same statements and leave the same line in the trail."""
    await access.check("read", type_, id_)
    whole = await several.read(access, several.Read(type_, id_, lambda: _alone(access, type_, id_)))
    row = whole.row
    if access.decision.redacted:
        versions = (await runs.known(access, whole.past or [])).get((type_, id_), [])
        return await _seen(access, "read", type_, id_, row, versions[0] if row is not None and versions else None)
    return await _one(access, "read", type_, id_, id_, row)


async def _alone(access: Access, type_: str, id_: str) -> several.Whole:
    """The row by its own statement; for a caller subject to redaction its versions by another, whatever there is."""
    row = await store.read(access.house.db, access.head, access.decided, type_, id_)
    if not access.decision.redacted:
        return several.Whole(row, None)
    return several.Whole(row, await store.versions(access.house.db, access.head, access.decided, [type_], [id_], limit=runs.DEEP))


async def vread(access: Access, type_: str, id_: str, version: str) -> Stored:
    """One version: visible only if its own labels and the current ones pass."""
    await access.check("read", type_, id_)
    if access.decision.redacted:
        rows = await runs.versions(access, [(type_, id_)])
        seen = await runs.of_versions(access, rows)
        row = next((r for r in rows if r["version"] == version), None)
        return await _seen(access, "vread", type_, f"{id_}/{version}", row, next((v for v in seen if v.version == version), None))
    rows = await store.history(access.house.db, access.head, access.decided, type_, id_, version=version, limit=1)
    return await _one(access, "vread", type_, id_, f"{id_}/{version}", rows[0] if rows else None)


async def _one(access: Access, action: str, type_: str, id_: str, query: str, row: Any) -> Stored:
    """Record what is shown (or that nothing was), then hand it over."""
    if row is None:
        await access.note(access.entry(action, type_, query, outcome="absent"))
        raise errors.NotFound(f"There is no such {type_}.")
    receipt = await access.note(access.entry(action, type_, query, patients=_patient(row), shown=[row["seq"]]))
    if row["kind"] == "delete":
        raise errors.Gone(f"This {type_} was deleted.")
    shown = await runs.told(access, [_named(row, type_, id_)]) if row["kind"] == "current" and not row["clean"] else [Row.of(row, type_, id_)]
    (stored,) = await show(access, shown, receipt)
    if stored is None:
        raise errors.NotFound(f"There is no such {type_}.")
    return stored


async def _seen(access: Access, action: str, type_: str, query: str, row: Any, stored: Stored | None) -> Stored:
    """The same for a redacted caller: the version that they know it by."""
    if stored is None:
        await access.note(access.entry(action, type_, query, outcome="absent"))
        raise errors.NotFound(f"There is no such {type_}.")
    stored.receipt = await access.note(access.entry(action, type_, query, patients=_patient(row), shown=[row["seq"]]))
    if stored.kind == "delete":
        raise errors.Gone(f"This {type_} was deleted.")
    return stored


def _named(row: Any, type_: str, id_: str) -> dict[str, Any]:
    """A row of one resource with its type and id, which the function that gave it left out."""
    return {**row, "type": type_, "id": id_}


def _patient(row: Any) -> list[str]:
    return [row["patient"]] if row["patient"] else []


_NOT_YET: Receipt = None  # type: ignore[assignment]  # replaced before anything leaves


async def history(access: Access, type_: str | None, id_: str | None, *, count: int, since: datetime | None, cursor: str | None) -> Found:
    """Versions, newest first, a page at a time. The cursor is sealed: it would tell how much was written in between."""
    before = sealed.open_cursor(access, "history", cursor)[0] if cursor else store.LAST
    query = f"{type_ or ''}/{id_ or ''}/_history"
    await access.check("history", type_ or "*", query)
    if type_ and id_:
        stored, shown, patients, following = await _instance_history(access, type_, id_, since, before, count)
    else:
        types = [type_] if type_ else access.rules.types(access.caller.role, "history", access.house.types)
        rows = await store.history_of(access.house.db, access.head, access.decided, types, since=since, before=before, limit=count + 1, plain=access.decision.redacted)
        page = rows[:count]
        stored = [s for s in await show(access, [Row.of(r, r["type"], r["id"]) for r in page], _NOT_YET) if s is not None]
        shown, patients = [r["seq"] for r in page], sorted({r["patient"] for r in page if r["patient"]})
        following = page[-1]["seq"] if len(rows) > count else None
    receipt = await access.note(access.entry("history", type_ or "", query, patients=patients, shown=shown))
    if type_ and id_ and not stored and before == store.LAST and since is None:
        raise errors.NotFound(f"There is no such {type_}.")
    for one in stored:
        one.receipt = receipt
    return Found(stored, [], receipt, next=sealed.cursor(access, "history", [following]) if following else None, count=count)


async def _instance_history(access: Access, type_: str, id_: str, since: datetime | None, before: int, count: int) -> tuple[list[Stored], list[int], list[str], int | None]:
    if access.decision.redacted:
        rows = await runs.versions(access, [(type_, id_)])
        seqs = {row["version"]: row["seq"] for row in rows}
        heads = await runs.of_versions(access, rows)
        later = [s for s in heads if seqs.get(s.version, before) < before and (since is None or s.updated >= since)]
        page = later[:count]
        following = seqs[page[-1].version] if len(later) > count else None
        return page, [seqs[s.version] for s in page], sorted({r["patient"] for r in rows if r["patient"]}), following
    rows = await store.history(access.house.db, access.head, access.decided, type_, id_, since=since, before=before, limit=count + 1)
    page_rows = rows[:count]
    stored = [s for s in await show(access, [Row.of(r, type_, id_) for r in page_rows], _NOT_YET) if s is not None]
    return stored, [r["seq"] for r in page_rows], sorted({r["patient"] for r in page_rows if r["patient"]}), page_rows[-1]["seq"] if len(rows) > count else None
