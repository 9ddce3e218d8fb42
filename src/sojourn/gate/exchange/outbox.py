"""What is put out for a partner: exports, made while they are taken, and single documents.

No file is stored. The list, the manifest and each file are what the service named for the partner may have at that moment; what is taken is in the trail and
in the log of disclosures as every export is (gate/bulk/leaving.py).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sojourn.base import clock, crypto, errors, ids, log
from sojourn.gate.bulk import asking, leaving
from sojourn.gate.exchange import asapp, partners
from sojourn.gate.exchange.outdocuments import KINDS, Leaves
from sojourn.gate.exchange.sftp import Account, every
from sojourn.gate.security import told, written
from sojourn.record import exchange, sftp

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.bulk.leaving import Export, File
    from sojourn.gate.caller import Tenant
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.exchange.outdocuments import Leaf
    from sojourn.gate.gate import Gate
    from sojourn.record.trail import Entry

_log = log.logger(__name__)
MANIFEST: Final = "manifest.json"
SEALED: Final = ".pgp"
"""With which the name of a file ends that is brought encrypted."""
_RENEWED: Final = timedelta(minutes=10)
_PIECE: Final = 1 << 15  # bytes at a time: what is taken to its end is what was asked for to its end
_FRESH: Final = 5.0  # seconds for which a session is shown the same list of files that are made for it


class Made(Protocol):
    """A file of another kind that is out, as it may be taken now."""

    @property
    def id(self) -> str:
        """Of what is put out."""

    @property
    def name(self) -> str:
        """Neutral."""

    @property
    def kind(self) -> str:
        """As the manifest says it."""

    @property
    def created(self) -> datetime:
        """Neutral, as the name is."""

    @property
    def content(self) -> bytes:
        """What is in it."""

    async def take(self, who: sftp.Who) -> bool:
        """Decide it once more and write down what leaves, before it does; False where it is not the same any more."""

    async def took(self, who: sftp.Who, *, hide: bool = False) -> None:
        """They took it to its end, or removed it."""


Maker = Callable[["Tenant", str], Awaitable[Sequence[Made]]]
"""What makes them for a partner (by id), decided at that moment."""


class Out(NamedTuple):
    """A file that is out. size: as it was last made. export and file, leaf, or made: what it is of."""

    name: str
    size: int
    kind: str
    created: datetime
    drop: str
    export: Export | None = None
    file: File | None = None
    leaf: Leaf | None = None
    made: Made | None = None


class Put(NamedTuple):
    """Something that was put out, for those who look after partners. state: of the export; files: (name, times taken); last: when something was last taken."""

    drop: str
    label: str
    state: str
    author: str
    created: datetime
    until: datetime
    files: tuple[tuple[str, int], ...]
    last: datetime | None


async def put(access: Access, gate: Gate, partner: str, types: Sequence[str], since: str = "", group: str = "") -> str:
    """Put an export out; its label. types: kinds of resources, none for all. group: only its members. Raises Malformed, Forbidden, ProofNeeded, TooManyRequests."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    await partners.one(access, partner)
    account = (await every(access.house, access.tenant)).get(partner)
    if account is None or not account.gets:
        raise errors.Malformed("Say first for which service of their organization it is decided what they get.")
    return await begin(gate, access.tenant, account, types, since, group, access.entry("sftp-put-out", "Exchange", f"partner={partner}"))


