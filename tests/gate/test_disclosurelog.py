"""The log of disclosures, asked of the gate itself: who reads which entry, what of it opens, and what a page may link to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sojourn.base import errors
from sojourn.gate import disclosurelog, releasing
from sojourn.gate.access import Access
from sojourn.gate.disclosurelog import Wish
from tests.gate.test_releasing import chart, clinic, session
from tests.people import Clinic, consent, observation, patient

__all__ = ["clinic"]


async def released(clinic: Clinic, who: str, person: str, recipient: str) -> str:
    wish = releasing.Wish(person, recipient, "TREAT", ("Patient", "Observation"))
    seen = await releasing.preview(await session(clinic, who), wish)
    return await releasing.release(await session(clinic, who), wish, seen.digest)


async def two(clinic: Clinic) -> tuple[str, str, str, str, str]:
    """One that left with records of the Part 2 program, and one without: each with whose it is, and the recipient of both."""
    person, _, _, recipient = await chart(clinic)
    other = (await clinic.make("sys-mh", patient("Other"))).id
    await clinic.make("sys-mh", observation(other))
    await clinic.make("sys-mh", consent(other, recipient.removeprefix("Organization/")))
    return await released(clinic, "both-clinician", person, recipient), await released(clinic, "mh-clinician", other, recipient), person, other, recipient


async def opened(one: Access, id_: str) -> tuple[bool, bool]:
    """Whether somebody gets an entry, and what left with it."""
    found = []
    for act in (disclosurelog.one(one, id_), disclosurelog.payload(one, id_)):
        try:
            await act
            found.append(True)
        except errors.NotFound:
            found.append(False)
    return found[0], found[1]


async def test_an_entry_is_read_by_who_oversees_what_left_and_by_who_released_it(clinic: Clinic) -> None:
    first, second, person, other, _ = await two(clinic)
    for who, entry, payload in (
        ("officer", [True, True], [True, True]), ("mh-officer", [False, True], [False, False]), ("both-clinician", [True, False], [True, False]), ("mh-clinician", [False, True], [False, True]),
        ("sud-clinician", [False, False], [False, False]), ("biller", [False, False], [False, False]), ("sys-mh", [False, False], [False, False]), ("other-clinician", [False, False], [False, False]),
    ):  # fmt: skip
        one = await session(clinic, who) if who != "other-clinician" and not who.startswith("sys") else await token(clinic, who)
        found = [await opened(one, id_) for id_ in (first, second, "nothing")]
        assert ([e for e, _ in found], [p for _, p in found]) == ([*entry, False], [*payload, False]), who
        lines = {(r["query"], r["outcome"], tuple(r["patients"])) for r in await clinic.trail(one.request) if r["action"] == "disclosure"}
        assert lines == {(id_, "done" if there else "absent", (whose,) if there else ()) for id_, there, whose in zip((first, second, "nothing"), (*entry, False), (person, other, ""), strict=True)}
    row, content = await disclosurelog.payload(await session(clinic, "officer"), second)
    assert (row["disclosure"], row["account"], b'"Other"' in content) == (second, "mh-clinician", True)


async def token(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def test_the_log_is_listed_and_counted_for_who_oversees(clinic: Clinic) -> None:
    first, second, person, other, recipient = await two(clinic)
    since = (await session(clinic)).now - timedelta(days=1)
    for who, expected in (("officer", [second, first]), ("mh-officer", [second])):
        one = await session(clinic, who)
        rows = await disclosurelog.entries(one)
        assert ([r["disclosure"] for r in rows], await disclosurelog.count(one, since), await disclosurelog.count(one, one.now + timedelta(days=1))) == (expected, len(expected), 0)
        (line,) = await clinic.trail(one.request)
        assert (line["action"], line["outcome"], list(line["patients"])) == ("disclosures", "done", sorted({person, other} if who == "officer" else {other}))
    officer = await session(clinic, "officer")
    (page,) = await disclosurelog.entries(officer, limit=1)
    assert [r["disclosure"] for r in await disclosurelog.entries(officer, after=disclosurelog.place(page))] == [first]
    asked = Wish(person, [recipient], "TREAT", ["release"], since, officer.now + timedelta(days=1))
    assert [r["disclosure"] for r in await disclosurelog.entries(officer, asked)] == [first]
    for wrong in (asked._replace(patient=other, purpose="HRESCH"), asked._replace(recipients=["Organization/x"]), asked._replace(channels=["fax"]), asked._replace(since=officer.now + timedelta(hours=1)), asked._replace(until=since)):
        assert await disclosurelog.entries(officer, wrong) == []
    (*_, line) = [r for r in await clinic.trail(officer.request) if r["action"] == "disclosures" and r["patients"] and "TREAT" in r["query"]]
    assert line["query"] == f"{person} {recipient} TREAT release {since.date()} {(officer.now + timedelta(days=1)).date()}"
    for who in ("both-clinician", "mh-clinician", "biller"):
        one = await session(clinic, who)
        for act in (disclosurelog.entries(one), disclosurelog.count(one, since)):
            with pytest.raises(errors.Forbidden):
                await act
        assert [(r["action"], r["outcome"]) for r in await clinic.trail(one.request)] == [("oversee", "denied")] * 2
    assert await disclosurelog.entries(await session(clinic, "officer"), Wish("nobody")) == []


async def test_a_page_links_to_what_would_open_and_to_nothing_else(clinic: Clinic) -> None:
    first, second, person, other, recipient = await two(clinic)
    both = {first, second, "nothing"}
    for who, expected in (("officer", [{first}, {second}]), ("mh-officer", [set(), {second}]), ("both-clinician", [{first}, set()]), ("mh-clinician", [set(), {second}]), ("biller", [set(), set()])):
        one = await session(clinic, who)
        assert [await disclosurelog.openable(one, whose, recipient, both) for whose in (person, other)] == expected, who
        assert await clinic.trail(one.request) == [], "nothing of them is shown"
    one = await session(clinic, "officer")
    assert [await disclosurelog.openable(one, person, *asked) for asked in ((recipient, []), (recipient, [second]), ("Organization/x", both))] == [set()] * 3
