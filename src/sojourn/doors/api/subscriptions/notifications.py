"""Notifications: a Bundle whose first entry says of which subscription, which events, how many.

https://hl7.org/fhir/uv/subscriptions-backport/notifications.html (R4: the status is a Parameters).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sojourn.base import ids
from sojourn.doors.api.subscriptions.reading import BASE
from sojourn.fhir import codec
from sojourn.gate.subscriptions.model import EMPTY, FULL
from sojourn.gate.subscriptions.working import Line

STATUS: Final = BASE + "backport-subscription-status-r4"
NOTIFICATION: Final = BASE + "backport-subscription-notification-r4"


def status(base: str, subscription: str, topic: str, state: str, kind: str, number: int, lines: Sequence[Line] = (), content: str = "", error: str = "") -> dict[str, Any]:
    """The Parameters. kind: handshake, heartbeat, event-notification, query-status, query-event. number: of the last event told."""
    parts: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}Subscription/{subscription}"}},
        {"name": "topic", "valueCanonical": topic},
        {"name": "status", "valueCode": state},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(number)},
    ]
    for line in lines:
        part: list[dict[str, Any]] = [{"name": "event-number", "valueString": str(line.number)}, {"name": "timestamp", "valueInstant": _instant(line.at)}]
        if content != EMPTY:
            part.append({"name": "focus", "valueReference": {"reference": f"{base}{line.type}/{line.id}"}})
        parts.append({"name": "notification-event", "part": part})
    if error:
        parts.append({"name": "error", "valueCodeableConcept": {"text": error}})
    return {"resourceType": "Parameters", "id": ids.new_id("status"), "meta": {"profile": [STATUS]}, "parameter": parts}


def bundle(base: str, told: dict[str, Any], subscription: str, lines: Sequence[Line], content: str, now: datetime) -> bytes:
    """The notification. Resources stand in it as the receiver would read them."""
    path = f"{base}Subscription/{subscription}/$status"
    entries: list[dict[str, Any]] = [{"fullUrl": UUID(bytes=ids.random_bytes("bundle", 16), version=4).urn, "resource": told, "request": {"method": "GET", "url": path}, "response": {"status": "200"}}]
    for line in lines if content != EMPTY else ():
        where = f"{line.type}/{line.id}"
        method = {"create": "POST", "update": "PUT", "delete": "DELETE"}[line.kind]
        entry: dict[str, Any] = {"fullUrl": base + where}
        if content == FULL and line.body is not None:
            entry["resource"] = codec.loads(line.body)
        entries.append({**entry, "request": {"method": method, "url": line.type if method == "POST" else where}, "response": {"status": {"POST": "201", "PUT": "200", "DELETE": "204"}[method]}})
    return codec.dumps({"resourceType": "Bundle", "id": ids.new_id("bundle"), "meta": {"profile": [NOTIFICATION]}, "type": "history", "timestamp": _instant(now), "entry": entries})


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"

