"""The tour of docs/tour.md: each page of it as the role that works with it, sound in a browser, and made anew as a picture when asked."""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from PIL import Image

from sojourn.base import clock
from sojourn.base.clock import FakeClock, SystemClock
from sojourn.base.crypto import ServerKey
from sojourn.care.consequences import CONSEQUENCES
from sojourn.cli import riverbend
from sojourn.doors.api.app import FhirDoor
from sojourn.gate.gate import Gate
from sojourn.record.database import Dsn
from tests.conftest import Cluster, run_apart
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark  # noqa: F401 - the mark is pytest's
from tests.people import BASE, Clinic

PICTURES = os.environ.get("SOJOURN_TOUR_PICTURES", "")
"""A folder to save the pictures of the tour in: docs/images/tour makes those of the documents anew. None are saved otherwise."""
sample_of: Any = importlib.import_module("sojourn.sample.organization")
CLIENTS = sample_of.CLIENTS
"""As many as the demo has: with fewer, some pages of the tour have nothing to show."""
KEY = ServerKey(b"t" * 64)
MORNING = datetime(2026, 12, 2, 14, 40, tzinfo=UTC)
"""The moment at which every picture is taken: a Wednesday, twenty to ten in New York."""
DESK, TELEPHONE = (1280, 800), (390, 800)
LARGEST = 60_000
"""Bytes of a picture."""


class Stop(NamedTuple):
    """A page of the tour: a path, in which {RB…} is the chart of that record number; after it, perhaps, the link or button on it that is pressed."""

    picture: str
    who: str
    path: str
    title: str
    follow: str = ""
    size: tuple[int, int] = DESK


STOPS = (
    Stop("clinician-today", "dana", "/today", "Today"),
    Stop("clinician-chart", "dana", "/patients/{RB10000}", "Chart"),
    Stop("clinician-note", "dana", "/notes", "Write a note", "main a[href*='/notes/write/'] >> nth=1"),
    Stop("clinician-plan", "dana", "/patients/{RB10000}/plan", "lan", "main .plan-list a >> nth=-1"),
    Stop("clinician-schedule", "dana", "/schedule", "Schedule"),
    Stop("clinician-group", "dana", "/groups", "Group", "main a[href^='/groups/']"),
    Stop("nurse-reconcile", "nina", "/patients/{RB10021}/reconcile", "Reconcile", "main a[href*='/reconcile/']"),
    Stop("nurse-shift", "nina", "/shift", "Shift report"),
    Stop("nurse-telephone", "nina", "/today", "Today", size=TELEPHONE),
    Stop("technician-today", "tess", "/today", "Today"),
    Stop("technician-census", "tess", "/census", "census"),
    Stop("technician-incident", "tess", "/incidents/new", "incident", size=TELEPHONE),
    Stop("admissions-board", "adam", "/admissions", "Admissions"),
    Stop("admissions-call", "adam", "/admissions/new", "Call sheet"),
    Stop("admissions-case", "adam", "/admissions", "", "main a[href^='/admissions/']:not([href$='new']):not([href$='double'])"),
    Stop("biller-authorizations", "bill", "/authorizations?all=1", "Authorizations"),
    Stop("biller-today", "bill", "/today", "Today"),
    Stop("supervisor-today", "sam", "/today", "Today"),
    Stop("supervisor-reports", "sam", "/reports", "Reports"),
    Stop("supervisor-supervision", "sam", "/supervision", "Supervision"),
    Stop("privacy-desk", "priya", "/desk", "Privacy"),
    Stop("privacy-why", "priya", "/desk/why/{RB10000}", "Why", "main button:has-text('Who can see')"),
    Stop("privacy-trail", "priya", "/desk/trail", "Audit trail", "main button:has-text('Today')"),
    Stop("privacy-requests", "priya", "/requests/release", "Release"),
    Stop("administrator-accounts", "robin", "/accounts", "Accounts"),
    Stop("administrator-roles", "robin", "/roles", "Roles"),
    Stop("administrator-policies", "robin", "/policies", "Rules"),
)


