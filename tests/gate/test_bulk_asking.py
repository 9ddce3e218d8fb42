"""What an export may be asked for, one parameter at a time; and what a document over what leaves says. No database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate import documentbundle
from sojourn.gate.bulk import asking, leaving
from sojourn.gate.bulk.asking import Wish

TYPES = ("AuditEvent", "Binary", "Bundle", "Condition", "Observation", "OperationOutcome", "Organization", "Patient", "ValueSet")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Caller:
    role: str = "system"
    scopes: str | None = "system/*.rs"


class Asking:
    """Whoever asks: their role has Bulk and these types."""

    group: ClassVar[dict[str, Any]] = {}

    def __init__(self, house: Any = None, caller: Caller | None = None, request: str = "r", *, export: bool = True, types: tuple[str, ...] = TYPES) -> None:
        self.caller, self.request, self.now, self.tenant, self.head = caller or Caller(), request, NOW, SimpleNamespace(number=1), (1, 2, 3, 4)
        self.rules = SimpleNamespace(types=lambda role, action, possible: [t for t in possible if t in types])
        self.refused: list[str] = []
        rules = SimpleNamespace(allows=lambda role, action, type_: export and (action, type_) == ("export", "Bulk"))
        self.house = house or SimpleNamespace(rules={1: rules}, db=self, base="https://here/fhir", value_sets=None, types=TYPES)
        self._types = types

    async def call(self, *_: Any) -> list[Any]:
        return []

    async def refuse(self, action: str, type_: str, _query: str) -> None:
        self.refused.append(f"{action} {type_}")

    async def check(self, _action: str, type_: str) -> None:
        if type_ not in self._types:
            raise errors.Forbidden

    async def read(self, type_: str, id_: str) -> Any:
        assert (type_, id_, self.caller.scopes) == ("Group", "g", None)
        return SimpleNamespace(resource=Asking.group)


async def wished(query: str = "", *, level: str = "system", lenient: bool = False, access: Any = None) -> Wish:
    params = [(k, v) for k, _, v in (one.partition("=") for one in query.split("&") if one)]
    return await asking.wish(access or Asking(), params, level=level, group="g", lenient=lenient)


async def test_of_nothing_that_is_named_everything_goes_that_can_but_the_trail_and_forms_of_answers() -> None:
    whole, patients = await wished(), await wished(level="patient")
    assert whole.types == ("Condition", "Observation", "Organization", "Patient", "ValueSet")
    assert patients.types == ("Condition", "Observation", "Organization", "Patient")
    assert ((whole.whole, whole.patients), (patients.whole, patients.patients)) == ((True, None), (False, None))


@pytest.mark.parametrize(
    ("query", "level", "error"),
    [
        ("_type=Observation", "system", None), ("_type=Binary", "system", None), ("_type=AuditEvent", "system", errors.Malformed), ("_type=OperationOutcome", "system", errors.Malformed), ("_type=Nonsense", "system", errors.Malformed),
        ("_type=ValueSet", "system", None), ("_type=ValueSet", "patient", errors.NotSupported), ("_type=Organization,Patient", "patient", None), ("_type=Encounter", "system", errors.Forbidden),
        ("_outputFormat=application/fhir+ndjson", "system", None), ("_outputFormat=application/fhir ndjson", "system", None), ("_outputFormat=ndjson", "system", None), ("_outputFormat=text/csv", "system", errors.NotSupported),
        ("patient=Patient/1", "patient", None), ("patient=Patient/1", "system", errors.NotSupported), ("patient=https://here/fhir/Patient/1", "patient", None), ("patient=Group/1", "patient", errors.Malformed),
        ("_since=2026-01-31T12:00:00Z", "system", None), ("_since=yesterday", "system", errors.Malformed), ("_elements=id,Observation.code", "system", None), ("_elements=Observation.nonsense", "system", errors.Malformed),
        ("_elements=Nonsense.code", "system", errors.Malformed), ("_elements=a-b", "system", errors.Malformed), ("includeAssociatedData=x", "system", errors.NotSupported), ("_typeFilter=Observation", "system", errors.Malformed),
        ("_typeFilter=Nonsense?code=x", "system", errors.Malformed), ("_type=Observation&_typeFilter=Observation?code=x", "system", None), ("_type=Patient&_typeFilter=Observation?code=x", "system", errors.Malformed),
        ("_typeFilter=Observation?_sort=date", "system", errors.NotSupported), ("_typeFilter=Observation?_include:iterate=x", "system", errors.NotSupported), ("_typeFilter=Observation?_elements=id", "system", errors.NotSupported),
    ],
)  # fmt: skip
async def test_what_is_not_offered_is_refused(query: str, level: str, error: type[Exception] | None) -> None:
    if error is None:
        await wished(query, level=level)
        return
    with pytest.raises(error):
        await wished(query, level=level)


@pytest.mark.parametrize("name", ["_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_contained", "_containedType"])
async def test_a_filter_neither_sorts_nor_cuts_nor_adds(name: str) -> None:
    with pytest.raises(errors.NotSupported):
        await wished(f"_typeFilter=Observation?{name}=x")


async def test_what_is_asked_for_is_what_is_wanted() -> None:
    made = await wished("_since=2026-01-31T12:00:00 01:00&_elements=id,Observation.code&_type=Observation,Condition&_typeFilter=Observation?code=x&_typeFilter=Observation?status=final")
    assert (made.since, made.elements, made.types) == ("2026-01-31T12:00:00+01:00", ("id", "Observation.code"), ("Condition", "Observation"))
    assert made.filters == (("Observation", "code=x"), ("Observation", "status=final"))
    access: Any = Asking()
    assert [len(one) for one in made.conditions(access, "Observation")] == [1, 1]


def test_what_records_refer_to_goes_with_exports_of_patients_and_the_trail_with_none() -> None:
    assert set(asking.DIRECTORY) == {"Endpoint", "HealthcareService", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole"}
    assert {"AuditEvent", "Binary", "Bundle", "OperationOutcome", "Parameters"} == asking.NEVER


async def test_what_is_passed_over_when_a_client_asks_for_that() -> None:
    made = await wished("includeAssociatedData=x&_type=Observation,Nonsense&_typeFilter=Observation?_sort=date", lenient=True)
    assert (made.types, made.filters, made.lenient) == (("Observation",), (), ("includeAssociatedData",))
    assert (await wished("_type=Observation,ValueSet", level="patient", lenient=True)).types == ("Observation",)
    with pytest.raises(errors.Forbidden):
        await wished("_type=Encounter", lenient=True)


async def test_who_may_not_export_is_refused_and_that_is_written_down() -> None:
    access = Asking(export=False)
    with pytest.raises(errors.Forbidden):
        await wished(access=access)
    assert access.refused == ["export Bulk"]


MEMBERS = [
    {"entity": {"reference": "Patient/a"}}, {"entity": {"reference": "https://here/fhir/Patient/b"}}, {"entity": {"reference": "Practitioner/x"}}, {"entity": {"reference": "Patient/gone"}, "inactive": True}, {"entity": {}},
    {"entity": {"reference": "Patient/over"}, "period": {"end": "2026-02-28"}}, {"entity": {"reference": "Patient/today"}, "period": {"end": "2026-03-01"}}, {"entity": {"reference": "Patient/later"}, "period": {"start": "2026-03-02"}},
    {"entity": {"reference": "Patient/since"}, "period": {"start": "2026-03-01"}}, {"entity": {"reference": "Patient/a"}},
]  # fmt: skip


async def test_of_a_group_go_those_who_are_in_it_now_and_of_patients_that_are_named_those_who_are_in_it() -> None:
    Asking.group = {"member": MEMBERS}
    assert (await wished(level="group")).patients == ("a", "b", "since", "today")
    assert (await wished("patient=Patient/b,Patient/over&patient=a,stranger", level="group")).patients == ("a", "b")
    assert (await wished("patient=Patient/stranger", level="group")).patients == ()
    assert (await wished("patient=Patient/b,a, b", level="patient")).patients == ("a", "b")


async def test_no_more_patients_are_named_than_one_export_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LISTED", 2)
    await wished("patient=a,b", level="patient")
    with pytest.raises(errors.TooLarge):
        await wished("patient=a,b,c", level="patient")


def test_a_wish_is_kept_whole_and_says_what_it_is_about() -> None:
    made = Wish(("Condition", "Observation"), whole=False, patients=("a",), since="2026-01-31", elements=("id", "Observation.code", "Condition.code"), filters=(("Observation", "code=x"), ("Observation", "code=y")), level="group", lenient=("z",))
    for one in (made, replace(made, patients=None, whole=True), replace(made, patients=())):
        assert Wish.unpack(one.packed()) == one
    assert (made.kinds, replace(made, since="").kinds) == (("Condition", "Observation", "deleted"), ("Condition", "Observation"))
    assert (made.after, replace(made, since="").after) == (datetime(2026, 1, 31, tzinfo=UTC), None)
    assert made.names("Observation") == ["id", "code"]
    access: Any = Asking()
    assert [len(made.conditions(access, t)) for t in ("Observation", "Condition")] == [2, 0]


def test_an_export_is_seen_with_the_scopes_with_which_it_was_asked_for() -> None:
    def scopes(text: str | None) -> str:
        return asking.own_scopes(SimpleNamespace(caller=SimpleNamespace(scopes=text)))  # type: ignore[arg-type]

    assert scopes("b a  b") == "a b"
    assert scopes(None) == scopes("") == ""


@pytest.mark.parametrize("name", ["Observation.\u00b2.ndjson", "Observation.\u0661.ndjson", "Observation.01.ndjson", "Observation.1", "Observation..ndjson", "Observation.-1.ndjson", "Condition.1.ndjson", "Observation", ""])
async def test_a_file_of_another_name_is_not_there(name: str) -> None:
    """A digit that is none failed, at first, instead of being no file."""
    export: Any = SimpleNamespace(state="done", wish=Wish(("Observation",), whole=True))
    nobody: Any = None
    with pytest.raises(errors.NotFound):
        await leaving.file(nobody, export, name)
    with pytest.raises(errors.NotFound):
        await leaving.file(nobody, SimpleNamespace(state="working", wish=export.wish), "Observation.1.ndjson")  # type: ignore[arg-type]


# --- a document over what leaves -----------------------------------------------------------------------------------------------------------------

PERSON = {"resourceType": "Patient", "id": "p"}


def entry(type_: str, id_: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": type_, "id": id_, **more}


def composed(*entries: dict[str, Any]) -> dict[str, Any]:
    return documentbundle.composed(entries, title="Summary", author={"display": "Clinic"}, day="2026-03-01", base="https://here/fhir", identifier="urn:uuid:1")


def test_a_document_lists_exactly_what_leaves_and_each_entry_in_one_section() -> None:
    entries = [PERSON, entry("Observation"), entry("Condition"), entry("DiagnosticReport"), entry("Consent"), entry("Observation", "2")]
    made = composed(*entries)
    head, *rest = made["entry"]
    assert [e["resource"] for e in rest] == entries
    assert [e["fullUrl"] for e in made["entry"][:2]] == ["https://here/fhir/Composition/composition", "https://here/fhir/Patient/p"]
    sections = {s["title"]: [e["reference"].removeprefix("https://here/fhir/") for e in s["entry"]] for s in head["resource"]["section"]}
    assert sections == {"Problems": ["Condition/1"], "Results and measures": ["Observation/1", "DiagnosticReport/1", "Observation/2"], "Further entries": ["Consent/1"]}
    assert head["resource"]["subject"] == {"reference": "https://here/fhir/Patient/p"}
    assert [s.get("code", {}).get("coding", [{}])[0].get("code") for s in head["resource"]["section"]] == ["11450-4", "30954-2", None]


@pytest.mark.parametrize(
    ("title", "types"),
    [
        ("Problems", ["Condition"]), ("Allergies and intolerances", ["AllergyIntolerance"]), ("Medications", ["MedicationRequest", "MedicationStatement", "Medication"]), ("Results and measures", ["Observation", "DiagnosticReport"]),
        ("Plan of care", ["CarePlan", "Goal", "ServiceRequest"]), ("Encounters", ["Encounter", "EpisodeOfCare"]), ("Procedures", ["Procedure"]), ("Immunizations", ["Immunization"]), ("Documents", ["DocumentReference"]),
        ("Further entries", ["Coverage"]),
    ],
)  # fmt: skip
def test_each_kind_stands_where_a_reader_of_documents_looks_for_it(title: str, types: list[str]) -> None:
    sections = composed(PERSON, *(entry(t) for t in types))["entry"][0]["resource"]["section"]
    assert [(s["title"], len(s["entry"])) for s in sections] == [(title, len(types))]


def test_a_document_of_nothing_has_neither_subject_nor_sections() -> None:
    assert not {"subject", "section"} & composed()["entry"][0]["resource"].keys()
    assert "section" not in composed(PERSON)["entry"][0]["resource"]


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        (entry("Condition", code={"text": "Asthma", "coding": [{"display": "x"}]}, onsetDateTime="2025-01-02T10:00:00Z"), "Asthma (2025-01-02)"), (entry("Condition", code={"coding": [{"code": "c"}, {"display": "Named"}]}), "Named"),
        (entry("Condition", code={"coding": [{}, {"code": "c"}]}), "c"), (entry("Condition"), "Condition"), (entry("MedicationRequest", medicationCodeableConcept={"text": "Drug"}, authoredOn="2025-01-02"), "Drug (2025-01-02)"),
        (entry("Observation", code={"text": "Weight"}, valueQuantity={"value": 70, "unit": "kg"}), "Weight: 70 kg"), (entry("Observation", code={"text": "Count"}, valueQuantity={"value": 0}), "Count: 0"),
        (entry("Observation", code={"text": "Count"}, valueQuantity={"unit": "kg"}), "Count"), (entry("Encounter", type=[{"text": "Visit"}], period={"start": "2025-01-02T08:00:00Z"}), "Visit (2025-01-02)"),
        (entry("DocumentReference", description="A letter", date="2025-01-02"), "A letter (2025-01-02)"), (entry("Goal", description={"text": "Walk"}, startDate="2025-01-02"), "Walk (2025-01-02)"),
    ],
)  # fmt: skip
def test_an_entry_in_one_line_is_what_it_is_its_value_and_its_day(resource: dict[str, Any], line: str) -> None:
    assert documentbundle._line(resource) == line


def test_words_of_the_record_and_of_a_notice_are_text_and_no_markup() -> None:
    made = composed(entry("Condition", code={"text": "<script>"}))
    assert "<li>&lt;script&gt;</li>" in made["entry"][0]["resource"]["section"][0]["text"]["div"]
    noticed = codec.loads(documentbundle.with_notice(codec.dumps(made), "42 CFR & <so>"))
    assert "<p>42 CFR &amp; &lt;so&gt;</p>" in noticed["entry"][0]["resource"]["section"][0]["text"]["div"]


def test_the_notice_comes_first_and_the_copies_of_consents_lie_beside_it() -> None:
    made = composed(PERSON, entry("Condition"), entry("Consent", "c"))
    first, *rest = codec.loads(documentbundle.with_notice(codec.dumps(made), "Notice"))["entry"][0]["resource"]["section"]
    assert (first["title"], first["entry"]) == ("Notice on redisclosure", [{"reference": "https://here/fhir/Consent/c"}])
    assert rest == made["entry"][0]["resource"]["section"]
    bare = codec.loads(documentbundle.with_notice(codec.dumps(composed(PERSON)), "Notice"))["entry"][0]["resource"]["section"]
    assert [set(s) for s in bare] == [{"title", "text"}]
