"""The audit trail: a line for every answer and every denial, durable before the answer leaves."""

from __future__ import annotations

import pytest

from sojourn.base import errors
from sojourn.record.trail import Trail
from tests.people import A, Clinic, observation, patient


async def lines(clinic: Clinic, account: str) -> list[tuple[str, str, str]]:
    rows = await clinic.owner.fetch("SELECT action, outcome, type FROM record.audit WHERE tenant = $1 AND account = $2 ORDER BY n", A, account)
    return [(r["action"], r["outcome"], r["type"]) for r in rows]


async def test_reads_searches_and_writes_leave_a_line_each_by_the_time_they_are_answered(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    for url in (f"Observation/{o}", f"Observation?patient={p}", f"Patient/{p}/_history"):
        before = len(await lines(clinic, "mh-clinician"))
        assert (await clinic.get("mh-clinician", url)).status == 200
        assert len(await lines(clinic, "mh-clinician")) == before + 1, url
    before = len(await lines(clinic, "sys-mh"))
    await clinic.make("sys-mh", observation(p))
    assert len(await lines(clinic, "sys-mh")) == before + 1


async def test_a_denial_and_what_is_not_there_leave_a_line_too(clinic: Clinic) -> None:
    assert (await clinic.get("mh-clinician", "Observation/nothing")).status == 404
    assert len(await lines(clinic, "mh-clinician")) == 1
    p = (await clinic.make("sys-sud", patient())).id
    assert (await clinic.get("mh-clinician", f"Patient/{p}")).status == 404
    assert len(await lines(clinic, "mh-clinician")) == 2


async def test_an_answer_whose_line_cannot_be_kept_is_not_given(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    assert (await clinic.get("mh-clinician", f"Patient/{p}")).status == 200

    async def broken(self: Trail, tenant: int, entries: list[object]) -> None:
        raise errors.Unavailable

    monkeypatch.setattr(Trail, "_insert", broken)
    for url in (f"Patient/{p}", "Patient?name=Rivera", "Patient/nothing"):
        reply = await clinic.get("mh-clinician", url)
        assert reply.status == 503, url
        assert b"Rivera" not in reply.body


async def test_the_trail_names_versions_and_no_values(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient("Unmistakable"))).id
    await clinic.get("mh-clinician", f"Patient/{p}")
    row = await clinic.owner.fetchrow("SELECT * FROM record.audit WHERE account = 'mh-clinician' ORDER BY n DESC LIMIT 1")
    assert row["patients"] == [p]
    assert "Unmistakable" not in repr(dict(row))
