"""Messages as senders write them whom nobody asked to write otherwise: old versions, fields left out, marks of privacy in unusual places."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.care.exchange import becoming
from sojourn.doors.hl7v2 import marks, meter, oru, reading, receiving
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import hl7v2
from tests.doors.hl7v2 import test_samples

ANYBODY = Partner("anybody", "Anybody")
R = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
PART2 = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}
PID = "PID|1||S-7^^^HOSP^MR||Lowe^Kay||19600210|F"


def message(kind: str, *segments: str, version: str = "2.5.1", more: str = "", security: str = "") -> hl7v2.Message:
    return hl7v2.parse("\r".join((f"MSH|^~\\&|REG|HOSP|US|US|20260301080000|{security}|{kind}|7|P|{version}{more}", *segments)) + "\r")


def becomes(said: hl7v2.Message) -> list[dict[str, Any]]:
    """What it becomes, each populated component accounted for."""
    made = [r for _, r in test_samples.becomes(said)]
    account = meter.account(said, made)
    every = dict.fromkeys(f"{s.name}-{n}.{c}" for s in said.segments for n, c in s.populated())
    assert sorted([*account.mapped, *account.decided, *account.kept]) == sorted(every)
    return made


@pytest.mark.parametrize(
    ("kind", "segments", "version", "read_as"),
    [
        ("ADT", ("EVN|A04|20260301", PID), "2.1", "ADT^A04"), ("ADT", ("EVN|A08|20260301", PID), "2.2", "ADT^A08"), ("ORU", (PID, "OBR|1"), "2.1", "ORU^R01"), ("ORM", (PID, "ORC|NW"), "2.2", "ORM^O01"),
        ("adt^a04", ("EVN|A04", PID), "2.3", "ADT^A04"), ("ADT^A04", ("EVN|A08", PID), "2.3", "ADT^A04"), ("ACK", ("MSA|AA|1",), "2.1", "ACK"),
    ],
)  # fmt: skip
def test_an_old_version_says_its_event_in_evn_or_has_only_one(kind: str, segments: tuple[str, ...], version: str, read_as: str) -> None:
    said = message(kind, *segments, version=version)
    assert said.type == read_as
    assert receiving._trouble(said, ANYBODY) is None
    assert (said.type in reading.MAPPED_TYPES) == (read_as.partition("^")[0] in ("ADT", "ORU"))


def test_a_result_of_1988_is_read() -> None:
    (person, value, report) = becomes(message("ORU", "PID|||S-7||LOWE^KAY", "OBR|1|||GLU^GLUCOSE|||198808181126", "OBX|1|NM|GLU^GLUCOSE||101|MG/DL|70-99|H", version="2.1"))
    assert person["identifier"][0]["value"] == "S-7"
    assert (value["valueQuantity"]["value"], value["valueQuantity"]["unit"], value["effectiveDateTime"][:10]) == (101, "MG/DL", "1988-08-18")
    assert report["code"]["text"] == "GLUCOSE"


def test_a_diagnosis_is_written_down_though_the_visit_has_no_number() -> None:
    made = becomes(message("ADT^A04^ADT_A01", "EVN|A04|20260301", PID, "PV1|1|O", "DG1|1||F41.1^Generalized anxiety disorder^I10||20260228|F"))
    assert [r["resourceType"] for r in made] == ["Patient", "Condition"]
    condition = made[1]
    assert condition["code"]["coding"][0]["code"] == "F41.1"
    assert "encounter" not in condition
    told = message("ADT^A04^ADT_A01", "EVN|A04|20260301", PID, "PV1|1|O|||||||||||||||||V9", "DG1|1||F41.1^Generalized anxiety disorder^I10")
    visit = {r["resourceType"]: r for r in becomes(told)}
    assert visit["Condition"]["encounter"]["reference"].startswith("Encounter/")


VISIT = ("EVN|A04|20260301", PID)
NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        (message("ADT^A04", *VISIT, "PV1|1|O"), []),
        (message("ADT^A04", *VISIT, "PV1|1|O", security="42CFR2"), [R, PART2]),
        (message("ADT^A04", *VISIT, "PV2|||^Admitted under 42 CFR Part 2"), [R, PART2]),
        (message("ORU^R01", PID, "OBR|1|||1^T^L|||||||||" + NOTICE), [R, PART2]),
        (message("ORU^R01", PID, "OBR|1|||1^T^L", f"OBX|1|ED|1^T^L||^text^plain^A^{NOTICE}"), [R, PART2]),
        (message("ADT^A04", *VISIT, version="2.9", more="|" * 14 + "R^Restricted"), [R]),
        (message("ADT^A04", *VISIT, version="2.9", more="|" * 14 + "N^Normal"), []),
        (message("ADT^A04", *VISIT, version="2.9", more="|" * 15 + "ETH"), [R, PART2]),
        (message("ADT^A04", *VISIT, "PD1||||||||||||Y"), [R]),
        (message("ADT^A04", *VISIT, "PD1||||||||||||N"), []),
        (message("ADT^A04", *VISIT, "DG1|1||F41.1^GAD^I10|||A||||||||||||Y"), [R]),
        (message("ADT^A04", *VISIT, "DG1|1||F41.1^GAD^I10|||A||||||||||||N"), []),
        (message("ADT^A04", *VISIT, "ARV|1||AD^Add|||||R"), [R]),
        (message("PPR^PC1", PID, "PRB|AD|20260301|F43.10^PTSD^I10|P9" + "|" * 21 + "R"), [R]),
    ],
)  # fmt: skip
def test_marks_of_privacy_are_seen_wherever_the_standard_lets_them_stand(said: hl7v2.Message, labels: list[dict[str, str]]) -> None:
    assert marks.of(said, ANYBODY) == labels


def test_a_notice_that_is_a_file_in_base64_is_no_word_of_the_message() -> None:
    """What stands in the file is read where the file is opened (gate/filemarks.py)."""
    said = message("ORU^R01", PID, "OBR|1|||1^T^L", "OBX|1|ED|1^T^L||^application^pdf^Base64^42CFRpart2AAA")
    assert marks.of(said, ANYBODY) == []


def test_the_value_of_another_person_is_never_filed_to_the_first() -> None:
    said = message("ORU^R01", PID, "OBR|1|||1^T^L", "OBX|1|NM|1^T^L||1", "PID|2||S-8^^^HOSP^MR||Lind^Ola", "OBR|2|||1^T^L", "OBX|1|NM|1^T^L||222")
    with pytest.raises(test_samples.CannotMap, match="several people"):
        oru.reports(said, ANYBODY)


def test_a_number_that_is_none_stays_a_text() -> None:
    lines = [f"OBX|{n}|{kind}|N{n}^T^L||{value}" for n, (kind, value) in enumerate((("NM", "NaN"), ("NM", "1e400"), ("NM", "1e999999999"), ("SN", ">^Infinity"), ("NM", "9" * 5000)))]
    found = [r for report in oru.reports(message("ORU^R01", PID, "OBR|1|||1^T^L", *lines), ANYBODY) for r in becoming.reported(report, ("r", list("abcde")), "p", [], [], None)]
    assert all("valueQuantity" not in r for r in found)
    assert [r.get("valueString", "")[:3] for r in found[:3]] == ["NaN", "1e4", "1e9"]


def test_what_has_a_unit_and_no_type_is_a_measurement() -> None:
    lines = ("OBX|1||A^T^L||95|mg/dL|||||F", "OBX|2||B^T^L||<5|mg/dL|||||F", "OBX|3||C^T^L||hemolyzed|mg/dL|||||F", "OBX|4||D^T^L||95||||||F")
    found = [r for report in oru.reports(message("ORU^R01", PID, "OBR|1|||1^T^L", *lines), ANYBODY) for r in becoming.reported(report, ("r", list("abcd")), "p", [], [], None)]
    assert [(str(q["value"]), q.get("comparator", ""), q["unit"]) for q in (found[0]["valueQuantity"], found[1]["valueQuantity"])] == [("95", "", "mg/dL"), ("5", "<", "mg/dL")]
    assert [r["valueString"] for r in found[2:4]] == ["hemolyzed mg/dL", "95"]


@pytest.mark.parametrize(("declared", "found"), [("", 1), ("8859/1", 0), ("UNICODE UTF-8", 1)])
def test_the_quotation_marks_of_windows_are_read_where_latin_1_has_none(declared: str, found: int) -> None:
    raw = f"MSH|^~\\&|REG|HOSP|US|US|20260301||ADT^A04|7|P|2.5.1||||||{declared}\rPID|1||S-7||O’Neil–Lowe^Zoë\r".encode("cp1252")
    said = hl7v2.parse(raw)
    assert (said.all("PID")[0].v(5), said.all("PID")[0].v(5, 2), said.charset, len(said.findings)) == ("O’Neil–Lowe", "Zoë", "cp1252", found)
    assert said.encode().encode(said.charset) == raw
    assert hl7v2.parse(raw.replace(b"\x92", b"").replace(b"\x96", b"")).charset == "latin-1"
