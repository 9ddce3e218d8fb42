"""The demo's people sign in with the printed password alone, and one of them manages accounts; also where the demo is older than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from sojourn.base.crypto import ServerKey
from sojourn.cli import riverbend
from sojourn.gate.gate import Gate
from sojourn.gate.identity import Session
from sojourn.gate.signin import Visit
from sojourn.record.database import Dsn
from tests.people import BASE

KEY = ServerKey(b"k" * 64)
VISIT = Visit("staff", "192.0.2.1", "", "request")


async def sign_in(dsn: Dsn, folder: Path, login: str) -> Any:
    gate = Gate(dsn.app, KEY, folder, base=BASE, connections=2)
    await gate.open()
    try:
        begun = await gate.signin.password(gate.house.tenants[riverbend.TENANT], login, riverbend.PASSWORD, VISIT)
        return begun.caller if isinstance(begun, Session) else None
    finally:
        await gate.close()


async def test_every_printed_login_opens_with_the_printed_password(database: Dsn, folder: Path) -> None:
    await riverbend.set_up(database.owner, KEY)
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute("DELETE FROM record.account WHERE account = 'robin'; DELETE FROM record.sign_in_rule")
        await riverbend.set_up(database.owner, KEY)  # a demo that was made before there were administrators
        await riverbend.set_up(database.owner, KEY)
        assert await owner.fetchval("SELECT count(*) FROM record.sign_in_rule") == 1
        logins = [login.login for login in riverbend.logins()]
        assert len(set(logins)) == len(logins) == await owner.fetchval("SELECT count(*) FROM record.account WHERE kind = 'staff'")
    finally:
        await owner.close()
    robin, dana = await sign_in(database, folder, "robin"), await sign_in(database, folder, "dana")
    assert robin.role == "administrator"
    assert dana.role == "clinician"
