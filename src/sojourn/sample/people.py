"""Who the clients are: about two hundred made-up people, most drawn from pools, some written by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from sojourn.sample.identity import stream
from sojourn.sample.names import COMMUNITIES, STREET_KINDS, STREETS, TOWNS, Community


@dataclass(frozen=True, slots=True)
class Person:
    """One client. `tags`: what this chart shows; `course`: how the measures move."""

    key: str
    given: tuple[str, ...]
    family: str
    gender: str
    born: date
    race: tuple[str, ...]
    race_text: str
    hispanic: bool = False
    language: str = "en"
    interpreter: bool = False
    identity: str = ""
    pronouns: str = ""
    called: str = ""
    former: str = ""
    suffix: str = ""
    street: str = ""
    town: tuple[str, str] = TOWNS[0]
    payer: str = "medicaid"
    path: str = ""
    course: str = "improving"
    consent: str = ""
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def first(self) -> str:
        """The name the person goes by."""
        return self.called or self.given[0]

    def age(self, day: date) -> int:
        """Return completed years on a day."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


# Weights: about how many of a hundred and eighty drawn clients take each path through the programs.
PATHS = {
    "detox-residential-iop": 12,
    "detox-residential": 8,
    "residential-iop-sudop": 10,
    "detox-only": 8,
    "iop-sudop": 15,
    "iop-psychiatry": 11,
    "moud": 13,
    "moud-psychiatry": 7,
    "moud-sudop": 7,
    "sudop": 6,
    "sudop-mhop": 6,
    "php-mhop": 10,
    "php-mhop-psychiatry": 7,
    "mhop": 32,
    "mhop-psychiatry": 25,
    "psychiatry": 15,
}
COURSES = {"improving": 62, "steady": 18, "relapse": 13, "worse": 7}
# Of the clients of Part 2 programs: what they signed (see docs/sample-organization.md).
CONSENT_MIX = {"tpo": 60, "tpo+specific": 12, "specific": 8, "revoked": 9, "none": 11}

_IDENTITIES = (("", ""),) * 44 + (("nonbinary", "they"), ("female", "she"), ("male", "he"), ("", "they"))


def drawn_people(seed: int, today: date, count: int) -> list[Person]:
    """Return `count` people drawn from the pools."""
    return [_draw(stream(seed, f"person:{n}"), f"p{n:03d}", today) for n in range(count)]


def pick(rng: Random, weights: dict[str, int]) -> str:
    """Return a key of a weighted table."""
    return rng.choices(list(weights), list(weights.values()))[0]


def _draw(rng: Random, key: str, today: date) -> Person:
    community = rng.choices(COMMUNITIES, [c.weight for c in COMMUNITIES])[0]
    gender = rng.choice(("female", "male"))
    born = _birth_date(rng, today)
    age = (today - born).days // 365
    path = pick(rng, PATHS) if age >= 18 else rng.choice(("mhop", "mhop", "php-mhop", "mhop-psychiatry"))
    identity, pronouns = rng.choice(_IDENTITIES)
    given = _given(rng, community, gender)
    return Person(
        key=key,
        given=given,
        family=_family(rng, community),
        gender=gender,
        born=born,
        race=community.race,
        race_text=community.race_text,
        hispanic=community.hispanic,
        language=_language(rng, community),
        identity=identity,
        pronouns=pronouns or {"female": "she", "male": "he"}[gender],
        former=rng.choice(COMMUNITIES[0].family) if gender == "female" and rng.random() < 0.1 else "",
        suffix=rng.choice(("Jr.", "III")) if gender == "male" and rng.random() < 0.05 else "",
        street=f"{rng.randint(1, 980)} {rng.choice(STREETS)} {rng.choice(STREET_KINDS)}",
        town=rng.choice(TOWNS),
        payer=_payer(rng, age),
        path=path,
        course=pick(rng, COURSES),
        consent=pick(rng, CONSENT_MIX),
    )


def _birth_date(rng: Random, today: date) -> date:
    years = rng.triangular(18, 74, 34) if rng.random() > 0.03 else rng.uniform(13.2, 17.8)
    return today - timedelta(days=int(years * 365.25) + rng.randint(1, 200))


def _given(rng: Random, community: Community, gender: str) -> tuple[str, ...]:
    pool = community.female if gender == "female" else community.male
    first = rng.choice(pool)
    if rng.random() < 0.4:
        return (first, rng.choice([name for name in pool if name != first]))
    return (first,)


def _family(rng: Random, community: Community) -> str:
    family = rng.choice(community.family)
    chance = 0.3 if community.hispanic else 0.06
    if "-" not in family and rng.random() < chance:
        return f"{family}-{rng.choice([name for name in community.family if name != family])}"
    return family


def _language(rng: Random, community: Community) -> str:
    return community.language if community.language and rng.random() < 0.35 else "en"


def _payer(rng: Random, age: int) -> str:
    if age >= 65:
        return "silverlake" if rng.random() < 0.85 else "blueheron"
    return rng.choices(("medicaid", "blueheron", "none"), (55, 39, 6))[0]
