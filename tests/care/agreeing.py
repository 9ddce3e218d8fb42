"""What the tests of equality share: documents and paper against what was shown, a partner's doors."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care.handoff import referral, sending
from sojourn.care.papers import reading, sandbox
from sojourn.gate import policies as own
from sojourn.gate.exchange.ways import Way
from sojourn.gate.releasing import Preview
from sojourn.record.database import Dsn
from sojourn.wire.ccda.facts import Document
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import KINDS
from tests import people
from tests.care import reach
from tests.care.test_handoff import at
from tests.care.test_handoff_agrees import SECRET, Chart, chart, elements, logged
from tests.care.test_handoff_agrees import resource as plainer
from tests.effort import RECORDS, SEED
from tests.people import START, Clinic
from tests.wire.carrying import states
from tests.wire.fuller import TYPES, Fuller

Shown = dict[str, dict[str, Any]]
"""What a preview showed, by Type/id."""


@asynccontextmanager
async def standing(database: Dsn) -> AsyncIterator[Clinic]:
    """A clinic whose clinician is a person, on a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await clinician(made)
        yield made
        await people.close_clinic(made)


async def clinician(clinic: Clinic) -> None:
    """The clinician of both programs is a person of the directory."""
    them = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'both-clinician'", f"Practitioner/{them}")
    clinic.tokens["both-clinician"] = await clinic.gate.token(clinic.gate.house.tenants[1], "both-clinician")


def leaving(seen: Preview) -> Shown:
    """What a preview shows."""
    return {f"{s.type}/{s.id}": s.resource for s in seen.leaves}


def named(what: Iterable[str]) -> set[str]:
    """What the log says left, as Type/id, without the consents that went along."""
    return {"/".join(w.split("/")[:2]) for w in what if not w.startswith("Consent/")}


async def taken_back(clinic: Clinic, made: Chart) -> None:
    """The consent of a chart ends."""
    current = (await clinic.get("sys-sud", f"Consent/{made.consent}")).json()
    assert (await clinic.put("sys-sud", {**current, "status": "inactive"})).status == 200


# --- clinical documents ------------------------------------------------------------------------------------------------------------


KEPT = [type_ for type_ in TYPES if type_ != "ServiceRequest"]
"""What the charts hold."""


def facts(document: Document) -> list[tuple[Any, ...]]:
    """Everything that a document states, for comparing two of them."""
    return [(f.kind, f.identifiers, f.what, f.value, f.details, f.status, f.time, f.negated, f.mood, f.author, f.text, f.marks) for f in document.facts()]


def fuller(random: Random, patient: str) -> dict[str, Any]:
    """A record of any kind (tests/wire/fuller.py) but a request, as the hand-off itself is one which no chart knows of beforehand; and no draft of a note, nor a file
    that nobody can read, which is closed as a Part 2 record."""
    made = Fuller(random, patient)
    return next(one for _ in range(99) if (one := made.one())["resourceType"] in KEPT and one.get("docStatus") != "preliminary" and "pdf" not in str(one.get("content")))


async def widened(clinic: Clinic) -> None:
    """The organization lets a hand-off hold all that such charts hold."""
    access = await clinic.gate.access(clinic.tokens["officer"])
    assert access is not None
    await own.change(access, "handoff.types", "", KEPT, "To compare every kind.")


def kind_of(document: Document) -> str:
    """Which of our kinds of documents it is."""
    return next(kind for kind, (_, code, _) in KINDS.items() if code == document.code.code)


def stated(payload: bytes, seen: Preview, note: str) -> int:
    """A document states what was shown, piece by piece, and nothing else; how many pieces were compared.

    With the marks that it gets on the way out: all else of what leaves is what was shown.
    """
    shown = leaving(seen)
    body = json.loads(seen.outgoing.body, parse_float=Decimal)
    out = {f"{r['resourceType']}/{r['id']}": r for e in body["entry"] if (r := e["resource"])["resourceType"] not in ("Composition", "Consent")}
    assert out.keys() == shown.keys(), note
    for name, resource in out.items():
        assert elements(resource) == elements(shown[name]), f"{note}: {name}"
    return states(payload, out, kind_of(read(payload)), {name.partition("/_history")[0] for name in seen.outgoing.consents})


