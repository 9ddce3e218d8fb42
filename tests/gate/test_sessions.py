"""Sessions: how long they last, what ends them, and what a sensitive act asks for; seen from two processes' gates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.gate import Gate
from sojourn.gate.identity import Session
from sojourn.gate.signin import Visit
from sojourn.gate.signinrules import starting_rule
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, A, Clinic

WHO = "mh-clinician"
HERE = Visit("staff", "192.0.2.7", "Firefox on Linux", "request")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own, with a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


@pytest.fixture
async def elsewhere(clinic: Clinic, tmp_path: Path) -> AsyncIterator[Gate]:
    """The gate of another process on the same database."""
    gate = Gate(clinic.dsn.app, clinic.gate.house.key, tmp_path, base=people.BASE, connections=2)
    await gate.open()
    yield gate
    await gate.close()


async def begin(clinic: Clinic, who: str = WHO, methods: tuple[str, ...] = ("password",)) -> Session:
    """A session of the staff app."""
    begun = await clinic.gate.identity.begin(clinic.gate.house.tenants[A], who, starting_rule("staff", START.date()), door="staff", methods=methods)
    assert begun is not None
    return begun


def later(**step: float) -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(**step))


async def reads(gate: Gate, token: str) -> bool:
    """Whether a session still opens anything: found, and accepted by a statement."""
    access = await gate.session(token)
    if access is None:
        return False
    try:
        await access.search("Patient", [])
    except errors.StaleCredential:
        return False
    return True


async def test_a_session_lasts_as_long_as_it_is_used_and_no_longer_than_a_day_at_work(clinic: Clinic) -> None:
    token = (await begin(clinic)).token
    for _ in range(50):
        later(minutes=14)
        assert await reads(clinic.gate, token)
    later(minutes=14)
    later(minutes=14)
    assert not await reads(clinic.gate, token)


async def test_a_session_ends_twelve_hours_after_it_began_however_much_it_is_used(clinic: Clinic) -> None:
    token = (await begin(clinic)).token
    for _ in range(71):
        later(minutes=10)
        assert await reads(clinic.gate, token)
    later(minutes=10)
    assert not await reads(clinic.gate, token)


async def test_an_unused_session_ends_after_a_quarter_of_an_hour_in_the_statement_itself(clinic: Clinic) -> None:
    token = (await begin(clinic)).token
    access = await clinic.gate.session(token)
    assert access is not None
    later(minutes=15, seconds=59)
    assert await reads(clinic.gate, token)
    later(minutes=16, seconds=1)
    access = clinic.gate.access_of(access.caller)  # as if it were still remembered here
    with pytest.raises(errors.StaleCredential):
        await access.search("Patient", [])


async def test_use_in_one_process_counts_in_the_other(clinic: Clinic, elsewhere: Gate) -> None:
    token = (await begin(clinic)).token
    assert await reads(elsewhere, token)
    for _ in range(4):
        later(minutes=10)
        assert await reads(clinic.gate, token)
    assert await reads(elsewhere, token)


async def test_use_is_written_down_at_most_once_a_minute(clinic: Clinic) -> None:
    token = (await begin(clinic)).token
    written = set()
    for _ in range(24):
        await reads(clinic.gate, token)
        written.add(await clinic.owner.fetchval("SELECT used FROM record.credential WHERE kind = 'session'"))
        later(seconds=5)
    assert len(written) == 2


async def test_a_request_that_nobody_made_is_no_use(clinic: Clinic) -> None:
    token = (await begin(clinic)).token
    for _ in range(3):
        later(minutes=6)
        alive = await clinic.gate.session(token, used=False)
    assert alive is None


async def test_a_deactivated_account_is_out_of_every_process_with_its_next_statement(clinic: Clinic, elsewhere: Gate) -> None:
    token = (await begin(clinic)).token
    tokens = [clinic.tokens[WHO], token]
    held = [await ask(t) for gate in (clinic.gate, elsewhere) for ask, t in ((gate.access, tokens[0]), (gate.session, tokens[1]))]
    assert all([a and (await a.search("Patient", [])) is not None for a in held])
    assert await clinic.owner.fetchval("SELECT gate.set_account_state($1, $2, 'deactivated', 'officer', 'left', $3)", A, WHO, clock.now())
    for access in held:
        assert access is not None
        with pytest.raises(errors.StaleCredential):
            await access.search("Patient", [])
    for gate in (clinic.gate, elsewhere):
        for t in tokens:
            known = await gate.identity.caller(t)
            if known:
                gate.identity.forget(known)
            assert await gate.identity.caller(t) is None
    with pytest.raises(errors.NotFound):
        await elsewhere.token(elsewhere.house.tenants[A], WHO)
    assert await elsewhere.identity.begin(elsewhere.house.tenants[A], WHO, starting_rule("staff", START.date()), door="staff", methods=("password",)) is None


async def test_a_session_opens_its_app_and_no_other_door_and_a_token_opens_no_app(clinic: Clinic) -> None:
    session, token = (await begin(clinic)).token, clinic.tokens[WHO]
    assert await clinic.gate.session(session) is not None
    assert await clinic.gate.access(token) is not None
    assert await clinic.gate.access(session) is None
    assert await clinic.gate.session(token) is None
    for secret, status in ((session, 401), (token, 200), ("nobody".ljust(43, "x"), 401)):
        reply = await clinic.ask(secret, "GET", "Patient?_summary=count")
        assert reply.status == status
    assert (await clinic.ask(session, "GET", "Patient")).body == (await clinic.ask("nobody".ljust(43, "x"), "GET", "Patient")).body


async def test_a_reactivated_account_gets_nothing_back_that_it_held(clinic: Clinic) -> None:
    token = (await begin(clinic)).token
    for state in ("deactivated", "active"):
        later(seconds=1)
        assert await clinic.owner.fetchval("SELECT gate.set_account_state($1, $2, $3, 'officer', '', $4)", A, WHO, state, clock.now())
    assert not await reads(clinic.gate, token)
    assert (await begin(clinic)).caller.account == WHO
    history = await clinic.owner.fetch("SELECT state, valid_from, valid_to FROM record.account_state WHERE account = $1 AND known_to = 'infinity' ORDER BY valid_from", WHO)
    assert [r["state"] for r in history] == ["deactivated", "active"]
    assert history[0]["valid_to"] == history[1]["valid_from"]


async def test_a_sensitive_act_asks_for_a_proof_of_the_last_minutes(clinic: Clinic) -> None:
    session = await begin(clinic)
    access = clinic.gate.access_of(session.caller)
    await access.require_fresh()
    later(minutes=6)
    access = clinic.gate.access_of(session.caller)
    with pytest.raises(errors.ProofNeeded):
        await access.require_fresh()
    await access.require_fresh(timedelta(minutes=10))
    later(minutes=5)
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE account = $2", crypto.hash_password("right"), WHO)
    assert await clinic.gate.signin.confirm(session.caller, "password", "wrong", HERE) is None
    caller = await clinic.gate.signin.confirm(session.caller, "password", "right", HERE)
    assert caller is not None
    await clinic.gate.access_of(caller).require_fresh()


async def test_a_proof_given_to_one_process_counts_in_the_other(clinic: Clinic, elsewhere: Gate) -> None:
    session = await begin(clinic)
    later(minutes=6)
    access = await elsewhere.session(session.token)
    assert access is not None
    with pytest.raises(errors.ProofNeeded):
        await access.require_fresh()
    await clinic.owner.execute("UPDATE record.credential SET proved = $1 WHERE kind = 'session'", clock.now())
    await access.require_fresh()


async def test_a_persons_token_proves_nobody_and_a_program_has_nobody_to_ask(clinic: Clinic) -> None:
    person, program = [await clinic.gate.access(clinic.tokens[who]) for who in (WHO, "sys-mh")]
    assert person is not None
    assert program is not None
    with pytest.raises(errors.ProofNeeded):
        await person.require_fresh()
    await program.require_fresh()


async def test_an_organizations_own_limits_go_before_ours_and_a_roles_before_all(clinic: Clinic) -> None:
    await clinic.owner.executemany(
        "INSERT INTO record.sign_in_rule (tenant, door, role, idle, warning, longest, fresh, second) VALUES (1, 'staff', $1, $2, '1 minute', '8 hours', '1 minute', false)",
        [("*", timedelta(minutes=5)), ("clinician", timedelta(minutes=30))],
    )
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1", crypto.hash_password("right"))
    for who, idle in ((WHO, 30), ("officer", 5)):
        begun = await clinic.gate.signin.password(clinic.gate.house.tenants[A], who, "right", HERE)
        assert isinstance(begun, Session)
        assert begun.caller.idle == timedelta(minutes=idle)
