"""What all of a chart has in common is noted with every write: never more than its rows carry, and no program of theirs is missing."""

from __future__ import annotations

from random import Random

import asyncpg

from sojourn.record.database import Dsn

TOO_MUCH = """SELECT r.patient, r.own, r.origin, c.own AS noted, c.programs FROM record.resource r LEFT JOIN record.chart_bases c ON c.tenant = r.tenant AND c.patient = r.patient
    WHERE r.patient IS NOT NULL AND ((c.own & ~r.own) = 0 AND r.origin <@ c.programs) IS NOT TRUE"""
ADD = """INSERT INTO record.resource (tenant, rid, seq, type, id, version, patient, updated, plain_updated, own, origin, body)
    SELECT 1, u.rid, u.rid, 'Observation', 'o' || u.rid, 'v', u.patient, now(), now(), u.own, string_to_array(u.origin, ',')::int[], '' FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) AS u(rid, patient, own, origin)"""


async def noted(owner: asyncpg.Connection, patient: str) -> tuple[int, list[int]] | None:
    row = await owner.fetchrow("SELECT own, programs FROM record.chart_bases WHERE tenant = 1 AND patient = $1", patient)
    return row and (row["own"], row["programs"])


async def test_it_falls_with_what_a_row_does_not_carry_and_never_rises(database: Dsn) -> None:
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute(ADD, [1, 2, 3], ["a", "a", None], [2, 6, 0], ["2", "2", ""])
        assert await noted(owner, "a") == (2, [2])
        await owner.execute("UPDATE record.resource SET own = 3 WHERE rid = 1")
        assert await noted(owner, "a") == (2, [2]), "what one row carries more is not what all carry"
        await owner.execute("UPDATE record.resource SET own = 4, origin = '{1}' WHERE rid = 2")
        assert await noted(owner, "a") == (0, [1, 2]), "a label fell, and another program is among those that made it"
        await owner.execute("UPDATE record.resource SET patient = 'b' WHERE rid = 1")
        assert await noted(owner, "b") == (3, [2]), "a row came from another chart"
        await owner.execute(ADD, [4], ["b"], [0], [""])
        assert await noted(owner, "b") == (0, [2]), "what is of no program carries nothing"
        assert not await owner.fetch("SELECT FROM record.chart_bases WHERE patient IS NULL")
    finally:
        await owner.close()


async def test_whatever_is_written_it_says_no_more_than_every_row(database: Dsn) -> None:
    owner = await asyncpg.connect(database.owner)
    random, rid = Random(3), 0
    said = 0
    try:
        for _ in range(60):
            if random.random() < 0.6:
                count = random.randint(1, 5)
                columns = [[rid + n for n in range(1, count + 1)], [random.choice(("a", "b", "c", None)) for _ in range(count)], [random.choice((2, 3, 6, 7, 0)) if random.random() < 0.2 else 6 for _ in range(count)], [random.choice(("1", "2", "2,3", "")) for _ in range(count)]]
                rid += count
                await owner.execute(ADD, *columns)
            elif rid:
                what = random.choice(("own = 6", "own = 2", "origin = '{3}'", "patient = 'd'", "own = 7, patient = 'a', origin = '{1,2}'"))
                await owner.execute(f"UPDATE record.resource SET {what} WHERE rid = {random.randint(1, rid)}")  # noqa: S608 - our own words
            assert not await owner.fetch(TOO_MUCH)
            said += await owner.fetchval("SELECT count(*) FROM record.chart_bases WHERE own <> 0")
    finally:
        await owner.close()
    assert said > 10
