"""A Subscription resource of the R5 backport for R4, read: topic, filters, endpoint, content.

https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription (1.1.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sojourn.base import addresses, errors
from sojourn.gate.subscriptions.model import EMPTY, FULL, ID_ONLY, Facts, topics

BASE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}: ?[\x20-\x7e]{0,2000}").fullmatch
_OWN: Final = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection", "sojourn-signature"})
_HEARTBEAT: Final = (10, 86_400)
_TIMEOUT: Final = (1, 30)
_MOST: Final = (1, 100)


ANYTHING: Final = "https://sojourn.example/fhir/SubscriptionTopic/patient-data"
"""The topic of a Subscription whose criteria are a search."""
KEPT: Final = "(kept)"
"""In place of what a header says where a Subscription is stored: it may be a secret, and others read it too."""


def facts(resource: Mapping[str, Any], before: Facts | None = None) -> Facts:
    """What it asks for. before: what it asked for until now. Raises Invalid for what is not offered, with its place."""
    topic, filters = _asked(resource)
    channel = resource.get("channel") or {}
    if channel.get("type") != "rest-hook":
        raise errors.Invalid("Of channels, rest-hook is offered.", expression="Subscription.channel.type")
    endpoint = str(channel.get("endpoint", ""))
    parts = addresses.parts(endpoint)
    if parts is None or parts.fragment:
        raise errors.Invalid("The endpoint is an https address without credentials in it.", expression="Subscription.channel.endpoint")
    if channel.get("payload", "application/fhir+json") not in ("application/fhir+json", "application/json"):
        raise errors.Invalid("Notifications are sent as application/fhir+json.", expression="Subscription.channel.payload")
    headers = _headers(channel, endpoint, before)
    if not all(_HEADER(h) and h.partition(":")[0].lower() not in _OWN for h in headers) or len(headers) > 10:  # noqa: PLR2004 - more serve no receiver
        raise errors.Invalid("Headers are written as Name: value, and none that the request itself needs.", expression="Subscription.channel.header")
    content = _extension(channel.get("_payload") or {}, "backport-payload-content") or _extension(channel, "backport-payload-content") or _otherwise(resource)
    if content not in (EMPTY, ID_ONLY, FULL):
        raise errors.Invalid(f"The content is one of {EMPTY}, {ID_ONLY}, {FULL}.", expression="Subscription.channel.payload.extension")
    return Facts(
        topic, endpoint, filters, headers, content, _number(channel, "backport-heartbeat-period", _HEARTBEAT, 0), _number(channel, "backport-timeout", _TIMEOUT, 10),
        _number(channel, "backport-max-count", _MOST, 20),
    )  # fmt: skip


def _headers(channel: Mapping[str, Any], endpoint: str, before: Facts | None) -> tuple[str, ...]:
    """As they are sent. One that is said to be kept is what it was, for the same endpoint alone."""
    kept = {h.partition(":")[0]: h for h in before.headers} if before is not None and before.endpoint == endpoint else {}
    said = [str(h) for h in channel.get("header") or ()]
    missing = [h for h in said if h.endswith(f": {KEPT}") and h.partition(":")[0] not in kept]
    if missing:
        raise errors.Invalid("Send the whole header: its value is kept for the same endpoint only.", expression="Subscription.channel.header")
    return tuple(kept[h.partition(":")[0]] if h.endswith(f": {KEPT}") else h for h in said)


def _asked(resource: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Topic and filters. Criteria as R4 alone has them, a search, ask for everything in charts that fits it. Raises Invalid."""
    criteria = str(resource.get("criteria", ""))
    if criteria in topics():
        return criteria, _filters(resource, criteria)
    if _plain(criteria):
        if _extension(resource.get("_criteria") or {}, "backport-filter-criteria") is not None:
            raise errors.Invalid("Criteria that are a search are themselves the filter; name a topic to give others.", expression="Subscription.criteria.extension")
        return ANYTHING, (_filter(criteria, ANYTHING, "Subscription.criteria"),)
    raise errors.Invalid("The criteria name a topic that is offered (the CapabilityStatement lists them), or are a search: Type?parameter=value.", expression="Subscription.criteria")


def _plain(criteria: str) -> bool:
    return "?" in criteria and "://" not in criteria.partition("?")[0]


def _otherwise(resource: Mapping[str, Any]) -> str:
    """The content where none is said: with R4's own criteria, `payload` asks for the resource, and its absence for nothing but a sign (R4, Subscription.channel.payload)."""
    if not _plain(str(resource.get("criteria", ""))):
        return ID_ONLY
    return FULL if (resource.get("channel") or {}).get("payload") else EMPTY


def _filters(resource: Mapping[str, Any], topic: str) -> tuple[tuple[str, str], ...]:
    found = []
    for extension in (resource.get("_criteria") or {}).get("extension") or ():
        if extension.get("url") != BASE + "backport-filter-criteria":
            continue
        found.append(_filter(str(extension.get("valueString", "")), topic, "Subscription.criteria.extension"))
    return tuple(found)


def _filter(written: str, topic: str, place: str) -> tuple[str, str]:
    type_, mark, query = written.partition("?")
    if not mark or type_ not in topics()[topic].types or not query:
        raise errors.Invalid(f"A filter is written as Type?parameter=value, for one of {', '.join(topics()[topic].types)}.", expression=place)
    return type_, query


def _extension(of: Mapping[str, Any], name: str) -> Any:
    return next((v for e in of.get("extension") or () if e.get("url") == BASE + name for k, v in e.items() if k.startswith("value")), None)


def _number(channel: Mapping[str, Any], name: str, within: tuple[int, int], otherwise: int) -> int:
    value = _extension(channel, name)
    if value is None:
        return otherwise
    if not isinstance(value, int) or not within[0] <= value <= within[1]:
        raise errors.Invalid(f"{name} is from {within[0]} to {within[1]}.", expression="Subscription.channel.extension")
    return value
