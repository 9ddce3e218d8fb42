"""What is signed is closed: to every door, for every role, whatever the sender writes; and only as far as the acts of signing say."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import clock, errors
from sojourn.gate import closing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.closing import ACTS, MARK, OPEN, Act, Closing
from sojourn.gate.importing import Arrival, bring_in
from tests.people import MH, Clinic, encounter, patient

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
STATES = sorted({"", *OPEN, *(row.after for row in ACTS.values())})
DOCUMENT = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8="}}]}


class _May:
    """As much of an Access as the rule asks for: the time, and a role that may do anything."""

    now = NOW

    def require(self, action: str, type_: str) -> None:
        """Anything."""


@given(st.sampled_from(STATES), st.sampled_from([None, *ACTS]), st.booleans(), st.sampled_from([None, -1, 1]))
def test_whatever_is_asked_of_a_closed_document_its_content_stays(state: str, act: str | None, edited: bool, hours: int | None) -> None:
    locks = NOW + timedelta(hours=hours) if hours is not None and state in ("signed", "co-signed") else None
    before = closing.marked(DOCUMENT, Closing(state, locks))
    after: dict[str, Any] = {**DOCUMENT, "content": [{"attachment": {"contentType": "text/plain", "data": "Ym9v"}}]} if edited else dict(DOCUMENT)
    after["meta"] = {"extension": [{"url": MARK, "extension": [{"url": "state", "valueCode": "unlocked"}]}]}  # said by the sender: counts for nothing
    change = Change("update", "DocumentReference", "x", after, closing=Act(act) if act else None)
    closed = closing.read(before).at(NOW) not in OPEN
    try:
        stored = closing.applied(_May(), change, before, after)  # type: ignore[arg-type] - what of it is asked
    except closing.Closed:
        assert closed or act is not None
        return
    assert not (closed and edited), "what was closed has other content now"
    now = closing.read(stored)
    if act is None:
        assert now == closing.read(before), "without an act the state stays"
    else:
        assert closing.read(before).at(NOW) in ACTS[act].before
        assert now.state == ACTS[act].after
    if closed and act not in ("return", "reopen", "unlock"):
        assert now.at(NOW) not in OPEN


@given(st.lists(st.sampled_from([*ACTS]), max_size=12))
def test_from_a_lock_no_way_leads_to_an_open_document_but_unlocking(acts: list[str]) -> None:
    current = closing.marked(DOCUMENT, Closing("locked", NOW))
    for act in acts:
        if act == "unlock":
            continue
        try:
            current = closing.applied(_May(), Change("update", "DocumentReference", "x", dict(DOCUMENT), closing=Act(act)), current, dict(DOCUMENT))  # type: ignore[arg-type]
        except closing.Closed:
            continue
        assert closing.read(current).at(NOW) not in OPEN


async def _document(access: Access, *, act: Act | None, id_: str = "note1") -> str:
    """A note about somebody new, signed as `act` says. Returns its id."""
    person = await access.write([Change("create", "Patient", "", patient(), program=MH)])
    await access.write([Change("create", "Encounter", "", encounter(person[0].id), program=MH)])
    resource = DOCUMENT | {"subject": {"reference": f"Patient/{person[0].id}"}}
    changes = [Change("create", "DocumentReference", id_, resource, program=MH, closing=act)]
    if act is not None:
        signature = {"type": [{"code": "x"}], "when": "2026-03-01T08:00:00Z", "who": {"display": "x"}, "data": base64.b64encode(b"x").decode()}
        signed = {"resourceType": "Provenance", "target": [{"reference": f"DocumentReference/{id_}"}], "recorded": "2026-03-01T08:00:00Z",
                  "agent": [{"who": {"display": "x"}}], "signature": [signature]}  # fmt: skip
        changes.append(Change("create", "Provenance", "", signed, program=MH))
    await access.write(changes, action="sign")
    return id_


async def _as(clinic: Clinic, who: str) -> Access:
    access = await clinic.gate.access(clinic.tokens[who])
    assert access is not None
    return access


async def test_no_way_of_the_api_changes_or_deletes_a_signed_document_and_an_open_one_changes(clinic: Clinic) -> None:
    for id_, act, closed in (("waits", Act("sign", None), True), ("locked", Act("sign", clock.now()), True), ("open", None, False)):
        await _document(await _as(clinic, "sys-mh"), act=act, id_=id_)
        url, read = f"DocumentReference/{id_}", await clinic.get("sys-mh", f"DocumentReference/{id_}")
        there = read.json()
        edited = {**there, "description": "changed"}
        without = {k: v for k, v in edited.items() if k != "meta"}
        patched = [{"op": "add", "path": "/description", "value": "changed"}]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": edited, "request": {"method": "PUT", "url": url}}]}
        answers = [
            await clinic.put("sys-mh", edited),
            await clinic.put("sys-mh", without),
            await clinic.put("sys-mh", there),
            await clinic.ask("sys-mh", "PATCH", url, patched, [("content-type", "application/json-patch+json")]),
            await clinic.ask("sys-mh", "POST", "", bundle),
            await clinic.put("both-clinician", edited),
        ]
        assert [a.status for a in answers] == [409 if closed else 200] * len(answers), [a.body[:200] for a in answers]
        if closed:
            assert answers[0].json()["issue"][0]["code"] == "business-rule"
        imported = [o async for o in bring_in(await _as(clinic, "sys-mh"), [Arrival("file:1", MH, edited | {"description": "imported"})])]
        assert (len(imported[0].refused), imported[0].written) == ((1, 0) if closed else (0, 1))
        deleted = await clinic.ask("sys-mh", "DELETE", url)
        assert deleted.status == (409 if closed else 204)
        if closed:
            assert (await clinic.get("sys-mh", url)).json() == there
            alike = {k: v for k, v in there.items() if k != "meta"}
            assert [(o.unchanged, o.refused) async for o in bring_in(await _as(clinic, "sys-mh"), [Arrival("file:1", MH, alike)])] == [(1, ())]


async def test_a_sender_cannot_write_a_state_and_cannot_lose_one(clinic: Clinic) -> None:
    system = await _as(clinic, "sys-mh")
    await _document(system, act=None)
    there = (await clinic.get("sys-mh", "DocumentReference/note1")).json()
    forged = closing.marked(there, Closing("locked", clock.now()))
    assert (await clinic.put("sys-mh", forged)).status == 200
    assert MARK.encode() not in (await clinic.get("sys-mh", "DocumentReference/note1")).body
    ready = Change("update", "DocumentReference", "note1", there, closing=Act("ready"))
    await (await _as(clinic, "sys-mh")).write([ready])
    assert (await clinic.put("sys-mh", there)).status == 200
    assert closing.read((await clinic.get("sys-mh", "DocumentReference/note1")).json()).state == "ready"


async def test_a_document_is_not_closed_without_a_signature_over_it(clinic: Clinic) -> None:
    access = await _as(clinic, "sys-mh")
    with pytest.raises(errors.Invalid, match="without a signature"):
        await access.write([Change("create", "DocumentReference", "note2", dict(DOCUMENT), program=MH, closing=Act("sign", NOW))])


async def test_only_a_role_that_may_unlock_does_and_then_it_may_be_changed(clinic: Clinic) -> None:
    await _document(await _as(clinic, "sys-mh"), act=Act("sign", clock.now()))
    clinician = await _as(clinic, "both-clinician")
    there = (await clinician.read("DocumentReference", "note1")).resource
    with pytest.raises(errors.Forbidden):
        await clinician.write([Change("update", "DocumentReference", "note1", there, closing=Act("unlock"))], action="unlock")
    await clinic.owner.execute("UPDATE record.role_rule SET actions = actions || '{unlock}' WHERE role = 'director'")
    await clinic.gate.reload()
    clinician = await _as(clinic, "both-clinician")
    await clinician.write([Change("update", "DocumentReference", "note1", there, closing=Act("unlock"))], action="unlock")
    assert (await clinic.put("both-clinician", {**there, "description": "corrected"})).status == 200
