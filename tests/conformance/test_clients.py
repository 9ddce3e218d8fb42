"""Independent clients against a server of ours, each in an environment of its own that is made on demand."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sojourn.record.database import Dsn
from tests.conformance.serving import Served, serving

pytestmark = pytest.mark.slow
SCRIPTS = Path(__file__).parent / "clients"
HOMES = Path(tempfile.gettempdir()) / f"sojourn-test-clients-{os.getuid()}"
PATIENCE = 300

NOT_OURS = {
    "bulk_export_group": "Bulk Data export comes with a later issue",
    "lab_order_peer_fills": "the server would have to act as a laboratory",
    "messaging_adt_orders": "FHIR messaging is not offered",
    "subscription_backport_roundtrip": "subscriptions come with a later issue",
    "subscription_roundtrip": "subscriptions come with a later issue",
}
"""sekmet-fhir's scenarios that ask for what we do not offer."""
OURS = (
    "adt_admit_transfer_discharge", "adt_merge_update", "appointment_book_cancel", "billing_claim", "clinical_documentation", "conformance_smoke",
    "lab_order_to_result", "medication_order_dispense", "rad_order_imaging_report",
)  # fmt: skip


@pytest.fixture
async def served(database: Dsn) -> AsyncIterator[Served]:
    """The FHIR door of a clinic, over HTTP."""
    async with serving(database) as found:
        yield found


async def run(*command: str, served: Served, folder: Path | None = None) -> str:
    """What the client prints; a client that fails fails the test."""
    environment = {**os.environ, "FHIR_BASE": served.base, "FHIR_TOKEN": served.token, "PYTHONWARNINGS": "ignore"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said = (await asyncio.wait_for(process.communicate(), PATIENCE))[0].decode()
    assert process.returncode == 0, said[-4000:]
    return said


def python_home(requirement: str) -> Path:
    """An environment with the package, or a skipped test."""
    home = HOMES / requirement.replace("==", "-")
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        for command in ([sys.executable, "-m", "venv", str(home)], [str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", requirement]):
            made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
            if made.returncode:
                pytest.skip(f"{requirement} cannot be installed here: {made.stderr.strip()[-200:]}")
        (home / "ready").touch()
    return home


def node_home(requirement: str) -> Path:
    """A folder with the package, or a skipped test."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no Node here")
    home = HOMES / requirement.replace("@", "-")
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text('{"private": true, "type": "module"}')
        made = subprocess.run([npm, "install", "--no-audit", "--no-fund", requirement], cwd=home, capture_output=True, text=True, check=False, timeout=PATIENCE)
        if made.returncode:
            pytest.skip(f"{requirement} cannot be installed here: {made.stderr.strip()[-200:]}")
        (home / "ready").touch()
    return home


@pytest.mark.parametrize(("requirement", "script"), [("fhirclient==4.4.0", "with_fhirclient.py"), ("fhirpy==2.3.1", "with_fhirpy.py")])
async def test_a_python_client_works_with_it(served: Served, requirement: str, script: str) -> None:
    home = await asyncio.to_thread(python_home, requirement)
    assert (await run(str(home / "bin/python"), str(SCRIPTS / script), served=served)).endswith("ok\n")


async def test_fhir_kit_client_works_with_it(served: Served) -> None:
    home = await asyncio.to_thread(node_home, "fhir-kit-client@2.0.3")
    shutil.copy(SCRIPTS / "with_fhir_kit.mjs", home)
    assert (await run("node", "with_fhir_kit.mjs", served=served, folder=home)).endswith("ok\n")


async def test_sekmets_scenarios_pass(served: Served, folder: Path) -> None:
    home = await asyncio.to_thread(python_home, "sekmet-fhir==0.1.1")
    sekmet = str(home / "bin/sekmet")
    listed = {line.split()[0] for line in (await run(sekmet, "scenario", "list", served=served, folder=folder)).splitlines() if " steps " in line}
    assert listed == {*OURS, *NOT_OURS}
    (folder / "settings.yaml").write_text(
        f"base_url: http://127.0.0.1:9/fhir\nport: 9\npeers:\n  ours:\n    base_url: {served.base}\n    auth: {{type: bearer, token: {served.token}}}\n"
    )
    said = await run(sekmet, "scenario", "run", *OURS, "--peer", "ours", "--no-serve", "--report-dir", str(folder / "reports"), served=served, folder=folder)
    suites = [s for path in (folder / "reports").rglob("*.xml") for s in ET.parse(path).iter("testsuite")]
    assert len(suites) >= len(OURS), said
    assert [s.get("name") for s in suites if int(s.get("failures", "0")) + int(s.get("errors", "0"))] == [], said[-4000:]
