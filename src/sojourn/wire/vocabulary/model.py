"""The nouns of a release: concepts, what lies under what, and maps to other systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
"""How FHIR names them (https://terminology.hl7.org/external_terminologies.html)."""

NAMES: Final = {ICD10CM: "ICD-10-CM", SNOMED: "SNOMED CT", LOINC: "LOINC", RXNORM: "RxNorm", NDC: "NDC", HCPCS: "HCPCS Level II"}


class BadRelease(ValueError):
    """The files are no release of this kind; says which file, which line and what was expected."""


class Concept(NamedTuple):
    """One code. active: whether it may be used now; kind: what its system says it is (a term type, a heading); since, until: None where nothing is said.

    names: other names, for finding it. replaced: codes of the same system that stand for it now.
    """

    code: str
    display: str
    active: bool = True
    kind: str = ""
    since: date | None = None
    until: date | None = None
    names: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


class Edge(NamedTuple):
    """`child` is a kind of `parent`."""

    parent: str
    child: str


class Target(NamedTuple):
    """A map of one code to a code of another system, as the release states it.

    target: "" where the release says that there is none. group, priority: of several targets one of each group holds, the first whose rule is true.
    rule: when it holds, as the release writes it; "" always. equivalence: https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html.
    """

    code: str
    system: str
    target: str
    equivalence: str
    group: int = 1
    priority: int = 1
    rule: str = ""
    advice: str = ""


Part = Concept | Edge | Target


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a system. parts: read while one walks through them, once; they raise BadRelease where a file is damaged."""

    system: str
    version: str
    published: date | None
    source: str
    parts: Iterator[Part]
