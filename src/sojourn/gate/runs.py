"""Versions as a redacted caller tells them apart; whether a change touched what everybody may see.

Consecutive versions with the same visible content are one version for that caller, and it is the first of them: its id, its
time, its entry in the history. Otherwise the number of versions would tell that something hidden was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import msgspec

from sojourn.gate import bases, redact, together
from sojourn.gate.found import Receipt, Stored
from sojourn.gate.shown import Row, show
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.labelrules import LabelRules

DEEP = 1000  # versions of one resource that are looked at
_LATER: Receipt = None  # type: ignore[assignment]  # replaced before anything leaves

_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")

Key = tuple[str, str]


async def of_page(access: Access, rows: Sequence[Any], past: Sequence[Any] | None = None) -> list[Stored | None]:
    """The rows of a page, each as the version that this caller knows it by; None where nothing of it is left.

    past: versions of those of the rows that have more than one, where they came with the page.
    """
    if past is None:
        past = await together.versions(access, ((r["type"], r["id"]) for r in rows), limit=DEEP, several=True)
    found = await _runs(access, [*(row for row in rows if row["seq"] == row["rid"]), *past])
    out: list[Stored | None] = []
    for row in rows:
        versions = found.get((row["type"], row["id"]))
        stored = versions[0] if versions and versions[0].kind != "delete" else None
        if stored is not None:
            stored.kind = "current"
        out.append(stored)
    return out


async def told(access: Access, rows: Sequence[Any], past: Sequence[Any] | None = None) -> list[Row]:
    """Rows for a caller who is not subject to redaction: what is not clean as the last version that says more than notes kept apart.

    past: versions of those of them that are not clean and have more than one, where they came with the page.
    """
    unclean = [row for row in rows if not row["clean"]]
    if past is None:
        past = await together.versions(access, ((r["type"], r["id"]) for r in unclean), limit=DEEP, several=True) if unclean else []
    last: dict[Key, Any] = {}
    for version in past:
        if version["told"]:
            last.setdefault((version["type"], version["id"]), version)
    return [Row.of(last.get((row["type"], row["id"]), row) if not row["clean"] else row, row["type"], row["id"])._replace(kind="current", clean=row["clean"]) for row in rows]


async def known(access: Access, rows: Sequence[Any]) -> dict[Key, list[Stored]]:
    """`seen` of versions that are here already."""
    return await _runs(access, rows)


async def seen(access: Access, keys: Sequence[Key]) -> dict[Key, list[Stored]]:
    """For each resource the versions that this caller can tell apart, newest first. The same statements whatever there is."""
    return await _runs(access, await versions(access, keys))


async def versions(access: Access, keys: Sequence[Key]) -> list[Any]:
    """All versions of the resources that may be seen, newest first."""
    return await together.versions(access, keys, limit=DEEP)


async def of_versions(access: Access, rows: Sequence[Any]) -> list[Stored]:
    """Of the versions of one resource those that this caller can tell apart, newest first."""
    return next(iter((await _runs(access, rows)).values()), [])


async def _runs(access: Access, rows: Sequence[Any]) -> dict[Key, list[Stored]]:
    """Versions, of each resource newest first; one that is the only one is a row of its own."""
    shown = await show(access, [Row.of(row, row["type"], row["id"]) for row in rows], _LATER)
    by_key: dict[Key, list[Stored]] = {}
    for stored in shown:
        if stored is not None:
            by_key.setdefault((stored.type, stored.id), []).append(stored)
    return {key: _heads(versions) for key, versions in by_key.items()}


def _heads(versions: list[Stored]) -> list[Stored]:
    """The first version of each run, newest first."""
    if len(versions) == 1:  # nothing to compare it with
        versions[0].kind = "delete" if versions[0].body is None else "create"
        return versions
    heads: list[Stored] = []
    before: bytes | None = None
    for stored in reversed(versions):
        content = _content(stored)
        if not heads or content != before:
            stored.kind = "delete" if stored.body is None else "update" if heads and heads[-1].kind != "delete" else "create"
            heads.append(stored)
        before = content
    heads.reverse()
    return heads


def _content(stored: Stored) -> bytes | None:
    return None if stored.body is None else encoded(stored.resource)


def encoded(resource: dict[str, Any]) -> bytes:
    """Content without version id and time, so that equal content gives equal bytes."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    return _ENCODER.encode({**resource, "meta": meta})


async def touches_notes_only(access: Access, before: dict[str, Any], after: dict[str, Any]) -> tuple[bool, dict[str, bool]]:
    """Whether something differs, and nothing but what is kept apart: elements labelled as such notes, references to one.

    Asked of the finished resources, whose labels say what is on the whole. And of each target whether it is such a note now.
    """
    targets = sorted(redact.targets(before) | redact.targets(after))
    hidden = await store.labelled(access.house.db, access.tenant.number, targets, bases.APART)
    return notes_only(before, after, hidden, access.rules.labels), {target: target in hidden for target in targets}


def notes_only(before: dict[str, Any], after: dict[str, Any], hidden: AbstractSet[str], rules: LabelRules) -> bool:
    """The same, of versions that are stored. hidden: those of their targets that are such notes."""
    if encoded(before) == encoded(after):
        return False  # nothing at all: its author wanted a version, and has one

    def view(resource: dict[str, Any]) -> bytes | None:
        left = redact.redact(resource, permitted=bases.ALL & ~bases.APART, hidden=hidden, strip=False, rules=rules)
        return None if left is None else encoded(left)

    return view(before) == view(after)
