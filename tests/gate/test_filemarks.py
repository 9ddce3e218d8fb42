"""The notice of 42 CFR 2.32 is seen in the words of a file, whatever the file is."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sojourn.care.release import sheets
from sojourn.care.release.sheets import Line
from sojourn.gate import documentmarks, filemarks
from sojourn.gate.filemarks import PART2
from sojourn.wire import filewords, notice

SHORT = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
RTF = r"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}\pard Letter\par %s\par}"


def pdf(*lines: str) -> bytes:
    drawn, _ = sheets.laid_out([Line("A letter", fresh=True), *(Line(line) for line in lines)])
    return sheets.written(drawn, "", "Elsewhere")


@pytest.mark.parametrize(
    "text",
    [
        SHORT, "protected by Federal confidentiality rules (42 CFR part 2)", "See 42 C.F.R. Part 2.", "42 CFR § 2.32", "42 CFR 2.31(a)", "42 CFR\n  part 2", "42cfrpart2", "42 CFR, Part 2",
        "Title 42 of the law: 42 Code of Federal Regulations Part 2", "Federal rules prohibit you from making any further redisclosure", "prohibits re-disclosure",
    ],
)  # fmt: skip
def test_the_notice_is_known_however_it_is_written(text: str) -> None:
    assert notice.stands_in(text)


@pytest.mark.parametrize("text", ["", "42 CFR part 438", "42 CFR 200.1", "45 CFR 164.508", "Room 42, part 2", "He prohibits it. She redisclosed."])
def test_other_words_are_none(text: str) -> None:
    assert not notice.stands_in(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda said: said.encode(), lambda said: said.encode("utf-16"), lambda said: b"\xef\xbb\xbf" + said.encode(), lambda said: "caf\u00e9 ".encode("latin-1") + said.encode(),
        lambda said: (RTF % said.replace("part", r"p\'61rt")).encode(), lambda said: f"<html><body><p>{said.replace('part', '<b>pa</b>rt')}</p></body></html>".encode(),
        lambda said: f"\n<!DOCTYPE html><p>{said.replace('42', '&#52;2')}</p>".encode(), pdf, lambda said: b"\n" * 20 + pdf(said), lambda said: pdf(*(["Line"] * 120), said),
    ],
)  # fmt: skip
async def test_it_is_read_in_text_rtf_html_and_pdf(make: Any) -> None:
    assert await filemarks.of(make(SHORT)) == PART2
    assert await filemarks.of(make("He feels better and sleeps well.")) == ()


async def test_a_file_whose_words_nobody_can_read_is_marked_and_a_picture_is_not() -> None:
    assert await filemarks.of(b"%PDF-1.7 nothing") == PART2
    assert await filemarks.of(b"x" * (filewords.MOST_BYTES + 1)) == PART2
    assert await filemarks.of(b"\x89PNG\r\n\x1a\n0000") == ()
    assert await filemarks.of(b"\x00\x01" + SHORT.encode()) == ()
    assert await filemarks.of(b"") == ()


async def test_a_file_that_takes_too_long_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filemarks, "SECONDS", 1)
    slow = b"{\\rtf1" + b"\\par a" * 1_500_000 + b"}"
    assert len(slow) < filewords.MOST_BYTES
    assert await filemarks.of(slow) == PART2


def attached(type_: str, content: bytes) -> dict[str, Any]:
    one = {"data": base64.b64encode(content).decode()}
    where: dict[str, Any] = {
        "DocumentReference": {"content": [{"attachment": one}]}, "Binary": one, "DiagnosticReport": {"presentedForm": [one]}, "Media": {"content": one}, "Communication": {"payload": [{"contentAttachment": one}]},
        "QuestionnaireResponse": {"item": [{"linkId": "1", "item": [{"linkId": "2", "answer": [{"valueAttachment": one}]}]}]}, "Consent": {"sourceAttachment": one},
    }  # fmt: skip
    return {"resourceType": type_, **where[type_]}


@pytest.mark.parametrize("type_", ["DocumentReference", "Binary", "DiagnosticReport", "Media", "Communication", "QuestionnaireResponse"])
async def test_what_holds_such_a_file_and_comes_from_outside_is_marked_and_what_we_write_is_not(type_: str) -> None:
    one = attached(type_, SHORT.encode())
    for made in (documentmarks.now(type_, one, None, brought=True), await documentmarks.told(type_, one, None, brought=True)):
        assert [c["code"] for c in made["meta"]["security"]] == ["R", "42CFRPart2"]
    assert documentmarks.now(type_, one, None) is one
    assert await documentmarks.told(type_, one, None) is one
    plain = attached(type_, b"He feels better.")
    assert await documentmarks.told(type_, plain, None, brought=True) is plain


async def test_a_consent_is_about_the_law_and_is_not_marked_by_its_words() -> None:
    one = attached("Consent", SHORT.encode())
    assert await documentmarks.told("Consent", one, None, brought=True) is one


@pytest.mark.parametrize(("before", "after"), [
    ([], ["R", "42CFRPart2"]), (["N"], ["N", "R", "42CFRPart2"]), (["R"], ["R", "42CFRPart2"]), (["V"], ["V", "42CFRPart2"]), (["42CFRPart2"], ["42CFRPart2", "R"]), (["V", "42CFRPart2"], ["V", "42CFRPart2"]),
    (["R", "42CFRPart2", "HIV"], ["R", "42CFRPart2", "HIV"]),
])  # fmt: skip
def test_labels_get_those_of_a_notice_which_are_not_there(before: list[str], after: list[str]) -> None:
    labels = [{"code": c, "display": c} for c in before]
    made = filemarks.added(labels)
    assert [c["code"] for c in made] == after
    assert made[: len(before)] == labels
    assert all(c == filemarks.CODINGS[c["code"]] for c in made[len(before) :])


def test_a_file_is_found_wherever_it_stands_and_what_is_no_file_is_none() -> None:
    def at(text: str) -> dict[str, Any]:
        return {"data": base64.b64encode(text.encode()).decode()}

    broken = base64.b64encode(b"in lines of base64, as some write it").decode()
    found = filemarks.attached([at("a"), {"item": [{"answer": [{"valueAttachment": {**at("b"), "title": "x", "more": [at("c")]}}]}]}, {"data": f"{broken[:10]}\n {broken[10:]}"}])
    assert sorted(found) == [b"a", b"b", b"c", b"in lines of base64, as some write it"]
    nothings: tuple[Any, ...] = ({}, [], None, "data", 7, {"data": ""}, {"data": None}, {"data": 5}, {"data": "a"}, {"data": {"x": 1}}, {"url": "Binary/x"})
    assert [filemarks.attached(nothing) for nothing in nothings] == [[]] * len(nothings)
    assert filemarks.attached({"data": [at("d")]}) == [b"d"]


async def test_what_was_read_is_remembered_by_its_content_and_only_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filemarks, "_KEPT", 2)
    filemarks._known.clear()
    assert [filemarks.now(f"{n}: {SHORT if n % 2 else 'well'}".encode()) for n in (0, 1, 2, 1)] == [(), PART2, (), PART2]
    assert len(filemarks._known) == 2
