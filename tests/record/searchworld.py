"""A small world of generated resources, written to the index tables, and the simplest evaluation of searches over it.

The evaluation reads the resources as they are, with getters of its own; it shares no code with what it checks.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from sojourn.fhir.codec import dumps
from sojourn.record.index import Keys, rows, without
from sojourn.record.searchsql import Args

TENANT = 1
KEYS = Keys(b"world" * 6)
HIDDEN, SHOWN = 2, 4
HIDDEN_CHANGE = timedelta(days=1)
NOW = datetime(2025, 6, 1, tzinfo=UTC)
Resource = dict[str, Any]
NAMES = ["Ana", "anabel", "Núñez", "Nunez", "O'Neil", "Smith", "Smithers", "de la Cruz"]
CODES = [("http://loinc.org", "8867-4"), ("http://loinc.org", "8480-6"), ("urn:other", "8867-4"), (None, "local")]
UNITS = [("http://unitsofmeasure.org", "/min"), ("http://unitsofmeasure.org", "mm[Hg]"), (None, None)]
DATES = ["2024", "2024-03", "2024-03-05", "2024-03-05T10:00:00Z", "2024-03-05T12:30:00+02:00", "2023-12-31", "2024-03-06"]


class Open:
    """A predicate that lets everything pass."""

    def row(self, alias: str, args: Args) -> str:
        return "true"

    def mask(self, expr: str, alias: str, args: Args) -> str:
        return "true"

    @property
    def updated(self) -> str:
        """Everybody may know when a row was updated."""
        return "updated"

    near = False

    def beside(self, args: Args) -> str:
        return ""

    def clean(self, alias: str, args: Args) -> str:
        return "true"

    def target(self, alias: str, args: Args) -> str:
        return self.row(alias, args)

    def behind(self, alias: str, args: Args) -> str:
        return self.mask(f"{alias}.refs", alias, args)


class Hides(Open):
    """A predicate that hides what carries the bit HIDDEN, and when that last changed."""

    @property
    def updated(self) -> str:
        """Only when the unlabelled part changed may be known."""
        return "plain_updated"

    def row(self, alias: str, args: Args) -> str:
        return f"({alias}.own & {args.add(HIDDEN, 'bigint')}) = 0"

    def mask(self, expr: str, alias: str, args: Args) -> str:
        return f"({expr} = 0 OR ({expr} & {args.add(HIDDEN, 'bigint')}) = 0)"


@dataclass
class Kept:
    """One resource of the world with its labels."""

    rid: int
    resource: Resource
    own: int
    labelled: list[tuple[tuple[str | int, ...], int]]
    updated: datetime

    def seen(self, hides: bool) -> Resource | None:
        """What a caller sees of it, but for its references to what is withheld."""
        if not hides:
            return self.resource
        if self.own & HIDDEN:
            return None
        return without(self.resource, [path for path, mask in self.labelled if mask & HIDDEN])


class World:
    """About 200 resources of five types that refer to each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kept: list[Kept] = []
        makers = [(self.practitioner, 6), (self.patient, 24), (self.encounter, 40), (self.observation, 110), (self.condition, 30)]
        for make, number in makers:
            for n in range(number):
                self.add(make(n))
        self.telling()

    def telling(self) -> None:
        """Resources whose hidden element would tell itself by order or by what is included."""
        told: list[tuple[Resource, tuple[str | int, ...]]] = [
            ({"resourceType": "Patient", "id": "two-names", "name": [{"family": "Zz"}, {"family": "Aa"}]}, ("name", 1)),
            ({"resourceType": "Encounter", "id": "told"}, ("status",)),
            (
                {"resourceType": "Observation", "id": "tells", "status": "final", "encounter": {"reference": "Encounter/told"}},
                ("encounter",),
            ),
            ({"resourceType": "Encounter", "id": "asked"}, ("status",)),
            ({"resourceType": "Observation", "id": "asks", "status": "final", "encounter": {"reference": "Encounter/asked"}}, ("status",)),
            ({"resourceType": "Condition", "id": "why", "encounter": {"reference": "Encounter/asked"}}, ("encounter",)),
            ({"resourceType": "Condition", "id": "whose", "subject": {"reference": "Patient/p1"}}, ("subject",)),
        ]
        for resource, path in told:
            self.kept.append(Kept(len(self.kept) + 1, resource, 0, [(path, HIDDEN)], NOW))
        named = {"reference": "Encounter/withheld", "identifier": {"system": "urn:visit", "value": "v7"}}
        self.kept.append(Kept(len(self.kept) + 1, {"resourceType": "Encounter", "id": "withheld"}, HIDDEN, [], NOW))
        self.kept.append(Kept(len(self.kept) + 1, {"resourceType": "Condition", "id": "names", "encounter": named}, 0, [], NOW))

    def add(self, resource: Resource) -> None:
        """Label the resource at random and keep it."""
        pick = self.random
        own = pick.choice([0, 0, 0, HIDDEN, SHOWN])
        labelled: list[tuple[tuple[str | int, ...], int]] = []
        if pick.random() < 0.4:
            elements = [k for k in resource if k not in ("resourceType", "id")]
            for key in pick.sample(elements, min(len(elements), pick.choice([1, 1, 2]))):
                value = resource[key]
                path = (key, pick.randrange(len(value))) if isinstance(value, list) else (key,)
                labelled.append((path, pick.choice([HIDDEN, HIDDEN, SHOWN])))
        updated = NOW - timedelta(hours=pick.randrange(400))
        self.kept.append(Kept(len(self.kept) + 1, resource, own, labelled, updated))

    def some(self, kind: str) -> str:
        """A reference to a resource of the type (one in ten does not exist)."""
        found = [k.resource["id"] for k in self.kept if k.resource["resourceType"] == kind]
        return f"{kind}/{self.random.choice([*found, 'gone'] if self.random.random() < 0.3 else found)}"

    def concept(self) -> Resource:
        coded = []
        for system, code in self.random.sample(CODES, self.random.choice([1, 1, 2])):
            coded.append({"code": code, "display": f"Name of {code}"} | ({"system": system} if system else {}))
        return {"coding": coded} | ({"text": self.random.choice(NAMES)} if self.random.random() < 0.4 else {})

    def quantity(self) -> Resource:
        system, code = self.random.choice(UNITS)
        value = Decimal(self.random.choice(["5", "5.4", "5.40", "72", "100", "-3", "0"]))
        unit = {"system": system, "code": code} if code else {}
        odd = {"comparator": self.random.choice(["<", ">="])} if self.random.random() < 0.1 else {}
        return {"value": value} | unit | odd

    def practitioner(self, n: int) -> Resource:
        return {"resourceType": "Practitioner", "id": f"dr{n}", "name": [{"family": self.random.choice(NAMES)}]}

    def patient(self, n: int) -> Resource:
        pick = self.random
        made: Resource = {"resourceType": "Patient", "id": f"p{n}", "name": [self.name() for _ in range(pick.choice([0, 1, 2]))]}
        if not made["name"]:
            del made["name"]
        if pick.random() < 0.8:
            made["birthDate"] = pick.choice(["1970", "1970-01-01", "1985-06", "1985-06-15"])
        if pick.random() < 0.8:
            made["gender"] = pick.choice(["male", "female", "other"])
        made["identifier"] = [{"system": "urn:mrn", "value": str(n % 20)}, {"value": str(n % 7)}]
        if pick.random() < 0.6:
            made["generalPractitioner"] = [{"reference": self.some("Practitioner")}]
        if pick.random() < 0.5:
            made["active"] = pick.random() < 0.5
        return made

    def name(self) -> Resource:
        return {"family": self.random.choice(NAMES), "given": self.random.sample(NAMES, self.random.choice([1, 2]))}

    def encounter(self, n: int) -> Resource:
        pick = self.random
        made: Resource = {"resourceType": "Encounter", "id": f"e{n}", "status": pick.choice(["planned", "finished"])}
        made["class"] = {"system": "urn:class", "code": pick.choice(["AMB", "IMP"])}
        made["subject"] = {"reference": self.some("Patient")}
        period = {}
        if pick.random() < 0.8:
            period["start"] = pick.choice(DATES)
        if pick.random() < 0.5:
            period["end"] = "2025-01-01"
        if period:
            made["period"] = period
        return made

    def observation(self, n: int) -> Resource:
        pick = self.random
        made: Resource = {"resourceType": "Observation", "id": f"o{n}", "status": pick.choice(["final", "amended"]), "code": self.concept()}
        if pick.random() < 0.7:
            made["category"] = [self.concept()]
        if pick.random() < 0.9:
            made["subject"] = {"reference": self.some("Patient")}
        if pick.random() < 0.7:
            made["encounter"] = {"reference": self.some("Encounter")}
        if pick.random() < 0.8:
            made["effectiveDateTime"] = pick.choice(DATES)
        if pick.random() < 0.5:
            made["valueQuantity"] = self.quantity()
        elif pick.random() < 0.5:
            made["component"] = [{"code": self.concept(), "valueQuantity": self.quantity()} for _ in range(2)]
        return made

    def condition(self, n: int) -> Resource:
        made: Resource = {"resourceType": "Condition", "id": f"c{n}", "subject": {"reference": self.some("Patient")}}
        if self.random.random() < 0.8:
            made["code"] = self.concept()
        if self.random.random() < 0.7:
            made["encounter"] = {"reference": self.some("Encounter")}
        if self.random.random() < 0.7:
            made["recordedDate"] = self.random.choice(DATES)
        return made

    async def write(self, connection: asyncpg.Connection) -> None:
        """Write all resources and their index rows."""
        owns = {f"{k.resource['resourceType']}/{k.resource['id']}": k.own for k in self.kept}
        for kept in self.kept:
            await write(connection, kept, owns)


