"""What of a resource one caller may see: hidden elements and references out, without a trace.

Every rule looks only at what is left, never at whether something was taken out: a resource with
a hidden element and the same resource without it give the same result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from sojourn.fhir.shapes import Member, Shape, link_names, shape
from sojourn.gate.bases import CONFIDENTIALITY, INLINE, PROCESS_INLINE, claimed, inline_mask
from sojourn.gate.labelrules import LabelRules
from sojourn.gate.labels import LAW, is_inherited, on_part, read, tag_codes

_TARGET: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$").search


_OF_TARGET: Final = frozenset({"display", "identifier"})
"""Elements of a reference that tell of its target."""


class Sight(NamedTuple):
    """What one caller may see."""

    permitted: int
    """Bases whose labelled elements the caller may see."""
    hidden: AbstractSet[str]
    """`Type/id` of reference targets that the caller must not know of."""
    strip: bool = True
    """Whether the caller is subject to redaction: no narrative, display, identifier or copy of others, ever."""
    rules: LabelRules | None = None
    """By which codes give subjects and laws; None: those that are shipped."""

    def hides(self, element: dict[str, Any]) -> bool:
        """Whether the element itself must not be seen for its labels, or for a law of the state by a code in it."""
        return bool(on_part(element, self.rules) & ~self.permitted)


@cache
def _names() -> frozenset[str]:
    """Elements whose text may lead to a resource; the many that name a code system never do."""
    return link_names() - {"system", "code"}


@lru_cache(maxsize=4096)
def target_of(link: str) -> str:
    """`Type/id` at the end of a reference or URL, its version left out; empty when it names no resource."""
    match = _TARGET(link)
    return match[1] if match else ""


def links(value: Any) -> Iterator[str]:
    """The targets of all references and other links in a resource."""
    names = _names()
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        key, node = stack.pop()
        if type(node) is dict:
            stack.extend(node.items())
        elif type(node) is list:
            stack.extend((key, item) for item in node)
        elif type(node) is str and key in names and "/" in node and (target := target_of(node)):
            yield target


def visible(value: dict[str, Any], kind: str, see: Sight) -> dict[str, Any] | None:
    """The object as this caller sees it; None when nothing is left of it, or not enough to be valid.

    kind: its type, or its path for a backbone element; "" when unknown.
    """
    if kind == "Resource":
        return resource(value, see, nested=True)
    if is_hidden(value, kind, see):
        return None
    known = shape(kind)
    out = _members(value, kind, known, see)
    if not _stands(value, out, kind, see) or not _is_complete(out, known, value if not see.strip else None):
        return None
    return out


def resource(value: dict[str, Any], see: Sight, *, nested: bool = False) -> dict[str, Any] | None:
    """A resource as this caller sees it; None to withhold it."""
    kind = value.get("resourceType")
    kind = kind if isinstance(kind, str) else ""
    if (see.hides(value) if nested else inline_mask(value) & ~see.permitted) or (nested and see.hidden and f"{kind}/{value.get('id')}" in see.hidden):
        return None
    known = shape(kind)
    out = _members(value, kind, known, see)
    if not _is_complete(out, known, value if not see.strip else None):
        return None
    return _relabelled(value, out, see)


def is_whole(value: dict[str, Any], kind: str) -> bool:
    """Whether everything in a resource that holds no other is valid enough to be shown: `visible` then takes nothing of it that is not hidden."""
    known = shape(kind)
    if not _is_complete(value, known):
        return False
    members = known.members
    for key, child in value.items():
        if type(child) is list:
            inner = [item for item in child if type(item) is dict]
        elif type(child) is dict:
            inner = [child]
        else:
            continue
        if inner:
            type_ = "Element" if key[:1] == "_" else member.type if (member := members.get(key)) else ""
            for item in inner:
                if not _says_something(item, item, type_) or not is_whole(item, type_):
                    return False
    return True


def is_hidden(value: dict[str, Any], kind: str, see: Sight) -> bool:
    """Whether the object itself must not be seen: for its label, or for what it refers to."""
    if "extension" in value and see.hides(value):
        return True
    link = value.get("reference")
    if type(link) is not str or kind not in ("Reference", ""):
        return False
    return is_hidden_link(link, see) or (see.strip and link.startswith("#"))  # contained copies are not there


def is_hidden_link(link: str, see: Sight) -> bool:
    """Whether a link leads to something that this caller must not know of."""
    return bool(see.hidden) and "/" in link and target_of(link) in see.hidden


def is_stripped(name: str, kind: str, type_: str, value: dict[str, Any]) -> bool:
    """Whether a caller subject to redaction never gets this element of any resource."""
    if name in _OF_TARGET:
        return kind == "Reference" or (not kind and "reference" in value)
    return type_ == "Narrative" or (name == "contained" and type_ == "Resource")


def _members(value: dict[str, Any], kind: str, known: Shape, see: Sight) -> dict[str, Any]:
    """The elements that may be seen, in the order in which they stand."""
    out: dict[str, Any] = {}
    strip, linked, names, members = see.strip, bool(see.hidden), _names(), known.members
    reference = kind == "Reference" or (not kind and "reference" in value)
    for key, child in value.items():
        name = key[1:] if key[:1] == "_" else key
        member = members.get(name)
        if strip and reference and name in _OF_TARGET:
            continue
        if member and member.primitive and type(child) is not list and name is key and f"_{key}" not in value:
            if not (linked and type(child) is str and key in names and is_hidden_link(child, see)):
                out[key] = child  # by far the most common case
            continue
        type_ = member.type if member else ""
        if strip and (type_ == "Narrative" or (type_ == "Resource" and name == "contained")):
            continue
        if name is not key or (member.primitive if member else not _holds_objects(child)):
            pair = primitive(value.get(name), value.get(f"_{name}"), name, see)
            seen = pair[name is not key]
        elif type(child) is list:
            seen = [s for item in child if (s := visible(item, type_, see) if type(item) is dict else item) is not None] or (None if child or strip else child)
        else:
            seen = visible(child, type_, see) if type(child) is dict else child
        if seen is None and member and member.required and see.strip:
            seen = _bare_reference(child, member, see)
        if seen is not None:
            out[key] = seen
    return out


def _bare_reference(child: Any, member: Member, see: Sight) -> Any:
    """A required reference of which only what is always stripped was there: the type that it must point to.

    Without it every claim that names its coverage in words would be withheld from callers subject to redaction.
    None when the reference itself is hidden, or may point to several types.
    """
    whole = see._replace(strip=False)
    items = [item for item in (child if isinstance(child, list) else [child]) if isinstance(item, dict)]
    if (
        member.type != "Reference"
        or not member.target
        or not (shown := [item for item in items if not is_hidden(item, "Reference", whole)])
    ):
        return None
    bare = {"type": member.target}
    return [bare] * len(shown) if isinstance(child, list) else bare


def _holds_objects(child: Any) -> bool:
    return type(child) is dict or (type(child) is list and any(type(item) is dict for item in child))


def primitive(value: Any, extra: Any, name: str, see: Sight) -> tuple[Any, Any]:
    """A primitive, or a list of them, and its `_` sibling; None for each that is not seen."""
    if type(value) is not list and type(extra) is not list:
        return one_primitive(value, extra, name, see)
    pairs = [one_primitive(v, e, name, see) for v, e in paired(value, extra)]
    pairs = [pair for pair in pairs if pair != (None, None)]
    values, extras = [v for v, _ in pairs], [e for _, e in pairs]
    # FHIR pads the shorter list with null, and leaves out a list of nothing else (https://hl7.org/fhir/R4/json.html#primitive).
    return values if any(v is not None for v in values) else None, extras if any(e is not None for e in extras) else None


def paired(value: Any, extra: Any) -> list[tuple[Any, Any]]:
    """The items of a list of primitives, each with its sibling."""
    values, extras = value if isinstance(value, list) else [], extra if isinstance(extra, list) else []
    size = max(len(values), len(extras))
    return list(zip(values + [None] * (size - len(values)), extras + [None] * (size - len(extras)), strict=True))


def one_primitive(value: Any, extra: Any, name: str, see: Sight) -> tuple[Any, Any]:
    """One primitive and its sibling as seen."""
    if isinstance(extra, dict):
        if see.hides(extra):
            return None, None
        extra = visible(extra, "Element", see)
    if type(value) is str and see.hidden and name in _names() and is_hidden_link(value, see):
        return None, None
    if value is None and see.strip and isinstance(extra, dict) and _is_only_labels(extra.get("extension", ())) and not extra.keys() - {"extension", "id"}:
        return None, None  # what it labelled is not there
    return value, extra


def _stands(value: dict[str, Any], out: dict[str, Any], kind: str, see: Sight) -> bool:
    """Whether what is left of an object says something; to who is not subject to redaction also what said nothing when it was stored."""
    return _says_something(value, out, kind) or (not see.strip and not _says_something(value, value, kind))


def _says_something(value: dict[str, Any], out: dict[str, Any], kind: str) -> bool:
    """Whether an object may stand in a resource: not empty, and more than an id (ele-1), an extension with a value (ext-1)."""
    if "extension" not in out and "id" not in out and kind not in ("Extension", "Bundle.entry"):
        return bool(out)  # by far the most common case
    if kind == "Extension":
        return any(key[:5] == "value" or key[:6] == "_value" or key == "extension" for key in out)
    if kind == "Bundle.entry" and "resource" in value and "resource" not in out:
        return False
    if kind == "Element":  # the sibling of a primitive, which may have nothing but a label
        return bool(out)
    return any(key != "id" and (key != "extension" or not _is_only_labels(child)) for key, child in out.items())


def _is_only_labels(extensions: Any) -> bool:
    return isinstance(extensions, list) and all(isinstance(e, dict) and e.get("url") == INLINE for e in extensions)


def _is_complete(out: dict[str, Any], known: Shape, stored: dict[str, Any] | None = None) -> bool:
    """Whether every element that must be there is; with `stored`, of those that were stored (imported records may lack one).

    Whoever is not subject to redaction is served most things as they are stored: what lacks an element there must lack it beside something hidden, too.
    """
    for names in known.required:
        for name in names:
            if name in out:
                break
        else:
            if stored is None or any(name in stored for name in names):
                return False
    return True


def _is_law(coding: dict[str, Any]) -> bool:
    """Whether a label whose code names a subject says why it is there (a law, somebody's word, what it hangs on), which whoever sees the resource may know."""
    extensions = coding.get("extension")
    return isinstance(extensions, list) and any(isinstance(e, dict) and e.get("url") == LAW for e in extensions)


def _relabelled(before: dict[str, Any], out: dict[str, Any], see: Sight) -> dict[str, Any]:
    """The resource with labels that follow from what is left of it, and from its origin.

    Labels by origin and those of a writer on the whole stay: were one of their bases not permitted, the
    whole would be withheld. Subjects that codes give are looked for again in what is left; from who is not subject to redaction only what
    the rest lacks is taken, so that it reads as what is served as it is stored.
    """
    meta = out.get("meta")
    if not isinstance(meta, dict) or "security" not in meta:
        return out
    tags, mask, inline = read(out, see.rules)
    had = tags if see.strip else read(before, see.rules)[0]
    subjects = tag_codes()
    kept = []
    restricted = mask != 0
    for coding in before["meta"]["security"]:
        if not isinstance(coding, dict) or coding.get("system") == CONFIDENTIALITY or coding == PROCESS_INLINE:
            continue
        if coding.get("code") in subjects and not _is_law(coding):
            if coding["code"] in tags or not (see.strip or coding["code"] in had):
                kept.append(coding)
            continue
        restricted = restricted or (claimed(coding) != 0 and not is_inherited(coding))
        kept.append(coding)
    levels = [c.get("code") for c in before["meta"]["security"] if isinstance(c, dict) and c.get("system") == CONFIDENTIALITY]
    if levels:
        kept.insert(0, {"system": CONFIDENTIALITY, "code": "N" if not restricted else "V" if "V" in levels else "R"})
    if inline:
        kept.append(PROCESS_INLINE)
    out["meta"] = {key: kept if key == "security" else child for key, child in meta.items() if key != "security" or kept}
    if not out["meta"]:
        del out["meta"]
    return out
