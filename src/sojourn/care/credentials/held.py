"""What somebody holds: licences and the like, from Practitioner.qualification, each with its dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sojourn.base import errors

ROOT: Final = "https://sojourn.example/fhir/StructureDefinition/"
LEVEL: Final = ROOT + "credential-level"
STATE: Final = ROOT + "credential-state"
SUPERVISOR: Final = ROOT + "credential-supervisor"
SUPERVISION: Final = ROOT + "credential-supervision"
NUMBER_SYSTEM: Final = "https://sojourn.example/fhir/NamingSystem/licence"

LEVELS: Final = {
    "independent": "Independent: signs alone",
    "supervised": "Licensed, works under supervision",
    "intern": "Intern or student, works under supervision",
    "certified": "Certified: signs within the scope of the certificate",
}
"""What a credential lets its holder do. Which of them need another signature is policy (routing.toml)."""
SUPERVISIONS: Final = {"": "None", "direct": "Direct: the supervisor is there", "general": "General: the supervisor can be reached", "group": "In a group"}


@dataclass(frozen=True, slots=True)
class Credential:
    """One licence or certificate. title: as it is written after a name. period: first and last day on which it is in force, None if open.

    supervisor: Practitioner/id, for who works under somebody; supervision: a key of SUPERVISIONS.
    """

    title: str
    number: str = ""
    state: str = ""
    level: str = "independent"
    start: date | None = None
    end: date | None = None
    supervisor: str = ""
    supervision: str = ""
    issuer: str = ""

    def on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    @property
    def text(self) -> str:
        """As a signature says it: title, state and number."""
        return " ".join(part for part in (self.title, self.state, self.number) if part)


def credentials(practitioner: Mapping[str, Any]) -> list[Credential]:
    """All that stand in a Practitioner, as they stand there; what cannot be read counts as not in force."""
    return [read(each) for each in practitioner.get("qualification") or () if isinstance(each, dict)]


def read(qualification: Mapping[str, Any]) -> Credential:
    """One entry."""
    code = qualification.get("code") or {}
    coding: Mapping[str, Any] = next(iter(code.get("coding") or ()), {})
    found = {e.get("url"): e for e in qualification.get("extension") or () if isinstance(e, dict)}
    number = next((str(i.get("value", "")) for i in qualification.get("identifier") or ()), "")
    period = qualification.get("period") or {}
    credential = Credential(
        str(code.get("text") or coding.get("display") or coding.get("code") or ""), number, str(found.get(STATE, {}).get("valueCode", "")),
        str(found.get(LEVEL, {}).get("valueCode", "")), _day(period.get("start"), date.max), _day(period.get("end"), date.min),
        str(found.get(SUPERVISOR, {}).get("valueReference", {}).get("reference", "")), str(found.get(SUPERVISION, {}).get("valueCode", "")),
        str((qualification.get("issuer") or {}).get("display", "")),
    )  # fmt: skip
    return credential if credential.level in LEVELS else replace(credential, level="")


def _day(text: object, unreadable: date) -> date | None:
    """A day; a month or year counts from its first day, or to it: what is not said to be in force is not."""
    if not text:
        return None
    parts = str(text)[:10].split("-")
    try:
        return date(int(parts[0]), int(parts[1]) if len(parts) > 1 else 1, int(parts[2]) if len(parts) > 2 else 1)
    except (ValueError, IndexError):
        return unreadable


def written(credential: Credential) -> dict[str, Any]:
    """A Credential as Practitioner.qualification."""
    extensions: list[dict[str, Any]] = []
    if credential.level:
        extensions.append({"url": LEVEL, "valueCode": credential.level})
    if credential.state:
        extensions.append({"url": STATE, "valueCode": credential.state})
    if credential.supervisor:
        extensions.append({"url": SUPERVISOR, "valueReference": {"reference": credential.supervisor}})
    if credential.supervision:
        extensions.append({"url": SUPERVISION, "valueCode": credential.supervision})
    period = {key: day.isoformat() for key, day in (("start", credential.start), ("end", credential.end)) if day}
    return {
        **({"extension": extensions} if extensions else {}),
        **({"identifier": [{"system": NUMBER_SYSTEM, "value": credential.number}]} if credential.number else {}),
        "code": {"text": credential.title},
        **({"period": period} if period else {}),
        **({"issuer": {"display": credential.issuer}} if credential.issuer else {}),
    }


def managed(practitioner: Mapping[str, Any]) -> list[Credential]:
    """Those that somebody here entered with a level: only these decide about signing."""
    return [c for c in credentials(practitioner) if c.level]


def best(practitioner: Mapping[str, Any], day: date) -> Credential | None:
    """The one in force that lets its holder do most."""
    order = list(LEVELS)
    rank = {"independent": 0, "certified": 1, "supervised": 2, "intern": 3}
    found = [c for c in managed(practitioner) if c.on(day)]
    return min(found, key=lambda c: rank.get(c.level, len(order)), default=None)


def at_signing(practitioner: Mapping[str, Any], day: date) -> str:
    """The credential that stands beside a signature made on a day; empty for somebody of whom none was ever entered.

    Raises Expired for who held some and holds none on that day: their signature would say more than is true.
    """
    if (held := best(practitioner, day)) is not None:
        return held.text
    entered = managed(practitioner)
    if not entered:
        return next((c.title for c in credentials(practitioner) if c.title and c.on(day)), "")
    last = max(entered, key=lambda c: c.end or date.max)
    if last.end is not None and last.end < day:
        raise Expired(f"Your credential {last.text} ended on {last.end:%B} {last.end.day}, {last.end.year}. You cannot sign until a supervisor or administrator enters its renewal (Credentials).")
    raise Expired(f"Your credential {last.text} is not in force yet. You cannot sign before it is.")


class Expired(errors.Forbidden):
    """Your credential is not in force. You cannot sign until its renewal is entered."""
