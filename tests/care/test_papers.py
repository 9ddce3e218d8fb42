"""Papers from outside: closed until they are indexed, taken once, clean in the chart, and moved with a trace where the chart was wrong."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from PIL import Image

from sojourn.base import clock, crypto, errors
from sojourn.base.clock import FakeClock
from sojourn.care import tasks
from sojourn.care.papers import filed, indexing, reading, receiving, resealing, sandbox, sorting, worker
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.receiving import File
from sojourn.fhir.validate import validate
from sojourn.gate import papers
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.care.before import as_before
from tests.care.test_handoff import at
from tests.conftest import Cluster
from tests.people import MH, START, SUD, Clinic, encounter, patient

pytestmark = pytest.mark.asyncio(loop_scope="module")
WORDS = "Patient: Ana Rivera, born 4 March 1988\nUrine screen negative.\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clinic(cluster: Cluster, template: str) -> AsyncIterator[Clinic]:
    """A clinic with somebody who indexes in all programs, and somebody who does in one. Shared: each test has people and papers of its own."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(Dsn(app=cluster.app(name), owner=cluster.owner(name)))
        for who, programs in (("ivy", [people.SUD, people.MH, people.FAR]), ("mia", [people.MH])):
            row = organization.AccountRow(who, "staff", who, who, None, f"Practitioner/{who}", "admissions", programs, MH, [])
            await organization.account(made.owner, people.A, row, clock.now())
        for who in ("both-clinician", "mh-clinician"):
            them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
            await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
            made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
        yield made
        await people.close_clinic(made)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def pdf(text: str = WORDS) -> bytes:
    return worker.typeset(text)


async def taken(clinic: Clinic, who: str = "ivy", content: bytes | None = None, *, program: int = MH, key: str = "") -> papers.Paper:
    access = await at(clinic, who)
    (id_,), refused = await receiving.take_in(access, [File("scan.pdf", content or pdf())], program=program, key=key or str(os.urandom(8).hex()))
    assert refused == []
    return await papers.one(access, id_)


async def person(clinic: Clinic, program: str = "sys-mh", **more: Any) -> str:
    p = (await clinic.make(program, patient(**more))).id
    await clinic.make(program, encounter(p))
    return p


def wish(p: str, **more: Any) -> Wish:
    return Wish(**{"patient": p, "program": MH, "kind": "Laboratory result", "day": "2026-02-20", "title": "Urine screen", "born": "1988-03-04", **more})


async def agent(clinic: Clinic, who: str) -> str:
    return str((await at(clinic, who)).caller.agent)


def encrypted() -> bytes:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    made = canvas.Canvas(out, encrypt=StandardEncryption("secret", canPrint=0))
    made.drawString(72, 700, "locked")
    made.save()
    return out.getvalue()


