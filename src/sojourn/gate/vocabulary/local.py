"""Codes of their own in what came from outside: which want a map, and the list of those without one.

The list tells whoever keeps maps that a code came, with its own name: never of whom, in which program, or in which file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.gate.vocabulary import asking, mapping
from sojourn.wire.vocabulary.model import ICD10CM, LOINC, NAMES, RXNORM

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.vocabulary.asking import Match

TARGETS: Final = {"Observation": ("code", LOINC), "DiagnosticReport": ("code", LOINC), "Condition": ("code", ICD10CM), "MedicationStatement": ("medicationCodeableConcept", RXNORM)}
"""Of each type the element with its code, and the system in which everybody understands it."""
_STANDARD: Final = frozenset({*NAMES, "http://hl7.org/fhir/sid/icd-9-cm", "http://www.ama-assn.org/go/cpt"})
_OURS: Final = "https://sojourn.example/fhir/CodeSystem/"


class Code(NamedTuple):
    """A code that wants a map into a system, with its own name and the concept that it stands in."""

    system: str
    code: str
    target: str
    name: str
    concept: dict[str, Any]


def wanting(resources: Iterable[Mapping[str, Any]], *, worded: bool = False) -> Iterator[Code]:
    """The local codes of these resources. worded: the words beside a code are its name where it has none (as a partner's messages have them)."""
    for resource in resources:
        element, target = TARGETS.get(str(resource.get("resourceType")), ("", ""))
        concept = resource.get(element) if element else None
        if not isinstance(concept, dict):
            continue
        codings = [c for c in concept.get("coding") or () if c.get("code")]
        if any(c.get("system") == target for c in codings):
            continue
        for coding in codings:
            system = str(coding.get("system", ""))
            if system and system not in _STANDARD and not system.startswith(_OURS):
                yield Code(system, coding["code"], target, str(coding.get("display", "") or (concept.get("text", "") if worded else "")), concept)


async def known(access: Access, partner: str, codes: Iterable[Code]) -> dict[tuple[str, str, str], list[Match]]:
    """What maps say of codes, by (system, code, target); what none knows goes on the work list, each once. A question for each system, whatever the number of codes."""
    asked: dict[tuple[str, str], dict[str, str]] = {}
    for one in codes:
        names = asked.setdefault((one.system, one.target), {})
        names[one.code] = names.get(one.code) or one.name
    out: dict[tuple[str, str, str], list[Match]] = {}
    missed: dict[str, list[tuple[str, str, str]]] = {}
    for (system, target), named in asked.items():
        found = await asking.translated(access, system, named, target)
        for code, name in named.items():
            out[system, code, target] = found.get(code, [])
            if not found.get(code):
                missed.setdefault(target, []).append((system, code, name))
    for target, some in missed.items():
        await mapping.missed(access, partner, some, target)
    return out
