"""The predicate (from compiled rows) and the decision from the Consents themselves are one, on whatever hypothesis invents."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from sojourn.gate import bases, consent, decide, enforce
from sojourn.gate.caller import Caller, Program, Tenant
from sojourn.gate.consenting import terms
from sojourn.gate.policy.release import may_see
from sojourn.gate.policy.signed import Asker, House, Signed, Thing
from sojourn.record import sql
from sojourn.record.database import Dsn
from sojourn.record.index import Keys
from tests import people
from tests.effort import THOROUGH
from tests.gate.invented import HOUSE, MH, PROGRAMS, SUD, Viewer, World, worlds

CASES = int(os.environ.get("SOJOURN_AGREE_CASES", "2000"))
RECORDS, CALLERS = 8, 10
TENANT = Tenant(1, "a", "A", None, b"a" * 16, HOUSE.partition("/")[2])
NUMBERED = {n: Program(n, reference, reference, reference, part2) for n, (reference, part2) in PROGRAMS.items()}
KEYS = Keys(TENANT.secret)
RULES = decide.Rules([("clinician", ["*"], ["read", "reach:organization"]), ("nurse", ["*"], ["read", "reach:care-team", "reach:programs"])], NUMBERED, b"")
HOME = House(HOUSE, PROGRAMS, terms.forms())


def decision(viewer: Viewer) -> decide.Decision:
    """What the gate decides for them."""
    kind, role = ("organization", "outside") if viewer.outside else ("staff", "clinician" if viewer.programs else "nurse")
    caller = Caller(TENANT, "a", 0, kind, "a", None, role, viewer.programs, None, viewer.keys, "api", viewer.purpose, b"", False)
    return decide.decide(caller, RULES)


async def fill(owner: asyncpg.Connection[Any], world: World) -> None:
    """The world as rows, its consents compiled as a write compiles them."""
    await owner.execute("TRUNCATE record.resource, record.ground; CREATE TEMP TABLE IF NOT EXISTS asker (n int)")
    await owner.executemany(
        "INSERT INTO record.resource (tenant, rid, seq, type, id, version, patient, at, updated, plain_updated, own, origin, tokens, body) "
        "VALUES (1, $1, $1, $2, $3, 'v', $4, coalesce($5::timestamptz, '-infinity'), now(), now(), $6, $7, $8, '')",
        [(n, t.type, t.id, t.patient, t.at, t.laws, sorted(t.origin), tokens(t)) for n, t in enumerate(world.things)],
    )
    for n, resource in enumerate(world.consents):
        grants, relations = consent.compiled(resource, TENANT, NUMBERED, KEYS, n)
        await owner.executemany(
            "INSERT INTO record.consent_grant (tenant, consent, consent_seq, patient, effect, basis, recipient, purposes, action, programs, types, codes, data_from, data_to, "
            f"resources, valid_from, valid_to, known_from) VALUES (1, 'c{n}', 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '-infinity'::timestamptz + ($1::int * interval '0'))",
            grants,
        )
        await owner.executemany(
            "INSERT INTO record.relation (tenant, source, patient, actor, kind, valid_from, valid_to, known_from) "
            f"VALUES (1, 'Consent/c{n}', $2, $3, $4, $5, $6, '-infinity'::timestamptz + ($1::int * interval '0'))",
            relations,
        )
    await owner.executemany(
        "INSERT INTO record.relation (tenant, source, patient, actor, kind, valid_from, valid_to, known_from) VALUES (1, '', $1, $2, 'care-team', $3, $4, '-infinity')",
        [(t.patient, t.actor, t.start, t.end) for t in world.ties],
    )


def tokens(thing: Any) -> list[int]:
    """What the record is found by: its codes and its labels."""
    found = [key for system, code in thing.codes for key in KEYS.tokens(thing.type, "code", system, code)]
    for label in thing.labels:
        system = terms.ACT_CODE if label != "SUDCN" else "https://sojourn.example/fhir/CodeSystem/sensitivity"
        found += KEYS.tokens(thing.type, "_security", system, label)
    return found


def statement() -> str:
    """Who sees what: every caller and every record in one statement, the predicate as the gate splices it."""
    kinds = enforce._KINDS
    columns = ", ".join(f"${n}::{'text[]' if kind.endswith('[]') else kind + '[]'}" for n, kind in enumerate(kinds.values(), 1))
    text = sql.row("r")
    for name, kind in kinds.items():
        text = text.replace(f":{name}", f"w.{name}::{kind}")
    return f"SELECT w.n, r.id FROM unnest({columns}) WITH ORDINALITY AS w({', '.join(kinds)}, n) CROSS JOIN record.resource r WHERE r.tenant = 1 AND {text}"


async def answered(owner: asyncpg.Connection[Any], query: str, world: World) -> set[tuple[int, str]]:
    """(caller, record) for each that the predicate lets pass. Lists go as array literals: a list of lists of differing length is no array."""
    columns = [list(c) for c in zip(*[(*decision(v).args, v.now) for v in world.viewers], strict=True)]
    columns = [["{" + ",".join(f'"{x}"' for x in item) + "}" for item in c] if isinstance(c[0], list) else c for c in columns]
    return {(row["n"] - 1, row["id"]) for row in await owner.fetch(query, *columns)}


def expected(world: World) -> dict[tuple[int, str], tuple[bool, str]]:
    """The decision from the Consents themselves."""
    read = [Signed(c, HOME) for c in world.consents]
    out = {}
    for n, v in enumerate(world.viewers):
        d = decision(v)
        asker = Asker(frozenset(d.keys), frozenset(d.programs), v.outside, v.purpose, d.mask, d.related)
        for thing in world.things:
            out[n, thing.id] = may_see(asker, thing, read, world.ties, v.now, HOME)
    return out


@pytest.fixture
def asked(database: Dsn) -> Iterator[Any]:
    """A function that asks the predicate about a world."""
    with asyncio.Runner() as runner:
        owner = runner.run(asyncpg.connect(database.owner))
        query = statement()

        def ask(world: World) -> set[tuple[int, str]]:
            async def go() -> set[tuple[int, str]]:
                async with owner.transaction():
                    await fill(owner, world)
                    return await answered(owner, query, world)

            return runner.run(go())

        yield ask
        runner.run(owner.close())


def test_the_predicate_agrees_with_the_decision_from_the_consents_themselves(asked: Any) -> None:
    seen = {"cases": 0, "allowed": 0, "by consent": 0}

    # The same cases at every run, unless thoroughness is asked for: how much is permitted is luck, and no test here may fail by luck.
    @settings(max_examples=max(1, CASES // (RECORDS * CALLERS)), deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=not THOROUGH, print_blob=True,
              phases=(Phase.generate, Phase.shrink) if os.environ.get("SOJOURN_AGREE_SHRINK") else (Phase.generate,))  # fmt: skip
    @given(world=worlds(records=RECORDS, callers=CALLERS))
    def agree(world: World) -> None:
        found, wanted = asked(world), expected(world)
        for (n, id_), (allowed, reason) in wanted.items():
            seen["cases"] += 1
            seen["allowed"] += allowed
            thing = next(t for t in world.things if t.id == id_)
            seen["by consent"] += allowed and world.viewers[n].outside and thing.laws != 0
            if ((n, id_) in found) != allowed:
                about = [c for c in world.consents if c.get("patient", {}).get("reference") == f"Patient/{thing.patient}"]
                raise AssertionError(f"predicate {'sees' if not allowed else 'withholds'}; the consents: {reason}\n{world.viewers[n]}\n{thing}\n{world.ties}\n" + "\n".join(map(str, about)))

    agree()
    print(seen)
    if THOROUGH and CASES < 50_000:
        return  # few and by chance
    assert seen["allowed"] > seen["cases"] // 50
    assert seen["by consent"] > seen["cases"] // 10_000, "hardly a consent permits anything"


def test_a_day_of_a_denial_is_one_wherever_it_is_that_day_and_a_day_of_a_permission_is_one_in_utc(asked: Any) -> None:
    day = {"period": {"start": "2026-03-02", "end": "2026-03-02"}}
    form = {**people.consent("p1", "x"), "dateTime": "2026-03-02"}
    deny = {"type": "deny", **day, "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "Practitioner/z"}}]}
    signed = [{**form, "provision": form["provision"] | day}, {**people.consent("p2", "x", kind="patient_directive_deny"), "dateTime": "2026-03-02", "provision": deny}]
    things = [Thing("Observation", "r0", "p1", frozenset({SUD}), bases.PART2), Thing("Observation", "r1", "p2", frozenset({MH}), 0)]
    times = [datetime.fromisoformat(f"2026-03-{t}:00Z") for t in ("01T09:59", "01T10:00", "01T23:59", "02T00:00", "02T23:59", "03T00:00", "03T11:59", "03T12:00")]
    viewers = [v for t in times for v in (Viewer(True, ("Organization/x",), (), "TREAT", t), Viewer(False, ("Practitioner/z",), (MH,), "TREAT", t))]
    world = World(things, signed, [], viewers)
    found = asked(world)
    assert found == {key for key, (allowed, _) in expected(world).items() if allowed}
    assert [(2 * n, "r0") in found for n in range(len(times))] == [False, False, False, True, True, False, False, False]
    assert [(2 * n + 1, "r1") in found for n in range(len(times))] == [True, False, False, False, False, False, False, True]
