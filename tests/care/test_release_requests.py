"""Requests for a release: what each basis opens, what is blacked out, what the packet holds, and that a subpoena never opens Part 2 records."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from PIL import Image

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care.papers import reading, sandbox, worker
from sojourn.care.release import answering, letters, marking, requests, rules, sending
from sojourn.care.release.requests import Asked, Request
from sojourn.gate import bases, compelled, disclosing, disclosurelog
from sojourn.gate.access import Access
from sojourn.gate.compelled import Instrument
from sojourn.gate.exchange import posting
from sojourn.record.database import Dsn
from tests import people
from tests.care import reach
from tests.care.test_handoff import at
from tests.conftest import Cluster
from tests.people import START, Clinic, consent, encounter, patient
from tests.web.real import later

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "Doverly Quillfeather"
PASSAGE = f"Her sister {SECRET} drinks, too.\nUrine screen negative.\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clinic(cluster: Cluster, template: str) -> AsyncIterator[Clinic]:
    """One clinic for all tests here: each has a patient of its own."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(Dsn(app=cluster.app(name), owner=cluster.owner(name)))
        for who in ("both-clinician", "mh-clinician"):
            them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
            await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
            made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
        yield made
        await people.close_clinic(made)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def problem(p: str, text: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": {"text": text}, "subject": {"reference": f"Patient/{p}"}, "recordedDate": "2026-02-01", **more}


def document(p: str, content: bytes, media: str = "application/pdf", title: str = "Outside report") -> dict[str, Any]:
    attachment = {"contentType": media, "data": base64.b64encode(content).decode(), "title": title}
    return {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "type": {"text": title}, "content": [{"attachment": attachment}]}


async def chart(clinic: Clinic, **more: Any) -> str:
    """A client of both programs with a problem and a document in each."""
    p = (await clinic.make("sys-mh", patient(**more))).id
    for who, text in (("sys-mh", "Insomnia"), ("sys-sud", "Opioid use disorder")):
        await clinic.make(who, encounter(p, period={"start": "2026-02-03", "end": "2026-02-03"}))
        await clinic.make(who, problem(p, text))
    return p


ALL_2_64 = ["judge", "notice", "no-other-way", "outweighs", "limited", "protected", "subpoena"]


async def asked_for(clinic: Clinic, p: str, basis: str, *, who: str = "both-clinician", parts: list[str] | None = None, identity: str = "id", **more: Any) -> tuple[Access, Request]:
    access = await at(clinic, who)
    wish = {"basis": basis, "requester": "Lakeside Law", "received": "2026-02-20", "name": "" if more.get("recipient") else "Lakeside Law", "address": "1 Court Street", "due": "2026-03-20", **more}
    id_ = await requests.take(access, p, Asked(**wish))
    await requests.amend(access, await requests.one(access, id_), identity=identity, parts=",".join(parts or []))
    access = await at(clinic, who)
    return access, await requests.one(access, id_)


async def leaving(access: Access, request: Request) -> set[str]:
    found = await requests.preview(access, request)
    return {s.resource["code"]["text"] for s in found.leaves if s.type == "Condition"}


async def released(access: Access, request: Request, **more: Any) -> bytes:
    found = await requests.preview(access, request)
    id_ = await answering.release(access, request, answering.digest(found, request.marks), **more)
    return disclosing.payload(access, await disclosurelog.one(access, id_))


def everything_in(content: bytes) -> bytes:
    """The bytes of a PDF with every stream opened, as far as it can be."""
    out = [content]
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        data = match[1].strip()
        for opened in (zlib.decompress, lambda d: zlib.decompress(base64.a85decode(b"<~" + d, adobe=True))):
            with suppress(zlib.error, ValueError):
                out.append(opened(data))
    return b"\n".join(out)


@pytest.mark.parametrize(
    ("instrument", "opens"),
    [
        (Instrument("subpoena"), 0), (Instrument("subpoena", assured=True), bases.ORDINARY), (Instrument("court_order"), bases.ORDINARY), (Instrument("court_order_2_64"), bases.ORDINARY),
        (Instrument("court_order_2_64+subpoena"), bases.ORDINARY | bases.PART2), (Instrument("court_order_2_65+subpoena", "law_enforcement"), bases.ORDINARY | bases.PART2), (Instrument(""), 0),
        (Instrument("subpoena", assured=True, against=True), bases.ORDINARY),
    ],
)  # fmt: skip
async def test_what_an_instrument_opens_is_what_the_policy_says_of_each_law(clinic: Clinic, instrument: Instrument, opens: int) -> None:
    found = compelled.mask(await at(clinic, "officer"), instrument)
    assert found & (bases.ORDINARY | bases.PART2) == opens
    assert not found & (bases.APART | bases.UNLABELLED)
    if "order" not in instrument.words:
        assert found in (0, bases.ORDINARY), "what a law of the state protects no subpoena opens"


async def test_a_subpoena_alone_never_opens_a_part_2_record(clinic: Clinic) -> None:
    p = await chart(clinic)
    access, bare = await asked_for(clinic, p, "subpoena")
    assert await leaving(access, bare) == set()
    access, assured = await asked_for(clinic, p, "subpoena", parts=["assurance"])
    assert await leaving(access, assured) == {"Insomnia"}
    found = await requests.preview(access, assured)
    (why,) = {reason for stored, reason in found.stays if stored.type == "Condition"}
    assert "42 CFR 2.61" in why
    packet = await released(access, assured)
    assert b"Opioid" not in everything_in(packet)
    assert not any("Opioid" in t for t in await sandbox.texts(packet, reading.PDF))
    known = (await clinic.make("sys-mh", patient("Quinn"))).id
    await clinic.make("sys-mh", encounter(known))
    visit = (await clinic.get("sys-mh", f"Encounter?patient={known}")).ids[0]
    await clinic.make("sys-sud", encounter(known))
    access, barely = await asked_for(clinic, known, "subpoena", parts=["assurance"])
    await requests.amend(access, barely, without=f"Encounter/{visit}")
    barely = await requests.one(access, barely.id)
    found = await requests.preview(access, barely)
    assert {s.type for s in found.leaves} == {"Patient"}
    with pytest.raises(errors.Malformed, match="known here"):
        await answering.release(access, barely, answering.digest(found, {}))
    only = (await clinic.make("sys-sud", patient("Quill"))).id
    await clinic.make("sys-sud", encounter(only))
    await clinic.make("sys-sud", problem(only, "Opioid use disorder"))
    access, theirs = await asked_for(clinic, only, "subpoena", parts=["assurance"])
    found = await requests.preview(access, theirs)
    assert found.leaves == []
    with pytest.raises(errors.Malformed):
        await answering.release(access, theirs, answering.digest(found, {}))


async def test_a_part_2_order_opens_them_only_with_every_part_and_a_subpoena(clinic: Clinic) -> None:
    p = await chart(clinic)
    for missing in ALL_2_64:
        access, partly = await asked_for(clinic, p, "order-2-64", parts=[part for part in ALL_2_64 if part != missing])
        assert "Opioid use disorder" not in await leaving(access, partly), missing
        found = await requests.preview(access, partly)
        with pytest.raises(errors.Malformed):
            await answering.release(access, partly, answering.digest(found, {}))
    access, whole = await asked_for(clinic, p, "order-2-64", parts=ALL_2_64)
    assert await leaving(access, whole) == {"Insomnia", "Opioid use disorder"}
    packet = await released(access, whole)
    texts = await sandbox.texts(packet, reading.PDF)
    assert any("Opioid use disorder" in t for t in texts)
    short = disclosing.statement("release", "each", START.date()).text
    for n, text in enumerate(texts, 1):
        said = " ".join(text.split())
        assert f"Page {n} of {len(texts)}" in said
        assert " ".join(short.split())[:60] in said, "the short notice stands on every page"
    assert "Notice on redisclosure (42 CFR 2.32)" in texts[0]
    access, hipaa = await asked_for(clinic, p, "court-order", parts=["judge", "named"])
    assert await leaving(access, hipaa) == {"Insomnia"}


async def test_notes_kept_apart_leave_under_no_order(clinic: Clinic) -> None:
    p = await chart(clinic)
    apart = {"meta": {"security": [{"system": bases.LOCAL, "code": "SUDCN"}]}}
    await clinic.make("sys-sud", problem(p, "Counseling detail", **apart))
    access, whole = await asked_for(clinic, p, "order-2-64", parts=ALL_2_64)
    assert "Counseling detail" not in await leaving(access, whole)


async def test_patients_get_their_own_record_and_an_authorization_what_it_covers(clinic: Clinic) -> None:
    p = await chart(clinic)
    access, own = await asked_for(clinic, p, "access", name="")
    assert await leaving(access, own) == {"Insomnia", "Opioid use disorder"}
    assert (own.recipient, own.purpose, own.due.isoformat()) == (f"Patient/{p}", "PATRQT", "2026-03-22")
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    access, without = await asked_for(clinic, p, "authorization", recipient=f"Organization/{receiver}", purpose="TREAT")
    assert await leaving(access, without) == set()
    await clinic.make("sys-sud", consent(p, receiver))
    access, with_ = await asked_for(clinic, p, "authorization", recipient=f"Organization/{receiver}", purpose="TREAT")
    assert "Opioid use disorder" in await leaving(access, with_)


async def test_who_acts_for_somebody_gets_no_part_2_record_without_a_consent(clinic: Clinic) -> None:
    p = await chart(clinic)
    guardian = (await clinic.make("sys-mh", {
        "resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{p}"}, "active": True, "period": {"start": "2020-01-01"}, "name": [{"family": "Rivera"}],
        "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}]}],
    })).id  # fmt: skip
    access, theirs = await asked_for(clinic, p, "representative", name="", recipient=f"RelatedPerson/{guardian}", parts=["authority"])
    assert await leaving(access, theirs) == {"Insomnia"}
    other = await chart(clinic, family="Doverly")
    with pytest.raises(errors.Malformed):
        await requests.take(access, other, Asked("representative", "x", "2026-02-20", f"RelatedPerson/{guardian}"))


