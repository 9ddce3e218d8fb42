"""A result of a test done here: entered once, made final, corrected with a reason, taken back.

From then on it goes the way of every result (care/results): somebody looks at it, and it stands until they write what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.orders import findings, ordering
from sojourn.care.orders.findings import ENTRY, About, Found, Reading
from sojourn.care.orders.ordering import ANSWERED, COLLECTED, ORDERED, READS, TESTED, Order
from sojourn.care.resources import concept, id_of, moment
from sojourn.care.results import model
from sojourn.care.signing.preparing import once
from sojourn.care.staffing import zones
from sojourn.gate import origin
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

REPORT, VALUE = model.REPORT, model.VALUE
RESULT: Final = (
    *READS,
    ("LabOrder", "result"),
    ("Task", "update"),
    ("Specimen", "create"),
    (VALUE, "create"),
    (VALUE, "update"),
    (REPORT, "create"),
    (REPORT, "update"),
)
_EARLY: Final = timedelta(minutes=5)
_GONE: Final = "entered-in-error"
_OF_A_VALUE: Final = (
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "interpretation",
    "referenceRange",
    "status",
    "issued",
    "method",
    "extension",
)
"""What a correction writes anew."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A result that was entered here, with its values by the key of their component."""

    report: Stored
    values: Mapping[str, Stored]

    @property
    def status(self) -> str:
        """Of the report."""
        return str(self.report.resource.get("status", ""))

    @property
    def key(self) -> str:
        """Of the form by which it was last written."""
        return key_of(self.report.resource)


def key_of(report: Mapping[str, Any]) -> str:
    """The form by which a report was entered here; '' for one that came from elsewhere."""
    return next((str(i.get("value", "")) for i in report.get("identifier") or () if i.get("system") == ENTRY), "")


async def entered(access: Access, one: Order) -> Entered | None:
    """The result of an order, if it was entered here and the caller sees it. One search."""
    id_ = one.report.removeprefix(f"{REPORT}/") if one.report.startswith(f"{REPORT}/") else ""
    if not id_:
        return None
    answer = await access.search(REPORT, [("_id", id_), ("_include", f"{REPORT}:result")], count=1)
    found = next(iter(answer.matches), None)
    if found is None or not key_of(found.resource) or found.resource.get("status") == _GONE:
        return None
    wanted = {id_of(r, VALUE) for r in found.resource.get("result") or ()}
    read = [(findings.component(s.resource), s) for s in answer.included if s.type == VALUE and s.id in wanted]
    return Entered(found, {c.key: s for c, s in read if c is not None})


async def enter(access: Access, one: Order, test: Reading) -> str:
    """Write the result of an order: the id of its report. The same form written again writes nothing more.

    Raises Malformed, Conflict where the order does not wait, VersionConflict where somebody was faster, Forbidden.
    """
    _may(access)
    if one.step not in (ORDERED, COLLECTED):
        before = await entered(access, one)
        if before is not None and before.key == test.key:
            return before.report.id
        raise errors.Conflict("This order does not wait for a test any more. It is shown as it is now.")
    drawn = await _drawn(access, one)
    test = _checked(access, replace(test, collected=drawn) if drawn else test)
    if not test.read:
        raise errors.Malformed("Write what the test shows, or that its control line is not valid.")
    program = await origin.made_by(access, "ServiceRequest", one.id)
    about = About(one.resource, access.caller.agent or "", ordering.specimen_id(one), ordering.labels(one.resource))
    ids = {f.component.key: once("lab-value", one.id, one.task_version, f.component.key) for f in test.read}
    id_ = once("lab-report", one.id, one.task_version)
    values = [
        Change(
            "create",
            VALUE,
            ids[f.component.key],
            findings.observation(about, test, f, ids[f.component.key], _status(test, f)),
            program=program,
        )
        for f in test.read
    ]
    report = Change("create", REPORT, id_, findings.report(about, test, id_, list(ids.values()), test.status), program=program)
    collected = [] if drawn else [ordering.specimen(access, one, test.collected, test.note, program)]
    try:
        await access.write(
            [*collected, *values, report, await _answered(access, one, test, id_), *_told(access, one, test.status, id_)],
            action="lab-result",
        )
    except (errors.Conflict, errors.VersionConflict):
        if await _same(access, id_, test.key):
            return id_
        raise
    return id_


