"""What a person gives an app is never more than it asked for, than was registered, or than the person may see: tried with many made-up wishes."""

from __future__ import annotations

from random import Random

import pytest

from sojourn.gate.apps import scopewords
from sojourn.gate.apps.scopewords import part
from tests.gate.test_scopes import LAB
from tests.people import A, Clinic, encounter, observation, patient

TYPES = ("*", "Observation", "Condition", "Patient", "Encounter", "MedicationRequest", "Consent")
LETTERS = ("rs", "r", "s", "cruds", "cu", "read", "write", "*", "d")
SEARCHES = ("", "", "", "?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory", "?category=vital-signs", "?code=1234-5,8867-4")
NOT_DATA = ("openid", "fhirUser", "launch", "launch/patient", "launch/encounter", "offline_access", "profile", "nonsense", "patient/", "patient/Nothing.rs", "user/*.rs?category=x", "")


def made(random: Random, levels: tuple[str, ...] = ("patient", "user", "system")) -> str:
    """Some scopes, good and bad."""
    data = [f"{random.choice(levels)}/{random.choice(TYPES)}.{random.choice(LETTERS)}{random.choice(SEARCHES)}" for _ in range(random.randrange(6))]
    return " ".join([*data, *random.sample(NOT_DATA, random.randrange(4))])


def is_within(one: str, wider: str) -> bool:
    """Said simply, and apart from the code: every letter of a scope is one of the other, for the same level, type and search."""
    mine = part(one)
    assert mine is not None
    for other in map(part, wider.split()):
        if other is None or other.level != mine.level or other.type not in ("*", mine.type) or not set(mine.letters) <= set(other.letters):
            continue
        if not other.search or (other.search == mine.search and other.type == mine.type):
            return True
    return False


@pytest.mark.parametrize("seed", range(40))
def test_what_is_given_is_within_what_was_asked_and_registered(seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        registered, asked = made(random), made(random)
        kept = scopewords.within(asked, registered, ("patient", "user"))
        allowed = {(t, a) for t in TYPES[1:] for a in ("read", "search", "create", "update", "delete") if random.random() < 0.7}
        rows = scopewords.rows(kept, lambda type_, action: (type_, action) in allowed)  # noqa: B023 - called at once
        boxes = [key for row in rows for key in (row.key, *(kind for kind, _ in row.kinds))] + ["offline_access", "0", "0.*", "9.Observation", "x"]
        ticked = frozenset(key for key in boxes if random.random() < 0.6)
        given = scopewords.chosen(kept, rows, ticked)
        for one in given:
            if part(one) is None:
                assert one in asked.split()
                assert one in registered.split()
                assert one != "offline_access" or "offline_access" in ticked
                continue
            assert is_within(one, asked), (one, asked)
            assert is_within(one, registered), (one, registered)
            assert not one.startswith("system/")
        assert {p.type for p in map(part, given) if p} - {"*"} <= {row.part.type for row in rows} | {p.type for p in map(part, kept) if p}
        everything = scopewords.chosen(kept, rows, frozenset(boxes))
        assert set(given) <= set(everything) or len(given) >= 1 or not ticked


@pytest.mark.parametrize("seed", range(10))
def test_nothing_ticked_gives_nothing_about_data(seed: int) -> None:
    random = Random(1000 + seed)
    for _ in range(50):
        asked = made(random, ("patient", "user"))
        kept = scopewords.within(asked, asked, ("patient", "user"))
        given = scopewords.chosen(kept, scopewords.rows(kept, lambda *_: True), frozenset())
        assert [one for one in given if part(one)] == []


async def test_a_token_within_scopes_shows_a_part_of_what_its_person_sees(clinic: Clinic) -> None:
    p, q = (await clinic.make("sys-mh", patient())).id, (await clinic.make("sys-mh", patient("Okafor"))).id
    for who, one in (("sys-mh", p), ("sys-mh", q), ("sys-sud", p)):
        await clinic.make(who, encounter(one))
        await clinic.make(who, observation(one))
        await clinic.make(who, observation(one, 99, **LAB))
    random = Random(7)
    questions = ("Observation", "Encounter", "Patient", f"Observation?patient={p}", f"Patient/{p}/$everything")
    bare = {(who, question): set((await clinic.get(who, question)).ids) for who in ("mh-clinician", "sud-clinician") for question in questions}
    shown = 0
    for _ in range(25):
        who, scopes = random.choice(("mh-clinician", "sud-clinician")), made(random)
        token = await clinic.gate.token(clinic.gate.house.tenants[A], who, scopes=scopes, patient=p)
        for question in questions:
            answer = await clinic.get(token, question)
            found = set(answer.ids) if answer.status == 200 else set()
            assert found <= bare[who, question], (who, scopes, question)
            for resource in answer.entries if answer.status == 200 else ():
                shown += 1
                about = resource["id"] if resource["resourceType"] == "Patient" else resource["subject"]["reference"].removeprefix("Patient/")
                assert any(
                    s.type in ("*", resource["resourceType"]) and set(s.letters) & set("rs") and (s.level != "patient" or about == p) for s in map(part, scopes.split()) if s
                ), (scopes, question, resource["resourceType"])
    assert shown > 20, "the wishes let something through"
