"""Another's client as a document consumer and source (IHE MHD), as an outside organization that a consent names."""

from __future__ import annotations

from typing import Any

from sojourn.record.database import Dsn
from tests import people
from tests.care import outside
from tests.conformance.others import SCRIPTS, program, run
from tests.journeys.serving import serving
from tests.people import consent, encounter, patient

MRN = "urn:oid:2.16.840.1.113883.19.5"


async def test_fhirpy_finds_fetches_and_brings_documents(database: Dsn) -> None:
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
            said = await run(program("python"), str(SCRIPTS / "with_fhirpy_documents.py"), FHIR_BASE=f"{url}/fhir", FHIR_TOKEN=clinic.tokens["tpo"], FHIR_MRN=MRN)
            assert said.endswith("ok\n")
        finally:
            await people.close_clinic(clinic)