async def by_rhythm(gate: Gate, tenant: Tenant, clockwork: Clockwork) -> int:
    """By the clock: put out what partners get by themselves, each once in its time; how many. One that cannot be now is tried again by whoever looks next."""
    done, now = 0, clock.now()
    active = {p.id for p in (partners.of_row(r) for r in await exchange.partners(gate.house.db, tenant.number)) if p.active}
    for account in (await every(gate.house, tenant)).values():
        if not account.every or not account.gets or not account.active or account.partner not in active:
            continue
        slot, mark = int(now.timestamp() // (account.every * 3600)), f"rhythm-{account.partner}-{account.every}-"
        before = [r for r in await sftp.drops(gate.house.db, tenant.number, account.partner, now, every=True) if str(r["drop_id"]).startswith(mark)]
        if any(r["drop_id"] == f"{mark}{slot}" for r in before):
            continue
        since = max((r["created"] for r in before), default=None) if account.changed else None
        access = await clockwork.access(tenant.number)
        try:
            line = access.entry("sftp-put-out", "Exchange", f"partner={account.partner}&every={account.every}")
            await begin(gate, tenant, account, account.types, since.astimezone(UTC).isoformat() if since else "", account.group, line, f"{mark}{slot}")
            done += 1
        except errors.SojournError as error:
            _log.warning("an export was not put out", error=type(error).__name__)
    return done


async def begin(gate: Gate, tenant: Tenant, account: Account, types: Sequence[str], since: str, group: str, line: Entry, drop: str = "") -> str:
    """The same, once somebody may: line: of the trail, who and why; drop: its id, of one that is there once. Raises Malformed, Forbidden, TooManyRequests."""
    theirs = await asapp.access(gate, tenant, account.gets)
    params = [*([("_type", ",".join(types))] if types else []), *([("_since", since)] if since else [])]
    wish = await asking.wish(theirs, params, level="group" if group else "patient", group=group)
    export, _ = await asking.begin(theirs, wish, "sftp")
    drop, now = drop or ids.new_id("drop"), clock.now()
    label = f"export-{now.astimezone(UTC):%Y%m%d-%H%M}-{crypto.sha256_hex(drop.encode())[:4]}"
    await written(
        gate.house, tenant, line._replace(query=f"{line.query}&drop={drop}&export={export}"), "gate.sftp_put_out($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.number, drop, account.partner, label, account.gets, export, line.account, now, now + asking.LIFE,
    )  # fmt: skip
    return label


async def withdraw(access: Access, gate: Gate, partner: str, drop: str) -> None:
    """Take something back that was put out, at once. Raises NotFound, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    row = next((r for r in await sftp.drops(access.house.db, access.tenant.number, partner, clock.now()) if r["drop_id"] == drop), None)
    done = await told(access, "sftp-withdraw", f"partner={partner}&drop={drop}", "gate.sftp_withdraw($1, $2, $3)", access.tenant.number, partner, drop, type_="Exchange")
    if not done or row is None:
        raise errors.NotFound("There is nothing of that name out.")
    with suppress(errors.NotFound, errors.Forbidden):  # it is over, or the service is stopped: either way nothing of it leaves
        await leaving.cancel(await asapp.access(gate, access.tenant, row["app"]), row["export"])


async def listed(access: Access, partner: str) -> list[Put]:
    """What is and was out for a partner. Raises Forbidden."""
    await access.check("operate", "Exchange")
    now = clock.now()
    return [
        Put(
            r["drop_id"], r["label"], "withdrawn" if r["state"] != "out" else "over" if r["until"] <= now else "out", r["author"], r["created"], r["until"],
            tuple((n, t) for n, t in zip(r["names"] or (), r["times"] or (), strict=True) if t), r["last"],
        )
        for r in await sftp.drops(access.house.db, access.tenant.number, partner, now, every=True)
    ]  # fmt: skip


class Outbox:
    """What one session of a partner finds in `out`."""

    def __init__(self, gate: Gate, tenant: Tenant, account: Account, key: str, maker: Maker | None = None) -> None:
        """maker: of files beside exports and documents."""
        self._maker = maker
        self._seen: tuple[float, Sequence[Made]] = (-inf, ())
        self._gate, self._tenant, self._account, self._key = gate, tenant, account, key
        self._met: tuple[str, Access, datetime] | None = None
        self._leaves = Leaves(gate, tenant)

    @property
    def who(self) -> sftp.Who:
        """Whose session it is, now."""
        return sftp.Who(self._tenant.number, self._account.partner, self._key, clock.now())

    async def _access(self, client: str) -> Access:
        now = clock.now()
        if self._met is None or self._met[0] != client or self._met[2] <= now:
            self._met = client, await asapp.access(self._gate, self._tenant, client), now + _RENEWED
        return self._gate.access_of(self._met[1].caller)

    async def files(self) -> list[Out]:
        """Every file that they may take now. A drop whose service is stopped, or is not theirs any more, is not there."""
        if not await sftp.good(self._gate.house.db, self.who):
            raise errors.StaleCredential()
        self._account = (await every(self._gate.house, self._tenant))[self._account.partner]  # whose service may be another by now
        found: list[Out] = []
        for row in await sftp.drops(self._gate.house.db, self._tenant.number, self._account.partner, clock.now()):
            hidden = {n for n, h in zip(row["names"] or (), row["hidden"] or (), strict=True) if h}
            try:
                access = await self._access(row["app"])
                export = await leaving.one(access, row["export"])
                files = await leaving.files(access, export) if export.state == "done" and row["app"] == self._account.gets else []
            except (errors.NotFound, errors.Forbidden, errors.StaleCredential):
                self._met = None
                continue
            named = [Out(f"{row['label']}.{f.name}", f.size, f.type, row["created"], row["drop_id"], export, f) for f in files]
            found += [o for o in named if o.name not in hidden]
        found += [Out(m.name, len(m.content), m.kind, m.created, m.id, made=m) for m in await self._others()]
        return [*found, *(Out(x.name, len(x.content.body), KINDS[x.content.media], x.created, x.one.id, leaf=x) for x in await self._leaves.all(self.who))]

    async def _others(self, *, fresh: bool = False) -> Sequence[Made]:
        """What a list shows of them may be some seconds old; what is opened is not."""
        if self._maker is None:
            return ()
        if fresh or clock.monotonic() - self._seen[0] > _FRESH:
            self._seen = clock.monotonic(), await self._maker(self._tenant, self._account.partner)
        return self._seen[1]

    @property
    def account(self) -> Account:
        """Of the partner."""
        return self._account

    async def manifest(self, *, sealed: bool = False) -> bytes:
        """Name, size, SHA-256 and kind of each, as they are now. sealed: they are brought encrypted, and size and SHA-256 are of what is in them."""
        said = []
        for out in await self.files():
            stream = await self.open(out)
            if stream is not None:
                said.append({"name": out.name + SEALED if sealed else out.name, **({"encrypted": "OpenPGP"} if sealed else {}), "size": stream.size, "sha256": stream.sha256, "kind": out.kind, "created": out.created.astimezone(UTC).isoformat(timespec="seconds")})
        return json.dumps({"files": said}, indent=1).encode() + b"\n"

    async def open(self, out: Out) -> Stream | None:
        """A file, measured as it would be taken now; None where nothing is left of it."""
        if out.leaf is not None:
            return Sheet(self, out, self._leaves, out.leaf)
        if out.made is not None:
            now = next((m for m in await self._others(fresh=True) if m.id == out.made.id), None)
            return Whole(self, out, now) if now is not None else None
        assert out.export is not None and out.file is not None  # noqa: S101, PT018 - it is of an export, then
        access = await self._access(self._account.gets)
        try:
            file, parts = await leaving.file(access, out.export, out.file.name)
            size, sha256 = await leaving.measured(access, out.export, file, parts)
            file, parts = await leaving.file(access, out.export, out.file.name)
        except errors.NotFound:
            return None
        return Stream(self, out, access, file, parts, size, sha256)

    async def took(self, out: Out, size: int, *, hide: bool = False) -> None:
        """They took it to its end, or removed it."""
        if out.leaf is not None:
            await self._leaves.took(self.who, out.leaf, hide=hide)
            return
        if out.made is not None:
            await out.made.took(self.who, hide=hide)
            self._seen = -inf, ()
            return
        await sftp.took(self._gate.house.db, self.who, out.drop, out.name, size, hide=hide)


class Stream:
    """A file as it is taken. size and sha256: what it was when it was opened."""

    def __init__(self, box: Outbox, out: Out, access: Access, file: File, parts: Sequence[Any], size: int, sha256: str) -> None:
        self._box, self._access, self._file, self._parts = box, access, file, parts
        self.out, self.size, self.sha256 = out, size, sha256

    def lines(self, start: int = 0) -> AsyncIterator[bytes]:
        """Its bytes, decided and written down as they leave. start: how many they have already. Raises leaving.Changed."""
        assert self.out.export is not None  # noqa: S101 - it is of one
        return leaving.lines(self._access, self.out.export, self._file, self._parts, start=start)

    async def over(self) -> None:
        """They took it to its end."""
        await self._box.took(self.out, self.size)


class Sheet(Stream):
    """A single document as it is taken."""

    def __init__(self, box: Outbox, out: Out, leaves: Leaves, leaf: Leaf) -> None:
        self._box, self._leaves, self._leaf = box, leaves, leaf
        self.out, self.size, self.sha256 = out, len(leaf.content.body), crypto.sha256_hex(leaf.content.body)

    async def lines(self, start: int = 0) -> AsyncIterator[bytes]:
        """Its bytes, decided once more before the first. Raises leaving.Changed."""
        if not await self._leaves.take(self._box.who, self._leaf):
            raise leaving.Changed
        for at in range(start, self.size, _PIECE):
            yield self._leaf.content.body[at : at + _PIECE]


class Whole(Stream):
    """A file that something else made, as it is taken."""

    def __init__(self, box: Outbox, out: Out, made: Made) -> None:
        self._box, self._made = box, made
        self.out, self.size, self.sha256 = out._replace(made=made), len(made.content), crypto.sha256_hex(made.content)

    async def lines(self, start: int = 0) -> AsyncIterator[bytes]:
        """Its bytes, decided once more before the first. Raises leaving.Changed."""
        if not await self._made.take(self._box.who):
            raise leaving.Changed
        for at in range(start, self.size, _PIECE):
            yield self._made.content[at : at + _PIECE]
