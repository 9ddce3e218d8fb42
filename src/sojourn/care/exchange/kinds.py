"""Which messages are filed by themselves, by type and event; people read every other one."""

from __future__ import annotations

from typing import Final

from sojourn.base.digits import digits

AS_OF: Final = "https://sojourn.example/fhir/StructureDefinition/exchange-as-of"
"""On what a message wrote: the moment of which that message speaks."""
WRITES_DOWN: Final = tuple(f"ADT^A{n}" for n in ("01", "04", "05", "08", "14", "28", "31"))
"""What may write down somebody who is not here: our own registration system by itself, any other when somebody says so."""
JOINS: Final = tuple(f"ADT^A{n}" for n in (18, 30, 34, 40, 47))
"""Two numbers are one person."""
VISITS: Final = tuple(f"ADT^A{n:02d}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 21, 22, 23, 25, 26, 27, 38))
PERSONS: Final = ("ADT^A28", "ADT^A31", "ADT^A60")
RESULTS: Final = ("ORU^R01",)
DOCUMENTS: Final = tuple(f"MDM^T{n:02d}" for n in (2, 4, 6, 8, 10, 11))
APPOINTMENTS: Final = ("SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S16", "SIU^S17", "SIU^S26")
FILED: Final = (*RESULTS, *DOCUMENTS, *APPOINTMENTS, *sorted({*VISITS, *PERSONS, *JOINS}))
"""Every type that is filed by itself."""
MESSAGING: Final = "messaging"
"""The door of FHIR messages: doors/api takes them, doors/messaging does what they ask."""
FILED_OF_FHIR: Final = (*RESULTS, *APPOINTMENTS, *sorted({*VISITS, *PERSONS, *JOINS}))
"""The same of FHIR messages: a document comes by IHE MHD."""
_STRUCTURES: Final = {
    "R01": "ORU", "O01": "ORM", "O19": "OMG", "O21": "OML", "O23": "OMI", "O33": "OML", "O35": "OML", "O09": "OMP", "O11": "RDE", "O13": "RDS", "O17": "RAS", "P03": "DFT", "V04": "VXU", "I12": "REF",
}  # fmt: skip
_FAMILIES: Final = {"A": "ADT", "S": "SIU", "T": "MDM"}


def of_event(code: str) -> str:
    """The type of message of an event (HL7 v2 table 0003) as `ADT^A01`; '' for one that is none."""
    if len(code) != 3 or not digits(code[1:]) or not code.isascii():  # noqa: PLR2004 - a letter and two digits
        return ""
    family = _STRUCTURES.get(code) or _FAMILIES.get(code[0], "")
    return f"{family}^{code}" if family else ""


def events_filed() -> list[str]:
    """The events of FHIR messages that are filed by themselves."""
    return [kind.partition("^")[2] for kind in FILED_OF_FHIR]
