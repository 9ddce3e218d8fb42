"""E-mail by the mail server: SMTP (RFC 5321, 6409), over TLS wherever it leaves this machine.

The client is that of Python's library; it blocks, so each message goes in a thread.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, crypto
from sojourn.base.settings import BadSetting
from sojourn.base.submission import IMPLICIT, Submission
from sojourn.gate.channels import EMAIL, GIVEN, LATER, REFUSED, address

if TYPE_CHECKING:
    from sojourn.gate.channels import Message

_WAITS: Final = 15.0  # seconds for each answer
_PORT: Final = 587  # RFC 6409, 3.1: submission
_NEAR: Final = ("127.0.0.1", "localhost", "::1")
_PERMANENT: Final = 500
_GONE: Final = "The mail server was not reached, or did not take the message. Whoever runs the server looks whether it is there."
_NOT_US: Final = "The mail server does not let us in. Whoever runs the server looks at login and password."
_PLAIN: Final = "The mail server offers no encryption, or a certificate that is not trusted, and nothing is sent without."


class Mailing:
    """The channel. server: `host` or `host:port`. context and at: whom to trust and where to connect, for tests."""

    def __init__(self, server: str, sender: str, login: str = "", password: str = "", context: ssl.SSLContext | None = None, at: str = "") -> None:
        self._host, _, port = server.partition(":")
        self._sender, self._login, self._password = address(EMAIL, sender), login, password
        if not self._host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
            raise BadSetting("SOJOURN_MAIL_SERVER is a host and a port, as mail.example:587.")
        if not self._sender:
            raise BadSetting("SOJOURN_MAIL_FROM is an address, as notices@example.org, and stands beside SOJOURN_MAIL_SERVER.")
        self._port, self._at, self._context = int(port or _PORT), at or self._host, context
        self.problem = ""

    async def send(self, message: Message) -> str:
        """One e-mail to one address."""
        to = address(EMAIL, message.to)
        return (await asyncio.to_thread(self._sent, to, self._dressed(message, to)))[0] if to else REFUSED

    async def look(self) -> None:
        """Connect and sign in."""
        _, self.problem = await asyncio.to_thread(self._sent, "", b"")

    def _dressed(self, message: Message, to: str) -> bytes:
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = self._sender, to, message.subject
        mail["Date"], mail["Auto-Submitted"] = format_datetime(clock.now()), "auto-generated"  # RFC 3834, 5
        mail["Message-ID"] = f"<{crypto.sha256_hex(message.key.encode())[:32]}@{self._sender.partition('@')[2]}>"  # one that is given twice is known by it
        mail.set_content(message.text + "\n")
        return mail.as_bytes()

    def _sent(self, to: str, raw: bytes) -> tuple[str, str]:
        """What came of it, and what is wrong with the server."""
        try:
            with Submission(self._host, self._port, self._at, self._trusted(), _WAITS) as server:
                if self._port != IMPLICIT and not self._near:
                    server.starttls(context=self._trusted())
                if self._login:
                    server.login(self._login, self._password)
                if to:
                    server.sendmail(self._sender, [to], raw)
        except smtplib.SMTPRecipientsRefused as error:
            code = min((c for c, _ in error.recipients.values()), default=_PERMANENT)
            return (REFUSED if code >= _PERMANENT else LATER), ""
        except smtplib.SMTPAuthenticationError:
            return LATER, _NOT_US
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError):
            return LATER, _PLAIN
        except (OSError, smtplib.SMTPException, ValueError):
            return LATER, _GONE
        return GIVEN, ""

    @property
    def _near(self) -> bool:
        return self._host in _NEAR

    def _trusted(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()