async def test_nothing_leaves_before_the_requester_is_known_and_nothing_but_what_was_looked_at(clinic: Clinic) -> None:
    p = await chart(clinic)
    access, unknown = await asked_for(clinic, p, "access", name="", identity="")
    found = await requests.preview(access, unknown)
    with pytest.raises(errors.Malformed, match="identity"):
        await answering.release(access, unknown, answering.digest(found, {}))
    await requests.amend(access, unknown, identity="id")
    access = await at(clinic)
    known = await requests.one(access, unknown.id)
    seen = answering.digest(await requests.preview(access, known), known.marks)
    await clinic.make("sys-mh", problem(p, "Asthma"))
    with pytest.raises(errors.Conflict):
        await answering.release(access, known, seen)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure d JOIN record.disclosure_patient x USING (tenant, disclosure) WHERE x.patient = $1", p) == 0
    stale = await at(clinic)
    await clinic.owner.execute("UPDATE record.credential SET proved = $1 WHERE account = 'both-clinician'", START - timedelta(days=1))
    stale.caller = replace(stale.caller, proved=START - timedelta(days=1))
    with pytest.raises(errors.ProofNeeded):
        await answering.release(stale, known, seen)


async def test_pages_of_a_packet_are_decided_anew_and_say_what_holds_now(clinic: Clinic) -> None:
    p = await chart(clinic)
    access, request = await asked_for(clinic, p, "access", name="")
    found = await requests.preview(access, request)
    first = await answering.packet(access, request, found)
    await clinic.make("sys-mh", problem(p, "Migraine"))
    assert await answering.looked_at(access, request) is first
    later(seconds=answering.LOOKED)
    access = await at(clinic, "both-clinician")
    assert "Migraine" in "\n".join(await sandbox.texts(await answering.looked_at(access, request), reading.PDF))
    other = replace(found, outgoing=replace(found.outgoing, notice="long 1", scope="Only for this."))
    assert "Only for this." in "\n".join(await sandbox.texts(await answering.packet(access, request, other), reading.PDF))


