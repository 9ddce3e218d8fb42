"""A device in somebody else's hands: one page answers and nothing else, until its owner takes it back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, crypto, errors, ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sojourn.gate.access import Access

DOOR: Final = "handover"
LIFE: Final = timedelta(hours=2)
"""How long a device may stay handed over; then it shows the sign-in page."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What a handed-over device shows. path: its one page; back: where its owner goes on; facts: what the owner said when handing it over.

    done: the page has served, and only the owner can do anything.
    """

    path: str
    back: str
    owner: str
    facts: Mapping[str, str] = field(default_factory=dict)
    done: bool = False

    def shows(self, path: str) -> bool:
        """Whether an address belongs to the one page."""
        return not self.done and (path == self.path or path.startswith(self.path + "/"))


async def begin(access: Access, path: str, back: str, facts: Mapping[str, str], patient: str = "") -> str:
    """End the caller's session and give out the secret of what takes its place. patient: whom the page is about, for the trail.

    Raises Forbidden for who has no session here, Unauthenticated for one that is over.
    """
    caller = access.caller
    if not caller.session or caller.door != "staff":
        raise errors.Forbidden("Only a device on which somebody signed in can be handed over.")
    token, now = ids.new_token("handover"), clock.now()
    content = json.dumps({"path": path, "back": back, "facts": dict(facts)}).encode()
    await access.note(access.entry("hand-over", "Patient" if patient else "Login", "", patients=[patient] if patient else ()))
    rows = await access.house.db.call(
        "SELECT gate.hand_over($1, $2, $3, $4, $5, $6) AS done", access.tenant.number, caller.credential, crypto.sha256(token.encode()), content, now, now + LIFE
    )
    if not rows[0]["done"]:
        raise errors.Unauthenticated()
    return token


async def look(access: Access) -> Handed | None:
    """What the device shows. None: it was handed over for too long."""
    rows = await access.house.db.call("SELECT * FROM gate.handed_over($1, $2, $3)", access.tenant.number, access.caller.credential, clock.now())
    if not rows:
        return None
    said = json.loads(rows[0]["content"])
    return Handed(said["path"], said["back"], access.caller.name, said["facts"], bool(rows[0]["done"]))


async def finish(access: Access) -> None:
    """The page has served: from now on only the owner can do anything with the device."""
    await access.house.db.call("SELECT * FROM gate.use_ticket($1, $2, '{handover}', $3)", access.tenant.number, access.caller.credential, clock.now())
