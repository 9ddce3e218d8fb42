"""Checks a document by a Schematron of ISO 19757-3 as far as C-CDA's uses it: patterns, rules, abstract rules, lets, assertions in XPath 1.0.

lxml's own way compiles to XSLT and takes seconds a document; here each context is one XPath over the document.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

_S = "{http://purl.oclc.org/dsdl/schematron}"


class Rule(NamedTuple):
    """A rule: what it is about, what it binds, and (test, message) of its assertions."""

    context: Any
    lets: list[tuple[str, str]]
    asserts: list[tuple[str, str]]


class Schema(NamedTuple):
    """The patterns of a phase."""

    spaces: dict[str, str]
    patterns: list[list[Rule]]


def _own(rule: Any, abstract: dict[str, Any]) -> list[tuple[str, str]]:
    inherited = [a for e in rule.iter(_S + "extends") for a in _own(abstract[e.get("rule")], abstract)]
    return [*inherited, *((a.get("test"), " ".join("".join(a.itertext()).split())) for a in rule.iter(_S + "assert"))]


@lru_cache(maxsize=2)
def load(path: Path, phase: str = "errors") -> Schema:
    """The schema at a path."""
    root = etree.parse(path).getroot()
    spaces = {n.get("prefix"): n.get("uri") for n in root.iter(_S + "ns")}
    active = {a.get("pattern") for p in root.iter(_S + "phase") if p.get("id") == phase for a in p.iter(_S + "active")}
    abstract = {r.get("id"): r for r in root.iter(_S + "rule") if r.get("abstract") == "true"}
    patterns = []
    for pattern in root.iter(_S + "pattern"):
        if pattern.get("id") not in active:
            continue
        rules = []
        for rule in pattern.iter(_S + "rule"):
            if rule.get("abstract") == "true":
                continue
            context = rule.get("context")
            rules.append(Rule(etree.XPath(context if context.startswith("/") else f"//{context}", namespaces=spaces), [(x.get("name"), x.get("value")) for x in rule.iter(_S + "let")], _own(rule, abstract)))
        patterns.append(rules)
    return Schema(spaces, patterns)


@lru_cache(maxsize=4096)
def _compiled(test: str, spaces: tuple[tuple[str, str], ...]) -> Any:
    return etree.XPath(test, namespaces=dict(spaces))


def failed(schema: Schema, root: Any) -> list[tuple[int, str]]:
    """(line, message) of every assertion that does not hold."""
    found, spaces = [], tuple(sorted(schema.spaces.items()))
    for rules in schema.patterns:
        done: set[Any] = set()
        for rule in rules:
            for node in rule.context(root):
                if node in done:
                    continue
                done.add(node)
                bound: dict[str, Any] = {}
                for name, value in rule.lets:
                    told = _compiled(value, spaces)(node, **bound)
                    bound[name] = (str(told[0]) if told else "") if isinstance(told, list) and not (told and etree.iselement(told[0])) else told
                found += [(node.sourceline, message) for test, message in rule.asserts if not _truth(_compiled(test, spaces)(node, **bound))]
    return found


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else bool(value)
