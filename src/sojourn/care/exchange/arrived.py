"""Whether what a sender wrote stands in what it became: words, times, numbers, coding systems. Pure.

That something was looked at proves nothing: a loss meter asks here whether it arrived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_SHORT: Final = 4
"""Letters from which on a text counts where it is a part of another; a shorter one has to be a word of its own."""
_LONGEST: Final = 200_000
_TIME: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?(T[\d:.]+)?(Z|[+-]\d\d:\d\d)?")
_STAMP: Final = re.compile(r"(\d{4,14})(\.\d+)?([+-]\d{4})?")
_ZONE: Final = re.compile(r"(Z|[+-]\d\d:\d\d)$")
_NOT_DIGIT: Final = re.compile(r"\D+")
_WORD: Final = re.compile(r"[^\W_]+")
_LONG: Final = 7
"""Digits from which on a number is a telephone or a number of somebody, whatever stands between them."""
_DAY: Final = 8
_LEAST: Final = 3
"""Digits of a number that is not there by chance."""


class There:
    """All that some resources say. system: the address of a coding system by what a sender calls it, or ''."""

    def __init__(self, made: Iterable[Mapping[str, Any]], system: Callable[[str], str]) -> None:
        self.exact: set[str] = set()
        self.numbers: set[Decimal] = set()
        self.stamps: set[str] = set()
        self.system = system
        self._known: dict[tuple[str, bool], bool] = {}
        texts: list[str] = []
        numbers: list[str] = []
        for leaf in _leaves(made):
            if not isinstance(leaf, str):
                self.numbers.add(Decimal(str(leaf)))
                continue
            said = " ".join(leaf.split()).casefold()
            if said in self.exact:
                continue
            self.exact.add(said)
            if len(said) > _LONGEST:
                continue
            texts.append(said)
            if "/" in said:
                self.exact.add(said.rpartition("/")[2])
            if said[:4].isdigit() and _TIME.fullmatch(leaf):
                digits = _NOT_DIGIT.sub("", _ZONE.sub("", leaf) if "T" in leaf else leaf)[:14]
                self.stamps |= {digits[:n] for n in (6, 8, 10, 12, 14) if n <= len(digits)} | {digits}
            elif len(said) < 60 and len(digits := _NOT_DIGIT.sub("", said)) >= _LONG:  # noqa: PLR2004 - longer is a text
                numbers.append(digits)
        self.words = "\n".join(texts)
        self.tokens = set(_WORD.findall(self.words))
        self.digits = "|".join(numbers)

    def says(self, said: str, *, measured: bool = False) -> bool:
        """Whether a text is there: as it is, as a word or part of a longer one, as a time, a number, or the coding system that it names. measured: also a small number."""
        if (said, measured) not in self._known:
            self._known[said, measured] = self._says(said, measured)
        return self._known[said, measured]

    def _says(self, said: str, measured: bool) -> bool:
        key = " ".join(said.split()).casefold()
        if key in self.exact or (len(key) >= _SHORT and key in self.words):
            return True
        if _WORD.fullmatch(key) and len(key) > 1 and not key.isdigit() and key in self.tokens:
            return True
        digits = _NOT_DIGIT.sub("", said)
        if self._time(said) or (len(digits) >= _LONG and len(digits) * 2 > len(said) and digits in self.digits):
            return True
        number = _number(said.lstrip("<>="))
        if number is not None and (measured or len(digits) >= _LEAST) and number in self.numbers:
            return True
        named = self.system(said)
        return bool(named) and named.casefold() in self.exact

    def _time(self, said: str) -> bool:
        stamp = _STAMP.fullmatch(said)
        return stamp is not None and (stamp[1] in self.stamps or (len(stamp[1]) > _DAY and (stamp[1][:12] in self.stamps or (not stamp[1][_DAY:].strip("0") and stamp[1][:_DAY] in self.stamps))))


def _number(said: str) -> Decimal | None:
    text = said.replace(",", "")
    try:
        found = Decimal(text) if len(text) < 40 and "_" not in text else None  # noqa: PLR2004 - longer is no measurement
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def _leaves(made: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    stack: list[Any] = list(made)
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            stack += [one for key, one in value.items() if key != "resourceType"]
        elif isinstance(value, (list, tuple)):
            stack += value
        elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            yield value
