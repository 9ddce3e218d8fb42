"""A search parameter that came after the store: refused until everything is indexed, then found as what is written now, also by who may see less."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import indexagain
from sojourn.gate.labeljob import Labeller, Watch
from tests.people import A, Clinic, consent, encounter, patient

Json = dict[str, Any]
BASIC = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]


def letter(p: str, day: str, **attachment: Any) -> Json:
    made = {"creation": day} if day else {}
    return {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "content": [{"attachment": {"contentType": "text/plain", "data": "QQ==", **made, **attachment}}]}


async def before(clinic: Clinic) -> None:
    """The store as it was before there was the parameter: none of its rows, and everything to be caught up with (migration 0227)."""
    for number, keys in clinic.gate.house.keys.items():
        key = keys.name("DocumentReference", "creation")
        await clinic.owner.execute("DELETE FROM record.date WHERE tenant = $1 AND key = $2", number, key)
        await clinic.owner.execute("DELETE FROM record.token WHERE tenant = $1 AND hash = $2", number, key)
        await clinic.owner.execute("UPDATE record.resource SET tokens = array_remove(tokens, $2), labelled_tokens = array_remove(labelled_tokens, $2) WHERE tenant = $1", number, key)
        await clinic.owner.execute("INSERT INTO record.index_backlog (tenant, type, name) VALUES ($1, 'DocumentReference', 'creation') ON CONFLICT (tenant, type, name) DO UPDATE SET place = 0, finished = NULL", number)


async def ids(clinic: Clinic, who: str, query: str) -> list[str]:
    reply = await clinic.get(who, f"DocumentReference?{query}")
    assert reply.status == 200, reply.body
    return sorted(r["id"] for r in reply.entries)


async def rows(clinic: Clinic) -> list[Any]:
    """All that the index has for the documents of one organization."""
    key = clinic.gate.house.keys[A].name("DocumentReference", "creation")
    dates = await clinic.owner.fetch("SELECT r.id, d.low, d.high, d.mask FROM record.date d JOIN record.resource r USING (tenant, rid) WHERE d.tenant = $1 AND d.key = $2 ORDER BY 1, 2, 3, 4", A, key)
    marks = await clinic.owner.fetch("SELECT r.id, t.mask, t.also FROM record.token t JOIN record.resource r USING (tenant, rid) WHERE t.tenant = $1 AND t.hash = $2 ORDER BY 1, 2", A, key)
    present = await clinic.owner.fetch("SELECT id, $2 = ANY (tokens) AS shown, coalesce($2 = ANY (labelled_tokens), false) AS labelled FROM record.resource WHERE tenant = $1 AND type = 'DocumentReference' ORDER BY 1", A, key)
    return [[tuple(r) for r in found] for found in (dates, marks, present)]


async def test_what_was_stored_before_is_found_once_all_of_it_is_indexed_and_nothing_is_changed_by_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    days = ("2026-01-10", "2026-02-10T09:00:00Z", "2026-02", "", "2025-12-31")
    made = [(await clinic.make("sys-mh", letter(p, day))).id for day in days]
    labelled = letter(p, "2026-02-11")
    labelled["content"].append({"attachment": {"contentType": "text/plain", "data": "QQ==", "creation": "2024-05-05", "extension": [{"url": "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label", "valueCoding": BASIC[0]}]}})
    hidden = (await clinic.make("sys-mh", labelled)).id
    by_write = await rows(clinic)
    assert any(mask for _, _, _, mask in by_write[0]), "a labelled content is found by its day only by who may see it"
    versions = await clinic.owner.fetchval("SELECT count(*) FROM record.version")
    heads = await clinic.owner.fetch("SELECT id, seq, version, updated, body FROM record.resource ORDER BY id")
    await before(clinic)
    for query in (f"patient={p}&creation=ge2026-02-01", f"patient={p}&_sort=-creation", f"patient={p}&creation:missing=true", f"patient={p}&_total=accurate&creation=2026"):
        refused = await clinic.get("sys-mh", f"DocumentReference?{query}")
        assert (refused.status >= 400, indexagain.BEHIND.encode() in refused.body) == (True, True), query
    export = await clinic.get("sys-mh", "Patient/$export?_typeFilter=DocumentReference%3Fcreation%3Dge2026", ("prefer", "respond-async"))
    assert (export.status >= 400, indexagain.BEHIND.encode() in export.body) == (True, True)
    assert len(await ids(clinic, "sys-mh", f"patient={p}&date:missing=true")) == 6, "no other question is refused"
    access = await Labeller(clinic.gate).access(A)
    while await indexagain.step(access, 2):
        pass
    assert await rows(clinic) == by_write, "the same rows as of what is written now, with their masks"
    assert await ids(clinic, "sys-mh", f"patient={p}&creation=ge2026-02-01") == sorted([made[1], made[2], hidden])
    assert await ids(clinic, "sys-mh", f"patient={p}&creation:missing=true") == [made[3]]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.version") == versions
    assert await clinic.owner.fetch("SELECT id, seq, version, updated, body FROM record.resource ORDER BY id") == heads
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.label_change") == 0


async def test_what_is_written_meanwhile_is_indexed_by_the_write_and_only_once(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    first, second = [(await clinic.make("sys-mh", letter(p, "2026-01-10"))).id for _ in range(2)]
    await before(clinic)
    changed = await clinic.ask("sys-mh", "PUT", f"DocumentReference/{second}", {**letter(p, "2026-03-03"), "id": second})
    assert changed.status == 200, changed.body
    watch = Watch(Labeller(clinic.gate))
    while await watch.tick(A):
        pass
    assert await ids(clinic, "sys-mh", f"patient={p}&creation=2026-01-10") == [first]
    assert await ids(clinic, "sys-mh", f"patient={p}&creation=2026-03-03") == [second]
    assert len((await rows(clinic))[0]) == 2


async def test_who_may_not_see_a_document_finds_it_by_no_day_of_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", consent(p, "tpo"))
    d = (await clinic.make("sys-sud", letter(p, "2026-01-10"))).id
    await before(clinic)
    access = await Labeller(clinic.gate).access(A)
    while await indexagain.step(access):
        pass
    assert await ids(clinic, "tpo", f"patient={p}&creation=2026-01-10") == [d]
    for who in ("stranger", "revoked", "mh-clinician"):
        there = await clinic.get(who, f"DocumentReference?patient={p}&creation=2026-01-10")
        nobody = await clinic.get(who, f"DocumentReference?patient={p}&creation=1999-01-10")
        assert (there.status, there.entries) == (nobody.status, nobody.entries) == (200, [])


async def test_only_the_account_that_labels_indexes(clinic: Clinic) -> None:
    await before(clinic)
    with pytest.raises(errors.StaleCredential):
        await indexagain.step(await staff(clinic))


async def staff(clinic: Clinic) -> Any:
    """Somebody's Access who is not the labeller."""
    token = clinic.tokens["mh-clinician"]
    caller = await clinic.gate.identity.caller(token)
    assert caller is not None
    return clinic.gate.access_of(caller)


def test_a_question_is_by_an_added_parameter_however_it_names_it() -> None:
    for key, value in (("creation", "2026"), ("creation:missing", "true"), ("_has:DocumentReference:patient:creation", "2026"), ("_sort", "-creation"), ("_sort", "date,creation")):
        assert indexagain.asks([("patient", "a"), (key, value)]), key
    for key, value in (("date", "2026"), ("_sort", "date"), ("description", "creation"), ("_id", "creation")):
        assert not indexagain.asks([("patient", "a"), (key, value)]), key
    assert not indexagain.asks([])
