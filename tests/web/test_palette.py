"""The palette finds everything a role may reach: every screen, room, action, form, measure and colleague; and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.doors.staff.chart.rooms import ROOMS
from sojourn.doors.staff.palette import matching, offered, places
from sojourn.doors.staff.routes import SCREENS
from sojourn.gate.access import Access
from sojourn.gate.roles import starting_rules
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.care.reported import house, visitor
from tests.people import A, Clinic, encounter, patient

ROLES = sorted({role for role, _, _ in starting_rules()} - {"system", "outside", "patient", "proxy"})
ELSEWHERE = {
    "/sign-in": "a stranger is led there", "/sign-in/second": "a step of signing in", "/sign-in/outside": "a step of signing in", "/sign-in/outside/return": "a step of signing in",
    "/confirm/on": "a step of proving who one is", "/confirm/outside": "a step of proving who one is", "/confirm/outside/done": "a step of proving who one is", "/handover/back": "a device that comes back", "/notes/key": "no page: the browser asks for it",
    "/patients/{id}/risk/plan/edit": "from the safety plan", "/patients/{id}/risk/plan/print": "from the safety plan", "/security/password": "from Your security", "/security/reached": "from Your security", "/security/passkeys/new": "from Your security",
    "/patients/{id}/cards": "a part of the summary of a chart", "/incidents/trends.csv": "a file of the page of trends", "/vocabulary/maps.json": "a file of the page of maps",
}  # fmt: skip
"""Pages without a name of their own, and why they need none."""


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        yield made


async def of_role(clinic: Clinic, role: str) -> Access:
    row = organization.AccountRow(f"of-{role}", "staff", f"of-{role}", role, None, "Practitioner/x", role, [people.MH], people.MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    found = await clinic.gate.access(await clinic.gate.token(clinic.gate.house.tenants[A], f"of-{role}", days=1))
    assert found is not None
    return found


def test_every_page_has_a_name_or_a_reason_for_none() -> None:
    named = {s.path for s in SCREENS if s.verb}
    pages = {s.path for s in SCREENS if "GET" in s.methods and set(re.findall(r"\{(\w+)\}", s.path)) <= {"id"}}
    assert pages - named - set(ELSEWHERE) == {p for p in pages - named if p.endswith((".csv", "/export", "/print")) and p not in ELSEWHERE}
    assert set(ELSEWHERE) & named == set()


def test_names_are_told_apart_and_keys_are_pressed_once() -> None:
    verbs = Counter((s.verb, s.group) for s in SCREENS if s.verb)
    assert [v for v, n in verbs.items() if n > 1] == []
    for group in ("Places", "This chart"):
        keys = Counter(s.key for s in SCREENS if s.key and s.group == group)
        assert [k for k, n in keys.items() if n > 1] == []
    assert all(len(s.key.split()) <= 2 and all(len(k) == 1 for k in s.key.split()) for s in SCREENS if s.key)


def test_every_room_of_a_chart_has_its_name() -> None:
    named = {s.path for s in SCREENS if s.verb}
    assert [r.name for r in ROOMS if f"/patients/{{id}}/{r.name}" not in named] == []


async def test_whatever_a_role_may_open_is_found_by_its_words_and_nothing_else_is(clinic: Clinic) -> None:
    for role in ROLES:
        access = await of_role(clinic, role)
        choices = offered(SCREENS, access, "ana")
        allowed = [s for s in SCREENS if s.verb and all(access.may(t, a) for t, a in s.needs)]
        assert {c.path for c in choices} == {s.path.replace("{id}", "ana") for s in allowed}, role
        for screen in allowed:
            for words in (screen.verb, " ".join(w[:3] for w in re.findall(r"[\w'-]+", screen.verb))):
                assert screen.path.replace("{id}", "ana") in [c.path for c in matching(words.replace("?", ""), choices)], (role, words)
        assert [c for c in offered(SCREENS, access, "") if "/patients/" in c.path and c.path != "/patients"] == []
        assert all(c.key for c in places(SCREENS, access))


@pytest.mark.parametrize(("words", "path"), [("new note", "/patients/ana/notes/new"), ("start group", "/groups"), ("report incident", "/incidents/new"), ("new message", "/messages/new"), ("hand-over", "/shift"), ("roster", "/on-call")])
async def test_actions_are_found_as_people_say_them(clinic: Clinic, words: str, path: str) -> None:
    access = await of_role(clinic, "clinician")
    assert path in [c.path for c in matching(words, offered(SCREENS, access, "ana"))]


async def test_forms_measures_colleagues_and_clients_are_found_by_whoever_may(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    hidden = (await clinic.make("sys-sud", patient("Rivington"))).id
    them = await visitor(clinic, "mh-clinician")
    await them.get("/today")

    async def asked(q: str, chart: str = "") -> str:
        return str((await them.post("/palette", {"q": q, "patient": chart})).text)

    assert f"/patients/{client}/measures/ask/phq-9" in await asked("phq", client)
    assert "measures/ask" not in await asked("phq")
    assert f"/patients/{client}/forms/" in await asked("biopsycho", client)
    assert "Write to Nina Tarrow" in await asked("tarrow")
    assert f"/patients/{client}" in await asked("riv")
    assert hidden not in them.last.text
    wrote = re.findall(r'href="(/messages/new\?person=[^"]+)"', await asked("tarrow nina"))[0]
    assert 'value="person:nurse" checked' in (await them.get(wrote)).text
    biller = await visitor(clinic, "biller")
    await biller.get("/today")
    assert "measures/ask" not in (await biller.post("/palette", {"q": "phq", "patient": client})).text


async def test_every_page_carries_the_keys_of_places(clinic: Clinic) -> None:
    them = await visitor(clinic, "nurse")
    page = (await them.get("/today")).text
    for key, path in (("g e", "/incidents"), ("g m", "/messages"), ("g n", "/notes"), ("g k", "/on-call")):
        assert re.search(rf'href="{path}" data-key="{key}" data-always', page), key
    assert 'href="/accounts"' not in page
