"""What is decided about: who asks, for whom, why, how; who holds; what the patient said; the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sojourn.gate.policy import tables

_MAJORITY = 18


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who holds the records, whether HIPAA covers them, and how they came by what is Part 2."""

    kind: str = ""
    covered: bool = False
    possession: str = ""
    organization: str = ""
    state: str = ""

    @property
    def program(self) -> bool:
        """Whether the holder is a Part 2 program (42 CFR 2.11)."""
        return self.kind in tables.table("parties")["programs"]

    @property
    def originator(self) -> bool:
        """Whether the holder is the program that made the Part 2 records."""
        return self.program and self.possession in ("originator", "own_records")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who would get the records. None where nobody said."""

    kind: str = ""
    organization: str = ""
    name: str = ""
    state: str = ""
    treating: bool | None = None
    agreement: bool | None = None
    medical: bool | None = None
    network: str = ""

    def is_(self, *roles: str) -> bool:
        """Whether the law takes this recipient for any of these."""
        return not tables.kind_of_recipient(self.kind).isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Consent:
    """One form, directive or opt-out, as signed."""

    kind: str
    state: str = "active"
    recipients: tuple[str, ...] = ()
    purposes: frozenset[str] = frozenset()
    expires: str | None = None
    content: tuple[str, ...] | None = None
    signed: date | None = None
    signed_by: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    combined_with: frozenset[str] = frozenset()
    general_designation: str = ""
    participants: tuple[str, ...] = ()
    patients: frozenset[str] = frozenset()
    revoked_at: str = ""
    irrevocable: bool = False
    event_occurred: bool = False
    names_sud: bool = False
    psychotherapy: bool = False
    categories: frozenset[str] = frozenset()
    period: tuple[date | None, date | None] | None = None
    unread: tuple[str, ...] = ()
    """What of the form could not be understood. Such a form permits nothing."""

    @property
    def denies(self) -> bool:
        """Whether it forbids. What cannot be understood forbids nothing and permits nothing."""
        return bool(tables.table("consents")["kinds"].get(self.kind, {}).get("denies"))


@dataclass(frozen=True, slots=True)
class Restriction:
    """A restriction that the patient asked for: 42 CFR 2.26, 45 CFR 164.522(a)."""

    kind: str
    agreed: bool = True
    applies_to: frozenset[str] | None = None
    recipients: tuple[str, ...] = ()
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """One record and what its labels say."""

    id: str
    type: str = ""
    labels: frozenset[str] = frozenset()
    origin: str = ""
    patient: str = ""
    refers_to: frozenset[str] = frozenset()
    date: date | None = None
    originator: str = ""

    def has(self, group: str) -> bool:
        """Whether a label of the group is on it."""
        return not self.labels.isdisjoint(tables.labels(group))


@dataclass(frozen=True, slots=True)
class Case:
    """One question."""

    custodian: Custodian
    actor: str
    recipient: Recipient
    purpose: str
    action: str
    channel: str
    at: datetime
    context: Mapping[str, Any] = field(default_factory=dict)
    consents: tuple[Consent, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    records: tuple[Record, ...] = ()
    unknown: tuple[str, ...] = ()
    """Fields and values that nobody here understands: with any, nothing is released."""

    def says(self, fact: str) -> bool | None:
        """A stated yes or no; None where nothing was said or something else than yes or no."""
        value = self.context.get(fact)
        return value if isinstance(value, bool) else None

    def true(self, fact: str) -> bool:
        """Whether a fact is stated and true. What was not said is not true."""
        return self.context.get(fact) is True

    @property
    def minor(self) -> bool:
        """Whether the patient is a minor, as stated or by age; the age of majority is that of nearly all states."""
        age = self.context.get("patient_age")
        return self.true("minor") or (isinstance(age, int) and age < _MAJORITY)

    @property
    def inside(self) -> bool:
        """Whether the records stay with the holder's own people, or go back to the patient."""
        return self.recipient.is_("workforce", "patient")

    @property
    def agreement(self) -> bool | None:
        """Whether a written agreement is on file and in date. One stated no is a no."""
        said = (self.recipient.agreement, self.says("written_agreement"))
        if False in said or self.true("agreement_expired"):
            return False
        return True if True in said else None

    @property
    def treating(self) -> bool | None:
        """Whether the recipient treats the patient (42 CFR 2.11), as far as stated."""
        said = (self.recipient.treating, self.says("treating_relationship"))
        return False if False in said else True if True in said else None

    def part2(self, record: Record) -> bool:
        """Whether a record is a Part 2 record: by origin or label (2.11, 2.12; only programs make SUD counseling notes), or because the place says it (2.13(c))."""
        return record.origin != "non_part2" or record.has("part2") or record.has("counseling") or self.true("sud_only_facility")
