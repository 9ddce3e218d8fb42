"""How a partner connects by SFTP: its login, limits and services, and its keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, errors, ids
from sojourn.gate.apps import registry
from sojourn.gate.exchange import partners, pgp
from sojourn.gate.security import told
from sojourn.record import sftp

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House

_LOGIN: Final = re.compile(r"[a-z][a-z0-9-]{2,31}")
_MEGABYTE: Final = 1_000_000
MOST: Final = 100 * _MEGABYTE
"""Bytes of one file, where nothing else was agreed."""
QUOTA: Final = 1000 * _MEGABYTE
"""Bytes that wait in a box, where nothing else was agreed."""


RHYTHMS: Final = {0: "never", 6: "every 6 hours", 12: "every 12 hours", 24: "every day", 168: "every week"}
"""Hours after which an export is put out by itself; each is out for a day."""


@dataclass(frozen=True, slots=True)
class Account:
    """How one partner connects.

    most: bytes of one file; quota: bytes that are in its box and not picked up. brings: the app (a service of ours) under whose right FHIR files
    of theirs are imported, or ''. gets: the app (a service of their organization) under whose right something is put out for them, or ''.
    pgp: their public OpenPGP key, armored, or ''. seals: what an errand brings is encrypted to it; signs: what they encrypt must be signed by it.
    every: hours after which an export is put out by itself, one of RHYTHMS; 0 for never. types and group: of what (gate/exchange/outbox.py); changed: only of
    what changed since the one before.
    """

    partner: str
    login: str
    most: int = MOST
    quota: int = QUOTA
    brings: str = ""
    gets: str = ""
    pgp: str = ""
    seals: bool = False
    signs: bool = False
    every: int = 0
    types: tuple[str, ...] = ()
    group: str = ""
    changed: bool = False
    state: str = "active"
    author: str = ""
    reason: str = ""
    since: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether they may connect."""
        return self.state == "active"


class Key(NamedTuple):
    """A key of a partner. good_to and revoked: None for never; used: when somebody last came in with it."""

    key: str
    fingerprint: str
    public: str
    name: str
    good_from: datetime
    good_to: datetime | None
    added: datetime
    author: str
    revoked: datetime | None
    revoker: str
    reason: str
    used: datetime | None


_NOT_FACTS: Final = frozenset({"partner", "login", "state", "author", "reason", "since"})


def facts(account: Account) -> str:
    """What is kept of it beside login and state."""
    return json.dumps({k: v for k, v in asdict(account).items() if k not in _NOT_FACTS}, sort_keys=True)


def of_row(row: Mapping[str, Any]) -> Account:
    """The account of a row. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(Account)} - _NOT_FACTS
    said: dict[str, Any] = {k: tuple(v) if k == "types" else v for k, v in json.loads(row["facts"]).items() if k in known}
    return Account(row["partner"], row["login"], state=row["state"], author=row["author"], reason=row["reason"], since=row["since"], **said)


async def every(house: House, tenant: Tenant) -> dict[str, Account]:
    """All accounts of an organization, by partner."""
    return {row["partner"]: of_row(row) for row in await sftp.accounts(house.db, tenant.number)}


async def one(access: Access, partner: Partner) -> Account | None:
    """How a partner connects, or None. Raises Forbidden."""
    await access.check("administer", "Exchange")
    return (await every(access.house, access.tenant)).get(partner.id)


async def services(access: Access) -> list[registry.App]:
    """Services that are registered and could be named in an account."""
    return [a for a in await registry.every(access.house.db, access.tenant) if "service" in a.uses and a.account]


async def put(access: Access, account: Account, before: Account | None, reason: str = "") -> None:
    """Write down how a partner connects, or change it from what was read. Raises Malformed, Forbidden, ProofNeeded, VersionConflict."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    await _kept(access, await _checked(access, account, await partners.one(access, account.partner)), before, reason)


