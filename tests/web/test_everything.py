"""All entries of a chart: as many as it holds, each as a card, however odd what was imported is."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.doors.staff.chart.parts import PARTS
from sojourn.doors.staff.plain import card
from sojourn.gate.importing import Arrival, bring_in
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, Clinic, encounter, observation, patient
from tests.shared import SHARED, needs_shared
from tests.web.test_gate import screen

ODD = (
    {"resourceType": "Basic", "code": {}},
    {"resourceType": "Observation", "status": "unknown", "code": {"coding": [{"extension": [{"url": "https://x.example/y", "valueString": "only an extension"}]}]}},
    {"resourceType": "Condition", "code": {"text": ""}, "onsetString": "a while ago", "bodySite": [{"coding": []}]},
    {"resourceType": "Procedure", "status": "completed", "performedString": "last year, or the year before", "note": [{"text": "<script>alert(1)</script>"}]},
    {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"coding": [{"code": "1", "system": "urn:x"}]}, "occurrenceDateTime": "2019"},
    {"resourceType": "Encounter", "status": "unknown", "class": {"code": "?"}, "period": {"end": "2020-02"}},
    {"resourceType": "FamilyMemberHistory", "status": "partial", "relationship": {"text": "aunt"}, "name": "somebody", "deceasedBoolean": False},
    {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x" * 5000}, "presentedForm": [{"contentType": "application/octet-stream", "data": "AAAA"}]},
    {"resourceType": "CareTeam", "participant": [{"role": [{}]}, {"member": {"identifier": {"value": "somebody elsewhere"}}}]},
    {"resourceType": "MedicationRequest", "status": "unknown", "intent": "plan", "medicationReference": {"display": "what the other one had"}, "dosageInstruction": [{"asNeededBoolean": True}]},
)
WHOSE = {"Encounter": "subject", "Immunization": "patient", "FamilyMemberHistory": "patient"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def opened(clinic: Clinic, p: str) -> list[str]:
    """Everything that can be opened of a chart opens; the cards of the last page of all, by the page."""
    browser = await screen(clinic, "both-clinician")
    for path in ("", *(f"/{part.name}" for part in PARTS)):
        assert (await browser.get(f"/patients/{p}{path}")).status_code == 200, path
    page = (await browser.get(f"/patients/{p}/all")).text
    pages = [page]
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    while found := re.findall(r'name="cursor" value="([^"]+)"', pages[-1]):
        answer = await browser.post(f"/patients/{p}/all", data={"csrf": csrf, "cursor": found[-1], "kind": ""}, headers={"hx-request": "true", "origin": "http://a.test"})
        assert answer.status_code == 200
        pages.append(answer.text)
    return pages


async def held(clinic: Clinic, p: str) -> int:
    """How many entries the chart holds, from the rows."""
    return int(await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE tenant = 1 AND patient = $1", p))


async def import_all(clinic: Clinic, resources: list[dict[str, Any]]) -> int:
    """Bring resources in as an import does; how many were refused."""
    access = await clinic.gate.access(await clinic.gate.token(clinic.gate.house.tenants[1], "sys-mh", door="import", days=1))
    assert access is not None
    refused = 0
    async for outcome in bring_in(access, [Arrival("test", MH, r) for r in resources]):
        refused += len(outcome.refused)
    return refused


async def test_odd_entries_are_all_there_and_nothing_fails(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    odd = [{**r, "id": f"odd-{n}", WHOSE.get(r["resourceType"], "subject"): {"reference": f"Patient/{p}"}} for n, r in enumerate(ODD)]
    refused = await import_all(clinic, odd)
    assert refused < 4, "what breaks a rule of FHIR may be refused, by name"
    pages = await opened(clinic, p)
    number = await held(clinic, p)
    assert number == 2 + len(odd) - refused
    assert sum(page.count('plain-card"') for page in pages) == number
    assert f"{number} entries" in pages[0]
    assert "<script>alert(1)" not in "".join(pages)
    assert "last year, or the year before" in "".join(pages)


async def test_one_kind_can_be_chosen_and_what_is_hidden_is_not_counted(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-mh", observation(p))
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", observation(p))
    for who, number in (("mh-clinician", 3), ("both-clinician", 5)):
        browser = await screen(clinic, who)
        page = (await browser.get(f"/patients/{p}/all")).text
        assert f"{number} entries" in page
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
        one = (await browser.post(f"/patients/{p}/all", data={"csrf": csrf, "kind": "Observation"}, headers={"origin": "http://a.test"})).text
        assert one.count('plain-card"') == number // 2
        assert (await browser.post(f"/patients/{p}/all", data={"csrf": csrf, "kind": "AuditEvent"}, headers={"origin": "http://a.test"})).status_code == 400


@pytest.mark.parametrize("value", [None, [], "text", {"a": [[1]]}, [{"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}], {"given": [1], "family": None}, {"start": 7, "end": []}], ids=str)
def test_a_card_is_made_of_anything(value: Any) -> None:
    for name in ("code", "name", "period", "status", "extension", "whatever", "effectiveDateTime", "valueQuantity", "address", "contained"):
        made = card({"resourceType": "Basic", "id": "x", name: value})
        assert made.about == "Basic"


@needs_shared
def test_a_card_is_made_of_every_published_example() -> None:
    assert SHARED is not None
    with gzip.open(SHARED / "samples/fhir/r4-examples/r4-examples-4.0.1.ndjson.gz", "rt", encoding="utf-8") as lines:
        examples = [json.loads(line) for line in lines]
    assert len(examples) > 500
    for example in examples:
        made = card(example)
        assert made.type == example["resourceType"]
        assert made.rows or set(example) <= {"resourceType", "id", "meta", "text", "status", "contained", "language"}, example["id"]
