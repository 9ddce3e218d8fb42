"""Notes as FHIR: exact bytes, structure and visit in one write; what is checked, and what is kept apart."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.notes import checks, drafting, naming, reading, saving, services, similar, snippets, templates, writing
from sojourn.care.notes.model import NewNote
from sojourn.care.staffing import zones
from sojourn.fhir.validate import validate
from sojourn.gate import apart
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, Clinic

DAP = {"data": "Slept better this week.", "assessment": "Mood is lifting.", "plan": "Same time next week."}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=6)
    await staff(made)
    yield made
    await people.close_clinic(made)


async def staff(clinic: Clinic) -> None:
    """The cast as Practitioners of the record, under the ids that their accounts name."""
    system = await acting(clinic, "sys-mh")
    dana = {"resourceType": "Practitioner", "name": [{"given": ["Dana"], "family": "Whitfield", "suffix": ["LCSW"]}]}
    await system.write([Change("update", "Practitioner", name, {**dana, "id": name}, upsert=True) for name in ("mh-clinician", "sud-clinician", "both-clinician", "officer")])


async def acting(clinic: Clinic, who: str = "mh-clinician") -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def client(clinic: Clinic, who: str = "sys-mh", **more: Any) -> str:
    return (await clinic.make(who, people.patient(**more))).id


def note(patient: str, **more: Any) -> NewNote:
    start = START - timedelta(hours=2)
    given = {"service": "individual", "modality": "in-person", "participants": ("client",), "risk": "none", "no_objective": "First visit.", **more}
    return NewNote(patient, "dap", DAP, start, start + timedelta(minutes=50), **given)


async def test_a_note_is_its_bytes_its_structure_and_its_visit_in_one_write(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    ready = await writing.ready(access, note(patient))
    await access.write(ready.changes, action="note")
    document = (await access.read("DocumentReference", ready.document)).resource
    structure = (await access.read("QuestionnaireResponse", ready.document)).resource
    visit = (await access.read("Encounter", ready.encounter)).resource
    assert base64.b64decode(document["content"][0]["attachment"]["data"]) == ready.shown
    assert document["docStatus"] == "preliminary"
    assert visit["period"]["end"] == document["context"]["period"]["end"]
    assert structure["status"] == "in-progress"
    for resource in (document, structure, visit):
        assert not [i for i in validate(resource) if i.severity in ("error", "fatal")]
    text = ready.shown.decode()
    assert "Individual therapy (90834)" in text
    assert "DATA\nSlept better this week." in text
    assert text.endswith("Written by Dana Whitfield, LCSW\n")


async def test_a_signed_note_says_what_was_done_by_number(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    ready = await writing.ready(access, note(patient, final=True))
    await access.write(ready.changes, action="note")
    done = (await access.read("Procedure", ready.document)).resource
    assert [c["code"] for c in done["code"]["coding"]] == ["90834"]
    assert (await access.read("DocumentReference", ready.document)).resource["docStatus"] == "final"


async def test_a_note_is_taken_up_again_as_it_was(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    first = note(patient, others="sister", participants=("client", "family"), risk="not-asked", risk_note="Client left early.", facts={"Attendance": "late"})
    ready = await writing.ready(access, first)
    await access.write(ready.changes, action="note")
    stored = await access.read("DocumentReference", ready.document)
    draft = drafting.taken_up(stored.resource, (await access.read("QuestionnaireResponse", ready.document)).resource, stored.version)
    template = templates.shipped()["dap"]
    session = drafting.times(draft, UTC)
    assert session is not None
    again = drafting.note(draft, template, session)
    assert again == replace(first, document=ready.document, version=stored.version)
    changed = await writing.ready(access, replace(again, sections={**DAP, "plan": "In two weeks."}))
    await access.write(changed.changes, action="note")
    assert b"In two weeks." in base64.b64decode((await access.read("DocumentReference", ready.document)).resource["content"][0]["attachment"]["data"])
    with pytest.raises(errors.VersionConflict):
        await access.write((await writing.ready(access, again)).changes, action="note")


@pytest.mark.parametrize("key", list(templates.shipped()))
def test_a_template_is_a_valid_questionnaire_and_comes_back_from_it(key: str) -> None:
    template = templates.shipped()[key]._replace(version="1")
    made = templates.questionnaire(template, "2026-03-01")
    assert not [i for i in validate(made) if i.severity in ("error", "fatal")]
    assert templates.of_questionnaire(made) == template
    assert set(template.services) <= services.services(START.date()).keys()


async def test_an_organization_changes_a_template_and_old_notes_keep_theirs(clinic: Clinic) -> None:
    access = await acting(clinic, "sys-mh")
    before = (await templates.kept(access))["dap"]
    first, *rest = before.template.sections
    await templates.save(access, before, before.template._replace(title="Our note", sections=(first._replace(title="What happened"), *rest)))
    kept = (await templates.kept(access))["dap"]
    assert (kept.template.title, kept.template.version, kept.template.sections[0].title) == ("Our note", "1", "What happened")
    with pytest.raises(errors.Malformed):
        await templates.save(access, kept, kept.template._replace(sections=()))
    await templates.save(access, kept, kept.template._replace(active=False))
    assert "dap" not in await templates.in_force(access)


async def test_formats_and_shared_snippets_are_everybodys_whatever_program_their_author_works_in(clinic: Clinic) -> None:
    author = await acting(clinic, "sys-sud")
    before = (await templates.kept(author))["soap"]
    await templates.save(author, before, before.template._replace(title="Our SOAP"))
    await snippets.keep_shared(author, [snippets.Snippet("988", "Crisis line", "988 reviewed.")])
    other = await acting(clinic, "mh-clinician")
    assert (await templates.in_force(other))["soap"].title == "Our SOAP"
    assert [s.abbr for s in await snippets.all_of(other)] == ["988"]


@pytest.mark.parametrize(
    ("service", "minutes", "code", "units"),
    [("individual", 15, "", 0), ("individual", 16, "90832", 1), ("individual", 37, "90832", 1), ("individual", 38, "90834", 1), ("individual", 52, "90834", 1),
     ("individual", 53, "90837", 1), ("family", 25, "", 0), ("family", 26, "90847", 1), ("crisis", 29, "", 0), ("crisis", 74, "90839", 1), ("crisis", 75, "90839+90840", 1),
     ("crisis", 105, "90839+90840", 2), ("counseling", 7, "", 0), ("counseling", 22, "H0004", 1), ("counseling", 23, "H0004", 2), ("counseling", 60, "H0004", 4),
     ("group", 90, "90853", 1)],
)  # fmt: skip
def test_the_minutes_decide_the_code(service: str, minutes: int, code: str, units: int) -> None:
    found = services.fitting(services.services(START.date())[service], minutes)
    assert (found.code if found else "") == code
    assert (services.units(found, minutes, 8) if found else 0) == units


def test_minutes_are_counted_through_a_night_in_which_the_clocks_change() -> None:
    zone = zones.named("America/New_York")
    draft = drafting.Draft("d", "p", "dap", {"date": ["2026-03-08"], "start": ["01:30"], "stop": ["03:30"]})
    start, stop = drafting.times(draft, zone) or (START, START)
    assert note("p").minutes == 50
    assert replace(note("p"), start=start, stop=stop).minutes == 60


def test_what_is_missing_is_named_with_its_field() -> None:
    template = templates.shipped()["dap"]
    empty = drafting.Draft("d", "p", "dap")
    fields = {f.field for f in checks.missing(empty, template)}
    assert fields == {"service", "date", "start", "stop", "location", "modality", "participants", "diagnoses", "objectives", "risk", "s-data", "s-assessment", "s-plan"}
    reason = empty.with_values({"no_objective": ["Crisis call."], "risk": ["not-asked"]})
    fields = {f.field for f in checks.missing(reason, template)}
    assert "objectives" not in fields
    assert "risk_note" in fields


def test_times_that_cannot_be_keep_a_note_from_being_signed_and_minutes_that_fit_no_code_only_warn() -> None:
    template = templates.shipped()["dap"]
    at = note("p")
    assert [f.text for f in checks.timing(replace(at, stop=at.start), template, START, 8)] == ["The session ends before it begins."]
    assert [f.text for f in checks.timing(replace(at, stop=START + timedelta(hours=1)), template, START, 8)] == ["The session is not over yet."]
    short = checks.timing(replace(at, stop=at.start + timedelta(minutes=10)), template, START, 8)
    assert [f.must for f in short] == [False]
    assert checks.fits(at, 8) == "90834"


async def test_another_session_at_that_time_is_said_unless_its_client_may_not_be_seen(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    template, at = templates.shipped()["dap"], note(patient)
    assert await checks.overlap(access, at, template) == []
    other = await client(clinic, family="Quill")
    hidden = await client(clinic, "sys-sud", family="Doe")
    span = {"period": {"start": (at.start + timedelta(minutes=20)).isoformat(), "end": (at.stop + timedelta(minutes=20)).isoformat()}}
    me = {"participant": [{"individual": {"reference": "Practitioner/mh-clinician"}}]}
    await clinic.make("sys-sud", people.encounter(hidden, **span, **me))
    assert await checks.overlap(access, at, template) == []
    await clinic.make("sys-mh", people.encounter(other, **span, **me))
    access = await acting(clinic)
    assert [f.text[:29] for f in await checks.overlap(access, at, template)] == ["You have another session then"]
    await clinic.make("sys-mh", people.encounter(patient, **span))
    stay = {"period": {"start": (at.start - timedelta(days=3)).isoformat(), "end": (at.stop + timedelta(days=3)).isoformat()}}
    await clinic.make("sys-mh", people.encounter(patient, **stay))
    assert len(await checks.overlap(access, at, template)) == 2


LONG = "Client came on time and spoke of the week at work, of two arguments with a brother, and of sleeping better since the new schedule began on Monday."


async def test_text_from_an_earlier_note_warns_and_a_hidden_note_never_does(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    template = templates.shipped()["dap"]
    new = replace(note(patient), sections={**DAP, "data": LONG})
    assert await checks.likeness(access, new, template, 60) == []
    await clinic.make("sys-sud", people.encounter(patient))
    sud = await acting(clinic, "sud-clinician")
    await sud.write(await writing.changes_for(sud, replace(new, no_objective="x")), action="note")
    assert await checks.likeness(access, new, template, 60) == []
    await access.write(await writing.changes_for(access, new), action="note")
    (found,) = await checks.likeness(access, new, template, 60)
    assert not found.must
    assert "of this client" in found.text
    assert similar.share(LONG, "Something else entirely, about another matter, in words of its own that nobody wrote before today in any note.") == 0


async def test_names_of_clients_whom_the_author_may_see_are_found_and_no_others(clinic: Clinic) -> None:
    patient = await client(clinic, family="Rivera")
    await client(clinic, family="Quillfeather")
    await client(clinic, "sys-sud", family="Doverly")
    access = await acting(clinic)
    text = "Talked with Quillfeather after group, and with Doverly. Rivera laughed. Monday is free."
    assert await naming.others(access, patient, text) == ["Quillfeather"]
    assert naming.candidates("Ana met Quill. Will came; Will did not. Hope Smith.") == ["Ana", "Quill", "Will", "Hope", "Smith"]
    assert naming.candidates("May came. Then Will.") == ["Then", "Will"]
    assert await naming.others(access, patient, "Quillfeather laughed.") == ["Quillfeather"]


async def test_a_note_kept_apart_is_its_authors_alone_and_only_where_they_ask_for_it(clinic: Clinic) -> None:
    for who, source, key, of in (("mh-clinician", "sys-mh", "psychotherapy", "both-clinician"), ("sud-clinician", "sys-sud", "sud-counseling", "both-clinician")):
        patient = await client(clinic, source)
        access = await acting(clinic, who)
        kept = NewNote(patient, key, {"note": "She reminds me of my aunt."}, START - timedelta(hours=1), START - timedelta(minutes=10))
        ready = await writing.ready(access, kept)
        await access.write(ready.changes, action="note")
        assert ready.encounter == ""
        with pytest.raises(errors.NotFound):
            await access.read("DocumentReference", ready.document)
        assert (await reading.listed(access, patient))[0] == []
        assert [line.id for line in await reading.kept_apart(access, patient)] == [ready.document]
        mine = await reading.one(access, patient, ready.document, own=True)
        assert mine.apart == key
        assert mine.shown is not None
        assert "my aunt" in mine.shown
        stored = await apart.opened(access).read("DocumentReference", ready.document)
        changed = replace(kept, document=ready.document, version=stored.version, sections={"note": "She reminds me of my aunt, and of her silence."}, program=None)
        assert not (await saving.save(access, changed, templates.shipped()[key])).again
        assert "silence" in str((await reading.one(access, patient, ready.document, own=True)).shown)
        for other in (await acting(clinic, of), await acting(clinic, "officer"), await acting(clinic, "sys-mh")):
            assert await reading.kept_apart(other, patient) == []
            with pytest.raises(errors.NotFound):
                await apart.opened(other).read("DocumentReference", ready.document)
        everything = await access.search(None, [("_type", "DocumentReference,QuestionnaireResponse,Encounter,Task")])
        assert everything.matches == []


async def test_a_draft_is_kept_and_comes_back_and_a_newer_one_is_not_overwritten(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    draft = await drafting.keep(access, drafting.begun(patient, templates.shipped()["dap"]).with_values({"s-data": ["Slept b"]}))
    later = await drafting.keep(access, draft.with_values({"s-data": ["Slept better"]}))
    with pytest.raises(errors.VersionConflict):
        await drafting.keep(access, draft.with_values({"s-data": ["Other tab"]}))
    kept = await drafting.kept(access, draft.id)
    assert kept is not None
    assert (kept.one("s-data"), kept.stamp) == ("Slept better", later.stamp)
    assert [d.key for d in await drafting.listed(access)] == [draft.id]
    assert await drafting.listed(await acting(clinic, "both-clinician")) == []
    await drafting.drop(access, draft.id)
    assert await drafting.kept(access, draft.id) is None


async def test_everything_is_checked_at_once_and_what_must_be_comes_first(clinic: Clinic) -> None:
    patient = await client(clinic)
    access = await acting(clinic)
    template = templates.shipped()["dap"]
    draft = drafting.begun(patient, template)
    found = await checks.all_of(access, draft, template, None, await policies.of(access))
    assert found
    assert all(f.must for f in found)
