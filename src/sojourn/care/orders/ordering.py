"""An order of the laboratory: what is asked for, and how far it is until its result.

A ServiceRequest says what is ordered, a Task (code `lab-order`) how far it is. https://hl7.org/fhir/R4/servicerequest.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.orders import catalog
from sojourn.care.orders.catalog import Panel
from sojourn.care.resources import CARE, code_of, concept, id_of, moment, ref
from sojourn.care.signing.preparing import once
from sojourn.care.staffing import zones
from sojourn.gate import origin
from sojourn.gate.changes import Change, new_id
from sojourn.gate.exchange import telling
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access

KIND: Final = "lab-order"
READS: Final = (("ServiceRequest", "search"), ("Task", "search"))
tasks.ABOUT[KIND] = (*READS, ("Patient", "search"))
ORDER: Final = (*READS, ("LabOrder", "order"), ("ServiceRequest", "create"), ("Task", "create"))
COLLECT: Final = (*READS, ("LabOrder", "collect"), ("Task", "update"), ("Specimen", "create"))
FULFILL: Final = ("http://hl7.org/fhir/CodeSystem/task-code", "fulfill")
SNOMED: Final = "http://snomed.info/sct"
LABORATORY: Final = "108252007"
NUMBER: Final = "https://sojourn.example/fhir/NamingSystem/lab-requisition"
RHYTHM: Final = "https://sojourn.example/fhir/StructureDefinition/order-rhythm"
COLLECTORS: Final = {"staff": "Our staff", "lab": "The laboratory"}
PRIORITIES: Final = {"routine": "Routine", "urgent": "Urgent", "stat": "At once"}
HERE: Final = "done-here"
"""Among the details of an order of which the test is done by our own staff."""
USUAL: Final = "usual"
"""On the order sheet: here where we do the test, else the first laboratory that orders go to."""
ORDERED, COLLECTED, SENT, TESTED, ANSWERED, CANCELLED = "ordered", "collected", "sent", "tested", "answered", "cancelled"
STEPS: Final = {ORDERED: "To be collected", COLLECTED: "To be sent", SENT: "Sent, waiting for the result", TESTED: "Tested here, to be confirmed", ANSWERED: "Answered", CANCELLED: "Cancelled"}
TEXT: Final = "A laboratory order"
_STEP: Final = "lab-order."


@dataclass(frozen=True, slots=True)
class Order:
    """An order, read. step: of STEPS; '' for a standing order, which has orders of its own. due: of the step. report: what answered it.

    asked: Tasks of a partner who placed it with us, each with its version (placed.py).
    """

    id: str
    version: str
    patient: str
    title: str
    priority: str
    status: str
    requester: str
    number: str
    details: tuple[str, ...]
    why: str
    note: str
    day: str
    rhythm: str
    until: str
    standing: str
    authored: str
    resource: Mapping[str, Any]
    task: str = ""
    task_version: str = ""
    step: str = ""
    due: datetime | None = None
    owner: str = ""
    report: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    work: Mapping[str, Any] = field(default_factory=dict)
    asked: tuple[tuple[Mapping[str, Any], str], ...] = ()

    @property
    def placed(self) -> bool:
        """Whether a partner placed it with us: it has no number of our requisitions."""
        return not self.number

    @property
    def here(self) -> bool:
        """Whether the test is done by our own staff."""
        return self.placed or HERE in self.codes

    @property
    def words(self) -> str:
        """How far it is."""
        return "To be tested here" if self.here and self.step == COLLECTED else STEPS.get(self.step, "")

    @property
    def by_staff(self) -> bool:
        """Whether our staff collects the specimen."""
        return "collect-staff" in self.codes

    @property
    def codes(self) -> set[str]:
        """Codes of its details."""
        return {code_of(d) for d in self.resource.get("orderDetail") or ()}

    @property
    def waits(self) -> bool:
        """Whether something is still to come of it."""
        return self.step in (ORDERED, COLLECTED, SENT, TESTED)


def laboratory(request: Mapping[str, Any]) -> bool:
    """Whether a ServiceRequest is an order of the laboratory."""
    return any(c.get("code") == LABORATORY for category in request.get("category") or () for c in category.get("coding") or ())


def fulfills(task: Mapping[str, Any]) -> bool:
    """Whether a Task asks to fill the order that it is about, and is not given up. https://hl7.org/fhir/R4/codesystem-task-code.html"""
    return code_of(task.get("code"), FULFILL[0]) == FULFILL[1] and task.get("status") not in ("cancelled", "rejected", "failed", "entered-in-error")


