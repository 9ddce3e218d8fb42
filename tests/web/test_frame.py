"""What surrounds every page: headers, and errors that give nothing away."""

from __future__ import annotations

import re

import pytest

from sojourn.doors.staff import palette
from sojourn.doors.staff.routes import SCREENS
from tests.web.browser import FRAGMENT, Browser, signed_in


def test_every_page_forbids_inline_scripts_framing_and_caches() -> None:
    headers = Browser().get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_an_inline_script_style_or_handler() -> None:
    browser = signed_in()
    for path in ("/", "/patients", "/patients/ana", "/patients/ana/measures", "/-/patterns", "/patients/nobody"):
        text = browser.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text), path
        assert all(' src="/static/' in tag for tag in re.findall(r"<script[^>]*>", text)), path


def test_the_nonce_is_new_with_every_answer() -> None:
    browser = Browser()
    nonces = {re.findall(r"nonce-(\w+)", browser.get("/").headers["content-security-policy"])[0] for _ in range(3)}
    assert len(nonces) == 3


@pytest.mark.parametrize("screen", [s for s in SCREENS if not s.open], ids=lambda s: f"{s.path} {s.methods[0]}")
def test_a_stranger_is_asked_to_sign_in_wherever_something_could_be_seen(screen: object) -> None:
    browser = Browser()
    path = screen.path.replace("{id}", "ana")  # type: ignore[attr-defined]
    answer = browser.get(path) if "GET" in screen.methods else browser.post(path)  # type: ignore[attr-defined]
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_stranger_learns_nothing_from_the_redirect_about_which_patients_exist() -> None:
    answers = [Browser().get(f"/patients/{id_}") for id_ in ("ana", "nobody")]
    assert [a.headers["location"] for a in answers] == ["/sign-in?next=/patients/ana", "/sign-in?next=/patients/nobody"]
    assert answers[0].content == answers[1].content


def test_a_withheld_and_an_unknown_patient_and_an_unknown_part_of_a_chart_look_alike() -> None:
    withheld = signed_in(record=[])  # the gate gives out nothing: as it does for what may not be seen
    unknown = signed_in()
    bodies = {normal(b.get(path).text) for b, path in ((withheld, "/patients/ana"), (unknown, "/patients/nobody"), (unknown, "/patients/ana/nothing"))}
    assert len(bodies) == 1
    assert withheld.get("/patients/ana").status_code == unknown.get("/patients/nobody").status_code == 404


def test_a_withheld_and_an_unknown_patient_cost_the_same_questions() -> None:
    withheld, unknown = signed_in(record=[]), signed_in()
    withheld.get("/patients/ana")
    unknown.get("/patients/nobody")
    assert [t for t, _ in withheld.access.asked] == [t for t, _ in unknown.access.asked]


def test_a_fault_of_ours_says_nothing_of_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Rivera is in row 7")

    monkeypatch.setattr(browser.access, "search", broken)
    answer = browser.get("/patients")
    assert answer.status_code == 500
    assert "row 7" not in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "content-security-policy" in answer.headers


def test_an_error_in_a_fragment_takes_the_place_of_the_page_content() -> None:
    browser = signed_in()
    answer = browser.get("/patients/nobody", headers=FRAGMENT)
    assert answer.headers["hx-retarget"] == "#main"
    assert "<html" not in answer.text


def test_a_role_that_may_not_search_a_type_is_told_so_and_the_chart_leaves_it_out() -> None:
    browser = signed_in("bill")
    assert browser.get("/patients/ana/problems").status_code == 403
    chart = browser.get("/patients/ana").text
    assert "Problems" not in chart
    assert "Coverage" in chart


def normal(text: str) -> str:
    """A page without what differs with every answer."""
    return re.sub(r'(csrf" value=|X-CSRF-Token": |nonce=|name="patient" value=|name="back" value=|name="next" value=|refresh" content=)"[^"]*"', "", text)


def test_every_place_with_a_key_has_a_word_in_the_bar_or_in_its_menu() -> None:
    browser = signed_in()
    menu = browser.get("/patients").text.partition('aria-label="More places"')[2].partition("</nav>")[0]
    keyed = {c.path for c in palette.places(SCREENS, browser.access)}  # type: ignore[arg-type]
    assert keyed - palette.IN_THE_BAR
    assert all(f'href="{path}"' in menu for path in keyed - palette.IN_THE_BAR)
    assert not any(f'href="{path}"' in menu for path in palette.IN_THE_BAR)
