"""The documents for those who write programs are pages for everybody, and their links lead somewhere."""

from __future__ import annotations

import re

import pytest

from sojourn.doors.staff.developers import markdown, reading
from tests.web.browser import Browser


def test_a_stranger_reads_every_document_and_each_link_of_ours_leads_to_one() -> None:
    browser, found = Browser(), set()
    begin = browser.get("/developers").text
    for name, document in reading.documents().items():
        assert f'href="/developers/{name}"' in begin
        answer = browser.get(f"/developers/{name}")
        assert answer.status_code == 200
        assert str(document.body) in answer.text
        found |= set(re.findall(r'href="(/developers[^"]*)"', document.body))
    for place in found:
        path, _, part = place.partition("#")
        text = browser.get(path).text
        assert not part or re.search(rf"""id=["']{part}["']""", text), place


def test_what_is_no_document_is_not_there() -> None:
    for name in ("nothing", "README", "operate", "..%2fapi", "api.md"):
        assert Browser().get(f"/developers/{name}").status_code == 404


def test_every_recipe_is_a_page() -> None:
    assert {path.stem for path in (reading.FOLDER / "recipes").glob("*.md")} - {"README"} == set(reading.RECIPES)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# A *b* `c|d`", "<h1 id='a-b-cd'>A <em>b</em> <code>c|d</code></h1>"),
        ("one\ntwo **b `<i>`**", "<p>one two <b>b <code>&lt;i&gt;</code></b></p>"),
        ("```sh\n<a> && *b*\n```", "<pre tabindex='0'><code>&lt;a&gt; &amp;&amp; *b*</code></pre>"),
        ("- a\n  b\n- [c](x.md)", '<ul><li>a b</li><li><a href="/x">c</a></li></ul>'),
        ("[c](javascript:alert)", "<p>c</p>"),
        ("<script>", "<p>&lt;script&gt;</p>"),
        ("| | |\n| --- | --- |\n| a \\| b | c |", "<div class='scroll' role='group' tabindex='0' aria-label='Table'><table><tbody><tr><td>a | b</td><td>c</td></tr></tbody></table></div>"),
    ],
)
def test_marks(text: str, shown: str) -> None:
    assert markdown.html(text, lambda place: "/x" if place == "x.md" else "") == shown
