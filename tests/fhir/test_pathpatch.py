"""FHIRPath Patch (http://hl7.org/fhir/R4/fhirpatch.html): elements, siblings, choices, lists."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir.patch import PatchError
from sojourn.fhir.pathpatch import fhirpath_patch
from tests.effort import trying


def operation(type_: str, path: str, **parts: Any) -> dict[str, Any]:
    """One operation; `value=` a part's content, index and the like as integers."""
    listed: list[dict[str, Any]] = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}]
    for name, content in parts.items():
        listed.append(
            {
                "name": name,
                **(
                    {"valueInteger": content}
                    if isinstance(content, int)
                    else {"valueString": content}
                    if isinstance(content, str)
                    else content
                ),
            }
        )
    return {"name": "operation", "part": listed}


def patched(resource: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    before = copy.deepcopy(resource)
    after = fhirpath_patch(resource, {"resourceType": "Parameters", "parameter": list(operations)})
    assert resource == before
    return after


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


IDENTIFIERS = [{"system": "http://a.example", "value": str(i)} for i in range(4)]


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        (
            patient(birthDate="1920-01-01"),
            operation("replace", "Patient.birthDate", value={"valueDate": "1930-01-01"}),
            patient(birthDate="1930-01-01"),
        ),
        (patient(birthDate="1920", _birthDate={"id": "x"}), operation("delete", "Patient.birthDate"), patient()),
        (patient(), operation("delete", "Patient.birthDate"), patient()),
        (patient(), operation("add", "Patient", name="birthDate", value={"valueDate": "1930-01-01"}), patient(birthDate="1930-01-01")),
        (patient(), operation("add", "Patient", name="deceased", value={"valueBoolean": True}), patient(deceasedBoolean=True)),
        (
            patient(deceasedBoolean=False),
            operation("replace", "Patient.deceased", value={"valueDateTime": "2020"}),
            patient(deceasedDateTime="2020"),
        ),
        (patient(deceasedDateTime="2020"), operation("delete", "(Patient.deceased as dateTime)"), patient()),
        (patient(deceasedDateTime="2020"), operation("delete", "Patient.deceased.ofType(boolean)"), patient(deceasedDateTime="2020")),
        (
            patient(),
            operation("add", "Patient", name="maritalStatus", value={"valueCodeableConcept": {"text": "m"}}),
            patient(maritalStatus={"text": "m"}),
        ),
        (
            patient(contact=[{"name": {"text": "n"}, "gender": "male"}]),
            operation("delete", "Patient.contact[0].name.text"),
            patient(contact=[{"gender": "male"}]),
        ),
        (patient(contact=[{"name": {"text": "n"}}]), operation("delete", "Patient.contact.name.text"), patient()),
        (
            patient(),
            operation(
                "add",
                "Patient",
                name="contact",
                value={
                    "part": [{"name": "name", "valueHumanName": {"text": "n"}}, {"name": "telecom", "valueContactPoint": {"value": "1"}}]
                },
            ),
            patient(contact=[{"name": {"text": "n"}, "telecom": [{"value": "1"}]}]),
        ),
        (
            patient(contact=[{"gender": "male"}]),
            operation("replace", "Patient.contact[0]", value={"part": [{"name": "gender", "valueCode": "female"}]}),
            patient(contact=[{"gender": "female"}]),
        ),
        (
            patient(identifier=IDENTIFIERS[:2]),
            operation("insert", "Patient.identifier", index=1, value={"valueIdentifier": IDENTIFIERS[2]}),
            patient(identifier=[IDENTIFIERS[0], IDENTIFIERS[2], IDENTIFIERS[1]]),
        ),
        (
            patient(),
            operation("insert", "Patient.identifier", index=0, value={"valueIdentifier": IDENTIFIERS[2]}),
            patient(identifier=[IDENTIFIERS[2]]),
        ),
        (
            patient(identifier=IDENTIFIERS),
            operation("move", "Patient.identifier", source=3, destination=1),
            patient(identifier=[IDENTIFIERS[0], IDENTIFIERS[3], IDENTIFIERS[1], IDENTIFIERS[2]]),
        ),
        (
            patient(identifier=IDENTIFIERS),
            operation("delete", "Patient.identifier.where(system = 'http://a.example' and value = '2')"),
            patient(identifier=[*IDENTIFIERS[:2], IDENTIFIERS[3]]),
        ),
        (patient(identifier=IDENTIFIERS[:2]), operation("delete", "Patient.identifier.first()"), patient(identifier=IDENTIFIERS[1:2])),
        (patient(identifier=IDENTIFIERS[:2]), operation("delete", "identifier.last()"), patient(identifier=IDENTIFIERS[:1])),
        (
            patient(name=[{"given": ["A", "B", "C"], "_given": [None, None, {"id": "c"}]}]),
            operation("delete", "Patient.name[0].given[0]"),
            patient(name=[{"given": ["B", "C"], "_given": [None, {"id": "c"}]}]),
        ),
        (
            patient(name=[{"given": ["A", "B"], "_given": [None, {"id": "b"}]}]),
            operation("delete", "Patient.name.given.where($this = 'B')"),
            patient(name=[{"given": ["A"]}]),
        ),
        (
            patient(name=[{"given": ["A", "B"], "_given": [None, {"id": "b"}]}]),
            operation("move", "Patient.name.given", source=1, destination=0),
            patient(name=[{"given": ["B", "A"], "_given": [{"id": "b"}, None]}]),
        ),
        (
            patient(name=[{"given": ["A"]}]),
            operation("insert", "Patient.name.given", index=0, value={"_valueString": {"extension": [{"url": "u", "valueCode": "x"}]}}),
            patient(name=[{"given": [None, "A"], "_given": [{"extension": [{"url": "u", "valueCode": "x"}]}, None]}]),
        ),
        (
            patient(birthDate="1920"),
            operation("add", "Patient.birthDate", name="extension", value={"valueExtension": {"url": "u", "valueCode": "x"}}),
            patient(birthDate="1920"),
        ),
        (
            patient(extension=[{"url": "u", "valueCode": "x"}, {"url": "v", "valueCode": "y"}]),
            operation("replace", "Patient.extension('v').value", value={"valueString": "z"}),
            patient(extension=[{"url": "u", "valueCode": "x"}, {"url": "v", "valueString": "z"}]),
        ),
        (
            patient(birthDate="1920", _birthDate={"extension": [{"url": "u", "valueCode": "x"}]}),
            operation("delete", "Patient.birthDate.extension('u')"),
            patient(birthDate="1920"),
        ),
    ],
)
def test_each_edit_gives_the_resource_that_the_standard_describes(
    before: dict[str, Any], edit: dict[str, Any], after: dict[str, Any]
) -> None:
    if edit["part"][1]["valueString"] == "Patient.birthDate" and edit["part"][0]["valueCode"] == "add":
        edit["part"][3] = {
            "name": "value",
            "part": [{"name": "url", "valueUri": "u"}, {"name": "value", "valueCode": "x"}],
        }
        after = {**after, "_birthDate": {"extension": [{"url": "u", "valueCode": "x"}]}}
    assert patched(before, edit) == after


