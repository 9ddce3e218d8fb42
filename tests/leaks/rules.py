"""Who may see what, said a third time and as simply as possible. It imports nothing of the gate, and is slow on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

PART2, COUNSELING, PSYCHOTHERAPY = "part2", "counseling", "psychotherapy"
UNLABELLED, HIV = "unlabelled", "hiv"
ORDINARY = "ordinary"
"""What HIPAA asks for of a record that no other law protects, where it leaves for anything but treatment, payment and operations."""
USUAL = frozenset({"TREAT", "COC", "HPAYMT", "HOPERAT"})

NOT_BY_ROLE = frozenset({PART2, COUNSELING, PSYCHOTHERAPY, UNLABELLED})
"""Laws for which a role in the organization is no permission."""
SHARED = frozenset({"Patient", "RelatedPerson", "Coverage", "Account", "AllergyIntolerance", "Immunization"})
"""Types that several programs keep together."""


@dataclass
class Viewer:
    """Someone who asks. names: what consents and relations call them (staff: also by their programs). everywhere: they need no relation."""

    tenant: int
    programs: frozenset[int]
    outside: bool
    names: frozenset[str]
    purpose: str = "TREAT"
    types: frozenset[str] | None = None
    everywhere: bool = False


@dataclass
class Fact:
    """One resource, as far as it matters for who may see it."""

    tenant: int
    type: str
    id: str
    patient: str | None
    origin: set[int]
    laws: set[str] = field(default_factory=set)
    at: datetime | None = None
    codes: set[str] = field(default_factory=set)
    about: frozenset[str] = frozenset()
    """Of what is in nobody's own chart: whose records it refers to."""


@dataclass
class Grant:
    """What a patient permits or forbids one recipient. None: no limit. law None: whatever the law (only in a deny)."""

    patient: str
    to: str
    purpose: str
    action: str
    law: str | None
    deny: bool = False
    programs: frozenset[int] | None = None
    types: frozenset[str] | None = None
    codes: frozenset[str] | None = None
    data_from: datetime | None = None
    data_to: datetime | None = None
    ids: frozenset[str] | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass
class Relation:
    """Someone has to do with a patient for a while."""

    patient: str
    who: str
    start: datetime | None = None
    end: datetime | None = None
    purposes: frozenset[str] | None = None
    """For which it counts; None: for all. A consent relates those it names for the purposes that it names."""


def during(start: datetime | None, end: datetime | None, moment: datetime | None) -> bool:
    """Whether a moment lies in [start, end). Something without a date lies before everything."""
    if moment is None:
        return start is None
    return (start is None or start <= moment) and (end is None or moment < end)


def may_see(viewer: Viewer, fact: Fact, grants: Iterable[Grant], relations: Iterable[Relation], now: datetime, laws: set[str] | None = None) -> bool:
    """Whether the viewer may see the resource, or a part of it that is under these laws instead of the resource's own."""
    if viewer.tenant != fact.tenant:
        return False
    laws = fact.laws if laws is None else laws
    grants = [g for g in grants if g.patient == fact.patient and _about(g, viewer, fact, now)]
    for grant in grants:
        if grant.deny and (grant.law is None or grant.law in laws):
            return False
    concerned = fact.about if fact.patient is None else {fact.patient}
    if not viewer.everywhere and concerned:
        if not any(r.patient in concerned and r.who in viewer.names and during(r.start, r.end, now) and (r.purposes is None or viewer.purpose in r.purposes) for r in relations):
            return False
    if viewer.outside and viewer.purpose not in USUAL and concerned and not fact.laws & {PART2, COUNSELING, PSYCHOTHERAPY} and not _law(ORDINARY, viewer, fact, grants):
        return False
    return all(_law(law, viewer, fact, grants) for law in laws)


def _law(law: str, viewer: Viewer, fact: Fact, grants: list[Grant]) -> bool:
    """Whether one law lets the viewer see the resource."""
    if law == UNLABELLED:
        return False
    if law == PART2 and _at_home(viewer.programs, fact):
        return True
    if not viewer.outside and law not in NOT_BY_ROLE:
        return True
    return any(not g.deny and g.law == law and (g.programs is None or _at_home(g.programs, fact)) for g in grants)


def _at_home(programs: frozenset[int], fact: Fact) -> bool:
    """Made by these programs; a shared type: by one of them at least."""
    if not fact.origin:
        return False
    return bool(fact.origin & programs) if fact.type in SHARED else fact.origin <= programs


def _about(grant: Grant, viewer: Viewer, fact: Fact, now: datetime) -> bool:
    """Whether a grant speaks of this viewer, this resource and this moment."""
    return (
        grant.to in viewer.names
        and (grant.purpose == viewer.purpose or (grant.deny and grant.purpose == "*"))
        and (grant.action == ("disclose" if viewer.outside else "use") or (grant.deny and grant.action == "*"))
        and during(grant.start, grant.end, now)
        and (not grant.deny or grant.programs is None or bool(fact.origin & grant.programs))
        and (grant.types is None or fact.type in grant.types)
        and (grant.codes is None or bool(fact.codes & grant.codes))
        and in_period(grant, fact)
        and (grant.ids is None or f"{fact.type}/{fact.id}" in grant.ids)
    )


def in_period(grant: Grant, fact: Fact) -> bool:
    """Whether a period of data holds: nobody knows when a record without a date was, so that a permit misses it and a denial hits it; the patient is of no time."""
    if grant.data_from is None and grant.data_to is None:
        return True
    if fact.type == "Patient":
        return not grant.deny
    return grant.deny if fact.at is None else during(grant.data_from, grant.data_to, fact.at)
