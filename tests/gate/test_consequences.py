"""What follows from a write: who is asked about what, in whose name it is written, and what only its own room changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.consequences import Consequence, Wrote
from tests.gate.test_seeing import access
from tests.people import MH, Clinic, observation, patient

ROOM = "room-of-tests"


def basic(text: str, p: str) -> dict[str, Any]:
    return {"resourceType": "Basic", "code": {"text": text}, "subject": {"reference": f"Patient/{p}"}}


def ours(resource: Mapping[str, Any]) -> bool:
    return bool(resource.get("code", {}).get("text") == "ours")


class Told:
    """A rule that remembers what it was told, and lets something follow where it was told to."""

    def __init__(self, *types: str, follows: bool = False, fails: bool = False) -> None:
        self.told: list[Wrote] = []
        self.who: list[Access] = []
        self.follows, self.fails = follows, fails
        self.rule = Consequence(ROOM, frozenset(types), self.follow, keeps=frozenset({"Basic"}), ours=ours)

    async def follow(self, access: Access, wrote: Sequence[Wrote]) -> list[Change]:
        self.told += wrote
        self.who.append(access)
        if self.fails:
            raise errors.Invalid("It cannot follow.")
        return [Change("create", "Task", new_id(), {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{w.patient}"}}, program=w.program) for w in wrote if self.follows]


async def ruled(clinic: Clinic, *rules: Told, who: str = "sys-mh") -> Access:
    """Somebody, where these rules are all there are."""
    one = await access(clinic, who)
    one.house = replace(one.house, consequences=tuple(r.rule for r in rules))
    return one


async def test_a_rule_is_told_of_what_it_wants_to_know_of_as_it_will_stand(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    first, second, third = Told("Observation"), Told("Condition"), Told("Observation", "Patient")
    one = await ruled(clinic, first, second, third)
    id_ = new_id()
    await one.write([Change("create", "Observation", id_, observation(p, 70)), Change("create", "Patient", new_id(), patient("Other"))])
    assert [(w.type, w.id, w.patient, w.program, w.resource["valueQuantity"]["value"]) for w in first.told] == [("Observation", id_, p, MH, 70)]
    assert (second.told, sorted(w.type for w in third.told)) == ([], ["Observation", "Patient"])
    stored = (await one.read("Observation", id_)).resource
    await one.write([Change("update", "Observation", id_, {**stored, "valueQuantity": {**stored["valueQuantity"], "value": 71}})])
    assert [w.resource["valueQuantity"]["value"] for w in first.told] == [70, 71]
    await one.write([Change("delete", "Observation", id_)])
    await one.write([Change("create", "Organization", new_id(), {"resourceType": "Organization", "name": "Elsewhere"})])
    assert len(first.told) == 2, "what is deleted is not told"


async def test_what_follows_is_written_though_the_callers_role_may_not_write_it_or_nothing_is(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    rule = Told("Observation", follows=True)
    tech = await ruled(clinic, rule, who="technician")
    allowed = tech.rules._allowed
    for action in ("create", "update"):
        allowed.pop(("technician", action, "Task"), None)
    allowed["technician", "create", "Observation"] = None
    await tech.write([Change("create", "Observation", new_id(), observation(p))])
    with pytest.raises(errors.Forbidden):
        await tech.write([Change("create", "Task", new_id(), {"resourceType": "Task", "status": "requested", "intent": "order"})])
    assert [t["for"]["reference"] for t in (await clinic.get("sys-mh", "Task")).entries] == [f"Patient/{p}"]
    assert all(who.caller.account == "technician" and who.caller.scopes is None for who in rule.who)
    failing = await ruled(clinic, Told("Observation", fails=True))
    with pytest.raises(errors.Invalid):
        await failing.write([Change("create", "Observation", new_id(), observation(p, 99))])
    assert [o["valueQuantity"]["value"] for o in (await clinic.get("sys-mh", "Observation")).entries] == [72]


async def test_what_only_a_room_may_change_nobody_else_makes_changes_or_deletes(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    one = await ruled(clinic, Told("Observation"))
    kept, other = new_id(), new_id()
    await one.write([Change("create", "Basic", kept, basic("ours", p), room=ROOM), Change("create", "Basic", other, basic("theirs", p))])

    def now(id_: str, text: str, **more: Any) -> Change:
        return Change("update", "Basic", id_, {**basic(text, p), "id": id_}, **more)

    for change in (
        Change("create", "Basic", new_id(), basic("ours", p)), now(kept, "ours"), now(kept, "theirs"), now(other, "ours"), Change("delete", "Basic", kept), now(kept, "theirs", room="another"),
        Change("create", "Basic", new_id(), basic("ours", p), room="another"), Change("patch", "Basic", kept, patch=lambda r: {**r, "code": {"text": "theirs"}}),
    ):  # fmt: skip
        with pytest.raises(errors.Forbidden):
            await one.write([change])
    assert sorted(b["code"]["text"] for b in (await clinic.get("sys-mh", "Basic")).entries) == ["ours", "theirs"]
    await one.write([now(other, "theirs, again")])
    await one.write([Change("delete", "Basic", other)])
    await one.write([now(kept, "theirs", room=ROOM)])
    await one.write([Change("delete", "Basic", kept)])
    assert (await clinic.get("sys-mh", "Basic")).entries == []
