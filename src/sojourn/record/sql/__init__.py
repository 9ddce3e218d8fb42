"""The SQL of the record: files with names, and the one predicate that is spliced into them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sojourn.record.sql import past

HERE = Path(__file__).parent
_PART = re.compile(r"^-- (\w+) --\n((?:(?!^-- \w+ --$).*\n?)*)", re.M)
_SPLICE = re.compile(r"/\*(row|bare|part|behind|clean|each)(_past)?:(\w+)(?::([^*]+))?\*/")
SENTENCES = ("relation", "bases", "deny", "bearing")
"""Named parts of visible.sql that all have to hold for a row to be seen, the cheapest first."""


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
    return _sentences(alias, SENTENCES)


def bare(alias: str) -> str:
    """The same without what bears it."""
    return _sentences(alias, SENTENCES[:-1])


def _sentences(alias: str, names: Iterable[str]) -> str:
    return "(" + "\n AND ".join(_sentence(alias, name) for name in names) + ")"


def _sentence(alias: str, name: str) -> str:
    return parts()[name].replace("{behind}", parts()["behind"]).replace("{own}", f"{alias}.own").replace("{r}", alias)


def each(alias: str) -> str:
    """What each sentence of `row` says about the row `alias`, as one object by their names."""
    return "jsonb_build_object(" + ",\n".join(f"'{name}', {_sentence(alias, name)}" for name in SENTENCES) + ")"


def behind(alias: str) -> str:
    """May everything be seen that the row `alias` refers to; what it says at once, without asking each target."""
    return parts()["behind"].replace("{r}", alias)


def clean(alias: str) -> str:
    """May the bytes of the row `alias` be served untouched."""
    return parts()["clean"].replace("{r}", alias)


def render(text: str) -> str:
    """A function file with the credential's check and the predicate spliced in; :name becomes p_name.

    /*alive*/, /*row:r*/, /*bare:r*/, /*each:r*/, /*clean:r*/, /*behind:r*/, /*part:r:t.mask*/; with _past (/*row_past:r*/) as it stood at p_known.
    /*decision*/: the parameters of the decision; /*past*/: the functions that the past asks.
    """

    def splice(match: re.Match[str]) -> str:
        kind, past_, alias, own = match.groups()
        made = {"row": row, "bare": bare, "behind": behind, "clean": clean, "each": each}
        sql = part(alias, own) if kind == "part" else made[kind](alias)
        return re.sub(r"(?<!:):([a-z]+)", r"p_\1", past.then(sql) if past_ else sql)

    text = text.replace("/*alive*/", parts()["alive"])
    if "/*decision*/" in text:
        text = text.replace("/*decision*/", past.decision()).replace("/*past*/", past.functions())
    return _SPLICE.sub(splice, text)
