"""Leaks that were found later: a law that comes from elsewhere beside something hidden, each by the shortest story that shows it."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.labeljob import Labeller
from tests.gate.test_inheriting import GENETIC, HIV, own, security
from tests.gate.test_labeljob import followed
from tests.gate.test_leaks_found import problem
from tests.gate.test_overriding import decide
from tests.people import Clinic, encounter, labelled, patient

WHO = ("both-clinician", "mh-clinician")
"""Who is shown everything but notes kept apart as it is stored, and who is shown everything redacted."""


async def shown(clinic: Clinic, who: str, id_: str) -> tuple[list[Any], list[str]]:
    """What somebody is told of a problem: each version without what differs by chance; and its labels."""
    entries = (await clinic.get(who, f"Condition/{id_}/_history")).entries
    current = (await clinic.get(who, f"Condition/{id_}")).json()
    assert current == entries[0]
    found = await clinic.get(who, f"Condition?_id={id_}&_security=R")
    return [{**e, "id": "", "meta": {**e["meta"], "versionId": "", "lastUpdated": ""}} for e in entries], [*security(current), str(len(found.ids))]


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("turn", ["comes", "falls"])
@pytest.mark.parametrize("when", ["before", "between", "after", "twice"])
async def test_a_law_of_a_visit_that_comes_or_falls_tells_of_no_hidden_element(clinic: Clinic, who: str, turn: str, when: str) -> None:
    """Two problems of one visit. One has a note kept apart as an element, put in before the law of the visit turns, before the bytes say so, or after."""
    labeller = Labeller(clinic.gate)
    p = (await clinic.make("sys-mh", patient())).id
    visit = (await clinic.make("sys-mh", encounter(p))).id
    if turn == "falls":
        await decide(clinic, "mh-clinician", "raise", "Encounter", visit, "HIV")
    hung = problem(p, encounter={"reference": f"Encounter/{visit}"})
    note = labelled({"text": "her aunt"}, "PSYTHPN")
    plain, noted = [await clinic.make("sys-mh", hung) for _ in range(2)]

    async def put() -> None:
        assert (await clinic.put("sys-mh", {**hung, "note": [note], "id": noted.id})).status == 200

    async def alike() -> list[str]:
        one, other = await shown(clinic, who, plain.id), await shown(clinic, who, noted.id)
        assert one == other
        assert (await clinic.get(who, f"Condition/{noted.id}")).json()["meta"]["versionId"] == noted.version
        return one[1]

    without, under = ["N", "0"], ["R", "HIV", "1"]
    if when in ("before", "twice"):
        await put()
    assert await alike() == (without if turn == "comes" else under)
    if turn == "comes":
        await decide(clinic, "mh-clinician", "raise", "Encounter", visit, "HIV")
    else:
        await decide(clinic, "officer", "lower", "Encounter", visit, "HIV")
    if when in ("between", "twice"):
        await put()
    assert await alike() == (without if turn == "comes" else under)
    await followed(clinic, labeller)
    if when == "after":
        await put()
    assert await alike() == (under if turn == "comes" else without)
    await followed(clinic, labeller)
    assert await alike() == (under if turn == "comes" else without)
    assert await own(clinic, "Condition", noted.id) == await own(clinic, "Condition", plain.id) == (HIV if turn == "comes" else 0)


async def test_what_hangs_on_another_visit_from_now_on_has_the_law_of_that_at_once(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    first, second = [(await clinic.make("sys-mh", encounter(p))).id for _ in range(2)]
    hung = problem(p, encounter={"reference": f"Encounter/{first}"})
    made = await clinic.make("sys-mh", hung)
    await decide(clinic, "mh-clinician", "raise", "Encounter", first, "HIV")
    await decide(clinic, "mh-clinician", "raise", "Encounter", second, "GDIS")
    moved = {**hung, "encounter": {"reference": f"Encounter/{second}"}, "id": made.id}
    assert security((await clinic.put("sys-mh", moved)).json()) == ["R", "GDIS"]
    assert await own(clinic, "Condition", made.id) == GENETIC
    await followed(clinic, Labeller(clinic.gate))
    versions = (await clinic.get("both-clinician", f"Condition/{made.id}/_history")).entries
    assert security(versions[0]) == ["R", "GDIS"]
    rows = await clinic.owner.fetch("SELECT own FROM record.version WHERE id = $1 ORDER BY seq", made.id)
    assert [row["own"] & HIV for row in rows] == [HIV, 0], "the past loses no law that it had"
