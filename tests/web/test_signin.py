"""In and out: cookies, forged forms, guessing."""

from __future__ import annotations

import pytest

from sojourn.doors.staff.settings import own_path
from sojourn.doors.staff.signin import signin
from sojourn.web.session import csrf_holds, csrf_token
from tests.web import fake
from tests.web.browser import Browser, signed_in


def test_signing_in_sets_a_cookie_that_scripts_cannot_read_and_other_sites_cannot_post() -> None:
    answer = Browser().sign_in()
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert answer.headers["location"] == "/today"
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    browser = Browser()
    browser.client.base_url = "https://testserver"
    cookie = browser.sign_in().headers["set-cookie"]
    assert cookie.startswith("__Host-sojourn=")
    assert "Secure" in cookie
    assert "max-age" in browser.get("/").headers["strict-transport-security"]


def test_one_goes_where_one_wanted_to_go() -> None:
    assert Browser().sign_in(next="/patients/ana").headers["location"] == "/patients/ana"


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb", ""])
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert own_path(path) == "/"


def test_an_unknown_account_and_a_wrong_password_get_the_same_page() -> None:
    answers = [Browser().sign_in(login, "wrong") for login in ("dana", "none")]
    assert [a.status_code for a in answers] == [401, 401]
    assert all(signin.WRONG in a.text for a in answers)
    assert len(answers[0].text) == len(answers[1].text)


def test_a_password_is_never_shown_again() -> None:
    assert "hunter2" not in Browser().sign_in("dana", "hunter2").text


def test_too_many_attempts_have_to_wait() -> None:
    answer = Browser().sign_in("locked")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_missing_answers_are_named_beside_the_field_and_in_the_summary() -> None:
    answer = Browser().sign_in("", "")
    assert answer.status_code == 422
    assert answer.text.count("Enter your login.") == 2
    assert 'aria-describedby="login-error"' in answer.text


def test_a_form_without_our_token_does_nothing() -> None:
    browser = Browser()
    answer = browser.client.post("/sign-in", data={"login": "dana", "password": fake.PASSWORD})
    assert answer.status_code == 403
    assert browser.app.state.gate.sessions == {}


def test_a_token_of_another_session_does_nothing() -> None:
    mine, other = signed_in(), signed_in("bill")
    answer = mine.client.post("/patients", data={"csrf": other.token("/patients"), "q": "x"})
    assert answer.status_code == 403


def test_a_form_from_another_site_does_nothing_even_with_a_token() -> None:
    answer = signed_in().post("/sign-out", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_a_form_larger_than_a_form_can_be_is_refused() -> None:
    assert Browser().post("/sign-in", {"login": "x" * (2 << 20)}).status_code == 413


def test_signing_out_ends_the_session_at_the_gate_and_in_the_browser() -> None:
    browser = signed_in()
    answer = browser.post("/sign-out")
    assert browser.app.state.gate.sessions == {}
    assert 'sojourn=""' in answer.headers["set-cookie"] or "sojourn=;" in answer.headers["set-cookie"]
    assert "You are signed out." in browser.get("/").text
    assert "You are signed out." not in browser.get("/").text
    assert browser.get("/patients").status_code == 303


def test_a_session_of_another_door_does_not_open_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in()
    browser.access.caller = fake.Caller("Ana Rivera", "patient", door="portal")
    assert browser.get("/patients").status_code == 303


def test_a_token_differs_each_time_and_holds_only_for_its_secret() -> None:
    one, two = csrf_token("secret"), csrf_token("secret")
    assert one != two
    assert csrf_holds("secret", one)
    assert csrf_holds("secret", two)
    assert not csrf_holds("other", one)


@pytest.mark.parametrize("token", ["", "AAAA", "not base64 !", "é", "A" * 87 + "="])
def test_what_is_not_a_token_does_not_hold(token: str) -> None:
    assert not csrf_holds("secret", token)
    assert not csrf_holds("", token)
