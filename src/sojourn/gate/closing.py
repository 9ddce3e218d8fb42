"""What is signed is closed: no door changes it; acts of signing do, as far as each one's row says.

The mark stands in `meta` of every resource that was signed as a document, attachments too. It is the gate's own: what a sender
writes there is left out, what they leave out stays. When it locks is a moment, compared with the clock of the statement that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.record.blobs import CLOSING as MARK

if TYPE_CHECKING:
    from sojourn.base.db import Database
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change

_BYTES: Final = MARK.encode()
OPEN: Final = frozenset({"", "ready", "returned", "reopened", "unlocked"})
"""States in which a document may be changed by whoever may change its type."""


class Closing(NamedTuple):
    """How far a document is. locks: from when also its author cannot open it again; None: not yet decided (it waits for a co-signature)."""

    state: str = ""
    locks: datetime | None = None

    def at(self, now: datetime) -> str:
        """The state at a moment: what is signed turns into locked by the clock alone."""
        return "locked" if self.state in ("signed", "co-signed") and self.locks is not None and self.locks <= now else self.state


class Act(NamedTuple):
    """What the signing rooms want to do with the state of what they change. No door can say one."""

    kind: str
    locks: datetime | None = None


class Row(NamedTuple):
    """One act. before, after: states. content: whether the content may change with it; needs: an action of the role; signed: whether a
    signature has to come with it in the same write."""

    before: frozenset[str]
    after: str
    content: bool = False
    needs: str = ""
    signed: bool = False


ACTS: Final[Mapping[str, Row]] = {
    "ready": Row(OPEN, "ready", content=True),
    "sign": Row(OPEN, "signed", content=True, signed=True),
    "co-sign": Row(frozenset({"signed"}), "co-signed", signed=True),
    "return": Row(frozenset({"signed", "ready"}), "returned"),
    "reopen": Row(frozenset({"signed"}), "reopened"),
    "lock": Row(frozenset({"signed", "co-signed"}), "locked"),
    "unlock": Row(frozenset({"locked"}), "unlocked", needs="unlock"),
    "error": Row(frozenset({"signed", "co-signed", "locked"}), "error", signed=True),
}
"""Every way from one state to another; whatever is not here is refused."""

_STATUS: Final = {"error": frozenset({"status", "docStatus"})}
"""Elements that an act may change although it leaves the content alone: the status of a document that was written in error."""
_ALWAYS: Final = frozenset({"meta", "docStatus"})


class Closed(errors.Conflict):
    """This is signed and closed: nothing changes it any more. Write an addendum, which is signed itself and stands beside it."""

    code = "business-rule"


def read(resource: Mapping[str, Any]) -> Closing:
    """The state that a stored resource is in."""
    for extension in (resource.get("meta") or {}).get("extension") or ():
        if isinstance(extension, dict) and extension.get("url") == MARK:
            parts = {part.get("url"): part for part in extension.get("extension") or ()}
            locks = parts.get("locks", {}).get("valueInstant")
            return Closing(str(parts.get("state", {}).get("valueCode", "")), datetime.fromisoformat(locks) if locks else None)
    return Closing()


def marked(resource: Mapping[str, Any], closing: Closing) -> dict[str, Any]:
    """The resource with this state and no other."""
    meta = plain(resource.get("meta") or {})
    if closing.state:
        parts: list[dict[str, Any]] = [{"url": "state", "valueCode": closing.state}]
        if closing.locks is not None:
            parts.append({"url": "locks", "valueInstant": closing.locks.isoformat(timespec="milliseconds")})
        meta = {"extension": [*meta.get("extension", ()), {"url": MARK, "extension": parts}], **{k: v for k, v in meta.items() if k != "extension"}}
    rest = {k: v for k, v in resource.items() if k != "meta"}
    return {"resourceType": resource["resourceType"], "meta": meta, **rest} if meta else dict(rest)


def plain(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Meta without the mark."""
    kept = [e for e in meta.get("extension") or () if not (isinstance(e, dict) and e.get("url") == MARK)]
    return {**({"extension": kept} if kept else {}), **{k: v for k, v in meta.items() if k != "extension"}}


def applied(access: Access, change: Change, before: Mapping[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The resource to store, with the state that it is in then. Raises Closed, and Forbidden for an act that the role does not include."""
    was = read(before) if before else Closing()
    state = was.at(access.now)
    act = change.closing
    if act is None:
        if state not in OPEN:
            raise Closed
        return marked(after, was) if was.state or _has(after) else after
    row = ACTS[act.kind]
    if state not in row.before:
        raise Closed(_TOLD.get(act.kind, ""))
    if row.needs:
        access.require(row.needs, "DocumentReference")  # whatever part of it this is
    if not row.content and before and not _same(before, after, _STATUS.get(act.kind, frozenset())):
        raise Closed
    return marked(after, Closing(row.after, act.locks if row.after in ("signed", "co-signed") else access.now if row.after == "locked" else None))


_TOLD: Final = {
    "co-sign": "It does not wait for a co-signature any more. Open it again to see how it stands.",
    "reopen": "It is co-signed or locked and cannot be opened again by its author. Write an addendum.",
    "unlock": "It is not locked.",
    "sign": "It is signed already.",
}


def _has(resource: Mapping[str, Any]) -> bool:
    meta = resource.get("meta")
    return isinstance(meta, dict) and any(isinstance(e, dict) and e.get("url") == MARK for e in meta.get("extension") or ())


def _same(before: Mapping[str, Any], after: Mapping[str, Any], but: frozenset[str]) -> bool:
    left = _ALWAYS | but | {"id", "resourceType"}
    return {k: v for k, v in before.items() if k not in left} == {k: v for k, v in after.items() if k not in left}


def refuse_deletion(body: bytes | None, now: datetime) -> None:
    """Raise Closed for what may not be deleted. body: what is stored."""
    if body and _BYTES in body and read(codec.loads(body)).at(now) not in OPEN:
        raise Closed("This is signed and closed: it is not deleted. If it is wrong, mark it as entered in error, with the reason.")


async def beside(db: Database, tenant: int, named: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Of resources (type, id): which belong to a visit with a document that was signed before; (type, id, id of the document)."""
    rows = await db.call("SELECT * FROM gate.beside_closed($1, $2, $3)", tenant, [type_ for type_, _ in named], [id_ for _, id_ in named])
    return [(row["type"], row["id"], row["document"]) for row in rows]


def check(changes: Sequence[Change]) -> None:
    """Raise Invalid unless each act that needs a signature comes with one, in the same write."""
    signed: set[str] = set()
    for change in changes:
        if change.type == "Provenance" and change.kind == "create" and change.resource and change.resource.get("signature"):
            signed |= {str(t.get("reference")) for t in change.resource.get("target") or ()}
    for change in changes:
        if change.closing is not None and ACTS[change.closing.kind].signed and f"{change.type}/{change.id}" not in signed:
            raise errors.Invalid("A document is not closed without a signature over it.", expression=change.type)
