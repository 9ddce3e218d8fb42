"""What must hold for every case: more denial or less consent never releases more, order never matters, the unknown never opens."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.gate.policy.engine import Decision
from sojourn.gate.policy.tables import known_purposes, table
from tests.gate.test_policy import CLASS, CUSTODIANS, RECORDS, decided, deny, scenario, shared
from tests.shared import needs_shared

WEIGHT = {"withhold": 0, "partial": 1, "permit": 2}
KINDS = sorted(table("parties")["recipients"])
PURPOSES = sorted(known_purposes())
FACTS = sorted(
    set(table("facts")["context"])
    - {"needed_for_purpose", "legal_instrument", "scopes", "lookback_years", "state_overlay", "state", "evaluation_time"}
)
INSTRUMENTS = ["subpoena", "court_order_2_64", "court_order_2_64+subpoena", "court_order_2_65", "court_order_2_66", "court_order"]
OVERLAYS = ["hiv_written_release", "mental_health_written_consent", "reproductive_shield", "sdv_no_disclosure", "zz"]

consent = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(sorted(table("consents")["kinds"])),
        "state": st.sampled_from(["active"] * 5 + ["revoked", "expired", "deficient"]),
        "recipients": st.lists(st.sampled_from([CLASS, "organization:X", *KINDS]), min_size=1, max_size=3),
        "purposes": st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=3),
        "expires": st.sampled_from(["none", "2027-01-01", "2026-01-01", "event:discharge"]),
    },
    optional={
        "signed": st.sampled_from(["2026-02-01", "2026-10-01"]),
        "combined_with": st.lists(st.sampled_from(["part2_counseling_notes", "part2_proceedings", "part2_specific"]), max_size=1),
        "content": st.lists(st.sampled_from(["Condition", "MedicationRequest", "HIV", "psychotherapy_notes"]), max_size=2),
        "signed_by": st.sampled_from(["patient", "parent", "guardian", "program_director"]),
    },
)
context = st.dictionaries(st.sampled_from(FACTS), st.booleans(), max_size=5).flatmap(
    lambda facts: st.fixed_dictionaries(
        {k: st.just(v) for k, v in facts.items()},
        optional={
            "legal_instrument": st.sampled_from(INSTRUMENTS),
            "state_overlay": st.sampled_from(OVERLAYS),
            "needed_for_purpose": st.just(["r1"]),
        },
    )
)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario of known words in any combination; half of them near to an everyday one, so that much is permitted."""
    everyday = draw(st.booleans())
    to = draw(
        st.sampled_from(
            ["covered_entity_provider", "health_plan", "self_workforce", "patient", "medical_personnel_emergency"] if everyday else KINDS
        )
    )
    why = draw(st.sampled_from(["TREAT", "HPAYMT", "HOPERAT", "PATRQT", "ETREAT"] if everyday else PURPOSES))
    found = scenario(
        *draw(st.lists(st.sampled_from(sorted(RECORDS)), min_size=1, max_size=4)),
        at=draw(st.sampled_from(sorted(CUSTODIANS))),
        to=to,
        why=why,
        by=draw(st.sampled_from(["system", "clinician_in_program", "clinician_outside_program", "program_director", "patient", "clerk"])),
        does=draw(st.sampled_from(["access", "use", "disclose", "redisclose"])),
        via=draw(st.sampled_from(table("channels")["known"])),
        consents=draw(st.lists(consent, max_size=3)),
        restrictions=draw(
            st.lists(
                st.sampled_from(
                    [{"kind": "agreed_restriction"}, {"kind": "self_pay_health_plan", "applies_to": ["r1"]}, {"kind": "requested"}]
                ),
                max_size=1,
            )
        ),
        **draw(context),
    )
    if everyday:
        found["consents"] = [
            {
                "kind": "part2_tpo_single",
                "state": "active",
                "recipients": [CLASS],
                "purposes": ["TREAT", "HPAYMT", "HOPERAT"],
                "expires": "none",
                "signed": "2026-03-01",
            },
            *found["consents"],
        ]
    return found


