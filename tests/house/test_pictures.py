"""Pictures in the documents: each exists, each is used, and those of the tour stay small."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
DOCUMENTS = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
LARGEST, TOGETHER = 60_000, 900_000


def used() -> set[Path]:
    """Every picture that a document shows."""
    return {(path.parent / link).resolve() for path in DOCUMENTS for link in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", path.read_text("utf-8")) if "://" not in link}


def test_every_picture_of_a_document_exists_and_every_picture_is_used() -> None:
    there = {path.resolve() for path in IMAGES.rglob("*") if path.is_file()}
    assert used() == there


def test_every_picture_says_in_words_what_it_shows() -> None:
    silent = [f"{path.name}: {link}" for path in DOCUMENTS for words, link in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", path.read_text("utf-8")) if len(words) < 10]
    assert silent == []


def test_the_pictures_of_the_tour_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (IMAGES / "tour").iterdir()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
    assert 0 < sum(sizes.values()) < TOGETHER
