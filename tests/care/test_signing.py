"""Signatures: who, as what, when, over which bytes; and what is found when anything of it was touched."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.base import signing as keys
from sojourn.care import signing
from sojourn.care.credentials.held import Credential, Expired
from sojourn.care.signing import jws
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.closing import Act
from sojourn.record.database import Dsn
from sojourn.record.signed import check_signatures
from tests.care.signers import TEXT, at_the_screen, note, practitioner
from tests.people import MH, Clinic, close_clinic, open_clinic


async def signed(clinic: Clinic, who: str = "mh-clinician", text: bytes = TEXT) -> Access:
    """A note that `who` signed."""
    if not any(row["type"] == "Practitioner" for row in await clinic.owner.fetch("SELECT type FROM record.resource")):
        await practitioner(clinic, who)
    access = await at_the_screen(clinic, who)
    change = await note(access, text=text)
    change.closing = Act("sign")
    made = await signing.prepare(access, ["DocumentReference/note1"], text, "author", program=MH)
    await access.write([change, *made.changes], action="sign")
    return access


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


@pytest.fixture
async def findings(clinic: Clinic) -> Any:
    """What `sojourn check` says of the signatures."""

    async def found() -> list[str]:
        key = keys.Signer(clinic.gate.house.key, jws.PURPOSE).public
        return (await check_signatures(clinic.owner, 1, clinic.gate.house.blobs, frozenset({key}))).wrong

    return found


async def test_a_signature_says_who_with_which_credential_as_what_when_and_where_and_its_hash_is_in_the_trail(clinic: Clinic, findings: Any) -> None:
    await practitioner(clinic, "mh-clinician", Credential("LCSW", "4711", "NY", end=date(2027, 1, 31)))
    access = await signed(clinic)
    (one,) = await signing.signatures(access, "DocumentReference/note1")
    assert (one.name, one.credential, one.role, one.meaning, one.zone, one.genuine) == ("Ruth Example", "LCSW NY 4711", "clinician", "author", "America/New_York", True)
    assert one.when.endswith(" (America/New_York)")
    assert one.at == access.now.replace(microsecond=access.now.microsecond // 1000 * 1000)
    document = (await access.read("DocumentReference", "note1")).resource
    assert one.binds(document)
    assert not one.binds({**document, "content": [{"attachment": {"data": base64.b64encode(b"else").decode()}}]})
    assert await signing.already(access, "DocumentReference/note1", TEXT, "author"), "a second press finds it there"
    assert not await signing.already(access, "DocumentReference/note1", b"other", "author")
    provenance = (await access.read("Provenance", one.provenance)).resource
    assert provenance["signature"][0]["type"][0]["code"] == "1.2.840.10065.1.12.1.1"
    (line,) = await clinic.owner.fetch("SELECT query, account FROM record.audit WHERE action = 'sign'")
    assert line["query"].endswith(f" signature:{sha256(base64.b64decode(provenance['signature'][0]['data'])).hexdigest()}")
    assert line["account"] == "mh-clinician"
    assert await findings() == []


async def _replaced(clinic: Clinic, type_: str, old: bytes, new: bytes) -> None:
    """Somebody with the database's password writes into what is stored."""
    for table in ("resource", "version"):
        await clinic.owner.execute(f"UPDATE record.{table} SET body = decode(replace(encode(body, 'hex'), $1, $2), 'hex') WHERE type = $3", old.hex(), new.hex(), type_)


