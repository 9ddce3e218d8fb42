"""Writing in the chart of somebody with two records: what follows from an entry stays in the record that the entry is of."""

from __future__ import annotations

import re

from sojourn.care.admissions import merging
from sojourn.care.medications import inforce, lines, writing
from sojourn.record.database import Dsn
from tests.care.test_admissions import at, clinic  # noqa: F401 - a fixture
from tests.care.test_merging import browser, twice
from tests.care.test_notes import staff
from tests.people import SUD, Clinic
from tests.web.real import Visitor, furnish


def order(patient: str) -> dict[str, object]:
    return {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Methadone 10 mg"}, "subject": {"reference": f"Patient/{patient}"},
            "dosageInstruction": [{"text": "Two each morning"}]}  # fmt: skip


async def test_an_order_that_is_changed_stays_in_the_record_of_the_order(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Else the nurse of its program, who may not see the record that goes on, finds a methadone that was stopped and none that is given."""
    keep, gone = await twice(clinic)
    await clinic.make("sys-sud", order(gone))
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    access = await at(clinic, "both-clinician")
    access.joined = (keep, gone)
    (line,) = (await lines.of(access, keep)).current
    await access.write(writing.changing(access, keep, await inforce.of(access), line, "Three each morning", "Craving", program=SUD), action="medication")
    seen = (await clinic.get("sys-sud", f"MedicationRequest?patient={gone}&status=active")).entries
    assert [m["dosageInstruction"][0]["text"] for m in seen] == ["Three each morning"]


async def draft(visitor: Visitor, patient: str) -> str:
    """Begin a note in a chart; the address of its editor."""
    page = (await visitor.get(f"/patients/{patient}/notes/new")).text
    key = re.findall(r'name="key" value="([^"]+)"', page)[0]
    begun = await visitor.post(f"/patients/{patient}/notes/new", {"template": "dap", "key": key})
    assert begun.status_code == 303, begun.text
    return str(begun.headers["location"])


async def clinician(clinic: Clinic) -> Visitor:  # noqa: F811 - the fixture
    """Somebody who treats in both programs, at a browser."""
    await staff(clinic)
    await furnish(clinic)
    await clinic.owner.execute("UPDATE record.assignment SET role = 'clinician' WHERE tenant = 1 AND account = 'both-clinician'")
    visitor = Visitor(clinic)
    await visitor.sign_in("both-clinician")
    return visitor


def typed(stay: str, page: str) -> dict[str, str]:
    """A note of a stay, as its form is sent."""
    stamp = re.findall(r'name="stamp" value="([^"]+)"', page)[0]
    return {
        "do": "preview", "stamp": stamp, "service": "individual", "date": "2026-02-27", "start": "09:00", "stop": "09:50", "stay": stay, "location": "", "modality": "in-person", "participants": "client",
        "no_objective": "First visit.", "risk": "none", "s-data": "Craving less.", "s-assessment": "Lifting.", "s-plan": "Next week.",
    }  # fmt: skip


async def saved(visitor: Visitor, path: str, stay: str) -> str:
    """Write a note and save it unsigned; where it stands."""
    answer = await visitor.post(path, typed(stay, (await visitor.get(path)).text))
    assert answer.status_code == 303, answer.text
    page = (await visitor.get(f"{path}/preview")).text
    done = await visitor.post(f"{path}/preview", {"do": "save", "digest": re.findall(r'name="digest" value="([^"]+)"', page)[0]})
    assert done.status_code == 303, done.text
    return str(done.headers["location"])


async def test_a_note_of_a_stay_is_written_into_the_record_of_the_stay(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    """Its program reads it there, whoever of it may not see the record that goes on; and taking the merge back leaves it where the stay is."""
    keep, gone = await twice(clinic)
    (stay,) = (await clinic.get("sys-sud", f"EpisodeOfCare?patient={gone}")).ids
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    visitor = await clinician(clinic)
    where = await saved(visitor, await draft(visitor, keep), stay)
    note = where.partition("?")[0].rpartition("/")[2]
    for type_ in ("DocumentReference", "Encounter", "QuestionnaireResponse"):
        assert (await clinic.get("sys-none", f"{type_}/{note}")).json()["subject"]["reference"] == f"Patient/{gone}", type_
    shown = await visitor.get(where)
    while shown.status_code in (303, 307):
        shown = await visitor.get(shown.headers["location"])
    assert "Craving less." in shown.text


async def test_a_note_of_the_other_record_is_taken_up_again_from_the_chart_that_goes_on(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    keep, gone = await twice(clinic)
    (stay,) = (await clinic.get("sys-sud", f"EpisodeOfCare?patient={gone}")).ids
    visitor = await clinician(clinic)
    note = (await saved(visitor, await draft(visitor, gone), stay)).partition("?")[0].rpartition("/")[2]
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    assert note in (await visitor.get(f"/patients/{keep}/notes")).text
    back = await visitor.post(f"/patients/{keep}/notes/{note}/edit", {})
    assert back.status_code == 303
    editor = await visitor.get(back.headers["location"])
    assert editor.status_code == 200
    assert "Craving less." in editor.text


async def test_ending_an_account_twice_does_not_end_that_of_the_other_record(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    """What is sent to a page that stays that of one record never goes on to the other."""
    keep, gone = await twice(clinic)
    await furnish(clinic)
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    adam = await browser(clinic)
    for path, form in ((f"/patients/{keep}/proxies/self", {"do": "end", "reason": "Asked for it."}), (f"/patients/{keep}/apps", {"app": "none"}), (f"/patients/{keep}/handoff/none", {"do": "send"})):
        answer = await adam.post(path, form)
        assert "location" not in answer.headers, path


async def test_the_paper_for_the_laboratory_names_who_pays_in_the_record_of_the_order_alone(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    """It leaves the house, and a consent counts for one record."""
    keep, gone = await twice(clinic)
    order_ = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}]}], "code": {"text": "TSH"}, "subject": {"reference": f"Patient/{keep}"}}  # fmt: skip
    lab = (await clinic.make("sys-mh", order_)).id
    insurer = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "An insurer"})).id
    for who, patient, payer in (("sys-mh", keep, "Payer of the one"), ("sys-sud", gone, "Payer of the other")):
        await clinic.make(who, {"resourceType": "Coverage", "status": "active", "beneficiary": {"reference": f"Patient/{patient}"}, "subscriberId": payer, "payor": [{"reference": f"Organization/{insurer}"}]})
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    await furnish(clinic)
    adam = await browser(clinic)
    paper = (await adam.get(f"/patients/{keep}/orders/{lab}/print")).text
    assert "Payer of the one" in paper
    assert "Payer of the other" not in paper
