"""Asking a measure on the screen, over the real gate."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.record.database import Dsn
from tests.people import Clinic, close_clinic, encounter, open_clinic, patient
from tests.web.real import Visitor, furnish


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    await furnish(made)
    yield made
    await close_clinic(made)


@pytest.fixture
async def at(clinic: Clinic) -> tuple[Clinic, Visitor, str]:
    """A clinician with the chart of a client of theirs open."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    them = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $1 WHERE tenant = 1 AND account = 'mh-clinician'", f"Practitioner/{them}")
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    return clinic, visitor, p


def phq(value: int = 0, **more: str) -> dict[str, str]:
    return {**{f"q{n}": str(value) for n in range(1, 10)}, **more}


def seen(answer: Any) -> str:
    """The stamp of the draft that a page was made from."""
    return re.findall(r'name="seen" value="([^"]*)"', answer.text)[0]


async def test_answers_become_a_response_and_a_score_in_the_chart(at: tuple[Clinic, Visitor, str]) -> None:
    clinic, visitor, p = at
    await visitor.get(f"/patients/{p}/measures/ask/phq-9")
    sent = await visitor.post(f"/patients/{p}/measures/ask/phq-9", phq(1, q9="0", q10="1"))
    assert (sent.status_code, sent.headers["location"]) == (303, f"/patients/{p}/measures")
    response = (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]
    score = (await clinic.get("sys-mh", f"Observation?patient={p}&code=44261-6")).entries[0]
    assert score["valueQuantity"]["value"] == 8
    assert score["interpretation"][0]["text"] == "mild"
    assert score["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{response['id']}"}]
    assert response["author"]["reference"].startswith("Practitioner/")
    assert "PHQ-9" in (await visitor.get(f"/patients/{p}/measures")).text


async def test_what_is_open_is_pointed_out_once_and_then_counts_as_skipped(at: tuple[Clinic, Visitor, str]) -> None:
    clinic, visitor, p = at
    await visitor.get(f"/patients/{p}/measures/ask/phq-9")
    given = {k: v for k, v in phq(0).items() if k != "q3"} | {"q4": "refused"}
    first = await visitor.post(f"/patients/{p}/measures/ask/phq-9", given)
    assert first.status_code == 422
    assert "One question has no answer" in first.text
    assert 'id="q4-refused" name="q4" value="refused" checked' in first.text
    assert (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries == []
    assert (await visitor.post(f"/patients/{p}/measures/ask/phq-9", {**given, "skip": "yes", "seen": seen(first)})).status_code == 303
    items = {i["linkId"]: i for i in (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]["item"]}
    assert items["3"].keys() == {"linkId", "text"}
    assert items["4"]["extension"][0]["valueCode"] == "asked-declined"
    note = (await clinic.get("sys-mh", f"Observation?patient={p}&code=44261-6")).entries[0]["note"]
    assert note == [{"text": "Prorated: 2 of 9 questions were not answered."}]


async def test_a_positive_item_nine_leads_at_once_to_the_c_ssrs(at: tuple[Clinic, Visitor, str]) -> None:
    _, visitor, p = at
    await visitor.get(f"/patients/{p}/measures/ask/phq-9")
    sent = await visitor.post(f"/patients/{p}/measures/ask/phq-9", phq(0, q9="1", q10="0"))
    assert sent.headers["location"] == f"/patients/{p}/measures/ask/c-ssrs-screener"
    assert "points to danger" in (await visitor.get(sent.headers["location"])).text
    answered = await visitor.post(sent.headers["location"], {"q1": "1", "q2": "1", "q3": "0", "q4": "1", "q5": "0", "q6": "0"})
    assert answered.headers["location"] == f"/patients/{p}/risk"
    assert "Do not leave the person alone" in (await visitor.get(answered.headers["location"])).text


async def test_questions_appear_as_the_answers_call_for_them_and_vanish_with_them(at: tuple[Clinic, Visitor, str]) -> None:
    clinic, visitor, p = at
    page = await visitor.get(f"/patients/{p}/measures/ask/audit")
    assert page.text.count("<fieldset") == 3
    more = await visitor.post(f"/patients/{p}/measures/ask/audit", {"q1": "2", "q2": "0", "q3": "1", "do": "questions"}, headers={"hx-request": "true"})
    assert more.text.count("<fieldset") == 10
    assert "<html" not in more.text
    await visitor.get(f"/patients/{p}/measures/ask/audit")
    sent = await visitor.post(f"/patients/{p}/measures/ask/audit", {"q1": "0", "q3": "4", "q9": "0", "q10": "0", "seen": seen(more)})
    assert sent.status_code == 303
    assert [i["linkId"] for i in (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]["item"]] == ["1", "9", "10"]


async def test_a_measure_that_is_not_there_or_has_no_words_and_a_client_who_is_not_there_look_alike(at: tuple[Clinic, Visitor, str]) -> None:
    clinic, visitor, p = at
    hidden = (await clinic.make("sys-sud", patient())).id
    pages = [await visitor.get(path) for path in (f"/patients/{p}/measures/ask/none", f"/patients/{p}/measures/ask/dast-10", f"/patients/{hidden}/measures/ask/phq-9", f"/patients/{'A' * 22}/measures/ask/phq-9")]
    assert {page.status_code for page in pages} == {404}


async def test_answers_are_kept_on_the_way_and_another_window_is_told(at: tuple[Clinic, Visitor, str]) -> None:
    _, visitor, p = at
    address = f"/patients/{p}/measures/ask/phq-9"
    await visitor.get(address)
    await visitor.post(address, {"q1": "2", "do": "questions", "window": "one"}, headers={"hx-request": "true"})
    assert 'name="q1" value="2" checked' in (await visitor.get(address)).text
    other = await visitor.post(address, phq(0, q10="0", window="two", seen=""))
    assert other.status_code == 409
    assert "Answered in another window, too" in other.text
    await visitor.get(address)
    assert (await visitor.post(address, phq(0, q10="0", window="two", seen="", do="mine"))).status_code == 303
    assert 'value="2" checked' not in (await visitor.get(address)).text


async def test_days_are_typed_and_a_number_that_does_not_fit_is_said(at: tuple[Clinic, Visitor, str]) -> None:
    clinic, visitor, p = at
    await visitor.get(f"/patients/{p}/measures/ask/bam")
    days = {f"q{n}": "3" for n in (2, 3, 4, 5, 6, 10, 11, 13, 16)} | {f"q{n}": "0" for n in ("1", "7a", "7b", "7c", "7d", "7e", "7f", "7g", "8", "9", "12", "14", "15", "17")}
    wrong = await visitor.post(f"/patients/{p}/measures/ask/bam", {**days, "q4": "31", "skip": "yes"})
    assert wrong.status_code == 422
    assert "needs a whole number from 0 to 30" in wrong.text
    assert 'value="31"' in wrong.text
    sent = await visitor.post(f"/patients/{p}/measures/ask/bam", {**days, "seen": seen(wrong)})
    assert sent.status_code == 303
    scores = {c["code"]: o["valueQuantity"]["value"] for o in (await clinic.get("sys-mh", f"Observation?patient={p}")).entries for c in o["code"]["coding"]}
    assert scores == {"bam.use": 9, "bam.risk": 9, "bam.protective": 9}
