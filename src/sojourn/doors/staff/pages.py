"""The templates of the staff app."""

from pathlib import Path

from sojourn.web.page import Pages

PAGES = Pages(Path(__file__).parent)
