"""Direct: our mailbox at the HISP, how partners write, and what became of letters to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from sojourn.base import clock, errors
from sojourn.gate.exchange import directtrust, partners
from sojourn.gate.security import told
from sojourn.record import direct as record
from sojourn.wire import mime, trust
from sojourn.wire.cms import Holder

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

DOOR: Final = "direct"
LEAVING, SENT, PROCESSED, DELIVERED, FAILED = "leaving", "sent", "processed", "delivered", "failed"
STATES: Final = {LEAVING: "Being sent", SENT: "Sent, no notice yet", PROCESSED: "Their system has it", DELIVERED: "Delivered", FAILED: "Failed"}
_PURPOSE: Final = "direct mailbox"
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_DOMAIN: Final = re.compile(r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
OLD_KEYS: Final = 3
"""Keys of ours from before, with which what was encrypted to them is still opened."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Our mailbox at the HISP. certificates: ours first, then those that lead from it to an anchor, as PEM. authority: who vouches for the HISP's servers, as PEM, '' for the public
    authorities. every: seconds between looks."""

    address: str = ""
    smtp: str = ""
    smtp_port: int = 587
    imap: str = ""
    imap_port: int = 993
    login: str = ""
    certificates: str = ""
    authority: str = ""
    every: int = 60
    state: str = "active"
    author: str = ""
    reason: str = ""
    since: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether mail is fetched and sent."""
        return self.state == "active"


class Secret(NamedTuple):
    """What nobody reads. keys: (certificate, key), both as PEM, ours now first."""

    password: str
    keys: tuple[tuple[str, str], ...] = ()


class Run(NamedTuple):
    """How looking into the mailbox went last."""

    due: datetime
    good: datetime | None
    problem: str


