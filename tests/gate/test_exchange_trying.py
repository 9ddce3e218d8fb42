"""The test bench as the gate has it: who begins, signs and decides, by which link a partner signs, and what production takes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.gate.access import Access
from sojourn.gate.exchange import partners, testing, trying
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.testing import FAILED, PASSED
from tests.care.reach import AGREED
from tests.doors.hl7v2.lab import LAB
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import clinic
from tests.people import A, B, Clinic
from tests.web.real import ADMIN, later

__all__ = ["clinic"]
TESTED = replace(LAB, types=("ORU^R01",), agreed=AGREED)


async def untested(clinic: Clinic, made: Partner = TESTED) -> Partner:
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, made.id, partners.facts(made), clock.now())
    return await partners.one(await signed_in(clinic, ADMIN), made.id)


async def a_run(clinic: Clinic, partner: Partner, *, passed: bool = True) -> str:
    """A run, all of whose steps are passed."""
    admin = await signed_in(clinic, ADMIN)
    id_ = await trying.begin(admin, partner, testing.steps(partner))
    if passed:
        run = await trying.one(admin, partner.id, id_)
        assert await trying.record(clinic.gate.house, A, run, [s.became(PASSED, "", clock.now()) for s in run.steps])
    return id_


async def refused(act: Any, error: type[Exception] = errors.Malformed) -> None:
    with pytest.raises(error):
        await act


async def test_nobody_but_who_looks_after_partners_has_a_part_in_it_and_signing_takes_a_recent_proof(clinic: Clinic) -> None:
    partner = await untested(clinic)
    run = await a_run(clinic, partner)
    other = await signed_in(clinic, "mh-clinician")

    def signing(who: Access) -> tuple[Any, ...]:
        return trying.sign(who, "cedar", run, "Manager"), trying.link(who, "cedar", run), trying.decide(who, "cedar", run, "Why.", go=True), trying.decide(who, "cedar", run, "Why.", go=False)

    every = (trying.clearances(other), trying.runs(other, "cedar"), trying.one(other, "cedar", run), trying.begin(other, partner, testing.steps(partner)), trying.again(other, "cedar", run, "x"), trying.end(other, "cedar", run), trying.upload(other, "cedar", run, "Kim", "Analyst", b"%PDF-"), trying.before(other, "cedar", "Why."), *signing(other))
    for act in every:
        await refused(act, errors.Forbidden)
    admin = await signed_in(clinic, ADMIN)
    later(minutes=5, seconds=1)
    for act in signing(clinic.gate.access_of(admin.caller)):
        await refused(act, errors.ProofNeeded)
    assert await trying.signatures(admin, await trying.one(await signed_in(clinic, ADMIN), "cedar", run)) == {}


async def test_a_run_is_of_its_partner_one_at_a_time_and_stays_as_it_ended(clinic: Clinic) -> None:
    partner = await untested(clinic)
    await untested(clinic, replace(TESTED, id="other"))
    admin = await signed_in(clinic, ADMIN)
    await refused(trying.begin(admin, partner, []))
    await refused(trying.begin(admin, replace(partner, since=partner.since - timedelta(seconds=1) if partner.since else None), testing.steps(partner)))
    id_ = await a_run(clinic, partner, passed=False)
    await refused(trying.begin(admin, partner, testing.steps(partner)))
    run = await trying.one(admin, "cedar", id_)
    assert (run.state, run.digest, run.fits, [s.state for s in run.steps]) == (trying.RUNNING, "", True, [testing.WAITS] * len(run.steps))
    for act in (trying.one(admin, "other", id_), trying.one(admin, "cedar", "none"), trying.one(admin, "cedar", ""), trying.again(admin, "cedar", id_, "in.NONE"), trying.again(admin, "other", id_, run.steps[0].key), trying.end(admin, "other", id_), trying.sign(admin, "other", id_, "Manager")):
        await refused(act, errors.NotFound)
    for signing in (trying.sign(admin, "cedar", id_, "Manager"), trying.link(admin, "cedar", id_), trying.upload(admin, "cedar", id_, "Kim", "Analyst", b"%PDF-")):
        await refused(signing)  # it is not passed
    key = run.steps[0].key
    failed = [s.became(FAILED, "No.", clock.now()) for s in run.steps]
    assert await trying.record(clinic.gate.house, A, run, failed)
    assert not await trying.record(clinic.gate.house, A, run, failed), "somebody was faster"
    await trying.again(admin, "cedar", id_, key)
    run = await trying.one(admin, "cedar", id_)
    assert [s.state for s in run.steps] == [testing.WAITS if s.key == key else FAILED for s in run.steps]
    assert await trying.record(clinic.gate.house, A, run, [s.became(PASSED, "", clock.now()) for s in run.steps])
    run = await trying.one(admin, "cedar", id_)
    assert (run.state, run.digest) == (PASSED, hashlib.sha256(trying.result(run, run.steps, PASSED)).hexdigest())
    for act in (trying.end(admin, "cedar", id_), trying.again(admin, "cedar", id_, key)):
        await refused(act, errors.NotFound)
    assert [r.id for r in await trying.runs(admin, "cedar")] == [id_]
    assert await trying.runs(admin, "other") == []
    second = await a_run(clinic, partner, passed=False)
    await trying.end(admin, "cedar", second)
    ended = await trying.one(admin, "cedar", second)
    assert (ended.state, ended.digest != run.digest) == (FAILED, True)
    await refused(trying.link(admin, "cedar", second))


async def test_a_partner_signs_once_within_a_week_by_the_last_link_of_their_own_organization(clinic: Clinic) -> None:
    run = await a_run(clinic, await untested(clinic))
    house, here, elsewhere = clinic.gate.house, clinic.gate.house.tenants[A], clinic.gate.house.tenants[B]
    admin = await signed_in(clinic, ADMIN)
    first, last = await trying.link(admin, "cedar", run), await trying.link(admin, "cedar", run)
    assert await trying.by_link(house, here, first) is None
    assert await trying.by_link(house, elsewhere, last) is None
    assert not await trying.sign_by_link(house, elsewhere, last, "Kim Lee", "Analyst", "r")
    for name, role in ((" ", "Analyst"), ("Kim Lee", "")):
        await refused(trying.sign_by_link(house, here, last, name, role, "r"))
    later(days=7, seconds=-1)
    found = await trying.by_link(house, here, last)
    assert found is not None
    assert found.id == run
    later(seconds=1)
    assert await trying.by_link(house, here, last) is None
    assert not await trying.sign_by_link(house, here, last, "Kim Lee", "Analyst", "r")
    admin = await signed_in(clinic, ADMIN)
    last = await trying.link(admin, "cedar", run)
    assert await trying.sign_by_link(house, here, last, " Kim Lee ", "Analyst", "r")
    assert not await trying.sign_by_link(house, here, last, "Somebody Else", "Analyst", "r")
    assert await trying.by_link(house, here, last) is None
    (signed,) = (await trying.signatures(admin, await trying.one(admin, "cedar", run))).values()
    assert (signed.side, signed.name, signed.role, signed.way, signed.digest, signed.has_file) == (trying.THEIRS, "Kim Lee", "Analyst", "link", found.digest, False)
    await refused(trying.upload(admin, "cedar", run, "Kim Lee", "Analyst", b"%PDF-"))  # once by each side
    lines = await clinic.owner.fetch("SELECT account, query FROM record.audit WHERE action = 'exchange-test-sign' AND outcome = 'done'")
    assert [tuple(line) for line in lines] == [("partner-cedar", f"run={run}&side=theirs")]


async def test_a_signed_result_that_was_sent_is_a_page_or_names_what_was_signed(clinic: Clinic) -> None:
    run = await a_run(clinic, await untested(clinic))
    admin = await signed_in(clinic, ADMIN)
    digest = (await trying.one(admin, "cedar", run)).digest
    for name, role, file in (("", "Analyst", b"%PDF-"), ("Kim", " ", b"%PDF-"), ("Kim", "Analyst", b""), ("Kim", "Analyst", b"We agree."), ("Kim", "Analyst", digest[:-1].encode()), ("Kim", "Analyst", b"%PDF-" + b"x" * (2 << 20))):
        await refused(trying.upload(admin, "cedar", run, name, role, file))
    await refused(trying.sign(admin, "cedar", run, " "))
    await trying.upload(admin, "cedar", run, "Kim", "Analyst", f"We agree to {digest}.".encode())
    await trying.sign(admin, "cedar", run, "Manager")
    await refused(trying.sign(admin, "cedar", run, "Manager"))
    both = await trying.signatures(admin, await trying.one(admin, "cedar", run))
    assert {side: (s.way, s.has_file, s.digest) for side, s in both.items()} == {"ours": ("here", False, digest), "theirs": ("file", True, digest)}
    assert digest.encode() not in await clinic.owner.fetchval("SELECT file FROM record.exchange_signature WHERE side = 'theirs'"), "it is sealed"


async def test_they_exchange_for_real_by_a_run_of_their_own_that_both_signed_and_until_somebody_says_no(clinic: Clinic) -> None:
    partner = await untested(clinic)
    other = await untested(clinic, replace(TESTED, id="other"))
    admin = await signed_in(clinic, ADMIN)
    run, theirs = await a_run(clinic, partner), await a_run(clinic, other)

    async def stands() -> tuple[str, str]:
        one = (await trying.clearances(admin))["cedar"]
        return one.why, one.way

    assert await stands() == ("run", "")
    for id_ in (run, theirs):
        whose = "cedar" if id_ == run else "other"
        await trying.sign(admin, whose, id_, "Manager")
        if id_ == run:
            await refused(trying.decide(admin, "cedar", run, "Done.", go=True))
        await trying.upload(admin, whose, id_, "Kim", "Analyst", b"%PDF-")
    for partner_, id_, why, error in (("cedar", theirs, "Done.", errors.Malformed), ("cedar", "none", "Done.", errors.Malformed), ("cedar", run, " ", errors.Malformed), ("nobody", run, "Done.", errors.NotFound)):
        await refused(trying.decide(admin, partner_, id_, why, go=True), error)
    assert await stands() == ("run", "")
    await trying.decide(admin, "cedar", run, "Done.", go=True)
    assert await stands() == ("", "run")
    await trying.decide(admin, "cedar", "", "They changed their system.", go=False)
    assert await stands() == ("no", "no")
    assert [tuple(r) for r in await clinic.owner.fetch("SELECT account, action FROM record.audit WHERE action LIKE 'exchange-%go' AND outcome = 'done' ORDER BY n")] == [(ADMIN, "exchange-go"), (ADMIN, "exchange-no-go")]
