"""Where the shared scenarios and the law may differ: each point of docs/policy.md, so that a change of mind is a change here."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.policy.tables import table
from tests.gate.test_policy import ask, decided, shared
from tests.shared import needs_shared


def named(number: str) -> dict[str, Any]:
    return next(s for s in shared() if s["id"] == number)


@needs_shared
@pytest.mark.parametrize("number", ["CS-065", "CS-067", "CS-077", "CS-079", "CS-080"])
def test_disclosures_that_hipaa_would_account_for_follow_the_scenarios(number: str) -> None:
    """45 CFR 164.528(a)(1) excludes treatment, payment, operations and authorization, not court orders, coroners or research waivers."""
    assert "RECORD_DISCLOSURE_164_528" not in decided(named(number)).obligations


def test_the_same_disclosures_under_hipaa_alone_are_accounted_for() -> None:
    for question in (
        {"to": "coroner", "why": "PUBHLTH"},
        {"to": "researcher", "why": "HRESCH", "waiver_documented": True},
        {"to": "court_or_litigant", "why": "HLEGAL", "legal_instrument": "court_order"},
    ):
        assert "RECORD_DISCLOSURE_164_528" in ask("allergy", at="clinic", **question).obligations


@needs_shared
@pytest.mark.parametrize("number", ["CS-067", "CS-079"])
def test_orders_of_2_65_and_2_66_release_without_a_subpoena(number: str) -> None:
    """42 CFR 2.61(a): such an order authorizes and does not compel."""
    assert decided(named(number)).decision == "permit"


def test_an_order_of_2_64_waits_for_a_person_without_a_subpoena() -> None:
    decision = ask(to="court_or_litigant", why="HLEGAL", legal_instrument="court_order_2_64")
    assert (decision.reason, "LEGAL_REVIEW" in decision.obligations) == ("SUBPOENA_ALSO_REQUIRED", True)


@needs_shared
def test_a_counseling_note_withheld_from_the_patient_is_a_request_not_yet_decided() -> None:
    """45 CFR 164.524(b)."""
    assert "AUDIT" in decided(named("CS-091")).obligations


@needs_shared
def test_a_privacy_review_stands_for_the_reviews_of_an_emergency() -> None:
    assert not {"MINIMUM_NECESSARY", "POST_ACCESS_REVIEW"} & set(decided(named("CS-061")).obligations)
    assert {"MINIMUM_NECESSARY", "POST_ACCESS_REVIEW"} <= set(decided(named("CS-055")).obligations)


def test_every_citation_names_a_law() -> None:
    for code, entry in table("reasons").items():
        if isinstance(entry, dict):
            assert all(cite.startswith(("42 CFR ", "45 CFR ", "42 U.S.C. ", "38 U.S.C. ", "state overlay")) for cite in entry["cite"]), code
