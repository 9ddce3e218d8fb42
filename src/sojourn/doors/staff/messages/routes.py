"""Every address of messages and of the hand-over."""

from __future__ import annotations

from sojourn.care.messages import handover as care
from sojourn.doors.staff.messages import handover, listing, reading, writing
from sojourn.doors.staff.screens import Screen

SEND = (("Message", "send"),)
ABOUT = (*SEND, ("Patient", "read"))

SCREENS: tuple[Screen, ...] = (
    Screen("/messages", listing.show, ("GET", "POST"), verb="Messages", key="g m", needs=SEND, group="Places"),
    Screen("/messages/new", writing.show, verb="Write a message", needs=SEND, group="Places"),
    Screen("/messages/new", writing.send, ("POST",), needs=SEND),
    Screen("/messages/find", writing.find, ("POST",), needs=SEND),
    Screen("/messages/keep", writing.keep, ("POST",), needs=SEND),
    Screen("/patients/{id}/message", writing.about, verb="Message about this client", needs=ABOUT, group="This chart"),
    Screen("/messages/{thread}", reading.show, needs=SEND),
    Screen("/messages/{thread}", reading.act, ("POST",), needs=SEND),
    Screen("/shift", handover.show, verb="Shift report of a unit", needs=(*SEND, *care.NEEDS), group="Places"),
    Screen("/shift", handover.send, ("POST",), needs=(*SEND, *care.NEEDS)),
)
