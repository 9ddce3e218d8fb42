"""What another organization told of (a visit, an appointment, an alert): information, no care of ours.

It relates nobody to the person and admits nobody, it takes no bed, and it counts as no visit of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SYSTEM: Final = "https://sojourn.example/fhir/CodeSystem/care"
CODE: Final = "elsewhere"
_WHERE: Final = {"Encounter": "type", "Flag": "category"}


def told(resource: Mapping[str, Any]) -> bool:
    """Whether an Encounter (type), an Appointment (serviceType) or a Flag (category) is one of elsewhere. Nothing raises."""
    concepts = resource.get(_WHERE.get(str(resource.get("resourceType")), "serviceType")) or ()
    return any(c.get("code") == CODE and c.get("system") == SYSTEM for one in concepts if isinstance(one, Mapping) for c in one.get("coding") or () if isinstance(c, Mapping))
