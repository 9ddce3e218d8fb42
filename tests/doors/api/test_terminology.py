"""$lookup, $validate-code, $expand and $translate on invented releases, and what is said where nothing is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sojourn.gate.access import Access
from sojourn.gate.vocabulary import asking, loading, mapping
from sojourn.gate.vocabulary.mapping import Own
from sojourn.wire.vocabulary import hcpcs, icd10cm, loinc, rxnorm, snomed
from sojourn.wire.vocabulary.model import HCPCS, ICD10CM, LOINC, NDC, RXNORM, SNOMED, BadRelease, Concept, Release
from tests.people import Clinic
from tests.wire import releases

ALL = ((snomed, releases.snomed), (rxnorm, releases.rxnorm), (loinc, releases.loinc), (hcpcs, releases.hcpcs), (icd10cm, releases.icd))


@pytest.fixture
async def loaded(clinic: Clinic, tmp_path: Path) -> Clinic:
    """Every invented release in force."""
    access = await acting(clinic)
    for reader, make in ALL:
        assert await loading.load(access, reader.release(make(tmp_path))) is not None
    return clinic


async def acting(clinic: Clinic) -> Access:
    """The Access of the organization's own system."""
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    return access


async def asked(clinic: Clinic, what: str, who: str = "mh-clinician", **params: str) -> Any:
    reply = await clinic.ask(who, "GET", f"{what}?{urlencode(params)}")
    return reply.json() | {"status_": reply.status}


def parts(answer: Any) -> dict[str, Any]:
    return {p["name"]: next((v for k, v in p.items() if k.startswith("value")), None) for p in answer.get("parameter", [])}


def properties(answer: Any, name: str) -> list[Any]:
    return [list(p["part"][1].values())[1] for p in answer["parameter"] if p["name"] == "property" and p["part"][0]["valueCode"] == name]


async def test_without_content_the_answer_is_not_installed_and_never_that_a_code_is_unknown(clinic: Clinic) -> None:
    for system in (SNOMED, LOINC, RXNORM, ICD10CM, HCPCS):
        for what, params in (
            ("CodeSystem/$lookup", {"system": system, "code": "1"}), ("CodeSystem/$validate-code", {"url": system, "code": "1"}),
            ("ValueSet/$expand", {"url": f"{system}?fhir_vs"}), ("ValueSet/$validate-code", {"url": f"{system}?fhir_vs", "system": system, "code": "1"}),
            ("ConceptMap/$translate", {"system": system, "code": "1", "targetsystem": ICD10CM}),
        ):  # fmt: skip
            answer = await asked(clinic, what, **params)
            assert answer["status_"] == 422, what
            assert "installed here" in answer["issue"][0]["diagnostics"], what
            assert "no such code" not in answer["issue"][0]["diagnostics"]


async def test_lookup_says_what_a_code_is(loaded: Clinic) -> None:
    answer = await asked(loaded, "CodeSystem/$lookup", system=SNOMED, code="1002")
    assert parts(answer)["display"] == "Evening craving"
    assert parts(answer)["version"] == "20260301"
    assert properties(answer, "parent") == ["1001"]
    assert {p["part"][0]["valueString"] for p in answer["parameter"] if p["name"] == "designation"} == {"Evening craving (finding)", "Craves in the evening"}
    old = await asked(loaded, "CodeSystem/$lookup", system=SNOMED, code="1003")
    assert properties(old, "inactive") == [True]
    assert properties(old, "replacedBy") == ["1002"]
    assert (await asked(loaded, "CodeSystem/$lookup", system=SNOMED, code="9999"))["status_"] == 404
    assert (await asked(loaded, "CodeSystem/$lookup", system=SNOMED, code="1001", version="19990101"))["status_"] == 422
    assert (await asked(loaded, "CodeSystem/$lookup", code="1001"))["status_"] == 400
    # A service that ended is usable on the days before.
    assert properties(await asked(loaded, "CodeSystem/$lookup", system=HCPCS, code="H9902"), "inactive") == [True]
    assert properties(await asked(loaded, "CodeSystem/$lookup", system=HCPCS, code="H9902", date="2025-06-01"), "inactive") == [False]


async def test_validate_code_in_systems_and_value_sets(loaded: Clinic) -> None:
    true = await asked(loaded, "CodeSystem/$validate-code", url=ICD10CM, code="F10.10", display="alcohol abuse, uncomplicated")
    assert parts(true)["result"] is True
    assert parts(await asked(loaded, "CodeSystem/$validate-code", url=ICD10CM, code="F10.10", display="Something else"))["result"] is False
    unknown = parts(await asked(loaded, "CodeSystem/$validate-code", url=ICD10CM, code="F98.765"))
    assert unknown["result"] is False
    assert "no such code in ICD-10-CM 2027" in unknown["message"]
    below = f"{SNOMED}?fhir_vs=isa/1001"
    assert parts(await asked(loaded, "ValueSet/$validate-code", url=below, system=SNOMED, code="1004"))["result"] is True
    assert parts(await asked(loaded, "ValueSet/$validate-code", url=below, system=SNOMED, code="1003"))["result"] is False
    gender = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert parts(await asked(loaded, "ValueSet/$validate-code", url=gender, system="http://hl7.org/fhir/administrative-gender", code="male"))["result"] is True
    concept = {"coding": [{"system": SNOMED, "code": "9"}, {"system": ICD10CM, "code": "F99"}]}
    body = {"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": f"{ICD10CM}?fhir_vs"}, {"name": "codeableConcept", "valueCodeableConcept": concept}]}
    assert parts((await loaded.ask("mh-clinician", "POST", "ValueSet/$validate-code", body)).json())["result"] is True


