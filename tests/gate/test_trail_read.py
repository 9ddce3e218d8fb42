"""Who reads which lines of the trail: whole, in part, about oneself; paged; and reading leaves a line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.gate.access import Access
from sojourn.gate.caller import Standing
from sojourn.gate.changes import Change, new_id
from sojourn.gate.keeping import Keeping
from sojourn.gate.trail import events
from sojourn.gate.trail import lines as store
from sojourn.gate.trail.lines import Wish, every, page
from tests.people import A, Clinic, encounter, observation, patient


async def access(clinic: Clinic, who: str, **changed: Any) -> Access:
    """The Access of an account; with changes to its caller, one that the cast does not have."""
    made = await clinic.gate.access(clinic.tokens[who])
    assert made is not None
    return clinic.gate.access_of(replace(made.caller, **changed)) if changed else made


async def story(clinic: Clinic) -> tuple[str, str]:
    """Ana is with both programs: an ordinary heart rate, and one of the Part 2 program; colleagues look."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    plain = (await clinic.make("sys-mh", observation(p, 60))).id
    hidden = (await clinic.make("sys-sud", observation(p, 99))).id
    for who in ("mh-clinician", "both-clinician", "sud-clinician"):
        await clinic.get(who, f"Observation/{plain}")
        await clinic.get(who, f"Observation/{hidden}")
    await clinic.get("both-clinician", f"Observation?patient={p}")
    return p, hidden


def procedure(p: str) -> dict[str, Any]:
    return {"resourceType": "Procedure", "status": "completed", "code": {"text": "Dressing changed"}, "subject": {"reference": f"Patient/{p}"}, "performedDateTime": "2026-02-01"}


def seen(lines: list[Any]) -> list[tuple[str, str, str]]:
    return [(line.account, line.action, line.outcome) for line in lines]


@pytest.mark.parametrize("sealed", [False, True])
async def test_the_privacy_officer_sees_who_did_what_by_patient_person_and_action(clinic: Clinic, sealed: bool) -> None:
    p, hidden = await story(clinic)
    if sealed:
        await Keeping(clinic.gate.house).round()
    officer = await access(clinic, "officer")
    about = (await page(officer, Wish(patient=p, account="both-clinician"))).lines
    assert seen(about) == [("both-clinician", "search", "done"), ("both-clinician", "read", "done"), ("both-clinician", "read", "done")]
    assert any(hidden in e for e in about[0].entities)
    assert about[0].recorded >= about[-1].recorded
    absent = (await page(officer, Wish(account="mh-clinician", outcome="absent"))).lines
    assert len(absent) == 1
    found = (await page(officer, Wish(entity=f"Observation/{hidden}"))).lines
    assert {line.account for line in found} == {"sys-sud", "sud-clinician", "both-clinician"}


async def test_an_officer_who_does_not_work_in_a_part_2_program_learns_nothing_of_it_from_the_trail(clinic: Clinic) -> None:
    p, hidden = await story(clinic)
    officer = await access(clinic, "officer", programs=(2,))
    for wish in (Wish(), Wish(patient=p)):
        lines = (await page(officer, wish)).lines
        assert lines
        assert "sud-clinician" not in {line.account for line in lines}
        assert not any(hidden in e for line in lines for e in line.entities)
        assert not any(line.query for line in lines)
    assert (await page(officer, Wish(entity=f"Observation/{hidden}"))).lines == []


async def test_a_patient_reads_every_line_about_themselves_and_none_about_others(clinic: Clinic) -> None:
    p, hidden = await story(clinic)
    other = (await clinic.make("sys-mh", patient("Other"))).id
    self = await access(clinic, "mh-clinician", kind="patient", agent=f"Patient/{p}", role="patient", programs=())
    lines = (await page(self, Wish(patient=p))).lines
    assert {"sud-clinician", "both-clinician", "mh-clinician"} <= {line.account for line in lines}
    assert all(line.patients == (p,) and line.query == "" for line in lines)
    assert any(hidden in e for line in lines for e in line.entities), "a patient's own Part 2 records are theirs to see (42 CFR 2.23)"
    for wish in (Wish(patient=other), Wish()):
        with pytest.raises(errors.Forbidden):
            await page(self, wish)


