"""Every C-CDA sample: what its statements become, fact by fact, and what stays in the document; held against another parser.

A row of summaries.tsv: file; each resource that it becomes (tests/factlines.py: codes, value, time, state, and a digest of all that it states); what stays, with the
reason and how often; the account of its data (care/summaries/meter.py). `python -m tests.care.test_summary_samples` writes it anew, to be read before it is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sojourn.care.papers import reading
from sojourn.care.summaries import mapping, meter, registering
from sojourn.fhir.validate import validate
from sojourn.wire.ccda import narrative, reader
from sojourn.wire.ccda.data import data
from sojourn.wire.ccda.xml import BadDocument, parse
from tests import factlines
from tests.shared import SHARED, needs_shared

TABLE = Path(__file__).with_name("summaries.tsv")
FILES = sorted(p.relative_to(SHARED / "samples").as_posix() for p in (SHARED / "samples").glob("*ccda*/*.xml")) if SHARED else []
HL7 = "{urn:hl7-org:v3}"
ROOT = "2.16.840.1.113883.10.20.22.4."
NOT_TAKEN = {
    "onc-healthit_reference-ccda-validator__ivl_real_example2.xml: code 8302-2": "Its value is a text in an attribute, which is none: it says no height.",
    "onc-healthit_reference-ccda-validator__ivl_real_example2.xml: day 20081101": "As above.",
}
"""What another parser finds and that becomes nothing, each with why."""


def content(name: str) -> bytes:
    assert SHARED is not None
    return (SHARED / "samples" / name).read_bytes()


def made(name: str) -> tuple[dict[str, Any], list[mapping.Mapped]]:
    """The person and the statements of a sample; each statement mapped or named with its reason, and valid."""
    document = reader.read(content(name))
    mapped = mapping.of(document, "p1")
    assert {mapping.key_of(f) for f in document.facts() if f.kind != "mark"} == {m.key for m in mapped}
    assert all((m.resource is None) == bool(m.why) for m in mapped)
    assert not [i for m in mapped if m.resource for i in validate(m.resource) if i.severity in ("error", "fatal")]
    return registering.patient(document), mapped


def row(name: str) -> str:
    """One row."""
    try:
        person, mapped = made(name)
    except BadDocument as error:
        return f"{name}\trefused: {error}\t\t"
    stays = Counter(m.why for m in mapped if m.resource is None)
    account = meter.account(content(name), mapped, person, [(at, labels) for at, labels in mapping.apart(reader.read(content(name)), person) if labels is not person])
    assert account.mapped + account.decided + account.kept.total() == len(list(data(parse(content(name))))), "each piece is in one of three"
    kept = sha256(repr(sorted(account.kept.items())).encode()).hexdigest()[:6]
    return "\t".join((name, " / ".join(factlines.line(r) for r in (person, *(m.resource for m in mapped if m.resource))), "; ".join(f"{n}x {why}" for why, n in sorted(stays.items())), f"{account.mapped} mapped, {account.decided} decide, {account.kept.total()} kept #{kept}"))


@needs_shared
def test_every_sample_becomes_what_the_table_says_and_what_does_not_is_named() -> None:
    assert [row(name) for name in FILES] == TABLE.read_text("utf-8").splitlines()
    for name in FILES:
        if "\trefused: " in row(name):
            continue
        assert reading.media_of(content(name)) == reading.CCDA
        assert narrative.of(content(name)) or not reader.read(content(name)).sections


def _stated(root: Any) -> Iterator[tuple[str, str]]:
    """(kind, value) of what lxml finds in the statements whose templates say what they are."""
    for node in root.iter(f"{HL7}observation", f"{HL7}substanceAdministration", f"{HL7}procedure", f"{HL7}encounter", f"{HL7}act"):
        numbers = {t.get("root", "").removeprefix(ROOT) for t in node.findall(f"{HL7}templateId")}
        if node.get("negationInd") == "true" or node.get("moodCode") not in ("EVN", None):
            continue
        if numbers & {"2", "27"}:
            yield from _of(node, "code")
            yield from _values(node)
        elif "4" in numbers:
            yield from _of(node, "value")
        elif "7" in numbers:
            yield from _of(node, "participant/participantRole/playingEntity/code")
        elif numbers & {"16", "52"}:
            yield from _of(node, "consumable/manufacturedProduct/manufacturedMaterial/code")
            yield from (("number", d.get("value")) for d in node.findall(f"{HL7}doseQuantity") if _number(d.get("value")))
            yield from (("words", lot.text) for lot in node.iter(f"{HL7}lotNumberText") if lot.text and "52" in numbers)
        elif numbers & {"12", "13", "14", "49"}:
            yield from _of(node, "code")
        elif numbers & {"38", "78"}:
            yield from _of(node, "value")


def _of(node: Any, path: str) -> Iterator[tuple[str, str]]:
    for found in node.findall("/".join(HL7 + step for step in path.split("/"))):
        yield from (("code", c.get("code")) for c in (found, *found.findall(f"{HL7}translation")) if c.get("code"))


def _values(node: Any) -> Iterator[tuple[str, str]]:
    for value in node.findall(f"{HL7}value"):
        if _number(value.get("value")):
            yield "number", value.get("value")
            yield from (("words", u) for u in (value.get("unit"),) if u and u != "1")
        elif value.get("code"):
            yield "code", value.get("code")
    yield from (("day", t.get("value")) for t in node.findall(f"{HL7}effectiveTime") if re.match(r"\d{8}", t.get("value") or ""))


def _number(text: str | None) -> bool:
    try:
        return Decimal(text or "").is_finite()
    except InvalidOperation:
        return False


def compared(etree: Any) -> tuple[list[str], int]:
    """(what lxml finds and no resource says, how much it finds)."""
    missing, found = [], 0
    for name in FILES:
        try:
            person, mapped = made(name)
        except BadDocument:
            continue
        said = repr([person, *(m.resource for m in mapped if m.resource)])
        days = re.sub(r"(?<=\d)-(?=\d)", "", said)
        for kind, value in _stated(etree.fromstring(content(name).lstrip())):
            found += 1
            if kind == "number" and f"Decimal('{value}')" in said or kind == "day" and value[:8] in days or kind in ("code", "words") and " ".join(value.split()) in said:
                continue
            missing.append(f"{name.partition('/')[2]}: {kind} {value}")
    return sorted(set(missing)), found


@needs_shared
def test_what_another_parser_finds_is_among_the_facts() -> None:
    missing, found = compared(pytest.importorskip("lxml.etree"))
    assert found > 1500
    assert missing == sorted(NOT_TAKEN)


if __name__ == "__main__":
    TABLE.write_text("".join(row(name) + "\n" for name in FILES), "utf-8")
