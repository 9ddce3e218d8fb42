"""Papers that are in no chart yet, asked of the gate itself: who opens which, by every way to one, and what is bound to it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.base.crypto import BadSeal
from sojourn.gate import papers
from sojourn.gate.access import Access
from sojourn.gate.papers import ASIDE, INDEXED, WAITING, Paper
from tests.gate.test_seeing import access
from tests.people import FAR, MH, SUD, Clinic

IVY: dict[str, Any] = {"role": "admissions"}
"""Who indexes: of both-clinician's programs, which are all."""


async def received(clinic: Clinic, program: int = MH, source: str = "", who: str = "biller", **more: Any) -> str:
    """Somebody who opens none brings one."""
    return await papers.receive(await access(clinic, who), b"A letter about sleep.", media="text/plain", pages=2, door=papers.SCAN, source=source or f"source:{program}", program=program, name="scan.txt", **more)


async def seen(act: Awaitable[Any]) -> bool:
    try:
        await act
    except errors.VersionConflict:
        return True
    except (errors.NotFound, errors.Forbidden):
        return False
    return True


async def tried(clinic: Clinic, one: Access, paper: Paper) -> bool:
    """Whether somebody gets a paper: the same by every way to it."""
    stamp = await clinic.owner.fetchval("SELECT stamp FROM record.paper WHERE paper = $1", paper.id)
    found = [await seen(papers.one(one, paper.id)), paper.id in {p.id for p in await papers.waiting(one)}, await seen(papers.keep(one, paper._replace(stamp="another"))), await seen(papers.keep(one, paper._replace(program=0, stamp="another")))]
    assert await clinic.owner.fetchval("SELECT stamp FROM record.paper WHERE paper = $1", paper.id) == stamp
    assert found == [found[0]] * 4
    assert [r["outcome"] for r in await clinic.trail(one.request) if r["action"] == "paper-read" and r["query"] == paper.id] == ["done" if found[0] else "absent"]
    return found[0]


async def test_it_is_opened_by_who_indexes_where_it_may_belong(clinic: Clinic) -> None:
    whole = await access(clinic, "both-clinician", **IVY)
    made = {program: await papers.one(whole, await received(clinic, program)) for program in (0, SUD, MH, FAR)}
    for who, changed, expected in (
        ("both-clinician", IVY, [0, SUD, MH, FAR]), ("both-clinician", {**IVY, "programs": (SUD, MH)}, [0, SUD, MH]), ("both-clinician", {**IVY, "programs": (MH, FAR)}, [MH, FAR]),
        ("both-clinician", {**IVY, "programs": ()}, []), ("officer", {}, [0, SUD, MH, FAR]), ("mh-officer", {}, [MH]), ("sud-clinician", IVY, [0, SUD]), ("other-clinician", IVY, []),
    ):  # fmt: skip
        assert [program for program, paper in made.items() if await tried(clinic, await access(clinic, who, **changed), paper)] == expected, (who, changed)
    for who in ("both-clinician", "sud-clinician", "biller", "sys-mh", "ana"):
        one = await access(clinic, who)
        for act in (papers.waiting(one), papers.aside(one), papers.one(one, made[MH].id), papers.content(one, made[MH]), papers.keep(one, made[MH])):
            with pytest.raises(errors.Forbidden):
                await act
    assert await papers.content(whole, made[0]) == b"A letter about sleep."


async def test_where_no_program_is_under_part_2_what_is_not_known_is_of_everybody_who_indexes(clinic: Clinic) -> None:
    paper = await papers.one(await access(clinic, "both-clinician", **IVY), await received(clinic, 0))
    mia = await access(clinic, "both-clinician", role="admissions", programs=(MH,))
    assert not await tried(clinic, mia, paper)
    programs: Any = clinic.gate.house.rules[1].programs
    programs[SUD] = replace(programs[SUD], part2=False)
    assert await tried(clinic, await access(clinic, "both-clinician", role="admissions", programs=(MH,)), paper)


