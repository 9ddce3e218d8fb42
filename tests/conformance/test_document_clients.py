"""Another's client as a document consumer and source (IHE MHD), as an outside organization that a consent names."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from sojourn.record.database import Dsn
from tests import people
from tests.care import outside
from tests.conformance.test_clients import PATIENCE, SCRIPTS, python_home
from tests.journeys.serving import serving
from tests.people import consent, encounter, patient

pytestmark = pytest.mark.slow
MRN = "urn:oid:2.16.840.1.113883.19.5"


async def test_fhirpy_finds_fetches_and_brings_documents(database: Dsn) -> None:
    home = await asyncio.to_thread(python_home, "fhirpy==2.3.1")
    doors: dict[str, Any] = {}

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        scope["root_path"] = "/fhir"
        await doors["fhir"](scope, receive, send)

    async with serving(mounted, "127.0.0.1") as url:
        clinic = await people.open_clinic(database, base=f"{url}/fhir")
        doors["fhir"] = clinic.door
        try:
            p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
            for one in (encounter(p), consent(p, "tpo"), outside.letter(p)):
                await clinic.make("sys-sud", one)
            environment = {**os.environ, "FHIR_BASE": f"{url}/fhir", "FHIR_TOKEN": clinic.tokens["tpo"], "FHIR_MRN": MRN, "PYTHONWARNINGS": "ignore"}
            process = await asyncio.create_subprocess_exec(str(home / "bin/python"), str(SCRIPTS / "with_fhirpy_documents.py"), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
            said = (await asyncio.wait_for(process.communicate(), PATIENCE))[0].decode()
            assert process.returncode == 0, said[-4000:]
            assert said.endswith("ok\n")
        finally:
            await people.close_clinic(clinic)
