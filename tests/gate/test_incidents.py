"""Incident reports, asked of the gate itself: who sends and opens one, that whom it is about does not, what is changed, whose an action is, who is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.base.crypto import BadSeal
from sojourn.gate import incidents
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.incidents import CLOSED, SENT, Report, Reviewer
from tests.gate.test_seeing import access
from tests.people import FAR, MH, SUD, A, Clinic

REPORTS = {"far": (FAR, False), "mh": (MH, False), "none": (0, False), "privacy": (SUD, True), "sud": (SUD, False)}
"""Name: of which program, and whether it is about privacy."""
DAY = date(2026, 4, 1)


async def sent(clinic: Clinic, name: str = "mh", *about: str, who: str = "technician", anonymous: bool = False, body: bytes = b"The floor was wet.") -> bool:
    program, privacy = REPORTS[name]
    return await incidents.send(await access(clinic, who), name, program, [f"Practitioner/{one}" for one in about], body, privacy=privacy, anonymous=anonymous)


async def clock(clinic: Clinic) -> Access:
    return await Clockwork(clinic.gate).access(A)


async def there(act: Callable[[], Awaitable[Any]]) -> bool:
    """Whether it was done; not, where there is no such report."""
    try:
        await act()
    except errors.NotFound:
        return False
    return True


async def opens(clinic: Clinic, one: Access) -> str:
    """The reports that somebody opens: the same by every way to one, to read it and to change it."""
    everything = {r.id: r for r in await incidents.every(await clock(clinic))}
    found = {r.id for r in await incidents.every(one)}
    assert {r.id for r in await incidents.every(one, one.now - timedelta(days=1))} == found
    for name, report in everything.items():
        ways = [
            await there(lambda name=name: incidents.one(one, name)),  # type: ignore[misc]
            bool(await incidents.versions(one, name)),
            await there(lambda name=name: incidents.add_action(one, name, "Practitioner/nurse", DAY, b"Dry it.", name=one.request)),  # type: ignore[misc]
            await there(lambda report=report: incidents.change(one, report, report.body, "looked", privacy=report.privacy)),  # type: ignore[misc]
            bool(await incidents.actions(one, name)),
        ]
        assert ways == [name in found] * len(ways), name
    assert {a.incident for a in await incidents.actions(one)} == found
    return " ".join(sorted(found))


async def test_a_report_is_opened_by_role_and_never_by_whom_it_is_about(clinic: Clinic) -> None:
    for name in REPORTS:
        assert await sent(clinic, name)
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("mh-clinician", {}, ""), ("technician", {}, ""), ("both-clinician", {}, ""), ("sys-mh", {}, ""), ("ana", {}, ""), ("other-clinician", {"role": "risk-manager"}, ""),
        ("mh-clinician", {"role": "supervisor"}, "mh"), ("sud-clinician", {"role": "supervisor"}, "privacy sud"), ("both-clinician", {"role": "supervisor"}, "far mh privacy sud"),
        ("biller", {"role": "risk-manager"}, "far mh none privacy sud"), ("officer", {}, "privacy"), ("mh-officer", {}, "privacy"),
    ]  # fmt: skip
    for who, changed, expected in cases:
        one = await access(clinic, who, **changed)
        assert incidents.may_review(one) == (changed.get("role") in ("supervisor", "risk-manager") or "officer" in who)
        assert await opens(clinic, one) == expected, who
    assert await opens(clinic, await clock(clinic)) == " ".join(REPORTS)
    for name in REPORTS:
        report = next(r for r in await incidents.every(await clock(clinic)) if r.id == name)
        await incidents.change(await clock(clinic), report, b"x", "about", about=["Practitioner/mh-clinician", "Practitioner/officer", "Practitioner/biller"], privacy=report.privacy)
    for who, changed, _ in cases[6:]:
        expected = {"sud-clinician": "privacy sud", "both-clinician": "far mh privacy sud", "mh-officer": "privacy"}.get(who, "")
        assert await opens(clinic, await access(clinic, who, **changed)) == expected, who


async def test_who_reviews_without_opening_opens_nothing(clinic: Clinic) -> None:
    await sent(clinic)
    allowed = clinic.gate.house.rules[A]._allowed
    for action in ("review", "committee", "review-privacy"):
        allowed["clinician", action, "Incident"] = None
    one = await access(clinic, "mh-clinician")
    assert await opens(clinic, one) == ""
    allowed["clinician", "open", "Incident"] = None
    assert await opens(clinic, one) == "mh"


async def test_everybody_who_works_here_sends_one_once_and_it_is_sealed(clinic: Clinic) -> None:
    for who in ("sys-mh", "ana"):
        one = await access(clinic, who)
        for asked in (sent(clinic, who=who), incidents.sent(one)):
            with pytest.raises(errors.Forbidden):
                await asked
    assert [await sent(clinic), await sent(clinic, "mh", "mh-clinician", who="biller", body=b"Something else.")] == [True, False]
    await sent(clinic, "sud", body=b"He fell.")
    (mine, _) = sorted(await incidents.every(await clock(clinic)), key=lambda r: r.id)
    assert (mine.body, mine.author, mine.barred, mine.state, mine.n, mine.program, mine.privacy) == (b"The floor was wet.", "technician", (), SENT, 1, MH, False)
    kept = str([dict(r) for table in ("incident", "incident_version") for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}")])
    assert "floor" not in kept
    await clinic.owner.execute("UPDATE record.incident SET body = (SELECT body FROM record.incident WHERE incident = 'sud') WHERE incident = 'mh'")
    with pytest.raises(BadSeal):
        await incidents.every(await clock(clinic))


async def test_of_an_anonymous_one_nothing_says_who_sent_it(clinic: Clinic) -> None:
    await sent(clinic, "mh", anonymous=True)
    await sent(clinic, "sud")
    one = await access(clinic, "technician")
    assert [number for number, _, _ in await incidents.sent(one)] == [incidents.number("sud")]
    found = {r.id: r for r in await incidents.every(await clock(clinic))}
    assert (found["mh"].author, found["sud"].author) == ("", "technician")
    assert (found["mh"].reported.time().isoformat(), found["mh"].reported.date()) == ("00:00:00", found["sud"].reported.date())
    lines = await clinic.owner.fetch("SELECT account, role, request, query FROM record.audit WHERE action = 'incident-send' ORDER BY n")
    assert [(r["account"], r["role"], bool(r["request"]), r["query"]) for r in lines] == [("", "", False, "mh"), ("technician", "technician", True, "sud")]
    kept = str([dict(r) for table in ("incident", "incident_version") for r in await clinic.owner.fetch(f"SELECT * FROM record.{table} WHERE incident = 'mh'")])
    assert "technician" not in kept


async def test_a_change_is_a_version_and_two_do_not_undo_each_other(clinic: Clinic) -> None:
    await sent(clinic, "mh", "sud-clinician")
    risk = await access(clinic, "biller", role="risk-manager")
    first = await incidents.one(risk, "mh")
    second = await incidents.change(risk, first, b"The sink leaks.", "cause", privacy=True)
    assert second == first._replace(body=b"The sink leaks.", stamp=second.stamp, privacy=True)
    assert second.stamp != first.stamp
    again = await incidents.one(risk, "mh")
    assert (again.body, again.barred, again.program, again.state, again.n, again.privacy) == (b"The sink leaks.", first.barred, MH, SENT, 2, True)
    with pytest.raises(errors.VersionConflict):
        await incidents.change(risk, first, b"The roof leaks.", "cause", privacy=False)
    third = await incidents.change(risk, again, b"The sink leaks.", "signed", about=[], program=SUD, privacy=False, state=CLOSED)
    assert third.state == CLOSED
    last = await incidents.one(risk, "mh")
    assert (last.barred, last.program, last.state, last.privacy) == ((), SUD, CLOSED, False)
    assert [(v.n, v.who, v.act, v.body) for v in await incidents.versions(risk, "mh")] == [(1, "technician", "sent", b"The floor was wet."), (2, "biller", "cause", b"The sink leaks."), (3, "biller", "signed", b"The sink leaks.")]
    assert await incidents.every(risk) == [], "closed"
    assert [r.id for r in await incidents.every(risk, risk.now - timedelta(days=1))] == ["mh"]
    assert await incidents.every(risk, risk.now + timedelta(days=1)) == []
    assert [(number, state) for number, state, _ in await incidents.sent(await access(clinic, "technician"))] == [(last.number, CLOSED)]
    with pytest.raises(errors.NotFound):
        await incidents.one(risk, "nobody")
    lines = [(r["action"], r["outcome"], r["query"]) for r in await clinic.trail(risk.request)]
    assert lines[0] == ("incident-read", "done", "mh")
    assert ("incident-change", "done", "mh cause") in lines
    assert lines[-1] == ("incident-read", "absent", "nobody")
    assert {query for action, _, query in lines if action == "incidents"} == {"", *(f"since={(risk.now + timedelta(days=n)).date()}" for n in (-1, 1))}


async def test_an_action_is_its_owners_who_does_not_see_the_report(clinic: Clinic) -> None:
    await sent(clinic, "mh", "technician")
    risk, owner, other = await access(clinic, "biller", role="risk-manager"), await access(clinic, "technician"), await access(clinic, "mh-clinician")
    for _ in range(2):
        await incidents.add_action(risk, "mh", "Practitioner/technician", DAY, b"Dry it.", name="form")
    await incidents.add_action(risk, "mh", "", DAY, b"Nobody's.", name="other")
    (mine,) = await incidents.mine(owner)
    assert (mine.incident, mine.body, mine.owner, mine.due, mine.state) == ("mh", b"Dry it.", "Practitioner/technician", DAY, "open")
    assert [a.body for a in await incidents.actions(risk, "mh")] in ([b"Dry it.", b"Nobody's."], [b"Nobody's.", b"Dry it."])
    nobody = await access(clinic, "sys-mh")
    assert [await incidents.mine(one) for one in (other, nobody)] == [[], []]
    for asked in (incidents.my_action(other, mine.id), incidents.my_action(nobody, mine.id), incidents.do_action(other, mine, b"Done.", "done"), incidents.add_action(owner, "mh", "Practitioner/nurse", DAY, b"x", name="y")):
        with pytest.raises(errors.NotFound):
            await asked
    assert await incidents.my_action(owner, mine.id) == mine
    await incidents.do_action(owner, mine, b"It is dry.", "done")
    with pytest.raises(errors.VersionConflict):
        await incidents.do_action(owner, mine, b"It is wet.", "open")
    done = await incidents.my_action(owner, mine.id)
    assert (done.state, done.body, await incidents.mine(owner)) == ("done", b"It is dry.", [])
    with pytest.raises(errors.VersionConflict):
        await incidents.do_action(owner, done, b"It is wet.", "open")
    assert [a.body for a in await incidents.actions(risk)] == [b"Nobody's."]


async def test_who_is_told_that_something_is_late_is_who_may_open_the_report(clinic: Clinic) -> None:
    """Also the privacy officer, of one about privacy: they read those, and those alone."""
    for who, role in (("mh-clinician", "supervisor"), ("sud-clinician", "supervisor"), ("biller", "risk-manager"), ("sys-far", "risk-manager")):
        await clinic.owner.execute("UPDATE record.assignment SET role = $2 WHERE account = $1", who, role)
    for name in REPORTS:
        await sent(clinic, name)
    await sent(clinic, "mh")
    one = await clock(clinic)
    reports = {r.id: r for r in await incidents.every(one)}

    async def told(report: Report) -> list[str]:
        found = await incidents.reviewers(one, report)
        assert [r.everything for r in found] == sorted((r.account == "biller" for r in found), reverse=True), "those of every program first"
        assert all(r == Reviewer(r.account, f"Practitioner/{r.account}", r.account == "biller") for r in found)
        return [r.account for r in found]

    assert {name: await told(report) for name, report in reports.items()} == {
        "far": ["biller"], "mh": ["biller", "mh-clinician"], "none": ["biller"], "privacy": ["biller", "mh-officer", "officer", "sud-clinician"], "sud": ["biller", "sud-clinician"],
    }  # fmt: skip
    barred = reports["privacy"]._replace(barred=tuple(incidents.digest(one, f"Practitioner/{who}") for who in ("officer", "biller", "sud-clinician")))
    assert await told(barred) == ["mh-officer"]
    people = [f"Practitioner/{who}" for who in ("officer", "technician", "sud-clinician", "nobody")]
    assert await incidents.accounts(one, people, barred) == {"Practitioner/technician": "technician"}
    assert incidents.as_account(one, "technician").caller == replace(one.caller, account="technician")
    risk = await access(clinic, "biller", role="risk-manager")
    with pytest.raises(errors.Forbidden):
        await incidents.reviewers(risk, barred)
    with pytest.raises(errors.Forbidden):
        incidents.as_account(risk, "technician")


async def test_a_digest_bars_one_person_of_one_organization(clinic: Clinic) -> None:
    one, other = await access(clinic, "technician"), await access(clinic, "other-clinician")
    who = [incidents.digest(one, "Practitioner/a"), incidents.digest(one, "Practitioner/b"), incidents.digest(other, "Practitioner/a"), incidents.digest(one, "")]
    assert len(set(who)) == 4
    assert who[-1] == ""
    assert incidents.number("ab-7f3k9q") == "IR-7F3K9Q"