async def test_nobody_puts_one_into_a_program_in_which_they_do_not_work(clinic: Clinic) -> None:
    mia = await access(clinic, "both-clinician", role="admissions", programs=(MH,))
    paper = await papers.one(mia, await received(clinic, MH))
    for program in (SUD, FAR, 99):
        with pytest.raises(errors.Forbidden):
            await papers.keep(mia, paper._replace(program=program))
    assert await clinic.owner.fetchval("SELECT program FROM record.paper") == MH
    for program in (99, 7):
        with pytest.raises(errors.Malformed):
            await received(clinic, program)


async def test_what_is_done_with_one_is_kept_once_with_its_part_and_a_line(clinic: Clinic) -> None:
    ivy = await access(clinic, "both-clinician", **IVY)
    first = await papers.one(ivy, await received(clinic, MH))
    part = papers.split_off(first._replace(about="of two"), ((1, 90),))
    assert (part.pages, part.about, part.digest, part.id == first.id) == (((1, 90),), "", first.digest, False)
    stamp = await papers.keep(ivy, first._replace(about="Sleep", pages=((0, 0),)), part=part)
    with pytest.raises(errors.VersionConflict):
        await papers.keep(ivy, first._replace(about="Work"), part=papers.split_off(first, ((1, 0),)))
    found = {p.id: p for p in await papers.waiting(ivy)}
    assert {id_: (p.about, p.pages, p.program) for id_, p in found.items()} == {first.id: ("Sleep", ((0, 0),), MH), part.id: ("", ((1, 90),), MH)}
    assert [await papers.content(ivy, p) for p in found.values()] == [b"A letter about sleep."] * 2
    now = found[first.id]
    assert now.stamp == stamp
    for state in (ASIDE, WAITING, INDEXED):
        now = now._replace(stamp=await papers.keep(ivy, now, state=state), state=state)
        assert [p.id for p in await papers.aside(ivy)] == ([first.id] if state == ASIDE else [])
        assert (first.id in {p.id for p in await papers.waiting(ivy)}) == (state == WAITING)
        if state == WAITING:
            assert await papers.content(ivy, now) == b"A letter about sleep."
        else:
            with pytest.raises(errors.NotFound):
                await papers.content(ivy, now)
    with pytest.raises(errors.VersionConflict):
        await papers.keep(ivy, now, state=WAITING)
    assert [p.id for p in await papers.aside(await access(clinic, "sud-clinician", **IVY))] == []
    lines = [r["action"] for r in await clinic.trail(ivy.request) if r["query"] == first.id and r["action"] != "paper-read"]
    assert lines == ["paper-change", "paper-set-aside", "paper-put-back", "paper-index"]
    with pytest.raises(errors.NotFound):
        await papers.keep(ivy, first._replace(id="nobody"))


async def test_of_one_source_there_is_one_sealed_for_it(clinic: Clinic) -> None:
    first = await received(clinic, MH, "a", sender="+1 555 0100", whose="Rivera", marks=("R",), arrived=(await access(clinic)).now - timedelta(days=1))
    assert await received(clinic, SUD, "a", who="technician") == first
    second = await received(clinic, MH, "b")
    ivy = await access(clinic, "both-clinician", **IVY)
    found = await papers.one(ivy, first)
    assert (found.program, found.name, found.sender, found.whose, found.marks, found.received, found.pages, found.state) == (MH, "scan.txt", "+1 555 0100", "Rivera", ("R",), 2, ((0, 0), (1, 0)), WAITING)
    assert [p.id for p in await papers.waiting(ivy)] == [first, second], "the first to come first"
    kept = str([dict(r) for r in await clinic.owner.fetch("SELECT * FROM record.paper")])
    assert all(word not in kept for word in ("Rivera", "scan.txt", "0100", "sleep"))
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'paper-receive' AND query = $1", first) == 2
    await clinic.owner.execute("UPDATE record.paper SET body = (SELECT body FROM record.paper WHERE paper = $1) WHERE paper = $2", first, second)
    with pytest.raises(BadSeal):
        await papers.one(ivy, second)
    other = await papers.one(ivy, first)
    with pytest.raises(BadSeal):
        await papers.content(ivy, other._replace(under="k:another"))
