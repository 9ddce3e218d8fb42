"""Index rows: keys under a secret, presence, and the masks of labelled elements."""

from typing import Any

from sojourn.record.index import Keys, rows, without

PANEL: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "urn:s", "code": "panel"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2024-03-05",
    "component": [
        {"code": {"coding": [{"system": "urn:s", "code": "a"}]}, "valueQuantity": {"value": 1}},
        {"code": {"coding": [{"system": "urn:s", "code": "b"}]}, "valueQuantity": {"value": 2}},
    ],
}
KEYS = Keys(b"k" * 32)


def test_keys_depend_on_the_tenants_secret_and_on_every_part() -> None:
    other = Keys(b"o" * 32)
    assert KEYS.token("Observation", "code", None, "a") != other.token("Observation", "code", None, "a")
    assert len({KEYS.token("Observation", "code", s, "a") for s in (None, "", "urn:s")}) == 3


def test_tokens_hold_presence_and_the_token_table_does_not() -> None:
    found = rows(PANEL, KEYS)
    assert KEYS.name("Observation", "code") in found.tokens
    assert KEYS.name("Observation", "code") not in found.token_hash
    assert set(found.token_hash) < set(found.tokens)


def test_the_digest_changes_with_the_index_rows_only() -> None:
    same = rows(PANEL | {"status": "amended"}, KEYS)
    moved = rows(PANEL | {"effectiveDateTime": "2024-03-06"}, KEYS)
    assert rows(PANEL, KEYS).digest == same.digest != moved.digest


def test_what_only_a_labelled_element_yields_carries_its_mask() -> None:
    found = rows(PANEL, KEYS, [(("component", 1), 4)])
    masks = dict(zip(found.token_hash, found.token_mask, strict=True))
    hidden, shown = (KEYS.token("Observation", "component-code", "urn:s", code) for code in ("b", "a"))
    assert masks[hidden] == 4
    assert masks[shown] == 0
    assert hidden not in found.tokens
    assert hidden in (found.labelled_tokens or [])


def test_presence_that_only_a_labelled_element_gives_is_masked_too() -> None:
    found = rows(PANEL, KEYS, [(("component", 0), 4), (("component", 1), 2)])
    masks = list(zip(found.token_hash, found.token_mask, strict=True))
    presence = KEYS.name("Observation", "component-code")
    assert presence not in found.tokens
    assert [mask for key, mask in masks if key == presence] == [2, 4], "either label will do"


def test_what_is_found_under_fewer_laws_is_not_listed_under_more() -> None:
    found = rows(PANEL, KEYS, [(("component", 0), 4), (("component", 1), 6)])
    presence = KEYS.name("Observation", "component-code")
    assert [m for key, m in zip(found.token_hash, found.token_mask, strict=True) if key == presence] == [4]


def test_a_labelled_element_inside_another_needs_both_labels() -> None:
    found = rows(PANEL, KEYS, [(("component", 1), 4), (("component", 1, "valueQuantity"), 8)])
    masks = set(zip(found.number_low, found.number_mask, strict=True))
    assert {mask for low, mask in masks if low == 2.0} == {12}


def test_a_labelled_date_does_not_order_the_chart() -> None:
    assert rows(PANEL, KEYS).at.year == 2024
    assert rows(PANEL, KEYS, [(("effectiveDateTime",), 1)]).at.year == 1


def test_pruning_leaves_the_resource_alone() -> None:
    pruned = without(PANEL, [("component", 0), ("subject",)])
    assert len(pruned["component"]) == 1
    assert "subject" not in pruned
    assert len(PANEL["component"]) == 2
