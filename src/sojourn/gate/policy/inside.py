"""Within the program and those who serve it: need to know, control, service organizations.

42 CFR 2.12(c)(3)-(4).
"""

from __future__ import annotations

from sojourn.gate.policy import tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def workforce(case: Case, record: Record) -> Finding | None:
    """2.12(c)(3)(i): program personnel with a need that arises from diagnosis, treatment or referral, its payment or operations."""
    if not (case.custodian.originator and case.recipient.is_("workforce")):
        return None
    if case.actor.endswith(tables.table("parties")["actors"]["outside"]):
        return withhold("NOT_PROGRAM_PERSONNEL")
    if case.purpose in tables.purposes("break_glass"):
        return permit("BREAK_GLASS", "MINIMUM_NECESSARY")
    return permit("INTERNAL_NEED_TO_KNOW") if case.purpose in _duties() else None


def same_organization(case: Case, record: Record) -> Finding | None:
    """2.11, 2.12(e)(1): the rest of a hospital is outside its Part 2 unit, whatever system they share."""
    if case.custodian.originator and case.recipient.is_("same_organization"):
        return withhold("NOT_PROGRAM_PERSONNEL")
    return None


def administrative_control(case: Case, record: Record) -> Finding | None:
    """2.12(c)(3)(ii): the entity that directly controls the program, with the same need."""
    if not (case.custodian.originator and case.recipient.is_("administrative_control")):
        return None
    if case.says("administrative_control") is False:
        return withhold("NOT_PROGRAM_PERSONNEL")
    return permit("DIRECT_ADMINISTRATIVE_CONTROL") if case.purpose in _duties() else None


def service_organization(case: Case, record: Record) -> Finding | None:
    """2.11, 2.12(c)(4): a service to the program, under a written agreement; a business associate of a covered program counts as one."""
    associate = case.recipient.kind == "business_associate" and case.custodian.covered and case.agreement is not None
    if not (case.custodian.originator and (case.recipient.is_("service") or associate)):
        return None
    if not case.agreement:
        return withhold("NO_QSO_AGREEMENT")
    return permit("QSO_AGREEMENT") if case.purpose in _duties() else None


def served_by_others(case: Case, record: Record) -> Finding | None:
    """2.12(c)(4): a service organization passes records to its contract agents and back to the program, to nobody else without consent."""
    if case.custodian.kind != "qso":
        return None
    if case.recipient.is_("workforce"):
        return permit("QSO_AGREEMENT")
    back = case.recipient.kind in tables.table("parties")["programs"] and case.action in ("disclose", "redisclose")
    agent = case.recipient.is_("contractor") and case.agreement is True
    return permit("QSO_CONTRACT_AGENT") if (back or agent) and case.purpose in _duties() else withhold("QSO_NO_REDISCLOSURE")


def _duties() -> frozenset[str]:
    return tables.purposes("tpo")
