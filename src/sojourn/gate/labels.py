"""What is sensitive, and why: a resource and its origin become bits, tags and labels.

Law follows where a thing was made (42 CFR 2.12: the program); codes only tell what it is about.
Labels that a writer sends raise, and never lower, what we find. docs/decisions/0005-redaction.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

from sojourn.gate import bases
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, PROCESS_INLINE, inline_mask

_PARENTS = {"ETHUD": ("SUD",), "OPIOIDUD": ("SUD",)}


class Origin(Protocol):
    """A program that made something, as far as its labels depend on it."""

    @property
    def part2(self) -> bool:
        """Whether it is a 42 CFR Part 2 program."""
        ...


class Label(NamedTuple):
    """What the record keeps beside a resource, and what it is served with."""

    own: int
    """Bases of the resource as a whole."""
    parts: int
    """Union of the bases of its labelled elements."""
    tags: tuple[str, ...]
    """What it is about: v3-ActCode sensitivity codes, sorted."""
    security: list[dict[str, Any]]
    """For `meta.security`."""


class _Codes(NamedTuple):
    """The value sets of one code system."""

    exact: dict[str, frozenset[str]]
    prefixes: dict[str, frozenset[str]]
    lengths: tuple[int, ...]
    """Lengths of the prefixes."""


def label(resource: dict[str, Any], origin_programs: Sequence[Origin]) -> Label:
    """The labels of a resource made by these programs. Running it is what clears the unlabelled bit."""
    tags, parts, inline = read(resource)
    own = bases.PART2 if _is_part2(resource.get("resourceType", ""), origin_programs) else 0
    sent = _sent(resource)
    if not sent and not inline:
        found = tuple(sorted(tags))
        return Label(own, parts, found, list(_plain(own, found)))
    kept: list[dict[str, Any]] = []
    restricted = ""
    if sent:
        restricted = next((c["code"] for c in sent if c.get("system") == CONFIDENTIALITY and c.get("code") in ("R", "V")), "")
        own |= _claims(sent, tags, inline)
        if restricted and not own and not parts:  # someone restricts it and does not say why
            own = bases.PATIENT_REQUESTED
        kept = [c for c in sent if c.get("system") != CONFIDENTIALITY and c != PROCESS_INLINE]
    return Label(own, parts, tuple(sorted(tags)), _security(own, parts, tags, kept, inline, very=restricted == "V"))


def _is_part2(type_: str, programs: Sequence[Origin]) -> bool:
    """Shared, longitudinal types only if every program of their origin is; others by their one origin."""
    if type_ in bases.LONGITUDINAL:
        return bool(programs) and all(program.part2 for program in programs)
    return any(program.part2 for program in programs)


def _sent(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The labels that the writer put on the resource."""
    meta = resource.get("meta")
    security = meta.get("security") if isinstance(meta, dict) else None
    return [coding for coding in security if isinstance(coding, dict)] if isinstance(security, list) else []


def _claims(sent: Iterable[dict[str, Any]], tags: set[str], inline: Iterable[dict[str, Any]]) -> int:
    """Bases claimed by labels on the whole, but for those that only repeat what an element or a code already says.

    A label is also what we serve: a client that sends back what it read must not thereby raise anything.
    """
    repeated = {(coding.get("system"), coding.get("code")) for coding in inline if isinstance(coding, dict)}
    own = 0
    for coding in sent:
        key = coding.get("system"), coding.get("code")
        if key[0] == ACT_CODE and key[1] in tags:
            continue
        if key not in repeated or PROCESS_INLINE not in sent:
            own |= bases.claimed(coding)
    return own


def _security(
    own: int, parts: int, tags: Iterable[str], kept: Iterable[dict[str, Any]], inline: Sequence[Any], *, very: bool
) -> list[dict[str, Any]]:
    """One confidentiality code; then law, subjects, what the writer sent besides; and that elements are labelled."""
    code = "V" if very else "R" if own or parts else "N"
    security: list[dict[str, Any]] = [{"system": CONFIDENTIALITY, "code": code}, *bases.codings(own)]
    known = {(coding["system"], coding["code"]) for coding in security}
    for coding in (*({"system": ACT_CODE, "code": tag} for tag in sorted(tags)), *kept):
        key = str(coding.get("system")), str(coding.get("code"))
        if key not in known:
            known.add(key)
            security.append(coding)
    if inline:
        security.append(PROCESS_INLINE)
    return security


