"""Services as dated data: which codes fit how many minutes."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path

from sojourn.care.notes.model import Code, Service

CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


@lru_cache(maxsize=1)
def _shipped() -> tuple[Service, ...]:
    data = tomllib.loads((Path(__file__).parent / "services.toml").read_text("utf-8"))
    return tuple(Service(s["key"], s["title"], tuple(Code(**c) for c in s["codes"]), bool(s.get("therapy")), s["effective"]) for s in data["service"])


def services(day: date) -> dict[str, Service]:
    """The services of a day, by key."""
    found: dict[str, Service] = {}
    for service in sorted(_shipped(), key=lambda s: s.effective):
        if service.effective <= day:
            found[service.key] = service
    return found


def system(code: str) -> str:
    """The code system of a number: HCPCS Level II codes begin with a letter."""
    return HCPCS if code[:1].isalpha() else CPT


def fitting(service: Service, minutes: int) -> Code | None:
    """The code that the minutes fit; None if none does."""
    return next((c for c in service.codes if c.low <= minutes and (not c.high or minutes <= c.high)), None)


def units(code: Code, minutes: int, rest: int) -> int:
    """How many units the minutes come to, where a rest of `rest` minutes counts as a whole one."""
    if not code.unit:
        return 1
    if code.low > code.unit:  # beside a first code that has its own time: each further unit as it is begun
        return 1 + max(minutes - code.low, 0) // code.unit
    whole, left = divmod(minutes, code.unit)
    return max(whole + (left >= rest), 1)


def span(code: Code) -> str:
    """The minutes of a code in words."""
    return f"{code.low} to {code.high} minutes" if code.high else f"{code.low} minutes or more" if code.low else "any time"
