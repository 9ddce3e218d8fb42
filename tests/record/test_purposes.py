"""Grants of the schema before, a row for each purpose, become rows for several; what they said, and when it was known, stays true."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest

from sojourn.record import roles
from sojourn.record.migrate import MIGRATIONS, migrate
from tests.effort import SEED

NEW = "0255_post_purposes.sql"
ONE_BY_ONE = (
    "SELECT tenant, patient, consent, consent_seq, effect, basis, recipient, {purpose} AS purpose, action, programs, types, codes, data_from, data_to, resources, "
    "valid_from, valid_to, known_from, known_to, bits FROM record.consent_grant{unnested} ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19"
)
RELATIONS = "SELECT tenant, patient, actor, kind, source, valid_from, valid_to, known_from, known_to FROM record.relation ORDER BY 1, 2, 3, 4, 5, 6, 7"


@pytest.fixture
async def before(empty_database: str, tmp_path: Path) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A database of the schema before, without functions."""
    connection = await asyncpg.connect(empty_database)
    await roles.ensure_roles(connection)
    for file in MIGRATIONS.glob("*.sql"):
        if file.name < NEW:
            (tmp_path / file.name).write_text(file.read_text("utf-8"))
    (tmp_path / "functions").mkdir()
    await migrate(connection, folder=tmp_path, function_folder=tmp_path / "functions")
    yield connection
    await connection.close()


async def test_what_grants_said_purpose_by_purpose_they_say_together(before: "asyncpg.Connection[Any]") -> None:
    seed = SEED or str(Random().randrange(10**6))
    print(f"seed {seed}")
    random = Random(seed)
    rows = set()
    for _ in range(400):
        effect = random.choice(("permit", "permit", "deny", "label"))
        rows.add((
            random.choice(("p", "q")), random.choice(("c", "d")), random.choice((1, 2)), effect, random.choice((2, 4)), random.choice(("Organization/x", "Organization/y")),
            random.choice(("TREAT", "HPAYMT", "HOPERAT", *("*" if effect != "permit" else ()))), random.choice(("disclose", "use")), random.choice((None, (1,), (1, 2))), random.choice((None, None, ("Observation",))),
            random.choice(("infinity", "infinity", "2026-02-01")),
        ))  # fmt: skip
    await before.executemany(
        "INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purpose, action, programs, types, valid_from, valid_to, known_from, known_to) "
        "VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '-infinity', 'infinity', '2026-01-01', $11::text::timestamptz)", rows,
    )  # fmt: skip
    twice = [("p", "Organization/x", "care-team"), ("p", "Organization/x", "care-team"), ("q", "Organization/y", "consent")]
    await before.executemany("INSERT INTO record.relation (tenant, patient, actor, kind, source, known_from) VALUES (1, $1, $2, $3, 'CareTeam/t', '2026-01-01')", twice)
    said, related = await before.fetch(ONE_BY_ONE.format(purpose="purpose", unnested="")), await before.fetch(RELATIONS)
    assert len(said) > 150
    assert len(related) == 3

    assert NEW.removesuffix(".sql") in await migrate(before)

    assert await before.fetch(ONE_BY_ONE.format(purpose="u.purpose", unnested=", unnest(purposes) AS u(purpose)")) == said
    assert await before.fetch(RELATIONS) == related
    assert await before.fetchval("SELECT count(*) FROM record.consent_grant") < len(said)
    assert await before.fetchval("SELECT count(*) FROM record.consent_grant WHERE '*' = ANY (purposes) AND purposes <> '{*}'") == 0
    apart = "SELECT count(*) FROM (SELECT FROM record.consent_grant GROUP BY patient, consent, consent_seq, effect, basis, recipient, purposes = '{*}', action, programs, types, known_to HAVING count(*) > 1) x"
    assert await before.fetchval(apart) == 0, "nothing that differs in its purpose alone is left"
