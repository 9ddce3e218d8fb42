"""Lower the FHIRPath subset of SearchParameter expressions to typed key paths.

A path is text: steps parted by spaces, then `:type`. A step is a key (`name`, or `name*` when it repeats), `#0` (an
index), `?key=value` (keep only elements with that value), `?->Patient` (keep only references to that type) or `?+url`
(keep only elements with that extension). Example: `telecom* ?system=phone :ContactPoint`.
A `code` whose required binding names one code system carries it: `status :code=http://hl7.org/fhir/observation-status`.
Grammar source: https://hl7.org/fhirpath/N1/ (paths, `|`, `as`, `is`, `ofType`, `where`, `extension`, indexer).
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

TOKEN = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|([A-Za-z_][A-Za-z0-9_]*|`[^`]+`)|(\d+)|([.()\[\]|=,]))")
Node = tuple[Any, ...]


class Branch(NamedTuple):
    """One way from a resource to a value: the steps and the FHIR type at the end."""

    steps: tuple[str, ...]
    type: str
    system: str = ""
    targets: tuple[str, ...] = ()
    """Types that a Reference at the end may point to; ("Resource",) for any."""

    def __str__(self) -> str:
        end = f":{self.type}={self.system}" if self.system else f":{self.type}"
        return " ".join((*self.steps, end))

    def then(self, step: str) -> "Branch":
        """The same branch, filtered or indexed further."""
        return self._replace(steps=(*self.steps, step))


class Parser:
    """A recursive-descent parser of the expressions that SearchParameters use."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        position = 0
        text = text.strip()
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                raise SyntaxError(f"unexpected text at {position}: {text}")
            kind = ("string", "name", "number", "sign")[match.lastindex - 1 if match.lastindex else 0]
            self.tokens.append((kind, match.group(match.lastindex or 0).strip("`")))
            position = match.end()
        self.tokens.append(("end", ""))

    def parse(self) -> Node:
        """The whole expression as nested tuples."""
        node = self.union()
        if self.tokens[0][0] != "end":
            raise SyntaxError(f"unexpected {self.tokens[0][1]!r}")
        return node

    def take(self, sign: str = "") -> str:
        """Consume one token, which must be `sign` when one is given."""
        _kind, text = self.tokens.pop(0)
        if sign and text != sign:
            raise SyntaxError(f"expected {sign!r}, found {text!r}")
        return text

    def at(self, kind: str, *texts: str) -> bool:
        """Whether the next token is one of these."""
        return self.tokens[0][0] == kind and self.tokens[0][1] in texts

    def union(self) -> Node:
        node = self.equality()
        while self.at("sign", "|"):
            self.take()
            node = ("union", node, self.equality())
        return node

    def equality(self) -> Node:
        node = self.typed()
        if self.at("sign", "="):
            self.take()
            node = ("=", node, self.typed())
        return node

    def typed(self) -> Node:
        node = self.path()
        while self.at("name", "as", "is"):
            node = (self.take(), node, self.take())
        return node

    def path(self) -> Node:
        node = self.term()
        while self.at("sign", ".", "["):
            if self.take() == "[":
                node = ("index", node, int(self.take()))
                self.take("]")
            else:
                node = self.member(node)
        return node

    def term(self) -> Node:
        if self.at("sign", "("):
            self.take()
            node = self.union()
            self.take(")")
            return node
        if self.tokens[0][0] == "string":
            return ("string", self.take())
        return self.member(("this",))

    def member(self, base: Node) -> Node:
        name = self.take()
        if not self.at("sign", "("):
            return ("member", base, name)
        self.take()
        arguments = []
        while not self.at("sign", ")"):
            arguments.append(self.union())
        self.take()
        return ("call", base, name, *arguments)


class Child(NamedTuple):
    """One typed key below a type: the key (`name*` when it repeats), its type, a code's system, a reference's targets."""

    key: str
    type: str
    system: str
    targets: tuple[str, ...]


