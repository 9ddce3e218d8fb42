"""What may differ between two answers that are compared, each with the reason why it tells nothing. Nothing else is left out of a comparison.

Two worlds that draw alike (`two.py`, `test_trail_worlds.py`) leave nothing out: every header and every byte is compared. Where two pages of one server are
compared, nonces and the names of windows are drawn alike (`tests/alike.py`); what is kept under the name that was drawn for it differs each time: its length
stays in its place and is compared. Cursors are left in everywhere: a position is padded before it is sealed (`gate/sealed.py`), so that its length is always
the same, and equal positions give equal cursors (RFC 5297, without a nonce).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

DRAWN: Final[Mapping[str, tuple[str, str]]] = {
    "csrf": (r'name="csrf" value="|"X-CSRF-Token": "|csrf" value="', "the token of a form: a proof from the browser's own cookie (web/session.py); the mask over it is drawn alike"),
    "nonce": (r'nonce="|nonce-', "drawn for each answer, for its own scripts (web/frame.py), where a test has a source of its own"),
    "tab": (r'name="tab" value="', "the name of the open page, by which a draft knows its own window (gate/drafts.py)"),
    "key": (r'name="key" value="', "the name of what would be made, drawn with the form, so that pressed twice it is there once"),
    "once": (r'name="once" value="', "the same"),
    "token": (r'name="token" value="', "which card it was, drawn for each card (CDS Hooks)"),
    "hookInstance": (r'"hookInstance":"', "drawn for each call of a service (CDS Hooks)"),
    "draft": (r"draft/", "the name of a new draft, drawn with the page that begins it"),
    "seen": (r'name="seen" value="', "the stamp of a draft, drawn each time that it is kept"),
    "patient": (r'name="patient" value="', "whom the page is about: whoever opened it named them in its address"),
    "back": (r'name="back" value="', "the address that was asked for"),
    "next": (r'name="next" value="', "the address that was asked for"),
    "refresh": (r'refresh" content="', "the address that was asked for, to look again"),
}
"""By name: what stands before it, and why it differs."""


class Drawn:
    """Some of DRAWN, as a page is compared without them."""

    def __init__(self, *names: str) -> None:
        before = "|".join(DRAWN[name][0] for name in names)
        self._pattern = re.compile(rf"""({before})([^"'; ]*)""")

    def out(self, text: str) -> str:
        """The text with the length of each in its place."""
        return self._pattern.sub(lambda m: f"{m[1]}<{len(m[2])}>", text)


class Other(NamedTuple):
    """What is no value of a form. sized: its length stays; else: how many digits it has is chance, too."""

    pattern: str
    why: str
    sized: bool = True


OTHER: Final = {
    "an incident's number": Other(r"IR-[0-9A-F]{6}", "drawn when a report is sent"),
    "a new paper": Other(r'(?<=/tray/)[\w-]+|(?<=name="key" value=")[^"]+', "the id of a paper is drawn when it arrives"),
    "a new document": Other(r"(?<=DocumentReference/)[\w-]+", "the place of a document that was brought is drawn for each"),
    "a message of ours": Other(r"(?<=/exchange/messages/)[\w-]+", "drawn when it arrives"),
    "what an app asks for": Other(r'(?<=name="request" value=")[^"]+|(?<=request=)[\w%-]+', "sealed with the moment at which it was asked, which has more or fewer digits", sized=False),
    "names in an answer": Other(r'(?<="id":")[^"]*|(?<="fullUrl":")[^"]*|(?<="reference":")[^"]*|(?<="timestamp":")[^"]*', "drawn for each answer to a message, and when it was given", sized=False),
    "an organization": Other(r"(?<=Organization/)[\w-]+", "each world has made the partner's own anew"),
    "how long ago": Other(r"\d+ min ago|just now", "the clock on the wall runs on between two looks", sized=False),
    "size": Other(r"\d+ bytes", "a PDF compresses random ids, and is some bytes longer or shorter each time", sized=False),
    "size and age": Other(r"\d+ (bytes|minutes?|hours?)", "two different messages are compared, of different people, and the second was looked at later", sized=False),
    "size, age and time": Other(r"\d+ (bytes|minutes?|hours?)|\d\d:\d\d", "the same; of a letter it is said at which time it came", sized=False),
    "the number of a fax": Other(r"(?<=Our number of it: )\S+", "drawn for each fax"),
}


def without(what: str, text: str) -> str:
    """The text without one of OTHER."""
    pattern, _, sized = OTHER[what]
    return re.sub(pattern, lambda m: f"<{len(m[0])}>" if sized else "<>", text)


BYTES: Final[Mapping[str, tuple[bytes, str, bool]]] = {
    "what is drawn in a batch": (rb"(\|ORM\^O01\^ORM_O01\|)\w+|\b(?:batch-)?[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])", "control ids, and ids of ours that both worlds draw", True),
    "the control id": (rb"(\|[A-Z]{3}\^[A-Z0-9]{3}(?:\^\w+)?\|)\w+", "drawn for each message (MSH-10)", True),
    "ids in a message": (rb"()(?:[0-9a-f]{8}-[0-9a-f-]{27}|\b[a-z0-9]{20,40}\b)", "ids of ours that both worlds draw", True),
    "ids in a document": (rb"()(?:[A-Za-z0-9]{18,}|[0-9a-f]{8}-[0-9a-f-]{27})", "ids of ours that both worlds draw, and OIDs made of them, whose digits are more or fewer", False),
}
"""In bytes that leave: a pattern after what stays, why, and whether the length stays."""


def bytes_without(what: str, data: bytes) -> bytes:
    """The bytes without one of BYTES."""
    pattern, _, sized = BYTES[what]
    return re.sub(pattern, lambda m: (m[1] or b"") + (b"<%d>" % (len(m[0]) - len(m[1] or b"")) if sized else b"<>"), data)


_SAME = Drawn("csrf", "nonce", "patient", "back", "next", "refresh")


def same(text: str) -> str:
    """A page without what differs with every answer, and without its own address."""
    return re.sub(r'next=/[^"]*', "next=", _SAME.out(text))