def bomb() -> bytes:
    """A picture of 400 million dots in a few kilobytes."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "empty"), (b"MZ\x90\x00\x03\x00", "kind"), (b"%PDF-1.7\nnothing", "broken"), (b"\x89PNG\r\n\x1a\n0000", "broken"), (b"x" * (reading.MOST_BYTES + 1), "large"),
        (b"\x00\x01\x02", "kind"), (b"<html>\x00", "kind"),
    ],
)  # fmt: skip
async def test_a_file_is_what_its_content_is_and_is_refused_with_a_reason(content: bytes, wrong: str) -> None:
    with pytest.raises(sandbox.Unreadable) as caught:
        await sandbox.checked(content)
    assert (caught.value.wrong, caught.value.message) == (wrong, reading.WRONG[wrong])


async def test_locked_and_exploding_files_are_named_as_such() -> None:
    for content, wrong in ((encrypted(), "encrypted"), (bomb(), "bomb")):
        with pytest.raises(sandbox.Unreadable) as caught:
            await sandbox.checked(content)
        assert caught.value.wrong == wrong


async def test_pictures_faxes_and_text_are_counted_by_their_pages() -> None:
    page = Image.new("1", (1728, 1100), 1)
    fax, photo = io.BytesIO(), io.BytesIO()
    page.save(fax, "TIFF", save_all=True, append_images=[page.copy(), page.copy()], compression="group4", dpi=(204, 98))
    Image.new("RGB", (800, 600), "white").save(photo, "JPEG")
    assert await sandbox.checked(fax.getvalue()) == (reading.TIFF, 3)
    assert await sandbox.checked(photo.getvalue()) == (reading.JPEG, 1)
    assert await sandbox.checked("Grüße\n".encode() * 100) == (reading.TEXT, 2)


async def test_the_clean_copy_has_the_pages_and_none_of_what_hides_in_the_file() -> None:
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    made = canvas.Canvas(out)
    made.setTitle("Secretly Doverly")
    made.setAuthor("Doverly")
    made.drawString(72, 700, "First page")
    made.showPage()
    made.drawString(72, 700, "Second page")
    made.linkURL("javascript:alert('Doverly')", (0, 0, 100, 100))
    made.save()
    clean = await sandbox.composed([(out.getvalue(), reading.PDF, [(1, 90)])])
    assert [t.strip() for t in await sandbox.texts(clean, reading.PDF)] == ["Second page"]
    assert b"Doverly" in out.getvalue()
    for secret in (b"Doverly", b"javascript", b"First page"):
        assert secret not in clean


async def test_what_is_not_indexed_is_opened_by_nobody_but_those_who_index_where_it_may_belong(clinic: Clinic) -> None:
    unknown, ours = await taken(clinic, program=0), await taken(clinic, program=MH)
    theirs = await taken(clinic, program=SUD)
    mia = await at(clinic, "mia")
    listed = {p.id for p in await papers.waiting(mia)}
    assert ours.id in listed
    assert not {unknown.id, theirs.id} & listed
    for hidden in (unknown.id, theirs.id, "nobody"):
        with pytest.raises(errors.NotFound):
            await papers.one(mia, hidden)
    for who in ("both-clinician", "sud-clinician", "biller"):
        with pytest.raises(errors.Forbidden):
            await papers.waiting(await at(clinic, who))
    body = await clinic.owner.fetchval("SELECT string_agg(body, '') FROM record.paper")
    blob = clinic.gate.house.blobs.get(1, unknown.blob)
    assert b"Rivera" not in blob
    assert "scan.pdf" not in body


async def test_equal_papers_are_no_equal_files_and_nothing_kept_names_their_content(clinic: Clinic) -> None:
    content = pdf("Patient: Ana Rivera\nThe very same page.\n")
    one, other = await taken(clinic, content=content), await taken(clinic, content=content)
    assert one.id != other.id
    blobs = [clinic.gate.house.blobs.get(1, p.blob) for p in (one, other)]
    assert one.blob != other.blob
    assert blobs[0] != blobs[1]
    kept = [str(dict(r)) for r in await clinic.owner.fetch("SELECT source, blob, body FROM record.paper WHERE paper = ANY ($1)", [one.id, other.id])]
    assert not any(crypto.sha256_hex(content) in row for row in kept)
    ivy = await at(clinic, "ivy")
    assert [await papers.content(ivy, p) for p in (one, other)] == [content, content]


async def test_papers_from_before_are_keyed_and_sealed_anew_by_the_clock(clinic: Clinic) -> None:
    content = pdf("Patient: Ana Rivera\nOne more page.\n")
    ivy = await at(clinic, "ivy")
    ids = [(await taken(clinic, content=content)).id for _ in range(2)]
    for n, id_ in enumerate(ids):
        await as_before(clinic, ivy, id_, f"scan:form:{n}:{crypto.sha256_hex(content)}")
    (old,) = {r["blob"] for r in await clinic.owner.fetch("SELECT blob FROM record.paper WHERE paper = ANY ($1)", ids)}
    clockwork = Clockwork(clinic.gate)
    await resealing.run(await clockwork.access(1))
    rows = await clinic.owner.fetch("SELECT source, blob FROM record.paper WHERE paper = ANY ($1)", ids)
    assert len({r["blob"] for r in rows} - {old}) == 2
    assert all(r["source"].startswith("k:") and crypto.sha256_hex(content) not in r["source"] for r in rows)
    assert [await papers.content(ivy, await papers.one(ivy, id_)) for id_ in ids] == [content, content]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.blob_leftover WHERE digest = $1", old) == 1, "the file that nothing holds is swept away"
    # The same form once more is still the same form.
    source = f"scan:form:0:{crypto.sha256_hex(content)}"
    assert await papers.receive(ivy, content, media="application/pdf", pages=1, door=papers.SCAN, source=source) == ids[0]
    await resealing.run(await clockwork.access(1))
    assert {r["blob"] for r in await clinic.owner.fetch("SELECT blob FROM record.paper WHERE paper = ANY ($1)", ids)} == {r["blob"] for r in rows}, "once is enough"


async def test_a_form_sent_twice_takes_its_files_in_once(clinic: Clinic) -> None:
    first, again = await taken(clinic, key="the-same"), await taken(clinic, key="the-same")
    assert first.id == again.id


async def test_a_paper_goes_into_the_chart_once_with_a_task_for_who_looks_at_it(clinic: Clinic) -> None:
    p, access = await person(clinic), await at(clinic, "ivy")
    paper = await taken(clinic)
    reviewer = await agent(clinic, "mh-clinician")
    id_ = await indexing.index(access, paper, wish(p, reviewer=reviewer, labels=("HIV",)))
    with pytest.raises(errors.SojournError):
        await indexing.index(access, paper, wish(p, reviewer=reviewer))
    stored = await (await at(clinic, "mh-clinician")).read("DocumentReference", id_)
    assert [i for i in validate(dict(stored.resource)) if i.severity == "error"] == []
    content = base64.b64decode(stored.resource["content"][0]["attachment"]["data"])
    assert "Urine screen negative" in (await sandbox.texts(content, reading.PDF))[0]
    assert [c["code"] for c in stored.resource["meta"]["security"] if c["code"] == "HIV"] == ["HIV"]
    (work,) = [w for w in await tasks.mine(await at(clinic, "mh-clinician"), kinds=["paper-review"]) if w.focus.endswith(id_)]
    assert (work.patient, work.owner) == (p, reviewer)
    assert paper.id not in {w.id for w in await papers.waiting(access)}
    theirs = await at(clinic, "mh-clinician")
    await filed.looked(theirs, await filed.one(theirs, p, id_), "Nothing new.")
    assert await filed.asked(theirs, await filed.one(theirs, p, id_)) == []
    with pytest.raises(errors.Malformed):
        await filed.looked(theirs, await filed.one(theirs, p, id_), "")


async def test_a_server_that_fell_between_document_and_mark_finds_the_document_again(clinic: Clinic) -> None:
    p, access = await person(clinic), await at(clinic, "ivy")
    paper = await taken(clinic)
    await indexing.index(access, paper, wish(p))
    await clinic.owner.execute("UPDATE record.paper SET state = 'waiting' WHERE paper = $1", paper.id)
    await indexing.index(access, await papers.one(access, paper.id), wish(p))
    assert (await papers.one(access, paper.id)).state == papers.INDEXED
    assert len((await filed.of_patient(access, p))[0]) == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [({"born": "1988-03-05"}, "born"), ({"born": ""}, "born"), ({"kind": "Poem"}, "kind"), ({"day": "2027-01-01"}, "day"), ({"title": " "}, "title"), ({"program": 99}, "program"), ({"labels": ("PSYTHPN",)}, "labels")],
)  # fmt: skip
async def test_a_paper_is_not_indexed_by_guess(more: dict[str, Any], field: str) -> None:
    asked = wish("p", **more)
    assert list(indexing.wrong(asked, {"birthDate": "1988-03-04"}, START.date(), ["Laboratory result"], {MH, SUD})) == [field]


async def test_pages_are_turned_moved_left_out_and_split() -> None:
    pages = ((0, 0), (1, 0), (2, 0))
    assert sorting.turned(pages, 1, 90) == ((0, 0), (1, 90), (2, 0))
    assert sorting.turned(sorting.turned(pages, -1, 270), -1, 90) == pages
    assert sorting.moved(pages, 2, 0) == ((2, 0), (0, 0), (1, 0))
    assert sorting.split(pages, 1) == (((0, 0),), ((1, 0), (2, 0)))
    for bad in (lambda: sorting.turned(pages, 3, 90), lambda: sorting.moved(pages, 0, 3), lambda: sorting.split(pages, 0)):
        with pytest.raises(errors.Malformed):
            bad()


async def test_a_paper_of_two_people_is_split_and_two_at_once_do_not_undo_each_other(clinic: Clinic) -> None:
    access = await at(clinic, "ivy")
    paper = await taken(clinic, content=pdf("one\n" * 60 + "two\n" * 60))
    first, rest = sorting.split(paper.pages, 1)
    part = papers.split_off(paper, rest)
    await papers.keep(access, paper._replace(pages=first), part=part)
    with pytest.raises(errors.VersionConflict):
        await papers.keep(access, paper._replace(pages=rest))
    kept, new = await papers.one(access, paper.id), await papers.one(access, part.id)
    assert (kept.pages, new.pages) == (first, rest)
    assert await papers.content(access, new) == await papers.content(access, kept)


async def test_what_is_set_aside_can_be_put_back_and_what_is_in_a_chart_is_not_opened_here(clinic: Clinic) -> None:
    access, p = await at(clinic, "ivy"), await person(clinic)
    paper = await taken(clinic)
    await papers.keep(access, paper._replace(about="Advertisement"), state=papers.ASIDE)
    (there,) = [x for x in await papers.aside(access) if x.id == paper.id]
    assert there.about == "Advertisement"
    assert paper.id not in {x.id for x in await papers.waiting(access)}
    with pytest.raises(errors.Forbidden):
        await papers.aside(await at(clinic, "both-clinician"))
    await papers.keep(access, there, state=papers.WAITING)
    await indexing.index(access, await papers.one(access, paper.id), wish(p))
    with pytest.raises(errors.NotFound):
        await papers.content(access, await papers.one(access, paper.id))
    with pytest.raises(errors.VersionConflict):
        await papers.keep(access, await papers.one(access, paper.id), state=papers.WAITING)


async def test_a_fax_is_taken_once_from_the_folder_and_what_cannot_be_read_is_put_aside(clinic: Clinic) -> None:
    folder = clinic.gate.house.inbox / "a"
    (folder / "sud").mkdir(parents=True)
    (folder / "+15550100-0001.pdf").write_bytes(pdf())
    (folder / "sud" / "0002.tif").write_bytes(b"II*\x00 broken")
    (folder / "huge.pdf").write_bytes(b"%PDF-1.7" + b"x" * reading.MOST_BYTES)
    (folder / "elsewhere").symlink_to(folder / "sud")
    (folder / "half.pdf.part").write_bytes(b"%PDF")
    (folder / "sud" / "0003.pdf").write_bytes(pdf())
    (folder / "sud" / "0003.pdf.json").write_text('{"from": "+1 555 0199", "received": "2026-03-01T07:00:00+00:00"}')
    system = await clinic.gate.access(clinic.tokens["sys-none"])
    assert system is not None
    ivy = await at(clinic, "ivy")
    before = {p.id for p in await papers.waiting(ivy)}
    assert await receiving.watch(system) == 0, "a file that may still be written is left alone"
    assert await receiving.watch(system) == 2
    assert await receiving.watch(system) == 0
    new = {p.sender: p for p in await papers.waiting(ivy) if p.id not in before}
    assert set(new) == {"+15550100", "+1 555 0199"}
    assert (new["+1 555 0199"].program, new["+15550100"].program, new["+15550100"].received) == (SUD, 0, 1)
    assert new["+1 555 0199"].arrived.isoformat() == "2026-03-01T07:00:00+00:00"
    left = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert left == ["half.pdf.part", "refused/huge.pdf", "refused/huge.pdf.txt.why", "sud/refused/0002.tif", "sud/refused/0002.tif.txt.why"]
    refused = await tasks.mine(ivy, kinds=["fax-refused"])
    assert sorted(w.why for w in refused) == sorted([reading.WRONG["broken"], reading.WRONG["large"]])


async def test_the_same_file_brought_again_after_a_fall_is_not_kept_twice(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    folder: Path = clinic.gate.house.inbox / "a"
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as the file is, in a test
    (folder / "5550123-x.pdf").write_bytes(pdf("again\n"))
    system = await clinic.gate.access(clinic.tokens["sys-none"])
    assert system is not None
    monkeypatch.setattr(receiving, "_remove", lambda path: None)
    for _ in range(4):
        await receiving.watch(system)
    assert [p.sender for p in await papers.waiting(await at(clinic, "ivy"))].count("5550123") == 1
    (folder / "5550123-x.pdf").unlink()


async def filed_wrongly(clinic: Clinic, program: int = MH, **more: Any) -> tuple[str, str, str]:
    """(wrong chart, right chart, document)."""
    sender = "sys-mh" if program == MH else "sys-sud"
    wrong, right = await person(clinic, sender), await person(clinic, sender, family="Doverly")
    access = await at(clinic, "ivy")
    id_ = await indexing.index(access, await taken(clinic, program=program), wish(wrong, program=program, **more))
    return wrong, right, id_


async def moved(access: Access, wrong: str, right: str, id_: str) -> None:
    await filed.move(access, await filed.one(access, wrong, id_), right, "The name on page 1 is another.")


async def test_a_document_in_the_wrong_chart_is_moved_with_its_versions_and_leaves_a_trace(clinic: Clinic) -> None:
    reviewer = await agent(clinic, "mh-clinician")
    wrong, right, id_ = await filed_wrongly(clinic, reviewer=reviewer)
    looked = await at(clinic, "mh-clinician")
    await filed.one(looked, wrong, id_)
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=5))
    ivy = await at(clinic, "ivy")
    await moved(ivy, wrong, right, id_)
    both = await at(clinic, "both-clinician")
    assert (await filed.one(both, right, id_)).title == "Urine screen"
    with pytest.raises(errors.NotFound):
        await filed.one(both, wrong, id_)
    (trace,), _ = await filed.of_patient(both, wrong)
    assert trace.trace
    assert "Urine" not in str(trace.resource)
    assert right not in str(trace.resource)
    history = (await both.history("DocumentReference", id_, count=10)).matches
    assert len(history) == 2
    officer = await at(clinic, "officer")
    (told,) = [w for w in await tasks.mine(officer, kinds=["paper-moved"]) if w.focus.endswith(id_)]
    assert told.patient == right
    assert "mh-clinician" in told.why
    assert "ivy" not in told.why
    assert [w.patient for w in await tasks.mine(looked, kinds=["paper-review"]) if w.focus.endswith(id_)] == [right]
    with pytest.raises(errors.Malformed):
        await filed.move(ivy, trace, right, "again")


async def test_who_sees_only_the_wrong_chart_finds_nothing_of_the_document_in_any_version(clinic: Clinic) -> None:
    wrong, right, id_ = await filed_wrongly(clinic)
    await clinic.make("sys-sud", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{right}"}})
    row = organization.AccountRow(f"nurse-{id_[:6]}", "staff", f"nurse-{id_[:6]}", "n", None, f"Practitioner/n{id_[:6]}", "biller", [MH], MH, [])
    assert row.role == "biller"
    only = f"Practitioner/only-{id_[:8]}"
    await organization.account(clinic.owner, people.A, organization.AccountRow(f"only-{id_[:8]}", "staff", f"only-{id_[:8]}", "only", None, only, "nurse", [people.FAR], people.FAR, []), clock.now())
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{wrong}"}, "participant": [{"member": {"reference": only}}]})
    who = await at(clinic, f"only-{id_[:8]}")
    before = await filed.one(who, wrong, id_)
    old = before.version
    await moved(await at(clinic, "ivy"), wrong, right, id_)
    who = await at(clinic, f"only-{id_[:8]}")
    for ask in (who.read("DocumentReference", id_), who.vread("DocumentReference", id_, old)):
        with pytest.raises(errors.SojournError):
            await ask
    found = (await who.search("DocumentReference", [("patient", wrong)])).matches
    assert [s.id for s in found if s.id == id_] == []
    assert [s.id for s in (await who.history("DocumentReference", None, count=100)).matches if s.id == id_] == []
    (trace,), _ = await filed.of_patient(who, wrong)
    assert trace.trace
    assert "Doverly" not in str(trace.resource)


async def test_the_trace_of_a_part_2_document_is_as_closed_as_the_document_was(clinic: Clinic) -> None:
    wrong, right, id_ = await filed_wrongly(clinic, SUD)
    await clinic.make("sys-mh", encounter(wrong))
    await moved(await at(clinic, "ivy"), wrong, right, id_)
    assert len((await filed.of_patient(await at(clinic, "both-clinician"), wrong))[0]) == 1
    assert (await filed.of_patient(await at(clinic, "mh-clinician"), wrong))[0] == []
    assert [w for w in await tasks.mine(await at(clinic, "mh-officer"), kinds=["paper-moved"]) if w.focus.endswith(id_)] == []
