"""What a validation has found so far, and where in the input it stands.

Checks append rows `[path, severity, code, text]` whose path begins at the element being checked;
whoever called the check puts the path to that element before it, and only when rows were added.
So a resource without faults pays nothing for paths.
"""

from __future__ import annotations

from typing import Any, Final

ERROR: Final = "error"
LOCAL: Final = "local reference"
"""Stands in for a severity: a `#id` that is yet to be looked for in the container."""


class Found(list[list[str]]):
    """Rows of findings, and the resource that is being checked (the scope of constraints)."""

    __slots__ = ("full_urls", "resource", "root")

    def __init__(self) -> None:
        super().__init__()
        self.resource: Any = None
        """The resource that directly holds the element being checked."""
        self.root: Any = None
        """The same, or the resource that contains it."""
        self.full_urls: frozenset[str] | None = None
        """Within a Bundle whose references must resolve in it: the fullUrls of its entries."""


def prefix(found: Found, start: int, label: str) -> None:
    """Put `label` before the path of every row from `start` on."""
    for row in found[start:]:
        path = row[0]
        row[0] = f"{label}.{path}" if path else label
