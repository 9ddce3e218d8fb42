"""The predicate in SQL decides what the plainest statement of the rules decides (tests/leaks/rules.py)."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from sojourn.record import sql
from sojourn.record.database import Dsn
from tests.effort import THOROUGH
from tests.leaks.rules import COUNSELING, HIV, ORDINARY, PART2, PSYCHOTHERAPY, UNLABELLED, Fact, Grant, Relation, Viewer, may_see

CASES = int(os.environ.get("SOJOURN_AGREE_CASES", "24000"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BITS = {UNLABELLED: 1 << 0, PART2: 1 << 1, COUNSELING: 1 << 2, PSYCHOTHERAPY: 1 << 3, HIV: 1 << 5, ORDINARY: 1 << 60}
STAFF = sum(1 << n for n in (*range(61), 62)) & ~(BITS[UNLABELLED] | BITS[PART2] | BITS[COUNSELING] | BITS[PSYCHOTHERAPY])
TYPES = ("Observation", "Condition", "Patient", "AllergyIntolerance")
CODES = {"a": 11, "b": 12, "c": 13}
ACROSS = 1 << 62
"""In `refs`: something of another patient is referred to. In the mask of those alone who need no relation."""
NAMES = ("Organization/x", "Organization/y", "Practitioner/z", "class:tpo")
PLACES = ("program:1", "program:2", "Practitioner/z@0", "Practitioner/z@1")
FOREVER, EVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


def some(random: Random, values: Any, least: int = 0) -> list[Any]:
    return random.sample(list(values), random.randint(least, len(values)))


def maybe(random: Random, value: Any, chance: float = 0.3) -> Any:
    return value if random.random() < chance else None


def moment(random: Random) -> datetime:
    return NOW + timedelta(days=random.choice((-3, -2, -1, 0, 1, 2, 3)))


def fact(random: Random, n: int) -> Fact:
    laws = {random.choice((PART2, PART2, PART2, COUNSELING, PSYCHOTHERAPY, UNLABELLED, HIV)) for _ in range(random.choice((0, 1, 1, 1, 2)))}
    patient = None if random.random() < 0.1 else random.choice(("p1", "p2"))
    about = frozenset(some(random, ("p1", "p2"))) if patient is None else frozenset()
    return Fact(random.choice((1, 1, 1, 2)), random.choice(TYPES), f"r{n}", patient, set(some(random, (1, 2, 3))), laws, maybe(random, moment(random), 0.8), set(some(random, CODES)), about)


def grant(random: Random, ids: list[str]) -> Grant:
    """Without a limit, or with one or several: many limits at once hardly ever let two that differ in one of them differ in what they say."""
    deny = random.random() < 0.3
    star = ("*",) if deny else ()
    limits: dict[str, Any] = {
        "programs": frozenset(some(random, (1, 2, 3), 1)), "types": frozenset(some(random, TYPES, 1)), "codes": frozenset(some(random, CODES, 1)),
        "data_from": moment(random), "data_to": moment(random), "ids": frozenset(some(random, ids, 1)),
    }  # fmt: skip
    chosen = random.sample(sorted(limits), random.choice((0, 0, 1, 1, 1, 2, 3)))
    return Grant(
        random.choice(("p1", "p2")), random.choice(NAMES), random.choice(("TREAT", "HPAYMT", "HRESCH", *star)), random.choice(("disclose", "disclose", "use", *star)),
        random.choice((PART2, PART2, HIV, PSYCHOTHERAPY, ORDINARY, ORDINARY, *((None, None) if deny else ()))), deny,
        start=maybe(random, moment(random), 0.5), end=maybe(random, moment(random), 0.5), **{name: limits[name] for name in chosen},
    )  # fmt: skip


def viewer(random: Random) -> Viewer:
    outside = random.random() < 0.5
    names = some(random, NAMES) + ([] if outside else some(random, PLACES))
    programs = frozenset() if outside else frozenset(some(random, (1, 2, 3)))
    return Viewer(random.choice((1, 1, 1, 2)), programs, outside, frozenset(names), random.choice(("TREAT", "HPAYMT", "HRESCH")), everywhere=not outside and random.random() < 0.4)


async def fill(owner: asyncpg.Connection[Any], facts: list[Fact], grants: list[Grant], relations: list[Relation]) -> None:
    """The same as rows."""
    await owner.execute("TRUNCATE record.resource, record.ground, record.edge")
    await owner.executemany(
        "INSERT INTO record.resource (tenant, rid, seq, type, id, version, patient, at, updated, plain_updated, own, origin, tokens, body, index_digest) "
        "VALUES ($1, $2, $2, $3, $4, 'v', $5, coalesce($6::timestamptz, '-infinity'), now(), now(), $7, $8, $9, '', 0)",
        [(f.tenant, n, f.type, f.id, f.patient, f.at, sum(BITS[law] for law in f.laws), sorted(f.origin), [CODES[c] for c in f.codes]) for n, f in enumerate(facts)],
    )
    # That these are of another patient than the row, or it of none, the database finds for itself.
    await owner.executemany(
        "INSERT INTO record.edge (tenant, rid, type, param, target) VALUES ($1, $2, $3, '', $4)",
        [(f.tenant, n, f.type, f"Patient/{p}") for n, f in enumerate(facts) for p in sorted(f.about)],
    )
    alike: dict[str, tuple[Grant, set[str]]] = {}  # what differs in its purpose alone is one row
    for g in grants:
        alike.setdefault(repr(g if g.purpose == "*" else replace(g, purpose="")), (g, set()))[1].add(g.purpose)
    await owner.executemany(
        "INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs, types, codes, "
        "data_from, data_to, resources, valid_from, valid_to, known_from) VALUES (1, $1, 'c', 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '-infinity')",
        [
            (g.patient, "deny" if g.deny else "permit", BITS[g.law] if g.law else 0, g.to, sorted(purposes), g.action, sorted(g.programs) if g.programs is not None else None,
             sorted(g.types) if g.types is not None else None, [CODES[c] for c in g.codes] if g.codes is not None else None,
             g.data_from, g.data_to, sorted(g.ids) if g.ids is not None else None, g.start or EVER, g.end or FOREVER)
            for g, purposes in alike.values()
        ],
    )  # fmt: skip
    await owner.executemany(
        "INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_from, valid_to, known_from) VALUES (1, $1, $2, 'care-team', '', $3, $4, '-infinity')",
        [(r.patient, r.who, r.start or EVER, r.end or FOREVER) for r in relations],
    )


def statement() -> str:
    """Every row that the gate's predicate lets through, as the gate splices it into its functions."""
    text = sql.render("SELECT r.tenant, r.id FROM record.resource r WHERE r.tenant = p_tenant AND /*row:r*/")
    places = {"tenant": "int", "mask": "bigint", "programs": "int[]", "keys": "text[]", "purpose": "text", "action": "text", "related": "boolean", "now": "timestamptz"}
    for n, (name, kind) in enumerate(places.items(), 1):
        text = text.replace(f"p_{name}", f"${n}::{kind}")
    return text


