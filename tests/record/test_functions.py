"""What the gate's functions must all have, whoever writes the next one."""

from __future__ import annotations

import asyncpg

from sojourn.record.database import Dsn

BY_KEY_ALONE = {"bears", "consented", "openings", "overrides", "label_questions"}
"""Those whose plans no argument tempts (rows by their whole key), and the desk's pages, which are asked for now and then."""


async def test_every_function_that_takes_the_decision_is_planned_once(database: Dsn) -> None:
    """A plan of its own for each caller looks cheaper than it is: it costs more than what it saves."""
    owner = await asyncpg.connect(database.owner)
    rows = await owner.fetch(
        "SELECT p.proname, coalesce(p.proconfig, '{}') AS settings FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang "
        "WHERE p.pronamespace = 'gate'::regnamespace AND l.lanname = 'plpgsql' AND ('p_mask' = ANY (p.proargnames) OR p.proname = 'write')"
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
