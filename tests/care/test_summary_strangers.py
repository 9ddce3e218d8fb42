"""Documents as others write them: a notice outside the narrative, annotations of privacy of another form, several people, ratios."""

from __future__ import annotations

import pytest

from sojourn.care.summaries import mapping
from sojourn.gate import documentmarks
from sojourn.wire.ccda import reader
from sojourn.wire.ccda.facts import Document

LOINC = "2.16.840.1.113883.6.1"
NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records"
PERSON = "<recordTarget><patientRole><id root='1.2.3' extension='7'/><patient><name><given>Kay</given><family>Lowe</family></name></patient></patientRole></recordTarget>"


def document(entry: str = "", *, code: str = "30954-2", header: str = PERSON, title: str = "Summary", within: str = "") -> Document:
    section = f"<section><code code='{code}' codeSystem='{LOINC}'/><title>Findings</title><text>Told below.</text>{within}<entry>{entry}</entry></section>"
    body = f"<component><structuredBody><component>{section}</component></structuredBody></component>"
    return reader.read(f"<ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><title>{title}</title>{header}{body}</ClinicalDocument>".encode())


def observed(value: str, inside: str = "", *, about: str = "") -> str:
    return f"<observation classCode='OBS' moodCode='EVN'>{about}<code code='2345-7' codeSystem='{LOINC}' displayName='Glucose'/><statusCode code='completed'/>{value}{inside}</observation>"


NUMBER = "<value xsi:type='PQ' value='95' unit='mg/dL'/>"


def labels(said: Document) -> set[str]:
    return {c["code"] for c in documentmarks.whole(said)}


def test_a_notice_is_seen_wherever_it_stands() -> None:
    assert labels(document(observed(NUMBER))) == set()
    assert labels(document(observed(NUMBER), title=NOTICE)) == {"R", "42CFRPart2"}
    header = f"{PERSON}<informationRecipient><intendedRecipient><informationRecipient><name>{NOTICE}</name></informationRecipient></intendedRecipient></informationRecipient>"
    assert labels(document(observed(NUMBER), header=header)) == {"R", "42CFRPart2"}
    assert labels(document(observed(NUMBER, f"<text>{NOTICE}</text>"))) == {"R", "42CFRPart2"}
    assert labels(document(observed(NUMBER, f"<methodCode code='1' displayName='{NOTICE}'/>"))) == {"R", "42CFRPart2"}


@pytest.mark.parametrize("template", ["2.16.840.1.113883.3.445.12", ""])
def test_a_privacy_annotation_holds_for_the_statement_that_it_stands_in(template: str) -> None:
    root = f"<templateId root='{template}'/>" if template else ""
    told = "".join(
        f"<component><observation classCode='OBS' moodCode='EVN'>{root}<code code='{of}' codeSystem='2.16.840.1.113883.1.11.20457'/><value xsi:type='CE' code='{value}' codeSystem='{system}'/></observation></component>"
        for of, value, system in (("SECCLASSOBS", "R", "2.16.840.1.113883.5.25"), ("SECCATOBS", "ETH", "2.16.840.1.113883.5.4"))
    )
    annotation = f"<entryRelationship typeCode='COMP'><organizer classCode='CLUSTER' moodCode='EVN'><templateId root='2.16.840.1.113883.3.3251.1.4'/>{told}</organizer></entryRelationship>"
    (fact,) = document(observed(NUMBER, annotation)).facts()
    assert (fact.kind, fact.marks.confidentiality, [p.code for p in fact.marks.policies]) == ("result", "R", ["ETH"])


def test_of_a_document_about_several_people_nothing_is_taken_over_by_itself() -> None:
    (one,) = mapping.of(document(observed(NUMBER)), "p")
    assert one.resource is not None
    (one,) = mapping.of(document(observed(NUMBER), header=PERSON * 2), "p")
    assert (one.resource, one.why) == (None, "The document is about several people, and does not say of whom this is.")


MOTHER = "<subject><relatedSubject classCode='PRS'><code code='MTH' codeSystem='2.16.840.1.113883.5.111'/></relatedSubject></subject>"


