"""Ways in: what they cost, what they tell, what can be used twice."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from sojourn.base import clock, crypto, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.gate import Gate
from sojourn.gate.identity import Session
from sojourn.gate.passkeys import Place
from sojourn.gate.signin import Pending, Visit
from sojourn.gate.signinrules import guessing
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, A, Clinic
from tests.web.real import PASSWORD, furnish, later

WHO = "mh-clinician"
HERE = Visit("staff", "192.0.2.7", "Firefox on Linux", "request")
THERE = HERE._replace(address="198.51.100.9")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, a second factor asked of nobody, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def sign_in(clinic: Clinic, login: str = WHO, password: str = PASSWORD, visit: Visit = HERE, gate: Gate | None = None) -> Session | Pending | None:
    gate = gate or clinic.gate
    return await gate.signin.password(gate.house.tenants[A], login, password, visit)


def code(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows now, or so many half minutes from now; from the letters that a person would type."""
    import base64

    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return TOTP(key, 6, SHA1(), 30).generate(int(clock.now().timestamp()) + 30 * steps).decode()


async def with_app(clinic: Clinic, who: str = WHO) -> str:
    """Give somebody an authenticator app; its secret."""
    tenant = clinic.gate.house.tenants[A]
    app = await clinic.gate.signin.factors.begin_app(tenant, who, who)
    assert await clinic.gate.signin.factors.check_app(tenant, who, code(app.secret), begun=True)
    later(minutes=1)
    return app.secret


# --- what attempts tell ---------------------------------------------------------------------------------------------------------