async def test_scope_days_and_what_is_left_out_bound_what_leaves(clinic: Clinic) -> None:
    p = await chart(clinic)
    await clinic.make("sys-mh", problem(p, "Asthma", recordedDate="2024-05-05"))
    access, some = await asked_for(clinic, p, "access", name="", scope="problems", since="2026-01-01")
    assert await leaving(access, some) == {"Insomnia", "Opioid use disorder"}
    found = await requests.preview(access, some)
    assert {s.type for s in found.leaves} == {"Patient", "Condition"}
    out = next(f"{s.type}/{s.id}" for s in found.leaves if s.type == "Condition" and s.resource["code"]["text"] == "Insomnia")
    await requests.amend(access, some, without=out)
    assert await leaving(access, await requests.one(access, some.id)) == {"Opioid use disorder"}


async def test_words_that_are_blacked_out_are_in_no_byte_of_what_leaves(clinic: Clinic) -> None:
    p = await chart(clinic)
    pdf = (await clinic.make("sys-mh", document(p, worker.typeset(PASSAGE * 3)))).id
    await clinic.make("sys-mh", document(p, PASSAGE.encode(), "text/plain", "Note"))
    access, own = await asked_for(clinic, p, "access", name="")
    before = await answering.packet(access, own, await requests.preview(access, own))
    assert SECRET.encode() in everything_in(worker.typeset(PASSAGE)), "the search through bytes finds what is there"
    assert any(SECRET in t for t in await sandbox.texts(before, reading.PDF)), "it stands there as text as long as it is not blacked out"
    marks = own.marks
    for d in marking.documents(await requests.preview(access, own)):
        marks, number = await marking.words(marks, d, SECRET.upper() if d.paged else SECRET)
        assert number == (3 if d.paged else 1)
    await requests.amend(access, own, marks=json.dumps(marks))
    access = await at(clinic)
    own = await requests.one(access, own.id)
    packet = await released(access, own)
    inside = everything_in(packet)
    texts = " ".join(await sandbox.texts(packet, reading.PDF))
    for hidden in ("Doverly", "Quillfeather"):
        assert hidden not in texts
        assert hidden.encode() not in inside
        assert hidden.encode("utf-16-be") not in inside
    assert "Urine screen negative" in texts, "the rest of the note is there"
    assert marking.BLACK in texts or "sister" in texts
    row = await disclosurelog.one(access, (await requests.one(access, own.id)).sent[-1])
    assert row["media"] == "application/pdf"
    assert any(w.startswith(f"DocumentReference/{pdf}/") for w in row["what"])
    stored = (await access.read("DocumentReference", pdf)).resource
    kept = base64.b64decode(stored["content"][0]["attachment"]["data"])
    assert SECRET in (await sandbox.texts(kept, reading.PDF))[0], "the chart keeps it"


