"""How sensitive a document says that it is, as labels of what it becomes.

Confidentiality (R, V), the obligations, refrains and purposes of DS4P, and the notice of 42 CFR 2.32. A notice anywhere marks all of the document: which
part it is about cannot be told apart. What its codes are about is found by the labeller, as for everything (gate/labels.py).
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.care.summaries import elements
from sojourn.gate import bases
from sojourn.wire.ccda.facts import Document, Marks
from sojourn.wire.ccda.marks import stricter
from sojourn.wire.ccda.values import Coded

PART2: Final = {"system": bases.ACT_CODE, "code": "42CFRPart2"}
_SUBSTANCE: Final = frozenset({"ETH", "ETHUD", "SUD", "OPIOIDUD"})
"""Subjects that a sender marks because of 42 CFR Part 2: the mark is kept, and the law with it, as of a message (doors/hl7v2/marks.py)."""
_POLICIES: Final = frozenset({"NOAUTH", "NOCOLLECT", "NODSCLCD", "NODSCLCDS", "NOINTEGRATE", "NOLIST", "NOMOU", "NOORGPOL", "NOPAT", "NOPERSISTP", "NORDSCLCD", "NORDSCLCDS", "NORDSLCD", "NORELINK", "NOREUSE", "NOVIP", "ORCON", "42CFRPart2"})
"""Refrain policies of v3 ActCode: senders name other code systems for them, and mean these."""
_USUAL: Final = ("", "U", "L", "M", "N")
_MOST: Final = 40


def of(document: Document, marks: Marks) -> list[dict[str, Any]]:
    """The labels of one statement, section or the document, each once. A confidentiality that we do not know is read as the strictest."""
    found: list[dict[str, Any]] = []
    if marks.confidentiality not in _USUAL:
        found.append({"system": bases.CONFIDENTIALITY, "code": "R" if marks.confidentiality == "R" else "V"})
    if document.marks.notice or marks.notice:
        found += [] if any(c["system"] == bases.CONFIDENTIALITY for c in found) else [{"system": bases.CONFIDENTIALITY, "code": "R"}]
        found.append(dict(PART2))
    for policy in marks.policies:
        found += [c for c in _codings(policy) if c not in found]
    if PART2 not in found and any(c["system"] == bases.ACT_CODE and c["code"] in _SUBSTANCE for c in found):
        found.insert(0, dict(PART2))
    return found[:_MOST]


def whole(document: Document) -> list[dict[str, Any]]:
    """The labels of the document: those of everything in it together."""
    every = [document.marks, *(s.marks for s in document.sections), *(f.marks for f in document.facts())]
    strictest = ""
    policies: dict[Coded, None] = {}
    for marks in every:
        strictest = stricter(strictest, marks.confidentiality)
        policies |= dict.fromkeys(marks.policies)
    return of(document, Marks(strictest, tuple(policies), document.marks.notice))


def _codings(policy: Coded) -> list[dict[str, Any]]:
    """A policy as codings that say no more than it does: without the words of its author."""
    return [{"system": bases.ACT_CODE if c["code"] in _POLICIES else c["system"], "code": c["code"]} for c in elements.codings(policy) if "system" in c]
