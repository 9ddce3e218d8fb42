"""Errands: what this server fetches from a partner's SFTP server, or brings there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, errors, ids
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.boxes import Box
from sojourn.gate.exchange.outbox import Maker, Outbox
from sojourn.gate.exchange.sftp import every
from sojourn.gate.security import told
from sojourn.record import errands as record
from sojourn.wire import sshkeys

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import Gate, House

WAYS: Final = {"fetch": "Fetch what is there for us", "bring": "Bring what is out for them"}
AFTERWARDS: Final = {"leave": "leave it there", "remove": "remove it there"}
LEASE: Final = timedelta(minutes=15)
"""For how long nobody else does one, after its last file."""
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")
_LONGEST: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Errand:
    """One errand. known_by: the public key of their server, as OpenSSH writes it; pattern: of names that are fetched, with * and ?.

    every: minutes. afterwards: a key of AFTERWARDS, of what was fetched. renamed: they give files their names once these are whole; otherwise a
    file is fetched when it did not change from one look to the next.
    """

    id: str
    partner: str
    way: str = "fetch"
    host: str = ""
    port: int = 22
    login: str = ""
    folder: str = "."
    pattern: str = "*"
    known_by: str = ""
    every: int = 60
    afterwards: str = "leave"
    renamed: bool = True
    state: str = "active"
    reason: str = ""
    since: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it is done."""
        return self.state == "active"


@dataclass(frozen=True, slots=True)
class Run:
    """How far an errand is. tries: since it last went well; good: when that was; problem: in words, '' for none; files: ever."""

    errand: Errand
    due: datetime
    tries: int
    began: datetime | None
    good: datetime | None
    problem: str
    files: int


_NOT_FACTS: Final = frozenset({"id", "partner", "state", "reason", "since"})


def facts(errand: Errand) -> str:
    """What is kept of it beside its state."""
    return json.dumps({k: v for k, v in asdict(errand).items() if k not in _NOT_FACTS}, sort_keys=True)


