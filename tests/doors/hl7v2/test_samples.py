"""Every public sample of HL7 v2: accepted or refused, and what comes out of it; the table beside this file says so for each.

A row: file, answers (each with how often), and of each message that is mapped: reports/values, family name, birth date, looked at/listed components.
`python -m tests.doors.hl7v2.test_samples` writes it anew, to be read before it is kept.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sojourn.doors.hl7v2 import inbound, oru, persons, receiving
from sojourn.doors.hl7v2.facts import CannotMap, Place
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import hl7v2, hl7v2batch
from tests.shared import SHARED, needs_shared

TABLE = Path(__file__).with_name("samples.tsv")
ANYBODY = Partner("anybody", "Anybody")
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
        if message.type in inbound.MAPPED_TYPES:
            out.append(_mapped(message))
    said = ", ".join(f"{n}x {a}" if n > 1 else a for a, n in sorted(answers.items()))
    return "\t".join((f"{path.parent.name}/{path.name}", said, "; ".join(out)))


def _mapped(message: hl7v2.Message) -> str:
    try:
        if message.type in inbound.READERS:
            return _drafted(message)
        found = oru.reports(message, ANYBODY)
    except CannotMap as error:
        return f"not filed: {error.why}"
    for report in found:
        for resource in oru.resources(report, ("r", [f"v{i}" for i in range(len(report.values))]), "p", ["o"], [], None):
            assert [i for i in validate(resource) if is_error(i)] == []
    return f"{len(found)}/{sum(len(r.values) for r in found)} {_looked(message)}"


def _drafted(message: hl7v2.Message) -> str:
    """What it becomes, by type; each valid, and the same again when it comes again."""
    draft = inbound.READERS[message.type](message, REGISTRY)
    assert all(p.key for p in draft.pieces)
    places = {p.key: f"i{n}" for n, p in enumerate(draft.pieces)}
    types: Counter[str] = Counter()
    made = [(p.type, places[p.key], p.make) for p in draft.pieces]
    if draft.person is not None:
        person = draft.person(None)
        assert draft.person(person) == person
        assert [i for i in validate(person) if is_error(i)] == []
        types["Patient"] += 1
    for type_, id_, make in made:
        resource = make(Place(id_, "p", places, None, b"%PDF-", "2026-03-01T00:00:00Z"))
        if resource is None:
            continue
        assert [i for i in validate({**resource, "id": id_}) if is_error(i)] == []
        assert make(Place(id_, "p", places, resource)) == resource
        types[type_] += 1
    said = " ".join(f"{type_}*{n}" for type_, n in sorted(types.items())) or "nothing"
    return f"{said}{f' joins {len(draft.joins)}' if draft.joins else ''} {_looked(message)}"


def _looked(message: hl7v2.Message) -> str:
    who = persons.person(message, ANYBODY)
    every = {(s.name, n, c) for s in message.segments for n, c in s.populated()}
    listed = message.unseen()
    looked = {f"{name}-{n}.{c}" for name, n, c in every} - set(listed)
    return f"{who.family or '-'} {who.born or '-'} {len(looked)}+{len(listed)}"


def _files() -> list[Path]:
    assert SHARED is not None
    samples = SHARED / "samples"
    return sorted([*samples.glob("hl7v2-*/*"), *samples.glob("bad-hl7v2/*")])


@needs_shared
def test_each_sample_is_taken_or_refused_as_the_table_says() -> None:
    rows = TABLE.read_text("utf-8").splitlines()
    assert [facts(path) for path in _files()] == rows
    assert len(rows) == 194


@needs_shared
def test_what_is_not_bad_is_accepted_but_for_a_line_without_a_control_id() -> None:
    """The one exception: a header of two fields in a stream (MSH-10 is required: a message without a control id cannot be answered, 2.9.2)."""
    refused = [row.split("\t")[0] for row in TABLE.read_text("utf-8").splitlines() if "AR " in row.split("\t")[1] and not row.startswith("bad-")]
    assert refused == ["hl7v2-batch/cosyte_hl7__malformed-mid-stream.hl7"]


if __name__ == "__main__":
    TABLE.write_text("".join(facts(path) + "\n" for path in _files()), "utf-8")
