"""What can be chosen on the risk path, by date: actions, outcomes, precautions."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Choice(NamedTuple):
    """words: it needs words beside it. rescreen: an outcome after which the client is screened again."""

    code: str
    text: str
    words: bool
    rescreen: bool
    effective: date


@cache
def _all() -> dict[str, tuple[Choice, ...]]:
    raw = tomllib.loads(files("sojourn.care.risk").joinpath("choices.toml").read_text("utf-8"))
    return {kind: tuple(Choice(r["code"], r["text"], r.get("words", False), r.get("rescreen", True), r["effective"]) for r in rows) for kind, rows in raw.items()}


def of(kind: str, day: date) -> dict[str, Choice]:
    """What can be chosen on a day, by code, in the order in which it is offered. kind: action, disposition or precaution."""
    return {c.code: c for c in _all()[kind] if c.effective <= day}


def text(kind: str, code: str) -> str:
    """The words of a choice, also of one that is offered no more."""
    return next((c.text for c in _all()[kind] if c.code == code), code)
