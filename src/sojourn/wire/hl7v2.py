"""HL7 v2 messages: delimiters, segments, fields, escapes. Read as they come, kept letter by letter.

HL7 Messaging Standard Version 2.8, chapter 2 (Control): 2.5 message construction, 2.7 escape sequences; table 0211 for character sets.
Reading is tolerant and never loses a letter: a message read and put together again is the text that came. What was odd is said beside it.
Each look at a component is remembered (`Segment.seen`), so that what nobody looked at can be named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST_SEGMENTS: Final = 50_000
"""Segments in one message; more is nobody's message."""
NULL: Final = '""'
"""What a field says that is to be emptied; an empty field says nothing."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{2}")
_CODECS: Final = {
    "ASCII": "ascii", "8859/1": "latin-1", **{f"8859/{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 15)}, "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "UTF-8": "utf-8",
    "UNICODE UTF-16": "utf-16", "UNICODE UTF-32": "utf-32", "ISO IR6": "ascii", "ISO IR14": "iso2022_jp", "ISO IR87": "iso2022_jp", "ISO IR159": "iso2022_jp_1", "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr", "BIG-5": "big5",
}  # fmt: skip


class NotReadable(ValueError):
    """This is no HL7 v2 message: it has no MSH segment, or its delimiters cannot be told."""


class Delimiters(NamedTuple):
    """The characters that stand between the parts. truncation: the fifth encoding character, since version 2.7; or empty."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    sub: str = "&"
    truncation: str = ""

    @property
    def encoding(self) -> str:
        """MSH-2 as it is written."""
        return self.component + self.repetition + self.escape + self.sub + self.truncation


USUAL: Final = Delimiters()


class Repetition:
    """One repetition of a field, and where it stands."""

    __slots__ = ("_parts", "delimiters", "number", "raw", "seen")

    def __init__(self, raw: str, delimiters: Delimiters, number: int, seen: set[tuple[int, int]]) -> None:
        self.raw, self.delimiters, self.number, self.seen = raw, delimiters, number, seen
        self._parts: list[str] | None = None

    def _part(self, component: int) -> str:
        if not self.raw:
            return ""
        parts = self._parts
        if parts is None:
            parts = self._parts = self.raw.split(self.delimiters.component)
        if component > len(parts) or not (part := parts[component - 1]):
            return ""
        self.seen.add((self.number, component))
        return part

    def c(self, component: int = 1, sub: int = 1) -> str:
        """A component's (sub)component in plain letters, without space around it; '' where there is none. Both are counted from 1."""
        part = self._part(component)
        if part and (sub > 1 or self.delimiters.sub in part):
            parts = part.split(self.delimiters.sub)
            part = parts[sub - 1] if sub <= len(parts) else ""
        return text(part, self.delimiters).strip() if part else ""

    def whole(self, component: int) -> str:
        """A component with its subcomponents as it stands, unescaped."""
        return text(self._part(component), self.delimiters).strip()

    @property
    def text(self) -> str:
        """All of it as one text (types ST, TX, FT), unescaped."""
        for n in range(1, self.raw.count(self.delimiters.component) + 2):
            self.seen.add((self.number, n))
        return text(self.raw, self.delimiters)

    @property
    def components(self) -> list[str]:
        """Every component, unescaped, without a mark that it was looked at."""
        return [text(c, self.delimiters).strip() for c in self.raw.split(self.delimiters.component)]


@dataclass(slots=True)
class Segment:
    """One segment. fields: as they stand, fields[0] is the name; of a header fields[1] is the delimiter, so that n is field n of the standard.

    seen: (field, component) that somebody looked at.
    """

    name: str
    fields: list[str]
    delimiters: Delimiters
    written: str = ""
    """The name as it was written, where that differs."""
    seen: set[tuple[int, int]] = field(default_factory=set, repr=False, compare=False)

    def raw(self, n: int) -> str:
        """Field n as it stands; '' where there is none. No mark that it was looked at."""
        return self.fields[n] if n < len(self.fields) else ""

    def reps(self, n: int) -> list[Repetition]:
        """The repetitions of a field that say something."""
        raw = self.raw(n)
        if not raw:
            return []
        parts = [raw] if self.name in _HEADERS and n <= 2 else raw.split(self.delimiters.repetition)
        return [Repetition(p, self.delimiters, n, self.seen) for p in parts if p and p != NULL]

    def first(self, n: int) -> Repetition:
        """The first repetition that says something; an empty one where there is none."""
        found = self.reps(n)
        return found[0] if found else Repetition("", self.delimiters, n, self.seen)

    def v(self, n: int, component: int = 1, sub: int = 1) -> str:
        """A component of the first repetition in plain letters."""
        return self.first(n).c(component, sub)

    def is_null(self, n: int) -> bool:
        """Whether the sender says that the field is to be emptied (`""`)."""
        found = self.raw(n) == NULL
        if found:
            self.seen.add((n, 1))
        return found

    def populated(self) -> Iterator[tuple[int, int]]:
        """Every (field, component) that says something, in any repetition; headers without their delimiters."""
        for n in range(3 if self.name in _HEADERS else 1, len(self.fields)):
            raw = self.fields[n]
            if not raw or raw == NULL:
                continue
            found: set[int] = set()
            for repetition in raw.split(self.delimiters.repetition):
                found |= {
                    i
                    for i, c in enumerate(repetition.split(self.delimiters.component), 1)
                    if c.strip(self.delimiters.sub + " ") not in ("", NULL)
                }
            yield from ((n, i) for i in sorted(found))

    def encode(self) -> str:
        """As it was written."""
        name = self.written or self.name
        d = self.delimiters
        return d.field.join([name, *self.fields[2:]]) if self.name in _HEADERS else d.field.join([name, *self.fields[1:]])


