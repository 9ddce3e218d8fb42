"""The shared scenarios come out as expected; and the words in which the other policy tests ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli import main
from sojourn.gate.policy.engine import Decision, decide
from sojourn.gate.policy.reading import case
from sojourn.gate.policy.tables import table
from tests.shared import SHARED, needs_shared

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLASS = "class:my treating providers, health plans, third-party payers, and people helping to operate this program"

CUSTODIANS: dict[str, dict[str, Any]] = {
    "program": {"kind": "part2_program", "hipaa_covered": True, "possession": "originator"},
    "program without HIPAA": {"kind": "part2_program_non_hipaa", "hipaa_covered": False, "possession": "originator"},
    "program that received under TPO": {"kind": "part2_program_non_hipaa", "hipaa_covered": False, "possession": "tpo_consent"},
    "covered recipient": {"kind": "ce_recipient", "hipaa_covered": True, "possession": "tpo_consent"},
    "covered recipient of a specific consent": {"kind": "ce_recipient", "hipaa_covered": True, "possession": "specific_consent"},
    "emergency room": {"kind": "ce_recipient", "hipaa_covered": True, "possession": "exception"},
    "clinic": {"kind": "general_ce", "hipaa_covered": True, "possession": "own_records"},
    "clinic in Ohio": {"kind": "general_ce", "hipaa_covered": True, "possession": "own_records", "state": "OH"},
    "lawful holder": {"kind": "noncovered_lawful_holder", "hipaa_covered": False, "possession": "specific_consent"},
    "researcher": {"kind": "noncovered_lawful_holder", "hipaa_covered": False, "possession": "exception"},
    "program that received under a specific consent": {"kind": "part2_program_non_hipaa", "hipaa_covered": False, "possession": "specific_consent"},
    "program by its name": {"kind": "part2_program", "hipaa_covered": True, "possession": "originator", "organization": "Riverbend"},
    "intermediary Net": {"kind": "intermediary", "hipaa_covered": False, "possession": "specific_consent", "organization": "Net"},
    "intermediary": {"kind": "intermediary", "hipaa_covered": False, "possession": "specific_consent"},
    "qso": {"kind": "qso", "hipaa_covered": True, "possession": "originator"},
}

PART2 = ["R", "SUD", "42CFRPart2"]
RECORDS: dict[str, dict[str, Any]] = {
    "diagnosis": {"type": "Condition", "labels": PART2, "origin": "part2_program"},
    "medication": {"type": "MedicationRequest", "labels": [*PART2, "OPIOIDUD"], "origin": "part2_program"},
    "claim": {"type": "Claim", "labels": PART2, "origin": "part2_program"},
    "demographics": {"type": "Patient", "labels": PART2, "origin": "part2_program"},
    "message": {"type": "Communication", "labels": PART2, "origin": "part2_program"},
    "provenance": {"type": "Provenance", "labels": PART2, "origin": "part2_program"},
    "chart": {"type": "Bundle", "labels": PART2, "origin": "part2_program"},
    "counseling note": {"type": "DocumentReference", "labels": [*PART2, "SUDCN"], "origin": "part2_program"},
    "unlabelled": {"type": "Observation", "labels": [], "origin": "part2_program"},
    "unlabelled elsewhere": {"type": "Observation", "labels": [], "origin": "non_part2"},
    "deidentified": {"type": "Observation", "labels": ["U", "ANONYED"], "origin": "part2_program"},
    "deidentified elsewhere": {"type": "Observation", "labels": ["U", "ANONYED"], "origin": "non_part2"},
    "part 2 and HIV": {"type": "Observation", "labels": [*PART2, "HIV"], "origin": "part2_program"},
    "allergy": {"type": "AllergyIntolerance", "labels": ["N"], "origin": "non_part2"},
    "visit": {"type": "Encounter", "labels": ["N"], "origin": "non_part2"},
    "depression": {"type": "Condition", "labels": ["N", "MH"], "origin": "non_part2"},
    "hiv": {"type": "Observation", "labels": ["R", "HIV"], "origin": "non_part2"},
    "demographics that tell of HIV": {"type": "Patient", "labels": ["R", "HIV"], "origin": "non_part2"},
    "buprenorphine": {"type": "MedicationRequest", "labels": ["N", "SUD"], "origin": "non_part2"},
    "psychotherapy note": {"type": "DocumentReference", "labels": ["R", "MH", "PSYTHPN", "HIPAAPsyNotes"], "origin": "non_part2"},
    "therapy note of the program": {"type": "DocumentReference", "labels": [*PART2, "PSYTHPN"], "origin": "part2_program"},
    "counseling note that came from elsewhere": {"type": "DocumentReference", "labels": ["R", "SUDCN"], "origin": "non_part2"},
    "marked by its sender": {"type": "Condition", "labels": PART2, "origin": "non_part2"},
    "abortion": {"type": "Procedure", "labels": ["R", "SEX"], "origin": "non_part2"},
    "assault": {"type": "Condition", "labels": ["R", "SDV"], "origin": "non_part2"},
    "hidden address": {"type": "Patient", "labels": ["V", "SDV"], "origin": "non_part2"},
    "contraception": {"type": "MedicationRequest", "labels": ["R", "SEX", "ADOL"], "origin": "non_part2"},
    "paid by themselves": {"type": "Claim", "labels": ["N", "HIPAASelfPay"], "origin": "non_part2"},
    "restricted by the program": {"type": "Condition", "labels": ["R"], "origin": "part2_program"},
    "asked not to pass on": {"type": "Observation", "labels": ["N", "PRS"], "origin": "non_part2"},
    "restricted": {"type": "Observation", "labels": ["R"], "origin": "non_part2"},
}


def tpo(**more: Any) -> dict[str, Any]:
    """A single consent for all future treatment, payment and operations."""
    return {
        "kind": "part2_tpo_single",
        "state": "active",
        "recipients": [CLASS],
        "purposes": ["TREAT", "HPAYMT", "HOPERAT"],
        "expires": "none",
        **more,
    }


def form(kind: str, to: str, purpose: str, **more: Any) -> dict[str, Any]:
    """A consent of another kind, for one recipient and purpose, good until the middle of 2027."""
    return {"kind": kind, "state": "active", "recipients": [to], "purposes": [purpose], "expires": "2027-06-30", **more}


def specific(to: str = "covered_entity_provider", purpose: str = "TREAT", **more: Any) -> dict[str, Any]:
    """A Part 2 consent for a recipient and a purpose."""
    return form("part2_specific", to, purpose, **more)


def deny(to: str | None = "covered_entity_provider", purpose: str | None = "TREAT", **more: Any) -> dict[str, Any]:
    """A directive of the patient against a recipient."""
    return {
        "kind": "patient_directive_deny",
        "state": "active",
        "recipients": [to] if to else [],
        "purposes": [purpose] if purpose else [],
        **more,
    }


def scenario(
    *records: str,
    at: str = "program",
    to: str = "covered_entity_provider",
    why: str = "TREAT",
    by: str = "clinician_in_program",
    does: str = "disclose",
    via: str = "fhir_api",
    consents: list[dict[str, Any]] | None = None,
    restrictions: list[dict[str, Any]] | None = None,
    recipient: dict[str, Any] | None = None,
    patients: list[str] | None = None,
    **context: Any,
) -> dict[str, Any]:
    """A scenario in the shared format. Records are named r1, r2 and so on."""
    named = [{"id": f"r{n}", **RECORDS[name]} for n, name in enumerate(records or ("diagnosis",), 1)]
    for record, patient in zip(named, patients or [], strict=False):
        record["patient"] = patient
    return {
        "custodian": CUSTODIANS[at],
        "request": {
            "actor": by,
            "recipient": {"kind": to, **(recipient or {})},
            "purpose": why,
            "action": does,
            "channel": via,
            "context": context,
        },
        "consents": consents or [],
        "restrictions": restrictions or [],
        "records": named,
    }


def decided(given: Mapping[str, Any]) -> Decision:
    """The decision now."""
    return decide(case(given, NOW))


def ask(*records: str, **how: Any) -> Decision:
    """The decision about a scenario told in words."""
    return decided(scenario(*records, **how))


def results(decision: Decision) -> str:
    """The results of the records in order: "permit withhold"."""
    return " ".join(decision.records.values())


@cache
def shared() -> tuple[dict[str, Any], ...]:
    """The shared scenarios; none where they are not beside this checkout."""
    path = (SHARED or Path("absent")) / "domain" / "consent-scenarios.json"
    return tuple(json.loads(path.read_text("utf-8"))["scenarios"]) if path.is_file() else ()


@needs_shared
@pytest.mark.parametrize("given", shared(), ids=lambda s: s["id"])
def test_a_shared_scenario_comes_out_as_expected(given: dict[str, Any]) -> None:
    answer, expected = decided(given).answer, given["expected"]
    assert {**answer, "obligations": set(answer["obligations"])} == {**expected, "obligations": set(expected["obligations"])}


@needs_shared
def test_nothing_of_a_scenario_is_read_but_its_facts() -> None:
    """The same answer without id, title, group, notes and expectation."""
    for given in shared():
        bare = {k: given[k] for k in ("custodian", "request", "consents", "restrictions")}
        bare["records"] = [{k: v for k, v in record.items() if k != "note"} for record in given["records"]]
        assert decided(bare) == decided(given)


@needs_shared
def test_every_obligation_is_one_of_the_shared_vocabulary() -> None:
    known = json.loads(((SHARED or Path()) / "domain" / "consent-scenarios.json").read_text("utf-8"))["obligations"]
    brought = {duty for entry in table("reasons").values() if isinstance(entry, dict) for duty in entry.get("adds", ())}
    assert brought <= set(known)


def test_every_table_says_since_when_it_holds_and_from_where() -> None:
    from sojourn.gate.policy.tables import NAMES

    for name in NAMES:
        assert table(name)["source"], name
        assert name == "notices" or table(name)["effective"].year >= 2024, name


def test_every_reason_has_words_and_citations() -> None:
    for code, entry in table("reasons").items():
        if isinstance(entry, dict):
            assert entry["says"].endswith("."), code
            assert entry["cite"], code


def test_the_notice_is_the_text_now_required() -> None:
    """2.32(a): the words of before 2024 left out use, and named investigation and prosecution only."""
    by_id = {n["id"]: n["text"] for n in table("notices")["notice"]}
    assert by_id["statement_2"] == "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    assert "in any civil, criminal, administrative, or legislative proceedings" in by_id["statement_1"]
    assert "investigate or prosecute" not in by_id["statement_1"]


def written(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "scenarios.json"
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def test_the_command_answers_in_the_shape_of_the_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"id": "a", **scenario(consents=[tpo()])}
    for content, pick in ((one, lambda t: t), ([one], lambda t: t[0]), ({"scenarios": [one]}, lambda t: t["scenarios"][0])):
        assert main(["decide", written(tmp_path, content)]) == 0
        told = pick(json.loads(capsys.readouterr().out))
        assert told["id"] == "a"
        assert told["decision"]["decision"] == "permit"
        assert set(told["decision"]) == {"decision", "records", "obligations", "reason"}


def test_checking_fails_on_a_difference_and_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = {"id": "a", **scenario(), "expected": {"decision": "deny", "reason": "NO_CONSENT"}}
    wrong = {"id": "b", **scenario(), "expected": {"decision": "permit"}}
    assert main(["decide", "--check", written(tmp_path, [right])]) == 0
    assert "1 of 1 as expected" in capsys.readouterr().err
    assert main(["decide", "--check", written(tmp_path, [right, wrong])]) == 1
    assert "b: decision: expected permit, decided deny" in capsys.readouterr().err


def test_why_gives_each_step_with_words_and_citation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decide", "--why", written(tmp_path, scenario())]) == 0
    why = json.loads(capsys.readouterr().out)["why"]
    assert [(s["record"], s["effect"], s["reason"]) for s in why] == [("r1", "withhold", "NO_CONSENT")]
    assert why[0]["words"] == "No consent and no exception permits it."
    assert "42 CFR 2.13(a)" in why[0]["citations"]


def test_a_file_that_is_no_json_is_refused_without_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{", "utf-8")
    assert main(["decide", str(path)]) == 1
    assert "no JSON" in capsys.readouterr().err


def test_the_time_of_the_request_goes_before_that_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = scenario(consents=[specific(expires="2026-06-30")])
    then = scenario(consents=[specific(expires="2026-06-30")], evaluation_time="2026-06-01T09:00:00Z")
    content = {"engine_defaults": {"evaluation_time": "2026-11-22T12:00:00Z"}, "scenarios": [ended, then]}
    assert main(["decide", written(tmp_path, content)]) == 0
    assert [s["decision"]["reason"] for s in json.loads(capsys.readouterr().out)["scenarios"]] == ["CONSENT_EXPIRED", "SPECIFIC_CONSENT"]
