"""Whether a certificate of a partner is believed now, with the revocation lists that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sojourn.base import clock
from sojourn.care import policies
from sojourn.gate.exchange import directlists, directtrust
from sojourn.gate.exchange.partners import Envoys
from sojourn.web.outbound import NotReached, Outbound

if TYPE_CHECKING:
    from cryptography import x509

    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.directtrust import Known
    from sojourn.gate.gate import Gate

_OK: Final = 200
_LARGEST: Final = 4 << 20
RULE: Final = "direct.unknown-revocation"
TAKE: Final = "take"
"""Anything else refuses."""


class Believing:
    """Looks at certificates; what it fetches is kept for everybody who looks after it."""

    def __init__(self, gate: Gate, hosts: Iterable[str] = ()) -> None:
        """hosts: of our own network, which may be asked."""
        self._house, self._envoys, self._outbound = gate.house, Envoys(gate), Outbound(hosts)

    async def known(self, tenant: Tenant, partner: str) -> Known:
        """What is believed of a partner by what is here now. Raises Unavailable, StaleCredential."""
        return await directtrust.known(self._house, tenant, partner, sure=await self._sure(tenant, partner))

    async def signer(self, tenant: Tenant, partner: str, certificate: x509.Certificate, others: Sequence[x509.Certificate], address: str) -> None:
        """Whether somebody signed for an address. Raises Untrusted."""
        known = await directtrust.known(self._house, tenant, partner)
        chain = replace(known.trust, lists=()).check(certificate, (*others, *known.theirs), address, clock.now(), signs=True)
        await directlists.refresh(self._house, tenant, chain, self._fetch)
        known = await self.known(tenant, partner)
        known.trust.check(certificate, (*others, *known.theirs), address, clock.now(), signs=True)

    async def recipient(self, tenant: Tenant, partner: str, address: str) -> x509.Certificate:
        """The certificate to which something for an address is encrypted. Raises Untrusted."""
        known = await directtrust.known(self._house, tenant, partner)
        bare = known._replace(trust=replace(known.trust, lists=()))
        chain = bare.trust.check(bare.recipient(address, clock.now()), known.theirs, address, clock.now(), signs=False)
        await directlists.refresh(self._house, tenant, chain, self._fetch)
        return (await self.known(tenant, partner)).recipient(address, clock.now())

    async def _sure(self, tenant: Tenant, partner: str) -> bool:
        """Whether what is not known to be good is refused, by the rule that is in force."""
        them = next((p for p in await self._envoys.partners(tenant) if p.id == partner), None)
        if them is None:
            return False
        return bool((await policies.of(await self._envoys.access(tenant, them))).value(RULE) != TAKE)

    async def _fetch(self, url: str) -> bytes | None:
        try:
            reply = await self._outbound.fetch("GET", url, most=_LARGEST, plain=True)
        except NotReached:
            return None
        return reply.body if reply.status == _OK else None
