"""Every screen of the staff app that can be looked at, asked in two worlds: from the routes, so that a new one is in it."""

from __future__ import annotations

import re
from datetime import timedelta
from random import Random
from typing import Any

import httpx
from starlette.applications import Starlette

from sojourn.doors.staff.routes import SCREENS, routes
from sojourn.gate.gate import Gate
from sojourn.web.about import About
from tests.people import BY_NAME, A, Reply

_OF_THE_TRAIL = ("trail", "unusual", "access", "accounting", "disclosures", "desk/reports")
LOOKED_AT = tuple(s.path for s in SCREENS if "GET" in s.methods and not s.open and not any(word in s.path for word in _OF_THE_TRAIL))
"""Paths that show something and change nothing. Pages of the trail: test_trail_worlds.py."""
_DESK = tuple(path for path in LOOKED_AT if path.startswith(("/desk", "/requests", "/questions")))
"""Where a privacy officer works: pages that count and list what is there of everybody."""
_NAMES = {"consent": "Consent", "note": "DocumentReference", "document": "DocumentReference", "task": "Task", "episode": "EpisodeOfCare", "team": "CareTeam", "id": "Patient"}
_WORDS = {"report": ("census", "admissions", "attendance", "plans", "caseload", "nothing"), "page": ("1", "2"), "role": ("clinician", "nurse", "outside"), "part": ("problems", "medications", "visits", "documents", "results", "nothing")}


def address(random: Random, pick: Any, *, desk: bool = False) -> str:
    """One screen, filled in. pick: from a type (None: any) to `Type/id`. desk: half of the time one of the privacy officer's."""
    path = random.choice(_DESK if desk and random.random() < 0.5 else LOOKED_AT)

    def filled(match: re.Match[str]) -> str:
        name = match[1].partition(":")[0]
        if name in _WORDS:
            return random.choice(_WORDS[name])
        if name == "type":
            return str(pick(None)).partition("/")[0]
        return str(pick(_NAMES.get(name))).partition("/")[2]

    return re.sub(r"\{([\w:]+)\}", filled, path)


async def browser(gate: Gate, who: str) -> httpx.AsyncClient:
    """A browser in which this person has signed in."""
    tenant = gate.house.tenants[BY_NAME[who].tenant if who in BY_NAME else A]
    token = await gate.identity.issue(tenant, who, kind="session", door="staff", life=timedelta(hours=12))
    app = Starlette(routes=routes())
    app.state.gate, app.state.about = gate, About()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{tenant.host}", cookies={"sojourn": token}, headers={"accept-encoding": "identity"})


async def shown(client: httpx.AsyncClient, path: str) -> Reply:
    """What a screen shows, with everything that comes over the wire."""
    answer = await client.get(path)
    return Reply(answer.status_code, tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date")), answer.content)
