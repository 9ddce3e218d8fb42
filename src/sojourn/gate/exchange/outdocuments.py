"""Single documents put out for a partner: decided whenever they look, and again when they take one.

A document came here by the ways to its partner (posting.py); what it says lies sealed with its message, and is no file anywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import crypto
from sojourn.gate.exchange import posting, ways
from sojourn.gate.exchange.partners import Envoys
from sojourn.record import sftp

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.posting import Content, Queued
    from sojourn.gate.gate import Gate, House

FORMS: Final = {"application/xml": "xml", "application/pdf": "pdf", "application/fhir+json": "json"}
"""Of the forms of a document the one that is put out, the first that there is, and how its name ends."""
KINDS: Final = {"application/xml": "C-CDA", "application/pdf": "PDF", "application/fhir+json": "FHIR document"}


class Leaf(NamedTuple):
    """One that they may take now. name: neutral."""

    name: str
    created: datetime
    one: Queued
    content: Content


class Leaves:
    """What one partner finds of them."""

    def __init__(self, gate: Gate, tenant: Tenant) -> None:
        self._envoys, self._tenant = Envoys(gate), tenant
        self._post = posting.Post(self._envoys, tenant.number)

    async def all(self, who: sftp.Who) -> list[Leaf]:
        """Those that they may have now, as they were looked at. Raises StaleCredential."""
        rows = await sftp.documents(self._envoys.house.db, who)
        partner = next((p for p in await self._envoys.partners(self._tenant) if p.id == who.partner), None) if rows else None
        found = []
        for row in rows:
            one = posting.opened(self._envoys.house, self._tenant.number, row)
            content = next((c for media in FORMS for c in one.contents if c.media == media), None)
            if partner is not None and content is not None and await self.may(partner, one):
                found.append(Leaf(_name(partner, row, content), row["sent"], one, content))
        return found

    async def may(self, partner: Partner, one: Queued) -> bool:
        """Whether it may leave to them now just as it is."""
        _, out = await self._post.decide(partner, one)
        return out is not None

    async def take(self, who: sftp.Who, leaf: Leaf) -> bool:
        """Decide it once more and write down that it is read; False where it is not out any more. That it left is in the log of disclosures since it was put out."""
        again = next((one for one in await self.all(who) if one.one.id == leaf.one.id), None)
        partner = next((p for p in await self._envoys.partners(self._tenant) if p.id == who.partner), None)
        if again is None or partner is None or again.content != leaf.content:
            return False
        access = await self._envoys.access(self._tenant, partner)
        await access.note(access.entry("sftp-take", "Exchange", leaf.one.id, patients=[str(leaf.one.job["patient"])]))
        return True

    async def took(self, who: sftp.Who, leaf: Leaf, *, hide: bool = False) -> None:
        """They took it to its end, or removed it."""
        await sftp.document_took(self._envoys.house.db, who, leaf.one.id, len(leaf.content.body), hide=hide)


async def became(house: House, tenant: int, message: str) -> tuple[datetime | None, bool]:
    """When one was taken to its end, if it was, and whether they removed it."""
    return await sftp.document(house.db, tenant, message)


def _name(partner: Partner, row: Any, content: Content) -> str:
    folder = next((w.address for w in ways.of(partner.reached) if w.door == ways.SFTP), "")
    stamp = f"document-{row['sent'].astimezone(UTC):%Y%m%d-%H%M}-{crypto.sha256_hex(str(row['message']).encode())[:6]}.{FORMS[content.media]}"
    return f"{folder}.{stamp}" if folder else stamp
