"""What is due when: by level of care, from the last answer, once each; and words that are loaded into a measure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sojourn.care.forms import due
from sojourn.care.levels import Stay
from sojourn.care.measures import licensed
from sojourn.care.measures.licensed import Words
from sojourn.care.measures.model import instruments
from sojourn.care.policies import Policies
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RULES = Policies(date(2026, 12, 1), {})


def stay(level: str, started: datetime, status: str = "active", id_: str = "s") -> Stay:
    return Stay(id_, "p", level, "Program", "o", "Practitioner/x", status, started.isoformat(), "", ())


def answered(what: str, at: datetime, status: str = "completed") -> dict[str, Any]:
    return {"subject": {"reference": "Patient/p"}, "status": status, "questionnaire": f"http://x.test/fhir/Questionnaire/{what}|1", "authored": at.isoformat()}


def score(code: str, at: datetime, system: str = "urn:sojourn:measure") -> dict[str, Any]:
    return {"subject": {"reference": "Patient/p"}, "status": "final", "code": {"coding": [{"system": system, "code": code}]}, "effectiveDateTime": at.isoformat()}


def owed(stays: list[Stay], responses: list[Any] = [], scores: list[Any] = [], rules: Policies = RULES) -> dict[str, datetime]:  # noqa: B006
    return {d.what: d.by for d in due.owed(stays, due.newest(responses, scores), rules, NOW)}


@pytest.mark.parametrize(("level", "hours"), [("3.7", 24), ("3.5", 72), ("OP", 336)])
def test_the_first_assessment_is_due_by_the_level_of_care(level: str, hours: int) -> None:
    begun = NOW - timedelta(hours=10)
    found = owed([stay(level, begun)])
    assert found["biopsychosocial"] == begun + timedelta(hours=hours)
    assert found.get("level-of-care") == (None if level == "OP" else begun + timedelta(hours=hours))  # nobody rates it where no rule asks for it


def test_what_was_answered_is_due_no_more_or_again_later_and_an_error_does_not_count() -> None:
    begun, last = NOW - timedelta(days=20), NOW - timedelta(days=2)
    found = owed([stay("3.5", begun)], [answered("biopsychosocial", last), answered("level-of-care", last)], [score("phq-9.total", last), score("70274-6", last, "http://loinc.org")])
    assert "biopsychosocial" not in found
    assert found["level-of-care"] == last + timedelta(days=7)
    assert (found["phq-9"], found["gad-7"]) == (last + timedelta(days=7), last + timedelta(days=7))
    assert "biopsychosocial" in owed([stay("3.5", begun)], [answered("biopsychosocial", last, "entered-in-error")])
    assert "biopsychosocial" in owed([stay("3.5", begun)], [answered("biopsychosocial", begun - timedelta(days=200))])


def test_nothing_is_due_for_a_stay_that_is_over_or_has_not_begun_and_once_for_two_stays() -> None:
    assert owed([stay("3.5", NOW - timedelta(days=9), "finished"), stay("3.5", NOW + timedelta(days=1), "planned")]) == {}
    both = due.owed([stay("OP", NOW - timedelta(days=9)), stay("3.7", NOW - timedelta(days=9), id_="t")], due.newest([], []), RULES, NOW)
    assert len(both) == len({d.what for d in both})


def test_the_organization_sets_its_own_days_and_forms_of_its_own_count_by_their_kind() -> None:
    begun = NOW - timedelta(days=5)
    own = Policies(date(2026, 12, 1), {("measure.phq-9.days", ""): 0, ("form.assessment.hours", "OP"): 48})
    found = owed([stay("OP", begun)], rules=own)
    assert "phq-9" not in found
    assert found["biopsychosocial"] == begun + timedelta(hours=48)
    answers = due.newest([{**answered("x", NOW), "questionnaire": "http://x.test/fhir/Questionnaire/ours|3"}], [], {"http://x.test/fhir/Questionnaire/ours": "biopsychosocial"})
    assert "biopsychosocial" not in {d.what for d in due.owed([stay("OP", begun)], answers, RULES, NOW)}


def whole(id_: str) -> Words:
    return Words({i.id: f"Words of {i.id}" for i in instruments()[id_].items}, {}, "Permission of 2026")


def test_loaded_words_are_checked_against_the_structure() -> None:
    dast = instruments()["dast-10"]
    assert licensed.faults(dast, whole("dast-10")) == []
    missing = Words({k: v for k, v in whole("dast-10").items.items() if k != "4"} | {"11": "x"}, {"1": {Decimal(5): "Five"}}, "")
    said = "\n".join(licensed.faults(dast, missing))
    for part in ("Say what allows you", "Item 4 has no words", "has no item 11", "no answer that is worth 5", "The answer 0 of item 1 has no words"):
        assert part in said
    assert licensed.faults(instruments()["phq-9"], whole("phq-9")) == ["PHQ-9 has its words already."]


def test_words_from_a_file_are_laid_over_the_structure_and_change_no_score() -> None:
    text = 'instrument = "dast-10"\nlicence = "By letter"\n[items]\n' + "\n".join(f'{n} = "Q{n}"' for n in range(1, 11)) + '\n[choices.1]\n0 = "Nope"\n1 = "Yep"\n'
    named, words = licensed.read(text)
    assert named == "dast-10"
    ready = licensed.worded(instruments()["dast-10"], words)
    assert (ready.items[0].text, [c.text for c in ready.items[0].choices], ready.text_included) == ("Q1", ["Nope", "Yep"], True)
    assert ready.scores == instruments()["dast-10"].scores
    with pytest.raises(ValueError, match="not TOML"):
        licensed.read("instrument =")


def test_every_instrument_is_a_valid_questionnaire() -> None:
    from sojourn.care.measures import forms

    for instrument in instruments().values():
        assert [i for i in validate(forms.questionnaire(instrument, "http://x.test/fhir")) if is_error(i)] == [], instrument.id
