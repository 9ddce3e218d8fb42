"""Who pays for a client on a day, in words for rules on co-signatures, as far as the author sees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sojourn.gate.access import Access

SELF: Final = "self-pay"
"""The word for a client without a coverage in force."""
_KINDS: Final[Mapping[str, str]] = {"1": "medicare", "2": "medicaid", "5": "commercial", "8": SELF}
"""First digits of the Source of Payment Typology (https://www.nahdo.org/sopt)."""


async def of(access: Access, patient: str, day: date) -> frozenset[str] | None:
    """The words for the payers of a client: kind (medicaid, medicare, commercial), name of the payer, its reference. One question.

    None if the author may not know: then every rule about a payer is taken to be about this one (routing.route).
    """
    if not access.may("Coverage", "search"):
        return None
    found = await access.search("Coverage", [("patient", patient), ("status", "active"), ("_include", "Coverage:payor")], count=50)
    names = {f"{s.type}/{s.id}": str(s.resource.get("name", "")) for s in found.included}
    words = [word for c in found.resources if _holds(c, day) for word in _words(c, names)]
    return frozenset(words or [SELF])


def _holds(coverage: Mapping[str, Any], day: date) -> bool:
    period = coverage.get("period") or {}
    return str(period.get("start") or "0")[:10] <= day.isoformat() <= (str(period.get("end") or "") or "9")[:10]


def _words(coverage: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    found = [_KINDS.get(str(c.get("code", ""))[:1], "") for c in (coverage.get("type") or {}).get("coding") or () if "sopt" in str(c.get("system", "")).lower() or "2.16.840.1.113883.3.221.5" in str(c.get("system", ""))]
    for payor in coverage.get("payor") or ():
        reference = str(payor.get("reference", ""))
        found += [reference, word(names.get(reference) or str(payor.get("display", "")))]
    return [each for each in found if each]


def word(name: str) -> str:
    """A payer's name as one word of a rule: `Tri-County Medicaid Plan` is `tri-county-medicaid-plan`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
