"""One stretch of an export: rows under the predicate become the lines that this caller gets now.

The same code cuts the files when the export is worked on and makes their lines when they are downloaded, so what leaves was decided when it
left. Nothing about how a stretch was come by shows in what is sent: files are cut by lines and bytes that may be seen, and sent in even pieces.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from sojourn.base import crypto
from sojourn.fhir import codec, subset
from sojourn.fhir.compartment import subject_param
from sojourn.gate import bases, disclosing, quick, redact, runs, searching
from sojourn.gate.bulk.asking import DELETED, DIRECTORY
from sojourn.gate.enforce import Bound
from sojourn.record import bulk
from sojourn.record.bulk import FIRST, LAST, Chart

if TYPE_CHECKING:
    from datetime import datetime

    from sojourn.gate.access import Access
    from sojourn.gate.bulk.asking import Wish
    from sojourn.gate.labelrules import LabelRules

T = TypeVar("T")
Place = tuple[str, int]
"""A patient ('' for what is of none) and the rid up to which their rows are done."""

ROWS: Final = 4000
"""Of one stretch, at most: what one statement brings into memory. Each statement takes a millisecond beside what it does for its rows."""
BYTES: Final = 4 << 20
"""Of one stretch, at most, and one line more."""
_SLOW = 50  # rows that are redacted at once: attachments may be large
_ROWS = 1000  # of one stretch that come into memory one by one
_PATIENTS = 1000  # that one statement goes through at most: it stops when the stretch is full
_FETCHED = 4000  # patients that are looked for at once, for the stretches to come
_PART2 = b'"42CFRPart2"'
_PATIENT = attrgetter("patient")


class Line(NamedTuple):
    """One line, and what of the record it shows. seq: of the version, for the trail."""

    body: bytes
    seq: int
    patient: str | None
    what: str


class Part(NamedTuple):
    """A stretch. seqs: of the versions that its lines show; size: its bytes. to: the place it ends at; over: whether the kind ends there, of a stretch
    without a bound. data: the bytes of its lines, in pieces, unless they were only counted; lines: one by one, where something is done to each."""

    seqs: list[int]
    size: int
    to: Place
    over: bool
    data: Sequence[bytes] = ()
    patients: Sequence[str] = ()
    lines: Sequence[Line] = ()

    @classmethod
    def of(cls, lines: list[Line], to: Place, *, over: bool = False) -> Part:
        """From its lines."""
        data = b"".join([line.body + b"\n" for line in lines])
        return cls([line.seq for line in lines], len(data), to, over, [data], sorted({line.patient for line in lines if line.patient}), lines)

    @property
    def stamp(self) -> bytes:
        """What its versions come to, for telling whether it is another than it was. With the size: where each line begins."""
        return stamp(self.seqs)


class Ahead(Generic[T]):
    """What comes, fetched up to so many ahead of who takes it: while one is sent or written down, the next is made. Begins at once."""

    def __init__(self, what: AsyncIterator[T], count: int = 2) -> None:
        self._queue: asyncio.Queue[tuple[T] | Exception] = asyncio.Queue(count)
        self._task = asyncio.create_task(self._fetch(what))

    async def _fetch(self, what: AsyncIterator[T]) -> None:
        try:
            async for one in what:
                await self._queue.put((one,))
            await self._queue.put(StopAsyncIteration())
        except Exception as error:  # noqa: BLE001 - of any kind: raised where it is taken
            await self._queue.put(error)

    def __aiter__(self) -> Ahead[T]:
        return self

    async def __anext__(self) -> T:
        found = await self._queue.get()
        if isinstance(found, Exception):
            raise found
        return found[0]

    def stop(self) -> None:
        """Nothing more is wanted."""
        self._task.cancel()


def stamp(seqs: Sequence[int]) -> bytes:
    """Of the versions of some lines, in their order."""
    return crypto.sha256(array("q", seqs).tobytes())


class Walk:
    """The walk of one export, for one caller. until: resources that have changed later are not in it."""

    def __init__(self, access: Access, wish: Wish, until: datetime) -> None:
        self.access, self.wish, self._until = access, wish, until
        self._whole = not access.caller.outside and not wish.elements  # what goes out is what stands ready
        self._fit: dict[str, int] = {}  # of each kind, how many rows are about as many bytes as a stretch may have
        self._near: list[tuple[str, list[Chart], bool]] = []  # after whom, who follows, whether nobody comes after these: the last two asked for
        self._listed = [Chart(p) for p in wish.patients or ()]
        self._asking = asyncio.Lock()
        self._present: set[str] | None = None

    async def part(self, kind: int, after: Place, *, to: Place | None = None, lines: int = 0, size: int = 0, counted: bool = False) -> Part:
        """The stretch after a place: up to another, or as far as one goes; no more than so many lines, and bytes with the last line (0: what is usual).

        counted: its lines themselves are not wanted. Raises StaleCredential.
        """
        name, size = self.wish.kinds[kind], min(size or BYTES, BYTES)
        lines = min(lines or ROWS, ROWS)
        if name == DELETED:
            return await _gone(self.access, self.wish, self._until, after, to, lines)
        if to is None and name not in await self._there():
            return Part([], 0, after, over=True)
        patients = None if after[0] == "" and after[1] < LAST else await self._patients(name, after, to)
        if patients == []:
            return Part([], 0, to or after, over=True)
        here = "" if patients is None else patients[-1].patient
        bound: Place = to if to is not None and to[0] == here else (here, LAST)
        made = await self._summed(name, after, bound, patients, (lines, size if to is None else 0), counted=counted) if self._whole else None
        return made or await self._one_by_one(name, after, bound, patients, (lines, size))

    async def _summed(self, name: str, after: Place, bound: Place, patients: Sequence[Chart] | None, most: tuple[int, int], *, counted: bool) -> Part | None:
        """A stretch of which the database sums up the lines; None where not all of them stand ready. most: rows, and bytes (0: however many)."""
        lines, size = most
        while True:
            limit = min(lines, self._fit.get(name, ROWS)) if size else lines
            statement = self._statement(name, after, bound[1], patients, limit, counted=counted, joined=not counted)
            found = await bulk.rows(self.access.house.db, self.access.tenant.number, statement, anew=bool(self.wish.conditions(self.access, name)))
            if not all(row["ready"] for row in found):
                return None
            count, bytes_ = sum(row["rows"] for row in found), sum(row["size"] for row in found)
            if count:
                self._fit[name] = max(1, min(ROWS, int(0.9 * BYTES * count / max(bytes_, 1))))
            if not size or bytes_ <= size:
                return _part(found, patients, bound if count < limit else None, counted=counted)
            if limit <= _SLOW:
                return None
            self._fit[name] = min(self._fit[name], max(1, int(0.9 * size * count / bytes_)))

    async def _one_by_one(self, name: str, after: Place, bound: Place, patients: Sequence[Chart] | None, most: tuple[int, int]) -> Part:
        """A stretch of which some lines have to be made here."""
        limit, size = min(most[0], _ROWS), most[1]
        rows = await bulk.rows(self.access.house.db, self.access.tenant.number, self._statement(name, after, bound[1], patients, limit), anew=bool(self.wish.conditions(self.access, name)))
        made, done = await _lines(self.access, self.wish, name, rows, size)
        return Part.of(made, bound if done == len(rows) and len(rows) < limit else (rows[done - 1]["patient"] or "", rows[done - 1]["rid"]))

    async def any(self, kind: int) -> bool:
        """Whether there may be anything of a kind, whoever asks."""
        return self.wish.kinds[kind] == DELETED or self.wish.kinds[kind] in await self._there()

    async def _there(self) -> set[str]:
        """Of which kinds there is anything at all: of most there is nothing, and no walk finds it out more cheaply."""
        if self._present is None:
            self._present = await bulk.present(self.access.house.db, self.access.tenant.number, self.wish.types)
        return self._present

    async def _patients(self, name: str, after: Place, to: Place | None) -> list[Chart]:
        """The next patients to go through, the one first with whom a stretch ended."""
        wish, last = self.wish, to[0] if to is not None else None
        if name != "Patient" and subject_param(name) is None:
            return []
        everybody = self._listed if wish.patients is not None else await self._after(after[0], _PATIENTS)
        begin = bisect_right(everybody, after[0], key=_PATIENT)
        following = [c for c in everybody[begin : begin + _PATIENTS] if last is None or c.patient <= last]
        return [*([Chart(after[0])] if after[0] and after[1] < LAST else []), *following][:_PATIENTS]

    async def _after(self, after: str, most: int) -> Sequence[Chart]:
        """At least so many patients who come after this one, if there are so many: asked for many stretches at once. Whether anything of them may be seen
        each stretch asks for itself."""
        async with self._asking:
            for begin, people, over in self._near:
                if begin <= after and (over or len(people) - bisect_right(people, after, key=_PATIENT) >= most):
                    return people
            access = self.access
            keys = access.decision.keys if access.decision.related else None
            people = await bulk.charts(access.house.db, access.tenant.number, after, _FETCHED, access.decision.programs, keys=keys)
            self._near = [(after, people, len(people) < _FETCHED), *self._near[:1]]
            return people

    def _statement(self, name: str, after: Place, end: int, patients: Sequence[Chart] | None, limit: int, **how: bool) -> Any:
        access, wish = self.access, self.wish
        about = None if patients is not None or wish.whole or name in DIRECTORY else wish.patients
        begin = after[1] if patients is None or patients[0].patient == after[0] else 0
        stretch = bulk.Stretch(name, patients, begin, end, limit, self._until, wish.after, about, wish.conditions(access, name))
        return bulk.walk(stretch, Bound(access), access.house.keys[access.tenant.number], tenant=access.tenant.number, now=access.now, redacted=access.decision.redacted, **how)


def _part(found: Sequence[Any], patients: Sequence[Chart] | None, end: Place | None, *, counted: bool) -> Part:
    """The stretch that the rows of bulk.walk come to. end: where it ends; None: at its last row."""

    def patient(row: Any) -> str:
        return patients[row["ord"] - 1].patient if patients is not None else ""

    shown = [row for row in found if row["seqs"]]
    seqs = shown[0]["seqs"] if len(shown) == 1 else [seq for row in shown for seq in row["seqs"]]
    part = Part(seqs, sum(row["size"] for row in shown), end or (patient(found[-1]), found[-1]["rid"]), over=False)
    if counted:
        return part
    return part._replace(data=[piece for row in shown for piece in (row["data"], b"\n")], patients=[p for p in map(patient, shown) if p])


async def _lines(access: Access, wish: Wish, name: str, rows: Sequence[Any], size: int) -> tuple[list[Line], int]:
    """The lines of the rows, in their order, as far as the bytes go; and how many rows that was."""
    finish = _finishing(access, wish, name)
    bodies: list[bytes | None] = [row["body"] if row["ready"] else None for row in rows]
    made: list[Line] = []
    total, kept = 0, _Kept(access)
    waiting = [n for n, row in enumerate(rows) if not row["ready"]]
    for begin in range(0, len(rows), ROWS if not waiting else _SLOW):
        batch = range(begin, min(len(rows), begin + (ROWS if not waiting else _SLOW)))
        if waiting:
            await _shown(access, rows, [n for n in batch if not rows[n]["ready"]], bodies, kept)
        for n in batch:
            body, row = bodies[n], rows[n]
            bodies[n] = None
            if not body:
                continue
            if finish is not None:
                body = finish(body)
            total += len(body) + 1
            made.append(Line(body, row["seq"], row["patient"], ""))
            if total >= size:
                await kept.keep()
                return _named(access, made, rows), n + 1
    await kept.keep()
    return _named(access, made, rows), len(rows)


def _named(access: Access, lines: list[Line], rows: Sequence[Any]) -> list[Line]:
    """The lines with the versions that they show, where these are written down one by one."""
    if not access.caller.outside:
        return lines
    by_seq = {row["seq"]: row for row in rows}
    return [line._replace(what=f"{(row := by_seq[line.seq])['type']}/{row['id']}/_history/{_version(line.body, row)}") for line in lines]


def _version(body: bytes, row: Any) -> str:
    """The version as the receiver knows it."""
    return str(row["version"] if row["seq"] == row["rid"] else codec.again(body).get("meta", {}).get("versionId", row["version"]))


class _Kept:
    """Forms that were worked out on the way, to be kept together."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._rows: list[tuple[str, str, int, bytes, bytes | None]] = []

    def add(self, row: Any, form: bytes | None) -> None:
        """form: None where it is what is stored."""
        self._rows.append((row["type"], row["id"], row["seq"], crypto.sha256(row["body"]), form))

    async def keep(self) -> None:
        """Write them down."""
        if self._rows:
            types, ids, seqs, stored, forms = (list(column) for column in zip(*sorted(self._rows, key=lambda r: r[2]), strict=True))
            await bulk.keep_forms(self._access.house.db, self._access.tenant.number, types, ids, seqs, stored, forms)


