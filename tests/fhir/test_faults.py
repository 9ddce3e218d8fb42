"""Any single fault put anywhere into a valid resource of any type is found, where it was put."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from sojourn.fhir.codes import plain_codes
from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES, Element, TypeRef, elements
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate
from tests.fhir.generate import make


class Spot(NamedTuple):
    """A property of an object within a resource, and what the definitions say of it."""

    owner: dict[str, Any]
    key: str
    element: Element
    kind: TypeRef
    within: str
    """FHIRPath of the owner."""

    @property
    def primitive(self) -> bool:
        return self.kind.code in DEFINITIONS.primitives


def spots(value: dict[str, Any], type_name: str, path: str) -> Iterator[Spot]:
    """Every property below a value that is not an extension's."""
    known = {key: (element, kind) for element in elements(type_name) for key, kind in element.properties()}
    for key, item in value.items():
        if key not in known or key in ("extension", "contained"):
            continue
        element, kind = known[key]
        here = f"{path}.{element.name}" + (f".ofType({kind.code})" if element.choice else "")
        yield Spot(value, key, element, kind, path)
        if kind.code not in DEFINITIONS.primitives and kind.code not in ("Resource", "Narrative", "Extension"):
            for index, child in enumerate(item if isinstance(item, list) else [item]):
                label = f"{here}[{index}]" if element.repeats else here
                yield from spots(child, kind.code, label)


def set_to(value: Any) -> Callable[[Spot], None]:
    def put(spot: Spot) -> None:
        spot.owner[spot.key] = [value] if spot.element.repeats else value

    return put


def other_arity(spot: Spot) -> None:
    value = spot.owner[spot.key]
    spot.owner[spot.key] = value[0] if spot.element.repeats else [value]


def wrong_type(spot: Spot) -> None:
    wrong: Any = {"boolean": "true", "decimal": "1.00", "integer": "1", "positiveInt": "1", "unsignedInt": "1"}.get(spot.kind.code, 7)
    set_to(wrong)(spot)


def second_choice(spot: Spot) -> None:
    other = next(key for key, _ in spot.element.properties() if key != spot.key)
    spot.owner[other] = True


def remove(spot: Spot) -> None:
    spot.owner.pop(spot.key)
    spot.owner.pop("_" + spot.key, None)


def has_codes(spot: Spot) -> bool:
    binding = spot.element.binding
    return spot.primitive and binding is not None and binding[0] == "required" and plain_codes(binding[1]) is not None


def is_bound(spot: Spot) -> bool:
    binding = spot.element.binding
    bound = spot.kind.code in ("CodeableConcept", "Coding") and binding is not None and binding[0] == "required"
    return bound and binding is not None and plain_codes(binding[1]) is not None


def anywhere(spot: Spot) -> bool:
    return True


def of(*codes: str) -> Callable[[Spot], bool]:
    return lambda spot: spot.kind.code in codes


def is_object(spot: Spot) -> bool:
    return not spot.primitive


def required(spot: Spot) -> bool:
    return spot.element.min > 0


def targeted(spot: Spot) -> bool:
    return spot.kind.code == "Reference" and bool(spot.kind.targets) and "Binary" not in spot.kind.targets


FAULTS: dict[str, tuple[Callable[[Spot], bool], Callable[[Spot], None]]] = {
    "null": (anywhere, lambda spot: spot.owner.update({spot.key: None})),
    "array or not": (anywhere, other_arity),
    "empty array": (anywhere, lambda spot: spot.owner.update({spot.key: []})),
    "wrong JSON type": (lambda spot: spot.primitive, wrong_type),
    "empty object": (is_object, set_to({})),
    "string for an object": (is_object, set_to("x")),
    "unknown property": (is_object, lambda spot: (spot.owner[spot.key][0] if spot.element.repeats else spot.owner[spot.key]).update(foo=1)),
    "required and missing": (required, remove),
    "second type of a choice": (lambda spot: spot.element.choice and len(spot.element.types) > 1, second_choice),
    "code outside its set": (has_codes, set_to("no-such-code")),
    "concept outside its set": (is_bound, lambda spot: set_to({"coding": [{"system": "urn:x", "code": "y"}]} if spot.kind.code == "CodeableConcept" else {"system": "urn:x", "code": "y"})(spot)),
    "reference to a wrong type": (targeted, set_to({"reference": "Binary/1"})),
    "reference to nowhere within": (of("Reference"), set_to({"reference": "#nowhere"})),
    "day that does not exist": (of("date", "dateTime"), set_to("2023-02-29")),
    "time without zone": (of("dateTime", "instant"), set_to("2023-02-28T10:00:00")),
    "date with slashes": (of("date", "dateTime", "instant"), set_to("2023/02/28")),
    "too great": (of("integer", "positiveInt", "unsignedInt"), set_to(2**31)),
    "too small": (of("positiveInt", "unsignedInt"), set_to(-1)),
    "blank": (of("string", "markdown", "code", "uri", "url", "canonical", "id"), set_to(" ")),
    "space in a uri": (of("uri", "url", "canonical"), set_to("http://x.org/a b")),
    "bad base64": (of("base64Binary"), set_to("ab!=")),
    "script in the narrative": (of("Narrative"), set_to({"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>'})),
    "extension without url": (lambda spot: spot.primitive, lambda spot: spot.owner.update({"_" + spot.key: [{"extension": [{"valueCode": "x"}]}] if spot.element.repeats else {"extension": [{"valueCode": "x"}]}})),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_where_it_is(fault: str) -> None:
    fits, put = FAULTS[fault]
    random, tried = Random(fault), 0
    for kind in sorted(RESOURCE_TYPES - {"Bundle"}) * 4:
        resource = make(kind, random)
        chosen = [spot for spot in spots(resource, kind, kind) if fits(spot)]
        if not chosen:
            continue
        spot = random.choice(chosen)
        put(spot)
        tried += 1
        told = [issue for issue in validate(resource) if is_error(issue)]
        assert any(issue.expression.startswith(spot.within) for issue in told), (spot.within, spot.key, told)
    assert tried
