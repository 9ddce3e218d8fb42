"""Roles: read and edited by those who may; what is changed acts with everybody's next step, and what was stays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, Clinic
from tests.web.real import ADMIN, Visitor, furnish, later


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def signed_in(clinic: Clinic, login: str = ADMIN) -> Visitor:
    visitor = Visitor(clinic)
    await visitor.sign_in(login)
    return visitor


async def test_every_role_is_told_in_plain_words(clinic: Clinic) -> None:
    visitor = await signed_in(clinic)
    page = (await visitor.get("/roles")).text
    assert "Patients of the programs that they work in".lower() in page.lower()
    assert "On call" in page
    one = (await visitor.get("/roles/clinician")).text
    assert "declare an emergency" in one
    assert "the starting rules" in one
    assert (await visitor.get("/roles/nothing")).status_code == 404


@pytest.mark.parametrize(("who", "status"), [("mh-clinician", 403), ("biller", 403), ("officer", 200), (ADMIN, 200)])
async def test_roles_are_for_those_who_administer_them(clinic: Clinic, who: str, status: int) -> None:
    visitor = await signed_in(clinic, who)
    assert (await visitor.get("/roles")).status_code == status
    assert (await visitor.get("/roles/nurse")).status_code == status


async def test_a_changed_reach_acts_at_the_next_statement_and_the_change_is_kept(clinic: Clinic) -> None:
    p = (await clinic.make("sys-far", people.patient())).id
    assert (await clinic.get("technician", f"Patient/{p}")).status == 404
    visitor = await signed_in(clinic)
    later(seconds=1)
    await visitor.get("/roles/technician")
    refused = await visitor.post("/roles/technician/reach", {"reach-organization": "yes"})
    assert refused.status_code == 422
    assert "say why" in refused.text
    assert (await clinic.get("technician", f"Patient/{p}")).status == 404
    await visitor.post("/roles/technician/reach", {"reach-organization": "yes", "reason": "One float pool for all sites"})
    assert (await clinic.get("technician", f"Patient/{p}")).status == 200
    later(seconds=1)
    page = (await visitor.get("/roles/technician")).text
    assert "One float pool for all sites" in page
    assert "No longer: reaches patients of the programs that they work in" in page
    await visitor.post("/roles/technician/reach", {"reach-programs": "yes", "reason": "Back again"})
    assert (await clinic.get("technician", f"Patient/{p}")).status == 404


async def test_what_a_role_may_do_with_a_kind_of_record_is_changed_one_at_a_time(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    o = (await clinic.make("sys-mh", people.observation(p))).id
    visitor = await signed_in(clinic)
    await visitor.get("/roles/clinician")
    await visitor.post("/roles/clinician/rule", {"type": "Observation", "reason": "Not for now"})
    assert (await clinic.get("mh-clinician", f"Observation/{o}")).status == 403
    assert (await clinic.get("mh-clinician", f"Patient/{p}")).status == 200, "everything else is as it was"
    later(seconds=1)
    await visitor.get("/roles/clinician")
    again = await visitor.post("/roles/clinician/rule", {"type": "Observation", "may-read": "yes", "reason": "Reading again"})
    assert again.status_code == 303, again.text
    assert (await clinic.get("mh-clinician", f"Observation/{o}")).status == 200
    assert (await clinic.get("mh-clinician", f"Observation?patient={p}")).status == 403
    assert (await clinic.ask("mh-clinician", "POST", "Observation", people.observation(p))).status == 403
    assert (await visitor.post("/roles/clinician/rule", {"type": "Nothing", "may-read": "yes", "reason": "x"})).status_code == 422


@pytest.mark.parametrize(("who", "role"), [(ADMIN, "administrator"), ("officer", "privacy-officer"), (ADMIN, "system"), (ADMIN, "patient")])
async def test_nobody_changes_their_own_role_nor_one_that_follows_from_law(clinic: Clinic, who: str, role: str) -> None:
    visitor = await signed_in(clinic, who)
    page = (await visitor.get(f"/roles/{role}")).text
    assert f"/roles/{role}/reach" not in page
    assert (await visitor.post(f"/roles/{role}/reach", {"reach-organization": "yes", "reason": "why not"})).status_code == 403


async def test_a_change_leaves_a_line_in_the_trail(clinic: Clinic) -> None:
    visitor = await signed_in(clinic)
    await visitor.get("/roles/nurse")
    await visitor.post("/roles/nurse/reach", {"reach-programs": "yes", "reason": "Nurses float no more"})
    lines = await clinic.owner.fetch("SELECT * FROM record.audit WHERE action = 'role-change'")
    assert [(line["account"], line["query"], line["outcome"]) for line in lines] == [(ADMIN, "role=nurse", "done")]


async def test_the_trail_says_what_a_role_works_for_and_the_organization_changes_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id

    async def looked(who: str) -> str:
        visitor = await signed_in(clinic, who)
        await visitor.get(f"/patients/{p}")
        return str(await clinic.owner.fetchval("SELECT purpose FROM record.audit WHERE account = $1 AND $2 = ANY (patients) ORDER BY n DESC LIMIT 1", who, p))

    assert [await looked(who) for who in ("mh-clinician", "biller", "officer")] == ["TREAT", "HPAYMT", "HOPERAT"]
    biller, visitor = await signed_in(clinic, "biller"), await signed_in(clinic)
    assert "Payment: billing" in (await visitor.get("/roles/biller")).text
    assert (await visitor.post("/roles/biller/purpose", {"purpose": "HRESCH", "reason": "x"})).status_code == 422
    assert (await visitor.post("/roles/biller/purpose", {"purpose": "HOPERAT"})).status_code == 422
    later(seconds=1)
    assert (await visitor.post("/roles/biller/purpose", {"purpose": "HOPERAT", "reason": "They check quality now"})).status_code == 303
    for _ in range(2):  # the first one is sent here once more, as whoever they are now
        await biller.get(f"/patients/{p}")
    last = await clinic.owner.fetchval("SELECT purpose FROM record.audit WHERE account = 'biller' AND $1 = ANY (patients) ORDER BY n DESC LIMIT 1", p)
    assert last == "HOPERAT", "with the next step of who is signed in already"
    page = (await visitor.get("/roles/biller")).text
    assert "Now: works for running the organization" in page
    assert "No longer: works for payment" in page
    assert (await visitor.get("/roles/patient")).text.count("work for") == 0


async def test_what_was_filled_in_before_a_role_changed_goes_on_under_the_rights_of_now(clinic: Clinic) -> None:
    writer = await signed_in(clinic, "mh-clinician")

    async def sends_after(role: str, subject: str) -> int:
        await writer.get("/messages/new")
        form = {"client": "", "to": "role:technician", "subject": subject, "text": "Long, and typed with one finger.", "key": writer.hidden("key"), "do": "send"}
        later(seconds=1)
        await clinic.owner.execute("SELECT gate.assign(1, 'mh-clinician', $1, '{2}', 2, $2)", role, clock.now())
        status: int = (await writer.post("/messages/new", form)).status_code
        return status

    async def kept() -> int:
        count: int = await clinic.owner.fetchval("SELECT count(*) FROM record.thread")
        return count

    assert (await sends_after("nurse", "Keys"), await kept()) == (303, 1), "no way round by the sign-in, and kept once"
    assert (await sends_after("system", "Doors"), await kept()) == (403, 1), "refused as anything that a role does not include"
    later(seconds=1)
    await clinic.owner.execute("SELECT gate.assign(1, 'mh-clinician', 'clinician', '{2}', 2, $1)", clock.now())
    assert (await writer.get("/messages/new")).status_code == 200, "what is given acts at once, too"
