"""What became of each element of a message: mapped, decided by, or kept there alone. Pure.

Mapped is what stands in a resource that the message became. That something looked at an element proves nothing. What only decides (whose it is, which visit,
what state) or orders the message itself is listed in meter.toml. All else the message keeps, and the exchange desk shows it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources as files
from typing import Any, NamedTuple

from sojourn.care.exchange.arrived import There
from sojourn.fhir.messages import Message


class Account(NamedTuple):
    """Elements as in Encounter.class.code, each in one of three, in the order of the message."""

    mapped: tuple[str, ...]
    decided: tuple[str, ...]
    kept: tuple[str, ...]


def account(message: Message, made: Iterable[Mapping[str, Any]] | None) -> Account:
    """Of a message and the resources that it became; None where nothing was done with it. An element that repeats is mapped only where every repetition is."""
    resources = [dict(r) for r in made or ()]
    there = There(resources, lambda _: "")
    truths = {(path, said) for r in resources for path, said in _leaves(str(r.get("resourceType", "")), r) if isinstance(said, bool)}
    found: dict[str, str] = {}
    for _, resource in message.entries:
        for path, said in _leaves(str(resource["resourceType"]), resource):
            if isinstance(said, bool):
                how = "mapped" if (path, said) in truths else "kept"
            else:
                how = "mapped" if there.says(str(said), measured=not isinstance(said, str)) else "kept"
            how = "decided" if how == "kept" and made is not None and _decides(path) else how
            found[path] = max(found.get(path, ""), how, key=("", "mapped", "decided", "kept").index)
    return Account(*(tuple(path for path, how in found.items() if how == wanted) for wanted in ("mapped", "decided", "kept")))


def kept(message: Message, made: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """What the message alone keeps."""
    return account(message, made).kept


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(path without places in lists, what it says), to any depth that JSON may have here."""
    stack = [(path, value)]
    while stack:
        at, one = stack.pop()
        if isinstance(one, dict):
            stack += [(f"{at}.{key}", v) for key, v in reversed(one.items()) if key != "resourceType"]
        elif isinstance(one, list):
            stack += [(at, v) for v in reversed(one)]
        elif one not in (None, ""):
            yield at, one


def _decides(path: str) -> bool:
    named = _table()
    return any(f".{path.partition('.')[2]}.".startswith(f".{end}.") for end in named["any"]) or path in named["decides"] or path.rpartition(".")[2] in named["last"]


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((files.files("sojourn.doors.messaging") / "meter.toml").read_text())
