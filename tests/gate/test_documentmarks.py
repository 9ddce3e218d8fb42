"""A clinical document that is written is labelled by what it says of itself, in whatever form its bytes come."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sojourn.gate import documentmarks
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY
from sojourn.gate.documentmarks import PART2
from sojourn.wire.ccda.facts import Document, Fact, Marks, Person, Section
from sojourn.wire.ccda.values import Coded
from tests.care import outside

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
NOTICE = "42 CFR part 2 prohibits unauthorized disclosure of these records."
NOTHING, PLAIN = Coded("", "", "", ""), Marks()


def policy(code: str, system: str = ACT_CODE, *others: Coded) -> Coded:
    return Coded(code, system, "", "", others)


def level(code: str) -> dict[str, str]:
    return {"system": CONFIDENTIALITY, "code": code}


def act(code: str) -> dict[str, str]:
    return {"system": ACT_CODE, "code": code}


def document(marks: Marks = PLAIN, *sections: Section) -> Document:
    return Document(NOTHING, "", "", ("", ""), "", "", (), Person(), (), "", marks, sections)


def section(marks: Marks = PLAIN, *facts: Fact) -> Section:
    return Section("problems", NOTHING, "", "", facts, (), marks=marks)


@pytest.mark.parametrize(
    ("marks", "labels"),
    [
        (Marks(), []), (Marks("U"), []), (Marks("L"), []), (Marks("M"), []), (Marks("N"), []),
        (Marks("R"), [level("R")]), (Marks("V"), [level("V")]), (Marks("X"), [level("V")]),
        (Marks("N", notice=NOTICE), [level("R"), PART2]), (Marks("V", notice=NOTICE), [level("V"), PART2]), (Marks("R", notice=NOTICE), [level("R"), PART2]),
        (Marks("R", (policy("NORDSCLCD"),)), [level("R"), act("NORDSCLCD")]),
        (Marks(policies=(policy("NOAUTH", "urn:theirs"),)), [act("NOAUTH")]),  # refrain policies under another system mean these
        (Marks(policies=(policy("SECRET", "urn:theirs"),)), [{"system": "urn:theirs", "code": "SECRET"}]),
        (Marks(policies=(policy(" some  words "), policy("PERSISTLABEL\n"), policy("", "urn:x"), policy("X", ""), policy("X", "no urn"))), [act("some words"), act("PERSISTLABEL")]),
        (Marks(policies=(policy(" PERSISTLABEL\n"), policy("PERSISTLABEL"))), [act("PERSISTLABEL")]),
        (Marks(policies=(policy("A", "urn:a", policy("42CFRPart2", "urn:b")),)), [{"system": "urn:a", "code": "A"}, PART2]),
        (Marks(policies=(policy("HIV"),)), [act("HIV")]),
        *((Marks("R", (policy(code),)), [PART2, level("R"), act(code)]) for code in ("ETH", "ETHUD", "SUD", "OPIOIDUD")),
        (Marks(policies=(policy("SUD", "urn:theirs"),)), [{"system": "urn:theirs", "code": "SUD"}]),
        (Marks(policies=(policy("42CFRPart2"), policy("SUD"))), [PART2, act("SUD")]),
    ],
)  # fmt: skip
def test_what_a_document_says_of_itself_becomes_its_labels(marks: Marks, labels: list[Any]) -> None:
    assert documentmarks.of(document(marks), marks) == labels
    assert documentmarks.whole(document(marks)) == labels


def test_a_notice_on_the_document_is_on_everything_in_it_and_one_on_a_part_on_that_part() -> None:
    assert documentmarks.of(document(Marks(notice=NOTICE)), Marks()) == [level("R"), PART2]
    assert documentmarks.of(document(), Marks(notice=NOTICE)) == [level("R"), PART2]
    assert documentmarks.of(document(), Marks()) == []


def test_the_whole_has_the_labels_of_its_sections_and_statements_together() -> None:
    inside = section(Marks("R", (policy("HIV"),)), Fact("problem", NOTHING, marks=Marks("V", (policy("PERSISTLABEL"),))))
    assert documentmarks.whole(document(Marks("N", (policy("NOAUTH"),)), inside)) == [level("V"), act("NOAUTH"), act("HIV"), act("PERSISTLABEL")]
    assert documentmarks.whole(document(Marks("V"), inside))[0] == level("V")
    assert documentmarks.whole(document(Marks("N"), section(Marks("R")))) == [level("R")]


def test_of_very_many_labels_those_of_laws_are_all_kept() -> None:
    many = tuple(policy(f"P{n}", "urn:theirs") for n in range(60))
    labels = documentmarks.of(document(), Marks("R", (*many, policy("HIV"), policy("42CFRPart2"))))
    assert len(labels) == 42
    assert labels[-2:] == [act("HIV"), PART2]


def test_the_codes_of_its_statements_tell_what_it_is_about_each_once() -> None:
    what = Coded("B20", ICD, "", "", (Coded("86406008", "urn:snomed", "", ""), Coded("x", "", "", ""), Coded("", "urn:y", "", "")))
    facts = (Fact("problem", what, value=Coded("F11.20", ICD, "", ""), details=(("dose", "two"), ("reaction", Coded("L50", ICD, "", "")))), Fact("problem", what, value="x"), Fact("vital", NOTHING))
    assert list(documentmarks.codes(document(Marks(), section(Marks(), *facts)))) == [
        {"system": ICD, "code": "B20"}, {"system": "urn:snomed", "code": "86406008"}, {"system": ICD, "code": "F11.20"}, {"system": ICD, "code": "L50"},
    ]  # fmt: skip


@pytest.mark.parametrize(("system", "code", "is_"), [(ACT_CODE, "SUD", True), (ACT_CODE, "OPIOIDUD", True), (ACT_CODE, "ETH", True), (ACT_CODE, "ETHUD", True), (ACT_CODE, "HIV", False), ("urn:x", "SUD", False)])
def test_a_label_about_substance_use_is_one_of_the_code_system_for_it(system: str, code: str, is_: bool) -> None:
    assert documentmarks.substance(system, code) is is_


MARKED = outside.ccd(outside.section("11450-4", outside.problem("1.2.3.9", "icd10|B20|Human immunodeficiency virus disease"), confidentiality="R"))


def binary(data: Any) -> dict[str, Any]:
    return {"resourceType": "Binary", "contentType": "application/octet-stream", "data": data}


def reference(*attachments: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "DocumentReference", "content": [{"attachment": a} for a in attachments], **more}


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def labelled(resource: dict[str, Any]) -> list[str]:
    return [c["code"] for c in documentmarks.now(resource["resourceType"], resource, None).get("meta", {}).get("security", ())]


def in_utf16(content: bytes) -> bytes:
    return content.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")


@pytest.mark.parametrize(
    "data",
    [
        packed(MARKED), base64.encodebytes(MARKED).decode(), packed(MARKED).replace("P", "P\r\n ", 3), packed(b"\xef\xbb\xbf" + MARKED), packed(in_utf16(MARKED)),
        packed(MARKED.partition(b"?>")[2].lstrip()), packed(b" " * 200 + MARKED.partition(b"?>")[2].lstrip()), packed(b"\n" * 70 + MARKED.partition(b"?>")[2].lstrip()),
        packed(MARKED.replace(b"<ClinicalDocument", b"<!-- " + b"x" * 60_000 + b" --><ClinicalDocument", 1)),
    ],
)  # fmt: skip
def test_a_document_is_known_by_its_content_however_its_bytes_are_written(data: str) -> None:
    assert labelled(binary(data)) == ["R", "HIV"]
    assert labelled(reference({"data": data})) == ["R", "HIV"]


def test_what_holds_no_document_is_left_as_it_is() -> None:
    for data in ("", None, 7, "!", "AAA", packed(b"%PDF-1.7 <<x>>"), packed(b"<html><p>ClinicalDocument</p></html>"), packed(b"<ClinicalDocuments/>"), packed(b"words")):
        one = binary(data)
        assert documentmarks.now("Binary", one, None) is one
    for other in (reference(None, {"url": "x"}), {"resourceType": "DocumentReference", "content": None}, {"resourceType": "DocumentReference", "content": ["x"]}, {"resourceType": "DocumentReference"}):
        assert documentmarks.now("DocumentReference", other, None) is other
    media = {"resourceType": "Media", "data": packed(MARKED), "content": [{"attachment": {"data": packed(MARKED)}}]}
    assert documentmarks.now("Media", media, None) is media


def test_a_document_that_cannot_be_read_is_restricted() -> None:
    assert labelled(binary(packed(b"<ClinicalDocument xmlns='urn:hl7-org:v3'><open>"))) == ["R"]
    assert labelled(binary(packed(b"before <ClinicalDocument >"))) == ["R"]


def test_labels_that_are_there_stay_and_none_is_put_on_twice() -> None:
    sent = {"meta": {"source": "urn:x", "security": [level("R"), act("GDIS")]}}
    made = documentmarks.now("Binary", {**binary(packed(MARKED)), **sent}, None)
    assert made["meta"] == {"source": "urn:x", "security": [level("R"), act("GDIS"), act("HIV")]}
    whole = {**binary(packed(MARKED)), "meta": {"security": [level("R"), act("HIV")]}}
    assert documentmarks.now("Binary", whole, None) is whole
    odd = documentmarks.now("Binary", {**binary(packed(MARKED)), "meta": {"security": ["R"]}}, None)
    assert odd["meta"]["security"] == ["R", level("R"), act("HIV")]
    two = reference({"data": packed(MARKED)}, {"data": packed(b"<ClinicalDocument ")}, {"data": packed(MARKED.replace(b"B20", b"Z21"))})
    assert labelled(two) == ["R", "HIV"]
    assert labelled(reference({"data": packed(b"words")}, {"data": packed(MARKED)})) == ["R", "HIV"]


async def test_it_is_told_without_keeping_others_waiting() -> None:
    one = binary(packed(MARKED))
    assert (await documentmarks.told("Binary", one, None))["meta"]["security"] == [level("R"), act("HIV")]
    plain = binary(packed(b"words"))
    assert await documentmarks.told("Binary", plain, None) is plain
