"""What a partner is told of a file: what the file itself allows to say, whoever it is about."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sojourn.gate.exchange.boxes import Entry

_WORDS: Final = {
    "": "It is kept, and will be looked at in a moment.", "accepted": "It is kept and was accepted.", "waits": "It is kept. Somebody here looks at it.",
    "refused": "It is kept, but nothing can be made of it as it is.",
}  # fmt: skip


def receipt_name(entry: Entry) -> str:
    """The file in which it is told."""
    return f"{entry.name[:180]}.{entry.file[-8:]}.json"


def receipt(entry: Entry) -> bytes:
    """The receipt of a file that was picked up. It is the same whoever it is about."""
    said: dict[str, Any] = {
        "file": entry.name, "size": entry.size, "sha256": entry.digest, "kind": entry.kind, "received": entry.updated.astimezone(UTC).isoformat(timespec="seconds"), "number": entry.message,
    }  # fmt: skip
    if not entry.fresh:
        said |= {"state": "duplicate", "words": "The same bytes came before, under this number. Nothing was done again."}
    else:
        said |= {"state": entry.verdict or "received", "words": _WORDS[entry.verdict], **entry.said}
    return json.dumps(said, indent=1, ensure_ascii=False).encode() + b"\n"
