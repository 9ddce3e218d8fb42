"""Single documents are put out in `out`, where a partner takes them: a way of care/reaching.

Nothing is brought anywhere when it is put out. It arrived when they took it to its end; until then it is taken back by not being there any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.care.reaching.sender import Arrived, Failed, Outcome, Parcel, Taken, Unreachable
from sojourn.gate.exchange import outdocuments
from sojourn.gate.exchange.sftp import every

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.ways import Way
    from sojourn.gate.gate import Gate

_AGAIN: Final = 300.0
_OUT: Final = "It is put out for them; they have not taken it yet."


class Dropping:
    """The sender of this way."""

    takes = tuple(outdocuments.FORMS)

    def __init__(self, gate: Gate) -> None:
        self._house = gate.house

    async def send(self, tenant: Tenant, parcel: Parcel) -> Outcome:
        """Put it out: it is, from the moment at which that it leaves this way is written down."""
        account = (await every(self._house, tenant)).get(parcel.partner.id)
        if account is None or not account.active:
            return Failed("They have no boxes here, or these were closed. Whoever looks after partners opens them.", again=False)
        return Taken(parcel.id, _OUT, _AGAIN)

    async def ask(self, tenant: Tenant, parcel: Parcel, reference: str) -> Outcome:
        """Whether they took it."""
        taken, removed = await outdocuments.became(self._house, tenant.number, reference)
        if taken is not None:
            return Arrived(f"They took it to its end on {taken:%Y-%m-%d at %H:%M} UTC.")
        return Failed("They removed it and did not take it.", again=False) if removed else Taken(reference, _OUT, _AGAIN)

    async def cancel(self, tenant: Tenant, parcel: Parcel, reference: str) -> bool:
        """It is not there any more; whether they had not taken it before."""
        taken, _ = await outdocuments.became(self._house, tenant.number, reference)
        return taken is None

    async def discover(self, tenant: Tenant, partner: Partner, way: Way) -> str:
        """That they have boxes. Raises Unreachable."""
        account = (await every(self._house, tenant)).get(partner.id)
        if account is None or not account.active:
            raise Unreachable("They have no boxes here. Whoever looks after partners opens them.")
        return "They have boxes here, and take what is put out for them."
