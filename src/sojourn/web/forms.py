"""Parse a form, check it, and say what is wrong beside the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Field:
    """One question. `missing`: what to say when it is required and empty; `check`: returns what is wrong, or nothing."""

    name: str
    label: str
    missing: str = ""
    hint: str = ""
    type: str = "text"
    autocomplete: str = "off"
    max_length: int = 200
    check: Callable[[str], str] | None = None
    options: tuple[tuple[str, str], ...] = ()

    def wrong(self, value: str) -> str:
        """What is wrong with an answer, in one sentence; empty if nothing is."""
        if not value:
            return self.missing
        if len(value) > self.max_length:
            return f"{self.label} must be {self.max_length} characters or fewer."
        if self.options and value not in dict(self.options):
            return f"Choose one of the answers for {self.label.lower()}."
        return self.check(value) if self.check else ""


@dataclass(slots=True)
class Form:
    """Questions with their answers and what is wrong with these, by the name of the field."""

    fields: tuple[Field, ...]
    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def fill(self, sent: Mapping[str, str]) -> bool:
        """Take the answers and check them; whether all is well. Passwords keep their spaces."""
        for each in self.fields:
            text = str(sent.get(each.name, ""))
            self.values[each.name] = text if each.type == "password" else text.strip()
            if wrong := each.wrong(self.values[each.name]):
                self.errors[each.name] = wrong
        return not self.errors

    def field(self, name: str) -> Field:
        """The question of this name."""
        return next(f for f in self.fields if f.name == name)

    def value(self, name: str) -> str:
        """The answer to show again. A password never is."""
        return "" if self.field(name).type == "password" else self.values.get(name, "")


async def pairs(request: Request) -> list[tuple[str, str]]:
    """The text fields of a request's form in order, also those that stand there several times."""
    form = await request.form()
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def sent(request: Request) -> dict[str, str]:
    """The text fields of a request's form; files are left out."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}
