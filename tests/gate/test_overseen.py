"""Exports and subscriptions for who oversees them: all of the organization, how each stands, and one ended or tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.gate.access import Access
from sojourn.gate.bulk import overseeing as exports
from sojourn.gate.subscriptions import overseeing as subscriptions
from sojourn.gate.subscriptions.model import ACTIVE, ERROR
from sojourn.record import organization
from tests.doors.api.test_bulk import kick_off
from tests.doors.api.test_subscriptions import Receiver, begun, followed, receiver, seen_by
from tests.exports import make_exports
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import clinic
from tests.people import FAR, MH, START, SUD, A, Clinic, observation, patient
from tests.web.real import ADMIN, HASH, later

__all__ = ["clinic", "receiver"]


async def operating(clinic: Clinic) -> Access:
    row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    return await signed_in(clinic, "ivy")


async def test_every_export_is_listed_and_can_be_ended_by_who_administers_apps(clinic: Clinic) -> None:
    for n in range(2):
        await clinic.make("sys-mh", patient(f"Rivera{n}"))
    first = (await kick_off(clinic, "sys-mh", "$export?_type=Patient,Observation")).removeprefix("$bulk/")
    later(seconds=1)
    second = (await kick_off(clinic, "sys-sud", f"Patient/$export?_type=Patient&_since={(START - timedelta(days=9)).isoformat().replace('+00:00', 'Z')}")).removeprefix("$bulk/")
    admin = await signed_in(clinic, ADMIN)
    found = await exports.every(admin)
    assert [(one.id, one.account, one.level, one.types, one.state) for one in found] == [(second, "sys-sud", "patient", 1, "waiting"), (first, "sys-mh", "system", 2, "waiting")]
    assert (found[0].since[:10], found[1].since, found[0].begun - found[1].begun) == ("2026-02-20", "", timedelta(seconds=1))
    await make_exports(clinic)
    one = next(one for one in await exports.every(await signed_in(clinic, ADMIN)) if one.id == first)
    assert (one.state, one.name, one.purpose, one.done == one.kinds, one.lines, one.size > 0) == ("done", "sys-mh", "TREAT", True, 2, True)
    other = await signed_in(clinic, "mh-clinician")
    for act in (exports.every(other), exports.stop(other, first)):
        with pytest.raises(errors.Forbidden):
            await act
    await exports.stop(admin, first)
    assert [one.id for one in await exports.every(admin)] == [second]
    for gone in (first, "nothing"):
        with pytest.raises(errors.NotFound):
            await exports.stop(admin, gone)
    assert (await clinic.get("sys-mh", f"$bulk/{first}")).status == 404
    lines = await clinic.owner.fetch("SELECT action, query FROM record.audit WHERE action LIKE 'export-%' AND outcome = 'done' ORDER BY n")
    assert [tuple(line) for line in lines] == [*[("export-list", "")] * 2, ("export-stop", f"export={first}"), ("export-list", ""), *[("export-stop", f"export={gone}") for gone in (first, "nothing")]]


async def test_a_subscription_that_does_not_work_is_seen_without_its_path_and_tried_again(clinic: Clinic, receiver: Receiver) -> None:
    p, ivy = await seen_by(clinic), await operating(clinic)
    works, telling = await begun(clinic, receiver)
    broken, _ = await begun(clinic, receiver)
    receiver.answer = "503 Later"
    await clinic.make("sys-mh", observation(p))
    await followed(clinic, telling)
    await clinic.owner.execute("UPDATE record.subscription SET state = $2, tries = 0 WHERE subscription = $1", works, ACTIVE)
    first, second = await subscriptions.every(ivy)
    assert (first.id, first.name, first.host, first.topic != "", first.tries, first.broken) == (broken, "mh-service", f"127.0.0.1:{receiver.port}", True, 1, True)
    assert (second.id, second.tries, second.broken, second.state) == (works, 0, False, ACTIVE)
    assert "hook" not in repr(first)
    assert [one._replace(state=state, tries=tries).broken for one in (second,) for state, tries in ((ERROR, 0), (ACTIVE, 1), (ACTIVE, 0))] == [True, True, False]
    officer = await signed_in(clinic, "mh-clinician")
    for act in (subscriptions.every(officer), subscriptions.again(officer, broken)):
        with pytest.raises(errors.Forbidden):
            await act
    for no in (works, "nothing"):
        with pytest.raises(errors.NotFound):
            await subscriptions.again(ivy, no)
    receiver.answer = "204 No Content"
    await subscriptions.again(ivy, broken)
    await followed(clinic, telling)
    assert not any(one.broken for one in await subscriptions.every(ivy))
    assert await clinic.owner.fetchval("SELECT account FROM record.audit WHERE action = 'subscription-again'") == "ivy"