async def _shown(access: Access, rows: Sequence[Any], which: Sequence[int], bodies: list[bytes | None], kept: _Kept) -> None:
    """What this caller sees of rows that do not go out as they are."""
    plain = [n for n in which if rows[n]["fine"]]
    if plain:
        forms = await asyncio.to_thread(_forms, [rows[n]["body"] for n in plain], access.rules.labels)
        for n, form in zip(plain, forms, strict=True):
            bodies[n] = rows[n]["body"] if form is None else form
            kept.add(rows[n], form)
    rest = [n for n in which if not rows[n]["fine"]]
    if rest:
        some = [rows[n] for n in rest]
        stored = await runs.of_page(access, some) if access.decision.redacted else await searching._shown(access, some, [], None)
        for n, one in zip(rest, stored, strict=True):
            bodies[n] = one.body if one is not None else None


def _forms(stored: Sequence[bytes], rules: LabelRules | None = None) -> list[bytes | None]:
    """What a redacted caller sees of resources in and behind which nothing is hidden; None: what is stored, b'': nothing. As gate/shown.py does it."""
    made: list[bytes | None] = []
    for body in stored:
        resource = codec.again(body)
        targets, delicate = quick.survey(resource)
        if quick.stands(resource, body, targets, frozenset(), delicate=delicate, rules=rules):
            made.append(None)
            continue
        view = redact.redact(resource, permitted=bases.ALL, hidden=frozenset(), strip=True, rules=rules)
        made.append(b"" if view is None else codec.dumps(view))
    return made


