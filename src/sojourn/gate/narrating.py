"""A narrative that comes with notes kept apart is kept apart with them.

Staff who are not subject to redaction are given narratives, and nobody can tell whether one speaks of what else was sent with it. So a
narrative that is new in a change that also sends elements labelled as psychotherapy or SUD counseling notes gets their labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sojourn.gate import bases
from sojourn.gate.labels import read


def kept_apart(resource: dict[str, Any], sent: Mapping[str, Any] | None, before: Mapping[str, Any]) -> dict[str, Any]:
    """The resource to store, its narrative labelled if it has to be. sent: what its author sent; before: what was stored."""
    text = resource.get("text")
    if not isinstance(text, dict) or text == before.get("text") or (sent is not None and sent.get("text") != text):
        return resource
    apart = read(dict(sent) if sent is not None else resource)[1] & bases.APART & ~bases.inline_mask(text)
    if not apart:
        return resource
    labels = [{"url": bases.INLINE, "valueCoding": coding} for coding in bases.codings(apart)]
    return {key: {"extension": [*value.get("extension", ()), *labels], **{k: v for k, v in value.items() if k != "extension"}} if key == "text" else value
            for key, value in resource.items()}  # fmt: skip
