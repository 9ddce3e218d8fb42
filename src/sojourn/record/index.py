"""What a resource can be found by, worked out when it is written: the rows of the index tables.

Values become 64-bit keys under a secret of the tenant, so that the token table tells nothing to who reads it alone.
The tables and their meaning: docs/decisions/0004-search-index.md.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from sojourn.fhir.compartment import patient_of
from sojourn.fhir.dates import PAST
from sojourn.fhir.extract import extract
from sojourn.fhir.fold import INDEXED, fold
from sojourn.fhir.searchparams import PARAMS, clinical_date, resource_types
from sojourn.fhir.terms import Terms

ElementPath = tuple[str | int, ...]
"""Keys and list positions from the resource down to an element, such as ("component", 1, "valueString")."""

ANY = "\x1e"
"""Stands for "any system" in a key."""

CACHED = 20_000
"""Keys remembered by one Keys; then all are forgotten and learnt anew (about 8 MB)."""

_ONCE = "identifier"
"""Parameters of such a name hold numbers that are hardly asked twice: remembered, they would drive out the codes that are."""

_fold = lru_cache(maxsize=4096)(fold)  # displays of codes repeat; names of people are not kept
_encode = msgspec.msgpack.Encoder().encode


class Keys:
    """Makes the keys of one tenant and remembers the common ones."""

    __slots__ = ("_names", "_seed", "_tokens", "_units")

    def __init__(self, secret: bytes) -> None:
        self._seed = hashlib.blake2b(digest_size=8, key=secret)
        self._names: dict[tuple[str, str], int] = {}
        self._tokens: dict[tuple[str, str, str | None, str | None], tuple[int, ...]] = {}
        self._units: dict[tuple[str, str], tuple[int, ...]] = {}

    def key(self, *parts: str) -> int:
        """The signed 64-bit key of the parts."""
        seed = self._seed.copy()
        seed.update("\x1f".join(parts).encode("utf-8", "surrogatepass"))
        return int.from_bytes(seed.digest(), "little", signed=True)

    def name(self, resource_type: str, name: str) -> int:
        """The key of a parameter: its presence, and its rows of strings, dates and numbers."""
        found = self._names.get((resource_type, name))
        if found is None:
            found = _remember(self._names, (resource_type, name), self.key(resource_type, name))
        return found

    def token(self, resource_type: str, name: str, system: str | None, code: str | None) -> int:
        """The key to search by: system None = any, "" = none; code None = any."""
        return self.key(resource_type, name, ANY if system is None else system, ANY if code is None else code)

    def tokens(self, resource_type: str, name: str, system: str | None, code: str | None) -> tuple[int, ...]:
        """All keys that a token can be found by."""
        found = self._tokens.get((resource_type, name, system, code))
        if found is None:
            pairs: list[tuple[str | None, str | None]] = [(None, code)] if code is not None else []
            if system is not None and code is not None:
                pairs.append((system, code))
            if system:
                pairs.append((system, None))
            made = tuple(self.token(resource_type, name, *pair) for pair in pairs)
            if name.endswith(_ONCE):
                return made
            found = _remember(self._tokens, (resource_type, name, system, code), made)
        return found

    def of_code(self, system: str | None, code: str) -> Iterable[int]:
        """What a resource with this code can be found by, whatever its type: under the parameter that is its code."""
        for resource_type in sorted(resource_types()):
            param = PARAMS[resource_type].get("code")
            if param is not None and param.kind == "token":
                yield from (self.token(resource_type, name, system, code) for name in param.names)

    def unit(self, system: str | None, code: str) -> int:
        """The key of a unit to search by; system None = any."""
        return self.key("unit", ANY if system is None else system, code)

    def units(self, system: str, code: str) -> tuple[int, ...]:
        """All keys that a unit can be found by; 0 is any unit."""
        found = self._units.get((system, code))
        if found is None:
            made = (0, self.unit(None, code), self.unit(system, code)) if code else (0,)
            found = _remember(self._units, (system, code), made)
        return found


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> Any:
    """Store in a cache that is emptied when it is full."""
    if len(cache) >= CACHED:
        cache.clear()
    cache[key] = value
    return value


class Found(NamedTuple):
    """Index rows without masks, each once, in the order of the resource."""

    tokens: dict[int, None]
    presence: dict[int, None]
    strings: dict[tuple[int, str, str], None]
    dates: dict[tuple[int, datetime, datetime], None]
    numbers: dict[tuple[int, float, float, int], None]
    edges: dict[tuple[str, str], None]


class IndexRows(msgspec.Struct, gc=False):
    """The columns of a resource's index rows, ready to be bound as arrays; lists of one table have one length."""

    patient: str | None
    at: datetime
    digest: int
    """Of strings, dates, numbers and edges with their masks: an update with the same digest need not touch their tables."""
    tokens: list[int]
    """All keys from unlabelled elements, presence included; the column of that name."""
    labelled_tokens: list[int] | None
    token_hash: list[int]
    """A key that elements under several laws yield is there once for each of its masks; so are rows of the other tables."""
    token_mask: list[int]
    string_key: list[int]
    string_folded: list[str]
    string_exact: list[str]
    string_mask: list[int]
    date_key: list[int]
    date_low: list[datetime]
    date_high: list[datetime]
    date_mask: list[int]
    number_key: list[int]
    number_low: list[float]
    number_high: list[float]
    number_unit: list[int]
    number_mask: list[int]
    edge_param: list[str]
    edge_target: list[str]
    edge_mask: list[int]


