"""What a subpoena or court order lets leave: asked of the policy law by law, held by the predicate.

The policy (policy/courts.py, policy/hipaa.py) answers for each law that can protect a record. The laws that it lets pass become the mask of
a decision, so that a record passes only if every law on it does, and elements and references of the others are left out as for anybody.
42 CFR 2.61 to 2.67; 45 CFR 164.512(e).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases
from sojourn.gate.access import Access
from sojourn.gate.decide import Decision
from sojourn.gate.policy import engine
from sojourn.gate.policy.case import Case, Custodian, Recipient, Record

if TYPE_CHECKING:
    from sojourn.gate.policy.engine import Decision as Answer

PURPOSE = "HLEGAL"
_BY_STATE = bases.ALL & ~(bases.UNLABELLED | bases.PART2 | bases.APART | bases.PATIENT_REQUESTED)


@dataclass(frozen=True, slots=True)
class Instrument:
    """What was served, as far as its required parts were found. words: as the policy reads them, such as `court_order_2_64+subpoena`.

    kind: of who gets it (policy/data/parties.toml). assured: satisfactory assurances of 45 CFR 164.512(e)(1)(ii). against: the patient.
    """

    words: str
    kind: str = "court_or_litigant"
    assured: bool = False
    against: bool = False


class Compelled(Access):
    """The court's eyes, in the hands of the one who releases: what the instrument lets pass, of one patient, and that person's name in the trail."""

    def __init__(self, access: Access, instrument: Instrument, recipient: str) -> None:
        super().__init__(access.house, replace(access.caller, purpose=PURPOSE, door="release", scopes=None), access.request)
        self.now = access.now
        self.instrument = instrument
        self.decision = Decision(mask(access, instrument), [], [recipient] if recipient else [], PURPOSE, "disclose", related=False, redacted=True,
                                 reasons=("A court order or subpoena lets pass what the law lets it (42 CFR subpart E; 45 CFR 164.512(e)).",))  # fmt: skip


def mask(access: Access, instrument: Instrument) -> int:
    """The laws that the instrument satisfies, each asked alone."""
    found = bases.ORDINARY if _asked(access, instrument, 0).decision == "permit" else 0
    for basis in bases.BASES:
        if basis.code and _asked(access, instrument, basis.bit).decision == "permit":
            found |= basis.bit
    return found


def _asked(access: Access, instrument: Instrument, bits: int) -> Answer:
    codes = {"R"} if bits else {"N"}
    codes |= {b.code for b in bases.BASES if b.code and b.bit & bits}
    record = Record("r", "Condition", frozenset(codes), "part2_program" if bits & (bases.PART2 | bases.SUD_COUNSELING) else "non_part2")
    facts: dict[str, Any] = {"satisfactory_assurances": instrument.assured, "against_patient": instrument.against}
    if instrument.words:
        facts["legal_instrument"] = instrument.words
    if "order" not in instrument.words and (own := [b.name for b in bases.BASES if b.bit & bits & _BY_STATE]):
        facts["state_overlay"] = own  # what a law of the state protects no subpoena opens by itself; a court that orders it has weighed that
    return engine.decide(Case(Custodian("part2_program", covered=True, possession="originator"), "release_of_information_clerk", Recipient(instrument.kind), PURPOSE, "disclose", "fhir_api", access.now, facts, records=(record,)))


def why(access: Access, instrument: Instrument, resource: Mapping[str, Any]) -> str:
    """Why something stays, in the words of the policy, with what it cites."""
    bits = 0
    for coding in (resource.get("meta") or {}).get("security", ()):
        bits |= bases.claimed(coding)
    answer = _asked(access, instrument, bits)
    refused = next((step for step in answer.chain if step.effect != "permit"), None)
    if refused is None:
        return "It is not within what the order names."
    return f"{refused.words} ({'; '.join(refused.citations)})" if refused.citations else refused.words