def no_more(after: Decision, before: Decision) -> bool:
    """Whether nothing is released after that was not before."""
    return all(WEIGHT[after.records[r]] <= WEIGHT[before.records[r]] for r in before.records)


@settings(deadline=None, max_examples=150)
@given(cases())
def test_no_rule_ever_fails(given_: dict[str, Any]) -> None:
    assert not any("a rule failed" in step.words for step in decided(given_).chain)


@settings(deadline=None, max_examples=100)
@given(cases(), consent, st.sampled_from(["patient_directive_deny", "hie_opt_out"]))
def test_one_more_denial_never_releases_more(given_: dict[str, Any], like: dict[str, Any], kind: str) -> None:
    more = {**given_, "consents": [*given_["consents"], {**like, "kind": kind, "state": "active"}]}
    assert no_more(decided(more), decided(given_))


@settings(deadline=None, max_examples=100)
@given(cases(), st.data())
def test_one_consent_less_never_releases_more(given_: dict[str, Any], data: st.DataObject) -> None:
    permits = [
        n
        for n, c in enumerate(given_["consents"])
        if c["kind"] not in ("patient_directive_deny", "hie_opt_out") and c["state"] != "deficient"
    ]
    if permits and given_["custodian"]["possession"] not in ("tpo_consent", "specific_consent"):
        gone = data.draw(st.sampled_from(permits))
        less = {**given_, "consents": [c for n, c in enumerate(given_["consents"]) if n != gone]}
        assert no_more(decided(less), decided(given_))


@settings(deadline=None, max_examples=60)
@given(cases(), st.text(max_size=8).filter(lambda word: word not in known_purposes()))
def test_an_unknown_purpose_never_permits(given_: dict[str, Any], word: str) -> None:
    given_["request"]["purpose"] = word
    for c in given_["consents"]:
        c["purposes"] = [word]
    assert decided(given_).decision == "deny"


@settings(deadline=None, max_examples=60)
@given(cases(), st.sampled_from(["request", "custodian", "context", "recipient", "record", "top"]))
def test_an_unknown_field_never_permits(given_: dict[str, Any], where: str) -> None:
    changed = copy.deepcopy(given_)
    parts = {
        "request": changed["request"],
        "custodian": changed["custodian"],
        "context": changed["request"]["context"],
        "recipient": changed["request"]["recipient"],
        "record": changed["records"][0],
        "top": changed,
    }
    parts[where]["unheard_of"] = True
    assert decided(changed).decision == "deny"


@settings(deadline=None, max_examples=100)
@given(cases(), st.integers())
def test_the_order_of_consents_and_records_does_not_matter(given_: dict[str, Any], seed: int) -> None:
    mixed = copy.deepcopy(given_)
    shuffle = random.Random(seed).shuffle
    for name in ("consents", "records", "restrictions"):
        shuffle(mixed[name])
    assert {**decided(mixed).answer} == {**decided(given_).answer}


@settings(deadline=None, max_examples=100)
@given(cases())
def test_the_answer_agrees_with_itself(given_: dict[str, Any]) -> None:
    decision = decided(given_)
    kinds = set(decision.records.values())
    assert decision.decision == ("permit" if kinds == {"permit"} else "deny" if kinds == {"withhold"} else "redact")
    assert ("AUDIT" in decision.obligations) != ("AUDIT_DENIAL" in decision.obligations)
    if decision.decision != "deny":
        assert "AUDIT" in decision.obligations


