"""Exports as their callers see them: how far they are, their files, and lines as they leave.

Each stretch is made anew when it is downloaded, under the decision of that moment, and written down before it leaves: in the trail, and for who is
outside in the log of disclosures, a row for each patient. 42 CFR 2.32; 45 CFR 164.528; docs/decisions/0042-bulk.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, crypto, errors, ids
from sojourn.fhir import codec
from sojourn.gate import disclosing, scope
from sojourn.gate.bulk import asking, walking
from sojourn.gate.bulk.asking import DELETED, Wish
from sojourn.gate.bulk.walking import Ahead, Walk
from sojourn.record import bulk, disclosures

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.bulk.walking import Line, Part
    from sojourn.record.trail import Receipt

_AT_ONCE = 3  # stretches of one file that are made at a time
PIECE: Final = 1 << 18
"""Bytes that are sent at once. Even pieces: the length of a stretch tells what lies between what may be seen."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export. lines: made so far."""

    id: str
    request: str
    wish: Wish
    state: str
    problem: str
    begun: datetime
    expires: datetime
    kinds: int
    kind: int
    lines: int


@dataclass(frozen=True, slots=True)
class File:
    """One file. tag: changes with its content. steady: it is byte for byte what it was when it was cut."""

    name: str
    type: str
    count: int
    size: int
    tag: str = ""
    steady: bool = True
    kind: int = 0
    number: int = 0


class Changed(Exception):
    """What is being downloaded is not what it was when the download began: it must be begun again."""


async def one(access: Access, export: str) -> Export:
    """An export of this caller. Raises NotFound, also for one of somebody else."""
    await asking.check(access)
    row = await bulk.of(access.house.db, access.head, export, asking.own_scopes(access))
    if row is None:
        raise errors.NotFound("There is no such export. It may be over; ask for it again.")
    return Export(row["export"], row["request"], Wish.unpack(row["asked"]), row["state"], row["problem"], row["begun"], row["expires"], row["kinds"], row["kind"], row["lines"])


async def told(access: Access, export: Export, name: str = "") -> Receipt:
    """Write down that a caller is told which files there are, or begins to download one."""
    return await access.note(access.entry("export", "Bulk", f"export={export.id}" + (f"&file={name}" if name else ""), outcome="started" if name else "done"))


async def cancel(access: Access, export: str) -> None:
    """End an export of this caller, with everything that there is of it. Raises NotFound."""
    await asking.check(access)
    await access.note(access.entry("export", "Bulk", f"export={export}", outcome="cancelled"))
    if not await bulk.end(access.house.db, access.head, export, asking.own_scopes(access)):
        raise errors.NotFound("There is no such export. It may be over; ask for it again.")


async def files(access: Access, export: Export) -> list[File]:
    """The files of an export in which there is anything, by type and number."""
    kinds = export.wish.kinds
    rows = await bulk.files(access.house.db, access.tenant.number, export.id)
    return [File(f"{kinds[r['kind']]}.{r['file']}.ndjson", _type(kinds[r["kind"]]), r["count"], r["size"], kind=r["kind"], number=r["file"]) for r in rows]


def _type(kind: str) -> str:
    return "Bundle" if kind == DELETED else kind


async def file(access: Access, export: Export, name: str) -> tuple[File, Sequence[Any]]:
    """One file of an export that is done, and its stretches. Raises NotFound, also while it is not."""
    kind, _, rest = name.partition(".")
    number = rest.removesuffix(".ndjson")
    if export.state != "done" or kind not in export.wish.kinds or not number.isdecimal() or f"{kind}.{int(number)}.ndjson" != name:
        raise errors.NotFound("There is no such file.")
    place = export.wish.kinds.index(kind)
    parts = await bulk.parts(access.house.db, access.tenant.number, export.id, place, int(number))
    if not sum(part["count"] for part in parts):
        raise errors.NotFound("There is no such file.")
    tag = hashlib.sha256(b"".join(part["digest"] + b"%d" % part["size"] for part in parts)).hexdigest()[:32]
    return File(name, _type(kind), sum(p["count"] for p in parts), sum(p["size"] for p in parts), tag, all(p["again"] == 0 for p in parts), place, int(number)), parts


async def lines(access: Access, export: Export, file: File, parts: Sequence[Any], *, start: int = 0) -> AsyncIterator[bytes]:
    """The bytes of a file as this caller gets it now, in even pieces. start: how many of them they have already.

    Raises Changed when something before or after `start` is not what it was any more, and StaleCredential.
    """
    walk = Walk(access, export.wish, export.begun)
    made = Ahead(_made(walk, export, file, parts, start))
    left = Ahead(_left(access, export, file, made))
    try:
        async for piece in _even(left):
            yield piece
    finally:
        left.stop()
        made.stop()


async def measured(access: Access, export: Export, file: File, parts: Sequence[Any]) -> tuple[int, str]:
    """Size and SHA-256 of a file as this caller would get it now. Nothing of it leaves; what changed since it was cut is noted."""
    digest, size = hashlib.sha256(), 0
    made = Ahead(_made(Walk(access, export.wish, export.begun), export, file, parts, 0))
    try:
        async for part, _ in made:
            for one in part.data:
                digest.update(one)
                size += len(one)
    finally:
        made.stop()
    return size, digest.hexdigest()


