"""The address of a gateway of the organization's own (fax, text): who is let in there is said once."""

from __future__ import annotations

from typing import Final

from sojourn.base import addresses

_NEAR: Final = ("127.0.0.1", "localhost", "::1")


def sound(address: str) -> bool:
    """Whether it is HTTPS, or HTTP on this machine, with nobody's name in it and nothing after its path."""
    parts = addresses.parts(address)
    return parts is not None and not (parts.query or parts.fragment) and (parts.scheme == "https" or parts.hostname in _NEAR)
