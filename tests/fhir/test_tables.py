"""The tables kept with the project are what the official packages say, and stay small and honest."""

import gzip
import json

import pytest

from sojourn.fhir.codec import dumps, loads
from sojourn.fhir.definitions import DEFINITIONS, R4, TABLES, default_tables, read_table
from tests.shared import SHARED, needs_shared
from tools.definitions.tables import guide_files, own_codes, r4_table

PACKAGES = SHARED / "samples/fhir/packages" if SHARED else None
GUIDES = sorted(name for name in default_tables() if name != R4)


@needs_shared
def test_the_r4_table_is_what_the_official_package_compiles_to() -> None:
    assert PACKAGES
    kept = gzip.decompress((TABLES / R4).read_bytes())
    assert kept == dumps(r4_table((PACKAGES / "hl7.fhir.r4.core-4.0.1.tgz").read_bytes()))


@needs_shared
@pytest.mark.parametrize("guide", GUIDES)
def test_the_table_of_a_guide_agrees_with_the_official_package(guide: str) -> None:
    assert PACKAGES
    package = PACKAGES / f"{guide}.tgz"
    if not package.exists():
        pytest.skip(f"{package.name} is not at hand")
    stated = guide_files(package.read_bytes(), read_table(R4), own_codes())
    kept = {path.name: path.read_text(encoding="utf-8") for path in (TABLES / guide).iterdir()}
    assert kept.keys() == stated.keys()
    for name, text in stated.items():
        assert kept[name] == text, name


def test_each_table_states_where_it_comes_from() -> None:
    assert [source["name"] for source in DEFINITIONS.sources][:2] == ["hl7.fhir.r4.core", "hl7.fhir.us.core"]
    for source in DEFINITIONS.sources:
        assert source["licence"] == "CC0-1.0"
        assert len(source["sha256"]) == 64
        assert source["version"]


def test_the_r4_table_holds_facts_and_no_prose() -> None:
    table = json.loads(gzip.decompress((TABLES / R4).read_bytes()))
    longest: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, str):
            longest.append(value)

    collect({key: value for key, value in table.items() if key != "source"})
    prose = [text for text in longest if text.count(" ") > 8 and not any(sign in text for sign in "()=|")]
    assert prose == []


@pytest.mark.parametrize("guide", GUIDES)
def test_tables_of_guides_can_be_read_line_by_line(guide: str) -> None:
    for path in (TABLES / guide).iterdir():
        assert loads(path.read_bytes())
    patient = (TABLES / guide / "us-core-patient.json").read_text(encoding="utf-8")
    assert any(line.strip().startswith('"identifier.system": {"min": 1') for line in patient.splitlines())
