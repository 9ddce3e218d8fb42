"""What a door has to be able to do so that documents go to partners by it.

A sender is registered under a name of `gate.exchange.ways.DOORS` (app.py). It decides nothing: what it is given was decided a moment ago and is in the log of disclosures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.posting import Content
    from sojourn.gate.exchange.ways import Way

FHIR: Final = "application/fhir+json"
CCDA: Final = "application/xml"
PDF: Final = "application/pdf"


class Parcel(NamedTuple):
    """One document for one partner. id: random, the same at every attempt by any door. key: what is given twice under it is recognized, and arrives once.

    content: the first form of `Sender.takes` that there is; contents: every form, of the same entries. kind: what it is, in neutral words that may stand in a subject line.
    patient: whose, its id; for doors that name a person to the receiver, never for envelopes. attempt: how often this way certainly failed before; after a fall, or where that is not known, it is the same.
    notice: the statement of 42 CFR 2.32(a) where one is due, else ''. day: on which it was queued (ISO 8601).
    """

    id: str
    partner: Partner
    way: Way
    kind: str
    patient: str
    content: Content
    contents: tuple[Content, ...]
    attempt: int = 0
    notice: str = ""
    day: str = ""

    @property
    def key(self) -> str:
        """Of this attempt: what comes again under it is what was given already."""
        return f"{self.id}-{self.attempt}"


class Arrived(NamedTuple):
    """It is with them. said: how that is known, in words that name nobody."""

    said: str


class Taken(NamedTuple):
    """Something on the way has it, and will say what became of it. reference: by which it is asked; again: seconds until it is."""

    reference: str
    said: str
    again: float = 60.0


class Failed(NamedTuple):
    """It did not arrive. why: what a person can act on, in words that name nobody. again: whether trying this way again may help.

    sure: whether it certainly did not; else it is given again under the same key.
    """

    why: str
    again: bool = True
    sure: bool = True


Outcome = Arrived | Taken | Failed


class Sender(Protocol):
    """A door. What it raises counts as a failure that may be over next time."""

    takes: tuple[str, ...]
    """Content types, the one that it likes best first."""

    async def send(self, tenant: Tenant, parcel: Parcel) -> Outcome:
        """Give it to them, or to what brings it. The same parcel may come again after a fall: it must not arrive twice."""

    async def ask(self, tenant: Tenant, parcel: Parcel, reference: str) -> Outcome:
        """How far what was taken is."""

    async def cancel(self, tenant: Tenant, parcel: Parcel, reference: str) -> bool:
        """Stop what was taken and has not arrived; False where that cannot be known."""

    async def discover(self, tenant: Tenant, partner: Partner, way: Way) -> str:
        """What is there for documents, in words for the register; '' where there is nothing to ask. Raises Unreachable with a reason that a person can act on."""


class Dresses(Protocol):
    """A sender that makes what leaves out of the form that it takes, before that is written into the log: what it sends is `content` of the parcel that it is given then."""

    async def dress(self, tenant: Tenant, parcel: Parcel) -> Content:
        """The bytes that leave: the same each time for the same parcel. Raises Unreachable."""


class Unreachable(Exception):  # noqa: N818 - as the other outcomes
    """Nothing was found, and why, in words that name nobody."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


Senders = Mapping[str, Sender]
