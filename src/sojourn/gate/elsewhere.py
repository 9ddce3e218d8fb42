"""A visit or an appointment that another organization told of: information, and no care of ours.

It relates nobody to the person and admits nobody, it takes no bed, and it counts as no visit of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SYSTEM: Final = "https://sojourn.example/fhir/CodeSystem/care"
CODE: Final = "elsewhere"


def told(resource: Mapping[str, Any]) -> bool:
    """Whether an Encounter (type) or an Appointment (serviceType) is one that took place elsewhere. Nothing raises."""
    concepts = resource.get("type" if resource.get("resourceType") == "Encounter" else "serviceType") or ()
    return any(c.get("code") == CODE and c.get("system") == SYSTEM for one in concepts if isinstance(one, Mapping) for c in one.get("coding") or () if isinstance(c, Mapping))
