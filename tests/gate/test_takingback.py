"""Deletions that come with an import: which Bundle is one, what it names, and whose it is to delete."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import takingback
from sojourn.gate.changes import Change
from tests.gate.test_seeing import access
from tests.people import MH, SUD, Clinic, encounter, observation, patient


def gone(*urls: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": url}} for url in urls], **more}


@pytest.mark.parametrize(("resource", "one"), [
    (gone("Patient/p"), True), (gone("Patient/p", "Observation/o"), True), (gone("Patient/p", type="batch"), True), (gone("not a name"), True),
    (gone("Patient/p", type="collection"), False), (gone("Patient/p", resourceType="List"), False), (gone(), False), (gone(entry=None), False), (gone(entry={}), False), (gone(entry=["x"]), False),
    (gone("Patient/p", entry=[*gone("Patient/p")["entry"], {"resource": {"resourceType": "Patient"}}]), False), (gone(entry=[{"request": "DELETE"}]), False), (gone(entry=[{}]), False),
    (gone(entry=[{"request": {"method": "PUT", "url": "Patient/p"}}]), False), (gone(entry=[{"request": {"method": "DELETE", "url": "Patient/p"}, "resource": {}}]), False),
    (gone(entry=[*gone("Patient/p")["entry"], {"request": {"method": "GET", "url": "Patient/q"}}]), False), ("Bundle", False), ([], False), (None, False),
])  # fmt: skip
def test_a_deletion_is_a_bundle_that_does_nothing_else(resource: Any, one: bool) -> None:
    assert takingback.is_one(resource) is one


@pytest.mark.parametrize(("urls", "names"), [
    (["Patient/p"], [("Patient", "p")]), (["Patient/p-1.x", "Observation/O"], [("Patient", "p-1.x"), ("Observation", "O")]), (["Patient/" + "a" * 64], [("Patient", "a" * 64)]),
    (["Patient"], None), (["Patient?name=x"], None), (["Patient/p/_history/1"], None), (["/Patient/p"], None), (["http://x/Patient/p"], None), (["patient/p"], None), (["Patient/p q"], None),
    (["Patient/" + "a" * 65], None), (["Patient/p", "Observation?code=x"], None), ([None], None), ([""], None),
])  # fmt: skip
def test_it_names_each_resource_or_nothing(urls: list[Any], names: Any) -> None:
    assert takingback.named(gone(*urls)) == names


async def brought(clinic: Clinic, who: str = "sys-mh") -> tuple[str, str]:
    p = (await clinic.make(who, patient())).id
    await clinic.make(who, encounter(p))
    return p, (await clinic.make(who, observation(p))).id


async def told(clinic: Clinic, who: str, *names: tuple[str, str], program: int | None = None) -> tuple[int, str | None]:
    done, why = await takingback.taken_back(await access(clinic, who), names, program)
    return done, None if why is None else why.code


async def test_what_the_same_account_brought_goes_and_what_is_not_there_is_no_fault(clinic: Clinic) -> None:
    _, o = await brought(clinic)
    assert await told(clinic, "sys-mh", ("Observation", "never"), ("Observation", o), ("Condition", o)) == (1, None)
    assert (await clinic.get("sys-mh", f"Observation/{o}")).status == 410
    assert await told(clinic, "sys-mh", ("Observation", o)) == (0, None), "once"
    line = await clinic.owner.fetchrow("SELECT account, outcome, type FROM record.audit WHERE action = 'delete' ORDER BY n DESC LIMIT 1")
    assert tuple(line) == ("sys-mh", "done", "Observation")


async def test_what_somebody_else_wrote_or_changed_stays_and_the_first_reason_is_said(clinic: Clinic) -> None:
    p, o = await brought(clinic)
    other = (await clinic.make("mh-clinician", observation(p, 61))).id
    assert await told(clinic, "sys-mh", ("Observation", other)) == (0, "conflict")
    assert (await clinic.put("mh-clinician", {**observation(p, 62), "id": o})).status == 200
    mine = (await clinic.make("sys-mh", observation(p, 63))).id
    assert await told(clinic, "sys-mh", ("Observation", o), ("Observation", mine)) == (1, "conflict"), "the others go all the same"
    assert [(await clinic.get("sys-mh", f"Observation/{id_}")).status for id_ in (o, other, mine)] == [200, 200, 410]


async def test_an_import_for_one_program_deletes_nothing_of_another(clinic: Clinic) -> None:
    _, o = await brought(clinic)
    assert await told(clinic, "sys-mh", ("Observation", o), program=SUD) == (0, "conflict")
    assert (await clinic.get("sys-mh", f"Observation/{o}")).status == 200
    assert await told(clinic, "sys-mh", ("Observation", o), program=MH) == (1, None)
    form = {"resourceType": "Questionnaire", "id": "form", "status": "draft"}
    await (await access(clinic, "sys-mh")).write([Change("update", "Questionnaire", "form", form, upsert=True)], action="update")
    assert await told(clinic, "sys-mh", ("Questionnaire", "form"), program=SUD) == (1, None), "no program makes a blank form"
