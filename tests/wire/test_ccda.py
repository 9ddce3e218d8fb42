"""C-CDA as it comes: every sample is read or refused for a reason, no statement is lost, and nothing that is sent makes the reader fail otherwise."""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sojourn.wire.ccda import values, xml
from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.values import Coded, Quantity, Span
from sojourn.wire.ccda.xml import BadDocument
from tests.shared import SHARED, needs_shared

TABLE = tomllib.loads((Path(__file__).parent / "ccda.toml").read_text())
FILES = sorted(p.relative_to(SHARED / "samples").as_posix() for p in (SHARED / "samples").glob("*ccda*/*.xml")) if SHARED else []
_ROOT = "2.16.840.1.113883.10.20.22.4."
# Entry templates that are facts of their own wherever they stand: allergy, result, vital sign, immunization, encounter, smoking, tobacco.
ALWAYS = ("7", "2", "27", "52", "49", "78")


def data_of(name: str) -> bytes:
    assert SHARED is not None
    return (SHARED / "samples" / name).read_bytes()


@needs_shared
def test_the_table_has_every_sample() -> None:
    assert sorted([*TABLE["accepted"], *TABLE["refused"]]) == FILES


@needs_shared
@pytest.mark.parametrize("name", FILES)
def test_a_sample_gives_its_facts_or_is_refused(name: str) -> None:
    if name in TABLE["refused"]:
        with pytest.raises(BadDocument, match=TABLE["refused"][name]):
            read(data_of(name))
        return
    document = read(data_of(name))
    assert Counter(fact.kind for fact in document.facts()) == {k: v for k, v in TABLE["accepted"][name].items() if k != "unread"}
    assert sum(len(section.unread) for section in document.sections) == TABLE["accepted"][name].get("unread", 0)


@needs_shared
@pytest.mark.parametrize("name", FILES)
def test_no_statement_of_a_sample_is_lost(name: str) -> None:
    """Counted by another parser."""
    if name in TABLE["refused"]:
        return
    document = read(data_of(name))
    ours = Counter(root for fact in document.facts() for root in set(fact.templates))
    theirs: Counter[str] = Counter()
    for element in ET.fromstring(data_of(name).lstrip()).iter():
        roots = {t.get("root") or "" for t in element if t.tag.endswith("templateId")}
        theirs.update(root for root in roots if root.removeprefix(_ROOT) in ALWAYS)
    assert {root: ours[root] for root in theirs} == theirs


def document_of(name: str) -> Document:
    return read(data_of(name))


@needs_shared
def test_what_a_hospital_wrote_is_what_is_read() -> None:
    document = document_of("ccda-ccd/NurraHealth_ccda-to-fhir__cerner_toc.xml")
    assert document.patient.name == "Steve Williamson"
    assert (document.patient.born, document.patient.gender) == ("1947-04-07", "M")
    codeine = document.facts("allergy")[0]
    assert (codeine.what.code, codeine.what.system) == ("2670", "http://www.nlm.nih.gov/research/umls/rxnorm")
    assert isinstance(reaction := codeine.detail("reaction"), Coded)
    assert reaction.code == "422587007"
    (potassium,) = (f for f in document.facts("result") if f.what.code == "6298-4")
    assert potassium.value == Quantity("3.5", "mmol/L")
    assert potassium.time == Span("2013-07-10T22:25:00-05:00", "2013-07-10T22:25:00-05:00")
    assert potassium.detail("range") == "3.5-5.0 mmol/L"
    aspirin = next(f for f in document.facts("medication") if f.what.code == "243670")
    assert isinstance(route := aspirin.detail("route"), Coded)
    assert route.text == "Oral"


@needs_shared
def test_the_privacy_section_of_a_ds4p_document_holds_for_all_of_it() -> None:
    document = document_of("ccda-ccd/onc-healthit_reference-ccda-validator__170.315_b8_ds4p_inp_sample1_v5.xml")
    assert document.marks.confidentiality == "R"
    assert "42 C.F.R. Part 2" in document.marks.notice
    assert {p.code for p in document.marks.policies} >= {"NORDSCLCD", "TREAT"}
    assert all({p.code for p in fact.marks.policies} >= {"NORDSCLCD"} for fact in document.facts("medication"))
    refrain = document_of("ccda-xsd-invalid/onc-healthit_reference-ccda-validator__DS4PRefrainTest.xml")
    assert {p.code for p in refrain.marks.policies} >= {"NOAUTH", "NOINTEGRATE", "NOCOLLECT"}


# --- by hand ---------------------------------------------------------------------------------------------------------------------


def made(entries: str, *, code: str = "48765-2", text: str = "", header: str = "") -> bytes:
    section = f'<section><code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><title>T</title><text>{text}</text>{entries}</section>'
    body = f"<component><structuredBody><component>{section}</component></structuredBody></component>"
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{header}{body}</ClinicalDocument>'.encode()


def observation(inside: str, *, more: str = "") -> str:
    return f'<entry><observation classCode="OBS" moodCode="EVN" {more}>{inside}</observation></entry>'


def only(data: bytes) -> Fact:
    (fact,) = read(data).facts()
    return fact


