"""Subscriptions for who operates the exchange: whose, how each stands, one tried again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from sojourn.base import errors
from sojourn.gate.subscriptions import asking
from sojourn.gate.subscriptions.model import ERROR, topics
from sojourn.record import subscriptions

if TYPE_CHECKING:
    from sojourn.gate.access import Access

NEEDS: Final = (("Exchange", "operate"),)
LISTED: Final = 200


class Listed(NamedTuple):
    """One. name: of the account that began it; host: where it is told, without the path, which may name somebody; tries: in vain, since it last worked; due: of the next."""

    id: str
    name: str
    host: str
    topic: str
    state: str
    reason: str
    tries: int
    due: datetime
    begun: datetime
    expires: datetime

    @property
    def broken(self) -> bool:
        """Whether what is to be told does not arrive."""
        return self.state == ERROR or self.tries > 0


async def every(access: Access) -> list[Listed]:
    """All that have not ended, those that do not work first. Raises Forbidden."""
    await access.check("operate", "Exchange")
    rows = await subscriptions.every(access.house.db, access.head, LISTED)
    found = []
    for row in rows:
        facts = asking.opened(access.house, access.tenant.number, row["subscription"], row["facts"])
        title = topics()[facts.topic].title if facts.topic in topics() else facts.topic
        found.append(
            Listed(row["subscription"], row["name"], urlsplit(facts.endpoint).netloc, title, row["state"], row["reason"], row["tries"], row["due"], row["begun"], row["expires"])
        )
    return found


async def again(access: Access, id_: str) -> None:
    """Try one at once that does not work: what waits is decided anew and told. Raises Forbidden, NotFound where it works, has ended or was never there."""
    await access.check("operate", "Exchange")
    if not await subscriptions.again(access.house.db, access.head, id_):
        raise errors.NotFound("It works, or it has ended.")
    await access.note(access.entry("subscription-again", "Subscription", id_))
