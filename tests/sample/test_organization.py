"""Riverbend is the same on every run, hangs together, and tells stories that could be true."""

from __future__ import annotations

import base64
import itertools
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sojourn.care.levels import Stay
from sojourn.cli import riverbend_forms
from sojourn.sample import Item, organization, outside_callers, people, programs, staff_accounts
from sojourn.sample.people import CONSENT_MIX

TODAY = date(2026, 11, 22)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return list(organization(1, TODAY))


@pytest.fixture(scope="module")
def by_type(items: list[Item]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for item in items:
        found[item.resource["resourceType"]].append(item.resource)
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def name_of(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text) if "T" in text else datetime.fromisoformat(text + "T00:00:00-05:00")


def test_the_same_seed_and_day_give_the_same_resources(items: list[Item]) -> None:
    assert items == list(organization(1, TODAY))


def test_another_seed_shares_no_id(items: list[Item]) -> None:
    other = {item.resource["id"] for item in itertools.islice(organization(2, TODAY), 3000)}
    assert not other & {item.resource["id"] for item in items}


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2028, 2, 29), date(2026, 3, 9)])
def test_any_day_can_be_today(today: date) -> None:
    assert sum(1 for _ in organization(1, today)) > 15_000


def test_ids_are_opaque_and_unique(items: list[Item]) -> None:
    names = [name_of(item.resource) for item in items]
    assert len(set(names)) == len(names)
    assert {len(item.resource["id"]) for item in items} == {22}


def test_two_hundred_clients_in_fifteen_to_twenty_five_thousand_resources(items: list[Item], by_type: dict[str, list[Json]]) -> None:
    assert len(by_type["Patient"]) == 200
    assert 15_000 <= len(items) <= 25_000


def test_every_reference_points_to_something_made_before(items: list[Item]) -> None:
    made: set[str] = set()
    for item in items:
        missing = [target for target in references(item.resource) if target not in made]
        assert not missing, (name_of(item.resource), missing)
        made.add(name_of(item.resource))


def test_directory_belongs_to_nobody_and_all_else_to_a_program(items: list[Item]) -> None:
    directory = {"Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService", "Endpoint", "Group", "Questionnaire"}
    known = {program.key for program in programs()}
    for item in items:
        if item.resource["resourceType"] in directory:
            assert item.program_key is None
        else:
            assert item.program_key in known


def test_part_2_is_said_of_every_program() -> None:
    part2 = {program.key for program in programs() if program.part2}
    assert part2 == {"detox", "residential", "iop", "moud", "sudop"}


def test_demo_accounts_are_practitioners_of_the_sample(by_type: dict[str, list[Json]]) -> None:
    practitioners = {resource["id"] for resource in by_type["Practitioner"]}
    accounts = {account.login: account for account in staff_accounts(1)}
    assert set(accounts) == {"dana", "okafor", "nina", "tess", "bill", "priya", "adam", "sam", "ivy", "jules"}
    assert {account.practitioner_id for account in accounts.values()} <= practitioners
    assert accounts["dana"].program_keys == ("mhop",)


def test_outside_callers_are_organizations_of_the_sample(by_type: dict[str, list[Json]]) -> None:
    organizations = {resource["id"]: resource["name"] for resource in by_type["Organization"]}
    assert {organizations[caller.organization_id] for caller in outside_callers(1)} == {
        "Lakeside Primary Care",
        "Three Rivers Health Exchange",
    }


def test_no_encounter_lies_outside_its_episode(by_type: dict[str, list[Json]]) -> None:
    episodes = {name_of(resource): resource for resource in by_type["EpisodeOfCare"]}
    for encounter in by_type["Encounter"]:
        for reference in encounter["episodeOfCare"]:
            period = episodes[reference["reference"]]["period"]
            assert encounter["period"]["start"][:10] >= period["start"]
            assert encounter["period"].get("end", "")[:10] <= period.get("end", "9999")
            assert episodes[reference["reference"]]["patient"] == encounter["subject"]


def test_nobody_is_discharged_before_being_admitted(by_type: dict[str, list[Json]]) -> None:
    for resource in by_type["EpisodeOfCare"] + by_type["Encounter"]:
        period = resource.get("period", {})
        if "end" in period:
            assert instant(period["start"]) <= instant(period["end"])


