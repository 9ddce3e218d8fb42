"""On what basis we have what a partner sent, kept with it, and the labels that follow from it.

What was agreed with a partner may change later; on what basis something came does not. 42 CFR 2.12(d)(2), 2.33; 45 CFR 164.506.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sojourn.gate import bases
from sojourn.gate.bulk.asking import DIRECTORY
from sojourn.gate.exchange.partners import BASES

if TYPE_CHECKING:
    from sojourn.gate.exchange.partners import Partner

SYSTEM: Final = "https://sojourn.example/fhir/CodeSystem/received-basis"
"""A key of gate/exchange/partners.py BASES."""
_SHARED: Final = frozenset({*DIRECTORY, "Patient", "RelatedPerson", "Coverage", "Account"})
"""Types that programs share: one that a partner brings may be there already, and a label on it would hide it from those who wrote it."""
Stamp = Callable[[dict[str, Any]], dict[str, Any]]


def reason(basis: str) -> list[dict[str, Any]]:
    """The basis as Provenance.reason; nothing where it is not known."""
    return [{"coding": [{"system": SYSTEM, "code": basis}], "text": f"On the basis of: {BASES[basis]}"}] if basis in BASES else []


def stamp(partner: Partner) -> Stamp:
    """What puts the basis and the labels of a partner on a resource that came as such: https://hl7.org/fhir/R4/resource.html#Meta. What its sender wrote stays."""
    labels = [*bases.codings(sum(bases.bit_of(c) for c in partner.laws)), *({"system": bases.CONFIDENTIALITY, "code": c} for c in partner.laws if c in ("R", "V"))]
    tag = {"system": SYSTEM, "code": partner.basis}

    def stamped(resource: dict[str, Any]) -> dict[str, Any]:
        meta = resource.get("meta")
        if not isinstance(meta, dict | None) or resource.get("resourceType") in DIRECTORY:
            return resource  # one that is not valid is refused as it came
        known = {k: v if isinstance(v := (meta or {}).get(k), list) else [] for k in ("security", "tag")}
        new = [] if resource.get("resourceType") in _SHARED else [c for c in labels if c not in known["security"]]
        tags = [*(t for t in known["tag"] if not (isinstance(t, dict) and t.get("system") == SYSTEM)), tag]
        return {**resource, "meta": {**(meta or {}), **({"security": [*known["security"], *new]} if known["security"] or new else {}), "tag": tags}}

    return stamped
