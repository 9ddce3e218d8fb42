"""Who has something urgent and does not know it is called where they are reached: one neutral text, until it went."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.care import tasks
from sojourn.care.calling import duty
from sojourn.care.risk import acting
from sojourn.gate import calling, paging
from sojourn.gate.channels import SMS, Message
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.care.risky import AWAY, NIGHT, ON_CALL, Ward, cssrs, ward
from tests.doors.calling.counterpart import Texts
from tests.people import A, Clinic

WORDS = "Sojourn: somebody needs you now. Sign in to see it. https://ehr.example"
NUMBERS = {"therapist": "+15185550101", "night": "+15185550102", "boss": "+15185550103", "lead": "+15185550104", "blind": "+15185550105"}


class Night(Ward):
    """A ward whose people are reached by text. texts: the gateway."""

    texts: Texts


@pytest.fixture
async def night(database: Dsn) -> AsyncIterator[Night]:
    async with ward(database, at=NIGHT) as made:
        made.__class__ = Night
        assert isinstance(made, Night)
        made.texts = Texts()
        house = made.clinic.gate.house
        house.channels, house.address = {SMS: made.texts.channel()}, "https://ehr.example"
        for who in NUMBERS:
            await reach(made, who)
        yield made


async def reach(of: Ward, who: str) -> None:
    await reached_at(of.clinic, who, NUMBERS[who])


async def reached_at(clinic: Clinic, account: str, number: str) -> None:
    """As if they had shown the code that was sent there."""
    sealed = clinic.gate.house.key.seal("call-place", number.encode(), f"{A}\0{account}".encode())
    await clinic.owner.execute(
        "INSERT INTO record.call_place (tenant, place, account, means, sealed, code, made, expires, proved) VALUES ($1, $2, $2, 'sms', $3, '', $4, $4, $4)", A, account, sealed, clock.now()
    )  # fmt: skip


async def look(of: Ward, **later: float) -> None:
    of.later(**later)
    await of.tick()
    await duty.run(await Clockwork(of.clinic.gate).access(A))


def heard(of: Night) -> dict[str, int]:
    """How many texts each got; every one in the same words."""
    assert {text for _, text in of.texts.given.values()} <= {WORDS}
    return {who: n for who, number in NUMBERS.items() if (n := len(of.texts.to(number)))}


async def danger(of: Ward) -> None:
    assert (await of.answer("c-ssrs-screener", cssrs(q2=1, q4=1))).status == 201


async def test_who_is_told_is_called_once_and_the_next_when_it_is_their_turn(night: Night) -> None:
    await look(night)
    assert heard(night) == {}
    await danger(night)
    await look(night)
    await look(night, seconds=20)
    assert heard(night) == {"night": 1}
    await look(night, minutes=6)
    assert heard(night) == {"night": 1, "lead": 1}, "the boss is off duty at night; the end of the chain is told at once"
    (one, *_) = night.texts.given.values()
    for secret in (night.client, "Rivera", "risk", "suicide", "danger", (await night.episode()).id):
        assert secret.lower() not in one[1].lower()


async def test_each_call_stands_in_the_trail_and_says_of_whom_nothing(night: Night) -> None:
    await danger(night)
    await look(night)
    lines = await night.clinic.owner.fetch("SELECT * FROM record.audit WHERE action = 'staff-call'")
    assert [(r["query"], r["type"], list(r["patients"]), list(r["shown"])) for r in lines] == [("account=night&kind=sms", "Login", [], [])]
    await night.clinic.owner.execute("DELETE FROM record.call")
    assert len(await night.clinic.owner.fetch("SELECT FROM record.audit WHERE action = 'staff-call'")) == 1


async def test_who_is_told_again_is_called_again(night: Night) -> None:
    await danger(night)
    for _ in range(3):
        await look(night, minutes=6)
    assert [e.kind for e in (await night.episode()).events].count("reminded") >= 1
    before = heard(night)
    await look(night, minutes=11)
    assert heard(night)["lead"] == before["lead"] + 1


async def test_a_gateway_that_is_down_is_asked_again_with_growing_pauses_and_others_are_not_held_up(night: Night) -> None:
    night.texts.no = {NUMBERS["night"]}
    await danger(night)
    await look(night)
    assert night.texts.asked == 1
    await look(night, seconds=19)
    assert night.texts.asked == 1
    await look(night, seconds=1)
    await look(night, seconds=39)
    assert night.texts.asked == 2
    await look(night, seconds=1)
    assert night.texts.asked == 3
    await look(night, minutes=6)
    assert heard(night) == {"lead": 1}
    night.texts.no = set()
    await look(night, minutes=6)
    assert heard(night)["night"] == 1


async def test_a_process_that_falls_between_asking_and_writing_down_asks_again_under_the_same_key(night: Night) -> None:
    await danger(night)
    await night.tick()
    access = await Clockwork(night.clinic.gate).access(A)
    with pytest.MonkeyPatch.context() as patch:
        async def fall(*_: object) -> str:
            raise RuntimeError

        patch.setattr(night.clinic.gate.house.channels[SMS], "send", fall)
        await duty.run(access)
    await look(night, seconds=30)
    assert night.texts.given == {}, "another process has it"
    await look(night, seconds=31)
    assert heard(night) == {"night": 1}
    await night.clinic.owner.execute("UPDATE record.call SET outcome = '', ended = NULL, next = '2026-01-01'")  # it fell before it wrote down that it went
    await look(night, seconds=20)
    assert (night.texts.asked, heard(night)) == (2, {"night": 1}), "to the gateway it is the same message"


async def test_two_processes_call_once(night: Night) -> None:
    await danger(night)
    await night.tick()
    clerks = [await Clockwork(night.clinic.gate).access(A) for _ in range(3)]
    together, really = asyncio.Barrier(3), calling.called

    async def called(*args: Any) -> calling.Called:
        found = await really(*args)
        await together.wait()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calling, "called", called)
        await asyncio.gather(*(duty.run(c) for c in clerks))
    assert (night.texts.asked, heard(night)) == (1, {"night": 1})


async def test_who_acknowledged_is_not_called_and_the_next_is_when_nothing_is_done(night: Night) -> None:
    await danger(night)
    await night.tick()
    await acting.acknowledge(await night.access("night"), (await night.episode()).id)
    await look(night)
    assert heard(night) == {}
    await look(night, minutes=12)  # nothing was done: the next is told
    assert "lead" in heard(night)


async def test_who_went_away_before_the_gateway_took_it_is_not_called(night: Night) -> None:
    night.texts.down = 503
    await danger(night)
    await look(night)
    await night.put(AWAY, "night", 5)
    night.texts.down = 0
    await look(night, minutes=6)
    assert heard(night) == {"lead": 1}
    assert await night.clinic.owner.fetchval("SELECT outcome FROM record.call WHERE account = 'night'") == "unneeded"


async def test_an_account_that_is_not_active_is_not_called(night: Night) -> None:
    await night.clinic.owner.execute("SELECT gate.set_account_state(1, 'night', 'deactivated', '', 'Left.', $1)", clock.now())
    await danger(night)
    await look(night, minutes=1)
    assert "night" not in heard(night)


async def test_who_may_not_see_the_client_is_called_for_their_page_in_the_same_words(night: Night) -> None:
    await night.clinic.owner.execute("DELETE FROM record.call_place WHERE account <> 'blind'")
    await night.put(ON_CALL, "blind", 8)
    await danger(night)
    await look(night)
    assert await night.notices("blind") == []
    assert heard(night) == {"blind": 1}
    await look(night, minutes=6)
    await look(night, minutes=6)
    assert heard(night) == {"blind": 1}
    access = await night.access("blind")
    ((name, _),) = await paging.mine(access)
    await paging.page(await Clockwork(night.clinic.gate).access(A), "blind", name, {"episode": name, "patient": night.client})
    await look(night, minutes=6)
    assert heard(night) == {"blind": 2}, "asked again"
    await acting.act(await night.access("night"), (await night.episode()).id, "spoke", "Talked with them.")
    await paging.page(await Clockwork(night.clinic.gate).access(A), "blind", name, {"episode": name, "patient": night.client})
    await look(night, minutes=6)
    assert heard(night) == {"blind": 2}, "somebody has it"


async def test_no_more_than_one_call_in_the_pause_however_much_comes(night: Night) -> None:
    await danger(night)
    await look(night)
    access = await night.access("sys-mh")
    for priority in ("stat", "urgent"):
        made = tasks.new(access, "risk-notice", "Somebody needs you now", patient=night.client, owner=night.refs["night"], priority=priority, program=night.program)
        await access.write([made], action="task")
    await look(night, seconds=20)
    assert heard(night) == {"night": 1}
    await look(night, minutes=5)
    await look(night, minutes=5)
    assert heard(night)["night"] == 2


async def test_without_a_channel_nothing_is_lost(night: Night) -> None:
    channels = night.clinic.gate.house.channels
    night.clinic.gate.house.channels = {}
    await danger(night)
    await look(night)
    night.clinic.gate.house.channels = channels
    await look(night, seconds=20)
    assert heard(night) == {"night": 1}


async def test_a_gateway_that_never_answers_is_waited_for_so_long_and_holds_up_nobody(night: Night) -> None:
    quick = night.clinic.gate.house.channels[SMS]

    class Hanging:
        problem = ""

        async def send(self, message: Message) -> str:
            if message.to == NUMBERS["night"]:
                await asyncio.Event().wait()
            return await quick.send(message)

        async def look(self) -> None:
            """Nothing."""

    night.clinic.gate.house.channels = {SMS: Hanging()}
    await danger(night)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calling, "_LONGEST", 0.05)
        await look(night)
        await look(night, minutes=6)
    assert heard(night) == {"lead": 1}
    night.clinic.gate.house.channels = {SMS: quick}
    await look(night, minutes=6)
    assert heard(night)["night"] == 1
