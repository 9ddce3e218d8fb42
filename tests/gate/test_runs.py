"""Versions as somebody can tell them apart: which one they know it by, what kind it is, and what differs by notes alone."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import runs
from sojourn.gate.found import Receipt, Stored
from sojourn.gate.labelrules import shipped
from tests.gate.test_seeing import access
from tests.people import START, Clinic, encounter, labelled, observation, patient


def with_part(p: str, text: str, code: str = "SUD", **more: Any) -> dict[str, Any]:
    """An observation with a component that somebody outside the Part 2 program may not see (SUD), or nobody (PSYTHPN)."""
    return observation(p, component=[labelled({"code": {"text": "x"}, "valueString": text}, code)], **more)


async def both(clinic: Clinic) -> str:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return p


async def history(clinic: Clinic, who: str, id_: str) -> list[tuple[str, str]]:
    """Each version as it is told apart, newest first: its id, and how it came about."""
    one = await access(clinic, who)
    (found,) = (await runs.seen(one, [("Observation", id_)])).values()
    of = await runs.of_versions(one, await runs.versions(one, [("Observation", id_)]))
    known = await runs.known(one, await runs.versions(one, [("Observation", id_)]))
    assert [s.version for s in of] == [s.version for s in known["Observation", id_]] == [s.version for s in found]
    return [(s.version, s.kind) for s in found]


async def test_a_run_is_known_by_its_first_version_and_each_by_how_it_came_about(clinic: Clinic) -> None:
    """Made, changed where it is hidden twice, changed for all, changed back, deleted, made anew, and changed where it is hidden."""
    p = await both(clinic)
    first = await clinic.make("sys-mh", observation(p))
    id_ = first.id
    second = await clinic.put("sys-mh", {**with_part(p, "one"), "id": id_})
    third = await clinic.put("sys-mh", {**with_part(p, "two"), "id": id_})
    fourth = await clinic.put("sys-mh", {**with_part(p, "two", language="en"), "id": id_})
    fifth = await clinic.put("sys-mh", {**with_part(p, "two"), "id": id_})
    assert (await clinic.ask("sys-mh", "DELETE", f"Observation/{id_}")).status in (200, 204)
    gone = await clinic.owner.fetchval("SELECT version FROM record.version WHERE id = $1 ORDER BY seq DESC LIMIT 1", id_)
    seventh = await clinic.put("sys-mh", {**with_part(p, "two"), "id": id_})
    eighth = await clinic.put("sys-mh", {**with_part(p, "three"), "id": id_})
    told = [(seventh.version, "create"), (gone, "delete"), (fifth.version, "update"), (fourth.version, "update"), (first.version, "create")]
    assert await history(clinic, "sud-clinician", id_) == told
    assert await history(clinic, "sys-mh", id_) == [
        (eighth.version, "update"), (seventh.version, "create"), (gone, "delete"), (fifth.version, "update"), (fourth.version, "update"), (third.version, "update"),
        (second.version, "update"), (first.version, "create"),
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["sud-clinician", "mh-clinician", "both-clinician"])
async def test_a_page_gives_each_as_the_version_by_which_it_is_known(clinic: Clinic, who: str) -> None:
    """Where only a note kept apart changed, nobody but its author is told of a version, however they look."""
    p = await both(clinic)
    once = await clinic.make("sys-mh", observation(p, 61))
    several = await clinic.make("sys-mh", observation(p, 62))
    await clinic.put("sys-mh", {**with_part(p, "secret", "PSYTHPN"), "id": several.id, "valueQuantity": observation(p, 62)["valueQuantity"]})
    plain = await clinic.make("sys-mh", observation(p, 63))
    changed = await clinic.put("sys-mh", {**observation(p, 64), "id": plain.id})
    for params in ([("patient", p)], [("patient", p), ("_sort", "-date")], [("_id", f"{once.id},{several.id},{plain.id}")]):
        page = await (await access(clinic, who)).search("Observation", params)
        assert {s.id: (s.version, s.kind) for s in page.matches} == {once.id: (once.version, "current"), several.id: (several.version, "current"), plain.id: (changed.version, "current")}
        assert not [s for s in page.matches if b"secret" in (s.body or b"")]
        assert {s.id: s.resource["meta"]["versionId"] for s in page.matches}[several.id] == several.version
    for id_, version in ((once.id, once.version), (several.id, several.version), (plain.id, changed.version)):
        stored = await (await access(clinic, who)).read("Observation", id_)
        assert (stored.version, b"secret" in (stored.body or b"")) == (version, False)


async def test_what_is_deleted_is_on_no_page(clinic: Clinic) -> None:
    p = await both(clinic)
    made = await clinic.make("sys-mh", observation(p))
    await clinic.put("sys-mh", {**observation(p, 80), "id": made.id})
    await clinic.ask("sys-mh", "DELETE", f"Observation/{made.id}")
    for who in ("sud-clinician", "both-clinician"):
        assert (await (await access(clinic, who)).search("Observation", [("patient", p)])).matches == []
        assert [kind for _, kind in await history(clinic, who, made.id)] == ["delete", "update", "create"]


@pytest.mark.parametrize(("bodies", "told"), [
    ("a", ["create"]), ("-", ["delete"]), ("ab", ["create", "update"]), ("aab", ["create", "update"]), ("a-b", ["create", "delete", "create"]),
    ("a--b", ["create", "delete", "create"]), ("-a", ["delete", "create"]), ("aba", ["create", "update", "update"]),
])  # fmt: skip
def test_how_a_version_came_about_is_told_by_what_was_seen_before_it(bodies: str, told: list[str]) -> None:
    """Whatever the row says: of what was hidden before, the first that is seen was made."""
    versions = [Stored("Basic", "b", str(n), START, "update", None if b == "-" else b'{"resourceType":"Basic","language":"%s"}' % b.encode(), Receipt("r")) for n, b in enumerate(bodies)]
    assert [s.kind for s in reversed(runs._heads(versions[::-1]))] == told


# --- what differs by notes alone ------------------------------------------------------------------------------------------------------

PLAIN: dict[str, Any] = {"resourceType": "Observation", "id": "o", "meta": {"versionId": "1", "lastUpdated": "2026-01-01T10:00:00Z"}, "status": "final", "code": {"text": "x"}}
NOTE, SUD, HIV = (labelled({"text": "words"}, code) for code in ("PSYTHPN", "SUD", "HIV"))
REMARK = {"text": "plain"}


def of(*notes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**PLAIN, **({"note": list(notes)} if notes else {}), **more}


@pytest.mark.parametrize(("before", "after", "notes"), [
    (of(), of(NOTE), True), (of(NOTE), of(), True), (of(REMARK), of(REMARK, NOTE), True), (of(NOTE), of({**NOTE, "text": "others"}), True),
    (of(), of(), False), (of(NOTE), of(NOTE), False), (of(), of(meta={"versionId": "2", "lastUpdated": "2026-01-02T10:00:00Z"}), False),
    (of(), of(SUD), False), (of(), of(HIV), False), (of(), of(REMARK), False), (of(), of(NOTE, REMARK), False), (of(), of(NOTE, status="amended"), False), (of(NOTE), of(NOTE, HIV), False),
    (of(focus=[{"reference": "Condition/note"}]), of(), True), (of(focus=[{"reference": "Condition/note"}]), of(focus=[{"reference": "Condition/other"}]), False),
    (of(focus=[{"reference": "Condition/open"}]), of(), False), (of(text={"status": "generated", "div": "<div/>"}), of(), False),
    # The whole may be such a note itself: then everything in it is.
    (of(extension=NOTE["extension"]), of(extension=NOTE["extension"], status="amended"), True),
])  # fmt: skip
def test_whether_nothing_but_notes_differs(before: dict[str, Any], after: dict[str, Any], notes: bool) -> None:
    assert runs.notes_only(before, after, {"Condition/note"}, shipped()) is notes


def test_content_is_compared_without_its_version_and_time_and_however_it_is_ordered() -> None:
    assert runs.encoded(PLAIN) == runs.encoded({**PLAIN, "meta": {}}) == runs.encoded(dict(reversed({**PLAIN, "meta": {"versionId": "9"}}.items())))
    assert runs.encoded(PLAIN) != runs.encoded({**PLAIN, "meta": {**PLAIN["meta"], "source": "x"}})
    assert runs.encoded(PLAIN) != runs.encoded({**PLAIN, "status": "amended"})
    assert runs.encoded({k: v for k, v in PLAIN.items() if k != "meta"}) == runs.encoded(PLAIN)


async def test_before_it_is_written_each_target_is_asked_whether_it_is_a_note_now(clinic: Clinic) -> None:
    p = await both(clinic)
    one = await access(clinic, "mh-clinician")
    note = await clinic.ask("mh-clinician", "POST", "DocumentReference", {
        "resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "content": [{"attachment": {"contentType": "text/plain", "data": "eA=="}}],
        "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]},
    })  # fmt: skip
    id_ = note.header("location").split("/")[-3]
    of_note, of_client = {"reference": f"DocumentReference/{id_}"}, {"reference": f"Patient/{p}"}
    plain = observation(p)
    assert await runs.touches_notes_only(one, plain, {**plain, "derivedFrom": [of_note]}) == (True, {f"DocumentReference/{id_}": True, f"Patient/{p}": False})
    assert await runs.touches_notes_only(one, {**plain, "derivedFrom": [of_note]}, plain) == (True, {f"DocumentReference/{id_}": True, f"Patient/{p}": False})
    assert (await runs.touches_notes_only(one, plain, {**plain, "focus": [of_client]}))[0] is False
