"""Labels in the record: what they follow from, people's decisions, giving them again, by function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Decided, Head


async def sources(db: Database, tenant: int, targets: list[str]) -> dict[str, tuple[int, list[int], str | None, list[str]]]:
    """Of each `Type/id` that is there, or was until it was deleted: its bases, origin, patient and tags."""
    rows = await db.call("SELECT * FROM gate.label_sources($1, $2)", tenant, targets)
    return {row["target"]: (row["own"], row["origin"], row["patient"], row["tags"]) for row in rows}


async def minors_consents(db: Database, tenant: int, patients: list[str]) -> list[asyncpg.Record]:
    """What minors among these patients consented to alone: programs, subjects and time."""
    return await db.call("SELECT * FROM gate.minors_consents($1, $2)", tenant, patients)


async def facts(db: Database, tenant: int, seqs: Sequence[int], now: datetime) -> list[asyncpg.Record]:
    """Everything that the labels of these versions follow from."""
    return await db.call("SELECT * FROM gate.label_facts($1, $2, 0, $3, $4)", tenant, list(seqs), len(seqs), now)


async def page(db: Database, tenant: int, after: int, limit: int, now: datetime) -> list[asyncpg.Record]:
    """The same of the next versions after a place, whoever's they are."""
    return await db.call("SELECT * FROM gate.label_facts($1, NULL, $2, $3, $4)", tenant, after, limit, now)


