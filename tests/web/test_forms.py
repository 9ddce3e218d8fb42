"""Forms on the screen, over the real gate: kept as one types, sent once, read in the version in which they were answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.care.forms import model
from sojourn.record.database import Dsn
from tests.people import Clinic, close_clinic, encounter, open_clinic, patient
from tests.web.real import Visitor, furnish

Json = dict[str, Any]
BPS = "biopsychosocial.1"
HX = {"hx-request": "true"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    await furnish(made)
    them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Whitfield", "given": ["Dana"]}]})).id
    await made.owner.execute("UPDATE record.account SET agent = $1 WHERE tenant = 1 AND account = 'mh-clinician'", f"Practitioner/{them}")
    yield made
    await close_clinic(made)


async def client_of(clinic: Clinic, program: str = "sys-mh") -> str:
    p = (await clinic.make(program, patient())).id
    await clinic.make(program, encounter(p))
    return p


async def at(clinic: Clinic, who: str = "mh-clinician") -> Visitor:
    visitor = Visitor(clinic)
    await visitor.sign_in(who)
    return visitor


def small(**more: Any) -> Json:
    return {
        "resourceType": "Questionnaire", "url": "http://sojourn.test/fhir/Questionnaire/small", "version": "1", "title": "Small form", "status": "active", "subjectType": ["Patient"],
        "item": [
            {"linkId": "ok", "text": "Are you well?", "type": "boolean", "required": True},
            {"linkId": "why", "text": "What is it?", "type": "text", "enableWhen": [{"question": "ok", "operator": "=", "answerBoolean": False}]},
            {"linkId": "kin", "text": "Kin", "type": "group", "repeats": True, "item": [{"linkId": "name", "text": "Name", "type": "string"}]},
            {"linkId": "weight", "text": "Weight", "type": "decimal", "code": [{"system": "http://loinc.org", "code": "29463-7"}], "extension": [{"url": model.EXTRACT, "valueBoolean": True}]},
        ], **more,
    }  # fmt: skip


async def test_a_form_is_kept_as_one_types_and_becomes_a_response_and_observations(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    page = await visitor.get(f"/patients/{p}/forms/{f}")
    assert "What is it?" not in page.text
    kept = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "keep", "a.ok": "false", "a.why": "", "seen": ""}, headers=HX)
    assert "What is it?" in kept.text
    assert "<html" not in kept.text
    assert "Draft kept" in kept.text
    seen = re.findall(r'name="seen" value="([^"]+)"', kept.text)[0]
    assert "Small form" in (await visitor.get(f"/patients/{p}/forms")).text.partition("Answered")[0]
    again = await visitor.get(f"/patients/{p}/forms/{f}")
    assert 'id="a.ok-false" name="a.ok" value="false" checked' in again.text
    sent = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "submit", "a.ok": "false", "a.why": "A cold.", "a.kin+rows": "1", "a.name@0": "Ada", "a.weight": "71.5", "seen": seen})
    assert sent.status_code == 303
    made = (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]
    assert made["questionnaire"] == "http://sojourn.test/fhir/Questionnaire/small|1"
    assert [i["linkId"] for i in made["item"]] == ["ok", "why", "kin", "weight"]
    (weight,) = (await clinic.get("sys-mh", f"Observation?patient={p}&code=29463-7")).entries
    assert (weight["valueQuantity"], weight["derivedFrom"]) == ({"value": 71.5}, [{"reference": f"QuestionnaireResponse/{made['id']}"}])
    shown = (await visitor.get(sent.headers["location"])).text
    for words in ("Are you well?", "A cold.", "Ada", "71.5", "Version 1 of the form"):
        assert words in shown
    assert "Begun, not finished" not in (await visitor.get(f"/patients/{p}/forms")).text


async def test_a_second_click_sends_nothing_twice(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/{f}")
    kept = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "keep", "a.ok": "true", "seen": ""}, headers=HX)
    form = {"do": "submit", "a.ok": "true", "seen": re.findall(r'name="seen" value="([^"]+)"', kept.text)[0]}
    await visitor.get(f"/patients/{p}/forms/{f}")
    assert (await visitor.post(f"/patients/{p}/forms/{f}", form)).status_code == 303
    await visitor.get(f"/patients/{p}/forms/{f}")
    assert (await visitor.post(f"/patients/{p}/forms/{f}", form)).headers["location"] == f"/patients/{p}/forms"
    assert len((await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries) == 1


async def test_what_is_missing_is_said_beside_the_field_and_nothing_typed_is_lost(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/{f}")
    answer = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "submit", "a.weight": "heavy", "seen": ""})
    assert answer.status_code == 422
    assert "2 answers need a look" in answer.text
    assert 'href="#a.ok"' in answer.text
    assert 'value="heavy"' in answer.text
    refused = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "submit", "a.ok+refused": "yes", "seen": visitor.hidden("seen")})
    assert refused.status_code == 303
    item = (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]["item"][0]
    assert item["extension"][0]["valueCode"] == "asked-declined"


async def test_two_windows_do_not_overwrite_each_other(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/{f}")
    await visitor.post(f"/patients/{p}/forms/{f}", {"do": "keep", "a.name": "first window", "a.ok": "false", "a.why": "one", "seen": ""}, headers=HX)
    await visitor.get(f"/patients/{p}/forms/{f}")
    second = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "keep", "a.ok": "false", "a.why": "two", "seen": ""}, headers=HX)
    assert "Changed in another window" in second.text
    assert "two" in second.text
    assert ">\none</textarea>" in (await visitor.get(f"/patients/{p}/forms/{f}")).text
    sent = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "submit", "a.ok": "false", "a.why": "two", "seen": ""})
    assert sent.status_code == 409
    await visitor.get(f"/patients/{p}/forms/{f}")
    mine = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "mine", "a.ok": "false", "a.why": "two", "seen": ""}, headers=HX)
    assert "Draft kept" in mine.text


async def test_rows_come_and_go_without_a_script(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/{f}")
    one = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "add:kin", "a.kin+rows": "1", "a.name@0": "Ada", "seen": ""})
    assert one.text.count('class="form-row"') == 2
    assert 'id="a.kin-row1" tabindex="-1" data-focus' in one.text
    two = await visitor.post(f"/patients/{p}/forms/{f}", {"do": "remove:kin:0", "a.kin+rows": "2", "a.name@0": "Ada", "a.name@1": "Grace", "seen": visitor.hidden("seen")})
    assert (two.text.count('class="form-row"'), 'name="a.name@0" type="text" value="Grace"' in two.text) == (1, True)


async def test_the_answers_of_the_last_time_stand_beside_and_can_be_begun_with(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/{f}")
    await visitor.post(f"/patients/{p}/forms/{f}", {"do": "submit", "a.ok": "false", "a.why": "A cough.", "seen": ""})
    page = (await visitor.get(f"/patients/{p}/forms/{f}")).text
    assert "<span>Last time:</span> No" in page
    begun = (await visitor.get(f"/patients/{p}/forms/{f}?from=last")).text
    assert "A cough.</textarea>" in begun


async def test_the_shipped_assessment_opens_and_asks_what_follows_from_the_answers(clinic: Clinic) -> None:
    p = await client_of(clinic)
    visitor = await at(clinic)
    page = await visitor.get(f"/patients/{p}/forms/{BPS}")
    assert "Biopsychosocial assessment" in page.text
    assert "Longest time without it" not in page.text
    more = await visitor.post(f"/patients/{p}/forms/{BPS}", {"do": "add:substance", "a.uses": "true", "a.substance+rows": "0", "seen": ""})
    assert "Longest time without it" in more.text
    level = await visitor.post(f"/patients/{p}/forms/level-of-care.1", {"do": "keep", "a.edition": "0", "a.d1-level": "8", "a.d5-level": "6", "a.recommended": "8", "a.actual": "6", "seen": ""}, headers=HX)
    assert ">3.7</output>" in level.text
    assert "Why the levels differ" in level.text


async def test_the_client_sees_the_form_alone(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    page = await visitor.get(f"/patients/{p}/forms/{f}/client")
    assert page.status_code == 200
    assert "Rivera" not in page.text.replace("Dana Rivera", "")
    sent = await visitor.post(f"/patients/{p}/forms/{f}/client", {"do": "submit", "a.ok": "true", "seen": ""})
    assert "Thank you" in (await visitor.get(sent.headers["location"])).text
    assert (await clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]["source"] == {"reference": f"Patient/{p}"}


async def test_a_form_that_is_not_there_and_a_client_who_may_not_be_seen_look_alike_and_so_do_their_drafts_and_answers(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    hidden = await client_of(clinic, "sys-sud")
    theirs = (await clinic.make("sys-sud", {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": f"Patient/{hidden}"}})).id
    visitor = await at(clinic)
    paths = (f"/patients/{p}/forms/nothing", f"/patients/{hidden}/forms", f"/patients/{hidden}/forms/{f}", f"/patients/{hidden}/forms/{f}/client", f"/patients/{hidden}/forms/answers/{theirs}", f"/patients/{p}/forms/answers/{theirs}")  # fmt: skip
    assert {(await visitor.get(path)).status_code for path in paths} == {404}
    await visitor.get("/patients")
    assert (await visitor.post(f"/patients/{hidden}/forms/{f}", {"do": "keep", "a.ok": "true"})).status_code == 404
    draft = (await clinic.make("sys-mh", small(url="http://sojourn.test/fhir/Questionnaire/d", status="draft"))).id
    assert (await visitor.get(f"/patients/{p}/forms/{draft}")).status_code == 404


async def test_a_rating_says_its_edition_and_what_a_level_of_the_third_is_called_in_the_fourth(clinic: Clinic) -> None:
    p = await client_of(clinic)
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/level-of-care.1")
    rated = {f"a.d{n}-risk": "1" for n in range(1, 7)} | {f"a.d{n}-why": "Seen." for n in range(1, 7)}
    third = {"a.edition": "1", "a.occasion": "0", "a.recommended-3": "12", "a.recommended-why": "Withdrawal.", "a.actual-3": "12"}
    sent = await visitor.post(f"/patients/{p}/forms/level-of-care.1", {"do": "submit", "seen": "", **rated, **third})
    assert sent.status_code == 303
    assert "3.7-WM: 3.7." in (await visitor.get(sent.headers["location"])).text
    (level, _) = (await clinic.get("sys-mh", f"Observation?patient={p}&code=recommended-level,actual-level")).entries
    assert level["valueCodeableConcept"]["coding"][0]["version"] == "2013"  # the edition travels with every level


async def test_a_draft_about_somebody_who_may_no_longer_be_seen_is_nowhere(clinic: Clinic) -> None:
    p, f = await client_of(clinic), (await clinic.make("sys-mh", small())).id
    visitor = await at(clinic)
    await visitor.get(f"/patients/{p}/forms/{f}")
    await visitor.post(f"/patients/{p}/forms/{f}", {"do": "keep", "a.ok": "false", "a.why": "secret words", "seen": ""}, headers=HX)
    assert "Begun, not finished" in (await visitor.get(f"/patients/{p}/forms")).text
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{3}', acting = 3 WHERE tenant = 1 AND account = 'mh-clinician'")
    visitor = await at(clinic)
    gone, unknown = [await visitor.get(f"/patients/{id_}/forms/{f}") for id_ in (p, "A" * 22)]
    assert (gone.status_code, unknown.status_code) == (404, 404)
    for path in ("/today", "/forms", "/patients", f"/patients/{p}/forms", f"/patients/{p}/forms/{f}/client"):
        page = (await visitor.get(path)).text
        assert "secret words" not in page
        assert p not in page.replace(path, "")


async def test_an_answer_of_a_part_2_program_is_not_in_the_room_of_another_program(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    for program in ("sud", "mh"):
        await clinic.make(f"sys-{program}", encounter(p))
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": f"Patient/{p}"}, "authored": "2026-02-01T10:00:00Z", "questionnaire": "http://x.test/Questionnaire/secret-form|1"}
    theirs = (await clinic.make("sys-sud", answers)).id
    visitor = await at(clinic)
    room = (await visitor.get(f"/patients/{p}/forms")).text
    assert theirs not in room
    assert "secret-form" not in room
    assert (await visitor.get(f"/patients/{p}/forms/answers/{theirs}")).status_code == 404
    f = (await clinic.make("sys-mh", small(url="http://x.test/Questionnaire/secret-form"))).id
    page = (await visitor.get(f"/patients/{p}/forms/{f}")).text
    assert "Last time:" not in page
    assert "Answered before" not in page
