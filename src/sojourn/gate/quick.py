"""Resources of which redaction takes nothing, told by less than the walk: most of every page.

Everything here may say no where the walk would change nothing; it never says yes where the walk would change a byte
(`tests/gate/test_redact.py` compares them). It looks only at what is there, so that it says the same of a resource whatever else there is.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from sojourn.base import crypto
from sojourn.fhir import codec
from sojourn.gate.bases import CONFIDENTIALITY, INLINE, claimed
from sojourn.gate.labelrules import LabelRules, shipped
from sojourn.gate.labels import read, tag_codes
from sojourn.gate.visible import _names, is_whole, target_of

_INLINE = INLINE.encode()  # a body without it has no labelled element
_DISPLAYED = re.compile(rb'"code":"(?:[^"\\\\]|\\\\.)*","display":')
"""The display of a Coding, as it is nearly always written."""
_KEPT = 20_000
"""Resources of which the facts are kept, half a kilobyte each: what the people of a house open within an hour, again and again."""


class Facts(NamedTuple):
    """What the bytes of a resource say for every caller. targets: as of `survey`. parts: the bases of its labelled elements."""

    targets: tuple[str, ...]
    parts: int
    bare: bool
    single: bool

    def stands(self, hidden: AbstractSet[str]) -> bool:
        """As `stands` of the module."""
        return self.bare and hidden.isdisjoint(self.targets)

    def is_untouched(self, hidden: AbstractSet[str]) -> bool:
        """Whether nothing is hidden in or behind the resource: to a caller who is not subject to redaction it is then shown as what needs no redaction is, byte by byte."""
        return self.single and hidden.isdisjoint(self.targets)


_facts: OrderedDict[tuple[bytes, str], Facts] = OrderedDict()


def facts(body: bytes, rules: LabelRules | None = None) -> tuple[Facts, dict[str, Any] | None]:
    """The facts of a resource that may be seen, worked out once for as long as its bytes and the rules of labels are as they are; and the resource, where it had to be decoded for that."""
    rules = rules or shipped()
    key = (crypto.sha256(body), rules.digest)
    if (known := _facts.get(key)) is not None:
        _facts.move_to_end(key)
        return known, None
    resource = codec.again(body)
    targets, delicate = survey(resource)
    labelled = _INLINE in body
    bare = not delicate and is_bare(body) and _labels_stand(resource, rules) and _is_whole(resource)
    found = _facts[key] = Facts(tuple(targets), read(resource, rules)[1] if labelled else 0, bare, not labelled and body.count(b'"resourceType":') == 1)
    if len(_facts) > _KEPT:
        _facts.popitem(last=False)
    return found, resource


def survey(resource: dict[str, Any]) -> tuple[set[str], bool]:
    """`Type/id` of everything that the resource links to; and whether a reference may have a display or identifier to be stripped."""
    names = _names()
    targets: set[str] = set()
    delicate = False
    stack: list[tuple[str, Any]] = [("", resource)]
    while stack:
        key, node = stack.pop()
        if type(node) is dict:
            # Beside a code it is a Coding's. An identifier that is no list is a reference's, or is the resource's own.
            if ("display" in node and ("reference" in node or "code" not in node)) or type(node.get("identifier")) is dict:
                delicate = True
            stack.extend(node.items())
        elif type(node) is list:
            stack.extend((key, item) for item in node)
        elif type(node) is str and key in names and "/" in node and (target := target_of(node)):
            targets.add(target)
    return targets, delicate


def is_bare(body: bytes) -> bool:
    """Whether a resource, as it is stored, has nothing that is always taken out or that a label could be on: no narrative, nothing
    contained, no extension, no sibling of a primitive; no id but its own, and nothing empty."""
    return not (b'"extension"' in body or b'"div"' in body or b'"contained"' in body or b':"#' in body or b'"_' in body or b"{}" in body or b"[]" in body) and body.count(b'"id":') == 1


def stands(resource: dict[str, Any], body: bytes, targets: AbstractSet[str], hidden: AbstractSet[str], *, delicate: bool, rules: LabelRules | None = None) -> bool:
    """Whether the resource is what a caller subject to redaction sees of it, to the byte."""
    return not delicate and hidden.isdisjoint(targets) and is_bare(body) and _labels_stand(resource, rules) and _is_whole(resource)


def stands_alone(resource: dict[str, Any], body: bytes, rules: LabelRules | None = None) -> bool:
    """The same where nothing that it links to is hidden, told at once when it is written: `survey` is asked only where a display is not plainly a Coding's."""
    if not is_bare(body) or b'"identifier":{' in body or not _labels_stand(resource, rules) or not _is_whole(resource):
        return False
    return body.count(b'"display":') == len(_DISPLAYED.findall(body)) or not survey(resource)[1]


def _is_whole(resource: dict[str, Any]) -> bool:
    """Whether nothing would be left out because it is not valid (imported records may hold such things), as it is to who is subject to redaction."""
    kind = resource.get("resourceType")
    return is_whole(resource, kind if isinstance(kind, str) else "")


def _labels_stand(resource: dict[str, Any], rules: LabelRules | None) -> bool:
    """Whether the labels are those that would be worked out from the content now; lists of codes change."""
    security = resource.get("meta", {}).get("security")
    if not security:
        return False
    first, rest = security[0], security[1:]
    if first.get("system") != CONFIDENTIALITY or any(c.get("system") == CONFIDENTIALITY for c in rest):
        return False
    if not rest:
        return bool(first.get("code") == "N")
    subjects = tag_codes()
    tags = read(resource, rules)[0]
    if any(c.get("code") in subjects and c["code"] not in tags for c in rest):
        return False
    restricted = any(c.get("code") not in subjects and claimed(c) for c in rest)
    return bool(first.get("code") == ("R" if restricted else "N"))
