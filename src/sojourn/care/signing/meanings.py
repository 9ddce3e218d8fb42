"""What a signature means: our words, and the code of ASTM E1762 that says it to others."""

from __future__ import annotations

from typing import Final, NamedTuple

SYSTEM: Final = "urn:iso-astm:E1762-95:2013"
"""http://hl7.org/fhir/ValueSet/signature-type"""
_ROOT: Final = "1.2.840.10065.1.12.1."


class Meaning(NamedTuple):
    """code: the last number of the E1762 code. text: what stands beside the name; agent: of provenance-participant-type."""

    number: int
    text: str
    agent: str

    @property
    def coding(self) -> dict[str, str]:
        """For Signature.type."""
        return {"system": SYSTEM, "code": f"{_ROOT}{self.number}", "display": self.text}


MEANINGS: Final = {
    "author": Meaning(1, "Author", "author"),
    "co-signer": Meaning(5, "Co-signer: read, and agrees", "verifier"),
    "reviewed": Meaning(13, "Reviewed", "verifier"),
    "client": Meaning(3, "Client", "attester"),
    "guardian": Meaning(3, "Guardian or representative of the client", "attester"),
    "witness": Meaning(8, "Witness of a signature", "attester"),
    "refused": Meaning(9, "The client was asked and did not sign", "author"),
    "addendum": Meaning(15, "Author of an addendum", "author"),
    "error": Meaning(17, "Marked as entered in error", "author"),
}
