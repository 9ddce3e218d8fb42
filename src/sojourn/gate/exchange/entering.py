"""Who comes in by SFTP: a login and a key of a partner, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import clock, errors, ids
from sojourn.gate.exchange.boxes import Box
from sojourn.gate.exchange.sftp import every
from sojourn.record import sftp
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate


class Guest(NamedTuple):
    """A partner who proved who they are by a key."""

    tenant: int
    partner: str
    key: str


class Entering:
    """Looks at logins and keys."""

    def __init__(self, gate: Gate) -> None:
        self._house = gate.house

    async def guest(self, login: str, fingerprint: str) -> Guest | None:
        """Whose login and key these are, or None; whether there is such a login is told by nothing."""
        row = await sftp.login(self._house.db, login, fingerprint, clock.now())
        return Guest(row["tenant"], row["partner"], row["key"]) if row is not None else None

    def _who(self, guest: Guest) -> sftp.Who:
        return sftp.Who(guest.tenant, guest.partner, guest.key, clock.now())

    async def good(self, guest: Guest) -> bool:
        """Whether their session may go on."""
        return await sftp.good(self._house.db, self._who(guest))

    async def enter(self, guest: Guest) -> Box:
        """Their boxes; that they came is in the trail before they see any. Raises StaleCredential."""
        house, tenant = self._house, self._house.tenants.get(guest.tenant)
        await sftp.used(house.db, self._who(guest))
        account = (await every(house, tenant)).get(guest.partner) if tenant is not None else None
        if account is None or tenant is None:
            raise errors.StaleCredential()
        who = f"partner-{guest.partner}"
        await house.trail.record(tenant.number, Entry(clock.now(), ids.new_id("request"), who, "interface", "exchange", "TREAT", "sftp-enter", "done", "Exchange", f"key={guest.key}"))
        return Box(house, tenant, account, guest.key)
