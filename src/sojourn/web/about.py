"""What the greeting page says about this installation; the composition root fills it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class SampleLogin(NamedTuple):
    """A made-up person of the demo, with a password that is printed for everybody."""

    login: str
    password: str
    name: str
    role: str
    note: str = ""


class Link(NamedTuple):
    """Something else that this server offers."""

    label: str
    path: str
    note: str


@dataclass(frozen=True, slots=True)
class About:
    """`postgres`: its version. `demo`: empty unless this is a demo. `links`: what else this server offers, for developers."""

    postgres: str = ""
    demo: tuple[SampleLogin, ...] = ()
    links: tuple[Link, ...] = (
        Link("FHIR API", "/developers", "Where it is, how to sign in, requests to copy"),
        Link("CapabilityStatement", "/fhir/metadata", "All that the API offers, for machines"),
    )
