"""What was agreed with a partner, as data: what for, who answers, until when, what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.gate.exchange.profile import PURPOSES

GIVES: Final = {
    "": "Nothing goes to them", "consent": "The patient's consent (42 CFR 2.31)", "treatment": "Treatment, under HIPAA", "qsoa": "They are a qualified service organization (42 CFR 2.11)",
    "associate": "They are a business associate (45 CFR 164.504(e))", "law": "A law that requires it",
}  # fmt: skip
"""On what basis they get what goes to them. It is what was agreed; what leaves is decided by the gate."""
AGREEMENTS: Final = {
    "": "None is needed, or none is there yet", "baa": "Business associate agreement (45 CFR 164.504(e))", "qsoa": "Qualified service organization agreement (42 CFR 2.11)",
    "dua": "Data use agreement (45 CFR 164.514(e))", "participation": "Participation agreement of a network", "contract": "Another contract",
}  # fmt: skip
SILENT: Final = "silent"
ENDS: Final = "ends"
SOON: Final = 30
"""Days before the end of an agreement within which it is told."""
MOST_HOURS: Final = 2160
_TEXT: Final = 300
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Agreed:
    """One agreement as it stands in the register.

    data: what is exchanged, in words. purpose: of PURPOSES. gives: a key of GIVES. answers: the account of who answers for the partner here.
    kind: a key of AGREEMENTS. where: its number, or where it lies. begins and ends: its first and last day. tested: the day of the last test,
    result: how it went. every: hours within which something is expected from them, 0 for no rhythm; weekdays: hours of Saturday and Sunday,
    at their clock, do not count. counted: since when that is counted. terms: contracts of single exchanges (terms.py).
    """

    data: str = ""
    purpose: str = ""
    gives: str = ""
    answers: str = ""
    kind: str = ""
    where: str = ""
    begins: date | None = None
    ends: date | None = None
    tested: date | None = None
    result: str = ""
    every: int = 0
    weekdays: bool = False
    counted: datetime | None = None
    terms: tuple[Mapping[str, Any], ...] = ()


_DAYS: Final = ("begins", "ends", "tested")


def of(said: Mapping[str, Any]) -> Agreed:
    """What was kept. What a newer version wrote beside is left out."""
    known: dict[str, Any] = {k: v for k, v in said.items() if k in {f.name for f in fields(Agreed)}}
    for name in _DAYS:
        known[name] = date.fromisoformat(known[name]) if known.get(name) else None
    known["terms"] = tuple(known.get("terms") or ())
    known["counted"] = datetime.fromisoformat(known["counted"]) if known.get("counted") else None
    return Agreed(**known)


def facts(agreed: Agreed) -> dict[str, Any]:
    """As it is kept."""
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in asdict(agreed).items()}


def checked(agreed: Agreed, before: Agreed, keepers: Iterable[str], today: date, now: datetime) -> Agreed:
    """The same, sound; a new rhythm is counted from now on. Raises Malformed with what to do."""
    if (agreed.purpose and agreed.purpose not in PURPOSES) or agreed.gives not in GIVES or agreed.kind not in AGREEMENTS:
        raise errors.Malformed("Choose purpose, basis and agreement from what is offered.")
    if agreed.answers and agreed.answers not in keepers:
        raise errors.Malformed("Choose somebody who looks after messages here.")
    if agreed.begins and agreed.ends and agreed.ends < agreed.begins:
        raise errors.Malformed("The agreement ends before it begins.")
    if (agreed.begins or agreed.ends) and not agreed.kind:
        raise errors.Malformed("Say what kind of agreement begins or ends on that day.")
    if agreed.tested and agreed.tested > today:
        raise errors.Malformed("The last test is not in the future.")
    if not 0 <= agreed.every <= MOST_HOURS:
        raise errors.Malformed("Something is expected within 1 hour to 90 days; leave it empty where nothing is.")
    same = (agreed.every, agreed.weekdays) == (before.every, before.weekdays)
    return replace(agreed, counted=before.counted if same else now if agreed.every else None, **{k: getattr(agreed, k).strip()[:_TEXT] for k in ("data", "where", "result")})


def begun_again(said: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """What was kept, its rhythm counted from now on: for a partner who goes on after having been stopped."""
    agreed = of(said)
    return facts(replace(agreed, counted=now)) if agreed.every else said


def expected(agreed: Agreed, heard: datetime | None, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """(since when nothing came, by when something should); None where there is no rhythm."""
    if not agreed.every or agreed.counted is None:
        return None
    since = max(heard, agreed.counted) if heard is not None else agreed.counted
    left = timedelta(hours=agreed.every)
    if not agreed.weekdays:
        return since, since + left
    at = since
    while True:
        here = at.astimezone(zone)
        midnight = datetime.combine(here.date() + timedelta(days=1), time(), zone).astimezone(UTC)
        if here.weekday() < _SATURDAY:
            if left <= midnight - at:
                return since, at + left
            left -= midnight - at
        at = midnight


def over(agreed: Agreed, zone: ZoneInfo) -> datetime | None:
    """The moment at which the agreement's last day is over."""
    return None if agreed.ends is None else datetime.combine(agreed.ends + timedelta(days=1), time(), zone).astimezone(UTC)


def alarms(agreed: Agreed, heard: datetime | None, zone: ZoneInfo, now: datetime) -> list[tuple[str, datetime]]:
    """(kind, began) of what somebody has to know now."""
    found = []
    rhythm, end = expected(agreed, heard, zone), over(agreed, zone)
    if rhythm is not None and rhythm[1] <= now:
        found.append((SILENT, rhythm[0]))
    if end is not None and end - now <= timedelta(days=SOON + 1):
        found.append((ENDS, end))
    return found
