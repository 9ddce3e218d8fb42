"""Submission of mail (RFC 6409): Python's SMTP client, at an address that was chosen before.

Where it connects to may be another name's address that somebody looked at; TLS is always for the host's own name. It blocks.
"""

from __future__ import annotations

import smtplib
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

IMPLICIT: Final = 465
"""The port on which TLS begins with the first byte (RFC 8314, 3.3)."""


class Submission(smtplib.SMTP):
    """A connection. at: the address to connect to; waits: seconds for each answer. Raises as smtplib."""

    def __init__(self, host: str, port: int, at: str, context: ssl.SSLContext, waits: float) -> None:
        self._to, self._tls = at, context
        super().__init__(host, port, local_hostname="sojourn.invalid", timeout=waits)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = socket.create_connection((self._to, port), timeout)
        return self._tls.wrap_socket(made, server_hostname=host) if port == IMPLICIT else made
