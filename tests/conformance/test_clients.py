"""Independent clients against a server of ours. Those in Python run wherever the tests do; the one for Node where it can be installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sojourn.record.database import Dsn
from tests.conformance.others import PATIENCE, SCRIPTS, program, run
from tests.conformance.serving import Served, serving

HOMES = Path(tempfile.gettempdir()) / f"sojourn-test-clients-{os.getuid()}"


@pytest.fixture
async def served(database: Dsn) -> AsyncIterator[Served]:
    """The FHIR door of a clinic, over HTTP."""
    async with serving(database) as found:
        yield found


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


@pytest.mark.parametrize("script", ["with_fhirclient.py", "with_fhirpy.py"])
async def test_a_python_client_works_with_it(served: Served, script: str) -> None:
    assert (await run(program("python"), str(SCRIPTS / script), FHIR_BASE=served.base, FHIR_TOKEN=served.token)).endswith("ok\n")


@pytest.mark.slow
async def test_fhir_kit_client_works_with_it(served: Served) -> None:
    home = await asyncio.to_thread(node_home, "fhir-kit-client@2.0.3")
    shutil.copy(SCRIPTS / "with_fhir_kit.mjs", home)
    assert (await run("node", "with_fhir_kit.mjs", folder=home, FHIR_BASE=served.base, FHIR_TOKEN=served.token)).endswith("ok\n")
