"""The URLs of signed documents, the handed-over device, credentials and supervision."""

from __future__ import annotations

from sojourn.care.credentials import keeping
from sojourn.doors.staff.handover import client, handing
from sojourn.doors.staff.screens import Screen
from sojourn.doors.staff.signing import document as signed
from sojourn.doors.staff.supervision import credentials, supervision

DOCUMENT = (("Patient", "read"), ("DocumentReference", "read"))

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/documents/{document}", signed.show, needs=DOCUMENT),
    Screen("/patients/{id}/documents/{document}", signed.act, ("POST",), needs=(*DOCUMENT, ("Provenance", "create"))),
    Screen("/patients/{id}/documents/{document}/client", client.show, needs=(*DOCUMENT, ("Provenance", "create")), hand=True),
    Screen("/patients/{id}/documents/{document}/client", client.sign, ("POST",), needs=(*DOCUMENT, ("Provenance", "create")), hand=True),
    Screen("/credentials", credentials.show, verb="Credentials of staff", key="g c", needs=keeping.NEEDS, group="Places"),
    Screen("/credentials/mine", credentials.mine, verb="Your credentials", group="Places"),
    Screen("/credentials/{practitioner}", credentials.one, needs=keeping.NEEDS),
    Screen("/credentials/{practitioner}", credentials.save, ("POST",), needs=keeping.NEEDS),
    Screen("/supervision", supervision.show, verb="Supervision and co-signing", key="g v", needs=supervision.NEEDS, group="Places"),
    Screen("/supervision", supervision.log, ("POST",), needs=(*supervision.NEEDS, ("Basic", "create"))),
    Screen("/handover/back", handing.back, ("GET", "POST"), open=True),
    Screen("/handover/back/passkey", handing.options, ("POST",), open=True),
)
"""POST /handover, which has to know every screen, stands with the others (doors/staff/routes.py)."""