async def test_whoever_acts_for_a_patient_needs_a_right_and_is_not_told_of_part_2_programs(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    proxy = await access(clinic, "mh-clinician", kind="proxy", agent="RelatedPerson/x", role="proxy", programs=(), standing=Standing(p, 0, None))
    with pytest.raises(errors.Forbidden):
        await page(proxy, Wish(patient=p))
    for action in ("search", "report"):
        proxy.rules._allowed["proxy", action, "AuditEvent"] = None
    with pytest.raises(errors.Forbidden):
        await page(await access(clinic, "mh-clinician", kind="proxy", agent="RelatedPerson/x", role="proxy", programs=(), standing=Standing("other", 0, None)), Wish(patient=p))
    assert (await page(proxy, Wish(patient=p))).lines == [], "nobody has said yet that they act for this patient"
    await clinic.owner.execute("INSERT INTO record.relation (tenant, patient, actor, kind, source, known_from) VALUES (1, $1, 'RelatedPerson/x', 'proxy', '', now())", p)
    lines = (await page(proxy, Wish(patient=p))).lines
    assert "mh-clinician" in {line.account for line in lines}
    assert "sud-clinician" not in {line.account for line in lines}


async def test_an_app_of_a_patient_reads_the_trail_only_within_its_scopes(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    for scopes, reads in (("patient/Observation.rs", False), ("patient/Observation.rs patient/AuditEvent.rs", True)):
        app = await access(clinic, "mh-clinician", kind="patient", agent=f"Patient/{p}", role="patient", programs=(), scopes=scopes, context=p)
        if reads:
            assert (await page(app, Wish(patient=p))).lines
        else:
            with pytest.raises(errors.Forbidden):
                await page(app, Wish(patient=p))


async def test_only_those_with_the_right_read_and_a_refusal_is_recorded(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    for who in ("mh-clinician", "sys-mh", "biller", "tpo"):
        for wish in (Wish(), Wish(patient=p)):
            with pytest.raises(errors.Forbidden):
                await page(await access(clinic, who), wish)
    rows = await clinic.owner.fetch("SELECT * FROM record.audit WHERE tenant = $1 AND type = 'AuditEvent'", A)
    assert {(r["outcome"], tuple(r["patients"])) for r in rows} == {("denied", ())}
    assert len(rows) == 8


async def test_pages_are_whole_and_looking_is_in_the_trail(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    officer = await access(clinic, "officer")
    everything = (await page(officer, Wish(patient=p, until=officer.now), count=200)).lines
    paged, cursor = [], None
    while True:
        part = await page(officer, Wish(patient=p, until=officer.now), count=3, cursor=cursor)
        paged += part.lines
        cursor = part.next
        if cursor is None:
            break
    assert paged == everything
    with pytest.raises(errors.Malformed):
        await page(officer, Wish(patient=p), cursor="x")
    last = await clinic.owner.fetchrow("SELECT * FROM record.audit WHERE account = 'officer' ORDER BY n DESC LIMIT 1")
    assert (last["action"], last["type"], last["outcome"], last["patients"]) == ("search", "AuditEvent", "done", [p])


async def test_an_export_is_in_the_trail_before_it_begins_and_chunk_by_chunk(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    officer = await access(clinic, "officer")
    officer.now += timedelta(seconds=1)
    chunks = every(officer, Wish(patient=p))
    first = await anext(chunks)
    rows = await clinic.owner.fetch("SELECT * FROM record.audit WHERE account = 'officer' ORDER BY n")
    assert [(r["action"], r["outcome"], r["patients"]) for r in rows] == [("export", "started", []), ("export", "done", [p])]
    assert len(first) == len((await page(officer, Wish(patient=p, until=officer.now), count=200)).lines)


async def test_an_export_is_every_line_until_it_began_and_never_one_of_its_own(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p, _ = await story(clinic)
    officer = await access(clinic, "officer")
    whole = (await page(officer, Wish(patient=p, until=officer.now), count=200)).lines
    monkeypatch.setattr(store, "CHUNK", 2)
    monkeypatch.setattr(clock, "now", lambda: officer.now)  # what it writes is of the moment at which it began
    chunks = [chunk async for chunk in every(officer, Wish(patient=p))]
    assert [line for chunk in chunks for line in chunk] == whole
    assert [len(chunk) for chunk in chunks] == [*[2] * (len(whole) // 2), *([1] if len(whole) % 2 else [])]
    early = whole[3].recorded
    assert [line async for chunk in every(officer, Wish(patient=p, until=early)) for line in chunk] == [line for line in whole if line.recorded < early]
    denied = await access(clinic, "mh-clinician")
    with pytest.raises(errors.Forbidden):
        await anext(every(denied, Wish(patient=p)))
    rows = await clinic.owner.fetch("SELECT account, outcome FROM record.audit WHERE action = 'export' AND account = 'mh-clinician'")
    assert rows == [], "nothing was begun"


async def test_a_page_goes_on_only_with_the_question_that_it_was_of_and_for_whom(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    officer = await access(clinic, "officer")
    cursor = (await page(officer, Wish(patient=p), count=2)).next
    assert cursor is not None
    assert (await page(officer, Wish(patient=p), count=2, cursor=cursor)).lines
    for who, wish in ((officer, Wish()), (officer, Wish(patient=p, account="mh-clinician")), (await access(clinic, "officer", programs=(2,), account="mh-officer"), Wish(patient=p))):
        with pytest.raises(errors.Malformed):
            await page(who, wish, count=2, cursor=cursor)


async def test_staff_look_for_the_running_of_the_organization_and_a_patient_for_themselves(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    await page(await access(clinic, "officer"), Wish(patient=p))
    await page(await access(clinic, "mh-clinician", kind="patient", agent=f"Patient/{p}", role="patient", programs=(), purpose="PATRQT"), Wish(patient=p))
    rows = await clinic.owner.fetch("SELECT account, purpose, query FROM record.audit WHERE type = 'AuditEvent' ORDER BY n")
    assert [tuple(r) for r in rows] == [("officer", "HOPERAT", f"patient={p}"), ("mh-clinician", "PATRQT", f"patient={p}")]


async def test_what_was_written_with_something_hidden_looks_as_if_it_had_been_written_alone(clinic: Clinic) -> None:
    """By type, by filter and by what is asked; the id of the event stays whoever reads."""
    p, _ = await story(clinic)
    author = await access(clinic, "both-clinician")
    plain, hidden = new_id(), new_id()
    await author.write([Change("create", "Observation", plain, observation(p, 61), program=2), Change("create", "Procedure", hidden, procedure(p), program=1)])
    part, whole = await access(clinic, "officer", programs=(2,)), await access(clinic, "officer")
    (seen_in_part,) = (await page(part, Wish(entity=f"Observation/{plain}", account="both-clinician"))).lines
    (seen_whole,) = (await page(whole, Wish(entity=f"Observation/{plain}", account="both-clinician"))).lines
    assert (seen_in_part.type, seen_whole.type) == ("Observation", "Bundle")
    assert hidden in seen_whole.query
    assert events.event_id(part.house.key, seen_in_part) == events.event_id(whole.house.key, seen_whole)
    for reader, type_, found in ((part, "Observation", True), (part, "Bundle", False), (whole, "Observation", False), (whole, "Bundle", True)):
        lines = (await page(reader, Wish(type=type_, account="both-clinician", patient=p))).lines
        assert any(f"Observation/{plain}" in e for line in lines for e in line.entities if line.action == "transaction") is found, (type_, found)


async def test_a_note_kept_apart_is_not_told_of_beside_what_was_written_with_it(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    author = await access(clinic, "both-clinician")
    plain, note = new_id(), new_id()
    apart = {**observation(p, 62), "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]}}
    await author.write([Change("create", "Procedure", plain, procedure(p), program=2), Change("create", "Observation", note, apart, program=2)])
    (line,) = (await page(await access(clinic, "officer"), Wish(entity=f"Procedure/{plain}", account="both-clinician"))).lines
    assert (line.type, line.query) == ("Procedure", f"Procedure/{plain}")
    assert (await page(await access(clinic, "officer"), Wish(entity=f"Observation/{note}"))).lines == []


async def test_whose_sight_a_consent_or_an_emergency_may_widen_is_told_of_by_single_reads_alone(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    await clinic.get("mh-clinician", f"Observation?patient={p}")
    await clinic.get("mh-clinician", f"Patient/{p}/_history")
    part, whole = await access(clinic, "officer", programs=(2,)), await access(clinic, "officer")
    told = [[line.action for line in (await page(reader, Wish(patient=p, account="mh-clinician"))).lines] for reader in (part, whole)]
    assert told == [["history", "read"], ["history", "search", "read"]]
