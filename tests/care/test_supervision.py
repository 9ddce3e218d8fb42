"""Credentials and supervision: what is entered, whose end soon, which hours count, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import errors
from sojourn.care.credentials import keeping, supervision
from sojourn.care.credentials.held import Credential, written
from sojourn.care.credentials.keeping import Holder
from sojourn.care.credentials.supervision import Session
from sojourn.care.policies import Policies
from sojourn.record.database import Dsn
from tests.care.signers import at_the_screen, practitioner
from tests.people import Clinic, close_clinic, open_clinic

TODAY = date(2026, 3, 1)
RULES = Policies(TODAY, {("supervision.hours", ""): 4, ("supervision.group-share", ""): 50})


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own; a clinician, and a director who manages credentials."""
    made = await open_clinic(database)
    await made.owner.execute(
        "INSERT INTO record.role_rule (tenant, role, types, actions) SELECT 1, 'director', x.types, x.actions "
        "FROM (VALUES ('{Credential}'::text[], '{administer}'::text[]), ('{Practitioner}', '{update}'), ('{Basic}', '{create}')) AS x (types, actions)"
    )
    await made.gate.reload()
    await practitioner(made, "both-clinician", Credential("LCSW", "1", "NY"), name="Sam Super")
    await practitioner(made, "mh-clinician", name="Ina Intern")
    yield made
    await close_clinic(made)


def holder(*held: Credential) -> Holder:
    return keeping.holder({"resourceType": "Practitioner", "id": "x", "name": [{"text": "X"}], "qualification": [written(c) for c in held]})


@given(st.lists(st.tuples(st.integers(-3, 40), st.integers(5, 300), st.sampled_from(["individual", "group"])), max_size=12))
def test_only_sessions_of_the_span_count_and_groups_only_up_to_their_share(log: list[tuple[int, int, str]]) -> None:
    sessions = [Session("Practitioner/x", "Practitioner/s", TODAY - timedelta(days=ago), minutes, kind, "") for ago, minutes, kind in log]
    had = supervision.hours(holder(), [*sessions, Session("Practitioner/other", "", TODAY, 600, "individual", "")], RULES, TODAY)
    within = [s for s in sessions if TODAY - timedelta(weeks=4) < s.day <= TODAY]
    assert had.individual == sum(s.minutes for s in within if s.kind == "individual") / 60
    assert had.group == sum(s.minutes for s in within if s.kind == "group") / 60
    assert had.counted == had.individual + min(had.group, 2)
    assert had.enough == (had.counted >= 4)


def test_a_renewed_credential_warns_no_more_and_an_ended_one_warns_until_it_is_renewed() -> None:
    soon, renewed = Credential("LCSW", "1", "NY", end=TODAY + timedelta(days=20)), Credential("LCSW", "1", "NY", end=TODAY + timedelta(days=700))
    other = Credential("CASAC", "2", "NY", "certified", end=TODAY - timedelta(days=5))
    assert [e.days for e in keeping.ending([holder(soon)], TODAY, 60)] == [20]
    assert keeping.ending([holder(soon, renewed)], TODAY, 60) == []
    assert [(e.credential.title, e.days) for e in keeping.ending([holder(renewed, other)], TODAY, 60)] == [("CASAC", -5)]
    assert keeping.ending([holder(soon)], TODAY, 10) == []


def test_everything_that_is_wrong_with_a_credential_is_said_at_once() -> None:
    with pytest.raises(errors.Invalid) as wrong:
        keeping.checked({"level": "intern", "start": "2026-05-01", "end": "2026-04-01", "supervision": "sometimes"})
    for part in ("Title", "Kind of supervision", "end after it begins", "Supervisor"):
        assert part in wrong.value.message
    with pytest.raises(errors.Invalid, match="write a day"):
        keeping.checked({"title": "LCSW", "level": "independent", "end": "soon"})


async def test_credentials_are_entered_by_whoever_may_and_sessions_are_written_down_once_for_each(clinic: Clinic) -> None:
    director, clinician = await at_the_screen(clinic, "both-clinician"), await at_the_screen(clinic, "mh-clinician")
    fields = {"title": "MHC-LP", "number": "8", "state": "ny", "level": "intern", "supervisor": "Practitioner/both-clinician", "supervision": "general", "end": "2030-01-01"}
    with pytest.raises(errors.Forbidden):
        await keeping.put(clinician, "mh-clinician", keeping.checked(fields), at=None, version="")
    before = next(h for h in await keeping.holders(director) if h.id == "mh-clinician")
    await keeping.put(director, "mh-clinician", keeping.checked(fields), at=None, version=before.version)
    with pytest.raises(errors.VersionConflict):
        await keeping.put(director, "mh-clinician", keeping.checked(fields), at=None, version=before.version)
    now = next(h for h in await keeping.holders(director) if h.id == "mh-clinician")
    assert [c.text for c in now.credentials] == ["MHC-LP NY 8"]
    assert [h.id for h in supervision.under([now], "Practitioner/both-clinician", TODAY)] == ["mh-clinician"]
    today: Any = director.today
    await supervision.log(director, [now.reference], day=today, minutes=50, kind="individual", topic="Boundaries")
    for who, minutes, kind in (([now.reference], 2, "individual"), ([], 60, "group"), ([now.reference, "Practitioner/x"], 60, "individual"), ([director.caller.agent or ""], 60, "group")):
        with pytest.raises(errors.Invalid):
            await supervision.log(director, who, day=today, minutes=minutes, kind=kind)
    assert [(s.who, s.supervisor, s.minutes, s.topic) for s in await supervision.sessions(director, today)] == [(now.reference, "Practitioner/both-clinician", 50, "Boundaries")]