def _may(access: Access) -> None:
    access.require("result", "LabOrder")
    if not access.caller.agent:
        raise errors.Forbidden("Only a person can enter a result.")


async def _drawn(access: Access, one: Order) -> datetime | None:
    """When the specimen was collected, where that is written already."""
    if one.step != COLLECTED:
        return None
    stored = await access.read("Specimen", ordering.specimen_id(one))
    return model.moment(str((stored.resource.get("collection") or {}).get("collectedDateTime", "")))


def _checked(access: Access, test: Reading) -> Reading:
    """The test, if it can have been so. Raises Malformed."""
    if test.tested > access.now + _EARLY or test.collected > access.now + _EARLY:
        raise errors.Malformed("That time is still to come.")
    if test.tested < test.collected:
        raise errors.Malformed("It was tested before it was collected. Look at the two times again.")
    if test.expiry is not None and test.expiry < test.tested.astimezone(zones.of(None)).date():
        raise errors.Malformed("The kit is past its expiry date, so that its result does not count. Test again with another.")
    return test


def _status(test: Reading, found: Found) -> str:
    return "preliminary" if test.preliminary or found.open else "final"


async def _answered(access: Access, one: Order, test: Reading, report: str) -> Change:
    """The task of the order: ended by a final result; a preliminary one waits for its confirmation with whoever ordered it."""
    said = f"Tested here{f' ({test.device})' if test.device else ''}."
    if test.status == "final":
        change = await ordering.stepped(access, one, ANSWERED, None, said, status="completed")
    else:
        rules = await policies.of(access)
        change = await ordering.stepped(
            access, one, TESTED, access.now + timedelta(days=rules.number("orders.confirm-days")), f"{said} It is to be confirmed."
        )
        if change.resource is not None and not one.placed and one.requester:
            change.resource["owner"] = {"reference": one.requester}
    assert change.resource is not None  # noqa: S101 - it was just made
    change.resource["output"] = [{"type": concept("report", "Result"), "valueReference": {"reference": f"{REPORT}/{report}"}}]
    return change


def _told(access: Access, one: Order, status: str, report: str) -> list[Change]:
    return ordering.answering(access, one, "in-progress" if status == "preliminary" else "completed", f"{REPORT}/{report}")


async def _same(access: Access, report: str, key: str) -> bool:
    """Whether the report was written by the same form."""
    try:
        return key_of((await access.read(REPORT, report)).resource) == key
    except (errors.NotFound, errors.Gone):
        return False


async def failed(access: Access, one: Order, test: Reading) -> None:
    """Write down a test whose control line was not valid: it has no result, and the order goes on waiting. Raises Malformed, Conflict, VersionConflict."""
    _may(access)
    if one.step not in (ORDERED, COLLECTED):
        raise errors.Conflict("This order does not wait for a test any more. It is shown as it is now.")
    if test.read:
        raise errors.Malformed("A test whose control line is not valid has no result. Leave its findings empty.")
    _checked(access, replace(test, collected=test.tested, expiry=None))
    said = f"The control line was not valid{f' ({test.device})' if test.device else ''}: no result, to be tested again. {test.comment.strip()}".strip()
    if any(text == said for _, text in one.notes[-1:]):
        return
    await access.write([await ordering.stepped(access, one, one.step, None, said)], action="lab-result")


