"""The label that a stored version is to have: what it gets and loses, what it keeps, when nothing changes; and the steps of a job."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.base.db import Changed
from sojourn.fhir import codec
from sojourn.gate import bases, labeljob, labels, relabelling
from sojourn.gate.labeljob import Labeller
from sojourn.gate.relabelling import Again, facts_of, said
from sojourn.record import labelling
from tests.gate.test_inheriting import on, own, under
from tests.gate.test_labeljob import HIV, MENTAL, condition, labeller, law, unlaw
from tests.gate.test_overriding import decide
from tests.gate.test_seeing import access
from tests.people import A, Clinic, encounter, labelled, observation, patient

__all__ = ["labeller"]
CONDITION = "Condition"


async def rows(clinic: Clinic, id_: str) -> list[dict[str, Any]]:
    """What is known of each version, the oldest first."""
    seqs = [r["seq"] for r in await clinic.owner.fetch("SELECT seq FROM record.version WHERE id = $1 ORDER BY seq", id_)]
    found = {row["seq"]: dict(row) for row in await labelling.facts(clinic.gate.house.db, A, seqs, (await access(clinic)).now)}
    return [found[seq] for seq in seqs]


def test_laws_of_a_mask_are_said_by_their_names() -> None:
    assert said(HIV | MENTAL, "+") == ["+mental_health", "+hiv"]
    assert said(0, "-") == []


def test_what_is_known_beside_the_content_is_nothing_or_what_the_row_says() -> None:
    nothing: dict[str, Any] = {"inherited": 0, "inherited_tags": [], "raised": [], "lowered": []}
    assert facts_of(nothing) is labels.NOTHING
    for name, value, as_kept in (("inherited", HIV, HIV), ("inherited_tags", ["SUD"], frozenset({"SUD"})), ("raised", ["HIV"], frozenset({"HIV"})), ("lowered", ["HIV"], frozenset({"HIV"}))):
        assert facts_of({**nothing, name: value}) == labels.NOTHING._replace(**{name: as_kept}), name


async def test_a_law_that_comes_rises_and_one_that_goes_falls(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    part = labelled({"code": condition(p, "B20")["code"]}, "SDV")
    hiv, plain = (await clinic.make("sys-mh", condition(p, "B20"))).id, (await clinic.make("sys-mh", condition(p, "I10"))).id
    elements = (await clinic.make("sys-mh", observation(p, component=[part]))).id
    one = await access(clinic)
    for id_ in (hiv, plain, elements):
        (row,) = await rows(clinic, id_)
        found = Again(one, row)
        assert (found.same, found.raises, found.lowers) == (True, 0, 0)
    await law(clinic, "HIV", "hiv")
    one = await access(clinic)
    (row,) = await rows(clinic, hiv)
    found = Again(one, row)
    assert (found.same, found.own, found.raises, found.lowers) == (False, HIV, HIV, 0)
    assert found.prepared(one).own == HIV
    assert found.prepared(one, floor=MENTAL).own == HIV | MENTAL
    (row,) = await rows(clinic, elements)
    found = Again(one, row)
    assert (found.same, found.own, found.raises, found.lowers) == (False, 0, HIV, 0), "of an element that has a label of its own"
    assert Again(one, (await rows(clinic, plain))[0]).same
    assert await relabelling.current(await access(clinic), [r["seq"] for id_ in (hiv, plain, elements) for r in await rows(clinic, id_)], "why") == 2
    assert Again(one, (await rows(clinic, hiv))[0]).same
    await unlaw(clinic)
    one = await access(clinic)
    (row,) = await rows(clinic, hiv)
    assert [(found.raises, found.lowers, found.own) for found in (Again(one, row), Again(one, row, keeps=MENTAL), Again(one, row, keeps=HIV), Again(one, row, keeps=-1))] == [
        (0, HIV, 0), (0, HIV, 0), (0, 0, HIV), (0, 0, HIV),
    ]  # fmt: skip
    (row,) = await rows(clinic, elements)
    assert (Again(one, row).raises, Again(one, row).lowers) == (0, HIV)


async def test_nothing_changes_only_where_nothing_does(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "F11.20"))).id
    one, (row,) = await access(clinic), await rows(clinic, made)
    assert Again(one, row).same
    assert row["tags"]
    assert not Again(one, row, origin=[1]).same
    for name, value in (("own", HIV), ("parts", HIV), ("tags", []), ("tags", [*row["tags"], "HIV"]), ("raised", ["HIV"])):
        assert not Again(one, {**row, name: value}).same, name
    assert Again(one, {**row, "tags": row["tags"][::-1]}).same
    assert Again(one, {**row, "tags": [], "current": False}).same, "a past version is found by no tag"
    stored = codec.loads(row["body"])
    bare = {**stored, "meta": {**stored["meta"], "security": stored["meta"]["security"][:1]}}
    assert not Again(one, {**row, "body": codec.dumps(bare)}).same, "its bytes say another"


async def test_a_note_kept_apart_was_one_before_if_its_bytes_say_so(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "I10"))).id
    one, (row,) = await access(clinic), await rows(clinic, made)
    assert Again(one, row).before == 0
    assert Again(one, {**row, "own": bases.PSYCHOTHERAPY}).before == 0, "what it got with something else, of which others are to be told yet"
    assert Again(one, {**row, "own": bases.PSYCHOTHERAPY | HIV}).before == HIV
    stored = codec.loads(row["body"])
    note = {**stored, "meta": {**stored["meta"], "security": [{"system": bases.ACT_CODE, "code": "PSYTHPN"}]}}
    found = Again(one, {**row, "sent": None, "own": bases.PSYCHOTHERAPY | HIV, "body": codec.dumps(note)})
    assert found.before == bases.PSYCHOTHERAPY | HIV
    for turned, has in ((found.prepared(one), bases.PSYCHOTHERAPY), (Again(one, row).prepared(one, floor=bases.PSYCHOTHERAPY), bases.PSYCHOTHERAPY), (found.past(one), bases.PSYCHOTHERAPY)):
        assert turned.own == has
        assert turned.body is not None
        assert b"resourceType" not in turned.body, "sealed, as long as it is such a note"
        assert b"resourceType" in one.house.blobs.opened(A, turned.body)


async def test_a_deletion_has_the_law_of_what_was_deleted_and_only_rises(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "B20"))).id
    assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{made}")).status == 204
    await law(clinic, "HIV", "hiv")
    one, (_, gone) = await access(clinic), await rows(clinic, made)
    risen = relabelling.deleted(one, gone)
    assert risen is not None
    assert (risen.seq, risen.before, risen.own, risen.body) == (gone["seq"], 0, HIV, None)
    assert relabelling.deleted(one, {**gone, "own": HIV}) is None
    more = relabelling.deleted(one, {**gone, "own": MENTAL})
    assert more is not None
    assert more.own == HIV | MENTAL
    assert relabelling.deleted(one, {**gone, "body": None}) is None
    await unlaw(clinic)
    assert relabelling.deleted(await access(clinic), {**gone, "own": HIV}) is None, "it does not fall"


async def test_the_past_turns_as_the_present_does_and_loses_no_other_law(clinic: Clinic) -> None:
    """A version that was made under a visit keeps what it has from there, when the present loses what it has from a code."""
    p = (await clinic.make("sys-mh", patient())).id
    await law(clinic, "HIV", "hiv")
    visit = (await clinic.make("sys-mh", encounter(p, **under("MH")))).id
    first = await clinic.make("sys-mh", condition(p, "B20", **on(visit)))
    assert await own(clinic, CONDITION, first.id) == HIV | MENTAL
    assert (await clinic.put("sys-mh", {**condition(p, "B20"), "id": first.id})).status == 200
    await unlaw(clinic)
    before, now = await rows(clinic, first.id)
    changed = await relabelling.current(await access(clinic), [now["seq"], before["seq"]], "why")
    assert changed == 1, "past versions go with the present one"
    before, now = await rows(clinic, first.id)
    assert now["own"] & HIV == before["own"] & HIV == 0
    assert before["own"] & MENTAL == MENTAL
    assert await relabelling.current(await access(clinic), [now["seq"]], "why") == 0
    one = await access(clinic)
    assert await relabelling.current(one, [], "why") == 0
    assert await clinic.trail(one.request) == []


async def test_a_deletion_between_two_versions_turns_with_them(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "B20"))).id
    assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{made}")).status == 204
    assert (await clinic.put("sys-mh", {**condition(p, "B20"), "id": made})).status == 201
    await law(clinic, "HIV", "hiv")
    *_, now = await rows(clinic, made)
    assert await relabelling.current(await access(clinic), [now["seq"]], "why") == 1
    assert [row["own"] for row in await rows(clinic, made)] == [HIV, HIV, HIV]


async def test_what_a_care_team_tells_an_organization_outside_ends_with_a_law_on_it_and_begins_again_without(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    team = (await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "managingOrganization": [{"reference": "Organization/tpo"}]})).id

    async def ways() -> int:
        return int(await clinic.owner.fetchval("SELECT count(*) FROM record.relation WHERE source = $1 AND actor = 'Organization/tpo' AND known_to = 'infinity'", f"CareTeam/{team}"))

    assert await ways() == 1
    await decide(clinic, "mh-clinician", "raise", "CareTeam", team, "HIV")
    assert await ways() == 0
    await decide(clinic, "officer", "lower", "CareTeam", team, "HIV")
    assert await ways() == 1


# --- steps ----------------------------------------------------------------------------------------------------------------------------


async def test_a_step_says_what_comes_next(clinic: Clinic) -> None:
    one = await access(clinic)
    found = [labeljob._Step(phase, [], one).after(7, lowers=lowers) for phase, lowers in (("raise", 0), ("raise", 2), ("lower", 0), ("lower", 2))]
    assert found == [("done", 7), ("lower", 0), ("done", 7), ("done", 7)]
    p = (await clinic.make("sys-mh", patient())).id
    (row,) = await rows(clinic, p)
    assert labeljob._Step("raise", [row], one).after(0, lowers=1) == ("raise", row["seq"])
    assert labeljob._Step("lower", [row], one).after(0, lowers=1) == ("lower", row["seq"])


async def test_what_rises_and_falls_at_once_keeps_both_until_the_second_phase(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    body = condition(p, "B20")
    body["code"]["coding"] += condition(p, "F32.1")["code"]["coding"]
    made, other = (await clinic.make("sys-mh", body)).id, (await clinic.make("sys-mh", condition(p, "I10"))).id
    (row,), (plain,) = await rows(clinic, made), await rows(clinic, other)
    row = {**row, "own": HIV}
    await law(clinic, "MH", "mental_health")
    one = await access(clinic)
    first, second = labeljob._Step("raise", [row, plain], one), labeljob._Step("lower", [row, plain], one)
    assert ([c.own for c in first.current], first.lowers, dict(first.counts)) == ([HIV | MENTAL], 1, {"+mental_health": 1, "-hiv": 1})
    assert ([c.own for c in second.current], second.lowers, dict(second.counts)) == ([MENTAL], 0, {})
    past = labeljob._Step("raise", [{**row, "current": False}], one)
    assert (past.current, [v.own for v in past.past]) == ([], [HIV | MENTAL])
    falls = labeljob._Step("raise", [{**plain, "own": HIV}], one)
    assert (falls.current, falls.past, falls.lowers, dict(falls.counts)) == ([], [], 1, {"-hiv": 1}), "it waits"
    assert [c.own for c in labeljob._Step("lower", [{**plain, "own": HIV}], one).current] == [0]
    tags = labeljob._Step("raise", [{**plain, "tags": ["SUD"]}], one)
    assert ([c.own for c in tags.current], dict(tags.counts)) == ([0], {"tags": 1})


async def test_a_step_that_others_write_into_is_tried_again_and_given_up_at_last(clinic: Clinic, labeller: Labeller, monkeypatch: pytest.MonkeyPatch) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", condition(p, "B20"))).id
    await law(clinic, "HIV", "hiv")
    real, tried = relabelling.write, []

    async def late(*args: Any, **more: Any) -> None:
        tried.append(1)
        if len(tried) < 3:
            raise Changed
        await real(*args, **more)

    monkeypatch.setattr(relabelling, "write", late)
    done, _ = await labeljob.step(labeller, A, 100)
    assert (len(tried), done.changed, await own(clinic, CONDITION, made)) == (3, 1, HIV)
    await unlaw(clinic)

    async def never(*_: Any, **__: Any) -> None:
        tried.append(1)
        raise Changed

    monkeypatch.setattr(relabelling, "write", never)
    tried.clear()
    with pytest.raises(errors.Conflict):
        await labeljob.step(labeller, A, 100)
    assert len(tried) == 5
