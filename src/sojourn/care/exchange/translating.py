"""Local codes from outside get what a map knows beside them; those that none knows are listed.

What came stays as it came, first: nothing is replaced, nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from sojourn.gate.vocabulary import asking, mapping
from sojourn.wire.vocabulary.model import ICD10CM, LOINC, NAMES, RXNORM

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change

TARGETS: Final = {"Observation": ("code", LOINC), "DiagnosticReport": ("code", LOINC), "Condition": ("code", ICD10CM), "MedicationStatement": ("medicationCodeableConcept", RXNORM)}
"""Of each type the element with its code, and the system in which everybody understands it."""
_SAME: Final = ("equal", "equivalent")
_STANDARD: Final = frozenset({*NAMES, "http://hl7.org/fhir/sid/icd-9-cm", "http://www.ama-assn.org/go/cpt"})


async def translate(access: Access, partner: str, changes: Iterable[Change]) -> None:
    """Add to the resources of these changes what maps say: only what is the same, never what is wider or narrower. A question for each system, whatever the number of codes.

    partner: '' for a document, whose words about a code are listed only where they are the code's own name.
    """
    wanted: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    names: dict[tuple[str, str], str] = {}
    for concept, target in _concepts(changes):
        codings = [c for c in concept.get("coding") or () if c.get("code")]
        if any(c.get("system") == target for c in codings):
            continue
        for coding in codings:
            system = coding.get("system", "")
            if system and system not in _STANDARD:
                wanted.setdefault((system, target), {}).setdefault(coding["code"], []).append(concept)
                names[system, coding["code"]] = str(coding.get("display", "") or (concept.get("text", "") if partner else ""))
    missed: dict[str, list[tuple[str, str, str]]] = {}
    for (system, target), codes in wanted.items():
        found = await asking.translated(access, system, codes, target)
        for code, concepts in codes.items():
            matches = found.get(code, [])
            if not matches:
                missed.setdefault(target, []).append((system, code, names[system, code]))
            for match in (m for m in matches if m.equivalence in _SAME and m.target and not m.rule):
                for concept in concepts:
                    concept["coding"] = [*concept["coding"], {"system": match.system, "code": match.target, **({"display": match.display} if match.display else {})}]
    for target, some in missed.items():
        await mapping.missed(access, partner, some, target)


def _concepts(changes: Iterable[Change]) -> Iterator[tuple[dict[str, Any], str]]:
    for change in changes:
        element, target = TARGETS.get(change.type, ("", ""))
        concept = (change.resource or {}).get(element) if element else None
        if isinstance(concept, dict):
            yield concept, target
