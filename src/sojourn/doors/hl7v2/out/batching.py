"""Messages in files (FHS to FTS) that partners take by SFTP: decided when they look and take.

HL7 v2.8, 2.10.3. Neither name nor numbers of a file say more than is in it: it is called by the time of its rhythm, and there is none where nothing may leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sojourn.base import clock
from sojourn.doors.hl7v2.out import compose
from sojourn.doors.hl7v2.out.client import Identity
from sojourn.doors.hl7v2.out.post import Decided, Post
from sojourn.gate.exchange import batches, profile
from sojourn.gate.exchange.batches import Batch, Batches
from sojourn.wire.hl7v2 import USUAL, escaped
from sojourn.wire.hl7v2write import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.outbox import Made
    from sojourn.gate.exchange.partners import Envoys
    from sojourn.gate.exchange.profile import Profile
    from sojourn.gate.exchange.telling import Leaving
    from sojourn.record.sftp import Who

KIND: Final = "HL7 v2"


class Folder:
    """The files of one partner. post: decides and writes the messages."""

    def __init__(self, envoys: Envoys, tenant: Tenant, post: Post) -> None:
        self.envoys, self.tenant, self.post = envoys, tenant, post
        self.batches = Batches(envoys.house, tenant.number, post.partner, post.box)
        self._looked: datetime | None = None

    async def round(self) -> int:
        """Put a file out if it is time and something may leave; how many messages are in it. Of several processes one does it."""
        begins = batches.slot(clock.now(), self.post.profile.batch)
        if self._looked == begins:
            return 0
        done = 0 if await self.batches.there(begins) else await self._begin(begins)
        self._looked = begins
        return done

    async def _begin(self, begins: datetime) -> int:
        for one in await self.batches.out():
            await self._permitted(await self.batches.messages(one.id))
        await self.batches.sweep()
        waiting = await self.batches.waiting()
        while len(permitted := await self._permitted(waiting)) < len(waiting):
            waiting = await self.batches.waiting()  # behind what may not leave any more the next of a person may have waited
        if permitted and await self.batches.begin(begins, permitted):
            return len(permitted)
        return 0

    async def _permitted(self, messages: Sequence[Leaving]) -> list[Leaving]:
        """Those that may leave now; the others are set aside, and what they are about is looked at anew."""
        found = []
        for one in messages:
            decided = await self.post.anew(one)
            if decided.body is not None:
                found.append(one)
            else:
                await self.post.aside(one, decided)
        return found

    async def made(self) -> list[Sheaf]:
        """The files as they may be taken now."""
        found = []
        for batch in await self.batches.out():
            if sheaf := await self.file(batch):
                found.append(sheaf)
        return found

    async def file(self, batch: Batch) -> Sheaf | None:
        """One file; None where nothing of it may leave."""
        said = [(one, decided) for one in await self.batches.messages(batch.id) if (decided := await self.post.anew(one)).body is not None]
        return Sheaf(self, batch, tuple(said), written(self.post.profile, batch, [d.body for _, d in said if d.body is not None])) if said else None


@dataclass(frozen=True)
class Sheaf:
    """One file that they may take now (gate/exchange/outbox.py)."""

    folder: Folder
    batch: Batch
    said: tuple[tuple[Leaving, Decided], ...]
    content: bytes
    kind: str = KIND

    @property
    def id(self) -> str:
        """Of what is put out."""
        return self.batch.id

    @property
    def name(self) -> str:
        """By its time alone."""
        return f"hl7-{self.batch.begins:%Y%m%d-%H%M}.hl7"

    @property
    def created(self) -> datetime:
        """Its time."""
        return self.batch.begins

    async def take(self, who: Who) -> bool:
        """Decide each message once more and write down that it leaves, with its bytes, before it does; False where the file is another by now."""
        now = await self.folder.file(self.batch)
        if now is None or now.content != self.content:
            return False
        box, envoys, tenant = self.folder.post.box, self.folder.envoys, self.folder.tenant
        for one, decided in now.said:
            if decided.body is None or not await box.left(decided.access, one, decided.body, decided.job or {}, decided.out):
                return False
        access = await envoys.access(tenant, self.folder.post.partner)
        await access.note(access.entry("sftp-take", "Exchange", self.batch.id, patients=sorted({str(d.job["subject"][2]) for _, d in now.said if d.job and "subject" in d.job})))
        return True

    async def took(self, who: Who, *, hide: bool = False) -> None:
        """They have all of it: each message counts as told, in one transaction; or they removed it."""
        post, said = self.folder.post, () if hide else self.said
        async with self.folder.envoys.house.db.together() as transaction:
            if not await self.folder.batches.over(who, self.batch.id, [one.id for one, _ in said], transaction):
                return
            for one, decided in said:
                await post.arrived(one, decided.job or {}, box=post.box.within(transaction))
        for one, decided in said:
            await post.following(one, decided.job or {})


def written(out: Profile, batch: Batch, messages: Sequence[bytes]) -> bytes:
    """The file: headers, messages, trailers with their counts."""
    fields = (out.ours, out.our_place, out.theirs, out.their_place, moment(batch.begins), "", "", "", batch.id[:40])

    def head(name: str) -> str:
        return USUAL.field.join([name, "^~\\&", *map(escaped, fields)]) + "\r"

    def tail(name: str, count: int) -> str:
        return f"{name}{USUAL.field}{count}\r"

    return b"".join([
        compose.encoded(head("FHS") + head("BHS"), out), *messages, compose.encoded(tail("BTS", len(messages)) + tail("FTS", 1), out),
    ])  # fmt: skip


class Batching:
    """Makes files for every organization of this server: for gate/exchange/outbox.py."""

    def __init__(self, envoys: Envoys) -> None:
        self._envoys = envoys

    async def made(self, tenant: Tenant, partner: str) -> Sequence[Made]:
        """What is out for a partner, decided now."""
        found = next((p for p in await self._envoys.partners(tenant) if p.id == partner), None)
        if found is None or not profile.of(found.sending).batch:
            return ()
        return await Folder(self._envoys, tenant, Post(self._envoys, tenant, found, Identity())).made()
