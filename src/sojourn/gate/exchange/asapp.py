"""Under the right of a registered service: what a partner's account may not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.apps import registry
from sojourn.gate.caller import APP_DOOR

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import Gate

_LIFE: Final = timedelta(hours=1)


async def access(gate: Gate, tenant: Tenant, client: str) -> Access:
    """The Access of a service, by its client id, for an hour at most; it ends when the service is stopped. Raises Forbidden where it may do nothing now."""
    app = await registry.one(gate.house.db, tenant, client)
    if app is None or not app.active or "service" not in app.uses or not app.account:
        raise errors.Forbidden("The service under whose right this is done is not active. Look at it on the page of apps.")
    token, now = ids.new_token(), clock.now()
    rows = await gate.house.db.call(
        "SELECT gate.issue_to_app($1, $2, $3, NULL, $4, $5, $6, $7, NULL, $8, $9, NULL, NULL) AS done",
        tenant.number, crypto.sha256(token.encode()), app.id, app.account, APP_DOOR + app.id, app.purpose, app.scopes, now, now + _LIFE,
    )  # fmt: skip
    found = await gate.access(token) if rows[0]["done"] else None
    if found is None:
        raise errors.Forbidden("The service under whose right this is done is not active. Look at it on the page of apps.")
    return found
