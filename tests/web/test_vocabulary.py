"""Code systems in the staff app: what is installed, looking up, mapping a code that nobody knew, ending it, ConceptMaps out and in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sojourn.base import clock
from sojourn.gate.vocabulary import loading, mapping
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire.vocabulary import snomed
from sojourn.wire.vocabulary.model import ICD10CM, SNOMED
from tests.care.reported import house, visitor
from tests.people import MH, SUD, A, Clinic
from tests.web.real import HASH
from tests.wire import releases

LOCAL = "urn:oid:2.16.840.1.113883.19.5"


@pytest.fixture
async def clinic(database: Dsn, tmp_path: Path) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], MH, [])
        await organization.account(made.owner, A, row, clock.now())
        access = await made.gate.access(made.tokens["sys-mh"])
        assert access is not None
        await loading.load(access, snomed.release(releases.snomed(tmp_path)))
        await mapping.missed(access, "northlab", [(LOCAL, "CRV", "Craving")], SNOMED)
        yield made


async def test_a_code_that_nobody_knew_is_mapped_and_what_was_said_is_kept(clinic: Clinic) -> None:
    ivy = await visitor(clinic, "ivy")
    page = (await ivy.get("/vocabulary")).text
    assert "SNOMED CT" in page
    assert "20260301" in page
    assert "not installed" in page
    assert "Evening craving" in (await ivy.get(f"/vocabulary?system={SNOMED}&q=eve+crav")).text
    work = (await ivy.get("/vocabulary/maps")).text
    assert "CRV" in work
    form = (await ivy.get(f"/vocabulary/map?system={LOCAL}&code=CRV&display=Craving&target_system={SNOMED}")).text
    assert "Evening craving" in form, "what might be meant is offered by its words"
    said = {"do": "put", "system": LOCAL, "code": "CRV", "display": "Craving", "target_system": SNOMED, "target": "1001", "equivalence": "equivalent", "reason": "The laboratory says so."}
    assert "no such code" in (await ivy.post("/vocabulary/maps", {**said, "target": "7"})).text
    assert "Say why" in (await ivy.post("/vocabulary/maps", {**said, "reason": ""})).text
    assert (await ivy.post("/vocabulary/maps", said)).status_code == 303
    after = (await ivy.get("/vocabulary/maps")).text
    assert "Every code that came is mapped" in after
    assert "The laboratory says so." in after
    kept = json.loads((await ivy.get("/vocabulary/maps.json")).text)
    group = kept["entry"][0]["resource"]["group"][0]
    assert (group["source"], group["target"], group["element"][0]["target"][0]["display"]) == (LOCAL, SNOMED, "Craving")
    assert (await ivy.post("/vocabulary/maps", {**said, "do": "end", "target_display": "Craving", "reason": "It was wrong."})).status_code == 303
    assert "The organization says nothing" in (await ivy.get("/vocabulary/maps")).text
    assert "The laboratory says so." in (await ivy.get("/vocabulary/maps?past=yes")).text
    files = {"file": ("maps.json", json.dumps(kept).encode(), "application/json")}
    assert (await ivy.post("/vocabulary/maps", {"do": "take", "reason": "Back."}, files=files)).status_code == 303
    assert "CRV" in (await ivy.get("/vocabulary/maps?q=crv")).text


async def test_a_line_of_the_work_list_is_set_aside_with_a_reason(clinic: Clinic) -> None:
    ivy = await visitor(clinic, "ivy")
    line = {"partner": "northlab", "system": LOCAL, "code": "CRV", "target_system": SNOMED}
    assert (await ivy.post("/vocabulary/maps", {**line, "do": "aside", "reason": ""})).status_code == 422
    assert (await ivy.post("/vocabulary/maps", {**line, "do": "aside", "reason": "A code for their own use."})).status_code == 303
    assert "CRV" not in (await ivy.get("/vocabulary/maps")).text
    assert "A code for their own use." in (await ivy.get("/vocabulary/maps?state=aside")).text
    assert (await ivy.post("/vocabulary/maps", {**line, "do": "again"})).status_code == 303
    assert "CRV" in (await ivy.get("/vocabulary/maps")).text
    bad = {"file": ("maps.json", json.dumps({"resourceType": "ConceptMap", "group": [{"source": ICD10CM, "target": SNOMED, "element": [{"code": "F99", "target": [{"code": "1"}]}]}]}).encode(), "application/json")}
    refused = await ivy.post("/vocabulary/maps", {"do": "take", "reason": "x"}, files=bad)
    assert refused.status_code == 422
    assert "group[0].element[0].target[0]" in refused.text
