"""Keep the table of settings in docs/operate.md equal to the code."""

import sys
from pathlib import Path

from sojourn.base.settings import table

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "operate.md"
BEGIN, END = "<!-- settings: written by `make architecture` -->", "<!-- end of settings -->"


def placed(text: str) -> str:
    """The document with the settings of today in it."""
    rows = [f"| `{variable}` | {f'`{default}`' if default else ''} | {meaning} |" for variable, default, meaning in table()]
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join([BEGIN, "| variable | default | meaning |", "| --- | --- | --- |", *rows, END]) + after


if __name__ == "__main__":
    DOCUMENT.write_text(placed(DOCUMENT.read_text("utf-8")), "utf-8")
    print(f"{DOCUMENT.name} has the settings of today.", file=sys.stderr)
