"""A change is valid and stays what it is, is made on the version that its author knows, and within the scopes of their token."""

from __future__ import annotations

import pytest

from sojourn.base import errors
from sojourn.fhir.codec import loads
from sojourn.gate.changes import Change
from tests.gate.test_runs import both, with_part
from tests.gate.test_seeing import access
from tests.people import Clinic, observation, patient


async def test_a_change_is_valid_and_makes_it_nothing_else(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).json()
    author = await access(clinic)
    for changed in ({"id": "another"}, {"resourceType": "Condition"}, {"status": "nonsense"}, {"valueQuantity": [1]}, {"nonsense": 1}):
        with pytest.raises(errors.Invalid):
            await author.write([Change("update", "Observation", made["id"], {**made, **changed})])
    assert (await clinic.get("sys-mh", f"Observation/{made['id']}")).json() == made


@pytest.mark.parametrize("who", ["mh-clinician", "both-clinician"])
async def test_each_changes_the_version_that_they_know_and_what_they_do_not_see_stays(clinic: Clinic, who: str) -> None:
    """The last version differs by a note kept apart alone: nobody but its author knows of it."""
    p = await both(clinic)
    first = await clinic.make("sys-mh", observation(p))
    second = await clinic.put("sys-mh", {**with_part(p, "secret", "PSYTHPN"), "id": first.id})
    author = await access(clinic, who)
    known = await author.read("Observation", first.id)
    assert known.version == first.version
    changed = {**known.resource, "language": "en"}
    with pytest.raises(errors.VersionConflict) as wrong:
        await author.write([Change("update", "Observation", first.id, changed, if_match=second.version)])
    assert wrong.value.current == first.version
    await author.write([Change("update", "Observation", first.id, changed, if_match=first.version)])
    stored = loads(await clinic.owner.fetchval("SELECT body FROM record.version WHERE id = $1 ORDER BY seq DESC LIMIT 1", first.id))
    assert (stored["language"], stored["component"][0]["valueString"]) == ("en", "secret")


@pytest.mark.parametrize("kind", ["update", "delete"])
async def test_a_token_changes_and_deletes_only_what_its_scopes_say(clinic: Clinic, kind: str) -> None:
    """A deletion has no content: a scope that is limited by a code deletes nothing."""
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).json()
    for limit, may in (("?category=laboratory", False), ("?category=vital-signs", kind == "update"), ("", True)):
        author = await access(clinic, scopes=f"system/Observation.rs system/Observation.{kind[0]}{limit}")
        change = Change(kind, "Observation", made["id"], {**made, "language": "en"} if kind == "update" else None)
        if may:
            await author.write([change])
        else:
            with pytest.raises(errors.Forbidden):
                await author.write([change])
    assert (await clinic.get("sys-mh", f"Observation/{made['id']}")).status == (200 if kind == "update" else 410)
