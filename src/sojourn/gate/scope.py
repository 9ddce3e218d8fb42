"""The scope of a consent in clear words, to go with a disclosure (42 CFR 2.32(b))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

PURPOSES = {
    "TREAT": "treatment",
    "COC": "coordination of care",
    "HPAYMT": "payment",
    "HOPERAT": "health care operations",
    "HRESCH": "research",
    "HLEGAL": "legal proceedings",
    "ETREAT": "emergency treatment",
    "PATRQT": "the patient's own request",
    "FAMRQT": "the family's request",
    "COVERAGE": "coverage",
    "CAREMGT": "care management",
    "PUBHLTH": "public health",
    "HMARKT": "marketing",
}
"""What a purpose (v3-ActReason) is called in a sentence; others are named by their code."""


def explained(consents: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for each consent; empty for none. It says nothing of other recipients."""
    return " ".join(_one(consent) for consent in consents)


def purpose_text(code: str) -> str:
    """A purpose in words."""
    return PURPOSES.get(code, code)


def _one(consent: Mapping[str, Any]) -> str:
    provision = consent.get("provision") or {}
    purposes = _listed([purpose_text(c["code"]) for c in provision.get("purpose", ()) if c.get("code")])
    parts = [f"The patient's written consent of {_day(consent.get('dateTime'))} lets you have this for {purposes or 'the purpose it names'}"]
    if content := _content(provision):
        parts.append(f", limited to {content}")
    end = (provision.get("period") or {}).get("end")
    parts.append(f". It holds until {_day(end)}" if end else ". It holds until it is revoked or what it names has come to pass")
    return "".join(parts) + ", and lets you do nothing else with it."


def _content(provision: Mapping[str, Any]) -> str:
    said = [f"{c['code']} resources" for c in provision.get("class", ()) if c.get("code")]
    said += [text for concept in provision.get("code", ()) if (text := concept.get("text") or next((c.get("display") or c.get("code") for c in concept.get("coding", ())), ""))]
    period = provision.get("dataPeriod") or {}
    if period:
        said.append(f"records from {_day(period.get('start')) or 'the beginning'} to {_day(period.get('end')) or 'now'}")
    return _listed(said)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _day(text: object) -> str:
    try:
        day = date.fromisoformat(str(text or "")[:10])
    except ValueError:
        return str(text or "")
    return f"{day.day} {day:%B %Y}"
