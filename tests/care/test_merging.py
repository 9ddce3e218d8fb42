"""Two records of one person: found once, read as one chart by whoever may see both, and taken apart exactly as they were."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.care.admissions import calls, merging
from sojourn.care.admissions import people as same
from sojourn.record.database import Dsn
from tests.care.test_admissions import at, call, clinic  # noqa: F401 - a fixture
from tests.people import MH, SUD, Clinic, consent, observation
from tests.web.real import HASH, Visitor, furnish

# The clinic's programs, and its staff: adam works in both programs, mia in the one for mental health.


def problem(patient: str, text: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}, "category": [{"coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}], "code": {"text": text}, "subject": {"reference": f"Patient/{patient}"}}  # fmt: skip


async def numbered(clinic: Clinic, patient: str, number: str) -> None:  # noqa: F811 - the fixture
    """Give a record its number."""
    found = (await clinic.get("sys-none", f"Patient/{patient}")).json()
    assert (await clinic.put("sys-none", {**found, "identifier": [{"use": "usual", "value": number}]})).status == 200


async def twice(clinic: Clinic) -> tuple[str, str]:  # noqa: F811 - the fixture
    """One person, once in each program, with a problem in each; the ids: mental health, SUD."""
    theirs, ours = await call(clinic, program=SUD, level="3.5"), await call(clinic, "mia", program=MH)
    for patient, number in ((ours.patient, "MH-1001"), (theirs.patient, "SUD-2002")):
        await numbered(clinic, patient, number)
    await clinic.make("sys-mh", problem(ours.patient, "Insomnia of the one"))
    await clinic.make("sys-sud", problem(theirs.patient, "Opioid use of the other"))
    return ours.patient, theirs.patient


async def browser(clinic: Clinic, who: str = "adam") -> Visitor:  # noqa: F811 - the fixture
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND account IN ('mia', 'adam')", HASH)
    visitor = Visitor(clinic)
    await visitor.sign_in(who)
    return visitor


def listed(text: str) -> list[str]:
    """Whom the list of patients leads to."""
    return re.findall(r'data-row href="/patients/([^"]+)"', text)


async def test_merged_they_are_one_person_in_every_search_and_one_chart(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    await furnish(clinic)
    adam = await browser(clinic)
    assert sorted(listed((await adam.get("/patients")).text)) == sorted([keep, gone])
    page = (await adam.get(f"/patients/{keep}/records?with={gone}")).text
    assert "Are they one person?" in page
    assert "SUD-2002" in page
    refused = await adam.post(f"/patients/{keep}/records", {"do": "merge", "other": gone, "keep": keep, "why": " "})
    assert refused.status_code == 422
    done = await adam.post(f"/patients/{keep}/records", {"do": "merge", "other": gone, "keep": keep, "why": "Same card, same telephone."})
    assert done.headers["location"] == f"/patients/{keep}/records"
    assert "Same card, same telephone." in (await adam.get(f"/patients/{keep}/records")).text
    # Found once, also by the number of the record that ended.
    assert listed((await adam.get("/patients")).text) == [keep]
    by_number = (await adam.post("/patients", {"q": "SUD-2002"})).text
    assert listed(by_number) == [keep]
    assert "also SUD-2002" in by_number
    palette = (await adam.post("/palette", {"q": "rivera"})).text
    assert (palette.count(f"/patients/{keep}"), palette.count(f"/patients/{gone}")) == (1, 0)
    # One chart, with the entries of both; pages of the other record lead there.
    chart = (await adam.get(f"/patients/{keep}/problems")).text
    assert "Insomnia of the one" in chart
    assert "Opioid use of the other" in chart
    assert "One person, 2 records" in chart
    assert (await adam.get(f"/patients/{gone}/problems")).headers["location"] == f"/patients/{keep}/problems"
    assert (await adam.get(f"/patients/{gone}")).headers["location"] == f"/patients/{keep}"
    # What was agreed counts for the record that it names.
    assert (await adam.get(f"/patients/{gone}/records")).status_code == 200


async def test_a_page_of_one_entry_is_found_under_the_chart_that_goes_on(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    await furnish(clinic)
    access = await at(clinic)
    (stay,) = [s.id for s in (await access.search("EpisodeOfCare", [("patient", gone)])).matches]
    await merging.merge(access, keep, gone, "The same person.")
    adam = await browser(clinic)
    led = await adam.get(f"/patients/{keep}/moves/{stay}/end")
    assert (led.status_code, led.headers["location"]) == (307, f"/patients/{gone}/moves/{stay}/end")
    there = await adam.get(led.headers["location"])
    assert there.status_code == 200
    assert "which goes on as <b>MH-1001</b>" in there.text
    assert (await adam.get(f"/patients/{gone}/moves/{'A' * len(stay)}/end")).status_code == 404
    assert (await adam.get((await adam.get(f"/patients/{keep}/moves/{'A' * len(stay)}/end")).headers["location"])).status_code == 404


async def test_what_is_new_goes_into_the_record_that_goes_on(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    access = await at(clinic)
    await merging.merge(access, keep, gone, "The same person.")
    assert [h.person["id"] for h in await merging.once(access, (await access.search("Patient", [("family", "Rivera")])).resources)] == [keep]
    again = await call(clinic, program=SUD, level="3.5", person=calls.Person("", "", known=keep))
    assert again.patient == keep


async def test_taken_apart_everything_is_as_it_was(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    await clinic.make("sys-mh", observation(keep))

    async def state() -> list[Any]:
        """Every resource of both with its versions and labels, as whoever sees all of it is told."""
        found = []
        for url in (f"Patient/{keep}", f"Patient/{gone}", f"Patient/{keep}/_history", f"Patient/{gone}/_history", f"Patient/{keep}/$everything", f"Patient/{gone}/$everything", "Patient?family=Rivera"):
            reply = await clinic.get("both-clinician", url)
            found.append((reply.status, reply.header("etag"), json.dumps(reply.json()).replace(reply.header("x-request-id"), "")))
        return found

    before = await state()
    linkage = await merging.merge(await at(clinic), keep, gone, "The same person.")
    assert (await clinic.get("both-clinician", f"Patient/{gone}")).json()["link"] == [{"other": {"reference": f"Patient/{keep}"}, "type": "replaced-by"}]
    assert (await clinic.get("both-clinician", f"Patient/{keep}")).json()["link"] == [{"other": {"reference": f"Patient/{gone}"}, "type": "replaces"}]
    assert [p["link"][0]["type"] for p in (await clinic.get("both-clinician", f"Patient?_id={gone}")).entries] == ["replaced-by"]
    with pytest.raises(errors.Malformed):
        await merging.unmerge(await at(clinic), linkage, "")
    await merging.unmerge(await at(clinic), linkage, "Twins.")
    assert await state() == before
    assert await merging.of(await at(clinic), keep) == merging.One(keep)


async def test_a_patient_that_is_sent_back_keeps_no_link_of_ours(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    linkage = await merging.merge(await at(clinic), keep, gone, "The same person.")
    served = (await clinic.get("both-clinician", f"Patient/{keep}")).json()
    assert (await clinic.put("both-clinician", {**served, "language": "en"})).status == 200
    await merging.unmerge(await at(clinic), linkage, "Two people after all.")
    after = (await clinic.get("both-clinician", f"Patient/{keep}")).json()
    assert after["language"] == "en"
    assert "link" not in after


async def test_chains_and_circles_are_refused_and_the_pair_of_the_clock_is_settled(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    third = (await clinic.make("sys-mh", {"resourceType": "Patient", "name": [{"family": "Rivera", "given": ["Anna"]}], "birthDate": "1988-03-04"})).id
    await same.look(await at(clinic, "sys-none"))
    waiting = len(await same.waiting(await at(clinic)))
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    assert len(await same.waiting(await at(clinic))) == waiting - 1
    assert await same.look(await at(clinic, "sys-none")) == 0, "what is merged is not found again"
    for one, other in ((gone, third), (third, keep), (keep, keep)):
        with pytest.raises(errors.Malformed):
            await merging.merge(await at(clinic), one, other, "Same card.")
    await merging.merge(await at(clinic), keep, third, "Same card.")
    assert set((await merging.of(await at(clinic), third)).ids) == {keep, gone, third}


async def test_merges_of_people_who_do_not_see_each_others_lose_none(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Mia merges a record into a third, not knowing that it goes on as another already; and a circle is closed the same way."""
    ours, theirs = await twice(clinic)
    third = (await clinic.make("sys-mh", {"resourceType": "Patient", "name": [{"family": "Rivera", "given": ["Anna"]}], "birthDate": "1988-03-04"})).id
    both = [await merging.merge(await at(clinic), theirs, ours, "Same card."), await merging.merge(await at(clinic, "mia"), third, ours, "Same telephone.")]
    found = [await merging.of(await at(clinic), id_) for id_ in (ours, theirs, third)]
    assert all(one == found[0] and set(one.ids) == {ours, theirs, third} for one in found)
    assert found[0].survivor == min(theirs, third)
    assert set((await merging.of(await at(clinic, "mia"), ours)).ids) == {ours, third}
    made = {"resourceType": "Linkage", "active": True, "item": [{"type": kind, "resource": {"reference": f"Patient/{id_}"}} for kind, id_ in (("source", ours), ("historical", third))]}
    await clinic.make("sys-none", made)
    found = [await merging.of(await at(clinic), id_) for id_ in (ours, theirs, third)]
    assert all(one == found[0] and set(one.ids) == {ours, theirs, third} for one in found)
    await merging.unmerge(await at(clinic), both[0], "Two people.")
    assert (await merging.of(await at(clinic), theirs)).ids == (theirs,)


async def test_a_consent_opens_only_the_record_that_it_names(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    await merging.merge(await at(clinic), gone, keep, "Same card.")
    await clinic.make("sys-mh", consent(keep, "tpo"))
    seen = (await clinic.get("tpo", "Condition")).entries
    assert "Opioid use of the other" not in json.dumps(seen)
    assert (await clinic.get("tpo", f"Patient/{gone}")).status == 404
    assert "replaces" not in json.dumps((await clinic.get("tpo", "Patient")).json())


async def test_pages_about_what_leaves_and_what_was_agreed_ask_about_one_record_alone(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    """A page of the one never shows consents of the other as its own."""
    keep, gone = await twice(clinic)
    await furnish(clinic)
    signed = await clinic.make("sys-sud", consent(gone, "specific"))
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    adam = await browser(clinic)
    assert signed.id in (await adam.get(f"/patients/{gone}/consents")).text
    page = (await adam.get(f"/patients/{keep}/consents")).text
    assert signed.id not in page
    assert "alone: consents, what leaves and accounts" in page