@pytest.mark.parametrize("seed", ["fixed", "random"] if THOROUGH else ["fixed"])
async def test_the_predicate_in_sql_agrees_with_the_rules_said_simply(database: Dsn, seed: str) -> None:
    number = 7 if seed == "fixed" else Random().randrange(10**9)
    print(f"seed {number}")
    random = Random(number)
    owner = await asyncpg.connect(database.owner)
    query = statement()
    cases = seen_total = 0
    try:
        while cases < CASES // 2:
            facts = [Fact(tenant, "Patient", p, p, {1, 2}) for tenant in (1, 2) for p in ("p1", "p2")]
            facts += [fact(random, n) for n in range(25)]
            grants = [grant(random, [f"{f.type}/{f.id}" for f in facts]) for _ in range(random.randint(0, 25))]
            grants += [replace(g, purpose=random.choice(("TREAT", "HPAYMT"))) for g in grants if random.random() < 0.3]
            relations = [Relation(random.choice(("p1", "p2")), random.choice((*NAMES, *PLACES)), maybe(random, moment(random)), maybe(random, moment(random))) for _ in range(4)]
            await fill(owner, facts, grants, relations)
            for _ in range(8):
                who = viewer(random)
                known = grants if who.tenant == 1 else []
                expected = {(f.tenant, f.id) for f in facts if may_see(who, f, known, relations if who.tenant == 1 else [], NOW)}
                mask = (0 if who.purpose == "HRESCH" else BITS[ORDINARY]) if who.outside else STAFF if who.everywhere else STAFF & ~ACROSS
                args = (who.tenant, mask, sorted(who.programs), sorted(who.names), who.purpose, "disclose" if who.outside else "use", not who.everywhere, NOW)
                found = {(row["tenant"], row["id"]) for row in await owner.fetch(query, *args)}
                assert found == expected, (number, who, [f for f in facts if (f.tenant, f.id) in found ^ expected], grants, relations)
                cases += len(facts)
                seen_total += len(expected)
    finally:
        await owner.close()
    if seed == "fixed":  # of another seed nobody knows how much it permits
        assert seen_total > cases // 20, "the cases hardly permit anything"


