"""The tables of search facts are what the official packages say, and cover what certification asks for."""

import gzip
import json
import tarfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from sojourn.fhir.codec import loads
from sojourn.fhir.extract import extract
from sojourn.fhir.query import Include
from sojourn.fhir.search import parse
from sojourn.fhir.searchparams import PARAMS, clinical_date, sources
from tests.shared import SHARED, needs_shared
from tools.definitions.search import compile_table, render

UNPARSED = {"Location-near", "example", "example-extension", "example-reference", "filter"}


def package(name: str) -> Path:
    assert SHARED is not None
    return SHARED / "samples" / "fhir" / "packages" / f"{name}.tgz"


def table(name: str) -> str:
    return (resources.files("sojourn.fhir") / "tables" / name).read_text(encoding="utf-8")


def test_the_tables_say_where_they_come_from() -> None:
    assert [(s["name"], s["version"], s["licence"]) for s in sources()] == [
        ("hl7.fhir.r4.core", "4.0.1", "CC0-1.0"),
        ("hl7.fhir.us.core", "6.1.0", "CC0-1.0"),
        ("ihe.iti.mhd", "4.2.2", "CC-BY-4.0"),
    ]


@needs_shared
def test_the_r4_table_is_what_the_tool_makes_of_the_official_package() -> None:
    assert table("r4-search.json") == render(compile_table(package("hl7.fhir.r4.core-4.0.1")))


@needs_shared
def test_the_us_core_table_is_what_the_tool_makes_of_the_official_package() -> None:
    made = compile_table(package("hl7.fhir.r4.core-4.0.1"), package("hl7.fhir.us.core-6.1.0"))
    assert table("us-core-6.1.0-search.json") == render(made)


@needs_shared
@pytest.mark.parametrize("name", ["hl7.fhir.r4.core-4.0.1", "hl7.fhir.us.core-6.1.0"])
def test_no_parameter_with_an_expression_is_left_out(name: str) -> None:
    with tarfile.open(package(name)) as archive:
        for entry in archive:
            if not entry.name.startswith("package/SearchParameter"):
                continue
            stream = archive.extractfile(entry)
            definition = json.load(stream) if stream else {}
            if definition.get("expression") and definition["id"] not in UNPARSED:
                for base in definition["base"]:
                    assert definition["code"] in PARAMS[base], definition["id"]


def test_union_parameters_are_seen_through_their_parts() -> None:
    observation = PARAMS["Observation"]
    assert set(observation["combo-code"].names) == {"code", "component-code"}
    assert set(observation["combo-code-value-quantity"].names) == {"code-value-quantity", "component-code-value-quantity"}
    assert observation["patient"].view == "Patient"
    assert PARAMS["Patient"]["phonetic"].names == ("name",)


def test_a_chart_has_an_order_for_every_type_that_us_core_lists_by_date() -> None:
    for resource_type in (
        "Observation",
        "Encounter",
        "Condition",
        "Procedure",
        "MedicationRequest",
        "DiagnosticReport",
        "DocumentReference",
    ):
        assert clinical_date(resource_type)


def _examples() -> Iterator[dict[str, object]]:
    assert SHARED is not None
    for path in (SHARED / "samples" / "fhir").glob("*-examples/*.ndjson.gz"):
        with gzip.open(path) as lines:
            for line in lines:
                yield loads(line)


@needs_shared
def test_every_official_example_can_be_extracted_and_is_found_by_something() -> None:
    found = 0
    for resource in _examples():
        if resource["resourceType"] in PARAMS:
            found += bool(extract(resource).parameters())
    assert found > 800


def _inferno() -> Iterator[tuple[str, list[str], list[str], list[str]]]:
    """(resource type, searches as comma-joined names, includes, reverse includes) of each group of Inferno's metadata."""
    assert SHARED is not None
    path = SHARED / "samples" / "fhir" / "inferno-requirements" / "inferno-us-core-6.1.0-metadata.yml.gz"
    blocks: dict[str, list[str]] = {}
    resource, block, naming = "", "", False
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        if line.startswith(("- :name:", "  :delayed_references")):
            if resource:
                yield resource, blocks.get("searches", []), blocks.get("include_params", []), blocks.get("revincludes", [])
            resource, block, blocks = "", "", {}
        elif line.startswith("  :resource:"):
            resource = line.split()[-1]
        elif line.startswith("  :"):
            block = line.strip(" :\n").partition(":")[0]
        elif block == "searches" and not line.startswith("    - "):
            naming = line.strip(" -\n").startswith(":names:")
            if line.startswith("  - "):
                blocks.setdefault(block, []).append("")
        elif block == "searches" and naming:
            searches = blocks[block]
            searches[-1] = ",".join(filter(None, [searches[-1], line.strip(" -\n")]))
        elif block in ("include_params", "revincludes") and line.startswith("  - "):
            blocks.setdefault(block, []).append(line.strip(" -\n"))


@needs_shared
def test_every_search_and_include_of_infernos_us_core_metadata_is_understood() -> None:
    sample = {"token": "a", "string": "a", "date": "ge2024-01-01", "reference": "Patient/p1"}
    searches = 0
    for resource, combinations, includes, revincludes in _inferno():
        for names in combinations:
            params = [
                (n, "x" if n == "_id" else "p1" if n == "patient" else sample[PARAMS[resource][n].kind]) for n in names.split(",") if n
            ]
            assert len(parse(resource, params).where) == len(params)
            searches += 1
        for include in includes:
            assert parse(resource, [("_include", include)]).include
        for reverse in revincludes:
            assert parse(resource, [("_revinclude", reverse)]).revinclude == (Include("Provenance", ("target",), None),)
    assert searches > 100
