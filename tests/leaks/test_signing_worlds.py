"""The queues of signing in two worlds: what waits for somebody's signature and may not be seen by them changes no page.

A supervisor is named for interns of a Part 2 program in which she does not work, and for a note that the law keeps apart. The second world
is the first one with these added, on a clock that stands still; nothing is taken out before comparing but the token of the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.credentials.held import Credential
from sojourn.care.signing import documents
from sojourn.gate import bases
from sojourn.gate.changes import Change
from sojourn.record.database import Dsn
from tests import people
from tests.care.signers import TEXT, at_the_screen, note, practitioner
from tests.leaks.drawn import Drawn
from tests.people import START, SUD, Clinic, encounter, patient
from tests.web.real import Visitor, furnish

SESSION = Drawn("csrf", "tab", "key")
INTERN = Credential("MHC-LP", "1", "NY", "intern", supervisor="Practitioner/mh-clinician")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """A supervisor of the mental health program, and interns under her: one there, one in the Part 2 program."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        await practitioner(made, "mh-clinician", Credential("LCSW", "2", "NY", end=date(2026, 4, 1)), name="Sam Super")
        await practitioner(made, "both-clinician", INTERN, name="Ina Intern")
        await practitioner(made, "sud-clinician", INTERN, name="Ida Intern")
        access = await at_the_screen(made, "both-clinician")
        await access.write((await documents.signing(access, [await note(access, "seen")], "seen", TEXT)).changes, action="sign")
        yield made
        await people.close_clinic(made)


async def _look(visitor: Visitor, patient_: str) -> list[tuple[int, str]]:
    found = []
    for path in ("/supervision", "/today", f"/patients/{patient_}/documents/seen", f"/patients/{patient_}", "/patients"):
        answer = await visitor.get(path)
        found.append((answer.status_code, SESSION.out(answer.text)))
    answer = await visitor.post("/palette", {"q": "rivera"})
    found.append((answer.status_code, SESSION.out(answer.text)))
    return found


async def _hidden(clinic: Clinic, patient_: str) -> list[str]:
    """A Part 2 note and a psychotherapy note, both waiting for the supervisor's signature. Their ids."""
    sud = await at_the_screen(clinic, "sud-clinician")
    system = await clinic.gate.access(clinic.tokens["sys-sud"])
    assert system is not None
    there = (await system.write([Change("create", "Patient", "", patient("Secret"), program=SUD)]))[0].id
    await system.write([Change("create", "Encounter", "visit-part2", encounter(there), program=SUD)])
    author = await at_the_screen(clinic, "both-clinician")
    apart: dict[str, Any] = {"meta": {"security": bases.codings(bases.PSYCHOTHERAPY)}}
    for access, id_, who, more, program in ((sud, "qqq1", there, {}, SUD), (author, "qqq2", patient_, apart, None)):
        resource = {**_plain(who, access.caller.agent or "", TEXT), **more}
        outcome = await documents.signing(access, [Change("create", "DocumentReference", id_, resource, program=program)], id_, TEXT)
        assert outcome.route is not None
        assert outcome.route.owner == "Practitioner/mh-clinician"
        await access.write(outcome.changes, action="sign")
    return ["qqq1", "qqq2"]


def _plain(who: str, author: str, text: bytes) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "status": "current", "type": {"text": "Note"}, "subject": {"reference": f"Patient/{who}"}, "author": [{"reference": author}],
        "content": [{"attachment": documents.attachment(text, "Note", "2026-03-01T08:00:00Z")}],
    }  # fmt: skip


async def test_what_waits_for_her_and_is_hidden_from_her_changes_no_page(clinic: Clinic) -> None:
    supervisor = Visitor(clinic)
    await supervisor.sign_in("mh-clinician")
    access = await at_the_screen(clinic, "mh-clinician")
    seen = await documents.read(access, "seen")
    before = await _look(supervisor, seen.patient)
    assert "Progress note" in before[0][1], "her own queue is there"
    hidden = await _hidden(clinic, seen.patient)
    assert await _look(supervisor, seen.patient) == before
    for id_ in hidden:
        there, nowhere = await supervisor.get(f"/patients/{seen.patient}/documents/{id_}"), await supervisor.get(f"/patients/{seen.patient}/documents/qqq9")
        assert (there.status_code, SESSION.out(there.text).replace(id_, "")) == (nowhere.status_code, SESSION.out(nowhere.text).replace("qqq9", ""))
        for type_ in ("Task?focus=DocumentReference/", "Provenance?target=DocumentReference/"):
            assert (await clinic.get("mh-clinician", f"{type_}{id_}")).entries == []


async def test_the_pages_of_signing_ask_at_most_twelve_questions(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Visitor(clinic)
    await supervisor.sign_in("mh-clinician")
    access = await at_the_screen(clinic, "mh-clinician")
    page = f"/patients/{(await documents.read(access, 'seen')).patient}/documents/seen"
    searches: list[str] = []
    search, read = type(access).search, type(access).read

    async def counted(self: Any, type_: str, *args: Any, **more: Any) -> Any:
        searches.append(type_)
        return await search(self, type_, *args, **more)

    async def counted_read(self: Any, type_: str, id_: str) -> Any:
        searches.append(type_)
        return await read(self, type_, id_)

    monkeypatch.setattr(type(access), "search", counted)
    monkeypatch.setattr(type(access), "read", counted_read)
    for path, most in ((page, 8), ("/supervision", 10), ("/credentials/mine", 2)):
        searches.clear()
        assert (await supervisor.get(path)).status_code == 200
        assert len(searches) <= most, (path, searches)
