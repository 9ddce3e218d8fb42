"""Refusals of the authorization server, with the codes of RFC 6749, RFC 7009 and RFC 7591."""

from __future__ import annotations

from sojourn.base.errors import SojournError


class Refused(SojournError):
    """The request was refused."""

    status = 400
    code = "security"

    def __init__(self, error: str, description: str) -> None:
        """error: one of the codes that the standards name; description: what whoever writes the app can do, without a value of anybody's."""
        super().__init__(description)
        self.error = error


class UnknownClient(Refused):
    """The app did not prove who it is."""

    status = 401
    code = "login"

    def __init__(self, description: str = "The app is not known here, or did not prove that it is the one.") -> None:
        super().__init__("invalid_client", description)
