"""A clinical document held against what was shown, piece by piece and in both directions, and what our own reader makes of it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.values import Coded, Quantity
from tests.wire.ccdaheard import Piece, heard
from tests.wire.ccdapieces import COMMENT, Json, day, measured, ts, words
from tests.wire.ccdasaid import Said

CARRIED: dict[str, Any] = tomllib.loads((Path(__file__).parent / "carried.toml").read_text("utf-8"))
_SILENT = ("system", "data", "userSelected", "version", "reference", "extension")
_COMMENTED = re.compile(r"(.*?)(?:>(?:SUBJ)?/)?act\[64\](/code|/text)?")


def states(payload: bytes, shown: Mapping[str, Json], kind: str, consents: Collection[str] = ()) -> int:
    """A document of a kind states what was shown (by Type/id), piece by piece, and nothing else; how many pieces. consents: those on which it rests, which it tells in words."""
    found = heard(payload)
    document = read(payload)
    read_back = by_record(document)
    records = {name: r for name, r in shown.items() if r["resourceType"] != "Patient"}
    others = set(found) - records.keys() - {"", *consents}
    assert not others - shown.keys(), f"what was not shown: {others}"
    assert all({p[0] for p in found[c]} <= {"act[64]", "act[64]/code", "act[64]/text", "marks"} for c in consents)
    assert not found[""], f"what is of no record: {found['']}"
    compared = 0
    for name, resource in records.items():
        wanted = Said(resource, kind).made()
        pieces = _grouped(found.get(name, Counter()), resource)
        plain, comments = apart(pieces, mistake=("act[64]", "mood", "EVN") in wanted.pieces)
        assert plain == wanted.pieces, f"{name}: not shown {plain - wanted.pieces}, not told {wanted.pieces - plain}"
        in_words(name, resource, wanted, comments)
        ours(name, read_back.get(name, []), wanted)
        compared += plain.total()
    return compared


def _grouped(pieces: Counter[Piece], resource: Json) -> Counter[Piece]:
    """Without the frame of vital signs of one moment, which has the id of one of them."""
    frame = Counter({p: n for p, n in pieces.items() if p[0].startswith("#organizer organizer[26]")})
    if frame:
        start = resource.get("effectiveDateTime") or resource["effectivePeriod"]["start"]
        place = "#organizer organizer[26]"
        assert frame == Counter([
            (place, "mood", "EVN"), (f"{place}/code", "code", "http://snomed.info/sct", "46680005", "Vital signs"), (f"{place}/code", "code", "http://loinc.org", "74728-7", "Vital signs panel"), (f"{place}/statusCode", "state", "completed"),
            (f"{place}/effectiveTime", "value", ts(start), ""),
        ])  # fmt: skip
    return pieces - frame


def apart(pieces: Counter[Piece], *, mistake: bool) -> tuple[Counter[Piece], list[str]]:
    """(pieces that are data, the words of comments)."""
    data: Counter[Piece] = Counter()
    comments: list[str] = []
    for piece, n in pieces.items():
        at = _COMMENTED.fullmatch(piece[0])
        if at is None or (mistake and piece[1:2] != ("words",)) or (mistake and at[2] == "/code"):
            data[piece] += n
        elif at[2] == "/text":
            comments += [piece[2]] * n
        else:
            assert piece[1:] in (("mood", "EVN"), ("code", *COMMENT)), piece
    return data, comments


def leaves(path: str, value: Any, taken: set[str], exact: str = "") -> Iterator[tuple[str, str]]:
    """(path, words) of every element that is not in `taken`, which has paths with numbers (`dosage[0].route`) and without."""
    exact = exact or path
    if {path, exact} & taken or path.rpartition(".")[2] in _SILENT:
        return
    if isinstance(value, list):
        for n, one in enumerate(value):
            yield from leaves(path, one, taken, f"{exact}[{n}]")
    elif isinstance(value, dict) and ("coding" in value or ("code" in value and "system" in value and "value" not in value)):
        yield path, words(value)
    elif isinstance(value, dict) and "value" in value and not isinstance(value["value"], dict):
        yield path, measured(value)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(f"{path}.{key}" if path else key, one, taken, f"{exact}.{key}" if exact else key)
    else:
        yield path, ("yes" if value else "no") if isinstance(value, bool) else day(str(value))


def listed(table: Mapping[str, str], type_: str, path: str) -> bool:
    """Whether a path of a type, or what it stands in, is in a table."""
    parts = path.split(".")
    return any(f"{kind}.{'.'.join(parts[: n + 1])}" in table for n in range(len(parts)) for kind in (type_, "*"))


def in_words(name: str, resource: Json, wanted: Said, comments: list[str]) -> None:
    """All that is no data stands in a comment, and a comment says nothing else than what the record has."""
    type_, told = resource["resourceType"], " \0 ".join(map(_blank, comments)).casefold()
    mistake = ("act[64]", "mood", "EVN") in wanted.pieces
    left = [(path, _blank(said).casefold()) for path, said in leaves("", resource, wanted.taken)]
    for path, said in left:
        assert mistake or listed(CARRIED["ccda"]["words"], type_, path), f"{name}: {path} ({said}) is no data, and in no table"
        assert said in told or path == "referenceRange.text", f"{name}: {path} ({said}) is neither data nor in the words {told!r}"
    every = {_blank(said).casefold() for _, said in leaves("", resource, {"resourceType", "id", "meta", "subject", "patient"})}
    for said in sorted(every, key=len, reverse=True):
        told = re.sub(rf"(?<!\w){re.escape(said)}(?!\w)", "\0", told)
    labels = set(re.findall(r"[a-z]+", " ".join(re.sub(r"([A-Z])", r" \1", key) for key in _keys(resource)).lower())) | _LABELS
    assert set(re.findall(r"\w+", told.replace("\0", " "))) <= labels, f"{name}: a comment says what was not shown: {told!r}"


_LABELS = {"for", "dose", "types", "reactions", "care", "team"}
"""Words of ours in comments beside the names of elements."""


def _blank(text: str) -> str:
    return " ".join(text.split())


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _keys(one)
    elif isinstance(value, list):
        for one in value:
            yield from _keys(one)


# --- our own reader ---


def by_record(document: Document) -> dict[str, list[Fact]]:
    """Facts by the record that they are of."""
    found: dict[str, list[Fact]] = {}
    for fact in document.facts():
        for name in {i.partition("|")[2].partition("#")[0] for i in fact.identifiers}:
            found.setdefault(name, []).append(fact)
    return found


_FIXED = {"48767-8", "ASSERTION", "33999-4", "SEV", "82606-5", "CONC", "404684003", "75321-0", "76662-6", "10183-2", "75311-1", "75310-3", "362956003", "34109-9", "86744-0", "85847-2", "55607006", "75326-9", "282291009", "29308-4", "46680005", "74728-7"}
"""Codes by which C-CDA says what kind of statement something is: our reader says it by the kind of a fact."""


def ours(name: str, facts: list[Fact], wanted: Said) -> None:
    """What our own reader makes of it: every code, number, unit, time and name that it states, and no other."""
    stated = {_bare(p) for p in wanted.pieces} - {None}
    told = {atom for fact in facts for atom in _atoms(fact)}
    assert facts or not stated, f"{name}: our reader finds nothing"
    assert told <= stated, f"{name}: our reader says {told - stated}"
    assert (lost := {a for a in stated - told if a and not (a[0] == "code" and a[2] in _FIXED)}) == set(), f"{name}: our reader loses {lost}"


def _bare(piece: Piece) -> tuple[str, ...] | None:
    """A piece without its place, as our reader can say it; None for what it says otherwise."""
    place, what, *said = piece
    if what == "code":
        return ("code", said[0], said[1])
    if what == "value" and ("effectiveTime" in place or place.endswith(("/time", ":TS"))) and not place.endswith("period"):
        return ("time", said[0])
    if what == "value" and not place.endswith(":BL"):
        return ("value", said[0], said[1])
    return ("name", _blank(said[0])) if what == "text" else None


def _atoms(fact: Fact) -> Iterator[tuple[str, ...]]:
    """What a fact says, in the same shape."""
    for time in fact.time:
        if time:
            yield ("time", ts(time))
    if fact.author:
        yield ("name", _blank(fact.author))
    for key, value in (("what", fact.what), ("value", fact.value), *fact.details):
        yield from _atom(key, value)


def fact_time(text: str) -> bool:
    """Whether a value is a date."""
    return re.fullmatch(r"\d{4}(-\d\d(-\d\d(T.*)?)?)?", text) is not None


def _atom(key: str, value: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Coded):
        if value.code:
            yield ("code", value.system.removeprefix("urn:oid:"), value.code)
        for other in value.others:
            yield from _atom(key, other)
    elif isinstance(value, Quantity):
        yield ("value", value.number, value.unit)
        if value.upto:
            yield ("value", value.upto, value.unit)
    elif isinstance(value, str) and (key in ("authored", "onset of it", "since", "until") or (key == "value" and fact_time(value))):
        yield ("time", ts(value))
    elif isinstance(value, str) and key == "valid":
        yield from (("time", ts(end)) for end in value.split("/") if end)
    elif isinstance(value, str) and key in ("performer", "member", "lot", "maker", "value", "range") and value not in ("", "true", "false"):
        yield ("name", _blank(value))
