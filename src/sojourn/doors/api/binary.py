"""Binary as what it holds, if the caller accepts that (https://hl7.org/fhir/R4/binary.html#rest)."""

from __future__ import annotations

import base64
from typing import Any

from sojourn.doors.api.answer import Answer, version_headers
from sojourn.doors.api.ask import JSON_TYPES, Ask
from sojourn.gate.found import Stored

_FHIR = ("fhir", "json", "*/*", "html")


def wants_content(ask: Ask) -> bool:
    """Whether the Accept header names a media type that is not FHIR's."""
    accept = ask.header("accept").lower()
    return bool(accept) and not ask.param("_format") and not any(word in accept for word in _FHIR)


async def sent(ask: Ask) -> dict[str, Any] | None:
    """The Binary that a request's raw content makes; None when the body is a FHIR resource."""
    media = ask.header("content-type")
    if not media or media.partition(";")[0].strip().lower() in JSON_TYPES:
        return None
    made: dict[str, Any] = {"resourceType": "Binary", "contentType": media}
    context = ask.header("x-security-context")
    if context:
        made["securityContext"] = {"reference": context}
    return {**made, "data": base64.b64encode(await ask.body()).decode()}


def content(stored: Stored) -> Answer:
    """The bytes, never rendered by a browser: they may be anything."""
    resource = stored.resource
    media = resource.get("contentType", "application/octet-stream")
    safe = media if media.isascii() and media.isprintable() and "\n" not in media else "application/octet-stream"
    headers = [*version_headers(stored.version, stored.updated), (b"content-disposition", b"attachment"), (b"content-security-policy", b"sandbox")]
    return Answer(200, base64.b64decode(resource.get("data", "")), headers, stored.receipt, safe.encode())
