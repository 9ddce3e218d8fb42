"""What is asked of a partner's CDS services, as data: where, at which hooks, why, as whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import addresses, clock, errors
from sojourn.gate.exchange import agreed, partners
from sojourn.gate.exchange.profile import PURPOSES
from sojourn.record import exchange, exchangebench
from sojourn.wire import cdshooks

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.wire.cdshooks import Described

LONGEST: Final = 10
"""Seconds that a service may take at most."""


@dataclass(frozen=True, slots=True)
class Calling:
    """discovery: the address that lists their services, ending in /cds-services. known: what it listed at `discovered`. services: ids of those that are asked.

    issuer: who we are to them (iss); '' for the address of our FHIR server. purpose: for which they get what they get. seconds: how long is waited for them.
    """

    discovery: str = ""
    known: tuple[Mapping[str, Any], ...] = ()
    discovered: str = ""
    services: tuple[str, ...] = ()
    issuer: str = ""
    purpose: str = "TREAT"
    seconds: int = 5

    @property
    def listed(self) -> list[Described]:
        """What their discovery listed."""
        return [cdshooks.Described(**one) for one in self.known]

    def at(self, hook: str) -> list[Described]:
        """Those of their services that are asked at a hook."""
        return [one for one in self.listed if one.hook == hook and one.id in self.services]


def of(said: Mapping[str, Any]) -> Calling:
    """As it is kept with the partner. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(Calling)}
    kept: dict[str, Any] = {k: tuple(v) if k in ("known", "services") else v for k, v in said.items() if k in known}
    return Calling(**kept)


def facts(calling: Calling) -> dict[str, Any]:
    """As it is kept with the partner."""
    return asdict(calling)


def found(calling: Calling, said: object, now: datetime) -> Calling:
    """The same with what their discovery lists now; what is there no more is asked no more. Raises Malformed where it lists nothing for us."""
    listed = cdshooks.services(said)
    if not listed:
        raise errors.Malformed("What is there lists no service for a hook of ours.")
    return replace(calling, known=tuple(one._asdict() for one in listed), discovered=now.isoformat(), services=tuple(s for s in calling.services if s in {one.id for one in listed}))


def checked(calling: Calling, partner: Partner) -> Calling:
    """The same, sound. Raises Malformed with what to do."""
    parts = addresses.parts(calling.discovery)
    if calling.discovery and (parts is None or parts.query or not parts.path.rstrip("/").endswith("/cds-services")):
        raise errors.Malformed("The address of the discovery begins with https:// and ends in /cds-services.")
    if set(calling.services) - {one.id for one in calling.listed}:
        raise errors.Malformed("Choose services that their discovery lists.")
    if calling.purpose not in PURPOSES or not 1 <= calling.seconds <= LONGEST:
        raise errors.Malformed(f"Choose a purpose, and 1 to {LONGEST} seconds.")
    if calling.services and not partner.organization.startswith("Organization/"):
        raise errors.Malformed("Enter first which organization they are here: consents name it, and the gate decides by it.")
    if calling.services and not agreed.of(partner.agreed).gives:
        raise errors.Malformed("Enter first, under What was agreed, on what basis they get what goes to them.")
    return replace(calling, discovery=calling.discovery.rstrip("/"))


async def asked(access: Access, hook: str) -> list[tuple[Partner, Calling, Described]]:
    """The services to ask at a hook now: of active partners who exchange for real (trying.py), with an agreement that is not over, for the purpose that the caller works for."""
    rows = await exchange.partners(access.house.db, access.tenant.number)
    some = sorted((p for r in rows if of((p := partners.of_row(r)).calls).at(hook)), key=lambda p: p.name)
    cleared = {r["partner"] for r in await exchangebench.clearances(access.house.db, access.tenant.number, clock.now()) if not r["why"]} if some else set()
    out = []
    for partner in (p for p in some if p.id in cleared):
        calling = of(partner.calls)
        ends = agreed.of(partner.agreed).ends
        if partner.active and calling.purpose == access.decision.purpose and (ends is None or ends >= access.today):
            out += [(partner, calling, service) for service in calling.at(hook)]
    return out