# --- paper ----------------------------------------------------------------------------------------------------------------------------

_TITLES = {
    "Patient": "Who they are", "Condition": "Problems", "AllergyIntolerance": "Allergies", "MedicationRequest": "Medications", "Observation": "Measures and results", "DocumentReference": "Documents", "Encounter": "Visits", "Goal": "Goals",
    "Consent": "Consents that this rests on",
}  # fmt: skip


def _bare(text: str) -> str:
    """Without blanks: where lines break on paper says nothing."""
    return re.sub(r"\s", "", text)


def on_paper(resource: dict[str, Any]) -> list[str]:
    """The lines that paper has of a resource of these tests, said once more, simply."""
    match resource["resourceType"]:
        case "Patient":
            return [f"{resource['name'][0]['given'][0]} {resource['name'][0]['family']}, born {resource['birthDate']}"]
        case "Observation":
            value = Decimal(str(resource["valueQuantity"]["value"]))  # in its own digits
            parts = [f"{c['code']['text']}: {c['valueString']}" for c in resource.get("component", ())]
            return [f"8867-4: {value} /min ({resource['effectiveDateTime'][:10]})", "Status: final", *parts, *(f"Note: {n['text']}" for n in resource.get("note", ()))]
        case "Condition":
            return [f"{resource['code']['text']} ({resource['onsetDateTime']})"]
        case "AllergyIntolerance":
            return [resource["code"]["text"], "Status: active", *(f"Reaction: {r['manifestation'][0]['text']}" for r in resource["reaction"])]
        case "MedicationRequest":
            return [f"{resource['medicationCodeableConcept']['text']} ({resource['authoredOn']})", "Status: active", *(f"Dose: {d['text']}" for d in resource["dosageInstruction"])]
        case "Encounter":
            day = f" ({resource['period']['start'][:10]})" if "period" in resource else ""
            return [f"AMB{day}", f"Status: {resource['status']}", *(f"Reason: {r['text']}" for r in resource.get("reasonCode", ()))]
        case "Goal":
            return [resource["description"]["text"], "Status: active"]
    return [f"{resource['description']} ({resource['date'][:10]})", "Status: current"]




_FOOT = re.compile(r"^(42 CFR part 2 prohibits unauthorized use or disclosure of these records\.|Released by A\. For whom it was released to, and no one else\.) Page (\d+) of (\d+)$", re.MULTILINE)


def read_back(texts: list[str], shown: Shown, consents: int, note: str) -> int:
    """Paper states what was shown, all of it, and nothing else; how many lines were compared. texts: of its pages; consents: how many go along."""
    feet = [_FOOT.search(text) for text in texts]
    assert [(f[2], f[3]) for f in feet if f] == [(str(n), str(len(texts))) for n in range(1, len(texts) + 1)], f"{note}: a page without its number and its words"
    assert all((f[1][:2] == "42") == bool(consents) for f in feet if f), f"{note}: the notice, on each page or on none"
    assert ("Notice on redisclosure" in texts[0]) == bool(consents)
    front = next(n for n, text in enumerate(texts) if "Index" in text.splitlines())
    left = _bare("".join(_FOOT.sub("", text) for text in texts[front + 1 :]))
    # All lines of a resource together, the longest first: a short line of one may stand across two lines of others.
    blocks = [on_paper(resource) for resource in shown.values()] + [["Consent (2026-01-01)", "Status: active"]] * consents
    for block in sorted((_bare("".join(b)) for b in blocks), key=lambda one: -len(one)):
        assert block in left, f"{note}: {block!r} is not on paper"
        left = left.replace(block, "\0", 1)
    attached = [f"Document ({r['date'][:10]}) plain words" for r in shown.values() if r["resourceType"] == "DocumentReference"]
    for title in [*attached, *{_TITLES[r["resourceType"]] for r in shown.values()}, *[_TITLES["Consent"]] * bool(consents)]:
        assert _bare(title) in left, f"{note}: {title!r} is not on paper"
        left = left.replace(_bare(title), "\0", 1)
    assert not left.strip("\0"), f"{note}: something stands on paper that was not shown: {left!r}"
    return sum(map(len, blocks))


