"""Every address of incidents."""

from __future__ import annotations

from sojourn.doors.staff.incidents import listing, own, printing, reviewing, trending, writing
from sojourn.doors.staff.screens import Screen

REPORT = (("Incident", "report"),)
OPEN = (("Incident", "open"),)
_DRAFT = "/incidents/draft/{key}"

SCREENS: tuple[Screen, ...] = (
    Screen("/incidents", listing.show, verb="Incidents", key="g e", needs=REPORT, group="Places"),
    Screen("/incidents/new", writing.new, verb="Report an incident", needs=REPORT, group="Places"),
    Screen("/patients/{id}/incident", writing.about, verb="Report an incident with this client", needs=(*REPORT, ("Patient", "read")), group="This chart"),
    Screen("/incidents/find", writing.find, ("POST",), needs=REPORT),
    Screen("/incidents/closed", listing.closed, verb="Closed incidents", needs=OPEN, group="Places"),
    Screen("/incidents/trends", trending.show, verb="Trends of incidents", needs=OPEN, group="Places"),
    Screen("/incidents/trends.csv", trending.download, needs=OPEN),
    Screen(_DRAFT, writing.show, needs=REPORT),
    Screen(_DRAFT, writing.send, ("POST",), needs=REPORT),
    Screen(_DRAFT + "/keep", writing.keep, ("POST",), needs=REPORT),
    Screen("/incidents/actions/{action}", own.action, needs=REPORT),
    Screen("/incidents/actions/{action}", own.do, ("POST",), needs=REPORT),
    Screen("/incidents/notices/{name}", own.notice, needs=REPORT),
    Screen("/incidents/notices/{name}", own.reached, ("POST",), needs=REPORT),
    Screen("/incidents/{incident}", reviewing.show, needs=OPEN),
    Screen("/incidents/{incident}", reviewing.act, ("POST",), needs=OPEN),
    Screen("/incidents/{incident}/print", printing.show, needs=OPEN),
)