async def heads(db: Database, tenant: int, targets: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The current version of each (type, id) that is there."""
    rows = await db.call("SELECT * FROM gate.label_heads($1, $2, $3)", tenant, [t for t, _ in targets], [i for _, i in targets])
    return {targets[row["i"] - 1]: row["seq"] for row in rows}


async def due(db: Database, tenant: int, changes: Sequence[tuple[str, str, str, str]], now: datetime) -> list[int]:
    """Of what changed, as (type, id, version, kind): the current versions whose label may not be right any more."""
    columns = [[c[n] for c in changes] for n in range(4)]
    rows = await db.call("SELECT seq FROM gate.label_due($1, $2, $3, $4, $5, $6) AS seq", tenant, *columns, now)
    return [row["seq"] for row in rows]


async def versions(db: Database, tenant: int, of: tuple[str, str], limit: int = 1000) -> list[int]:
    """Every version of a resource, newest first."""
    return [row["seq"] for row in await db.call("SELECT seq FROM gate.label_versions($1, $2, $3, $4) AS seq", tenant, *of, limit)]


async def past(db: Database, tenant: int, seqs: Sequence[int]) -> dict[int, int]:
    """Past versions of what these current versions are of, oldest first; each with that current version."""
    return {row["seq"]: row["head"] for row in await db.call("SELECT * FROM gate.label_past($1, $2)", tenant, list(seqs))}


async def stamp(db: Database, tenant: int, now: datetime) -> str:
    """Differs once the rules by which labels are given have changed."""
    rows = await db.call("SELECT gate.label_stamp($1, $2) AS stamp", tenant, now)
    return str(rows[0]["stamp"])


async def baseline(db: Database, tenant: int, rules: str, now: datetime) -> bool:
    """Whether there was no job yet and none is needed."""
    rows = await db.call("SELECT gate.label_baseline($1, $2, $3) AS done", tenant, rules, now)
    return bool(rows[0]["done"])


class Past(NamedTuple):
    """The label of a past version: what it was, and what it is to be. body: None for a deletion."""

    seq: int
    before: int
    own: int
    parts: int
    body: bytes | None


async def relabel_past(db: Database, tenant: int, rules: str, reason: str, now: datetime, versions: Sequence[Past]) -> int:
    """Give past versions their labels; how many were changed."""
    columns = [[v[n] for v in versions] for n in range(5)]
    rows = await db.call("SELECT gate.relabel_past($1, $2, $3, $4, $5, $6, $7, $8, $9) AS n", tenant, rules, reason, now, *columns)
    return int(rows[0]["n"])


async def overrides(db: Database, head: Head, decided: Decided, *, of: tuple[str, str] | None = None, limit: int = 200) -> list[asyncpg.Record]:
    """Decisions of people about labels of what may be seen, newest first."""
    return await db.call("SELECT * FROM gate.overrides($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", *head, *decided, *(of or (None, None)), limit)


async def override(
    db: Database, tenant: int, of: tuple[str, str], effect: str, codes: list[str], bases: int, reason: str, by: tuple[str, str], now: datetime
) -> int:
    """Keep a decision about a label; `by` is account and role."""
    rows = await db.call("SELECT gate.override($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS n", tenant, *of, effect, codes, bases, reason, *by, now)
    return int(rows[0]["n"])


async def subject_codes(db: Database, tenant: int, now: datetime) -> list[asyncpg.Record]:
    """Codes that the organization added."""
    return await db.call("SELECT * FROM gate.subject_codes($1, $2)", tenant, now)


async def kinds(db: Database, tenant: int, tops: Sequence[tuple[str, str]]) -> list[asyncpg.Record]:
    """Of each (code system, code) what is a kind of it, by the releases in force: system, top, code."""
    return await db.call("SELECT * FROM gate.vocabulary_kinds($1, $2, $3)", tenant, [system for system, _ in tops], [code for _, code in tops])


async def subject_laws(db: Database, tenant: int, now: datetime) -> list[asyncpg.Record]:
    """Subjects that are under a law of the organization's state."""
    return await db.call("SELECT * FROM gate.subject_laws($1, $2)", tenant, now)


async def add_code(db: Database, tenant: int, system: str, code: str, *, prefix: bool, tags: list[str], source: str, account: str, now: datetime) -> None:
    """Add a code of the organization's own."""
    await db.call("SELECT gate.add_subject_code($1, $2, $3, $4, $5, $6, $7, $8)", tenant, system, code, prefix, tags, source, account, now)


async def add_law(db: Database, tenant: int, tag: str, basis: str, *, source: str, account: str, now: datetime) -> None:
    """Put a subject under a law."""
    await db.call("SELECT gate.add_subject_law($1, $2, $3, $4, $5, $6)", tenant, tag, basis, source, account, now)


async def end_rule(db: Database, tenant: int, n: int, account: str, now: datetime) -> bool:
    """End a code or a law of the organization's own."""
    rows = await db.call("SELECT gate.end_subject($1, $2, $3, $4) AS ended", tenant, n, account, now)
    return bool(rows[0]["ended"])


async def jobs(db: Database, tenant: int, limit: int = 5) -> list[asyncpg.Record]:
    """The last times that labels were given again."""
    return await db.call("SELECT * FROM gate.label_jobs($1, $2)", tenant, limit)


async def start(db: Database, tenant: int, rules: str, now: datetime) -> int:
    """Begin a job, or go on with the one that is not finished and labels by the same rules."""
    rows = await db.call("SELECT gate.start_labelling($1, $2, $3) AS job", tenant, rules, now)
    return int(rows[0]["job"])


async def move(
    db: Database, tenant: int, job: asyncpg.Record, phase: str, place: int, *, looked: int, changed: int, lowers: int, counts: dict[str, int], now: datetime
) -> bool:
    """Move a job on; False when another process was there first."""
    rows = await db.call(
        "SELECT gate.move_labelling($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS moved",
        tenant, job["job"], job["phase"], job["place"], phase, place, looked, changed, lowers, json.dumps(counts), now,
    )  # fmt: skip
    return bool(rows[0]["moved"])


async def written(db: Database, head: Head, versions_: Sequence[tuple[str, str, str]]) -> list[asyncpg.Record]:
    """Of these (type, id, version) the current ones that no Part 2 program made, with their labels and bytes; for the account that labels."""
    columns = [[v[n] for v in versions_] for n in range(3)]
    return await db.call("SELECT * FROM gate.label_written($1, $2, $3, $4, $5, $6, $7)", *head, *columns)


async def ask(db: Database, tenant: int, questions: Sequence[tuple[str, str, int, str, str]], now: datetime) -> int:
    """Ask about (type, id, version, codes with spaces, why); how many were not asked before."""
    columns = [[q[n] for q in questions] for n in range(5)]
    rows = await db.call("SELECT gate.ask_label($1, $2, $3, $4, $5, $6, $7) AS n", tenant, *columns, now)
    return int(rows[0]["n"])


async def questions(db: Database, head: Head, decided: Decided, *, author: str | None, limit: int) -> list[asyncpg.Record]:
    """Questions that wait, about what may be seen; those for one author, or all."""
    return await db.call("SELECT * FROM gate.label_questions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", *head, *decided, author, limit)


async def answer(db: Database, tenant: int, n: int, answer_: str, account: str, note: str, now: datetime) -> bool:
    """Answer a question; False when it was answered already."""
    rows = await db.call("SELECT gate.answer_label($1, $2, $3, $4, $5, $6) AS done", tenant, n, answer_, account, note, now)
    return bool(rows[0]["done"])


async def changes(db: Database, head: Head, decided: Decided, limit: int) -> list[asyncpg.Record]:
    """What changed about labels lately, in groups, newest first, of what may be seen."""
    return await db.call(f"SELECT * FROM gate.label_changes({', '.join(f'${n}' for n in range(1, 12))})", *head, *decided, limit)


async def labeller(db: Database, tenant: int, credential: bytes, now: datetime, expires: datetime) -> None:
    """A credential of the account under which labels are given again."""
    await db.call("SELECT gate.labeller($1, $2, $3, $4)", tenant, credential, now, expires)
