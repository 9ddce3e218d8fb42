"""What left is read only by who may read all of it: the words of notes kept apart are no easier to read in the log than in the record."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sojourn.record.database import Dsn
from tests import people
from tests.gate.test_consents import SUDCN
from tests.people import A, Clinic
from tests.web.test_gate import problem, screen

WORDS = "She reminds me of my aunt"
LABELS = {"SUDCN": SUDCN, "PSYTHPN": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]}
KINDS = {"SUDCN": ("part2_counseling_notes", "Organization/sud"), "PSYTHPN": ("hipaa_authorization", "Organization/mh")}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def left(clinic: Clinic, program: str, code: str) -> tuple[str, str]:
    """A note kept apart went to who has a consent for such notes; the note, and the disclosure."""
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-sud", people.encounter(person))
    made = await clinic.ask(program, "POST", "Condition", {**problem(person, WORDS), "meta": {"security": LABELS[code]}})
    assert made.status == 201, made.body
    note = str(await clinic.owner.fetchval("SELECT id FROM record.version WHERE tenant = 1 AND type = 'Condition' ORDER BY seq DESC LIMIT 1"))
    kind, organization = KINDS[code]
    rule = {"securityLabel": LABELS[code], "period": {"start": "2026-01-01", "end": "2099-01-01"}}
    await clinic.make(program, people.consent(person, "tpo", kind=kind, purposes=["TREAT"], provision=rule, organization=[{"reference": organization}]))
    assert WORDS in (await clinic.get("tpo", f"Condition/{note}")).body.decode(), "it leaves"
    return note, str(await clinic.owner.fetchval("SELECT disclosure FROM record.disclosure ORDER BY made DESC LIMIT 1"))


async def entry(browser: httpx.AsyncClient, disclosure: str) -> tuple[int, str]:
    answer = await browser.get(f"/desk/disclosures/{disclosure}")
    return answer.status_code, answer.text


@pytest.mark.parametrize(("program", "code"), [("sys-sud", "SUDCN"), ("sys-mh", "PSYTHPN")])
async def test_the_words_of_a_note_kept_apart_are_not_read_in_the_log(clinic: Clinic, program: str, code: str) -> None:
    note, disclosure = await left(clinic, program, code)
    assert (await clinic.get("officer", f"Condition/{note}")).status == 404
    officer = await screen(clinic, "officer")
    status, text = await entry(officer, disclosure)
    assert status == 200, "that something left is for the officer of every program to know"
    assert WORDS not in text
    assert "You may not read what left" in text
    assert (await officer.get(f"/releases/{disclosure}/bundle")).status_code == 404
    assert (await officer.get(f"/releases/{disclosure}/print")).status_code == 404


async def test_the_words_of_a_note_that_was_deleted_since_are_not_read_in_the_log(clinic: Clinic) -> None:
    note, disclosure = await left(clinic, "sys-sud", "SUDCN")
    await clinic.ask("sys-sud", "DELETE", f"Condition/{note}")
    assert WORDS not in (await entry(await screen(clinic, "officer"), disclosure))[1]


async def test_what_is_put_apart_after_it_left_is_not_read_in_the_log_any_more(clinic: Clinic) -> None:
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-sud", people.consent(person, "tpo"))
    note = (await clinic.make("sys-sud", problem(person, WORDS))).id
    await clinic.get("tpo", f"Condition/{note}")
    disclosure = str(await clinic.owner.fetchval("SELECT disclosure FROM record.disclosure"))
    officer = await screen(clinic, "officer")
    assert WORDS in (await entry(officer, disclosure))[1]
    await clinic.owner.execute("UPDATE record.resource SET own = own | 4 WHERE id = $1", note)
    assert WORDS not in (await entry(officer, disclosure))[1]


async def test_what_left_with_a_part_kept_apart_is_not_read_by_who_may_not_see_the_part(clinic: Clinic) -> None:
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-sud", people.consent(person, "tpo"))
    seen = (await clinic.make("sys-sud", {**problem(person, "Opioid use disorder"), "note": [people.labelled({"text": "x"}, "HIV")]})).id
    await clinic.get("tpo", f"Condition/{seen}")
    disclosure = str(await clinic.owner.fetchval("SELECT disclosure FROM record.disclosure"))
    officer = await screen(clinic, "officer")
    assert "Opioid use disorder" in (await entry(officer, disclosure))[1]
    await clinic.owner.execute("UPDATE record.version SET parts = parts | 8 WHERE id = $1", seen)
    assert "Opioid use disorder" not in (await entry(officer, disclosure))[1]


@pytest.mark.parametrize(("program", "code"), [("sys-sud", "SUDCN"), ("sys-mh", "PSYTHPN")])
async def test_what_holds_a_note_kept_apart_is_kept_under_the_key_of_such_notes(clinic: Clinic, program: str, code: str) -> None:
    _, disclosure = await left(clinic, program, code)
    row = await clinic.owner.fetchrow("SELECT blob, digest FROM record.disclosure WHERE disclosure = $1", disclosure)
    assert row is not None
    blobs = clinic.gate.house.blobs
    assert WORDS.encode() in blobs.opened(A, blobs.get(A, row["blob"]))
    plain = (await clinic.make("sys-mh", people.patient("Chen"))).id
    await clinic.make("sys-sud", people.consent(plain, "tpo"))
    seen = (await clinic.make("sys-sud", problem(plain, "Opioid use disorder"))).id
    await clinic.get("tpo", f"Condition/{seen}")
    other = blobs.get(A, str(await clinic.owner.fetchval("SELECT blob FROM record.disclosure ORDER BY made DESC LIMIT 1")))
    assert blobs.opened(A, other) == other, "and nothing else is"
