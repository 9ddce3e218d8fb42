"""Change the record: each change validated, labelled, indexed, merged; all written or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.base.db import Changed
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate
from sojourn.gate import (
    bases,
    closing,
    consequences,
    documentmarks,
    elementlabels,
    inheriting,
    leading,
    marks,
    minorscare,
    narrowing,
    origin,
    plainly,
    preparing,
    puttingapart,
    retelling,
    runs,
)
from sojourn.gate.changes import Change, Written
from sojourn.gate.consenting import entering
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_TRIES = 6


async def write(access: Access, changes: Sequence[Change], *, action: str, told: bool = True) -> list[Written]:
    """Apply changes. Raises Forbidden, NotFound, NotAllowed, Gone, Invalid, VersionConflict or Conflict; then nothing was done."""
    for n, change in enumerate(changes):
        with _about(n):
            await access.check("update" if change.kind == "patch" else change.kind, change.type, change.id)
    for attempt in range(_TRIES):
        try:
            return await _attempt(access, changes, action, again=attempt > 0, told=told)
        except Changed:
            # Without a version of its own a change is made again from what is there now; with one, its author decides.
            if attempt == _TRIES - 1:
                raise errors.Conflict() from None
    raise AssertionError


async def _attempt(access: Access, changes: Sequence[Change], action: str, *, again: bool, told: bool) -> list[Written]:
    closing.check(changes)
    await _bases(access, changes)
    prepared = []
    for n, change in enumerate(changes):
        with _about(n):
            prepared.append(await _prepared(access, change, again=again))
    await leading.check(access, changes)
    prepared += await _following(access, prepared, again=again)
    await inheriting.applied(access, prepared, again=again)
    if again:
        await minorscare.applied(access, prepared)
    await preparing.keep_apart(access, prepared)
    relabelled = await origin.extended(access, prepared)
    batch, patients = preparing.batch(access, [*prepared, *relabelled])
    _opens_its_own(access, batch)
    about = ",".join(f"{p.type}/{p.id}" for p in prepared[:20]) + "".join(marks.marks(p.resource for p in prepared if p.resource is not None))
    audit = access.entry(action, changes[0].type if len({c.type for c in changes}) == 1 else "Bundle", about, patients=patients)
    await retelling.write(access, store.Part(access.head, access.caller.account, batch, audit), [*prepared, *relabelled])
    return await preparing.written(access, prepared[: len(changes)], access.request) if told else []


async def _following(access: Access, prepared: Sequence[preparing.Prepared], *, again: bool) -> list[preparing.Prepared]:
    """What must follow from these in the same transaction, written by the gate itself."""
    rules = consequences.concerned(access, prepared)
    if not rules:
        return []
    clerk = access.house.clerk(access)
    following = await consequences.of(clerk, rules, prepared)
    try:
        await _bases(clerk, following)
    except errors.VersionConflict:
        raise Changed from None  # what follows is found out anew from what is there now; the caller has nothing to decide
    return [await _prepared(clerk, change, again=again) for change in following]


def _opens_its_own(access: Access, batch: store.Batch) -> None:
    """Raise Forbidden for a consent that would open records of a program in which its author does not work.

    What a program discloses is for that program to take a consent for (42 CFR 2.31(a)(2)). Who works elsewhere could otherwise
    open its records to anybody by writing down that somebody had agreed.
    """
    part2 = {p.number for p in access.rules.programs.values() if p.part2}
    for _, _, effect, basis, _, _, _, programs, *_ in batch.grants:
        wanted = set(programs) if programs is not None else part2 if basis & bases.PART2 else set()
        if effect == "permit" and not wanted <= set(access.decision.programs):
            raise errors.Forbidden("This consent would open records of a program in which you do not work. Somebody who works there has to take it.")


async def _prepared(access: Access, change: Change, *, again: bool) -> preparing.Prepared:
    """One change, validated and made ready."""
    if change.kind == "delete":
        entering.check(access, change, None)
        consequences.check(access, change, None)
        ready = preparing.deletion(access, change)
        narrowing.check(access, change, ready, None)
        return ready
    resource = await _resource(access, change)
    consequences.check(access, change, resource)
    if change.base is not None and change.base["kind"] == "current":
        change.plain, change.by = await plainly.touched(access, change.before, resource)
    await inheriting.known(access, change, resource, again=again)
    prepared = preparing.prepare(access, change, await documentmarks.told(change.type, resource, access.rules.labels, brought=access.caller.brings))
    if prepared.kind == "update" and access.caller.kind == "staff" and change.base is not None and prepared.own & bases.APART & ~int(change.base["own"]):
        await puttingapart.check(access, change.type, prepared.id)
        prepared.originates = True
    if access.caller.scopes is not None or access.caller.standing is not None:
        before = preparing.index_rows(access, change.before, change.base["origin"]).tokens if prepared.kind == "update" and change.base is not None else None
        narrowing.check(access, change, prepared, before)
    return prepared


@contextmanager
def _about(place: int) -> Iterator[None]:
    """Errors inside are about that one of the changes."""
    try:
        yield
    except errors.SojournError as error:
        error.place = place
        raise


async def _bases(access: Access, changes: Sequence[Change]) -> None:
    """Read what the changes are made from; a target that may not be seen answers as one that does not exist."""
    targets = [(n, c) for n, c in enumerate(changes) if c.kind != "create"]
    if not targets:
        return
    rows = await store.for_update(access.house.db, access.head, access.decided, [c.type for _, c in targets], [c.id for _, c in targets])
    for (n, change), row in zip(targets, rows, strict=True):
        change.base = row
        with _about(n):
            _check_base(change, row, await _known_as(access, change, row))


async def _known_as(access: Access, change: Change, row: Any) -> str:
    """The version id under which the author of a change knows what is there now."""
    if change.if_match is None or row["kind"] != "current" or (row["clean"] and not access.decision.redacted):
        return row["version"] or ""
    if not access.decision.redacted:
        (known,) = await runs.told(access, [{**row, "type": change.type, "id": change.id}])
        return known.version
    key = (change.type, change.id)
    versions = (await runs.seen(access, [key])).get(key)
    return versions[0].version if versions else ""


def _check_base(change: Change, row: Any, version: str) -> None:
    kind = row["kind"]
    if kind is None and not change.upsert:
        if change.kind == "update":
            raise errors.NotAllowed(f"There is no such {change.type}, and this server chooses the ids: create it with POST.")
        raise errors.NotFound(f"There is no such {change.type}.")
    if kind == "delete" and change.kind in ("patch", "delete"):
        raise errors.Gone(f"This {change.type} was deleted.")
    if change.if_match is not None and change.if_match != version:
        raise errors.VersionConflict(current=version, expected=change.if_match)


async def _resource(access: Access, change: Change) -> dict[str, Any]:
    """The resource to store: what was sent, or the patched view, merged into what its author could not see."""
    current = change.base is not None and change.base["kind"] == "current"
    if not current:
        assert change.resource is not None  # noqa: S101 - only a patch has none, and it has a base
        _check(change.resource)
        change.sent = change.resource
        return change.resource
    stored, view, see = await preparing.view(access, change)
    change.before, change.view = stored, view
    submitted = change.patch(view) if change.patch else change.resource
    assert submitted is not None  # noqa: S101
    change.sent = submitted
    if submitted.get("resourceType") != change.type:
        raise errors.Invalid("A change may not make it another resource type.", expression="resourceType")
    if submitted.get("id", change.id) != change.id:
        raise errors.Invalid("A change may not change the id.", expression=f"{change.type}.id")
    if change.unlabel:
        return elementlabels.without(stored, change.unlabel)
    # What its author sent is checked, never what it is merged into: a fault in what they may not see is not theirs to hear of.
    _check(submitted)
    if view is stored and not change.base["parts"]:  # with labelled parts also who sees them all is merged: no change lowers a label
        return submitted
    return preparing.merged(stored, view, submitted, see)


def _check(resource: dict[str, Any]) -> None:
    issues = [issue for issue in validate(resource) if is_error(issue)]
    if issues:
        raise errors.Invalid(issues=tuple(issues))
