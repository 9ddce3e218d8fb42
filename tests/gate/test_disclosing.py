"""What leaves the organization: its marks, its notice, its scope, and the line of the log with the very bytes."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from sojourn.base import clock, crypto
from sojourn.gate import disclosing
from sojourn.gate.access import Access
from sojourn.record import disclosures
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from tests import people
from tests.people import Clinic

LONG = "This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR part 2)."
SHORT = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
MARKS = {"NORDSCLCD", "RedisclosureProhibitionMark", "PERSISTLABEL"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def consented(clinic: Clinic) -> tuple[str, str, str]:
    """A patient of the Part 2 program, a heart rate there, and a consent for treatment, payment and operations to `tpo`."""
    person = await clinic.make("sys-sud", people.patient())
    pulse = await clinic.make("sys-sud", people.observation(person.id))
    consent = await clinic.make("sys-sud", people.consent(person.id, "tpo"))
    return person.id, pulse.id, consent.id


async def log(clinic: Clinic) -> list[Any]:
    """Every disclosure of the first organization, newest first."""
    access = await clinic.gate.access(clinic.tokens["officer"])
    assert access is not None
    return await disclosures.disclosures(clinic.gate.house.db, access.head, access.decided, "whole")


async def officer(clinic: Clinic) -> Access:
    access = await clinic.gate.access(clinic.tokens["officer"])
    assert access is not None
    return access


def codes(resource: dict[str, Any]) -> set[str]:
    return {coding["code"] for coding in resource.get("meta", {}).get("security", ())}


def test_the_statements_are_the_regulations_words_in_force_on_a_day() -> None:
    today = clock.now().date()
    assert disclosing.statement("fhir", "whole", today).text.startswith(LONG)
    assert disclosing.statement("fhir", "each", today).text == SHORT
    assert disclosing.statement("release", "whole", date(2024, 4, 16)).version == "2024"
    with pytest.raises(ValueError, match="empty"):
        disclosing.statement("fhir", "whole", date(2024, 4, 15))


async def test_a_part_2_record_leaves_with_its_marks_and_the_short_statement(clinic: Clinic) -> None:
    _, pulse, consent = await consented(clinic)
    reply = await clinic.get("tpo", f"Observation/{pulse}")
    resource = reply.json()
    assert (resource["resourceType"], resource["id"], resource["valueQuantity"]["value"]) == ("Observation", pulse, 72)
    assert codes(resource) >= MARKS | {"42CFRPart2"}
    assert next(c["display"] for c in resource["meta"]["security"] if c["code"] == "RedisclosureProhibitionMark") == SHORT
    carried = {e["url"]: e for e in resource["meta"]["extension"]}
    assert carried[disclosing.NOTICE]["valueString"] == SHORT
    assert "lets you have this for treatment" in carried[disclosing.SCOPE]["valueString"]
    assert carried[disclosing.CONSENT]["valueReference"]["reference"].startswith(f"Consent/{consent}/_history/")


async def test_a_bundle_carries_the_long_statement_the_scope_and_its_high_water_mark(clinic: Clinic) -> None:
    person, _, _ = await consented(clinic)
    bundle = (await clinic.get("tpo", f"Observation?patient={person}")).json()
    assert codes(bundle) == {"R", "42CFRPart2"} | MARKS
    outcome = next(e for e in bundle["entry"] if e["search"]["mode"] == "outcome")
    assert outcome["resource"]["issue"][0]["diagnostics"].startswith(LONG)
    assert "written consent of 1 January 2026" in outcome["resource"]["issue"][0]["diagnostics"]
    assert codes(bundle["entry"][0]["resource"]) >= MARKS
    history = (await clinic.get("tpo", f"Patient/{person}/_history")).json()
    assert codes(history) >= MARKS
    assert all("request" in entry for entry in history["entry"]), "an outcome has no place in a history"


async def test_versions_and_etags_stay_what_they_were_and_nothing_is_stored(clinic: Clinic) -> None:
    _, pulse, _ = await consented(clinic)
    inside, outside = await clinic.get("sud-clinician", f"Observation/{pulse}"), await clinic.get("tpo", f"Observation/{pulse}")
    assert inside.version == outside.version == outside.json()["meta"]["versionId"]
    assert inside.header("last-modified") == outside.header("last-modified")
    assert not codes(inside.json()) & MARKS
    assert (await clinic.get("tpo", f"Observation/{pulse}", ("if-none-match", outside.header("etag")))).status == 304


async def test_what_is_no_part_2_record_leaves_without_notice_but_is_written_down(clinic: Clinic) -> None:
    person = await clinic.make("sys-mh", people.patient())
    pulse = await clinic.make("sys-mh", people.observation(person.id))
    await clinic.make("sys-mh", people.consent(person.id, "tpo"))
    resource = (await clinic.get("tpo", f"Observation/{pulse.id}")).json()
    assert not codes(resource) & MARKS
    assert "extension" not in resource["meta"]
    (row,) = await log(clinic)
    assert (row["notice"], row["scope"]) == ("", "")
    assert row["patients"] == [person.id]


@pytest.mark.parametrize("form", ["", "&_pretty=true", "&_summary=true", "&_elements=status"])
@pytest.mark.parametrize("zipped", [False, True])
async def test_the_log_holds_the_very_bytes_that_left(clinic: Clinic, form: str, zipped: bool) -> None:
    person, pulse, consent = await consented(clinic)
    reply = await clinic.get("tpo", f"Observation?patient={person}{form}", *([("accept-encoding", "gzip")] if zipped else []))
    sent = gzip.decompress(reply.body) if reply.header("content-encoding") else reply.body
    (row,) = await log(clinic)
    assert disclosing.payload(await officer(clinic), row) == sent
    assert row["digest"] == crypto.sha256_hex(sent)
    assert row["size"] == len(sent)
    assert (row["recipient"], row["purpose"], row["channel"], row["account"]) == ("Organization/tpo", "TREAT", "fhir", "tpo")
    assert row["what"] == [f"Observation/{pulse}/_history/{json.loads(sent)['entry'][0]['resource']['meta']['versionId']}"]
    assert [c.split("/_history/")[0] for c in row["consents"]] == [f"Consent/{consent}"]
    assert row["notice"] == "statement_1 2024"
    kept = clinic.gate.house.blobs.get(1, row["blob"])
    assert b"Observation" not in kept
    assert b"Observation" not in base64.urlsafe_b64decode(kept + b"===")


async def test_a_ccd_that_leaves_by_the_api_carries_notice_and_marks_and_is_logged_as_it_left(clinic: Clinic) -> None:
    person, pulse, consent = await consented(clinic)
    reply = await clinic.get("tpo", f"Patient/{person}/$ccd")
    assert (reply.status, reply.header("content-type")) == (200, "application/xml")
    document = read(reply.body)
    assert document.sections[0].narrative.startswith(LONG)
    assert "lets you have this for treatment" in document.sections[0].narrative
    assert document.marks.confidentiality == "R"
    (seen,) = (f for f in document.facts() if any(i.endswith(f"|Observation/{pulse}") for i in f.identifiers))
    assert {p.code for p in seen.marks.policies} >= MARKS | {"42CFRPart2"}
    (row,) = await log(clinic)
    assert disclosing.payload(await officer(clinic), row) == reply.body
    assert (row["media"], row["notice"], row["patients"]) == ("application/xml", "statement_1 2024", [person])
    assert any(w.startswith(f"Observation/{pulse}/_history/") for w in row["what"])
    assert [c.split("/_history/")[0] for c in row["consents"]] == [f"Consent/{consent}"]
    assert (await clinic.get("sud-clinician", f"Patient/{person}/$ccd")).status == 200
    assert len(await log(clinic)) == 1, "what staff read is no disclosure"


async def test_a_ccd_is_the_same_whether_a_record_is_withheld_or_not_there(clinic: Clinic) -> None:
    with clock.using(clock.FakeClock(people.START)):
        person = await clinic.make("sys-mh", people.patient("Quill"))
        await clinic.make("sys-mh", people.observation(person.id))
        await clinic.make("sys-mh", people.consent(person.id, "specific", kind="part2_specific", organization=[{"reference": "Organization/mh"}]))
        before = await clinic.get("specific", f"Patient/{person.id}/$ccd")
        await clinic.make("sys-sud", people.observation(person.id, 99))
        await clinic.make("sys-sud", {"resourceType": "AllergyIntolerance", "patient": {"reference": f"Patient/{person.id}"}, "code": {"text": "Methadone"}, "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}})
        after = await clinic.get("specific", f"Patient/{person.id}/$ccd")
    assert (before.status, after.status) == (200, 200)
    assert before.body == after.body
    absent = [await clinic.get("specific", f"Patient/{id_}/$ccd") for id_ in ((await clinic.make("sys-sud", people.patient())).id, "z" * 22)]
    assert len({(r.status, r.body) for r in absent}) == 1


async def test_nothing_shown_leaves_no_entry_and_no_mark_alike_for_absent_and_withheld(clinic: Clinic) -> None:
    person = await clinic.make("sys-sud", people.patient())
    await clinic.make("sys-sud", people.observation(person.id))
    shared = await clinic.make("sys-mh", people.patient("Quill"))
    ids = (person.id, shared.id, "z" * len(person.id))
    searched = [(await clinic.get("tpo", f"Observation?patient={id_}")).body.replace(id_.encode(), b"") for id_ in ids]
    read = [await clinic.get("tpo", f"Patient/{id_}") for id_ in ids]
    assert len(set(searched)) == 1
    assert {(r.status, r.body) for r in read} == {(404, read[0].body)}
    assert await log(clinic) == []


async def test_marks_follow_what_is_shown_and_never_what_is_withheld(clinic: Clinic) -> None:
    """Two patients alike to the recipient: behind one of them a Part 2 record is withheld."""
    bodies = []
    for hidden in (False, True):
        person = await clinic.make("sys-mh", people.patient("Quill"))
        await clinic.make("sys-mh", people.observation(person.id))
        await clinic.make("sys-mh", people.consent(person.id, "specific", kind="part2_specific", organization=[{"reference": "Organization/mh"}]))
        if hidden:
            await clinic.make("sys-sud", people.observation(person.id, 99))
        reply = (await clinic.get("specific", f"Observation?patient={person.id}")).json()
        assert len(reply["entry"]) == 1
        bodies.append((codes(reply), [sorted(codes(e["resource"])) for e in reply["entry"]], reply.get("meta", {}).get("extension")))
    assert bodies[0] == bodies[1]


async def test_staff_answers_are_no_disclosures(clinic: Clinic) -> None:
    _, pulse, _ = await consented(clinic)
    await clinic.get("sud-clinician", f"Observation/{pulse}")
    assert await log(clinic) == []


async def test_what_cannot_be_written_down_does_not_leave(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pulse, _ = await consented(clinic)

    def full(*_: object) -> str:
        raise OSError("no space left")

    monkeypatch.setattr(clinic.gate.house.blobs, "put", full)
    reply = await clinic.get("tpo", f"Observation/{pulse}")
    assert reply.status == 500
    assert b"valueQuantity" not in reply.body


@pytest.mark.parametrize("url", ["DocumentReference/$docref?patient={p}&on-demand=true", "Observation/{o}/$meta", "Observation/{o}/$validate", "Patient/$ihe-pix?sourceIdentifier=urn:mrn|7"])
async def test_what_an_answer_only_speaks_of_is_disclosed_too(clinic: Clinic, url: str) -> None:
    """That there is something of a patient of a Part 2 program, and which labels it has, leaves with the notice and is written down, in a batch too."""
    p, o, consent = await consented(clinic)
    assert (await clinic.put("sys-sud", {**people.patient(identifier=[{"system": "urn:mrn", "value": "7"}]), "id": p})).status == 200
    about = url.format(p=p, o=o)
    one = await clinic.get("tpo", about)
    whole = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": about}}]}
    for reply in (one, await clinic.ask("tpo", "POST", "", whole)):
        assert reply.status == 200, reply.body
        (line,) = [row for row in await log(clinic) if row["request"] == reply.header("x-request-id")]
        assert line["patients"] == [p]
        assert line["consents"][0].startswith(f"Consent/{consent}/")
        assert any(e["valueString"].startswith((LONG, SHORT)) for e in reply.json()["meta"]["extension"] if e["url"] == disclosing.NOTICE)
    assert (await clinic.get("stranger", about)).status in (200, 404)
    assert len(await log(clinic)) == 2


async def test_what_was_sent_is_had_again_by_who_got_it_and_by_nobody_else(clinic: Clinic) -> None:
    person, _, _ = await consented(clinic)
    reply = await clinic.get("tpo", f"Observation?patient={person}")
    (row,) = await log(clinic)

    async def again(who: str, id_: str) -> bytes | None:
        access = await clinic.gate.access(clinic.tokens[who])
        assert access is not None
        return await disclosing.again(access, id_)

    assert await again("tpo", row["disclosure"]) == reply.body
    assert [await again("tpo", id_) for id_ in ("", "nothing")] == [None, None]
    assert [await again(who, row["disclosure"]) for who in ("specific", "tpo-billing", "officer", "other-clinician")] == [None] * 4
    await clinic.owner.execute("UPDATE record.disclosure SET digest = repeat('0', 64) WHERE disclosure = $1", row["disclosure"])
    with pytest.raises(crypto.BadSeal):
        disclosing.payload(await officer(clinic), {**dict(row), "digest": "0" * 64})
    assert await again("tpo", row["disclosure"]) is None, "what was changed is lost"


async def test_of_several_patients_each_is_written_down_with_the_consents_that_let_it_leave(clinic: Clinic) -> None:
    first, second = await consented(clinic), await consented(clinic)
    reply = await clinic.get("tpo", "Observation?code=8867-4")
    assert sorted(reply.ids) == sorted([first[1], second[1]])
    (row,) = await log(clinic)
    assert row["patients"] == sorted([first[0], second[0]])
    assert {c.split("/")[1] for c in row["consents"]} == {first[2], second[2]}
    assert row["scope"].count("lets you have this for treatment") == 2
    assert len(row["what"]) == 2


async def test_beside_a_part_2_record_what_is_none_leaves_without_its_marks(clinic: Clinic) -> None:
    person, pulse, _ = await consented(clinic)
    plain = (await clinic.make("sys-mh", people.observation(person, 65))).id
    await clinic.make("sys-mh", people.consent(person, "tpo", organization=[{"reference": "Organization/mh"}]))
    bundle = (await clinic.get("tpo", f"Observation?patient={person}")).json()
    marked = {e["resource"]["id"]: bool(codes(e["resource"]) & MARKS) for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation"}
    assert marked == {pulse: True, plain: False}
    assert not any(e["resource"]["resourceType"] == "Consent" for e in bundle["entry"]), "over the API a consent is named, and goes by itself when it is asked for"