async def change(access: Access, one: Order, before: Entered, test: Reading, reason: str) -> None:
    """Make a preliminary result final, or correct one; the version before stays, and whoever has to look at it is asked again.

    reason: of a correction. Raises Malformed where nothing differs or the reason is missing, VersionConflict.
    """
    _may(access)
    if before.key == test.key:
        return
    settling, reason = before.status == "preliminary", reason.strip()
    if not settling and not reason:
        raise errors.Malformed("Say why it is corrected.")
    if not settling and any(f.open for f in test.found):
        raise errors.Malformed("A presumptive finding is never final. Take the result back and enter it anew.")
    if not test.read:
        raise errors.Malformed("A result that was never right as a whole is taken back.")
    drawn = model.moment(str(before.report.resource.get("effectiveDateTime", "")))
    test = _checked(access, replace(test, collected=drawn or test.collected))
    program = await origin.made_by(access, REPORT, before.report.id)
    about = About(one.resource, access.caller.agent or "", "", ordering.labels(before.report.resource))
    changes: list[Change] = []
    results: list[str] = []
    for found in test.found:
        stored = before.values.get(found.component.key)
        if stored is None:
            if found.said:
                id_ = once("lab-value", before.report.id, before.report.version, found.component.key)
                made = findings.observation(about, test, found, id_, _status(test, found))
                changes.append(Change("create", VALUE, id_, {**made, **_specimen(before.report.resource)}, program=program))
                results.append(id_)
            continue
        results.append(stored.id)
        after = (
            _taken_back(access, stored, reason)
            if not found.said
            else _corrected(access, about, test, found, stored, reason, settling=settling)
        )
        if after is not None:
            changes.append(Change("update", VALUE, stored.id, after, if_match=stored.version))
    status = test.status if settling else "corrected"
    said = {k: v for k, v in before.report.resource.items() if k != "conclusion"} | (
        {"conclusion": test.comment.strip()} if test.comment.strip() else {}
    )
    if not changes and said.get("conclusion") == before.report.resource.get("conclusion") and status in (before.status, "corrected"):
        raise errors.Malformed("Nothing is different from what is there.")
    report = {
        **said,
        "identifier": [{"system": ENTRY, "value": test.key}],
        "status": status,
        "issued": moment(access),
        "result": [{"reference": f"{VALUE}/{r}"} for r in results],
    }
    changes.append(Change("update", REPORT, before.report.id, report, if_match=before.report.version))
    done = settling and status == "preliminary"
    step = await ordering.stepped(
        access,
        one,
        TESTED if done else ANSWERED,
        None,
        f"Corrected: {reason}" if not settling else "Looked at again, still to be confirmed." if done else "The result is final.",
        status="in-progress" if done else "completed",
    )
    await access.write([*changes, step, *_told(access, one, status, before.report.id)], action="lab-correction")


def _specimen(report: Mapping[str, Any]) -> dict[str, Any]:
    held = report.get("specimen") or ()
    return {"specimen": held[0]} if held else {}


def _corrected(
    access: Access, about: About, test: Reading, found: Found, stored: Stored, reason: str, *, settling: bool
) -> dict[str, Any] | None:
    """A value as it is to be; None where it says the same."""
    made = findings.observation(about, test, found, stored.id, _status(test, found) if settling else "corrected")
    kept = {k: v for k, v in stored.resource.items() if k not in _OF_A_VALUE}
    after: dict[str, Any] = {**kept, **{k: made[k] for k in _OF_A_VALUE if k in made}}
    kept_alike = all(after.get(k) == stored.resource.get(k) for k in ("method", "extension"))
    same = kept_alike and [v.sense for v in model.values(after)] == [v.sense for v in model.values(stored.resource)]
    if same and (not settling or after["status"] == stored.resource.get("status")):
        return None
    after["issued"] = moment(access)
    return after if same or not reason else {**after, "note": _noted(access, stored, reason)}


def _taken_back(access: Access, stored: Stored, reason: str) -> dict[str, Any] | None:
    if stored.resource.get("status") == _GONE:
        return None
    return {**stored.resource, "status": _GONE, "issued": moment(access), "note": _noted(access, stored, reason or "Not read.")}


def _noted(access: Access, stored: Stored, reason: str) -> list[dict[str, Any]]:
    return [
        *(stored.resource.get("note") or ()),
        {"authorReference": {"reference": access.caller.agent}, "time": moment(access), "text": reason},
    ]


async def withdraw(access: Access, one: Order, before: Entered, reason: str) -> None:
    """Take a result back that never was one, as of another client: the order waits for a test again. Raises Malformed, VersionConflict."""
    _may(access)
    reason = reason.strip()
    if not reason:
        raise errors.Malformed("Say why it is taken back.")
    values = [
        Change("update", VALUE, s.id, after, if_match=s.version)
        for s in before.values.values()
        if (after := _taken_back(access, s, reason)) is not None
    ]
    report = Change(
        "update",
        REPORT,
        before.report.id,
        {**before.report.resource, "status": _GONE, "issued": moment(access)},
        if_match=before.report.version,
    )
    rules = await policies.of(access)
    step = await ordering.stepped(
        access, one, COLLECTED, access.now + timedelta(hours=rules.number("orders.send-hours")), f"The result was taken back: {reason}"
    )
    assert step.resource is not None  # noqa: S101 - it was just made
    step.resource = {k: v for k, v in step.resource.items() if k not in ("output", "owner")}
    await access.write([*values, report, step, *ordering.answering(access, one, "in-progress")], action="lab-correction")
