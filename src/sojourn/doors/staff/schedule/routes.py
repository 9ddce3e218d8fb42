"""The addresses of the schedule, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.care.scheduling import availability as hours
from sojourn.care.scheduling import collisions
from sojourn.doors.staff.schedule import arrivals, availability, calendar, chart, feed, groups, lists, one, own
from sojourn.doors.staff.schedule.frame import BOOK, CHANGE, DELIVERED, PLAN, SEE, TALK
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
GROUPS = (("Schedule", "search"), ("Schedule", "read"))

SCREENS: tuple[Screen, ...] = (
    Screen("/schedule", calendar.show, verb="Go to the schedule", key="g s", needs=SEE, group="Places"),
    Screen("/schedule/arrivals", arrivals.show, verb="Arrivals: who is expected today", needs=CHANGE, group="Places"),
    Screen("/schedule/arrivals", arrivals.act, ("POST",), needs=CHANGE),
    Screen("/schedule/appointments/{appointment}", one.show, needs=(*SEE, ("Appointment", "read"))),
    Screen("/schedule/appointments/{appointment}", one.act, ("POST",), needs=CHANGE),
    Screen("/schedule/groups", groups.show, verb="Groups: their week", needs=GROUPS, group="Places"),
    Screen("/schedule/groups/new", groups.new, verb="Plan a new group", needs=(*PLAN, ("Schedule", "create")), group="Places"),
    Screen("/schedule/groups/new", groups.create, ("POST",), needs=(*PLAN, ("Schedule", "create"))),
    Screen("/schedule/groups/{group}", groups.one, needs=(*GROUPS, *SEE)),
    Screen("/schedule/groups/{group}", groups.act, ("POST",), needs=(*GROUPS, *CHANGE)),
    Screen("/schedule/waitlist", lists.waiting, verb="Waitlist", needs=SEE, group="Places"),
    Screen("/schedule/waitlist", lists.unwait, ("POST",), needs=CHANGE),
    Screen("/schedule/reminders", lists.calls, verb="Reminders to give", needs=TALK, group="Places"),
    Screen("/schedule/reminders", lists.called, ("POST",), needs=TALK),
    Screen("/schedule/hours", lists.delivered, verb="Hours delivered this week", needs=DELIVERED, group="Places"),
    Screen("/schedule/double", lists.double, verb="Double bookings", needs=collisions.NEEDS, group="Places"),
    Screen("/schedule/double", lists.settled, ("POST",), needs=collisions.NEEDS),
    Screen("/schedule/availability", availability.show, verb="Availability: who works when", needs=hours.NEEDS, group="Places"),
    Screen("/schedule/availability", availability.change, ("POST",), needs=hours.NEEDS),
    Screen("/schedule/availability/mine", own.mine, verb="Your working hours and absences", needs=hours.OWN, group="Places"),
    Screen("/schedule/availability/{who}", own.show, needs=(("PractitionerRole", "search"), ("Practitioner", "search"))),
    Screen("/schedule/availability/{who}", own.act, ("POST",), needs=(("PractitionerRole", "search"), ("Practitioner", "search"))),
    Screen("/schedule/feed", feed.show, verb="Your calendar in another program", needs=SEE, group="Places"),
    Screen("/schedule/feed", feed.change, ("POST",), needs=SEE),
    Screen("/calendar/{secret}", feed.read, open=True),
    Screen("/patients/{id}/appointments", chart.show, verb="Appointments", key="k", needs=(*PATIENT, *SEE), group="This chart"),
    Screen("/patients/{id}/appointments", chart.act, ("POST",), needs=(*PATIENT, *BOOK)),
    Screen("/patients/{id}/appointments/times", chart.times, ("POST",), needs=(*PATIENT, *BOOK)),
)
