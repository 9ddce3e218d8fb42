"""kill -9 while a network is asked about a client, at each step: it waits and can be seen, goes on where it was, and what is found is there once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sojourn.care.summaries import fetching
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.asking import FETCH, FIND, MATCH, OPEN, WAITING
from sojourn.record.database import Dsn
from tests.care import outside
from tests.care.test_bringing_kill import Doomed, unanswered
from tests.care.test_handoff import at
from tests.doors.mhd.network import Two
from tests.doors.mhd.test_asking import WHO, begun, disclosed, here, seen, there
from tests.people import A

STEPS: dict[str, Callable[[Any], bool]] = {
    MATCH: lambda scope: scope["path"].endswith("/$match"),
    FIND: lambda scope: scope["path"].endswith("/DocumentReference"),
    FETCH: lambda scope: "/Binary/" in scope["path"] or "/$content" in scope["path"] or scope["path"].count("/DocumentReference/") == 1 and "$docref" not in scope["path"],
}


@pytest.mark.parametrize("step", STEPS)
async def test_what_fell_while_it_asked_goes_on_and_is_done_once(two: Two, database: Dsn, tmp_path: Path, step: str) -> None:
    await there(two)
    p, doomed = await here(two), Doomed()
    await begun(two, p)
    access, answers = await at(two.us, WHO), two.doors["network"]
    if step == FETCH:
        await two.done()
        ask = await seen(two, p)
        await asking.keep(access, asking.wanted(ask, [next(d for d in ask.papers if d.size).key]), ask.stamp, "ask-outside-fetch")
    two.doors["network"] = unanswered(answers, doomed, STEPS[step])
    await two.us.owner.execute("UPDATE record.outside_ask SET due = '2000-01-01'")
    await doomed.run(database, tmp_path, f"{two.ours}/fhir", "ask")
    two.doors["network"] = answers
    ask = await seen(two, p)
    assert (ask.state, ask.next) == (WAITING, step), "it waits, and that can be seen"
    assert await two.asking.round(two.us.gate.house.tenants[A]) == 0, "nobody else does it while the other may be at it"
    assert len(await disclosed(two.us, asking.CHANNEL)) == 1, "that they were asked is in the log, though nobody here heard the answer"

    await two.done()
    ask = await seen(two, p)
    assert (ask.state, ask.why, len(ask.people)) == (OPEN, "", 1)
    wanted = next(d for d in ask.papers if d.size)
    if step != FETCH:
        await asking.keep(access, asking.wanted(ask, [wanted.key]), ask.stamp, "ask-outside-fetch")
        await two.done()
        ask = await seen(two, p)
    paper = next(d for d in ask.papers if d.key == wanted.key)
    assert (paper.state, await asking.content(access, ask, paper)) == ("fetched", outside.ccd())
    assert len(await disclosed(two.us, asking.CHANNEL)) == 1, "the same question again is the same disclosure"
    registered = next(k for k in await asking.known(access) if k.id == ask.partner)
    where = {await fetching.take(access, ask, wanted.key, registered, sure=False) for _ in range(2)}
    assert len(where) == 1
    assert len((await two.us.get("sys-sud", f"DocumentReference?patient={p}")).entries) == 1
