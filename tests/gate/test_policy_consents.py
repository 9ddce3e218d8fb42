"""Consents, as tables a compliance officer can read: elements, state, end, signer, names, content, combinations, denials."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.test_policy import CLASS, ask, deny, form, results, specific, tpo

WITH_CONSENT = {"ATTACH_NOTICE_2_32", "ATTACH_CONSENT_OR_SCOPE", "LABEL_NORDSCLCD", "RECORD_DISCLOSURE_2_25", "AUDIT"}


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        # 2.31(c)(1) expired: a date lasts to the end of its day
        (specific(expires="2026-11-22"), "SPECIFIC_CONSENT"),
        (specific(expires="2026-11-21"), "CONSENT_EXPIRED"),
        (specific(expires="2026-11-22T11:59:00Z"), "CONSENT_EXPIRED"),
        (specific(expires="2026-11-22T12:01:00Z"), "SPECIFIC_CONSENT"),
        (specific(state="expired"), "CONSENT_EXPIRED"),
        (specific(expires="event:end of the treatment"), "SPECIFIC_CONSENT"),
        (specific(expires="event:end of the treatment", event_occurred=True), "CONSENT_EXPIRED"),
        (tpo(expires="2026-01-01"), "CONSENT_EXPIRED"),
        # 2.31(c)(2) deficient on its face
        (specific(state="deficient"), "CONSENT_DEFICIENT"),
        (specific(missing=["signature"]), "CONSENT_DEFICIENT"),
        (tpo(missing=["redisclosure_statement"]), "CONSENT_DEFICIENT"),
        (tpo(expires=None), "CONSENT_DEFICIENT"),
        (specific(expires="some day"), "CONSENT_DEFICIENT"),
        (specific(signed="2026-12-01"), "CONSENT_DEFICIENT"),
        # 2.31(c)(3) revoked
        (specific(state="revoked"), "CONSENT_REVOKED"),
        (specific(revoked_at="2026-11-01"), "CONSENT_REVOKED"),
        (specific(revoked_at="2026-12-01"), "SPECIFIC_CONSENT"),
        # 2.31(c)(4) materially false
        (specific(state="materially_false"), "CONSENT_FALSE"),
        # what cannot be understood permits nothing
        (specific(state="signed?"), "FAIL_CLOSED"),
        (specific(unheard_of=True), "FAIL_CLOSED"),
    ],
)
def test_a_consent_is_worth_what_its_elements_say(consent: dict[str, Any], reason: str) -> None:
    decision = ask(consents=[consent])
    assert decision.reason == reason
    assert (decision.decision == "permit") is (reason == "SPECIFIC_CONSENT")


@pytest.mark.parametrize(
    ("purposes", "expires", "good"),
    [
        (["TREAT"], "none", True),
        (["HPAYMT", "HOPERAT"], "none", True),
        (["HRESCH"], "none", True),
        (["PUBHLTH"], "none", False),
        (["PATRQT"], "none", False),
    ],
)
def test_a_consent_without_end_is_for_treatment_payment_operations_or_research(purposes: list[str], expires: str, good: bool) -> None:
    """2.31(a)(7)."""
    consent = {**specific(to="public_health_authority"), "purposes": purposes, "expires": expires}
    assert (ask(to="public_health_authority", why=purposes[0], consents=[consent]).decision == "permit") is good


@pytest.mark.parametrize(
    ("signed_by", "facts", "good"),
    [
        (None, {}, True),
        ("patient", {}, True),
        ("guardian", {}, False),
        ("guardian", {"adjudicated_incompetent": True}, True),
        ("guardian", {"lacks_capacity": True}, False),
        ("spouse", {}, False),
        ("personal_representative", {"deceased": True}, True),
        ("spouse", {"deceased": True}, False),
        ("spouse", {"deceased": True, "no_personal_representative": True}, True),
        ("program_director", {"lacks_capacity": True}, False),
        # 2.14: where the minor may consent alone, only the minor's signature counts; else both
        ("minor", {"minor": True, "minor_may_consent": True}, True),
        ("parent", {"minor": True, "minor_may_consent": True}, False),
        ("parent", {"minor": True, "parental_consent_required": True}, False),
        ("minor", {"minor": True, "parental_consent_required": True}, False),
        (["minor", "parent"], {"minor": True, "parental_consent_required": True}, True),
        ("parent", {}, False),
    ],
)
def test_a_consent_counts_if_the_right_person_signed(signed_by: Any, facts: dict[str, Any], good: bool) -> None:
    """2.31(a)(8), 2.14, 2.15."""
    consent = specific() if signed_by is None else specific(signed_by=signed_by)
    assert (ask(consents=[consent], **facts).reason == "SPECIFIC_CONSENT") is good


@pytest.mark.parametrize(
    ("purpose", "good"),
    [
        *(
            (code, True)
            for code in (
                "TREAT",
                "COC",
                "HPAYMT",
                "COVERAGE",
                "ELIGVER",
                "CLMATTCH",
                "COVAUTH",
                "REMITADV",
                "HOPERAT",
                "CAREMGT",
                "HACCRED",
                "HCOMPL",
                "PATSFTY",
            )
        ),
        *(
            (code, False)
            for code in (
                "BTG",
                "ETREAT",
                "CLINTRL",
                "HLEGAL",
                "DONAT",
                "HRESCH",
                "HMARKT",
                "THREAT",
                "PATRQT",
                "TREATDS",
                "POPHLTH",
                "FRAUD",
                "treat",
                "",
                "X",
            )
        ),
    ],
)
def test_a_tpo_consent_covers_the_listed_codes_and_none_of_their_children(purpose: str, good: bool) -> None:
    assert (ask(why=purpose, consents=[tpo()]).decision == "permit") is good


@pytest.mark.parametrize(
    ("signed", "asked", "good"), [("TREAT", "TREAT", True), ("TREAT", "COC", False), ("COC", "TREAT", False), ("HOPERAT", "CAREMGT", False)]
)
def test_a_specific_consent_covers_its_exact_code(signed: str, asked: str, good: bool) -> None:
    assert (ask(why=asked, consents=[specific(purpose=signed)]).decision == "permit") is good


@pytest.mark.parametrize(
    ("named", "to", "attributes", "reason"),
    [
        ("organization:X", "covered_entity_provider", {"organization": "X"}, "SPECIFIC_CONSENT"),
        ("organization:X", "covered_entity_provider", {"organization": "Y"}, "RECIPIENT_NOT_NAMED"),
        ("organization:X", "covered_entity_provider", {}, "RECIPIENT_NOT_NAMED"),
        ("practitioner:Dr Ames", "covered_entity_provider", {"name": "Dr Ames"}, "SPECIFIC_CONSENT"),
        ("covered_entity_provider", "noncovered_provider", {}, "RECIPIENT_NOT_NAMED"),
        ("noncovered_provider", "noncovered_provider", {}, "SPECIFIC_CONSENT"),
        ("covered_entity_provider", "covered_entity_provider", {"treating_relationship": False}, "NO_TREATING_RELATIONSHIP"),
        ("class:my treating providers", "covered_entity_provider", {}, "SPECIFIC_CONSENT"),
        ("class:my treating providers", "health_plan", {}, "RECIPIENT_NOT_NAMED"),
        ("class:my treating providers", "covered_entity_provider", {"treating_relationship": False}, "NO_TREATING_RELATIONSHIP"),
        ("class:my health plans", "health_plan", {}, "SPECIFIC_CONSENT"),
        ("class:everyone who asks", "covered_entity_provider", {}, "RECIPIENT_NOT_NAMED"),
        ("employer", "employer", {}, "SPECIFIC_CONSENT"),
    ],
)
def test_a_recipient_is_named_by_name_kind_or_known_class(named: str, to: str, attributes: dict[str, Any], reason: str) -> None:
    assert ask(to=to, recipient=attributes, consents=[specific(to=named)]).reason == reason


@pytest.mark.parametrize(
    ("to", "good"),
    [("covered_entity_provider", True), ("noncovered_provider", True), ("health_plan", True), ("third_party_payer", True), ("business_associate", True),
     ("same_organization_non_program", True), ("contractor", True), ("employer", False), ("school", False), ("family_member", False), ("researcher", False), ("pdmp", False)],
)  # fmt: skip
def test_the_class_of_a_tpo_consent_has_these_members(to: str, good: bool) -> None:
    assert (ask(to=to, consents=[tpo()]).decision == "permit") is good


@pytest.mark.parametrize(
    ("content", "record", "good"),
    [
        (["MedicationRequest"], "medication", True),
        (["MedicationRequest"], "diagnosis", False),
        (["medications"], "medication", True),
        (["all"], "diagnosis", True),
        ([], "diagnosis", False),
        (["OPIOIDUD"], "medication", True),
        (["OPIOIDUD"], "claim", False),
    ],
)
def test_content_limits_the_consent(content: list[str], record: str, good: bool) -> None:
    """2.31(a)(3)."""
    assert (ask(record, consents=[specific(content=content)]).decision == "permit") is good


def test_a_consent_for_a_period_covers_records_with_a_date_in_it() -> None:
    from tests.gate.test_policy import decided, scenario

    given = scenario("diagnosis", "medication", "claim", consents=[specific(data_period={"start": "2026-01-01", "end": "2026-06-30"})])
    given["records"][0]["date"], given["records"][1]["date"] = "2026-03-03", "2026-09-09"
    assert results(decided(given)) == "permit withhold withhold"


@pytest.mark.parametrize(("period", "good"), [({"start": "2026-03-03"}, True), ({"end": "2026-03-03"}, True), ({"start": "2026-03-04"}, False), ({"end": "2026-03-02"}, False)])
def test_a_period_may_be_open_at_either_end(period: dict[str, str], good: bool) -> None:
    from tests.gate.test_policy import decided, scenario

    given = scenario(consents=[specific(data_period=period)])
    given["records"][0]["date"] = "2026-03-03"
    assert (decided(given).decision == "permit") is good


def test_a_wish_about_a_period_stands_against_what_lies_in_it_and_what_has_no_date() -> None:
    from tests.gate.test_policy import decided, scenario

    given = scenario("diagnosis", "medication", "claim", consents=[tpo(), deny(data_period={"start": "2026-01-01", "end": "2026-06-30"})])
    given["records"][0]["date"], given["records"][1]["date"] = "2026-03-03", "2026-09-09"
    assert results(decided(given)) == "withhold permit withhold"


def test_another_patients_consent_does_not_count() -> None:
    """Group sessions: each patient signs for their own record (2.31(a)(1))."""
    decision = ask("diagnosis", "diagnosis", patients=["p1", "p2"], consents=[tpo(patients=["p1"])])
    assert (results(decision), decision.reason, decision.decision) == ("permit withhold", "PATIENT_NOT_SIGNED", "redact")
    assert results(ask("diagnosis", "diagnosis", patients=["p1", "p2"], consents=[tpo(patients=["p1", "p2"])])) == "permit permit"
    assert results(ask("diagnosis", "diagnosis", patients=["p1", "p2"], consents=[tpo()])) == "withhold withhold"


@pytest.mark.parametrize(
    ("consents", "record", "why", "to", "reason"),
    [
        # 2.31(b)(2): counseling notes with counseling notes only
        ([form("part2_counseling_notes", "covered_entity_provider", "TREAT")], "counseling note", "TREAT", "covered_entity_provider", "COUNSELING_NOTES_CONSENT"),
        ([form("part2_counseling_notes", "covered_entity_provider", "TREAT", combined_with=["part2_counseling_notes"])], "counseling note", "TREAT", "covered_entity_provider", "COUNSELING_NOTES_CONSENT"),
        ([form("part2_counseling_notes", "covered_entity_provider", "TREAT", combined_with=["part2_tpo_single"])], "counseling note", "TREAT", "covered_entity_provider", "INVALID_COMBINATION"),
        ([tpo(combined_with=["part2_counseling_notes"])], "counseling note", "TREAT", "covered_entity_provider", "INVALID_COMBINATION"),
        ([form("part2_counseling_notes", "covered_entity_provider", "TREAT")], "diagnosis", "TREAT", "covered_entity_provider", "NO_CONSENT"),
        ([form("part2_counseling_notes", "covered_entity_provider", "TREAT", state="revoked")], "counseling note", "TREAT", "covered_entity_provider", "CONSENT_REVOKED"),
        ([specific(content=["SUDCN"])], "counseling note", "TREAT", "covered_entity_provider", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
        # 2.31(d): proceedings alone
        ([form("part2_proceedings", "court_or_litigant", "HLEGAL")], "diagnosis", "HLEGAL", "court_or_litigant", "PROCEEDINGS_CONSENT"),
        ([form("part2_proceedings", "court_or_litigant", "HLEGAL", combined_with=["part2_tpo_single"])], "diagnosis", "HLEGAL", "court_or_litigant", "INVALID_COMBINATION"),
        ([{**form("part2_proceedings", "court_or_litigant", "HLEGAL"), "purposes": ["HLEGAL", "TREAT"]}], "diagnosis", "HLEGAL", "court_or_litigant", "INVALID_COMBINATION"),
        ([tpo(combined_with=["part2_proceedings"])], "diagnosis", "HLEGAL", "court_or_litigant", "INVALID_COMBINATION"),
        ([tpo(combined_with=["part2_proceedings"])], "diagnosis", "TREAT", "covered_entity_provider", "TPO_CONSENT"),
        ([form("part2_proceedings", "court_or_litigant", "HLEGAL", expires="2026-01-01")], "diagnosis", "HLEGAL", "court_or_litigant", "CONSENT_EXPIRED"),
    ],
)  # fmt: skip
def test_what_must_stand_alone_stands_alone(consents: list[dict[str, Any]], record: str, why: str, to: str, reason: str) -> None:
    assert ask(record, why=why, to=to, consents=consents).reason == reason


def test_a_form_whose_general_part_is_honoured_is_looked_at_by_a_person() -> None:
    assert "PRIVACY_REVIEW" in ask(consents=[tpo(combined_with=["part2_counseling_notes"])]).obligations
    assert "PRIVACY_REVIEW" not in ask(consents=[tpo()]).obligations


@pytest.mark.parametrize(
    ("consents", "reason"),
    [
        ([tpo(signed="2026-02-01"), deny(signed="2026-10-01")], "LATER_DENY_PREVAILS"),
        ([tpo(signed="2026-02-01"), deny()], "LATER_DENY_PREVAILS"),
        ([tpo(), deny(purpose="HPAYMT")], "TPO_CONSENT"),
        ([tpo(), deny(to="health_plan")], "TPO_CONSENT"),
        ([tpo(), deny(state="revoked")], "TPO_CONSENT"),
        ([tpo(), deny(content=["MedicationRequest"])], "TPO_CONSENT"),
        ([tpo(signed="2026-02-01"), deny(to=None, purpose=None, signed="2026-03-01")], "LATER_DENY_PREVAILS"),
        # an earlier denial of one kind of recipient is more particular than a later consent to a class
        ([deny(signed="2026-02-01"), tpo(signed="2026-10-01")], "SPECIFIC_DENY_PREVAILS"),
        # a later permission that names as closely replaces it
        ([deny(signed="2026-02-01"), specific(signed="2026-10-01")], "SPECIFIC_CONSENT"),
        ([deny(to="organization:X", signed="2026-02-01"), specific(to="organization:X", signed="2026-10-01")], "SPECIFIC_CONSENT"),
        ([deny(to="organization:X", signed="2026-02-01"), specific(signed="2026-10-01")], "SPECIFIC_DENY_PREVAILS"),
        ([deny()], "PATIENT_DENY"),
    ],
)
def test_the_later_or_more_particular_wish_of_the_patient_counts(consents: list[dict[str, Any]], reason: str) -> None:
    assert ask(recipient={"organization": "X"}, consents=consents).reason == reason


@pytest.mark.parametrize(
    ("restriction", "to", "why", "result"),
    [
        ({"kind": "self_pay_health_plan"}, "health_plan", "HPAYMT", "withhold"),
        ({"kind": "self_pay_health_plan"}, "health_plan", "HOPERAT", "withhold"),
        ({"kind": "self_pay_health_plan"}, "health_plan", "TREAT", "permit"),
        ({"kind": "self_pay_health_plan"}, "covered_entity_provider", "HPAYMT", "permit"),
        ({"kind": "agreed_restriction"}, "covered_entity_provider", "TREAT", "withhold"),
        ({"kind": "agreed_restriction", "agreed": False}, "covered_entity_provider", "TREAT", "permit"),
        ({"kind": "requested"}, "covered_entity_provider", "TREAT", "permit"),
        ({"kind": "agreed_restriction", "recipients": ["health_plan"]}, "covered_entity_provider", "TREAT", "permit"),
        ({"kind": "agreed_restriction", "recipients": ["health_plan"]}, "health_plan", "HPAYMT", "withhold"),
        ({"kind": "agreed_restriction", "applies_to": ["r9"]}, "covered_entity_provider", "TREAT", "permit"),
        ({"kind": "a kind nobody knows"}, "covered_entity_provider", "TREAT", "withhold"),
    ],
)
def test_an_agreed_restriction_binds_and_a_mere_request_does_not(restriction: dict[str, Any], to: str, why: str, result: str) -> None:
    """2.26, 45 CFR 164.522(a)."""
    assert results(ask(to=to, why=why, consents=[tpo()], restrictions=[restriction])) == result


def test_the_law_can_require_what_was_paid_out_of_pocket() -> None:
    paid = {"kind": "self_pay_health_plan", "applies_to": ["r1"]}
    assert results(ask("claim", to="health_plan", why="HPAYMT", consents=[tpo()], restrictions=[paid], required_by_law=True)) == "permit"


@pytest.mark.parametrize(
    ("to", "via", "at", "reason"),
    [
        ("business_associate_hie", "fhir_api", "program", "HIE_OPT_OUT"),
        ("covered_entity_provider", "tefca_query", "program", "HIE_OPT_OUT"),
        ("covered_entity_provider", "fhir_api", "program", "TPO_CONSENT"),
        ("covered_entity_provider", "fhir_api", "intermediary", "HIE_OPT_OUT"),
    ],
)
def test_an_opt_out_holds_for_exchange_and_not_for_direct_care(to: str, via: str, at: str, reason: str) -> None:
    out = {"kind": "hie_opt_out", "state": "active", "recipients": ["business_associate_hie"], "purposes": []}
    assert ask(to=to, via=via, at=at, consents=[tpo(), out]).reason == reason


def test_each_disclosure_with_consent_carries_notice_scope_and_marks() -> None:
    assert set(ask(consents=[tpo()]).obligations) == WITH_CONSENT
    assert set(ask(consents=[tpo()], why="HPAYMT", to="health_plan").obligations) == WITH_CONSENT | {"MINIMUM_NECESSARY"}
    assert (
        "RECORD_DISCLOSURE_2_25"
        not in ask(at="covered recipient of a specific consent", does="redisclose", consents=[specific()]).obligations
    )


def test_the_text_of_a_class_needs_no_prefix_to_be_a_class() -> None:
    assert ask(consents=[tpo(recipients=[CLASS.removeprefix("class:")])]).reason == "TPO_CONSENT"
    assert ask(consents=[tpo(recipients=["my treating provider's friends"])]).reason == "RECIPIENT_NOT_NAMED"
