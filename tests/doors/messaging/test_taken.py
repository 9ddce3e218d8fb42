"""$process-message: what comes is kept before it is answered, once; what is no message, not agreed or nobody's is refused, and the answer tells nothing of anybody."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.care.test_handoff import at
from tests.doors.messaging.sender import BASE, DOCTOR, ICU, came, known, message, person, result, said, sends, states, stay, value
from tests.people import MH, SUD, Clinic, encounter, patient


async def test_a_message_is_kept_and_answered_and_the_same_again_is_the_same(clinic: Clinic) -> None:
    await sends(clinic)
    sent = message("A01", stay(), person(), DOCTOR, ICU)
    (first,) = await came(clinic, sent)
    assert said(first) == ("ok", "m1")
    header = first.json()["entry"][0]["resource"]
    assert header["destination"] == [{"endpoint": f"{BASE}/$process-message"}]
    assert header["eventCoding"]["code"] == "A01"
    (again,) = await came(clinic, {**sent, "id": "another-envelope", "timestamp": "2026-03-01T09:00:00Z"})
    assert said(again) == ("ok", "m1")
    assert len(await states(clinic)) == 1
    await came(clinic, message("A01", stay(), person(), id_="m2"))
    assert len(await states(clinic)) == 2
    rows = await clinic.owner.fetch("SELECT partner, door, control, kind, version FROM record.exchange_message ORDER BY seq")
    assert [tuple(r) for r in rows] == [("mercy", "messaging", "m1", "ADT^A01", "4.0.1"), ("mercy", "messaging", "m2", "ADT^A01", "4.0.1")]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'message' AND type = 'MessageHeader' AND outcome = 'done'") == 3


async def test_it_is_on_the_disk_before_it_is_answered(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    await sends(clinic)

    async def broken(*_: Any) -> Any:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr("sojourn.record.exchange.keep", broken)
        assert (await came(clinic, message("A04", person())))[0].status >= 500
    assert await states(clinic) == []
    assert said((await came(clinic, message("A04", person())))[0]) == ("ok", "m1")


NO_MESSAGE: dict[str, Any] = {
    "no bundle": {"resourceType": "Patient"}, "a transaction": {**message("A01", person()), "type": "transaction"}, "a list": [1], "no entries": {"resourceType": "Bundle", "type": "message"},
    "no header": {"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "Patient"}}]}, "an entry that is none": {"resourceType": "Bundle", "type": "message", "entry": [7]},
    "no id": message("A01", person(), id_=""), "no event": {**message("A01", person()), "entry": [{"resource": {"resourceType": "MessageHeader", "id": "m1", "source": {"endpoint": BASE}}}]},
    "no source": {"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "MessageHeader", "id": "m1", "eventUri": "urn:x"}}]},
    "an answer": message("A01", person(), response={"identifier": "x", "code": "ok"}), "a resource that is not valid": message("A01", stay(status="somewhere"), person()),
    "two headers": {**message("A01", person()), "entry": message("A01", person())["entry"] * 2}, "too many entries": message("A01", *(person(id_=f"p{n}") for n in range(600))),
}  # fmt: skip


@pytest.mark.parametrize("wrong", NO_MESSAGE)
async def test_what_is_no_message_is_refused_and_nothing_is_kept(clinic: Clinic, wrong: str) -> None:
    await sends(clinic)
    (reply,) = await came(clinic, NO_MESSAGE[wrong])
    assert reply.status in (400, 422), reply.body
    assert reply.json()["resourceType"] == "OperationOutcome"
    assert b"Rivera" not in reply.body
    assert await states(clinic) == []


async def test_what_was_not_agreed_is_refused_with_fatal_error(clinic: Clinic) -> None:
    await sends(clinic, types=("ADT^A01",))
    own = message("A01", person())
    own["entry"][0]["resource"]["eventCoding"]["system"] = "urn:mercy:events"
    for n, sent in enumerate((message("A04", person()), own, message("XX9", person()))):
        (reply,) = await came(clinic, sent)
        assert said(reply) == ("fatal-error", "m1"), n
        assert reply.json()["entry"][1]["resource"]["issue"][0]["severity"] == "error"
    assert await states(clinic) == []


async def test_only_the_service_of_a_partner_with_whom_messages_were_agreed_sends_any(clinic: Clinic) -> None:
    sent = message("A04", person())
    for who, status in (("sys-mh", 403), ("tpo", 403), ("mh-clinician", 403), ("ana", 403), ("nobody", 401)):
        assert (await clinic.ask(who, "POST", "$process-message", sent)).status == status, who
    await sends(clinic, types=())
    assert said((await came(clinic, sent))[0])[0] == "fatal-error"
    assert await states(clinic) == []


async def test_another_way_of_answering_is_refused_by_its_name(clinic: Clinic) -> None:
    await sends(clinic)
    sent = message("A04", person())
    for query, word in (("async=true", "async"), ("response-url=http://127.0.0.1:1/", "response-url"), ("_wait=1", "content")):
        reply = await clinic.ask("mercy", "POST", f"$process-message?{query}", sent)
        assert (reply.status, word in reply.json()["issue"][0]["diagnostics"]) == (400, True), query
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": sent}, {"name": "async", "valueBoolean": True}]}
    assert (await came(clinic, wrapped))[0].status == 400
    wrapped["parameter"][1]["valueBoolean"] = False
    assert said((await came(clinic, wrapped))[0]) == ("ok", "m1")


def bare(body: bytes) -> str:
    """An answer without its random ids and the moment."""
    return re.sub(r'"(id|fullUrl|reference|timestamp)":"[^"]*"', r'"\1":"X"', body.decode())


@pytest.mark.parametrize("account", ["mh-service", "tpo"])
@pytest.mark.parametrize("event", ["A01", "A08", "R01", "O21"])
async def test_the_answer_is_the_same_whomever_it_is_about(clinic: Clinic, account: str, event: str) -> None:
    """Worlds: somebody in care at an ordinary program, somebody whom the Part 2 program treats, somebody of whom two are here, and nobody."""
    await sends(clinic, account=account)
    await known(clinic, "R1")
    await clinic.make("sys-sud", encounter((await clinic.make("sys-sud", patient("Quill", identifier=[{"system": "urn:oid:2.16.840.1.113883.19.5", "value": "R2"}]))).id))
    for _ in range(2):
        await known(clinic, "R3")
    answers = []
    for number, family in (("R1", "Rivera"), ("R2", "Quill"), ("R3", "Rivera"), ("R9", "Nobody")):
        focus = {"R01": (result(value()), value()), "O21": ()}.get(event, (stay(),))
        (reply,) = await came(clinic, message(event, *focus, person(number, family), id_="same"))
        assert reply.status == 200
        answers.append((bare(reply.body), sorted((k, v) for k, v in reply.headers if k not in ("x-request-id", "date"))))
        await clinic.owner.execute("DELETE FROM record.exchange_event")
    assert answers[1:] == answers[:1] * 3


async def test_it_is_listed_opened_and_done_again_as_every_message_is(clinic: Clinic) -> None:
    from sojourn.gate.exchange import messages

    await sends(clinic, program=MH)
    await known(clinic)
    await came(clinic, message("A01", stay(), person(), DOCTOR), message("A01", stay(), person("R7", "Nobody"), id_="m2"), message("O21", person(), id_="m3"))
    assert [s for s, _ in await states(clinic)] == ["mapped", "review", "failed"]
    access = await at(clinic, "officer")
    listed = await messages.listed(access)
    assert [(e.kind, e.state) for e in listed] == [("OML^O21", "failed"), ("ADT^A01", "review"), ("ADT^A01", "mapped")]
    assert not any("Rivera" in e.reason or "Nobody" in e.reason for e in listed)
    opened = await messages.opened(access, listed[2].id)
    assert json.loads(opened.content)["entry"][0]["resource"]["id"] == "m1"
    assert any(r.startswith("Encounter/") for r in opened.result.resources)
    assert "Practitioner.name.family" in opened.result.unmapped or opened.result.unmapped
    await messages.move(access, listed[2].id, "again")
    await came(clinic)
    assert [s for s, _ in await states(clinic)] == ["mapped", "review", "failed"]
    await messages.choose(access, listed[1].id, "+", MH, "")
    await came(clinic)
    assert [s for s, _ in await states(clinic)] == ["mapped", "mapped", "failed"]
    (made,) = (await clinic.get("sys-mh", "Patient?family=Nobody")).entries
    assert made["birthDate"] == "1988-03-04"


async def test_the_statement_of_capabilities_says_it(clinic: Clinic) -> None:
    stated = (await clinic.get("", "metadata")).json()
    assert {o["name"] for o in stated["rest"][0]["operation"]} == {"export", "process-message"}
    assert stated["messaging"][0]["endpoint"][0]["address"].endswith("/fhir/$process-message")
    assert SUD != MH
