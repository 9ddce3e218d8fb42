"""The screens of apps."""

from __future__ import annotations

from sojourn.doors.staff.apps import apps, exports, register
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
ADMINISTER = (("App", "administer"),)

SCREENS = (
    Screen("/apps", apps.show, verb="Apps", key="g w", group="Places"),
    Screen("/apps/mine", apps.mine, verb="My apps: what I have allowed", group="Places"),
    Screen("/apps/mine", apps.stop_mine, ("POST",)),
    Screen("/apps/new", register.new, ("GET", "POST"), verb="Register an app", needs=ADMINISTER, group="Places"),
    Screen("/apps/keys", register.renew_keys, ("POST",), needs=ADMINISTER),
    Screen("/apps/exports", exports.show, verb="Bulk exports: who takes records out", needs=ADMINISTER, group="Places"),
    Screen("/apps/exports", exports.stop, ("POST",), needs=ADMINISTER),
    Screen("/apps/{app}", register.one, needs=ADMINISTER),
    Screen("/apps/{app}", register.act, ("POST",), needs=ADMINISTER),
    Screen("/apps/{app}/facts", register.change, ("POST",), needs=ADMINISTER),
    Screen("/patients/{id}/apps", apps.room, verb="Open an app beside this chart", key="u", needs=PATIENT, group="This chart"),
    Screen("/patients/{id}/apps", apps.launch, ("POST",), needs=PATIENT),
)
