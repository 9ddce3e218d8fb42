"""docs/recipes does what it says: every block is run as it stands, and prints what the page says."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.docs.open_house import House, free_port, open_house
from tests.doors.messaging.sender import sends
from tests.people import encounter, observation, patient

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
PATIENCE = 120

pytestmark = pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="there is no curl or bash here")


@pytest.fixture(scope="module")
async def house(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One server for all recipes: each makes the people that it needs."""
    name = f"test_{uuid4().hex}"
    await asyncio.to_thread(cluster.copy, name, template)
    async with open_house(Dsn(app=cluster.app(name), owner=cluster.owner(name)), tmp_path_factory.mktemp("house")) as made:
        yield made
    await asyncio.to_thread(cluster.drop, name)


async def followed(page: str, folder: Path, **given: str) -> None:
    """Save the files that the page gives, run its commands in order, and find what it says that they print, in that order."""
    text = (RECIPES / page).read_text("utf-8")
    named = set(re.findall(r"^    export (\w+)=", text, re.M))
    assert named == set(given), "the page says what it needs"
    commands, told = [], []
    for kind, name, body in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", text, re.M | re.S):
        match kind:
            case "python":
                (folder / name).write_text(body, "utf-8")
            case "sh":
                commands.append(body)
            case "text":
                told += body.splitlines()
    assert len(commands) >= 1 <= len(told)
    home = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **given}
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", "set -euo pipefail\n" + "\n".join(commands), cwd=folder, env=home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True
    )
    try:
        said = (await asyncio.wait_for(process.communicate(), PATIENCE))[0].decode()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
    assert process.returncode == 0, said[-3000:]
    at = 0
    for line in told:
        found = re.compile(".*?".join(re.escape(part) for part in line.split("…"))).search(said, at)
        assert found, f"{page} says {line!r}; it printed:\n{said[-3000:]}"
        at = found.end()


async def test_quick_start(house: House, tmp_path: Path) -> None:
    await followed("quick-start.md", tmp_path, BASE=f"{house.url}/fhir", TOKEN=house.clinic.tokens["sys-mh"])


async def test_consented_summary(house: House, tmp_path: Path) -> None:
    tokens = house.clinic.tokens
    await followed("consented-summary.md", tmp_path, BASE=f"{house.url}/fhir", TOKEN=tokens["sys-sud"], OFFICE_TOKEN=tokens["tpo"], OFFICE="tpo", PROGRAM="sud")
    rows = await house.clinic.owner.fetch("SELECT channel FROM record.disclosure WHERE recipient = 'Organization/tpo'")
    assert len(rows) >= 2, "what left is in the log"


async def test_adt_to_an_exchange(house: House, tmp_path: Path) -> None:
    port = free_port()
    place = await house.partner("Harbor Health Exchange", "HIE", port, "ADT^A01", "ADT^A03")
    hidden = (await house.clinic.make("sys-sud", patient("Hidden"))).id
    await house.clinic.make("sys-sud", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{hidden}"}, "participant": [{"member": {"reference": f"Organization/{place}"}}]})
    await house.clinic.make("sys-sud", {**encounter(hidden), "status": "in-progress"})
    await followed("adt.md", tmp_path, BASE=f"{house.url}/fhir", TOKEN=house.clinic.tokens["sys-mh"], HIE=place, PORT=str(port))
    assert (tmp_path / "exchange.log").read_text("utf-8").count("ADT^") == 2, "of the Part 2 program's patient, who did not consent, nothing came"


async def test_laboratory_orders_and_results(house: House, tmp_path: Path) -> None:
    port = free_port()
    place = await house.partner("Cedar Ridge Laboratory", "CEDAR", port, "ORM^O01")
    await followed("laboratory.md", tmp_path, BASE=f"{house.url}/fhir", TOKEN=house.clinic.tokens["sys-mh"], LAB=place, PORT=str(port), MLLP=str(house.mllp))


async def test_fhir_messages_from_a_hospital(house: House, tmp_path: Path) -> None:
    await sends(house.clinic, types=("ADT^A01",))
    await followed("messages.md", tmp_path, BASE=f"{house.url}/fhir", TOKEN=house.clinic.tokens["mercy"])
    assert await house.clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message WHERE door = 'messaging'") == 1


async def test_bulk_to_a_warehouse(house: House, tmp_path: Path) -> None:
    await followed("warehouse.md", tmp_path, BASE=f"{house.url}/fhir", TOKEN=house.clinic.tokens["sys-mh"])


async def test_an_app_in_fifty_lines(house: House, tmp_path: Path) -> None:
    await house.clinic.make("sys-mh", observation((await house.clinic.make("sys-mh", patient())).id))
    await followed("app.md", tmp_path, BASE=f"{house.url}/fhir")
    page = (RECIPES / "app.md").read_text("utf-8")
    (body,) = re.findall(r"^```python app\.py\n(.*?)^```$", page, re.M | re.S)
    assert len(body.splitlines()) <= 55, "fifty lines, give or take"
