"""Whatever stands in a field: a message becomes valid resources, or it says why it cannot, and nothing else is raised."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.care.exchange import kinds
from sojourn.care.exchange.facts import CannotMap, Place
from sojourn.doors.hl7v2 import reading
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate
from sojourn.wire import hl7v2
from tests.doors.hl7v2.hospital import HOSPITAL, IN1, adt
from tests.doors.hl7v2.test_appointments_in import siu
from tests.doors.hl7v2.test_documents_in import RTF, ed, mdm

MORE = "NK1|1|Rivera^Luz|MTH^Mother|12 Elm St^^Riverbend|(518)555-0148||C\rDG1|1||F10.239^Alcohol dependence^I10|||A\rAL1|1|DA|^Penicillin|SV|Hives\rPV2|||^Chest pain\r"
BASES = (
    adt("A01", extra=MORE + IN1), adt("A03", left="20260304093000-0500", extra=MORE), adt("A31", extra=MORE + IN1), adt("A40", extra="MRG|X4^^^MERCY^MR\r"), siu("S12", "S1"), siu("S15", "S2", why="Ill"), mdm("T02", "M1"),
    mdm("T10", "M2", "D2", parent="D1", obx=ed(RTF, "RTF")),
)  # fmt: skip
ODD = st.one_of(
    st.text(alphabet="0123456789-+.", max_size=20), st.text(alphabet='AZaz^~&\\ "19é漢\n\t', max_size=25), st.sampled_from(["", '""', "^", "~", "19880304", "20260231", "00000000", "20260304083000.1234-0500", "Y", "^^^^^^^^", "\\X00\\", "a" * 300]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BASES), st.lists(st.tuples(st.integers(1, 12), st.integers(1, 45), ODD), min_size=1, max_size=6), st.booleans())
def test_a_message_becomes_valid_resources_or_says_why_not(base: bytes, odd: list[tuple[int, int, str]], registers: bool) -> None:
    partner = replace(HOSPITAL, registers=registers)
    lines = base.decode().rstrip("\r").split("\r")
    for at, n, value in odd:
        line = lines[at % (len(lines) - 1) + 1].split("|")
        line += [""] * (n + 1 - len(line))
        line[n] = value.replace("|", "")
        lines[at % (len(lines) - 1) + 1] = "|".join(line)
    message = hl7v2.parse("\r".join(lines))
    try:
        draft = reading.READERS[message.type](message, partner)
    except CannotMap:
        return
    ids = {p.key: f"i{n}" for n, p in enumerate(draft.pieces)}
    made = [draft.person(None)] if draft.person is not None else []
    for piece in draft.pieces:
        first = piece.make(Place(ids[piece.key], "p", ids, None, b"%PDF-", "2026-03-01T00:00:00Z"))
        if first is not None:
            assert piece.make(Place(ids[piece.key], "p", ids, first, b"%PDF-", "2026-03-02T00:00:00Z")) == first, "the same again is the same"
            made.append({**first, "id": ids[piece.key]})
    for resource in made:
        assert [i for i in validate(resource) if is_error(i)] == [], resource["resourceType"]


def test_what_is_said_to_be_filed_by_itself_is() -> None:
    assert set(kinds.FILED) == set(reading.MAPPED_TYPES)
