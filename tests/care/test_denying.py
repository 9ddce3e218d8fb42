"""What a document denies, beside a chart that says otherwise: who reads it decides, and no line of the chart changes by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import ids
from sojourn.care.papers import receiving
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.receiving import File
from sojourn.care.summaries import charting, deciding, filing
from sojourn.care.summaries.deciding import ADD, NO, THERE, Case
from sojourn.gate import papers
from sojourn.record.database import Dsn
from sojourn.wire.ccda.writer import CCD, write
from tests.care.rounds_chart import PERSON, nothing_known
from tests.care.test_handoff import at
from tests.care.test_round import opened
from tests.people import MH, Clinic
from tests.wire.test_ccda_writer import HEADING

Json = dict[str, Any]
TERMS = "http://terminology.hl7.org/CodeSystem/"
SULFA = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "10180"}], "text": "Sulfamethoxazole"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with opened(database) as made:
        yield made


def sulfa(patient: str, verified: str) -> Json:
    clinical = "active" if verified == "confirmed" else "inactive"
    status = {"clinicalStatus": {"coding": [{"system": f"{TERMS}allergyintolerance-clinical", "code": clinical}]}, "verificationStatus": {"coding": [{"system": f"{TERMS}allergyintolerance-verification", "code": verified}]}}
    return {"resourceType": "AllergyIntolerance", "patient": {"reference": f"Patient/{patient}"}, **status, "code": SULFA}


async def beside(clinic: Clinic, chart: list[Json], says: list[Json]) -> Case:
    """A chart, and a document of somebody else about the same person in it."""
    p = (await clinic.make("sys-mh", PERSON)).id
    for resource in chart:
        assert (await clinic.make("sys-mh", {**resource, "patient": {"reference": f"Patient/{p}"}})).status == 201
    content = write(CCD, [{**PERSON, "id": "theirs"}, *({**r, "id": f"r{n}"} for n, r in enumerate(says))], HEADING)
    ivy = await at(clinic, "ivy")
    (id_,), _ = await receiving.take_in(ivy, [File("summary.xml", content)], program=MH, key=ids.new_id())
    document = await filing.file(ivy, await papers.one(ivy, id_), Wish(p, MH, "Record from another practice", "2026-03-01", "Summary", born=PERSON["birthDate"]))
    doctor = await at(clinic, "mh-clinician")
    return await charting.case(doctor, p, await charting.one(doctor, p, document))


def allergies(case: Case) -> list[tuple[str, list[str], str]]:
    """Each line of its allergies: its name, what may be decided of it, and what is offered first."""
    first = deciding.begun(case)
    return [(row.item.name, sorted(deciding.offered(case, row)), first.get(f"what.{row.key}", "")) for row in case.compared.rows["allergy"]]


async def test_that_none_is_known_is_not_added_where_an_allergy_stands(clinic: Clinic) -> None:
    none = nothing_known("theirs", {"display": "Chidi Okafor, MD"})[:1]
    assert allergies(await beside(clinic, [sulfa("x", "confirmed")], none)) == [("No known allergies", [NO], "")]
    assert allergies(await beside(clinic, [], none)) == [("No known allergies", sorted([ADD, NO]), "")]
    assert allergies(await beside(clinic, none, none)) == [("No known allergies", sorted([ADD, THERE, NO]), THERE)]
    assert allergies(await beside(clinic, none, [sulfa("theirs", "confirmed")])) == [("Sulfamethoxazole", sorted([ADD, NO]), "")], "and is no line about one"


async def test_what_others_refute_changes_no_line_that_stands(clinic: Clinic) -> None:
    case = await beside(clinic, [sulfa("x", "confirmed")], [sulfa("theirs", "refuted")])
    assert allergies(case) == [("Sulfamethoxazole", sorted([ADD, NO]), "")]
    (row,) = case.compared.rows["allergy"]
    assert "refuted" in row.item.says
    assert allergies(await beside(clinic, [sulfa("x", "refuted")], [sulfa("theirs", "refuted")])) == [("Sulfamethoxazole", sorted([ADD, THERE, NO]), THERE)]
