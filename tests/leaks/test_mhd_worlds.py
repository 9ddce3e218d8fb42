"""Document exchange in two worlds: whoever asks from outside gets the same bytes whatever is hidden from them.

The second world is the first one with what is hidden added, on a clock that stands still.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests import people
from tests.care import outside
from tests.people import START, Clinic, consent, encounter, labelled, patient

MRN = "urn:oid:2.16.840.1.113883.19.5"
THEIRS = "urn:oid:2.16.840.1.113883.19.6"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


async def told(clinic: Clinic, who: str, p: str, d: str) -> list[tuple[str, int, bytes]]:
    """Everything that somebody outside may ask about one person, and about one who is not here."""
    out = []
    for person in (patient(identifier=[{"system": MRN, "value": "R1"}]), patient(), patient("Quillfeather"), {"resourceType": "Patient", "identifier": [{"system": THEIRS, "value": "H1"}]}):
        for certain in (True, False):
            body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}, {"name": "onlyCertainMatches", "valueBoolean": certain}]}
            reply = await clinic.ask(who, "POST", "Patient/$match", body)
            out.append((f"match {person.get('name')} {certain}", reply.status, reply.body))
    asked = [
        f"Patient/$ihe-pix?sourceIdentifier={MRN}|R1", f"Patient/$ihe-pix?sourceIdentifier={THEIRS}|H1", f"Patient/$ihe-pix?sourceIdentifier={MRN}|R1&targetSystem={THEIRS}",
        f"DocumentReference?patient.identifier={MRN}|R1", f"DocumentReference?patient.identifier={THEIRS}|H1&_summary=count", f"DocumentReference?patient={p}&status=current&_total=accurate&_count=1",
        f"DocumentReference?patient={p}&_sort=-date", f"DocumentReference/{d}/$content", f"DocumentReference/{d}/$content?n=1", f"DocumentReference/$docref?patient={p}",
    ]  # fmt: skip
    for url in asked:
        reply = await clinic.get(who, url)
        out.append((url, reply.status, reply.body))
    return out


@pytest.mark.parametrize("who", ["tpo", "stranger"])
async def test_what_is_hidden_changes_no_byte_of_any_answer(clinic: Clinic, who: str) -> None:
    """tpo may see what the Part 2 program has of her, stranger nothing. Hidden: another person of her name and birth date, a number of hers, documents."""
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", consent(p, "tpo"))
    d = (await clinic.make("sys-sud", outside.letter(p))).id
    before = await told(clinic, who, p, d)
    hidden: list[dict[str, Any]] = [
        outside.letter(p, b"A hidden letter.", meta={"security": [{"system": people._ACT, "code": "HIV"}]}),
        patient(identifier=[{"system": MRN, "value": "R9"}]), patient("Quillfeather", identifier=[{"system": THEIRS, "value": "H1"}]),
    ]  # fmt: skip
    for resource in hidden:
        await clinic.make("sys-sud", resource)
    stored = (await clinic.get("sys-sud", f"Patient/{p}")).json()
    stored["identifier"].append(labelled({"system": THEIRS, "value": "H1"}, "HIV"))
    assert (await clinic.put("sys-sud", stored)).status == 200
    assert [a for a, b in zip(await told(clinic, who, p, d), before, strict=True) if a != b] == []
    assert any(b'"R1"' in body for _, _, body in before) == (who == "tpo"), "to whoever may know her, she is there: so this test can fail"


async def test_a_revoked_consent_ends_every_answer(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-sud", encounter(p))
    d = (await clinic.make("sys-sud", outside.letter(p))).id
    nothing = await told(clinic, "tpo", p, d)
    given = (await clinic.make("sys-sud", consent(p, "tpo"))).json()
    assert await told(clinic, "tpo", p, d) != nothing
    assert (await clinic.put("sys-sud", {**given, "status": "inactive"})).status == 200
    assert await told(clinic, "tpo", p, d) == nothing
