"""Give a stored version its label again: the row, the bytes that are served, the search keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sojourn.fhir import codec
from sojourn.gate import apart, bases, labels, preparing, relationships, retelling
from sojourn.gate.labelling import as_said, bits_of, origin_of, own_of, senders
from sojourn.gate.preparing import Prepared, with_meta
from sojourn.record import labelling, store
from sojourn.record.labelling import Past

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_TOGETHER = 100

Row = Mapping[str, Any]
"""A row of gate.label_facts."""


def facts_of(row: Row) -> labels.Facts:
    """What is known of a version beside its content and origin."""
    known = labels.Facts(row["inherited"], frozenset(row["inherited_tags"]), frozenset(row["raised"]), frozenset(row["lowered"]))
    return known if any(known) else labels.NOTHING


class Again:
    """The label that a stored version is to have: worked out from what its senders wrote, never from what was computed before."""

    __slots__ = ("label", "origin", "own", "row", "sent", "stored")

    def __init__(self, access: Access, row: Row, origin: Sequence[int] | None = None, keeps: int = 0) -> None:
        """origin: where it is to be another than the stored one (a patient whom another program admits). keeps: laws that it does not lose, wherever they came from."""
        self.row = row
        self.origin = list(row["origin"] if origin is None else origin)
        self.stored: dict[str, Any] = codec.loads(access.house.blobs.opened(access.tenant.number, row["body"]))
        written = json.loads(row["sent"]) if row["sent"] is not None else senders(self.stored, row["origin"], access.rules)
        self.sent = {**self.stored, "meta": {**self.stored.get("meta", {}), "security": as_said(written, self.stored, access.rules)}}
        self.label = labels.label(self.sent, origin_of(self.origin, access.rules.programs), access.rules.labels, facts_of(row))
        self.own = own_of(self.sent, self.label, access.rules)
        if more := keeps & int(row["own"]) & ~self.own:
            facts = facts_of(row)
            self.label = labels.label(self.sent, origin_of(self.origin, access.rules.programs), access.rules.labels, facts._replace(inherited=facts.inherited | more))
            self.own = own_of(self.sent, self.label, access.rules)

    @property
    def raises(self) -> int:
        """Laws that it gets."""
        return self.own & ~int(self.row["own"]) | self.label.parts & ~int(self.row["parts"])

    @property
    def lowers(self) -> int:
        """Laws that it loses."""
        return int(self.row["own"]) & ~self.own | int(self.row["parts"]) & ~self.label.parts

    @property
    def before(self) -> int:
        """Laws that it had; of notes kept apart only if its bytes say so, too: what the row got with something else (gate.reach) has others to tell of it yet."""
        said = bits_of([str(c.get("code")) for c in self.stored.get("meta", {}).get("security", [])])
        return int(self.row["own"]) & (said | ~bases.APART)

    @property
    def same(self) -> bool:
        """Whether nothing changes."""
        row = self.row
        return (
            self.own == row["own"] and self.label.parts == row["parts"] and self.origin == list(row["origin"])
            and self.stored.get("meta", {}).get("security", []) == self.label.security
            and (not row["current"] or sorted(row["tags"]) == list(self.label.tags))
        )  # fmt: skip

    def finished(self) -> dict[str, Any]:
        """The resource as it is served."""
        return with_meta(self.sent, self.row["id"], self.row["version"], self.row["updated"], self.label.security)

    def prepared(self, access: Access, *, floor: int = 0) -> Prepared:
        """For the current version: an op of gate.write. floor: laws that it keeps for now."""
        row, finished = self.row, self.finished()
        made = Prepared(
            "label", row["type"], row["id"], row["version"], row["updated"], row["seq"], body=_stored(access, finished, self.own | floor), own=self.own | floor, before=self.before, parts=self.label.parts,
            tags=list(self.label.tags), origin=self.origin, patient=row["patient"], rows=preparing.index_rows(access, finished, self.origin, self.sent, facts_of(row)),
        )  # fmt: skip
        if row["type"] in relationships.SOURCES:
            made.resource = finished  # its relations end with a law of its own, and begin again without
        return made

    def past(self, access: Access, *, floor: int = 0) -> Past:
        """For a version of the past."""
        return Past(self.row["seq"], self.row["own"], self.own | floor, self.label.parts, _stored(access, self.finished(), self.own | floor))


def _stored(access: Access, finished: dict[str, Any], own: int) -> bytes:
    """The bytes to store; attachments that stand in files are left there (of a note kept apart, until gate/keepingapart.py takes them in)."""
    body = codec.dumps(finished)
    return access.house.blobs.sealed(access.tenant.number, body) if own & bases.APART else body


def deleted(access: Access, row: Row) -> Past | None:
    """The label of a deletion, which follows from what was deleted, and only rises."""
    own = row["own"] | Again(access, row).own if row["body"] is not None else row["own"]
    return Past(row["seq"], row["own"], own, row["parts"], None) if own != row["own"] else None


async def write(access: Access, current: Sequence[Prepared], past: Sequence[Past], reason: str, *, originates: int = 0) -> None:
    """Write labels, each kind in a transaction of its own: the past first, so that a label of the present never covers less than it.

    originates: laws of notes kept apart that the caller puts on what they wrote; they keep their way to it (gate/apart.py). Raises Changed when something is not as it was read.
    """
    if past:
        await labelling.relabel_past(access.house.db, access.tenant.number, access.rules.digest.hex(), reason, access.now, past)
    if current:
        batch, patients = preparing.batch(access, current)
        for n, one in enumerate(current, 1):
            batch.grants.extend(apart.grants(access, one.type, one.id, one.patient, originates, n))
        entry = access.entry("label", "", reason, patients=patients)
        await retelling.write(access, store.Part(access.head, access.caller.account, batch, entry), current, alone=True)


async def current(access: Access, seqs: Sequence[int], reason: str) -> int:
    """Give these current versions their labels as they follow now, up and down, and past versions with them; how many changed. Raises Changed.

    Who may not see what an edit changed is shown the version before it, with its bytes: without the past they would tell that there was one.
    """
    db, tenant = access.house.db, access.tenant.number
    found = {row["seq"]: again for row in await labelling.facts(db, tenant, seqs, access.now) if row["current"] and not (again := Again(access, row)).same}
    heads = await labelling.past(db, tenant, list(found)) if found else {}
    earlier = list(heads)
    for first in range(0, len(earlier), _TOGETHER):
        rows = await labelling.facts(db, tenant, earlier[first : first + _TOGETHER], access.now)
        await write(access, [], [past for row in rows if (past := _with(access, row, found[heads[row["seq"]]])) is not None], reason)
    await write(access, [again.prepared(access) for again in found.values()], [], reason)
    return len(found)


def _with(access: Access, row: Row, head: Again) -> Past | None:
    """The label of a past version as that of the current one turns: it loses no other law than that loses. None where it stays."""
    if row["kind"] == "delete":
        return deleted(access, row)
    again = Again(access, row, keeps=~head.lowers)
    return None if again.same else again.past(access)


def said(mask: int, sign: str) -> list[str]:
    """The laws of a mask by name, with a sign: +hiv, -violence."""
    return [sign + basis.name for basis in bases.BASES if mask & basis.bit]
