"""Psychotherapy and counseling notes stand in a table of their own, sealed under a key of their own; nothing else holds a word of them."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sojourn.base import clock, crypto
from sojourn.gate import apart, keepingapart, relabelling
from sojourn.gate.changes import Change
from sojourn.gate.labeljob import Labeller
from sojourn.record import keptapart, labelling
from sojourn.record.blobs import Blobs
from sojourn.record.checking import check_record
from tests.gate.test_inheriting import under
from tests.gate.test_overriding import access, decide
from tests.people import A, B, Clinic, patient

WORDS = b"She reminds me of my aunt."
LARGE = WORDS + bytes(range(256)) * 100  # beyond what stands in a row


def document(p: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "description": "about an aunt",
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(data).decode()}}], **more,
    }  # fmt: skip


async def kept(clinic: Clinic, p: str, data: bytes = WORDS) -> str:
    """A psychotherapy note, by who writes it; the API tells them where it is, and does not read it back."""
    made = await clinic.ask("mh-clinician", "POST", "DocumentReference", document(p, data, **under("PSYTHPN")))
    assert (made.status, made.body) == (201, b"")
    return made.header("location").split("/")[-3]


async def mine(clinic: Clinic, id_: str) -> bytes:
    """What its author reads."""
    found = await apart.opened(await access(clinic, "mh-clinician")).read("DocumentReference", id_)
    return base64.b64decode(found.resource["content"][0]["attachment"]["data"])


async def holding(clinic: Clinic, *texts: bytes) -> list[str]:
    """Every column of the database in which one of the texts stands as it is."""
    columns = await clinic.owner.fetch(
        """SELECT c.table_name, c.column_name, c.udt_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
           WHERE c.table_schema = 'record' AND t.table_type = 'BASE TABLE' AND c.udt_name IN ('bytea', 'text', '_text', 'jsonb')"""
    )
    found = []
    for table, column, kind in columns:
        value = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
        for text in texts:
            if await clinic.owner.fetchval(f'SELECT count(*) FROM record."{table}" WHERE position($1::bytea IN {value}) > 0', text):  # noqa: S608 - names from the catalog
                found.append(f"{table}.{column}")
    return found


def files(clinic: Clinic) -> list[Path]:
    return [path for path in clinic.gate.house.blobs._folder.rglob("*") if path.is_file()]


async def whole(clinic: Clinic) -> None:
    """Every invariant of the record holds."""
    assert await check_record(clinic.owner, A) == []


@pytest.mark.parametrize("data", [WORDS, LARGE], ids=["short", "long"])
async def test_a_note_kept_apart_stands_in_its_own_table_and_nowhere_else(clinic: Clinic, data: bytes) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    before = len(files(clinic))
    id_ = await kept(clinic, p, data)
    encoded = base64.b64encode(data)[:30]
    assert await mine(clinic, id_) == data
    assert await holding(clinic, encoded, b"about an aunt") == []
    assert len(files(clinic)) == before
    rows = await clinic.owner.fetch("SELECT body, blobs FROM record.resource WHERE id = $1 UNION ALL SELECT body, blobs FROM record.version WHERE id = $1", id_)
    assert [(row["body"], row["blobs"]) for row in rows] == [(b"", ["apart"])] * 2
    # The same of an ordinary note is found where it is looked for here: the search above can find.
    await clinic.make("mh-clinician", document(p, WORDS))
    assert set(await holding(clinic, base64.b64encode(WORDS)[:30])) == {"resource.body", "version.body"}
    await whole(clinic)


async def test_its_author_changes_it_and_has_every_version_and_finds_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    id_ = await kept(clinic, p)
    author = apart.opened(await access(clinic, "mh-clinician"))
    first = await author.read("DocumentReference", id_)
    changed = {**first.resource, "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"And of her silence.").decode()}}]}
    await author.write([Change("update", "DocumentReference", id_, changed, if_match=first.version)])
    assert await mine(clinic, id_) == b"And of her silence."
    past = await author.vread("DocumentReference", id_, first.version)
    assert base64.b64decode(past.resource["content"][0]["attachment"]["data"]) == WORDS
    found = await author.search("DocumentReference", [("patient", p), ("_sort", "-_lastUpdated")])
    assert [s.resource["content"] for s in found.matches] == [changed["content"]]
    found = await author.search("DocumentReference", [("_id", id_)])
    assert [s.id for s in found.matches] == [id_]
    assert await holding(clinic, base64.b64encode(WORDS)[:30], base64.b64encode(b"And of her silence.")) == []
    await whole(clinic)


async def test_what_is_labelled_so_later_is_sealed_with_its_past_and_its_files(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    note, other = document(p, LARGE), document(p, LARGE[:-1])
    note["description"] = "about my uncle"
    id_, beside = (await clinic.make("mh-clinician", note)).id, (await clinic.make("mh-clinician", other)).id
    assert (await clinic.put("mh-clinician", {**note, "id": id_, "language": "en"})).status == 200
    same = (await clinic.make("mh-clinician", {**other, "language": "en"})).id
    assert len(files(clinic)) == 2
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", beside, "PSYTHPN")
    labels = await Labeller(clinic.gate).access(A)
    while await keepingapart.step(labels):
        pass
    assert await holding(clinic, id_.encode(), beside.encode()) != []
    assert await holding(clinic, b"about my uncle") == []
    rows = await clinic.owner.fetch("SELECT body FROM record.version WHERE id = ANY ($1)", [id_, beside])
    assert [row["body"] for row in rows] == [b""] * 3
    assert len(files(clinic)) == 2, "a file stays for a while: who writes what holds it may not be done"
    await keepingapart.step(labels, held=timedelta(seconds=-5))
    assert len(files(clinic)) == 1, "that of the note alone is gone"
    assert await keptapart.leftovers(labels.house.db, A, clock.now() + timedelta(seconds=5)) == [], "and nobody looks for it again"
    found = await clinic.get("mh-clinician", f"DocumentReference/{same}")
    assert base64.b64decode(found.json()["content"][0]["attachment"]["data"]) == LARGE[:-1]
    await whole(clinic)
    # It is no such note any more: everything is there, whole, for everybody who may see an ordinary note.
    await clinic.owner.execute("UPDATE record.label_override SET known_to = $2 WHERE id = $1", id_, clock.now())
    labels = await Labeller(clinic.gate).access(A)
    rows = await labelling.facts(labels.house.db, A, [row["seq"] for row in await clinic.owner.fetch("SELECT seq FROM record.version WHERE id = $1", id_)], labels.now)
    again = [relabelling.Again(labels, row) for row in rows]
    await relabelling.write(labels, [one.prepared(labels) for one in again if one.row["current"]], [one.past(labels) for one in again if not one.row["current"]], "no such note")
    assert (await clinic.get("both-clinician", f"DocumentReference?patient={p}&description=about%20my")).ids == [id_]
    for version in (await clinic.get("both-clinician", f"DocumentReference/{id_}/_history")).entries:
        assert base64.b64decode(version["content"][0]["attachment"]["data"]) == LARGE
    assert not await clinic.owner.fetchval("SELECT count(*) FROM record.kept_apart k JOIN record.version v USING (tenant, seq) WHERE v.id = $1", id_)
    await whole(clinic)


async def test_a_file_that_is_put_again_is_not_removed(clinic: Clinic, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, crypto.ServerKey(bytes(32)))
    digest = blobs.put(A, LARGE)
    assert not blobs.remove(A, digest, clock.now() - timedelta(hours=1))
    blobs.put(A, LARGE)
    assert blobs.get(A, digest) == LARGE
    assert blobs.remove(A, digest, clock.now() + timedelta(days=4000))
    assert blobs.put(A, LARGE) == digest
    assert blobs.get(A, digest) == LARGE


async def test_it_opens_for_its_own_organization_and_only_as_it_was(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await kept(clinic, p)
    sealed = await clinic.owner.fetchval("SELECT sealed FROM record.kept_apart WHERE tenant = $1", A)
    blobs = clinic.gate.house.blobs
    assert b"aunt" in blobs.opened(A, sealed)
    for tenant, body in ((B, sealed), (A, sealed[:-1] + bytes([sealed[-1] ^ 1]))):
        with pytest.raises(crypto.BadSeal):
            blobs.opened(tenant, body)
    with pytest.raises(crypto.BadSeal):
        Blobs(blobs._folder, crypto.ServerKey(bytes(range(32)))).opened(A, sealed)


async def test_the_server_cannot_ask_for_one_beside_its_row(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await kept(clinic, p)
    seq = await clinic.owner.fetchval("SELECT seq FROM record.kept_apart WHERE tenant = $1", A)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await clinic.gate.house.db.call("SELECT gate.kept_apart($1, $2)", A, seq)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await clinic.gate.house.db.call("SELECT sealed FROM record.kept_apart WHERE tenant = $1", A)
