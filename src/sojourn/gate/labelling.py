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


def own_of(resource: dict[str, Any], label: labels.Label) -> int:
    """The bases of the row: the resource's own, and those of labelled elements that it cannot do without."""
    return label.own | bearing.laws(resource, label.parts) if label.parts else label.own


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


def as_sent(resource: dict[str, Any], change: Change, rules: Rules) -> dict[str, Any]:
    """The resource with only its senders' labels: those they wrote before stay, and an echo of what they were shown is none of theirs.

    What somebody says anew of the whole is said in a form of its own (labels.decided), whether or not a code in it says the same: or whoever sends a label would
    learn from what becomes of it whether something hidden has that code.
    """
    before, meta = change.before, resource.get("meta") or {}
    sent = meta.get("security") or ()
    if not before or change.base["kind"] != "current":
        return {**resource, "meta": {**meta, "security": as_said(sent, resource, rules)}} if sent else resource
    kept = as_said(change.wrote if change.wrote is not None else senders(before, change.base["origin"], rules), before, rules)
    tags = labels.read(before)[0] if change.view is not before else set()
    echoed = [*(change.view.get("meta") or {}).get("security", ()), *(c for c in before.get("meta", {}).get("security", ()) if _code(c) not in tags)]
    new = [_said(coding) for coding in sent if coding not in echoed and coding not in kept]
    return {**resource, "meta": {**meta, "security": [*kept, *(c for c in new if c not in kept)]}}


def as_said(written: Sequence[Any], resource: dict[str, Any], rules: Rules) -> list[Any]:
    """What senders wrote with the resource, in the form of now: a subject as their word about the whole, unless a code in it gives it too.

    Of what is new nobody hid anything: a copy of what was read elsewhere says what its codes say.
    """
    given = labels.read(resource, rules.labels)[0] if written else set()
    return [coding if _code(coding) in given else _said(coding) for coding in written]


def _code(coding: Any) -> str:
    return str(coding.get("code", "")) if isinstance(coding, dict) and coding.get("system") == bases.ACT_CODE else ""


def _said(coding: Any) -> Any:
    """A label of a subject as somebody's word about the whole; any other as it is."""
    return labels.decided(coding["code"]) if _code(coding) in labels.tag_codes() and coding.keys() == {"system", "code"} else coding
