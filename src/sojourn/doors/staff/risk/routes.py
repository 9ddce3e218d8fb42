"""The URLs of the risk path."""

from __future__ import annotations

from sojourn.care.risk import acting, plan
from sojourn.doors.staff.risk import listing, risk, safety
from sojourn.doors.staff.screens import Screen

ROOM = "/patients/{id}/risk"
ACTS = (*risk.NEEDS, *acting.NEEDS)
WRITES = (*safety.NEEDS, *plan.NEEDS)

SCREENS: tuple[Screen, ...] = (
    Screen(ROOM, risk.show, verb="Risk", key="r", needs=risk.NEEDS, group="This chart"),
    Screen(ROOM, risk.begin, ("POST",), needs=ACTS),
    Screen(f"{ROOM}/precautions", risk.precaution, ("POST",), needs=(*risk.NEEDS, ("Flag", "create"))),
    Screen(f"{ROOM}/precautions/{{flag}}", risk.end_precaution, ("POST",), needs=(*risk.NEEDS, ("Flag", "update"))),
    Screen(f"{ROOM}/plan", safety.show, verb="Safety plan", needs=safety.NEEDS, group="This chart"),
    Screen(f"{ROOM}/plan/edit", safety.edit, needs=WRITES),
    Screen(f"{ROOM}/plan/edit", safety.save, ("POST",), needs=WRITES),
    Screen(f"{ROOM}/plan/sign", safety.sign, ("POST",), needs=(*WRITES, ("DocumentReference", "create"), ("Provenance", "create"))),
    Screen(f"{ROOM}/plan/copy", safety.copied, ("POST",), needs=WRITES),
    Screen(f"{ROOM}/plan/print", safety.printed, needs=safety.NEEDS),
    Screen(f"{ROOM}/{{episode}}/{{act}}", risk.act, ("POST",), needs=ACTS),
    Screen("/risk", listing.show, verb="Who is in danger", needs=listing.NEEDS, group="Places"),
    Screen("/notices/{name}", listing.notice),
    Screen("/notices/{name}/pass", listing.pass_on, ("POST",)),
    Screen("/notices/{name}/emergency", listing.open_by_emergency, ("POST",), needs=(("*", "emergency"),)),
)
