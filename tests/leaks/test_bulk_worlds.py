"""Bulk exports in two worlds: counts, names, sizes, lines, progress, deletions and errors are the same whatever is hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.bulk import running, walking
from sojourn.record import bulk
from sojourn.record.database import Dsn
from tests import people
from tests.exports import make_exports
from tests.people import START, Clinic, consent, encounter, labelled, observation, patient

WHO = ("mh-service", "tpo", "stranger")
ASYNC = (("prefer", "respond-async"),)
URLS = (
    "$export", "Patient/$export?_type=Patient,Observation", "Group/{g}/$export", "$export?_since=2026-03-01T08:00:30Z", "Patient/$export?_type=Observation&_typeFilter=Observation%3Fcategory%3Dvital-signs",
    "Group/nothing/$export", "$export?_type=Observation&_elements=subject",
)  # fmt: skip


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


def tick() -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=1))


async def made(clinic: Clinic, who: str, place: str) -> list[str]:
    """Make the export; as far as which kinds it is told to be on the way, whenever anything was written down."""
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("step", "done"):
            patch.setattr(bulk, name, _watched(getattr(bulk, name), clinic, who, place, told))
        await make_exports(clinic)
    return [one for one, before in zip(told, ["", *told], strict=False) if one != before]


def _watched(write: Callable[..., Awaitable[bool]], clinic: Clinic, who: str, place: str, told: list[str]) -> Callable[..., Awaitable[bool]]:
    async def watched(*row: Any) -> bool:
        written = await write(*row)
        told.append((await clinic.get(who, place)).header("x-progress").partition(",")[0])
        return written

    return watched


async def look(clinic: Clinic, group: str, named: str) -> list[tuple[object, ...]]:
    """Everything that an export tells, for each caller: statuses, progress, manifest and lines, ids of exports taken out."""
    found: list[tuple[object, ...]] = []
    for who in WHO:
        for url in (*URLS, ""):
            body = None if url else {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": {"reference": f"Patient/{named}"}}]}
            begun = await clinic.ask(who, "POST" if body else "GET", (url or "Patient/$export").replace("{g}", group), body, ASYNC)
            place = begun.header("content-location").removeprefix(people.BASE + "/")
            found.append((who, url, begun.status, begun.body.replace(named.encode(), b"")))
            if begun.status != 202:
                continue
            waiting = await clinic.get(who, place)
            found.append((waiting.status, waiting.header("x-progress"), waiting.header("retry-after")))
            found.append(tuple(await made(clinic, who, place)))
            manifest = (await clinic.get(who, place)).json()
            found.append((manifest["output"] and [(f["type"], f["url"].rpartition("/")[2], f["count"]) for f in manifest["output"]], len(manifest["deleted"]), len(manifest["error"])))
            for file in (*manifest["output"], *manifest["deleted"], *manifest["error"]):
                got = await clinic.get(who, file["url"].removeprefix(people.BASE + "/"))
                found.append((got.status, got.body, [v for k, v in got.headers if k in ("accept-ranges", "content-type", "content-length")]))
                some = await clinic.get(who, file["url"].removeprefix(people.BASE + "/"), ("range", "bytes=5-50"))
                found.append((some.status, some.body, some.header("content-range")))
            found.append(((await clinic.ask(who, "DELETE", place)).status,))
    return found


async def test_what_an_export_tells_does_not_depend_on_what_is_hidden(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ROWS", 3)
    monkeypatch.setattr(running, "LINES", 4)
    monkeypatch.setattr(walking, "_PATIENTS", 3)
    seen = [(await clinic.make("sys-mh", patient(f"Rivera{n}"))).id for n in range(4)]
    for p in seen:
        for n in range(3):
            await clinic.make("sys-mh", observation(p, n))
    await clinic.make("sys-sud", encounter(seen[0]))
    await clinic.make("sys-sud", observation(seen[0], 99))
    await clinic.make("sys-sud", consent(seen[0], "tpo"))
    group = (await clinic.make("sys-mh", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{p}"}} for p in seen[:2]]})).json()
    tick()
    before = await look(clinic, group["id"], "nobody-there")
    hidden = [(await clinic.make("sys-sud", patient(f"Hidden{n}"))).id for n in range(5)]
    for p in (*hidden, seen[1]):
        await clinic.make("sys-sud", encounter(p))
        for n in range(4):
            await clinic.make("sys-sud", observation(p, n))
        gone = (await clinic.make("sys-sud", observation(p, 9))).id
        await clinic.ask("sys-sud", "DELETE", f"Observation/{gone}")
    await clinic.make("sys-sud", {"resourceType": "Flag", "status": "active", "code": {"text": "cravings"}, "subject": {"reference": f"Patient/{hidden[0]}"}})  # a kind of which there is nothing else
    await clinic.make("sys-sud", {**observation(seen[2]), "note": [labelled({"text": "craving"}, "42CFRPart2")]})
    await clinic.make("sys-sud", consent(seen[1], "elsewhere"))
    after = await look(clinic, group["id"], hidden[0])
    for one, other in zip(before, after, strict=True):
        assert one == other
