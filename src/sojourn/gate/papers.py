"""Papers that are in no chart yet: sealed, and closed to everybody but those who index them.

Nobody knows yet whose they are and what they say, so each counts as a record of every Part 2 program that it may belong to: one that came
for a program is opened by those who index there; one of which that is not known only by those who work in every Part 2 program. No search,
export, feed or count of the record reaches them.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import crypto, errors, ids
from sojourn.fhir import codec
from sojourn.gate import beside
from sojourn.record import papers

if TYPE_CHECKING:
    from sojourn.gate.access import Access

WAITING, INDEXED, ASIDE = "waiting", "indexed", "set-aside"
SCAN, FAX, API, SFTP, HL7, DIRECT, MHD = "scan", "fax", "api", "sftp", "hl7v2", "direct", "mhd"
NEEDS = (("Paper", "index"),)
_PURPOSE = "paper"
_NOT_THERE = "There is no such paper."


class Paper(NamedTuple):
    """One paper. pages: (page of the file, turned to the right by); blob: of the bytes as received; received: how many pages came.

    name: of the file as it came; sender: the number or name that the door said; about: what those who index wrote down. under: the context
    in which the bytes are sealed, so that equal papers are no equal files; '' for one from before that. marks: codes by which what brought
    it said how confidential it is; whose: whom it said it is about, as words to search with; basis: a key of gate/exchange/partners.py BASES, ''.
    partner, person: who brought it, and by which number they know the person, or ''.
    """

    id: str
    program: int
    door: str
    state: str
    arrived: datetime
    blob: str
    media: str
    received: int
    pages: tuple[tuple[int, int], ...]
    name: str
    sender: str
    about: str
    digest: str
    stamp: str
    under: str = ""
    marks: tuple[str, ...] = ()
    whose: str = ""
    basis: str = ""
    partner: str = ""
    person: str = ""


def _who(access: Access) -> tuple[list[int], bool]:
    """The caller's programs, and whether they work in every Part 2 program there is."""
    access.require("index", "Paper")
    mine = set(access.caller.programs)
    return sorted(mine), all(p.number in mine for p in access.rules.programs.values() if p.part2)


def _context(access: Access, id_: str) -> bytes:
    return f"{access.tenant.number}\0{id_}".encode()


def _sealed(access: Access, paper: Paper) -> str:
    said = {"media": paper.media, "received": paper.received, "pages": [list(p) for p in paper.pages], "name": paper.name, "sender": paper.sender, "about": paper.about, "digest": paper.digest, "under": paper.under, "marks": list(paper.marks), "whose": paper.whose, "basis": paper.basis, "partner": paper.partner, "person": paper.person}
    return access.house.key.seal(_PURPOSE, codec.dumps(said), _context(access, paper.id))


def _read(access: Access, row: object) -> Paper:
    r: dict[str, object] = dict(row)  # type: ignore[call-overload]
    id_ = str(r["paper"])
    said = codec.loads(access.house.key.open(_PURPOSE, str(r["body"]), _context(access, id_)))
    pages = tuple((int(n), int(turned)) for n, turned in said["pages"])
    return Paper(id_, int(str(r["program"])), str(r["door"]), str(r["state"]), r["arrived"], str(r["blob"]), said["media"], int(said["received"]), pages,  # type: ignore[arg-type]
                 said["name"], said["sender"], said["about"], said["digest"], str(r["stamp"]), said.get("under", ""), tuple(said.get("marks", ())), said.get("whose", ""), said.get("basis", ""),
                 said.get("partner", ""), said.get("person", ""))  # fmt: skip


def _keyed(access: Access, source: str) -> str:
    """A source as it is kept. Keyed: whoever reads the table and has a copy of a document cannot tell whether it came here."""
    return "k:" + access.house.key.sign("paper-source", f"{access.tenant.number}\0{source}".encode()).hex()


async def _put(access: Access, content: bytes, under: str) -> str:
    """Keep bytes sealed; the name of their file. The same source gives the same file, another one another, whatever is in it."""
    return await asyncio.to_thread(access.house.blobs.put, access.tenant.number, access.house.key.seal(_PURPOSE, content, _context(access, f"bytes{under}")).encode())


async def _got(access: Access, blob: str, under: str) -> bytes:
    kept = await asyncio.to_thread(access.house.blobs.get, access.tenant.number, blob)
    return access.house.key.open(_PURPOSE, kept.decode(), _context(access, f"bytes{under}"))


