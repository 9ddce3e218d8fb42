"""Somebody who looked at a result writes what was done, once; what follows is on their list."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.resources import concept
from sojourn.care.results import review
from sojourn.care.signing.preparing import once
from sojourn.gate import origin
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from sojourn.care.results.review import Review
    from sojourn.gate.access import Access

NEEDS = (("DiagnosticReport", "search"), ("Task", "search"))
tasks.ABOUT[review.KIND] = (*NEEDS, ("Patient", "search"))
WRITES = (*NEEDS, ("Task", "update"))
LONGEST = 2000
_FOLLOWS = {"call": (review.CALL, "Call a client", "results.call-hours", 1), "repeat": (review.REPEAT, "Order a test again", "results.repeat-days", 24)}
"""Outcome -> kind of task, its neutral words, the policy of its time, and the hours of one of its units."""


async def acknowledge(access: Access, one: Review, outcome: str, text: str) -> None:
    """Write down what was done, and end it; the notices about it end with it.

    text: what was done; only a normal result needs none. Raises Malformed without it, Conflict where somebody was faster, VersionConflict
    where the result changed meanwhile.
    """
    text = text.strip()
    if outcome not in review.OUTCOMES:
        raise errors.Malformed("Choose what was done.")
    if not text and (outcome != "reviewed" or one.priority != "routine"):
        raise errors.Malformed("Write what was done, in your own words.")
    if len(text) > LONGEST:
        raise errors.Malformed(f"Write at most {LONGEST} characters.")
    if not access.caller.agent:
        raise errors.Forbidden("Only a person can look at a result.")
    if not one.open:
        raise errors.Conflict("Somebody has looked at this result already. It is shown as it is now.")
    ended = tasks.finishing(access, dict(one.resource), text or review.OUTCOMES[outcome] + ".", if_match=one.version)
    assert ended.resource is not None  # noqa: S101 - it was just made
    ended.resource["output"] = [{"type": concept("outcome", "What was done"), "valueCodeableConcept": concept(outcome, review.OUTCOMES[outcome])}]
    changes: list[Change] = [ended]
    if outcome in _FOLLOWS:
        changes.append(await _following(access, one, outcome))
    told = await access.search("Task", [("focus", f"Task/{one.id}"), review.code(review.NOTICE), ("status", ",".join(tasks.OPEN))], count=50)
    changes += [tasks.finishing(access, s.resource, "Somebody has it.") for s in told.matches]
    await access.write(changes, action="result-review")


async def _following(access: Access, one: Review, outcome: str) -> Change:
    kind, words, key, hours = _FOLLOWS[outcome]
    rules = await policies.of(access)
    made = tasks.new(
        access, kind, words, patient=one.patient, owner=access.caller.agent, due=access.now + timedelta(hours=hours * rules.number(key)), focus=one.focus,
        program=await origin.made_by(access, "Task", one.id), id_=once(kind, one.id),
    )  # fmt: skip
    assert made.resource is not None  # noqa: S101 - it was just made
    if security := (one.resource.get("meta") or {}).get("security"):
        made.resource["meta"] = {"security": [dict(s) for s in security]}
    return made
