"""Versions, conditions, trail and cursors as the gate gives them out."""

from __future__ import annotations

import pytest

from sojourn.base import errors
from sojourn.record.trail import Trail
from tests.people import Clinic, encounter, labelled, observation, patient


async def both(clinic: Clinic) -> str:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return p


async def test_the_second_of_two_editors_gets_412_and_both_versions_can_be_read(clinic: Clinic) -> None:
    p = await both(clinic)
    first = await clinic.make("sys-mh", observation(p, 61))
    etag = first.header("etag")
    one = await clinic.put("mh-clinician", {**observation(p, 62), "id": first.id}, ("if-match", etag))
    two = await clinic.put("mh-clinician", {**observation(p, 63), "id": first.id}, ("if-match", etag))
    assert (one.status, two.status) == (200, 412)
    assert two.header("etag") == one.header("etag")
    for version, value in ((first.version, 61), (one.version, 62)):
        reply = await clinic.get("mh-clinician", f"Observation/{first.id}/_history/{version}")
        assert reply.json()["valueQuantity"]["value"] == value
    again = await clinic.put("mh-clinician", {**observation(p, 63), "id": first.id}, ("if-match", one.header("etag")))
    assert again.status == 200


async def test_what_is_hidden_from_an_editor_survives_the_edit(clinic: Clinic) -> None:
    p = await both(clinic)
    part = labelled({"code": {"text": "x"}, "valueString": "secret"}, "SUD")
    made = await clinic.make("sys-mh", observation(p, component=[part, {"code": {"text": "y"}, "valueString": "plain"}]))
    seen = (await clinic.get("sud-clinician", f"Observation/{made.id}")).json()
    assert len(seen["component"]) == 1
    seen["component"][0]["valueString"] = "changed"
    assert (await clinic.put("sud-clinician", seen)).status == 200
    now = (await clinic.get("sys-mh", f"Observation/{made.id}")).json()["component"]
    assert [c["valueString"] for c in now] == ["secret", "changed"]


async def test_a_hidden_change_makes_no_version_for_those_who_do_not_see_it(clinic: Clinic) -> None:
    p = await both(clinic)
    made = await clinic.make("sys-mh", observation(p))
    hidden = await clinic.put("sys-mh", {**observation(p, component=[labelled({"code": {"text": "x"}, "valueString": "x"}, "SUD")]), "id": made.id})
    for who, version, entries in (("sys-mh", hidden.version, 2), ("sud-clinician", made.version, 1)):
        reply = await clinic.get(who, f"Observation/{made.id}")
        assert reply.version == version
        assert len((await clinic.get(who, f"Observation/{made.id}/_history")).entries) == entries
    other = await clinic.make("sys-mh", observation(p))
    secret = labelled({"code": {"text": "x"}, "valueString": "x"}, "PSYTHPN")
    await clinic.put("sys-mh", {**observation(p, component=[secret]), "id": other.id})
    reply = await clinic.get("mh-clinician", f"Observation/{other.id}")
    assert reply.version == other.version
    assert len((await clinic.get("mh-clinician", f"Observation/{other.id}/_history")).entries) == 1
    assert (await clinic.get("mh-clinician", f"Observation?_id={other.id}")).entries[0]["meta"]["versionId"] == other.version
    assert (await clinic.put("mh-clinician", {**observation(p, 80), "id": other.id}, ("if-match", reply.header("etag")))).status == 200


async def test_conditions_of_writes_see_only_what_their_author_sees(clinic: Clinic) -> None:
    p = await both(clinic)
    hidden = (await clinic.make("sys-sud", observation(p, 61))).id
    found = ("if-none-exist", f"patient={p}&value-quantity=61")
    seen = await clinic.ask("sud-clinician", "POST", "Observation", observation(p, 61), [found])
    assert (seen.status, seen.id) == (200, hidden)
    made = await clinic.ask("mh-clinician", "POST", "Observation", observation(p, 61), [found])
    assert made.status == 201
    again = await clinic.ask("mh-clinician", "POST", "Observation", observation(p, 61), [found])
    assert (again.status, again.id) == (200, made.id)
    updated = await clinic.ask("mh-clinician", "PUT", f"Observation?patient={p}&value-quantity=61", observation(p, 62))
    assert (updated.status, updated.id) == (200, made.id)
    assert (await clinic.ask("mh-clinician", "DELETE", f"Observation?patient={p}&value-quantity=61")).status == 204
    assert (await clinic.get("sud-clinician", f"Observation/{hidden}")).status == 200


