"""One patient on one screen."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from sojourn.doors.staff import words
from sojourn.doors.staff.chart import parts, rooms
from sojourn.doors.staff.chart.banner import banner
from sojourn.doors.staff.chart.measures import measured
from sojourn.doors.staff.chart.parts import PARTS
from tests.web.browser import FRAGMENT, signed_in
from tests.web.people import ANA, allergy, patient, score


def test_the_whole_chart_costs_at_most_eight_questions() -> None:
    browser = signed_in()
    browser.access.asked.clear()
    assert browser.get("/patients/ana").status_code == 200
    assert len(browser.access.asked) <= 8


def test_every_part_in_full_costs_two_questions_and_a_list_that_can_be_changed_a_few_more() -> None:
    browser = signed_in()
    more = {"measures": 3, "problems": 3, "allergies": 2, "medications": 5}  # the stays are drawn into the trends; medications are compared with allergies
    for part in PARTS:
        browser.access.asked.clear()
        assert browser.get(f"/patients/ana/{part.name}").status_code == 200
        assert len(browser.access.asked) == more.get(part.name, 2), part.name


def test_titles_and_addresses_say_nothing_about_the_patient() -> None:
    browser = signed_in()
    for path in ("/patients/ana", "/patients/ana/problems", "/patients/ana/measures"):
        text = browser.get(path).text
        title = re.search(r"<title>(.*?)</title>", text)
        assert title is not None
        assert "Rivera" not in title[1]
        assert not any("Rivera" in href or "RB10422" in href for href in re.findall(r'(?:href|action|hx-\w+)="([^"]*)"', text))


@pytest.mark.parametrize("id_", ["ana", "bare", "long", "crowd-1"])
def test_the_notice_is_the_same_on_every_chart(id_: str) -> None:
    texts = [signed_in().get(f"/patients/{id_}").text, signed_in().get("/patients/bare").text]
    notices = [re.search(r'<details class="why".*?</details>', t, re.DOTALL) for t in texts]
    assert notices[0] is not None
    assert notices[0][0] == notices[1][0]  # type: ignore[index]


def test_the_banner_always_has_the_same_facts_in_the_same_order() -> None:
    full, bare = (signed_in().get(f"/patients/{id_}").text for id_ in ("ana", "bare"))
    facts = [re.findall(r"<dt>(.*?)</dt>", re.search(r'<div class="banner".*?</dl>', t, re.DOTALL)[0]) for t in (full, bare)]  # type: ignore[index]
    assert facts[0] == facts[1] == ["Born", "Pronouns", "Record", "Allergies", "Safety"]


def test_the_summary_shows_what_is_current_and_the_full_list_everything() -> None:
    browser = signed_in()
    assert "Adjustment disorder" not in browser.get("/patients/ana").text
    assert "Adjustment disorder" in browser.get("/patients/ana/problems").text


def test_references_without_a_name_are_named_after_their_targets() -> None:
    text = signed_in().get("/patients/ana/encounters").text
    assert "Dana Whitfield, LCSW" in text
    assert "Mill Street outpatient" in text


def test_trends_say_every_value_in_words_and_where_the_newest_lies() -> None:
    text = signed_in().get("/patients/ana").text
    desc = re.search(r'<desc id="phq-9-desc">(.*?)</desc>', text)
    assert desc is not None
    assert desc[1].startswith("8 values")
    assert "8 Apr 2026: 21, severe" in desc[1]
    assert "down 14 since 8 Apr 2026" in text


def test_parts_without_anything_say_so_without_a_reason() -> None:
    text = signed_in().get("/patients/bare").text
    for words_ in ("No problems to show.", "No medications to show.", "No measures to show."):
        assert words_ in text


def test_a_long_list_goes_on_where_it_stopped() -> None:
    record = [patient("p", "A", "B", "1990-01-01", "1"), *(score(f"s{n}", "p", "44261-6", f"2025-{n % 12 + 1:02}-{n % 27 + 1:02}", n % 27) for n in range(320))]
    browser = signed_in(record=record)
    text = browser.get("/patients/p/measures").text
    rows = text.count('<tr role="row"') - 1 - ("more-rows" in text)
    while cursor := re.search(r'name="cursor" value="([^"]+)"', text):
        text = browser.post("/patients/p/measures", {"cursor": cursor[1]}, headers=FRAGMENT).text
        rows += text.count('<tr role="row"') - ("more-rows" in text)
    assert rows == 320


def test_an_allergy_that_was_refuted_is_not_on_the_banner() -> None:
    gone = allergy("x", "ana", "Latex") | {"verificationStatus": {"coding": [{"code": "refuted"}]}}
    facts = dict(banner(ANA[0], [gone, allergy("y", "ana", "Penicillin")]).facts)
    assert facts["Allergies"] == [("Penicillin", "red")]


def test_no_known_allergies_is_said_and_nothing_recorded_is_a_dash() -> None:
    assert dict(banner(ANA[0], [allergy("n", "ana", "No known allergies")]).facts)["Allergies"] == [("No known allergies", "plain")]
    assert dict(banner(ANA[0], []).facts)["Allergies"] == ""


def test_an_observation_without_a_value_or_day_is_left_out_of_the_trend() -> None:
    whole = score("a", "p", "70274-6", "2026-01-02", 9)
    found = measured([whole, whole | {"effectiveDateTime": "2026"}, {k: v for k, v in whole.items() if k != "valueQuantity"}])
    assert [len(m.points) for m in found] == [1]


@pytest.mark.parametrize(
    ("written", "said"),
    [("1988-03-04", "4 Mar 1988"), ("1988-03", "Mar 1988"), ("1988", "1988"), ("1988-03-04T23:59:00-05:00", "4 Mar 1988"), ("2026-11-30T03:20:00Z", "29 Nov 2026"), ("", ""), (None, ""), ("1988-13-40", "1988-13-40")],
)
def test_a_date_is_said_as_precisely_as_it_was_written(written: str | None, said: str) -> None:
    assert words.day_text(written) == said


def test_a_time_is_said_by_the_clock_on_the_wall_and_not_in_utc() -> None:
    assert words.day_and_time("2026-11-30T03:20:00Z") == words.day_and_time("2026-11-30T03:20:00.123+00:00") == "29 Nov 2026, 22:20"
    assert words.day_and_time("2026-11-29T21:20:00-06:00") == "29 Nov 2026, 21:20"


def test_every_part_and_room_stands_once_in_the_charts_side() -> None:
    named = [name for _, names in rooms.SIDE for name in names]
    assert sorted(named) == sorted({p.name for p in parts.PARTS} | {r.name for r in (*rooms.ROOMS, rooms.CONSENTS)})


@pytest.mark.parametrize(
    ("born", "until", "years"),
    [("1988-03-04", date(2026, 3, 3), "37"), ("1988-03-04", date(2026, 3, 4), "38"), ("2025-01-15", date(2026, 11, 23), "22 mo"), ("1988", date(2026, 1, 1), ""), ("2030-01-01", date(2026, 1, 1), "")],
)
def test_an_age_is_in_whole_years_or_for_the_smallest_in_months(born: str, until: date, years: str) -> None:
    assert words.age(born, until) == years


def test_the_dead_do_not_grow_older() -> None:
    assert words.born_with_age({"birthDate": "1950-01-01", "deceasedDateTime": "2020-06-01"}) == "1 Jan 1950 · died 1 Jun 2020 at 70"
    assert words.born_with_age({"birthDate": "1950-01-01", "deceasedBoolean": True}).endswith("died at 76")


def test_the_official_name_leads_and_the_one_used_is_beside_it() -> None:
    person = {"name": [{"use": "usual", "family": "Rivera", "given": ["Annie"]}, {"use": "official", "family": "Rivera", "given": ["Ana"]}]}
    assert (words.full_name(person), words.called(person)) == ("Rivera, Ana", "Annie")


@pytest.mark.parametrize("resource", [{}, {"name": []}, {"name": [{}]}, {"name": [{"text": ""}]}])
def test_a_person_without_a_name_is_said_to_have_none_recorded(resource: dict[str, object]) -> None:
    assert words.full_name(resource) == "No name recorded"


def test_a_role_that_never_sees_allergies_is_not_shown_a_dash_that_could_mean_none() -> None:
    text = signed_in("bill").get("/patients/ana").text
    assert text.count("not part of your role") == 2


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"resourceType": "PractitionerRole", "code": [{"text": "Night nurse"}, {"text": "Lead"}]}, "Night nurse"), ({"resourceType": "PractitionerRole"}, ""),
        ({"resourceType": "Medication", "code": {"coding": [{"display": "Sertraline"}]}}, "Sertraline"), ({"resourceType": "Flag", "code": ["odd"]}, ""),
    ],
)  # fmt: skip
def test_what_has_no_name_is_called_by_its_first_code(resource: dict[str, Any], said: str) -> None:
    assert words.own_name(resource) == said
