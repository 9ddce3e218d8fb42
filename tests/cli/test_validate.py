"""`sojourn validate` and `sojourn load-package`, as a shell sees them."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli import main

GOOD = {"resourceType": "Patient", "id": "a"}
BAD = {"resourceType": "Patient", "id": "b", "gender": "?"}


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_DATA", str(tmp_path / "data"))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and the lines printed."""
    status = main(["validate", *arguments])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_resource_is_one_line_and_an_error_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(GOOD, indent=2))
    bad.write_text(json.dumps(BAD, indent=2))
    assert told(capsys, str(good)) == (0, [{"file": str(good), "line": 1, "resourceType": "Patient", "id": "a", "issues": []}])
    status, lines = told(capsys, str(good), str(bad))
    assert status == 1
    assert [line["file"] for line in lines] == [str(good), str(bad)]
    assert lines[1]["issues"][0].keys() == {"severity", "code", "expression", "diagnostics"}
    assert lines[1]["issues"][0]["expression"] == "Patient.gender"


def test_ndjson_has_a_line_for_each_resource(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "many.ndjson.gz"
    text = "\n".join([json.dumps(GOOD), "", json.dumps(BAD), '{"resourceType": "Patient", "id": ', '{"a":1,"a":1}', json.dumps(GOOD)])
    file.write_bytes(gzip.compress(text.encode()))
    status, lines = told(capsys, str(file))
    assert status == 1
    assert [(line["line"], line["resourceType"], bool(line["issues"])) for line in lines] == [
        (1, "Patient", False),
        (3, "Patient", True),
        (4, None, True),
        (5, None, True),
        (6, "Patient", False),
    ]


def test_a_bundle_is_one_line_with_paths_into_its_entries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": GOOD}, {"resource": BAD}]}))
    _, lines = told(capsys, str(file))
    assert [issue["expression"] for line in lines for issue in line["issues"]] == ["Bundle.entry[1].resource.gender"]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(json.dumps(BAD).encode()))))
    status, lines = told(capsys, "-")
    assert (status, lines[0]["file"], lines[0]["id"]) == (1, "-", "b")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"nonsense", b"{", b"[1,2]", b"\xff\xfe", b"\x1f\x8bxx", b'{"a":NaN}', b"null"])
def test_what_cannot_be_parsed_is_a_line_with_an_error(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(data)
    status, lines = told(capsys, str(file))
    assert status == 1
    assert len(lines) == 1
    assert [issue["severity"] for issue in lines[0]["issues"]] == ["error"]


def test_a_file_that_is_not_there_is_a_line_with_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = told(capsys, str(tmp_path / "none.json"), str(tmp_path))
    assert status == 1
    assert len(lines) == 2


def test_a_profile_can_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "good.json"
    file.write_text(json.dumps(GOOD))
    status, _ = told(capsys, "--profile", "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", str(file))
    assert status == 1


def test_load_package_says_what_it_took_and_what_it_could_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "odd.tgz"
    odd.write_bytes(b"odd")
    assert main(["load-package", str(odd)]) == 1
    assert "not a gzipped tar file" in capsys.readouterr().err
