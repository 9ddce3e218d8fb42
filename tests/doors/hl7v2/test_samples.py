"""Every public sample of HL7 v2: accepted or refused, and what comes out of it; the table beside this file says so for each.

A row: file, answers (each with how often), and of each message that is mapped what it becomes, a resource after the other (tests/factlines.py: codes, value, time,
state, and a digest of all that it states); of every message that is taken the account of its components: mapped, deciding, kept in the message alone.
`python -m tests.doors.hl7v2.test_samples` writes it anew, to be read before it is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sojourn.care.exchange import becoming
from sojourn.care.exchange.facts import CannotMap, Place
from sojourn.doors.hl7v2 import meter, oru, persons, reading, receiving
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import hl7v2, hl7v2batch
from tests import factlines
from tests.shared import SHARED, needs_shared

TABLE = Path(__file__).with_name("samples.tsv")
NOT_TOLD = ("johnpaulett_python-hl7__samples.py_sample_hl7: day 196203520",)
"""What python-hl7 finds and the facts do not say: a birth date that is none."""
ANYBODY = Partner("anybody", "Anybody")
SHOWN = 12
"""Resources of a message that stand in the table by their words; the others by one digest."""
REGISTRY = Partner("anybody", "Anybody", registers=True)


def facts(path: Path) -> str:
    """One row."""
    raw = path.read_bytes()
    answers: Counter[str] = Counter()
    out: list[str] = []
    for one in hl7v2batch.split(raw).messages or [raw.decode("latin-1")]:
        try:
            message = hl7v2.parse(one)
        except hl7v2.NotReadable as error:
            answers[f"AR {error}"] += 1
            continue
        if trouble := receiving._trouble(message, ANYBODY):
            answers[f"AR {trouble.where}"] += 1
            continue
        answers[f"AA {message.type}"] += 1
        out.append(_mapped(message) if message.type in reading.MAPPED_TYPES else f"kept whole, read by people {accounted(message, None)}")
    said = ", ".join(f"{n}x {a}" if n > 1 else a for a, n in sorted(answers.items()))
    return "\t".join((f"{path.parent.name}/{path.name}", said, "; ".join(out)))


def _mapped(message: hl7v2.Message) -> str:
    try:
        made = becomes(message)
    except CannotMap as error:
        return f"not filed: {error.why} {accounted(message, None)}"
    lines = [factlines.line(r) for _, r in made]
    shown, rest = lines[:SHOWN], lines[SHOWN:]
    more = [f"and {len(rest)} more #{sha256(repr(rest).encode()).hexdigest()[:8]}"] if rest else []
    said = accounted(message, [r for _, r in made if r.get("active") or r["resourceType"] not in ("Patient", "Joined")])
    return f"{' / '.join([*shown, *more]) or 'nothing'} {said}"


def accounted(message: hl7v2.Message, made: list[dict[str, Any]] | None) -> str:
    """How many components are mapped, deciding and kept; each populated one is in one of these."""
    account = meter.account(message, made)
    every = [f"{s.name}-{n}.{c}" for s in message.segments for n, c in s.populated()]
    assert sorted([*account.mapped, *account.decided, *account.kept]) == sorted(dict.fromkeys(every)), "each populated component is in one of three"
    return f"[{len(account.mapped)} mapped, {len(account.decided)} decide, {len(account.kept)} kept]"


def becomes(message: hl7v2.Message) -> list[tuple[str, dict[str, Any]]]:
    """What it becomes; each valid, and the same again when it comes again."""
    if message.type not in reading.READERS:
        found = [r for report in oru.reports(message, ANYBODY) for r in becoming.reported(report, ("r", [f"v{i}" for i in range(len(report.values))]), "p", ["o"], [], None)]
        assert [i for r in found for i in validate(r) if is_error(i)] == []
        return [_whose(message), *((str(r["resourceType"]), r) for r in found)]
    draft = reading.READERS[message.type](message, REGISTRY)
    assert all(p.key for p in draft.pieces)
    places = {p.key: f"i{n}" for n, p in enumerate(draft.pieces)}
    out: list[tuple[str, dict[str, Any]]] = [] if draft.person is not None or draft.joins else [_whose(message)]
    if draft.person is not None:
        person = draft.person(None)
        assert draft.person(person) == person
        assert [i for i in validate(person) if is_error(i)] == []
        out.append(("Patient", person))
    for piece in draft.pieces:
        id_ = places[piece.key]
        resource = piece.make(Place(id_, "p", places, None, b"%PDF-", "2026-03-01T00:00:00Z"))
        if resource is None:
            continue
        assert [i for i in validate({**resource, "id": id_}) if is_error(i)] == []
        assert piece.make(Place(id_, "p", places, resource)) == resource
        out.append((piece.type, resource))
    for one, other in draft.joins:
        out.append(("Joined", {"resourceType": "Joined", "identifier": [], "name": [{"family": f"{_numbers(other)} is {_numbers(one)}"}]}))
    return out


def _whose(message: hl7v2.Message) -> tuple[str, dict[str, Any]]:
    """Whom it is about, as people are matched."""
    who = persons.person(message, ANYBODY)
    name = {**({"family": who.family} if who.family else {}), **({"given": list(who.given)} if who.given else {})}
    return "Patient", {"resourceType": "Patient", "name": [name] if name else [], "birthDate": who.born, "gender": who.sex, "identifier": [{"system": s, "value": v} for s, v in who.identifiers]}


def _numbers(who: Any) -> str:
    return ", ".join(v for _, v in who.identifiers)


def files() -> list[Path]:
    assert SHARED is not None
    samples = SHARED / "samples"
    return sorted([*samples.glob("hl7v2-*/*"), *samples.glob("bad-hl7v2/*")])


@needs_shared
def test_each_sample_is_taken_or_refused_as_the_table_says() -> None:
    rows = TABLE.read_text("utf-8").splitlines()
    assert [facts(path) for path in files()] == rows
    assert len(rows) == 194


def _raw(segment: Any, n: int) -> str:
    return str(segment[n]) if len(segment) > n else ""


def _part(raw: str, n: int, separator: str = "^") -> str:
    """A component of the first repetition, as python-hl7 gives it."""
    parts = raw.split("~")[0].split(separator)
    return parts[n - 1].strip() if len(parts) >= n else ""


def _stated(message: Any) -> Iterator[tuple[str, str]]:
    """(kind, value) of what python-hl7 finds in the fields that hold codes, values, days and names; none that is escaped or odd."""
    names = [str(s[0]) for s in message]
    # Values stand under a report or a visit; those before a report and of an appointment stay in the message, and are listed there.
    under = message[names.index("OBR") :] if "OBR" in names else message if "EVN" in names and "SCH" not in names else ()
    for obx in (s for s in under if str(s[0]) == "OBX" and ("OBR" in names or _raw(s, 2) not in ("ED", "RP"))):
        code, kind, value = _part(_raw(obx, 3), 1), _raw(obx, 2), _raw(obx, 5)
        if code:
            yield "code", code
        if kind == "NM" and re.fullmatch(r"-?\d+(\.\d+)?", value):
            yield "number", format(Decimal(value).normalize(), "f")
        elif kind in ("CE", "CWE", "CNE") and (answer := _part(value, 1)):
            yield "code", answer
        if kind == "NM" and value and (unit := _part(_raw(obx, 6), 1)):
            yield "unit", unit
        if re.match(r"\d{8}", _raw(obx, 14)):
            yield "day", _raw(obx, 14)
    for name, n in (("AL1", 3), ("OBR", 4), *((("DG1", 3),) if "SCH" not in names else ())):
        yield from (("code", code) for s in message if str(s[0]) == name and (code := _part(_raw(s, n), 1)))
    for pid in (s for s in message if str(s[0]) == "PID"):
        yield from (("name", part.split("&")[0]) for n in (1, 2) if (part := _part(_raw(pid, 5), n)))
        yield from (("number of theirs", number) for number in (_part(_raw(pid, 3), 1),) if number)
        if re.match(r"\d{8}", _raw(pid, 7)):
            yield "day", _raw(pid, 7)


@needs_shared
def test_what_another_parser_finds_in_a_message_is_among_the_facts_of_the_table() -> None:
    """Codes, numbers, units, days and names of what becomes resources, read by python-hl7 from the same bytes."""
    missing, found = compared(pytest.importorskip("hl7"))
    assert found > 3000
    assert missing == sorted(NOT_TOLD)


def compared(hl7: Any) -> tuple[list[str], int]:
    """(what it finds and we do not say, how much it finds)."""
    missing, found = [], 0
    for path in files():
        raw = path.read_bytes()
        for one in hl7v2batch.split(raw).messages or [raw.decode("latin-1")]:
            try:
                message = hl7v2.parse(one)
                made = becomes(message) if message.type in reading.MAPPED_TYPES and not receiving._trouble(message, ANYBODY) else []
                theirs = hl7.parse(one.replace("\r\n", "\r").replace("\n", "\r").strip("\r") + "\r")
            except (hl7v2.NotReadable, CannotMap, hl7.HL7Exception, ValueError, IndexError):
                continue
            if not made or message.type.startswith("MDM") or message.delimiters != hl7v2.USUAL or any(t == "Joined" for t, _ in made):
                continue
            ours = " ".join(repr(r) for _, r in made)
            plain = re.sub(r"[^0-9a-z]", "", ours.lower())
            for kind, value in _stated(theirs):
                if "\\" in value:
                    continue
                if kind == "number" and not (re.search(rf"[^\d.]{re.escape(value)}(\.?0*)[^\d.]", ours)) or kind != "number" and re.sub(r"[^0-9a-z]", "", (value[:8] if kind == "day" else value).lower()) not in plain:
                    missing.append(f"{path.name}: {kind} {value}")
                found += 1
    return sorted(set(missing)), found


@needs_shared
def test_what_is_not_bad_is_accepted_but_for_a_line_without_a_control_id() -> None:
    """The one exception: a header of two fields in a stream (MSH-10 is required: a message without a control id cannot be answered, 2.9.2)."""
    refused = [row.split("\t")[0] for row in TABLE.read_text("utf-8").splitlines() if "AR " in row.split("\t")[1] and not row.startswith("bad-")]
    assert refused == ["hl7v2-batch/cosyte_hl7__malformed-mid-stream.hl7"]


if __name__ == "__main__":
    TABLE.write_text("".join(facts(path) + "\n" for path in files()), "utf-8")
