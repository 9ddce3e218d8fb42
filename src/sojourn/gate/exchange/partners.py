"""Partners: who exchanges messages with us, what was agreed, and the account they are done under."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.apps import registry
from sojourn.gate.exchange import agreed
from sojourn.gate.security import alive, told
from sojourn.record import exchange

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import Gate, House

NEEDS: Final = (("Exchange", "administer"),)
ACKNOWLEDGEMENTS: Final = {"auto": "As each message asks (MSH-15)", "original": "Original mode: one answer", "enhanced": "Enhanced mode: that it is kept"}
BASES: Final = {
    "treatment": "Treatment, under HIPAA", "consent": "The patient's consent (42 CFR 2.31)", "qsoa": "An agreement with a qualified service organization (42 CFR 2.11)", "law": "A law that requires it",
}
"""On what basis we receive what they send."""
API: Final = "fhir"
"""The door of who comes by the FHIR API."""
STRANGERS: Final = {"wait": "They wait for somebody to choose", "aside": "They are set aside, and can be done later"}
"""Messages of which it is not certain whose they are."""
MARKS: Final = ("R", "V", "42CFRPart2", "PSY", "PSYTHPN", "HIV", "ETH", "SUD", "SDV", "PRS")
"""What a field of a partner's own may be said to mean (doors/hl7v2/marks.py)."""
_TABLE: Final = re.compile(r"\d{4}:\S[^:]*")
_MARK: Final = re.compile(r"[A-Z][A-Z0-9]{2}-[1-9]\d?(=.+)?")
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_LIFE: Final = timedelta(hours=1)
_REMEMBERED: Final = 5.0  # seconds; whether a partner is active is asked of the database when a message is kept


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner and what was agreed.

    organization: the Organization (`Organization/id`) that they are here, or ''. applications and facilities: what they call themselves
    (MSH-3, MSH-4), any of them. addresses: networks from which they may connect without a certificate. certificate: SHA-256 of theirs, in hex.
    plain: why they may connect unencrypted over a network; '' is: they may not. types: what they send, as `ORU^R01`; empty: whatever we read.
    part2: they are a 42 CFR Part 2 program. basis: a key of BASES. programs: those to which they may deliver; empty: all. program: to which
    their results belong where nothing else says it. authorities: what an assigning authority of theirs (PID-3.4) is called here.
    timezone: of times without an offset. charset: of messages that name none, as a codec.
    registers: they are our own registration system: what they say of a person is how the person is written down. strangers: what becomes of
    messages of which it is not certain whose they are, a key of STRANGERS. ignored: segments that are kept in the message and become nothing.
    tables: what a code of theirs is in the table of the standard, as `0004:OBS` = `O`. marks: what a field of theirs says of confidentiality,
    as `ZPR-3=Y` = `42CFRPart2`. sending: what they get from us (profile.py). agreed: what for, until when, who answers for it (agreed.py).
    reached: by which ways documents go to them, in their order (ways.py). fhir: how they are asked about clients (asking.py).
    calls: which CDS services of theirs are asked beside a chart (cds.py). client: by door `fhir`, the client id of the service by which they come (gate/apps).
    """

    id: str
    name: str
    door: str = "hl7v2"
    organization: str = ""
    contact: str = ""
    applications: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    certificate: str = ""
    plain: str = ""
    types: tuple[str, ...] = ()
    part2: bool = False
    basis: str = "treatment"
    programs: tuple[int, ...] = ()
    program: int | None = None
    authorities: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "America/New_York"
    charset: str = ""
    registers: bool = False
    strangers: str = "wait"
    ignored: tuple[str, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    acknowledgement: str = "auto"
    sending: Mapping[str, Any] = field(default_factory=dict)
    agreed: Mapping[str, Any] = field(default_factory=dict)
    reached: Mapping[str, Any] = field(default_factory=dict)
    fhir: Mapping[str, Any] = field(default_factory=dict)
    calls: Mapping[str, Any] = field(default_factory=dict)
    client: str = ""
    state: str = "active"
    author: str = ""
    reason: str = ""
    since: datetime | None = None

    @property
    def laws(self) -> tuple[str, ...]:
        """Codes that all that they send is labelled with, whatever it says itself.

        A Part 2 program sends Part 2 records; and what came under a consent of 42 CFR 2.31 is one, whoever brings it: no other record needs such a consent, and it
        goes on only by one that names who gets it (2.12(d)(2), 2.33(b)). What a service organization of ours sends follows the law of the program that it serves.
        """
        return ("R", "42CFRPart2") if self.part2 or self.basis == "consent" else ()

    @property
    def active(self) -> bool:
        """Whether messages of theirs are taken."""
        return self.state == "active"

    def local(self, table: str, code: str) -> str:
        """A code of theirs as the table of the standard has it."""
        return self.tables.get(f"{table}:{code}", code)

    def uses(self, segment: str) -> bool:
        """Whether a segment of theirs becomes anything."""
        return segment not in self.ignored

    def comes_from(self, address: str) -> bool:
        """Whether an address is one of theirs."""
        try:
            here = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(here in ipaddress.ip_network(a, strict=False) for a in self.addresses)

    def is_called(self, application: str, facility: str) -> bool:
        """Whether they call themselves so."""
        return (not self.applications or application in self.applications) and (not self.facilities or facility in self.facilities)


_NOT_FACTS: Final = frozenset({"id", "state", "author", "reason", "since"})
_LISTS: Final = frozenset({"applications", "facilities", "addresses", "types", "programs", "ignored"})


def facts(partner: Partner) -> str:
    """What is kept of it beside its state."""
    return json.dumps({k: v for k, v in asdict(partner).items() if k not in _NOT_FACTS}, sort_keys=True)


def of_row(row: Mapping[str, Any]) -> Partner:
    """The partner of a row. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(Partner)} - _NOT_FACTS
    said: dict[str, Any] = {k: tuple(v) if k in _LISTS else v for k, v in json.loads(row["facts"]).items() if k in known}
    return Partner(id=row["partner"], state=row["state"], author=row["author"], reason=row["reason"], since=row["since"], **said)