@dataclass(frozen=True, slots=True)
class Correspondent:
    """How one partner writes. addresses: from which they write, or `@domain` for a whole one. final: their system says when something was delivered, and not only that it
    has it. brings: the service of ours under whose right records of theirs are imported, or ''."""

    partner: str
    addresses: tuple[str, ...] = ()
    final: bool = True
    brings: str = ""
    state: str = "active"
    author: str = ""
    reason: str = ""
    since: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether their mail is taken."""
        return self.state == "active"

    def writes_from(self, address: str) -> bool:
        """Whether an address is one of theirs."""
        return address.lower() in self.addresses or f"@{address.rpartition('@')[2].lower()}" in self.addresses


class Letter(NamedTuple):
    """A message that left. letter: its Message-ID."""

    letter: str
    partner: str
    state: str
    why: str
    begun: datetime
    sent: datetime | None
    updated: datetime


_NOT_FACTS: Final = frozenset({"partner", "state", "author", "reason", "since"})


def facts(one: Mailbox | Correspondent) -> str:
    """What is kept of it beside its state."""
    return json.dumps({k: v for k, v in asdict(one).items() if k not in _NOT_FACTS}, sort_keys=True)


def _said(kind: type[Mailbox | Correspondent], row: Mapping[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(kind)} - _NOT_FACTS
    return {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(row["facts"]).items() if k in known} | {k: row[k] for k in ("state", "author", "reason", "since")}


# --- our mailbox -------------------------------------------------------------------------------------------------------------------


async def opened(house: House, tenant: Tenant) -> tuple[Mailbox, Secret, Run] | None:
    """The mailbox with its secrets; None where there is none."""
    row = await record.mailbox(house.db, tenant.number)
    if row is None:
        return None
    said = json.loads(house.key.decrypt(_PURPOSE, bytes(row["secret"]), str(tenant.number).encode()))
    return Mailbox(**_said(Mailbox, row)), Secret(said["password"], tuple((c, k) for c, k in said["keys"])), Run(row["due"], row["good"], row["problem"])


async def mailbox(access: Access) -> tuple[Mailbox, Run] | None:
    """The mailbox for who looks after partners. Raises Forbidden."""
    await access.check("administer", "Exchange")
    found = await opened(access.house, access.tenant)
    return (found[0], found[2]) if found is not None else None


async def put_mailbox(access: Access, changed: Mailbox, before: Mailbox | None, *, password: str = "", key: str = "", reason: str = "") -> None:
    """Write the mailbox down, or change or stop it. password, key: '' for what it was. Raises Malformed, Forbidden, ProofNeeded, VersionConflict."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    was = await opened(access.house, access.tenant)
    secret = was[1] if was is not None else Secret("")
    if changed.active:
        changed, secret = checked(changed, secret, password, key, access.now)
    sealed = access.house.key.encrypt(_PURPOSE, json.dumps(secret._asdict()).encode(), str(access.tenant.number).encode())
    done = await told(
        access, "direct-mailbox", f"state={changed.state}", "gate.direct_put_mailbox($1, $2, $3, $4, $5, $6, $7, $8)",
        access.tenant.number, facts(changed), sealed, changed.state, before.since if before else None, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.VersionConflict("Somebody else changed the mailbox meanwhile. It is shown as it is now.", current="", expected="")


def checked(box: Mailbox, secret: Secret, password: str, key: str, now: datetime) -> tuple[Mailbox, Secret]:
    """The same, sound. Raises Malformed with what to do."""
    box = replace(box, address=box.address.strip().lower(), smtp=box.smtp.strip(), imap=box.imap.strip(), login=box.login.strip(), certificates=box.certificates.strip(), authority=box.authority.strip())
    if not mime.is_address(box.address):
        raise errors.Malformed("Our address is written as records@direct.example.org.")
    if not (_HOST.fullmatch(box.smtp) and _HOST.fullmatch(box.imap) and 0 < box.smtp_port < 65536 and 0 < box.imap_port < 65536 and box.login):  # noqa: PLR2004 - ports
        raise errors.Malformed("Say where the HISP takes mail (SMTP) and where it keeps ours (IMAP), and under which login it knows us.")
    if not 10 <= box.every <= 3600:  # noqa: PLR2004 - an hour
        raise errors.Malformed("The mailbox is looked into every 10 to 3,600 seconds.")
    if not (password or secret.password):
        raise errors.Malformed("Enter the password of the mailbox.")
    if box.authority:
        directtrust.read(box.authority)
    chain = directtrust.read(box.certificates)
    keys = secret.keys
    mine = trust.pem(chain[0])
    if key.strip():
        keys = ((mine, _key(key, chain[0])), *(k for k in keys if k[0] != mine))[: OLD_KEYS + 1]
    elif not keys or keys[0][0] != mine:
        raise errors.Malformed("Enter the private key of our certificate, too.")
    if not trust.bound(chain[0], box.address):
        raise errors.Malformed("Our certificate is for another address. It has to name our address, or its domain.")
    if chain[0].not_valid_after_utc <= now:
        raise errors.Malformed("Our certificate has expired. Ask whoever issued it for a new one.")
    return replace(box, certificates="\n".join(trust.pem(c) for c in chain)), Secret(password or secret.password, keys)


def _key(text: str, certificate: x509.Certificate) -> str:
    """A private key as it is kept, if it is the one of the certificate."""
    try:
        key = load_pem_private_key(text.strip().encode(), None)
    except (ValueError, TypeError):
        raise errors.Malformed("The private key is written as PEM, without a password: -----BEGIN PRIVATE KEY-----.") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise errors.Malformed("This is not the private key of our certificate.")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def holders(secret: Secret) -> list[Holder]:
    """Our certificates with their keys, the one of now first."""
    out = []
    for certificate, text in secret.keys:
        key = load_pem_private_key(text.encode(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            out.append(Holder(x509.load_pem_x509_certificate(certificate.encode()), key))
    return out


def chain(box: Mailbox) -> list[x509.Certificate]:
    """The certificates that lead from ours to an anchor; they go along with each signature."""
    return directtrust.read(box.certificates)[1:]


async def claim(house: House, tenant: Tenant, next_: datetime) -> bool:
    """Whether it is our turn to look into the mailbox; nobody else's is before `next_`."""
    return await record.claim(house.db, tenant.number, clock.now(), next_)


async def looked(house: House, tenant: Tenant, due: datetime, good: datetime | None, problem: str) -> None:
    """How looking into it went, and when the next turn is. problem: in words that name nobody."""
    await record.looked(house.db, tenant.number, due, good, problem)


# --- partners ----------------------------------------------------------------------------------------------------------------------


async def every(house: House, tenant: Tenant) -> dict[str, Correspondent]:
    """How partners write, by partner."""
    return {row["partner"]: Correspondent(row["partner"], **_said(Correspondent, row)) for row in await record.partners(house.db, tenant.number)}


async def one(access: Access, partner: str) -> Correspondent | None:
    """How a partner writes, or None. Raises Forbidden."""
    await access.check("administer", "Exchange")
    return (await every(access.house, access.tenant)).get(partner)


async def put(access: Access, changed: Correspondent, before: Correspondent | None, reason: str = "") -> None:
    """Write down how a partner writes, change or stop it. Raises Malformed, Forbidden, ProofNeeded, VersionConflict."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    await partners.one(access, changed.partner)
    addresses = tuple(dict.fromkeys(a.strip().lower() for a in changed.addresses if a.strip()))
    if any(not mime.is_address(a) and not _DOMAIN.fullmatch(a) for a in addresses) or not addresses:
        raise errors.Malformed("Write each address as clinic@direct.example.org, or @direct.example.org for all of a domain.")
    there = await every(access.house, access.tenant)
    if any(set(addresses) & set(c.addresses) for c in there.values() if c.partner != changed.partner and c.active) and changed.active:
        raise errors.Malformed("One of these addresses is another partner's.")
    done = await told(
        access, "direct-partner", f"partner={changed.partner}&state={changed.state}", "gate.direct_put_partner($1, $2, $3, $4, $5, $6, $7, $8)",
        access.tenant.number, changed.partner, facts(replace(changed, addresses=addresses)), changed.state, before.since if before else None, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.VersionConflict("Somebody else changed this meanwhile. It is shown as it is now.", current="", expected="")


# --- letters -----------------------------------------------------------------------------------------------------------------------


async def leave(house: House, tenant: Tenant, letter: str, partner: str) -> str:
    """Write down that a letter leaves, before it does; the state that it is in."""
    return await record.leave(house.db, tenant.number, letter, partner, clock.now())


async def became(house: House, tenant: Tenant, letter: str, partner: str, state: str, why: str = "") -> bool:
    """What became of a letter; False where none of that partner is known."""
    return await record.told(house.db, tenant.number, letter, partner, state, why[:300], clock.now())


async def letters(house: House, tenant: Tenant, partner: str, letter: str = "", most: int = 20) -> Sequence[Letter]:
    """Letters to a partner, the last first."""
    return [Letter(*row) for row in await record.letters(house.db, tenant.number, partner, letter, most)]


async def refuse(house: House, tenant: Tenant, raw: bytes, sender: str, reason: str) -> None:
    """Write down that a mail was not taken, and why."""
    mail = house.key.sign("direct mail", f"{tenant.number}\0".encode() + raw)
    await record.refuse(house.db, tenant.number, mail, sender[:250], reason[:300], clock.now())


class Refusal(NamedTuple):
    """A mail that was not taken. mail: by what it is named here; sender: who says to have sent it; seen, by: when and by whom it was looked at, None and ''."""

    mail: str
    sender: str
    reason: str
    at: datetime
    seen: datetime | None
    by: str


async def refusals(access: Access) -> list[Refusal]:
    """Mail that was not taken: what nobody looked at first, the last first. Raises Forbidden."""
    await access.check("administer", "Exchange")
    return [Refusal(bytes(r["mail"]).hex(), r["sender"], r["reason"], r["at"], r["seen"], r["by"]) for r in await record.refusals(access.house.db, access.tenant.number, 50)]


async def saw(access: Access, mail: str) -> None:
    """Say that a mail which was not taken was looked at: it stands on the desk no longer. Raises Malformed, Forbidden, Conflict."""
    await access.check("administer", "Exchange")
    try:
        named = bytes.fromhex(mail)
    except ValueError:
        raise errors.Malformed("Choose a mail.") from None
    if not await told(access, "direct-refused-seen", f"mail={mail[:12]}", "gate.direct_seen($1, $2, $3, $4)", access.tenant.number, named, access.caller.account, clock.now(), type_="Exchange"):
        raise errors.Conflict("Somebody looked at it meanwhile.")
