"""The gate as one object: opened once, it turns secrets into Access."""

from __future__ import annotations

import asyncio
from collections import ChainMap, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sojourn.base import clock, crypto, ids
from sojourn.base.crypto import ServerKey
from sojourn.base.db import Database
from sojourn.base.errors import StaleCredential
from sojourn.fhir import definitions
from sojourn.fhir.codes import members_of
from sojourn.fhir.searchconditions import ValueSets
from sojourn.gate import decide, identity, narrowing
from sojourn.gate.access import Access
from sojourn.gate.apps.clients import Clients
from sojourn.gate.apps.pace import Pace
from sojourn.gate.apps.registry import Registry
from sojourn.gate.caller import Caller, Program, Tenant
from sojourn.gate.decide import Rules
from sojourn.gate.documenting import clerk
from sojourn.gate.identity import Identity
from sojourn.gate.labelrules import Kind, OwnCode, made_of, tops
from sojourn.gate.security import alive
from sojourn.gate.signin import SignIn
from sojourn.record import labelling
from sojourn.record.blobs import Blobs
from sojourn.record.combining import Writer
from sojourn.record.index import Keys
from sojourn.record.journal import Journal
from sojourn.record.trail import Entry, Trail

if TYPE_CHECKING:
    from sojourn.gate.channels import Channel
    from sojourn.gate.consequences import Consequence

_REMEMBERED = 10_000


def codes_of(url: str) -> list[tuple[str, str]] | None:
    """The codes of a value set that the definitions list one by one, for `:in`; None when they do not."""
    members = members_of(url)
    if members is None or any(codes is None for codes in members.values()):
        return None
    return [(system, code) for system, codes in members.items() for code in sorted(codes or ())]


@dataclass(slots=True)
class House:
    """What every Access shares: the database, the trail, the rules in force, the keys."""

    db: Database
    trail: Trail
    writer: Writer
    key: ServerKey
    blobs: Blobs
    base: str
    # Where a fax server puts what it received: a folder for each organization, by its key.
    inbox: Path = Path("fax-in")
    tenants: dict[int, Tenant] = field(default_factory=dict)
    # Their test benches, by number: of made-up people, so nothing is done there by the clock.
    benches: dict[int, Tenant] = field(default_factory=dict)
    rules: dict[int, Rules] = field(default_factory=dict)
    stamps: dict[int, str] = field(default_factory=dict)
    keys: dict[int, Keys] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    value_sets: ValueSets = field(default=codes_of)
    # What must follow from a write in its own transaction (gate/consequences.py).
    consequences: tuple[Consequence, ...] = ()
    # By what people are reached outside the app (gate/channels.py), by means; and how they reach this server, '' where nobody said.
    channels: Mapping[str, Channel] = field(default_factory=dict)
    address: str = ""
    # Who writes it: the gate itself, for a caller.
    clerk: Callable[[Access], Access] = clerk
    # (tenant, patient, program) known to be in the patient's origin, which only ever grows.
    admitted: OrderedDict[tuple[int, str, int], None] = field(default_factory=OrderedDict)
    # Set when an export or import was asked for in this process, so that it begins at once.
    bulk_asked: asyncio.Event = field(default_factory=asyncio.Event)
    # Registered apps, for their paces and web origins.
    apps: Registry = field(init=False)

    def __post_init__(self) -> None:
        self.apps = Registry(self.db)

    @property
    def known(self) -> Mapping[int, Tenant]:
        """Organizations and test benches, by number."""
        return ChainMap(self.tenants, self.benches)

    def signer(self, tenant: Tenant) -> Tenant:
        """Whose keys sign what leaves: of a test bench those of its organization, for they are the published ones."""
        return tenant if tenant.bench_of is None else self.tenants[tenant.bench_of]


