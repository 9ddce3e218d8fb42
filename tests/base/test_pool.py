"""Connections are lent last used first; what a busy hour opened is closed when nobody has needed it for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.base.pool import Pool
from sojourn.record.database import Dsn


async def test_a_connection_that_nobody_needs_goes_and_one_always_stays(database: Dsn) -> None:
    with clock.using(FakeClock(datetime(2026, 3, 2, 12, tzinfo=UTC))) as standing:
        assert isinstance(standing, FakeClock)
        pool = Pool(database.app, 3)
        lent = [await pool.acquire() for _ in range(3)]
        for connection in lent:
            pool.release(connection)
        assert await pool.acquire() is lent[2], "the last used first"
        standing.advance(timedelta(minutes=9))
        pool.release(lent[2])
        assert [c.is_closed() for c in lent] == [False, False, False]
        for expected in ([True, False, False], [True, True, False], [True, True, False]):
            standing.advance(timedelta(minutes=9))
            one = await pool.acquire()
            assert one is lent[2]
            pool.release(one)
            assert [c.is_closed() for c in lent] == expected
        assert await one.fetchval("SELECT 1") == 1
        again = [await pool.acquire(), await pool.acquire()]
        assert again[0] is lent[2]
        assert again[1] not in lent, "and another is opened when two are wanted"
        for connection in again:
            pool.release(connection)
        await pool.close()
