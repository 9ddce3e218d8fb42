"""docs/api.md does what it says."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from sojourn.record.database import Dsn
from tests.conformance.serving import serving

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="there is no curl or bash here")
async def test_every_example_of_the_api_page_works(database: Dsn) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 8
    script = "set -euo pipefail\n" + "\n".join(f"echo '== {n}'\n{block}" for n, block in enumerate(blocks))
    async with serving(database) as served:
        environment = {**os.environ, "FHIR": served.base, "TOKEN": served.token}
        process = await asyncio.create_subprocess_exec("bash", "-c", script, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
    assert process.returncode == 0, said[-3000:]
    told = said.split("== ")
    assert '"birthDate": "1988-03-04"' in told[1]
    assert "Insomnia" in said
