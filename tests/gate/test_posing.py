"""What would they see: the comparison shows what the real gate gives, and nothing that the officer may not see."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import posing
from sojourn.gate.access import Access
from sojourn.gate.explain import Asked
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
