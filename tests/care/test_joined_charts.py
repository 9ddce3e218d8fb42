"""Writing in the chart of somebody with two records: what follows from an entry stays in the record that the entry is of."""

from __future__ import annotations

import re

import pytest

from sojourn.base import errors
from sojourn.care import levels
from sojourn.care.admissions import merging
from sojourn.care.allergies import lists as allergies
from sojourn.care.medications import deciding, inforce, lines, reconciling, warnings, writing
from sojourn.care.moves import stays
from sojourn.care.papers.indexing import Wish
from sojourn.care.resources import concept
from sojourn.care.risk import episode, plan, precautions, reading
from sojourn.care.summaries import filing, mapping, taking
from sojourn.doors.staff.lists import warned
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from sojourn.wire.ccda.facts import Fact
from sojourn.wire.ccda.values import Coded
from tests.care import outside
from tests.care.test_admissions import at, clinic  # noqa: F401 - a fixture
from tests.care.test_merging import browser, twice
from tests.care.test_notes import staff
from tests.people import FAR, MH, SUD, Clinic, encounter
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


async def test_what_the_other_record_took_over_from_the_same_hospital_stays_there(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Both have the same document of somebody written down twice in one program; the second is taken over after the merge."""
    keep, gone = await twice(clinic)
    pulse = {"resourceType": "Observation", "status": "final", "code": {"text": "Pulse"}, "effectiveDateTime": "2026-02-01", "valueString": "70", "identifier": [{"system": mapping.STATEMENT, "value": "one"}]}

    async def take(access: Access, patient: str) -> None:
        item = mapping.Mapped(Fact("vital", Coded()), "Vital signs", "one", {**pulse, "subject": {"reference": f"Patient/{patient}"}}, "Pulse", "70")
        for taken in await taking.together(access, patient, MH, [item], {}):
            await access.write(taken.changes, action="reconcile")

    access = await at(clinic, "both-clinician")
    await take(access, gone)
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    access.joined = (keep, gone)
    await take(access, keep)
    for patient in (keep, gone):
        assert len((await clinic.get("sys-none", f"Observation?patient={patient}")).ids) == 1


async def joined(clinic: Clinic) -> tuple[Access, str, str]:  # noqa: F811 - the fixture
    """Somebody who reads two records as one, in the chart that goes on; its id, and that of the other."""
    keep, gone = await twice(clinic)
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    access = await at(clinic, "both-clinician")
    access.records = access.joined = (keep, gone)
    return access, keep, gone


async def test_a_safety_plan_ends_no_plan_of_the_other_record(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Else who sees that record alone finds a plan that was revoked, or a draft that is gone."""
    access, keep, gone = await joined(clinic)
    said = {plan.sections()[0].key: "Sleepless nights"}
    for status in ("active", "draft"):
        await clinic.make("sys-sud", {"resourceType": "CarePlan", "status": status, "intent": "plan", "category": [concept(plan.CODE, plan.TITLE)], "subject": {"reference": f"Patient/{gone}"}, "created": "2026-02-01"})
    await plan.save(access, keep, said)
    assert [p.status for p in await plan.of_patient(await at(clinic, "both-clinician"), keep)] == ["draft"]
    assert sorted(p.status for p in await plan.of_patient(await at(clinic, "both-clinician"), gone)) == ["active", "draft"]


async def test_a_stay_that_ends_frees_no_bed_of_the_other_record(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    access, keep, gone = await joined(clinic)
    night = {"status": "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}}
    mine, theirs = (await clinic.make("sys-mh", {**encounter(keep), **night})).id, (await clinic.make("sys-sud", {**encounter(gone), **night})).id
    ended = await stays.beds_end(access, keep, "none", "2026-03-01T08:00:00Z", {"text": "Home"})
    assert [c.id for c in ended] == [mine], theirs


async def test_an_allergy_is_not_told_to_the_other_record(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """That none is known is refuted where it was said, with the name of the allergy: in the other record that name would be told to who sees that one alone."""
    access, keep, gone = await joined(clinic)
    for who, patient in (("sys-mh", keep), ("sys-sud", gone)):
        (fact,) = allergies.none_known(access, patient, await allergies.of(access, "nobody"), program=None, made={})
        await clinic.make(who, fact.resource or {})
    standing = await allergies.of(access, keep)
    changes = allergies.added(access, keep, standing, {"name": "Latex"}, program=MH, made={a.ref: MH for a in standing.found})
    assert {str(c.resource["patient"]["reference"]) for c in changes if c.resource} == {f"Patient/{keep}"}
    assert len(changes) == 2


async def test_a_precaution_goes_by_the_episode_of_its_own_record(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    """Else one of the mental health record is written under Part 2, and its own ward does not see it."""
    access, keep, gone = await joined(clinic)
    answered = episode.Event(episode.ANSWERED, access.now, "", "x", about="Observation/x", level="high", text="x")
    there = episode.read({**episode.begun(gone, access.rules.programs[SUD].key, "slot", [answered]), "id": "e"})
    assert there is not None
    assert there.open

    async def open_there(*_: object) -> list[episode.Episode]:
        return [there]

    monkeypatch.setattr(reading, "of_patient", open_there)
    flag = await precautions.put(access, keep, "in-sight")
    assert flag in (await clinic.get("mh-service", f"Flag?patient={keep}")).ids


async def test_what_is_written_under_a_program_goes_where_its_stay_is(clinic: Clinic, database: Dsn) -> None:  # noqa: F811 - the fixture
    """A nurse of that program who may see the one record alone reads there what it is given."""
    keep, gone = await twice(clinic)
    await merging.merge(await at(clinic), keep, gone, "Same card.")
    visitor = await clinician(clinic)
    for room, form in (("medications", {"do": "add", "name": "Methadone 10 mg", "dose": "Two each morning", "source": "home", "despite": "Looked at with the client."}), ("problems", {"name": "Opioid use disorder"}), ("allergies", {"name": "Latex"})):
        for program in (SUD, MH):
            page = (await visitor.get(f"/patients/{keep}/{room}")).text
            key = re.findall(r'name="key" value="([^"]+)"', page)[0]
            done = await visitor.post(f"/patients/{keep}/{room}", {**form, "key": key, "program": str(program)})
            assert done.status_code == 303, done.text
    for patient in (keep, gone):
        assert len((await clinic.get("sys-none", f"MedicationStatement?patient={patient}")).ids) == 1
        assert len((await clinic.get("sys-none", f"Condition?patient={patient}")).ids) == 2
        assert len((await clinic.get("sys-none", f"AllergyIntolerance?patient={patient}")).ids) == 1


async def test_a_warning_about_medications_of_both_records_is_kept_under_neither(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Its words name the medication of the other."""
    access, keep, gone = await joined(clinic)
    for who, patient, name in (("sys-mh", keep, "Lithium 300 mg"), ("sys-far", gone, "Ibuprofen 200 mg")):
        await clinic.make(who, {**order(patient), "medicationCodeableConcept": {"text": name}})
    listed, table = await lines.of(access, keep), await inforce.of(access)
    (finding,) = warned.compare(table, listed, allergies.Standing([])).findings
    with pytest.raises(errors.Conflict):
        warnings.overriding(access, keep, finding, "Looked at with the client.", [line.stored for line in listed.current], MH)


async def test_a_reconciliation_signs_a_list_of_each_record(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Of who may see one alone none reads in it what is taken by the other."""
    access, keep, gone = await joined(clinic)
    for who, patient, name in (("sys-mh", keep, "Lithium 300 mg"), ("sys-mh", gone, "Ibuprofen 200 mg"), ("sys-far", gone, "Sertraline 50 mg")):
        await clinic.make(who, {**order(patient), "medicationCodeableConcept": {"text": name}})
    (stay, *_) = [s for s in await levels.current(access, keep) if s.patient == keep]
    listed, table = await lines.of(access, keep), await inforce.of(access)
    made = await origin.makers(access, [line.ref for line in listed.current])
    rows = reconciling.rows(listed, made, table)
    case = deciding.Case(keep, stay, MH, rows, made, allergies.Standing([]), table)
    act = reconciling.Act("admission", {row.key: reconciling.Choice("continue") for row in rows}, True, True, "")
    said = deciding.texts(case, act, "UTC")
    assert {of: [name for name in ("Lithium", "Ibuprofen", "Sertraline") if name in text] for of, text in said.items()} == {(MH, keep): ["Lithium"], (MH, gone): ["Ibuprofen"], (FAR, gone): ["Sertraline"]}
    await deciding.prepare(access, case, act)
    await deciding.prepare(access, case, act)
    assert [len((await clinic.get("sys-none", f"List?patient={patient}")).ids) for patient in (keep, gone)] == [1, 2]


async def test_a_newer_version_of_a_document_takes_the_place_of_none_of_the_other_record(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Else who sees that record alone finds a document that is superseded, and no newer one."""
    access, keep, gone = await joined(clinic)
    access.joined = ()
    filed = []
    for patient, number in ((gone, "1"), (keep, "2")):
        wish = Wish(patient, MH, "Record", "", "")
        filed.append(await filing.straight(access, outside.ccd(id_=f"1.2.9.{number}", whole="1.2.8", number=number), wish, f"form-{number}", sure=True))
        access.joined = (keep, gone)
    again = await filing.straight(access, outside.ccd(id_="1.2.9.1", whole="1.2.8", number="1"), Wish(keep, MH, "Record", "", ""), "form-3", sure=True)
    assert [(await clinic.get("sys-none", f"DocumentReference/{id_}")).json()["status"] for id_ in (*filed, again)] == ["current", "current", "superseded"]
    assert (await clinic.get("sys-none", f"DocumentReference/{again}")).json()["subject"]["reference"] == f"Patient/{keep}"