class Running(SystemClock):
    """A clock that begins at a moment and goes on at its usual pace."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - super().now()

    def now(self) -> datetime:
        """As long after the moment at which it began as it really is."""
        return super().now() + self._ahead


def _name(template: str) -> str:
    """Of the database: changes when the sample or what stores it changes."""
    told = hashlib.sha256(f"{MORNING} {CLIENTS}".encode())
    source = Path(str(sample_of.__file__)).parent
    for path in sorted([*source.rglob("*.py"), *source.parent.joinpath("cli").glob("riverbend*.py"), *source.parent.joinpath("gate").rglob("*.py")]):
        told.update(path.read_bytes())
    return f"tour_{told.hexdigest()[:12]}_{template[-8:]}"


async def _fill(cluster: Cluster, template: str, name: str, data: Path) -> None:
    """Riverbend as the demo makes it, by the morning of the pictures; by whoever comes first."""
    connection = await asyncpg.connect(cluster.owner("postgres"))
    try:
        await connection.execute("SELECT pg_advisory_lock(9)")
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return
        draft, before, sample_of.CLIENTS = f"{name}_draft", sample_of.CLIENTS, CLIENTS
        await connection.execute(f"DROP DATABASE IF EXISTS {draft} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {draft} TEMPLATE {template}")
        with clock.using(Running(MORNING - timedelta(minutes=20))):
            await riverbend.set_up(cluster.owner(draft), KEY)
            gate = Gate(cluster.app(draft), KEY, data, base=BASE, connections=4, consequences=CONSEQUENCES)
            await gate.open()
            try:
                outcome = await riverbend.fill(gate, MORNING.date())
                assert not outcome.refused, outcome.refused[:3]
                for lay_out in riverbend.LAID_OUT:
                    await lay_out(gate, MORNING.date())
            finally:
                sample_of.CLIENTS = before
                await gate.close()
        await connection.execute(f"ALTER DATABASE {draft} RENAME TO {name}")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def sample(cluster: Cluster, template: str) -> tuple[Dsn, Path]:
    """A database with the sample organization that these tests share and only read, and the folder of its attachments."""
    name = _name(template)
    data = Path(tempfile.gettempdir()) / f"sojourn-tests-{name}"
    data.mkdir(exist_ok=True)
    run_apart(_fill(cluster, template, name, data))
    return Dsn(app=cluster.app(name), owner=cluster.owner(name)), data


@pytest.fixture
async def house(sample: tuple[Dsn, Path]) -> AsyncIterator[tuple[Clinic, str]]:
    """The staff app over the sample organization on the morning of the pictures, and its address."""
    dsn, data = sample
    with clock.using(FakeClock(MORNING)):
        owner = await asyncpg.connect(dsn.owner)
        gate = Gate(dsn.app, KEY, data, base=BASE, connections=4, consequences=CONSEQUENCES)
        await gate.open()
        clinic = Clinic(dsn, gate, FhirDoor(gate), owner)
        async with serving.serving_clinic(clinic) as url:
            yield clinic, url
        await gate.close()
        await owner.close()


async def _path(clinic: Clinic, stop: Stop) -> str:
    """Where the page is: record numbers become the ids of charts."""
    before, _, rest = stop.path.partition("{")
    if not rest:
        return stop.path
    number, _, after = rest.partition("}")
    found = await clinic.owner.fetchval("SELECT id FROM record.resource WHERE type = 'Patient' AND position($1::bytea IN body) > 0", f'"{number}"'.encode())
    assert found, number
    return f"{before}{found}{after}"


async def _save(v: Visit, stop: Stop) -> None:
    """The first screenful as a small picture, exact where that is small enough."""
    shot = Image.open(io.BytesIO(await v.page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    path = Path(PICTURES) / f"{stop.picture}.webp"
    for colors in (0, 128, 64):  # lines and letters stay sharp, which no lossy picture of this size keeps
        drawn = shot.quantize(colors, dither=Image.Dither.NONE).convert("RGB") if colors else shot
        drawn.save(path, "WEBP", lossless=True, quality=90, method=4)
        if path.stat().st_size <= LARGEST:
            return
    raise AssertionError(f"{stop.picture} is larger than {LARGEST} bytes")


@pytest.mark.slow  # the whole sample is filled first; each page has tests of its own
@pytest.mark.parametrize("who", sorted({stop.who for stop in STOPS}))
async def test_the_pages_of_the_tour_are_as_it_says(house: tuple[Clinic, str], who: str) -> None:
    clinic, url = house
    token = await serving.issued(clinic, who)
    faults = []
    for stop in STOPS:
        if stop.who != who:
            continue
        async with serving.visit(url, sojourn=token) as v:
            await v.page.set_viewport_size({"width": stop.size[0], "height": stop.size[1]})
            await v.go(await _path(clinic, stop))
            if stop.follow:
                await v.page.locator(stop.follow).first.click()
            await v.page.wait_for_load_state("networkidle")
            title = await v.page.title()
            if PICTURES:
                await _save(v, stop)
            try:
                assert stop.title in title, title
                await v.is_sound()
            except AssertionError as error:
                faults.append(f"{stop.picture}: {error}")
    assert faults == []
