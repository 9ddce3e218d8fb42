"""What the gate's functions must all have, whoever writes the next one."""

from __future__ import annotations

import asyncpg

from sojourn.record.database import Dsn

BY_KEY_ALONE = {"alive", "bears", "consented", "read", "history", "number_changes", "measure"}
"""Those whose plans no argument tempts: rows by their whole key, or run once a second."""


async def test_every_function_over_arrays_is_planned_once(database: Dsn) -> None:
    owner = await asyncpg.connect(database.owner)
    rows = await owner.fetch(
        "SELECT p.proname, coalesce(p.proconfig, '{}') AS settings FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang "
        "WHERE p.pronamespace = 'gate'::regnamespace AND l.lanname = 'plpgsql'"
    )
    await owner.close()
    assert {r["proname"] for r in rows if "plan_cache_mode=force_generic_plan" not in r["settings"]} <= BY_KEY_ALONE


async def test_every_function_with_the_owners_rights_fixes_where_names_are_looked_up(database: Dsn) -> None:
    owner = await asyncpg.connect(database.owner)
    rows = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'gate'::regnamespace AND prosecdef AND NOT 'search_path=pg_catalog' = ANY (coalesce(proconfig, '{}'))"
    )
    await owner.close()
    assert [r["proname"] for r in rows] == []