@settings(deadline=None, max_examples=100)
@given(cases())
def test_part_2_records_leave_only_for_a_reason_of_part_2(given_: dict[str, Any]) -> None:
    """A third, simple statement: outside the program, without a consent, an exception's fact or a court order nothing of Part 2 goes out."""
    facts = given_["request"]["context"]
    if (
        given_["consents"]
        or given_["custodian"]["possession"] != "originator"
        or facts.keys() & (set(FACTS) - {"sud_only_facility", "minor", "deceased"})
        or "legal_instrument" in facts
    ):
        return
    if (
        given_["request"]["recipient"]["kind"]
        in ("self_workforce", "patient", "patient_directed_app", "coroner", "part2_program", "part2_program_non_hipaa")
        or "control" in given_["request"]["recipient"]["kind"]
    ):
        return
    decision = decided(given_)
    kept = [r["id"] for r in given_["records"] if r["origin"] == "part2_program" and "ANONYED" not in r["labels"]]
    assert all(decision.records[r] == "withhold" for r in kept) or facts.get("deceased")


def consented(given_: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in given_["consents"] if c["state"] == "active" and c["kind"] != "patient_directive_deny"]


RELEASED = [
    s
    for s in shared()
    if s["expected"]["decision"] == "permit"
    and s["custodian"]["possession"] in ("originator", "specific_consent")
    and consented(s)
    and s["request"]["recipient"]["kind"] != "patient"
    and s["custodian"]["kind"] != "noncovered_lawful_holder"
]


@needs_shared
@pytest.mark.parametrize("given_", RELEASED, ids=lambda s: s["id"])
def test_what_a_consent_opened_closes_with_it(given_: dict[str, Any]) -> None:
    """Expired, revoked, deficient, false, another recipient, another purpose: each alone closes it, with its own reason."""

    def with_consents(**change: Any) -> Decision:
        changed = copy.deepcopy(given_)
        for c in changed["consents"]:
            c.update(change)
        return decided(changed)

    assert (with_consents(state="expired").decision, with_consents(state="expired").reason) == ("deny", "CONSENT_EXPIRED") or given_[
        "request"
    ]["recipient"]["kind"] == "pdmp"
    for change in (
        {"expires": "2026-01-01"},
        {"state": "revoked"},
        {"missing": ["signature"]},
        {"state": "materially_false"},
        {"recipients": ["organization:Elsewhere"]},
        {"purposes": ["DONAT"]},
        {"patients": ["somebody", "else"]},
    ):
        assert with_consents(**change).decision == "deny", change
    none = copy.deepcopy(given_)
    none["consents"] = []
    assert decided(none).decision == "deny"


@needs_shared
@pytest.mark.parametrize("given_", [s for s in shared() if s["expected"]["decision"] == "permit"], ids=lambda s: s["id"])
def test_a_permitted_scenario_closes_for_an_unknown_purpose_and_for_a_denial(given_: dict[str, Any]) -> None:
    changed = copy.deepcopy(given_)
    changed["request"]["purpose"] = "NOPE"
    assert decided(changed).decision == "deny"
    forbidden = copy.deepcopy(given_)
    forbidden["consents"].append(deny(to=None, purpose=None, signed="2026-11-20"))
    kind = given_["request"]["recipient"]["kind"]
    free = kind in ("patient", "patient_directed_app", "self_workforce") or "DOCUMENT_EMERGENCY_2_51" in given_["expected"]["obligations"]
    assert (decided(forbidden).decision == "permit") is free


@needs_shared
@pytest.mark.parametrize("given_", [s for s in shared() if s["expected"]["decision"] != "deny"], ids=lambda s: s["id"])
def test_a_scenario_closes_when_the_recipient_is_an_employer(given_: dict[str, Any]) -> None:
    changed = copy.deepcopy(given_)
    changed["request"]["recipient"] = {"kind": "employer"}
    assert decided(changed).decision == "deny"


@needs_shared
def test_a_permitted_scenario_closes_when_a_part_2_record_becomes_a_counseling_note() -> None:
    for given_ in shared():
        changed = copy.deepcopy(given_)
        for record in changed["records"]:
            record["labels"] = [*record["labels"], "SUDCN"]
            record["origin"] = "part2_program"
        assert decided(changed).decision == "deny", given_["id"]
