"""A proof that comes with the request itself: the password or a code of the account behind a token."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base import clock, crypto
from sojourn.gate.factors import Factors
from sojourn.gate.guessing import Guessing

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_COUNTS = ("login_from_address", "login", "code")
"""From where an app asks is not known here, and what all share is not counted: one who tries codes would shut everybody out."""


async def proves(access: Access, kind: str, answer: str) -> bool:
    """Whether the answer is right; kind: password or totp. Counted like every guess; a line of the trail. Raises TooManyRequests.

    For acts that a session would ask a fresh proof for (proof.require_fresh), where an app has no page of ours to ask it on.
    """
    house, tenant, account = access.house, access.tenant, access.caller.account
    guessing, key = Guessing(house.db, house.key), f"confirm\0{access.caller.account}"
    await guessing.attempt(tenant.number, key, "", _COUNTS)
    if kind == "password":
        rows = await house.db.call("SELECT gate.password_of($1, $2, $3) AS password", tenant.number, account, clock.now())
        right = await asyncio.to_thread(crypto.verify_password, answer, rows[0]["password"])
    else:
        right = kind == "totp" and await Factors(house.db, house.key).check_app(tenant, account, answer)
    if right:
        await guessing.forgive(tenant.number, key, "")
    await access.note(access.entry("confirm", "Login", f"how={kind}", outcome="done" if right else "denied"))
    return bool(right)
