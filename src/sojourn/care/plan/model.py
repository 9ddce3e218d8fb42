"""The nouns of a plan: problem, goal, objective, intervention, and the plan that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

PROBLEM, GOAL, OBJECTIVE, INTERVENTION = "problem", "goal", "objective", "intervention"
KINDS = (PROBLEM, GOAL, OBJECTIVE, INTERVENTION)
CHILD = {PROBLEM: GOAL, GOAL: OBJECTIVE, OBJECTIVE: INTERVENTION}
TYPES = {PROBLEM: "Condition", GOAL: "Goal", OBJECTIVE: "Goal", INTERVENTION: "ServiceRequest"}

DRAFT, SIGNING, ACTIVE, CHANGED, REVIEWING, ENDED = "draft", "signing", "active", "changed", "in-review", "ended"
STAGES = {
    DRAFT: "Draft",
    SIGNING: "Waits for signatures",
    ACTIVE: "In force",
    CHANGED: "In force, changes not signed",
    REVIEWING: "In review",
    ENDED: "Ended",
}
"""Where a plan stands, in words."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is treated. name: in a clinician's words; words: in the client's. code: (system, code) of a diagnosis, or None.

    dimension: of the ASAM criteria, as a key of `dimensions.toml`, or ''. findings: references to what it was drawn from; found: their codes.
    own: whether the plan made it; a diagnosis that a plan names directly is somebody else's.
    """

    id: str
    version: str
    name: str
    words: str = ""
    code: tuple[str, str] | None = None
    dimension: str = ""
    findings: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    active: bool = True
    own: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """What shall come about. quote: what the client said; statement: how one will know. problems: ids."""

    id: str
    version: str
    statement: str
    quote: str = ""
    due: date | None = None
    started: date | None = None
    status: str = "proposed"
    achievement: str = ""
    problems: tuple[str, ...] = ()
    why: str = ""

    @property
    def open(self) -> bool:
        """Whether it is still worked on."""
        return self.status not in ("completed", "cancelled", "rejected", "entered-in-error")


@dataclass(frozen=True, slots=True)
class Objective:
    """One measurable step towards a goal. measure: a key of an instrument's score (`phq-9.total`), or '' with `counted` in words.

    comparator: <=, >=, < or >, or '' for a target in words. outcome: references to its progress ratings.
    """

    id: str
    version: str
    statement: str
    goal: str = ""
    measure: str = ""
    counted: str = ""
    unit: str = ""
    baseline: str = ""
    measured_on: date | None = None
    comparator: str = ""
    target: str = ""
    due: date | None = None
    started: date | None = None
    status: str = "proposed"
    achievement: str = ""
    why: str = ""

    @property
    def open(self) -> bool:
        """Whether it is still worked on."""
        return self.status not in ("completed", "cancelled", "rejected", "entered-in-error")


@dataclass(frozen=True, slots=True)
class Intervention:
    """What staff do. modality: a key of `modalities.toml`. times per period (d, wk, mo), minutes each, until a day. by: a reference.

    objectives: ids of what it serves.
    """

    id: str
    version: str
    what: str
    modality: str = ""
    times: int | None = None
    period: str = ""
    minutes: Decimal | None = None
    until: date | None = None
    by: str = ""
    credential: str = ""
    objectives: tuple[str, ...] = ()
    status: str = "draft"
    why: str = ""

    @property
    def open(self) -> bool:
        """Whether it is still given."""
        return self.status in ("draft", "active", "on-hold")

    @property
    def often(self) -> str:
        """`2 times a week, 45 minutes each`; '' if nothing is said."""
        per = {"d": "day", "wk": "week", "mo": "month"}.get(self.period, "")
        said = [f"{'once' if self.times == 1 else f'{self.times} times'} a {per}" if self.times and per else "", f"{self.minutes} minutes each" if self.minutes else ""]
        return ", ".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of one stay. stay: id of the EpisodeOfCare, or '' for a plan that names none. due: the day of its next review; it runs out then.

    document: the reference to the words that are being signed, or were. review: the review that is under way. changed: whether something was
    changed since the words were signed. begun, signed: days. other: what it plans in words only, as plans from elsewhere do.
    """

    id: str
    version: str
    status: str
    patient: str
    title: str
    stay: str = ""
    author: str = ""
    begun: date | None = None
    signed: date | None = None
    due: date | None = None
    document: str = ""
    review: str = ""
    changed: bool = False
    problems: tuple[Problem, ...] = ()
    goals: tuple[Goal, ...] = ()
    objectives: tuple[Objective, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    other: tuple[str, ...] = ()
    past: tuple[Review, ...] = field(default=())

    @property
    def stage(self) -> str:
        """Where it stands."""
        if self.status in ("completed", "revoked", "entered-in-error"):
            return ENDED
        if self.status == "draft":
            return SIGNING if self.document else DRAFT
        return REVIEWING if self.review else CHANGED if self.changed else ACTIVE

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.stage != ENDED

    def expired(self, today: date) -> bool:
        """Whether it is in force on paper only: its review is overdue."""
        return self.status == "active" and self.due is not None and self.due < today

    def goals_of(self, problem: str) -> list[Goal]:
        """The goals of a problem."""
        return [g for g in self.goals if problem in g.problems]

    def loose_goals(self) -> list[Goal]:
        """Goals of no problem that is shown."""
        known = {p.id for p in self.problems}
        return [g for g in self.goals if not known & set(g.problems)]

    def objectives_of(self, goal: str) -> list[Objective]:
        """The objectives of a goal."""
        return [o for o in self.objectives if o.goal == goal]

    def loose_objectives(self) -> list[Objective]:
        """Objectives of no goal that is shown."""
        known = {g.id for g in self.goals}
        return [o for o in self.objectives if o.goal not in known]

    def interventions_for(self, objective: str) -> list[Intervention]:
        """The interventions that serve an objective."""
        return [i for i in self.interventions if objective in i.objectives]

    def loose_interventions(self) -> list[Intervention]:
        """Interventions that serve no objective that is shown."""
        known = {o.id for o in self.objectives}
        return [i for i in self.interventions if not known & set(i.objectives)]

    def node(self, kind: str, id_: str) -> Problem | Goal | Objective | Intervention | None:
        """A part of the plan by its kind and id."""
        among: dict[str, tuple[Problem | Goal | Objective | Intervention, ...]] = {
            PROBLEM: self.problems, GOAL: self.goals, OBJECTIVE: self.objectives, INTERVENTION: self.interventions,
        }  # fmt: skip
        return next((n for n in among.get(kind, ()) if n.id == id_), None)


@dataclass(frozen=True, slots=True)
class Review:
    """One review of a plan, finished or under way. on: its day; document: the id of its signed words, or ''."""

    id: str
    version: str
    status: str
    on: date | None
    by: str
    summary: str
    why: str
    ratings: tuple[str, ...] = ()
    document: str = ""
