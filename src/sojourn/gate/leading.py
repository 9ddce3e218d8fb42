"""References that a caller adds lead to what they may see, or the write is refused.

Were a reference to something withheld stored, it would be taken out of their view, and one to nothing at all would stay: whoever
knows an id could ask whether it is there. So both are refused, in the same words. For staff who are not subject to redaction that is
asked only of what may be a note kept apart, and where they need a relation of what is in somebody's chart, so that nobody makes
themselves related to a patient of whom they may not know. Systems that reach the whole organization may refer to what is yet to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.fhir.outcome import Issue
from sojourn.gate import reach
from sojourn.gate.visible import target_of
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change


_NO_NOTES: Final = frozenset(
    "Patient RelatedPerson Practitioner PractitionerRole Organization OrganizationAffiliation Location HealthcareService Device Endpoint Group "
    "Medication Substance Schedule Slot Questionnaire PlanDefinition ActivityDefinition Measure Library ValueSet CodeSystem".split()
)
"""Types of which none is a note: those that tell who, where and by what."""


async def check(access: Access, changes: Iterable[Change]) -> None:
    """Raise Invalid for a reference that was not in the author's view before and leads to nothing that they may see."""
    redacted = access.decision.redacted
    related = access.decision.related
    if not redacted and not related and access.caller.kind == "system":
        return
    made: set[str] = set()
    added: list[tuple[int, str, str]] = []
    for n, change in enumerate(changes):
        if change.kind == "create":
            made.add(f"{change.type}/{change.id}")
        if change.sent is not None:
            before = {target for _, target in _local(access, change.view, change.type)}
            added += [
                (n, path, target)
                for path, target in _local(access, change.sent, change.type)
                if target not in before and (redacted or _asked(target.partition("/")[0], related=related))
            ]
    if not added and not redacted:
        return
    wanted = sorted({target for _, _, target in added})
    known = await store.known(access.house.db, access.head, access.unscoped, wanted)
    for n, path, target in added:
        if target not in known and target not in made:
            error = errors.Invalid(issues=(Issue("error", "not-found", path, "The reference leads to nothing that is there."),))
            error.place = n
            raise error


def _asked(type_: str, *, related: bool) -> bool:
    """Whether a caller who is not subject to redaction must see what they refer to."""
    return type_ not in _NO_NOTES or (related and type_ not in reach.OF_NOBODY)


def _local(access: Access, value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Element path and `Type/id` of every literal reference to this server."""
    if isinstance(value, list):
        for item in value:
            yield from _local(access, item, path)
    elif isinstance(value, dict):
        link = value.get("reference")
        if isinstance(link, str):
            relative = link.removeprefix(access.house.base + "/")
            target = target_of(relative)
            if target and relative.startswith(target) and target.partition("/")[0] in RESOURCE_TYPES:
                yield f"{path}.reference", target
        for key, child in value.items():
            if isinstance(child, dict | list):
                yield from _local(access, child, f"{path}.{key}")