LIMITS: tuple[tuple[dict[str, Any], bool], ...] = (
    ({}, True), ({"patient": "p2"}, False), ({"to": "Organization/y"}, False), ({"purpose": "HPAYMT"}, False), ({"law": PART2}, False),
    ({"programs": frozenset({1})}, True), ({"programs": frozenset({1, 2})}, True), ({"programs": frozenset({2})}, False),
    ({"types": frozenset({"Observation", "Patient"})}, True), ({"types": frozenset({"Condition"})}, False), ({"codes": frozenset({"a", "b"})}, True), ({"codes": frozenset({"b"})}, False),
    ({"ids": frozenset({"Observation/r"})}, True), ({"ids": frozenset({"Observation/q", "Condition/r"})}, False),
    ({"data_from": NOW}, True), ({"data_from": NOW + timedelta(microseconds=1)}, False), ({"data_to": NOW}, False), ({"data_to": NOW + timedelta(microseconds=1)}, True),
    ({"start": NOW}, True), ({"start": NOW + timedelta(microseconds=1)}, False), ({"end": NOW}, False), ({"end": NOW + timedelta(microseconds=1)}, True),
)  # fmt: skip


@pytest.mark.parametrize("deny", [False, True], ids=["permit", "denial"])
async def test_each_limit_of_a_grant_counts_up_to_its_edge(database: Dsn, deny: bool) -> None:
    """One record, one grant, one limit at a time: a permit opens it to somebody outside, a denial closes it to somebody inside."""
    who = Viewer(1, frozenset({1}), not deny, frozenset({"Organization/x", "program:1"}), "TREAT", everywhere=deny)
    record = Fact(1, "Observation", "r", "p1", {1}, {HIV}, NOW, {"a"})
    action = "use" if deny else "disclose"
    owner = await asyncpg.connect(database.owner)
    try:
        for change, hits in (*LIMITS, ({"action": "disclose" if deny else "use"}, False)):
            one = Grant(**{"patient": "p1", "to": "Organization/x", "purpose": "TREAT", "action": action, "law": HIV, "deny": deny, **change})
            # Beside it one without effect on this record, so that nothing is short cut because nothing is forbidden or limited at all.
            grants = [one, Grant("p1", "Organization/x", "TREAT", action, HIV, deny, types=frozenset({"Patient"}))]
            relations = [Relation("p1", "Organization/x")]
            await fill(owner, [record], grants, relations)
            mask = STAFF if deny else BITS[ORDINARY]
            args = (1, mask, [1], sorted(who.names), "TREAT", action, not deny, NOW)
            found = {row["id"] for row in await owner.fetch(statement(), *args)}
            assert found == ({"r"} if hits is not deny else set()), (change, deny)
            assert may_see(who, record, grants, relations, NOW) is bool(found), change
    finally:
        await owner.close()


@pytest.mark.parametrize("period", [{"data_from": NOW}, {"data_to": NOW}, {"data_from": NOW, "data_to": NOW + timedelta(days=9)}], ids=["from", "until", "both"])
@pytest.mark.parametrize("deny", [False, True], ids=["permit", "denial"])
async def test_what_has_no_date_is_in_no_period_that_is_permitted_and_in_each_that_is_forbidden(database: Dsn, deny: bool, period: dict[str, datetime]) -> None:
    """And who the patient is, is of no time: what is permitted goes with it, and a denial about a period does not take the person away."""
    who = Viewer(1, frozenset({1}), not deny, frozenset({"Organization/x", "program:1"}), "TREAT", everywhere=deny)
    records = [Fact(1, "Observation", "undated", "p1", {1}, {HIV}, None), Fact(1, "Patient", "p1", "p1", {1}, {HIV}, None)]
    grants, relations = [Grant("p1", "Organization/x", "TREAT", "use" if deny else "disclose", HIV, deny, **period)], [Relation("p1", "Organization/x")]
    owner = await asyncpg.connect(database.owner)
    try:
        await fill(owner, records, grants, relations)
        args = (1, STAFF if deny else BITS[ORDINARY], [1], sorted(who.names), "TREAT", "use" if deny else "disclose", not deny, NOW)
        assert {row["id"] for row in await owner.fetch(statement(), *args)} == {"p1"}
    finally:
        await owner.close()
    assert [may_see(who, record, grants, relations, NOW) for record in records] == [False, True]
