"""The people written by hand, each of whom shows something that a demo or a test needs."""

from __future__ import annotations

from datetime import date

from sojourn.sample.names import ASIAN, BLACK, NATIVE, TOWNS, WHITE
from sojourn.sample.people import Person


def _born(today: date, years: int, month: int, day: int) -> date:
    """Return the birth date of somebody who is `years` old today."""
    still_to_come = (month, day) > (today.month, today.day)
    return date(today.year - years - still_to_come, month, day)


def _person(key: str, name: str, gender: str, born: date, path: str, *tags: str, **more: object) -> Person:
    given, _, family = name.rpartition("|")
    known: dict[str, object] = {
        "race": (WHITE,),
        "race_text": "White",
        "pronouns": {"female": "she", "male": "he"}.get(gender, "they"),
        "street": f"{100 + sum(key.encode()) % 800} Sparrow Hill Road",
        "town": TOWNS[sum(key.encode()) % len(TOWNS)],
        "consent": "tpo",
    }
    return Person(
        key=key,
        given=tuple(given.split(" ")),
        family=family,
        gender=gender,
        born=born,
        path=path,
        tags=frozenset(tags),
        **(known | more),  # type: ignore[arg-type]
    )


def cast(today: date) -> list[Person]:
    """Return the hand-written clients; ages count from `today`."""

    def born(years: int, month: int = 4, day: int = 12) -> date:
        return _born(today, years, month, day)

    latina = {"hispanic": True, "race_text": "White"}
    black = {"race": (BLACK,), "race_text": "Black or African American"}
    asian = {"race": (ASIAN,), "race_text": "Asian"}
    return [
        _person(
            "ana",
            "Ana Lucía|Morales-Reyes",
            "female",
            born(35, 2, 3),
            "iop+mhop+psychiatry",
            "hero",
            language="es",
            payer="medicaid",
            consent="tpo+specific",
            **latina,
        ),
        _person(
            "ben",
            "Benjamin|Okonkwo-Hale",
            "male",
            born(42, 9, 19),
            "detox-residential-iop-sudop",
            "journey",
            "alcohol",
            payer="blueheron",
            **black,
        ),
        _person(
            "rosalind",
            "Rosalind June|Whitaker",
            "female",
            born(59, 6, 30),
            "heavy",
            "heavy",
            "opioid",
            payer="medicaid",
            consent="tpo+specific",
            course="relapse",
        ),
        _person(
            "jo",
            "Jo|Li",
            "unknown",
            born(27, 1, 9),
            "referral",
            "sparse",
            payer="none",
            consent="none",
            race=(),
            race_text="Unknown",
            street="",
        ),
        _person("walter", "Walter|Szczepański", "male", born(80, 3, 27), "psychiatry", "elder", payer="silverlake", course="steady"),
        _person("maya", "Maya|Thompson", "female", born(15, 8, 14), "php-mhop", "guardian", payer="blueheron", **black),
        _person(
            "elijah",
            "Elijah|Longboat",
            "male",
            born(13, 10, 2),
            "mhop",
            "guardian",
            "tribal",
            payer="medicaid",
            race=(NATIVE,),
            race_text="American Indian",
        ),
        _person("tyler", "Tyler|Novak", "male", born(17, 5, 21), "iop", "minor-own-consent", "cannabis", payer="medicaid"),
        _person("maria88", "Maria|Garcia", "female", born(38), "mhop", "same-name", **latina),
        _person("maria89", "Maria|Garcia", "female", born(37), "moud", "same-name", "opioid", **latina),
        _person(
            "darnell",
            "Darnell|Fitzgerald",
            "male",
            born(46, 11, 5),
            "residential-iop-sudop",
            "revoked",
            "stimulant",
            consent="revoked",
            **black,
        ),
        _person(
            "siobhan",
            "Siobhán Máire|O'Donnell-Featherstonehaugh",
            "female",
            born(51, 7, 8),
            "detox-only",
            "no-consent",
            "alcohol",
            consent="none",
            payer="blueheron",
        ),
        _person(
            "khai",
            "Thị Minh Khai|Nguyễn",
            "female",
            born(44, 12, 1),
            "moud",
            "specific-consent",
            "opioid",
            language="vi",
            interpreter=True,
            consent="specific",
            **asian,
        ),
        _person("marcus", "Marcus|Bell", "male", born(33, 3, 16), "relapse", "relapse", "opioid", course="relapse", **black),
        _person(
            "kai",
            "Katherine|Ramirez",
            "female",
            born(24, 6, 11),
            "mhop-psychiatry",
            "chosen-name",
            identity="nonbinary",
            pronouns="they",
            called="Kai",
            **latina,
        ),
        _person(
            "amina",
            "Amina Yusuf|Abdirahman",
            "female",
            born(31, 1, 25),
            "php-mhop-psychiatry",
            "interpreter",
            language="so",
            interpreter=True,
            **black,
        ),
        _person("harold", "Harold|Jensen", "male", born(68, 2, 17), "deceased", "deceased", "alcohol", payer="silverlake", consent="tpo"),
        _person("destiny", "Destiny|Carter", "female", born(28, 9, 4), "moud-sudop", "pregnant", "opioid", **black),
        _person(
            "priscilla",
            "Priscilla|Vandermeer-Oyelaran",
            "female",
            born(48, 5, 29),
            "mhop-psychiatry",
            "hie-opt-out",
            "self-pay",
            payer="blueheron",
        ),
        _person(
            "max",
            "Maximiliana Theodora|Konstantinidou-Papadopoulos von Hohenberg",
            "female",
            born(62, 8, 23),
            "mhop",
            "long-name",
            payer="blueheron",
        ),
        _person("gwen", "Gwendolyn|Ashby", "female", born(39, 11, 30), "detox-residential-iop", "in-detox", "alcohol", payer="blueheron"),
        _person("terrell", "Terrell|Winston", "male", born(29, 2, 8), "detox-residential", "in-detox", "opioid", **black),
        _person("ilya", "Ilya|Sorensen", "male", born(36, 7, 19), "detox-only", "in-detox", "alcohol", consent="none"),
    ]
