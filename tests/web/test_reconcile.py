"""Reconciling on the screen, over the real gate: side by side, decided, read, signed; found by checklist, packet and discharge."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from sojourn.base import clock
from sojourn.care import levels, listing, policies, tasks
from sojourn.care.medications import duty, reconciled
from sojourn.care.moves import discharge, packet
from sojourn.fhir.validate import validate
from sojourn.gate.clockwork import Clockwork
from tests.web.real import Visitor
from tests.web.test_lists import At, at, house  # noqa: F401 - fixtures
from tests.web.test_plan import episode, staff

pytestmark = pytest.mark.asyncio(loop_scope="module")


def order(p: str, name: str, dose: str = "One daily", **more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": {"text": name}, "subject": {"reference": f"Patient/{p}"}, "authoredOn": "2026-02-20",
            "dosageInstruction": [{"text": dose}], **more}  # fmt: skip


def told(p: str, name: str, dose: str = "", **more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": {"text": name}, "subject": {"reference": f"Patient/{p}"}, "dateAsserted": "2026-02-25",
            "informationSource": {"reference": f"Patient/{p}"}, **({"dosage": [{"text": dose}]} if dose else {}), **more}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def stay(at: At) -> str:  # noqa: F811 - the fixture
    """A stay that began yesterday, with lists from three sources."""
    began = (clock.now() - timedelta(days=1)).isoformat()
    for resource in (
        order(at.p, "Sertraline 50 mg tablet", "One every morning"), told(at.p, "Zoloft 50 mg", "One in the morning"), told(at.p, "Lisinopril 10 mg", "One daily"),
        told(at.p, "Ibuprofen 200 mg", "As needed", informationSource={"display": "Harbor Pharmacy"}, extension=[listing.source("outside"), *listing.teller("Harbor Pharmacy")]), order(at.p, "Trazodone 50 mg", "One at bedtime"),
    ):  # fmt: skip
        await at.clinic.make("sys-mh", resource)
    return (await at.clinic.make("sys-mh", episode(at.p, "mh", "2.1", started=began))).id


async def proved(at: At) -> None:  # noqa: F811 - the fixture
    """Everybody proved a moment ago who they are."""
    await at.clinic.owner.execute("UPDATE record.credential SET proved = $1", clock.now())


def keys(text: str) -> dict[str, str]:
    """Keys of rows by the name of the medication."""
    return {name: key for key, name in re.findall(r'<h3 id="name-([0-9a-f]+)">([^<]+?)\s*(?:<span|</h3>)', text)}


async def decided(at: At, visitor: Visitor, path: str, **choices: dict[str, str]) -> dict[str, str]:  # noqa: F811 - the fixture
    """The form of the page with these decisions, by the beginning of a name."""
    text = (await visitor.get(path)).text
    form = {"seen": visitor.hidden("seen"), "allergies": "yes", "problems": "yes"}
    for begins, fields in choices.items():
        key = next(k for name, k in keys(text).items() if name.startswith(begins))
        form |= {f"{field}.{key}": value for field, value in fields.items()}
    return form


ALL = {
    "Sertraline": {"what": "change", "directions": "Two every morning", "reason": "Mood still low"}, "Lisinopril": {"what": "continue", "order": "yes"},
    "Ibuprofen": {"what": "stop", "reason": "Stomach, with an SSRI"}, "Trazodone": {"what": "hold", "reason": "Sleeps now"},
}  # fmt: skip


async def signed(at: At, path: str, form: dict[str, str]) -> Any:  # noqa: F811 - the fixture
    """Look, then sign what is shown."""
    await proved(at)
    shown = await at.doctor.post(path, {**form, "do": "look"})
    assert shown.status_code == 200, shown.text
    fields = {name: value.replace("&#39;", "'") for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown.text)}
    return await at.doctor.post(path, {**fields, "do": "sign"}), fields


async def test_every_source_stands_beside_the_chart_and_nothing_is_signed_while_a_line_is_not_decided(at: At, stay: str) -> None:  # noqa: F811
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    text = (await at.nurse.get(path)).text
    assert list(keys(text)) == ["Ibuprofen 200 mg", "Lisinopril 10 mg", "Sertraline 50 mg tablet", "Trazodone 50 mg"]  # Zoloft stands beside what it is
    for words in ("Told by the client", "Outside record", "In the chart", "Zoloft 50 mg", "Harbor Pharmacy", "Save for whoever signs"):
        assert words in text
    assert "Read it, and sign" not in text  # a nurse prepares
    form = await decided(at, at.doctor, path, Sertraline={"what": "continue"}, Trazodone={"what": "stop"})
    answer = await at.doctor.post(path, {**form, "do": "look"})
    assert answer.status_code == 422
    assert answer.text.count("Not decided.") == 2
    assert "Write why." in answer.text
    assert "Nobody has asked about allergies" in answer.text
    assert "4 things are not decided" in answer.text
    assert await at.of("List") == []


async def test_what_a_nurse_prepared_is_signed_by_who_prescribes_and_everything_follows_at_once(at: At, stay: str) -> None:  # noqa: F811
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    await at.do(at.nurse, "allergies", do="none")
    prepared = await decided(at, at.nurse, path, **ALL)
    assert (await at.nurse.post(path, {**prepared, "do": "look"})).status_code == 422
    assert (await at.nurse.post(path, {**prepared, "do": "save"})).status_code == 303
    assert (await at.nurse.post(path, {**prepared, "do": "save"})).status_code == 303
    (working,) = await at.of("List")
    assert (working["mode"], len(working["entry"])) == ("working", 5)
    access = await at.clinic.gate.access(at.clinic.tokens["mh-clinician"])
    assert access is not None
    assert [w.kind for w in await tasks.of_patient(access, at.p)] == ["reconcile-sign"]
    text = (await at.doctor.get(path)).text
    assert "Mood still low" in text
    form = await decided(at, at.doctor, path, **ALL)
    answer, fields = await signed(at, path, form)
    assert answer.status_code == 303, answer.text
    assert (await at.doctor.post(path, {**fields, "do": "sign"})).status_code in (303, 412)  # the second click, or the list is another now
    lists = {r["mode"]: r for r in await at.of("List")}
    assert lists["working"]["status"] == "retired"
    done = lists["changes"]
    flags = sorted(e["flag"]["coding"][0]["code"] for e in done["entry"])
    assert flags == ["change", "change", "continue", "hold", "stop"]
    assert len([r for r in await at.of("List") if r["mode"] == "changes"]) == 1
    orders = sorted((r["medicationCodeableConcept"]["text"], r["status"], r["dosageInstruction"][0]["text"]) for r in await at.of("MedicationRequest"))
    assert orders == [("Lisinopril 10 mg", "active", "One daily"), ("Sertraline 50 mg tablet", "active", "Two every morning"), ("Sertraline 50 mg tablet", "stopped", "One every morning"), ("Trazodone 50 mg", "on-hold", "One at bedtime")]
    said = sorted((r["medicationCodeableConcept"]["text"], r["status"]) for r in await at.of("MedicationStatement"))
    assert said == [("Ibuprofen 200 mg", "stopped"), ("Lisinopril 10 mg", "active"), ("Zoloft 50 mg", "stopped")]
    (document,) = [d for d in await at.of("DocumentReference") if d["type"].get("text") == "Medication reconciliation"]
    provenance = (await at.clinic.get("sys-mh", f"Provenance?target=List/{done['id']}")).entries
    assert len(provenance) == 1
    assert {t["reference"] for t in provenance[0]["target"]} == {f"List/{done['id']}", f"DocumentReference/{document['id']}"}
    assert provenance[0]["signature"]
    for resource in (done, lists["working"], document, provenance[0]):
        assert [i for i in validate(resource) if i.severity == "error"] == []
    line = await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1 AND action = 'reconcile' AND $1 = ANY(patients)", at.p)
    assert line >= 2
    assert await tasks.of_patient(access, at.p) == []
    room = (await at.nurse.get(f"/patients/{at.p}/reconcile")).text
    assert "reconciled" in room
    assert "Dana Whitfield, MD" in room


async def test_a_list_that_changed_meanwhile_is_shown_again_with_what_was_decided(at: At, stay: str) -> None:  # noqa: F811
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    await at.do(at.nurse, "allergies", do="none")
    form = await decided(at, at.doctor, path, **ALL)
    await at.do(at.nurse, "medications", do="add", name="Fish oil", source="home")
    answer = await at.doctor.post(path, {**form, "do": "look"})
    assert answer.status_code == 412
    assert "Fish oil" in answer.text
    assert "Mood still low" in answer.text


async def test_what_is_typed_is_kept_for_who_types_it_alone(at: At, stay: str) -> None:  # noqa: F811
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    form = await decided(at, at.doctor, path, Trazodone={"what": "stop", "reason": "Dry mouth"})
    assert (await at.doctor.post(path, {**form, "do": "keep", "tab": "one"})).status_code == 204
    assert "Dry mouth" in (await at.doctor.get(path)).text
    assert "Dry mouth" not in (await at.nurse.get(path)).text


async def test_somebody_who_takes_nothing_is_reconciled_too(at: At) -> None:  # noqa: F811
    id_ = (await at.clinic.make("sys-mh", episode(at.p, "mh", "OP"))).id
    path = f"/patients/{at.p}/reconcile/admission/{id_}"
    await at.do(at.nurse, "allergies", do="none")
    answer, _ = await signed(at, path, await decided(at, at.doctor, path))
    assert answer.status_code == 303
    (made,) = await at.of("List")
    assert made["emptyReason"]["coding"][0]["code"] == "nilknown"


async def test_a_move_asks_for_the_last_dose_of_what_goes_on_and_the_packet_has_it(at: At, stay: str) -> None:  # noqa: F811
    path = f"/patients/{at.p}/reconcile/transition/{stay}"
    await at.do(at.nurse, "allergies", do="none")
    answer = await at.doctor.post(path, {**await decided(at, at.doctor, path, **ALL), "do": "look"})
    assert answer.status_code == 422
    assert answer.text.count("Write when it was last taken") == 2
    choices = {**ALL, "Sertraline": {**ALL["Sertraline"], "last": "2026-02-28T08:10"}, "Lisinopril": {**ALL["Lisinopril"], "lastwhy": "Took it at home; not sure when"}}
    access = await at.clinic.gate.access(at.clinic.tokens["mh-clinician"])
    assert access is not None
    before = {f.part.code: f for f in await packet.filled(access, at.p, {}, stay)}
    assert before["reconciliation"].missing
    assert before["last-doses"].missing
    answer, _ = await signed(at, path, await decided(at, at.doctor, path, **choices))
    assert answer.status_code == 303
    for which in (stay, ""):
        after = {f.part.code: f for f in await packet.filled(access, at.p, {}, which)}
        assert not after["reconciliation"].missing
        said = [what for what, _ in after["last-doses"].lines]
        assert "Lisinopril 10 mg: Took it at home; not sure when" in said
    assert [d.at[:16] for d in await reconciled.last_doses(access, at.p, stay) if d.at] == ["2026-02-28T08:10"] * 2


async def test_a_discharge_finds_the_signed_reconciliation_of_this_stay_and_of_no_other(at: At, stay: str) -> None:  # noqa: F811
    access = await at.clinic.gate.access(at.clinic.tokens["mh-clinician"])
    assert access is not None
    rules = await policies.of(access)
    here = levels.stay((await access.read("EpisodeOfCare", stay)).resource)
    other = levels.stay((await at.clinic.make("sys-mh", episode(at.p, "mh", "OP"))).json())

    async def found(which: levels.Stay) -> bool:
        return next(line.found for line in await discharge.lines(access, which, rules) if line.code == "medications")

    assert not await found(here)
    path = f"/patients/{at.p}/reconcile/discharge/{stay}"
    await at.do(at.nurse, "allergies", do="none")
    answer, _ = await signed(at, path, await decided(at, at.doctor, path, **ALL))
    assert answer.status_code == 303
    assert await found(here)
    assert not await found(other)


async def test_what_is_due_is_asked_for_once_by_the_clock_and_ends_with_the_signature(at: At, stay: str) -> None:  # noqa: F811
    them = await staff(at.clinic, "far-clinician", "Far")  # nobody's: only so that the stay has no clinician of ours
    assert them
    for _ in range(2):
        await duty.run(await Clockwork(at.clinic.gate).access(1))
    access = await at.clinic.gate.access(at.clinic.tokens["mh-clinician"])
    assert access is not None
    (work,) = await tasks.of_patient(access, at.p)
    assert (work.kind, work.role, work.focus) == ("reconcile-due", "clinician", f"EpisodeOfCare/{stay}")
    today = (await at.doctor.get("/today")).text
    assert f"/patients/{at.p}/reconcile/admission/{stay}" in today
    await at.do(at.nurse, "allergies", do="none")
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    answer, _ = await signed(at, path, await decided(at, at.doctor, path, **ALL))
    assert answer.status_code == 303
    assert await tasks.of_patient(access, at.p) == []
    await duty.run(await Clockwork(at.clinic.gate).access(1))
    assert await tasks.of_patient(access, at.p) == []


async def test_each_program_gets_a_list_of_its_own_that_tells_of_no_other(at: At, stay: str) -> None:  # noqa: F811
    await at.clinic.make("sys-sud", {**episode(at.p, "sud", "2.1")})
    await at.clinic.make("sys-sud", order(at.p, "Buprenorphine 8 mg and naloxone 2 mg film", "Two in the morning"))
    await at.do(at.nurse, "allergies", do="none")
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    form = await decided(at, at.both, path, **ALL, Buprenorphine={"what": "continue"})
    await proved(at)
    shown = await at.both.post(path, {**form, "do": "look"})
    assert shown.status_code == 200
    fields = {name: value.replace("&#39;", "'") for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown.text)}
    assert (await at.both.post(path, {**fields, "do": "sign"})).status_code == 303
    everything = [r for r in await at.of("List", who="both-clinician") if r["mode"] == "changes"]
    assert len(everything) == 2
    mine = [r for r in await at.of("List", who="mh-clinician") if r["mode"] == "changes"]
    assert len(mine) == 1
    assert len(mine[0]["entry"]) == 5
    documents = await at.of("DocumentReference", who="mh-clinician")
    assert "uprenorphine" not in repr([base64.b64decode(d["content"][0]["attachment"]["data"]) for d in documents if d["content"][0]["attachment"].get("data")])


async def test_what_is_given_for_substance_use_is_labelled_so_and_its_reconciliation_is_seen_by_those_who_see_it(at: At, stay: str) -> None:  # noqa: F811
    for name in ("Naltrexone 50 mg tablet", "Suboxone 8 mg film"):
        assert (await at.do(at.nurse, "medications", do="add", name=name, source="home", despite="Only written down.")).status_code == 303
    by = {r["medicationCodeableConcept"]["text"]: r for r in await at.of("MedicationStatement")}
    assert "SUD" in [c["code"] for c in by["Naltrexone 50 mg tablet"]["meta"]["security"]]
    assert by["Suboxone 8 mg film"]["medicationCodeableConcept"]["coding"][0]["code"] == "1819"  # about which its author is asked (gate/valuesets/sud.toml)
    assert "opioid use disorder" in (await at.nurse.get(f"/patients/{at.p}/medications")).text
    await at.do(at.nurse, "allergies", do="none")
    path = f"/patients/{at.p}/reconcile/admission/{stay}"
    answer, _ = await signed(at, path, await decided(at, at.doctor, path, **ALL, Naltrexone={"what": "continue"}, Suboxone={"what": "stop", "reason": "Never taken"}))
    assert answer.status_code == 303
    assert len([r for r in await at.of("List", who="mh-clinician") if r["mode"] == "changes"]) == 1


async def test_the_stay_of_another_program_is_reconciled_by_its_own_people(at: At) -> None:  # noqa: F811
    theirs = (await at.clinic.make("sys-sud", episode(at.p, "sud", "2.1"))).id
    hidden, nowhere = await at.doctor.get(f"/patients/{at.p}/reconcile/admission/{theirs}"), await at.doctor.get(f"/patients/{at.p}/reconcile/admission/{'z' * len(theirs)}")
    assert hidden.status_code == nowhere.status_code == 404
    assert (await at.doctor.get(f"/patients/{at.p}/reconcile/banana/{theirs}")).status_code == 404


async def test_the_pages_of_a_reconciliation_ask_at_most_twelve_questions(at: At, stay: str) -> None:  # noqa: F811
    for path in (f"/patients/{at.p}/reconcile", f"/patients/{at.p}/reconcile/admission/{stay}"):
        before = await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await at.both.get(path)).status_code == 200
        assert await at.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12

