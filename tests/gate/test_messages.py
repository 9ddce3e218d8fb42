"""Messages, asked of the gate itself: who may send, who reads a thread, whom one can write to, and what the clock alone may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.base.crypto import BadSeal
from sojourn.gate import messages
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.messages import Colleague, Thread
from tests.gate.test_seeing import access, chart
from tests.people import FAR, MH, SUD, A, Clinic, patient

SUBJECT = {"subject": "Evening dose", "link": "", "told": []}


async def begun(clinic: Clinic, name: str, *to: str, who: str = "both-clinician", program: int = 0, about: str = "", text: str = "At six, please.", urgent: bool = False) -> str:
    await messages.begin(await access(clinic, who), name, program, about, SUBJECT, text, to, urgent=urgent)
    return name


async def opened(clinic: Clinic, who: str, name: str, **changed: Any) -> bool:
    """Whether somebody gets a thread; the list, and a search for what stands in it, agree."""
    try:
        thread, _ = await messages.one(await access(clinic, who, **changed), name)
    except errors.NotFound:
        thread = None
    assert thread is None or thread.id == name
    listed, _ = await messages.listed(await access(clinic, who, **changed))
    hits, _ = await messages.found(await access(clinic, who, **changed), "dose six")
    assert [name in found for found in ({t.id for t in listed}, {t.id for t, _ in hits})] == [thread is not None] * 2
    return thread is not None


async def threads(clinic: Clinic) -> list[tuple[Any, ...]]:
    """All that is kept of messages."""
    return [tuple(r) for r in await clinic.owner.fetch("SELECT t.thread, t.stamp, m.account, (SELECT count(*) FROM record.message x WHERE x.thread = t.thread) FROM record.thread t JOIN record.thread_member m USING (tenant, thread) ORDER BY 1, 3")]


async def test_whose_role_sends_none_begins_none_and_sees_no_list_of_people(clinic: Clinic) -> None:
    for who, role in (("biller", "utilization-reviewer"), ("sys-mh", "system"), ("ana", "patient")):
        one = await access(clinic, who, role=role)
        for asked in (messages.begin(one, "t", 0, "", SUBJECT, "Hello", ["mh-clinician"], urgent=False), messages.directory(one), messages.listed(one), messages.found(one, "dose")):
            with pytest.raises(errors.Forbidden):
                await asked
    assert await threads(clinic) == []


async def test_a_thread_is_of_those_to_whom_it_was_sent(clinic: Clinic) -> None:
    name = await begun(clinic, "t", "mh-clinician", "both-clinician", "mh-clinician")
    assert [who for who in ("both-clinician", "mh-clinician", "sud-clinician", "officer", "other-clinician") if await opened(clinic, who, name)] == ["both-clinician", "mh-clinician"]
    before = await threads(clinic)
    assert [r[2] for r in before] == ["both-clinician", "mh-clinician"], "each once"
    thread, _ = await messages.one(await access(clinic, "mh-clinician"), name)
    assert (thread.unread, thread.by, thread.name, thread.author, dict(thread.body)) == (True, "both-clinician", "both-clinician", "both-clinician", SUBJECT)
    for who in ("sud-clinician", "other-clinician"):
        stranger = await access(clinic, who)
        for act in (messages.answer(stranger, thread, "Yes.", name="x"), messages.grow(stranger, thread, [who], SUBJECT)):
            with pytest.raises(errors.NotFound):
                await act
        assert await messages.read(stranger, thread) == ([], [])
    assert await threads(clinic) == before
    await begun(clinic, "t", "sud-clinician", text="Again.")
    assert await threads(clinic) == before, "a second press begins nothing, and brings nobody in"


async def test_about_a_client_it_is_read_by_who_sees_the_client_now(clinic: Clinic) -> None:
    p, _, _ = await chart(clinic)
    hidden = (await clinic.make("sys-sud", patient("Quill"))).id
    readers = ("mh-clinician", "sud-clinician", "far-clinician", "technician")
    ours, theirs, nobody = [await begun(clinic, name, *readers, about=about) for name, about in (("t1", p), ("t2", hidden), ("t3", ""))]
    assert [[await opened(clinic, who, name) for name in (ours, theirs, nobody)] for who in readers] == [[True, False, True], [True, True, True], [False, False, True], [True, False, True]]
    assert [await opened(clinic, "mh-clinician", name, role="administrator") for name in (ours, nobody)] == [False, True], "whose role finds no clients reads of none"
    listed, seen = await messages.listed(await access(clinic, "mh-clinician"))
    assert ({t.id for t in listed}, set(seen)) == ({ours, nobody}, {p})
    (_, who), (_, none) = [await messages.one(await access(clinic, "mh-clinician"), name) for name in (ours, nobody)]
    assert (who is not None and who["id"] == p, none) == (True, None)


async def test_of_a_program_under_part_2_it_is_read_by_its_people_whoever_sees_the_client(clinic: Clinic) -> None:
    p, _, _ = await chart(clinic)
    readers = ("mh-clinician", "sud-clinician")
    made = [await begun(clinic, f"t{program}", *readers, program=program, about=p) for program in (SUD, MH, FAR, 99)]
    assert [[await opened(clinic, who, name) for name in made] for who in readers] == [[False, True, True, True], [True] * 4]


async def test_everybody_who_sends_and_works_here_is_in_the_list_of_people(clinic: Clinic) -> None:
    await clinic.owner.execute("UPDATE record.assignment SET keys = keys || '{Location/ward}' WHERE account = 'mh-clinician'")
    found = {c.account: c for c in await messages.directory(await access(clinic, "mh-clinician"))}
    assert set(found) == {"sud-clinician", "mh-clinician", "both-clinician", "far-clinician", "technician", "biller", "officer", "mh-officer"}
    assert found["mh-clinician"] == Colleague("mh-clinician", "Practitioner/mh-clinician", "mh-clinician", "clinician", frozenset({MH}), frozenset({"Location/ward"}), far=False, reads=True)
    assert {who for who, c in found.items() if c.far} == {"both-clinician", "officer", "mh-officer"}
    assert list(found) == sorted(found)
    await clinic.owner.execute("UPDATE record.assignment SET role = 'utilization-reviewer' WHERE account = 'biller'")
    clock = await Clockwork(clinic.gate).access(A)
    assert {c.account for c in await messages.directory(clock)} == set(found) - {"biller"}, "the clock asks for whom it tells"


async def test_one_can_write_to_who_sees_the_client_by_what_the_sender_may_know(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    me = await access(clinic, "both-clinician")
    everybody = await messages.directory(me)

    async def to(known: tuple[int, ...] = (), team: tuple[str, ...] = (), program: int | None = None, also: tuple[str, ...] = (), among: list[Colleague] = everybody) -> set[str]:
        found = await messages.reachable(me, among, p, me.rules.programs[program] if program is not None else None, known, [f"Practitioner/{who}" for who in team], also)
        return {c.account for c in found}

    far = {"both-clinician", "officer"}
    assert await to() - {"mh-officer"} == far
    assert await to((MH,)) - {"mh-officer", "biller"} == far | {"mh-clinician", "technician"}
    assert await to((MH, SUD)) - {"mh-officer", "biller"} == far | {"mh-clinician", "technician", "sud-clinician"}
    assert "far-clinician" not in await to((FAR,)), "who works there does not see the client"
    assert await to(team=("mh-clinician", "far-clinician")) - {"mh-officer"} == far | {"mh-clinician"}
    assert await to((MH, SUD), program=SUD) == far | {"sud-clinician"}, "a program under Part 2 is its own people's"
    assert await to((MH, SUD), also=(f"Observation/{hidden}",)) == far | {"sud-clinician"}
    assert "mh-clinician" in await to((MH,), also=(f"Observation/{plain}",))
    mine = [c for c in everybody if c.account == "mh-clinician"]
    assert await to((MH,), among=mine) == {"mh-clinician"}
    for without in ({"agent": ""}, {"reads": False}):
        assert await to((MH,), among=[c._replace(**without) for c in mine]) == set()


async def test_what_is_sent_is_words_and_sealed_for_its_thread(clinic: Clinic) -> None:
    for wrong in ("", "  \n", "x" * (messages.LONGEST + 1)):
        with pytest.raises(errors.Malformed):
            await begun(clinic, "t", "mh-clinician", text=wrong)
    assert messages.checked(f"  {'x' * messages.LONGEST} ") == "x" * messages.LONGEST
    await begun(clinic, "t1", "mh-clinician")
    await begun(clinic, "t2", "mh-clinician")
    kept = str([dict(r) for table in ("thread", "message") for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}")])
    assert "six" not in kept
    assert "Evening" not in kept
    await clinic.owner.execute("UPDATE record.thread SET body = (SELECT body FROM record.thread WHERE thread = 't1') WHERE thread = 't2'")
    with pytest.raises(BadSeal):
        await messages.one(await access(clinic, "mh-clinician"), "t2")


async def reads(clinic: Clinic, who: str, name: str) -> tuple[Thread, list[tuple[str, str]], dict[str, tuple[str, bool]]]:
    """A thread as it was before it was read, its words, and its readers: by what, and whether they have read it."""
    one = await access(clinic, who)
    one.now += timedelta(minutes=5)
    thread, _ = await messages.one(one, name)
    said, members = await messages.read(one, thread)
    return thread, [(m.account, m.text) for m in said], {m.account: (m.via, m.read is not None) for m in members}


async def answers(clinic: Clinic, who: str, name: str, text: str, once: str, minutes: int) -> None:
    one = await access(clinic, who)
    one.now += timedelta(minutes=minutes)
    await messages.answer(one, (await messages.one(one, name))[0], text, name=once)


async def test_a_thread_is_read_and_answered_once_and_each_line_says_about_whom(clinic: Clinic) -> None:
    p, _, _ = await chart(clinic)
    name = await begun(clinic, "t", "mh-clinician", "technician", about=p)
    assert (await reads(clinic, "both-clinician", name))[2] == {"both-clinician": ("from", True), "mh-clinician": ("to", False), "technician": ("to", False)}
    assert (await messages.listed(await access(clinic, "mh-clinician"), unread=True))[0] != []
    thread, said, members = await reads(clinic, "mh-clinician", name)
    assert (thread.unread, said, members["mh-clinician"]) == (True, [("both-clinician", "At six, please.")], ("to", True))
    assert (await messages.listed(await access(clinic, "mh-clinician"), unread=True))[0] == []
    assert not (await reads(clinic, "mh-clinician", name))[0].unread
    for who, text, once in (("mh-clinician", " At half past five. ", "a"), ("mh-clinician", "At half past five.", "a"), ("technician", "I bring it.", "a"), ("mh-clinician", "Thank you.", "b")):
        await answers(clinic, who, name, text, once, {"technician": 11}.get(who, 10 if once == "a" else 12))
    thread, said, _ = await reads(clinic, "both-clinician", name)
    assert (thread.unread, thread.by) == (True, "mh-clinician")
    assert said == [("both-clinician", "At six, please."), ("mh-clinician", "At half past five."), ("technician", "I bring it."), ("mh-clinician", "Thank you.")]
    with pytest.raises(errors.Malformed):
        await answers(clinic, "mh-clinician", name, " ", "c", 13)
    lines = await clinic.owner.fetch("SELECT account, action, query, patients FROM record.audit WHERE type = 'Message' ORDER BY n")
    assert {(r["query"], tuple(r["patients"])) for r in lines} == {(name, (p,))}
    assert {r["account"] for r in lines if r["action"] == "message-read"} == {"both-clinician", "mh-clinician"}
    assert [r["account"] for r in lines if r["action"] == "message"] == ["both-clinician", "mh-clinician", "mh-clinician", "technician", "mh-clinician"]


async def test_a_reader_brings_in_more_unless_it_was_changed_meanwhile(clinic: Clinic) -> None:
    name = await begun(clinic, "t", "mh-clinician")
    mine = await access(clinic, "mh-clinician")
    thread, _ = await messages.one(mine, name)
    await messages.grow(mine, thread, ["technician", "technician", "both-clinician"], {**SUBJECT, "subject": "Morning dose"})
    with pytest.raises(errors.VersionConflict):
        await messages.grow(mine, thread, ["biller"], SUBJECT)
    again, _, members = await reads(clinic, "technician", name)
    assert (again.body["subject"], members) == ("Morning dose", {"both-clinician": ("from", True), "mh-clinician": ("to", False), "technician": ("to", True)})
    await messages.grow(await Clockwork(clinic.gate).access(A), again, ["officer"], SUBJECT, via="escalated")
    assert (await reads(clinic, "officer", name))[2]["officer"] == ("escalated", True)
    with pytest.raises(errors.NotFound):
        await messages.grow(mine, thread._replace(id="nobody"), ["biller"], SUBJECT)


async def test_a_search_finds_the_threads_in_which_every_word_stands_the_latest_first(clinic: Clinic) -> None:
    for name, text in (("t1", "The key of the WARD."), ("t2", "The ward is full."), ("t3", "Nothing")):
        await begun(clinic, name, "mh-clinician", text=text)
    await answers(clinic, "mh-clinician", "t1", "The key is here.", "a", 5)
    mine = await access(clinic, "mh-clinician")

    async def found(words: str) -> list[tuple[str, str]]:
        return [(t.id, text) for t, text in (await messages.found(mine, words))[0]]

    assert await found("Ward") == [("t1", "The key of the WARD."), ("t2", "The ward is full.")]
    assert await found("ward full") == [("t2", "The ward is full.")]
    assert await found("key") == [("t1", "The key is here.")]
    assert {t for t, _ in await found("both-clinician evening")} == {"t1", "t2", "t3"}, "the subject, and who wrote it"
    assert [await found(words) for words in ("", "  ", "ward nothing")] == [[], [], []]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'message-search' AND account = 'mh-clinician' AND query = ''") >= 6


async def test_what_waits_for_others_and_what_is_forgotten_is_the_clocks(clinic: Clinic) -> None:
    for name, urgent in (("t1", True), ("t2", False), ("t3", True)):
        await begun(clinic, name, "mh-clinician", "technician", urgent=urgent)
    await reads(clinic, "both-clinician", "t1")
    await reads(clinic, "technician", "t3")
    clock, officer = await Clockwork(clinic.gate).access(A), await access(clinic, "officer")
    assert [(t.id, sorted(who)) for t, who in await messages.waiting(clock)] == [("t1", ["both-clinician", "mh-clinician", "technician"])]
    for asked in (messages.waiting(officer), messages.forget(officer, officer.now + timedelta(days=1))):
        with pytest.raises(errors.Forbidden):
            await asked
    await answers(clinic, "mh-clinician", "t2", "Yes.", "a", 60)
    assert await messages.forget(clock, clock.now + timedelta(minutes=30)) == 2
    assert {r[0] for r in await threads(clinic)} == {"t2"}
