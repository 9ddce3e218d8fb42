"""Asking a network about a client, over HTTP: our Sojourn asks another one. Decided first, written down, beside the page, taken in with labels and source."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.care.summaries import fetching
from sojourn.doors.mhd.asking import Asking
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.asking import FAILED, FETCH, OPEN, STOPPED, WAITING, Ask
from sojourn.gate.exchange.partners import Envoys
from sojourn.web.outbound import Outbound
from tests.care import outside
from tests.care.test_handoff import at
from tests.doors.mhd.network import HIE, NEAR, Two, partner
from tests.journeys.serving import serving
from tests.people import MH, SUD, A, Clinic, consent, encounter, patient

WHO = "both-clinician"


async def there(two: Two, *, marked: str = "") -> tuple[str, str]:
    """Ana at the network, with a summary from a hospital: (her id there, the document)."""
    p = (await two.network.make("sys-sud", patient(gender="female"))).id
    await two.network.make("sys-sud", encounter(p))
    await two.network.make("sys-sud", consent(p, "tpo"))
    data = base64.b64encode(outside.ccd(confidentiality=marked or "N")).decode()
    document = {
        "resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "type": {"text": "Summary of Care"}, "date": "2026-02-01T10:00:00Z",
        "content": [{"attachment": {"contentType": "application/xml", "data": data, "title": "Summary of Care", "creation": "2026-02-01"}}],
    }  # fmt: skip
    return p, (await two.network.make("sys-sud", document)).id


async def here(two: Two, *, agreed: bool = True) -> str:
    """Ana at ours, a client of the Part 2 program; agreed: with a consent that names the network."""
    p = (await two.us.make("sys-sud", patient(gender="female"))).id
    await two.us.make("sys-sud", encounter(p))
    if agreed:
        await two.us.make("sys-sud", consent(p, two.here))
    return p


async def begun(two: Two, p: str, key: str = "ask-1") -> str:
    return await asking.begin(await at(two.us, WHO), p, HIE, SUD, key)


async def seen(two: Two, p: str, id_: str = "ask-1") -> Ask:
    return await asking.one(await at(two.us, WHO), p, id_)


async def disclosed(clinic: Clinic, channel: str) -> list[Any]:
    return list(await clinic.owner.fetch("SELECT * FROM record.disclosure WHERE channel = $1 ORDER BY made", channel))


async def test_somebody_is_asked_about_found_and_their_document_is_in_the_chart(two: Two) -> None:
    far, _ = await there(two)
    p = await here(two)
    assert await begun(two, p) == await begun(two, p), "pressed twice it is there once"
    assert (await seen(two, p)).state == WAITING
    assert await disclosed(two.us, asking.CHANNEL) == [], "nothing has left yet"
    await two.done()
    ask = await seen(two, p)
    assert (ask.state, ask.why, ask.person, [f.sure for f in ask.people]) == (OPEN, "", far, ["probable"])
    assert [(d.title, d.day) for d in ask.papers if d.size] == [("Summary of Care", "2026-02-01")]
    assert any(not d.size for d in ask.papers), "and a summary that they make on demand"
    (line,) = await disclosed(two.us, asking.CHANNEL)
    assert (line["account"], line["recipient"], line["purpose"]) == (WHO, f"Organization/{two.here}", "TREAT")
    assert line["notice"], "that she is a client here is a Part 2 record"
    theirs = {r["what"][0].partition("/")[0] for r in await disclosed(two.network, "fhir") if r["what"]}
    assert {"Patient", "DocumentReference"} <= theirs, "and they wrote down what they told"

    wanted = next(d for d in ask.papers if d.size)
    access = await at(two.us, WHO)
    await asking.keep(access, asking.wanted(ask, [wanted.key]), ask.stamp, "ask-outside-fetch")
    await two.done()
    ask = await seen(two, p)
    paper = next(d for d in ask.papers if d.key == wanted.key)
    assert (ask.state, paper.state, await asking.content(access, ask, paper)) == (OPEN, "fetched", outside.ccd())
    registered = next(k for k in await asking.known(access) if k.id == HIE)
    where = await fetching.take(access, ask, wanted.key, registered, sure=False)
    stored = (await two.us.get("sys-sud", f"DocumentReference/{where}")).json()
    marks = {c["code"] for c in stored["meta"]["security"]}
    assert {"R", "42CFRPart2"} <= marks, "what their sender said of it is kept"
    (source,) = (await two.us.get("sys-sud", f"Provenance?target=DocumentReference/{where}")).entries
    assert source["agent"][0]["who"]["reference"] == f"Organization/{two.here}"
    assert source["entity"][0]["what"]["identifier"]["value"] == wanted.url
    assert source["reason"][0]["text"] == "On the basis of: Treatment, under HIPAA"
    assert await fetching.take(await at(two.us, WHO), ask, wanted.key, registered, sure=False) == where, "taken in twice it is there once"
    tasks = (await two.us.get("sys-sud", f"Task?patient={p}")).entries
    assert len([t for t in tasks if (t.get("focus") or {}).get("reference") == f"DocumentReference/{where}"]) == 1


async def test_without_a_consent_nothing_is_asked(two: Two) -> None:
    p = await here(two, agreed=False)
    with pytest.raises(errors.Malformed, match="No consent or care relation"):
        await begun(two, p)
    assert await asking.of_patient(await at(two.us, WHO), p) == []
    assert await disclosed(two.us, asking.CHANNEL) == []


async def test_a_consent_that_is_revoked_meanwhile_stops_what_waits(two: Two) -> None:
    await there(two)
    p = await here(two, agreed=False)
    given = (await two.us.make("sys-sud", consent(p, two.here))).json()
    await begun(two, p)
    assert (await two.us.put("sys-sud", {**given, "status": "inactive"})).status == 200
    await two.done()
    ask = await seen(two, p)
    assert (ask.state, ask.why) == (FAILED, asking.NO_CONSENT)
    assert await disclosed(two.us, asking.CHANNEL) == []
    assert await disclosed(two.network, "fhir") == []


async def test_who_is_hidden_there_and_who_is_not_there_look_alike(two: Two) -> None:
    p = await here(two)
    asked = []
    for n, hidden in enumerate((False, True)):
        if hidden:
            other = (await two.network.make("sys-sud", patient(gender="female"))).id
            await two.network.make("sys-sud", encounter(other))
        await begun(two, p, f"ask-{n}")
        await two.done()
        ask = await seen(two, p, f"ask-{n}")
        asked.append(replace(ask, id="", stamp="", made=None, updated=None, sent=("", "")))
    assert asked[0] == asked[1]
    assert (asked[0].state, asked[0].people, asked[0].matched) == (OPEN, (), True)


async def test_of_several_somebody_chooses_and_what_is_stopped_stays_stopped(two: Two) -> None:
    far, _ = await there(two)
    twin, _ = await there(two)
    p = await here(two)
    await begun(two, p)
    await two.done()
    ask = await seen(two, p)
    assert (ask.state, ask.person, {f.id for f in ask.people}, ask.listed) == (OPEN, "", {far, twin}, False)
    access = await at(two.us, WHO)
    await asking.keep(access, replace(ask, person=twin, state=WAITING), ask.stamp, "ask-outside-choose")
    with pytest.raises(errors.VersionConflict):
        await asking.keep(access, replace(ask, person=far, state=WAITING), ask.stamp, "ask-outside-choose")
    waiting = await seen(two, p)
    await asking.keep(access, replace(waiting, state=STOPPED), waiting.stamp, "ask-outside-stop")
    assert await two.done() == 0
    assert (await seen(two, p)).state == STOPPED


async def test_what_was_asked_for_one_program_is_seen_by_those_who_work_there(two: Two) -> None:
    p = await here(two)
    await two.us.make("sys-mh", encounter(p))
    await begun(two, p)
    assert [a.id for a in await asking.of_patient(await at(two.us, "sud-clinician"), p)] == ["ask-1"]
    assert await asking.of_patient(await at(two.us, "mh-clinician"), p) == []
    with pytest.raises(errors.NotFound):
        await asking.one(await at(two.us, "mh-clinician"), p, "ask-1")
    with pytest.raises(errors.NotFound):
        await asking.of_patient(await at(two.us, "far-clinician"), p)
    with pytest.raises(errors.Forbidden):
        await asking.of_patient(await at(two.us, "technician"), p)
    with pytest.raises(errors.Malformed):
        await asking.begin(await at(two.us, "mh-clinician"), p, HIE, SUD, "another")
    assert MH != SUD


Answer = Callable[[str], tuple[int, bytes]]
GARBAGE: list[tuple[str, Answer]] = [
    ("no JSON", lambda path: (200, b"<html>")), ("a list", lambda path: (200, b"[1, 2]")), ("deep", lambda path: (200, b"[" * 100_000)), ("an error", lambda path: (500, b"")),
    ("odd entries", lambda path: (200, json.dumps({"resourceType": "Bundle", "entry": [7, {"resource": {"resourceType": "Patient", "id": 7, "name": "x"}}, {"resource": None}]}).encode())),
    ("too much", lambda path: (200, b'{"x": "' + b"a" * (6 << 20) + b'"}')), ("elsewhere", lambda path: (302, b"")),
]  # fmt: skip


@pytest.mark.parametrize("answer", [a for _, a in GARBAGE], ids=[name for name, _ in GARBAGE])
async def test_a_partner_that_sends_garbage_is_told_of_and_stops_nobody(two: Two, answer: Answer) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI
        status, body = answer(scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/fhir+json"), (b"location", b"http://127.0.0.1:1/")]})
        await send({"type": "http.response.body", "body": body})

    p = await here(two)
    async with serving(app, "127.0.0.1") as url:
        await partner(two.us, url, f"Organization/{two.here}")
        await begun(two, p)
        for _ in range(4):
            await two.done()
    ask = await seen(two, p)
    assert (ask.state, ask.people) in ((FAILED, ()), (OPEN, ()))
    assert ask.why or ask.matched
    assert len(await disclosed(two.us, asking.CHANNEL)) == 1, "the same bytes sent again are the same disclosure"


async def test_an_address_in_our_own_network_is_not_asked(two: Two) -> None:
    p = await here(two)
    await begun(two, p)
    strict = Asking(Envoys(two.us.gate), Outbound())
    await strict.round(two.us.gate.house.tenants[A])
    ask = await seen(two, p)
    assert (ask.state, ask.tries) == (WAITING, 1)
    assert "cannot be reached" in ask.why
    assert NEAR == ("127.0.0.1",)


async def test_one_document_that_cannot_be_fetched_keeps_no_other_back(two: Two) -> None:
    far, document = await there(two)
    p = await here(two)
    await begun(two, p)
    await two.done()
    ask = await seen(two, p)
    access = await at(two.us, WHO)
    assert (await two.network.ask("sys-sud", "DELETE", f"DocumentReference/{document}")).status == 204
    await asking.keep(access, asking.wanted(ask, [d.key for d in ask.papers]), ask.stamp, "ask-outside-fetch")
    assert (await seen(two, p)).next == FETCH
    await two.done()
    ask = await seen(two, p)
    states = {d.state for d in ask.papers}
    assert (ask.state, states, far) == (OPEN, {"failed", "fetched"}, ask.person)
    made = next(d for d in ask.papers if d.state == "fetched")
    assert b"<ClinicalDocument" in await asking.content(access, ask, made)