def test_what_is_said_of_somebody_else_is_no_fact_of_the_client() -> None:
    assert [m.resource for m in mapping.of(document(observed(NUMBER, about=MOTHER)), "p")] == [None]
    assert [m.resource for m in mapping.of(document(observed(NUMBER), within=MOTHER), "p")] == [None]
    panel = f"<organizer classCode='CLUSTER' moodCode='EVN'>{MOTHER}<code code='1' codeSystem='{LOINC}'/><component>{observed(NUMBER)}</component></organizer>"
    assert [m.resource for m in mapping.of(document(panel), "p")] == [None]
    themselves = MOTHER.replace("MTH", "ONESELF")
    assert [m.resource is not None for m in mapping.of(document(observed(NUMBER, about=themselves)), "p")] == [True]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("<value xsi:type='RTO'><numerator xsi:type='INT' value='1'/><denominator xsi:type='INT' value='128'/></value>", "1:128"),
        ("<value xsi:type='RTO_PQ_PQ'><numerator value='5' unit='mg'/><denominator value='10' unit='mL'/></value>", "5 mg / 10 mL"),
        ("<value xsi:type='RTO'><numerator xsi:type='INT' value='1'/><denominator xsi:type='INT' nullFlavor='UNK'/></value>", None),
        ("<value xsi:type='MO' value='40' currency='USD'/>", "40 USD"),
    ],
)
def test_a_ratio_and_an_amount_are_values(value: str, said: str | None) -> None:
    (one,) = mapping.of(document(observed(value)), "p")
    assert (one.resource or {}).get("valueString") == said


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("value='&lt;5' unit='mg/dL'", {"value": 5, "comparator": "<", "unit": "mg/dL"}), ("value='NaN' unit='g'", "NaN g"), ("value='1,5' unit='g'", "1,5 g"), ("value='1e999999999' unit='g'", "1e999999999 g"), ("value='1_000'", "1_000"),
        ("value='1.50e3' unit='g'", {"value": 1500, "unit": "g"}), (f"value='{'9' * 5000}'", "9" * 300), ("nullFlavor='NA'", "not-applicable"),
    ],
)  # fmt: skip
def test_a_number_that_nothing_measures_is_words(value: str, made: dict[str, object] | str) -> None:
    """Written out, 1e999999999 would be a gigabyte, and the record takes no such number."""
    (one,) = mapping.of(document(observed(f"<value xsi:type='PQ' {value}/>")), "p")
    resource = one.resource or {}
    if isinstance(made, dict):
        assert {k: v for k, v in resource["valueQuantity"].items() if k in made} == made
    elif made == "not-applicable":
        assert resource["dataAbsentReason"]["coding"][0]["code"] == made
    else:
        assert resource["valueString"].startswith(made)


def given(*times: str) -> str:
    product = "<consumable><manufacturedProduct><manufacturedMaterial><code code='312938' codeSystem='2.16.840.1.113883.6.88' displayName='sertraline'/></manufacturedMaterial></manufacturedProduct></consumable>"
    return f"<substanceAdministration classCode='SBADM' moodCode='EVN'><statusCode code='active'/>{''.join(times)}<doseQuantity value='1' unit='{{tbl}}'/>{product}</substanceAdministration>"


@pytest.mark.parametrize(
    ("event", "words", "when"),
    [
        ("<event code='HS'/>", "1 tbl, at bedtime", ["HS"]), ("<event code='ACM'/>", "1 tbl, before breakfast", ["ACM"]), ("<event code='ICD'/>", "1 tbl, between lunch and dinner", None),
        ("<event code='AC'/><offset><low value='30' unit='min'/></offset>", "1 tbl, >=30 min before meals", None), ("<event code='XYZ'/>", "1 tbl, XYZ", None),
    ],
)  # fmt: skip
def test_a_medicine_at_bedtime_is_one_at_bedtime(event: str, words: str, when: list[str] | None) -> None:
    (one,) = mapping.of(document(given(f"<effectiveTime xsi:type='EIVL_TS' operator='A'>{event}</effectiveTime>"), code="10160-0"), "p")
    (directions,) = (one.resource or {})["dosage"]
    assert directions["text"] == words
    assert directions.get("timing", {}).get("repeat", {}).get("when") == when


@pytest.mark.parametrize(
    ("time", "period"),
    [
        ("<low value='20250130'/><width value='10' unit='d'/>", {"start": "2025-01-30", "end": "2025-02-09"}), ("<low value='20250101'/><width value='2' unit='wk'/>", {"start": "2025-01-01", "end": "2025-01-15"}),
        ("<low value='202501010800-0500'/><width value='6' unit='h'/>", {"start": "2025-01-01T08:00:00-05:00", "end": "2025-01-01T14:00:00-05:00"}), ("<low value='202501'/><width value='10' unit='d'/>", {"start": "2025-01"}),
        ("<low value='20250101'/><width value='1' unit='mo'/>", {"start": "2025-01-01"}), ("<low value='20250101'/><width value='1e90' unit='d'/>", {"start": "2025-01-01"}), ("<low value='20250101'/><high value='20250105'/><width value='9' unit='d'/>", {"start": "2025-01-01", "end": "2025-01-05"}),
    ],
)  # fmt: skip
def test_a_time_that_says_how_long_it_is_has_an_end(time: str, period: dict[str, str]) -> None:
    (one,) = mapping.of(document(given(f"<effectiveTime xsi:type='IVL_TS'>{time}</effectiveTime>"), code="10160-0"), "p")
    assert (one.resource or {})["effectivePeriod"] == period


def test_the_words_of_an_instruction_stand_in_the_directions_of_its_medicine() -> None:
    told = "<act classCode='ACT' moodCode='INT'><templateId root='2.16.840.1.113883.10.20.22.4.20'/><code code='311401005' codeSystem='2.16.840.1.113883.6.96' displayName='Patient education'/><text>Take with food</text></act>"
    entry = given().replace("</substanceAdministration>", f"<entryRelationship typeCode='SUBJ' inversionInd='true'>{told}</entryRelationship></substanceAdministration>")
    (one,) = mapping.of(document(entry, code="10160-0"), "p")
    assert (one.resource or {})["dosage"][0]["text"] == "1 tbl, Take with food"


def test_an_old_confidentiality_that_says_what_it_is_about_is_a_mark_of_part_2() -> None:
    assert labels(document(observed(NUMBER), header=f"<confidentialityCode code='ETH'/>{PERSON}")) == {"V", "42CFRPart2"}
    assert labels(document(observed(NUMBER), header=f"<confidentialityCode code='R'/>{PERSON}")) == {"R"}
