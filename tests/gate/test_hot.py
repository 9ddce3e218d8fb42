"""What the gate's functions answer is what the general statement answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from bench import made
from bench.house import TOKENS, fill, set_up
from sojourn.base.crypto import ServerKey
from sojourn.fhir.search import parse
from sojourn.gate import hot
from sojourn.gate.access import Access
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


async def access_of(gate: Gate, who: str) -> Access:
    access = await gate.access(TOKENS[who])
    assert access is not None
    return access


async def answers(gate: Gate, question: str, who: str = "all") -> list[list[str]]:
    """Matches and what is included, page by page to the end."""
    type_, _, text = question.partition("?")
    found: list[list[str]] = []
    cursor = None
    while True:
        access = await access_of(gate, who)
        page = await access.search(type_, parse_qsl(text), cursor=cursor)
        found += [[f"{s.type}/{s.id}" for s in page.matches], [f"{s.type}/{s.id}" for s in page.included]]
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


def shaped(access: Access, question: str) -> hot.Chart | hot.Identity | None:
    type_, _, text = question.partition("?")
    return hot.shape(access, parse(type_ or None, parse_qsl(text), base=access.house.base), access.house.keys[1])


OTHERS = [
    "Observation?code=http://loinc.org|8867-4",
    "Observation?patient=Patient/p3&_sort=date",
    "Observation?patient=Patient/p3&_sort=-value-quantity",
    "Observation?patient=Patient/p3&_sort=-date,_id",
    "Observation?patient=Patient/p3,Patient/p4",
    "Observation?patient=Patient/p3&category=vital-signs,laboratory",
    "Observation?patient=Patient/p3&category:not=vital-signs",
    "Observation?patient=Patient/p3&subject:identifier=x|1",
    "Observation?patient=Patient/p3&date=ge2026-01-01",
    "Observation?patient=Patient/p3&encounter=Encounter/e1",
    "Observation?patient=Patient/p3&patient=Patient/p4",
    "Patient?name=a",
    "Patient?birthdate=1980-01-01",
    "Patient?name=a&birthdate=1980",
    "Patient?name=a&birthdate=ge1980-01-01",
    "Patient?name:exact=a&birthdate=1980-01-01",
    "Patient?name=a,b&birthdate=1980-01-01",
    "Patient?name=a&birthdate=1980-01-01,1981-01-01",
    "Patient?gender=female",
    "Patient?identifier=x|1,x|2",
    "Patient?identifier=x|1&_sort=-_lastUpdated",
    "Patient?identifier=x|1&general-practitioner=Practitioner/d-all",
    "?_type=Patient,Observation&_lastUpdated=ge2026-01-01",
]
"""Of no shape: asked by the general statement."""


async def test_a_question_of_another_shape_is_asked_by_the_general_statement(gate: Gate) -> None:
    everybody, redacted = await access_of(gate, "all"), await access_of(gate, "redacted")
    assert [q for q in OTHERS if shaped(everybody, q) is not None] == []
    assert [q for q in OTHERS if shaped(redacted, q) is not None] == []
    assert [q for q in QUESTIONS if shaped(redacted, q) is not None] == [q for q in QUESTIONS if "_sort=-date" in q], "for who is subject to redaction the chart alone, newest first"
    include = QUESTIONS[0] + "&_include=Observation:encounter"
    assert shaped(everybody, include) is not None
    assert shaped(redacted, include) is None
    assert shaped(redacted, "Encounter?patient=Patient/p3&_sort=-date&_revinclude=Observation:encounter") is None
    scoped = Access(everybody.house, replace(everybody.caller, scopes="user/*.rs"), "request")
    assert [q for q in QUESTIONS if shaped(scoped, q) is not None] == [], "whoever has a token with scopes asks for less than these functions know"


async def test_who_is_subject_to_redaction_gets_the_same_by_either_way(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    charts = [f"Observation?patient=Patient/p{n}&category=vital-signs&_sort=-date&_count=5" for n in range(1, 9)]
    quick = {q: await answers(gate, q, "redacted") for q in charts}
    monkeypatch.setattr(hot, "shape", lambda *args: None)
    assert {q: await answers(gate, q, "redacted") for q in charts} == quick
    assert any(len(pages) > 2 for pages in quick.values())


async def test_includes_are_followed_at_once_where_their_names_are_known(gate: Gate) -> None:
    def said(text: str) -> tuple[bool, list[tuple[str, str, str]]]:
        query = parse("Observation", parse_qsl(text))
        return hot.plain(query.include), hot.links(query.include)

    assert said("") == (True, [])
    assert said("_include=Observation:encounter") == (True, [("Observation", "encounter", "")])
    assert said("_include=Observation:performer:Practitioner") == (True, [("Observation", "performer", "Practitioner")])
    assert not said("_include:iterate=Observation:encounter")[0]
    assert not said("_include=Observation:*")[0]
    access = await access_of(gate, "redacted")
    assert hot.searched(await access_of(gate, "all")) is None
    assert (found := hot.searched(access)) is not None
    assert "Observation" in found
    assert [t for t in found if not access.may(t, "search")] == []
    assert [t for t in access.house.types if t not in found and access.may(t, "search")] == []
