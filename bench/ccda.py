"""A clinical document of 5 MB on the reconciliation screen: how long, and in how much memory.

Usage: python -m bench.ccda [--facts 3600] [--folder FOLDER] [--first]. Makes the sample organization, a chart with so many facts, and a C-CDA of it by our own writer; files it
in the chart of somebody else, and opens it on the screen as a psychiatrist: the first time by a server that never read it (it is read, understood and compared), then again.
Beside it the same page of a document with ten facts, so that what the page itself costs can be taken off.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from bench import machine
from bench.house import House
from bench.pages import _fill, _gate, _organization, _signed_in
from sojourn.base import clock, crypto, ids
from sojourn.care.papers import receiving
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.receiving import File
from sojourn.care.summaries import filing
from sojourn.cli import riverbend
from sojourn.gate import papers
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.gate.importing import Arrival, bring_in

INDEXES, READS = "adam", "okafor"
AGAIN: Final = 5
KIND: Final = "Record from another practice"
SMALL: Final = 10


def main() -> None:
    """Make, file, open, print."""
    parser = argparse.ArgumentParser(prog="bench.ccda", description=__doc__)
    parser.add_argument("--facts", type=int, default=3600, help="about 1.3 KB each")
    parser.add_argument("--folder", type=Path, help="keep the organization that is made here, and use it again")
    parser.add_argument("--first", action="store_true", help="run before other work on the machine")
    arguments = parser.parse_args()
    house = House(arguments.folder or Path(tempfile.mkdtemp(prefix="sojourn-ccda-")), _organization)
    try:
        _fill(house, 0)
        asyncio.run(_measure(house, arguments))
    finally:
        house.close()


# --- what is there --------------------------------------------------------------------------------------------------------------


def chart(patient: str, facts: int, born: str) -> Iterator[dict[str, Any]]:
    """Somebody with so many coded facts: results, problems, medications, allergies."""
    yield {"resourceType": "Patient", "id": patient, "name": [{"family": "Elsewhere", "given": ["Edna"]}], "gender": "female", "birthDate": born}
    subject, begins = {"reference": f"Patient/{patient}"}, date(2015, 1, 1)
    for n in range(facts):
        day, id_ = (begins + timedelta(days=n)).isoformat(), f"{patient}-{n}"
        if n % 10 < 6:  # noqa: PLR2004 - six of ten are results
            yield {
                "resourceType": "Observation", "id": id_, "status": "final", "subject": subject, "effectiveDateTime": day, "valueQuantity": {"value": n % 90 + 1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
                "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}], "code": {"coding": [{"system": "http://loinc.org", "code": f"{2000 + n}-1"}], "text": f"Test number {n}"},
            }  # fmt: skip
        elif n % 10 < 8:  # noqa: PLR2004 - two are problems
            yield {
                "resourceType": "Condition", "id": id_, "subject": subject, "onsetDateTime": day, "code": {"coding": [{"system": "http://snomed.info/sct", "code": str(10_000_004 + n)}], "text": f"Problem number {n}"},
                "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
                "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}],
            }  # fmt: skip
        elif n % 10 == 8:  # noqa: PLR2004 - and one each
            yield {
                "resourceType": "MedicationRequest", "id": id_, "status": "active", "intent": "order", "subject": subject, "authoredOn": day, "dosageInstruction": [{"text": "One every morning"}],
                "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": str(300_000 + n)}], "text": f"Medication number {n}"},
            }  # fmt: skip
        else:
            yield {
                "resourceType": "AllergyIntolerance", "id": id_, "patient": subject, "recordedDate": day, "code": {"text": f"Substance number {n}"},
                "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
            }  # fmt: skip


async def _document(gate: Gate, house: House, facts: int, program: int, born: str) -> bytes:
    """What our own writer makes of such a chart. It asks the API of the server. born: as of whom it is filed, or nobody could file it there."""
    patient = f"elsewhere{facts}"
    secret = await gate.token(gate.house.tenants[riverbend.TENANT], riverbend.IMPORTER, door="import", days=1)
    access = await gate.access(secret)
    assert access is not None
    async for outcome in bring_in(access, (Arrival(str(n), program, resource) for n, resource in enumerate(chart(patient, facts, born)))):
        if outcome.refused:
            raise SystemExit(f"refused: {outcome.refused[0]}")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.ports['server']}", timeout=120) as client:
        answer = await client.get(f"/fhir/Patient/{patient}/$ccd", headers={"authorization": f"Bearer {secret}"})
        answer.raise_for_status()
        return answer.content


async def _person(gate: Gate) -> dict[str, Any]:
    """Somebody whom both who indexes and who reads may see."""
    access, reader = [await _access(gate, who) for who in (INDEXES, READS)]
    seen = {s.id for s in (await reader.search("Patient", [("active", "true")], count=200)).matches}
    every = (await access.search("Patient", [("_sort", "_id")], count=200)).matches
    return next(s.resource for s in every if s.id in seen and s.resource.get("birthDate") and not s.id.startswith("elsewhere"))


async def _access(gate: Gate, who: str) -> Access:
    access = await gate.access(await gate.token(gate.house.tenants[riverbend.TENANT], who, days=1))
    assert access is not None
    return access


async def _filed(gate: Gate, content: bytes, program: int, person: dict[str, Any]) -> str:
    """The document in the chart of somebody else, by who indexes."""
    access = await _access(gate, INDEXES)
    (id_,), refused = await receiving.take_in(access, [File("summary.xml", content)], program=program, key=ids.new_id())
    if refused:
        raise SystemExit(f"refused: {refused[0]}")
    wish = Wish(person["id"], program, KIND, access.today.isoformat(), "Summary of Care", born=person["birthDate"])
    return await filing.file(access, await papers.one(access, id_), wish)


# --- measuring ------------------------------------------------------------------------------------------------------------------


async def _measure(house: House, arguments: argparse.Namespace) -> None:
    gate = await _gate(house, crypto.load_server_key(house.settings.key_file), connections=2)
    program = next(n for n, p in sorted(gate.house.rules[1].programs.items()) if not p.part2)
    house.serve()
    person, places, sizes = await _person(gate), {}, {}
    for facts in (SMALL, arguments.facts):
        content = await _document(gate, house, facts, program, person["birthDate"])
        places[facts], sizes[facts] = f"/patients/{person['id']}/papers/{await _filed(gate, content, program, person)}", len(content)
    house.restart()
    secret = await _signed_in(gate, READS)
    print("| document | facts | first | again, median | page | server before, after (PSS) |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    server = house.processes["server"].pid
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.ports['server']}", cookies={"sojourn": secret}, timeout=120) as client:
        (await client.get("/today")).raise_for_status()
        with machine.first([server, house.postmaster], wanted=arguments.first):
            for facts, place in places.items():
                before, took, weight = machine.memory(server), [], 0
                for _ in range(1 + AGAIN):
                    began = time.perf_counter()
                    answer = await client.get(place)
                    took.append(time.perf_counter() - began)
                    answer.raise_for_status()
                    weight = len(answer.content)
                print(f"| {sizes[facts] / 1e6:.2f} MB | {facts:,} | {took[0]:.2f} s | {statistics.median(took[1:]):.2f} s | {weight / 1e6:.2f} MB | {before} MB, {machine.memory(server)} MB |", flush=True)
    print(f"\n{clock.now():%Y-%m-%d}; target: a document of 5 MB on the screen in under 2 s.")
    await gate.close()


if __name__ == "__main__":
    main()
