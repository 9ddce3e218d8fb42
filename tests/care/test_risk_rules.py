"""Triage, whose turn it is, and that the chain never ends in silence: for every course that can be invented."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sojourn.care.forms import library
from sojourn.care.measures import forms
from sojourn.care.measures.model import Answer, Unanswered, instruments
from sojourn.care.risk import triage
from sojourn.care.risk.chain import AWAY, OFF_DUTY, Candidate, advance
from sojourn.care.risk.episode import Event, State, begun, fold, read
from sojourn.care.risk.triage import HIGH, LOW, MODERATE, RANK, UNTRIAGED

DAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 7, tzinfo=UTC)
QUESTIONS = ("1", "2", "3", "4", "5", "6", "6a")
yes_no = st.sampled_from([Decimal(0), Decimal(1), Unanswered.SKIPPED, Unanswered.REFUSED, None])


def response(instrument: str, answers: dict[str, Answer]) -> dict[str, object]:
    """A response in which every question stands that was answered, whether or not it should have been asked."""
    one = instruments()[instrument]
    items = [forms._answered(one, one.item(id_), answer) for id_, answer in answers.items()]
    return {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": f"http://x.test/Questionnaire/{instrument}|1", "item": items}


@given(st.fixed_dictionaries(dict.fromkeys(QUESTIONS, yes_no)))
def test_the_triage_of_the_screener_is_that_of_its_authors_whatever_else_is_unanswered(drawn: dict[str, Answer | None]) -> None:
    answers = {k: v for k, v in drawn.items() if v is not None}
    yes = {k for k, v in answers.items() if v == Decimal(1)}
    expected = HIGH if yes & {"4", "5", "6a"} else MODERATE if yes & {"3", "6"} else LOW if yes & {"1", "2"} else None
    found = triage.of(response("c-ssrs-screener", answers), DAY)
    assert (found.level if found else None) == expected
    assert found is None or found.screened


@given(st.fixed_dictionaries({str(n): st.sampled_from([Decimal(v) for v in range(4)]) for n in range(1, 10)}), st.booleans())
def test_question_nine_decides_and_no_sum_does(drawn: dict[str, Decimal], unknown: bool) -> None:  # noqa: FBT001 - drawn
    made = response("phq-9", dict(drawn))
    if unknown:
        made["item"].append({"linkId": "nobody-knows", "answer": [{"valueString": "?"}]})  # type: ignore[attr-defined]
    found = triage.of(made, DAY)
    assert (found.level if found else None) == (UNTRIAGED if drawn["9"] > 0 else None)


def test_it_is_read_in_the_shapes_in_which_others_send_it() -> None:
    code = {"valueCoding": {"system": "http://loinc.org", "code": "LA6570-1"}}
    for link, answer in (("/44260-8", code), ("/44249-1/44260-8", code), ("44260-8", {"valueInteger": 2}), ("44260-8", {"valueDecimal": 1})):
        for where in ("http://loinc.org/q/44249-1", "https://elsewhere.test/Questionnaire/theirs|3", ""):
            inner = {"linkId": link, "answer": [answer]}
            made = {"resourceType": "QuestionnaireResponse", "status": "in-progress", "questionnaire": where, "item": [{"linkId": "group", "item": [inner]}]}
            assert triage.of(made, DAY) is not None, (link, where)
    assert triage.of({"resourceType": "QuestionnaireResponse", "status": "entered-in-error", "item": [{"linkId": "44260-8", "answer": [{"valueInteger": 3}]}]}, DAY) is None
    scored = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:sojourn:measure", "code": "c-ssrs-screener.triage"}]}, "valueCodeableConcept": {"coding": [{"system": "urn:sojourn:measure", "code": "c-ssrs-screener.triage.2"}]}}
    found = triage.of(scored, DAY)
    assert found is not None
    assert found.level == MODERATE


def test_questions_of_our_own_forms_that_point_to_danger_are_still_asked_there_and_open_it() -> None:
    folder = Path(library.__file__).parent / "shipped"
    for rule in triage.asked_rules():
        form = next(folder.glob(f"{rule.questionnaire}.*.json")).read_text("utf-8")
        assert f'"linkId": "{rule.item}"' in form, rule
        for answer, opens in (({"valueBoolean": True}, True), ({"valueBoolean": False}, False), ({"valueCoding": {"code": next(iter(rule.answers))}}, True), ({"valueCoding": {"code": "no"}}, False)):
            inner = {"linkId": rule.item, "answer": [answer]}
            made = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": f"https://x.test/Questionnaire/{rule.questionnaire}|1", "item": [{"linkId": "g", "item": [inner]}]}
            assert (triage.of(made, DAY) is not None) == opens


person = st.builds(Candidate, st.sampled_from(["a", "b", "c", "d", "e"]), st.sampled_from(["", "", AWAY, OFF_DUTY]), st.sampled_from(["account", "account", ""]), st.booleans())
people = st.lists(st.lists(person, max_size=3), min_size=4, max_size=4)


@given(people, st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_the_chain_always_goes_on_until_somebody_acts(steps: list[list[Candidate]], waits: list[int]) -> None:
    events = [Event("answered", NOW, level=HIGH)]
    now = NOW
    for _ in range(12):
        state = fold(events)
        due = state.due(waits, 10)
        assert due is not None
        assert due <= now + timedelta(minutes=90)
        now = max(now, due)
        added = advance(state, steps, now)
        assert added
        assert fold([*events, *added]).due(waits, 10) > now  # type: ignore[operator]
        events += added
    told = {e.who for e in events if e.kind == "notified" and e.sees}
    blind = {c.who for step in steps for c in step if not c.sees}  # made up twice, once as somebody who does not see: they are told as that
    assert {c.who for step in steps for c in step if c.account and c.sees and not c.why} - blind <= told
    assert fold(events).all_hands
    if any(c.account and c.sees and c.why != AWAY for step in steps for c in step):
        assert any(e.kind in ("notified", "reminded") and e.who and e.sees for e in events)
    assert fold([*events, Event("acted", now, "Practitioner/x")]).due(waits, 10) is None


@given(st.lists(st.tuples(st.sampled_from(list(RANK)), st.integers(0, 60)), min_size=1, max_size=8), st.integers(1, 60))
def test_another_answer_never_moves_the_next_notice_later(answers: list[tuple[str, int]], wait: int) -> None:
    waits = {HIGH: wait, MODERATE: wait * 2, UNTRIAGED: wait * 2, LOW: wait * 5}
    events = [Event("answered", NOW, level=answers[0][0]), Event("notified", NOW, "Practitioner/x", step="responsible")]
    before = fold(events)
    for level, later in answers[1:]:
        events.append(Event("answered", NOW + timedelta(minutes=later), level=level))
        after = fold(events)
        assert RANK[after.pace] >= RANK[before.pace]
        assert after.due([waits[after.pace]], 10) <= before.due([waits[before.pace]], 10)  # type: ignore[operator]
        before = after


kinds = st.sampled_from(["answered", "notified", "skipped", "reminded", "all-hands", "acknowledged", "acted", "passed-on", "paged"])
happened = st.builds(
    Event, kinds, st.integers(0, 10**6).map(lambda s: NOW + timedelta(seconds=s)), st.sampled_from(["", "Practitioner/x"]), st.sampled_from(["", "Dana"]),
    st.sampled_from(["", "responsible", "on-call", "site-lead"]), st.sampled_from(["", "QuestionnaireResponse/q"]), st.just(""), st.sampled_from(["", "away"]), st.sampled_from(["", "words"]), st.booleans(),
)  # fmt: skip


@given(st.lists(happened, max_size=8))
def test_an_episode_is_the_same_after_it_was_a_resource(drawn: list[Event]) -> None:
    events = [Event("answered", NOW, level=LOW, about="QuestionnaireResponse/r"), *(e if e.kind != "answered" else Event("answered", e.at, e.who, level=HIGH) for e in drawn)]
    again = read({**begun("p", "mh", "slot", events), "id": "x"})
    assert again is not None
    assert list(again.events) == events
    assert (again.patient, again.program, again.open) == ("p", "mh", True)


def test_an_acknowledgement_without_an_action_ends_and_one_with_it_does_not() -> None:
    events = [Event("answered", NOW, level=HIGH), Event("notified", NOW, "Practitioner/x", step="responsible"), Event("acknowledged", NOW + timedelta(minutes=4), "Practitioner/x")]
    assert fold(events).due([5], 10) == NOW + timedelta(minutes=14)
    assert fold([*events, Event("passed-on", NOW + timedelta(minutes=5), "Practitioner/x")]).due([5], 10) == NOW
    assert State().due([5], 10) is None
