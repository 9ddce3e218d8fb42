"""Screening, one rule at a time: how far a denial reaches, where people write in their own words, in which form an attachment has them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sojourn.gate.screening.text import mentions, texts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("denies one two three four five heroin", False),
        ("denies one two three four five six heroin", True),
        ("denies one two but three heroin", True),
        ("denies one two But heroin", True),
        ("but denies one two heroin", False),
        ("denies pain but not heroin", False),
        ("no heroin; heroin last year", True),
        ("no heroin, or heroin", False),
        ("denies pain. heroin daily", True),
        ("denies pain\nheroin daily", True),
        ("denies pain\n\nheroin daily", True),
        ("denies e.g.pain heroin", False),
        ("denies use at 4.5 heroin", False),
        ("HEROIN", True),
        ("NO heroin", False),
        ("heroins", False),
        ("non-heroin", False),
        ("pre-heroin", False),
        ("heroin-like", True),
        ("alcohol pad; alcohol", True),
        ("alcohol pad used", False),
        ("alcohol  pad used", False),
        ("drug\tuse", True),
        ("drugs use", False),
        ("relapsed", True),
        ("negative  for heroin", False),
        ("negative, later heroin", True),
    ],
)
def test_how_far_what_stands_before_a_word_denies_it(text: str, told: bool) -> None:
    assert mentions(text) == ({"SUD"} if told else set())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<p>Denies pain</p><p>Heroin daily</p>", True),
        ("<ul><li>Denies pain</li><li>heroin daily</li></ul>", True),
        ("<td>No</td><td>heroin</td>", True),
        ("Denies pain<br/>heroin daily", True),
        ("<p>Denies <b>any</b> <i class='x'>heroin</i></p>", False),
        ("<P>Denies <B>any</B> heroin</P>", False),
        ("glucose < 120, heroin, pulse > 60", True),
        ("pain <3, heroin daily, >2 years", True),
        ("<p title='heroin'>sleeps well</p>", False),
        ("started <b>Sub</b>utex, <em>suboxone</em> before", True),
        ("<bdo>denies</bdo> heroin", True),
        ("drug <b>use</b>", True),
    ],
)
def test_a_paragraph_or_a_cell_ends_what_it_denies_and_a_sign_is_no_tag(text: str, told: bool) -> None:
    assert mentions(text) == ({"SUD"} if told else set())


def test_all_that_a_text_may_tell_of_is_said_once() -> None:
    assert mentions("Heroin. HIV positive. Heroin again; raped.") == {"SUD", "HIV", "SDV"}
    assert mentions("") == set()


@pytest.mark.parametrize(
    "resource",
    [
        {"text": {"status": "generated", "div": "W"}},
        {"code": {"text": "W"}},
        {"component": [{"valueString": "W"}]},
        {"item": [{"item": [{"answer": [{"valueString": "W"}]}]}]},
        {"note": [{"text": "W"}]},
        {"extension": [{"url": "x", "valueMarkdown": "W"}]},
        {"description": "W"},
        {"conclusion": "W"},
        {"comment": "W"},
        {"payload": [{"contentString": "W"}]},
        {"summary": "W"},
        {"dosageInstruction": [{"patientInstruction": "W"}]},
        {"content": [{"attachment": {"title": "W"}}]},
        {"contained": [{"resourceType": "Medication", "instruction": ["W"]}]},
        {"note": "W"},
        {"finding": [{"basis": "W"}]},
        {"onsetString": "W"},
        {"abatementString": "W"},
        {"performedString": "W"},
        {"activity": [{"detail": {"scheduledString": "W"}}]},
    ],
)
def test_words_are_read_where_people_write_them(resource: dict[str, Any]) -> None:
    assert texts({"resourceType": "Observation", **resource}) == ["W"]


def test_words_are_not_read_where_nobody_writes_any() -> None:
    coded = {
        "code": {"coding": [{"system": "W", "code": "W", "display": "W"}]},
        "identifier": [{"value": "W"}],
        "status": "W",
        "valueInteger": 3,
        "issued": None,
    }
    assert texts({"resourceType": "Observation", "id": "W", **coded}) == []


def test_what_is_nested_without_end_is_read_as_far_as_anybody_nests() -> None:
    def nested(depth: int, *, lists: bool = False) -> Any:
        made: Any = {"text": "W"}
        for _ in range(depth):
            made = {"item": [made] if lists else made}
        return made

    assert texts(nested(19)) == ["W"]
    assert texts(nested(20)) == []
    assert texts(nested(2000)) == []
    assert texts(nested(9, lists=True)) == ["W"]
    assert texts(nested(10, lists=True)) == []


WORDS = "Añade heroin"


@pytest.mark.parametrize(
    ("kind", "raw", "read"),
    [
        ("text/plain", WORDS.encode(), WORDS),
        ("Text/Plain", WORDS.encode(), WORDS),
        ("text/html; charset=utf-8", WORDS.encode(), WORDS),
        ("text/plain; charset=ISO-8859-1", WORDS.encode("latin-1"), WORDS),
        ('text/plain; charset="utf-16le"', WORDS.encode("utf-16-le"), WORDS),
        ("text/plain", WORDS.encode("utf-16"), WORDS),
        ("text/plain", b"\xfe\xff" + WORDS.encode("utf-16-be"), WORDS),
        ("text/plain; charset=nobodys", WORDS.encode(), WORDS),
        ("text/plain; charset=punycode", b"heroin-\xff", "heroin-�"),
        ("text/plain", b"heroin \xff", "heroin �"),
        ("text/plain", b"", ""),
    ],
)
def test_the_words_of_an_attachment_are_read_in_the_form_in_which_it_has_them(kind: str, raw: bytes, read: str) -> None:
    assert texts({"attachment": {"contentType": kind, "data": base64.b64encode(raw).decode()}}) == [read]


@pytest.mark.parametrize(
    ("attachment", "read"),
    [
        ({"contentType": "application/pdf", "data": "aGVyb2lu"}, []),
        ({"data": "aGVyb2lu"}, []),
        ({"contentType": "text/plain"}, []),
        ({"contentType": "text/plain", "data": 7}, []),
        ({"contentType": "text/plain", "data": "aGVy\nb2lu"}, ["heroin"]),
        ({"contentType": "text/plain", "data": "a"}, [""]),
        ({"contentType": None, "data": "aGVyb2lu"}, []),
        ({"contentType": "text/plain", "data": "aGVyb2lu", "title": "W"}, ["W", "heroin"]),
    ],
)
def test_what_is_no_text_is_not_read(attachment: dict[str, Any], read: list[str]) -> None:
    assert texts({"content": [{"attachment": attachment}]}) == read
