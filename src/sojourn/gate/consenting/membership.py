"""Who is meant: the recipient keys that a consent names, and those that a caller answers to.

A class or a network matches by these keys only, never by the look of its words (42 CFR 2.31(a)(4)).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sojourn.gate.consenting import terms
from sojourn.gate.consenting.terms import Resource

EVERYONE: str = terms.forms()["everyone"]["key"]
"""Answered to by every caller outside the organization. Only a denial may name it."""


class Named(NamedTuple):
    """One recipient key. `relates`: whether being named is by itself a relation to the patient; a class is none, it needs another."""

    key: str
    relates: bool


def named(provision: Resource) -> list[Named]:
    """The keys of the recipients that a provision names."""
    return list(dict.fromkeys(one for actor in terms.actors(provision) for one in _of_actor(actor)))


def denied(provision: Resource) -> list[str]:
    """The keys of those that a denial keeps out: a network with all that comes through it; everyone outside if it names nobody."""
    found = [one.key for one in named(provision)]
    through = [participant(key) for key in found if key.startswith("Organization/")]
    return [*found, *through] or [EVERYONE]


def _of_actor(actor: Resource) -> Iterable[Named]:
    reference = terms.literal(actor.get("reference"))
    network = terms.literal(terms.value(actor, terms.INTERMEDIARY))
    if network:
        yield Named(network, True)
        if terms.value(actor, terms.DESIGNATION) == "treating":
            yield Named(participant(network), False)
        elif reference and reference != network:
            yield Named(participant(network, reference), True)
    elif name := terms.value(actor, terms.RECIPIENT_CLASS):
        yield from (Named(key, False) for key in terms.forms()["classes"].get(name, {}).get("keys", ()))
    elif reference:
        yield Named(reference, True)


def participant(network: str, member: str = "") -> str:
    """The key of whoever comes through a network, or of one member who does."""
    return f"participant:{network}" + (f":{member}" if member else "")


def for_purpose(purpose: str, key: str) -> str:
    """The key of a relation that rests on a consent: it connects whom it names with the patient for the purposes that it names, and no other."""
    return f"for:{purpose}:{key}"


def split(key: str) -> tuple[str, str]:
    """(purpose, key) of the key of such a relation; no purpose for any other key."""
    if not key.startswith("for:"):
        return "", key
    purpose, _, rest = key.removeprefix("for:").partition(":")
    return purpose, rest


def answers_to(reference: str, types: Iterable[str] = (), *, through: Iterable[str] = ()) -> list[str]:
    """The keys that an outside organization's account answers to beside its own: its classes, and the networks that it comes through.

    types: codes of its Organization.type. through: networks as `Organization/id`; only for an account that is used through them.
    """
    classes = {key for type_ in types for key in terms.forms()["membership"].get(type_, ())}
    networks = {key for network in through for key in (participant(network), participant(network, reference))}
    return sorted(classes | networks)
