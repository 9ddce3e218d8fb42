"""Whom a role reaches: a patient of one site does not exist for the staff of another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate import reach
from sojourn.gate.roles import starting_rules
from sojourn.record import organization
from tests.people import BY_NAME, FAR, MH, SUD, A, Clinic, encounter, observation, patient

UNKNOWN = "A" * 22


def episode(p: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-01-01"}, **more}


def team(p: str, *members: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": m}} for m in members], **more}


async def status(clinic: Clinic, who: str, url: str) -> int:
    return (await clinic.get(who, url)).status


async def reaches(clinic: Clinic, who: str, actions: list[str], **changed: Any) -> None:
    """Give an account a role of its own with this reach; `changed`: of what it may act as."""
    role = f"role-{who}"
    now = clock.now()
    kept = [r for r in starting_rules() if r[0] != role]
    await organization.role_rules(clinic.owner, A, [*kept, (role, ["*"], ["read", "search", "history", "create", "update", *actions])], now)
    p = BY_NAME[who]
    row = organization.AccountRow(p.account, p.kind, p.account, p.account, None, p.agent, role, changed.get("programs", list(p.programs)), p.acting, changed.get("keys", []))
    await organization.account(clinic.owner, A, row, now)


async def test_a_patient_of_one_site_does_not_exist_for_the_staff_of_another(clinic: Clinic) -> None:
    mine = (await clinic.make("sys-far", patient("Rivera"))).id
    p = (await clinic.make("sys-mh", patient("Rivera"))).id
    e = (await clinic.make("sys-mh", encounter(p))).id
    o = (await clinic.make("sys-mh", observation(p, 61))).id
    await clinic.make("sys-far", observation(mine, 61))
    for url in ("Patient/{}", "Patient/{}/_history", "Patient/{}/$everything"):
        for method in ("GET", "HEAD"):
            there, nowhere = [await clinic.ask("far-clinician", method, url.format(id_)) for id_ in (p, UNKNOWN)]
            assert (there.status, there.body) == (nowhere.status, nowhere.body.replace(UNKNOWN.encode(), p.encode()))
    for url in (f"Observation/{o}", f"Encounter/{e}", f"Observation/{o}/_history"):
        assert await status(clinic, "far-clinician", url) == 404
    assert (await clinic.get("far-clinician", "Patient?name=Rivera")).ids == [mine]
    assert (await clinic.get("far-clinician", "Patient?name=Rivera&_summary=count")).json()["total"] == 1
    assert (await clinic.get("far-clinician", f"Observation?patient={p}")).ids == []
    assert len((await clinic.get("far-clinician", "Observation?value-quantity=61&_total=accurate")).ids) == 1
    assert len((await clinic.get("far-clinician", "Observation?subject:Patient.name=Rivera")).ids) == 1
    assert (await clinic.get("far-clinician", "Patient?_has:Encounter:patient:status=finished")).ids == []
    assert {r["id"] for r in (await clinic.get("far-clinician", "Observation?value-quantity=61&_include=Observation:subject")).entries} & {p, o, e} == set()
    assert p not in str((await clinic.get("far-clinician", "_history")).body)
    assert (await clinic.get("mh-clinician", "Patient?name=Rivera")).ids == [p]
    assert sorted((await clinic.get("officer", "Patient?name=Rivera")).ids) == sorted([mine, p])


async def test_writes_do_not_tell_of_a_patient_of_another_site_and_make_nobody_related(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", observation(p, 61))
    for body in (lambda i: observation(i, 70), encounter, episode, lambda i: team(i, "Practitioner/far-clinician")):
        there, nowhere = [await clinic.ask("far-clinician", "POST", body(i)["resourceType"], body(i)) for i in (p, UNKNOWN)]
        assert (there.status, there.body) == (nowhere.status, nowhere.body)
        assert there.status == 422
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 404
    made = await clinic.ask("far-clinician", "POST", "Patient", patient(), [("if-none-exist", "name=Rivera")])
    assert made.status == 201


async def test_a_care_team_or_episode_of_another_program_relates_those_whom_it_names(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    made = await clinic.make("sys-mh", team(p, "Practitioner/far-clinician"))
    assert await status(clinic, "far-clinician", f"Observation/{o}") == 200
    await clinic.put("sys-mh", {**made.json(), "status": "inactive"})
    assert await status(clinic, "far-clinician", f"Observation/{o}") == 404
    await clinic.make("sys-mh", episode(p, careManager={"reference": "Practitioner/far-clinician"}))
    assert await status(clinic, "far-clinician", f"Observation/{o}") == 200


async def test_what_a_part_2_program_says_relates_nobody_who_does_not_work_in_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    for body in (team(p, "Practitioner/far-clinician", "Practitioner/sud-clinician"), episode(p, careManager={"reference": "Practitioner/far-clinician"}), encounter(p)):
        await clinic.make("sys-sud", body)
    assert await status(clinic, "far-clinician", f"Observation/{o}") == 404
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 404
    assert await status(clinic, "sud-clinician", f"Observation/{o}") == 200


async def test_a_role_that_reaches_its_own_caseload_alone_sees_those_whose_team_it_is_on(clinic: Clinic) -> None:
    seen, unseen = [(await clinic.make("sys-sud", patient())).id for _ in range(2)]
    await clinic.make("sys-sud", team(seen, "Practitioner/sud-clinician"))
    await reaches(clinic, "sud-clinician", ["reach:care-team"])
    assert await status(clinic, "sud-clinician", f"Patient/{seen}") == 200
    assert await status(clinic, "sud-clinician", f"Patient/{unseen}") == 404


async def test_a_supervisor_sees_the_patients_of_those_whom_they_supervise(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await reaches(clinic, "far-clinician", ["reach:supervised"], keys=["supervises:Practitioner/mh-clinician"])
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 404
    await clinic.make("sys-mh", team(p, "Practitioner/mh-clinician"))
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 200


async def test_a_unit_is_seen_by_its_people_while_somebody_is_in_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await reaches(clinic, "far-clinician", ["reach:unit"], keys=["Location/ward"])
    stay = await clinic.make("sys-mh", encounter(p, status="in-progress", location=[{"location": {"reference": "Location/ward"}}]))
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 200
    await clinic.put("sys-mh", {**stay.json(), "status": "finished"})
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 404


async def test_a_site_is_its_programs_but_never_another_part_2_program(clinic: Clinic) -> None:
    for program in (SUD, MH, FAR):
        await clinic.owner.execute("INSERT INTO record.program_site (tenant, program, site) VALUES (1, $1, 'Location/house')", program)
    p = (await clinic.make("sys-mh", patient())).id
    sud = (await clinic.make("sys-sud", patient())).id
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 404
    await reaches(clinic, "far-clinician", ["reach:sites"])
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 200
    assert await status(clinic, "far-clinician", f"Patient/{sud}") == 404


async def test_a_relation_lasts_for_its_days_after_the_last_one(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-far", episode(p, status="finished", period={"start": "2026-01-01", "end": clock.now().strftime("%Y-%m-%d")}))
    days = reach.starting_days()["episode"]
    for later, seen in ((days - 1, 200), (days + 2, 404)):
        with clock.using(FakeClock(clock.now() + timedelta(days=later))):
            token = await clinic.gate.token(clinic.gate.house.tenants[A], "far-clinician")
            assert await status(clinic, token, f"Patient/{p}") == seen


async def test_who_registered_somebody_sees_them_and_so_do_their_colleagues(clinic: Clinic) -> None:
    p = (await clinic.make("far-clinician", patient())).id
    assert await status(clinic, "far-clinician", f"Patient/{p}") == 200
    assert await status(clinic, "mh-clinician", f"Patient/{p}") == 404


async def test_a_reference_to_another_patients_thing_is_told_to_those_who_know_both(clinic: Clinic) -> None:
    mine, other = [(await clinic.make(who, patient())).id for who in ("sys-far", "sys-mh")]
    theirs = (await clinic.make("sys-mh", observation(other))).id
    for derived in (theirs, UNKNOWN):
        made = await clinic.make("sys-far", observation(mine, derivedFrom=[{"reference": f"Observation/{derived}"}]))
        again = {**made.json(), "language": "en"}
        for body in (made.json(), (await clinic.put("sys-far", again)).json()):
            seen = (await clinic.get("far-clinician", f"Observation/{made.id}")).json()
            assert ("derivedFrom" in seen) == (derived == UNKNOWN)
            assert "derivedFrom" in body
        assert (await clinic.get("far-clinician", f"Observation?derived-from=Observation/{theirs}")).ids == []
    seen = await clinic.get("far-clinician", f"Observation/{made.id}/_history")
    assert theirs.encode() not in seen.body


async def test_what_is_about_several_people_is_seen_by_those_who_know_one_of_them(clinic: Clinic) -> None:
    ours, theirs, nobodys = [(await clinic.make(who, patient())).id for who in ("sys-far", "sys-mh", "sys-mh")]

    def booked(*patients: str) -> dict[str, Any]:
        return {"resourceType": "Appointment", "status": "booked", "start": "2026-05-01T10:00:00Z", "end": "2026-05-01T11:00:00Z",
                "participant": [{"actor": {"reference": f"Patient/{p}"}, "status": "accepted"} for p in patients]}  # fmt: skip

    shared = (await clinic.make("sys-mh", booked(ours, theirs))).id
    strange = (await clinic.make("sys-mh", booked(theirs, nobodys))).id
    assert theirs.encode() not in (await clinic.get("far-clinician", f"Appointment/{shared}")).body
    assert await status(clinic, "far-clinician", f"Appointment/{strange}") == 404
    assert (await clinic.get("far-clinician", "Appointment")).ids == [shared]
    assert await status(clinic, "mh-clinician", f"Appointment/{strange}") == 200


async def test_less_reach_never_shows_more(clinic: Clinic) -> None:
    """Every role's answers, with each of its reaches taken away, are among those that it had before."""
    p, q = [(await clinic.make(who, patient())).id for who in ("sys-mh", "sys-sud")]
    for made in (team(p, "Practitioner/both-clinician"), episode(q), encounter(p, location=[{"location": {"reference": "Location/ward"}}], status="in-progress"), observation(p), observation(q)):
        await clinic.make("sys-mh" if p in str(made) else "sys-sud", made)
    found: dict[frozenset[str], set[str]] = {}
    kinds = ["programs", "care-team", "unit", "organization"]
    for n in range(1 << len(kinds)):
        given = frozenset(k for i, k in enumerate(kinds) if n >> i & 1)
        await reaches(clinic, "both-clinician", [f"reach:{k}" for k in given], keys=["Location/ward"])
        found[given] = {r["id"] for r in (await clinic.get("both-clinician", "?_type=Patient,Observation,CareTeam,EpisodeOfCare,Encounter")).entries}
    for one, seen in found.items():
        assert all(seen <= more for other, more in found.items() if one < other)
    assert found[frozenset()] == set()
    assert p in found[frozenset({"unit"})]


def test_the_types_that_are_nobodys_are_the_same_in_both_languages() -> None:
    from sojourn.record import sql

    text = (sql.HERE / "migrations" / "0003_pre_reach.sql").read_text()
    assert set(text.partition("SELECT '{")[2].partition("}'")[0].split(",")) == reach.OF_NOBODY


@pytest.mark.parametrize("role", [r for r, _, actions in starting_rules() if any(a.startswith("reach:") for a in actions)])
def test_every_reach_of_the_starting_roles_is_known(role: str) -> None:
    actions = [a for r, _, found in starting_rules() if r == role for a in found if a.startswith("reach:")]
    assert len(reach.of_actions(actions)) == len(actions) > 0
