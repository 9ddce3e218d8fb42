"""What the sample organization does not show of US Core, and why; docs/us-core.md repeats it."""

from __future__ import annotations

NOT_SHOWN = {
    "us-core-head-circumference": "measured in infants; the youngest client is thirteen",
    "head-occipital-frontal-circumference-percentile": "measured in infants; the youngest client is thirteen",
    "pediatric-weight-for-height": "measured in infants; the youngest client is thirteen",
    "us-core-vital-signs": "shown by the profiles of each vital sign, which build on it",
    "us-core-blood-pressure value[x]": "a blood pressure has its values in components",
    "us-core-blood-pressure valueQuantity": "a blood pressure has its values in components",
    "* meta.lastUpdated": "the server says when a resource was stored",
}
NO_COMPONENTS = "repeated from the vital signs profile; only blood pressure and pulse oximetry have components"
_DECLINED = "what was declined has no parts that say so"
"""Profiles whose components are shown, with those of their parts that are not."""
_WITH = {
    "us-core-blood-pressure": (),
    "us-core-average-blood-pressure": (),
    "us-core-observation-occupation": (),
    "us-core-pulse-oximetry": ("component.dataAbsentReason", "component:FlowRate.dataAbsentReason", "component:Concentration.dataAbsentReason"),
}


def why_not(profile: str, path: str) -> str:
    """Why the sample does not show it, or nothing."""
    part = "" if not path.startswith("component") else NO_COMPONENTS if profile not in _WITH else _DECLINED if path in _WITH[profile] else ""
    return NOT_SHOWN.get(profile) or NOT_SHOWN.get(f"{profile} {path}") or NOT_SHOWN.get(f"* {path}") or part