def read(request: Mapping[str, Any], version: str = "", task: Mapping[str, Any] | None = None, task_version: str = "") -> Order:
    """An order from its ServiceRequest, and from its Task where it has one."""
    rhythm = next((str(e.get("valueCode", "")) for e in request.get("extension") or () if e.get("url") == RHYTHM), "")
    bounds = ((request.get("occurrenceTiming") or {}).get("repeat") or {}).get("boundsPeriod") or {}
    reasons = [str(r.get("text", "")) for r in request.get("reasonCode") or ()] + [str(r.get("display", "")) for r in request.get("reasonReference") or ()]
    work = tasks.read(dict(task)) if task else None
    step = code_of((task or {}).get("businessStatus")).removeprefix(_STEP) if task else ""
    report = next((str((o.get("valueReference") or {}).get("reference", "")) for o in (task or {}).get("output") or () if code_of(o.get("type")) == "report"), "")
    return Order(
        str(request.get("id", "")), version, id_of(request.get("subject"), "Patient"), str((request.get("code") or {}).get("text", "")) or next((str(c.get("display") or c.get("code")) for c in (request.get("code") or {}).get("coding") or ()), "An order"),
        str(request.get("priority", "routine")), str(request.get("status", "")), str((request.get("requester") or {}).get("reference", "")),
        next((str(i.get("value", "")) for i in request.get("identifier") or () if i.get("system") == NUMBER), ""), tuple(str(d.get("text", "")) for d in request.get("orderDetail") or ()),
        ", ".join(filter(None, reasons)), " ".join(str(n.get("text", "")) for n in request.get("note") or ()), str(request.get("occurrenceDateTime", "") or bounds.get("start", "")), rhythm, str(bounds.get("end", "")),
        next((i for r in request.get("basedOn") or () if (i := id_of(r, "ServiceRequest"))), ""), str(request.get("authoredOn", "")), request,
        work.id if work else "", task_version, step, work.due if work else None, work.owner if work else "", report, tuple((str(n.get("time", "")), str(n.get("text", ""))) for n in (task or {}).get("note") or ()), task or {},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What the order sheet says. condition: id of the diagnosis; key: of the open form, so that a second click orders nothing more.

    laboratory: `Organization/id` of the partner whom the order goes to; USUAL; '' for one on paper, or for here where orders go to no partner.
    """

    panel: str
    day: date
    priority: str = "routine"
    collector: str = "staff"
    fasting: bool = False
    condition: str = ""
    why: str = ""
    note: str = ""
    rhythm: str = ""
    key: str = ""
    laboratory: str = ""


async def order(access: Access, patient: str, wish: Wish) -> str:
    """Order it: the id of the order. A standing one has no specimen of its own: the clock makes its orders. Raises Malformed, Forbidden."""
    access.require("order", "LabOrder")
    panel = next((p for p in await catalog.panels(access) if p.key == wish.panel), None)
    if panel is None:
        raise errors.Malformed("Choose what is ordered.")
    if wish.priority not in PRIORITIES or wish.collector not in COLLECTORS:
        raise errors.Malformed("Choose how soon, and who collects.")
    if wish.rhythm and wish.rhythm not in catalog.rhythms():
        raise errors.Malformed("Choose how often.")
    if wish.day < access.now.astimezone(zones.of(None)).date():
        raise errors.Malformed("The day is over. Choose today or a later day.")
    if not access.caller.agent:
        raise errors.Forbidden("Only a person can order.")
    reason: dict[str, Any] = {}
    if wish.condition:
        about = (await access.read("Condition", wish.condition)).resource
        if id_of(about.get("subject"), "Patient") != patient:
            raise errors.NotFound
        reason = {"reasonReference": [{**ref("Condition", wish.condition), "display": str((about.get("code") or {}).get("text", ""))}]}
    elif wish.why.strip():
        reason = {"reasonCode": [{"text": wish.why.strip()}]}
    else:
        raise errors.Malformed("Choose the diagnosis, or write the reason.")
    wish, here = await _where(access, panel, wish)
    rules = await policies.of(access)
    id_ = once(KIND, wish.key, access.caller.account, patient) if wish.key else new_id()
    request = sheet(access, panel, patient, wish, id_, here=here) | reason
    if wish.rhythm:
        bounds = {"start": wish.day.isoformat(), "end": (wish.day + timedelta(days=rules.number("orders.standing-days"))).isoformat()}
        request |= {"intent": "original-order", "occurrenceTiming": {"repeat": {"boundsPeriod": bounds}}, "extension": [{"url": RHYTHM, "valueCode": wish.rhythm}]}
        changes = [Change("create", "ServiceRequest", id_, request)]
    else:
        request["occurrenceDateTime"] = wish.day.isoformat()
        changes = [Change("create", "ServiceRequest", id_, request), following(access, request, wish.day, rules)]
    try:
        await access.write(changes, action="lab-order")
    except errors.Conflict:
        if not wish.key:
            raise
    return id_


async def _where(access: Access, panel: Panel, wish: Wish) -> tuple[Wish, bool]:
    """The wish with the laboratory that it goes to, and whether the test is done here. Raises Malformed."""
    ours = panel.here and wish.collector == "staff"
    if not wish.laboratory and not ours:
        return wish, False
    laboratories = dict(await telling.laboratories(access))
    if wish.laboratory == USUAL:
        return replace(wish, laboratory="" if ours else next(iter(laboratories), "")), ours
    if wish.laboratory and wish.laboratory not in laboratories:
        raise errors.Malformed("Choose the laboratory.")
    return wish, ours and not laboratories


def sheet(access: Access, panel: Panel, patient: str, wish: Wish, id_: str, *, here: bool = False) -> dict[str, Any]:
    """The ServiceRequest without its time and reason. here: the test is done by our own staff."""
    details = [concept(f"collect-{wish.collector}", f"Collected by: {COLLECTORS[wish.collector].lower()}"), concept("specimen", f"Specimen: {panel.specimen.lower()}")]
    if wish.fasting:
        details.append(concept("fasting", "Fasting"))
    if here:
        details.append(concept(HERE, "Tested by: our own staff"))
    return {
        "resourceType": "ServiceRequest", "id": id_, "identifier": [{"system": NUMBER, "value": id_[:10].upper()}], "status": "active", "intent": "order", "priority": wish.priority,
        "category": [{"coding": [{"system": SNOMED, "code": LABORATORY}], "text": "Laboratory"}], "code": panel.concept(), "orderDetail": details, "subject": ref("Patient", patient),
        "authoredOn": moment(access), "requester": {"reference": access.caller.agent}, **({"performer": [{"reference": wish.laboratory}]} if wish.laboratory else {}), **({"note": [{"text": wish.note.strip()}]} if wish.note.strip() else {}),
    }  # fmt: skip


def following(access: Access, request: Mapping[str, Any], day: date, rules: policies.Policies, *, program: int | None = None) -> Change:
    """The task that follows an order: for whoever collects, or for whoever ordered it where the laboratory does."""
    details = {code_of(d) for d in request.get("orderDetail") or ()}
    staff = "collect-staff" in details or not any(i.get("system") == NUMBER for i in request.get("identifier") or ())
    ends = datetime.combine(day, time(23, 59), zones.of_program(access, program) if program else zones.here()).astimezone(UTC)
    step, due = (ORDERED, ends) if staff else (SENT, ends + timedelta(days=_result_days(rules, str(request.get("priority")))))
    requester = str((request.get("requester") or {}).get("reference", ""))
    change = tasks.new(
        access, KIND, TEXT, patient=id_of(request.get("subject"), "Patient"), owner=None if staff else requester, role=str(rules.value("orders.collect-role")), due=due,
        focus=f"ServiceRequest/{request['id']}", priority=str(request.get("priority") or "routine"), program=program, id_=once(KIND, "task", str(request["id"])),
    )  # fmt: skip
    assert change.resource is not None  # noqa: S101 - it was just made
    change.resource |= {"businessStatus": concept(_STEP + step, STEPS[step]), "status": "requested", **({"requester": {"reference": requester}} if requester else {})}
    if security := (request.get("meta") or {}).get("security"):
        change.resource["meta"] = {"security": [dict(s) for s in security]}
    return change


def _result_days(rules: policies.Policies, priority: str) -> float:
    return rules.number("orders.result-days.routine" if priority == "routine" else "orders.result-days.urgent")


async def collect(access: Access, one: Order, at: datetime, note: str) -> None:
    """The specimen was collected. Raises Malformed, Conflict, VersionConflict."""
    access.require("collect", "LabOrder")
    if one.step != ORDERED:
        raise errors.Conflict("This specimen does not wait any more. The order is shown as it is now.")
    if at > access.now + timedelta(minutes=5):
        raise errors.Malformed("The time of collecting is still to come.")
    rules = await policies.of(access)
    program = await origin.made_by(access, "ServiceRequest", one.id)
    task = await stepped(access, one, COLLECTED, access.now + timedelta(hours=rules.number("orders.send-hours")), f"Collected. {note.strip()}".strip())
    await access.write([specimen(access, one, at, note, program), task, *answering(access, one, "in-progress")], action="lab-collect")


def specimen(access: Access, one: Order, at: datetime, note: str, program: int | None) -> Change:
    """What was collected for an order, as a change."""
    kind = next((d.removeprefix("Specimen: ") for d in one.details if d.startswith("Specimen: ")), "")
    made = {
        "resourceType": "Specimen", **({"identifier": [{"system": NUMBER, "value": one.number}]} if one.number else {}), "status": "available", "type": {"text": kind.capitalize() or "Specimen"}, "subject": ref("Patient", one.patient),
        "request": [ref("ServiceRequest", one.id)], "collection": {**({"collector": {"reference": access.caller.agent}} if access.caller.agent else {}), "collectedDateTime": instant(at)},
        **({"note": [{"text": note.strip()}]} if note.strip() else {}), **labels(one.resource),
    }  # fmt: skip
    return Change("create", "Specimen", specimen_id(one), made, program=program)


def specimen_id(one: Order) -> str:
    """The id of the specimen of an order."""
    return once("specimen", one.id)


def answering(access: Access, one: Order, status: str, report: str = "", why: str = "") -> list[Change]:
    """What those who placed the order are told by their own Tasks: that it is under way, done (with the report), or not done here."""
    changes = []
    for task, version in one.asked:
        if task.get("status") == "completed" and not report:
            continue
        made = {**task, "status": status, "lastModified": max(moment(access), str(task.get("authoredOn", "")))}
        if report:
            made["output"] = [{"type": concept("report", "Result"), "valueReference": {"reference": report}}]
        if why:
            made["statusReason"] = {"text": why}
        changes.append(Change("update", "Task", str(task["id"]), made, if_match=version))
    return changes


def labels(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The labels of a resource, for what comes of it."""
    security = (resource.get("meta") or {}).get("security")
    return {"meta": {"security": [dict(s) for s in security]}} if security else {}


async def send(access: Access, one: Order, note: str = "") -> None:
    """The specimen left with its requisition. From now on whoever ordered it waits for the result."""
    access.require("collect", "LabOrder")
    if one.step != COLLECTED or one.placed:
        raise errors.Conflict("This order does not wait to be sent. It is shown as it is now.")
    rules = await policies.of(access)
    change = await stepped(access, one, SENT, access.now + timedelta(days=_result_days(rules, one.priority)), f"Sent with the printed requisition. {note.strip()}".strip())
    assert change.resource is not None  # noqa: S101 - it was just made
    change.resource["owner"] = {"reference": one.requester}
    await access.write([change], action="lab-send")


async def cancel(access: Access, one: Order, reason: str) -> None:
    """Take an order back, or end a standing one; with a reason. One that a partner placed is sent back to them: it stays theirs. Raises Malformed, Conflict."""
    access.require("order", "LabOrder")
    if one.placed and not one.waits:
        raise errors.Conflict("This order does not wait any more. It is shown as it is now.")
    if not reason.strip():
        raise errors.Malformed("Say why it is cancelled.")
    stored = await access.read("ServiceRequest", one.id)
    if one.placed:
        await access.write([await stepped(access, one, CANCELLED, None, reason.strip(), status="cancelled"), *answering(access, one, "rejected", why=reason.strip())], action="lab-order")
        return
    ended = {**stored.resource, "status": "completed" if one.rhythm else "revoked", "note": [*(stored.resource.get("note") or ()), {"text": reason.strip(), "time": moment(access)}]}
    changes = [Change("update", "ServiceRequest", one.id, ended, if_match=stored.version)]
    if one.waits:
        changes.append(await stepped(access, one, CANCELLED, None, reason.strip(), status="cancelled"))
    await access.write(changes, action="lab-order")


async def stepped(access: Access, one: Order, step: str, due: datetime | None, note: str, *, status: str = "in-progress") -> Change:
    """Its task at the next step, as a change."""
    stored = await access.read("Task", one.task)
    return moved(access, stored.resource, one.task_version or stored.version, step, due, note, status=status)


def moved(access: Access, task: Mapping[str, Any], version: str, step: str, due: datetime | None, note: str, *, status: str = "in-progress") -> Change:
    """The task of an order at its next step, as a change."""
    made = {**task, "status": status, "businessStatus": concept(_STEP + step, STEPS[step]), "lastModified": max(moment(access), str(task.get("authoredOn", "")))}
    said = {"time": moment(access), "text": note, **({"authorReference": {"reference": access.caller.agent}} if access.caller.agent else {})}
    made["note"] = [*(task.get("note") or ()), said]
    if due is not None:
        made["restriction"] = {"period": {"end": instant(due)}}
    return Change("update", "Task", str(task["id"]), made, if_match=version)


def code(kind: str = KIND) -> tuple[str, str]:
    """The search parameter for the tasks of orders."""
    return ("code", f"{CARE}|{kind}")
