"""Clinical documents whose body is a file or text: what is drawn, what is read as words, what is only kept; and nothing of it runs."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from sojourn.base import errors
from sojourn.care.papers import sandbox, worker
from sojourn.care.papers.reading import PDF, PNG
from sojourn.care.summaries import bodies
from sojourn.gate import documentmarks
from sojourn.wire.ccda import reader
from tests.care import outside

pytestmark = pytest.mark.asyncio(loop_scope="module")


def body(media: str, data: bytes) -> bodies.Body:
    found = bodies.of(reader.read(outside.unstructured(media, data)))
    assert found is not None
    return found


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("media", "data", "shown", "called"),
    [
        ("text/plain", b"Came by ambulance.\nWent home.", "Came by ambulance.\nWent home.", "text"),
        ("", b"No type said.", "No type said.", "text"),
        ("text/plain", "Café".encode("cp1252"), "Café", "text"),
        ("text/html", b"<title>T</title><p>One &amp; two<br>three</p><script>alert(1)</script><table><tr><td>a</td><td>b</td></tr></table><img src=x onerror=alert(1)>5 < 6", "One & two\nthree\na b\n5 < 6", "text"),
        ("text/html", b"<!--" * 100_000, "", "a file (text/html)"),
        ("text/rtf", b"{\\rtf1 Hello}", "", "a file (text/rtf)"),
        ("application/msword", b"\xd0\xcf\x11\xe0" + bytes(64), "", "a file (application/msword)"),
        ("text/plain", b"\x00\x01", "", "a file (text/plain)"),
        ("application/pdf", b"", "", "a file that did not come with it"),
    ],
)  # fmt: skip
async def test_a_text_is_read_as_words_and_what_is_neither_is_kept(media: str, data: bytes, shown: str, called: str) -> None:
    found = body(media, data)
    assert (found.words, found.media, found.called, found.data) == (shown, "", called, data)


async def test_a_file_is_drawn_by_what_it_is_whatever_it_is_called() -> None:
    paper = body("text/plain", worker.typeset("Discharged on lithium."))
    assert (paper.media, paper.words, [w.strip() for w in await bodies.pages(paper)]) == (PDF, "", ["Discharged on lithium."])
    picture = body("application/pdf", png())
    assert (picture.media, await bodies.pages(picture)) == (PNG, [""])
    many = tuple((n, 0) for n in range(20))
    assert (await sandbox.drawn(picture.data, picture.media, many, 0)).startswith(b"\x89PNG")
    with pytest.raises(errors.NotFound):
        await sandbox.drawn(picture.data, picture.media, many, 1)
    with pytest.raises(sandbox.Unreadable):
        await bodies.pages(body("application/pdf", b"%PDF-1.7 broken"))


async def test_a_document_without_coded_statements_says_what_it_is() -> None:
    said = {name: bodies.uncoded(reader.read(content)) for name, content in {
        "file": outside.unstructured("application/pdf", worker.typeset("x")), "words": outside.ccd(outside.section("10164-2", "", "<paragraph>Told.</paragraph>")), "nothing": outside.ccd(""), "coded": outside.ccd(),
    }.items()}  # fmt: skip
    assert said == {"file": "Its body is a file (PDF).", "words": "Its sections are words only.", "nothing": "It has no sections.", "coded": ""}


async def test_a_notice_in_a_body_of_text_marks_the_document() -> None:
    content = outside.unstructured("text/plain", b"42 CFR part 2 prohibits unauthorized disclosure of these records.")
    assert {c["code"] for c in documentmarks.whole(reader.read(content))} == {"R", "42CFRPart2"}


async def test_the_notice_in_the_words_of_a_file_marks_the_document() -> None:
    said = "42 CFR part 2 prohibits unauthorized disclosure of these records."
    for media, data in (("application/pdf", worker.typeset(said)), ("text/rtf", rb"{\rtf1\ansi " + said.replace("part", "p{}art").encode() + b"}"), ("application/pdf", b"%PDF-1.7 damaged")):
        found = documentmarks.document(outside.unstructured(media, data))
        assert [c["code"] for c in documentmarks.whole(found)] == ["R", "42CFRPart2"], media
    assert documentmarks.whole(documentmarks.document(outside.unstructured("application/pdf", worker.typeset("He slept well.")))) == []
