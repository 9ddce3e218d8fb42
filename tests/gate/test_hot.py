"""What the gate's functions answer is what the general statement answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from bench import made
from bench.house import TOKENS, fill, set_up
from sojourn.base.crypto import ServerKey
from sojourn.gate import hot
from sojourn.gate.changes import Change
from sojourn.gate.gate import Gate
from sojourn.record.database import Dsn

PROBLEM = next(r for r in made.chart(3) if r["resourceType"] == "Condition")["code"]["coding"][0]["code"]
QUESTIONS = [
    "Observation?patient=Patient/p3&category=vital-signs&_sort=-date&_count=7",
    "Observation?patient=Patient/p9&category=vital-signs",
    "Observation?patient=Patient/p3&category=vital-signs&code=http://loinc.org|8867-4",
    "Observation?patient=Patient/nobody&category=vital-signs",
    f"Condition?patient=Patient/p3&code=http://snomed.info/sct|{PROBLEM}",
    "Observation?patient=Patient/p3&_count=5&_include=Observation:encounter",
    "Observation?patient=Patient/p3&_count=5&_include=Observation:encounter&_include=Observation:performer:Practitioner",
    "Encounter?patient=Patient/p3&_count=3&_revinclude=Observation:encounter",
    "Encounter?patient=Patient/p3&_count=3&_revinclude=Observation:encounter&_revinclude=Condition:encounter&_include=Encounter:service-provider",
    f"Patient?name={made.family(3)}&birthdate={made.born(3)}",
    f"Patient?family={made.family(3)[:2]}&given=d&birthdate={made.born(3)}",
    f"Patient?name={made.family(4)}&birthdate={made.born(3)}",
    "Patient?identifier=https://example.org/mrn|MRN0000003",
    f"Patient?identifier=MRN0000003&name={made.family(3)}",
    "Patient?identifier=https://example.org/mrn|MRN0000003&_revinclude=Condition:subject",
]

HEART, PRESSURE = "http://loinc.org|8867-4", "http://loinc.org|8480-6"
OTHERS = [
    "Observation?patient=Patient/p3&_sort=date&_count=7",
    "Observation?patient=Patient/p3&_sort=-date,value-quantity&_count=7",
    "Observation?patient=Patient/p3&_sort=-_lastUpdated&_count=7",
    f"Observation?patient=Patient/p3&code={HEART},{PRESSURE}&_sort=-date",
    f"Observation?patient=Patient/p3&code:not={HEART}&_sort=-date",
    f"Observation?patient=Patient/p3&combo-code={HEART}&_sort=-date",
    "Observation?patient=Patient/p3&code:missing=false&_sort=-date&_count=9",
    "Observation?patient=Patient/p3&subject=Patient/p4&_sort=-date",
    "Observation?patient=Patient/p3&subject=Patient/p3&category=vital-signs&_sort=-date&_count=9",
    "Observation?patient=Patient/p3,Patient/p4&category=vital-signs&_sort=-date&_count=9",
    f"Observation?patient=Patient/p3&date=ge{made.born(3)[:4]}&_sort=-date&_count=9",
    f"Observation?category=vital-signs&code={HEART}&_sort=-date&_count=9",
    f"Patient?name={made.family(3)}&birthdate=gt{made.born(3)}",
    f"Patient?name={made.family(3)}&birthdate=ge1900",
    f"Patient?name={made.family(3)}&birthdate={made.born(3)[:4]}",
    f"Patient?name={made.family(3)},{made.family(4)}&birthdate={made.born(3)}",
    f"Patient?name:exact={made.family(3)[:2]}&birthdate={made.born(3)}",
    f"Patient?name:contains={made.family(3)[1:]}&birthdate={made.born(3)}",
    f"Patient?name={made.family(3)}",
    f"Patient?birthdate={made.born(3)}",
    f"Patient?name={made.family(3)}&birthdate={made.born(3)}&_sort=-birthdate",
    "Patient?identifier=MRN0000003,MRN0000004",
    "Patient?gender=female,male",
]
"""Near to a hot question, and none: a sort of another kind, two values, a negation, two patients, a day that is none."""


@pytest.fixture
async def gate(database: Dsn, tmp_path: Path) -> AsyncIterator[Gate]:
    """Ten charts, one of a Part 2 program."""
    await set_up(database.owner)
    gate = Gate(database.app, ServerKey(b"k" * 64), tmp_path, base="http://127.0.0.1/fhir", connections=2)
    await gate.open()
    for name, secret in TOKENS.items():
        await gate.token(gate.house.tenants[1], name, secret=secret)
    await fill(gate, made.organization(10))
    yield gate
    await gate.close()


async def answers(gate: Gate, question: str, who: str = "all") -> list[list[str]]:
    """Matches and what is included, page by page to the end."""
    type_, _, text = question.partition("?")
    found: list[list[str]] = []
    cursor = None
    while True:
        access = await gate.access(TOKENS[who])
        assert access is not None
        page = await access.search(type_, parse_qsl(text), cursor=cursor)
        found += [[f"{s.type}/{s.id}/{s.version}" for s in page.matches], [f"{s.type}/{s.id}" for s in page.included]]
        cursor = page.next
        if cursor is None:
            return found


async def test_a_hot_question_has_the_answer_of_the_general_statement(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    shape = hot.shape
    monkeypatch.setattr(hot, "shape", lambda *args: asked.append(shape(*args)) or asked[-1])
    quick = {q: await answers(gate, q) for q in QUESTIONS}
    assert None not in asked
    monkeypatch.setattr(hot, "shape", lambda *args: None)
    assert {q: await answers(gate, q) for q in QUESTIONS} == quick
    assert [q for q, found in quick.items() if not any(found)] == [QUESTIONS[3], QUESTIONS[11]]


@pytest.mark.parametrize("who", ["all", "redacted"])
async def test_whatever_is_near_to_a_hot_question_has_the_answer_of_the_general_statement_too(gate: Gate, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """Also where some of it has versions, which a caller subject to redaction knows by the first that they can tell apart."""
    access = await gate.access(TOKENS["all"])
    assert access is not None
    for stored in (await access.search("Observation", [("patient", "Patient/p3"), ("_sort", "-date")], count=4)).matches:
        await access.write([Change("update", "Observation", stored.id, {**stored.resource, "language": "en"})])
    every = [*QUESTIONS, *OTHERS]
    quick = {q: await answers(gate, q, who) for q in every}
    monkeypatch.setattr(hot, "shape", lambda *args: None)
    assert {q: await answers(gate, q, who) for q in every} == quick
    assert sum(any(found) for found in quick.values()) > len(every) / 2