async def test_blacked_out_words_that_stand_elsewhere_stop_it_until_somebody_says_they_may(clinic: Clinic) -> None:
    p = await chart(clinic)
    await clinic.make("sys-mh", document(p, PASSAGE.encode(), "text/plain", "Note"))
    await clinic.make("sys-mh", problem(p, f"Conflict with {SECRET}"))
    access, own = await asked_for(clinic, p, "access", name="")
    (d,) = marking.documents(await requests.preview(access, own))
    marks, _ = await marking.words(own.marks, d, SECRET)
    await requests.amend(access, own, marks=json.dumps(marks))
    own = await requests.one(access, own.id)
    seen = answering.digest(await requests.preview(access, own), own.marks)
    with pytest.raises(errors.Conflict, match="other places"):
        await answering.release(access, own, seen)
    assert (await requests.one(access, own.id)).open
    await answering.release(access, own, seen, elsewhere=True)


async def test_a_part_of_a_scanned_page_is_painted_over_and_a_changed_document_stops_the_release(clinic: Clinic) -> None:
    p = await chart(clinic)
    page = Image.new("L", (850, 1100), 255)
    page.paste(90, (100, 100, 400, 200))
    out = io.BytesIO()
    page.save(out, "PNG")
    scan = (await clinic.make("sys-mh", document(p, out.getvalue(), "image/png", "Scan"))).id
    access, own = await asked_for(clinic, p, "access", name="")
    (d,) = marking.documents(await requests.preview(access, own))
    marks = marking.box(own.marks, d, 0, (0.1, 0.08, 0.5, 0.2))
    shown = Image.open(io.BytesIO(await sandbox.blacked(d.content, d.media, marking.boxes(marks, d), 0))).convert("L")
    assert shown.getpixel((int(shown.width * 0.3), int(shown.height * 0.14))) == 0
    assert shown.getpixel((int(shown.width * 0.8), int(shown.height * 0.8))) == 255
    for bad in ((0.5, 0, 0.5, 1), (0, 0, 1.5, 1), (-0.1, 0, 0.5, 1)):
        with pytest.raises(errors.Malformed):
            marking.box({}, d, 0, bad)
    with pytest.raises(errors.Malformed):
        await marking.words({}, d, SECRET)
    await requests.amend(access, own, marks=json.dumps(marks))
    current = (await clinic.get("sys-mh", f"DocumentReference/{scan}")).json()
    assert (await clinic.put("sys-mh", {**current, "description": "Turned"})).status == 200
    access = await at(clinic)
    own = await requests.one(access, own.id)
    with pytest.raises(errors.Conflict):
        await answering.release(access, own, answering.digest(await requests.preview(access, own), own.marks))


