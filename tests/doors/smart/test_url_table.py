"""Every address of the door of apps, asked by a stranger and by the wrong people: nothing is given, nothing breaks, nothing can be framed."""

from __future__ import annotations

import pytest
from starlette.routing import Route

from sojourn.doors.smart.routes import SCREENS, routes
from sojourn.record.database import Dsn
from tests.doors.smart.office import office

OPEN = {"/fhir/.well-known/smart-configuration", "/fhir/.well-known/openid-configuration", "/oauth/jwks", "/oauth/style.json"}
MACHINE = {"/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/register", "/oauth/permissions"}


async def test_what_a_stranger_gets_at_every_address(database: Dsn) -> None:
    async with office(database) as here, here.http as http:
        for each in routes():
            assert isinstance(each, Route)
            for method in sorted((each.methods or set()) - {"HEAD"}):
                answer = await http.request(method, each.path)
                name = f"{method} {each.path}"
                assert answer.status_code < 500, name
                if each.path in OPEN:
                    assert answer.status_code == 200, name
                elif each.path in MACHINE:
                    assert answer.status_code in (400, 401), name
                    assert answer.json()["error"], name
                    assert answer.headers["cache-control"] == "no-store", name
                elif each in SCREENS:
                    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], name
                    assert answer.headers["cache-control"] == "no-store", name
                    if method == "POST":
                        assert answer.status_code == 403, f"{name}: no form of ours"
                    elif each.path.startswith("/sandbox"):
                        assert answer.status_code == 404, name
                    elif each.path == "/oauth/authorize":
                        assert answer.status_code == 400, name
        assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app") == 0
        assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app_grant") == 0


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/register"])
async def test_odd_bodies_are_refused_in_words(database: Dsn, path: str) -> None:
    async with office(database) as here, here.http as http:
        form = {"content-type": "application/x-www-form-urlencoded"}
        for body in (b"\xff\xfe=1", b"a=1&a=2", b"&".join(b"k%d=v" % n for n in range(60)), b"{}", b"", b"client_assertion=%00&client_assertion_type=x", b"grant_type=authorization_code&code=" + b"x" * 9000):
            answer = await http.post(path, content=body, headers=form)
            assert answer.status_code in (400, 401), body[:30]
            assert answer.json()["error"]
