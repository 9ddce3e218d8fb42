"""Sensitive acts ask for a recent proof of who it is; what was asked is held, sealed, meanwhile."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sojourn.base import clock, crypto, errors, ids

if TYPE_CHECKING:
    from sojourn.gate.access import Access

FRESH = timedelta(minutes=5)
"""For credentials without a rule of their own."""
_KEPT = timedelta(hours=1)


async def require_fresh(access: Access, within: timedelta | None = None) -> None:
    """Raise ProofNeeded unless the person behind this access proved who they are not longer ago than `within`.

    Default: what the organization's rule says for this door. Programs (accounts without a person) pass: nobody could be asked. A
    person's bearer token never does.
    """
    caller = access.caller
    if caller.kind in ("system", "app", "organization"):
        return
    limit = next(limit for limit in (within, caller.fresh, FRESH) if limit is not None)
    if _recent(caller.proved, access.now, limit):
        return
    if caller.session:  # another process may have asked already
        rows = await access.house.db.call("SELECT proved FROM gate.caller($1, $2)", caller.credential, clock.now())
        if rows and _recent(rows[0]["proved"], access.now, limit):
            return
    raise errors.ProofNeeded()


def _recent(proved: datetime | None, now: datetime, limit: timedelta) -> bool:
    return proved is not None and now - proved <= limit


@dataclass(frozen=True, slots=True)
class Held:
    """A request that waits for its proof: once it goes on, it is as if it came now."""

    method: str
    path: str
    query: bytes
    content_type: str
    body: bytes


def hold(access: Access, held: Held) -> str:
    """The request sealed for its own session: it travels in the page that asks for the proof, and only this server can read it."""
    head = [clock.now().timestamp(), ids.new_id("held"), held.method, held.path, held.query.decode("latin-1"), held.content_type]
    packed = zlib.compress(json.dumps(head).encode() + b"\n" + held.body)
    return access.house.key.seal("held", packed, access.caller.credential)


def release(access: Access, sealed: str) -> Held:
    """The request again. Raises BadSeal for what this session did not hold, or not within the last hour."""
    head, _, body = zlib.decompress(access.house.key.open("held", sealed, access.caller.credential)).partition(b"\n")
    when, _, method, path, query, content_type = json.loads(head)
    if clock.now().timestamp() - when > _KEPT.total_seconds():
        raise crypto.BadSeal
    return Held(method, path, query.encode("latin-1"), content_type, body)


async def put_aside(access: Access, sealed: str) -> str:
    """Keep a held request here while its person is at the identity provider; the secret that brings it back."""
    secret, now = ids.new_token("aside"), clock.now()
    await access.house.db.call(
        "SELECT gate.make_ticket($1, $2, 'aside', $3, '', $4, $5, $6)",
        access.tenant.number, crypto.sha256(secret.encode()), access.caller.account, sealed.encode(), now, now + timedelta(minutes=10),
    )  # fmt: skip
    return secret


async def taken_up(access: Access, secret: str) -> str:
    """The held request that was put aside, for the same person; an empty string if there is none."""
    rows = await access.house.db.call("SELECT * FROM gate.ticket($1, $2, $3)", access.tenant.number, crypto.sha256(secret.encode()), clock.now())
    found = bool(rows) and rows[0]["kind"] == "aside" and rows[0]["account"] == access.caller.account
    return bytes(rows[0]["content"]).decode() if found else ""


async def spend(access: Access, sealed: str) -> bool:
    """Use a held request up; False when it went on before, so that going back in the browser does nothing twice."""
    now = clock.now()
    rows = await access.house.db.call(
        "SELECT gate.make_ticket($1, $2, 'held', $3, '', '', $4, $5) AS made", access.tenant.number, crypto.sha256(sealed.encode()), access.caller.account, now, now + _KEPT
    )
    return bool(rows[0]["made"])
