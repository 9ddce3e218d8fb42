"""A recent proof, what is held until there is one, a proof beside a request, and a device that was handed over; asked of the gate itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.gate import handover, ownproof, proof
from sojourn.gate.access import Access
from sojourn.gate.guessing import NAMED, Guessing
from sojourn.gate.identity import Session
from sojourn.gate.proof import Held
from sojourn.gate.signinrules import guessing
from tests.gate.test_signin import PASSWORD, WHO, clinic, code, sign_in, with_app
from tests.people import A, Clinic
from tests.web.real import later

__all__ = ["clinic"]

SENT = Held("POST", "/notes/1", b"a=\xe9", "text/plain", b"two\nlines \x00")


async def signed_in(clinic: Clinic, who: str = WHO) -> Access:
    made = await sign_in(clinic, who)
    assert isinstance(made, Session)
    return clinic.gate.access_of(made.caller)


async def fresh(access: Access, within: timedelta | None = None) -> bool:
    try:
        await proof.require_fresh(access, within)
    except errors.ProofNeeded:
        return False
    return True


async def test_who_has_to_prove_themselves_and_within_what(clinic: Clinic) -> None:
    mine = await signed_in(clinic)
    later(minutes=5)
    mine.now = clock.now()
    assert await fresh(mine)
    later(seconds=1)
    mine.now = clock.now()
    assert not await fresh(mine)
    assert await fresh(mine, timedelta(minutes=6))
    assert not await fresh(mine, timedelta(0))
    mine.caller = replace(mine.caller, fresh=timedelta(hours=1))
    assert await fresh(mine)
    mine.caller = replace(mine.caller, fresh=None)
    assert not await fresh(mine)
    for kind in ("system", "app", "organization", "patient", "proxy"):
        mine.caller = replace(mine.caller, kind=kind, proved=None, session=False)
        assert await fresh(mine) == (kind in ("system", "app", "organization"))


async def test_what_was_held_goes_on_once_for_its_own_session_and_within_an_hour(clinic: Clinic) -> None:
    mine, other = await signed_in(clinic), await signed_in(clinic)
    sealed = proof.hold(mine, SENT)
    assert proof.release(mine, sealed) == SENT
    assert sealed != proof.hold(mine, SENT)
    with pytest.raises(crypto.BadSeal):
        proof.release(other, sealed)
    assert [await proof.spend(mine, sealed) for _ in range(2)] == [True, False]
    assert await proof.spend(mine, proof.hold(mine, SENT))
    later(minutes=60)
    assert proof.release(mine, sealed) == SENT
    later(seconds=1)
    with pytest.raises(crypto.BadSeal):
        proof.release(mine, sealed)


async def test_what_was_put_aside_comes_back_to_the_same_person_for_ten_minutes(clinic: Clinic) -> None:
    mine, other = await signed_in(clinic), await signed_in(clinic, "officer")
    secret = await proof.put_aside(mine, "sealed")
    assert await proof.taken_up(mine, secret) == "sealed"
    assert await proof.taken_up(await signed_in(clinic), secret) == "sealed", "they signed in anew"
    assert await proof.taken_up(other, secret) == ""
    assert await proof.taken_up(mine, "nothing") == ""
    with_another = crypto.sha256(b"other")
    await clinic.owner.execute("SELECT gate.make_ticket(1, $1, 'held', $2, '', 'x', $3, $4)", with_another, WHO, clock.now(), clock.now() + timedelta(hours=1))
    assert await proof.taken_up(mine, "other") == "", "kept for something else"
    later(minutes=10)
    assert await proof.taken_up(mine, secret) == ""


async def test_a_proof_beside_a_request_is_counted_by_account_and_in_the_trail(clinic: Clinic) -> None:
    secret = await with_app(clinic)
    mine = await clinic.gate.access(clinic.tokens[WHO])
    theirs = await clinic.gate.access(clinic.tokens["officer"])
    assert mine is not None
    assert theirs is not None
    most = guessing()["login_from_address"].attempts
    for _ in range(most + 1):
        assert await ownproof.proves(mine, "password", PASSWORD) is True
    assert await ownproof.proves(mine, "totp", code(secret)) is True
    assert await ownproof.proves(mine, "passkey", code(secret, 1)) is False
    assert await ownproof.proves(mine, "totp", code(secret)) is False, "it was used"
    lines = await clinic.owner.fetch("SELECT outcome, account, query FROM record.audit WHERE action = 'confirm' ORDER BY n")
    assert [tuple(line) for line in lines[-4:]] == [("done", WHO, "how=password"), ("done", WHO, "how=totp"), ("denied", WHO, "how=passkey"), ("denied", WHO, "how=totp")]
    for _ in range(most - 2):
        assert await ownproof.proves(mine, "password", "x") is False
    with pytest.raises(errors.TooManyRequests):
        await ownproof.proves(mine, "password", PASSWORD)
    assert await ownproof.proves(theirs, "password", PASSWORD) is True


async def test_what_is_counted_together_and_what_a_right_answer_takes_back(clinic: Clinic) -> None:
    counts = Guessing(clinic.gate.house.db, clinic.gate.house.key)

    async def counted() -> list[int]:
        return sorted(r["count"] for r in await clinic.owner.fetch("SELECT count FROM record.throttle"))

    await counts.attempt(A, "Ana", "here")
    assert await counted() == [1, 1, 1]
    await counts.attempt(A, "ANA", "there")
    assert await counted() == [1, 1, 1, 1, 2], "the same login from elsewhere"
    await counts.attempt(A, "ben", "here", ("address",))
    assert await counted() == [1, 1, 1, 2, 2]
    await counts.attempt(2, "ana", "here")
    assert await counted() == [1, 1, 1, 1, 1, 1, 2, 2], "another organization's"
    await counts.forgive(A, "ana", "here")
    assert await counted() == [1] * 7, "their own is gone"
    most = guessing()["login"].attempts
    for n in range(most - 1):
        await counts.attempt(A, "ana", f"from {n}", NAMED)
    with pytest.raises(errors.TooManyRequests):
        await counts.attempt(A, "ana", "from elsewhere", NAMED)
    later(days=2)
    await counts.attempt(A, "ana", "from elsewhere", NAMED)


async def test_a_handed_device_shows_one_page_until_it_has_served_or_too_long_went_by(clinic: Clinic) -> None:
    mine = await signed_in(clinic)
    token = await handover.begin(mine, "/sign/1", "/chart/p", {"form": "f"}, "p")
    assert await clinic.gate.identity.of(mine.caller.credential) is None
    with pytest.raises(errors.Unauthenticated):
        await handover.begin(mine, "/sign/1", "/chart/p", {})
    caller = await clinic.gate.identity.caller(token)
    assert caller is not None
    assert (caller.account, caller.door, caller.session) == (WHO, "handover", True)
    device = clinic.gate.access_of(caller)
    shown = await handover.look(device)
    assert shown == handover.Handed("/sign/1", "/chart/p", caller.name, {"form": "f"}, done=False)
    with pytest.raises(errors.Forbidden):
        await handover.begin(device, "/sign/2", "/", {})
    await handover.finish(device)
    assert await handover.look(device) == replace(shown, done=True)
    later(hours=2)
    assert await handover.look(device) is None
    lines = await clinic.owner.fetch("SELECT type, outcome, account, patients FROM record.audit WHERE action = 'hand-over' ORDER BY n")
    assert next((r["type"], r["outcome"], r["account"], list(r["patients"] or ())) for r in lines) == ("Patient", "done", WHO, ["p"])


async def test_only_a_session_of_staff_that_is_not_over_is_handed_over(clinic: Clinic) -> None:
    token = await clinic.gate.access(clinic.tokens[WHO])
    assert token is not None
    with pytest.raises(errors.Forbidden):
        await handover.begin(token, "/sign/1", "/", {})
    mine = await signed_in(clinic)
    assert await handover.begin(mine, "/sign/1", "/", {})
    assert await clinic.owner.fetchval("SELECT type FROM record.audit WHERE action = 'hand-over'") == "Login"