_HEADERS: Final = ("MSH", "FHS", "BHS")
_C1: Final = re.compile("[\x80-\x9f]")
_ONE_EVENT: Final = {"ORU": "R01", "ORM": "O01"}
_WITH_EVN: Final = ("ADT", "BAR", "DFT", "MDM")


@dataclass(slots=True)
class Message:
    """One message, read. findings: what was odd about it, in words without any of its content."""

    segments: list[Segment]
    delimiters: Delimiters
    findings: list[str]
    charset: str = "utf-8"

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    @property
    def type(self) -> str:
        """As in `ORU^R01`; without the structure. '' where MSH-9 is empty."""
        code, event = self.header.v(9, 1).upper(), self.event
        return f"{code}^{event}" if event else code

    @property
    def event(self) -> str:
        """MSH-9.2; where it is empty what EVN-1 says, or the one event that such a message had in 2.1 and 2.2 (there MSH-9 is the code alone)."""
        if said := self.header.v(9, 2).upper():
            return said
        code = self.header.v(9, 1).upper()
        if code in _ONE_EVENT:
            return _ONE_EVENT[code]
        evn = self.one("EVN") if code in _WITH_EVN else None
        return evn.v(1).upper() if evn is not None else ""

    @property
    def control(self) -> str:
        """MSH-10: the sender's id of the message."""
        return self.header.v(10)

    @property
    def version(self) -> str:
        """MSH-12, as in `2.5.1`."""
        return self.header.v(12)

    def all(self, name: str) -> list[Segment]:
        """The segments of a name."""
        return [s for s in self.segments if s.name == name]

    def one(self, name: str) -> Segment | None:
        """The first segment of a name."""
        return next((s for s in self.segments if s.name == name), None)

    def encode(self) -> str:
        """As it was written, each segment ended by a carriage return."""
        return "".join(s.encode() + "\r" for s in self.segments)

    def unseen(self) -> list[str]:
        """Populated components at which nobody looked, as in `PID-11.4`, each once, in the order of the message."""
        found = (f"{s.name}-{n}.{c}" for s in self.segments for n, c in s.populated() if (n, c) not in s.seen)
        return list(dict.fromkeys(found))


def text(raw: str, d: Delimiters) -> str:
    """Escape sequences become what they stand for; those that are unknown, unfinished or only about looks stay as they are.

    `\\.br\\` becomes a new line.
    """
    if not d.escape or d.escape not in raw:
        return "" if raw == NULL else raw
    parts = raw.split(d.escape)
    out = [parts[0]]
    n = 1
    while n < len(parts):
        if n + 1 < len(parts) and (plain := _plain(parts[n], d)) is not None:
            out += (plain, parts[n + 1])
            n += 2
        else:
            out += (d.escape, parts[n])
            n += 1
    return "".join(out)


def _plain(sequence: str, d: Delimiters) -> str | None:
    """What stands between two escape characters; None for what we do not know."""
    known = {
        "F": d.field,
        "S": d.component,
        "T": d.sub,
        "R": d.repetition,
        "E": d.escape,
        "P": d.truncation or None,
        ".br": "\n",
        ".BR": "\n",
        ".sp": "\n",
    }
    if sequence in known:
        return known[sequence]
    if sequence[:1] == "X" and len(sequence) > 1:
        try:
            found = bytes.fromhex(sequence[1:])
        except ValueError:
            return None
        try:
            return found.decode("utf-8")
        except UnicodeDecodeError:
            return found.decode("latin-1")
    return None


def escaped(plain: str, d: Delimiters = USUAL) -> str:
    """Plain letters as they are written into a message; a new line becomes `\\.br\\`, other control characters their number."""
    if plain == NULL:  # these two letters, not the wish to empty a field
        return f"{d.escape}X2222{d.escape}"
    out = []
    for letter in plain.replace("\r\n", "\n"):
        name = {
            d.escape: "E",
            d.field: "F",
            d.component: "S",
            d.sub: "T",
            d.repetition: "R",
            "\n": ".br",
            **({d.truncation: "P"} if d.truncation else {}),
        }.get(letter)
        if name is None and (letter < " " or letter == "\x7f"):
            name = f"X{ord(letter):02X}"
        out.append(letter if name is None else f"{d.escape}{name}{d.escape}")
    return "".join(out)


