"""A person allows an app: what it may ask for at most, what was left on, and a code that is good once."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.apps import scopewords
from sojourn.gate.apps.asking import BadApp
from sojourn.gate.apps.tokens import purpose_of
from sojourn.gate.security import told

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.apps.asking import Wish
    from sojourn.gate.apps.registry import App
    from sojourn.gate.apps.scopewords import Row

CODE: Final = timedelta(minutes=2)
"""How long an authorization code is good, once (RFC 6749, 4.1.2: at most ten minutes)."""
LONGEST: Final = timedelta(days=365)
"""After which an app has to ask again, however it was used."""
REMEMBERED: Final = timedelta(days=90)
"""How long those who work here are not asked again by the same app for the same."""


def rows(access: Access, wish: Wish) -> list[Row]:
    """What this person can allow: of what the app asks for, what their role includes."""
    return scopewords.rows(wish.scopes, access.may)


async def before(access: Access, app: App, wish: Wish) -> list[str] | None:
    """What somebody who works here allowed this app lately when it asked for the same; None: ask. Patients are asked each time."""
    if access.caller.kind != "staff" or wish.prompt == "consent":
        return None
    found = await access.house.db.call("SELECT * FROM gate.allowed_before($1, $2, $3, $4)", access.tenant.number, access.caller.account, app.id, clock.now() - REMEMBERED)
    if not found:
        return None
    said = json.loads(found[0]["facts"])
    same = set(said.get("asked", ())) == set(wish.scopes) and said.get("redirect") == wish.redirect
    # What their role lost since is not given again; the gate would refuse it anyhow.
    return [one for one in found[0]["scopes"].split() if one in wish.scopes or scopewords.part(one)] if same else None


async def unproved(access: Access, scopes: Collection[str]) -> bool:
    """Whether somebody who works here has to prove anew who they are: what lasts while they are away is not given from a browser that was left
    open. Patients sign in for each permission, and are signed out with it."""
    if access.caller.kind != "staff" or "offline_access" not in scopes:
        return False
    try:
        await access.require_fresh()
    except errors.ProofNeeded:
        return True
    return False


async def allow(access: Access, app: App, wish: Wish, scopes: Sequence[str]) -> str:
    """Write the permission down and return the authorization code. Raises BadApp when the app was stopped meanwhile, ProofNeeded (unproved)."""
    if await unproved(access, scopes):
        raise errors.ProofNeeded()
    caller, now, code = access.caller, clock.now(), ids.new_token("app-code")
    if not caller.agent:  # no resource stands for them, so there is no fhirUser to tell
        scopes = [one for one in scopes if one != "fhirUser"]
    facts = {
        "redirect": wish.redirect, "challenge": wish.challenge, "nonce": wish.nonce, "asked": list(wish.scopes), "agent": caller.agent,
        "purpose": purpose_of(caller.kind, caller.role, access.house, access.tenant), "proved": caller.proved.timestamp() if caller.proved else None,
    }  # fmt: skip
    done = await told(
        access, "app-allow", f"app={app.id}&scopes={' '.join(scopes)}"[:400], "gate.allow_app($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        access.tenant.number, caller.credential, caller.generation, now, ids.new_id("app-grant"), app.id, caller.account, " ".join(scopes), wish.patient or None,
        wish.encounter or None, json.dumps(facts), crypto.sha256(code.encode()), now + CODE, now + LONGEST, type_="App",
    )  # fmt: skip
    if not done:
        raise BadApp
    return code
