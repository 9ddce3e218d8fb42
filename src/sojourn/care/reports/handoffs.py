"""Hand-offs and referrals: whose loop is closed, who waits, and where there is silence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.handoff import referral
from sojourn.care.reports import days
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.resources import CARE, code_of, id_of

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

SPAN: Final = 180
CLOSED, SILENT, WAITING, ENDED, PREPARED = "closed", "silent", "waiting", "ended without a report", "not sent yet"


def steps(source: Source, task: dict[str, Any]) -> list[tuple[datetime, str]]:
    """The steps of a hand-off up to the moment that is asked for, in order; empty for one that had not begun."""
    when = source.when
    begun = days.moment(task.get("authoredOn"), when.where)
    if begun is None or begun > when.at:
        return []
    found, told = [(begun, "prepared")], False
    for said in task.get("note", ()):
        at, text = days.moment(said.get("time"), when.where), str(said.get("text", ""))
        step = next((code for code, words in referral.STEPS.items() if text == words or text.startswith(f"{words}. ")), None)
        if at is not None and step is not None:
            told = True
            found += [(at, step)] if at <= when.at else []
    now = code_of(task.get("businessStatus")).removeprefix("handoff.")
    if not told and now in referral.STEPS and now != "prepared":  # from elsewhere: only where it stands
        at = days.moment(task.get("lastModified"), when.where) or begun
        found += [(at, now)] if at <= when.at else []
    return found


async def rows(source: Source) -> list[Row]:
    """One for each hand-off, the longest without a word first."""
    when, low = source.when, days.since(source.when, SPAN)
    slack = timedelta(days=1)
    tasks = await source.search("Task", ("code", f"{CARE}|{referral.KIND}"), ("authored-on", f"ge{(low - slack).isoformat()}"), ("authored-on", f"le{(when.at + slack).isoformat()}"))
    receivers = {_receiver(t) for t in tasks}
    names = {str(o["id"]): str(o.get("name", "")) for o in await source.of("Organization", "_id", receivers)}
    people, silence, found = await source.people(), source.rule("handoff.silence-days"), []
    for task in tasks:
        if task.get("status") == "entered-in-error" or not id_of(task.get("for"), "Patient"):
            continue
        course = steps(source, task)
        if not course or course[0][0] < low:
            continue
        at, step = course[-1]
        sent = next((moment for moment, name in reversed(course) if name == "sent"), None)
        quiet = step == "sent" and silence is not None and when.at >= at + timedelta(days=silence)
        back = next((moment for moment, name in reversed(course) if name == "reported"), at)
        state = CLOSED if step in ("reported", "closed") else ENDED if step in referral.ENDED else PREPARED if step == "prepared" else SILENT if quiet else WAITING
        patient = id_of(task.get("for"), "Patient")
        found.append(Row(patient, {
            "state": state, "step": referral.STEPS[step], "receiver": names.get(_receiver(task), ""), "owner": people.get(str(task.get("owner", {}).get("reference", "")), ""),
            "begun": days.day(course[0][0].isoformat(), when.where), "sent": days.day(sent.isoformat(), when.where) if sent else "", "moved": days.day(at.isoformat(), when.where),
            "quiet": days.between(at, when.at) if state in (SILENT, WAITING, PREPARED) else None, "took": days.between(sent, back) if state == CLOSED else None,
        }, f"/patients/{patient}/handoff/{task['id']}"))  # fmt: skip
    return sorted(found, key=lambda r: (-(r.cells["quiet"] if r.cells["quiet"] is not None else -1), r.place))


def _receiver(task: dict[str, Any]) -> str:
    return next((id_of(i.get("valueReference"), "Organization") for i in task.get("input", ()) if "valueReference" in i), "")


_ALL: Final = {"state": (CLOSED, SILENT, WAITING, ENDED, PREPARED)}

REPORT: Final = Definition(
    "handoffs", "Hand-offs and referrals",
    "Hand-offs to somebody outside that were begun in the 180 days up to that moment. Closed: the receiver reported back. Silent: sent, and not a word for as many days as the rule of that day says "
    "(handoff.silence-days). Waiting: anything else that is sent and not over. Ended: declined or withdrawn. Days: since the last step.",
    "A past day is counted where it ends, at midnight, by the dated steps of each hand-off.",
    "Tasks of hand-offs with their dated notes; Organizations.",
    (*referral.NEEDS, ("Patient", "search")),
    (Column("state", "State", by=True), Column("step", "Step", by=True), Column("receiver", "Receiver", by=True), Column("owner", "Sender", by=True), Column("begun", "Begun", "day"), Column("sent", "Sent", "day"),
     Column("moved", "Last step", "day"), Column("quiet", "Days without a word", "number"), Column("took", "Days to the report", "number")),
    (Figure("Silent", {"state": (SILENT,)}), Figure("Waiting", {"state": (WAITING,)}), Figure("Closed", {"state": (CLOSED,)}), Figure("Days from sending to the report, median", {"state": (CLOSED,)}, "median", "took", "days"),
     Figure("Hand-offs", _ALL)),
    ("state", "receiver", "step"), rows, _ALL,
)  # fmt: skip