def checked(partner: Partner, programs: set[int]) -> Partner:
    """The same, sound. Raises Malformed with what to do."""
    if not partner.name.strip():
        raise errors.Malformed("Give the partner a name.")
    if partner.door == API and not partner.client:
        raise errors.Malformed("Choose their service. It is registered at Apps first, with its key, and approved by somebody else.")
    if partner.door not in ("sftp", "none", "cds", API) and not (partner.certificate or partner.applications or partner.facilities):
        raise errors.Malformed("Say how they are known: their certificate, or what they call themselves (MSH-3, MSH-4).")
    certificate = partner.certificate.replace(":", "").replace(" ", "").lower()
    if certificate and not _FINGERPRINT.fullmatch(certificate):
        raise errors.Malformed("The certificate's fingerprint is 64 hexadecimal digits (SHA-256).")
    for address in partner.addresses:
        try:
            network = ipaddress.ip_network(address, strict=False)
        except ValueError:
            raise errors.Malformed("An address is written as 192.0.2.7 or 192.0.2.0/28.") from None
        if network.num_addresses > 65536:  # noqa: PLR2004 - as the sentence says
            raise errors.Malformed("A network of more than 65,536 addresses is nobody's.")
    if not certificate and any(not ipaddress.ip_network(a, strict=False).is_loopback for a in partner.addresses) and len(partner.plain.strip()) < 10:  # noqa: PLR2004
        raise errors.Malformed("Without TLS and a certificate, messages cross the network readable and from anybody. Write why that is permitted here, or enter their certificate.")
    if not set(partner.programs) <= programs or (partner.program is not None and partner.program not in programs):
        raise errors.Malformed("Choose programs of this organization.")
    if partner.program is not None and partner.programs and partner.program not in partner.programs:
        raise errors.Malformed("The program of their results is one to which they may deliver.")
    try:
        ZoneInfo(partner.timezone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise errors.Malformed("A time zone is named as America/New_York.") from None
    if partner.acknowledgement not in ACKNOWLEDGEMENTS or partner.basis not in BASES:
        raise errors.Malformed("Choose how messages are acknowledged, and on what basis they come.")
    _profile_checked(partner)
    return replace(partner, certificate=certificate, name=partner.name.strip()[:120])


def _profile_checked(partner: Partner) -> None:
    """How their messages are read. Raises Malformed."""
    if partner.strangers not in STRANGERS:
        raise errors.Malformed("Choose what becomes of messages of which it is not certain whose they are.")
    if not all(_SEGMENT.fullmatch(s) for s in partner.ignored):
        raise errors.Malformed("A segment is named by three capital letters or digits, as in IN1.")
    if not all(_TABLE.fullmatch(k) and v.strip() for k, v in partner.tables.items()):
        raise errors.Malformed("Write each code of theirs on a line of its own, with its table, as in 0004:OBS = O.")
    if not all(_MARK.fullmatch(k) and v in MARKS for k, v in partner.marks.items()):
        raise errors.Malformed(f"Write each mark of theirs on a line of its own, as in ZPR-3=Y = 42CFRPart2. A mark means one of: {', '.join(MARKS)}.")


async def every(access: Access) -> list[Partner]:
    """All partners, for those who look after them or after messages."""
    if not access.may("Exchange", "administer"):
        await access.check("operate", "Exchange")
    await alive(access)
    return [of_row(r) for r in await exchange.partners(access.house.db, access.tenant.number)]


async def itself(access: Access) -> Partner | None:
    """The active partner that the caller is, an outside organization: the one who comes by its service, where there are several; None where it is none."""
    found = [of_row(r) for r in await exchange.partners(access.house.db, access.tenant.number)]
    mine = [p for p in found if p.active and p.organization and p.organization == access.caller.agent]
    return min(mine, key=lambda p: p.client != access.caller.app, default=None)


async def by_service(access: Access) -> Partner | None:
    """The active partner who comes by the service that the caller is; on the test bench the one of its organization, whom nobody is real for. None for anybody else."""
    if not access.caller.app:
        return None
    found = [of_row(r) for r in await exchange.partners(access.house.db, access.tenant.bench_of or access.tenant.number)]
    return next((p for p in found if p.active and p.door == API and p.client == access.caller.app), None)


async def one(access: Access, id_: str) -> Partner:
    """One partner. Raises NotFound."""
    found = next((p for p in await every(access) if p.id == id_), None)
    if found is None:
        raise errors.NotFound("There is no such partner.")
    return found


async def history(access: Access, id_: str) -> list[Any]:
    """The states of a partner, the newest first."""
    await one(access, id_)
    return list(await exchange.partner_history(access.house.db, access.tenant.number, id_))


async def put(access: Access, partner: Partner, before: Partner | None, reason: str = "") -> Partner:
    """Write a partner down, or change one from what was read. Raises Malformed, Forbidden, ProofNeeded, VersionConflict."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    good = await _with_service(access, checked(partner, set(access.rules.programs)))
    if before is None:
        good = replace(good, id=ids.new_id("partner"))
    await _kept(access, good, before, reason, "partner-change" if before else "partner-register")
    return good


async def _with_service(access: Access, partner: Partner) -> Partner:
    """The same: who comes by the API is the organization of their service. Raises Malformed for one that is none, or another partner's."""
    if partner.door != API:
        return replace(partner, client="")
    app = await registry.one(access.house.db, access.tenant, partner.client)
    if app is None or "service" not in app.uses:
        raise errors.Malformed("Choose their service. It is registered at Apps first, with its key, and approved by somebody else.")
    if any(p.client == app.id and p.id != partner.id for p in await every(access)):
        raise errors.Malformed("Another partner comes by this service already. Each has one of its own, so that each is tested, and stopped, alone.")
    return replace(partner, organization=app.organization if app.whose == "outside" else partner.organization)


async def move(access: Access, id_: str, state: str, reason: str) -> None:
    """Stop a partner, at once, or let them go on. Raises Malformed without a reason, VersionConflict, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    if state not in ("active", "stopped") or not reason.strip():
        raise errors.Malformed("Write why.")
    before = await one(access, id_)
    after = before if state == "stopped" else replace(before, agreed=agreed.begun_again(before.agreed, clock.now()))
    await _kept(access, replace(after, state=state), before, reason, "partner-stop" if state == "stopped" else "partner-start")


async def _kept(access: Access, partner: Partner, before: Partner | None, reason: str, action: str) -> None:
    done = await told(
        access, action, f"partner={partner.id}&state={partner.state}", "gate.exchange_put_partner($1, $2, $3, $4, $5, $6, $7, $8)",
        access.tenant.number, partner.id, facts(partner), partner.state, before.since if before else None, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.VersionConflict("Somebody else changed this partner meanwhile. It is shown as it is now.", current="", expected="")


class Envoys:
    """Gives out the Access under which a partner's messages are done, and remembers partners for a few seconds."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._read: dict[int, tuple[float, list[Partner]]] = {}
        self._met: dict[tuple[int, str], tuple[Access, datetime, Partner]] = {}

    @property
    def house(self) -> House:
        """Of the gate."""
        return self._gate.house

    async def partners(self, tenant: Tenant) -> list[Partner]:
        """The active partners of an organization."""
        when, found = self._read.get(tenant.number, (-_REMEMBERED, []))
        if clock.monotonic() - when >= _REMEMBERED:
            found = [p for r in await exchange.partners(self.house.db, tenant.number) if (p := of_row(r)).active]
            self._read[tenant.number] = (clock.monotonic(), found)
        return found

    async def access(self, tenant: Tenant, partner: Partner) -> Access:
        """For what one message of theirs becomes. Raises StaleCredential where they were stopped, Unavailable."""
        now, key = clock.now(), (tenant.number, partner.id)
        known = self._met.get(key)
        if known is None or known[1] <= now or known[2] != partner:
            secret = ids.new_token()
            programs = sorted(partner.programs or self.house.rules[tenant.number].programs)
            if not await exchange.account(self.house.db, tenant.number, partner.id, partner.name, programs, crypto.sha256(secret.encode()), now, now + _LIFE):
                raise errors.StaleCredential()
            access = await self._gate.access(secret)
            if access is None:
                raise errors.Unavailable()
            known = self._met[key] = (access, now + _LIFE / 2, partner)
        return self._gate.access_of(known[0].caller)

    def forget(self, tenant: Tenant) -> None:
        """Something about partners or rules changed: look again."""
        self._read.pop(tenant.number, None)
        for key in [k for k in self._met if k[0] == tenant.number]:
            del self._met[key]