def _finishing(access: Access, wish: Wish, name: str) -> Callable[[bytes], bytes] | None:
    """What is done to each line on its way out, if anything: marks of Part 2 records for who is outside, some elements where only these are wanted."""
    names = wish.names(name)
    short = disclosing.statement("fhir", "each", access.now.date()) if access.caller.outside else None
    if short is None and not names:
        return None

    def finish(body: bytes) -> bytes:
        marked = short is not None and _PART2 in body
        if not marked and not names:
            return body
        resource = codec.loads(body)
        if short is not None and marked:
            disclosing.mark(resource, short)
        return codec.dumps(subset.elements(resource, names) if names else resource)

    return finish


async def _gone(access: Access, wish: Wish, until: datetime, after: Place, to: Place | None, lines: int) -> Part:
    """What was deleted, each as a transaction that deletes it."""
    since = wish.after
    assert since is not None  # noqa: S101 - there is such a kind only then
    limit, end = min(lines, ROWS), to[1] if to is not None else LAST
    types = [t for t in wish.types if not wish.conditions(access, t)]
    found = await bulk.rows(
        access.house.db, access.tenant.number,
        bulk.gone(types, Bound(access), tenant=access.tenant.number, now=access.now, since=since, until=until, after=after[1], to=end, limit=limit, patients=wish.patients, directory=DIRECTORY),
        anew=True,
    )  # fmt: skip
    made = []
    for row in found:
        name = f"{row['type']}/{row['id']}"
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": name}}]}
        made.append(Line(codec.dumps(bundle), row["seq"], row["patient"], f"{name}/_history/{row['version']}"))
    over = len(found) < limit
    return Part.of(made, ("", end if over else found[-1]["seq"]), over=over)


__all__ = ["BYTES", "FIRST", "ROWS", "Ahead", "Line", "Part", "Place", "Walk", "stamp"]
