"""`sojourn account`: the first administrator, and what whoever runs the server must be able to mend."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

import asyncpg

from sojourn.base import clock, crypto, errors
from sojourn.base.settings import Settings
from sojourn.gate import operating
from sojourn.gate.accounts import Fresh
from sojourn.gate.gate import Gate
from sojourn.gate.roles import starting_rules
from sojourn.record import organization as house
from sojourn.record.database import Dsn, ensure_database

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do. No secret is taken from the command line, where other users of the machine could read it."""
    parser.add_argument("--organization", metavar="KEY", help="whose account, where there are several organizations; the key of the first one when it is made")
    parser.add_argument("--address", metavar="URL", help="how people reach this server, for the links that are printed (default: where it listens)")
    does = parser.add_subparsers(dest="does", metavar="WHAT", required=True)
    create = does.add_parser("create-administrator", help="invite somebody who may manage accounts, and print the link to hand over")
    create.add_argument("login")
    create.add_argument("--name", required=True, help="as colleagues should see it")
    create.add_argument("--organization-name", help="makes the first organization under this name, if there is none yet")
    does.add_parser("list", help="every account with its state")
    end = does.add_parser("deactivate", help="end the use of an account at once, with all its sessions and tokens")
    end.add_argument("login")
    end.add_argument("--reason", default="", help="for the record; no patient's name")
    again = does.add_parser("reset", help="take the password back and print a link with which to set a new one")
    again.add_argument("login")
    again.add_argument("--factors", action="store_true", help="take passkeys, authenticator apps and recovery codes back, too")
    code = does.add_parser("confirm", help="print the code for a link that waits for a second person, where nobody else here can be it")
    code.add_argument("login")


def run(args: argparse.Namespace) -> int:
    """Do it on the database that the settings name; servers that run notice at the next statement."""
    settings = Settings.from_environment()
    dsn = asyncio.run(ensure_database(settings))
    try:
        return asyncio.run(_run(args, settings, dsn))
    finally:
        dsn.release()


async def _run(args: argparse.Namespace, settings: Settings, dsn: Dsn) -> int:
    key = crypto.load_server_key(settings.key_file)
    if args.does == "create-administrator" and args.organization_name:
        await _first_organization(dsn, key, args.organization or "main", args.organization_name)
    gate = Gate(dsn.app, key, settings.data, base="", connections=2)
    await gate.open()
    try:
        tenant = _chosen(gate, args.organization)
        if args.does == "create-administrator":
            _say(args, settings, await operating.invite(gate.house, tenant, args.login, args.name, "administrator"))
        elif args.does == "reset":
            _say(args, settings, await operating.reset(gate.house, tenant, args.login, factors=args.factors))
        elif args.does == "confirm":
            print("Give this code to them by another way than the link, and to nobody else. It is shown only now:")
            print(await operating.confirm(gate.house, tenant, args.login))
        elif args.does == "deactivate":
            await operating.deactivate(gate.house, tenant, args.login, args.reason)
            print("Deactivated. Every session and token of this account has ended.")
        else:
            for row in await operating.listed(gate.house, tenant):
                print(f"{row['login']:<24} {row['state']:<12} {row['kind']:<13} {row['role'] or '-':<20} {row['name']}")
    finally:
        await gate.close()
    return 0


async def _first_organization(dsn: Dsn, key: crypto.ServerKey, name: str, title: str) -> None:
    """Make an organization with the roles that every one starts with; only where there is none."""
    owner = await asyncpg.connect(dsn.owner)
    try:
        if await house.tenants(owner):
            raise errors.Conflict("There is an organization already; leave --organization-name out.")
        async with owner.transaction():
            await house.tenant(owner, 1, name, title, key.derive(f"tenant:{name}", 32))
            await house.role_rules(owner, 1, starting_rules(), clock.now())
    finally:
        await owner.close()


def _chosen(gate: Gate, wanted: str | None) -> Tenant:
    tenants = {t.key: t for t in gate.house.tenants.values()}
    if not tenants:
        raise errors.NotFound("There is no organization yet; give its name with --organization-name.")
    if wanted is None and len(tenants) > 1:
        raise errors.NotFound(f"There are several organizations; choose one with --organization: {', '.join(sorted(tenants))}.")
    tenant = tenants.get(wanted) if wanted else next(iter(tenants.values()))
    if tenant is None:
        raise errors.NotFound(f"There is no such organization; there are: {', '.join(sorted(tenants))}.")
    return tenant


def _say(args: argparse.Namespace, settings: Settings, link: Fresh) -> None:
    at = (args.address or f"http://{'localhost' if settings.host in ('127.0.0.1', '0.0.0.0') else settings.host}:{settings.port}").rstrip("/")  # noqa: S104 - compared, not bound
    print("Hand this link over to them, and to nobody else. It works once, and is shown only now:")
    print(f"{at}/welcome/{link.secret}")
    if link.held:
        print("It is good together with a code, which a second person gives them: an administrator or the privacy officer, under Accounts, or `sojourn account confirm`.")
