"""Application acknowledgements (MSH-16): what became of a message that came, told to its sender.

AA says that it was read and is being looked after; AE that it cannot be, by what stands in it. Neither says whether anybody here knows the person: a message
that waits for somebody to say whose it is is answered as one that was filed (42 CFR 2.13(c)). HL7 v2.8, 2.9.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.base import clock, ids
from sojourn.gate.exchange.keeping import FAILED
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2write import ACCEPTED, ERROR, Trouble, acknowledgement

if TYPE_CHECKING:
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.profile import Profile
    from sojourn.gate.exchange.telling import Outbox

_WANTS: Final = {"AL": (ACCEPTED, ERROR), "ER": (ERROR,), "SU": (ACCEPTED,)}
"""Table 0155, by MSH-16."""


async def round(box: Outbox, partner: Partner, profile: Profile) -> int:  # noqa: A001 - as the other rounds
    """Make those that are due; how many messages were looked at."""
    since = profile.since
    found = await box.unanswered(since) if since is not None else []
    for id_, content, state in found:
        control = ids.new_id().replace("-", "")[:20].upper()
        body = said(content, state, control, partner)
        await box.answer(id_, control, "ACK", profile.version, body)
    return len(found)


def said(content: bytes, state: str, control: str, partner: Partner) -> bytes | None:
    """The acknowledgement; None where none was asked for, or it is an acknowledgement itself."""
    try:
        message = hl7v2.parse(content, partner.charset)
    except hl7v2.NotReadable:
        return None
    code = ERROR if state == FAILED else ACCEPTED
    if code not in _WANTS.get(message.header.v(16).upper(), ()) or message.header.v(9) in ("ACK", "MCF"):
        return None
    trouble = Trouble("It was kept, and cannot be filed by itself. Somebody looks at it.", "207") if code == ERROR else None
    return acknowledgement(message, code, clock.now(), control, trouble=trouble).encode()