def test_visits_on_a_unit_lie_within_the_stay(by_type: dict[str, list[Json]]) -> None:
    encounters = {name_of(encounter): encounter for encounter in by_type["Encounter"]}
    inside = [encounter for encounter in by_type["Encounter"] if "partOf" in encounter]
    assert inside
    for encounter in inside:
        stay = encounters[encounter["partOf"]["reference"]]
        assert instant(stay["period"]["start"]) <= instant(encounter["period"]["start"])
        if "end" in stay["period"]:
            assert instant(encounter["period"]["end"]) <= instant(stay["period"]["end"])


def test_only_open_stays_have_no_end(by_type: dict[str, list[Json]]) -> None:
    for encounter in by_type["Encounter"]:
        assert ("end" not in encounter["period"]) == (encounter["status"] == "in-progress")


def test_nothing_but_appointments_happens_today_or_later(by_type: dict[str, list[Json]]) -> None:
    fields = {
        "Encounter": "period",
        "Observation": "effectiveDateTime",
        "DocumentReference": "date",
        "MedicationRequest": "authoredOn",
        "MedicationDispense": "whenHandedOver",
        "Consent": "dateTime",
    }
    for kind, field in fields.items():
        for resource in by_type[kind]:
            value = resource.get(field)
            text = value["start"] if isinstance(value, dict) else value
            if text:
                assert date.fromisoformat(text[:10]) < TODAY, name_of(resource)


def test_no_appointment_is_in_the_past(by_type: dict[str, list[Json]]) -> None:
    starts = [date.fromisoformat(appointment["start"][:10]) for appointment in by_type["Appointment"]]
    assert min(starts) >= TODAY
    assert max(starts) <= TODAY + timedelta(days=20)


def test_scores_stay_within_their_scales(by_type: dict[str, list[Json]]) -> None:
    highest = {"44261-6": 27, "70274-6": 21, "75626-2": 12}
    seen = set()
    for observation in by_type["Observation"]:
        code = observation["code"].get("coding", [{}])[0].get("code")
        if code in highest and "valueQuantity" in observation:
            seen.add(code)
            assert 0 <= observation["valueQuantity"]["value"] <= highest[code]
    assert seen == set(highest)


def test_answers_add_up_to_the_total(by_type: dict[str, list[Json]]) -> None:
    worth = {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}
    scored = [r for r in by_type["QuestionnaireResponse"] if r["questionnaire"].endswith(("phq-9", "gad-7"))]
    assert scored
    for response in scored:
        *items, total = response["item"]
        answers = [worth[item["answer"][0]["valueCoding"]["code"]] for item in items]
        assert sum(answers) == total["answer"][0]["valueDecimal"]


def test_most_clients_get_better(by_type: dict[str, list[Json]]) -> None:
    series: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for observation in by_type["Observation"]:
        if observation["code"].get("coding", [{}])[0].get("code") == "44261-6":
            score = (observation["effectiveDateTime"], observation["valueQuantity"]["value"])
            series[observation["subject"]["reference"]].append(score)
    ends = [(min(scores)[1], max(scores)[1]) for scores in series.values() if len(scores) > 2]
    better = sum(last <= 0.75 * first for first, last in ends)
    worse = sum(last > first + 1 for first, last in ends)
    assert better > len(ends) * 0.5
    assert 0 < worse < len(ends) * 0.2


def test_clinicians_see_one_client_alone_at_a_time(by_type: dict[str, list[Json]]) -> None:
    taken: dict[tuple[str, str], str] = {}
    clashes = 0
    for encounter in by_type["Encounter"]:
        kind = encounter["type"][0]["coding"][1]["code"]
        if kind in {"individual", "intake", "family", "medical"}:
            key = (encounter["participant"][0]["individual"]["reference"], encounter["period"]["start"])
            clashes += key in taken
            taken[key] = encounter["id"]
    assert clashes == 0


def test_no_bed_holds_two_clients(by_type: dict[str, list[Json]]) -> None:
    nights: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for encounter in by_type["Encounter"]:
        if encounter["class"]["code"] == "IMP" and "partOf" not in encounter:
            bed = encounter["location"][0]["location"]["reference"]
            nights[bed].append((encounter["period"]["start"], encounter["period"].get("end", "9999")))
    assert len(nights) > 12
    for spans in nights.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_part_2_clients_signed_in_about_the_intended_proportions(by_type: dict[str, list[Json]], items: list[Item]) -> None:
    part2 = {program.key for program in programs() if program.part2}
    clients = {
        item.resource["patient"]["reference"]
        for item in items
        if item.resource["resourceType"] == "EpisodeOfCare" and item.program_key in part2
    }
    kinds: dict[str, set[str]] = defaultdict(set)
    for consent in by_type["Consent"]:
        extensions = {e["url"].rpartition("/")[2]: e for e in consent.get("extension", [])}
        if "part2-consent-kind" in extensions:
            kind = extensions["part2-consent-kind"]["valueCode"] if consent["status"] == "active" else "revoked"
            kinds[kind].add(consent["patient"]["reference"])
    assert set().union(*kinds.values()) <= clients
    share = {kind: len(who) / len(clients) for kind, who in kinds.items()}
    assert abs(share["part2_tpo_single"] - (CONSENT_MIX["tpo"] + CONSENT_MIX["tpo+specific"]) / 100) < 0.12
    assert 0.02 < share["revoked"] < 0.2
    assert 0.04 < 1 - len(set().union(*kinds.values())) / len(clients) < 0.25


