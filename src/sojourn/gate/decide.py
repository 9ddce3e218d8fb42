"""Rules become one Decision with reasons; deny wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sojourn.base import errors
from sojourn.gate import bases, reach, rolepurposes
from sojourn.gate.caller import Caller, Program
from sojourn.gate.consenting.membership import EVERYONE, for_purpose
from sojourn.gate.labelrules import LabelRules, shipped
from sojourn.gate.scopes import SCOPED
from sojourn.gate.usual import outside_mask

# Bases that staff may see by their role alone. Part 2 is by program, the notes kept apart by permission of their own,
# and what is unlabelled nobody may see.
_STAFF = ~(bases.UNLABELLED | bases.PART2 | bases.SUD_COUNSELING | bases.PSYCHOTHERAPY) & (2**61 - 1)


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
    def entire(self) -> bool:
        """Whether every program's records of everybody pass: who oversees with less is told of a part."""
        return not (self.redacted or self.related)

    @property
    def unscoped(self) -> tuple[int, list[int], list[str], str, str, bool]:
        """The same without the scopes of a token."""
        return (self.mask & ~SCOPED, *self.args[1:])

    @property
    def args(self) -> tuple[int, list[int], list[str], str, str, bool]:
        """The decision as the gate's SQL functions take it, in their order."""
        return (self.mask, self.programs, self.keys, self.purpose, self.action, self.related)


class Rules:
    """What each role may do, by resource type and action: rows of record.role_rule in force now. labels: by which labels are given."""

    def __init__(
        self, rows: Iterable[tuple[str, Iterable[str], Iterable[str]]], programs: Mapping[int, Program], digest: bytes, labels: LabelRules | None = None, *,
        sites: Mapping[int, frozenset[str]] | None = None, days: Mapping[str, int] | None = None,
        zones: Mapping[int, str] | None = None,
    ) -> None:  # fmt: skip
        """sites: where each program works. days: how long relations of a kind last after they are over, where not as at the start.

        zones: the IANA name of the clock by which each program works, where a place of it says one; of program 0 that of the house.
        """
        self.programs = programs
        self.labels = labels or shipped()
        self.digest = digest
        self.sites = sites or {}
        self.zones = zones or {}
        self.days = {**reach.starting_days(), **(days or {})}
        self._reach: dict[str, frozenset[str]] = {}
        self._purpose: dict[str, str] = {}
        self._allowed: dict[tuple[str, str, str], None] = {}
        for role, types, actions in rows:
            self._reach[role] = self._reach.get(role, frozenset()) | reach.of_actions(actions)
            self._purpose[role] = self._purpose.get(role) or rolepurposes.of_actions(actions)
            for action in actions:
                for type_ in types:
                    self._allowed[role, action, type_] = None

    def allows(self, role: str, action: str, type_: str) -> bool:
        """Whether a role includes an action on a type. What no rule names is denied."""
        return (role, action, type_) in self._allowed or (role, action, "*") in self._allowed

    def reach(self, role: str) -> frozenset[str]:
        """How far a role reaches (reach.REACHES); a role without a reach reaches nobody."""
        return self._reach.get(role, frozenset())

    def purpose(self, role: str) -> str:
        """The purpose of use under which the sessions of a role act."""
        return self._purpose.get(role) or rolepurposes.USUAL

    def types(self, role: str, action: str, all_types: Iterable[str]) -> list[str]:
        """The types on which a role may do this, in the given order."""
        return [t for t in all_types if self.allows(role, action, t)]


def decide(caller: Caller, rules: Rules) -> Decision:
    """The part of the decision that holds for everything this caller asks. Raises nothing: what is not allowed is not in it."""
    if caller.outside:
        keys = [k for k in caller.keys if "/" in k or ":" in k]
        return Decision(outside_mask(caller.purpose), [], [*keys, *(for_purpose(caller.purpose, k) for k in keys), EVERYONE], caller.purpose, "disclose",
                        related=True, redacted=True, reasons=("Outside organizations see what a consent permits and a relation explains.",))  # fmt: skip
    if caller.kind in ("patient", "proxy"):
        return _own_record(caller)
    far = rules.reach(caller.role)
    everywhere = "organization" in far
    mask = _STAFF | reach.ACROSS if everywhere else _STAFF
    keys = reach.keys(caller, far, rules.programs, rules.sites)
    # Whoever reaches everybody and works in every program sees all that staff may see (but the notes kept apart). From all others
    # something may be withheld somewhere, so all their answers are made alike, whether or not it is; also from whom a patient forbade
    # something: where a narrative goes only with what is forbidden, its absence tells of it.
    redacted = caller.denied or not sees_all(caller, rules)
    if caller.purpose in EMERGENCY:
        return Decision(_STAFF, list(caller.programs), [emergency_key(caller.account)], caller.purpose, "use", related=True, redacted=redacted,
                        reasons=("In an emergency staff see whom their declaration named, for as long as it holds (42 CFR 2.51; 45 CFR 164.312(a)(2)(ii)).",))  # fmt: skip
    return Decision(mask, list(caller.programs), keys, caller.purpose, "use", related=not everywhere, redacted=redacted,
                    reasons=("Staff see what their role includes, of those whom it reaches; Part 2 records within their own programs (42 CFR 2.12(c)(3)).",))  # fmt: skip


def sees_all(caller: Caller, rules: Rules) -> bool:
    """Whether somebody reaches the whole organization and works in every program of it."""
    return "organization" in rules.reach(caller.role) and rules.programs.keys() <= set(caller.programs)


def _own_record(caller: Caller) -> Decision:
    """A patient, or who acts for one: the record of that patient and nothing beside it, as copies that leave the organization.

    To the patient all of it goes but the notes kept apart (45 CFR 164.524(a)(1)(i); 42 CFR 2.23 for Part 2 records). To a proxy
    neither Part 2 records without a consent (42 CFR 2.31) nor care to which a minor consented alone (45 CFR 164.502(g)(3); 42 CFR 2.14);
    and to one whom no law but a consent lets act, only what that consent names (45 CFR 164.508, 164.510(b)).
    """
    if caller.kind == "patient":
        mask, keys, who = _STAFF | bases.PART2, [caller.agent] if caller.agent else [], "Patients see their own record."
    else:
        acts = caller.standing
        mask = _STAFF & ~(bases.MINOR | (acts.withheld if acts else 0) | (0 if acts and acts.by_law else bases.ORDINARY))
        keys, who = [caller.agent, for_purpose(caller.purpose, caller.agent)] if caller.agent and acts else [], "Who acts for a patient sees what law and consent let them."
    return Decision(mask, [], keys, caller.purpose, "disclose", related=True, redacted=True, reasons=(who,))


def require(caller: Caller, rules: Rules, action: str, type_: str) -> None:
    """Raise Forbidden unless the role includes the action on the type. Says nothing about any record."""
    if not rules.allows(caller.role, action, type_):
        raise errors.Forbidden(f"Your role does not include {action} on {type_}.")