async def test_writes_to_a_withheld_and_to_an_unknown_id_are_answered_alike(clinic: Clinic) -> None:
    p = await both(clinic)
    hidden = (await clinic.make("sys-sud", observation(p))).id
    for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD"):
        answers = set()
        for id_ in (hidden, "A" * 22):
            body = {"PUT": {**observation(p), "id": id_}, "PATCH": {"resourceType": "Parameters"}}.get(method)
            reply = await clinic.ask("mh-clinician", method, f"Observation/{id_}", body)
            answers.add((reply.status, reply.body.replace(id_.encode(), b""), tuple(h for h in reply.headers if h[0] != "x-request-id")))
        assert len(answers) == 1, answers
    assert (await clinic.get("sys-sud", f"Observation/{hidden}")).status == 200


async def test_a_deleted_resource_is_gone_for_those_who_knew_it_and_never_was_for_others(clinic: Clinic) -> None:
    p = await both(clinic)
    made = (await clinic.make("sys-sud", observation(p))).id
    assert (await clinic.ask("sud-clinician", "DELETE", f"Observation/{made}")).status == 204
    assert (await clinic.get("sud-clinician", f"Observation/{made}")).status == 410
    assert (await clinic.get("mh-clinician", f"Observation/{made}")).status == 404
    assert (await clinic.get("mh-clinician", f"Observation/{made}/_history")).status == 404
    assert len((await clinic.get("sud-clinician", f"Observation/{made}/_history")).json()["entry"]) == 2


async def test_a_cursor_serves_only_the_caller_and_the_question_that_it_was_made_for(clinic: Clinic) -> None:
    p = await both(clinic)
    for n in range(4):
        await clinic.make("sys-mh", observation(p, 60 + n))
    first = await clinic.get("mh-clinician", f"Observation?patient={p}&_count=2")
    following = next(link["url"] for link in first.json()["link"] if link["relation"] == "next")
    query = following.partition("?")[2]
    second = await clinic.get("mh-clinician", f"Observation?{query}")
    assert second.status == 200
    assert not set(first.ids) & set(second.ids)
    assert (await clinic.get("sud-clinician", f"Observation?{query}")).status == 400
    assert (await clinic.get("other-clinician", f"Observation?{query}")).status == 400
    assert (await clinic.get("mh-clinician", f"Observation?{query.replace('_count=2', '_count=3')}")).status == 400


async def test_the_trail_names_caller_patients_and_versions_shown_and_denials(clinic: Clinic) -> None:
    p = await both(clinic)
    made = await clinic.make("sys-mh", observation(p))
    seq = await clinic.owner.fetchval("SELECT seq FROM record.resource WHERE id = $1", made.id)
    for url in (f"Observation/{made.id}", f"Observation?patient={p}", f"Observation/{made.id}/_history"):
        reply = await clinic.get("mh-clinician", url)
        (line,) = await clinic.trail(reply.header("x-request-id"))
        assert (line["account"], line["role"], line["purpose"], line["outcome"]) == ("mh-clinician", "clinician", "TREAT", "done")
        assert (list(line["patients"]), list(line["shown"])) == ([p], [seq])
    absent = await clinic.get("tpo", f"Observation/{made.id}")
    assert [line["outcome"] for line in await clinic.trail(absent.header("x-request-id"))] == ["absent"]
    denied = await clinic.get("technician", "Procedure")
    assert [line["outcome"] for line in await clinic.trail(denied.header("x-request-id"))] == ["denied"]


async def test_a_write_and_its_line_are_one(clinic: Clinic) -> None:
    p = await both(clinic)
    made = await clinic.make("sys-mh", observation(p))
    row = await clinic.owner.fetchrow("SELECT a.xmin = v.xmin AS one FROM record.version v JOIN record.audit a ON v.seq = ANY (a.shown) WHERE v.id = $1", made.id)
    assert row["one"]


async def test_when_the_committer_fails_a_read_is_not_answered(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = await both(clinic)
    made = (await clinic.make("sys-mh", observation(p))).id

    async def fails(*_: object) -> None:
        raise errors.Unavailable()

    monkeypatch.setattr(Trail, "_insert", fails)
    for url in (f"Observation/{made}", f"Observation?patient={p}", f"Observation/{made}/_history", f"Patient/{p}/$everything", "Observation/unknown"):
        reply = await clinic.get("mh-clinician", url)
        assert reply.status == 503
        assert reply.json()["resourceType"] == "OperationOutcome"
        assert p.encode() not in reply.body
