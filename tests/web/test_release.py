"""Release of information and the log of disclosures in the staff app, over the real gate."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.doors.staff.desk.disclosures import disclosures
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from tests import people
from tests.people import Clinic
from tests.web.test_emergency import post, same
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
    printed = await browser.get(f"{done}/print")
    assert [person in await clinic.named(each) for each in (bundle, printed, await browser.get(done))] == [True, True, True]
    paper = printed.text
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
    for asked, found in ({"patient_id": person}, True), ({"patient_id": "nobody"}, False), ({"recipient": f"Organization/{recipient}"}, True):
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


async def test_an_officer_outside_a_part_2_program_is_told_of_nothing_that_left_of_it(clinic: Clinic) -> None:
    officer = await screen(clinic, "mh-officer")
    nobody = [same((await officer.get(path)).text) for path in ("/desk", "/desk/disclosures")] + [same((await post(officer, "/desk/disclosures", "/desk", patient_id="nobody")).text)]
    person, recipient, _ = await consented(clinic)
    await clinic.make("sys-sud", people.consent(person, "tpo"))
    hidden = (await clinic.make("sys-sud", people.patient("Chen"))).id
    await clinic.make("sys-sud", people.consent(hidden, "tpo"))
    seen = (await clinic.make("sys-sud", problem(person, "Opioid use disorder, severe"))).id
    assert recipient
    for url in (f"Condition?patient={person}", f"Condition/{seen}", f"Patient/{hidden}"):
        assert (await clinic.get("tpo", url)).status == 200
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 3
    for n, path in enumerate(("/desk", "/desk/disclosures")):
        assert same((await officer.get(path)).text) == nobody[n], path
    assert same((await post(officer, "/desk/disclosures", "/desk", patient_id=hidden)).text).replace(hidden, "nobody") == nobody[2]
    listed = (await post(officer, "/desk/disclosures", "/desk", patient_id=person)).text
    assert "Nothing that left fits." in listed
    assert not re.search(r'href="/desk/disclosures/[^"]', listed)
    for id_ in [r["disclosure"] for r in await clinic.owner.fetch("SELECT disclosure FROM record.disclosure")]:
        for path in (f"/desk/disclosures/{id_}", f"/releases/{id_}", f"/releases/{id_}/bundle"):
            assert (await officer.get(path)).status_code == 404, path


async def test_an_officer_outside_a_part_2_program_is_told_what_left_of_their_own_as_if_it_were_all(clinic: Clinic) -> None:
    both, alone = [(await clinic.make("sys-mh", people.patient(family))).id for family in ("Rivera", "Chen")]
    shown = {}
    for person in (both, alone):
        await clinic.make("sys-mh", problem(person, "Insomnia"))
        recipient = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Harbor Primary Care"})).id
        await clinic.make("sys-mh", people.consent(person, recipient, organization=[{"reference": "Organization/mh"}]))
        if person == both:
            await clinic.make("sys-sud", problem(person, "Opioid use disorder"))
            await clinic.make("sys-sud", people.consent(person, recipient))
        browser, page = await screen(clinic, "both-clinician"), f"/patients/{person}/release"
        wish = {"recipient": f"Organization/{recipient}", "purpose": "TREAT", "kind": ""}
        looked = (await post(browser, page, page, **wish)).text
        assert ("Opioid use disorder" in looked) == (person == both)
        await proved(clinic, "both-clinician")
        done = (await post(browser, page, page, **wish, digest=digest(looked))).headers["location"].rpartition("/")[2]
        officer = await screen(clinic, "mh-officer")
        listed = (await officer.get("/desk/disclosures")).text
        assert done in listed, "what left of the officer's own program is there"
        entry = (await officer.get(f"/desk/disclosures/{done}")).text
        for name, id_ in (("Rivera", person), ("Chen", person)):
            entry = entry.replace(id_, "who").replace(name, "name")
        shown[person] = same(entry.replace(done, "it").replace(recipient, "harbor"))
        assert (await officer.get(f"/releases/{done}/bundle")).status_code == 404
    assert shown[both] == shown[alone]
    assert "You may not read what left" in shown[alone]
    assert "Part 2" not in shown[alone]


async def test_the_officer_finds_what_left_by_client_recipient_days_purpose_and_way(clinic: Clinic) -> None:
    people_ = [await consented(clinic) for _ in range(2)]
    made = {}
    for person, recipient, _ in people_:
        browser, page = await screen(clinic, "both-clinician"), f"/patients/{person}/release"
        wish = {"recipient": f"Organization/{recipient}", "purpose": "TREAT", "kind": ""}
        looked = (await post(browser, page, page, **wish)).text
        await proved(clinic, "both-clinician")
        made[person] = (await post(browser, page, page, **wish, digest=digest(looked))).headers["location"].rpartition("/")[2]
    (one, to, _), (other, _, _) = people_
    await clinic.owner.execute("UPDATE record.disclosure SET channel = 'release-fax', made = made - interval '40 days' WHERE disclosure = $1", made[other])
    name = f"Lakeside {one[:4]}"
    stored = (await clinic.get("sys-sud", f"Organization/{to}")).json()
    assert (await clinic.put("sys-sud", {**stored, "name": name})).status == 200
    officer = await screen(clinic, "officer")
    today = (await clinic.owner.fetchval("SELECT now()")).date()
    for asked, found in (
        ({}, {one, other}), ({"patient_id": one}, {one}), ({"recipient": f"Organization/{to}"}, {one}), ({"to": name}, {one}), ({"to": "lakeside"}, {one}), ({"way": "release-fax"}, {other}), ({"way": "hl7v2"}, set()),
        ({"purpose": "TREAT"}, {one, other}), ({"purpose": "HPAYMT"}, set()), ({"until": str(today - timedelta(days=30)), "since": str(today - timedelta(days=60))}, {other}),
        ({"since": str(today - timedelta(days=2))}, {one}), ({"way": "release", "patient_id": other}, set()),
        ({"until": str(today - timedelta(days=35))}, {other}), ({"until": str(today + timedelta(days=1))}, {one, other}),
    ):  # fmt: skip
        listed = (await post(officer, "/desk/disclosures", "/desk/disclosures", **asked)).text
        assert {who for who in made if f"/desk/disclosures/{made[who]}" in listed} == found, asked
        table = (await post(officer, "/desk/disclosures/export", "/desk/disclosures", **asked)).text.splitlines()
        assert len(table) == 1 + len(found), asked
    assert "faxed for " in (await officer.get("/desk/disclosures")).text
    for wrong, said in ({"to": "Nobody at all"}, "No organization that you can see has this name."), ({"since": "soon"}, "A day must be written as"), ({"way": "smoke"}, "Choose from what the lists offer."):
        listed = await post(officer, "/desk/disclosures", "/desk/disclosures", **wrong)
        assert said in listed.text
        assert "/desk/disclosures/" + made[one] not in listed.text
        assert (await post(officer, "/desk/disclosures/export", "/desk/disclosures", **wrong)).status_code == 400


async def test_a_page_of_the_log_loses_nothing_of_what_left_in_one_moment(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disclosures, "COUNT", 2)
    person, *_ = await consented(clinic)
    await clinic.make("sys-sud", people.consent(person, "tpo"))
    for _ in range(5):
        assert (await clinic.get("tpo", f"Patient/{person}")).status == 200
    await clinic.owner.execute("UPDATE record.disclosure SET made = (SELECT min(made) FROM record.disclosure)")
    officer = await screen(clinic, "officer")
    found, asked = [], {}
    for _ in range(3):
        listed = (await post(officer, "/desk/disclosures", "/desk/disclosures", **asked)).text
        found += re.findall(r'href="/desk/disclosures/([^"/]+)"', listed)
        asked = dict(re.findall(r'name="(cursor)" value="([^"]+)"', listed))
    assert sorted(found) == sorted(r["disclosure"] for r in await clinic.owner.fetch("SELECT disclosure FROM record.disclosure"))
    assert len(found) == 5


async def test_the_log_is_the_officers_alone(clinic: Clinic) -> None:
    for path in ("/desk/disclosures", "/desk/disclosures/x"):
        assert (await (await screen(clinic, "both-clinician")).get(path)).status_code == 403
    assert (await (await screen(clinic, "biller")).get("/releases/x")).status_code == 403
    assert (await (await screen(clinic, "officer")).get("/desk/disclosures/x")).status_code == 404
