"""Making and changing forms on the screen, over the real gate: drafts, versions, import and export."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.people import Clinic
from tests.web.real import Visitor
from tests.web.test_forms import at, client_of, clinic, small

__all__ = ["clinic"]


async def begun(visitor: Visitor, title: str = "Welcome") -> str:
    await visitor.get("/forms")
    made = await visitor.post("/forms", {"title": title})
    assert made.status_code == 303
    await visitor.get(made.headers["location"])
    return str(made.headers["location"]).split("/")[2]


async def change(visitor: Visitor, form: str, item: str, do: str, **fields: str) -> Any:
    await visitor.get(f"/forms/{form}/edit?item={item}")
    sent = await visitor.post(f"/forms/{form}/edit", {"do": do, "item": item, "version": visitor.hidden("version"), **fields})
    if sent.status_code == 303:
        await visitor.get(sent.headers["location"])
    return sent


async def role(clinic: Clinic) -> Visitor:
    await clinic.owner.execute("UPDATE record.assignment SET role = 'supervisor' WHERE tenant = 1 AND account = 'mh-clinician'")
    return await at(clinic)


async def test_a_form_is_made_published_changed_and_answered_in_both_versions(clinic: Clinic) -> None:
    p, visitor = await client_of(clinic), await role(clinic)
    form = await begun(visitor)
    assert "has no questions yet" in (await visitor.get(f"/forms/{form}")).text
    await change(visitor, form, "", "add:question")
    await change(visitor, form, "q1", "keep", text="Do you like tea?", type="boolean")
    await change(visitor, form, "q1", "add:question", text="Do you like tea?", type="boolean", required="yes")
    await change(visitor, form, "q2", "keep", text="Which?", type="choice", options="Green\nBlack | 2", **{"when-question": "q1", "when-operator": "=", "when-value": "Yes"})
    await visitor.get(f"/forms/{form}")
    assert (await visitor.post(f"/forms/{form}", {"do": "publish", "version": visitor.hidden("version")})).status_code == 303
    stored = (await clinic.get("sys-mh", f"Questionnaire/{form}")).json()
    assert (stored["status"], stored["version"], [i["text"] for i in stored["item"]]) == ("active", "1", ["Do you like tea?", "Which?"])
    assert [c["code"] for c in stored["meta"]["security"]] == ["N"]
    assert await clinic.owner.fetchval("SELECT origin FROM record.resource WHERE type = 'Questionnaire' AND id = $1", form) == []  # it is of no program
    await visitor.get(f"/patients/{p}/forms/{form}")
    first = await visitor.post(f"/patients/{p}/forms/{form}", {"do": "submit", "a.q1": "true", "a.q2": "1", "seen": ""})

    await visitor.get(f"/forms/{form}")
    second = str((await visitor.post(f"/forms/{form}", {"do": "next"})).headers["location"]).split("/")[2]
    await change(visitor, second, "q1", "keep", text="Do you like coffee?", type="boolean")
    await visitor.get(f"/forms/{second}")
    await visitor.post(f"/forms/{second}", {"do": "publish", "version": visitor.hidden("version")})
    assert (await clinic.get("sys-mh", f"Questionnaire/{form}")).json()["status"] == "retired"
    room = (await visitor.get(f"/patients/{p}/forms")).text
    assert f"/forms/{second}" in room
    assert f'/forms/{form}"' not in room
    shown = (await visitor.get(first.headers["location"])).text
    assert "Do you like tea?" in shown
    assert "Version 1 of the form" in shown
    assert (await visitor.get(f"/patients/{p}/forms/{form}")).status_code == 404
    assert "Last time:" in (await visitor.get(f"/patients/{p}/forms/{second}")).text
    assert "published version is not changed" in (await visitor.get(f"/forms/{form}/edit")).text


async def test_what_was_removed_is_put_back_and_two_editors_do_not_overwrite_each_other(clinic: Clinic) -> None:
    visitor = await role(clinic)
    form = await begun(visitor)
    await change(visitor, form, "", "add:question")
    await change(visitor, form, "q1", "keep", text="Kept", type="string")
    removed = await change(visitor, form, "q1", "remove", text="Kept", type="string")
    undo = re.findall(r"undo=([^&]+)", removed.headers["location"])[0]
    assert "item" not in (await clinic.get("sys-mh", f"Questionnaire/{form}")).json()
    await visitor.post(f"/forms/{form}/edit?undo={undo}", {"do": "undo", "version": visitor.hidden("version")})
    assert (await clinic.get("sys-mh", f"Questionnaire/{form}")).json()["item"][0]["text"] == "Kept"
    await visitor.get(f"/forms/{form}/edit?item=q1")
    stale = visitor.hidden("version")
    await visitor.post(f"/forms/{form}/edit", {"do": "keep", "item": "q1", "version": stale, "text": "One", "type": "string"})
    late = await visitor.post(f"/forms/{form}/edit", {"do": "keep", "item": "q1", "version": stale, "text": "Two", "type": "string"})
    assert late.status_code == 409
    assert ">Two</textarea>" in late.text
    assert (await clinic.get("sys-mh", f"Questionnaire/{form}")).json()["item"][0]["text"] == "One"


async def test_a_faulty_draft_is_not_published_and_says_what_is_wrong_where(clinic: Clinic) -> None:
    visitor = await role(clinic)
    form = await begun(visitor)
    await change(visitor, form, "", "add:question")
    await change(visitor, form, "q1", "keep", text="Which?", type="choice")
    wrong = await change(visitor, form, "q1", "keep", text="Which?", type="choice", options="A", **{"when-question": "q9", "when-operator": "exists", "when-value": "maybe"})
    assert wrong.status_code == 422
    await visitor.get(f"/forms/{form}")
    stopped = await visitor.post(f"/forms/{form}", {"do": "publish", "version": visitor.hidden("version")})
    assert stopped.status_code == 422
    assert "no-options" in stopped.text


async def test_a_questionnaire_comes_in_and_goes_out_as_json(clinic: Clinic) -> None:
    visitor = await role(clinic)
    await visitor.get("/forms")
    for bad, said in (('{"resourceType": "Patient"}', "not a FHIR Questionnaire"), ("{", "not JSON"), ('{"resourceType": "Questionnaire", "item": [{"text": "x"}]}', "Questionnaire.item[0]")):
        answer = await visitor.post("/forms", {"json": bad})
        assert answer.status_code == 422
        assert said in answer.text
    made = await visitor.post("/forms", {"json": json.dumps(small(id="elsewhere"))})
    id_ = str(made.headers["location"]).split("/")[2]
    out = (await visitor.get(f"/forms/{id_}/export")).json()
    assert (out["item"], out["derivedFrom"], out["status"]) == (small()["item"], ["http://sojourn.test/fhir/Questionnaire/small|1"], "draft")
    own = await visitor.get("/forms/biopsychosocial.1")
    assert own.status_code == 200
    copy = await visitor.post("/forms/biopsychosocial.1", {"do": "next"})
    copied = (await clinic.get("sys-mh", f"Questionnaire/{str(copy.headers['location']).split('/')[2]}")).json()
    assert copied["derivedFrom"] == ["https://sojourn.example/fhir/Questionnaire/biopsychosocial|1"]


async def test_the_preview_asks_what_follows_and_keeps_nothing(clinic: Clinic) -> None:
    visitor, f = await role(clinic), (await clinic.make("sys-mh", small())).id
    assert "What is it?" not in (await visitor.get(f"/forms/{f}")).text
    tried = await visitor.post(f"/forms/{f}/try", {"a.ok": "false"}, headers={"hx-request": "true"})
    assert "What is it?" in tried.text
    assert (await clinic.get("sys-mh", "QuestionnaireResponse")).entries == []


async def test_words_of_a_licensed_measure_are_loaded_and_then_it_is_asked(clinic: Clinic) -> None:
    p, visitor = await client_of(clinic), await role(clinic)
    page = (await visitor.get("/measures/dast-10")).text
    assert "words not loaded" in page
    part = await visitor.post("/measures/dast-10", {"licence": "By letter", **{f"item-{n}": f"Question {n}" for n in range(1, 10)}})
    assert part.status_code == 422
    assert "Item 10 has no words" in part.text
    assert "Question 9</textarea>" in part.text
    assert (await visitor.get(f"/patients/{p}/measures/ask/dast-10")).status_code == 404
    await visitor.get("/measures/dast-10")
    assert (await visitor.post("/measures/dast-10", {"licence": "By letter", **{f"item-{n}": f"Question {n}" for n in range(1, 11)}})).status_code == 303
    assert "Question 7" in (await visitor.get(f"/patients/{p}/measures/ask/dast-10")).text
    sent = await visitor.post(f"/patients/{p}/measures/ask/dast-10", {**{f"q{n}": "0" for n in range(1, 11)}, "seen": ""})
    assert sent.status_code == 303
    (total,) = (await clinic.get("sys-mh", f"Observation?patient={p}")).entries
    assert total["valueQuantity"]["value"] == 1  # item 3 counts from the other end
    assert "DAST-10" in (await visitor.get(f"/patients/{p}/forms")).text
    assert "<h2>DAST-10" not in (await visitor.get("/forms")).text.partition("Shipped forms")[0]


async def test_what_is_due_stands_in_the_chart(clinic: Clinic) -> None:
    visitor = await role(clinic)
    p = await client_of(clinic)
    agent = await clinic.owner.fetchval("SELECT agent FROM record.account WHERE tenant = 1 AND account = 'mh-clinician'")
    stay = {
        "resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-01-02"}, "careManager": {"reference": agent},
        "type": [{"coding": [{"system": "http://x.test/level-of-care", "code": "OP"}], "text": "Outpatient"}],
    }  # fmt: skip
    await clinic.make("sys-mh", stay)
    hidden = await client_of(clinic, "sys-sud")
    await clinic.make("sys-sud", {**stay, "patient": {"reference": f"Patient/{hidden}"}})
    room = (await visitor.get(f"/patients/{p}/forms")).text
    assert "Biopsychosocial assessment" in room.partition('id="forms-due"')[2].partition("</section>")[0]
    assert (await visitor.get(f"/patients/{hidden}/forms")).status_code == 404