async def _even(data: AsyncIterator[Sequence[bytes]]) -> AsyncIterator[bytes]:
    """The same bytes in even pieces, the last one shorter. Each is copied once."""
    waiting: list[bytes | memoryview] = []
    size = 0
    async for some in data:
        for one in some:
            rest: bytes | memoryview = one
            while size + len(rest) >= PIECE:
                rest = memoryview(rest)
                yield b"".join([*waiting, rest[: PIECE - size]])
                rest, waiting, size = rest[PIECE - size :], [], 0
            waiting.append(rest)
            size += len(rest)
    if size:
        yield b"".join(waiting)


async def _left(access: Access, export: Export, file: File, made: AsyncIterator[tuple[Part, int]]) -> AsyncIterator[Sequence[bytes]]:
    """What was made, once it is written down; without as many of its first bytes as they have already."""
    async for part, begun in made:
        await _written_down(access, export, file, part)
        yield part.data if not begun else [b"".join(part.data)[begun:]]


async def _made(walk: Walk, export: Export, file: File, parts: Sequence[Any], start: int) -> AsyncIterator[tuple[Part, int]]:
    """The stretches of a file as they are now, each with how many of its bytes they have already; several are being made at a time."""
    begun, waiting = 0, []
    for part in parts:
        if begun + part["size"] > start or not start:
            waiting.append((part, max(0, start - begun)))
        begun += part["size"]
    def stretch(n: int) -> Ahead[Part]:
        return Ahead(_stretch(walk, export, file, waiting[n][0], strict=start > 0), 1)

    made = [stretch(n) for n in range(min(_AT_ONCE, len(waiting)))]
    try:
        for n, (_, had) in enumerate(waiting):
            async for one in made[n % _AT_ONCE]:
                yield one, had
                had = max(0, had - one.size)  # noqa: PLW2901 - what is left of it
            if n + _AT_ONCE < len(waiting):
                made[n % _AT_ONCE] = stretch(n + _AT_ONCE)
    finally:
        for each in made:
            each.stop()


async def _stretch(walk: Walk, export: Export, file: File, part: Any, *, strict: bool) -> AsyncIterator[Part]:
    """One stretch, made now; if more may be seen than when it was cut, in several steps. Also says when it is another than it was."""
    access, after, to = walk.access, (part["after_patient"], part["after_rid"]), (part["to_patient"], part["to_rid"])
    seqs: list[int] = []
    size = 0
    while after != to:
        access.now = clock.now()
        made = await walk.part(file.kind, after, to=to)
        seqs += made.seqs
        size, after = size + made.size, to if made.over else made.to
        if strict and (size > part["size"] or (after == to and (size, walking.stamp(seqs)) != (part["size"], part["digest"]))):
            raise Changed
        if made.seqs:
            yield made
    if (size, found := walking.stamp(seqs)) != (part["size"], part["digest"]):
        await bulk.changed(access.house.db, access.tenant.number, export.id, file.kind, part["n"], len(seqs), size, found)


async def _written_down(access: Access, export: Export, file: File, made: Part) -> None:
    await access.note(access.entry("export", file.type, f"export={export.id}&file={file.name}", patients=list(made.patients), shown=made.seqs))
    if access.caller.outside:
        await _disclosed(access, made.lines)


async def _disclosed(access: Access, made: Iterable[Line]) -> None:
    """The log of disclosures: a row for each patient of the stretch, with the versions, and one for what is of no patient."""
    by_patient: dict[str, list[Line]] = {}
    for line in made:
        by_patient.setdefault(line.patient or "", []).append(line)
    protected = {p for p, some in by_patient.items() if any(b'"42CFRPart2"' in line.body for line in some)}
    what = [line.what for some in by_patient.values() for line in some]
    rows = await disclosures.consents_for(access.house.db, access.head, access.decision.keys, access.decision.purpose, access.decision.action, what)
    relied: dict[str, list[Any]] = {}
    for row in rows:
        if row["consent"]:
            relied.setdefault(row["patient"], []).append(row)
    notice = disclosing.statement("fhir", "each", access.now.date())
    columns: list[list[Any]] = [[] for _ in range(8)]
    for patient, some in sorted(by_patient.items()):
        consents = relied.get(patient, [])
        said = scope.explained([codec.loads(access.house.blobs.opened(access.tenant.number, c["body"])) for c in consents]) if patient in protected else ""
        body = b"".join(line.body + b"\n" for line in some)
        values = (
            ids.new_id(), patient, " ".join(line.what for line in some), " ".join(f"Consent/{c['consent']}/_history/{c['version']}" for c in consents),
            f"{notice.id} {notice.version}" if patient in protected else "", said, crypto.sha256_hex(body), len(body),
        )  # fmt: skip
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    caller = access.caller
    names, patients, versions, consented, notices, scopes, digests, sizes = columns
    await bulk.disclosed(
        access.house.db, access.head, names, caller.account, access.request, caller.agent or caller.account, access.decision.purpose, patients, versions, consented, notices, scopes, digests, sizes
    )


async def notices(access: Access, export: Export) -> list[str]:
    """What goes with an export as a whole: the statement about Part 2 records, for who is outside. Whether there are any in it is not said."""
    return [disclosing.statement("fhir", "whole", access.now.date()).text] if access.caller.outside and export.state == "done" else []
