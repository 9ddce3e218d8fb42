"""An encounter's label reaches what hangs on it, whichever was written first; a document carries what its contents do."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest

from sojourn.gate import bases
from tests.people import MH, SUD, Clinic, consent, encounter, observation, patient

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
HIV, GENETIC, PSYCHOTHERAPY = bases.bit_of("HIV"), bases.bit_of("GDIS"), bases.PSYCHOTHERAPY


def under(*codes: str) -> dict[str, Any]:
    return {"meta": {"security": [{"system": ACT, "code": code} for code in codes]}}


def on(id_: str) -> dict[str, Any]:
    return {"encounter": {"reference": f"Encounter/{id_}"}}


async def own(clinic: Clinic, type_: str, id_: str) -> int:
    row = await clinic.owner.fetchrow("SELECT own, seq FROM record.resource WHERE tenant = 1 AND type = $1 AND id = $2", type_, id_)
    version = await clinic.owner.fetchval("SELECT own FROM record.version WHERE tenant = 1 AND seq = $1", row["seq"])
    assert version == row["own"]
    return int(row["own"])


def security(resource: dict[str, Any]) -> list[str]:
    return [c["code"] for c in resource["meta"]["security"]]


async def test_what_hangs_on_a_labelled_encounter_carries_its_law(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p, **under("HIV")))).id
    made = await clinic.make("sys-mh", observation(p, **on(e)))
    assert await own(clinic, "Observation", made.id) == HIV
    assert security(made.json()) == ["R", "HIV"]
    found = await clinic.get("both-clinician", "Observation?_security=http://terminology.hl7.org/CodeSystem/v3-ActCode|HIV")
    assert found.ids == [made.id]


async def test_a_label_that_the_encounter_gets_later_reaches_what_is_there_in_the_same_transaction(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p))).json()
    part = await clinic.make("sys-mh", encounter(p, partOf={"reference": f"Encounter/{e['id']}"}))
    made = await clinic.make("sys-mh", observation(p, **on(part.id)))
    before = await clinic.get("both-clinician", f"Observation/{made.id}")
    assert (await clinic.put("sys-mh", {**e, **under("HIV")})).status == 200
    assert await own(clinic, "Encounter", part.id) == HIV
    assert await own(clinic, "Observation", made.id) == HIV
    after = await clinic.get("both-clinician", f"Observation/{made.id}")
    assert after.version == before.version  # no version, no other time
    assert after.json()["meta"]["lastUpdated"] == before.json()["meta"]["lastUpdated"]


async def test_an_omission_or_an_echo_by_an_editor_does_not_take_an_inherited_law_away(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p, **under("HIV")))).id
    made = (await clinic.make("sys-mh", observation(p, **on(e)))).json()
    omitted = {k: v for k, v in made.items() if k != "meta"} | {"language": "en"}
    assert (await clinic.put("both-clinician", omitted)).status == 200
    assert await own(clinic, "Observation", made["id"]) == HIV
    assert (await clinic.put("both-clinician", {**made, "language": "fr"})).status == 200
    assert await own(clinic, "Observation", made["id"]) == HIV
    # An echo is not what its sender wrote: without the encounter the law goes with it.
    assert (await clinic.put("both-clinician", {k: v for k, v in made.items() if k != "encounter"})).status == 200
    assert await own(clinic, "Observation", made["id"]) == 0


async def test_notes_kept_apart_and_the_part_2_law_of_another_program_are_not_passed_on(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    session = (await clinic.make("sys-sud", encounter(p, **under("PSYTHPN", "HIV")))).id
    mine = await clinic.make("sys-sud", observation(p, **on(session)))
    assert await own(clinic, "Observation", mine.id) == bases.PART2 | HIV
    other = await clinic.make("sys-mh", observation(p, **on(session)))
    assert await own(clinic, "Observation", other.id) == 0  # its label would tell of the other program
    stranger = (await clinic.make("sys-mh", patient("Okafor"))).id
    apart = await clinic.make("sys-mh", observation(stranger, **on((await clinic.make("sys-mh", encounter(p, **under("HIV")))).id)))
    assert await own(clinic, "Observation", apart.id) == 0  # nor does a mistake carry one patient's law to another


async def test_a_document_and_a_report_carry_what_their_contents_do(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    plain = (await clinic.make("sys-mh", observation(p))).id
    hiv = (await clinic.make("sys-mh", observation(p, **under("HIV")))).id
    genes = (await clinic.make("sys-mh", observation(p, **under("GDIS")))).id
    coded = {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]}
    section = {"entry": [{"reference": f"Observation/{plain}"}], "section": [{"entry": [{"reference": f"Observation/{genes}"}]}]}
    document = {
        "resourceType": "Composition", "status": "final", "type": coded, "subject": {"reference": f"Patient/{p}"}, "date": "2026-02-01", "title": "Visit",
        "author": [{"reference": "Practitioner/mh-clinician"}], "section": [section, {"entry": [{"reference": f"Observation/{hiv}"}]}],
    }  # fmt: skip
    assert await own(clinic, "Composition", (await clinic.make("sys-mh", document)).id) == HIV | GENETIC
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": coded, "subject": {"reference": f"Patient/{p}"}, "result": [{"reference": f"Observation/{hiv}"}]}
    assert await own(clinic, "DiagnosticReport", (await clinic.make("sys-mh", report)).id) == HIV
    inside = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": observation(p, **under("SDV"))}]}
    assert await own(clinic, "Bundle", (await clinic.make("sys-mh", inside)).id) == bases.bit_of("SDV")


async def test_a_prescription_is_about_what_its_medication_is(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    drug = {"resourceType": "Medication", "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1010600"}]}}
    m = (await clinic.make("sys-mh", drug)).id
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{p}"}, "medicationReference": {"reference": f"Medication/{m}"}}
    assert security((await clinic.make("sys-mh", order)).json()) == ["N", "OPIOIDUD", "SUD"]


async def test_in_one_transaction_bundle_the_order_does_not_matter(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    visit, made = "urn:uuid:0f3b2c1e-2c1e-4f3b-8c1e-0f3b2c1e2c1e", "urn:uuid:1f3b2c1e-2c1e-4f3b-8c1e-0f3b2c1e2c1e"
    entries = [
        {"fullUrl": made, "resource": observation(p, encounter={"reference": visit}), "request": {"method": "POST", "url": "Observation"}},
        {"fullUrl": visit, "resource": encounter(p, **under("HIV")), "request": {"method": "POST", "url": "Encounter"}},
    ]
    for order in permutations(entries):
        assert (await clinic.ask("sys-mh", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": list(order)})).status == 200
    rows = await clinic.owner.fetch("SELECT own FROM record.resource WHERE type IN ('Encounter', 'Observation')")
    assert [row["own"] for row in rows] == [HIV] * 4


@pytest.mark.parametrize("who", ["tpo", "stranger"])
async def test_who_may_not_have_the_encounter_does_not_get_what_hangs_on_it(clinic: Clinic, who: str) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", consent(p, who))
    plain = (await clinic.make("sys-sud", observation(p))).id
    e = (await clinic.make("sys-sud", encounter(p, **under("HIV")))).id
    hidden = (await clinic.make("sys-sud", observation(p, **on(e)))).id
    assert (await clinic.get(who, f"Observation/{plain}")).status == 200
    assert (await clinic.get(who, f"Observation/{hidden}")).status == 404
    assert (await clinic.get(who, f"Observation?patient=Patient/{p}")).ids == [plain]
    assert MH != SUD


def arrivals(p: str, visits: dict[str, list[str]], parents: dict[str, str], made: dict[str, str]) -> list[dict[str, Any]]:
    """Encounters with their labels and parents, observations with their encounter: as an import brings them, with ids."""
    out = [
        {**encounter(p, **(under(*codes) if codes else {})), "id": e, **({"partOf": {"reference": f"Encounter/{parents[e]}"}} if e in parents else {})}
        for e, codes in visits.items()
    ]
    return out + [{**observation(p, **on(e)), "id": o} for o, e in made.items()]


@pytest.mark.parametrize("seed", range(6))
async def test_the_order_of_writes_does_not_matter_and_labels_are_the_least_that_hold(clinic: Clinic, seed: int) -> None:
    """Encounters in a forest, some labelled; observations on them; written in a random order under known ids."""
    random = Random(seed)
    p = (await clinic.make("sys-mh", patient())).id
    visits = {f"e{seed}{n}": random.choice(([], [], ["HIV"], ["GDIS"], ["SDV", "HIV"])) for n in range(5)}
    names = list(visits)
    parents = {e: random.choice(names[:n]) for n, e in enumerate(names) if n and random.random() < 0.7}
    made = {f"o{seed}{n}": random.choice(names) for n in range(6)}
    everything = arrivals(p, visits, parents, made)
    random.shuffle(everything)
    await bring(clinic, everything)
    expected = dict.fromkeys(names, 0)
    for e in names:  # parents come first
        expected[e] = sum(bases.bit_of(c) for c in visits[e]) | (expected[parents[e]] if e in parents else 0)
    assert {e: await own(clinic, "Encounter", e) for e in names} == expected
    assert {o: await own(clinic, "Observation", o) for o in made} == {o: expected[e] for o, e in made.items()}


async def bring(clinic: Clinic, resources: list[dict[str, Any]]) -> None:
    """Import each in a chunk of its own, so that what it refers to may be there or not."""
    from sojourn.gate.importing import Arrival, bring_in

    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    for resource in resources:
        async for outcome in bring_in(access, [Arrival("test", MH, resource)]):
            assert outcome.written == 1, outcome.refused
