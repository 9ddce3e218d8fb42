"""Labelling again when rules change: in steps, past versions too, first what rises, no version of anything."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.db import Changed
from sojourn.gate import bases, labeljob, relabelling
from sojourn.gate.feed import Feed
from sojourn.gate.labelfollower import follower
from sojourn.gate.labeljob import Labeller
from sojourn.record import labelling
from tests.gate.numbering import numbered
from tests.gate.test_inheriting import on, own, security, under
from tests.gate.test_overriding import decide
from tests.people import MH, A, Clinic, encounter, observation, patient

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
HIV, MENTAL = bases.bit_of("HIV"), bases.bit_of("MH")


def condition(p: str, code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "subject": {"reference": f"Patient/{p}"}, "code": {"coding": [{"system": ICD, "code": code}]},
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}, **more,
    }  # fmt: skip


@pytest.fixture
async def labeller(clinic: Clinic) -> Labeller:
    """Of a clinic in which nothing has to be labelled again."""
    made = Labeller(clinic.gate)
    assert not await labeljob.needed(await made.access(A))
    return made


async def law(clinic: Clinic, tag: str, basis: str) -> None:
    await labelling.add_law(clinic.gate.house.db, A, tag, basis, source="a law of the state", account="officer", now=clock.now())
    await clinic.gate.reload()


async def unlaw(clinic: Clinic) -> None:
    for row in await labelling.subject_laws(clinic.gate.house.db, A, clock.now()):
        assert await labelling.end_rule(clinic.gate.house.db, A, row["n"], "officer", clock.now())
    await clinic.gate.reload()


async def followed(clinic: Clinic, labeller: Labeller) -> None:
    """The follower has seen everything, also what it did itself."""
    feed = Feed(clinic.gate.house.db, A)
    for _ in range(50):
        await numbered(clinic)
        if not await feed.follow("labels", follower(labeller)):
            return
    raise AssertionError("the follower does not come to rest")


async def test_a_subject_put_under_a_law_is_labelled_in_every_version_and_nothing_gets_a_new_one(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "B20"))).json()
    assert (await clinic.put("sys-mh", {**made, "language": "en"})).status == 200
    gone = (await clinic.make("sys-mh", condition(p, "B20"))).id
    assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{gone}")).status == 204
    plain = (await clinic.make("sys-mh", condition(p, "I10"))).id
    before = await clinic.get("both-clinician", f"Condition/{made['id']}/_history")
    await law(clinic, "HIV", "hiv")
    assert await labeljob.needed(await labeller.access(A))
    tried = await labeljob.tried(labeller, A)
    assert tried.counts == {"+hiv": 4}
    assert await own(clinic, "Condition", made["id"]) == 0
    done = await labeljob.run(labeller, A)
    assert (done.phase, done.counts) == ("done", {"+hiv": 4})
    assert not await labeljob.needed(await labeller.access(A))
    assert await own(clinic, "Condition", made["id"]) == HIV
    assert await own(clinic, "Condition", plain) == 0
    rows = await clinic.owner.fetch("SELECT id, own, kind, body FROM record.version WHERE type = 'Condition' ORDER BY seq")
    assert [row["own"] for row in rows if row["id"] == made["id"]] == [HIV, HIV]
    assert [(row["kind"], row["own"]) for row in rows if row["id"] == gone] == [("create", HIV), ("delete", HIV)]
    after = await clinic.get("both-clinician", f"Condition/{made['id']}/_history")
    for old, new in zip(before.entries, after.entries, strict=True):
        assert (old["meta"]["versionId"], old["meta"]["lastUpdated"]) == (new["meta"]["versionId"], new["meta"]["lastUpdated"])
        assert security(new) == ["R", "HIV"]
    found = await clinic.get("both-clinician", "Condition?_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R")
    assert found.ids == [made["id"]]
    again = await labeljob.run(labeller, A)
    assert again.changed == 0


async def test_what_falls_waits_until_everything_that_rises_has_risen(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await law(clinic, "HIV", "hiv")
    hiv = (await clinic.make("sys-mh", condition(p, "B20"))).id
    assert await own(clinic, "Condition", hiv) == HIV
    depression = (await clinic.make("sys-mh", condition(p, "F32.1"))).id
    await labeljob.run(labeller, A)
    await unlaw(clinic)
    await law(clinic, "MH", "mental_health")
    seen = []
    limit = 1
    while True:
        progress, _ = await labeljob.step(labeller, A, limit)
        seen.append((await own(clinic, "Condition", hiv), await own(clinic, "Condition", depression)))
        if progress.phase == "done":
            break
    assert seen[0] == (HIV, 0)
    assert seen[-1] == (0, MENTAL)
    assert (0, 0) not in seen
    assert progress.counts == {"-hiv": 1, "+mental_health": 1}


async def test_a_job_that_was_stopped_goes_on_where_it_was(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = [(await clinic.make("sys-mh", condition(p, "B20"))).id for _ in range(6)]
    await law(clinic, "HIV", "hiv")
    await labeljob.step(labeller, A, 3)
    await labeljob.step(labeller, A, 1)
    half = await labeljob.run(Labeller(clinic.gate), A, stopped=lambda: True)
    assert half.looked >= 7
    assert await labeljob.needed(await labeller.access(A)), "it is not done"
    done = await labeljob.run(Labeller(clinic.gate), A)
    assert (done.looked, done.counts) == (half.looked, {"+hiv": 6}) or done.counts == {"+hiv": 6}
    assert [await own(clinic, "Condition", id_) for id_ in made] == [HIV] * 6


async def test_a_run_ends_where_another_process_does_it(clinic: Clinic, labeller: Labeller, monkeypatch: pytest.MonkeyPatch) -> None:
    await clinic.make("sys-mh", patient())
    await law(clinic, "HIV", "hiv")
    moved = labelling.move

    async def late(*args: Any, **more: Any) -> bool:
        await moved(*args, **more)
        return False

    monkeypatch.setattr(labelling, "move", late)
    told: list[labeljob.Progress] = []
    assert (await labeljob.run(labeller, A, told=told.append)).taken
    assert len(told) == 1


async def test_what_a_run_would_change_is_counted_and_nothing_is_changed(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = [(await clinic.make("sys-mh", condition(p, code))).id for code in ("B20", "B20", "F32.1")]
    await law(clinic, "HIV", "hiv")
    rises = await labeljob.tried(labeller, A)
    versions = await clinic.owner.fetchval("SELECT count(*) FROM record.version WHERE tenant = $1", A)
    assert rises == labeljob.Progress("done", versions, 2, {"+hiv": 2})
    assert [await own(clinic, "Condition", id_) for id_ in made] == [0, 0, 0]
    assert (await labeljob.tried(labeller, A, stopped=lambda: True)).phase == "raise"
    await labeljob.run(labeller, A)
    await unlaw(clinic)
    assert await labeljob.tried(labeller, A) == labeljob.Progress("done", versions, 2, {"-hiv": 2})
    assert await own(clinic, "Condition", made[0]) == HIV


async def test_a_program_that_becomes_part_2_labels_what_it_made_and_its_own_staff_still_see_it(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-mh", encounter(p))
    made = (await clinic.make("sys-mh", observation(p))).id
    await clinic.owner.execute("UPDATE record.program SET known_to = now() WHERE tenant = 1 AND program = $1", MH)
    await clinic.owner.execute("INSERT INTO record.program (tenant, program, key, name, organization, part2) VALUES (1, $1, 'mh', 'MH', 'Organization/mh', true)", MH)
    await clinic.gate.reload()
    assert await labeljob.needed(await labeller.access(A))
    await labeljob.run(labeller, A)
    assert await own(clinic, "Observation", made) == bases.PART2
    assert (await clinic.get("mh-clinician", f"Observation/{made}")).status == 200
    assert (await clinic.get("sud-clinician", f"Observation/{made}")).status == 404


async def test_labelling_again_respects_what_people_decided_and_what_senders_wrote(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    raised = (await clinic.make("sys-mh", observation(p))).id
    lowered = (await clinic.make("sys-mh", condition(p, "B20"))).id
    sent = (await clinic.make("sys-mh", observation(p, **under("SDV")))).id
    await decide(clinic, "mh-clinician", "raise", "Observation", raised, "GDIS")
    await decide(clinic, "officer", "lower", "Condition", lowered, "HIV")
    await law(clinic, "HIV", "hiv")
    await labeljob.run(labeller, A)
    await unlaw(clinic)
    await labeljob.run(labeller, A)
    assert await own(clinic, "Observation", raised) == bases.bit_of("GDIS")
    assert await own(clinic, "Condition", lowered) == 0
    assert await own(clinic, "Observation", sent) == bases.bit_of("SDV")
    assert security((await clinic.get("both-clinician", f"Condition/{lowered}")).json()) == ["N"]


async def test_the_follower_puts_the_labels_into_the_bytes_and_takes_them_away_where_their_cause_is_gone(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p))).json()
    part = (await clinic.make("sys-mh", encounter(p, partOf={"reference": f"Encounter/{e['id']}"}))).id
    made = (await clinic.make("sys-mh", observation(p, **on(part)))).id
    await followed(clinic, labeller)
    await decide(clinic, "mh-clinician", "raise", "Encounter", e["id"], "HIV")
    await followed(clinic, labeller)
    for url in (f"Observation/{made}", f"Encounter/{part}"):
        assert security((await clinic.get("both-clinician", url)).json()) == ["R", "HIV"]
    await decide(clinic, "officer", "lower", "Encounter", e["id"], "HIV")
    await followed(clinic, labeller)
    for type_, id_ in (("Observation", made), ("Encounter", part)):
        assert await own(clinic, type_, id_) == 0
        assert security((await clinic.get("both-clinician", f"{type_}/{id_}")).json()) == ["N"]


async def test_the_follower_tells_each_of_many_and_gives_up_only_with_an_error(clinic: Clinic, labeller: Labeller, monkeypatch: pytest.MonkeyPatch) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p))).id
    made = [(await clinic.make("sys-mh", observation(p, n, **on(e)))).id for n in range(60, 65)]
    await followed(clinic, labeller)
    real, tried = relabelling.current, []

    async def late(*args: Any) -> int:
        tried.append(1)
        if len(tried) < 4:
            raise Changed
        return await real(*args)

    monkeypatch.setattr(relabelling, "current", late)
    await decide(clinic, "mh-clinician", "raise", "Encounter", e, "HIV")
    await followed(clinic, labeller)
    assert len(tried) >= 4
    for id_ in made:
        assert security((await clinic.get("both-clinician", f"Observation/{id_}")).json()) == ["R", "HIV"]

    async def never(*_: Any) -> int:
        tried.append(1)
        raise Changed

    monkeypatch.setattr(relabelling, "current", never)
    tried.clear()
    await decide(clinic, "officer", "lower", "Encounter", e, "HIV")
    await numbered(clinic)
    with pytest.raises(Changed):
        await Feed(clinic.gate.house.db, A).follow("labels", follower(labeller))
    assert len(tried) == 4
    monkeypatch.setattr(relabelling, "current", real)
    await followed(clinic, labeller)
    for id_ in made:
        assert security((await clinic.get("both-clinician", f"Observation/{id_}")).json()) == ["N"], "nothing is passed over"


async def test_listeners_hear_of_a_label_and_no_history_does(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "B20"))).id
    feed = Feed(clinic.gate.house.db, A)
    await numbered(clinic)
    at = len(await feed.after(0))
    await law(clinic, "HIV", "hiv")
    await labeljob.run(labeller, A)
    await numbered(clinic)
    assert [(c.kind, c.type, c.id) for c in (await feed.after(0))[at:]] == [("label", "Condition", made)]
    assert len((await clinic.get("both-clinician", f"Condition/{made}/_history")).entries) == 1


async def test_a_code_of_the_organizations_own_is_labelled_and_its_end_takes_the_label_away(clinic: Clinic, labeller: Labeller) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    body = condition(p, "B20")
    body["code"]["coding"] = [{"system": "http://example.org/local", "code": "HARM-7"}]
    made = (await clinic.make("sys-mh", body)).id
    db = clinic.gate.house.db
    await labelling.add_code(db, A, "http://example.org/local", "HARM-", prefix=True, tags=["SUD"], source="our own list", account="officer", now=clock.now())
    await clinic.gate.reload()
    await labeljob.run(labeller, A)
    assert security((await clinic.get("both-clinician", f"Condition/{made}")).json()) == ["N", "SUD"]
    (row,) = await labelling.subject_codes(db, A, clock.now())
    await labelling.end_rule(db, A, row["n"], "officer", clock.now())
    await clinic.gate.reload()
    await labeljob.run(labeller, A)
    assert security((await clinic.get("both-clinician", f"Condition/{made}")).json()) == ["N"]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.subject_code") == 2  # what was known before stays
