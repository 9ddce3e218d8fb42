"""Screening asks about likely mentions in text that nobody labelled; it is answered by the author or the privacy officer."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate.access import Access
from sojourn.gate.feed import Feed
from sojourn.gate.labeljob import Labeller
from sojourn.gate.screening import asking
from sojourn.gate.screening.text import mentions, texts, words
from tests.gate.numbering import numbered
from tests.gate.test_inheriting import own, security, under
from tests.gate.test_overriding import access
from tests.people import MH, SUD, A, Clinic, labelled, observation, patient


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Patient reports using heroin twice this week.", {"SUD"}),
        ("Denies heroin use.", set()),
        ("Denies alcohol, but reports daily cannabis.", {"SUD"}),
        ("No history of substance abuse.", set()),
        ("Family history: mother with alcoholism.", set()),
        ("Her father drinks; patient admits alcohol on weekends.", {"SUD"}),
        ("Site cleaned with an alcohol swab before the injection.", set()),
        ("Alcohol-based hand rub was used.", set()),
        ("Opioid-sparing anesthesia; fentanyl for sedation.", set()),
        ("MS relapse last spring, relapsing-remitting course.", set()),
        ("Relapsed after six months sober.", {"SUD"}),
        ("HIV positive since 2019, viral load undetectable.", {"HIV"}),
        ("HIV negative. Hearing aids fitted.", {"HIV"}),
        ("New hearing aids; walking aids discussed.", set()),
        ("Screening for intimate partner violence: negative.", set()),
        ("She was sexually assaulted in March.", {"SDV"}),
        ("Battered fish gave him hives.", set()),
        ("Eight weeks pregnant, considering abortion.", {"SEX"}),
        ("Instrument sterilization completed.", set()),
        ("BRCA1 pathogenic variant found.", {"GDIS"}),
        ("Sister has a BRCA1 mutation.", set()),
        ("Sleep is better, walks daily, no chest pain.", set()),
        ("Never used cocaine; however, methamphetamine last month and a restraining order.", {"SUD", "SDV"}),
        ("<div><p>Started <b>Suboxone</b></p></div>", {"SUD"}),
        ("Heroine of the novel she reads.", set()),
        ("Speed of gait improved, high spirits.", set()),
    ],
)
def test_a_mention_is_found_unless_it_is_denied_about_others_or_a_false_friend(text: str, codes: set[str]) -> None:
    assert mentions(text) == codes


def test_the_list_is_dated_and_says_where_it_is_from() -> None:
    assert words().effective.year == 2026
    assert words().source
    assert {topic.code for topic in words().topics} == {"SUD", "HIV", "SDV", "SEX", "GDIS"}


def test_words_are_looked_for_where_people_write_them_and_in_attachments() -> None:
    data = base64.b64encode(b"Relapsed on heroin.").decode()
    document = {"resourceType": "DocumentReference", "content": [{"attachment": {"contentType": "text/plain", "data": data}}], "context": {"id": "heroin"}}
    assert "Relapsed on heroin." in texts(document)
    assert texts({"resourceType": "Observation", "status": "heroin", "note": [{"text": "fine"}]}) == ["fine"]


async def followed(clinic: Clinic) -> None:
    feed = Feed(clinic.gate.house.db, A)
    await numbered(clinic)
    while await feed.follow("screening", asking.follower(Labeller(clinic.gate))):
        pass


async def waiting(clinic: Clinic, who: str) -> list[Any]:
    return [(q["type"], q["id"], q["codes"], q["why"]) for q in await asking.waiting(await access(clinic, who))]


def note(p: str, text: str, **more: Any) -> dict[str, Any]:
    return observation(p, note=[{"text": text}], **more)


async def test_it_asks_and_labels_nothing_and_asks_once(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("mh-clinician", note(p, "Uses heroin, HIV positive."))).json()
    await clinic.make("mh-clinician", note(p, "Denies heroin."))
    await followed(clinic)
    assert await own(clinic, "Observation", made["id"]) == 0
    expected = [("Observation", made["id"], ["HIV"], "The text may speak of HIV."), ("Observation", made["id"], ["SUD"], "The text may speak of substance use.")]
    assert await waiting(clinic, "officer") == expected
    assert await waiting(clinic, "mh-clinician") == expected  # its author
    assert await waiting(clinic, "both-clinician") == []
    assert (await clinic.put("mh-clinician", {**made, "language": "en"})).status == 200
    await followed(clinic)
    assert len(await waiting(clinic, "officer")) == 2


async def test_text_of_a_part_2_program_needs_no_question(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sud-clinician", note(p, "Uses heroin."))
    await clinic.make("sys-mh", note(p, "HIV positive.", **under("HIV")))  # labelled already
    await followed(clinic)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.label_question") == 0


async def test_a_code_that_may_mean_either_is_asked_about(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    coding = [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "864706"}]
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{p}"}, "medicationCodeableConcept": {"coding": coding}}
    made = (await clinic.make("mh-clinician", order)).id
    await followed(clinic)
    assert await waiting(clinic, "officer") == [("MedicationRequest", made, ["SUD", "OPIOIDUD"], "This medication is given for pain and for opioid use disorder.")]


async def test_the_author_answers_and_what_was_asked_is_labelled_or_not(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("mh-clinician", note(p, "Uses heroin, HIV positive."))).id
    await followed(clinic)
    mine: Access = await access(clinic, "mh-clinician")
    hiv, sud = [asking.name(mine, q) for q in await asking.waiting(mine)]
    other = await access(clinic, "both-clinician")
    with pytest.raises(errors.NotFound):
        await asking.answer(other, hiv, "label", [], "")
    await asking.answer(mine, hiv, "label", [], "")
    assert await own(clinic, "Observation", made) == 32
    await asking.answer(await access(clinic, "officer"), sud, "not-sensitive", [], "the word is in a book's title")
    assert await waiting(clinic, "officer") == []
    assert "SUD" not in security((await clinic.get("mh-clinician", f"Observation/{made}")).json())
    rows = await clinic.owner.fetch("SELECT answer, answered_by, note FROM record.label_question ORDER BY n")
    assert [tuple(row) for row in rows] == [("label", "mh-clinician", ""), ("not-sensitive", "officer", "the word is in a book's title")]
    with pytest.raises(errors.NotFound):
        await asking.answer(mine, hiv, "label", [], "")


async def test_a_question_is_answered_by_its_own_name_and_in_no_other_word(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    first = (await clinic.make("mh-clinician", note(p, "HIV positive."))).id
    second = (await clinic.make("mh-clinician", note(p, "fine"))).id
    await followed(clinic)
    assert [id_ for _, id_, _, _ in await waiting(clinic, "officer")] == [first]
    assert (await clinic.put("mh-clinician", {**note(p, "HIV positive."), "id": second})).status == 200
    await followed(clinic)
    mine = await access(clinic, "mh-clinician")
    named = {q["id"]: asking.name(mine, q) for q in await asking.waiting(mine)}
    assert set(named) == {first, second}, "also about what a change brought"
    with pytest.raises(errors.Invalid):
        await asking.answer(mine, named[second], "perhaps", [], "")
    await asking.answer(mine, named[second], "label", [], "")
    assert [id_ for _, id_, _, _ in await waiting(clinic, "officer")] == [first]
    assert (await own(clinic, "Observation", first), await own(clinic, "Observation", second)) == (0, 32)


async def test_what_stands_in_a_labelled_element_is_not_asked_about(clinic: Clinic) -> None:
    """Who sees the rest would learn from the question what the element is about."""
    p = (await clinic.make("sys-mh", patient())).id
    of_hiv = [labelled({"text": "HIV positive since 2019."}, "HIV"), labelled({"text": "Uses heroin."}, "HIV")]
    await clinic.make("mh-clinician", {**note(p, ""), "note": of_hiv})
    both = (await clinic.make("mh-clinician", {**note(p, ""), "note": [of_hiv[0], {"text": "Eight weeks pregnant, considering abortion."}]})).id
    await followed(clinic)
    for who in ("mh-clinician", "officer"):
        assert [(id_, codes) for _, id_, codes, _ in await waiting(clinic, who)] == [(both, ["SEX"])]


async def test_nobody_is_asked_about_what_they_may_not_see(clinic: Clinic) -> None:
    """A question tells that there is something: it follows its resource."""
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("mh-clinician", note(p, "Uses heroin."))).id
    await followed(clinic)
    assert len(await waiting(clinic, "mh-clinician")) == 1
    mine = await access(clinic, "mh-clinician")
    await mine.relabel("Observation", made, "raise", ["PSYTHPN"], "it belongs to the notes kept apart")
    assert await waiting(clinic, "mh-clinician") == []
    assert await waiting(clinic, "officer") == []
    assert (MH, SUD) == (2, 1)
