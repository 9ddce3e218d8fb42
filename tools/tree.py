"""Print the tree of the code from the first docstring lines, and keep it in ARCHITECTURE.md."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "sojourn"
DEEP = 2
BEGIN, END = "<!-- tree: written by `make architecture` -->", "<!-- end of tree -->"


def sign(module: Path) -> str:
    """The first line of the module's docstring."""
    text = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def lines(folder: Path = SOURCE, depth: int = 0) -> list[str]:
    """One line for each package and module: packages up to two levels deep with their modules, deeper ones by their sign only."""
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        indent = "  " * (depth + 1)
        if path.suffix == ".py" and path.name != "__init__.py":
            found.append(f"{(indent + path.name):<32}{sign(path)}".rstrip())
        elif path.is_dir() and (path / "__init__.py").exists():
            found.append(f"{(indent + path.name + '/'):<32}{sign(path / '__init__.py')}".rstrip())
            found += lines(path, depth + 1) if depth < DEEP else []
    return found


def tree() -> str:
    """The whole tree as it stands in ARCHITECTURE.md."""
    return "\n".join([BEGIN, "```", f"{'sojourn/':<32}{sign(SOURCE / '__init__.py')}", *lines(), "```", END])


def placed(text: str) -> str:
    """The document with the tree of today in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + tree() + after


if __name__ == "__main__":
    document = ROOT / "ARCHITECTURE.md"
    document.write_text(placed(document.read_text("utf-8")), "utf-8")
    print(f"{document.name} has the tree of today.", file=sys.stderr)