def of_row(row: Mapping[str, Any]) -> Errand:
    """The errand of a row. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(Errand)} - _NOT_FACTS
    return Errand(row["errand"], row["partner"], **{k: v for k, v in json.loads(row["facts"]).items() if k in known})


def checked(errand: Errand) -> Errand:
    """The same, sound. Raises Malformed with what to do."""
    if not _HOST.fullmatch(errand.host) or not 0 < errand.port < 65536 or not errand.login.strip():  # noqa: PLR2004 - ports
        raise errors.Malformed("Say where their server is (a name or address, and a port) and under which login they know us.")
    if errand.way not in WAYS or errand.afterwards not in AFTERWARDS:
        raise errors.Malformed("Choose which way, and what becomes of what was fetched.")
    if not 1 <= errand.every <= 10_080:  # noqa: PLR2004 - a week of minutes
        raise errors.Malformed("It is done every 1 to 10,080 minutes.")
    if "\0" in errand.folder or len(errand.folder) > 500 or "/" in errand.pattern or len(errand.pattern) > 100:  # noqa: PLR2004 - as they say
        raise errors.Malformed("The folder is one of theirs, and the pattern is of names in it, as in *.hl7.")
    try:
        key = sshkeys.public(errand.known_by)
    except sshkeys.BadKey:
        raise errors.Malformed("Their server is known by its public host key, a line that begins with ssh-ed25519, ecdsa-sha2 or ssh-rsa. Ask them for it; do not take it from the network.") from None
    return replace(errand, known_by=key.text, folder=errand.folder.strip() or ".", pattern=errand.pattern.strip() or "*")


async def listed(access: Access, partner: str = "") -> list[Run]:
    """Errands of a partner, or all, with how far they are. Raises Forbidden."""
    await access.check("operate", "Exchange")
    return [
        Run(replace(of_row(r), state=r["state"], reason=r["reason"], since=r["since"]), r["due"], r["tries"], r["began"], r["good"], r["problem"], r["files"])
        for r in await record.errands(access.house.db, access.tenant.number, partner)
    ]


async def put(access: Access, errand: Errand, before: Errand | None, reason: str = "") -> None:
    """Write an errand down, or change or stop one from what was read. Raises Malformed, Forbidden, ProofNeeded, VersionConflict."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    await partners.one(access, errand.partner)
    if errand.partner not in await every(access.house, access.tenant):
        raise errors.Malformed("Open their boxes first: what is fetched comes into them.")
    good = checked(errand) if errand.active else errand
    if before is None:
        good = replace(good, id=ids.new_id("errand"))
    done = await told(
        access, "sftp-errand", f"partner={good.partner}&errand={good.id}&state={good.state}", "gate.sftp_put_errand($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        access.tenant.number, good.id, good.partner, facts(good), good.state, before.since if before else None, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.VersionConflict("Somebody else changed this errand meanwhile. It is shown as it is now.", current="", expected="")


async def now(access: Access, partner: str, errand: str) -> None:
    """Have it done at once. Raises NotFound for one that is not there or stopped."""
    await access.check("operate", "Exchange")
    done = await told(access, "sftp-errand-now", f"partner={partner}&errand={errand}", "gate.sftp_errand_now($1, $2, $3, $4)", access.tenant.number, partner, errand, clock.now(), type_="Exchange")
    if not done:
        raise errors.NotFound("There is no such errand, or it is stopped.")


class Doing:
    """One errand that is being done. Raises StaleCredential once it, its partner or the partner's boxes were stopped."""

    def __init__(self, gate: Gate, tenant: Tenant, errand: Errand, runner: str, tries: int) -> None:
        self._gate, self.tenant, self.errand, self._runner, self._tries = gate, tenant, errand, runner, tries

    @property
    def house(self) -> House:
        """Of the gate."""
        return self._gate.house

    async def boxes(self, maker: Maker | None = None) -> tuple[Box, Outbox]:
        """The partner's boxes, under the errand. maker: of files beside exports and documents. Raises StaleCredential."""
        account = (await every(self.house, self.tenant)).get(self.errand.partner)
        if account is None or not account.active:
            raise errors.StaleCredential()
        key = f"errand:{self.errand.id}"
        return Box(self.house, self.tenant, account, key, self.errand.id), Outbox(self._gate, self.tenant, account, key, maker)

    def _path(self, name: str) -> bytes:
        return self.house.key.sign("sftp errand", f"{self.tenant.number}\0{self.errand.id}\0{name}".encode())

    async def known(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Of files what is known: (stamp, state), by name."""
        found = await record.known(self.house.db, self.tenant.number, self.errand.id, [self._path(n) for n in names])
        return {n: found[self._path(n)] for n in names if self._path(n) in found}

    async def mark(self, name: str, stamp: str, state: str) -> None:
        """A file was seen, or done."""
        await record.mark(self.house.db, self.tenant.number, self.errand.id, self._path(name), stamp, state, clock.now())

    async def went_on(self) -> None:
        """One more file. Raises StaleCredential when somebody else does this errand by now."""
        await self._step(None, self._tries, None, "", 1, clock.now() + LEASE)

    async def over(self) -> None:
        """It went well."""
        at = clock.now()
        await self._step(at + timedelta(minutes=self.errand.every), 0, at, "", 0, at)

    async def failed(self, problem: str) -> None:
        """It did not: it is tried again, later each time."""
        at = clock.now()
        wait = min(timedelta(minutes=2 ** min(self._tries, 10)), _LONGEST)
        await self._step(at + wait, self._tries + 1, None, problem, 0, at)

    async def _step(self, due: datetime | None, tries: int, good: datetime | None, problem: str, files: int, lease: datetime) -> None:
        if not await record.step(self.house.db, self.tenant.number, self.errand.id, self._runner, lease, due, tries, good, problem[:300], files):
            raise errors.StaleCredential()


async def claim(gate: Gate, tenant: Tenant, runner: str) -> Doing | None:
    """The next errand that is due; None where there is none."""
    at = clock.now()
    row = await record.claim(gate.house.db, tenant.number, at, runner, at + LEASE)
    return Doing(gate, tenant, of_row(row), runner, row["tries"]) if row is not None else None
