"""What is sensitive, and why: a resource and its origin become bits, tags and labels.

Law follows where a thing was made (42 CFR 2.12: the program); codes only tell what it is about.
Labels that a writer sends raise, and never lower, what we find. docs/decisions/0005-redaction.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

from sojourn.gate import bases
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, PROCESS_INLINE, inline_mask
from sojourn.gate.labelrules import LabelRules, shipped, tag_codes

__all__ = ["LAW", "Facts", "Label", "decided", "findable", "inherited", "is_inherited", "is_part2", "label", "labelled_elements", "named", "on_part", "read", "said", "tag_codes"]


LAW: Final = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-sec-label-basis"
"""On a label of the whole: the policy that it is there for (https://hl7.org/fhir/uv/security-label-ds4p/)."""


def decided(code: str) -> dict[str, Any]:
    """The label of a subject that somebody put on the whole. It says so, and thereby stays where a code that gives the same subject is hidden."""
    return _because(code, "decided")


def said(coding: dict[str, Any]) -> dict[str, Any]:
    """A label as somebody's word about the whole, whatever the codes in it and the labels of its elements say."""
    others = [e for e in coding.get("extension") or () if not (isinstance(e, dict) and e.get("url") == LAW)]
    return coding if is_decided(coding) else {**coding, "extension": [_why("decided"), *others]}


def inherited(code: str) -> dict[str, Any]:
    """The label of a subject that something has from what it hangs on (a prescription from its medication). It says so, for the same reason."""
    return _because(code, "inherited")


def is_decided(coding: Mapping[str, Any]) -> bool:
    """Whether somebody put this label on the whole."""
    extensions = coding.get("extension")
    return isinstance(extensions, list) and _why("decided") in extensions


def is_inherited(coding: Mapping[str, Any]) -> bool:
    """Whether this label of a subject is there for something else, and claims no law."""
    return coding == inherited(str(coding.get("code")))


def _because(code: str, why: str) -> dict[str, Any]:
    return {"extension": [_why(why)], "system": ACT_CODE, "code": code}


def _why(why: str) -> dict[str, Any]:
    return {"url": LAW, "valueCoding": {"system": bases.LOCAL, "code": why}}


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
    """What it is about but for its labelled elements: v3-ActCode sensitivity codes, sorted."""
    security: list[dict[str, Any]]
    """For `meta.security`."""


class Facts(NamedTuple):
    """What is known of one resource beside its content and origin: what it takes from others, and what people decided."""

    inherited: int = 0
    """Bases of what it hangs on, or of what it holds."""
    inherited_tags: frozenset[str] = frozenset()
    raised: frozenset[str] = frozenset()
    """Codes of labels that staff put on the whole."""
    lowered: frozenset[str] = frozenset()
    """Codes of labels that the privacy officer took from the whole."""


NOTHING = Facts()


def label(resource: dict[str, Any], origin_programs: Sequence[Origin], rules: LabelRules | None = None, facts: Facts = NOTHING) -> Label:
    """The labels of a resource made by these programs. Running it is what clears the unlabelled bit.

    `meta.security` of the resource is what its senders wrote, and nothing that we computed earlier.
    """
    rules = rules or shipped()
    tags, parts, inline, held = _walk(resource, rules)
    outside = _outside(resource, rules) if inline else tags  # a law of the state by a code in a labelled element is on that element alone
    origin = bases.PART2 if is_part2(resource.get("resourceType", ""), origin_programs) else 0
    own = origin | rules.bases(outside) | (bases.MINOR if resource.get("resourceType") == "Consent" and _minors_own(resource) else 0)
    sent = _sent(resource)
    if not sent and not inline and not held and facts is NOTHING:
        found = tuple(sorted(tags))
        return Label(own, parts, found, list(_plain(own, found)))
    repeated = {(c.get("system"), c.get("code")) for c in inline if isinstance(c, dict)} if PROCESS_INLINE in sent else set()
    # What only sums up the labels of elements is not shown on the whole either, or it would tell those of them who may not see these.
    kept = [c for c in sent if c.get("system") != CONFIDENTIALITY and c != PROCESS_INLINE and (is_decided(c) or (c.get("system"), c.get("code")) not in repeated)]
    strict = [c for c in sent if c.get("system") == CONFIDENTIALITY and c.get("code") in ("R", "V")]
    own |= _claims(kept, tags) | _of_contents(held) | facts.inherited
    if strict and not own and (not parts or any(map(is_decided, strict))):  # someone restricts it and does not say why
        own = bases.PATIENT_REQUESTED
    for code in facts.raised:
        own |= bases.bit_of(code)
    raised = {code for code in facts.raised if code in tag_codes()}
    more = {*facts.inherited_tags, *raised}
    tags, outside = tags | more, outside | more
    if facts.lowered:
        # What follows from where a thing was made is no judgement: the Part 2 label of a Part 2 program stays (42 CFR 2.12).
        gone = {code for code in facts.lowered if not bases.bit_of(code) & origin}
        for code in gone:
            own &= ~bases.bit_of(code)
        tags, outside, raised = tags - gone, outside - gone, raised - gone
        kept = [c for c in kept if c.get("code") not in gone and not bases.claimed(c) & ~own]
    kept = [*(inherited(code) for code in sorted(facts.inherited_tags & tags)), *(decided(code) for code in sorted(raised)), *kept]
    very = bool(own | parts) and any(c["code"] == "V" for c in strict)
    return Label(own, parts, tuple(sorted(outside)), _security(own, parts, tags, kept, inline, very=very))


def named(resource: dict[str, Any]) -> int:
    """The laws that the label of a stored resource names."""
    security = (resource.get("meta") or {}).get("security") or ()
    return sum(basis.bit for basis in bases.BASES if basis.code and _laws(basis.bit)[0] in security)


def _minors_own(consent: dict[str, Any]) -> bool:
    """Whether a minor signed a consent alone, which is then kept from parents (42 CFR 2.14(b); 45 CFR 164.502(g)(3))."""
    said = (e for e in consent.get("extension") or () if isinstance(e, dict) and str(e.get("url", "")).endswith("/consent-signer-authority"))
    return any(e.get("valueCode") == "minor" for e in said)


def _of_contents(held: Iterable[dict[str, Any]]) -> int:
    """The bases claimed by labels of resources inside it: entries of a Bundle, contained ones. It holds their union."""
    own = 0
    for inside in held:
        for coding in _sent(inside):
            own |= bases.claimed(coding)
    return own


def is_part2(type_: str, programs: Sequence[Origin]) -> bool:
    """Shared, longitudinal types only if every program of their origin is; others by their one origin."""
    if type_ in bases.LONGITUDINAL:
        return bool(programs) and all(program.part2 for program in programs)
    return any(program.part2 for program in programs)


def _sent(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The labels that the writer put on the resource."""
    meta = resource.get("meta")
    security = meta.get("security") if isinstance(meta, dict) else None
    return [coding for coding in security if isinstance(coding, dict)] if isinstance(security, list) else []


def _claims(said: Iterable[dict[str, Any]], tags: set[str]) -> int:
    """Bases claimed by labels on the whole, but for those that only repeat what a code already says.

    A label is also what we serve: a client that sends back what it read must not thereby raise anything.
    """
    own = 0
    for coding in said:
        key = coding.get("system"), coding.get("code")
        if not is_inherited(coding) and (is_decided(coding) or key[0] != ACT_CODE or key[1] not in tags):
            own |= bases.claimed(coding)
    return own


def _security(
    own: int, parts: int, tags: Iterable[str], kept: Iterable[dict[str, Any]], inline: Sequence[Any], *, very: bool
) -> list[dict[str, Any]]:
    """One confidentiality code; then law, subjects, what the writer sent besides; and that elements are labelled."""
    code = "V" if very else "R" if own or parts else "N"
    security: list[dict[str, Any]] = [{"system": CONFIDENTIALITY, "code": code}, *_laws(own)]
    known = {(coding["system"], coding["code"]) for coding in security}
    # What somebody decided goes before; both stand where the subject would by a code in it, or their place would tell that one gives it too.
    because = {c["code"]: c for why in (is_inherited, is_decided) for c in kept if c.get("system") == ACT_CODE and c.get("code") in tag_codes() and why(c)}
    for coding in (*(because.get(tag) or {"system": ACT_CODE, "code": tag} for tag in sorted({*tags, *because})), *kept):
        key = str(coding.get("system")), str(coding.get("code"))
        if key not in known:
            known.add(key)
            security.append(coding)
    if inline:
        security.append(PROCESS_INLINE)
    return security


@cache
def _laws(own: int) -> tuple[dict[str, Any], ...]:
    """The labels of laws. One whose code also names a subject says that it is there because of a law (DS4P: the basis of a label)."""
    names = {basis.code: basis.name for basis in bases.BASES}
    found = []
    for coding in bases.codings(own):
        basis = {"url": LAW, "valueCoding": {"system": bases.LOCAL, "code": names[coding["code"]]}}
        found.append({"extension": [basis], **coding} if coding["code"] in tag_codes() else coding)
    return tuple(found)


@cache
def _plain(own: int, tags: tuple[str, ...]) -> list[dict[str, Any]]:
    """The labels of a resource on which nobody put any: few combinations, made once."""
    return _security(own, 0, tags, (), (), very=False)


def read(resource: dict[str, Any], rules: LabelRules | None = None) -> tuple[set[str], int, list[Any]]:
    """Tags by code, the bits of all labelled elements, and their labels."""
    return _walk(resource, rules or shipped())[:3]


def _walk(resource: dict[str, Any], rules: LabelRules) -> tuple[set[str], int, list[Any], list[dict[str, Any]]]:
    """In one walk: tags by code, the bits of all labelled elements, their labels, and resources inside that have labels."""
    systems = rules.systems
    tags: set[str] = set()
    inline: list[Any] = []
    held: list[dict[str, Any]] = []
    mask = 0
    stack: list[Any] = [resource]
    push, pop = stack.append, stack.pop
    while stack:
        node = pop()
        if type(node) is dict:
            if "system" in node:
                system, code = node["system"], node.get("code")
                if type(code) is str and type(system) is str and system in systems:
                    tags |= systems[system].tags(code)
            if "url" in node and node["url"] == bases.INLINE:
                inline.append(node.get("valueCoding"))
                mask |= bases.on_element(node.get("valueCoding"))
            if "resourceType" in node and "meta" in node and node is not resource:
                held.append(node)
            node = node.values()
        for value in node:
            if type(value) is dict or type(value) is list:
                push(value)
    if inline and rules.laws:
        for _, bits in labelled_elements(resource, rules):
            mask |= bits
    return tags, mask, inline, held


def _outside(root: dict[str, Any], rules: LabelRules) -> set[str]:
    """The tags by code but for those in elements within it that have labels of their own."""
    tags: set[str] = set()
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            if node is not root and inline_mask(node):
                continue
            system, code = node.get("system"), node.get("code")
            if type(code) is str and type(system) is str and system in rules.systems:
                tags |= rules.systems[system].tags(code)
            node = node.values()
        stack.extend(value for value in node if type(value) is dict or type(value) is list)
    return tags


def on_part(element: dict[str, Any], rules: LabelRules | None = None) -> int:
    """The bits of an element with labels of its own: of these, and of the laws of the state by codes in it; 0 for none.

    What in it has a label of its own is as that says: it is hidden by itself.
    """
    mask = inline_mask(element)
    return mask | rules.bases(_outside(element, rules)) if mask and rules is not None and rules.laws else mask


def findable(
    resource: dict[str, Any], rest: dict[str, Any], origin_programs: Sequence[Origin], rules: LabelRules | None = None, facts: Facts = NOTHING
) -> list[dict[str, Any]]:
    """The labels by which a resource can be found: those of `rest`, what is left of it without its labelled elements.

    That it is labelled for the sake of one element (`R`, PROCESSINLINELABEL, a subject) would tell everyone who searches by
    `_security` that there is such an element. What somebody said of the whole finds it, whatever its elements say; so does what it
    has from others. Its `meta.security` is what its senders wrote, as for `label`.
    """
    rules = rules or shipped()
    tags, _, inline, _ = _walk(resource, rules)
    by_code = rules.bases(tags)
    of_parts = {(coding.get("system"), coding.get("code")) for coding in (*inline, PROCESS_INLINE) if isinstance(coding, dict)}
    of_parts |= {(ACT_CODE, tag) for tag in tags}
    sent = [
        c for c in _sent(resource)
        if is_decided(c) or (c.get("system") != CONFIDENTIALITY and ((c.get("system"), c.get("code")) not in of_parts or is_inherited(c) or ("extension" in c and bases.claimed(c) & ~by_code)))
    ]  # fmt: skip
    found = label({**rest, "meta": {"security": sent}}, origin_programs, rules, facts).security
    very = any(c.get("system") == CONFIDENTIALITY and c.get("code") == "V" for c in _sent(resource))  # said of the whole, and shown wherever a law is on it
    return [{"system": CONFIDENTIALITY, "code": "V"}, *found[1:]] if very and found[0]["code"] == "R" else found


ElementPath = tuple[str | int, ...]


def labelled_elements(resource: dict[str, Any], rules: LabelRules | None = None) -> list[tuple[ElementPath, int]]:
    """Every element with an inline label: where it stands in the JSON, and its bits; with rules, also of the laws by codes in it.

    A labelled primitive is named by its own property, not by its `_` sibling.
    """
    return list(_labelled(resource, (), rules))


def _labelled(node: Any, path: ElementPath, rules: LabelRules | None) -> Iterator[tuple[ElementPath, int]]:
    if isinstance(node, list):
        for position, item in enumerate(node):
            yield from _labelled(item, (*path, position), rules)
    elif isinstance(node, dict):
        if mask := on_part(node, rules if path else None):  # of the whole the laws by its codes are its own
            yield tuple(step.lstrip("_") if isinstance(step, str) else step for step in path), mask
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from _labelled(value, (*path, key), rules)
