"""What is kept beside the record, asked in one statement: each call gets what it would get alone, and names its columns as the function does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bench.walking import counted
from sojourn.gate import beside, drafts, together
from sojourn.gate.access import Access
from sojourn.record import groups, incidents, messages, papers, rooms
from sojourn.record.beside import Call
from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic

REACH = incidents.Reach("", [people.MH], True, True)
CALLS = (
    groups.findings("beds"), groups.findings("people"), groups.sessions("Practitioner/x", [people.MH], None, None), incidents.actions_of("Practitioner/x"), incidents.every(REACH, None),
    messages.threads("mh-clinician", unread=True), papers.waiting([people.MH], True), rooms.drafts("mh-clinician", ""),
)  # fmt: skip


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def access(clinic: Clinic) -> Access:
    found = await clinic.gate.access(clinic.tokens["mh-clinician"])
    assert found is not None
    return found


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.function} {call.args[0][0]}")
async def test_the_columns_are_those_of_the_function(clinic: Clinic, call: Call) -> None:
    names, modes, types = await clinic.owner.fetchrow(
        "SELECT proargnames, proargmodes, array_agg(format_type(t, NULL) ORDER BY n) FROM pg_proc, unnest(proallargtypes) WITH ORDINALITY AS a(t, n) "
        "WHERE pronamespace = 'gate'::regnamespace AND proname = $1 GROUP BY oid", call.function
    )  # fmt: skip
    assert tuple(name for name, mode in zip(names, modes, strict=True) if mode == b"t") == call.columns
    taken = [type_ for type_, mode in zip(types, modes, strict=True) if mode == b"i"][4:]
    assert taken == [{"timestamptz": "timestamp with time zone", "int[]": "integer[]"}.get(type_, type_) for _, type_ in call.args]


async def test_a_page_asks_all_of_them_in_one_statement_and_each_gets_its_own(clinic: Clinic) -> None:
    mine = await access(clinic)
    for n, key in enumerate(("note:a", "note:b", "form:c")):
        mine.now += timedelta(seconds=n)
        await drafts.keep(mine, key, b"text", seen="")
    alone = [await beside.ask(await access(clinic), call) for call in CALLS]
    assert [row["key"] for row in alone[-1]] == ["form:c", "note:b", "note:a"], "the newest first"
    page = await access(clinic)
    together.keep(page)
    with counted() as asked:
        found = await asyncio.gather(*(beside.ask(page, call) for call in CALLS))
    assert found == alone
    assert len(asked) == 1, asked
