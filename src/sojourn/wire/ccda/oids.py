"""Code systems by their URLs in FHIR and their OIDs in HL7 v3.

https://terminology.hl7.org/identifiers.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from sojourn.wire.ccda.values import SYSTEMS

LOINC: Final = "2.16.840.1.113883.6.1"
SNOMED: Final = "2.16.840.1.113883.6.96"
ACT: Final = "2.16.840.1.113883.5.4"
ASSERTION: Final = ("ASSERTION", ACT)
ALERT: Final = "104605-1"
"""LOINC: an alert, as the International Patient Summary has it: something that everybody must know, also where it is no risk of anything."""
NAMES: Final[Mapping[str, str]] = {
    LOINC: "LOINC", SNOMED: "SNOMED CT", "2.16.840.1.113883.6.88": "RxNorm", "2.16.840.1.113883.6.90": "ICD-10-CM", "2.16.840.1.113883.12.292": "CVX", "2.16.840.1.113883.6.69": "NDC",
    "2.16.840.1.113883.6.12": "CPT", "2.16.840.1.113883.6.285": "HCPCS", "2.16.840.1.113883.4.9": "UNII", "2.16.840.1.113883.6.238": "Race & Ethnicity - CDC", ACT: "ActCode",
    "2.16.840.1.113883.5.8": "ActReason", "2.16.840.1.113883.5.25": "Confidentiality", "2.16.840.1.113883.5.83": "ObservationInterpretation", "2.16.840.1.113883.5.1": "AdministrativeGender",
    "2.16.840.1.113883.6.101": "NUCC", "2.16.840.1.113883.5.2": "MaritalStatus", "2.16.840.1.113883.5.111": "RoleCode", "2.16.840.1.113883.6.301.5": "NUBC",
}  # fmt: skip
_PREFERRED: Final = ("2.16.840.1.113883.12.292",)
"""Where two OIDs have one URL."""
_MORE: Final[Mapping[str, str]] = {
    "http://hl7.org/fhir/sid/us-npi": "2.16.840.1.113883.4.6", "http://hl7.org/fhir/sid/us-ssn": "2.16.840.1.113883.4.1",
}  # fmt: skip
_OIDS: Final[Mapping[str, str]] = {**{url: oid for oid, url in SYSTEMS.items()}, **{SYSTEMS[oid]: oid for oid in _PREFERRED}, **_MORE}
_ORDINARY: Final = frozenset("0123456789.")


def place(system: str) -> tuple[str, str]:
    """(codeSystem, codeSystemName) of a system. One without an OID gets a UUID made of its URL, and its URL as its name, so that a reader can tell it."""
    bare = system.removeprefix("urn:oid:")
    oid = bare if bare and set(bare) <= _ORDINARY else _OIDS.get(system, "")
    if oid or not system:
        return oid, NAMES.get(oid, "")
    return str(uuid5(NAMESPACE_URL, system)), system