def rows(resource: dict[str, Any], keys: Keys, labelled: Sequence[tuple[ElementPath, int]] = (), base: str = "") -> IndexRows:
    """The index rows of a valid resource.

    `labelled` are elements with a sensitivity label: what is found only through them carries their mask. The rare labelled
    resource is extracted once for each of them. `base` is our own base URL.
    """
    terms = extract(resource, base)
    patient = patient_of(resource, terms)
    if labelled:
        return _labelled_rows(resource, keys, labelled, base, patient)
    found = _found(resource["resourceType"], terms, keys)
    return _columns(found, None, _Masks((), 0), patient, _clinical(resource["resourceType"], terms))


def _clinical(resource_type: str, terms: Terms) -> datetime:
    """The earliest moment of the type's clinical date, or minus infinity."""
    name = clinical_date(resource_type)
    return min((low for code, low, _ in terms.dates if code == name), default=PAST)


def _found(resource_type: str, terms: Terms, keys: Keys) -> Found:
    """Hash the terms."""
    name, tokens, units = keys.name, keys.tokens, keys.units
    found = Found({}, {}, {}, {}, {}, {})
    for code, system, value in terms.tokens:
        for key in tokens(resource_type, code, system, value):
            found.tokens[key] = None
    for code, system, value in terms.exact:
        found.tokens[keys.token(resource_type, code, system, value)] = None
    for code in terms.parameters():
        found.presence[name(resource_type, code)] = None
    for code, text in terms.strings:
        found.strings[name(resource_type, code), fold(text), text[:INDEXED]] = None
    for code, text in terms.texts:
        folded = _fold(text)
        found.strings[name(resource_type, code), folded, folded] = None
    for code, uri in terms.uris:
        found.strings[name(resource_type, code), uri[:INDEXED], uri[:INDEXED]] = None
    for code, low, high in terms.dates:
        found.dates[name(resource_type, code), low, high] = None
    for code, start, end, system, unit in terms.numbers:
        key = name(resource_type, code)
        for variant in (0,) if system is None else units(system, unit or ""):
            found.numbers[key, start, end, variant] = None
    for code, target in terms.references:
        found.edges[code, target[:INDEXED]] = None
    return found


class _Masks:
    """The masks of each row: 0 for what the unlabelled part yields, one for each set of laws under which the rest is found."""

    __slots__ = ("_parts", "_rest")

    def __init__(self, parts: Sequence[tuple[Found, int]], rest: int) -> None:
        self._parts = parts
        self._rest = rest

    def of(self, table: int, row: Any) -> list[int]:
        """The masks of a row of the table at that position of Found: whoever may see all bits of one of them may find it."""
        masks = {bits for part, bits in self._parts if row in part[table] or (table == 0 and row in part[1])}
        # What is found under fewer laws is found under more. What no element yields alone needs them all.
        return sorted(m for m in masks if not any(n != m and n & ~m == 0 for n in masks)) or [self._rest]


