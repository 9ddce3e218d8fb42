"""Valid resources of every type are found valid and survive the codec; broken ones break nothing."""

from copy import deepcopy
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir.codec import dumps, loads
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate
from tests.effort import trying
from tests.fhir.generate import any_resource, make

_JUNK: list[Any] = [None, True, 0, -1, 2**70, Decimal("1.0"), "", " ", "x", "\x01", "#", "#c1", [], [[]], [None], {}, {"": ""}, {"id": 1}]


@pytest.mark.parametrize("kind", sorted(RESOURCE_TYPES))
def test_generated_resources_of_the_type_are_valid(kind: str) -> None:
    for seed in range(6):
        resource = make(kind, Random(seed))
        assert [i for i in validate(resource) if is_error(i)] == []


@trying(100)
@given(any_resource())
def test_valid_resources_have_no_errors(resource: dict[str, Any]) -> None:
    assert [i for i in validate(resource) if is_error(i)] == []


@trying(100)
@given(any_resource())
def test_a_round_trip_keeps_decimals_order_and_extensions(resource: dict[str, Any]) -> None:
    text = dumps(resource)
    again = loads(text)
    assert dumps(again) == text
    assert _spelled(again) == _spelled(resource)


def _spelled(value: Any) -> Any:
    """Order of properties and digits of decimals included."""
    if isinstance(value, dict):
        return [(name, _spelled(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return str(value) if isinstance(value, Decimal) else (type(value).__name__, value)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a value."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [(value, key) for key, _ in items] + [place for _, item in items for place in _places(item)]


@trying(150)
@given(any_resource(), st.integers(0, 2**32 - 1))
def test_no_mutation_makes_validation_raise(resource: dict[str, Any], seed: int) -> None:
    random = Random(seed)
    broken = deepcopy(resource)
    for _ in range(random.randint(1, 4)):
        places = _places(broken)
        if not places:
            break
        container, key = random.choice(places)
        if random.random() < 0.3:
            container[random.choice(["foo", "value", "_id", "extension", "resourceType"]) if isinstance(container, dict) else key] = deepcopy(random.choice(_JUNK))
        elif random.random() < 0.3:
            del container[key]
        else:
            container[key] = deepcopy(random.choice([*_JUNK, random.choice(places)[0]]))
    for issue in validate(broken):
        assert all(isinstance(part, str) for part in issue)
        assert issue.code != "exception"


@trying(150)
@given(
    st.recursive(
        st.sampled_from(_JUNK),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["resourceType", "id", "meta", "profile", "extension", "url", "contained", "entry", "name", "text", "type"]), inner, max_size=4
        ),
        max_leaves=20,
    )
)
def test_no_json_makes_validation_raise(value: Any) -> None:
    for resource in (
        value,
        {"resourceType": "Patient", "contained": [value], "extension": value, "meta": value},
        {"resourceType": "Bundle", "type": "document", "entry": [{"resource": value}, value], "link": value},
    ):
        assert "exception" not in [issue.code for issue in validate(resource)]


def test_extreme_nesting_is_an_issue_and_no_crash() -> None:
    extension: dict[str, Any] = {"url": "x"}
    for _ in range(3000):
        extension = {"url": "x", "extension": [extension]}
    issues = validate({"resourceType": "Patient", "extension": [extension]})
    assert any(is_error(issue) for issue in issues)
