"""The list of patients and the palette."""

from __future__ import annotations

import re

import pytest

from sojourn.base.errors import Malformed
from sojourn.doors.staff.palette import matching, offered
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.routes import SCREENS
from tests.web import fake
from tests.web.browser import FRAGMENT, signed_in


@pytest.mark.parametrize(
    ("words", "params"),
    [
        ("riv ana", [("name", "riv"), ("name", "ana")]),
        ("Rivera, Ana", [("name", "Rivera"), ("name", "Ana")]),
        ("1988-3-4", [("birthdate", "1988-03-04")]),
        ("3/4/1988", [("birthdate", "1988-03-04")]),
        ("rivera 1988", [("name", "rivera"), ("birthdate", "1988")]),
        ("RB10422", [("identifier", "RB10422")]),
        ("o|b$x", [("name", "o\\|b\\$x")]),
        ("  -- ", []),
    ],
)
def test_words_become_search_parameters(words: str, params: list[tuple[str, str]]) -> None:
    assert search_params(words) == params


def test_the_list_shows_name_birth_date_age_and_record_number() -> None:
    text = signed_in().post("/patients", {"q": "rivera ana"}).text
    row = re.search(r'<a data-row href="/patients/ana">.*?</a>', text)
    assert row is not None
    assert all(part in row[0] for part in ("Rivera, Ana Lucía", "she/her", "4 Mar 1988", "RB10422"))


def test_typing_fetches_only_the_rows() -> None:
    text = signed_in().post("/patients", {"q": "riv"}, headers=FRAGMENT).text
    assert "<html" not in text
    assert "Rivera, Ana" in text


def test_what_is_typed_is_never_part_of_an_address() -> None:
    text = signed_in().get("/patients").text
    form = re.search(r"<form[^>]*role=\"search\"[^>]*>", text)
    assert form is not None
    assert 'method="post"' in form[0]
    assert "hx-get" not in form[0]
    assert "hx-push-url" not in text


def test_pages_follow_one_another_without_losing_or_repeating_anyone() -> None:
    browser = signed_in()
    text = browser.get("/patients").text
    seen = re.findall(r'href="/patients/([\w-]+)"', text)
    while cursor := re.search(r'name="cursor" value="([^"]+)"', text):
        text = browser.post("/patients", {"cursor": cursor[1], "q": ""}, headers=FRAGMENT).text
        seen += re.findall(r'href="/patients/([\w-]+)"', text)
    everyone = [r["id"] for r in fake.RECORD if r["resourceType"] == "Patient"]
    assert sorted(seen) == sorted(everyone)


def test_nobody_found_says_what_to_try_and_not_why() -> None:
    assert "No patient that you can see fits these words." in signed_in().post("/patients", {"q": "zzz"}).text
    assert "There are no patients here that you can see." in signed_in(record=[]).get("/patients").text


def test_a_date_that_cannot_be_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in()

    async def refusing(*_: object, **__: object) -> None:
        raise Malformed

    monkeypatch.setattr(browser.access, "search", refusing)
    answer = browser.post("/patients", {"q": "13/45/1988"})
    assert answer.status_code == 200
    assert "Dates are written" in answer.text


def test_names_are_escaped() -> None:
    record = [{"resourceType": "Patient", "id": "x", "name": [{"family": "<script>alert(1)</script>"}]}]
    text = signed_in(record=record).get("/patients").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_the_palette_offers_what_the_role_may_do_and_only_that() -> None:
    texts = {c.text for c in offered(SCREENS, fake.Access(fake.PEOPLE["bill"], [], frozenset({"Condition"})), "ana")}
    assert "Coverage" in texts
    assert "Problems" not in texts


def test_without_an_open_chart_the_palette_offers_no_part_of_one() -> None:
    assert not [c for c in offered(SCREENS, fake.Access(fake.PEOPLE["dana"], []), "") if c.note == "This chart"]


def test_palette_words_begin_words_in_any_order() -> None:
    choices = offered(SCREENS, fake.Access(fake.PEOPLE["dana"], []), "ana")
    assert [c.text for c in matching("team ca", choices)] == ["Care team"]


def test_the_palette_finds_patients_by_name() -> None:
    text = signed_in().post("/palette", {"q": "riv ana"}).text
    assert 'href="/patients/ana"' in text
    assert text.count('role="option"') == 1


def test_the_palette_does_not_believe_a_patient_id_that_could_be_something_else() -> None:
    text = signed_in().post("/palette", {"q": "", "patient": '"><script>'}).text
    for form in ("<script", "&lt;script", "%3Cscript", "script&gt;"):
        assert form not in text
    assert "This chart" not in text