def test_consents_belong_only_to_clients_who_could_sign(by_type: dict[str, list[Json]]) -> None:
    for consent in by_type["Consent"]:
        assert consent["patient"]["reference"].startswith("Patient/")
        assert consent["status"] == "draft" or consent["performer"]


def test_notes_differ_from_one_another(by_type: dict[str, list[Json]]) -> None:
    notes = [note for note in by_type["DocumentReference"] if note["type"]["coding"][0]["code"] != "59284-0"]
    texts = [base64.b64decode(attachment["data"]).decode() for note in notes if "data" in (attachment := note["content"][0]["attachment"])]
    bodies = [text.partition("\n\n")[2] for text in texts]
    assert len(set(texts)) == len(texts)
    assert len(set(bodies)) > 0.95 * len(bodies)
    assert not [text for text in texts if "{" in text or "  " in text]


def test_notes_use_respectful_words(by_type: dict[str, list[Json]]) -> None:
    unkind = (
        "addict ",
        "abuser",
        "clean and sober",
        "dirty urine",
        "non-compliant",
        "noncompliant",
        "suffers from",
        "committed suicide",
        "manipulative",
        "drug abuse",
        "frequent flyer",
    )
    for note in by_type["DocumentReference"]:
        text = base64.b64decode(note["content"][0]["attachment"].get("data", "")).decode().lower()
        assert not [word for word in unkind if word in text]


def test_nothing_real_can_be_reached(items: list[Item]) -> None:
    for item in items:
        for contact in item.resource.get("telecom", []):
            if contact["system"] == "phone":
                assert "-555-01" in contact["value"]
            else:
                assert contact["value"].endswith("example.org")


def test_the_people_written_by_hand_are_there(by_type: dict[str, list[Json]], items: list[Item]) -> None:
    sizes: dict[str, int] = defaultdict(int)
    for item in items:
        owner = item.resource.get("subject") or item.resource.get("patient") or {}
        sizes[owner.get("reference", "")] += 1
    by_name = {(p["name"][0]["family"], p["birthDate"]): p for p in by_type["Patient"]}
    garcias = sorted(born for family, born in by_name if family == "Garcia")
    assert [int(born[:4]) for born in garcias[:2]] == [1988, 1989]
    heavy = next(p for p in by_type["Patient"] if p["name"][0]["family"] == "Whitaker")
    assert sizes[name_of(heavy)] == max(size for key, size in sizes.items() if key)
    assert sizes[name_of(heavy)] > 1000
    sparse = next(p for p in by_type["Patient"] if p["name"][0]["family"] == "Li")
    assert sizes[name_of(sparse)] == 2
    ages = [person.age(TODAY) for person in people(1, TODAY)]
    assert min(ages) == 13
    assert max(ages) == 80


def test_generation_costs_less_than_six_seconds_of_processor_time() -> None:
    started = time.process_time()
    assert sum(1 for _ in organization(3, TODAY)) > 15_000
    assert time.process_time() - started < 6


def test_the_id_of_an_answer_tells_of_no_stay_and_no_count() -> None:
    """Found by reading what an outside practice gets: ids of ratings began with that of a stay which its consent does not open."""
    stays = [Stay(f"stay{n}xxxxxxxxxxxxxxxxx", f"p{n}", "3.5", "Residential", "sud", "Practitioner/a", "active", "2026-01-01", "", ()) for n in range(4)]
    made = list(riverbend_forms._answered("http://x.test", stays, {"sud": 1}, date(2026, 3, 1)))
    again = list(riverbend_forms._answered("http://x.test", stays, {"sud": 1}, date(2026, 3, 1)))
    ids = [a.resource["id"] for a in made]
    assert ids == [a.resource["id"] for a in again]
    assert len(set(ids)) == len(ids) > 0
    assert all(re.fullmatch("[0-9a-f]{22}", i) for i in ids)
