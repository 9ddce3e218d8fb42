"""Patients and those who act for them: what they see through an app of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate import bases, minors
from sojourn.record import organization
from tests.people import A, Clinic, consent, encounter, observation, patient

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def related(p: str, code: str, **more: Any) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}
    return {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{p}"}, "relationship": [{"coding": [coding]}], "active": True, **more}


def labelled_as(p: str, code: str, system: str = ACT, **more: Any) -> dict[str, Any]:
    return observation(p, meta={"security": [{"system": system, "code": code}]}, **more)


def young(years: int) -> str:
    return (clock.now() - timedelta(days=round(365.25 * years) + 40)).strftime("%Y-%m-%d")


async def stand_for(clinic: Clinic, account: str, agent: str) -> None:
    """The account acts as this Patient or RelatedPerson."""
    kind = "patient" if account == "ana" else "proxy"
    await organization.account(clinic.owner, A, organization.AccountRow(account, kind, account, account, None, agent, kind, [], None, []), clock.now())


async def status(clinic: Clinic, who: str, url: str) -> int:
    return (await clinic.get(who, url)).status


async def test_a_patient_sees_their_own_record_and_no_other_but_no_notes_kept_apart(clinic: Clinic) -> None:
    p, q = (await clinic.make("sys-mh", patient())).id, (await clinic.make("sys-mh", patient("Okafor"))).id
    await clinic.make("sys-sud", encounter(p))
    mine = [(await clinic.make("sys-mh", observation(p))).id, (await clinic.make("sys-sud", observation(p))).id, (await clinic.make("sys-mh", labelled_as(p, "HIV"))).id]
    mine.append((await clinic.make("sys-mh", labelled_as(p, "MINOR", bases.LOCAL))).id)
    notes = [(await clinic.make("sys-mh", labelled_as(p, "PSYTHPN"))).id, (await clinic.make("sys-sud", labelled_as(p, "SUDCN", bases.LOCAL))).id]
    theirs = (await clinic.make("sys-mh", observation(q))).id
    assert await status(clinic, "ana", f"Patient/{p}") == 404, "the account stands for nobody yet"
    await stand_for(clinic, "ana", f"Patient/{p}")
    assert [await status(clinic, "ana", f"Observation/{o}") for o in mine] == [200] * 4
    assert [await status(clinic, "ana", f"Observation/{o}") for o in (*notes, theirs)] == [404] * 3
    assert (await clinic.get("ana", "Patient")).ids == [p]
    assert sorted((await clinic.get("ana", "Observation?_total=accurate")).ids) == sorted(mine)
    assert (await clinic.get("ana", "Observation?_summary=count")).json()["total"] == 4
    assert {r["id"] for r in (await clinic.get("ana", f"Patient/{p}/$everything")).entries} & {*notes, theirs} == set()
    assert await status(clinic, "ana", f"Patient/{q}") == 404
    assert (await clinic.ask("ana", "POST", "Observation", observation(p))).status == 403
    app = await clinic.gate.token(clinic.gate.house.tenants[A], "ana", purpose="PATRQT", scopes="patient/Observation.rs?category=vital-signs")
    assert sorted((await clinic.get(app, "Observation")).ids) == sorted(mine)
    assert await status(clinic, app, f"Patient/{p}") == 403


async def test_a_parent_sees_a_childs_record_but_not_what_the_child_consented_to_alone_in_any_count_either(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient(birthDate=young(15)))).id
    plain = (await clinic.make("sys-mh", observation(p))).id
    sud = await clinic.make("sys-sud", encounter(p))
    hidden = [(await clinic.make("sys-mh", labelled_as(p, code, system))).id for code, system in (("MINOR", bases.LOCAL), ("MH", ACT), ("SDV", ACT), ("HIV", ACT), ("PSYTHPN", ACT))]
    mother = (await clinic.make("sys-mh", related(p, "MTH"))).id
    await stand_for(clinic, "parent", f"RelatedPerson/{mother}")
    assert await status(clinic, "parent", f"Observation/{plain}") == 200
    assert [await status(clinic, "parent", f"Observation/{o}") for o in hidden] == [404] * 5
    assert await status(clinic, "parent", f"Encounter/{sud.id}") == 404
    assert (await clinic.get("parent", "Observation?_summary=count")).json()["total"] == 1
    assert (await clinic.get("parent", "Observation?_total=accurate&_count=1")).json()["total"] == 1
    assert (await clinic.get("parent", f"Patient/{p}/Observation")).ids == [plain]
    assert (await clinic.get("parent", f"Patient?_id={p}&_has:Observation:patient:_security=MINOR")).ids == []
    for o in hidden:
        assert o.encode() not in (await clinic.get("parent", f"Patient/{p}/$everything")).body + (await clinic.get("parent", "_history")).body


async def test_a_young_child_has_less_to_keep_and_the_state_of_the_organization_decides(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient(birthDate=young(8)))).id
    mh = (await clinic.make("sys-mh", labelled_as(p, "MH"))).id
    teen = (await clinic.make("sys-mh", patient("Teen", birthDate=young(14)))).id
    teens = (await clinic.make("sys-mh", labelled_as(teen, "MH"))).id
    father, other = [(await clinic.make("sys-mh", related(i, "FTH"))).id for i in (p, teen)]
    await stand_for(clinic, "parent", f"RelatedPerson/{father}")
    assert await status(clinic, "parent", f"Observation/{mh}") == 200
    await stand_for(clinic, "parent", f"RelatedPerson/{other}")
    assert await status(clinic, "parent", f"Observation/{teens}") == 404, "in no state the strictest rule holds: 12 in California"
    await clinic.owner.execute("INSERT INTO record.jurisdiction (tenant, state) VALUES (1, 'NY')")
    assert await status(clinic, "parent", f"Observation/{teens}") == 200


@pytest.mark.parametrize("codes", [("MTH",), ("GUARD",), ("MTH", "GUARD"), ("HPOWATT",)], ids="-".join)
async def test_nobody_acts_for_somebody_of_age_because_they_did_for_the_child_but_who_is_appointed_since_does(clinic: Clinic, codes: tuple[str, ...]) -> None:
    p = (await clinic.make("sys-mh", patient(birthDate=young(17)))).id
    person = related(p, codes[0], period={"start": "2010-01-01"})
    person["relationship"][0]["coding"] += [{**person["relationship"][0]["coding"][0], "code": code} for code in codes[1:]]
    made = await clinic.make("sys-mh", person)
    await stand_for(clinic, "parent", f"RelatedPerson/{made.id}")
    assert await status(clinic, "parent", f"Patient/{p}") == 200
    grown = clock.now() + timedelta(days=340)
    with clock.using(FakeClock(grown)):
        token = await clinic.gate.token(clinic.gate.house.tenants[A], "parent", purpose="FAMRQT")
        assert await status(clinic, token, f"Patient/{p}") == 404
        assert (await clinic.get(token, "Patient")).ids == []
        for start in ({}, {"period": {"start": "2010-01-01"}}):  # also after somebody changed a telephone number
            await clinic.put("sys-mh", {**{k: v for k, v in made.json().items() if k != "period"}, **start, "telecom": [{"value": "1"}]})
            assert await status(clinic, token, f"Patient/{p}") == 404
        await clinic.put("sys-mh", {**made.json(), "period": {"start": grown.strftime("%Y-%m-%d")}})
        assert await status(clinic, token, f"Patient/{p}") == (404 if codes == ("MTH",) else 200)


async def test_a_guardian_acts_from_the_first_day_to_the_last_and_no_longer_when_it_is_taken_back(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    until = (clock.now() + timedelta(days=3)).strftime("%Y-%m-%d")
    made = await clinic.make("sys-mh", related(p, "GUARD", period={"start": "2026-01-01", "end": until}))
    await stand_for(clinic, "parent", f"RelatedPerson/{made.id}")
    assert await status(clinic, "parent", f"Patient/{p}") == 200
    with clock.using(FakeClock(clock.now() + timedelta(days=5))):
        assert await status(clinic, "parent", f"Patient/{p}") == 404
    await clinic.put("sys-mh", {**made.json(), "active": False})
    assert await status(clinic, "parent", f"Patient/{p}") == 404


async def test_of_whom_only_the_year_of_birth_is_known_a_guardian_of_then_may_have_been_a_childs(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient(birthDate="1990"))).id
    made = await clinic.make("sys-mh", related(p, "GUARD", period={"start": "2008-06-01"}))
    await stand_for(clinic, "parent", f"RelatedPerson/{made.id}")
    assert await status(clinic, "parent", f"Patient/{p}") == 404
    await clinic.put("sys-mh", {**made.json(), "period": {"start": "2008-12-31"}})
    assert await status(clinic, "parent", f"Patient/{p}") == 200


@pytest.mark.parametrize("code", ["SIS", "FRND", "NBOR", "SPS"])
async def test_being_related_alone_opens_nothing_and_a_consent_opens_what_it_names(clinic: Clinic, code: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    sud = (await clinic.make("sys-sud", observation(p))).id
    e = (await clinic.make("sys-mh", encounter(p))).id
    person = (await clinic.make("sys-mh", related(p, code))).id
    await stand_for(clinic, "parent", f"RelatedPerson/{person}")
    for url in (f"Patient/{p}", f"Observation/{o}"):
        assert await status(clinic, "parent", url) == 404
    form = consent(p, "x", kind="part2_specific", purposes=["FAMRQT"])
    form["provision"]["actor"][0]["reference"]["reference"] = f"RelatedPerson/{person}"
    form["provision"]["period"] = {"start": "2026-01-01", "end": "2030-01-01"}
    form["provision"]["class"] = [{"system": "http://hl7.org/fhir/resource-types", "code": t} for t in ("Observation", "Patient")]
    signed = await clinic.make("sys-sud", form)
    assert [await status(clinic, "parent", u) for u in (f"Observation/{sud}", f"Patient/{p}")] == [200] * 2
    assert await status(clinic, "parent", f"Observation/{o}") == 404, "it lets the one program disclose"
    assert await status(clinic, "parent", f"Encounter/{e}") == 403
    assert {r["resourceType"] for r in (await clinic.get("parent", f"Patient/{p}/$everything")).entries} == {"Observation", "Patient"}
    await clinic.put("sys-sud", {**signed.json(), "status": "inactive"})
    assert await status(clinic, "parent", f"Observation/{sud}") == 404


def test_every_rule_about_minors_has_its_source_and_a_service_that_is_a_basis() -> None:
    now = clock.now()
    assert all(rule.source and rule.verify for rule in minors.rules((), now))
    assert {rule.service for rule in minors.rules((), now)} <= {basis.name for basis in bases.BASES}
    assert minors.majority([], now) == 18
    assert minors.withheld(["NY"], 15, now) & ~minors.withheld([], 15, now) == 0, "no state is stricter than all together"
