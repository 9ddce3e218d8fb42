"""Marks of sensitivity: confidentialityCode, DS4P observations, the notice of 42 CFR 2.32.

HL7 Implementation Guide: Data Segmentation for Privacy, R1 (https://www.hl7.org/implement/standards/product_brief.cfm?product_id=354). A mark on what
surrounds a statement holds for it; of two confidentialities the stricter one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sojourn.wire.ccda import values
from sojourn.wire.ccda.facts import Marks
from sojourn.wire.ccda.xml import Node
from sojourn.wire.notice import stands_in

_ORDER: Final = ("", "U", "L", "M", "N", "R", "V")
_DS4P: Final = "2.16.840.1.113883.3.445."
_ANNOTATION: Final = "2.16.840.1.113883.3.3251.1.4"
"""The organizer that holds them."""
SECURITY: Final = frozenset({"SECCLASSOBS", "SECCONOBS", "SECCATOBS", "SECCONTROBS", "SECINTOBS"})
"""What a security observation is about, by its code: class, handling, category, control, integrity."""
_OBSERVED: Final = frozenset({"12", "13", "14", "21", "22", "23"})
"""Confidentiality, sensitivity, obligation, refrain, purpose … observations; 21 and 22 wrap them, 17 is the notice."""


def stricter(one: str, other: str) -> str:
    """The stricter of two confidentiality codes; one that is not known is stricter than all."""
    return max(one, other, key=lambda code: _ORDER.index(code) if code in _ORDER else len(_ORDER))


def marks_of(node: Node, narrative: Mapping[str, str], around: Marks | None = None) -> Marks:
    """The marks of a section, entry or statement, with those of what surrounds it."""
    around = around or Marks()
    own = node.one("confidentialityCode")
    confidentiality = stricter(around.confidentiality, own.get("code") if own else "")
    policies = list(around.policies)
    for observed in _security(node, 0):
        value = values.coded(observed.one("value"), narrative)
        if value and value.system.endswith("v3-Confidentiality"):
            confidentiality = stricter(confidentiality, value.code)
        elif value and value not in policies:
            policies.append(value)
    return Marks(confidentiality, tuple(policies), around.notice)


def is_security(node: Node) -> bool:
    """Whether a statement is a mark of privacy."""
    return any(t.get("root").startswith(_DS4P) or t.get("root") == _ANNOTATION for t in node.all("templateId"))


def _security(node: Node, depth: int) -> list[Node]:
    """DS4P observations directly below it, or in an organizer for them."""
    found = []
    for related in (*node.all("entryRelationship"), *node.all("component"), *node.all("entry")):
        for child in related.below:
            numbers = {t.get("root").removeprefix(_DS4P) for t in child.all("templateId") if t.get("root").startswith(_DS4P)}
            code = child.one("code")
            if child.name == "observation" and (numbers & _OBSERVED or (code is not None and code.get("code") in SECURITY)):
                found.append(child)
            elif child.name == "organizer" and (numbers or is_security(child)) and depth < 2:
                found += _security(child, depth + 1)
    return found


def notice(text: str) -> str:
    """The text when it is a notice that prohibits redisclosure."""
    return text if stands_in(text) else ""