class Gate:
    """Nothing reaches the record but through an Access that this object gave out."""

    def __init__(self, dsn: str, key: ServerKey, data: Path, *, base: str, connections: int = 16, consequences: tuple[Consequence, ...] = ()) -> None:
        """consequences: what the rooms let follow from a write; every process in which people write gives them."""
        db = Database(dsn, connections=connections)
        self.house = House(db, Trail(db, Journal(data / "trail-journal", key)), Writer(db), key, Blobs(data / "blobs", key), base, data / "fax-in", types=tuple(sorted(definitions.RESOURCE_TYPES)), consequences=consequences)
        self.identity = Identity(db, self.house.known, self.reload)
        self._met: OrderedDict[bytes, Caller] = OrderedDict()
        self.signin = SignIn(self.house, self.identity)
        self.clients = Clients(self.house)
        self.pace = Pace(self.house.apps)

    async def open(self) -> None:
        """Connect, and read tenants, programs and rules."""
        await self.house.db.open()
        await self.reload()

    async def close(self) -> None:
        """Let go of the database."""
        await self.house.db.close()

    async def reload(self) -> None:
        """Read tenants, programs and role rules again (at the start, and when they were edited)."""
        db, now = self.house.db, clock.now()
        for row in await db.call("SELECT * FROM gate.tenants()"):
            tenant = Tenant(row["tenant"], row["key"], row["name"], row["host"], row["secret"], row["organization"], row["bench_of"])
            if self.house.known.get(tenant.number) != tenant:  # callers who are remembered hold the object, and compare it
                (self.house.tenants if tenant.bench_of is None else self.house.benches)[tenant.number] = tenant
                self.house.keys[tenant.number] = Keys(tenant.secret)
            programs = {
                p["program"]: Program(p["program"], p["key"], p["name"], _reference(p["organization"]), p["part2"])
                for p in await db.call("SELECT * FROM gate.programs($1, $2)", tenant.number, now)
            }
            rules = [(r["role"], r["types"], r["actions"]) for r in await db.call("SELECT * FROM gate.rules($1, $2)", tenant.number, now)]
            own_labels = made_of(
                [OwnCode(c["system"], c["code"], c["prefix"], tuple(c["tags"])) for c in await labelling.subject_codes(db, tenant.number, now)],
                [(law["tag"], law["basis"]) for law in await labelling.subject_laws(db, tenant.number, now)],
                [Kind(k["system"], k["top"], k["code"]) for k in await labelling.kinds(db, tenant.number, tops())],
            )
            digest = crypto.sha256(repr((sorted(rules), sorted(programs.items()), own_labels.digest)).encode())[:16]
            days = {r["kind"]: r["days"] for r in await db.call("SELECT * FROM gate.reach_times($1, $2)", tenant.number, now)}
            sites: dict[int, frozenset[str]] = {}
            for row in await db.call("SELECT * FROM gate.program_sites($1, $2)", tenant.number, now):
                sites[row["program"]] = sites.get(row["program"], frozenset()) | {row["site"]}
            zones = {r["program"]: r["zone"] for r in await db.call("SELECT * FROM gate.program_zones($1, $2)", tenant.number, now) if r["zone"]}
            self.house.stamps[tenant.number] = await self._stamp(tenant.number)
            self.house.rules[tenant.number] = Rules(rules, programs, digest, own_labels, sites=sites, days=days, zones=zones)

    def tenant_of(self, host: str) -> Tenant | None:
        """The tenant that a host name chooses; with only one tenant, that one."""
        tenants = list(self.house.tenants.values())
        named = [t for t in tenants if t.host == host.partition(":")[0]]
        return named[0] if named else tenants[0] if len(tenants) == 1 else next((t for t in tenants if t.host is None), None)

    async def access(self, secret: str, request: str | None = None) -> Access | None:
        """The Access of a bearer token, or None; also None for the secret of a session, which opens the app that it was begun in and no other door."""
        caller = await self.identity.caller(secret)
        return self.access_of(await self.current(caller), request) if caller and not caller.session else None

    async def bearer(self, secret: str) -> Access | None:
        """The same as the database knows them now, for a door that does not ask it at once; None for nobody.

        Looked up again, once, if something about them changed.
        """
        for _ in range(2):
            access = await self.access(secret)
            if access is None:
                return None
            try:
                await alive(access)
            except StaleCredential:
                self.identity.forget(access.caller)
            else:
                return access
        return None

    async def renewed(self, access: Access) -> Access | None:
        """The same caller as the database knows them now: after a rule changed. None if the credential ended."""
        caller = await self.identity.again(access.caller)
        return self.access_of(await self.current(caller), access.request) if caller else None

    async def current(self, caller: Caller) -> Caller:
        """A caller who was looked up, under the rules that are in force; of a proxy, with whom they act for now.

        When the rules change, every account's generation does (gate.set_role), so everybody is looked up anew, in every process.
        """
        tenant = caller.tenant.number
        if self._met.get(caller.credential) is not caller:
            if await self._stamp(tenant) != self.house.stamps[tenant]:
                await self.reload()
            self._met[caller.credential] = caller
            if len(self._met) > _REMEMBERED:
                self._met.popitem(last=False)
        if caller.kind == "staff":
            rules = self.house.rules[tenant]
            if caller.session or caller.app:  # for what they work is said by their role, which may change while they are signed in, or an app goes on for months
                caller = replace(caller, purpose=rules.purpose(caller.role))
            return await identity.denied(self.house.db, caller) if decide.sees_all(caller, rules) else caller
        return await narrowing.standing(self.house.db, self.house.keys[tenant], caller, clock.now())

    async def _stamp(self, tenant: int) -> str:
        rows = await self.house.db.call("SELECT gate.rules_stamp($1, $2) AS stamp", tenant, clock.now())
        return str(rows[0]["stamp"])

    def access_of(self, caller: Caller, request: str | None = None) -> Access:
        """The Access of a caller already known, for one more request."""
        return Access(self.house, caller, request or ids.new_id("request"))

    async def session(self, secret: str, request: str | None = None, *, used: bool = True) -> Access | None:
        """The Access of a session, or None when it is over. request: its number; `used`: whether this counts as use of it, which moves its idle limit on."""
        caller = await self.identity.caller(secret)
        if caller is None or not caller.session or (used and not await self.identity.used(caller)):
            return None
        return self.access_of(await self.current(caller), request)

    async def sign_out(self, secret: str) -> None:
        """End a session at once."""
        caller = await self.identity.caller(secret)
        await self.identity.revoke(secret)
        if caller:
            await self.house.trail.record(
                caller.tenant.number, Entry(clock.now(), ids.new_id("request"), caller.account, caller.role, caller.door, caller.purpose, "sign-out", "done")
            )

    async def token(self, tenant: Tenant, account: str, *, door: str = "api", days: int = 365, purpose: str = "TREAT", secret: str | None = None,
                    scopes: str | None = None, patient: str | None = None) -> str:  # fmt: skip
        """A bearer token for an account. scopes: SMART scopes within which it holds; patient: the one that `patient/` scopes are about.

        The scopes are on the token before anybody has it. Raises NotFound unless the account is active.
        """
        token = await self.identity.issue(tenant, account, kind="token", door=door, life=timedelta(days=days), purpose=purpose, token=secret)
        if scopes is not None:
            await self.house.db.call("SELECT gate.scope_token($1, $2, $3, $4)", tenant.number, crypto.sha256(token.encode()), scopes, patient)
        return token


def _reference(organization: str | None) -> str | None:
    """The Organization of a program as resources refer to it, however it was entered."""
    return f"Organization/{organization.removeprefix('Organization/')}" if organization else None