@cache
def _plain(own: int, tags: tuple[str, ...]) -> list[dict[str, Any]]:
    """The labels of a resource on which nobody put any: few combinations, made once."""
    return _security(own, 0, tags, (), (), very=False)


def read(resource: dict[str, Any]) -> tuple[set[str], int, list[Any]]:
    """In one walk: tags by code, the bits of all inline labels, and these labels."""
    systems = _value_sets()
    tags: set[str] = set()
    inline: list[Any] = []
    mask = 0
    stack: list[Any] = [resource]
    push, pop = stack.append, stack.pop
    while stack:
        node = pop()
        if type(node) is dict:
            if "system" in node:
                system, code = node["system"], node.get("code")
                if type(code) is str and type(system) is str and system in systems:
                    tags |= _tags_of(systems[system], code)
            elif "url" in node and node["url"] == bases.INLINE:
                inline.append(node.get("valueCoding"))
                mask |= bases.on_element(node.get("valueCoding"))
            node = node.values()
        for value in node:
            if type(value) is dict or type(value) is list:
                push(value)
    return tags, mask, inline


def _tags_of(codes: _Codes, code: str) -> frozenset[str]:
    found = codes.exact.get(code)
    if found is None and codes.lengths:
        found = next((codes.prefixes[code[:n]] for n in codes.lengths if code[:n] in codes.prefixes), None)
    return found or frozenset()


@cache
def tag_codes() -> frozenset[str]:
    """Every tag that a code can give."""
    return frozenset(
        tag for codes in _value_sets().values() for found in (codes.exact, codes.prefixes) for tags in found.values() for tag in tags
    )


@cache
def _value_sets() -> dict[str, _Codes]:
    """By code system: codes and prefixes with the tags they give. The files tell their source and date."""
    systems: dict[str, _Codes] = {}
    for file in sorted(files("sojourn.gate").joinpath("valuesets").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            for part in tomllib.loads(file.read_text("utf-8"))["set"]:
                for system in part["systems"]:
                    codes = systems.get(system, _Codes({}, {}, ()))
                    _enter(codes.exact, part.get("codes", ()), part["tags"])
                    _enter(codes.prefixes, part.get("prefixes", ()), part["tags"])
                    systems[system] = codes._replace(lengths=tuple(sorted({len(p) for p in codes.prefixes}, reverse=True)))
    return systems


def _enter(table: dict[str, frozenset[str]], codes: Iterable[str], tags: Iterable[str]) -> None:
    whole = frozenset(tags) | {parent for tag in tags for parent in _PARENTS.get(tag, ())}
    for code in codes:
        table[code] = table.get(code, frozenset()) | whole


def findable(resource: dict[str, Any], rest: dict[str, Any], origin_programs: Sequence[Origin]) -> list[dict[str, Any]]:
    """The labels by which a resource can be found: those of `rest`, what is left of it without its labelled elements.

    That it is labelled for the sake of one element (`R`, PROCESSINLINELABEL, a subject) would tell everyone who searches by
    `_security` that there is such an element.
    """
    tags, _, inline = read(resource)
    of_parts = {(coding.get("system"), coding.get("code")) for coding in (*inline, PROCESS_INLINE) if isinstance(coding, dict)}
    of_parts |= {(ACT_CODE, tag) for tag in tags}
    sent = [c for c in _sent(rest) if c.get("system") != CONFIDENTIALITY and (c.get("system"), c.get("code")) not in of_parts]
    return label({**rest, "meta": {"security": sent}}, origin_programs).security


ElementPath = tuple[str | int, ...]


def labelled_elements(resource: dict[str, Any]) -> list[tuple[ElementPath, int]]:
    """Every element with an inline label: where it stands in the JSON, and the bits of its labels.

    A labelled primitive is named by its own property, not by its `_` sibling.
    """
    return list(_labelled(resource, ()))


def _labelled(node: Any, path: ElementPath) -> Iterator[tuple[ElementPath, int]]:
    if isinstance(node, list):
        for position, item in enumerate(node):
            yield from _labelled(item, (*path, position))
    elif isinstance(node, dict):
        if mask := inline_mask(node):
            yield tuple(step.lstrip("_") if isinstance(step, str) else step for step in path), mask
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from _labelled(value, (*path, key))
