"""HL7 v2 chapter 2: what is read is kept letter by letter; what is written is escaped; nothing that comes in harms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.wire import hl7v2, hl7v2batch, hl7v2write, mllp
from sojourn.wire.hl7v2 import Delimiters, NotReadable, escaped, parse, text
from tests.shared import SHARED, needs_shared
from tests.wire import others

ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|HOSP|20260705120000||ORU^R01^ORU_R01|M1|P|2.5.1\r"
    "PID|1||MRN-1^^^HOSP^MR~X2^^^SSA&2.16.840.1.113883.4.1&ISO^SS||DOE^JOHN^Q||19700101|M\r"
    'OBX|1|ST|T^Text^L||a\\T\\b \\F\\ \\.br\\next \\Zxx\\ \\H\\bold\\N\\|""|||||F\r'
)


def test_components_repetitions_and_subcomponents_are_read_by_their_numbers() -> None:
    message = parse(ORU)
    pid = message.one("PID")
    assert pid is not None
    assert (message.type, message.control, message.version) == ("ORU^R01", "M1", "2.5.1")
    assert [r.c(1) for r in pid.reps(3)] == ["MRN-1", "X2"]
    assert pid.reps(3)[1].c(4, 2) == "2.16.840.1.113883.4.1"
    assert pid.v(5, 2) == "JOHN"
    assert pid.v(40) == ""


def test_escapes_become_letters_and_unknown_ones_stay() -> None:
    obx = parse(ORU).one("OBX")
    assert obx is not None
    assert obx.first(5).text == "a&b | \nnext \\Zxx\\ \\H\\bold\\N\\"
    assert obx.is_null(6)
    assert obx.v(6) == ""
    assert text("\\F", hl7v2.USUAL) == "\\F"
    assert text("\\X41\\\\X0D\\", hl7v2.USUAL) == "A\r"


def test_delimiters_come_from_the_header_with_four_or_five_characters() -> None:
    assert parse("MSH#!@%*#A#B#C#D#20260301##ADT!A01#7#P#2.5\rPID#1##12!!!MRN").one("PID").v(3) == "12"  # type: ignore[union-attr]
    assert parse("MSH|^~\\&#|A|B|C|D|20260301||ADT^A01|7|P|2.7").delimiters.truncation == "#"
    with pytest.raises(NotReadable):
        parse("EVN|A01\rPID|1")
    with pytest.raises(NotReadable):
        parse("MSH|^^^^|A")


def test_what_nobody_looked_at_is_named() -> None:
    message = parse(ORU)
    for s in message.segments:
        for n, c in s.populated():
            if (s.name, n) != ("PID", 5):
                s.seen.add((n, c))
    assert message.unseen() == ["PID-5.1", "PID-5.2", "PID-5.3"]
    message.one("PID").v(5, 1)  # type: ignore[union-attr]
    assert message.unseen() == ["PID-5.2", "PID-5.3"]


def test_character_sets_follow_the_header() -> None:
    said = "MSH|^~\\&|A|B|C|D|1||ADT^A01|7|P|2.5||||||{}\rPID|1||1||Müller^Zoë".format
    for name, codec in (("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8"), ("8859/15", "iso8859-15")):
        assert parse(said(name).encode(codec)).one("PID").v(5) == "Müller"  # type: ignore[union-attr]
    odd = parse(said("ISO IR 999").encode("latin-1"))
    assert odd.one("PID").v(5) == "Müller"  # type: ignore[union-attr]
    assert odd.findings


def test_new_lines_end_segments_unless_the_rest_of_a_field_stands_after_them() -> None:
    message = parse("MSH|^~\\&|A|B|C|D|1||ORU^R01|7|P|2.5\nNTE|1||first line\nsecond line\nOBX|1|ST|a||b")
    assert [s.name for s in message.segments] == ["MSH", "NTE", "OBX"]
    assert message.one("NTE").v(3) == "first line\nsecond line"  # type: ignore[union-attr]


plain = st.text(st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029"), max_size=40)


@given(plain)
def test_what_is_escaped_reads_back(words: str) -> None:
    assert text(escaped(words), hl7v2.USUAL) == words
    odd = Delimiters("#", "!", "@", "%", "*", "$")
    assert text(escaped(words, odd), odd) == words


letters = st.text(st.sampled_from('AB1 ^~\\&|.XF"é'), max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["PID", "OBX", "ZAB", "NTE"]), st.lists(letters, max_size=8)), max_size=8))
def test_a_message_is_put_together_again_letter_by_letter(rest: list[tuple[str, list[str]]]) -> None:
    whole = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r" + "".join("|".join([name, *fields]) + "\r" for name, fields in rest)
    assert parse(whole).encode() == whole


@settings(max_examples=400)
@given(st.binary(max_size=400), st.sampled_from([b"", b"MSH|^~\\&|", b"MSH", b"\x0bMSH|^~\\&|a|b|c|d|e||ADT^A01|1|P|2.5\r"]))
def test_nothing_that_comes_in_harms(some: bytes, begin: bytes) -> None:
    try:
        message = parse(begin + some)
    except NotReadable:
        return
    finally:
        hl7v2batch.split(begin + some)
    message.unseen()
    for s in message.segments:
        for n in range(1, len(s.fields)):
            for r in s.reps(n):
                assert r.text is not None
                assert r.components
    hl7v2write.acknowledgement(message, hl7v2write.ACCEPTED, datetime(2026, 1, 1, tzinfo=UTC), "9")


def test_blocks_are_found_however_they_are_cut_and_garbage_is_passed_over() -> None:
    stream = b"noise" + mllp.framed(b"one") + b"\r\n" + mllp.framed(b"two")[:-1] + mllp.framed(b"three")
    for size in (1, 2, 7, 100):
        blocks, found = mllp.Blocks(100), []
        for at in range(0, len(stream), size):
            found += blocks.feed(stream[at : at + size])
        assert found == [b"one", b"two", b"three"]
    with pytest.raises(mllp.TooLarge):
        mllp.Blocks(10).feed(mllp.START + b"MSH" * 10)
    with pytest.raises(mllp.NotFramed):
        mllp.Blocks(10).feed(b"GET / HTTP/1.1" * 10_000)


def test_an_acknowledgement_names_the_message_and_turns_sender_and_receiver() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    ack = parse(hl7v2write.acknowledgement(parse(ORU), hl7v2write.ACCEPTED, at, "A7"))
    assert [ack.header.v(n) for n in (3, 4, 5, 6, 10, 12)] == ["EHR", "HOSP", "LAB", "HOSP", "A7", "2.5.1"]
    assert (ack.type, ack.one("MSA").v(1), ack.one("MSA").v(2)) == ("ACK^R01", "AA", "M1")  # type: ignore[union-attr]
    refused = parse(
        hl7v2write.acknowledgement(
            parse(ORU), hl7v2write.ERROR, at, "A8", trouble=hl7v2write.Trouble("There is no PID segment.", "100", "PID")
        )
    )
    assert (refused.one("MSA").v(1), refused.one("ERR").v(3), refused.one("ERR").v(2)) == ("AE", "100", "PID")  # type: ignore[union-attr]
    kept = parse(hl7v2write.acknowledgement(parse(ORU), hl7v2write.ACCEPTED, at, "A9", enhanced=True))
    assert kept.one("MSA").v(1) == "CA"  # type: ignore[union-attr]


def test_a_batch_is_taken_apart_and_wrong_counts_are_said() -> None:
    one = "MSH|^~\\&|A|B|C|D|1||ADT^A01|{}|P|2.5\rPID|1\r".format
    batch = hl7v2batch.split("FHS|^~\\&|A\rBHS|^~\\&|A\r" + one(1) + one(2) + "BTS|3\rFTS|1\r")
    assert [parse(m).control for m in batch.messages] == ["1", "2"]
    assert batch.odd == ["BTS-1 says another number of messages than there are."]
    assert hl7v2batch.batched(b"FHS|^~\\&|")
    assert not hl7v2batch.batched(one(1).encode())


@needs_shared
def test_two_other_readers_agree_on_every_part_of_every_sample() -> None:
    """python-hl7 down to subcomponents as they are written, medforge down to components in plain letters, of every field but MSH-1 and MSH-2."""
    assert SHARED is not None
    messages = parts = components = 0
    for path in sorted((SHARED / "samples").glob("hl7v2-*/*")):
        for one in hl7v2batch.split(path.read_bytes()).messages:
            ours = parse(one)
            assert parse(ours.encode()).encode() == ours.encode(), path.name
            if any("fewer than four" in odd for odd in ours.findings):  # they read on over the end of a short MSH-2: they get it filled up
                if len(ours.header.fields) == 3:  # nothing comes after it
                    continue
                ours.header.fields[2] = ours.delimiters.encoding
                ours = parse(ours.encode())
            found = others.compare(ours)
            assert not found.refused, path.name
            messages, parts, components = messages + 1, parts + found.parts, components + found.components
    assert (messages > 200, parts > 80_000, components > 80_000) == (True, True, True), (messages, parts, components)
