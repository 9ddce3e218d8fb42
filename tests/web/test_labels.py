"""The privacy officer's page on labels, over the real gate."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.gate import bases
from sojourn.record.database import Dsn
from tests import people
from tests.gate.test_inheriting import own
from tests.gate.test_screening import followed, note
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import screen

PAGE = "/desk/labels"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


def asked_in(page: str) -> list[str]:
    """The names of the questions on a page."""
    return re.findall(r'action="[^"]*/questions/(\w+)"', page)


async def test_a_question_is_answered_and_a_decision_is_listed_with_its_reason(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    made = (await clinic.make("mh-clinician", note(p, "Uses heroin. HIV positive."))).id
    await followed(clinic)
    officer = await screen(clinic, "officer")
    listed = (await officer.get(PAGE)).text
    assert "Rivera, Ana" in listed
    assert "The text may speak of HIV." in listed
    assert "heroin" not in listed  # the words stay where they are
    assert "questions about what may be sensitive" in (await officer.get("/desk")).text
    number, other = asked_in(listed)
    assert not number.isdecimal()  # no number: it would count what everybody writes
    assert (await post(officer, f"{PAGE}/questions/{number}", PAGE, answer="perhaps")).status_code == 422
    assert (await post(officer, f"{PAGE}/questions/{number}", PAGE, answer="label", note="She said so.")).status_code == 303
    assert (await post(officer, f"{PAGE}/questions/{number}", PAGE, answer="label")).status_code == 404
    assert (await post(officer, f"{PAGE}/questions/{other}", PAGE, answer="not-sensitive")).status_code == 303
    assert await own(clinic, "Observation", made) == bases.bit_of("HIV")
    after = (await officer.get(PAGE)).text
    assert "No question waits." in after
    assert "Put on: HIV" in after
    assert "She said so." in after


async def test_the_officer_takes_a_label_off_one_entry_with_a_reason(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    made = (await clinic.make("sys-mh", people.observation(p, meta={"security": [{"system": bases.ACT_CODE, "code": "HIV"}]}))).id
    officer, path = await screen(clinic, "officer"), f"{PAGE}/Observation/{made}"
    assert "HIV" in (await officer.get(path)).text
    assert (await post(officer, path, path, effect="lower", code="HIV", reason="")).status_code == 422
    assert (await post(officer, path, path, effect="lower", code="HIV", reason="Filed in error.")).status_code == 303
    assert await own(clinic, "Observation", made) == 0
    assert "Filed in error." in (await officer.get(path)).text
    assert (await officer.get(f"{PAGE}/Observation/nothing")).status_code == 404


async def test_codes_and_laws_are_added_and_ended(clinic: Clinic) -> None:
    officer = await screen(clinic, "officer")
    assert "Everything has its labels by the rules in force" in (await officer.get(PAGE)).text
    assert (await post(officer, f"{PAGE}/laws", PAGE, subject="HIV", law="hiv", section="")).status_code == 422
    assert (await post(officer, f"{PAGE}/laws", PAGE, subject="HIV", law="hiv", section="N.Y. Pub. Health Law 2782")).status_code == 303
    code = {"system": "http://example.org", "code": "HARM", "prefix": "yes", "tag": "SUD", "source": "our committee"}
    assert (await post(officer, f"{PAGE}/codes", PAGE, **code)).status_code == 303
    text = (await officer.get(PAGE)).text
    assert "N.Y. Pub. Health Law 2782" in text
    assert "HARM …" in text
    for table in ("subject_law", "subject_code"):
        n = await clinic.owner.fetchval(f"SELECT n FROM record.{table}")
        assert (await post(officer, f"{PAGE}/rules/{n}/end", PAGE)).status_code == 303
        assert (await post(officer, f"{PAGE}/rules/{n}/end", PAGE)).status_code == 404
    assert "N.Y. Pub. Health Law 2782" not in (await officer.get(PAGE)).text


async def test_the_pages_are_the_officers_alone(clinic: Clinic) -> None:
    browser = await screen(clinic, "both-clinician")
    for path in (PAGE, f"{PAGE}/Observation/x"):
        assert (await browser.get(path)).status_code == 403
    for path in (f"{PAGE}/codes", f"{PAGE}/laws", f"{PAGE}/rules/1/end", f"{PAGE}/questions/1", f"{PAGE}/Observation/x"):
        assert (await post(browser, path)).status_code == 403


async def test_the_author_answers_what_is_asked_about_their_own_notes(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    made = (await clinic.make("mh-clinician", note(p, "HIV positive."))).id
    await followed(clinic)
    author, other = await screen(clinic, "mh-clinician"), await screen(clinic, "both-clinician")
    assert "The text may speak of HIV." in (await author.get("/questions")).text
    assert "The text may speak of HIV." not in (await other.get("/questions")).text
    (n,) = asked_in((await author.get("/questions")).text)
    assert (await post(other, f"/questions/{n}", "/questions", answer="label")).status_code == 404
    assert (await post(author, f"/questions/{n}", "/questions", answer="x")).status_code == 422
    assert (await post(author, f"/questions/{n}", "/questions", answer="label")).status_code == 303
    assert await own(clinic, "Observation", made) == bases.bit_of("HIV")
    assert "No question waits." in (await author.get("/questions")).text
    assert (await (await screen(clinic, "biller")).get("/questions")).status_code == 403


async def test_the_officer_takes_the_label_off_one_element(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    component = [people.labelled({"code": {"text": "viral load"}, "valueString": "seen"}, "HIV"), {"code": {"text": "pulse"}, "valueString": "seen"}]
    made = (await clinic.make("mh-clinician", people.observation(p, component=component))).id
    officer, path = await screen(clinic, "officer"), f"{PAGE}/Observation/{made}"
    page = (await officer.get(path)).text
    assert "viral load seen" in page
    version = re.findall(r'name="version" value="([^"]+)"', page)[0]
    assert (await post(officer, f"{path}/element", path, place="component.0", version=version, reason="")).status_code == 422
    assert (await post(officer, f"{path}/element", path, place="component.0", version=version, reason="labelled in error")).status_code == 303
    assert "Labels on elements" not in (await officer.get(path)).text
    assert (await post(officer, f"{path}/element", path, place="component.0", version=version, reason="again")).status_code == 422