class Counting:
    """What a gate asked the database, in order."""

    def __init__(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        real = gate.house.db.call

        async def call(sql: str, *args: Any) -> Any:
            self.asked.append(sql)
            return await real(sql, *args)

        monkeypatch.setattr(gate.house.db, "call", call)

    def taken(self) -> list[str]:
        taken, self.asked = self.asked, []
        return taken


async def test_unknown_wrong_deactivated_and_passwordless_cost_the_same_statements_and_the_same_work(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    await clinic.owner.execute("UPDATE record.account SET password = NULL WHERE account = 'biller'")
    await clinic.owner.fetchval("SELECT gate.set_account_state(1, 'technician', 'deactivated', '', '', $1)", clock.now())
    counting, verified = Counting(clinic.gate, monkeypatch), []
    real = crypto.verify_password
    monkeypatch.setattr(crypto, "verify_password", lambda given, stored: verified.append(1) or real(given, stored))
    seen = set()
    for login, password in (("nobody", "x"), (WHO, "x"), ("technician", PASSWORD), ("biller", PASSWORD), ("tpo", "x")):
        counting.taken()
        verified.clear()
        assert await sign_in(clinic, login, password) is None
        seen.add((tuple(counting.taken()), len(verified)))
    assert len(seen) == 1
    assert next(iter(seen))[1] == 1


async def test_a_wrong_password_takes_as_long_for_a_login_that_does_not_exist(clinic: Clinic) -> None:
    """The work is Argon2's; it is compared as a ratio of medians, far apart enough not to depend on the machine."""
    await sign_in(clinic, "warm-up", "x")

    async def took(login: str) -> float:
        times = []
        for n in range(7):
            start = time.perf_counter()
            await sign_in(clinic, login, "x", HERE._replace(address=f"192.0.2.{n}"))
            times.append(time.perf_counter() - start)
        return sorted(times)[3]

    assert 0.4 < await took("nobody") / await took(WHO) < 2.5


async def test_a_refused_attempt_is_in_the_trail_without_the_words_that_were_typed(clinic: Clinic) -> None:
    await sign_in(clinic, "hunter2", "hunter3")
    await sign_in(clinic, WHO, "hunter4")
    lines = await clinic.owner.fetch("SELECT * FROM record.audit WHERE action = 'sign-in' ORDER BY n")
    assert [(r["outcome"], r["account"], r["query"]) for r in lines] == [("denied", "", "how=password"), ("denied", "", f"about={WHO}&how=password")]
    assert "hunter" not in str([dict(r) for r in lines])


async def test_a_patients_account_does_not_come_in_by_the_staffs_door_nor_staff_by_the_patients(clinic: Clinic) -> None:
    await clinic.owner.execute("UPDATE record.account SET kind = 'patient' WHERE account = 'biller'")
    portal = HERE._replace(door="portal")
    assert await sign_in(clinic, "biller") is None
    assert await sign_in(clinic, WHO, visit=portal) is None
    assert isinstance(await sign_in(clinic, "biller", visit=portal), Session)


# --- guessing ---------------------------------------------------------------------------------------------------------------------


async def test_a_login_is_closed_to_an_address_after_so_many_attempts_whether_or_not_it_exists(clinic: Clinic) -> None:
    most = guessing()["login_from_address"].attempts
    for login in (WHO, "nobody"):
        for _ in range(most):
            assert await sign_in(clinic, login, "x") is None
        with pytest.raises(errors.TooManyRequests):
            await sign_in(clinic, login, PASSWORD)
    assert isinstance(await sign_in(clinic, visit=THERE), Session)
    later(minutes=10)
    assert isinstance(await sign_in(clinic), Session)


async def test_attempts_count_in_every_process(clinic: Clinic, tmp_path: Path) -> None:
    other = Gate(clinic.dsn.app, clinic.gate.house.key, tmp_path, base=people.BASE, connections=2)
    await other.open()
    try:
        for n in range(guessing()["login_from_address"].attempts):
            await sign_in(clinic, WHO, "x", gate=other if n % 2 else clinic.gate)
        for gate in (clinic.gate, other):
            with pytest.raises(errors.TooManyRequests):
                await sign_in(clinic, gate=gate)
    finally:
        await other.close()


async def test_capital_letters_are_no_new_attempt(clinic: Clinic) -> None:
    for n in range(guessing()["login_from_address"].attempts):
        await sign_in(clinic, WHO.upper() if n % 2 else WHO, "x")
    with pytest.raises(errors.TooManyRequests):
        await sign_in(clinic)


async def test_one_password_on_many_logins_is_stopped_by_address(clinic: Clinic) -> None:
    for n in range(guessing()["address"].attempts):
        await clinic.gate.signin._guessing.attempt(A, f"person-{n}", HERE.address)
    with pytest.raises(errors.TooManyRequests):
        await sign_in(clinic)
    assert isinstance(await sign_in(clinic, visit=THERE), Session)


async def test_a_stranger_cannot_shut_everybody_out_of_passkeys(clinic: Clinic) -> None:
    tenant, place = clinic.gate.house.tenants[A], Place("a.test", "https://a.test", b"browser")
    for _ in range(guessing()["address"].attempts):
        assert await clinic.gate.signin.passkey(tenant, place, "x", "{}", HERE) is None
    with pytest.raises(errors.TooManyRequests):
        await clinic.gate.signin.passkey(tenant, place, "x", "{}", HERE)
    assert await clinic.gate.signin.passkey(tenant, place, "x", "{}", THERE) is None
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE query = 'how=too-many' AND outcome = 'denied'") == 1


async def test_a_right_password_takes_its_attempt_back_but_not_those_of_others(clinic: Clinic) -> None:
    for _ in range(20):
        assert isinstance(await sign_in(clinic), Session)
    counts = await clinic.owner.fetch("SELECT count FROM record.throttle")
    assert {r["count"] for r in counts} == {0}
    await sign_in(clinic, "nobody", "x")
    await sign_in(clinic)
    assert await clinic.owner.fetchval("SELECT max(count) FROM record.throttle") == 1


async def test_no_login_and_no_address_is_kept_for_counting(clinic: Clinic) -> None:
    await sign_in(clinic, "nobody", "x")
    kept = str([dict(r) for r in await clinic.owner.fetch("SELECT * FROM record.throttle")])
    assert "nobody" not in kept
    assert crypto.sha256(b"nobody").hex() not in kept


async def test_many_attempts_at_once_count_each(clinic: Clinic) -> None:
    import asyncio

    said = await asyncio.gather(*(sign_in(clinic, WHO, "x") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(s, errors.TooManyRequests) for s in said) == 20 - guessing()["login_from_address"].attempts


# --- second factors ---------------------------------------------------------------------------------------------------------------


async def test_who_has_an_authenticator_app_is_asked_for_it(clinic: Clinic) -> None:
    secret = await with_app(clinic)
    pending = await sign_in(clinic)
    assert isinstance(pending, Pending)
    assert pending.kinds == ("totp",)
    tenant = clinic.gate.house.tenants[A]
    assert await clinic.gate.session(pending.token) is None
    assert await clinic.gate.signin.second(tenant, pending, "totp", "000000", HERE) is None
    session = await clinic.gate.signin.second(tenant, pending, "totp", code(secret), HERE)
    assert session is not None
    assert session.caller.methods == ("password", "totp")


async def test_a_code_counts_once_also_for_somebody_who_looked_over_the_shoulder(clinic: Clinic) -> None:
    secret = await with_app(clinic)
    tenant, now = clinic.gate.house.tenants[A], code(secret)
    mine, theirs = await sign_in(clinic), await sign_in(clinic)
    assert isinstance(mine, Pending)
    assert isinstance(theirs, Pending)
    assert await clinic.gate.signin.second(tenant, mine, "totp", now, HERE)
    assert await clinic.gate.signin.second(tenant, theirs, "totp", now, HERE) is None
    assert await clinic.gate.signin.second(tenant, theirs, "totp", code(secret, -1), HERE) is None


async def test_a_code_may_be_half_a_minute_early_or_late_and_no_more(clinic: Clinic) -> None:
    secret = await with_app(clinic)
    tenant, factors = clinic.gate.house.tenants[A], clinic.gate.signin.factors
    assert [await factors.check_app(tenant, WHO, code(secret, n)) for n in (-3, -2, 2, 3)] == [False] * 4
    later(minutes=5)
    assert await factors.check_app(tenant, WHO, code(secret, -1))
    assert await factors.check_app(tenant, WHO, code(secret))
    assert await factors.check_app(tenant, WHO, code(secret, 1))


async def test_an_app_that_was_never_shown_to_work_opens_nothing(clinic: Clinic) -> None:
    tenant, factors = clinic.gate.house.tenants[A], clinic.gate.signin.factors
    app = await factors.begin_app(tenant, WHO, WHO)
    assert not await factors.check_app(tenant, WHO, code(app.secret))
    assert isinstance(await sign_in(clinic), Session)


async def test_a_half_done_sign_in_is_completed_once_and_lasts_minutes(clinic: Clinic) -> None:
    secret = await with_app(clinic)
    tenant = clinic.gate.house.tenants[A]
    pending = await sign_in(clinic)
    assert isinstance(pending, Pending)
    assert await clinic.gate.signin.second(tenant, pending, "totp", code(secret), HERE)
    assert await clinic.gate.signin.pending(tenant, pending.token, "staff") is None
    later(minutes=1)
    assert await clinic.gate.signin.second(tenant, pending, "totp", code(secret), HERE) is None
    again = await sign_in(clinic)
    assert isinstance(again, Pending)
    later(minutes=10)
    assert await clinic.gate.signin.pending(tenant, again.token, "staff") is None


async def test_codes_cannot_be_guessed_by_somebody_who_has_the_password(clinic: Clinic) -> None:
    await with_app(clinic)
    tenant, most = clinic.gate.house.tenants[A], guessing()["code"].attempts
    for n in range(most + 1):
        visit = HERE._replace(address=f"2001:db8::{n:x}")
        pending = await sign_in(clinic, visit=visit)
        assert isinstance(pending, Pending)
        if n == most:
            with pytest.raises(errors.TooManyRequests):
                await clinic.gate.signin.second(tenant, pending, "totp", "000000", visit)
        else:
            assert await clinic.gate.signin.second(tenant, pending, "totp", f"{n:06}", visit) is None


async def test_a_recovery_code_stands_in_once_however_it_is_written(clinic: Clinic) -> None:
    await with_app(clinic)
    tenant = clinic.gate.house.tenants[A]
    codes = await clinic.gate.signin.factors.new_recovery(tenant, WHO)
    assert len(set(codes)) == 10
    for _ in range(2):
        pending = await sign_in(clinic)
        assert isinstance(pending, Pending)
        written = codes[0].upper().replace("-", " ")
        done = await clinic.gate.signin.second(tenant, pending, "recovery", written, HERE)
        assert (done is not None) == (_ == 0)


async def test_new_recovery_codes_make_the_old_ones_worthless_and_are_of_one_account(clinic: Clinic) -> None:
    tenant, factors = clinic.gate.house.tenants[A], clinic.gate.signin.factors
    old, new = await factors.new_recovery(tenant, WHO), await factors.new_recovery(tenant, WHO)
    assert not await factors.use_recovery(tenant, WHO, old[0])
    assert not await factors.use_recovery(tenant, "officer", new[0])
    assert not await factors.use_recovery(clinic.gate.house.tenants[people.B], WHO, new[0])
    assert await factors.use_recovery(tenant, WHO, new[0])


async def test_no_secret_of_a_factor_lies_in_the_database_as_it_is(clinic: Clinic) -> None:
    import base64

    secret = await with_app(clinic)
    codes = await clinic.gate.signin.factors.new_recovery(clinic.gate.house.tenants[A], WHO)
    kept = b"".join(bytes(r["secret"]) for r in await clinic.owner.fetch("SELECT secret FROM record.factor"))
    raw = base64.b32decode(secret + "=" * (-len(secret) % 8))
    assert raw not in kept
    assert secret.encode() not in kept
    assert all(crypto.sha256(c.replace("-", "").encode()) not in kept for c in codes)


async def test_a_secret_moved_to_another_account_opens_nothing_there(clinic: Clinic) -> None:
    await with_app(clinic)
    await clinic.owner.execute("UPDATE record.factor SET account = 'officer'")
    with pytest.raises(crypto.BadSeal):
        await clinic.gate.signin.factors.check_app(clinic.gate.house.tenants[A], "officer", "000000")


async def test_where_a_second_factor_is_needed_the_password_alone_leads_to_setting_one_up(clinic: Clinic) -> None:
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = true")
    tenant = clinic.gate.house.tenants[A]
    pending = await sign_in(clinic)
    assert isinstance(pending, Pending)
    assert pending.kinds == ()
    app = await clinic.gate.signin.set_up_app(tenant, pending)
    assert app is not None
    assert await clinic.gate.signin.second(tenant, pending, "totp", code(app.secret), HERE) is None  # it does not count yet
    assert await clinic.gate.signin.second_set_up(tenant, pending, "000000", HERE) is None
    done = await clinic.gate.signin.second_set_up(tenant, pending, code(app.secret), HERE)
    assert done is not None
    assert len(done[1]) == 10
    later(minutes=1)
    assert (await sign_in(clinic)).kinds == ("totp", "recovery")  # type: ignore[union-attr]


async def test_a_session_gets_a_new_secret_with_each_sign_in(clinic: Clinic) -> None:
    tokens = {(await sign_in(clinic)).token for _ in range(3)}  # type: ignore[union-attr]
    assert len(tokens) == 3
