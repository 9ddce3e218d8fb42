"""Issues become an OperationOutcome."""

from sojourn.fhir.outcome import Issue, is_error, outcome


def test_every_issue_is_listed_with_its_path() -> None:
    told = outcome([Issue("error", "required", "Patient.name[0]", "one is required"), Issue("warning", "value", "", "")])
    assert told == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "diagnostics": "one is required",
                "expression": ["Patient.name[0]"],
            },
            {"severity": "warning", "code": "value"},
        ],
    }


def test_no_issue_is_told_as_all_ok() -> None:
    assert outcome([])["issue"] == [{"severity": "information", "code": "informational", "diagnostics": "All OK"}]


def test_only_errors_and_fatal_issues_make_a_resource_invalid() -> None:
    assert [is_error(Issue(s, "value", "", "")) for s in ("fatal", "error", "warning", "information")] == [
        True,
        True,
        False,
        False,
    ]