class TypeModel:
    """Children of every type and backbone element, from the StructureDefinitions of the core package."""

    def __init__(self, resources: Iterable[dict[str, Any]]) -> None:
        self.children: dict[str, dict[str, list[Child]]] = {}
        self.types: set[str] = set()
        self.resources: set[str] = set()
        systems: dict[str, str] = {}
        structures = []
        for resource in resources:
            if resource.get("resourceType") == "ValueSet":
                systems[resource["url"]] = single_system(resource)
            elif resource.get("resourceType") == "StructureDefinition" and resource.get("derivation") != "constraint":
                structures.append(resource)
        for structure in structures:
            self.types.add(structure["id"])
            if structure["kind"] == "resource" and not structure["abstract"]:
                self.resources.add(structure["id"])
            for element in structure["snapshot"]["element"][1:]:
                self.add(element, systems)

    def add(self, element: dict[str, Any], systems: dict[str, str]) -> None:
        """Record an element under its parent: name -> one Child for each type of a choice."""
        parent, _, leaf = element["path"].rpartition(".")
        repeats = "*" if element["max"] not in ("0", "1") else ""
        name = leaf.removesuffix("[x]")
        binding = element.get("binding", {})
        system = systems.get(binding.get("valueSet", "").split("|")[0], "") if binding.get("strength") == "required" else ""
        found = self.children.setdefault(parent, {}).setdefault(name, [])
        if "contentReference" in element:
            found.append(Child(name + repeats, element["contentReference"].lstrip("#"), "", ()))
        profiles = {t["code"]: t.get("targetProfile", ()) for t in element.get("type", ())}
        for kind, targets in profiles.items():
            typed = self.named(kind, element["path"])
            key = name + kind[0].upper() + kind[1:] if leaf.endswith("[x]") else name
            pointed = tuple(profile.rpartition("/")[2] for profile in targets) or ("Resource",)
            found.append(Child(key + repeats, typed, system if typed == "code" else "", pointed))

    @staticmethod
    def named(kind: str, path: str) -> str:
        """The type's name; a backbone element is named by its path."""
        if kind in ("BackboneElement", "Element"):
            return path
        return "id" if kind.startswith("http://hl7.org/fhirpath/") else kind


def single_system(value_set: dict[str, Any]) -> str:
    """The one code system that all codes of a value set come from, or an empty text."""
    include = value_set.get("compose", {}).get("include", [])
    systems = {part.get("system", "") for part in include}
    return systems.pop() if len(systems) == 1 and not any("valueSet" in part for part in include) else ""


class Lowering:
    """Turns a parsed expression and a context into branches."""

    def __init__(self, model: TypeModel) -> None:
        self.model = model

    def lower(self, expression: str, context: list[Branch]) -> list[Branch]:
        """All branches of the expression; a branch that starts at another resource type is no branch of this one."""
        return self.walk(Parser(expression).parse(), context, at_root=True)

    def walk(self, node: Node, context: list[Branch], at_root: bool) -> list[Branch]:
        match node:
            case ("this",):
                return context
            case ("union", left, right):
                return self.walk(left, context, at_root) + self.walk(right, context, at_root)
            case ("member", ("this",), name) if at_root and name[0].isupper() and name in self.model.types:
                return [b for b in context if name in (b.type, "Resource", "DomainResource")]
            case ("member", base, name):
                return self.child(self.walk(base, context, at_root), name)
            case ("as", base, name) | ("call", base, "as" | "ofType", ("member", ("this",), name)):
                return [b for b in self.walk(base, context, at_root) if b.type.lower() == name.lower()]
            case ("index", base, number):
                return [b.then(f"#{number}") for b in self.walk(base, context, at_root)]
            case ("call", base, "where", ("is", ("call", ("this",), "resolve"), name)):
                return [b.then(f"?->{name}")._replace(targets=(name,)) for b in self.walk(base, context, at_root)]
            case ("call", base, "where", condition):
                return [b.then(self.filter(condition)) for b in self.walk(base, context, at_root)]
            case ("call", base, "extension", ("string", url)):
                found = self.child(self.walk(base, context, at_root), "extension")
                return [b.then(f"?url={url}") for b in found]
        raise NotImplementedError(f"no lowering for {node}")

    @staticmethod
    def filter(condition: Node) -> str:
        """The filter step of a `where`."""
        match condition:
            case ("=", ("member", ("this",), name), ("string", value)):
                return f"?{name}={value}"
            case ("call", ("this",), "hasExtension", ("string", url)):
                return f"?+{url}"
        raise NotImplementedError(f"no filter for {condition}")

    def child(self, branches: list[Branch], name: str) -> list[Branch]:
        """The branches one key further; `code` of a Coding stands for the Coding, so that its system can be asked for too."""
        codings = [b for b in branches if b.type == "Coding"]
        if name == "code" and codings:
            return codings
        found = []
        for branch in branches:
            for child in self.choices(branch.type, name):
                found.append(Branch((*branch.steps, child.key), child.type, child.system, child.targets))
        return found

    def choices(self, parent: str, name: str) -> list[Child]:
        """The children of that name, also when the expression names one choice by its key (`valueDateTime`)."""
        children = self.model.children.get(parent, {})
        if name in children:
            return children[name]
        return [c for choices in children.values() for c in choices if c.key.rstrip("*") == name]
