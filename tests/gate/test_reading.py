"""The past of a resource: which version is given, which is in the trail, and page by page; for who is subject to redaction and who is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from sojourn.base import clock
from tests.people import BASE, Clinic, encounter, observation, patient

LOOKERS = ("mh-clinician", "both-clinician")
"""The first is subject to redaction, the second is not."""


async def told_in_five(clinic: Clinic) -> tuple[str, list[str], list[str]]:
    """An observation of an ordinary program with a hidden neighbour, changed four times, a minute apart: its id, its versions and when each was written, the oldest first."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", observation(p, 99))
    start = clock.now()
    with clock.using(clock.FakeClock(start)):
        made = await clinic.make("sys-mh", observation(p, 60))
    versions, times = [made.version], [made.json()["meta"]["lastUpdated"]]
    for n in range(1, 5):
        with clock.using(clock.FakeClock(start + timedelta(minutes=n))):
            reply = await clinic.put("sys-mh", {**made.json(), "valueQuantity": {"value": 60 + n, "unit": "/min"}})
        versions.append(reply.version)
        times.append(reply.json()["meta"]["lastUpdated"])
    return made.id, versions, times


def said(reply: Any) -> list[int]:
    return [r["valueQuantity"]["value"] for r in reply.entries]


@pytest.mark.parametrize("who", LOOKERS)
async def test_a_version_is_the_one_that_was_asked_for_and_the_trail_says_so(clinic: Clinic, who: str) -> None:
    id_, versions, _ = await told_in_five(clinic)
    for n, version in enumerate(versions):
        reply = await clinic.get(who, f"Observation/{id_}/_history/{version}")
        assert (reply.status, reply.json()["valueQuantity"]["value"], reply.version) == (200, 60 + n, version)
        (line,) = await clinic.trail(reply.header("x-request-id"))
        shown = await clinic.owner.fetch("SELECT version FROM record.version WHERE seq = ANY ($1)", line["shown"])
        assert (line["action"], line["type"], line["outcome"], line["query"], [r["version"] for r in shown]) == ("vread", "Observation", "done", f"{id_}/{version}", [version])
    for absent in ("none", "1"):
        reply = await clinic.get(who, f"Observation/{id_}/_history/{absent}")
        (line,) = await clinic.trail(reply.header("x-request-id"))
        assert (reply.status, line["action"], line["outcome"], line["shown"], line["patients"]) == (404, "vread", "absent", [], [])


@pytest.mark.parametrize("who", LOOKERS)
async def test_a_history_comes_newest_first_in_pages_and_from_a_moment_on(clinic: Clinic, who: str) -> None:
    id_, versions, times = await told_in_five(clinic)
    url, pages, shown = f"Observation/{id_}/_history?_count=2", [], []
    while url:
        reply = await clinic.get(who, url)
        assert reply.status == 200, reply.body
        pages.append(said(reply))
        (line,) = await clinic.trail(reply.header("x-request-id"))
        shown += [r["version"] for r in await clinic.owner.fetch("SELECT version FROM record.version WHERE seq = ANY ($1) ORDER BY seq DESC", line["shown"])]
        url = next((link["url"].removeprefix(BASE + "/") for link in reply.json().get("link", ()) if link["relation"] == "next"), "")
    assert pages == [[64, 63], [62, 61], [60]]
    assert shown == versions[::-1]
    for n, moment in enumerate(times):
        assert said(await clinic.get(who, f"Observation/{id_}/_history?_since={quote(moment)}")) == [64, 63, 62, 61, 60][: 5 - n]
    exactly = await clinic.get(who, f"Observation/{id_}/_history?_count=5")
    assert not [link for link in exactly.json().get("link", ()) if link["relation"] == "next"], "no page after the last"


@pytest.mark.parametrize("who", LOOKERS)
async def test_what_was_deleted_is_gone_and_its_past_stays(clinic: Clinic, who: str) -> None:
    id_, versions, _ = await told_in_five(clinic)
    assert (await clinic.ask("sys-mh", "DELETE", f"Observation/{id_}")).status in (200, 204)
    assert (await clinic.get(who, f"Observation/{id_}")).status == 410
    assert (await clinic.get(who, f"Observation/{id_}/_history/{versions[2]}")).json()["valueQuantity"]["value"] == 62
    past = await clinic.get(who, f"Observation/{id_}/_history")
    assert [e["request"]["method"] for e in past.json()["entry"]][:2] == ["DELETE", "PUT"]
    assert said(past) == [64, 63, 62, 61, 60]