def test_operations_see_what_earlier_ones_did() -> None:
    edits = [operation("insert", "Patient.identifier", index=i, value={"valueIdentifier": IDENTIFIERS[i]}) for i in range(4)]
    assert patched(patient(), *edits) == patient(identifier=IDENTIFIERS)


@pytest.mark.parametrize(
    "edit",
    [
        operation("add", "Patient", name="birthDate", value={"valueDate": "2000"}),
        operation("add", "Patient", name="nothing", value={"valueDate": "2000"}),
        operation("add", "Patient", name="deceased", value={"valueQuantity": {"value": 1}}),
        operation("add", "Patient", name="gender"),
        operation("add", "Patient", value={"valueDate": "2000"}),
        operation("add", "Patient.identifier", name="value", value={"valueString": "x"}),
        operation("add", "Observation", name="status", value={"valueCode": "x"}),
        operation("insert", "Patient.identifier", value={"valueIdentifier": {}}),
        operation("insert", "Patient.identifier", index=9, value={"valueIdentifier": {}}),
        operation("insert", "Patient.identifier.where(value='1')", index=0, value={"valueIdentifier": {}}),
        operation("delete", "Patient.identifier"),
        operation("delete", "Patient"),
        operation("delete", "Patient.resourceType.unknown("),
        operation("replace", "Patient.id", value={"valueId": "other"}),
        operation("replace", "Patient.photo", value={"valueAttachment": {}}),
        operation("replace", "Patient", value={"valueString": "x"}),
        operation("move", "Patient.identifier", source=0, destination=4),
        operation("move", "Patient.birthDate", source=0, destination=0),
        operation("spell", "Patient"),
        operation("delete", "Patient" + ".a" * 999),
        {"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]},
        {"name": "operation"},
        {"name": "other", "part": []},
    ],
)
def test_what_cannot_be_done_is_refused(edit: dict[str, Any]) -> None:
    resource = patient(id="ana", birthDate="1920-01-01", identifier=IDENTIFIERS)
    with pytest.raises(PatchError):
        patched(resource, edit)


def test_an_error_hides_the_literals_of_the_path() -> None:
    with pytest.raises(PatchError) as caught:
        patched(patient(), operation("replace", "Patient.identifier.where(value='123-45-6789')", value={"valueString": "x"}))
    assert str(caught.value) == "Operation 0 at Patient.identifier.where(value='…'): the path must name one element, and names none"


WORDS = st.sampled_from(
    [
        "Patient",
        "name",
        "given",
        "[0]",
        "[1]",
        ".",
        "where(",
        ")",
        "given='A'",
        "first()",
        "last()",
        "extension('u')",
        "as",
        "ofType(date)",
        "(",
        "$this",
        "=",
        "or",
        "'x",
    ]
)
PATHS = st.lists(WORDS, max_size=7).map("".join) | st.sampled_from(["Patient", "Patient.name", "Patient.name.given", "Patient.birthDate"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["A", "B", "u"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "given", "_given", "extension", "url", "part", "valueString"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["type", "path", "name", "value", "index", "source", "destination"])},
    optional={
        "valueCode": st.sampled_from(["add", "insert", "delete", "replace", "move"]),
        "valueString": PATHS,
        "valueInteger": st.integers(-1, 3),
        "part": JSON,
    },
)
EDITS = st.builds(
    lambda verb, path, more: {
        "name": "operation",
        "part": [{"name": "type", "valueCode": verb}, {"name": "path", "valueString": path}, *more],
    },
    st.sampled_from(["add", "insert", "delete", "replace", "move"]),
    PATHS,
    st.lists(PARTS, max_size=4),
)


@trying(100)
@given(
    st.dictionaries(st.sampled_from(["name", "_name", "birthDate", "_birthDate", "extension"]), JSON),
    st.lists(EDITS | JSON, max_size=4) | JSON,
)
def test_whatever_is_sent_the_only_error_is_a_patch_error(elements: dict[str, Any], edits: Any) -> None:
    resource = patient(**elements)
    before = copy.deepcopy(resource)
    with contextlib.suppress(PatchError):
        fhirpath_patch(resource, {"resourceType": "Parameters", "parameter": edits})
    assert resource == before
