"""Files of partners for those who look after messages; what one says, for who may open it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import errors
from sojourn.gate.exchange import boxes, messages
from sojourn.record import sftp

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.boxes import Head
    from sojourn.gate.exchange.messages import Opened

DOOR: Final = "sftp"
_MOST: Final = 200


class Listed(NamedTuple):
    """A file that a partner brought. became: the state of the message that it is; told: the partner took its receipt away."""

    file: str
    state: str
    size: int
    message: str
    fresh: bool
    verdict: str
    told: bool
    begun: datetime
    updated: datetime
    kind: str
    became: str
    reason: str


async def files(access: Access, partner: str) -> list[Listed]:
    """Files of a partner, the last first. Raises Forbidden."""
    await access.check("operate", "Exchange")
    rows = await sftp.files(access.house.db, access.head, partner, _MOST)
    return [Listed(**{name: row[name] for name in Listed._fields} | {"message": row["message"] or ""}) for row in rows]


async def opened(access: Access, message: str) -> tuple[Opened, Head]:
    """A file with its head; each look is in the trail. Raises NotFound alike for one that is not there and one that the caller may not open."""
    found = await messages.opened(access, message)
    if found.envelope.door != DOOR:
        raise errors.NotFound("There is no such file.")
    return found, boxes.head_of(found.content)


def content(access: Access, message: str, head: Head) -> AsyncIterator[bytes]:
    """What a file that was opened says, in pieces."""
    return boxes.pieces(access.house, access.tenant.number, message, head.parts)
