"""When the trail cannot be written the act fails, but for emergency care: that line waits on the local disk and comes in once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sojourn.base import errors
from sojourn.base.crypto import ServerKey
from sojourn.base.db import Database
from sojourn.record.database import Dsn
from sojourn.record.journal import Journal
from sojourn.record.trail import Trail
from tests.record.test_sealing import NOW, entry

KEY = ServerKey(b"k" * 64)


class Down(Database):
    """A database that takes no line."""

    async def call(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        raise errors.Unavailable


@pytest.fixture
async def db(database: Dsn) -> AsyncIterator[Database]:
    opened = Database(database.app, connections=2)
    await opened.open()
    yield opened
    await opened.close()


async def test_only_emergency_care_goes_on_and_its_line_comes_in_exactly_once(db: Database, database: Dsn, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", KEY)
    trail = Trail(Down(database.app), journal)
    with pytest.raises(errors.Unavailable):
        await trail.record(1, entry(1))
    for n, purpose in ((2, "ETREAT"), (3, "BTG")):
        assert (await trail.record(1, entry(n, purpose=purpose, rules=b"\x01\xff"))).request == f"r{n}"
    kept = list(journal.waiting())
    assert len(kept) == 2
    copy = (tmp_path / "journal" / kept[0]).read_text()
    assert "p2" not in copy, "what waits on the disk is encrypted"
    assert await journal.bring_in(db, NOW) == 2
    (tmp_path / "journal" / kept[0]).write_text(copy)  # as if the process had fallen between the database and the disk
    assert await journal.bring_in(db, NOW) == 0
    assert list(journal.waiting()) == []
    owner = await asyncpg.connect(database.owner)
    rows = await owner.fetch("SELECT * FROM record.audit ORDER BY n")
    assert [(r["request"], r["purpose"], list(r["patients"]), list(r["shown"]), r["rules"]) for r in rows] == [
        ("r2", "ETREAT", ["p1", "p2"], [2], b"\x01\xff"),
        ("r3", "BTG", ["p1", "p3"], [3], b"\x01\xff"),
    ]
    assert rows[0]["recorded"] == entry(2).recorded
    await owner.close()


async def test_a_disk_that_will_not_have_it_either_fails_the_act(database: Dsn, tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    with pytest.raises(errors.Unavailable):
        await Trail(Down(database.app), Journal(tmp_path / "journal", KEY)).record(1, entry(2, purpose="ETREAT"))


async def test_a_line_that_was_changed_on_the_disk_does_not_come_in(db: Database, database: Dsn, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", KEY)
    await Trail(Down(database.app), journal).record(1, entry(2, purpose="BTG"))
    (name,) = journal.waiting()
    path = tmp_path / "journal" / name
    text = path.read_text()
    path.write_text(text[:-3] + ("A" if text[-3] != "A" else "B") + text[-2:])
    assert await journal.bring_in(db, NOW) == 0
    assert list(journal.waiting()) == [name]
