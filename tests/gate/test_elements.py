"""Labels on elements: nobody takes one off by sending the element without it; the privacy officer does, with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import bases, elementlabels
from sojourn.gate.access import Access
from tests.people import Clinic, encounter, labelled, observation, patient

HIV = bases.bit_of("HIV")


def part(text: str) -> dict[str, Any]:
    return {"code": {"text": text}, "valueString": "seen"}


async def made(clinic: Clinic, *components: dict[str, Any], who: str = "mh-clinician", **more: Any) -> dict[str, Any]:
    """An entry with labelled components, of a client whom the privacy officer knows."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    resource = {k: v for k, v in observation(p, component=list(components), **more).items() if k != "valueQuantity" or "valueString" not in more}
    found: dict[str, Any] = (await clinic.make(who, resource)).json()
    return found


async def at(clinic: Clinic, who: str = "officer") -> Access:
    access = await clinic.gate.access(clinic.tokens[who])
    assert access is not None
    return access


async def kept(clinic: Clinic, id_: str) -> tuple[int, dict[str, Any]]:
    row = await clinic.owner.fetchrow("SELECT parts, body FROM record.resource WHERE type = 'Observation' AND id = $1", id_)
    return row["parts"], json.loads(bytes(row["body"]))


@pytest.mark.parametrize("who", ["mh-clinician", "both-clinician", "sys-mh"])
async def test_no_change_takes_a_label_off_an_element_whoever_sees_it(clinic: Clinic, who: str) -> None:
    one = await made(clinic, labelled(part("viral load"), "HIV"), part("pulse"))
    seen = (await clinic.get(who, f"Observation/{one['id']}")).json()
    reply = await clinic.put(who, {**seen, "component": [part("viral load"), part("pulse")], "language": "en"})
    assert reply.status == 200, reply.body
    parts, body = await kept(clinic, one["id"])
    assert parts & HIV
    assert body["language"] == "en"
    assert [bool(c.get("extension")) for c in body["component"]] == [True, False]
    assert (await clinic.put(who, {**reply.json(), "component": [part("pulse")]})).status == 200
    assert (await kept(clinic, one["id"]))[0] == 0, "the element itself can be taken out by who sees it"


async def test_the_privacy_officer_takes_a_label_off_one_element_with_a_reason(clinic: Clinic) -> None:
    one = await made(clinic, part("pulse"), labelled(part("viral load"), "HIV"), labelled(part("counted again"), "HIV"), valueString="x", _valueString=labelled({}, "HIV"))
    access = await at(clinic)
    stored = await access.read("Observation", one["id"])
    places = {e.place: (e.codes, e.fixed) for e in elementlabels.listed(stored.resource)}
    assert places == dict.fromkeys(("component.1", "component.2", "valueString"), (("HIV",), ""))
    for place, reason in (("component.0", "wrong"), ("component.9", "wrong"), ("component.2", " ")):
        with pytest.raises(errors.Invalid):
            await elementlabels.take_off(access, "Observation", one["id"], place, stored.version, reason)
    with pytest.raises(errors.Forbidden):
        await elementlabels.take_off(await at(clinic, "mh-clinician"), "Observation", one["id"], "component.2", stored.version, "mine")
    await elementlabels.take_off(access, "Observation", one["id"], "component.2", stored.version, "labelled in error")
    _, body = await kept(clinic, one["id"])
    assert [bool(c.get("extension")) for c in body["component"]] == [False, True, False]
    with pytest.raises(errors.VersionConflict):
        await elementlabels.take_off(await at(clinic), "Observation", one["id"], "component.1", stored.version, "an old page")
    for place in ("component.1", "valueString"):
        access = await at(clinic)
        await elementlabels.take_off(access, "Observation", one["id"], place, (await access.read("Observation", one["id"])).version, "labelled in error")
    parts, body = await kept(clinic, one["id"])
    assert parts == 0
    assert "_valueString" not in body
    assert [c["code"]["text"] for c in body["component"]] == ["pulse", "viral load", "counted again"]
    reasons = [p["reason"][0]["text"] for p in (await clinic.get("officer", f"Provenance?target=Observation/{one['id']}")).entries]
    assert reasons == ["labelled in error"] * 3
    first = await clinic.owner.fetchval("SELECT parts FROM record.version WHERE type = 'Observation' AND id = $1 ORDER BY seq LIMIT 1", one["id"])
    assert first & HIV, "past versions keep it"


async def test_what_follows_from_its_maker_is_not_taken_off_and_what_is_hidden_is_not_there(clinic: Clinic) -> None:
    one = await made(clinic, labelled(part("detox"), "42CFRPart2"), labelled(part("session"), "PSYTHPN"), labelled(part("viral load"), "HIV"))
    access = await at(clinic)
    stored = await access.read("Observation", one["id"])
    by = {e.codes: e for e in elementlabels.listed(stored.resource)}
    assert ("PSYTHPN",) not in by, "the officer does not see notes kept apart"
    assert by["42CFRPart2",].fixed
    with pytest.raises(errors.Invalid):
        await elementlabels.take_off(access, "Observation", one["id"], by["42CFRPart2",].place, stored.version, "wrong")
    # Its place in what the officer sees is not its place in what is stored.
    await elementlabels.take_off(access, "Observation", one["id"], by["HIV",].place, stored.version, "wrong")
    _, body = await kept(clinic, one["id"])
    assert [(c["code"]["text"], bool(c.get("extension"))) for c in body["component"]] == [("detox", True), ("session", True), ("viral load", False)]


@pytest.mark.parametrize("who", ["sys-sud", "both-clinician"])
async def test_an_element_that_the_authors_own_program_lets_them_see_is_not_kept_twice(clinic: Clinic, who: str) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    first = (await clinic.make("sys-sud", observation(p, component=[labelled(part("craving"), "SUD")]))).json()
    assert len(first["component"]) == 1
    sent = {**first, "component": [*first["component"], labelled(part("relapse"), "SUD")], "language": "en"}
    assert (await clinic.put(who, sent)).status == 200
    assert [c["code"]["text"] for c in (await kept(clinic, first["id"]))[1]["component"]] == ["craving", "relapse"]
    patched = await clinic.ask(who, "PATCH", f"Observation/{first['id']}", [{"op": "remove", "path": "/component/0"}], (("content-type", "application/json-patch+json"),))
    assert patched.status == 200, patched.body
    assert [c["code"]["text"] for c in (await kept(clinic, first["id"]))[1]["component"]] == ["relapse"]
