"""The dated tables the rules read: purposes, parties, channels, labels, consents, overlays, notices."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

NAMES = ("purposes", "parties", "channels", "labels", "facts", "consents", "overlays", "notices", "reasons")


@cache
def table(name: str) -> dict[str, Any]:
    """One table of the folder `data`, with its version, effective date and source."""
    return tomllib.loads((files("sojourn.gate.policy") / "data" / f"{name}.toml").read_text("utf-8"))


@cache
def spellings(part: str) -> dict[str, str]:
    """Every spelling of the facts of a part of a request, and the name that the rules use."""
    return {word: name for name, others in table("facts")[part].items() for word in (name, *others)}


@cache
def opposites(part: str) -> dict[str, str]:
    """Spellings that tell a fact of a part the other way round, and the name that the rules use."""
    return {word: name for name, others in table("facts").get(f"{part}_opposite", {}).items() for word in others}


@cache
def asides(part: str) -> frozenset[str]:
    """Fields of a part that no rule looks at."""
    return frozenset(table("facts").get(f"{part}_aside", {}).get("names", ()))


@cache
def kind_of_recipient(kind: str) -> frozenset[str]:
    """What the law takes a kind of recipient for; empty for one that is not known."""
    return frozenset(table("parties")["recipients"].get(kind, ()))


@cache
def purposes(group: str) -> frozenset[str]:
    """The purposes of a group: tpo, treatment, payment, operations, or a kind such as legal."""
    tables = table("purposes")
    if group == "tpo":
        return frozenset(code for codes in tables["tpo"].values() for code in codes)
    return frozenset({**tables["hipaa"], **tables["kinds"]}[group])


@cache
def known_purposes() -> frozenset[str]:
    """Every purpose that some rule or table names."""
    tables = table("purposes")
    return frozenset(code for group in ("tpo", "hipaa", "kinds") for codes in tables[group].values() for code in codes)


@cache
def labels(group: str) -> frozenset[str]:
    """The labels of a group."""
    return frozenset(table("labels")[group])


@cache
def known_labels() -> frozenset[str]:
    """Every label whose rules we know."""
    return frozenset(code for codes in table("labels").values() if isinstance(codes, list) for code in codes)