TOKENS = """
    INSERT INTO record.token SELECT 1, a, $1, bit_or(b), CASE WHEN count(*) > 1 THEN array_agg(b) END
    FROM unnest($2::bigint[], $3::bigint[]) x (a, b) GROUP BY a
"""


async def write(connection: asyncpg.Connection, kept: Kept, owns: dict[str, int]) -> None:
    """Write one resource and its index rows; `owns` are the labels of all resources by name."""
    made = rows(kept.resource, KEYS, kept.labelled)
    parts = 0
    for _, mask in kept.labelled:
        parts |= mask
    r = kept.resource
    refs = 0
    for target in made.edge_target:
        refs |= owns.get(target, 0)
    await connection.execute(
        "INSERT INTO record.resource"
        " (tenant, rid, seq, type, id, version, patient, at, updated, plain_updated, own, parts, refs, tokens, labelled_tokens, body)"
        " VALUES ($1, $2, $2, $3, $4, 'v', $5, $6, $7, $14, $8, $9, $13, $10, $11, $12)",
        TENANT, kept.rid, r["resourceType"], r["id"], made.patient, made.at, kept.updated, kept.own, parts, made.tokens,
        made.labelled_tokens, dumps(r), refs, kept.updated - HIDDEN_CHANGE,
    )  # fmt: skip
    rid = kept.rid
    for sql, columns in [
        (TOKENS, (made.token_hash, made.token_mask)),
        ("INSERT INTO record.string SELECT 1, a, $1, b, c, d FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[]) x (a, b, c, d)",
         (made.string_key, made.string_folded, made.string_exact, made.string_mask)),
        ("INSERT INTO record.date SELECT 1, a, $1, b, c, d FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[]) x (a, b, c, d)",
         (made.date_key, made.date_low, made.date_high, made.date_mask)),
        ("INSERT INTO record.number SELECT 1, a, $1, b, c, d, e FROM unnest($2::bigint[], $3::float8[], $4::float8[], $5::bigint[], $6::bigint[]) x (a, b, c, d, e)",
         (made.number_key, made.number_low, made.number_high, made.number_unit, made.number_mask)),
    ]:  # fmt: skip
        await connection.execute(sql, rid, *columns)
    await connection.execute(
        "INSERT INTO record.edge SELECT 1, $1, $2, a, b, c FROM unnest($3::text[], $4::text[], $5::bigint[]) x (a, b, c)",
        rid, r["resourceType"], made.edge_param, made.edge_target, made.edge_mask,
    )  # fmt: skip


Check = Callable[[Resource], bool]
