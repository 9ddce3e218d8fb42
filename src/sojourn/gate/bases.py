"""Bases: laws and wishes that each need a permission of their own; and which label says so.

A row passes only if every basis bit that it carries is permitted (docs/decisions/0005-redaction.md).
The list only grows: bits are stored in rows, versions, tokens and edges.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
US_PRIVACY_LAW: Final = "http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw"
"""Deprecated; accepted on input for 42CFRPart2."""
LOCAL: Final = "https://sojourn.example/fhir/CodeSystem/sensitivity"
"""For what the HL7 code systems have no code; an installation's own base replaces it when served."""

INLINE: Final = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
PROCESS_INLINE: Final = {"system": ACT_CODE, "code": "PROCESSINLINELABEL"}
"""A resource with a labelled element says so: https://hl7.org/fhir/uv/security-label-ds4p/."""


class Basis(NamedTuple):
    """One law or wish, and the label by which it is served and recognized."""

    name: str
    bit: int
    system: str
    code: str
    source: str
    also: tuple[str, ...] = ()
    """Further v3-ActCode codes that say the same when someone writes them."""


BASES: Final = (
    Basis("unlabelled", 1 << 0, "", "", "Not labelled yet, or by a label we do not know: withheld from everyone"),
    Basis("part2", 1 << 1, ACT_CODE, "42CFRPart2", "42 CFR 2.11, 2.12: records of a Part 2 program"),
    Basis("sud_counseling", 1 << 2, LOCAL, "SUDCN", "42 CFR 2.11, 2.31(b): SUD counseling notes"),
    Basis("psychotherapy", 1 << 3, ACT_CODE, "PSYTHPN", "45 CFR 164.501, 164.508(a)(2): psychotherapy notes", ("HIPAAPsyNotes",)),
    Basis("mental_health", 1 << 4, ACT_CODE, "MH", "State mental health law", ("PSY", "BH")),
    Basis("hiv", 1 << 5, ACT_CODE, "HIV", "State HIV law", ("STD",)),
    Basis("reproductive", 1 << 6, ACT_CODE, "SEX", "State reproductive health law", ("PREGNANT",)),
    Basis("violence", 1 << 7, ACT_CODE, "SDV", "State law on domestic and sexual violence", ("VIO", "MST")),
    Basis("genetic", 1 << 8, ACT_CODE, "GDIS", "State genetic privacy law", ("SCA",)),
    Basis(
        "minor", 1 << 9, LOCAL, "MINOR", "Care to which a minor consented alone: 42 CFR 2.14, 45 CFR 164.502(g)(3), state law", ("ADOL",)
    ),
    Basis("patient_requested", 1 << 10, ACT_CODE, "PRS", "An agreed restriction: 45 CFR 164.522(a), 42 CFR 2.26", ("HIPAASelfPay",)),
)

UNLABELLED: Final = 1 << 0
PART2: Final = 1 << 1
SUD_COUNSELING: Final = 1 << 2
PSYCHOTHERAPY: Final = 1 << 3
MINOR: Final = 1 << 9
PATIENT_REQUESTED: Final = 1 << 10
ORDINARY: Final = 1 << 60
"""In no row: what the sentence `purpose` of visible.sql asks for of a record that no law of its own protects. In the mask of everybody but
those outside who ask for something other than treatment, payment and operations: they need an authorization for it (45 CFR 164.508)."""
ORGANIZATIONS: Final = frozenset({"Library", "Questionnaire"})
"""Types that no program makes: blank forms and lists of words, which every program uses and which say nothing of anybody."""
APART: Final = SUD_COUNSELING | PSYCHOTHERAPY
"""Notes kept apart from the rest of the record, which no role sees (45 CFR 164.501; 42 CFR 2.11)."""
ALL: Final = sum(basis.bit for basis in BASES)

LONGITUDINAL: Final = frozenset({"Patient", "RelatedPerson", "Coverage", "Account", "AllergyIntolerance", "Immunization"})
"""Types that programs share: Part 2 only if every program in their origin is (list of January 2026)."""

# SUD as a subject is a tag, and no law of itself: Part 2 follows the program, not the code (42 CFR 2.12(e)). On one element,
# though, a label is a wish to keep it apart, and the nearest basis keeps it.
_ELEMENT_ONLY: Final = dict.fromkeys(("SUD", "ETH", "ETHUD", "OPIOIDUD"), PART2)

_BITS: Final[dict[tuple[str, str], int]] = {
    **{(basis.system, basis.code): basis.bit for basis in BASES if basis.code},
    **{(ACT_CODE, code): basis.bit for basis in BASES for code in basis.also},
    (US_PRIVACY_LAW, "42CFRPart2"): PART2,
}
_BY_CODE: Final = {code: bit for (_, code), bit in _BITS.items()}
_LAWS_ALONE: Final = UNLABELLED | PART2 | APART | MINOR | PATIENT_REQUESTED
_CONFIDENTIAL: Final = {"R": PATIENT_REQUESTED, "V": PATIENT_REQUESTED, "N": 0, "M": 0, "L": 0, "U": 0}


def bit_of(code: str) -> int:
    """The basis that a code alone names, as consents and rules write it; 0 for none."""
    return _BY_CODE.get(code, 0)


def subjects_of(code: str) -> tuple[str, ...]:
    """The labels on whatever is about what a code names, be it under a law or not; none for a code that names a law alone.

    Who forbids what is about HIV means all of it, also where no law of the state protects that.
    """
    bit = bit_of(code)
    return next(((b.code, *b.also) for b in BASES if b.bit == bit), (code,)) if not bit & _LAWS_ALONE else ()


def claimed(coding: Any) -> int:
    """The basis that a label on a whole resource claims; 0 for a label that is no basis (a subject, an obligation)."""
    if not isinstance(coding, dict):
        return 0
    system, code = coding.get("system"), coding.get("code")
    return _BITS.get((system, code), 0) if type(system) is str and type(code) is str else 0


def on_element(coding: Any) -> int:
    """The bits of a label on one element. A label that we cannot read counts as unlabelled: withheld."""
    system, code = (coding.get("system"), coding.get("code")) if isinstance(coding, dict) else (None, None)
    if type(system) is not str or type(code) is not str:
        return UNLABELLED
    if system == CONFIDENTIALITY:
        return _CONFIDENTIAL.get(code, UNLABELLED)
    bits = _BITS.get((system, code), 0)
    if system == ACT_CODE and not bits:
        bits = _ELEMENT_ONLY.get(code, 0)
    return bits or UNLABELLED


def inline_mask(element: dict[str, Any]) -> int:
    """The bits of all inline labels of an element (the object itself, or a primitive's `_` sibling); 0 for none."""
    mask = 0
    extensions = element.get("extension")
    if type(extensions) is list:
        for extension in extensions:
            if type(extension) is dict and extension.get("url") == INLINE:
                mask |= on_element(extension.get("valueCoding"))
    return mask


def codings(mask: int) -> list[dict[str, str]]:
    """The labels of the bases in a mask, in the order of their bits."""
    return [{"system": basis.system, "code": basis.code} for basis in BASES if basis.bit & mask and basis.code]
