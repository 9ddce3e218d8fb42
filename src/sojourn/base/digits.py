"""What is a number in text that somebody sent: the digits 0 to 9 and no others."""

from __future__ import annotations

_MOST = 18
"""More than a bigint holds is no number of ours; int() itself refuses what is thousands of digits long."""


def digits(text: str) -> bool:
    """Whether a text is some of 0 to 9, so that int() reads it. str.isdigit() is true of "²", too, and int() fails on it."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST
