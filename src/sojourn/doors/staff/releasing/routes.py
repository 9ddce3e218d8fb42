"""The addresses of release requests and letters, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.care.release import requests
from sojourn.doors.staff.releasing import black, letters, listed, one
from sojourn.doors.staff.screens import Screen

_PATIENT = (("Patient", "read"),)
_RULES = (("Policy", "administer"),)

SCREENS: tuple[Screen, ...] = (
    Screen("/requests/release", listed.show, verb="Release requests", key="g q", needs=requests.NEEDS, group="Places"),
    Screen("/requests/letters", letters.templates, verb="Letters as they are written here", needs=_RULES, group="Places"),
    Screen("/requests/letters", letters.keep, ("POST",), needs=_RULES),
    Screen("/requests/release/{task}", one.show, needs=requests.NEEDS),
    Screen("/requests/release/{task}", one.act, ("POST",), needs=requests.WRITES),
    Screen("/requests/release/{task}/packet", one.packet, needs=requests.NEEDS),
    Screen("/requests/release/{task}/packet/pages/{page}", one.packet_page, needs=requests.NEEDS),
    Screen("/requests/release/{task}/documents/{document}", black.show, needs=requests.NEEDS),
    Screen("/requests/release/{task}/documents/{document}", black.act, ("POST",), needs=requests.WRITES),
    Screen("/requests/release/{task}/documents/{document}/pages/{page}", black.page, needs=requests.NEEDS),
    Screen("/patients/{id}/release/asked", listed.new, verb="Take in a release request", needs=(*_PATIENT, *requests.NEEDS), group="This chart"),
    Screen("/patients/{id}/release/asked", listed.take, ("POST",), needs=(*_PATIENT, *requests.WRITES)),
    Screen("/patients/{id}/release/letter", letters.show, verb="Write a letter about this person", needs=(*_PATIENT, *requests.NEEDS), group="This chart"),
    Screen("/patients/{id}/release/letter", letters.send, ("POST",), needs=(*_PATIENT, *requests.NEEDS)),
)
