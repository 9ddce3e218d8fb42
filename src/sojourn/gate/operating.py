"""Accounts as whoever runs the server can mend them, without a session, with the same lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate import secondperson
from sojourn.gate.accounts import LIFE, PEOPLE, Fresh
from sojourn.gate.security import written
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

DOOR = "command-line"
OPERATOR = "operator"


def _line(action: str, query: str) -> Entry:
    return Entry(clock.now(), ids.new_id("request"), "", OPERATOR, DOOR, "", action, "done", "Login", query)


async def listed(house: House, tenant: Tenant) -> list[Any]:
    """Every account, by name."""
    return await house.db.call("SELECT * FROM gate.accounts($1, NULL, $2)", tenant.number, clock.now())


async def by_login(house: House, tenant: Tenant, login: str) -> Any:
    """The account of a login. Raises NotFound."""
    found = [row for row in await listed(house, tenant) if row["login"] == login]
    if not found:
        raise errors.NotFound("There is no account with this login.")
    return found[0]


async def invite(house: House, tenant: Tenant, login: str, name: str, role: str) -> Fresh:
    """Make an account and its invitation. Raises Conflict when the login is taken."""
    account = ids.new_id("account")
    made = await written(
        house, tenant, _line("account-invite", f"account={account}&kind=staff&role={role}"), "gate.make_account($1, $2, 'staff', $3, $4, NULL, $5, '{}', NULL, '', $6)",
        tenant.number, account, login, name, role, clock.now(),
    )  # fmt: skip
    if not made:
        raise errors.Conflict("There is an account with this login already; `sojourn account reset` helps somebody in again.")
    return await _link(house, tenant, account, "invitation")


async def _link(house: House, tenant: Tenant, account: str, kind: str, type_: str = secondperson.STAFF) -> Fresh:
    held = await secondperson.needed(house, tenant, type_, author="", account=account)
    secret, now = ids.new_token("link"), clock.now()
    await written(
        house, tenant, _line(f"account-{kind}-link", f"account={account}&held={str(held).lower()}"), "gate.make_link($1, $2, $3, $4, '', $5, $6, $7)",
        tenant.number, crypto.sha256(secret.encode()), kind, account, held, now, now + LIFE[kind],
    )  # fmt: skip
    return Fresh(secret, held)


async def confirm(house: House, tenant: Tenant, login: str) -> str:
    """The code for a link that waits for its second person, where nobody else can be it: whoever runs the server. Raises NotFound, Conflict."""
    account, code = (await by_login(house, tenant, login))["account"], secondperson.new_code()
    args = (tenant.number, account, OPERATOR, secondperson.hashed(house, tenant, code), clock.now())
    if not await written(house, tenant, _line("account-link-confirm", f"account={account}"), "gate.confirm_link($1, $2, $3, $4, $5)", *args):
        raise errors.Conflict("No link of this account waits for a second person.")
    return code


async def reset(house: House, tenant: Tenant, login: str, *, factors: bool) -> Fresh:
    """Take the password back (and the second factors), end everything, and return a link. An invited account gets a new invitation."""
    row = await by_login(house, tenant, login)
    account, type_ = row["account"], secondperson.PERSONS if row["kind"] in PEOPLE else secondperson.STAFF
    if row["state"] == "invited":
        return await _link(house, tenant, account, "invitation", type_)
    if row["state"] != "active":
        raise errors.Conflict("This account is deactivated; an administrator can reactivate it.")
    await written(
        house, tenant, _line("account-reset", f"account={account}&factors={str(factors).lower()}"), "gate.take_back($1, $2, true, $3, $4)", tenant.number, account, factors, clock.now()
    )
    return await _link(house, tenant, account, "reset", type_)


async def deactivate(house: House, tenant: Tenant, login: str, reason: str) -> None:
    """End the use of an account at once, in every process."""
    account = (await by_login(house, tenant, login))["account"]
    line = _line("account-deactivate", f"account={account}")
    if not await written(house, tenant, line, "gate.set_account_state($1, $2, 'deactivated', '', $3, $4)", tenant.number, account, reason, clock.now()):
        raise errors.Conflict("This account is deactivated already.")
