"""A small HISP for the tests: it takes mail by SMTP (with STARTTLS and a login) and keeps it in mailboxes that are read by IMAP over TLS.

It speaks as much of RFC 5321, RFC 3207, RFC 4954 and RFC 9051 as the clients of Python's library use, over real sockets on loopback. It looks into no message.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.wire import trust
from tests.wire import authorities as ca

PASSWORD = "river stone"  # noqa: S105 - of a mailbox on this machine
HOST = "127.0.0.1"


@cache
def _context() -> ssl.SSLContext:
    own = ca.issued("hisp", ca.root("HISP root"), server=HOST)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder, "hisp.pem")
        pem.write_bytes(own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + trust.pem(own.certificate).encode())
        made.load_cert_chain(pem)
    return made


def authority() -> str:
    """Who vouches for it."""
    return trust.pem(ca.root("HISP root").certificate)


class Hisp:
    """Mailboxes by address: folders of mails by their uid. down: it takes no mail now. seen: called at each mail that is fetched."""

    def __init__(self, *addresses: str) -> None:
        self.boxes: dict[str, dict[str, dict[int, bytes]]] = {a: {"INBOX": {}} for a in addresses}
        self.down = False
        self.seen: Callable[[int], None] = lambda uid: None
        self.smtp_port = self.imap_port = 0
        self._next = 1
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, address: str, raw: bytes) -> None:
        """A mail arrives."""
        self.boxes[address]["INBOX"][self._next] = raw
        self._next += 1

    def inbox(self, address: str) -> list[bytes]:
        """What lies there."""
        return list(self.boxes[address]["INBOX"].values())

    # --- SMTP ----------------------------------------------------------------------------------------------------------------------

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        async def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()

        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await say("421 later" if self.down else "220 hisp.test")
            secret, let_in, to = False, False, list[str]()
            while not self.down and (line := (await reader.readline()).decode().strip()):
                verb = line.partition(" ")[0].upper()
                if verb in ("EHLO", "HELO"):
                    await say("250-hisp.test\r\n250-AUTH PLAIN\r\n250 8BITMIME" if secret else "250-hisp.test\r\n250 STARTTLS")
                elif verb == "STARTTLS":
                    await say("220 go on")
                    await writer.start_tls(_context())
                    secret = True
                elif verb == "AUTH" and secret:
                    _, login, password = base64.b64decode(line.split()[2]).decode().split("\0")
                    let_in = login in self.boxes and password == PASSWORD
                    await say("235 welcome" if let_in else "535 no")
                elif verb == "MAIL" and let_in:
                    to = []
                    await say("250 ok")
                elif verb == "RCPT" and let_in:
                    address = line.partition("<")[2].partition(">")[0]
                    to += [address] if address in self.boxes else []
                    await say("250 ok" if address in self.boxes else "550 nobody of that name")
                elif verb == "DATA" and to:
                    await say("354 go on")
                    lines = []
                    while (text := await reader.readline()) != b".\r\n":
                        lines.append(text[1:] if text.startswith(b".") else text)
                    for address in to:
                        self.put(address, b"".join(lines))
                    await say("250 kept")
                elif verb == "QUIT":
                    await say("221 bye")
                    break
                else:
                    await say("250 ok" if verb in ("RSET", "NOOP") else "503 not now")
        writer.close()

    # --- IMAP ----------------------------------------------------------------------------------------------------------------------

    async def imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            writer.write(b"* OK [CAPABILITY IMAP4rev1] hisp.test\r\n")
            box: dict[str, dict[int, bytes]] | None = None
            deleted: set[int] = set()
            while line := (await reader.readline()).decode().strip():
                tag, verb, *words = line.split(" ")
                answer = "OK done"
                if verb == "CAPABILITY":
                    writer.write(b"* CAPABILITY IMAP4rev1\r\n")
                elif verb == "LOGIN":
                    login, _, password = line.split(" ", 2)[2].partition(" ")
                    box = self.boxes.get(login.strip('"')) if password.strip('"') == PASSWORD else None
                    answer = "OK welcome" if box is not None else "NO not you"
                elif verb == "LOGOUT":
                    writer.write(f"* BYE\r\n{tag} OK bye\r\n".encode())
                    break
                elif box is None:
                    answer = "NO log in first"
                elif verb == "SELECT":
                    deleted = set()
                    writer.write(f"* {len(box['INBOX'])} EXISTS\r\n".encode())
                elif verb == "CREATE":
                    answer = "NO it is there" if words[0] in box else "OK made"
                    box.setdefault(words[0], {})
                elif verb == "EXPUNGE":
                    for uid in deleted:
                        box["INBOX"].pop(uid, None)
                elif verb == "UID":
                    answer = self._uid(box["INBOX"], box, words, deleted, writer)
                writer.write(f"{tag} {answer}\r\n".encode())
                await writer.drain()
        writer.close()

    def _uid(self, inbox: dict[int, bytes], box: dict[str, dict[int, bytes]], words: list[str], deleted: set[int], writer: asyncio.StreamWriter) -> str:
        do = words[0].upper()
        if do == "SEARCH":
            writer.write(f"* SEARCH {' '.join(map(str, inbox))}\r\n".encode())
            return "OK done"
        uid = int(words[1])
        raw = inbox.get(uid)
        if raw is None:
            return "NO it is not there"
        if do == "FETCH" and "SIZE" in words[2]:
            writer.write(f"* 1 FETCH (UID {uid} RFC822.SIZE {len(raw)})\r\n".encode())
        elif do == "FETCH":
            self.seen(uid)
            writer.write(f"* 1 FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
        elif do == "COPY":
            box[words[2].strip('"')][uid] = raw
        elif do == "STORE":
            deleted.add(uid)
        return "OK done"


@asynccontextmanager
async def hisp(*addresses: str) -> AsyncIterator[Hisp]:
    """A HISP that runs, with these mailboxes."""
    made = Hisp(*addresses)
    smtp = await asyncio.start_server(made.smtp, HOST, 0, limit=1 << 24)
    imap = await asyncio.start_server(made.imap, HOST, 0, ssl=_context(), limit=1 << 24)
    made.smtp_port, made.imap_port = smtp.sockets[0].getsockname()[1], imap.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        smtp.close()
        imap.close()