def _columns(found: Found, plain: Found | None, masks: _Masks, patient: str | None, at: datetime) -> IndexRows:
    """Turn rows into columns; `plain` is what the unlabelled part yields, where that is not everything."""

    def masked(table: int, rows_of: Iterable[Any]) -> tuple[list[Any], list[int]]:
        """The rows, each once for each of its masks, and these."""
        if plain is None:
            return list(rows_of), [0] * len(found[table])
        pairs = [(row, mask) for row in rows_of for mask in masks.of(table, row)]
        return [row for row, _ in pairs], [mask for _, mask in pairs]

    (string_rows, string_mask), (date_rows, date_mask), (number_rows, number_mask), (edge_rows, edge_mask) = (masked(n, found[n]) for n in range(2, 6))
    strings, dates, numbers, edges = (list(zip(*table, strict=True)) for table in (string_rows, date_rows, number_rows, edge_rows))
    own = found if plain is None else plain
    hidden = None if plain is None else [key for part in found[:2] for key in part if key not in own.tokens and key not in own.presence]
    shown_presence = [] if plain is None else [key for key in found.presence if key not in plain.presence]
    token_hash, token_mask = masked(0, [*found.tokens, *shown_presence])
    strung, dated, numbered, edged = _lists(strings, 3), _lists(dates, 3), _lists(numbers, 4), _lists(edges, 2)
    packed = _encode((strings, dates, numbers, edges, [] if plain is None else (string_mask, date_mask, number_mask, edge_mask)))
    digest = int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little", signed=True)
    tokens = [*own.tokens, *own.presence]
    return IndexRows(
        patient, at, digest, tokens, hidden or None, token_hash, token_mask,
        strung[0], strung[1], strung[2], string_mask, dated[0], dated[1], dated[2], date_mask,
        numbered[0], numbered[1], numbered[2], numbered[3], number_mask, edged[0], edged[1], edge_mask,
    )  # fmt: skip


def _lists(columns: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Lists, also when there is no row."""
    made = [list(column) for column in columns]
    return made or [[] for _ in range(width)]


def _labelled_rows(
    resource: dict[str, Any], keys: Keys, labelled: Sequence[tuple[ElementPath, int]], base: str, patient: str | None
) -> IndexRows:
    """Index rows with masks: what labelled elements yield alike has one for each of their labels, so that either will do."""
    resource_type = resource["resourceType"]

    def found_without(paths: Iterable[ElementPath]) -> tuple[Found, Terms]:
        terms = extract(without(resource, paths), base)
        return _found(resource_type, terms, keys), terms

    elements = [path for path, _ in labelled]
    plain, plain_terms = found_without(elements)
    parts = [(plain, 0)]
    for path in dict.fromkeys(elements):
        chain = [(p, mask) for p, mask in labelled if path[: len(p)] == p]
        bits = 0
        for _, mask in chain:
            bits |= mask
        kept = {p for p, _ in chain}
        parts.append((found_without(p for p in elements if p not in kept)[0], bits))
    everything = 0
    for _, mask in labelled:
        everything |= mask
    whole, _ = found_without(())
    return _columns(whole, plain, _Masks(parts, everything), patient, _clinical(resource_type, plain_terms))


def without(resource: dict[str, Any], paths: Iterable[ElementPath]) -> dict[str, Any]:
    """A copy of the resource in which the elements at the paths are not there, of primitives with what stands beside them (`_`); what it shares it does not change."""
    gone = sorted({each for path in paths if path for each in (path, _beside(path))}, key=len)
    tree: dict[str | int, Any] = {}
    for path in gone:
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
            if node is None:
                break
        else:
            node[path[-1]] = None
    pruned: dict[str, Any] = _prune(resource, tree)
    return pruned


def _beside(path: ElementPath) -> ElementPath:
    """Where the `_` sibling of a primitive stands, if that is one: what labels it, too."""
    last = max(n for n, step in enumerate(path) if isinstance(step, str))
    return (*path[:last], f"_{path[last]}", *path[last + 1 :])


def _prune(value: Any, tree: dict[Any, Any]) -> Any:
    """The value without what the tree marks with None; lists keep the order of what stays."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    kept = []
    for key, child in items:
        marked = tree.get(key, False)
        if marked is None:
            continue
        kept.append((key, _prune(child, marked) if marked else child))
    return dict(kept) if isinstance(value, dict) else [child for _, child in kept]
