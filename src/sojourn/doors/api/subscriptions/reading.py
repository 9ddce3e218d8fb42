"""A Subscription resource of the R5 backport for R4, read: topic, filters, endpoint, content.

https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription (1.1.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from sojourn.base import errors
from sojourn.gate.subscriptions.model import EMPTY, FULL, ID_ONLY, Facts, topics

BASE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}: ?[\x20-\x7e]{0,2000}").fullmatch
_OWN: Final = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection", "sojourn-signature"})
_HEARTBEAT: Final = (10, 86_400)
_TIMEOUT: Final = (1, 30)
_MOST: Final = (1, 100)


KEPT: Final = "(kept)"
"""In place of what a header says where a Subscription is stored: it may be a secret, and others read it too."""


def facts(resource: Mapping[str, Any], before: Facts | None = None) -> Facts:
    """What it asks for. before: what it asked for until now. Raises Invalid for what is not offered, with its place."""
    topic = str(resource.get("criteria", ""))
    if topic not in topics():
        raise errors.Invalid("The criteria name a topic that is offered; the CapabilityStatement lists them.", expression="Subscription.criteria")
    channel = resource.get("channel") or {}
    if channel.get("type") != "rest-hook":
        raise errors.Invalid("Of channels, rest-hook is offered.", expression="Subscription.channel.type")
    endpoint = str(channel.get("endpoint", ""))
    parts = urlsplit(endpoint)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise errors.Invalid("The endpoint is an https address without credentials in it.", expression="Subscription.channel.endpoint")
    if channel.get("payload", "application/fhir+json") not in ("application/fhir+json", "application/json"):
        raise errors.Invalid("Notifications are sent as application/fhir+json.", expression="Subscription.channel.payload")
    headers = _headers(channel, endpoint, before)
    if not all(_HEADER(h) and h.partition(":")[0].lower() not in _OWN for h in headers) or len(headers) > 10:  # noqa: PLR2004 - more serve no receiver
        raise errors.Invalid("Headers are written as Name: value, and none that the request itself needs.", expression="Subscription.channel.header")
    content = _extension(channel.get("_payload") or {}, "backport-payload-content") or _extension(channel, "backport-payload-content") or ID_ONLY
    if content not in (EMPTY, ID_ONLY, FULL):
        raise errors.Invalid(f"The content is one of {EMPTY}, {ID_ONLY}, {FULL}.", expression="Subscription.channel.payload.extension")
    return Facts(
        topic, endpoint, _filters(resource, topic), headers, content, _number(channel, "backport-heartbeat-period", _HEARTBEAT, 0), _number(channel, "backport-timeout", _TIMEOUT, 10),
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


def _filters(resource: Mapping[str, Any], topic: str) -> tuple[tuple[str, str], ...]:
    found = []
    for extension in (resource.get("_criteria") or {}).get("extension") or ():
        if extension.get("url") != BASE + "backport-filter-criteria":
            continue
        type_, mark, query = str(extension.get("valueString", "")).partition("?")
        if not mark or type_ not in topics()[topic].types or not query:
            raise errors.Invalid(f"A filter is written as Type?parameter=value, for one of {', '.join(topics()[topic].types)}.", expression="Subscription.criteria.extension")
        found.append((type_, query))
    return tuple(found)


def _extension(of: Mapping[str, Any], name: str) -> Any:
    return next((v for e in of.get("extension") or () if e.get("url") == BASE + name for k, v in e.items() if k.startswith("value")), None)


def _number(channel: Mapping[str, Any], name: str, within: tuple[int, int], otherwise: int) -> int:
    value = _extension(channel, name)
    if value is None:
        return otherwise
    if not isinstance(value, int) or not within[0] <= value <= within[1]:
        raise errors.Invalid(f"{name} is from {within[0]} to {within[1]}.", expression="Subscription.channel.extension")
    return value
