"""Release of information and the log of disclosures in the staff app, over the real gate."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from tests import people
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import problem, screen

NOTICE = "This record which has been disclosed to you is protected by Federal confidentiality rules"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def consented(clinic: Clinic) -> tuple[str, str, str]:
    """A patient, the recipient that a consent of the Part 2 program names, and the consent."""
    recipient = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Harbor Primary Care"})).id
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-sud", problem(person, "Opioid use disorder"))
    await clinic.make("sys-mh", problem(person, "Insomnia"))
    consent = (await clinic.make("sys-sud", people.consent(person, recipient))).id
    return person, recipient, consent


async def proved(clinic: Clinic, who: str) -> None:
    """This person proved who they are a moment ago."""
    await clinic.owner.execute("UPDATE record.credential SET proved = $2 WHERE account = $1", who, clock.now())
    clinic.gate.identity._known.clear()  # noqa: SLF001 - as another process would see it


def digest(text: str) -> str:
    return re.findall(r'name="digest" value="([0-9a-f]+)"', text)[0]


async def test_a_release_from_choosing_to_the_paper_and_into_the_log(clinic: Clinic) -> None:
    person, recipient, consent = await consented(clinic)
    browser, page = await screen(clinic, "both-clinician"), f"/patients/{person}/release"
    assert "Harbor Primary Care" in (await browser.get(page)).text
    assert (await post(browser, page, page, recipient="", purpose="TREAT", kind="")).status_code == 422
    wish = {"recipient": f"Organization/{recipient}", "purpose": "TREAT", "kind": "problems"}
    looked = (await post(browser, page, page, **wish)).text
    assert "Opioid use disorder" in looked
    assert "lets you have this for treatment" in looked
    await proved(clinic, "both-clinician")
    answer = await post(browser, page, page, **wish, digest=digest(looked))
    assert answer.status_code == 303
    done = answer.headers["location"]
    bundle = await browser.get(f"{done}/bundle")
    assert bundle.headers["content-disposition"].startswith("attachment")
    assert "Opioid use disorder" in bundle.text
    paper = (await browser.get(f"{done}/print")).text
    assert paper.index(NOTICE) < paper.index("Opioid use disorder")
    assert "Harbor Primary Care" in paper
    officer = await screen(clinic, "officer")
    assert "Harbor Primary Care" in (await officer.get("/desk/disclosures")).text
    entry = (await officer.get(f"/desk/disclosures/{done.rpartition('/')[2]}")).text
    assert f"/patients/{person}/consents/{consent}" in entry
    assert "<code>TREAT</code>" not in entry
    assert f"{done}/bundle" in entry
    assert (await officer.get(f"{done}/bundle")).content == bundle.content
    assert "Opioid use disorder" in entry
    assert (await (await screen(clinic, "sud-clinician")).get(done)).status_code == 404, "another's release"
    for asked, found in ({"patient": person}, True), ({"patient": "nobody"}, False), ({"recipient": f"Organization/{recipient}"}, True):
        listed = (await post(officer, "/desk/disclosures", "/desk/disclosures", **asked)).text
        assert (done.rpartition("/")[2] in listed) == found, asked
    assert json.loads(bundle.text)["entry"]


async def test_a_release_as_a_clinical_document_is_the_same_entries_and_is_read_on_our_page(clinic: Clinic) -> None:
    person, recipient, _ = await consented(clinic)
    browser, page = await screen(clinic, "both-clinician"), f"/patients/{person}/release"
    wish = {"recipient": f"Organization/{recipient}", "purpose": "TREAT", "kind": "problems", "form": "ccd"}
    looked = (await post(browser, page, page, **wish)).text
    await proved(clinic, "both-clinician")
    assert (await post(browser, page, page, **{**wish, "form": "other"}, digest=digest(looked))).status_code == 422
    done = (await post(browser, page, page, **wish, digest=digest(looked))).headers["location"]
    assert "Download the clinical document (C-CDA)" in (await browser.get(done)).text
    taken = await browser.get(f"{done}/bundle")
    assert taken.headers["content-type"].startswith("application/xml")
    assert re.search(r'filename="release-[\w-]{8}\.xml"', taken.headers["content-disposition"])
    document = read(taken.content)
    assert sorted(f.what.text for f in document.facts("problem")) == sorted(w for w in ("Insomnia", "Opioid use disorder") if w in looked)
    assert document.sections[0].narrative.startswith(NOTICE)
    paper = (await browser.get(f"{done}/print")).text
    assert paper.index(NOTICE) < paper.index("Opioid use disorder")
    assert "Harbor Primary Care" in paper
    officer = await screen(clinic, "officer")
    assert "ClinicalDocument" in (await officer.get(f"/desk/disclosures/{done.rpartition('/')[2]}")).text
    assert (await officer.get(f"{done}/bundle")).content == taken.content


async def test_what_was_revoked_while_the_page_was_open_does_not_leave(clinic: Clinic) -> None:
    person, recipient, consent = await consented(clinic)
    browser, page = await screen(clinic, "both-clinician"), f"/patients/{person}/release"
    wish = {"recipient": f"Organization/{recipient}", "purpose": "TREAT", "kind": ""}
    looked = (await post(browser, page, page, **wish)).text
    stored = (await clinic.get("sys-sud", f"Consent/{consent}")).json()
    await clinic.put("sys-sud", {**stored, "status": "inactive"})
    await proved(clinic, "both-clinician")
    answer = await post(browser, page, page, **wish, digest=digest(looked))
    assert answer.status_code == 409
    assert "Nothing would leave" in answer.text
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0


async def test_whoever_did_not_just_prove_who_they_are_is_asked_first(clinic: Clinic) -> None:
    person, recipient, _ = await consented(clinic)
    browser, page = await screen(clinic, "both-clinician"), f"/patients/{person}/release"
    wish = {"recipient": f"Organization/{recipient}", "purpose": "TREAT", "kind": ""}
    looked = (await post(browser, page, page, **wish)).text
    await clinic.owner.execute("UPDATE record.credential SET proved = now() - interval '1 day'")
    clinic.gate.identity._known.clear()  # noqa: SLF001 - as another process would see it
    answer = await post(browser, page, page, **wish, digest=digest(looked))
    assert answer.status_code == 401
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0


async def test_an_officer_outside_a_part_2_program_sees_that_something_left_and_not_what(clinic: Clinic) -> None:
    person, recipient, _ = await consented(clinic)
    await clinic.make("sys-sud", people.consent(person, "tpo"))
    assert recipient
    await clinic.get("tpo", f"Condition?patient={person}")
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{2}' WHERE account = 'officer'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'officer'")
    officer = await screen(clinic, "officer")
    (path,) = set(re.findall(r"/desk/disclosures/[^\"]+", (await officer.get("/desk/disclosures")).text))
    entry = (await officer.get(path)).text
    assert "Opioid use disorder" not in entry
    assert "a program that you do not work in" in entry


async def test_the_log_is_the_officers_alone(clinic: Clinic) -> None:
    for path in ("/desk/disclosures", "/desk/disclosures/x"):
        assert (await (await screen(clinic, "both-clinician")).get(path)).status_code == 403
    assert (await (await screen(clinic, "biller")).get("/releases/x")).status_code == 403
    assert (await (await screen(clinic, "officer")).get("/desk/disclosures/x")).status_code == 404
