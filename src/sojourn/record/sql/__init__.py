"""The SQL of the record: files with names, and the one predicate that is spliced into them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
_PART = re.compile(r"^-- (\w+) --\n((?:(?!^-- \w+ --$).*\n?)*)", re.M)
_SPLICE = re.compile(r"/\*(row|bare|part|clean):(\w+)(?::([^*]+))?\*/")


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
    """May the row `alias` be seen: relation, bases, deny, and what bears it; the cheapest first."""
    return _sentences(alias, ("relation", "bases", "deny", "bearing"))


def bare(alias: str) -> str:
    """The same without what bears it."""
    return _sentences(alias, ("relation", "bases", "deny"))


def _sentences(alias: str, names: Iterable[str]) -> str:
    sentences = (parts()[name].replace("{behind}", parts()["behind"]).replace("{own}", f"{alias}.own").replace("{r}", alias) for name in names)
    return "(" + "\n AND ".join(sentences) + ")"


def behind(alias: str) -> str:
    """May everything be seen that the row `alias` refers to; what it says at once, without asking each target."""
    return parts()["behind"].replace("{r}", alias)


def clean(alias: str) -> str:
    """May the bytes of the row `alias` be served untouched."""
    return parts()["clean"].replace("{r}", alias)


def render(text: str) -> str:
    """A function file with the credential's check and the predicate spliced in: /*alive*/, /*row:r*/, /*clean:r*/, /*part:r:t.mask*/; :name becomes p_name."""

    def splice(match: re.Match[str]) -> str:
        kind, alias, own = match.groups()
        sql = {"row": lambda: row(alias), "bare": lambda: bare(alias), "clean": lambda: clean(alias), "part": lambda: part(alias, own)}[kind]()
        return re.sub(r"(?<!:):([a-z]+)", r"p_\1", sql)

    return _SPLICE.sub(splice, text.replace("/*alive*/", parts()["alive"]))
