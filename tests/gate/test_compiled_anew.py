"""The server compiles Consents anew by itself: after an upgrade from the schema before, once, killed in the middle, beside a revocation."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import pytest

from sojourn.base import crypto
from sojourn.gate import grantjob
from sojourn.gate.caller import Program, Tenant
from sojourn.gate.consenting import compiling
from sojourn.gate.grantjob import Anew, Done
from sojourn.gate.policy import tables
from sojourn.record import consents as statements
from sojourn.record.database import Dsn
from sojourn.record.index import Keys
from sojourn.record.migrate import migrate, migrations
from tests import people
from tests.gate.test_rebuilding import open_rows
from tests.people import A, Clinic, consent, encounter, patient

if TYPE_CHECKING:
    from sojourn.gate.access import Access

NEW = "0185_pre_grant_job"


async def agreed(clinic: Clinic, number: int = 3) -> tuple[str, list[str]]:
    """A patient, and Consents of theirs that differ."""
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    forms = [consent(p, "tpo"), consent(p, "specific", kind="part2_specific", purposes=("TREAT",)), consent(p, "denied", kind="patient_directive_deny", provision={"type": "deny"})]
    return p, [(await clinic.make("sys-sud", form)).id for form in forms[:number]]


async def jobs(clinic: Clinic) -> list[tuple[Any, ...]]:
    """(looked, closed, added, whether it is over) of each job of the organization."""
    return [tuple(r) for r in await clinic.owner.fetch("SELECT looked, closed, added, finished IS NOT NULL FROM record.grant_job WHERE tenant = 1 ORDER BY job")]


async def test_what_was_compiled_under_the_schema_before_is_compiled_anew_once(database: Dsn) -> None:
    clinic = await people.open_clinic(database)
    await agreed(clinic)
    right = await open_rows(clinic)
    assert right[0]
    await people.close_clinic(clinic)
    owner = await asyncpg.connect(database.owner)
    try:  # the schema before, and rows as a version before made them: one is missing, one says too much
        await owner.execute(f"GRANT CREATE ON DATABASE {await owner.fetchval('SELECT current_database()')} TO sojourn_owner")
        await owner.execute("DROP TABLE record.grant_job CASCADE")
        await owner.execute("DELETE FROM house.functions")
        await owner.execute("DELETE FROM record.consent_grant WHERE recipient = 'Organization/denied'")
        await owner.execute("UPDATE record.consent_grant SET recipient = 'Organization/stranger' WHERE recipient = 'Organization/specific'")
        (new,) = [m.text for m in migrations() if m.name == NEW]
        await owner.execute(f"SET ROLE sojourn_owner; {new}; RESET ROLE")
        assert await migrate(owner) == ("functions",)
    finally:
        await owner.close()
    clinic = await people.open_clinic(database)
    try:
        await Anew(clinic.gate).round()
        assert await open_rows(clinic) == right
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant WHERE recipient = 'Organization/stranger' AND known_to < 'infinity'"), "what was said before is kept, closed"
        ((looked, closed, added, over),) = await jobs(clinic)
        assert (looked, over) == (3, True)
        assert 0 < closed < added
        await Anew(clinic.gate).round()
        assert len(await jobs(clinic)) == 1, "once"
    finally:
        await people.close_clinic(clinic)


async def test_killed_in_the_middle_it_goes_on_from_there_and_a_step_done_twice_changes_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    _, made = await agreed(clinic)
    right = await open_rows(clinic)
    monkeypatch.setattr(grantjob, "MOST", 1)
    await clinic.owner.execute("DELETE FROM record.consent_grant")

    async def killed(*_: object) -> bool:
        raise RuntimeError

    with monkeypatch.context() as falling:  # after its rows were written, before it was noted how far it is
        falling.setattr(statements, "moved", killed)
        with pytest.raises(RuntimeError):
            await Anew(clinic.gate).step(A)
    first = await Anew(clinic.gate).step(A)
    assert (first.looked, first.closed, first.added, first.more) == (1, 0, 0, True)
    assert (await jobs(clinic))[0][3] is False
    other = Anew(clinic.gate)  # another process
    assert [(await other.step(A)).more for _ in made] == [True, True, False]
    assert await other.step(A) == Done()
    assert await open_rows(clinic) == right


async def test_a_revocation_beside_it_stays_one(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p, (made,) = await agreed(clinic, 1)
    page = statements.page

    async def then_revoked(*given: Any) -> list[Any]:
        found = await page(*given)
        if found:
            assert (await clinic.put("sys-sud", {**consent(p, "tpo", status="inactive"), "id": made})).status == 200
        return found

    monkeypatch.setattr(statements, "page", then_revoked)
    assert await Anew(clinic.gate).step(A) == Done(looked=1)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant WHERE known_to = 'infinity'") == 0


async def test_it_begins_again_with_other_programs_and_leaves_alone_what_a_newer_edition_did(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    await agreed(clinic, 1)
    await Anew(clinic.gate).round()
    await clinic.owner.execute("UPDATE record.program SET organization = 'Organization/elsewhere' WHERE tenant = 1 AND program = 1")
    await clinic.gate.reload()
    await Anew(clinic.gate).round()
    assert [over for *_, over in await jobs(clinic)] == [True, True]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant WHERE known_to = 'infinity' AND effect = 'permit'") == 0, "the Part 2 program is no other's to disclose from"
    monkeypatch.setattr(grantjob, "EDITION", grantjob.EDITION + 1)
    await Anew(clinic.gate).round()
    monkeypatch.undo()
    assert await Anew(clinic.gate).step(A) == Done()
    assert len(await jobs(clinic)) == 3


def test_what_compiling_follows_beside_the_consents_is_in_the_digest_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    sud = Program(1, "sud", "SUD", "Organization/sud", part2=True)

    def digest(*programs: Program) -> str:
        return grantjob.rules(cast("Access", SimpleNamespace(rules=SimpleNamespace(programs={p.number: p for p in programs}))))

    said = digest(sud)
    assert digest(replace(sud, name="Detox")) == said
    others = [digest(replace(sud, **one)) for one in ({"number": 2}, {"key": "x"}, {"organization": None}, {"part2": False})] + [digest(), digest(sud, replace(sud, number=2))]
    assert len({said, *others}) == 7
    two = replace(sud, number=2, key="mh")
    assert digest(sud, two) == digest(two, sud)
    monkeypatch.setattr(tables, "table", lambda _: {"kinds": {}})
    assert digest(sud) != said


def test_other_rows_of_the_same_consents_are_another_edition() -> None:
    """Whoever changes what compiling makes of these raises grantjob.EDITION, and writes the new digest here: servers compile anew at their next start."""
    tenant = Tenant(1, "a", "A", "a.test", b"a" * 16)
    programs = {1: Program(1, "sud", "SUD", "Organization/sud", part2=True), 2: Program(2, "mh", "MH", "Organization/mh", part2=False)}
    forms = [
        consent("p", "tpo"), consent("p", "specific", kind="part2_specific", purposes=("TREAT",)), consent("p", "x", kind="part2_counseling_notes"), consent("p", "court", kind="part2_proceedings", purposes=("HLEGAL",)),
        consent("p", "denied", kind="patient_directive_deny", provision={"type": "deny"}), consent("p", "net", kind="hie_opt_out", provision={"type": "deny"}),
        consent("p", "tpo", provision={"code": [{"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}], "dataPeriod": {"start": "2026-01-01", "end": "2026-02-01"}, "class": [{"code": "Observation"}]}),
        consent("p", "tpo", status="inactive"), {**consent("p", "tpo"), "performer": []}, consent("p", "denied", kind="patient_directive_deny", provision={"type": "deny", "securityLabel": [{"code": "HIV"}, {"code": "SUD"}]}),
    ]  # fmt: skip
    rows = [compiling.compiled(form, tenant, programs, Keys(tenant.secret), 1) for form in forms]
    assert (grantjob.EDITION, crypto.sha256(repr(rows).encode()).hex()[:16]) == (2, "a49e044109b675c7")
