"""Work that waits for somebody: who finds it, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, SUD, Clinic


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database)
    for who in ("mh-clinician", "both-clinician"):
        them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
        await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
        made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
    yield made
    await people.close_clinic(made)


async def access(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def patient(clinic: Clinic, program: int = MH) -> str:
    who = "sys-mh" if program == MH else "sys-sud"
    made = await clinic.make(who, {"resourceType": "Patient", "name": [{"family": "Rivera"}], "gender": "female"})
    await clinic.make(who, {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{made.id}"}})
    return made.id


async def test_work_is_found_by_its_owner_and_by_everybody_of_its_role_the_next_due_first(clinic: Clinic) -> None:
    maker = await access(clinic, "sys-mh")
    about = await patient(clinic)
    later, sooner = (maker.now.replace(microsecond=0) + timedelta(hours=h) for h in (5, 1))
    await maker.write([
        tasks.new(maker, "sign-note", "A note waits for your signature", patient=about, owner=str((await access(clinic, "mh-clinician")).caller.agent), due=later),
        tasks.new(maker, "call-back", "Call back", patient=about, role="clinician", due=sooner),
        tasks.new(maker, "call-back", "For somebody else", patient=about, owner="Practitioner/technician"),
    ])  # fmt: skip
    mine = await tasks.mine(await access(clinic, "mh-clinician"))
    assert [(w.kind, w.due) for w in mine] == [("call-back", sooner), ("sign-note", later)]
    assert [w.kind for w in await tasks.mine(await access(clinic, "mh-clinician"), kinds=["sign-note"])] == ["sign-note"]
    assert len(await tasks.of_patient(maker, about)) == 3


async def test_work_about_somebody_who_may_not_be_seen_is_not_there(clinic: Clinic) -> None:
    maker = await access(clinic, "sys-sud")
    about = await patient(clinic, SUD)
    await maker.write([tasks.new(maker, "call-back", "Call back", patient=about, owner=str((await access(clinic, "mh-clinician")).caller.agent))])
    assert await tasks.mine(await access(clinic, "mh-clinician")) == []


async def test_one_person_takes_what_waits_for_a_role_and_what_is_done_is_gone(clinic: Clinic) -> None:
    maker = await access(clinic, "sys-mh")
    about = await patient(clinic)
    (made,) = await maker.write([tasks.new(maker, "call-back", "Call back", patient=about, role="clinician")])
    one, other = await access(clinic, "mh-clinician"), await access(clinic, "both-clinician")
    await tasks.claim(one, made.id)
    with pytest.raises(errors.Conflict):
        await tasks.claim(other, made.id)
    assert [w.id for w in await tasks.mine(one)] == [made.id]
    await tasks.finish(one, made.id, "Reached her.")
    await tasks.finish(one, made.id, "Again.")
    assert await tasks.mine(one) == []
    stored = (await maker.read("Task", made.id)).resource
    assert (stored["status"], [n["text"] for n in stored["note"]]) == ("completed", ["Reached her."])


async def test_a_task_that_nobody_has_to_do_is_refused(clinic: Clinic) -> None:
    with pytest.raises(ValueError, match="owner or a role"):
        tasks.new(await access(clinic, "sys-mh"), "call-back", "Call back")
