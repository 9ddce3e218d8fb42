"""The parsed view of a FHIR message: each resource with what it says; whom it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sojourn.care.exchange import naming, outside
from sojourn.fhir import codec, messages
from sojourn.fhir.messages import Message, NoMessage

_MOST: Final = 400
_LONG: Final = 2000


def segments(content: bytes) -> list[dict[str, Any]]:
    """Header and resources in their order; of what cannot be read the text as it came."""
    message = _message(content)
    if message is None:
        return [{"name": "?", "words": "Cannot be read", "fields": [("", content.decode("utf-8", "replace")[:20_000])]}]
    return [{"name": r["resourceType"], "words": "", "fields": list(_fields(r))} for r in (message.header, *(r for _, r in message.entries))]


def _fields(resource: dict[str, Any]) -> Iterator[tuple[str, str]]:
    stack = [("", value, key) for key, value in reversed(resource.items()) if key not in ("resourceType", "text")]
    shown = 0
    while stack and shown < _MOST:
        before, value, name = stack.pop()
        path = f"{before}.{name}" if before else name
        if isinstance(value, dict):
            stack += [(path, v, k) for k, v in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(before, v, name) for v in reversed(value)]
        elif value not in (None, ""):
            shown += 1
            said = value if isinstance(value, str) else codec.dumps(value).decode()
            yield path, said if len(said) <= _LONG else said[:200] + " … (a file)"


def person(content: bytes) -> dict[str, str]:
    """Whom it names, to be compared with a chart."""
    message = _message(content)
    found = message.people() if message is not None else []
    if not found:
        return {}
    patient = found[0]
    family, given = naming.name(patient)
    address = next(iter(naming.dicts(patient.get("address"))), {})
    lines = address.get("line")
    return {
        "Name": " ".join((*given, family)).strip(), "Born": outside.words(patient.get("birthDate"), 10), "Sex": outside.words(patient.get("gender"), 10),
        "Numbers": ", ".join(outside.words(i.get("value"), 60) for i in naming.dicts(patient.get("identifier")))[:200],
        "Address": " ".join(filter(None, (*(outside.words(x) for x in (lines if isinstance(lines, list) else ())), *(outside.words(address.get(k)) for k in ("city", "state", "postalCode"))))),
    }  # fmt: skip


def key(content: bytes) -> str:
    """The person as the sender names them."""
    message = _message(content)
    found = message.people() if message is not None else []
    return naming.key(found[0]) if found else ""


def _message(content: bytes) -> Message | None:
    try:
        return messages.read(codec.loads(content))
    except (NoMessage, codec.BadJson):
        return None
