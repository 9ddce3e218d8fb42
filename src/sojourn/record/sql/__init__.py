"""The SQL of the record: files with names, and the one predicate that is spliced into them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
_PART = re.compile(r"^-- (\w+) --\n((?:(?!^-- \w+ --$).*\n?)*)", re.M)
_SPLICE = re.compile(r"/\*(row|part|clean):(\w+)(?::([^*]+))?\*/")


@lru_cache(maxsize=1)
def parts() -> dict[str, str]:
    """The named parts of visible.sql, comment lines removed."""
    text = (HERE / "visible.sql").read_text()
    return {
        name: "\n".join(line for line in body.splitlines() if line.strip() and not line.startswith("--"))
        for name, body in _PART.findall(text)
    }


def part(alias: str, own: str) -> str:
    """May something on the row `alias` that carries the bases `own` be seen (an element, a token, a reference); arguments still as :name."""
    return parts()["part"].replace("{own}", f"({own})").replace("{r}", alias)


def row(alias: str) -> str:
    """May the row `alias` be seen: relation, bases and deny; the cheapest first."""
    own = f"{alias}.own"
    sentences = (parts()[name].replace("{own}", own).replace("{r}", alias) for name in ("relation", "bases", "deny"))
    return "(" + "\n AND ".join(sentences) + ")"


def clean(alias: str) -> str:
    """May the bytes of the row `alias` be served untouched."""
    return parts()["clean"].replace("{r}", alias)


def render(text: str) -> str:
    """A function file with the predicate spliced in: /*row:r*/, /*clean:r*/, /*part:r:t.mask*/; :name becomes p_name."""

    def splice(match: re.Match[str]) -> str:
        kind, alias, own = match.groups()
        sql = {"row": lambda: row(alias), "clean": lambda: clean(alias), "part": lambda: part(alias, own)}[kind]()
        return re.sub(r"(?<!:):([a-z]+)", r"p_\1", sql)

    return _SPLICE.sub(splice, text)
