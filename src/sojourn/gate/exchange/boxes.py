"""The boxes of one partner: files arrive in sealed pieces, and become a message once whole.

No byte of them is ever in a file of the server's. A file is picked up in the transaction in which it becomes a message, so it is ours once, whatever
falls; the same bytes again are known by their keyed digest and become none. What a partner learns of a file is what its receipt says, and
that follows from the file alone: never from whom we know (docs/sftp.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, errors, ids
from sojourn.gate.exchange import testing
from sojourn.gate.exchange.keeping import PURPOSE, context
from sojourn.record import sftp

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.sftp import Account
    from sojourn.gate.gate import House

PIECE: Final = 1 << 18
"""Bytes that are sealed together."""
FILES: Final = 1000
"""That may wait in one box."""
SHOWN: Final = timedelta(minutes=2)
"""For how long a file that was picked up is still listed: many programs look at its size before they believe that it arrived."""
RECEIPTS: Final = timedelta(days=30)
"""For how long receipts are shown."""
LEFT: Final = timedelta(days=7)
"""After which a file is dropped that nobody went on with."""
_HEAD: Final = 16_384
_PURPOSE: Final = "sftp"


class Full(Exception):
    """The file is larger than was agreed, or the box has no room for more."""


class Gone(Exception):
    """What was written to is not there any more: it was removed or replaced meanwhile."""


class Entry(NamedTuple):
    """A file of a partner. state: open, whole or kept; message: what it became; fresh: the same did not come before; verdict and said: its receipt.

    told: the receipt was taken away.
    """

    file: str
    name: str
    state: str
    size: int
    parts: int
    message: str
    fresh: bool
    verdict: str
    said: dict[str, Any]
    told: bool
    begun: datetime
    updated: datetime
    kind: str
    digest: str


class Head(NamedTuple):
    """What is kept, sealed, as the content of a message that is a file. digest: SHA-256 in hex."""

    name: str
    size: int
    digest: str
    parts: int
    kind: str


def head_of(content: bytes) -> Head:
    """The head of a message that came as a file."""
    said = json.loads(content)
    return Head(**{k: said[k] for k in Head._fields if k in said})


class Box:
    """What one session of one partner does. Everything raises StaleCredential once its key, account or partner is not good any more."""

    def __init__(self, house: House, tenant: Tenant, account: Account, key: str, space: str = "") -> None:
        """key: with which they came in, or `errand:` and an id; space: apart from whose files those of this session stand, '' for the partner's own."""
        self.house, self.tenant, self.account, self._key, self._space = house, tenant, account, key, space

    @property
    def who(self) -> sftp.Who:
        """Under which key, now."""
        return sftp.Who(self.tenant.number, self.account.partner, self._key, clock.now())

    def _context(self, file: str, n: int | str) -> bytes:
        return f"{self.tenant.number}\0{file}\0{n}".encode()

    def _path(self, name: str) -> bytes:
        return self.house.key.sign("sftp path", f"{self.tenant.number}\0{self.account.partner}\0{self._space}\0{name}".encode())

    def _name(self, file: str, name: str) -> bytes:
        return self.house.key.encrypt(_PURPOSE, name.encode(), self._context(file, "name"))

    async def entries(self, within: timedelta = RECEIPTS) -> list[Entry]:
        """Everything of theirs that is not picked up, or was within a time; the last first."""
        return [self._entry(row) for row in await sftp.box(self.house.db, self.who, clock.now() - within, 5 * FILES)]

    def _entry(self, row: Any) -> Entry:
        file = row["file"]
        name = self.house.key.decrypt(_PURPOSE, bytes(row["name"]), self._context(file, "name")).decode()
        head = Head("", 0, "", 0, "")
        if row["message"] is not None:
            head = head_of(self.house.key.decrypt(PURPOSE, bytes(row["body"]), context(self.tenant.number, row["message"])))
        said = json.loads(self.house.key.decrypt(_PURPOSE, bytes(row["said"]), self._context(file, "receipt"))) if row["said"] is not None else {}
        return Entry(
            file, name, row["state"], row["size"], row["parts"], row["message"] or "", row["fresh"], row["verdict"], said, row["told"], row["begun"], row["updated"], head.kind, head.digest
        )

    async def find(self, name: str) -> Entry | None:
        """The file of that name that is to be seen in the box: one that is not picked up, else one that just was."""
        there = [e for e in await self.entries(SHOWN) if e.name == name]
        return next((e for e in there if e.state != "kept"), there[0] if there else None)

    async def begin(self, name: str, *, again: bool = False) -> Upload:
        """Begin to write a file of that name; again: go on with what is there. Raises Full."""
        file = ids.new_id()
        row = await sftp.begin(self.house.db, self.who, file, self._path(name), self._name(file, name), again, FILES)
        if row is None:
            raise Full
        upload = Upload(self, str(row["file"]), name, int(row["size"]), int(row["parts"]))
        if row["parts"]:
            await upload.recall()
        return upload

    async def rename(self, entry: Entry, name: str, *, over: bool) -> bool:
        """Give a file that was not picked up another name; False where one of that name is there."""
        return await sftp.rename(self.house.db, self.who, entry.file, self._path(name), self._name(entry.file, name), over)

    async def remove(self, entry: Entry, *, receipt: bool = False) -> bool:
        """Take away a file that was not picked up, or a receipt."""
        return await sftp.remove(self.house.db, self.who, entry.file, receipt)

    async def settled(self, entry: Entry, name: str) -> Upload:
        """A file that is whole, to be picked up under a name."""
        upload = Upload(self, entry.file, name, entry.size, entry.parts)
        await upload.recall()
        return upload


