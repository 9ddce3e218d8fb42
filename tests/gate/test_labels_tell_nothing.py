"""Who puts a label on something learns from what becomes of it nothing of what is hidden in it."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import labeljob, labelrules, labels
from sojourn.gate.labeljob import Labeller, Watch
from tests.gate.test_inheriting import on, under
from tests.gate.test_labeljob import law
from tests.people import A, Clinic, encounter, labelled, observation, patient

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
CODES = {"SUD": "F11.20", "HIV": "B20", "MH": "F32.1"}


@pytest.mark.parametrize("who", ["mh-clinician", "both-clinician"])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("how", ["sent", "added"])
async def test_a_label_that_somebody_puts_on_is_shown_alike_whatever_is_hidden(clinic: Clinic, who: str, code: str, how: str) -> None:
    """A part of a note kept apart, with the very code of the label or with none, or nothing at all."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    hidden = labelled({"code": {"coding": [{"system": ICD, "code": CODES[code]}]}, "valueString": "x"}, "PSYTHPN")
    shown: list[Any] = []
    for more in ({"component": [hidden]}, {"component": [labelled({"code": {"text": "x"}, "valueString": "x"}, "PSYTHPN")]}, {}):
        o = (await clinic.make("sys-mh", observation(p, **more))).id
        label = {"security": [{"system": ACT, "code": code}]}
        if how == "sent":
            seen = (await clinic.get(who, f"Observation/{o}")).json()
            reply = await clinic.put(who, {**seen, "meta": label, "language": "fr"})
        else:
            said = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": label}, {"name": "reason", "valueString": "heard"}]}
            reply = await clinic.ask(who, "POST", f"Observation/{o}/$meta-add", said)
        assert reply.status == 200, reply.body
        again = await clinic.get(who, f"Observation/{o}")
        once_more = await clinic.put(who, {**again.json(), "language": "pt"})
        last = await clinic.get(who, f"Observation/{o}")
        found = await clinic.get(who, f"Observation?patient={p}&_id={o}&_security={code}")
        shown.append((reply.json().get("meta", {}).get("security"), again.json()["meta"]["security"], once_more.status, last.json()["meta"]["security"], found.json().get("total"), len(found.ids)))
    assert shown[0] == shown[1] == shown[2]
    if who == "both-clinician":
        assert code in [c["code"] for c in shown[0][1]], "what somebody said of the whole is shown"


ADDED = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"security": [{"system": ACT, "code": "SUD"}]}}, {"name": "reason", "valueString": "heard"}]}


async def looked(clinic: Clinic, who: str, type_: str, id_: str, code: str) -> tuple[Any, ...]:
    """The labels as somebody sees them, and whether these find it."""
    seen = (await clinic.get(who, f"{type_}/{id_}")).json()["meta"]["security"]
    return seen, [len((await clinic.get(who, f"{type_}?_id={id_}&_security={c}")).ids) for c in (code, "R", "N")]


async def edited(clinic: Clinic, who: str, type_: str, id_: str) -> None:
    seen = (await clinic.get(who, f"{type_}/{id_}")).json()
    assert (await clinic.put(who, {**seen, "language": "fr"})).status == 200


@pytest.mark.parametrize("who", ["mh-clinician", "both-clinician"])
async def test_what_a_prescription_has_from_its_medication_is_shown_alike_whatever_is_hidden(clinic: Clinic, who: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    drug = (await clinic.make("sys-mh", {"resourceType": "Medication", "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1010600"}]}})).id
    shown = []
    for hidden in ([{"coding": [{"system": ICD, "code": "F11.20"}]}], [{"text": "x"}], []):
        order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{p}"}, "medicationReference": {"reference": f"Medication/{drug}"}}
        o = (await clinic.make("sys-mh", {**order, **({"reasonCode": [labelled(h, "PSYTHPN") for h in hidden]} if hidden else {})})).id
        first = await looked(clinic, who, "MedicationRequest", o, "OPIOIDUD")
        await edited(clinic, who, "MedicationRequest", o)
        shown.append((first, await looked(clinic, who, "MedicationRequest", o, "OPIOIDUD")))
    assert shown[0] == shown[1] == shown[2]
    assert [c["code"] for c in shown[0][0][0]] == ["N", "OPIOIDUD", "SUD"]
    assert shown[0][0][1] == [1, 0, 1]


@pytest.mark.parametrize("state", [False, True])
async def test_what_something_has_from_its_visit_finds_it_alike_whatever_is_hidden(clinic: Clinic, *, state: bool) -> None:
    """state: a law of the state protects the subject of a code, too."""
    if state:
        await law(clinic, "HIV", "hiv")
    p = (await clinic.make("sys-mh", patient())).id
    visit = (await clinic.make("sys-mh", encounter(p, **under("HIV")))).id
    hidden = labelled({"code": {"coding": [{"system": ICD, "code": "B20"}]}, "valueString": "x"}, "PSYTHPN")
    shown = []
    for more in ({"component": [hidden]}, {"component": [labelled({"code": {"text": "x"}, "valueString": "x"}, "PSYTHPN")]}, {}):
        o = (await clinic.make("sys-mh", observation(p, **on(visit), **more))).id
        first = await looked(clinic, "both-clinician", "Observation", o, "HIV")
        await edited(clinic, "both-clinician", "Observation", o)
        shown.append((first, await looked(clinic, "both-clinician", "Observation", o, "HIV")))
    assert shown[0] == shown[1] == shown[2]
    assert shown[0][0][1] == [1, 1, 0]


async def test_labels_that_were_put_on_in_an_older_form_are_labelled_again_by_the_server_itself(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    hidden = {"component": [labelled({"code": {"text": "x"}, "valueString": "x"}, "PSYTHPN")]}
    with monkeypatch.context() as before:
        before.setattr(labelrules, "_FORM", 2)
        before.setattr(labels, "_because", lambda code, _: {"system": ACT, "code": code})
        before.setattr(labels, "said", lambda coding: coding)
        await clinic.gate.reload()
        assert not await labeljob.needed(await Labeller(clinic.gate).access(A))
        added, sent = [(await clinic.make("sys-mh", observation(p, **hidden))).id for _ in range(2)]
        assert (await clinic.ask("both-clinician", "POST", f"Observation/{added}/$meta-add", ADDED)).status == 200
        seen = (await clinic.get("both-clinician", f"Observation/{sent}")).json()
        assert (await clinic.put("both-clinician", {**seen, "meta": {"security": [{"system": ACT, "code": "SUD"}]}, "language": "fr"})).status == 200
        old = [(await clinic.get("both-clinician", f"Observation/{o}")).json() for o in (added, sent)]
        assert [o["meta"]["security"][1:] for o in old] == [[{"system": ACT, "code": "SUD"}]] * 2, "nothing says why it is there"
    await clinic.gate.reload()
    assert await Watch(Labeller(clinic.gate)).tick(A), "the server begins by itself"
    assert (await labeljob.run(Labeller(clinic.gate), A)).phase == "done"
    assert not await labeljob.needed(await Labeller(clinic.gate).access(A))
    for o, was in zip((added, sent), old, strict=True):
        now = (await clinic.get("both-clinician", f"Observation/{o}")).json()
        assert now["meta"]["security"] == [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}, labels.decided("SUD")]
        assert (now["meta"]["versionId"], now["meta"]["lastUpdated"]) == (was["meta"]["versionId"], was["meta"]["lastUpdated"])
        await edited(clinic, "both-clinician", "Observation", o)
        assert (await looked(clinic, "both-clinician", "Observation", o, "SUD"))[1][0] == 1