def test_a_word_of_the_narrative_is_found_by_its_reference() -> None:
    value = '<value xsi:type="CD" nullFlavor="OTH"><originalText><reference value="#p1"/></originalText></value>'
    fact = only(made(observation(value), code="11450-4", text='<list><item ID="p1">Sleeps <content>badly</content>  now</item></list>'))
    assert (fact.kind, fact.what.text, fact.what.null) == ("problem", "Sleeps badly now", "OTH")


def test_an_entry_that_says_nothing_is_listed_and_costs_no_other() -> None:
    good = observation('<value xsi:type="CD" code="1" codeSystem="2.16.840.1.113883.6.96"/>')
    document = read(made("<entry>\n<observation/></entry>" + good + "<entry/>", code="11450-4", text="What stays"))
    (section,) = document.sections
    assert len(section.unread) == 2
    assert [f.what.code for f in section.facts if f.what] == ["1"]
    assert section.narrative == "What stays"


def test_what_is_denied_is_denied() -> None:
    fact = only(made(observation('<value xsi:type="CD" code="419199007" codeSystem="2.16.840.1.113883.6.96"/>', more='negationInd="true"')))
    assert (fact.kind, fact.negated) == ("allergy", True)


def test_of_two_confidentialities_the_stricter_holds() -> None:
    inside = '<value xsi:type="CD" code="1" codeSystem="2.16.840.1.113883.6.96"/>'
    normal, very = '<confidentialityCode code="N"/>', '<confidentialityCode code="V"/>'
    assert only(made(observation(inside + very), header=normal)).marks.confidentiality == "V"
    assert only(made(observation(inside + normal), header=very)).marks.confidentiality == "V"
    assert only(made(observation(inside + normal), header='<confidentialityCode code="XYZ"/>')).marks.confidentiality == "XYZ"


def test_a_plan_is_no_fact_of_what_happened() -> None:
    entry = '<entry><procedure moodCode="RQO"><code code="104" codeSystem="2.16.840.1.113883.6.96"/></procedure></entry>'
    fact = only(made(entry, code="47519-4"))
    assert (fact.kind, fact.mood, fact.what.code) == ("plan", "RQO", "104")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("2013", "2013"), ("201302", "2013-02"), ("20130207", "2013-02-07"), ("201302071530-0500", "2013-02-07T15:30:00-05:00"), ("20130207153059.123+0000", "2013-02-07T15:30:59+00:00"),
        ("201302071530", "2013-02-07"), ("20130230", ""), ("20131301", ""), ("20130207250000-0500", "2013-02-07"), ("yesterday", ""), ("", ""), ("00000101", ""),
    ],
)  # fmt: skip
def test_a_time_is_as_exact_as_it_was_given(given: str, said: str) -> None:
    assert values.moment(given) == said


# --- what must not hurt ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not well-formed|empty"), (b"<a>", "not well-formed"), (b"<a/>", "no ClinicalDocument"), (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"), (b"<a>" * 101 + b"</a>" * 101, "deep"), (b'<?xml version="1.0" encoding="x-unknown"?><a/>', "encoding"),
        (b"<a>\0</a>", "not well-formed"), (b" " * (xml.MAX_BYTES + 1), "larger"), (b"\xff\xfe<\0a", "not well-formed|encoding"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadDocument, match=why):
        read(data)


def test_more_elements_than_a_document_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_NODES", 50)
    with pytest.raises(BadDocument, match="more than 50 elements"):
        read(b"<a>" + b"<b/>" * 50 + b"</a>")


def test_a_refusal_repeats_nothing_of_the_content() -> None:
    with pytest.raises(BadDocument) as refused:
        read(b"<ClinicalDocument><title>Jane Doe</title>")
    assert "Jane" not in str(refused.value)


@needs_shared
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_sample_is_read_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    for name in rng.sample(FILES, 6):
        data = bytearray(data_of(name))
        for _ in range(rng.randint(1, 30)):
            at = rng.randrange(len(data))
            how = rng.random()
            if how < 0.5:
                data[at] = rng.choice(b"<>/\"'= a0&\x00\xff")
            elif how < 0.8:
                del data[at : at + rng.randint(1, 400)]
            else:
                data[at:at] = data[at : at + rng.randint(1, 400)]
        try:
            read(bytes(data))
        except BadDocument:
            continue


@needs_shared
@pytest.mark.parametrize("seed", range(8))
def test_a_document_with_its_parts_exchanged_is_read(seed: int) -> None:
    """Well-formed, and odd in every other way: attributes and elements of one place stand in another."""
    rng = random.Random(seed)
    for name in rng.sample([f for f in FILES if f not in TABLE["refused"]], 3):
        root = ET.fromstring(data_of(name).lstrip())
        elements = list(root.iter())
        for _ in range(80):
            one, other = rng.choice(elements), rng.choice(elements)
            one.attrib, other.attrib = dict(other.attrib), dict(one.attrib)
            if rng.random() < 0.4 and one is not root and other is not root and len(list(one.iter())) + len(list(other.iter())) < 60:
                one.tag, other.tag = other.tag, one.tag
        read(ET.tostring(root))
