"""Openings of charts as they were counted are those of a slow recount of the trail: whatever was counted, for any time, for whoever asks."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sojourn.gate.keeping import Keeping
from sojourn.record import lines
from tests.gate.test_trail_read import access
from tests.people import A, Clinic, patient
from tests.record.settling import settled

BEGAN = datetime(2026, 10, 31, 18, 7, tzinfo=UTC)
"""The night after it has an hour twice in New York."""
LOOKS = ("read", "vread", "history", "search", "everything")
NIGHT, ZONE = (22, 6), "America/New_York"
PSYCHOTHERAPY, SEALED, PART2, OTHER = 8, 4, 2, 1 << 20


async def recounted(clinic: Clinic, mask: int, since: datetime, until: datetime) -> dict[tuple[str, str], tuple[Any, ...]]:
    """The same by looking at every line: times, times at night, days and the last role, of whose chart by whom."""
    own = {r["seq"]: r["own"] for r in await clinic.owner.fetch("SELECT seq, own FROM record.version WHERE tenant = $1", A)}
    staff = {r["account"] for r in await clinic.owner.fetch("SELECT account FROM record.account WHERE tenant = $1 AND kind = 'staff'", A)}
    there: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for line in await clinic.owner.fetch("SELECT * FROM record.audit WHERE tenant = $1", A):
        opens = line["outcome"] == "done" and line["action"] in LOOKS and line["type"] != "AuditEvent" and len(line["patients"]) == 1
        if opens and line["account"] in staff and since <= line["recorded"] < until and any(seq in own and not own[seq] & ~mask & ~PART2 for seq in line["shown"]):
            there[line["account"], line["patients"][0]].append(line)
    found = {}
    for pair, mine in there.items():
        local = [line["recorded"].astimezone(ZoneInfo(ZONE)) for line in mine]
        nights = sum(t.hour >= NIGHT[0] or t.hour < NIGHT[1] for t in local)
        found[pair] = (len(mine), nights, sorted({t.date() for t in local}), max(line["role"] for line in mine))
    return found


async def counted(clinic: Clinic, mask: int, since: datetime, until: datetime) -> dict[tuple[str, str], tuple[Any, ...]]:
    """As the gate answers a reader with this mask."""
    officer = await access(clinic, "officer")
    rows = await lines.openings(clinic.gate.house.db, officer.head, (mask, *officer.decided[1:]), since, until, ZONE, NIGHT, 1000)
    return {(r["account"], r["patient"]): (r["times"], r["nights"], sorted(r["days"]), r["role"]) for r in rows}


async def looked(clinic: Clinic, rng: random.Random, people: list[str], shown: list[int], lines_: int) -> None:
    """Lines of three days: looks, and what is none; at what one may see and may not, and at nothing."""
    rows = []
    for _ in range(lines_):
        some = [rng.choice([*shown, 2**60]) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        whose = [rng.choice(people)] if rng.random() < 0.9 else people[:2]
        rows.append((BEGAN + timedelta(seconds=rng.randrange(3 * 86_400)), rng.choice(("mh-clinician", "both-clinician", "technician", "sys-mh")), rng.choice(("clinician", "nurse")),
                     rng.choice((*LOOKS, "update")), rng.choice(("done", "done", "done", "denied")), rng.choice(("Patient", "Patient", "AuditEvent")), whose, some))  # fmt: skip
    await clinic.owner.executemany(
        "INSERT INTO record.audit (tenant, recorded, account, role, action, outcome, type, patients, shown, request, door, purpose) VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, 'r', 'staff', 'TREAT')", rows
    )


async def test_what_was_counted_is_a_recount_of_the_trail_for_any_time_and_reader(clinic: Clinic) -> None:
    rng = random.Random(6)
    people = [(await clinic.make("sys-mh", patient(f"Quill{n}"))).id for n in range(4)]
    versions = [r["seq"] for r in await clinic.owner.fetch("SELECT seq FROM record.version WHERE tenant = $1 ORDER BY seq", A)]
    officer = await access(clinic, "officer")

    async def own(seq: int, bits: int) -> None:
        await clinic.owner.execute("UPDATE record.version SET own = $2 WHERE seq = $1", seq, bits)

    await own(versions[1], PSYCHOTHERAPY)
    await own(versions[2], OTHER)
    windows = [(BEGAN - timedelta(days=1), BEGAN + timedelta(days=9)), (BEGAN, BEGAN + timedelta(minutes=4)), (BEGAN + timedelta(hours=5, minutes=8), BEGAN + timedelta(hours=20, minutes=1)),
               (datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC)), (BEGAN + timedelta(hours=9, seconds=1), BEGAN + timedelta(hours=9, minutes=20))]  # fmt: skip

    async def same() -> int:
        total = 0
        for mask in (officer.decided[0], officer.decided[0] & ~OTHER, officer.decided[0] | PSYCHOTHERAPY | SEALED):
            for since, until in windows:
                expected = await recounted(clinic, mask, since, until)
                assert await counted(clinic, mask, since, until) == expected
                total += len(expected)
        return total

    await looked(clinic, rng, people, versions, 300)
    assert await same() > 30, "nothing is counted yet, and every line is looked at"
    await settled(clinic.gate.house.db)
    await Keeping(clinic.gate.house).round()
    rows = await clinic.owner.fetchrow("SELECT sum(times) AS times, (SELECT count(*) FROM record.opening_apart) AS apart FROM record.opening")
    assert (rows["times"] > 30, rows["apart"] > 5) == (True, True), "those of which something was in the open, and the others"
    await same()
    await looked(clinic, rng, people, versions, 80)
    await same()
    await settled(clinic.gate.house.db)
    await clinic.owner.fetch("SELECT * FROM gate.seal(1, 5000, now())")
    await clinic.owner.fetchval("SELECT gate.count_openings(1, 33)")
    await same()
    await own(versions[0], OTHER | PSYCHOTHERAPY)  # what was in the open when it was counted, no longer is
    await own(versions[1], 0)  # and the reverse
    await same()
    while await clinic.owner.fetchval("SELECT gate.count_openings(1, 33)"):
        pass
    await same()


async def test_the_past_is_counted_in_batches_without_losing_a_line_or_counting_one_twice(clinic: Clinic) -> None:
    who = (await clinic.make("sys-mh", patient("Quill"))).id
    seq = await clinic.owner.fetchval("SELECT seq FROM record.resource WHERE type = 'Patient' AND id = $1", who)
    await looked(clinic, random.Random(3), [who, who], [seq], 120)
    await settled(clinic.gate.house.db)
    await clinic.owner.fetch("SELECT * FROM gate.seal(1, 5000, now())")
    told = "SELECT array_agg((quarter, account, patient, role, times, witnesses)::text ORDER BY quarter, account, patient)::text FROM record.opening"
    whole = None
    for batch in (1000, 7, 120):
        await clinic.owner.execute("DELETE FROM record.opening; DELETE FROM record.opening_apart; DELETE FROM record.opening_counted")
        looked_at = 0
        while some := await clinic.owner.fetchval("SELECT gate.count_openings(1, $1)", batch):
            looked_at += some
        assert looked_at == await clinic.owner.fetchval("SELECT total FROM record.seal ORDER BY number DESC LIMIT 1")
        whole = whole or await clinic.owner.fetchval(told)
        assert await clinic.owner.fetchval(told) == whole
    assert whole
    mask, since = (await access(clinic, "officer")).decided[0], BEGAN - timedelta(days=1)
    assert await counted(clinic, mask, since, since + timedelta(days=9)) == await recounted(clinic, mask, since, since + timedelta(days=9))


async def test_whoever_has_only_the_role_of_the_application_cannot_read_the_counts(clinic: Clinic) -> None:
    for table in ("opening", "opening_apart", "opening_counted"):
        for role in ("sojourn_app", "sojourn_read"):
            assert not await clinic.owner.fetchval("SELECT has_table_privilege($1, $2, 'SELECT')", role, f"record.{table}")
