"""Channels by which short neutral words reach people outside the app: text messages and e-mail.

A door that can send registers itself with the house under the means that it serves (app.py); whoever has something to say takes it from there.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Protocol

SMS, EMAIL = "sms", "email"
BY: Final = {SMS: "text", EMAIL: "e-mail"}
"""How somebody is reached by a channel, after "by"."""
GIVEN: Final = "given"
"""It was taken by what delivers it."""
LATER: Final = "later"
"""Nothing took it now; the same again under the same key is right."""
REFUSED: Final = "refused"
"""It cannot be delivered there: the number or address is none."""
_MOST: Final = 300
_AMERICAN: Final = re.compile(r"1?([2-9]\d{9})", re.ASCII)
_NUMBER: Final = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)
_BETWEEN: Final = re.compile(r"[ ().\-/]")
_MAIL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")


class Message(NamedTuple):
    """What a channel is given. key: the same message has the same; subject: of an e-mail. No word of either tells whom or what for."""

    key: str
    to: str
    subject: str
    text: str


class Channel(Protocol):
    """A way to deliver. problem: why it did not work when it was last looked at, in words that name nobody; '' while it works.

    What is sent says nothing there: a message that nobody may know of must not be told by its failure.
    """

    problem: str

    async def send(self, message: Message) -> str:
        """Deliver: GIVEN, LATER or REFUSED. Raises nothing."""
        ...

    async def look(self) -> None:
        """Find out whether it works now, and say so in `problem`. Raises nothing."""
        ...


def address(means: str, text: str) -> str:
    """A number as E.164 (https://www.itu.int/rec/T-REC-E.164; ten digits are of North America) or an address as RFC 5321, 4.1.2 has it without quotes; '' for what is none."""
    text = text.strip()
    if len(text) > _MOST:
        return ""
    if means == EMAIL:
        return text if _MAIL.fullmatch(text) and len(text) <= 254 and len(text.partition("@")[0]) <= 64 else ""  # RFC 5321, 4.5.3.1
    number = _BETWEEN.sub("", text)
    if american := _AMERICAN.fullmatch(number):
        return f"+1{american[1]}"
    return number if _NUMBER.fullmatch(number) else ""