async def reseal(access: Access, limit: int = 20) -> int:
    """By the clock: papers from before sources were keyed get a keyed one and a file of their own; how many are left to look at, at most `limit`."""
    rows = await papers.unkeyed(access.house.db, access.head, limit)
    for row in rows:
        paper, under = _read(access, row), _keyed(access, str(row["source"]))
        try:
            blob = await _put(access, await _got(access, paper.blob, paper.under), under)
        except FileNotFoundError:
            blob = paper.blob  # it was lost: what is still known of it is keyed
        again = paper._replace(blob=blob, under=under if blob != paper.blob else paper.under)
        await papers.rekey(access.house.db, access.head, paper.id, paper.stamp, under, blob, _sealed(access, again))
    return len(rows)


async def receive(access: Access, content: bytes, *, media: str, pages: int, door: str, source: str, program: int = 0, name: str = "", sender: str = "", arrived: datetime | None = None, marks: tuple[str, ...] = (), whose: str = "", basis: str = "", partner: str = "", person: str = "", id_: str = "", message: str = "") -> str:
    """Take one in as it was received; its id. Of the same source there is only one, however often it is brought.

    program: 0 where it is not known; marks, whose, basis, partner, person: as a Paper has them; message: that it came as, which is settled with it. The caller needs no right to open what they bring.
    """
    if program and program not in access.rules.programs:
        raise errors.Malformed("There is no such program.")
    under = _keyed(access, source)
    blob = await _put(access, content, under)
    id_ = id_ or ids.new_id()
    paper = Paper(id_, program, door, WAITING, arrived or access.now, blob, media, pages, tuple((n, 0) for n in range(pages)), name[:200], sender[:100], "", crypto.sha256_hex(content), ids.new_id("stamp"), under, marks, whose[:80], basis, partner, person[:300])
    there = await papers.receive(access.house.db, access.head, id_, program, door, under, paper.arrived, blob, _sealed(access, paper), paper.stamp, message)
    await access.note(access.entry("paper-receive", "Paper", there))
    return there


async def of_message(access: Access, message: str) -> str:
    """The state of the paper that a message became, '' where it became none: for what does that message."""
    return await papers.of_message(access.house.db, access.head, message)


async def waiting(access: Access) -> list[Paper]:
    """Those that wait for the caller, the first to come first."""
    programs, every = _who(access)
    return [_read(access, row) for row in await beside.ask(access, papers.waiting(programs, every))]


async def aside(access: Access) -> list[Paper]:
    """Those that were set aside, the last first."""
    programs, every = _who(access)
    return [_read(access, row) for row in await papers.aside(access.house.db, access.head, programs, every)]


async def one(access: Access, id_: str) -> Paper:
    """One paper. Raises NotFound alike for one that is not there and one that the caller may not open; each look is in the trail."""
    programs, every = _who(access)
    row = await papers.one(access.house.db, access.head, id_, programs, every)
    if row is None:
        await access.note(access.entry("paper-read", "Paper", id_, outcome="absent"))
        raise errors.NotFound(_NOT_THERE)
    await access.note(access.entry("paper-read", "Paper", id_))
    return _read(access, row)


async def content(access: Access, paper: Paper) -> bytes:
    """The bytes as they were received, of one that waits: what is in a chart is under the labels of the chart, and no longer opened here.

    Raises NotFound; BadSeal or FileNotFoundError where they were lost or changed.
    """
    access.require("index", "Paper")
    if paper.state != WAITING:
        raise errors.NotFound(_NOT_THERE)
    return await _got(access, paper.blob, paper.under)


async def keep(access: Access, paper: Paper, *, state: str = "", part: Paper | None = None) -> str:
    """Keep what was done with one that waits, and with it a part that was split off; its new stamp.

    Raises VersionConflict where it was changed elsewhere since, NotFound.
    """
    programs, every = _who(access)
    if paper.program and paper.program not in programs:
        raise errors.Forbidden("You do not work in that program.")
    stamp = ids.new_id("stamp")
    there = await papers.keep(
        access.house.db, access.head, paper.id, programs, every, state or paper.state, paper.program, _sealed(access, paper), paper.stamp, stamp,
        part.id if part else "", _sealed(access, part) if part else "",
    )  # fmt: skip
    if there is None:
        raise errors.NotFound(_NOT_THERE)
    if there != stamp:
        raise errors.VersionConflict("Somebody else changed this paper since you opened it. It is shown as it is now.", current=there, expected=paper.stamp)
    await access.note(access.entry({INDEXED: "paper-index", ASIDE: "paper-set-aside", WAITING: "paper-put-back"}.get(state, "paper-change"), "Paper", paper.id))
    return stamp


def split_off(paper: Paper, pages: tuple[tuple[int, int], ...]) -> Paper:
    """A new paper of some of the pages."""
    return paper._replace(id=ids.new_id(), pages=pages, about="")
