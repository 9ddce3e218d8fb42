"""The change feed: every committed change once, in order, to every follower by its own name."""

from __future__ import annotations

import asyncio

import pytest

from sojourn.base import errors
from sojourn.gate.changes import Change as Write
from sojourn.gate.feed import Change, Feed, Turn
from tests.gate.numbering import numbered
from tests.people import A, B, Clinic, observation, patient


async def test_every_change_is_handed_over_once_and_in_order(clinic: Clinic) -> None:
    seen: list[Change] = []

    async def handle(_: Turn, changes: list[Change]) -> None:
        seen.extend(changes)

    made = (await clinic.make("sys-mh", patient())).id
    await clinic.put("sys-mh", {**patient("Other"), "id": made})
    await clinic.ask("sys-mh", "DELETE", f"Patient/{made}")
    feed = await numbered(clinic)
    assert await feed.follow("one", handle) == len(seen)
    assert [c.kind for c in seen if c.id == made] == ["create", "update", "delete"]
    assert [c.n for c in seen] == list(range(1, len(seen) + 1))
    assert await feed.follow("one", handle) == 0
    assert await feed.position("two") == 0, "each follower has a place of its own"


async def test_what_was_refused_is_not_in_the_feed(clinic: Clinic) -> None:
    feed = await numbered(clinic)
    before = len(await feed.after(0))
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": patient()}
    wrong = {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient", "birthDate": "1988-02-31"}}
    reply = await clinic.ask("sys-mh", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry, wrong]})
    assert reply.status // 100 == 4
    await numbered(clinic)
    assert len(await feed.after(0)) == before


async def test_numbering_from_many_sides_at_once_leaves_no_gap_and_no_double(clinic: Clinic) -> None:
    feed = Feed(clinic.gate.house.db, A)
    p = (await clinic.make("sys-mh", patient())).id

    async def write() -> None:
        for value in range(5):
            await clinic.make("sys-mh", observation(p, 60 + value))

    async def number() -> None:
        for _ in range(10):
            await feed.number()

    await asyncio.gather(write(), write(), number(), number())
    await numbered(clinic)
    changes = await feed.after(0)
    assert [c.n for c in changes] == list(range(1, len(changes) + 1))
    assert len({(c.type, c.id, c.version) for c in changes if c.kind == "create"}) == len([c for c in changes if c.kind == "create"])
    assert len([c for c in changes if c.type == "Observation"]) == 10


async def test_one_organization_does_not_follow_another(clinic: Clinic) -> None:
    made = (await clinic.make("other-sys", patient())).id
    here, there = await numbered(clinic, A), await numbered(clinic, B)
    assert made in {c.id for c in await there.after(0)}
    assert made not in {c.id for c in await here.after(0)}


async def test_what_a_follower_does_and_its_place_are_committed_together_or_not_at_all(clinic: Clinic) -> None:
    """Its work here: a resource for every patient that came."""
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    await clinic.make("sys-mh", patient())
    feed = await numbered(clinic)
    pages: list[list[Change]] = []

    async def work(turn: Turn, changes: list[Change]) -> None:
        pages.append(changes)
        for change in changes:
            if change.type == "Patient":
                await turn.inside(access).write([Write("create", "Observation", resource=observation(change.id))])
        if len(pages) == 1:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await feed.follow("frail", work)
    assert (await clinic.get("sys-mh", "Observation?_summary=count")).json()["total"] == 0, "its work is undone"
    assert await feed.position("frail") == 0
    assert await feed.follow("frail", work) == len(pages[0])
    assert pages[0] == pages[1], "it gets the same page again"
    assert (await clinic.get("sys-mh", "Observation?_summary=count")).json()["total"] == 1
    await feed.follow("frail", work)
    assert (await clinic.get("sys-mh", "Observation?_summary=count")).json()["total"] == 1
    assert (await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE type = 'Observation' AND action = 'transaction'")) == 1


async def test_what_fails_in_a_turn_undoes_itself_only(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    feed = await numbered(clinic)
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None

    async def work(turn: Turn, changes: list[Change]) -> None:
        with pytest.raises(errors.SojournError):
            await turn.inside(access).write([Write("update", "Patient", id=changes[0].id, resource=patient(), if_match="old")])
        await turn.inside(access).write([Write("create", "Observation", resource=observation(changes[0].id))])

    await feed.follow("one", work)
    assert (await clinic.get("sys-mh", "Observation?_summary=count")).json()["total"] == 1


async def test_one_process_at_a_time_has_the_turn_of_a_follower(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    feed = await numbered(clinic)
    handed: list[int] = []

    async def slow(_: Turn, changes: list[Change]) -> None:
        handed.extend(change.n for change in changes)
        assert await feed.follow("one", slow) == 0, "somebody has it already"
        assert await feed.follow("two", other) == len(changes), "another name waits for nobody"

    async def other(_: Turn, changes: list[Change]) -> None:
        """Nothing to do."""

    assert await feed.follow("one", slow) == len(handed) > 0
    assert await feed.position("one") == handed[-1]