async def test_time_is_extended_once_with_a_letter_and_a_refusal_needs_a_reason(clinic: Clinic) -> None:
    p = await chart(clinic)
    access, own = await asked_for(clinic, p, "access", name="")
    await answering.extend(access, own, "The record is large.")
    own = await requests.one(access, own.id)
    assert (own.due.isoformat(), own.extended, len(own.letters)) == ("2026-04-21", True, 1)
    with pytest.raises(errors.Malformed):
        await answering.extend(access, own, "Again.")
    with pytest.raises(errors.Malformed):
        await answering.refuse(access, own, "No.", "")
    await answering.refuse(access, own, "A licensed professional judged so.", "danger")
    own = await requests.one(access, own.id)
    assert (own.open, own.outcome.startswith("Refused"), len(own.letters)) == (False, True, 2)


async def test_the_letter_to_who_served_a_subpoena_tells_nothing_of_anybody(clinic: Clinic) -> None:
    p = await chart(clinic, family="Zabriskie")
    access, bare = await asked_for(clinic, p, "subpoena")
    await answering.refuse(access, bare, "Part 2 of the record is with the recovery program.", "")
    bare = await requests.one(access, bare.id)
    ((letter, _),) = bare.letters
    stored = (await access.read("DocumentReference", letter)).resource
    (text,) = await sandbox.texts(base64.b64decode(stored["content"][0]["attachment"]["data"]), reading.PDF)
    said = " ".join(text.split())
    assert "neither confirm nor deny" in said
    assert "Lakeside Law" in said
    for secret in ("Zabriskie", "Ana", "recovery", "1988"):
        assert secret not in said


async def test_a_letter_about_attendance_leaves_under_the_same_decision_as_the_record(clinic: Clinic) -> None:
    p = await chart(clinic)
    school = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Mill Street School"})).id
    access = await at(clinic)
    template = (await letters.templates(access))["attendance"]
    asked = letters.wish(template, p, f"Organization/{school}", "TREAT", "", "")
    nothing = await letters.written(access, template, asked, "Mill Street School")
    with pytest.raises(errors.Malformed):
        await letters.release(access, template, asked, "Mill Street School", nothing.digest)
    assert "Ana" not in nothing.text
    await clinic.make("sys-sud", consent(p, school))
    access = await at(clinic)
    seen = await letters.written(access, template, asked, "Mill Street School")
    assert "2026-02-03" in seen.text
    assert any("substance use disorder" in told for told in seen.reveals)
    id_ = await letters.release(access, template, asked, "Mill Street School", seen.digest)
    content = disclosing.payload(access, await disclosurelog.one(access, id_))
    assert "42 CFR part 2" in " ".join(" ".join(await sandbox.texts(content, reading.PDF)).split())
    with pytest.raises(errors.Conflict):
        await letters.release(access, template, asked, "Mill Street School", "x")


async def test_letters_are_the_organizations_to_change(clinic: Clinic) -> None:
    officer = await at(clinic, "officer")
    await letters.change(officer, "work", "{name} was here on {days} {unknown}", "Shorter")
    changed = (await letters.templates(officer))["work"]
    assert changed.own
    assert letters.filled(changed, {"name": "Ana", "days": "Monday"}) == "Ana was here on Monday {unknown}"
    await letters.change(officer, "work", "", "Back")
    assert not (await letters.templates(officer))["work"].own
    with pytest.raises(errors.Forbidden):
        await letters.change(await at(clinic), "work", "x", "y")


