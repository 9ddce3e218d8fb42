"""Labels over the FHIR API: $meta, $meta-add, $meta-delete."""

from __future__ import annotations

from typing import Any

from sojourn.gate.bases import ACT_CODE
from tests.people import Clinic, observation, patient


def labelled(*codes: str, reason: str = "asked by the patient", **more: Any) -> dict[str, Any]:
    meta = {"security": [{"system": ACT_CODE, "code": code} for code in codes], **more}
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}, {"name": "reason", "valueString": reason}]}


def codes(reply: Any) -> list[str]:
    (part,) = reply.json()["parameter"]
    return [c["code"] for c in part["valueMeta"]["security"]]


async def test_staff_put_a_label_on_and_the_privacy_officer_takes_it_off_without_a_version(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = await clinic.make("sys-mh", observation(p))
    url = f"Observation/{made.id}"
    added = await clinic.ask("mh-clinician", "POST", f"{url}/$meta-add", labelled("HIV"))
    assert (added.status, codes(added)) == (200, ["R", "HIV"])
    assert codes(await clinic.get("both-clinician", f"{url}/$meta")) == ["R", "HIV"]
    assert (await clinic.ask("mh-clinician", "POST", f"{url}/$meta-delete", labelled("HIV"))).status == 403
    removed = await clinic.ask("officer", "POST", f"{url}/$meta-delete", labelled("HIV"))
    assert (removed.status, codes(removed)) == (200, ["N"])
    after = await clinic.get("both-clinician", url)
    assert after.version == made.version
    assert len((await clinic.get("both-clinician", f"{url}/_history")).entries) == 1


async def test_what_is_no_decision_is_refused(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    url = f"Observation/{(await clinic.make('sys-mh', observation(p))).id}/$meta-add"
    for body in (labelled("HIV", reason=""), labelled("NOSUCH"), labelled(), labelled("HIV", tag=[{"code": "x"}]), {"resourceType": "Parameters"}, observation(p)):
        assert (await clinic.ask("mh-clinician", "POST", url, body)).status in (400, 422)


async def test_what_may_not_be_seen_answers_as_what_is_not_there(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    made = (await clinic.make("sys-sud", observation(p))).id
    for operation, method, body in (("$meta", "GET", None), ("$meta-add", "POST", labelled("HIV"))):
        hidden = await clinic.ask("mh-clinician", method, f"Observation/{made}/{operation}", body)
        absent = await clinic.ask("mh-clinician", method, f"Observation/{'A' * 22}/{operation}", body)
        assert (hidden.status, hidden.body) == (absent.status, absent.body)
        assert hidden.status == 404


async def test_a_note_is_put_apart_by_who_wrote_it_and_is_gone_from_every_other_answer(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    colleagues, made = (await clinic.make("sys-mh", observation(p))).id, (await clinic.make("mh-clinician", observation(p))).id
    assert (await clinic.ask("mh-clinician", "POST", f"Observation/{colleagues}/$meta-add", labelled("PSYTHPN"))).status in (400, 422)
    assert (await clinic.get("mh-clinician", f"Observation/{colleagues}")).status == 200
    reply = await clinic.ask("mh-clinician", "POST", f"Observation/{made}/$meta-add", labelled("PSYTHPN"))
    assert (reply.status, reply.json()) == (200, {"resourceType": "Parameters", "parameter": []})
    assert (await clinic.get("mh-clinician", f"Observation/{made}")).status == 404
