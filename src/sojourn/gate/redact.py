"""Show a caller what they may see of a resource, and take their change of it without losing the rest.

Pure. docs/decisions/0005-redaction.md says why it is done so, and what it costs.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from sojourn.gate import merging
from sojourn.gate.labelrules import LabelRules
from sojourn.gate.visible import Sight, links
from sojourn.gate.visible import resource as visible_resource


def redact(resource: dict[str, Any], *, permitted: int, hidden: AbstractSet[str], strip: bool = True, rules: LabelRules | None = None) -> dict[str, Any] | None:
    """The resource as a caller may see it, as a new value; None to withhold it.

    permitted: bases whose labelled elements may be seen. hidden: `Type/id` of targets that must not be known.
    strip: the caller is subject to redaction and gets every resource without narrative, display and identifier
    of references, and contained copies, whether or not anything is hidden in it. rules: by which codes give subjects and laws; None: those shipped.
    """
    return visible_resource(resource, Sight(permitted, hidden, strip, rules))


def targets(resource: dict[str, Any]) -> set[str]:
    """`Type/id` of everything that the resource links to; what to look up before redacting."""
    return set(links(resource))


def merge(
    stored: dict[str, Any],
    seen: dict[str, Any],
    submitted: dict[str, Any],
    *,
    permitted: int,
    hidden: AbstractSet[str],
    strip: bool | None = None,
    rules: LabelRules | None = None,
) -> dict[str, Any]:
    """A change that was made on the redacted view `seen`, applied to what is stored, as a new value.

    What the author could not see stays, in its place; labels stay. Validate what was submitted before, not the
    result: an error about what the author cannot see would tell of it. strip: as for redact; found out when None.
    """
    if strip is None:
        strip = redact(stored, permitted=permitted, hidden=hidden, strip=False, rules=rules) != seen
    return merging.merge(stored, seen, submitted, Sight(permitted, hidden, strip, rules))
