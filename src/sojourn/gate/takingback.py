"""Deletions that come with an import: of what the same account brought and nobody else has touched.

An export lists what was deleted as a Bundle for each, of the type transaction, whose entries delete (Bulk Data Access 2.0.0, Export output, `deleted`:
https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status). Here each is a deletion like any other: by the right to delete, refused for what is signed and closed,
a version of its own, and a line in the trail. What somebody here wrote, or changed since it came, is theirs to delete.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.fhir.outcome import Issue
from sojourn.gate.changes import Change
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_NAME: Final = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})")
NAMED: Final = Issue("error", "not-supported", "Bundle.entry.request.url", "A deletion names one resource that is to go, as Type/id.")
_OTHERS: Final = Issue("error", "conflict", "Bundle.entry", "It was written or changed by somebody else than this account, so it is not deleted by an import. Whoever works with it here deletes it, if it is to go.")
_PROGRAM: Final = Issue("error", "conflict", "Bundle.entry", "It was made by another program than this import is for, so it is not deleted by it.")


def is_one(resource: Any) -> bool:
    """Whether this is no resource to be kept, but a deletion of some."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Bundle" or resource.get("type") not in ("transaction", "batch"):
        return False
    entries = resource.get("entry")
    return isinstance(entries, list) and bool(entries) and all(isinstance(e, dict) and "resource" not in e and isinstance(e.get("request"), dict) and e["request"].get("method") == "DELETE" for e in entries)


def named(resource: Any) -> list[tuple[str, str]] | None:
    """What one deletes, as (type, id). None where it does not say that exactly."""
    found = [_NAME.fullmatch(str(e["request"].get("url", ""))) for e in resource["entry"]]
    return [(m[1], m[2]) for m in found if m] if all(found) else None


async def taken_back(access: Access, names: Sequence[tuple[str, str]], program: int | None) -> tuple[int, Issue | None]:
    """Delete these; how many there were, and why the first stays that does. What is not there, or not any more, is no fault. Raises StaleCredential, Unavailable."""
    rows = await store.for_update(access.house.db, access.head, access.decided, [t for t, _ in names], [i for _, i in names])
    own = await store.brought(access.house.db, access.tenant.number, access.caller.account, [t for t, _ in names], [i for _, i in names])
    done, why = 0, None
    for n, ((type_, id_), row) in enumerate(zip(names, rows, strict=True)):
        if row["kind"] != "current":
            continue
        wrong = _OTHERS if n not in own else _PROGRAM if program is not None and row["origin"] and program not in row["origin"] else await _deleted(access, type_, id_, row["version"])
        done += wrong is None
        why = why or wrong
    return done, why


async def _deleted(access: Access, type_: str, id_: str, version: str) -> Issue | None:
    try:
        await access.write([Change("delete", type_, id_, if_match=version)], action="delete")
    except (errors.StaleCredential, errors.Unavailable):
        raise
    except errors.SojournError as error:
        return Issue("error", error.code, error.expression or "Bundle.entry", error.message)
    return None
