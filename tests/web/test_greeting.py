"""The first page."""

from __future__ import annotations

from tests.web import fake
from tests.web.browser import Browser, signed_in


def test_strangers_see_versions_and_sample_logins_but_no_number_of_anything() -> None:
    browser = Browser()
    text = browser.get("/").text
    assert "18.6" in text
    assert f"dana / {fake.PASSWORD}" in text
    assert "<dt>Patients</dt>" not in text


def test_without_demo_there_are_no_logins() -> None:
    text = Browser(fake.app(demo=False)).get("/").text
    assert "Sample logins" not in text
    assert 'name="password"' in text


def test_only_those_who_run_the_system_see_counts() -> None:
    assert "<dt>Patients</dt><dd>123</dd>" in signed_in("ivy").get("/").text
    assert "<dt>Patients</dt>" not in signed_in("dana").get("/").text


def test_a_preference_is_remembered_also_without_scripts() -> None:
    browser = Browser()
    answer = browser.post("/preferences", {"theme": "dark", "density": "enormous", "back": "//evil.example"})
    assert answer.headers["location"] == "/"
    assert "theme=dark" in answer.headers["set-cookie"]
    assert "enormous" not in answer.headers["set-cookie"]
    assert 'data-theme="dark"' in browser.get("/").text


def test_the_patterns_page_shows_both_densities_in_both_themes() -> None:
    text = Browser().get("/-/patterns").text
    for density in ("compact", "comfortable"):
        for theme in ("light", "dark"):
            assert f'data-density="{density}" data-theme="{theme}"' in text
