"""A scenario as it is written becomes a case: what each field says, and that whatever is not understood is named and releases nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sojourn.gate.policy.case import Case, Consent, Custodian, Recipient, Record, Restriction
from sojourn.gate.policy.reading import case
from sojourn.gate.policy.tables import spellings
from tests.gate.test_policy import NOW, ask, decided, deny, scenario, specific, tpo

WHOLE: dict[str, Any] = {
    "id": "s1",
    "custodian": {"kind": "part2_program", "hipaa_covered": True, "possession": "originator", "name": "Riverbend", "state": "OH"},
    "request": {
        "actor": "clinician_in_program", "purpose": "TREAT", "action": "disclose", "channel": "fhir_api", "as_of": "2026-03-01T08:00:00",
        "recipient": {"kind": "covered_entity_provider", "organization": "Harbor", "practitioner": "Ames", "state": "KY", "treating_relationship": True, "agreement_on_file": False, "medical_personnel": True, "network": "Net"},
        "context": {"emergency": True, "minor_age": 15, "instrument": "subpoena", "state_overlays": ["hiv_written_release"], "lookback_years": "3", "needed_for_purpose": ["r1"], "deceased": None, "note": "for the reader"},
    },
    "consents": [{
        "kind": "part2_specific", "status": "revoked", "recipients": "organization:Harbor", "purposes": ["TREAT", ""], "expires": "2027-06-30", "content": ["Condition"], "signed_on": "2026-01-02T10:00:00Z", "signers": ["patient"],
        "missing": ["purpose"], "combined_with": "part2_tpo_single", "general_designation": "participants", "named_participants": ["Ames"], "patient": "p1", "revoked_on": "2026-02-01", "irrevocable_until": "2026-05-01",
        "expiry_event_occurred": True, "names_sud_information": True, "names_psychotherapy_notes": True, "labels": ["HIV"], "data_period": {"start": "2026-01-01", "end": "2026-02-01"}, "discloser": "Riverbend", "note": "as signed",
    }],
    "restrictions": [{"kind": "agreed", "agreed": True, "records": ["r1"], "recipients": ["health_plan"], "purposes": "HPAYMT", "note": "by letter"}],
    "records": [{"id": "r1", "type": "Condition", "labels": ["R", "42CFRPart2"], "origin": "part2_program", "patient": "p1", "diagnosis": "r2", "date": "2026-02-03T09:00:00Z", "author": "Bell", "title": "Opioid use"}],
}  # fmt: skip


def test_every_field_is_read_under_each_of_its_names() -> None:
    assert case(WHOLE, NOW) == Case(
        custodian=Custodian("part2_program", True, "originator", "Riverbend", "OH"),
        actor="clinician_in_program",
        recipient=Recipient("covered_entity_provider", "Harbor", "Ames", "KY", treating=True, agreement=False, medical=True, network="Net"),
        purpose="TREAT",
        action="disclose",
        channel="fhir_api",
        at=datetime(2026, 3, 1, 8, tzinfo=UTC),
        context={"bona_fide_emergency": True, "patient_age": 15, "legal_instrument": "subpoena", "state_overlay": ["hiv_written_release"], "lookback_years": "3", "needed_for_purpose": ["r1"]},
        consents=(
            Consent(
                "part2_specific", "revoked", ("organization:Harbor",), frozenset({"TREAT"}), "2027-06-30", ("Condition",), date(2026, 1, 2), frozenset({"patient"}), ("purpose",), frozenset({"part2_tpo_single"}), "participants",
                ("Ames",), frozenset({"p1"}), "2026-02-01", irrevocable=True, event_occurred=True, names_sud=True, psychotherapy=True, categories=frozenset({"HIV"}), period=(date(2026, 1, 1), date(2026, 2, 1)),
            ),
        ),
        restrictions=(Restriction("agreed", True, frozenset({"r1"}), ("health_plan",), frozenset({"HPAYMT"})),),
        records=(Record("r1", "Condition", frozenset({"R", "42CFRPart2"}), "part2_program", "p1", frozenset({"r2"}), date(2026, 2, 3), "Bell"),),
    )  # fmt: skip


def test_what_is_not_said_is_nothing_and_never_a_yes() -> None:
    bare = case({"custodian": {}, "request": {"recipient": {}}, "consents": [{"kind": "part2_specific"}], "restrictions": [{}], "records": [{"origin": "non_part2"}]}, NOW)
    assert bare == Case(Custodian(), "", Recipient(), "", "", "", NOW, {}, (Consent("part2_specific"),), (Restriction(""),), (Record("", origin="non_part2"),))


FINE = {**WHOLE, "consents": [tpo()], "restrictions": [{"kind": "confidential_communication"}], "request": {**WHOLE["request"], "context": {}}}
"""The same where everything is permitted."""


def test_a_fact_may_be_a_word_a_number_or_a_list_where_it_is_one() -> None:
    facts: dict[str, Any] = {"scopes": "patient/*.rs", "state": "OH", "state_overlay": "hiv_written_release", "lookback_years": 6}
    assert case({**FINE, "request": {**FINE["request"], "context": facts}}, NOW).context == facts
    assert case({k: v for k, v in FINE.items() if k not in ("consents", "restrictions", "records")}, NOW).unknown == ()


PARTS = {"custodian": "custodian", "request": "request", "recipient": "recipient", "context": "context", "consents": "consent", "restrictions": "restriction", "records": "record"}


def changed(path: str, value: Any, whole: dict[str, Any] = WHOLE) -> dict[str, Any]:
    """A scenario with one value changed, said under no other name; of a list its first."""
    made = {**whole, "request": {**whole["request"], "context": {}}}
    *way, last = path.split(".")
    at = made
    for step in way:
        at[step] = [dict(at[step][0])] if isinstance(at[step], list) else dict(at[step])
        at = at[step][0] if isinstance(at[step], list) else at[step]
    spelled = spellings(PARTS[way[-1]]) if way else {}
    for other in [name for name in at if last in spelled and spelled.get(name) == spelled[last]]:
        del at[other]
    at[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("requests", {}, "field requests"),
        ("custodian", None, "custodian is missing or no object"),
        ("request", [], "request is missing or no object"),
        ("request.recipient", "somebody", "recipient is missing or no object"),
        ("request.context", ["emergency"], "context is missing or no object"),
        ("consents", {}, "consents is no list"),
        ("restrictions", "none", "restrictions is no list"),
        ("records", 0, "records is no list"),
        ("restrictions", [None], "restriction is missing or no object"),
        ("records", ["r1"], "record is missing or no object"),
        ("custodian.owner", "x", "custodian.owner"),
        ("request.urgency", "x", "request.urgency"),
        ("request.recipient.role", "x", "recipient.role"),
        ("request.context.sealed", True, "context.sealed"),
        ("restrictions.until", "x", "restriction.until"),
        ("records.sealed", True, "record.sealed"),
        ("custodian.kind", "hospital", "value of custodian.kind"),
        ("custodian.kind", ["part2_program"], "value of custodian.kind"),
        ("custodian.hipaa_covered", "yes", "value of custodian.hipaa_covered"),
        ("custodian.possession", "found", "value of custodian.possession"),
        ("custodian.organization", 7, "value of custodian.organization"),
        ("custodian.state", 39, "value of custodian.state"),
        ("request.actor", {"kind": "nurse"}, "value of request.actor"),
        ("request.purpose", ["TREAT"], "value of request.purpose"),
        ("request.action", "sell", "value of request.action"),
        ("request.channel", "pigeon", "value of request.channel"),
        ("request.as_of", "yesterday", "value of evaluation_time"),
        ("request.recipient.kind", "acquaintance", "value of recipient.kind"),
        ("request.recipient.organization", 1, "value of recipient.organization"),
        ("request.recipient.practitioner", 1, "value of recipient.name"),
        ("request.recipient.state", 1, "value of recipient.state"),
        ("request.recipient.network", 1, "value of recipient.participant_of"),
        ("request.recipient.treating_relationship", "yes", "value of recipient.treating_relationship"),
        ("request.recipient.agreement_on_file", 1, "value of recipient.written_agreement"),
        ("request.recipient.medical_personnel", "no", "value of recipient.medical_personnel"),
        ("request.context.emergency", "true", "value of context.bona_fide_emergency"),
        ("request.context.emergency", 1, "value of context.bona_fide_emergency"),
        ("request.context.minor_age", "15", "value of context.patient_age"),
        ("request.context.minor_age", True, "value of context.patient_age"),
        ("request.context.instrument", True, "value of context.legal_instrument"),
        ("request.context.smart_scopes", ["patient/*.rs"], "value of context.scopes"),
        ("request.context.home_state", 39, "value of context.state"),
        ("request.context.needed_for_purpose", "r1", "value of context.needed_for_purpose"),
        ("request.context.state_overlay", {"hiv": True}, "value of context.state_overlay"),
        ("request.context.lookback_years", True, "value of context.lookback_years"),
        ("restrictions.kind", 1, "value of restriction.kind"),
        ("restrictions.records", {"r1": True}, "value of restriction.applies_to"),
        ("restrictions.recipients", [7], "value of restriction.recipients"),
        ("restrictions.purposes", [None], "value of restriction.purposes"),
        ("records.id", 1, "value of record.id"),
        ("records.type", None, ""),
        ("records.type", 1, "value of record.type"),
        ("records.labels", [{"code": "HIV"}, "N"], "value of record.labels"),
        ("records.labels", ["HIV2"], "label HIV2"),
        ("records.origin", None, "value of record.origin"),
        ("records.origin", "elsewhere", "value of record.origin"),
        ("records.patient", {"reference": "Patient/p1"}, "value of record.patient"),
        ("records.references", [1], "value of record.refers_to"),
        ("records.date", "spring", "value of record.date"),
        ("records.author", 1, "value of record.originator"),
    ],
)
def test_what_is_not_understood_is_named_and_releases_nothing(path: str, value: Any, named: str) -> None:
    given = changed(path, value)
    assert named in case(given, NOW).unknown if named else case(given, NOW).unknown == ()
    assert decided(FINE).decision == "permit"
    if named:
        assert decided(changed(path, value, FINE)).decision == "deny"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("state", "asleep", "value of consent.state"),
        ("recipients", [{"reference": "Organization/1"}, "covered_entity_provider"], "value of consent.recipients"),
        ("purposes", ["TREAT", 1], "value of consent.purposes"),
        ("expires", 2027, "value of consent.expires"),
        ("content", [["Condition"]], "value of consent.content"),
        ("signed", "spring", "value of consent.signed"),
        ("signed_by", 1, "value of consent.signed_by"),
        ("missing", [1], "value of consent.missing"),
        ("combined_with", [1], "value of consent.combined_with"),
        ("general_designation", 1, "value of consent.general_designation"),
        ("participants", [1], "value of consent.participants"),
        ("patients", [1], "value of consent.patients"),
        ("categories", [1], "value of consent.categories"),
        ("data_period", "2026", "value of consent.data_period"),
        ("data_period", {"start": "spring"}, "value of consent.data_period"),
        ("data_period", {"end": "spring"}, "value of consent.data_period"),
        ("seal", "broken", "consent.seal"),
    ],
)
def test_a_form_of_which_something_is_not_understood_permits_nothing_and_stops_no_other(field: str, value: Any, named: str) -> None:
    (read,) = case(scenario(consents=[{**specific(), field: value}]), NOW).consents
    assert read.unread == (named,)
    assert ask(consents=[{**specific(), field: value}]).decision == "deny"
    assert ask(consents=[{**specific(), field: value}, tpo()]).decision == "permit"
    assert ask(consents=[specific()]).decision == "permit"
    assert case(scenario(consents=[{**specific(), field: value}]), NOW).unknown == ()


@pytest.mark.parametrize(
    ("paper", "named"),
    [
        ({**specific(), "kind": "letter"}, "value of consent.kind"),
        ({**specific(), "kind": ["part2_specific"]}, "value of consent.kind"),
        ({**deny(), "kind": "patient_denial"}, "value of consent.kind"),
        (None, "consent is missing or no object"),
        ("part2_tpo_single", "consent is missing or no object"),
    ],
)
def test_a_paper_of_a_kind_that_nobody_understands_could_be_what_forbids(paper: Any, named: str) -> None:
    given = scenario(consents=[tpo(), paper])
    assert case(given, NOW).unknown == (named,)
    assert (decided(given).decision, decided(given).reason) == ("deny", "FAIL_CLOSED")


@pytest.mark.parametrize("overlay", [[None], ["hiv_written_release", 1]])
def test_an_overlay_that_is_no_word_is_named(overlay: list[Any]) -> None:
    given = scenario(consents=[tpo()], state_overlay=overlay)
    assert (case(given, NOW).unknown, decided(given).decision) == (("value of context.state_overlay",), "deny")


@pytest.mark.parametrize(("field", "value"), [("content", [{"type": "Claim"}]), ("recipients", [{"reference": "Organization/1"}]), ("purposes", ["HPAYMT", 1]), ("patients", [1]), ("data_period", {"start": "spring", "end": None})])
def test_a_wish_of_which_something_is_not_understood_stands_against_all_that_it_could_mean(field: str, value: Any) -> None:
    assert ask(consents=[tpo(), deny(**{field: value})]).decision == "deny"


@pytest.mark.parametrize(("said", "agreed"), [(True, True), (None, True), ("agreed", True), (False, False), ("requested", False), ("denied", False), ("not_agreed", False)])
def test_a_restriction_is_agreed_unless_it_says_otherwise(said: Any, agreed: bool) -> None:
    (read,) = case(changed("restrictions.agreed", said), NOW).restrictions
    assert read.agreed is agreed


@pytest.mark.parametrize(
    ("kind", "agreed"),
    [("requested_by_letter", False), ("patient_requested", False), ("not_agreed_to", False), ("requested_not_agreed", False), ("pending", False), ("declined", False), ("requested_and_agreed", True), ("agreed", True), ("denied_to_plan", True), ("of_some_kind", True)],
)  # fmt: skip
def test_a_restriction_that_was_only_asked_for_says_so_by_its_kind(kind: str, agreed: bool) -> None:
    (read,) = case(changed("restrictions", [{"kind": kind}]), NOW).restrictions
    assert read.agreed is agreed


def test_what_is_stated_of_a_restriction_counts_before_its_kind() -> None:
    (read,) = case(changed("restrictions", [{"kind": "requested", "agreed": True}]), NOW).restrictions
    assert read.agreed is True


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("said", "known", "unknown"),
    [
        ({"baa": True, "qsoa": False}, {}, ("context.written_agreement said twice, differently",)),
        ({"baa": True, "qsoa": True}, {"written_agreement": True}, ()),
        ({"baa": True, "qsoa": None}, {"written_agreement": True}, ()),
        ({"minor": True, "is_minor": 1}, {}, ("context.minor said twice, differently",)),
        ({"bona_fide_emergency": True, "medical_emergency": False}, {}, ("context.bona_fide_emergency said twice, differently",)),
        ({"irb_waiver": False, "common_rule_met": True}, {"waiver_documented": True}, ()),
        ({"crime_on_premises": False, "crime_against_personnel": True}, {"crime_on_premises": True}, ()),
        ({"patient_unconscious": True}, {"consent_obtainable": False}, ()),
        ({"patient_unconscious": True, "consent_obtainable": True}, {}, ("context.consent_obtainable said twice, differently",)),
        ({"sls_down": True}, {"sls_available": False}, ()),
        ({"sls_down": "yes"}, {}, ("value of context.sls_available",)),
    ],
)  # fmt: skip
def test_a_fact_in_two_spellings_is_what_both_say(said: dict[str, Any], known: dict[str, Any], unknown: tuple[str, ...], order: int) -> None:
    read = case(changed("request.context", dict(list(said.items())[::order])), NOW)
    assert ({k: v for k, v in read.context.items() if v is not None}, read.unknown) == (known, unknown)


@pytest.mark.parametrize(
    ("field", "value", "read", "unread"),
    [
        ("names_hiv_information", True, {"HIV"}, ()),
        ("names_hiv_information", False, set(), ()),
        ("names_mental_health_information", True, {"MH", "PSY", "BH"}, ()),
        ("names_hiv_information", "yes", set(), ("consent.names_hiv_information",)),
        ("names_lunar_information", True, set(), ("consent.names_lunar_information",)),
    ],
)
def test_a_form_names_a_category_as_it_names_substance_use(field: str, value: Any, read: set[str], unread: tuple[str, ...]) -> None:
    (found,) = case({**FINE, "consents": [specific(**{field: value})]}, NOW).consents
    assert (found.categories, found.unread) == (read, unread)


@pytest.mark.parametrize(("said", "read"), [("2026-02-01", "2026-02-01"), (True, "yes"), (False, ""), (None, "")])
def test_a_consent_may_say_that_it_was_revoked_without_a_day(said: Any, read: str) -> None:
    (found,) = case(changed("consents.revoked", said) | {"consents": [{**specific(), "revoked": said}]}, NOW).consents
    assert found.revoked_at == read


def test_the_moment_is_that_of_the_request_or_of_its_context_or_now() -> None:
    def at(request: Any, context: Any) -> datetime:
        given = changed("request.as_of", request)
        given["request"] = {**given["request"], "context": {"now": context}}
        return case(given, NOW).at

    assert at("2026-03-01T08:00:00-05:00", "2025-01-01") == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert at(None, "2025-01-01") == datetime(2025, 1, 1, tzinfo=UTC)
    assert at(None, None) == NOW
    assert at("2026-03-01T08:00:00-05:00", None).utcoffset() == timedelta(hours=-5)
    unread = changed("request.as_of", None)
    unread["request"] = {**unread["request"], "context": {"now": "yesterday"}}
    assert (case(unread, NOW).at, case(unread, NOW).unknown) == (NOW, ("value of evaluation_time",))
