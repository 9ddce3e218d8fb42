"""Rules of care in words: what their codes, numbers and levels mean to whoever reads the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sojourn.care import policies
from sojourn.care.admissions import checklist
from sojourn.care.moves import discharge
from sojourn.care.results.model import FLAGS
from sojourn.doors.staff.kinds import TITLES

ROOMS: Final[Mapping[str, str]] = {
    "form": "Assessments", "level": "Editions of levels of care", "measure": "Measures", "moves": "Discharge", "handoff": "Hand-off", "hours": "Hours of a level of care", "groups": "Group sessions",
    "papers": "Papers from outside", "plan": "Treatment plans", "release": "Release of information", "results": "Laboratory results", "orders": "Laboratory orders", "signing": "Signatures", "notes": "Notes",
}  # fmt: skip
"""What the rooms are called whose name in the code is not a word for the page."""
NEVER: Final = ("measure.", "form.level-of-care.")
"""Rules in which 0 means that it is not asked at all."""
_STEPS: Final[Mapping[str, str]] = {
    "reviewers": "whoever looks into reports", "orderer": "who ordered it", "responsible": "the responsible clinician", "supervisor": "the supervisor", "on-call": "whoever is on call",
    "supervisors": "supervisors", "site-leads": "site leads",
}  # fmt: skip
_SIGNERS: Final[Mapping[str, str]] = {"client": "Client", "clinician": "Clinician", "supervisor": "Supervisor", "physician": "Physician"}
_DAY: Final = 24


def room(name: str) -> str:
    """The heading of a room."""
    return ROOMS.get(name, name.replace("-", " ").capitalize())


def choices(key: str) -> Mapping[str, str]:
    """What a list may hold, in words; empty for what is typed freely."""
    if key in ("admissions.before", "admissions.after"):
        return {code: item.text for code, item in checklist.items().items()}
    if key == "moves.before-discharge":
        return discharge.items()
    return {"handoff.types": TITLES, "plan.signers": _SIGNERS}.get(key, {})


def steps(key: str) -> Mapping[str, str]:
    """What a list in order may hold, in words: its order is typed."""
    return _STEPS if key.endswith(".chain") else {}


def level(key: str, named: str) -> str:
    """For whom a value holds: a level of care, or a state where the rule is of a state; '' for all others."""
    if not named:
        return ""
    if key.startswith("incidents."):
        return f"in {named}"
    return f"level {named}" if named[0].isdigit() else named


def value(policy: policies.Policy, said: Any) -> str:
    """A value with its unit, as it is read."""
    if said == 0 and not isinstance(said, bool) and policy.key.startswith(NEVER):
        return "not asked"
    if isinstance(said, list):
        return _list(policy, said)
    if policy.key.endswith(("-role", ".role")):
        return str(said).replace("-", " ")
    if policy.unit == "hour" and isinstance(said, int):
        return f"{said:02d}:00"
    text = policies.shown(said) or "none"
    if policy.unit == "hours" and isinstance(said, int | float) and said >= 2 * _DAY and said % _DAY == 0:
        return f"{said:g} hours ({said / _DAY:g} days)"
    unit = policy.unit if policy.unit not in ("state", "level", "IANA name") and isinstance(said, int | float) else ""
    return f"{text} {unit.removesuffix('s') if said == 1 else unit}".strip()


def _list(policy: policies.Policy, said: list[Any]) -> str:
    if not said:
        return "none"
    if policy.key == "signing.co-sign":
        return "; ".join(_co_sign(str(row)) for row in said)
    words = {**choices(policy.key), **steps(policy.key), **({code: f"{code} {text}".strip() for code, text in FLAGS.items()} if policy.key.endswith("-flags") else {})}
    spoken = [words.get(str(v), str(v).replace("-", " ") if policy.key.endswith(("-roles", ".roles")) else policies.shown(v)) for v in said]
    joined = (", then " if steps(policy.key) else "; " if any("," in s for s in spoken) else ", ").join(spoken)
    return f"{joined} {policy.unit}" if policy.unit in ("days", "minutes", "units") else joined


def _co_sign(row: str) -> str:
    """One row of who co-signs for whom: level, service, payer, role, hours."""
    parts = row.split()
    if len(parts) != 5:  # noqa: PLR2004 - the five parts of a row
        return row
    who, service, payer, by, hours = parts
    about = [*([f"service {service}"] if service != "*" else []), *([f"payer {payer}"] if payer != "*" else [])]
    return f"{who if who != '*' else 'anybody'}{', ' + ', '.join(about) if about else ''}: {by} within {hours} hours"
