"""Who puts a label on something learns from what becomes of it nothing of what is hidden in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Clinic, encounter, labelled, observation, patient

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
