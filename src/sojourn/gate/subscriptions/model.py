"""The nouns of a subscription: topics, and what a receiver asked for."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

EMPTY: Final = "empty"
ID_ONLY: Final = "id-only"
FULL: Final = "full-resource"
"""How much a notification holds (https://hl7.org/fhir/uv/subscriptions-backport/ValueSet/backport-content-value-set)."""
REQUESTED, ACTIVE, ERROR, OFF = "requested", "active", "error", "off"


class Topic(NamedTuple):
    """What can be subscribed to. query: what a resource must fit, as search parameters; may be empty."""

    url: str
    title: str
    types: tuple[str, ...]
    query: str


@cache
def topics() -> Mapping[str, Topic]:
    """URL to topic, in the order of the file."""
    data = tomllib.loads((Path(__file__).parent / "topics.toml").read_text("utf-8"))
    return {t["url"]: Topic(t["url"], t["title"], tuple(t["types"]), t.get("query", "")) for t in data["topic"]}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a receiver asked for. filters: (type, search parameters); heartbeat, timeout: seconds, 0: none; most: events in one notification."""

    topic: str
    endpoint: str
    filters: tuple[tuple[str, str], ...] = ()
    headers: tuple[str, ...] = ()
    content: str = ID_ONLY
    heartbeat: int = 0
    timeout: int = 10
    most: int = 20

    @property
    def types(self) -> tuple[str, ...]:
        """Kinds of resources that may be meant: those of the topic, and where filters are given, of these."""
        named = {t for t, _ in self.filters}
        return tuple(t for t in topics()[self.topic].types if not named or t in named)

    def packed(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def unpack(cls, text: str) -> Facts:
        """From JSON."""
        said: dict[str, Any] = json.loads(text)
        return cls(**{**said, "filters": tuple((t, q) for t, q in said["filters"]), "headers": tuple(said["headers"])})


class Event(NamedTuple):
    """One event: what changed, with the number that the receiver knows it by."""

    number: int
    kind: str
    type: str
    id: str


class Standing(NamedTuple):
    """How a subscription stands. number: of the last event."""

    id: str
    state: str
    reason: str
    number: int
    facts: Facts
