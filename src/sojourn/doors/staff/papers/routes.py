"""The addresses of papers, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.care.papers import filed, indexing
from sojourn.care.summaries import charting
from sojourn.doors.staff.papers import chart, paper, reconcile, tray
from sojourn.doors.staff.screens import Screen

SCREENS: tuple[Screen, ...] = (
    Screen("/tray", tray.show, verb="Tray: scans and faxes", key="g j", needs=indexing.NEEDS, group="Places"),
    Screen("/tray", tray.take, ("POST",), needs=indexing.NEEDS),
    Screen("/tray/{paper}", paper.show, needs=indexing.NEEDS),
    Screen("/tray/{paper}", paper.act, ("POST",), needs=indexing.WRITES),
    Screen("/tray/{paper}/pages/{page}", paper.page, needs=indexing.NEEDS),
    Screen("/patients/{id}/papers", chart.listed, ("GET", "POST"), verb="Papers from outside", key="d", needs=filed.NEEDS, group="This chart"),
    Screen("/patients/{id}/papers/take", chart.take, ("POST",), needs=chart.TAKES),
    Screen("/patients/{id}/papers/{document}", chart.one, needs=filed.NEEDS),
    Screen("/patients/{id}/papers/{document}", chart.act, ("POST",), needs=(*filed.NEEDS, ("Task", "update"))),
    Screen("/patients/{id}/papers/{document}/reconcile", reconcile.show, needs=charting.WRITES),
    Screen("/patients/{id}/papers/{document}/reconcile", reconcile.act, ("POST",), needs=charting.WRITES),
    Screen("/patients/{id}/papers/{document}/move", chart.choose, ("GET", "POST"), needs=(*filed.NEEDS, *filed.MOVES)),
    Screen("/patients/{id}/papers/{document}/pages/{page}", chart.page, needs=filed.NEEDS),
)
