"""Requests that write at the same time go together, and each gets the answer that it would have had alone."""

from __future__ import annotations

import asyncio

import pytest

from sojourn.base.db import Database
from sojourn.base.errors import Unavailable
from sojourn.record import combining, store
from tests.people import Clinic, encounter, observation, patient


async def _patient(clinic: Clinic) -> str:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return p


def _sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests went in each statement from now on."""
    sizes: list[int] = []
    real = store.write

    async def watched(db: Database, parts: list[store.Part]) -> list[list[int]]:
        sizes.append(len(parts))
        return await real(db, parts)

    monkeypatch.setattr(combining.store, "write", watched)
    return sizes


async def test_of_many_who_change_one_resource_at_once_exactly_one_succeeds(clinic: Clinic) -> None:
    p = await _patient(clinic)
    made = await clinic.make("sys-mh", observation(p, 60))
    etag = ("if-match", made.header("etag"))
    replies = await asyncio.gather(*(clinic.put("mh-clinician", {**observation(p, 70 + n), "id": made.id}, etag) for n in range(12)))
    assert sorted(r.status for r in replies) == [200] + [412] * 11
    now = (await clinic.get("mh-clinician", f"Observation/{made.id}")).json()
    assert now == next(r.json() for r in replies if r.status == 200)


async def test_each_of_many_writes_is_its_own_with_its_author_and_its_line_in_the_trail(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = await _patient(clinic)
    sizes = _sizes(monkeypatch)
    people = ["mh-clinician", "both-clinician", "sys-mh"] * 8
    replies = await asyncio.gather(*(clinic.make(who, observation(p, n)) for n, who in enumerate(people)))
    assert max(sizes) > 1
    assert [r.status for r in replies] == [201] * 24
    for n, reply in enumerate(replies):
        assert reply.json()["valueQuantity"]["value"] == n
        assert (await clinic.get("mh-clinician", f"Observation/{reply.id}")).json() == (await clinic.get("sys-mh", f"Observation/{reply.id}")).json()
    rows = await clinic.owner.fetch(
        """SELECT a.account, v.author, v.id FROM record.audit a CROSS JOIN LATERAL unnest(a.shown) AS s(seq)
        JOIN record.version v ON v.tenant = a.tenant AND v.seq = s.seq WHERE a.action = 'create' AND v.type = 'Observation' ORDER BY v.seq"""
    )
    assert {r["id"]: (r["account"], r["author"]) for r in rows} == {reply.id: (who, who) for who, reply in zip(people, replies, strict=True)}


async def test_a_request_that_fails_beside_others_fails_alone(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = await _patient(clinic)
    made = [await clinic.make("sys-mh", observation(p, n)) for n in range(6)]
    sizes = _sizes(monkeypatch)
    stale = made[0].header("etag")
    await clinic.put("mh-clinician", {**observation(p, 99), "id": made[0].id})
    changes = [clinic.put("mh-clinician", {**observation(p, 100 + n), "id": m.id}, ("if-match", stale if n == 0 else m.header("etag"))) for n, m in enumerate(made)]
    replies = await asyncio.gather(*changes, *(clinic.make("mh-clinician", observation(p, 200 + n)) for n in range(6)))
    assert [r.status for r in replies] == [412] + [200] * 5 + [201] * 6
    assert sum(sizes) >= 11


async def test_a_reference_made_while_its_target_is_relabelled_waits_and_reveals_what_the_target_becomes(clinic: Clinic) -> None:
    p = await _patient(clinic)
    met = (await clinic.make("sys-mh", encounter(p))).id
    relabelling = clinic.owner.transaction()
    await relabelling.start()
    await clinic.owner.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"1/Encounter/{met}")
    await clinic.owner.execute("UPDATE record.resource SET own = 2 WHERE tenant = 1 AND type = 'Encounter' AND id = $1", met)
    making = asyncio.create_task(clinic.make("sys-mh", observation(p, encounter={"reference": f"Encounter/{met}"})))
    done, _ = await asyncio.wait([making], timeout=0.5)
    assert not done
    await relabelling.commit()
    made = await making
    assert await clinic.owner.fetchval("SELECT refs FROM record.resource WHERE tenant = 1 AND type = 'Observation' AND id = $1", made.id) == 2


async def test_what_went_together_is_not_sent_again_when_the_answer_was_lost(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = await _patient(clinic)
    real = store.write
    sizes: list[int] = []

    async def written_and_then_silent(db: Database, parts: list[store.Part]) -> list[list[int]]:
        sizes.append(len(parts))
        done = await real(db, parts)
        if len(parts) > 1:
            raise Unavailable
        return done

    monkeypatch.setattr(combining.store, "write", written_and_then_silent)
    replies = await asyncio.gather(*(clinic.ask("mh-clinician", "POST", "Observation", observation(p, n)) for n in range(12)))
    assert max(sizes) > 1
    assert {r.status for r in replies} == {201, 503}
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE tenant = 1 AND type = 'Observation'") == 12
