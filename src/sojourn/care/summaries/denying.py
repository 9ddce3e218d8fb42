"""What a document denies: that anything is known of a kind, or that somebody has one thing. Pure.

A statement with `negationInd` about nothing in particular says that none is known, and so does a code for it; about something it is refuted.
https://hl7.org/fhir/us/ccda/ (no known allergies, no known problems)
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.care.summaries.elements import concept, name
from sojourn.wire.ccda.facts import Fact
from sojourn.wire.ccda.values import Coded

SNOMED: Final = "http://snomed.info/sct"
_NO_ALLERGY: Final = ("716186003", "No known allergy")
_NO_DRUG: Final = ("409137002", "No known drug allergy")
_NO_FOOD: Final = ("429625007", "No known food allergy")
_NO_PROBLEM: Final = ("160245001", "No current problems or disability")
NONE: Final = frozenset({_NO_ALLERGY[0], _NO_DRUG[0], _NO_FOOD[0], _NO_PROBLEM[0], "428607008", "160244002", "787481004"})
"""SNOMED CT: none known of allergies, to drugs, to food, of problems, to the environment, to drugs (earlier code), of medications."""
_DENIED: Final = {
    **dict.fromkeys(("419199007", "420134006"), _NO_ALLERGY), **dict.fromkeys(("416098002", "419511003"), _NO_DRUG), **dict.fromkeys(("414285001", "418471000"), _NO_FOOD),
}  # fmt: skip
"""SNOMED CT: what the denial of an allergy of a type says (Allergy and Intolerance Type, 2.16.840.1.113883.3.88.12.3221.6.2)."""
_ANY: Final = frozenset({"55607006", "75310-3", "404684003", "410942007"})
"""A problem, a health concern, a finding, a drug: negated, they say that there is none."""


def none_known(fact: Fact) -> bool:
    """Whether it says that there is none, instead of one."""
    return bool(_codes(fact) & NONE) or name(fact.what).casefold().startswith(("no known", "none known")) or (fact.negated and _nothing_particular(fact))


def refuted(fact: Fact) -> bool:
    """Whether it says of one allergy or problem that it is not so."""
    return fact.negated and fact.kind in ("allergy", "problem") and not none_known(fact)


def what(fact: Fact) -> dict[str, Any] | None:
    """What the line is about, as a concept: that none is known by its own code, or by the code for what is denied. None where nothing says it of this list."""
    if not none_known(fact) or (_codes(fact) & NONE):
        return concept(fact.what)
    if not fact.negated:  # in words alone
        return concept(fact.what) if fact.kind == "allergy" else None
    denied = next((_DENIED[c] for c in _codes(fact) if c in _DENIED), _NO_ALLERGY) if fact.kind == "allergy" else _NO_PROBLEM if fact.kind == "problem" else None
    if denied is None:
        return None
    said = name(fact.what)
    return {"coding": [{"system": SNOMED, "code": denied[0], "display": denied[1]}], "text": said if said.casefold().startswith(("no ", "none ")) else denied[1]}


def _codes(fact: Fact) -> set[str]:
    return {c.code for c in (fact.what, *fact.what.others) if isinstance(c, Coded) and c.code}


def _nothing_particular(fact: Fact) -> bool:
    """Whether what is denied is a kind of thing and no one thing."""
    codes = _codes(fact)
    return bool(codes & (_ANY | _DENIED.keys())) or bool(fact.what.null) and not codes
