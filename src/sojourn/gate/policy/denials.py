"""What the patient forbade: directives, opt-outs, agreed restrictions, self-pay, fundraising.

42 CFR 2.26, 45 CFR 164.522.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date

from sojourn.gate.policy import consents, matching, tables
from sojourn.gate.policy.case import Case, Consent, Record, Restriction
from sojourn.gate.policy.findings import Finding, withhold


def denied(case: Case, record: Record) -> Finding | None:
    """The first wish of the patient that stands against this record. None if none does."""
    for rule in (fundraising, self_pay, restricted, directed, opted_out):
        if found := rule(case, record):
            return found
    return None


def yields_to_emergency(found: Finding) -> bool:
    """Whether an emergency in which consent cannot be obtained goes before it (2.26, 164.522(a)(1)(iii)); a refusal of emergency care does not yield."""
    return (
        found.reason in ("AGREED_RESTRICTION", "PATIENT_DENY", "LATER_DENY_PREVAILS", "SPECIFIC_DENY_PREVAILS", "HIE_OPT_OUT")
        and found.detail != _REFUSED
    )


_REFUSED = "the directive speaks of emergencies"


def fundraising(case: Case, record: Record) -> Finding | None:
    """2.22(b)(1), 2.31(a)(5)(iii): only after a clear chance to opt out, and not to those who did."""
    if case.purpose not in tables.purposes("fundraising"):
        return None
    if any(_applies(r, record) and r.kind == "fundraising_opt_out" for r in case.restrictions):
        return withhold("FUNDRAISING_OPT_OUT")
    return None if case.true("fundraising_opportunity_given") else withhold("FUNDRAISING_OPPORTUNITY_REQUIRED")


def self_pay(case: Case, record: Record) -> Finding | None:
    """2.26(a)(6), 164.522(a)(1)(vi): paid in full, so not to the health plan for payment or operations unless the law requires it."""
    asked = record.has("self_pay") or any(_applies(r, record) and r.kind.startswith("self_pay") for r in case.restrictions)
    money = tables.purposes("payment") | tables.purposes("operations")
    if case.says("paid_in_full") is False:
        return None
    if asked and case.recipient.is_("plan") and case.purpose in money and not case.true("required_by_law"):
        return withhold("SELF_PAY_RESTRICTION")
    return None


def restricted(case: Case, record: Record) -> Finding | None:
    """2.26(a), 164.522(a)(1)(iii): an agreed restriction binds for treatment, payment and operations. One only asked for does not."""
    if case.recipient.is_("patient"):
        return None
    if any(_binds(r, case) and _applies(r, record) for r in case.restrictions):
        return withhold("AGREED_RESTRICTION")
    reasonless = record.has("raised") and not case.part2(record) and record.labels <= tables.labels("confidentiality")
    if (record.has("requested") or reasonless) and not case.inside:
        return withhold("AGREED_RESTRICTION")
    return None


def _applies(restriction: Restriction, record: Record) -> bool:
    return restriction.applies_to is None or record.id in restriction.applies_to


def _binds(restriction: Restriction, case: Case) -> bool:
    if not restriction.agreed or restriction.kind.startswith(("self_pay", "fundraising_opt_out", "confidential_communication")):
        return False
    if restriction.purposes and case.purpose not in restriction.purposes and case.purpose not in tables.purposes("emergency"):
        return False
    if not restriction.recipients:
        return not case.recipient.is_("workforce")
    return matching.names_recipient(Consent("patient_directive_deny", recipients=restriction.recipients), case)


def directed(case: Case, record: Record) -> Finding | None:
    """A directive that names this recipient, purpose and content, unless a later permission as specific has replaced it."""
    for deny in case.consents:
        if deny.kind != "patient_directive_deny" or not _stands(deny, case, record):
            continue
        if any(_replaces(permit, deny, case, record) for permit in case.consents):
            continue
        emergency = tables.purposes("emergency")
        if (case.purpose in emergency and case.purpose in deny.purposes) or "medical_personnel_emergency" in deny.recipients:
            return withhold("PATIENT_DENY", detail=_REFUSED)
        return withhold(_how_it_prevails(deny, case, record))
    return None


def opted_out(case: Case, record: Record) -> Finding | None:
    """171.202(e): nothing through an exchange that the patient opted out of."""
    through = case.recipient.is_("exchange") or case.channel == "tefca_query" or case.custodian.kind == "intermediary"
    if not through or case.inside:
        return None
    outs = (d for d in case.consents if d.kind == "hie_opt_out" and _in_force(d, case) and _about(d, case, record))
    return withhold("HIE_OPT_OUT") if any(_of_this_network(out, case) for out in outs) else None


def _of_this_network(out: Consent, case: Case) -> bool:
    """An opt-out stands for every exchange, unless it names networks and the one at hand is known to be another."""
    names = {word.partition(":")[2] for word in out.recipients if ":" in word}
    here = {case.recipient.organization, case.recipient.name, case.recipient.network} - {""}
    if case.custodian.kind == "intermediary":
        here |= {case.custodian.organization} - {""}
    return len(names) < len(out.recipients) or not names or not here or not names.isdisjoint(here)


def _stands(deny: Consent, case: Case, record: Record) -> bool:
    return _in_force(deny, case) and _about(deny, case, record) and _to(deny, case)


def _in_force(deny: Consent, case: Case) -> bool:
    """A directive needs no form: it stands until taken back or ended. What of it we cannot read makes it stand; a day of signing, as soon as it is that day anywhere."""
    if deny.state in ("revoked", "expired") or consents.ended_later(deny, case):
        return False
    return deny.signed is None or deny.signed <= (case.at.astimezone(UTC) + consents.AHEAD).date()


def _about(deny: Consent, case: Case, record: Record) -> bool:
    purpose = not deny.purposes or case.purpose in deny.purposes or case.purpose in tables.purposes("emergency")
    patient = not (record.patient and deny.patients) or record.patient in deny.patients
    # Nobody knows whether a record without a date lies in the period of which a directive speaks: it stands against that one, too.
    said = deny if record.date else replace(deny, period=None)
    return purpose and patient and matching.covers_content(said, record)


def _to(deny: Consent, case: Case) -> bool:
    if case.recipient.is_("patient"):
        return False
    if not deny.recipients or {"*", "all", "everyone"} & set(deny.recipients):
        return not case.recipient.is_("workforce")
    # A directive against a kind of provider stands whether or not they treat the patient.
    return matching.names_recipient(deny, case) or case.recipient.kind in deny.recipients


def _replaces(permit: Consent, deny: Consent, case: Case, record: Record) -> bool:
    """A later valid permission, for a recipient named as closely, by the same patient."""
    if permit.denies or matching.miss(permit, case, record) is not None:
        return False
    later = permit.signed is not None and deny.signed is not None and permit.signed > deny.signed
    return later and _closeness(permit, case) >= _closeness(deny, case)


def _how_it_prevails(deny: Consent, case: Case, record: Record) -> str:
    against = [p for p in case.consents if not p.denies and matching.miss(p, case, record) is None]
    if not against:
        return "PATIENT_DENY"
    last = max((p.signed or date.min for p in against), default=date.min)
    return "LATER_DENY_PREVAILS" if deny.signed is None or deny.signed >= last else "SPECIFIC_DENY_PREVAILS"


def _closeness(consent: Consent, case: Case) -> int:
    """How closely it names the recipient: 3 by name, 2 by kind, 1 by class, 0 for everyone."""
    found = [0]
    for word in consent.recipients:
        if (
            matching.names_recipient(Consent(consent.kind, recipients=(word,), participants=consent.participants), case)
            or word == case.recipient.kind
        ):
            found.append(1 if word.startswith("class:") else 3 if ":" in word else 2)
    return max(found)
