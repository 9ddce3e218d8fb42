"""Rules become one Decision with reasons; deny wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sojourn.base import errors
from sojourn.gate import bases
from sojourn.gate.caller import Caller, Program
from sojourn.gate.consenting.membership import EVERYONE
from sojourn.gate.labelrules import LabelRules, shipped

# Bases that staff may see by their role alone. Part 2 is by program, the notes kept apart by permission of their own,
# and what is unlabelled nobody may see.
_STAFF = ~(bases.UNLABELLED | bases.PART2 | bases.SUD_COUNSELING | bases.PSYCHOTHERAPY) & (2**63 - 1)


EMERGENCY = ("BTG", "ETREAT")
"""Purposes of an emergency (v3-ActReason). A staff member who asks with one of them has only what an emergency of theirs opens."""


def emergency_key(account: str) -> str:
    """The key that the relations and grants of an account's emergencies name."""
    return f"emergency:{account}"


def staff_mask() -> int:
    """Bases that staff may see by their role alone."""
    return _STAFF


@dataclass(frozen=True, slots=True)
class Decision:
    """What may pass, and why. Made once; rendered as SQL by enforce.predicate, and bound as it is by the gate's functions.

    mask: bases that pass as such. programs: origins whose Part 2 records pass. keys, purpose, action: what a consent must name.
    related: whether a relation to the patient is required. redacted: whether every answer is stripped of narrative and the
    like (a property of the caller, never of what was hidden).
    """

    mask: int
    programs: list[int]
    keys: list[str]
    purpose: str
    action: str
    related: bool
    redacted: bool
    reasons: tuple[str, ...] = field(default=())

    @property
    def args(self) -> tuple[int, list[int], list[str], str, str, bool]:
        """The decision as the gate's SQL functions take it, in their order."""
        return (self.mask, self.programs, self.keys, self.purpose, self.action, self.related)


class Rules:
    """What each role may do, by resource type and action: rows of record.role_rule in force now. labels: by which labels are given."""

    def __init__(
        self, rows: Iterable[tuple[str, Iterable[str], Iterable[str]]], programs: Mapping[int, Program], digest: bytes, labels: LabelRules | None = None
    ) -> None:
        self.programs = programs
        self.labels = labels or shipped()
        self.digest = digest
        self._allowed: dict[tuple[str, str, str], None] = {}
        for role, types, actions in rows:
            for action in actions:
                for type_ in types:
                    self._allowed[role, action, type_] = None

    def allows(self, role: str, action: str, type_: str) -> bool:
        """Whether a role includes an action on a type. What no rule names is denied."""
        return (role, action, type_) in self._allowed or (role, action, "*") in self._allowed

    def types(self, role: str, action: str, all_types: Iterable[str]) -> list[str]:
        """The types on which a role may do this, in the given order."""
        return [t for t in all_types if self.allows(role, action, t)]


def decide(caller: Caller, rules: Rules) -> Decision:
    """The part of the decision that holds for everything this caller asks. Raises nothing: what is not allowed is not in it."""
    if caller.outside:
        return Decision(0, [], [*caller.keys, EVERYONE], caller.purpose, "disclose", related=True, redacted=True,
                        reasons=("Outside organizations see what a consent permits and a relation explains.",))  # fmt: skip
    part2 = {p.number for p in rules.programs.values() if p.part2}
    redacted = not part2 <= set(caller.programs)
    if caller.purpose in EMERGENCY:
        return Decision(_STAFF, list(caller.programs), [emergency_key(caller.account)], caller.purpose, "use", related=True, redacted=redacted,
                        reasons=("In an emergency staff see whom their declaration named, for as long as it holds (42 CFR 2.51; 45 CFR 164.312(a)(2)(ii)).",))  # fmt: skip
    return Decision(_STAFF, list(caller.programs), list(caller.keys), caller.purpose, "use", related=False, redacted=redacted,
                    reasons=("Staff see what their role includes; Part 2 records within their own programs (42 CFR 2.12(c)(3)).",))  # fmt: skip


def require(caller: Caller, rules: Rules, action: str, type_: str) -> None:
    """Raise Forbidden unless the role includes the action on the type. Says nothing about any record."""
    if not rules.allows(caller.role, action, type_):
        raise errors.Forbidden(f"Your role does not include {action} on {type_}.")
