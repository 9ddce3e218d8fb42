"""Which earlier wish a later permission ends, and which it leaves standing: one condition at a time. No database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sojourn.gate.consenting import drafting, ending, replacing, terms
from sojourn.gate.consenting.drafting import Answers, Recipient

LAKE, HILL, NET = Recipient("Organization/lake"), Recipient("Organization/hill"), Recipient("Organization/net", through="Organization/net", treating=True)
TREATING = Recipient(of_class="treating-provider")
PERMIT = Answers("part2_specific", disclosers=["Organization/sud"], recipients=[LAKE], purposes=["TREAT"], expiry="date", until="2099-01-01")
WISH = Answers("patient_directive_deny", disclosers=["Organization/sud"], recipients=[LAKE], purposes=["TREAT"], expiry="none", grounds="requested")
NOTES = replace(PERMIT, kind="part2_counseling_notes")
REGISTRY = replace(PERMIT, kind="part2_central_registry")
AUTHORIZATION = replace(PERMIT, kind="hipaa_authorization")
PSYCHOTHERAPY = {"securityLabel": [{"system": terms.ACT_CODE, "code": "PSYTHPN"}]}
SOME = [{"reference": {"reference": "Observation/1"}}]


def permit(answers: Answers = PERMIT, *, on: str = "2026-03-02T10:00:00.000Z", patient: str = "Patient/p", **provision: Any) -> dict[str, Any]:
    made = drafting.drafted(patient, answers)
    return {**made, "id": "new", "status": "active", "dateTime": on, "provision": {**made["provision"], **provision}}


def wish(answers: Answers = WISH, *, on: str = "2026-03-01T10:00:00.000Z", **provision: Any) -> dict[str, Any]:
    return permit(answers, on=on, **provision) | {"id": "old"}


@pytest.mark.parametrize(
    ("later", "earlier", "lifted"),
    [
        (permit(), wish(), True),
        (permit(AUTHORIZATION), wish(), True),
        # who signs what
        (permit(patient="Patient/q"), wish(), False),
        (permit(WISH), wish(), False),
        (permit(), permit() | {"id": "old"}, False),
        (permit(), wish(type="permit"), False),
        (permit(type="deny"), wish(), False),
        (permit(), wish(replace(WISH, kind="hie_opt_out")), False),
        (permit(), wish(replace(WISH, grounds="self_pay")), False),
        (permit(), wish() | {"category": [{"coding": [{"code": "HIPAASelfPay"}]}]}, False),
        # when
        (permit(on="2026-02-28T10:00:00.000Z"), wish(), False),
        (permit(on="2026-01-05"), wish(), False),
        (permit(on="2026-03-01"), wish(), False),
        (permit(on="2026-03-01T20:00:00.000Z"), wish(on="2026-03-01"), False),
        (permit(on="2026-03-02"), wish(on="2026-03-01"), True),
        (permit() | {"dateTime": None}, wish(), False),
        (permit(), wish() | {"dateTime": None}, False),
        # whose records
        (permit(replace(PERMIT, disclosers=["Organization/sud", "Organization/mh"])), wish(), True),
        (permit(replace(PERMIT, disclosers=["Organization/mh"])), wish(), False),
        (permit(), wish(replace(WISH, disclosers=["Organization/sud", "Organization/mh"])), False),
        (permit(), wish(replace(WISH, disclosers=[])), False),
        (permit(replace(PERMIT, disclosers=["Organization/all"])), wish(replace(WISH, disclosers=[])), True),
        (permit(replace(PERMIT, disclosers=["Organization/all"])), wish(), True),
        (permit() | {"organization": [{"display": "The clinic"}]}, wish() | {"organization": [{"display": "Another clinic"}]}, False),
        # with whom
        (permit(replace(PERMIT, recipients=[LAKE, HILL])), wish(), True),
        (permit(), wish(replace(WISH, recipients=[LAKE, HILL])), False),
        (permit(), wish(replace(WISH, recipients=[])), False),
        (permit(), wish(replace(WISH, recipients=[LAKE, TREATING])), False),
        (permit(replace(PERMIT, recipients=[LAKE, TREATING])), wish(replace(WISH, recipients=[LAKE, TREATING])), True),
        (permit(replace(PERMIT, recipients=[TREATING])), wish(), False),
        (permit(replace(PERMIT, recipients=[LAKE])), wish(actor=[{"reference": {"reference": "Organization/lake"}}, {"reference": {"display": "My brother"}}]), False),
        (permit(actor=[{"reference": {"display": "Lakeside"}}]), wish(actor=[{"reference": {"display": "My brother"}}]), False),
        (permit(replace(PERMIT, recipients=[NET])), wish(replace(WISH, recipients=[Recipient("Organization/net")])), False),
        (permit(replace(PERMIT, recipients=[NET])), wish(replace(WISH, recipients=[NET])), True),
        (permit(replace(PERMIT, recipients=[replace(LAKE, through="Organization/net")])), wish(), False),
        (permit(replace(PERMIT, recipients=[replace(LAKE, kind="covered_entity_provider")])), wish(), True),
        # for what
        (permit(replace(PERMIT, purposes=["TREAT", "HPAYMT"])), wish(), True),
        (permit(replace(PERMIT, purposes=["HPAYMT"])), wish(), False),
        (permit(), wish(replace(WISH, purposes=["TREAT", "HPAYMT"])), False),
        (permit(), wish(replace(WISH, purposes=[])), False),
        # about what
        (permit(replace(PERMIT, everything=False, categories=["diagnoses"])), wish(), False),
        (permit(replace(PERMIT, everything=False, categories=["diagnoses"])), wish(replace(WISH, everything=False, categories=["diagnoses"])), True),
        (permit(replace(PERMIT, everything=False, categories=["diagnoses"])), wish(replace(WISH, everything=False, categories=["diagnoses", "results"])), False),
        (permit(), wish(replace(WISH, everything=False, categories=["diagnoses"])), True),
        (permit(replace(PERMIT, content="My last visit")), wish(), False),
        (permit(replace(PERMIT, content=drafting.ALL)), wish(), True),
        (permit(replace(PERMIT, data_from="2026-01-01")), wish(), False),
        (permit(code=[{"coding": [{"code": "x"}]}]), wish(), False),
        (permit(data=SOME), wish(), False),
        (permit(provision=[{"type": "deny", "class": [{"code": "Condition"}]}]), wish(), False),
        (permit(NOTES), wish(), False),
        (permit(**{"class": [{"display": "Diagnoses"}]}), wish(), False),
        (permit(modifierExtension=[{"url": "https://elsewhere.example.org/only-on-mondays", "valueBoolean": True}]), wish(), False),
        (permit(AUTHORIZATION, **PSYCHOTHERAPY), wish(), False),
        (permit(REGISTRY), wish(), False),
        (permit(), wish(securityLabel=[{"system": terms.ACT_CODE, "code": "HIV"}]), False),
    ],
)  # fmt: skip
def test_a_wish_ends_only_by_a_later_permission_that_names_all_of_it(later: dict[str, Any], earlier: dict[str, Any], lifted: bool) -> None:
    assert replacing.lifts(later, earlier, "Organization/all") is lifted


def test_where_no_organization_stands_for_all_programs_none_that_is_unnamed_does() -> None:
    assert not replacing.lifts(permit() | {"organization": [{"display": "The clinic"}]}, wish())


@pytest.mark.parametrize(
    ("signed", "earlier", "ends"),
    [
        (permit(), permit(), True), (permit(AUTHORIZATION), permit(), True), (wish(), permit(), True), (wish(), wish(), True),
        (permit(), wish(), False), (drafting.drafted("Patient/p", Answers("treatment")), wish(), False), (wish(replace(WISH, kind="hie_opt_out")), wish(), False),
    ],
)  # fmt: skip
def test_what_the_patient_forbade_is_replaced_by_a_form_of_its_own_kind_only(signed: dict[str, Any], earlier: dict[str, Any], ends: bool) -> None:
    assert replacing.takes_the_place(signed, earlier) is ends


def test_what_ended_says_when_how_and_by_what_and_keeps_the_rest() -> None:
    over = replacing.ended(permit(), "2026-04-01T10:00:00.000Z", "replaced", "Consent/next")
    assert (over["status"], terms.value(over, terms.ENDED_AT), terms.value(over, terms.ENDED_HOW)) == ("inactive", "2026-04-01T10:00:00.000Z", "replaced")
    assert terms.value(over, terms.ENDED_BY) == {"reference": "Consent/next"}
    assert over["provision"] == permit()["provision"]
    assert terms.value(replacing.ended(permit(), "2026-04-01T10:00:00.000Z", "revoked"), terms.ENDED_BY) is None


# --- taking back, and requests ------------------------------------------------------------------------------------------------

CASE = Answers("part2_criminal_justice", recipients=[LAKE], expiry="event", event="end-of-case", irrevocable=True)
PLAN = Recipient("Organization/plan", kind="health_plan")
PAID = replace(WISH, recipients=[PLAN], purposes=["HPAYMT", "HOPERAT"], grounds="self_pay")


def test_only_a_form_for_criminal_justice_is_irrevocable_and_until_its_event_only() -> None:
    held = permit(CASE)
    assert ending.irrevocable(held)
    assert not ending.irrevocable(permit(replace(CASE, irrevocable=False)))
    assert not ending.irrevocable(terms.with_values(permit(), {terms.IRREVOCABLE: {"valueBoolean": True}}))
    assert not ending.irrevocable(terms.with_values(held, {terms.IRREVOCABLE: {"valueBoolean": False}}))
    assert not ending.irrevocable(terms.with_values(held, {terms.EVENT_OCCURRED: {"valueDateTime": "2026-03-01"}}))


@pytest.mark.parametrize(
    ("request_", "must"),
    [
        (wish(PAID), True), (wish(replace(PAID, purposes=["HPAYMT"])), True), (wish(replace(PAID, grounds="requested")), False), (wish(replace(PAID, purposes=[])), False),
        (wish(replace(PAID, purposes=["HPAYMT", "TREAT"])), False), (wish(replace(PAID, recipients=[])), False), (wish(replace(PAID, recipients=[PLAN, HILL])), False),
        (wish(replace(PAID, recipients=[PLAN, replace(HILL, kind="covered_entity_provider")])), False),
    ],
)  # fmt: skip
def test_only_what_was_paid_for_in_full_and_is_kept_from_a_health_plan_for_money_must_be_agreed_to(request_: dict[str, Any], must: bool) -> None:
    assert ending.mandatory(request_) is must
