"""Group sessions before they are signed, asked of the gate itself: who opens one, what is bound to it, and what two people at once do not undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.base.crypto import BadSeal
from sojourn.gate import groupsessions
from sojourn.gate.access import Access
from sojourn.gate.groupsessions import MISSED, OPEN, SIGNED, Part, Session
from tests.gate.test_seeing import access
from tests.people import FAR, MH, START, SUD, Clinic

LEADER = "Practitioner/mh-clinician"


async def begun(clinic: Clinic, who: str = "mh-clinician", program: int = MH, schedule: str = "s", *leaders: str, hours: int = 0, **changed: Any) -> str:
    starts = START + timedelta(hours=hours)
    return await groupsessions.begin(await access(clinic, who, **changed), program, schedule, starts, starts + timedelta(hours=1), leaders, b"They spoke of sleep.")


async def tried(one: Access, session: Session, part: Part) -> list[bool]:
    """Whether each way to a session that is there is open: to read it, to keep it and a part of it, and the list."""
    found = []
    for act in (groupsessions.open_(one, session.id), groupsessions.keep(one, session._replace(stamp="another"), b"x"), groupsessions.keep_part(one, session.id, part._replace(stamp="another"))):
        try:
            await act
            found.append(True)
        except errors.VersionConflict:
            found.append(True)
        except errors.NotFound:
            found.append(False)
    return [*found, session.id in {s.id for s in await groupsessions.listed(one)}]


async def test_a_session_is_opened_by_who_leads_it_and_by_who_oversees_its_program(clinic: Clinic) -> None:
    id_ = await begun(clinic, "mh-clinician", MH, "s", "Practitioner/far-clinician")
    leader = await access(clinic, "mh-clinician")
    part = groupsessions.new_part(b"He slept well.")
    await groupsessions.keep_part(leader, id_, part)
    session, parts = await groupsessions.open_(leader, id_)
    assert (session.leaders, session.body, [p.body for p in parts]) == ((("Practitioner/far-clinician"), LEADER), b"They spoke of sleep.", [b"He slept well."])
    for who, changed, opened in (
        ("mh-clinician", {}, True), ("far-clinician", {}, True), ("both-clinician", {}, False), ("sud-clinician", {}, False), ("both-clinician", {"agent": ""}, False), ("both-clinician", {"agent": None}, False),
        ("both-clinician", {"role": "supervisor"}, True), ("both-clinician", {"role": "supervisor", "programs": (SUD, FAR)}, False), ("sud-clinician", {"role": "supervisor"}, False),
        ("other-clinician", {"agent": LEADER}, False),
    ):  # fmt: skip
        one = await access(clinic, who, **changed)
        assert await tried(one, session, parts[0]) == [opened] * 4, (who, changed)
        assert [(r["outcome"], r["query"]) for r in await clinic.trail(one.request) if r["action"] == "group-read"] == [("done" if opened else "absent", id_)]
    refused: list[tuple[str, dict[str, Any]]] = [("biller", {}), ("officer", {}), ("technician", {"agent": LEADER}), ("sys-mh", {})]
    for who, changed in refused:
        one = await access(clinic, who, **changed)
        for act in (groupsessions.open_(one, id_), groupsessions.listed(one), groupsessions.keep(one, session, b"x"), groupsessions.keep_part(one, id_, parts[0])):
            with pytest.raises(errors.Forbidden):
                await act
        with pytest.raises(errors.Forbidden):
            await begun(clinic, who, 0, "x", **changed)
    assert await groupsessions.open_(leader, id_) == (session, parts)


async def test_one_is_begun_in_a_program_of_ones_own_and_once_for_a_time(clinic: Clinic) -> None:
    for program in (SUD, FAR, 99):
        with pytest.raises(errors.Forbidden):
            await begun(clinic, program=program)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.group_session") == 0
    first = await begun(clinic)
    assert await begun(clinic, "both-clinician") == first
    others = [await begun(clinic, hours=1), await begun(clinic, schedule="t"), await begun(clinic, program=0, schedule=""), await begun(clinic, schedule="", agent=None)]
    assert len({first, *others}) == 5
    mine = await access(clinic, "mh-clinician")
    assert {s.id for s in await groupsessions.listed(mine)} == {first, *others[:3]}
    assert {s.id for s in await groupsessions.listed(mine, START, START + timedelta(hours=1))} == {first, others[1], others[2]}
    assert {s.id for s in await groupsessions.listed(mine, START + timedelta(hours=1), START + timedelta(hours=2))} == {others[0]}
    with pytest.raises(errors.NotFound):
        await groupsessions.open_(await access(clinic, "both-clinician"), first)
    kept = str([dict(r) for r in await clinic.owner.fetch("SELECT * FROM record.group_session")])
    assert "sleep" not in kept


async def test_nothing_is_undone_by_two_at_once_and_what_is_signed_or_missed_stays(clinic: Clinic) -> None:
    id_ = await begun(clinic)
    mine = await access(clinic, "mh-clinician")
    first, _ = await groupsessions.open_(mine, id_)
    stamp = await groupsessions.keep(mine, first, b"They spoke of work.")
    with pytest.raises(errors.VersionConflict) as refused:
        await groupsessions.keep(mine, first, b"They were silent.", leaders=[])
    assert refused.value.current == stamp
    parts = [groupsessions.new_part(body) for body in (b"one", b"two", b"three")]
    assert len({(p.id, p.document) for p in parts}) == 3
    kept = [p._replace(stamp=await groupsessions.keep_part(mine, id_, p)) for p in parts]
    for part, state in ((kept[0], SIGNED), (kept[1], MISSED)):
        now = part._replace(body=b"said", stamp=await groupsessions.keep_part(mine, id_, part._replace(body=b"said"), state=state), state=state)
        for other in (part, now):
            with pytest.raises(errors.VersionConflict):
                await groupsessions.keep_part(mine, id_, other._replace(body=b"unsaid"))
    second, found = await groupsessions.open_(mine, id_)
    assert (second.body, second.leaders, second.closed) == (b"They spoke of work.", (LEADER,), False)
    assert {p.id: (p.state, p.body) for p in found} == {kept[0].id: (SIGNED, b"said"), kept[1].id: (MISSED, b"said"), kept[2].id: (OPEN, b"three")}
    (line,) = await groupsessions.listed(mine)
    assert (sorted(line.parts), line.closed) == (sorted([(SIGNED, b"said"), (MISSED, b"said"), (OPEN, b"three")]), False)
    await groupsessions.keep(mine, second, b"", leaders=[LEADER, "Practitioner/both-clinician"], closed=True)
    third, _ = await groupsessions.open_(await access(clinic, "both-clinician"), id_)
    assert (third.closed, await groupsessions.listed(mine)) == (True, [])
    assert [s.closed for s in await groupsessions.listed(mine, START, START + timedelta(hours=1))] == [True]
    await groupsessions.keep(await access(clinic, "both-clinician"), third, b"", leaders=["Practitioner/both-clinician"])
    with pytest.raises(errors.NotFound):
        await groupsessions.open_(mine, id_)


async def test_what_is_sealed_is_of_its_session_and_its_note(clinic: Clinic) -> None:
    first, second = await begun(clinic), await begun(clinic, hours=1)
    mine = await access(clinic, "mh-clinician")
    for id_ in (first, second):
        await groupsessions.keep_part(mine, id_, groupsessions.new_part(b"He slept well."))
    for change in (
        "UPDATE record.group_part SET document = 'another' WHERE session = $1", "UPDATE record.group_part SET body = (SELECT body FROM record.group_part WHERE session <> $1) WHERE session = $1",
        "UPDATE record.group_session SET body = (SELECT body FROM record.group_session WHERE session <> $1) WHERE session = $1",
    ):  # fmt: skip
        await groupsessions.open_(mine, first)
        async with clinic.owner.transaction():
            before = [await clinic.owner.fetchrow(f"SELECT * FROM record.{table} WHERE session = $1", first) for table in ("group_session", "group_part")]
            await clinic.owner.execute(change, first)
        with pytest.raises(BadSeal):
            await groupsessions.open_(mine, first)
        await clinic.owner.execute("UPDATE record.group_session SET body = $2 WHERE session = $1", first, before[0]["body"])
        await clinic.owner.execute("UPDATE record.group_part SET body = $2, document = $3 WHERE session = $1", first, before[1]["body"], before[1]["document"])
