"""Reads the YAML that Ruby writes of plain data: maps, lists, texts, numbers, symbols as keys. Anchors, but no tags or comments."""

from __future__ import annotations

import json
import re
from typing import Any

_KEY = re.compile(r"(?P<key>:?(?:[\w$./ -]+|\"[^\"]*\"|'[^']*')):(?: (?P<rest>.*))?$")

_ANCHOR = re.compile(r"&(\w+) ?")


class _Lines:
    def __init__(self, text: str) -> None:
        self.rows = [(len(line) - len(line.lstrip(" ")), line.strip()) for line in text.splitlines() if line.strip() and line.strip() != "---"]
        self.at = 0
        self.anchors: dict[str, Any] = {}

    @property
    def row(self) -> tuple[int, str]:
        return self.rows[self.at] if self.at < len(self.rows) else (-1, "")


def loads(text: str) -> Any:
    """The value; a symbol `:name` is the text `name`."""
    lines = _Lines(text)
    return _block(lines, lines.row[0])


def _block(lines: _Lines, indent: int) -> Any:
    return _list(lines, indent) if lines.row[1].startswith("- ") or lines.row[1] == "-" else _map(lines, indent)


def _list(lines: _Lines, indent: int) -> list[Any]:
    out = []
    while lines.row[0] == indent and (lines.row[1].startswith("- ") or lines.row[1] == "-"):
        rest = lines.row[1][2:]
        if rest.startswith("- ") or _KEY.match(rest):
            # What follows the dash is the first line of a block two further in.
            lines.rows[lines.at] = (indent + 2, rest)
            out.append(_block(lines, indent + 2))
        else:
            lines.at += 1
            out.append(_scalar(lines, rest, indent))
    return out


def _map(lines: _Lines, indent: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    while lines.row[0] == indent and (found := _KEY.match(lines.row[1])):
        lines.at += 1
        name, rest = found["key"].strip("\"'").removeprefix(":"), found["rest"]
        anchor = _ANCHOR.match(rest or "")
        if anchor:
            rest = (rest or "")[anchor.end() :]
        if rest is not None and rest.strip():
            out[name] = _scalar(lines, rest, indent)
        elif lines.row[0] > indent or (lines.row[0] == indent and lines.row[1].startswith("-")):
            out[name] = _block(lines, lines.row[0])
        else:
            out[name] = None
        if anchor:
            lines.anchors[anchor[1]] = out[name]
    return out


def _scalar(lines: _Lines, text: str, indent: int) -> Any:
    """A value on one line, or folded over several that stand further in."""
    if text[:1] == "*":
        return lines.anchors[text[1:]]
    if text in ("[]", "{}"):
        return [] if text == "[]" else {}
    while lines.row[0] > indent:
        text += " " + lines.row[1]
        lines.at += 1
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        return json.loads(text.replace("\\ ", " "))
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else text.removeprefix(":")
