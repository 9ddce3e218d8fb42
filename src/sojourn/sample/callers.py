"""Who asks from outside: a primary care app and a health information exchange."""

from __future__ import annotations

from typing import NamedTuple

from sojourn.sample.directory import Directory


class Caller(NamedTuple):
    """An outside system. `organization_id`: the Organization's logical id in the sample."""

    key: str
    display_name: str
    kind: str
    organization_id: str


def outside_callers(seed: int = 1) -> list[Caller]:
    """Return the outside systems that may hold tokens in the demo."""
    directory = Directory(seed)

    def caller(key: str, name: str, kind: str) -> Caller:
        return Caller(key, name, kind, directory.reference("Organization", key).partition("/")[2])

    return [
        caller("lakeside", "Lakeside Primary Care, chart app", "treating provider"),
        caller("hie", "Three Rivers Health Exchange", "exchange"),
    ]


def program_organization_id(seed: int, program_key: str) -> str:
    """Return the logical id of the Organization that stands for a program."""
    return Directory(seed).reference("Organization", f"program:{program_key}").partition("/")[2]


def organization_id(seed: int) -> str:
    """Return the logical id of the Organization that stands for Riverbend as a whole."""
    return Directory(seed).reference("Organization", "riverbend").partition("/")[2]
