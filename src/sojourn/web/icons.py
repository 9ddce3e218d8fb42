"""Inline SVG icons, by name."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape

from sojourn.web.static import FOLDER


@cache
def icon(name: str, label: str = "") -> Markup:
    """An icon in the colour of the text around it. Decoration unless it has a label, which is then read aloud.

    Empty if the front-end files have not been built: a page without icons still says everything in words.
    """
    path = FOLDER / "vendor" / "icons" / f"{name}.svg"
    if not path.is_file():
        return Markup("")
    inner = re.sub(r"(?s)^<svg[^>]*>|</svg>\s*$", "", path.read_text("utf-8").strip()).strip()
    said = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg class="icon" viewBox="0 0 20 20" fill="currentColor" {said}>{inner}</svg>')  # noqa: S704 - our own files and an escaped label
