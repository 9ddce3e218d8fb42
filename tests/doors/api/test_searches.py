"""Searching at the door: pages, totals, links, forms, parameters not known (https://hl7.org/fhir/R4/search.html)."""

from typing import Any

import pytest

from tests.doors.api.test_histories import link, pages
from tests.people import Clinic, encounter, observation, patient

WHO = "sys-mh"


def named(family: str, given: str, born: str, **more: Any) -> dict[str, Any]:
    """A Patient."""
    return {"resourceType": "Patient", "name": [{"family": family, "given": [given]}], "birthDate": born, **more}


async def test_an_unknown_parameter_is_refused_or_named_as_the_caller_prefers(clinic: Clinic) -> None:
    await clinic.make(WHO, patient())
    strict = await clinic.get(WHO, "Patient?shoesize=44", ("Prefer", "handling=strict"))
    assert strict.status == 400
    assert "shoesize" in strict.json()["issue"][0]["diagnostics"]
    for headers in ((), (("Prefer", "handling=lenient"),)):
        lenient = await clinic.get(WHO, "Patient?shoesize=44&name=rivera", *headers)
        assert lenient.status == 200
        assert len(lenient.entries) == 1
        (told,) = [e for e in lenient.json()["entry"] if e["search"]["mode"] == "outcome"]
        assert "shoesize" in told["resource"]["issue"][0]["diagnostics"]
        assert "shoesize" not in link(lenient, "self")
        assert "name=rivera" in link(lenient, "self")
    for wrong in ("birthdate=yesterday", "birthdate=2026-02-30", "gender:nonsense=male", "_count=x", "_sort=nonsense", "_total=some", "_include=Patient:nonsense", "name:exact:exact=x", "_lastUpdated:not=2020"):
        reply = await clinic.get(WHO, f"Patient?{wrong}")
        assert reply.status == 400, "a known parameter with a bad value is an error under any handling"
        assert reply.json()["issue"][0]["diagnostics"]


