"""When plans and reviews are due, by level of care, and what asks for a review before its day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sojourn.base import wall
from sojourn.care import levels
from sojourn.care.plan import fhir, findings
from sojourn.care.plan.model import ACTIVE, CHANGED, REVIEWING, Plan
from sojourn.care.policies import Policies
from sojourn.gate.access import Access

INITIAL, REVIEW, EVENT, SIGNATURES = "plan-initial", "plan-review", "plan-review-asked", "plan-signatures"
SOON = timedelta(days=7)
EVENTS = {
    "level-change": "Change of the level of care",
    "relapse": "Relapse",
    "leaving": "Wants to leave against advice",
    "new-diagnosis": "New diagnosis",
    "high-risk": "High result of the C-SSRS",
    "no-progress": "No progress at two reviews in a row",
    "other": "Another reason",
}
"""What asks for a review before its day. By hand, or seen in the chart."""
BY_HAND = ("relapse", "leaving", "level-change", "other")
NO_PROGRESS = ("no-change", "worse")


class Due(NamedTuple):
    """What is due. kind: INITIAL, REVIEW, EVENT or SIGNATURES. at: the last moment. plan: its id, or '' if there is none yet. why: for EVENT."""

    kind: str
    patient: str
    stay: str
    plan: str
    at: datetime
    why: str = ""

    def late(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.at < now

    @property
    def text(self) -> str:
        """In neutral words: no clinical content, no name."""
        return {INITIAL: "First treatment plan", REVIEW: "Review of the treatment plan", EVENT: "Review of the treatment plan, asked for", SIGNATURES: "Treatment plan waits for signatures"}[self.kind]


def end_of(day: date) -> datetime:
    """The last moment of a day by the clock on the wall (decision 52): nothing is late before its day is over there."""
    return datetime.combine(day, time(23, 59, 59), wall.here()).astimezone(UTC)


def began(stay: levels.Stay) -> datetime | None:
    """When a stay began."""
    day = fhir.day(stay.started)
    if day is None:
        return None
    if len(stay.started) > 10:
        moment = datetime.fromisoformat(stay.started)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.combine(day, time(0), UTC)


def of_stay(stay: levels.Stay, plan: Plan | None, rules: Policies) -> Due | None:
    """What is due next for a stay that lasts: its first plan, its signatures, or its next review."""
    start = began(stay)
    if plan is None or plan.signed is None:
        if start is None:
            return None
        at = start + timedelta(hours=rules.number("plan.initial-hours", stay.level))
        kind = SIGNATURES if plan is not None and plan.document else INITIAL
        return Due(kind, stay.patient, stay.id, plan.id if plan else "", at)
    return Due(REVIEW, stay.patient, stay.id, plan.id, end_of(plan.due)) if plan.due else None


def next_review(day: date, level: str, rules: Policies) -> date:
    """The day by which a plan signed or reviewed on a day has to be reviewed."""
    return day + timedelta(days=int(rules.number("plan.review-days", level)))


def events(plan: Plan, stay: levels.Stay | None, scored: Sequence[findings.Score], known: Sequence[dict[str, Any]], ratings: Sequence[tuple[str, str, str]] = ()) -> list[str]:
    """What in the chart asks for a review since the last one, as keys of EVENTS. ratings: (objective, rating, day), the newest first."""
    if plan.stage not in (ACTIVE, CHANGED, REVIEWING) or plan.signed is None:
        return []
    last = max([plan.signed, *(r.on for r in plan.past if r.on and r.status == "completed")])
    found = []
    if any(s.measure == "c-ssrs-screener.triage" and s.band == "high" and (fhir.day(s.on) or date.min) > last for s in scored):
        found.append("high-risk")
    taken = {f"Condition/{p.id}" for p in plan.problems} | {f for p in plan.problems for f in p.findings}
    new = [d for c in known if (d := findings.diagnosis(c)) and d.on and d.on > last and d.ref not in taken]
    if new:
        found.append("new-diagnosis")
    if any(_status(c) in ("relapse", "recurrence") and (fhir.day(c.get("recordedDate")) or date.min) > last for c in known):
        found.append("relapse")
    by: dict[str, list[str]] = {}
    for objective, rating, _ in ratings:
        by.setdefault(objective, []).append(rating)
    if any(o.open and len(r := by.get(o.id, [])) >= 2 and set(r[:2]) <= set(NO_PROGRESS) for o in plan.objectives):
        found.append("no-progress")
    return found


def _status(condition: dict[str, Any]) -> str:
    return next((str(c.get("code")) for c in condition.get("clinicalStatus", {}).get("coding", ())), "")


def days_left(at: datetime, access: Access) -> str:
    """`in 3 days`, `today`, `2 days late`."""
    days = (wall.day(at) - access.today).days
    if days == 0:
        return "late since today" if at < access.now else "today"
    if days > 0:
        return "tomorrow" if days == 1 else f"in {days} days"
    return "1 day late" if days == -1 else f"{-days} days late"
