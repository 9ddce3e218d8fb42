"""A form in words, to the letter: everything that it says, and of who is not known that they are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sojourn.gate.consenting import drafting, terms, wording
from sojourn.gate.consenting.drafting import Answers, Recipient

NAMES = {"Organization/sud": "Recovery program", "Organization/tpo": "Lakeside", "Organization/net": "Valley network"}
TPO = Recipient("Organization/tpo", kind="covered_entity_provider")
SPECIFIC = Answers("part2_specific", disclosers=["Organization/sud"], recipients=[TPO], purposes=["TREAT"], expiry="date", until="2027-01-31")
NOBODY = "Somebody whose name is not in the directory"


def worded(answers: Answers, **more: Any) -> wording.Wording:
    return wording.worded({**drafting.drafted("Patient/p", answers), **more}, NAMES, patient="Ana Rivera", born="4 March 1988", organization="Riverbend")


def said(answers: Answers, title: str) -> tuple[str, ...]:
    return next((s.lines for s in worded(answers).sections if s.title == title), ())


def test_what_is_signed_is_every_section_and_every_statement() -> None:
    whole = worded(SPECIFIC)
    assert [(s.title, s.lines) for s in whole.sections] == [
        ("Whose records", ("Ana Rivera, born 4 March 1988",)), ("Who may share them", ("Recovery program",)), ("What may be shared", ("All records",)), ("With whom", ("Lakeside",)),
        ("Why", (terms.forms()["purposes"]["TREAT"],)), ("Until when", ("To the end of 31 January 2027",)),
    ]  # fmt: skip
    kind = terms.kind("part2_specific")
    assert [(s.lines, s.cite) for s in whole.statements] == [((terms.forms()["statements"][n]["text"],), terms.forms()["statements"][n]["cite"]) for n in kind["statements"]]
    assert whole.statements
    text = whole.text
    assert text.startswith(whole.heading + "\n\nWhose records\n  Ana Rivera, born 4 March 1988\n")
    for section in (*whole.sections, *whole.statements):
        assert all((f"  {line}" if section.title else f"\n{line}") in text for line in section.lines)
        without = whole._replace(sections=tuple(s for s in whole.sections if s != section), statements=tuple(s for s in whole.statements if s != section))
        assert without.digest != whole.digest, "a signature stands under each of them"


@pytest.mark.parametrize(("one", "words"), [
    (TPO, "Lakeside"), (Recipient("Organization/unknown"), NOBODY), (Recipient("Organization/tpo", through="Organization/net"), "Lakeside, through Valley network"),
    (Recipient("Organization/unknown", through="Organization/net"), f"{NOBODY}, through Valley network"), (Recipient("Organization/tpo", through="Organization/gone"), f"Lakeside, through {NOBODY}"),
    (Recipient("Organization/net", through="Organization/net", treating=True), "Valley network, for its participants who treat me, and for no others"), (Recipient(of_class="tpo"), terms.forms()["classes"]["tpo"]["name"]),
])  # fmt: skip
def test_a_recipient_is_named_and_never_by_our_own_name(one: Recipient, words: str) -> None:
    assert said(replace(SPECIFIC, recipients=[one]), "With whom") == (words,)


def test_who_has_no_reference_is_what_the_form_calls_them() -> None:
    assert wording.recipient({"reference": {"display": "My brother"}}, NAMES) == "My brother"
    assert wording.recipient({}, NAMES) == wording.recipient({"reference": {}}, NAMES) == "Not named"


def test_what_is_shared_is_shared_by_us() -> None:
    assert said(replace(SPECIFIC, disclosers=["Organization/whole"]), "Who may share them") == ("Riverbend",)
    assert said(replace(SPECIFIC, disclosers=[]), "Who may share them") == ()


@pytest.mark.parametrize(("answers", "words"), [
    ({"everything": False}, ("Nothing is chosen yet",)), ({"everything": False, "content": "My last visit"}, ("My last visit",)), ({"protected": ["hiv", "genetic"]}, ("All records", "Also what is in them about: HIV, genetic tests")),
    ({"data_from": "2026-01-01"}, ("All records", "Only from 1 January 2026")), ({"data_to": "2026-03-04"}, ("All records", "Only to 4 March 2026")),
    ({"data_from": "2026-01-01", "data_to": "2026-03-04"}, ("All records", "Only from 1 January 2026 to 4 March 2026")), ({"everything": False, "categories": ["results"]}, (terms.forms()["categories"]["results"]["name"],)),
])  # fmt: skip
def test_what_may_be_shared(answers: dict[str, Any], words: tuple[str, ...]) -> None:
    assert said(replace(SPECIFIC, **answers), "What may be shared") == words


def test_when_it_ends() -> None:
    assert said(replace(SPECIFIC, expiry="none", until=""), "Until when") == ("No end, until I take it back",)
    assert said(replace(SPECIFIC, expiry="", until=""), "Until when") == ("Not said yet",)
    assert said(replace(SPECIFIC, expiry="event", until="", event="other", event_text="my wedding"), "Until when") == ("Until my wedding",)
    assert [wording.day(text) for text in ("2026-03-04", "2026-03-04T12:00:00Z", "soon")] == ["4 March 2026", "4 March 2026", "soon"]


def test_a_wish_says_with_whom_not_and_where_it_names_nobody_that_nobody_may() -> None:
    wish = replace(SPECIFIC, kind="patient_directive_deny", expiry="none", until="")
    titles = [s.title for s in worded(wish).sections]
    assert titles[1:4] == ["Who this is for", "What is not to be shared", "Not with whom"]
    assert said(wish, "Not with whom") == ("Lakeside",)
    assert said(replace(wish, recipients=[]), "Not with whom") == ("Nobody outside may receive it",)
    assert said(replace(wish, recipients=[Recipient("Organization/unknown")]), "Not with whom") == (NOBODY,)


def test_what_only_some_forms_say() -> None:
    assert said(replace(SPECIFIC, kind="part2_counseling_notes"), "What may be shared") == ("Substance use counseling notes, and nothing else",)
    assert said(replace(SPECIFIC, kind="part2_criminal_justice", irrevocable=True), "Taking it back") == ("This consent cannot be taken back before that event (42 CFR 2.35).",)
    for other in (replace(SPECIFIC, kind="part2_criminal_justice"), replace(SPECIFIC, irrevocable=True)):
        assert said(other, "Taking it back") == ()
    wish = replace(SPECIFIC, kind="patient_directive_deny", expiry="none", until="")
    assert said(replace(wish, grounds="self_pay"), "Reason") == ("I paid for these services in full myself.",)
    assert said(replace(wish, grounds="requested"), "Reason") == ()
    assert said(replace(wish, purposes=[]), "Not for") == ()
    assert (said(wish, "Until when"), said(wish, "Not for")) == ((), (terms.forms()["purposes"]["TREAT"],))
    care = Answers("treatment", disclosers=["Organization/sud"], content="Counseling once a week")
    assert [(s.title, s.lines) for s in worded(care).sections] == [("Whose records", ("Ana Rivera, born 4 March 1988",)), ("Who this is for", ("Recovery program",)), ("The care", ("Counseling once a week",))]
    assert "The care" not in [s.title for s in worded(replace(SPECIFIC, content="Counseling")).sections]
    assert said(replace(SPECIFIC, everything=False, named=["Observation/o"]), "What may be shared") == ("Single records, as listed in the record",)
    assert said(replace(SPECIFIC, protected=["mental_health", "reproductive", "violence"]), "What may be shared")[1] == "Also what is in them about: mental health, reproductive health, domestic and sexual violence"
    unborn = wording.worded(drafting.drafted("Patient/p", SPECIFIC), NAMES, patient="Ana Rivera", born="", organization="Riverbend")
    assert unborn.sections[0].lines == ("Ana Rivera",)
