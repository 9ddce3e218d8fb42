"""The HISP's servers: SMTP (RFC 5321, 6409) and IMAP (RFC 9051), over TLS and never without.

The clients are those of Python's library; they block, so each runs in a thread. Where they connect to is looked at first (web/outbound.py), and the
connection goes to the very address that was looked at.
"""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base.submission import IMPLICIT, Submission
from sojourn.web.outbound import public, resolve
from sojourn.wire.cms import MOST

if TYPE_CHECKING:
    from sojourn.gate.exchange.direct import Mailbox

_WAITS: Final = 30.0  # seconds for each answer
REFUSED: Final = "Sojourn-Refused"
"""The folder of the mailbox for mail that was not taken."""
AT_ONCE: Final = 50
"""Mails that are fetched together, at most."""
_ROOM: Final = 16 << 20
"""Bytes of mail that are fetched together; one that is larger is fetched alone."""
_PERMANENT: Final = 500


class NotPosted(Exception):
    """It did not work. why: in words that name nobody; again: whether trying again may help."""

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.why, self.again = why, again


class Mail(NamedTuple):
    """A mail that lies in the mailbox. raw: None where it is larger than is read."""

    uid: str
    raw: bytes | None


class Post:
    """Sends and fetches, for one mailbox at a time."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        """hosts: of our own network, to which it may connect; others must be public."""
        self._hosts = frozenset(h.strip().lower() for h in hosts if h.strip())

    async def _address(self, host: str, port: int) -> str:
        try:
            found = await resolve(host, port)
        except OSError:
            raise NotPosted("The HISP's server has no address. Look at its name.") from None
        if not found or (host.lower() not in self._hosts and not all(public(one) for one in found)):
            raise NotPosted("The HISP's server is one of our own network. Whoever runs this server may permit it (SOJOURN_OUTBOUND_HOSTS).", again=False)
        return found[0]

    async def send(self, box: Mailbox, password: str, recipient: str, raw: bytes) -> None:
        """Give one mail to the HISP. Raises NotPosted."""
        address = await self._address(box.smtp, box.smtp_port)
        await asyncio.to_thread(_sent, box, password, address, recipient, raw)

    async def fetched(self, box: Mailbox, password: str) -> tuple[list[Mail], bool]:
        """What lies in the mailbox, some at a time, and whether there may be more. Raises NotPosted."""
        address = await self._address(box.imap, box.imap_port)
        return await asyncio.to_thread(_fetched, box, password, address)

    async def clear(self, box: Mailbox, password: str, taken: list[str], refused: list[str]) -> None:
        """Remove what was taken, and put aside what was not. Raises NotPosted."""
        if taken or refused:
            address = await self._address(box.imap, box.imap_port)
            await asyncio.to_thread(_cleared, box, password, address, taken, refused)


def _tls(box: Mailbox) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=box.authority or None)


def _sent(box: Mailbox, password: str, address: str, recipient: str, raw: bytes) -> None:
    try:
        with Submission(box.smtp, box.smtp_port, address, _tls(box), _WAITS) as server:
            if box.smtp_port != IMPLICIT:
                server.starttls(context=_tls(box))
            server.login(box.login, password)
            server.sendmail(box.address, [recipient], raw)
    except ssl.SSLCertVerificationError:
        raise NotPosted("The HISP's server showed a certificate that is not trusted. Look at who vouches for it, on the page of the mailbox.") from None
    except smtplib.SMTPAuthenticationError:
        raise NotPosted("The HISP does not let us in. Look at login and password on the page of the mailbox.", again=False) from None
    except smtplib.SMTPNotSupportedError:
        raise NotPosted("The HISP's server offers no encryption or no login, and nothing is sent without. Ask the HISP.", again=False) from None
    except smtplib.SMTPRecipientsRefused as error:
        code = min((c for c, _ in error.recipients.values()), default=_PERMANENT)
        raise NotPosted("The HISP does not deliver to this address. Ask the partner whether it is right.", again=code < _PERMANENT) from None
    except smtplib.SMTPResponseException as error:
        raise NotPosted("The HISP refused the message." if error.smtp_code >= _PERMANENT else "The HISP cannot take the message now.", again=error.smtp_code < _PERMANENT) from None
    except (OSError, smtplib.SMTPException, ValueError):
        raise NotPosted("The HISP's server was not reached, or the connection ended.") from None


class _Imap(imaplib.IMAP4_SSL):
    """IMAP at an address that was looked at. No answer is larger than a mail may be."""

    def __init__(self, box: Mailbox, address: str) -> None:
        self._at, self._box = address, box
        super().__init__(box.imap, box.imap_port, ssl_context=_tls(box), timeout=_WAITS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return _tls(self._box).wrap_socket(socket.create_connection((self._at, self.port), timeout), server_hostname=self.host)

    def read(self, size: int) -> bytes:
        """As IMAP4, for what is not too large."""
        if size > MOST + 65536:
            raise self.abort("too large")
        return super().read(size)


@contextmanager
def _inbox(box: Mailbox, password: str, address: str) -> Iterator[imaplib.IMAP4]:
    """The mailbox, open. Raises NotPosted."""
    server: _Imap | None = None
    try:
        server = _Imap(box, address)
        try:
            server.login(box.login, password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise NotPosted("The HISP does not let us in. Look at login and password on the page of the mailbox.", again=False) from None
        _good(server.select("INBOX"))
        yield server
    except ssl.SSLCertVerificationError:
        raise NotPosted("The HISP's server showed a certificate that is not trusted. Look at who vouches for it, on the page of the mailbox.") from None
    except (OSError, imaplib.IMAP4.error, ValueError, IndexError, TypeError):
        raise NotPosted("The HISP's mailbox was not reached, or the connection ended.") from None
    finally:
        if server is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                server.logout()


def _good(answer: tuple[str, Any]) -> Any:  # noqa: ANN401 - as imaplib has it
    if answer[0] != "OK":
        raise imaplib.IMAP4.error
    return answer[1]


def _fetched(box: Mailbox, password: str, address: str) -> tuple[list[Mail], bool]:
    with _inbox(box, password, address) as server:
        uids = _good(server.uid("SEARCH", "ALL"))[0].split()[:AT_ONCE]
        out, room = list[Mail](), _ROOM
        for uid in (u.decode() for u in uids if u.isdigit()):
            said = b" ".join(x if isinstance(x, bytes) else x[0] for x in _good(server.uid("FETCH", uid, "(RFC822.SIZE)")) if x)
            size = int(said.upper().partition(b"RFC822.SIZE ")[2].split(b")")[0].split()[0])
            if size > MOST:
                out.append(Mail(uid, None))
                continue
            room -= size
            if room < 0 and out:
                return out, True
            found = [x[1] for x in _good(server.uid("FETCH", uid, "(BODY.PEEK[])")) if isinstance(x, tuple)]
            out.append(Mail(uid, found[0]))
        return out, len(uids) >= AT_ONCE


def _cleared(box: Mailbox, password: str, address: str, taken: list[str], refused: list[str]) -> None:
    with _inbox(box, password, address) as server:
        if refused:
            server.create(REFUSED)  # where it is there already, that is said and nothing else happens
            for uid in refused:
                _good(server.uid("COPY", uid, REFUSED))
        for uid in (*taken, *refused):
            _good(server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
        _good(server.expunge())