# --- charts that go through a partner's doors -----------------------------------------------------------------------------------------

Arriving = Callable[[Chart, str, Preview], Awaitable[bytes]]
"""(chart, delivery, preview): bring what is queued; the document as the receiver has it, or b'' where nothing came."""


class Counted(NamedTuple):
    """How much went through a door."""

    charts: int
    sent: int
    stopped: int
    records: int
    compared: int


async def through(clinic: Clinic, door: str, way: Way, arrives: Arriving, *, form: str, seed: str, **more: Any) -> Counted:
    """Charts are looked at, queued for a door, brought, and read by the receiver: equal, or stopped because a consent ended meanwhile. form: `ccda` or `paper`; more: of the partner."""
    random = Random(f"{seed}{SEED}")
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    other = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Hill Hospital"})).id
    await reach.partner(clinic, receiver, way, **more)
    charts = sent = stopped = records = compared = 0
    make = fuller if form == "ccda" else plainer
    if form == "ccda":
        await widened(clinic)
    while records < RECORDS:
        made = await chart(clinic, random, receiver, other, make)
        charts += 1
        note = f"chart {charts}, {made.way}"
        access = await at(clinic)
        handoff = await referral.one(access, await referral.prepare(access, made.patient, receiver, asks="Follow-up", why="Stable"))
        seen = await referral.preview(access, handoff)
        shown = leaving(seen)
        if made.permitted is not None:
            ids = {name.partition("/")[2] for name in shown}
            assert ids == made.permitted, f"{note}: {[m for m in made.made if m.id in ids ^ made.permitted]}"
        if not shown:
            with pytest.raises((errors.Conflict, errors.Malformed)):
                await sending.queue(await at(clinic), handoff, seen.digest)
            continue
        delivery = await sending.queue(await at(clinic), handoff, seen.digest)
        last = made.way == "taken back at the last moment"
        if last:
            await taken_back(clinic, made)
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure")
        arrived = await arrives(made, delivery, seen)
        if last:
            assert (arrived, (await reach.state(clinic, delivery))[0], await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure")) == (b"", "aside", before), note
            stopped += 1
            continue
        assert (await reach.state(clinic, delivery))[:2] == ("mapped", door), note
        (disclosure,) = (await referral.one(await at(clinic), handoff.id)).sent
        row, left = await logged(clinic, disclosure)
        assert left == arrived, f"{note}: what is in the log is not what arrived"
        assert (row["channel"], row["recipient"], named(row["what"])) == (f"release-{door}", f"Organization/{receiver}", set(shown)), note
        assert SECRET.encode() not in arrived
        if form == "ccda":
            document = read(arrived)
            assert bool(document.marks.notice) == bool(row["notice"])
            compared += stated(arrived, seen, note)
        else:
            texts = await sandbox.texts(arrived, reading.PDF)
            cover = sum("Confidential" in text.splitlines()[0] for text in texts)
            assert SECRET not in "".join(texts)
            compared += read_back(texts[cover:], shown, len(row["consents"]) if row["notice"] else 0, note)
        records += len(shown)
        sent += 1
    counted = Counted(charts, sent, stopped, records, compared)
    print(f"{door}: {counted}")
    assert counted.sent
    assert counted.compared > counted.sent
    return counted