async def move(access: Access, partner: str, state: str, reason: str) -> None:
    """Shut a partner's boxes, at once, or open them again. Raises Malformed without a reason, NotFound, ProofNeeded, VersionConflict."""
    before = await one(access, await partners.one(access, partner))
    await access.require_fresh()
    if before is None:
        raise errors.NotFound("This partner has no boxes.")
    if state not in ("active", "stopped") or not reason.strip():
        raise errors.Malformed("Write why.")
    await _kept(access, replace(before, state=state), before, reason)


async def _checked(access: Access, account: Account, partner: Partner) -> Account:
    if not _LOGIN.fullmatch(account.login):
        raise errors.Malformed("A login is 3 to 32 small letters, digits and hyphens, a letter first.")
    if not 0 < account.most <= 2000 * _MEGABYTE or not account.most <= account.quota <= 100_000 * _MEGABYTE:
        raise errors.Malformed("A file has at most 2,000 MB, and the box room for one at least and 100,000 MB at most.")
    known = {a.id: a for a in await services(access)}
    for client in filter(None, (account.brings, account.gets)):
        if client not in known:
            raise errors.Malformed("Choose a service that is registered.")
    if account.brings and known[account.brings].whose != "inside":
        raise errors.Malformed("What is imported is imported under the right of a service of ours.")
    if account.gets and known[account.gets].whose != "outside":
        raise errors.Malformed("What leaves is decided for a service of their organization: consents name that.")
    if account.gets and known[account.gets].organization != partner.organization:
        raise errors.Malformed("This service is of another organization than the one that their page names. Enter there which they are, or choose a service of theirs: what leaves is decided by who it is for.")
    if account.every not in RHYTHMS or (account.every and not account.gets):
        raise errors.Malformed("Say for which service of their organization it is decided what is put out by itself, and how often.")
    if (account.seals or account.signs) and not account.pgp.strip():
        raise errors.Malformed("To encrypt to them or to check their signatures takes their OpenPGP key.")
    return replace(account, pgp=await pgp.checked(account.pgp))


async def _kept(access: Access, account: Account, before: Account | None, reason: str) -> None:
    done = await told(
        access, "sftp-change" if before else "sftp-open", f"partner={account.partner}&state={account.state}", "gate.sftp_put_account($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        access.tenant.number, account.partner, account.login, facts(account), account.state, before.since if before else None, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.VersionConflict("This login is taken, or somebody else changed it meanwhile. It is shown as it is now.", current="", expected="")


async def keys(access: Access, partner: str) -> list[Key]:
    """Keys of a partner, those that are revoked last. Raises Forbidden."""
    await access.check("administer", "Exchange")
    return [Key(*(row[name] for name in Key._fields)) for row in await sftp.keys(access.house.db, access.tenant.number, partner)]


async def add_key(access: Access, partner: str, public: str, fingerprint: str, name: str, good_from: datetime | None = None, good_to: datetime | None = None) -> str:
    """Register a key; its id. public: as OpenSSH writes it; fingerprint: SHA256:… of it. Raises Malformed, Conflict, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    await partners.one(access, partner)
    start = good_from or access.now
    if good_to is not None and good_to <= max(start, access.now):
        raise errors.Malformed("A key is good until a day that is yet to come, and after the day from which it is.")
    key = ids.new_id("key")
    done = await told(
        access, "sftp-key-add", f"partner={partner}&key={key}", "gate.sftp_add_key($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        access.tenant.number, key, partner, fingerprint, public, name.strip()[:120], start, good_to, access.caller.account, clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Conflict("This key is registered already.")
    return key


async def revoke_key(access: Access, partner: str, key: str, reason: str) -> None:
    """Revoke a key; sessions with it end. Raises NotFound, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    done = await told(
        access, "sftp-key-revoke", f"partner={partner}&key={key}", "gate.sftp_revoke_key($1, $2, $3, $4, $5, $6)",
        access.tenant.number, partner, key, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.NotFound("There is no such key, or it is revoked already.")
