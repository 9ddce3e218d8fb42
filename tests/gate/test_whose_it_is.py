"""To which program something belongs that is written for something else, and what of a chart may be told by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sojourn.gate import linking, origin, origins
from sojourn.gate.access import Access
from sojourn.gate.documenting import clerk
from tests.people import FAR, MH, SUD, Clinic, encounter, observation, patient

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PSYCHOTHERAPY = {"system": ACT, "code": "PSYTHPN"}


async def access(clinic: Clinic, who: str, **changed: Any) -> Access:
    made = await clinic.gate.access(clinic.tokens[who])
    assert made is not None
    return clinic.gate.access_of(replace(made.caller, **changed)) if changed else made


async def chart(clinic: Clinic) -> tuple[str, str, str]:
    """A client of both programs, and an observation of each."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-mh", observation(p, 60))).id, (await clinic.make("sys-sud", observation(p, 61))).id


async def test_of_the_programs_that_made_it_those_in_which_the_caller_works(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    both, mh = await access(clinic, "both-clinician"), await access(clinic, "mh-clinician")
    assert await origin.programs_of(both, "Patient", p) == [SUD, MH]
    assert await origin.programs_of(mh, "Patient", p) == [MH]
    assert await origin.programs_of(both, "Observation", hidden) == [SUD]
    assert await origin.programs_of(await access(clinic, "far-clinician"), "Observation", plain) == []
    await clinic.ask("sys-sud", "DELETE", f"Observation/{hidden}")
    assert await origin.programs_of(both, "Observation", hidden) == [], "what was deleted belongs to nobody any more"


async def test_what_goes_with_it_is_made_by_the_program_under_which_one_writes_or_else_by_one_of_theirs(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    both, far = await access(clinic, "both-clinician"), await access(clinic, "both-clinician", acting=FAR)
    assert await origin.made_by(both, "Patient", p) == MH
    assert await origin.made_by(both, "Observation", hidden) == SUD
    assert await origin.made_by(far, "Patient", p) == SUD
    assert await origin.made_by(await access(clinic, "far-clinician"), "Observation", plain) is None
    named = [f"Patient/{p}", f"Observation/{hidden}", f"Observation/{plain}", f"Patient/{p}"]
    assert await origin.makers(both, named) == {named[0]: MH, named[1]: SUD, named[2]: MH}
    assert await origin.makers(await access(clinic, "both-clinician", programs=(MH,)), named[:2]) == {named[0]: MH, named[1]: None}
    assert await origin.makers(both, []) == {}
    elsewhere = (await clinic.make("sys-far", observation(p, 67))).id
    assert await origin.makers(await access(clinic, "both-clinician", programs=(MH,)), [f"Observation/{elsewhere}"]) == {f"Observation/{elsewhere}": None}
    await clinic.ask("sys-sud", "DELETE", f"Observation/{hidden}")
    assert (await origin.makers(both, named))[f"Observation/{hidden}"] is None


async def test_what_is_written_for_something_belongs_to_the_stricter_of_its_programs(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    both, mh = await access(clinic, "both-clinician"), await access(clinic, "mh-clinician")
    nothing = (await clinic.make("sys-none", {"resourceType": "Location", "name": "Room 1"})).id
    assert [await origins.program_of(mh, *each) for each in (("Patient", p), ("Observation", plain), ("Location", nothing), ("Observation", "none"))] == [SUD, MH, None, None]
    # about several together, of those in which the caller works
    assert await linking.program_of(both, [("Observation", plain), ("Observation", hidden)]) == SUD
    assert await linking.program_of(both, [("Observation", hidden), ("Observation", plain)]) == SUD
    assert await linking.program_of(mh, [("Observation", plain), ("Observation", hidden)]) == MH
    far = (await clinic.make("sys-far", observation(p, 62))).id
    assert await linking.program_of(both, [("Observation", far), ("Observation", plain)]) == MH
    assert await linking.program_of(both, [("Location", nothing)]) is None
    assert await linking.program_of(both, []) is None


async def test_of_several_programs_under_the_same_law_the_first_is_taken(clinic: Clinic) -> None:
    """A program that there is no more counts for nothing."""
    p = (await clinic.make("sys-far", patient())).id
    await clinic.make("sys-mh", encounter(p))
    both = await access(clinic, "both-clinician")
    assert await origins.program_of(both, "Patient", p) == MH
    assert await linking.program_of(both, [("Patient", p)]) == MH
    gone = both.rules.programs.pop(MH)
    try:
        assert await origins.program_of(both, "Patient", p) == FAR
        assert await linking.program_of(both, [("Patient", p)]) == FAR
    finally:
        both.rules.programs[MH] = gone


async def test_the_stricter_law_counts_whatever_the_number_of_its_program(clinic: Clinic) -> None:
    p = (await clinic.make("sys-far", patient())).id
    await clinic.make("sys-sud", encounter(p))
    both = await access(clinic, "both-clinician")
    for number, part2 in ((SUD, False), (FAR, True)):
        both.rules.programs[number] = replace(both.rules.programs[number], part2=part2)
    assert await origins.program_of(both, "Patient", p) == FAR
    assert await linking.program_of(both, [("Patient", p)]) == FAR


async def test_what_is_written_for_somebody_tells_of_nothing_that_is_kept_from_them(clinic: Clinic) -> None:
    """The clock sees everything and writes for those who do not: no notes kept apart, nothing the patient asked to keep apart, of a Part 2 program its own."""
    p, plain, hidden = await chart(clinic)
    second = (await clinic.make("sys-sud", observation(p, 63))).id
    note = (await clinic.make("sys-mh", observation(p, 64, meta={"security": [PSYCHOTHERAPY]}))).id
    other = (await clinic.make("sys-mh", observation(p, 65, meta={"security": [PSYCHOTHERAPY]}))).id
    hiv = (await clinic.make("sys-mh", observation(p, 66, meta={"security": [{"system": ACT, "code": "HIV"}]}))).id
    held = (await clinic.make("sys-mh", observation(p, 68, meta={"security": [{"system": ACT, "code": "42CFRPart2"}]}))).id
    gate = clerk(await access(clinic, "sys-mh"))

    async def told(about: str) -> set[str]:
        resources = [(await gate.read("Observation", id_)).resource for id_ in (plain, hidden, second, note, other, hiv, held)]
        return {r["id"] for r in await origin.telling(gate, f"Observation/{about}", resources)}

    assert await told(plain) == {plain, hiv}
    assert await told(hidden) == {plain, hidden, second, hiv}
    assert await told(note) == {plain, note, other, hiv}
    assert await told(held) == {plain, hiv, held}, "what one program holds of Part 2 is not told beside what another made"


async def test_a_patient_belongs_to_each_program_that_admits_them(clinic: Clinic) -> None:
    async def programs(id_: str) -> list[int]:
        return list(await clinic.owner.fetchval("SELECT origin FROM record.resource WHERE type = 'Patient' AND id = $1", id_))

    p = (await clinic.make("sys-mh", patient())).id
    version = (await clinic.get("sys-mh", f"Patient/{p}")).version
    assert await programs(p) == [MH]
    told = {"type": [{"coding": [{"system": "https://sojourn.example/fhir/CodeSystem/care", "code": "elsewhere"}]}]}
    for admits_nobody in (encounter(p, **told), encounter(p, meta={"security": [PSYCHOTHERAPY]}), observation(p)):
        await clinic.make("sys-far", admits_nobody)
        assert await programs(p) == [MH], admits_nobody
    await clinic.make("sys-far", encounter(p))
    assert await programs(p) == [MH, FAR]
    await clinic.make("sys-sud", {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}})
    assert await programs(p) == [SUD, MH, FAR]
    await clinic.make("sys-sud", encounter(p))
    assert await programs(p) == [SUD, MH, FAR]
    assert (await clinic.get("sys-mh", f"Patient/{p}")).version == version, "no new version: nothing is said of it"
    await clinic.make("sys-far", encounter("not-here-yet"))
    # in one transaction with a change of the patient
    q = (await clinic.make("sys-mh", patient())).id
    changed = [{"resource": {**patient("Riva"), "id": q}, "request": {"method": "PUT", "url": f"Patient/{q}"}}, {"resource": encounter(q), "request": {"method": "POST", "url": "Encounter"}}]
    assert (await clinic.ask("sys-far", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": changed})).status == 200
    assert await programs(q) == [MH, FAR]
    # in one transaction with the patient, and for several at once
    entry = [{"fullUrl": f"urn:uuid:0000000{n}-0000-0000-0000-000000000000", "resource": patient(), "request": {"method": "POST", "url": "Patient"}} for n in (1, 2)]
    entry += [{"resource": encounter("x") | {"subject": {"reference": e["fullUrl"]}}, "request": {"method": "POST", "url": "Encounter"}} for e in entry]
    made = await clinic.ask("sys-sud", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entry})
    assert made.status == 200, made.body
    ids = [e["response"]["location"].split("/")[-3] for e in made.json()["entry"][:2]]
    assert [await programs(id_) for id_ in ids] == [[SUD], [SUD]]
    entry = [{"resource": encounter(id_), "request": {"method": "POST", "url": "Encounter"}} for id_ in (*ids, *ids)]
    assert (await clinic.ask("sys-mh", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entry})).status == 200
    assert [await programs(id_) for id_ in ids] == [[SUD, MH], [SUD, MH]]
    own = await clinic.owner.fetchval("SELECT bit_or(own) FROM record.resource WHERE type = 'Patient' AND id = ANY ($1)", ids)
    assert own & 2 == 0, "of a program outside Part 2, too: the patient is no Part 2 record any more"
