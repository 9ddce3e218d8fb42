"""The addresses of group sessions, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.doors.staff.groups import listed, session
from sojourn.doors.staff.screens import Screen

LEAD = (("GroupSession", "lead"), ("Patient", "search"))

SCREENS: tuple[Screen, ...] = (
    Screen("/groups", listed.show, verb="Group sessions", key="g g", needs=LEAD, group="Places"),
    Screen("/groups/begin", listed.begin, ("POST",), needs=LEAD),
    Screen("/groups/{session}", session.show, needs=LEAD),
    Screen("/groups/{session}/shared", session.shared, ("POST",), needs=LEAD),
    Screen("/groups/{session}/parts/{part}", session.own, ("POST",), needs=LEAD),
    Screen("/groups/{session}/add", session.add, ("POST",), needs=LEAD),
    Screen("/groups/{session}/sign", session.sign, ("POST",), needs=(*LEAD, ("DocumentReference", "create"), ("Encounter", "create"))),
)
