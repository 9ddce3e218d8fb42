"""On what a record may be asked for, what has to be there, and by when: dated rows of bases.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from sojourn.gate.compelled import Instrument


@dataclass(frozen=True, slots=True)
class Basis:
    """One basis. who: organization, patient or representative. days: to answer, 0 where the paper says; longer: once. parts: (code, sentence).

    also: (part, instrument) that a part adds when it is there. reasons: (code, text) of a denial.
    """

    code: str
    title: str
    who: str
    purpose: str
    days: int
    longer: int
    parts: tuple[tuple[str, str], ...]
    source: str
    note: str
    instrument: str
    kind: str
    assured: str
    also: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str], ...]

    @property
    def legal(self) -> bool:
        """Whether a court's paper and no consent is what it rests on."""
        return bool(self.instrument)

    def served(self, found: Collection[str]) -> Instrument | None:
        """What was served, as far as its parts were found. An order of which a part is missing is none; a subpoena that came with it stays one."""
        if not self.legal:
            return None
        added = {part for part, _ in self.also}
        whole = {code for code, _ in self.parts if code != self.assured} - added <= set(found)
        words = [self.instrument] if whole else []
        words += [word for part, word in self.also if part in found]
        return Instrument("+".join(words), self.kind, self.assured in found if self.assured else False)

    def missing(self, found: Collection[str]) -> list[str]:
        """What has to be there and is not, in sentences."""
        return [text for code, text in self.parts if code not in found]


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "bases.toml").read_text("utf-8"))


def bases(day: date) -> dict[str, Basis]:
    """Every basis on a day, by code, in the order of the file."""
    made: dict[str, Basis] = {}
    for row in sorted(_table()["basis"], key=lambda row: row["effective"]):
        if row["effective"] <= day:
            def pairs(name: str, row: dict[str, Any] = row) -> tuple[tuple[str, str], ...]:
                return tuple((str(a), str(b)) for a, b in row.get(name, ()))

            made[row["code"]] = Basis(
                row["code"], row["title"], row["who"], row.get("purpose", ""), row["days"], row["longer"], pairs("parts"), row["source"], row.get("note", ""), row.get("instrument", ""),
                row.get("kind", ""), row.get("assured", ""), pairs("with"), pairs("reasons"),
            )  # fmt: skip
    order = [row["code"] for row in _table()["basis"]]
    return dict(sorted(made.items(), key=lambda item: order.index(item[0])))


def identities() -> dict[str, str]:
    """How somebody's identity can be proved."""
    return {row["code"]: row["text"] for row in _table()["identity"]}


def doors() -> dict[str, str]:
    """How what was released can get to who asked."""
    return {row["code"]: row["text"] for row in _table()["door"]}
