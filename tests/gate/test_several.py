"""Several searches in one statement: each is answered as if it had been asked alone, to the byte, and has its own line in the trail."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from bench.walking import counted
from sojourn.base import errors
from sojourn.gate import several, together
from sojourn.gate.access import Access
from tests.gate.test_together import _access, _filled
from tests.people import Clinic

WHO = ["mh-clinician", "sud-clinician", "both-clinician", "biller", "ana"]
Question = tuple[str, tuple[tuple[str, str], ...], int | None]


def questions(p: str) -> tuple[Question, ...]:
    """Of every way that a search can take: general and hot, sorted by each kind of key, with what it includes, counted, and cut to pages."""
    return (
        ("Observation", (("patient", p), ("status", "final"), ("_sort", "-date")), 2),
        ("Observation", (("patient", p), ("status", "final")), None),
        ("Observation", (("_sort", "-_lastUpdated"),), 3),
        ("Observation", (("_sort", "-value-quantity,_id"), ("_include", "Observation:encounter")), None),
        (
            "Observation",
            (("patient", p), ("_sort", "-date"), ("_include", "Observation:subject"), ("_include", "Observation:performer")),
            None,
        ),
        (
            "Patient",
            (("_id", p), ("_revinclude", "Encounter:patient"), ("_revinclude", "Condition:subject"), ("_include", "Patient:organization")),
            None,
        ),
        ("Patient", (("_id", p), ("_revinclude", "Encounter:patient"), ("_include:iterate", "Encounter:service-provider")), None),
        ("Condition", (("_sort", "_id"),), None),
        ("Encounter", (("_summary", "count"),), None),
        ("Observation", (("_total", "accurate"), ("_sort", "date")), 2),
        ("Provenance", (), None),
        ("Patient", (("name", "No such name"),), 1000),
    )


def told(found: Any) -> Any:
    """What a caller gets of an answer, without its receipt."""
    return (
        [(s.type, s.id, s.version, s.updated, s.kind, s.mode, s.body) for s in (*found.matches, *found.included)],
        found.next is not None, found.total, found.count,
    )  # fmt: skip


async def lines(clinic: Clinic, request: str) -> list[tuple[Any, ...]]:
    """The lines of the trail of a request, in no order."""
    owner = await asyncpg.connect(clinic.dsn.owner)
    rows = await owner.fetch("SELECT action, outcome, type, query, patients, shown FROM record.audit WHERE request = $1", request)
    await owner.close()
    return sorted((r["action"], r["outcome"], r["type"], r["query"], tuple(r["patients"]), tuple(r["shown"])) for r in rows)


async def _patient(clinic: Clinic) -> str:
    owner = await asyncpg.connect(clinic.dsn.owner)
    found = str(
        await owner.fetchval(
            "SELECT id FROM record.resource WHERE type = 'Patient' AND id IN (SELECT patient FROM record.resource WHERE type = 'Condition')"
        )
    )
    await owner.close()
    return found


async def _asked(access: Access, question: Question) -> Any:
    type_, params, count = question
    return await access.search(type_, params, count=count)


@pytest.mark.parametrize("who", WHO)
async def test_each_search_is_answered_and_written_down_as_if_it_were_alone(clinic: Clinic, who: str) -> None:
    await _filled(clinic)
    p = await _patient(clinic)
    may = [q for q in questions(p) if (await _access(clinic, who)).may(q[0], "search")]
    alone = await _access(clinic, who)
    apart = [told(await _asked(alone, question)) for question in may]
    access = await _access(clinic, who)
    together.keep(access)
    with counted() as asked:
        found = await asyncio.gather(*(_asked(access, question) for question in may))
    assert [told(one) for one in found] == apart
    assert len(asked) <= 4, (
        "one for all, one for what may be seen; and for who is not subject to redaction what is hidden in rows that are not clean"
    )
    assert await lines(clinic, access.request) == await lines(clinic, alone.request)
    if who != "ana":
        assert any(rows for rows, *_ in apart)
    # The links to the next pages lead on alike.
    more = [(question, one.next) for question, one in zip(may, found, strict=True) if one.next]
    again = await _access(clinic, who)
    together.keep(again)
    following = await asyncio.gather(*(again.search(t, params, count=count, cursor=cursor) for (t, params, count), cursor in more))
    by_itself = [told(await alone.search(t, params, count=count, cursor=cursor)) for (t, params, count), cursor in more]
    assert [told(one) for one in following] == by_itself


@pytest.mark.parametrize("who", WHO)
async def test_what_is_read_with_others_is_read_as_alone(clinic: Clinic, who: str) -> None:
    await _filled(clinic)
    owner = await asyncpg.connect(clinic.dsn.owner)
    every = [
        (r["type"], r["id"])
        for r in await owner.fetch(
            "SELECT type, id FROM record.resource WHERE type IN ('Observation', 'Condition', 'Encounter') ORDER BY rid"
        )
    ]
    await owner.close()
    every.append(("Observation", "nobody"))

    async def one(access: Access, key: tuple[str, str]) -> Any:
        try:
            stored = await access.read(*key)
        except (errors.NotFound, errors.Gone, errors.Forbidden) as error:
            return type(error)
        return (stored.type, stored.id, stored.version, stored.updated, stored.kind, stored.body)

    alone = await _access(clinic, who)
    apart = [await one(alone, key) for key in every]
    access = await _access(clinic, who)
    together.keep(access)
    assert await asyncio.gather(*(one(access, key) for key in every)) == apart
    assert await lines(clinic, access.request) == await lines(clinic, alone.request)


async def test_one_that_costs_too_much_takes_no_other_with_it(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    await _filled(clinic)

    async def costly(access: Access, group: list[Any]) -> Any:
        raise errors.TooCostly

    monkeypatch.setattr(several, "_together", costly)
    access = await _access(clinic, "mh-clinician")
    together.keep(access)
    found = await asyncio.gather(access.search("Observation", []), access.search("Encounter", [("_summary", "count")]))
    assert len(found[0].matches) > 0
    assert found[1].total == 1


async def test_a_caller_who_is_no_more_what_they_were_gets_nothing(clinic: Clinic) -> None:
    await _filled(clinic)
    access = await _access(clinic, "mh-clinician")
    together.keep(access)
    owner = await asyncpg.connect(clinic.dsn.owner)
    await owner.execute("UPDATE record.account SET generation = generation + 1")
    await owner.close()
    for found in await asyncio.gather(
        access.search("Observation", []), access.search("Encounter", []), access.read("Patient", "nobody"), return_exceptions=True
    ):
        assert isinstance(found, errors.StaleCredential)


@pytest.mark.parametrize(
    "params",
    [[("value-quantity", "61")], [("_sort", "-date")], [("_include", "*")], [("code:missing", "false")], [("subject:Patient.name", "Rivera")], [("_has:Provenance:target:_id", "x")], [("_summary", "count")], [("_total", "accurate")], [("_lastUpdated", "gt2020")]],
)
async def test_whatever_is_searched_the_statement_itself_asks_who_asks(clinic: Clinic, params: list[tuple[str, str]]) -> None:
    """Each by itself, where no other statement would have asked before."""
    await _filled(clinic)
    access = await _access(clinic, "mh-clinician")
    await access.search("Observation", params)
    owner = await asyncpg.connect(clinic.dsn.owner)
    await owner.execute("UPDATE record.account SET generation = generation + 1")
    await owner.close()
    with pytest.raises(errors.StaleCredential):
        await access.search("Observation", params)
