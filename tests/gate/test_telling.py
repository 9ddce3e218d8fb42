"""Whether a version tells of a change to who is shown everything redacted: asked again whenever what it referred to gets a label, loses it, comes or goes."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.gate import plainly, tellingagain
from sojourn.gate.changes import Change
from sojourn.gate.labeljob import Labeller
from sojourn.record.migrate import MIGRATIONS
from tests.gate.test_leaks_found import both, problem, told
from tests.gate.test_overriding import access, decide
from tests.gate.test_retelling import LOCK, begun, held, waiting
from tests.people import Clinic, consent, encounter, labelled

HIDDEN = labelled({"text": "her test"}, "HIV")
"""A remark under a law that the practice outside has no permission for."""
UNDER = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}}


async def client(clinic: Clinic) -> str:
    p = await both(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    return p


async def tells(clinic: Clinic, id_: str, version: Any) -> bool:
    """Whether the practice is told of a version by its time; the same by the history of the type, and nothing of another version is given with it."""
    since = version.json()["meta"]["lastUpdated"]
    versions, found, listed = await told(clinic, id_, since, "tpo")
    assert found == listed == (version.version in versions)
    return found


async def kept(clinic: Clinic, id_: str) -> list[bool]:
    """Of each version whether it tells of a change, as it is kept."""
    rows = await clinic.owner.fetch("SELECT plain_seq = seq AS tells FROM record.version WHERE id = $1 ORDER BY seq", id_)
    return [row["tells"] for row in rows]


async def turn(clinic: Clinic, way: str, other: str) -> None:
    """A problem, or the visit that it hangs on, gets the HIV law."""
    stored = (await clinic.get("sys-mh", f"Condition/{other}")).json()
    match way:
        case "decision":
            await decide(clinic, "mh-clinician", "raise", "Condition", other, "HIV")
        case "visit":
            await decide(clinic, "mh-clinician", "raise", "Encounter", stored["encounter"]["reference"].partition("/")[2], "HIV")
        case "edit":
            assert (await clinic.put("sys-mh", {**stored, **UNDER})).status == 200
        case "restore":
            assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{other}")).status == 204
            assert (await clinic.put("sys-mh", {**stored, **UNDER})).status == 201


@pytest.mark.parametrize("way", ["decision", "visit", "edit", "restore"])
async def test_a_version_tells_of_a_change_only_while_something_that_may_be_seen_differs(clinic: Clinic, way: str) -> None:
    p = await client(clinic)
    visit = (await clinic.make("sys-mh", encounter(p))).id
    other = (await clinic.make("sys-mh", problem(p, encounter={"reference": f"Encounter/{visit}"}))).id
    first = await clinic.make("sys-mh", problem(p, of=other))
    second = await clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id})
    assert await tells(clinic, first.id, second)
    third = await clinic.put("sys-mh", {**problem(p, HIDDEN, HIDDEN), "id": first.id})
    assert not await tells(clinic, first.id, third)
    await turn(clinic, way, other)
    assert not await tells(clinic, first.id, second)
    assert not await tells(clinic, first.id, third)
    assert (await clinic.get("tpo", f"Condition/{first.id}")).version == first.version
    fourth = await clinic.put("sys-mh", {**problem(p, language="en"), "id": first.id})
    assert await tells(clinic, first.id, fourth)


async def test_a_label_that_falls_again_leaves_no_trace(clinic: Clinic) -> None:
    """One of two problems had a label for a while, during which what refers to it was edited. Nobody can tell which."""
    p = await client(clinic)
    told_of = []
    for was in (True, False):
        other = (await clinic.make("sys-mh", problem(p))).id
        first = await clinic.make("sys-mh", problem(p, of=other))
        if was:
            await decide(clinic, "mh-clinician", "raise", "Condition", other, "HIV")
        second = await clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id})
        if was:
            assert not await tells(clinic, first.id, second)
            await decide(clinic, "officer", "lower", "Condition", other, "HIV")
        told_of.append((await tells(clinic, first.id, second), (await clinic.get("tpo", f"Condition/{first.id}")).version == second.version))
    assert told_of == [(True, True)] * 2


async def test_what_was_referred_to_before_it_was_there_tells_of_nothing_once_it_came_with_a_label(clinic: Clinic) -> None:
    p = await client(clinic)
    first = await clinic.make("sys-mh", problem(p, of="that-comes-later"))
    second = await clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id})
    assert await tells(clinic, first.id, second)
    came = Change("update", "Condition", "that-comes-later", {**problem(p), "id": "that-comes-later", **UNDER}, upsert=True)
    await (await access(clinic, "sys-mh")).write([came], action="update")
    assert not await tells(clinic, first.id, second)


async def test_of_several_references_one_that_may_be_seen_is_enough(clinic: Clinic) -> None:
    p = await client(clinic)
    others = [(await clinic.make("sys-mh", problem(p))).id for _ in range(3)]
    all_three = {"evidence": [{"detail": [{"reference": f"Condition/{id_}"} for id_ in others]}]}
    first = await clinic.make("sys-mh", problem(p, **all_three))
    second = await clinic.put("sys-mh", {**problem(p, HIDDEN, of=others[1]), "id": first.id})
    for id_, left in zip((others[1], others[0], others[2]), (True, True, False), strict=True):
        await decide(clinic, "mh-clinician", "raise", "Condition", id_, "HIV")
        assert await tells(clinic, first.id, second) == left, id_


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_element_that_cannot_be_without_what_is_hidden_tells_of_nothing_else_in_it(clinic: Clinic, when: str) -> None:
    """Who did it for whom: without the one nobody is told of the other, so that what is taken out tells of neither."""
    p = await client(clinic)
    target = (await clinic.make("sys-mh", problem(p))).id
    who, whom = [(await clinic.make("sys-mh", {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{p}"}})).id for _ in range(2)]
    agents = [{"who": {"reference": "Practitioner/x"}}, {"who": {"reference": f"RelatedPerson/{who}"}, "onBehalfOf": {"reference": f"RelatedPerson/{whom}"}}]
    about = {"resourceType": "Provenance", "target": [{"reference": f"Condition/{target}"}], "recorded": "2026-01-01T10:00:00Z"}
    if when == "before":
        await decide(clinic, "mh-clinician", "raise", "RelatedPerson", who, "HIV")
    first = await clinic.make("sys-mh", {**about, "agent": agents})
    second = await clinic.put("sys-mh", {**about, "agent": agents[:1], "id": first.id})
    if when == "after":
        await decide(clinic, "mh-clinician", "raise", "RelatedPerson", who, "HIV")
    assert second.status == 200
    assert await kept(clinic, first.id) == [True, False]


async def test_an_edit_that_was_prepared_before_the_label_came_and_written_after_is_judged_anew(clinic: Clinic) -> None:
    p = await client(clinic)
    other, first = await begun(clinic, p)
    async with held(clinic, LOCK, f"Condition/{first.id}"):
        edit = asyncio.create_task(clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id}))
        await waiting(clinic, "advisory")
        await decide(clinic, "mh-clinician", "raise", "Condition", other, "HIV")
    assert not await tells(clinic, first.id, await edit)


async def test_an_edit_that_is_written_while_the_label_of_a_visit_reaches_what_it_no_longer_refers_to_tells_of_nothing(clinic: Clinic) -> None:
    """The law of the visit has reached the other problem, and its transaction goes on (it waits for another row): the edit waits for that one."""
    p = await client(clinic)
    visit = (await clinic.make("sys-mh", encounter(p))).id
    hung = {"encounter": {"reference": f"Encounter/{visit}"}}
    other = (await clinic.make("sys-mh", problem(p, **hung))).id
    holder = await clinic.make("sys-mh", problem(p, of=other))  # the label makes it say more of the other one: its row is written last
    first = await clinic.make("sys-mh", problem(p, of=other))
    async with held(clinic, "SELECT FROM record.resource WHERE tenant = 1 AND id = $1 FOR UPDATE", holder.id):
        reach = asyncio.create_task(decide(clinic, "mh-clinician", "raise", "Encounter", visit, "HIV"))
        await waiting(clinic, "transactionid tuple")
        edit = asyncio.create_task(clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id}))
        await waiting(clinic, "transactionid tuple advisory", 2)
    await reach
    assert not await tells(clinic, first.id, await edit)


async def test_what_comes_with_a_label_waits_for_an_edit_that_is_written_by_its_not_being_there(clinic: Clinic) -> None:
    p = await client(clinic)
    first = await clinic.make("sys-mh", problem(p, of="that-comes-later"))
    came = Change("update", "Condition", "that-comes-later", {**problem(p), "id": "that-comes-later", **UNDER}, upsert=True)
    async with held(clinic, "SELECT FROM record.resource WHERE tenant = 1 AND id = $1 FOR UPDATE", first.id):
        edit = asyncio.create_task(clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id}))
        await waiting(clinic, "transactionid tuple")
        coming = asyncio.create_task((await access(clinic, "sys-mh")).write([came], action="update"))
        await waiting(clinic, "advisory")
    await coming
    assert not await tells(clinic, first.id, await edit)


async def test_what_was_edited_before_it_was_kept_is_found_out_and_asked_again(clinic: Clinic) -> None:
    p = await client(clinic)
    other = (await clinic.make("sys-mh", problem(p))).id
    first = await clinic.make("sys-mh", problem(p, of=other))
    second = await clinic.put("sys-mh", {**problem(p, HIDDEN), "id": first.id})
    await clinic.owner.execute("DELETE FROM record.telling; DELETE FROM record.telling_backlog")
    await decide(clinic, "mh-clinician", "raise", "Condition", other, "HIV")
    assert await kept(clinic, first.id) == [True, True], "as it was"
    again = (MIGRATIONS / "0252_pre_telling.sql").read_text("utf-8")
    await clinic.owner.execute(again[again.index("INSERT INTO record.telling_backlog") : again.index("REVOKE")])
    labeller = Labeller(clinic.gate)
    steps = 0
    while await tellingagain.step(await labeller.access(1), 3):
        steps += 1
    assert steps > 1
    assert not await tells(clinic, first.id, second)
    await decide(clinic, "officer", "lower", "Condition", other, "HIV")
    assert await tells(clinic, first.id, second)


# --- the groups -----------------------------------------------------------------------------------------------------------------------


@given(st.sets(st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=4), max_size=5), st.frozensets(st.sampled_from("abcdef")))
def test_the_groups_say_what_hiding_some_leaves(differ_by: set[frozenset[str]], hidden: frozenset[str]) -> None:
    """Two versions that differ where everything of one of some sets may be seen: the groups say so of whatever is hidden, and none is larger than it must be."""
    universe = frozenset("abcdef")

    def differ(away: AbstractSet[str]) -> bool:
        return any(one.isdisjoint(away) for one in differ_by)

    found = list(plainly.groups(differ, universe))
    assert any(group.isdisjoint(hidden) for group in found) == differ(hidden)
    assert set(found) == {one for one in differ_by if not any(less < one for less in differ_by)}


def test_what_begins_or_ends_both_lists_is_not_asked() -> None:
    def group(*members: str) -> dict[str, Any]:
        return {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{m}"}} for m in members]}

    assert plainly.differs(group("a", "b", "c", "d"), group("a", "c", "d")) == (True, (frozenset({"Patient/b"}),))
    assert plainly.differs(group("a", "b"), {**group("a"), "name": "x"}) == (True, ())
    assert plainly.differs(group("a"), group("a")) == (False, ())
    many = [f"p{n}" for n in range(90)]
    assert set(plainly.differs(group(*many), group()).by) == {frozenset({f"Patient/{m}"}) for m in many}
