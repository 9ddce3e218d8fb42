"""What would they see: the comparison shows what the real gate gives, and nothing that the officer may not see."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import explain, posing
from sojourn.gate.access import Access
from sojourn.gate.explain import Asked, Tally
from tests.people import Clinic, consent, encounter, labelled, observation, patient


async def officer(clinic: Clinic, account: str = "officer") -> Access:
    access = await clinic.gate.access(clinic.tokens[account])
    assert access
    return access


async def record(clinic: Clinic) -> tuple[str, dict[str, str]]:
    """A patient of both programs with four Observations, shared with tpo under a consent for Part 2 records."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    hiv = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}}
    made = {
        "sud": (await clinic.make("sys-sud", observation(p, 61))).id,
        "mh": (await clinic.make("sys-mh", observation(p, 62))).id,
        "hiv": (await clinic.make("sys-mh", observation(p, 63, **hiv))).id,
        "part": (await clinic.make("sys-mh", observation(p, 64, note=[labelled({"text": "a secret"}, "HIV")]))).id,
    }
    await clinic.make("sys-sud", consent(p, "tpo"))
    return p, made


def content(resource: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without what the door adds to a release: notice and consent, in `meta`."""
    return {k: v for k, v in resource.items() if k != "meta"} if resource else None


async def test_both_sides_are_what_each_gets_from_the_door(clinic: Clinic) -> None:
    p, made = await record(clinic)
    found = await posing.sides(await officer(clinic), Asked(recipient="Organization/tpo"), p, "Observation")
    pairs = {pair.id: pair for pair in found.pairs}
    assert set(pairs) == set(made.values())
    for id_, pair in pairs.items():
        answer = await clinic.get("tpo", f"Observation/{id_}")
        assert content(answer.json() if answer.status == 200 else None) == content(pair.theirs)
        assert content((await clinic.get("officer", f"Observation/{id_}")).json()) == content(pair.mine)
    assert pairs[made["hiv"]].theirs is None
    assert "HIV" in pairs[made["hiv"]].reason
    assert "note" in pairs[made["part"]].left_out
    counts = posing.released(found.counts)["Observation"]
    assert counts[:3] == (4, 3, 1)


async def test_somebody_whom_no_consent_names_would_see_nothing(clinic: Clinic) -> None:
    p, _ = await record(clinic)
    found = await posing.sides(await officer(clinic), Asked(recipient="Organization/unheard-of"), p, "Observation")
    assert [pair.theirs for pair in found.pairs] == [None] * 4
    assert {pair.reason for pair in found.pairs} == {"no relation to the patient"}


async def test_the_trail_names_the_officer_who_looked_through_other_eyes(clinic: Clinic) -> None:
    p, _ = await record(clinic)
    access = await officer(clinic)
    await posing.sides(access, Asked(account="mh-clinician"), p, "Observation")
    lines = await clinic.trail(access.request)
    assert {line["account"] for line in lines} == {"officer"}
    assert any(line["action"] == "preview" and "as mh-clinician" in line["query"] for line in lines)


async def test_only_who_may_explain_may_compare(clinic: Clinic) -> None:
    p, _ = await record(clinic)
    with pytest.raises(errors.Forbidden):
        await posing.sides(await officer(clinic, "both-clinician"), Asked(account="mh-clinician"), p)
    with pytest.raises(errors.NotFound):
        await posing.sides(await officer(clinic), Asked(account="mh-clinician"), "no-such-id")


async def test_a_kind_of_record_that_their_role_does_not_include_is_withheld_whole(clinic: Clinic) -> None:
    p, made = await record(clinic)
    found = await posing.sides(await officer(clinic), Asked(role="biller", programs=(2,)), p, "Observation")
    assert {pair.id for pair in found.pairs} == set(made.values())
    assert [pair.theirs for pair in found.pairs] == [None] * 4
    assert all(pair.reason for pair in found.pairs)
    assert (await posing.sides(await officer(clinic), Asked(role="biller", programs=(2,)), p, "Flag")).pairs == []


async def test_what_stands_on_another_page_of_theirs_is_asked_for_by_its_id(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p, _ = await record(clinic)
    monkeypatch.setattr(posing, "SHOWN", 2)
    for who, answered in (("mh-clinician", 1), ("both-clinician", 2)):
        found = await posing.sides(await officer(clinic), Asked(account=who), p, "Observation")
        assert found.more
        assert len(found.pairs) == 2
        for pair in found.pairs:
            status = (await clinic.get(who, f"Observation/{pair.id}")).status
            assert (pair.theirs is not None) is (status == 200), (who, pair.id)
        assert sum(pair.theirs is not None for pair in found.pairs) >= answered
    monkeypatch.setattr(posing, "SHOWN", 4)
    assert not (await posing.sides(await officer(clinic), Asked(account="both-clinician"), p, "Observation")).more


@pytest.mark.parametrize(
    ("mine", "theirs", "left"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, ["b"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, ["a.c"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
        ({"a": [{"b": 1}, {"b": 2, "c": 3}]}, {"a": [{"b": 1}, {"b": 2}]}, ["a.c"]),
        ({"a": [{"b": 1, "c": 2}, {"b": 2, "c": 3}]}, {"a": [{"b": 1}, {"b": 2}]}, ["a.c"]),
        ({"meta": {"security": [1]}, "a": {"meta": 1}}, {"a": {}}, ["a.meta"]),
        ({"a": "words"}, {"a": "others"}, []),
        ({"a": {"b": 1}}, {"a": "words"}, []),
        ({"a": [1]}, {"a": {"b": 1}}, []),
        ({"a": "words"}, {"a": [1]}, []),
        ({"a": 1}, {"a": 1, "b": 2}, []),
    ],
)
def test_what_is_left_out_is_named_by_its_shortest_path(mine: Any, theirs: Any, left: list[str]) -> None:
    assert posing._left_out(mine, theirs) == left


def test_what_would_leave_is_counted_by_kind_with_each_reason_once() -> None:
    rows = [(explain.SEEN, "", 3), (explain.IN_PART, "an element", 2), (explain.WITHHELD, "HIV", 1), (explain.WITHHELD, "HIV", 4), (explain.WITHHELD, "denied", 1)]
    counts = [*(Tally("Observation", outcome, "", reason, n) for outcome, reason, n in rows), Tally("Condition", explain.WITHHELD, "", "HIV", 0), Tally("Flag", explain.SEEN, "", "", 1)]
    assert posing.released(counts) == {"Observation": (11, 5, 6, ["HIV", "denied"]), "Condition": (0, 0, 0, []), "Flag": (1, 1, 0, [])}
