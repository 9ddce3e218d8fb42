"""The change feed: every committed change once, in order, to every follower by its own name."""

from __future__ import annotations

import asyncio

from sojourn.gate.feed import Change, Feed
from tests.people import A, B, Clinic, observation, patient


async def numbered(clinic: Clinic, tenant: int = A) -> Feed:
    """The feed once everything is in it. A change waits for every transaction of the server that began before it, also elsewhere's."""
    feed = Feed(clinic.gate.house.db, tenant)
    async with asyncio.timeout(60):
        while await feed.number() or await clinic.owner.fetchval("SELECT count(*) FROM record.change WHERE tenant = $1", tenant):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    return feed


async def test_every_change_is_handed_over_once_and_in_order(clinic: Clinic) -> None:
    seen: list[Change] = []

    async def handle(changes: list[Change]) -> None:
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


async def test_a_follower_that_failed_gets_the_same_page_again(clinic: Clinic) -> None:
    seen: list[list[Change]] = []
    await clinic.make("sys-mh", patient())
    feed = await numbered(clinic)

    async def fail(changes: list[Change]) -> None:
        seen.append(changes)
        raise ConnectionError

    for _ in range(2):
        try:
            await feed.follow("frail", fail)
        except ConnectionError:
            continue
    assert len(seen) == 2
    assert seen[0] == seen[1]
