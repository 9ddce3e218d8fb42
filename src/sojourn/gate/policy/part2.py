"""42 CFR Part 2 for one record: the rules in their order, and which answer counts."""

from __future__ import annotations

from collections.abc import Callable

from sojourn.gate.policy import consenting, courts, exceptions, holders, inside, patients
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import Finding

Rule = Callable[[Case, Record], "Finding | None"]

WITHOUT_CONSENT: tuple[Rule, ...] = (
    patients.own,
    patients.stand_in,
    exceptions.emergency,
    exceptions.fda,
    exceptions.minor_in_danger,
    exceptions.cause_of_death,
    exceptions.research,
    exceptions.audit,
    exceptions.public_health,
    exceptions.deidentified,
)
"""Exceptions of subpart D and their kin. Any that permits suffices: OR within one legal basis."""

BETWEEN: tuple[Rule, ...] = (
    inside.workforce,
    inside.administrative_control,
    inside.service_organization,
    inside.served_by_others,
    holders.held,
    exceptions.fundraising,
    consenting.consented,
)
"""Who holds the records, whom they are with, what the patient signed."""

REFUSALS: tuple[Rule, ...] = (
    patients.own,
    exceptions.emergency,
    inside.workforce,
    inside.administrative_control,
    inside.service_organization,
    exceptions.monitoring_program,
    exceptions.registry,
    inside.served_by_others,
    holders.held,
    consenting.consented,
    inside.same_organization,
    exceptions.audit,
    exceptions.public_health,
    exceptions.research,
    exceptions.fda,
    patients.stand_in,
    exceptions.threat,
    holders.prohibited,
    consenting.no_consent,
)
"""If nothing permits, the first that refuses says why."""


def permitted(case: Case, record: Record) -> Finding:
    """The answer of Part 2 for one record. The bar on proceedings comes first and is final."""
    if barred := courts.proceedings(case, record):
        return barred
    found = [f for rule in (*WITHOUT_CONSENT, *BETWEEN) if (f := rule(case, record)) and f.permits]
    return found[0] if found else next(f for rule in REFUSALS if (f := rule(case, record)))


def exception(case: Case, record: Record) -> Finding | None:
    """What would permit this without consent; for notes that no exception reaches."""
    outside = [f for rule in WITHOUT_CONSENT if (f := rule(case, record)) and f.permits]
    barred = courts.proceedings(case, record)
    return next(iter(outside), None) or (barred if barred and barred.permits and not barred.flag("consented") else None)
