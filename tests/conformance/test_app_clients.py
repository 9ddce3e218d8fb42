"""Another's SMART client: smart-fetch finds the token address by itself and crawls as a backend service."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from jwt.algorithms import RSAAlgorithm

from sojourn.cli import sources
from sojourn.gate.bulk.running import Exporting
from sojourn.record.database import Dsn
from tests.conformance.others import program, run
from tests.conformance.serving import everything
from tests.doors.smart.office import ASSERTION, Key, Office
from tests.journeys.serving import ROOT
from tests.people import FAR, MH, SUD, observation, patient
from tests.shared import needs_command


@pytest.fixture
async def there(database: Dsn) -> AsyncIterator[tuple[Office, str]]:
    """Every door, over HTTP."""
    async with everything(database) as found:
        yield found


async def test_smart_fetch_crawls_with_its_key(there: tuple[Office, str], tmp_path: Path) -> None:
    here, url = there
    p = (await here.clinic.make("sys-mh", patient())).id
    mine = {(await here.clinic.make("sys-mh", observation(p, n))).id for n in (60, 61, 62)}
    hidden = (await here.clinic.make("sys-sud", observation(p))).id
    key = Key("fetch", "RS384")
    app = await here.service(key, programs=(MH,))
    private = json.loads(RSAAlgorithm.to_jwk(key.private)) | {"kid": "fetch", "alg": "RS384"}
    (tmp_path / "key.jwks").write_text(json.dumps({"keys": [private | {"key_ops": ["sign"]}, key.public | {"key_ops": ["verify"]}]}))
    command = [program("smart-fetch"), "crawl", "--fhir-url", f"{url}/fhir", "--smart-client-id", app.id, "--smart-key", str(tmp_path / "key.jwks"), "--id-list", p, "--type", "Patient,Observation", "--no-compression", str(tmp_path / "out")]
    await run(*command)
    got = [json.loads(line) for file in (tmp_path / "out").glob("Observation*.ndjson") for line in file.read_text().splitlines()]
    assert {o["id"] for o in got} == mine
    assert hidden not in {o["id"] for o in got}


async def test_smart_fetch_exports_in_bulk(there: tuple[Office, str], tmp_path: Path) -> None:
    here, url = there
    patients = [(await here.clinic.make("sys-mh", patient())).id for _ in range(2)]
    mine = {(await here.clinic.make("sys-mh", observation(p, n))).id for p in patients for n in (60, 61)}
    hidden = (await here.clinic.make("sys-sud", observation(patients[0]))).id
    group = (await here.clinic.make("sys-mh", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{p}"}} for p in patients]})).id
    key = Key("fetch", "RS384")
    app = await here.service(key, programs=(MH,))
    private = json.loads(RSAAlgorithm.to_jwk(key.private)) | {"kid": "fetch", "alg": "RS384"}
    (tmp_path / "key.jwks").write_text(json.dumps({"keys": [private | {"key_ops": ["sign"]}, key.public | {"key_ops": ["verify"]}]}))
    exporting = Exporting(here.clinic.gate)
    await exporting.start()
    try:
        for number, more in enumerate(([], ["--group", group], ["--since", "2026-01-01T00:00:00Z"], ["--type-filter", "Observation?category=vital-signs"])):
            out = tmp_path / f"out{number}"
            command = [program("smart-fetch"), "bulk", "--fhir-url", f"{url}/fhir", "--smart-client-id", app.id, "--smart-key", str(tmp_path / "key.jwks"), "--type", "Patient,Observation", "--no-compression", *more, str(out)]
            said = await run(*command)
            got = [json.loads(line) for file in out.rglob("Observation*.ndjson") for line in file.read_text().splitlines()]
            assert {o["id"] for o in got} == mine, said[-2000:]
            assert hidden not in {o["id"] for o in got}
    finally:
        await exporting.stop()


@pytest.mark.skipif(not all(shutil.which(tool) for tool in ("bash", "curl")), reason="The recipe needs bash and curl.")
async def test_the_recipe_exports_everything_and_it_comes_in_elsewhere(there: tuple[Office, str], tmp_path: Path) -> None:
    here, url = there
    patients = [(await here.clinic.make(who, patient())).id for who in ("sys-mh", "sys-sud")]
    for p in patients:
        await here.clinic.make("sys-mh", observation(p))
    key = Key("warehouse")
    app = await here.service(key, programs=(SUD, MH, FAR), acting=MH)
    form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION, "client_assertion": key.assertion(app.id, aud=f"{url}/oauth/token")}
    async with httpx.AsyncClient() as http:
        token = (await http.post(f"{url}/oauth/token", data=form)).json()["access_token"]
    exporting = Exporting(here.clinic.gate)
    await exporting.start()
    script = next(block for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "bulk.md").read_text("utf-8"), re.S) if "manifest.json" in block)
    try:
        said = await run("bash", "-c", script, folder=tmp_path, BASE=f"{url}/fhir", TOKEN=token)
    finally:
        await exporting.stop()
    assert "Patient.1.ndjson" in said, said
    assert {json.loads(line)["id"] for line in (tmp_path / "Patient.1.ndjson").read_text().splitlines()} == set(patients)
    assert sources.listed([str(tmp_path / "manifest.json")]) == [str(tmp_path / f"{name}.1.ndjson") for name in ("Observation", "Patient")]


@needs_command("openssl")
@pytest.mark.skipif(not all(shutil.which(tool) for tool in ("bash", "curl", "xxd", "basenc")), reason="The quick start needs bash, curl, xxd and basenc.")
async def test_the_quick_start_runs_as_it_is_written(there: tuple[Office, str], tmp_path: Path) -> None:
    here, url = there
    p = (await here.clinic.make("sys-mh", patient("Quillfeather"))).id
    script = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "smart.md").read_text("utf-8"), re.S)[0].replace("http://localhost:8000", url)
    said = await run("bash", "-c", script, folder=tmp_path)
    assert json.loads(said)["resourceType"] == "Bundle", said
    assert p in said
