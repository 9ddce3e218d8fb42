"""Likely mentions in a text: words of a dated list, unless denied, about others, or false friends.

This understands nothing: it finds words. docs/labels.md says how well.
"""

from __future__ import annotations

import base64
import codecs
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

_INLINE_TAG = re.compile(r"</?(?:a|abbr|b|big|code|em|font|i|small|span|strong|sub|sup|tt|u)(?=[\s/>])[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?;:\n\r]+(?=\s|$)|\n+")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Topic:
    """What is looked for under one label."""

    code: str
    title: str
    words: re.Pattern[str]
    friends: re.Pattern[str] | None
    listed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The whole list, as of a date."""

    effective: date
    source: str
    topics: tuple[Topic, ...]
    reach: int
    not_so: re.Pattern[str]
    breaks: frozenset[str]


def _pattern(phrases: list[str]) -> re.Pattern[str]:
    """Any of the phrases as whole words; `*` is any ending."""
    parts = [r"\s+".join(re.escape(word).replace(r"\*", r"\w*") for word in phrase.split()) for phrase in sorted(phrases, key=len, reverse=True)]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w])", re.IGNORECASE)


@cache
def words() -> Words:
    """The list that is shipped."""
    data = tomllib.loads(files("sojourn.gate.screening").joinpath("words.toml").read_text("utf-8"))
    topics = tuple(
        Topic(t["code"], t["title"], _pattern(t["words"]), _pattern(t["friends"]) if t.get("friends") else None, tuple(t["words"])) for t in data["topic"]
    )
    not_so = _pattern([*data["negations"], *data["others"], *data["general"]])
    return Words(data["effective"], data["source"], topics, data["reach"], not_so, frozenset(data["breaks"]))


def mentions(text: str) -> set[str]:
    """The labels of which the text may tell."""
    known = words()
    plain = _TAG.sub("\n", _INLINE_TAG.sub(" ", text))  # what a paragraph or a cell denies says nothing of the next
    found: set[str] = set()
    for sentence in _SENTENCE.split(plain):
        for topic in known.topics:
            if topic.code not in found and _told(sentence, topic, known):
                found.add(topic.code)
    return found


def _told(sentence: str, topic: Topic, known: Words) -> bool:
    """Whether one sentence speaks of the topic, about the patient, and does not deny it."""
    spoken = topic.friends.sub(lambda match: "~" * len(match[0]), sentence) if topic.friends else sentence
    return any(not _denied(spoken[: match.start()], known) for match in topic.words.finditer(spoken))


def _denied(before: str, known: Words) -> bool:
    """Whether the last words before a mention say that it is not so, or about somebody else."""
    tokens = list(_WORD.finditer(before))
    start = 0
    for token in tokens[-known.reach :]:
        if token[0].lower() in known.breaks:
            start = token.end()
    near = tokens[-known.reach].start() if len(tokens) >= known.reach else 0
    return known.not_so.search(before[max(start, near) :]) is not None


# Elements that people write in their own words.
_SPOKEN = frozenset({
    "abatementString", "basis", "comment", "conclusion", "contentString", "description", "div", "instruction", "note", "onsetString", "patientInstruction", "performedString",
    "scheduledString", "summary", "text", "title", "valueMarkdown", "valueString",
})  # fmt: skip
_DEEP = 20


def texts(value: Any, key: str = "", deep: int = 0) -> list[str]:
    """What somebody wrote in a resource in their own words, attachments of plain text among it (their data decoded)."""
    if deep > _DEEP:
        return []
    if isinstance(value, str):
        return [value] if key in _SPOKEN else []
    if isinstance(value, list):
        return [text for item in value for text in texts(item, key, deep + 1)]
    if not isinstance(value, dict):
        return []
    found = [text for name, child in value.items() for text in texts(child, name, deep + 1)]
    if isinstance(value.get("data"), str) and (kind := str(value.get("contentType", "")).lower()).startswith("text/"):
        found.append(_decoded(value["data"], kind))
    return found


_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)")


def _decoded(data: str, kind: str) -> str:
    """The words of an attachment, in the character set that its kind names, or that it begins like (RFC 2046, 4.1.2)."""
    try:
        raw = base64.b64decode(data, validate=False)
    except ValueError:
        return ""
    named = _CHARSET.search(kind)
    begins = "utf-16" if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    try:
        return raw.decode(named[1] if named else begins, "replace")
    except (LookupError, ValueError):
        return raw.decode(begins, "replace")