class Upload:
    """One file as it arrives. What it says is held in memory a piece at a time."""

    def __init__(self, box: Box, file: str, name: str, size: int, parts: int) -> None:
        self.box, self.file, self.name = box, file, name
        self._written, self._parts = size, parts
        self._waiting, self._hash, self._begins = bytearray(), hashlib.sha256(), b""

    @property
    def size(self) -> int:
        """How much of it there is."""
        return self._written + len(self._waiting)

    @property
    def begins(self) -> bytes:
        """Its first bytes, as far as they say what it is."""
        return self._begins

    async def recall(self) -> None:
        """Read what is there of it already, for its digest."""
        async for piece in pieces(self.box.house, self.box.tenant.number, self.file, self._parts):
            self._hash.update(piece)
            self._begins = (self._begins + piece)[:_HEAD] if len(self._begins) < _HEAD else self._begins

    async def write(self, data: bytes) -> None:
        """Some more at its end. Raises Full, Gone."""
        if self.size + len(data) > self.box.account.most:
            raise Full
        self._hash.update(data)
        self._begins = (self._begins + data[:_HEAD])[:_HEAD] if len(self._begins) < _HEAD else self._begins
        self._waiting += data
        while len(self._waiting) >= PIECE:
            await self._put(bytes(self._waiting[:PIECE]))
            del self._waiting[:PIECE]

    async def _put(self, piece: bytes) -> None:
        box = self.box
        body = await asyncio.to_thread(box.house.key.encrypt, _PURPOSE, piece, box._context(self.file, self._parts))
        what = await sftp.part(box.house.db, box.who, self.file, self._parts, len(piece), body, box.account.quota)
        if what != "written":
            raise Full if what == "full" else Gone
        self._parts += 1
        self._written += len(piece)

    async def rest(self) -> None:
        """Put what is in memory where it lasts, so that it can be gone on with."""
        if self._waiting:
            waiting, self._waiting = bytes(self._waiting), bytearray()
            await self._put(waiting)

    async def lay_down(self) -> None:
        """It was closed under a name that says that it is not finished."""
        await self.rest()
        if not await sftp.whole(self.box.house.db, self.box.who, self.file):
            raise Gone

    async def keep(self, kind: str) -> tuple[str, bool]:
        """It is whole: pick it up. (message, whether the same did not come before). kind: as messages are listed by. Raises Gone."""
        await self.rest()
        house, tenant = self.box.house, self.box.tenant.number
        sha256 = self._hash.hexdigest()
        digest = house.key.sign("exchange digest", b"file\0" + sha256.encode())
        head = Head(self.name, self._written, sha256, self._parts, kind)
        body = house.key.encrypt(PURPOSE, json.dumps(head._asdict()).encode(), context(tenant, self.file))
        lane = house.key.sign("exchange lane", self.file.encode())
        kept = await sftp.keep(
            house.db, self.box.who, self.file, digest.hex()[:12], digest, kind, lane, self._written, body, self.box._path(self.name), self.box._name(self.file, self.name), testing.is_synthetic(self.name),
        )
        if kept is None:
            raise Gone
        return kept


async def pieces(house: House, tenant: int, file: str, count: int) -> AsyncIterator[bytes]:
    """What a file says, a few pieces in memory at a time. Raises BadSeal where it was changed, Unavailable where some of it is lost."""
    n = 0
    while n < count:
        rows = await sftp.parts(house.db, tenant, file, n, 8)
        if not rows or rows[0]["n"] != n:
            raise errors.Unavailable("A piece of this file is lost.")
        for row in rows:
            yield house.key.decrypt(_PURPOSE, bytes(row["body"]), f"{tenant}\0{file}\0{n}".encode())
            n += 1


async def say(house: House, tenant: int, message: str, verdict: str, said: dict[str, Any]) -> None:
    """What the receipt of a file says: accepted, refused or waits; and what else, which follows from the file alone."""
    await sftp.say(house.db, tenant, message, verdict, house.key.encrypt(_PURPOSE, json.dumps(said).encode(), f"{tenant}\0{message}\0receipt".encode()))


async def sweep(house: House) -> None:
    """Drop what was begun and left."""
    await sftp.sweep(house.db, clock.now() - LEFT)
