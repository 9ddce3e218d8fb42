"""Two records of one person read as one: which parameters of a search name both. No database."""

from __future__ import annotations

import pytest

from sojourn.gate import joined

TWO = ("a", "b")


@pytest.mark.parametrize(("name", "value", "asked"), [
    ("patient", "a", "a,b"), ("patient", "b", "a,b"), ("patient", "Patient/a", "Patient/a,Patient/b"), ("subject", "Patient/b", "Patient/a,Patient/b"), ("subject:Patient", "a", "a,b"), ("for", "a", "a,b"),
    ("patient", "c", "c"), ("patient", "Patient/c", "Patient/c"), ("patient", "a,c", "a,c"), ("subject", "Group/a", "Group/a"), ("subject", "http://elsewhere/Patient/a", "http://elsewhere/Patient/a"),
    ("patient", "", ""), ("patient", "/a", "/a,/b"), ("_id", "a", "a"), ("_count", "a", "a"), ("item", "Patient/a", "Patient/a"), ("source", "Patient/a", "Patient/a"), ("link", "Patient/a", "Patient/a"),
])  # fmt: skip
def test_what_names_one_of_them_names_all(name: str, value: str, asked: str) -> None:
    assert joined.asked(TWO, "Observation", [(name, value), ("code", "x")]) == ((name, asked), ("code", "x"))
    assert joined.asked(TWO, None, [(name, value)]) == ((name, asked),)


def test_of_patients_themselves_and_where_there_is_one_record_it_is_asked_as_it_is() -> None:
    params = [("patient", "a"), ("subject", "Patient/b")]
    assert joined.asked(TWO, "Patient", params) == tuple(params)
    for records in ((), ("a",), ("b",)):
        assert joined.asked(records, "Observation", params) == tuple(params)
    assert joined.asked(("a", "b", "c"), "Observation", params) == (("patient", "a,b,c"), ("subject", "Patient/a,Patient/b,Patient/c"))
