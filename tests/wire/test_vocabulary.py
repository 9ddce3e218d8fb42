"""Releases of code systems: official shapes are read, and damaged files are refused with their place."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from sojourn.wire.vocabulary import hcpcs, icd10cm, loinc, rxnorm, snomed
from sojourn.wire.vocabulary.model import ICD10CM, NDC, SNOMED, BadRelease, Concept, Edge, Release, Target
from tests.wire import releases


def concepts(release: Release) -> dict[str, Concept]:
    return {p.code: p for p in release.parts if isinstance(p, Concept)}


def test_the_package_holds_icd_10_cm_complete() -> None:
    release = icd10cm.packaged()
    parts = list(release.parts)
    found = {p.code: p for p in parts if isinstance(p, Concept)}
    above = {p.child: p.parent for p in parts if isinstance(p, Edge)}
    assert len(found) > 98_000
    assert sum(not c.kind for c in found.values()) > 74_000
    assert found["F10.20"].display == "Alcohol dependence, uncomplicated"
    assert "Alcohol use disorder, severe" in found["F10.20"].names
    assert found["F10"].kind == "heading"
    assert above["F10.20"] == "F10.2"
    assert above["F10.2"] == "F10"
    assert found["T40.1X1A"].display == "Poisoning by heroin, accidental (unintentional), initial encounter"
    assert found["T40.1X1"].kind == "heading"
    assert "S06.1X7A" in found
    assert "S06.1X7D" not in found
    assert all(code not in above or above[code] in found for code in found)
    listed = {line.strip() for line in _code_list().splitlines()}
    assert {c for c in listed if "-" not in c and not c.isdecimal()} == {c.replace(".", "") for c in found}


def _code_list() -> str:
    """The package's own list of codes, made by others from the same files."""
    return next(f for f in metadata.files(icd10cm.PACKAGE) or () if f.name.startswith("code-list")).read_text("utf-8")


def test_an_order_file_of_icd_10_cm(tmp_path: Path) -> None:
    release = icd10cm.release(releases.icd(tmp_path))
    parts = list(release.parts)
    assert (release.version, str(release.published)) == ("2027", "2026-10-01")
    assert [p for p in parts if isinstance(p, Edge)] == [Edge("F10", "F10.1"), Edge("F10.1", "F10.10")]
    assert parts[2] == Concept("F10.10", "Alcohol abuse, uncomplicated")


def test_snomed_ct_with_its_map(tmp_path: Path) -> None:
    release = snomed.release(releases.snomed(tmp_path))
    parts = list(release.parts)
    found = {p.code: p for p in parts if isinstance(p, Concept)}
    assert (release.system, release.version) == (SNOMED, "20260301")
    assert found["1002"].display == "Evening craving"
    assert "Craves in the evening" in found["1002"].names
    assert found["1002"].kind == "finding"
    assert found["1004"].display == 'Morning "low" craving'
    assert not found["1003"].active
    assert found["1003"].replaced == ("1002",)
    assert [p for p in parts if isinstance(p, Edge)] == [Edge("1001", "1002"), Edge("1001", "1004")]
    maps = [p for p in parts if isinstance(p, Target)]
    assert [(m.code, m.target, m.priority, bool(m.rule)) for m in maps] == [("1001", "F10.20", 1, False), ("1002", "F10.10", 1, True), ("1002", "F10.20", 2, False), ("1004", "", 1, False)]
    assert maps[-1].equivalence == "unmatched"
    assert {m.system for m in maps} == {ICD10CM}


def test_rxnorm_also_from_a_zip(tmp_path: Path) -> None:
    folder = releases.rxnorm(tmp_path)
    packed = tmp_path / "RxNorm_full_03022026.zip"
    with zipfile.ZipFile(packed, "w") as out:
        for path in folder.rglob("*.RRF"):
            out.write(path, path.relative_to(folder))
    for place in (folder, packed):
        release = rxnorm.release(place)
        parts = list(release.parts)
        found = {p.code: p for p in parts if isinstance(p, Concept)}
        assert release.version == "03022026"
        assert str(release.published) == "2026-03-02"
        assert found["9002"].display == "calmol 10 MG Oral Tablet"
        assert found["9002"].names == ("calmol 10 mg tablet",)
        assert not found["9009"].active
        assert not found["9008"].active
        assert found["9008"].replaced == ("9002",)
        assert [p for p in parts if isinstance(p, Edge)] == [Edge("9001", "9002"), Edge("9002", "9003")]
        assert {(p.code, p.system, p.target) for p in parts if isinstance(p, Target)} == {("9001", SNOMED, "1500"), ("9002", NDC, "00000111122")}


def test_loinc_and_hcpcs(tmp_path: Path) -> None:
    found = concepts(loinc.release(releases.loinc(tmp_path)))
    assert found["90001-1"].display == 'Calmol, "free", in Serum'
    assert found["90001-1"].active
    assert found["90002-9"] == Concept("90002-9", "Calmol:MCnc:Pt:Bld:Qn", False, "DRUG/TOX", names=("Calmol Bld",), replaced=("90001-1",))
    services = concepts(hcpcs.release(releases.hcpcs(tmp_path)))
    assert sorted(services) == ["H9901", "H9902"]
    assert services["H9901"].display == "Peer walk, for each 15 minutes"
    assert str(services["H9902"].until) == "2025-12-31"


@pytest.mark.parametrize("kind", ["snomed", "rxnorm", "loinc", "hcpcs", "icd"])
def test_a_damaged_file_is_refused_with_its_place(tmp_path: Path, kind: str) -> None:
    place = getattr(releases, kind)(tmp_path)
    file = place if place.is_file() else max(place.rglob("*.*"), key=lambda p: (p.name in ("RXNCONSO.RRF", "Loinc.csv") or p.name.startswith("sct2_Concept"), p.name))
    text = file.read_text("utf-8").splitlines()
    n = 0 if kind in ("hcpcs", "icd") else 1
    text[n] = text[n][: len(text[n]) // 9].replace('"', "")
    file.write_text("\n".join(text), "utf-8")
    read = {"snomed": snomed, "rxnorm": rxnorm, "loinc": loinc, "hcpcs": hcpcs, "icd": icd10cm}[kind]
    with pytest.raises(BadRelease, match=rf"line {n + 1}: expected"):
        list(read.release(place).parts)
    with pytest.raises(BadRelease):
        read.release(tmp_path / "nothing-here")
