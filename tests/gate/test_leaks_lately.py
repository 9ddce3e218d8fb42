"""Leaks that were found later: a law that comes from elsewhere beside something hidden, each by the shortest story that shows it."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.labeljob import Labeller
from tests.gate.test_inheriting import security, under
from tests.gate.test_labeljob import followed
from tests.gate.test_leaks_found import problem
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
@pytest.mark.parametrize("when", ["before", "between", "after", "twice"])
async def test_a_law_that_comes_from_a_visit_tells_of_no_hidden_element(clinic: Clinic, who: str, when: str) -> None:
    """Two problems of a visit that is put under Part 2; one has a note kept apart as an element, put in before the law, before its bytes say it, or after."""
    labeller = Labeller(clinic.gate)
    p = (await clinic.make("sys-mh", patient())).id
    visit = (await clinic.make("sys-mh", encounter(p))).json()
    hung = problem(p, encounter={"reference": f"Encounter/{visit['id']}"})
    note = labelled({"text": "her aunt"}, "PSYTHPN")
    plain, noted = [await clinic.make("sys-mh", hung) for _ in range(2)]

    async def put() -> None:
        assert (await clinic.put("sys-mh", {**hung, "note": [note], "id": noted.id})).status == 200

    async def alike() -> tuple[list[Any], list[str]]:
        one, other = await shown(clinic, who, plain.id), await shown(clinic, who, noted.id)
        assert one == other
        assert (await clinic.get(who, f"Condition/{noted.id}")).json()["meta"]["versionId"] == noted.version
        return one

    if when in ("before", "twice"):
        await put()
    assert (await alike())[1] == ["N", "0"]
    assert (await clinic.put("sys-mh", {**visit, **under("42CFRPart2")})).status == 200
    if when in ("between", "twice"):
        await put()
    await alike()
    await followed(clinic, labeller)
    if when == "after":
        await put()
    assert await alike() == (await shown(clinic, who, plain.id))
    assert (await alike())[1] == ["R", "42CFRPart2", "1"]
    assert (await clinic.get("far-clinician", f"Condition/{plain.id}")).status == (await clinic.get("far-clinician", f"Condition/{noted.id}")).status == 404
