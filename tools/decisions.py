"""Keep the list of decisions in docs/decisions/README.md as the files are."""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "decisions"
DOCUMENT = FOLDER / "README.md"
BEGIN, END = "<!-- list: written by `make architecture` -->", "<!-- end of list -->"


def lines() -> list[str]:
    """One line for each decision: its title as a link."""
    return [f"- [{path.read_text('utf-8').splitlines()[0].removeprefix('# ')}]({path.name})" for path in sorted(FOLDER.glob("[0-9]*.md"))]


def placed(text: str) -> str:
    """The document with the list of today in it."""
    before, _, rest = text.partition(BEGIN)
    return before + "\n".join([BEGIN, *lines(), END]) + rest.partition(END)[2]


if __name__ == "__main__":
    DOCUMENT.write_text(placed(DOCUMENT.read_text("utf-8")), "utf-8")
    print(f"{DOCUMENT.name} of decisions has the list of today.", file=sys.stderr)