async def test_expand_pages_filters_and_composes(loaded: Clinic) -> None:
    def codes(answer: Any) -> list[str]:
        return [c["code"] for c in answer["expansion"].get("contains", [])]

    below = await asked(loaded, "ValueSet/$expand", url=f"{SNOMED}?fhir_vs=isa/1001")
    assert codes(below) == ["1001", "1002", "1004"]
    assert below["expansion"]["total"] == 3
    assert codes(await asked(loaded, "ValueSet/$expand", url=f"{SNOMED}?fhir_vs=isa/1001", offset="1", count="1")) == ["1002"]
    assert codes(await asked(loaded, "ValueSet/$expand", url=f"{SNOMED}?fhir_vs", filter="even crav")) == ["1002"]
    assert codes(await asked(loaded, "ValueSet/$expand", url=f"{SNOMED}?fhir_vs", activeOnly="true")) == ["1001", "1002", "1004"]
    assert codes(await asked(loaded, "ValueSet/$expand", url=f"{RXNORM}?fhir_vs=isa/9001")) == ["9001", "9002", "9003"]  # every product of an ingredient
    composed = {
        "resourceType": "ValueSet", "status": "active", "url": "https://example.org/cravings",
        "compose": {
            "include": [{"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "1001"}]}, {"system": ICD10CM, "concept": [{"code": "F99", "display": "Ours"}]}],
            "exclude": [{"system": SNOMED, "filter": [{"property": "concept", "op": "=", "value": "1004"}]}],
        },
    }  # fmt: skip
    made = await loaded.make("sys-mh", composed)
    for what, params in ((f"ValueSet/{made.id}/$expand", {}), ("ValueSet/$expand", {"url": "https://example.org/cravings"})):
        answer = await asked(loaded, what, **params)
        assert codes(answer) == ["1001", "1002", "F99"]
        assert answer["expansion"]["contains"][2]["display"] == "Ours"
    assert parts(await asked(loaded, f"ValueSet/{made.id}/$validate-code", system=SNOMED, code="1004"))["result"] is False
    assert (await asked(loaded, "ValueSet/$expand", url="https://example.org/nobody-knows"))["status_"] == 404


async def test_translate_by_releases_and_by_what_the_organization_says(loaded: Clinic) -> None:
    def matches(answer: Any) -> list[tuple[str, str]]:
        found = [p["part"] for p in answer["parameter"] if p["name"] == "match"]
        return [(m[0]["valueCode"], next((p["valueCoding"].get("code", "") for p in m if p["name"] == "concept"), "")) for m in found]

    async def to(system: str, code: str, target: str, **more: str) -> Any:
        return await asked(loaded, "ConceptMap/$translate", system=system, code=code, targetsystem=target, **more)

    assert matches(await to(SNOMED, "1002", ICD10CM)) == [("relatedto", "F10.10"), ("relatedto", "F10.20")]  # each under its rule, in its order
    nothing = await to(SNOMED, "1004", ICD10CM)
    assert parts(nothing)["result"] is False
    assert matches(nothing) == [("unmatched", "")]
    assert matches(await to(RXNORM, "9002", NDC)) == [("narrower", "00000111122")]
    assert matches(await to(NDC, "00000111122", RXNORM, reverse="true")) == [("wider", "9002")]
    access = await acting(loaded)
    local = "urn:oid:2.16.840.1.113883.19.5"
    await mapping.missed(access, "northlab", [(local, "CRV", "Craving level"), (local, "CRV", "Craving level")], SNOMED)
    work, total = await mapping.work(access)
    assert (total, work[0].code, work[0].display) == (1, "CRV", "Craving level")
    assert await mapping.put(access, Own(local, "CRV", "Craving level", SNOMED, "1001", "Craving", "equivalent"), "The laboratory says so.")
    assert (await mapping.work(access))[1] == 0  # it is done by being mapped
    assert matches(await to(local, "CRV", SNOMED)) == [("equivalent", "1001")]
    # What the organization says goes before what a release says.
    await mapping.put(access, Own(SNOMED, "1001", "Craving", ICD10CM, "F99", "", "inexact"), "Our medical director decided.")
    assert matches(await to(SNOMED, "1001", ICD10CM)) == [("inexact", "F99")]
    assert await mapping.end(access, Own(SNOMED, "1001", "Craving", ICD10CM, "F99", "", "inexact"), "No longer.")
    assert matches(await to(SNOMED, "1001", ICD10CM)) == [("relatedto", "F10.20")]
    everything, count = await mapping.listed(access, everything=True)
    assert count == 2
    assert [o.until is not None for o in everything if o.code == "1001"] == [True]  # what was said stays readable


async def test_one_concept_map_alone(loaded: Clinic) -> None:
    element = {"code": "CRV", "target": [{"code": "1001", "display": "Craving", "equivalence": "subsumes"}]}
    made = await loaded.make("sys-mh", {"resourceType": "ConceptMap", "status": "active", "url": "https://example.org/map", "group": [{"source": "urn:local", "target": SNOMED, "element": [element]}]})
    forth = await asked(loaded, f"ConceptMap/{made.id}/$translate", who="sys-mh", code="CRV", system="urn:local")
    assert parts(forth)["result"] is True
    back = await asked(loaded, "ConceptMap/$translate", who="sys-mh", url="https://example.org/map", code="1001", system=SNOMED, reverse="true")
    assert back["parameter"][1]["part"][0]["valueCode"] == "specializes"
    assert back["parameter"][1]["part"][1]["valueCoding"] == {"system": "urn:local", "code": "CRV"}


async def test_a_release_is_in_force_when_it_is_whole_and_the_same_one_only_once(clinic: Clinic, tmp_path: Path) -> None:
    access = await acting(clinic)
    place = releases.snomed(tmp_path)
    assert await loading.load(access, snomed.release(place)) == 4
    assert await loading.load(access, snomed.release(place)) is None

    def broken() -> Any:
        yield Concept("1", "One")
        raise BadRelease("damaged")

    with pytest.raises(BadRelease):
        await loading.load(access, Release(SNOMED, "20270301", None, "x", broken()))
    here = await asking.installed(access)
    assert [(r.version, r.state) for r in here] == [("20260301", "active")]
    assert await loading.load(access, Release(SNOMED, "20270301", None, "x", iter([Concept("1", "One")]))) == 1
    assert [(r.version, r.state) for r in await asking.installed(access)] == [("20270301", "active"), ("20260301", "retired")]
    assert parts(await asked(clinic, "CodeSystem/$lookup", system=SNOMED, code="1002", version="20260301"))["display"] == "Evening craving"
    assert (await asked(clinic, "CodeSystem/$lookup", system=SNOMED, code="1002"))["status_"] == 404
    assert (await asked(clinic, "CodeSystem/$lookup", who="other-clinician", system=SNOMED, code="1"))["status_"] == 422  # loaded for one organization, not for another


async def test_value_sets_that_refer_to_themselves_or_have_many_parts_are_refused_soon(loaded: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    me = "https://example.org/me"
    await loaded.make("sys-mh", {"resourceType": "ValueSet", "status": "active", "url": me, "compose": {"include": [{"valueSet": [me] * 30}]}})
    count = 0
    ask = Access.search

    async def counted(self: Access, *args: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        return await ask(self, *args, **more)

    monkeypatch.setattr(Access, "search", counted)
    assert (await asked(loaded, "ValueSet/$expand", url=me))["status_"] in (400, 422)
    assert count <= 2, "each is looked up once"

    async def posted(value_set: Any, what: str = "$expand", **more: Any) -> Any:
        sent = [{"name": "valueSet", "resource": value_set}, *({"name": k, **v} for k, v in more.items())]
        return await loaded.ask("mh-clinician", "POST", f"ValueSet/{what}", {"resourceType": "Parameters", "parameter": sent})

    parts = [{"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "1001"}]}] * 300
    assert (await posted({"resourceType": "ValueSet", "status": "active", "compose": {"include": parts}})).status == 422
    for shape in ("x", {"include": ["x"]}, {"include": [{"valueSet": 7}]}):
        assert (await posted({"resourceType": "ValueSet", "status": "active", "compose": shape})).status == 400, shape
    many = {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": str(n)} for n in range(1000)]}}
    assert (await posted({"resourceType": "ValueSet", "status": "active"}, "$validate-code", codeableConcept=many)).status == 400


async def test_what_value_sets_have_in_common_is_found_in_few_questions(loaded: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    find = asking.release_of

    async def counted(*args: Any) -> Any:
        nonlocal count
        count += 1
        return await find(*args)

    monkeypatch.setattr(asking, "release_of", counted)
    both = {"system": SNOMED, "valueSet": [f"{SNOMED}?fhir_vs", f"{SNOMED}?fhir_vs=isa/1001"]}
    less = {"system": SNOMED, "concept": [{"code": "1004"}]}
    sent = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [both], "exclude": [less]}}
    answer = await loaded.ask("mh-clinician", "POST", "ValueSet/$expand", {"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": sent}]})
    assert [c["code"] for c in answer.json()["expansion"]["contains"]] == ["1001", "1002"]
    assert count <= 5, "no question for each code"