def decoded(raw: bytes, usual: str = "") -> tuple[str, str, list[str]]:
    """Bytes as (text, codec, findings) by MSH-18; without one by UTF-8, else `usual` or Latin-1, in which nothing is lost."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in raw[:8]:
        wide = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
        return raw.decode(wide, "replace"), wide, []
    head = re.split(rb"[\r\n]", raw.lstrip(b"\xef\xbb\xbf\x0b \t\r\n"), maxsplit=1)[0].decode("latin-1")
    said = head.split(head[3:4] or "|")[17].partition("~")[0].strip().upper() if head[3:4] and head.count(head[3]) >= 17 else ""
    codec = _CODECS.get(said, "")
    findings = [] if codec or not said else ["MSH-18 names a character set that we do not know; it was read as UTF-8 or Latin-1."]
    tries = dict.fromkeys(filter(None, (codec, "utf-8", usual)))
    for one in tries:
        try:
            found = raw.decode(one)
        except (UnicodeDecodeError, LookupError):
            continue
        if codec and one != codec:
            findings.append("There are bytes in it that its character set (MSH-18) does not have.")
        return (*_western(raw, found.removeprefix("\ufeff"), one), findings)
    found, one = _western(raw, raw.decode("latin-1"), "latin-1")
    return found, one, [*findings, f"There are bytes in it that are no UTF-8; they were read as {'Latin-1' if one == 'latin-1' else 'Windows-1252'}."]


def _western(raw: bytes, found: str, codec: str) -> tuple[str, str]:
    """What was read as Latin-1, and its codec; as Windows-1252 where Latin-1 has control characters: Windows calls its own so, and they are quotation marks and dashes."""
    if codec == "latin-1" and _C1.search(found):
        try:
            return raw.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            pass
    return found, codec


def parse(raw: bytes | str, usual: str = "") -> Message:
    """Read one message. Raises NotReadable. usual: the codec to try where the message names none."""
    whole, codec, findings = decoded(raw, usual) if isinstance(raw, bytes) else (raw, "utf-8", [])
    whole = whole.lstrip("\x0b\x1c\r\n \t\ufeff").rstrip("\x0b\x1c\r\n")
    if whole[:3].upper() != "MSH":
        raise NotReadable("It does not begin with an MSH segment.")
    d = delimiters(whole)
    if not whole[4:].startswith(d.encoding[:4]):
        findings.append("MSH-2 has fewer than four characters; the usual ones stand for those that are missing.")
    segments: list[Segment] = []
    for line in lines(whole, d):
        name = line[:3]
        if _NAME.fullmatch(name) and line[3:4] in ("", d.field):
            segments.append(_segment(line, d, findings))
        elif segments and not _NAME.fullmatch(line.partition(d.field)[0][:3] or "?"):
            segments[-1].fields[-1] += "\n" + line
            findings.append("A line is no segment; it was read as the rest of the one before it.")
        else:
            segments.append(Segment(line.partition(d.field)[0], line.split(d.field), d))
            findings.append("A segment's name has not three letters.")
        if len(segments) > MOST_SEGMENTS:
            raise NotReadable(f"It has more than {MOST_SEGMENTS} segments.")
    return Message(segments, d, list(dict.fromkeys(findings)), codec)


def _segment(line: str, d: Delimiters, findings: list[str]) -> Segment:
    name = line[:3].upper()
    if name != line[:3]:
        findings.append("A segment's name is in small letters.")
    fields = line.split(d.field)
    if name in _HEADERS:
        fields = [name, d.field, *fields[1:]]
    return Segment(name, fields, d, line[:3] if name != line[:3] else "")


def delimiters(header: str) -> Delimiters:
    """The delimiters that an MSH, FHS or BHS states. Raises NotReadable."""
    by = header[3:4]
    if not by or by.isalnum() or by.isspace():
        raise NotReadable("MSH has no field separator.")
    said = re.split(re.escape(by) + r"|[\r\n]", header[4:24], maxsplit=1)[0]
    if any(c.isalnum() or c.isspace() for c in said):
        raise NotReadable("MSH-2 holds letters where delimiters belong.")
    if len({by, *said}) != len(said) + 1:
        raise NotReadable("MSH-2 names the same delimiter twice.")
    if len(said) > 5:
        raise NotReadable("MSH-2 has more than five characters.")
    usual = USUAL.encoding
    filled = said + "".join(c for c in usual[len(said) :] if c not in said and c != by) if len(said) < 4 else said
    if len(filled) < 4:
        raise NotReadable("MSH-2 has fewer than four characters.")
    return Delimiters(by, filled[0], filled[1], filled[2], filled[3], filled[4:5])


def lines(whole: str, d: Delimiters) -> Iterator[str]:
    """Segments as they stand. A carriage return ends one; so does a new line, unless the rest of a field stands after it."""
    for block in whole.split("\r"):
        if "\n" not in block:
            if block.strip():
                yield block.lstrip(" \t")
            continue
        held = ""
        for line in block.split("\n"):
            if line[3:4] in (d.field, "") and _NAME.fullmatch(line[:3]) or not held:
                if held.strip():
                    yield held.lstrip(" \t")
                held = line
            elif line.strip():
                held += "\n" + line
        if held.strip():
            yield held.lstrip(" \t")
