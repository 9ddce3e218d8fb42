"""Every page of the desk, in the order of its navigation."""

from __future__ import annotations

from sojourn.doors.staff.desk.consents import queue as consents
from sojourn.doors.staff.desk.disclosures import disclosures
from sojourn.doors.staff.desk.emergencies import emergencies
from sojourn.doors.staff.desk.frame import DeskPage, lay_out
from sojourn.doors.staff.desk.labels import labels
from sojourn.doors.staff.desk.preview import preview
from sojourn.doors.staff.desk.requests import requests
from sojourn.doors.staff.desk.trail import reports, trail, unusual
from sojourn.doors.staff.desk.why import why

DESK: tuple[DeskPage, ...] = lay_out((
    consents.PAGE,
    emergencies.PAGE,
    labels.PAGE,
    requests.PAGE,
    disclosures.PAGE,
    trail.PAGE,
    reports.PAGE,
    unusual.PAGE,
    why.PAGE,
    preview.PAGE,
))