async def test_a_packet_is_handed_over_by_a_door_and_a_drop_is_a_file(clinic: Clinic) -> None:
    p = await chart(clinic)
    access, own = await asked_for(clinic, p, "access", name="")
    packet = await released(access, own)
    access = await at(clinic)
    await answering.hand_over(access, await requests.one(access, own.id), "drop", "Courier 7")
    folder = clinic.gate.house.inbox.parent / "drop-out" / "a"
    assert packet in [f.read_bytes() for f in folder.iterdir()]
    done = await requests.one(access, own.id)
    assert (done.doors, done.open) == (("drop",), False)
    with pytest.raises(errors.Malformed):
        await answering.hand_over(access, done, "pigeon", "")


async def test_a_request_for_a_part_2_record_is_one(clinic: Clinic) -> None:
    p = await chart(clinic)
    _, own = await asked_for(clinic, p, "access", name="")
    with pytest.raises(errors.NotFound):
        await requests.one(await at(clinic, "mh-officer"), own.id)
    assert own.id not in {r.id for r in await requests.waiting(await at(clinic, "mh-officer"))}
    assert own.id in {r.id for r in await requests.waiting(await at(clinic, "officer"))}
    with pytest.raises(errors.Forbidden):
        await requests.waiting(await at(clinic, "biller"))


async def test_every_basis_names_its_source_and_what_it_needs() -> None:
    found = rules.bases(START.date())
    assert list(found) == ["authorization", "access", "representative", "subpoena", "court-order", "order-2-64", "order-2-65"]
    assert all(b.source and (b.days or b.legal) for b in found.values())
    for code in ("order-2-64", "order-2-65"):
        b = found[code]
        every = [part for part, _ in b.parts]
        whole = b.served(every)
        assert whole is not None
        assert whole.words == f"{b.instrument}+subpoena"
        for part in every:
            less = b.served([e for e in every if e != part])
            assert less is not None
            assert less.words != whole.words
    wrong = requests.wrong(Asked("subpoena", "", "2027-01-01", since="2026-02-02", until="2026-01-01", scope="all"), START.date())
    assert set(wrong) == {"requester", "received", "until", "due", "recipient", "scope"}


async def test_a_released_packet_goes_by_the_doors_of_its_receiver_as_it_was_looked_at(clinic: Clinic) -> None:
    p = await chart(clinic)
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await clinic.make("sys-sud", consent(p, receiver))
    await reach.partner(clinic, receiver, reach.FAX)
    access, asked = await asked_for(clinic, p, "authorization", recipient=f"Organization/{receiver}", purpose="TREAT")
    seen = answering.digest(await requests.preview(access, asked), asked.marks)
    delivery = await sending.queue(access, asked, seen)
    after = await requests.one(await at(clinic), asked.id)
    assert (after.outcome, after.open, after.sent, sending.deliveries(after)) == (sending.UNDER_WAY, False, (), (delivery,))
    with pytest.raises(errors.Malformed, match="answered"):
        await sending.queue(await at(clinic), after, seen)
    door = reach.Door(takes=("application/pdf",))
    await reach.brought(clinic, {"fax": door})
    done = await requests.one(await at(clinic), asked.id)
    assert (done.outcome, len(done.sent), done.notes[-1][2]) == ("Released", 1, "Arrived. Fax: They said so.")
    row = await disclosurelog.one(await at(clinic), done.sent[0])
    assert disclosing.payload(access, row) == door.got[0].content.body
    assert [m for m, _ in door.got[0].contents] == ["application/pdf"], "what was blacked out is in no other form"
    access, again = await asked_for(clinic, p, "authorization", recipient=f"Organization/{receiver}", purpose="TREAT")
    await sending.queue(access, again, answering.digest(await requests.preview(access, again), again.marks))
    await clinic.make("sys-mh", problem(p, "Asthma"))
    await clinic.owner.execute("UPDATE record.exchange_partner SET facts = replace(facts, '\"confirmed\": \"two\"', '\"confirmed\": \"\"')")
    await reach.brought(clinic, {"fax": door}, 2)
    assert len(door.got) == 1, "a number that is confirmed no more is not dialled"
    printing = await requests.one(await at(clinic), again.id)
    content = await posting.printed(await at(clinic), sending.deliveries(printing)[0], again.id, "application/pdf")
    assert content.body.startswith(b"%PDF-")
    await sending.posted(await at(clinic), printing, sending.deliveries(printing)[0], "By post")
    assert (await requests.one(await at(clinic), again.id)).outcome == "Released"