async def test_check_names_a_changed_text_a_moved_signature_and_one_that_the_trail_does_not_know(clinic: Clinic, findings: Any) -> None:
    access = await signed(clinic)
    old, new = base64.b64encode(TEXT), base64.b64encode(TEXT.replace(b"50", b"60"))
    await _replaced(clinic, "DocumentReference", old, new)
    found = await findings()
    assert len(found) == 2, found
    assert "no version of DocumentReference/note1 holds it" in found[0]
    assert "DocumentReference/note1 is closed, and no signature stands over what it holds now" in found[1]
    await _replaced(clinic, "DocumentReference", new, old)
    assert await findings() == []
    await _replaced(clinic, "Provenance", b"DocumentReference/note1", b"DocumentReference/other")
    assert "over other resources" in (await findings())[0]
    await _replaced(clinic, "Provenance", b"DocumentReference/other", b"DocumentReference/note1")
    await clinic.owner.execute("UPDATE record.audit SET query = '' WHERE action = 'sign'")
    assert "is not in the trail" in (await findings())[0]
    (one,) = await signing.signatures(access, "DocumentReference/note1")
    provenance = (await access.read("Provenance", one.provenance)).resource
    other = await note(access, "note2")
    await access.write([other])
    copied = {k: v for k, v in provenance.items() if k not in ("id", "meta")} | {"target": [{"reference": "DocumentReference/note2"}]}
    assert (await clinic.make("mh-clinician", copied)).status == 201
    (forged,) = await signing.signatures(access, "DocumentReference/note2")
    assert not forged.genuine, "a signature that was copied to another document"
    assert not forged.binds((await access.read("DocumentReference", "note2")).resource)


async def test_no_machine_signs_nobody_without_a_fresh_proof_and_nobody_whose_credential_ended(clinic: Clinic) -> None:
    await practitioner(clinic, "mh-clinician", Credential("LCSW", "4711", "NY", end=date(2026, 2, 28)))
    bearer = await clinic.gate.access(clinic.tokens["both-clinician"])
    machine = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert bearer is not None
    assert machine is not None
    with pytest.raises(errors.ProofNeeded):
        await signing.prepare(bearer, ["DocumentReference/x"], TEXT, "author")
    with pytest.raises(errors.Forbidden, match="Only a person"):
        await signing.prepare(machine, ["DocumentReference/x"], TEXT, "author")
    with pytest.raises(errors.Forbidden, match="Only a person"):
        await signing.prepare(machine, ["DocumentReference/x"], TEXT, "client", signer=signing.Signer("Ana Rivera", "self", "Patient/p"))
    access = await at_the_screen(clinic, "mh-clinician")
    with pytest.raises(Expired, match="LCSW NY 4711 ended on February 28, 2026"):
        await signing.prepare(access, ["DocumentReference/x"], TEXT, "author")


async def test_a_client_signs_beside_staff_and_what_is_no_document_gets_a_copy_of_what_was_shown(clinic: Clinic, findings: Any) -> None:
    await practitioner(clinic, "mh-clinician")
    access = await at_the_screen(clinic, "mh-clinician")
    change = await note(access)
    change.closing = Act("sign")
    assert change.resource is not None
    who = change.resource["subject"]["reference"]
    drawn = b"\x89PNG\r\n\x1a\nline"
    client = signing.Signer("Ana Rivera", "self", who, "drawn", "known", drawn)
    made = await signing.prepare(access, ["DocumentReference/note1"], TEXT, "client", signer=client, program=MH)
    await access.write([change, *made.changes], action="sign")
    (one,) = await signing.signatures(access, "DocumentReference/note1")
    assert (one.name, one.relation, one.method, one.identity, one.drawn) == ("Ana Rivera", "self", "drawn", "known", base64.b64encode(drawn).decode())
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": who}}
    made = await signing.prepare(access, ["CarePlan/plan1"], TEXT, "author", patient=who.partition("/")[2], program=MH)
    await access.write([Change("create", "CarePlan", "plan1", plan, program=MH), *made.changes], action="sign")
    (one,) = await signing.signatures(access, "CarePlan/plan1")
    copy = next(c.resource for c in made.changes if c.type == "DocumentReference")
    assert copy is not None
    stored = (await access.read("DocumentReference", str(copy["id"]))).resource
    assert one.binds(stored)
    assert (await clinic.put("sys-mh", {**stored, "description": "x"})).status == 409
    await access.write([Change("update", "CarePlan", "plan1", {**plan, "id": "plan1", "title": "goes on"})])  # the plan itself lives on
    assert await findings() == []
