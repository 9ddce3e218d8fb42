"""What a message says of its confidentiality, and its sender's law, as labels. Pure.

They are put on all that it becomes. Carriers: `meta.security` and `securityLabel` of anything in it, inline labels (DS4P), a notice of 42 CFR 2.32 in any text, and the partner's profile. What is
labelled in part marks all of it: withholding too much is mended, releasing too much is not. https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sojourn.fhir.messages import Message, Resource
from sojourn.gate import bases, documentmarks
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import notice

_USUAL: Final = ("U", "N", "L", "M", "")
_REDISCLOSURE: Final = frozenset({"NORDSCLCD", "NORDSCLCDS", "NORDSLCD", "RedisclosureProhibitionMark"})


def of(message: Message, partner: Partner) -> list[Resource]:
    """The labels, each once; confidentiality the gravest."""
    codes = set(partner.laws)
    for coding in _codings([message.bundle]):
        codes |= set(_means(coding))
    if any(isinstance(said, str) and notice.stands_in(said) for said in message.leaves()):
        codes |= {"R", "42CFRPart2"}
    mask = 0
    for code in codes:
        mask |= bases.bit_of(code)
    grave = "V" if "V" in codes else "R" if codes else ""
    return [*({"system": bases.CONFIDENTIALITY, "code": c} for c in (grave,) if c), *bases.codings(mask)]


def _means(coding: Resource) -> tuple[str, ...]:
    """What a label means here. One of v3 ActCode that we do not know is read as restricted."""
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(code, str):
        return ()
    if system == bases.CONFIDENTIALITY:
        return () if code in _USUAL else ("R",) if code == "R" else ("V",)
    if code in _REDISCLOSURE or documentmarks.substance(str(system), code):
        return "R", "42CFRPart2"
    if bases.claimed(coding):
        return "R", "42CFRPart2" if code == "42CFRPart2" else code
    return ("R",) if system == bases.ACT_CODE else ()


def _codings(stack: list[Any]) -> Iterator[Resource]:
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack += value
        elif isinstance(value, dict):
            meta, labels = value.get("meta"), value.get("securityLabel")
            if isinstance(meta, dict) and isinstance(meta.get("security"), list):
                yield from (c for c in meta["security"] if isinstance(c, dict))
            if isinstance(labels, list):
                yield from (c for one in labels if isinstance(one, dict) for c in _list(one.get("coding")) if isinstance(c, dict))
            if value.get("url") == bases.INLINE and isinstance(value.get("valueCoding"), dict):
                yield value["valueCoding"]
            stack += value.values()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
