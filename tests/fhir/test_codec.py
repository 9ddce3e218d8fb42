"""JSON goes in and out without loss, and ambiguous JSON does not get in."""

import json
from decimal import Decimal

import pytest

from sojourn.fhir.codec import MAX_DEPTH, BadJson, dumps, loads


def test_numbers_keep_their_digits() -> None:
    text = b"[1.00,72.50,0.010,100,1E-7,0.1,123456789012345678901,12345678901234567890123,-0.0,1E+400]"
    assert dumps(loads(text)) == text


def test_integers_stay_integers_and_fractions_become_decimals() -> None:
    value = loads('{"a":1,"b":1.0,"c":1e2}')
    assert [type(item) for item in value.values()] == [int, Decimal, Decimal]


def test_property_order_is_kept() -> None:
    assert list(loads('{"z":1,"a":2,"m":3}')) == ["z", "a", "m"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"x":{"a":[],"a":[]}}',
        '{"x":[{"b":"say \\"hi\\"","b":""}]}',
        '{"a":"\\u0022","a":1}',
        '{"a":1, "b":"\\u0022", "b":"\\u0022x"}',
    ],
)
def test_a_property_given_twice_is_refused(text: str) -> None:
    with pytest.raises(BadJson, match="occurs twice"):
        loads(text)


@pytest.mark.parametrize(
    "text",
    ['{"a":"\\u0022"}', '{"a":{"a":{"a":"\\""}}}', ' { "a" : [ "a" , "a" ] } ', '["a:\\"b\\":", "\\/"]'],
)
def test_quotation_marks_inside_strings_are_not_mistaken_for_duplicates(text: str) -> None:
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"{",
        b"{} {}",
        b'{"a":1,}',
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[+1]",
        b"[1E99999999999999999999999]",
        b"[" + b"1" * 5000 + b"]",
        b'["\\u0000"]',
        b'{"\\u0000":1}',
        b'["\x00"]',
        b'["a\tb"]',
        b'["\xff"]',
        b'["\xed\xa0\x80"]',
        b'["\\ud800"]',
        b'["\\ud800abcdefgh"]',
        b'["\\udc00abcdefgh"]',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"['a']",
        '["\ud800"]',
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes | str) -> None:
    with pytest.raises(BadJson):
        loads(data)


def test_an_escaped_backslash_before_u0000_is_harmless() -> None:
    assert loads(r'["\\u0000"]') == ["\\u0000"]


def test_a_byte_order_mark_is_ignored() -> None:
    assert loads(b"\xef\xbb\xbf[1]") == [1]


def test_surrogate_pairs_are_one_character() -> None:
    assert loads(r'["\ud83d\ude00"]') == ["\U0001f600"]


def test_nesting_is_allowed_to_the_limit_and_no_further() -> None:
    assert loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 5_000, 200_000):
        with pytest.raises(BadJson, match="nested deeper"):
            loads("[" * depth + "]" * depth)


def test_many_shallow_containers_are_not_deep() -> None:
    assert len(loads("[" + ",".join(["{}"] * 500) + "]")) == 500


def test_a_fault_is_told_with_its_position_and_without_the_input() -> None:
    with pytest.raises(BadJson) as caught:
        loads(b'{"name":"Secret",x}')
    assert "Secret" not in str(caught.value)
    assert "byte 17" in str(caught.value)
