"""The sample app of the demo: served there and nowhere else, by a policy of its own."""

from __future__ import annotations

import httpx

from sojourn.app import application
from sojourn.record.database import Dsn
from sojourn.web.about import About, SampleLogin
from sojourn.web.outbound import Outbound
from tests.doors.smart.office import ROOT, office


async def test_the_sample_app_is_served_in_a_sandbox_only(database: Dsn) -> None:
    async with office(database) as here:
        async with here.http as http:
            assert [(await http.get(f"/sandbox/app{end}")).status_code for end in ("", ".js", ".css")] == [404] * 3
        demo = application(here.clinic.gate, About("18", (SampleLogin("dana", "x", "Dana", "clinician", ""),)), Outbound())
        app, _ = await here.person_app(name="My Trend Lines", uses=("patient",), whose="chosen")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(demo), base_url=ROOT) as http:
            page = await http.get("/sandbox/app")
            assert f'data-patient="{app.id}"' in page.text
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
            assert "code_challenge_method: 'S256'" in (await http.get("/sandbox/app.js")).text
            asked = {"client_name": "Quick", "grant_types": ["client_credentials"], "jwks_uri": "https://quick.example/jwks"}
            assert (await http.post("/oauth/register", json=asked)).json()["sojourn_state"] == "active", "keys in minutes"
