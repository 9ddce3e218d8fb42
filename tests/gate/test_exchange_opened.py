"""Messages of partners for who operates, and what one says for who may know it; and the keys by which partners know this server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.gate.access import Access
from sojourn.gate.exchange import hostkeys, looking, messages
from sojourn.gate.exchange.keeping import HELD, PURPOSE, RECEIVED, REVIEW, context
from sojourn.record import organization
from tests.doors.hl7v2.lab import LAB, code, done, listener, oru, registered, sent
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import clinic
from tests.people import FAR, MH, SUD, A, Clinic, encounter, patient
from tests.web.real import ADMIN, HASH, later

__all__ = ["clinic"]


async def operating(clinic: Clinic, name: str = "ivy", programs: tuple[int, ...] = (SUD, MH, FAR)) -> Access:
    """Somebody who looks after messages."""
    row = organization.AccountRow(name, "staff", name, name.title(), HASH, f"Practitioner/{name}", "integration-manager", list(programs), MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    return await signed_in(clinic, name)


async def came(clinic: Clinic, *controls: str, do: bool = True, **more: str) -> list[str]:
    """Messages of the laboratory; their ids."""
    door = listener(clinic.gate)
    for control in controls:
        assert code(await sent(door, oru(control, filler=control, **more))) == "AA"
    if do:
        await done(door, clinic.gate)
    return [str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message WHERE control = $1", control)) for control in controls]


async def lines(clinic: Clinic, action: str) -> list[tuple[Any, ...]]:
    """(account, what, outcome, patients) of the trail."""
    found = await clinic.owner.fetch("SELECT account, query, outcome, patients FROM record.audit WHERE action = $1 ORDER BY n", action)
    return [(r["account"], r["query"], r["outcome"], list(r["patients"])) for r in found]


async def test_envelopes_are_read_by_who_operates_and_by_nobody_else(clinic: Clinic) -> None:
    await registered(clinic.gate, program=MH)
    first, second, third = await came(clinic, "M1", "M2", "M3", do=False)
    ivy = await operating(clinic)
    found = await messages.listed(ivy)
    assert [e.id for e in found] == [third, second, first]
    assert [e.id for e in await messages.listed(ivy, before=found[1].seq)] == [first]
    for one in ({"states": [HELD]}, {"partner": "other"}, {"kind": "ADT^A01"}):
        assert await messages.listed(ivy, **one) == [], one
    assert len(await messages.listed(ivy, states=[RECEIVED], partner="cedar", kind=found[0].kind)) == 3
    assert [(w.partner, w.state, w.n) for w in await messages.waiting(ivy)] == [("cedar", "received", 3)]
    assert (await messages.heard(ivy))["cedar"][0] == 3
    assert (await messages.envelope(ivy, first)).control == "M1"
    with pytest.raises(errors.NotFound):
        await messages.envelope(ivy, "none")
    clinician = await signed_in(clinic, "mh-clinician")
    for act in (
        messages.listed(clinician), messages.waiting(clinician), messages.heard(clinician), messages.envelope(clinician, first), messages.events(clinician, first), messages.opened(clinician, first),
        messages.move(clinician, first, "hold", "Why not."), messages.choose(clinician, first, messages.NEW, MH, ""), looking.files(clinician, "cedar"), looking.opened(clinician, first),
    ):  # fmt: skip
        with pytest.raises(errors.Forbidden):
            await act


async def test_a_message_moves_only_from_where_it_may_with_a_reason_where_it_stops_and_each_move_is_in_the_trail(clinic: Clinic) -> None:
    await registered(clinic.gate, program=MH)
    (id_,) = await came(clinic, "M1", do=False)
    ivy = await operating(clinic)
    for do, why in (("forget", "Because."), ("hold", " "), ("aside", "")):
        with pytest.raises(errors.Malformed):
            await messages.move(ivy, id_, do, why)
    with pytest.raises(errors.NotFound):
        await messages.move(ivy, "none", "again")
    moved = []
    for do, why, state in (("release", "", ""), ("again", "", ""), ("aside", "Ours.", ""), ("hold", "They asked.", "held"), ("hold", "Once more.", ""), ("again", "", ""), ("release", "", "received"), ("hold", "Again.", "held"), ("aside", " Not ours. ", "aside"), ("release", "", ""), ("again", "", "received")):
        if not state:
            with pytest.raises(errors.Conflict):
                await messages.move(ivy, id_, do, why)
            continue
        await messages.move(ivy, id_, do, why)
        moved.append(do)
        found = await messages.envelope(ivy, id_)
        assert (found.state, found.reason) == (state, why.strip())
    told = [line for do in dict.fromkeys(moved) for line in await lines(clinic, f"exchange-{do}")]
    assert sorted(told) == sorted([("ivy", id_, "done", [])] * len(moved))
    assert {row["name"] for row in await messages.events(ivy, id_) if row["state"] == "held"} == {"Ivy"}, "and beside it, by whom"


async def test_what_a_message_says_is_opened_as_if_it_were_not_there_where_it_may_not(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": "urn:oid:2.16.840.1.113883.19.5", "value": "R1"}]))).id
    await clinic.make("sys-sud", encounter(p))
    await registered(clinic.gate, program=SUD, programs=(SUD,))
    (theirs,) = await came(clinic, "M1")
    ivy, ivo = await operating(clinic), await operating(clinic, "ivo", (MH,))
    for one, id_ in ((ivo, theirs), (ivo, "none"), (ivy, "none")):
        with pytest.raises(errors.NotFound, match="There is no such message"):
            await messages.opened(one, id_)
    found = await messages.opened(ivy, theirs)
    assert found.content.startswith(b"MSH")
    assert found.result.patient == p
    await clinic.owner.execute("UPDATE record.exchange_message SET body = '' WHERE message = $1", theirs)
    with pytest.raises(errors.NotFound, match="There is no such message"):
        await messages.opened(ivy, theirs)
    assert await lines(clinic, "exchange-open") == [
        ("ivo", theirs, "absent", []), ("ivo", "none", "absent", []), ("ivy", "none", "absent", []), ("ivy", theirs, "done", [p]), ("ivy", theirs, "absent", []),
    ]  # fmt: skip


async def test_whose_a_message_is_says_who_sees_them_for_a_program_of_their_own(clinic: Clinic) -> None:
    ours, hidden = [(await clinic.make(who, patient(family))).id for who, family in (("sys-mh", "Rivera"), ("sys-sud", "Quillfeather"))]
    await registered(clinic.gate, program=MH, programs=(MH,))
    (first,), (second,) = await came(clinic, "M1", mrn="X8", family="Elsewhere"), await came(clinic, "M2", mrn="X9", family="Newcomer")
    ivo, far = await operating(clinic, "ivo", (MH,)), await operating(clinic, "far", (FAR,))
    for who, patient_, program, error in ((ivo, hidden, MH, errors.NotFound), (ivo, "none", MH, errors.NotFound), (ivo, ours, SUD, errors.Forbidden), (ivo, messages.NEW, None, errors.Malformed), (ivo, messages.NEW, FAR, errors.Forbidden), (far, ours, FAR, errors.NotFound)):
        with pytest.raises(error):
            await messages.choose(who, first, patient_, program, "")
    assert (await messages.envelope(ivo, first)).state == REVIEW
    assert await lines(clinic, "exchange-choose") == []
    await messages.choose(ivo, first, ours, MH, "X8")
    await messages.choose(ivo, second, messages.NEW, MH, "X9")
    chosen = await clinic.owner.fetch("SELECT message, choice FROM record.exchange_message WHERE choice IS NOT NULL")
    key = clinic.gate.house.key
    assert {r["message"]: json.loads(key.decrypt(PURPOSE, bytes(r["choice"]), context(A, r["message"]))) for r in chosen} == {first: {"patient": ours, "program": MH}, second: {"patient": "+", "program": MH}}
    assert [(await messages.envelope(ivo, one)).state for one in (first, second)] == [RECEIVED] * 2
    assert await clinic.owner.fetch("SELECT partner, patient FROM record.exchange_person") == [("cedar", ours)], "whoever is new has no number yet"
    assert await lines(clinic, "exchange-choose") == [("ivo", first, "done", [ours]), ("ivo", second, "done", [])]
    with pytest.raises(errors.Conflict):
        await messages.choose(ivo, first, ours, MH, "")


async def test_a_message_that_came_by_no_file_is_no_file(clinic: Clinic) -> None:
    await registered(clinic.gate, program=MH)
    (id_,) = await came(clinic, "M1", mrn="X9")
    ivy = await operating(clinic)
    assert (await messages.opened(ivy, id_)).envelope.door == LAB.door
    with pytest.raises(errors.NotFound, match="There is no such file"):
        await looking.opened(ivy, id_)


# --- the keys by which partners know this server --------------------------------------------------------------------------------------


async def test_the_next_key_is_made_and_used_by_an_administrator_who_proved_who_they_are(clinic: Clinic) -> None:
    house = clinic.gate.house
    assert hostkeys.public(house) is None
    assert hostkeys.stamp(house) == 0
    first = hostkeys.private(house)
    assert hostkeys.private(house) == first, "there is one"
    was = hostkeys.public(house)
    admin, other = await signed_in(clinic, ADMIN), await signed_in(clinic, "mh-clinician")
    for act in (hostkeys.prepare(other), hostkeys.follow(other)):
        with pytest.raises(errors.Forbidden):
            await act
    with pytest.raises(errors.Conflict):
        await hostkeys.follow(admin)
    later(minutes=6)
    late = clinic.gate.access_of(admin.caller)
    for act in (hostkeys.prepare(late), hostkeys.follow(late)):
        with pytest.raises(errors.ProofNeeded):
            await act
    assert hostkeys.public(house, hostkeys.NEXT) is None
    admin = await signed_in(clinic, ADMIN)
    following = await hostkeys.prepare(admin)
    assert following == hostkeys.public(house, hostkeys.NEXT) != was
    with pytest.raises(errors.Conflict):
        await hostkeys.prepare(admin)
    assert hostkeys.public(house) == was, "it is told before it is used"
    before = hostkeys.stamp(house)
    await hostkeys.follow(admin)
    assert hostkeys.public(house) == following
    assert hostkeys.public(house, hostkeys.NEXT) is None
    assert hostkeys.stamp(house) != before
    with pytest.raises(errors.Conflict):
        await hostkeys.follow(admin)
    assert await lines(clinic, "sftp-host-key") == [(ADMIN, "next", "done", []), (ADMIN, "used", "done", [])]
    folder = house.inbox.parent / "sftp"
    assert [(f.name, f.stat().st_mode & 0o777) for f in folder.iterdir()] == [("host.key", 0o600)], "nothing is left beside it, and nobody else reads it"


async def test_each_key_is_sealed_under_its_own_name(clinic: Clinic) -> None:
    house = clinic.gate.house
    made = {name: hostkeys.private(house, name) for name in (hostkeys.CURRENT, hostkeys.NEXT, hostkeys.CLIENT)}
    assert len(set(made.values())) == 3
    folder = house.inbox.parent / "sftp"
    (folder / hostkeys.CURRENT).write_bytes((folder / hostkeys.CLIENT).read_bytes())
    with pytest.raises(crypto.BadSeal):
        hostkeys.private(house)