async def test_pages_hold_together_while_the_record_changes(clinic: Clinic) -> None:
    made = [await clinic.make(WHO, named(f"F{n % 3}", f"G{n}", f"19{50 + n}-01-01")) for n in range(9)]
    for order in ("", "&_sort=family", "&_sort=-family,birthdate", "&_sort=-birthdate", "&_sort=_id", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"):
        url = f"Patient?birthdate=ge1950{order}"
        whole = (await clinic.get(WHO, url)).ids
        assert sorted(whole) == sorted(p.id for p in made)
        found = await pages(clinic, f"{url}&_count=2")
        assert [i for page in found for i in page.ids] == whole, order
        assert all(len(page.ids) <= 2 for page in found)
        assert "_count=2" in link(found[1], "self")
        assert link(found[-1], "next") == ""
    first = await clinic.get(WHO, "Patient?_sort=birthdate&_count=4")
    await clinic.make(WHO, named("Older", "X", "1901-01-01"))
    await clinic.ask(WHO, "DELETE", f"Patient/{made[0].id}")
    second = await clinic.get(WHO, link(first, "next"))
    assert (first.ids, second.ids) == ([p.id for p in made[:4]], [p.id for p in made[4:8]])


async def test_sorting_follows_several_keys(clinic: Clinic) -> None:
    for family, given, born in (("B", "Y", "1980"), ("A", "X", "1990-05-05"), ("A", "Z", "1970-01-01"), ("B", "W", "1980-06-01")):
        await clinic.make(WHO, named(family, given, born))

    async def order(keys: str) -> str:
        return "".join(r["name"][0]["given"][0] for r in (await clinic.get(WHO, f"Patient?_sort={keys}")).entries)

    assert await order("family,birthdate") == "ZXYW"
    assert await order("family,-birthdate") == "XZWY"
    assert await order("-family,given") == "WYXZ"
    assert await order("-birthdate") == "XWYZ"


async def test_totals_are_given_when_asked_for_and_are_exact(clinic: Clinic) -> None:
    for n in range(5):
        await clinic.make(WHO, patient(f"Family{n}"))
    assert (await clinic.get(WHO, "Patient?_count=2&_total=accurate")).json()["total"] == 5
    assert (await clinic.get(WHO, "Patient?_count=2&_total=estimate")).json()["total"] == 5
    assert "total" not in (await clinic.get(WHO, "Patient?_count=2&_total=none")).json()
    none = (await clinic.get(WHO, "Patient?_count=0")).json()
    assert "entry" not in none
    assert none["total"] == 5
    following = await clinic.get(WHO, link(await clinic.get(WHO, "Patient?_count=2&_total=accurate"), "next"))
    assert following.json()["total"] == 5


async def test_a_search_may_be_sent_as_a_form(clinic: Clinic) -> None:
    await clinic.make(WHO, named("Ng", "Ada", "1980-01-01", gender="female"))
    await clinic.make(WHO, named("Ng", "Bob", "1981-01-01", gender="male"))
    form = ("Content-Type", "application/x-www-form-urlencoded")
    both = await clinic.ask(WHO, "POST", "Patient/_search?gender=male", b"family=Ng&_count=1", [form])
    assert [r["name"][0]["given"] for r in both.entries] == [["Bob"]]
    one = await clinic.ask(WHO, "POST", "Patient/_search", b"family=Ng&_sort=-birthdate&_count=1", [form])
    assert [r["name"][0]["given"] for r in one.entries] == [["Bob"]]
    following = link(one, "next")
    assert following.startswith("Patient?")
    assert [r["name"][0]["given"] for r in (await clinic.get(WHO, following)).entries] == [["Ada"]]
    assert link(one, "self").startswith("Patient?")
    summed = await clinic.ask(WHO, "POST", "Patient/_search", b"family=Ng&_summary=count", [form])
    assert summed.json()["total"] == 2
    empty = await clinic.ask(WHO, "POST", "Patient/_search?family=Ng&_total=accurate")
    assert empty.json()["total"] == 2
    assert (await clinic.ask(WHO, "POST", "Patient/_search", {"family": "Ng"})).status == 415
    assert (await clinic.ask(WHO, "POST", "_search", b"_type=Patient,Observation&_total=accurate", [form])).json()["total"] == 2
    pretty = await clinic.ask(WHO, "POST", "Patient/_search", b"family=Ng&_pretty=true", [form])
    assert b"\n" in pretty.body


async def test_everything_is_searched_at_once(clinic: Clinic) -> None:
    person = await clinic.make(WHO, patient(meta={"tag": [{"system": "urn:t", "code": "x"}]}))
    heart = await clinic.make(WHO, observation(person.id, meta={"tag": [{"system": "urn:t", "code": "x"}]}))
    await clinic.make(WHO, encounter(person.id))
    assert sorted((await clinic.get(WHO, "?_tag=urn:t|x")).ids) == sorted([person.id, heart.id])
    assert (await clinic.get(WHO, f"?_id={heart.id}")).ids == [heart.id]
    assert (await clinic.get(WHO, "?_type=Encounter,Observation&_total=accurate")).json()["total"] == 2
    assert (await clinic.get(WHO, "?_type=Nonsense")).status == 400
    assert (await clinic.get(WHO, "?name=x", ("Prefer", "handling=strict"))).status == 400
    paged = await pages(clinic, "?_type=Patient,Observation,Encounter&_count=1")
    assert len({i for page in paged for i in page.ids}) == 3
    assert (await clinic.get(WHO, "?_lastUpdated=ge2020&_type=Patient")).ids == [person.id]


async def test_resources_come_with_those_they_refer_to_and_those_that_refer_to_them(clinic: Clinic) -> None:
    org = await clinic.make(WHO, {"resourceType": "Organization", "name": "Whole"})
    part = await clinic.make(WHO, {"resourceType": "Organization", "name": "Part", "partOf": {"reference": f"Organization/{org.id}"}})
    person = await clinic.make(WHO, patient(managingOrganization={"reference": f"Organization/{part.id}"}))
    visit = await clinic.make(WHO, encounter(person.id, serviceProvider={"reference": f"Organization/{part.id}"}))
    heart = await clinic.make(WHO, observation(person.id, encounter={"reference": f"Encounter/{visit.id}"}))
    child = await clinic.make(WHO, observation(person.id, 73, hasMember=[{"reference": f"Observation/{heart.id}"}]))

    async def modes(url: str) -> tuple[set[str], set[str]]:
        reply = await clinic.get(WHO, url)
        assert reply.status == 200, (url, reply.body)
        found = reply.json()["entry"]
        return {e["resource"]["id"] for e in found if e["search"]["mode"] == "match"}, {e["resource"]["id"] for e in found if e["search"]["mode"] == "include"}

    one = f"Observation?_id={heart.id}"
    assert await modes(f"{one}&_include=Observation:subject") == ({heart.id}, {person.id})
    assert await modes(f"{one}&_include=Observation:subject:Patient") == ({heart.id}, {person.id})
    assert await modes(f"{one}&_include=Observation:subject:Group") == ({heart.id}, set())
    assert await modes(f"{one}&_include=Observation:encounter&_include=Observation:patient") == ({heart.id}, {visit.id, person.id})
    assert await modes(f"{one}&_include=Observation:*") == ({heart.id}, {visit.id, person.id})
    assert await modes(f"{one}&_include=*") == ({heart.id}, {visit.id, person.id})
    assert await modes(f"{one}&_include=Observation:subject&_include:iterate=Patient:organization&_include:iterate=Organization:partof") == ({heart.id}, {person.id, part.id, org.id})
    assert await modes(f"{one}&_include=Observation:subject&_include=Patient:organization".replace("_include=Patient", "_include:iterate=Patient")) == ({heart.id}, {person.id, part.id})
    assert await modes(f"Patient?_id={person.id}&_revinclude=Observation:subject") == ({person.id}, {heart.id, child.id})
    assert await modes(f"Patient?_id={person.id}&_revinclude=Observation:patient&_revinclude=Encounter:patient") == ({person.id}, {heart.id, child.id, visit.id})
    assert await modes(f"Observation?_id={heart.id}&_revinclude=Observation:has-member") == ({heart.id}, {child.id})
    assert await modes(f"Organization?_id={org.id}&_revinclude=Organization:partof&_revinclude:iterate=Patient:organization") == ({org.id}, {part.id, person.id})
    assert await modes(f"Observation?_id={heart.id},{child.id}&_include=Observation:has-member") == ({heart.id, child.id}, set()), "a match is not included once more"
    assert await modes(f"Patient?_id={person.id}&_revinclude=*") == ({person.id}, {heart.id, child.id, visit.id})


async def test_chains_reach_through_references_forwards_and_backwards(clinic: Clinic) -> None:
    org = await clinic.make(WHO, {"resourceType": "Organization", "name": "Riverside"})
    ana = await clinic.make(WHO, named("Ng", "Ana", "1980-01-01", managingOrganization={"reference": f"Organization/{org.id}"}))
    bob = await clinic.make(WHO, named("Oz", "Bob", "1981-01-01"))
    visit = await clinic.make(WHO, encounter(ana.id))
    a = await clinic.make(WHO, observation(ana.id, encounter={"reference": f"Encounter/{visit.id}"}))
    b = await clinic.make(WHO, observation(bob.id))
    cases = {
        "Observation?subject:Patient.name=ng": [a.id],
        "Observation?subject.name=oz": [b.id],
        "Observation?patient.birthdate=lt1981": [a.id],
        "Observation?patient.organization.name=river": [a.id],
        "Observation?subject:Patient.organization:Organization.name=river": [a.id],
        "Observation?encounter.patient.name=ng": [a.id],
        "Patient?_has:Observation:patient:code=http://loinc.org|8867-4": [ana.id, bob.id],
        "Patient?_has:Observation:patient:code=nothing": [],
        "Patient?_has:Observation:patient:encounter.class=AMB": [ana.id],
        f"Patient?_has:Encounter:patient:_has:Observation:encounter:_id={a.id}": [ana.id],
        "Organization?_has:Patient:organization:_has:Observation:patient:status=final": [org.id],
        "Observation?patient._has:Encounter:patient:status=finished": [a.id],
        "Patient?organization:missing=true": [bob.id],
    }
    for url, wanted in cases.items():
        reply = await clinic.get(WHO, url)
        assert reply.status == 200, (url, reply.body)
        assert sorted(reply.ids) == sorted(wanted), url


@pytest.mark.parametrize("base", ["http://loinc.org|8867-4"])
async def test_modifiers_mean_what_they_say(clinic: Clinic, base: str) -> None:
    mr = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    ana = await clinic.make(WHO, named("Müller", "Ana", "1980-01-01", gender="female", identifier=[{"type": mr, "system": "urn:mrn", "value": "7"}]))
    bob = await clinic.make(WHO, named("Muller-Smith", "Bob", "1981-01-01", maritalStatus={"text": "never married"}))
    heart = await clinic.make(WHO, observation(ana.id, code={"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}], "text": "Pulse at rest"}, subject={"reference": f"Patient/{ana.id}", "identifier": {"system": "urn:mrn", "value": "7"}}))
    pressure = await clinic.make(
        WHO,
        observation(
            bob.id,
            code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            valueQuantity=None,
            component=[
                {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": {"value": 120, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
                {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, "valueQuantity": {"value": 80, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
            ],
        ) | {"valueQuantity": None} if False else {
            **{k: v for k, v in observation(bob.id).items() if k != "valueQuantity"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            "component": [
                {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": {"value": 120, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
                {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, "valueQuantity": {"value": 80, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
            ],
        },
    )  # fmt: skip
    cases = {
        "Patient?family=muller": [ana.id, bob.id],
        "Patient?family:exact=Müller": [ana.id],
        "Patient?family:exact=muller": [],
        "Patient?family:contains=smith": [bob.id],
        "Patient?gender:missing=true": [bob.id],
        "Patient?gender:missing=false": [ana.id],
        "Patient?gender:not=male": [ana.id, bob.id],
        "Patient?gender:not=female": [bob.id],
        "Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|7": [ana.id],
        "Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|7": [],
        "Observation?subject:identifier=urn:mrn|7": [heart.id],
        "Observation?code:text=pulse": [heart.id],
        "Observation?code:text=heart": [heart.id],
        f"Observation?code={base}": [heart.id],
        f"Observation?code:not={base}": [pressure.id],
        "Observation?status:in=http://hl7.org/fhir/ValueSet/observation-status": [heart.id, pressure.id],
        "Observation?status:not-in=http://hl7.org/fhir/ValueSet/observation-status": [],
        f"Observation?subject:Patient={ana.id}": [heart.id],
        "Observation?code-value-quantity=8867-4$gt70": [heart.id],
        "Observation?code-value-quantity=http://loinc.org|8867-4$lt70": [],
        "Observation?component-code-value-quantity=8480-6$gt100": [pressure.id],
        "Observation?component-code-value-quantity=8462-4$gt100": [],
        "Observation?combo-code-value-quantity=8480-6$120||mm[Hg],8867-4$72": [heart.id, pressure.id],
        "Observation?value-quantity=72|http://unitsofmeasure.org|/min": [heart.id],
        "Observation?value-quantity=gt71.9||/min": [heart.id],
        "Observation?date=2026-02": [heart.id, pressure.id],
        "Observation?date=2026-02&date=gt2026-02-01T09:00:00Z&date=lt2026-02-01T11:00:00Z": [heart.id, pressure.id],
        "Observation?code=8867-4,85354-9": [heart.id, pressure.id],
        f"Patient?_id={ana.id},{bob.id}": [ana.id, bob.id],
    }  # fmt: skip
    for url, wanted in cases.items():
        reply = await clinic.get(WHO, url.replace("ü", "%C3%BC"))
        assert reply.status == 200, (url, reply.body)
        assert sorted(reply.ids) == sorted(wanted), url


async def test_what_is_not_offered_is_said(clinic: Clinic) -> None:
    for url in ("Location?near=42|-83", "Patient?_text=x", "Patient?_content=x", "Patient?_filter=name eq x".replace(" ", "%20"), "Patient?_query=x", "Observation?code:in=http://example.org/unknown", "Observation?code:above=x", "Patient?_list=1"):
        reply = await clinic.get(WHO, url, ("Prefer", "handling=strict"))
        assert reply.status == 400, url
        assert reply.json()["issue"][0]["code"] == "not-supported", url


async def test_a_compartment_is_searched_like_a_type(clinic: Clinic) -> None:
    ana, bob = await clinic.make(WHO, patient("Ng")), await clinic.make(WHO, patient("Oz"))
    visit = await clinic.make(WHO, encounter(ana.id))
    a = await clinic.make(WHO, observation(ana.id, encounter={"reference": f"Encounter/{visit.id}"}))
    await clinic.make(WHO, observation(bob.id))
    as_performer = await clinic.make(WHO, observation(bob.id, performer=[{"reference": f"Patient/{ana.id}"}]))
    for url, wanted in {
        f"Patient/{ana.id}/Observation": [a.id, as_performer.id],
        f"Patient/{ana.id}/Observation?status=final&_count=5": [a.id, as_performer.id],
        f"Patient/{ana.id}/Observation?code=nothing": [],
        f"Patient/{ana.id}/Encounter": [visit.id],
        f"Patient/{ana.id}/*": [ana.id, visit.id, a.id, as_performer.id],
        f"Patient/{ana.id}/*?_type=Encounter": [visit.id],
        f"Encounter/{visit.id}/Observation": [a.id],
        f"Patient/{bob.id}/Encounter": [],
    }.items():
        reply = await clinic.get(WHO, url)
        assert reply.status == 200, (url, reply.body)
        assert sorted(reply.ids) == sorted(wanted), url
        assert link(reply, "self").startswith(url.partition("?")[0])
    paged = await pages(clinic, f"Patient/{ana.id}/*?_count=1")
    assert len({i for page in paged for i in page.ids}) == 4
    form = ("Content-Type", "application/x-www-form-urlencoded")
    assert (await clinic.ask(WHO, "POST", f"Patient/{ana.id}/Observation/_search", b"code=8867-4", [form])).ids == [a.id, as_performer.id]
    for url, status in ((f"Patient/{ana.id}/Organization", 404), ("Patient/nobody/Observation", 404), (f"Observation/{a.id}/Encounter", 404), (f"Patient/{ana.id}/Nonsense", 404)):
        assert (await clinic.get(WHO, url)).status == status, url
