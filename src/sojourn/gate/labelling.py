"""What the labels of one resource follow from: what senders wrote, where it was made, what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases, bearing, labels
from sojourn.gate.caller import Program

if TYPE_CHECKING:
    from sojourn.gate.changes import Change
    from sojourn.gate.decide import Rules

# An origin that the rules do not know counts as Part 2: fail closed.
_UNKNOWN = Program(0, "", "", None, part2=True)


def origin_of(numbers: Sequence[int], programs: Mapping[int, Program]) -> list[Program]:
    """The programs behind an origin."""
    return [programs.get(n, _UNKNOWN) for n in numbers]


def own_of(resource: dict[str, Any], label: labels.Label, rules: Rules) -> int:
    """The bases of the row: the resource's own, and those of labelled elements that it cannot do without."""
    return label.own | bearing.laws(resource, label.parts, rules.labels) if label.parts else label.own


def bits_of(codes: Iterable[str]) -> int:
    """The laws among codes of labels."""
    mask = 0
    for code in codes:
        mask |= bases.bit_of(code)
    return mask


def computed(resource: Mapping[str, Any], numbers: Sequence[int], rules: Rules) -> labels.Label:
    """The label that a stored resource has if nobody wrote any, decided any, and it takes none from others."""
    bare = {**resource, "meta": {k: v for k, v in resource.get("meta", {}).items() if k != "security"}}
    return labels.label(bare, origin_of(numbers, rules.programs), rules.labels)


def senders(resource: Mapping[str, Any], numbers: Sequence[int], rules: Rules) -> list[Any]:
    """Of a stored resource's labels those that its senders wrote: all but what we compute for this content and origin.

    Only for what is not kept apart: resources of before record.label_sent, and those that have nothing but what we compute.
    """
    found = computed(resource, numbers, rules).security
    return [coding for coding in resource.get("meta", {}).get("security", ()) if coding not in found]


def unusual(change: Change, rules: Rules) -> bool:
    """Whether the label of what is changed is more, or less, than its content and origin say; or its author sends another."""
    base, before = change.base, change.before
    known = before.get("meta", {}).get("security", ())
    sent = (change.sent or change.resource or {}).get("meta") or {}
    if any(coding not in known for coding in sent.get("security") or ()):
        return True
    found = computed(before, base["origin"], rules)
    return bool(base["parts"]) or found.own != base["own"] or any(coding not in found.security for coding in known) or list(found.tags) != sorted(base["tags"])


def wrote(change: Change, rules: Rules) -> dict[str, Any]:
    """What is changed, with only the labels that its senders wrote."""
    before = change.before
    said = change.wrote if change.wrote is not None else senders(before, change.base["origin"], rules)
    return {**before, "meta": {**(before.get("meta") or {}), "security": as_said(said, before, rules)}}


def elsewhere(change: Change, rules: Rules) -> int:
    """Laws that what is changed has from what it hangs on, or holds; notes kept apart left out."""
    own = int(change.base["own"]) & ~bases.APART
    if not own:
        return 0
    label = labels.label(wrote(change, rules), origin_of(change.base["origin"], rules.programs), rules.labels, change.facts)
    return own & ~own_of(change.before, label, rules)


def as_sent(resource: dict[str, Any], change: Change, rules: Rules) -> dict[str, Any]:
    """The resource with only its senders' labels: those they wrote before stay, and an echo of what they were shown is none of theirs.

    What somebody says anew of the whole is said in a form of its own (labels.said), and judged by what they saw and sent alone: never by what else is stored, or whoever
    sends a label would learn from what becomes of it whether something hidden has it, too.
    """
    before, meta = change.before, resource.get("meta") or {}
    sent = meta.get("security") or ()
    if not before or change.base["kind"] != "current":
        return {**resource, "meta": {**meta, "security": as_said(sent, resource, rules)}} if sent else resource
    kept = wrote(change, rules)["meta"]["security"]
    theirs = change.sent or resource
    said, seen, stored = (r.get("meta", {}).get("security") or () for r in (theirs, change.view, before))
    found = [*_anew([c for c in said if c not in seen], said, theirs, rules), *(_said(c) for c in sent if c not in said and c not in stored)]
    return {**resource, "meta": {**meta, "security": [*kept, *(c for c in found if c not in kept)]}}


def _anew(new: Sequence[Any], said: Sequence[Any], theirs: dict[str, Any], rules: Rules) -> list[Any]:
    """What is said anew of the whole. What only sums up the labels of elements that were sent with it, as DS4P has it, says nothing; they say it themselves."""
    inline = labels.read(theirs, rules.labels)[2] if new else []
    return [_said(c) for c in new if c != bases.PROCESS_INLINE and not _sums_up(c, said, inline)]


def _sums_up(coding: Any, said: Sequence[Any], inline: Sequence[Any]) -> bool:
    """Whether a label on the whole is there for those on elements."""
    if not inline or not isinstance(coding, dict):
        return False
    key = coding.get("system"), coding.get("code")
    return key[0] == bases.CONFIDENTIALITY or (bases.PROCESS_INLINE in said and any(isinstance(c, dict) and (c.get("system"), c.get("code")) == key for c in inline))


def as_said(written: Sequence[Any], resource: dict[str, Any], rules: Rules) -> list[Any]:
    """What senders wrote with the resource, in the form of now: as their word about the whole, unless a code in it or the label of an element says it too.

    Of what is new nobody hid anything: a copy of what was read elsewhere says what its codes say.
    """
    if not written:
        return []
    given, _, inline = labels.read(resource, rules.labels)
    return [c if _code(c) in given or _sums_up(c, written, inline) else _said(c) for c in written]


def _code(coding: Any) -> str:
    return str(coding.get("code", "")) if isinstance(coding, dict) and coding.get("system") == bases.ACT_CODE else ""


def _said(coding: Any) -> Any:
    """A label of a subject, of a law, or that something is restricted, as somebody's word about the whole; any other as it is."""
    if not isinstance(coding, dict) or labels.is_inherited(coding):
        return coding
    strict = coding.get("system") == bases.CONFIDENTIALITY and coding.get("code") in ("R", "V")
    return labels.said(coding) if strict or bases.claimed(coding) or _code(coding) in labels.tag_codes() else coding
