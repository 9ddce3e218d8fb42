"""Diagnoses the sample uses: our words, ICD-10-CM and SNOMED CT codes, and what goes with them."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from sojourn.sample.people import Person
from sojourn.sample.stories import Stay


class Diagnosis(NamedTuple):
    """One diagnosis. `family`: sud, mh, medical or social."""

    key: str
    text: str
    icd10: str
    snomed: str
    family: str


def _table(*rows: tuple[str, str, str, str, str]) -> dict[str, Diagnosis]:
    return {row[0]: Diagnosis(*row) for row in rows}


DIAGNOSES = _table(
    ("opioid", "Opioid use disorder, severe", "F11.20", "75544000", "sud"),
    ("alcohol", "Alcohol use disorder, severe", "F10.20", "66590003", "sud"),
    ("cocaine", "Cocaine use disorder, moderate", "F14.20", "31956009", "sud"),
    ("stimulant", "Stimulant use disorder, severe", "F15.20", "", "sud"),
    ("cannabis", "Cannabis use disorder, moderate", "F12.20", "85005007", "sud"),
    ("mdd", "Major depressive disorder, recurrent, moderate", "F33.1", "66344007", "mh"),
    ("mdd-single", "Major depressive disorder, single episode, moderate", "F32.1", "36923009", "mh"),
    ("gad", "Generalized anxiety disorder", "F41.1", "21897009", "mh"),
    ("ptsd", "Post-traumatic stress disorder, chronic", "F43.12", "47505003", "mh"),
    ("panic", "Panic disorder", "F41.0", "371631005", "mh"),
    ("bipolar2", "Bipolar II disorder", "F31.81", "13746004", "mh"),
    ("adhd", "Attention-deficit hyperactivity disorder, combined presentation", "F90.2", "406506008", "mh"),
    ("insomnia", "Insomnia", "G47.00", "193462001", "medical"),
    ("hypertension", "High blood pressure", "I10", "38341003", "medical"),
    ("diabetes", "Type 2 diabetes", "E11.9", "44054006", "medical"),
    ("lipids", "High cholesterol", "E78.5", "55822004", "medical"),
    ("thyroid", "Underactive thyroid", "E03.9", "40930008", "medical"),
    ("asthma", "Asthma, mild", "J45.909", "195967001", "medical"),
    ("reflux", "Acid reflux", "K21.9", "235595009", "medical"),
    ("arthritis", "Osteoarthritis", "M19.90", "396275006", "medical"),
    ("nicotine", "Nicotine dependence, cigarettes", "F17.210", "", "medical"),
    ("hepc", "Chronic hepatitis C", "B18.2", "", "medical"),
    ("housing", "Does not have stable housing", "Z59.00", "32911000", "social"),
    ("food", "Not enough food at home", "Z59.41", "", "social"),
    ("work", "Out of work and looking", "Z56.0", "73438004", "social"),
)

_SUD = (("opioid", 42), ("alcohol", 38), ("cocaine", 6), ("stimulant", 9), ("cannabis", 5))
_MH = (("mdd", 34), ("mdd-single", 12), ("gad", 24), ("ptsd", 16), ("panic", 5), ("bipolar2", 6), ("adhd", 3))
_ELDER = ("hypertension", "diabetes", "lipids", "thyroid", "reflux", "arthritis", "insomnia")


def diagnoses_of(person: Person, stays: list[Stay], rng: Random) -> list[Diagnosis]:
    """Return what the client lives with, the reason for care first."""
    keys: list[str] = []
    if any(stay.part2 for stay in stays):
        keys.append(_substance(person, stays, rng))
    if any(not stay.part2 for stay in stays):
        keys.append(_one(rng, _MH))
        if rng.random() < 0.35:
            keys.append(_one(rng, _MH))
    elif rng.random() < 0.5:
        keys.append(rng.choice(("mdd", "gad", "ptsd")))
    keys += _others(person, rng, sud=any(stay.part2 for stay in stays))
    return [DIAGNOSES[key] for key in dict.fromkeys(keys)]


def _substance(person: Person, stays: list[Stay], rng: Random) -> str:
    if any(stay.program == "moud" for stay in stays):
        return "opioid"
    named = person.tags & {"opioid", "alcohol", "stimulant", "cannabis"}
    return min(named) if named else _one(rng, _SUD)


def _others(person: Person, rng: Random, *, sud: bool) -> list[str]:
    if "elder" in person.tags:
        return list(_ELDER)
    chances = {"insomnia": 0.22, "hypertension": 0.16, "asthma": 0.1, "reflux": 0.09, "lipids": 0.07, "thyroid": 0.05, "diabetes": 0.06}
    if sud:
        chances |= {"nicotine": 0.5, "hepc": 0.08, "housing": 0.16, "work": 0.2, "food": 0.08}
    found = [key for key, chance in chances.items() if rng.random() < chance]
    if "heavy" in person.tags:
        found += ["hypertension", "hepc", "insomnia", "housing", "nicotine", "food"]
    return found if person.tags != frozenset({"sparse"}) else []


def _one(rng: Random, weighted: tuple[tuple[str, int], ...]) -> str:
    return rng.choices([key for key, _ in weighted], [weight for _, weight in weighted])[0]
