"""Local codes of a laboratory: kept as they came, listed until somebody maps them, and then told in both systems."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.gate.vocabulary import mapping
from sojourn.gate.vocabulary.mapping import Own
from sojourn.record.database import Dsn
from sojourn.wire.vocabulary.model import LOINC
from tests.doors.hl7v2.lab import MRN, done, listener, oru, registered, sent, states
from tests.people import MH, Clinic, close_clinic, encounter, open_clinic, patient

LOCAL = "OBX|1|NM|K^Potassium level^L||4.1|mmol/L^^UCUM|3.5-5.1|N|||F\r"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


async def test_a_local_code_is_listed_once_and_told_in_both_systems_when_it_is_mapped(clinic: Clinic) -> None:
    client = await clinic.make("sys-mh", {**patient(), "identifier": [{"system": MRN, "value": "R1"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"})
    await clinic.make("sys-mh", encounter(client.id))
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None

    async def codes(control: str, filler: str) -> list[tuple[str, str]]:
        before = {r["id"] for r in (await clinic.get("sys-mh", "Observation")).entries}
        await sent(door, oru(control, filler=filler, obx=LOCAL))
        await done(door, clinic.gate)
        assert (await states(clinic.gate, clinic.owner))[-1] == ("mapped", "")
        made = [r for r in (await clinic.get("sys-mh", "Observation")).entries if r["id"] not in before]
        return [(c["system"], c["code"]) for r in made for c in r["code"]["coding"]]

    first = await codes("M1", "F1")
    assert [code for _, code in first] == ["K"]
    system = first[0][0]
    assert await codes("M2", "F2") == first
    work, total = await mapping.work(access)
    assert [(w.partner, w.system, w.code, w.display, w.target_system) for w in work] == [("cedar", system, "K", "Potassium level", LOINC)]
    assert total == 1
    await mapping.put(access, Own(system, "K", "Potassium level", LOINC, "2823-3", "Potassium", "equivalent"), "Cedar Ridge's list of March.")
    assert await codes("M3", "F3") == [*first, (LOINC, "2823-3")]
    await mapping.put(access, Own(system, "K", "Potassium level", LOINC, "2823-3", "Potassium", "wider"), "Not quite.")
    assert await codes("M4", "F4") == first, "what is wider is never said to be the same"
