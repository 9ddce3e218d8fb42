"""Charts, forms, files and fragments."""

from __future__ import annotations

import gzip
import re
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jinja2 import UndefinedError

from sojourn.web import static
from sojourn.web.charts import HEIGHT, WIDTH, Band, Point, band_of, trend
from sojourn.web.forms import Field, Form
from sojourn.web.icons import icon
from sojourn.web.page import Pages, fragment
from tests.web.browser import Browser

BANDS = (Band(0, "low", 0), Band(5, "high & mighty", 4))
DAYS = [datetime.fromisoformat("2026-01-01") + timedelta(days=9 * n) for n in range(30)]


@pytest.mark.parametrize("count", [1, 2, 9, 30])
def test_a_trend_is_well_formed_and_stays_inside_its_frame(count: int) -> None:
    points = [Point(day, n * 7 % 28) for n, day in enumerate(DAYS[:count])]
    drawn = ET.fromstring(trend(points, BANDS, 27, 'Score "x" <y>', "t"))
    for element in drawn.iter():
        for name, most in (("x", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
            assert 0 <= float(element.get(name, 0)) <= most
    assert len(drawn.findall("circle")) == count


def test_a_trend_has_a_title_and_says_every_value_in_words() -> None:
    drawn = ET.fromstring(trend([Point(DAYS[1], 6), Point(DAYS[0], 2.5)], BANDS, 10, "Pain", "t"))
    assert drawn.findtext("title") == "Pain"
    assert drawn.findtext("desc") == "2 values, the oldest first. 1 Jan 2026: 2.5, low; 10 Jan 2026: 6, high & mighty."


def test_two_values_on_one_day_and_a_value_beyond_the_scale_are_drawn() -> None:
    ET.fromstring(trend([Point(DAYS[0], 3), Point(DAYS[0], 40)], BANDS, 10, "Pain", "t"))


def test_a_value_lies_in_the_band_that_begins_at_or_below_it() -> None:
    assert [band_of(v, BANDS).label for v in (0, 4.9, 5, 99)] == ["low", "low", "high & mighty", "high & mighty"]


FIELDS = (Field("name", "Name", "Enter a name.", max_length=5), Field("kind", "Kind", options=(("a", "A"),)), Field("word", "Word", type="password"))


def test_a_form_says_what_is_wrong_with_each_field() -> None:
    form = Form(FIELDS)
    assert not form.fill({"name": "too long", "kind": "z"})
    assert form.errors == {"name": "Name must be 5 characters or fewer.", "kind": "Choose one of the answers for kind."}


def test_answers_are_trimmed_but_passwords_are_not_and_are_never_shown_again() -> None:
    form = Form(FIELDS)
    assert form.fill({"name": " Ana ", "kind": "a", "word": " s "})
    assert form.values == {"name": "Ana", "kind": "a", "word": " s "}
    assert form.value("word") == ""


def test_files_have_their_hash_in_the_name_and_may_be_kept_for_ever() -> None:
    browser = Browser()
    name = static.files().name("app.css")
    answer = browser.get(f"/static/{name}", headers={"accept-encoding": "gzip"})
    assert re.fullmatch(r"app\.[0-9a-f]{16}\.css", name)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert browser.get(f"/static/{name}", headers={"accept-encoding": "identity"}).content == answer.content


@pytest.mark.parametrize("path", ["app.css", "../page.py", "%2e%2e/page.py", "vendor/manifest.json", ""])
def test_no_other_name_is_served(path: str) -> None:
    assert Browser().get(f"/static/{path}").status_code == 404


def test_the_script_and_sheet_stay_small() -> None:
    assert len((static.FOLDER / "app.js").read_text("utf-8").splitlines()) < 300
    assert len(gzip.compress((static.FOLDER / "app.css").read_bytes())) < 10_000


def test_no_template_needs_eval() -> None:
    folders = (Path(static.__file__).parent, Path(static.__file__).parents[1] / "doors" / "staff")
    for path in (p for folder in folders for p in folder.rglob("*.html")):
        assert not re.search(r"hx-on|\bjs:|hx-vals=.js|hx-trigger=\"[^\"]*\[", path.read_text("utf-8")), path


def test_every_element_with_an_htmx_request_carries_the_nonce() -> None:
    folders = (Path(static.__file__).parent, Path(static.__file__).parents[1] / "doors" / "staff")
    for path in (p for folder in folders for p in folder.rglob("*.html")):
        for tag in re.findall(r"<\w+[^>]*\shx-(?:get|post)=[^>]*>", path.read_text("utf-8")):
            assert "hx-nonce" in tag, path


def test_an_icon_is_decoration_unless_it_has_a_label() -> None:
    if not (static.FOLDER / "vendor" / "manifest.json").is_file():
        pytest.skip("The front-end files are not built: run `python hatch_build.py`.")
    assert 'aria-hidden="true"' in icon("x-mark")
    assert 'aria-label="Close &#34;it&#34;"' in icon("x-mark", 'Close "it"')
    assert icon("no-such-icon") == ""


def test_a_fragment_is_one_block_with_the_imports_of_its_page(tmp_path: Path) -> None:
    (tmp_path / "whole.html").write_text("<p>{% block inner %}{% endblock %}</p>")
    page = '{% extends "whole.html" %}{% from "components/tag.html" import tag %}{% block inner %}{{ tag(word) }}{% endblock %}'
    (tmp_path / "page.html").write_text(page)
    template = Pages(tmp_path).environment.get_template("page.html")
    assert fragment(template, "inner", {"word": "a<b"}) == '<span class="tag plain">a&lt;b</span>'


def test_a_name_that_a_template_lacks_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ nothing }}")
    with pytest.raises(UndefinedError):
        Pages(tmp_path).environment.get_template("page.html").render()
