"""What stands on Today: one section for each room that has something waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care.admissions import case as cases
from sojourn.care.admissions import people
from sojourn.care.authorizations import keeping
from sojourn.care.handoff import referral
from sojourn.care.orders import ordering
from sojourn.care.papers import indexing as papers
from sojourn.care.release import requests as release
from sojourn.care.results import acting as looking
from sojourn.doors.staff import waiting
from sojourn.doors.staff.admissions import board
from sojourn.doors.staff.admissions import double as twice
from sojourn.doors.staff.authorizations import board as authorizations
from sojourn.doors.staff.exchange import agreed as exchange
from sojourn.doors.staff.groups import listed as groups
from sojourn.doors.staff.handoff import handoff
from sojourn.doors.staff.incidents import listing as incidents
from sojourn.doors.staff.messages import listing as messages
from sojourn.doors.staff.notes import mine
from sojourn.doors.staff.orders import one as orders
from sojourn.doors.staff.papers import tray
from sojourn.doors.staff.plan import caseload as plans
from sojourn.doors.staff.releasing import listed as releasing
from sojourn.doors.staff.results import inbox as results
from sojourn.doors.staff.risk import listing as risk
from sojourn.doors.staff.schedule import today as schedule
from sojourn.doors.staff.supervision import queue
from sojourn.doors.staff.work import task

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class Section(NamedTuple):
    """needs: (type, action) pairs that the role must allow. nothing: what it says when nothing waits; '' hides it then.

    fetch: its lines, the most urgent first, at most a screenful. It asks the gate like every page; what may not be seen is not there.
    """

    name: str
    title: str
    needs: tuple[tuple[str, str], ...]
    fetch: Callable[[Access], Awaitable[list[waiting.Line]]]
    nothing: str = ""


SECTIONS: tuple[Section, ...] = (
    Section("risk", "Now", (("Task", "search"), ("Patient", "search")), risk.fetch),
    Section("messages", "Messages", (("Message", "send"),), messages.today),
    Section("incidents", "Incidents", (("Incident", "report"),), incidents.today),
    Section("results", "Results", (*looking.NEEDS, ("Patient", "search")), results.today),
    Section("orders", "Laboratory orders", (*ordering.READS, ("Patient", "search")), orders.today),
    Section("authorizations", "Authorizations", (*keeping.READS, ("Patient", "search"), ("Task", "search")), authorizations.today),
    Section("mine", "Your day", (("Appointment", "search"), ("GroupSession", "lead")), schedule.mine, "Nothing more is booked with you today."),
    Section("groups", "Group sessions to finish", (("GroupSession", "lead"),), groups.unfinished),
    Section("plans", "Plans and reviews due", (("CarePlan", "search"), ("EpisodeOfCare", "search")), plans.lines),
    Section("tasks", "Tasks", (("Task", "search"),), waiting.tasks_of, "Nothing waits for you."),
    Section("given", "Given to others", (("Task", "search"),), task.given),
    Section("hours", "Hours behind", (("GroupSession", "oversee"), ("Encounter", "search")), schedule.behind),
    Section("double", "Double bookings", (("Collision", "resolve"),), schedule.double),
    Section("forms", "Assessments and measures due", (("Task", "search"), ("QuestionnaireResponse", "create")), waiting.forms_due),
    Section("reconcile", "Medications to reconcile", (("Task", "search"), ("List", "create"), ("MedicationRequest", "search")), waiting.to_reconcile),
    Section("drafts", "Drafts of notes", (("DocumentReference", "create"),), mine.today),
    Section("twice", "Written down twice", people.NEEDS, twice.today),
    Section("admissions", "Admissions", cases.NEEDS, board.today),
    Section("tray", "Scans and faxes", papers.NEEDS, tray.today),
    Section("releases", "Release requests", release.NEEDS, releasing.today),
    Section("to-cosign", "To co-sign", (("Task", "search"), ("DocumentReference", "update"), ("Provenance", "create")), queue.to_cosign),
    Section("returned", "Returned to you", (("Task", "search"), ("DocumentReference", "update")), queue.returned),
    Section("credentials", "Credentials", (("Practitioner", "search"),), queue.credentials),
    Section("partners", "Partners", (("Exchange", "operate"),), exchange.today),
    Section("handoffs", "Hand-offs", referral.NEEDS, handoff.today),
)
"""A room adds its own line. What is a task of a kind that another section shows is left out of the general list (waiting.ELSEWHERE)."""
