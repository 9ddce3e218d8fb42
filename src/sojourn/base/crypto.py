"""Hash, sign, encrypt."""

import base64
import hashlib
import hmac
import os
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from sojourn.base import ids


class BadSeal(Exception):
    """A sealed value was not made by this server for this purpose, or was changed on the way."""


# Argon2id with 19 MiB, 2 passes, 1 lane: the first choice of OWASP's password storage cheat sheet.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """An Argon2id hash with its salt and parameters. Takes about 20 ms: call it in a thread."""
    return _hasher.hash(password, salt=ids.random_bytes("salt", 16))


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password is the one hashed. With no stored hash (no such account) it takes as long and says no. Call it in a thread."""
    try:
        return _hasher.verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash(os.urandom(16))


def sha256(data: bytes) -> bytes:
    """The SHA-256 digest, 32 bytes."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes) -> str:
    """The SHA-256 digest as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def same(one: bytes, other: bytes) -> bool:
    """Compare secrets in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)


class ServerKey:
    """The secret of this installation. Everything else is derived from it by purpose, so that one key never serves two."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("A server key has at least 32 bytes.")
        self._secret = secret
        self._siv = lru_cache(maxsize=64)(lambda purpose: AESSIV(self.derive("seal:" + purpose, 64)))

    def derive(self, purpose: str, size: int = 32) -> bytes:
        """A key of up to 64 bytes for one purpose."""
        return hmac.digest(self._secret, purpose.encode(), "sha512")[:size]

    def sign(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA-256 of the data under the purpose's own key."""
        return hmac.digest(self.derive("sign:" + purpose), data, "sha256")

    def signed(self, purpose: str, data: bytes, signature: bytes) -> bool:
        """Whether the signature is ours."""
        return hmac.compare_digest(self.sign(purpose, data), signature)

    def seal(self, purpose: str, data: bytes, context: bytes = b"") -> str:
        """Encrypt a small value (a cursor) for a URL with AES-SIV (RFC 5297): equal values give equal text, so no nonce can be misused.

        `context` (the caller, the query) must be the same when it is opened.
        """
        sealed = self._siv(purpose).encrypt(data or b"\0", [context])
        return base64.urlsafe_b64encode((b"\1" if data else b"\0") + sealed).rstrip(b"=").decode()

    def encrypt(self, purpose: str, data: bytes, context: bytes) -> bytes:
        """Encrypt what is kept (RFC 5297), under a key that serves this purpose alone; at least one byte. Equal data gives equal bytes."""
        return self._siv("kept:" + purpose).encrypt(data, [context])

    def decrypt(self, purpose: str, data: bytes, context: bytes) -> bytes:
        """What was encrypted. Raises BadSeal for anything else."""
        try:
            return self._siv("kept:" + purpose).decrypt(data, [context])
        except (ValueError, InvalidTag):
            raise BadSeal from None

    def open(self, purpose: str, text: str, context: bytes = b"") -> bytes:
        """The value that was sealed. Raises BadSeal for anything else."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            data = self._siv(purpose).decrypt(raw[1:], [context])
        except (ValueError, InvalidTag):
            raise BadSeal from None
        return data if raw[0] else b""


def load_server_key(path: Path) -> ServerKey:
    """The key in the file; made at the first call. The file is readable by its owner only, and appears whole or not at all."""
    with suppress(FileNotFoundError):
        return ServerKey(bytes.fromhex(path.read_text("ascii").strip()))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(os.urandom(64).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was first: its key counts
        os.link(draft, path)
    draft.unlink()
    return ServerKey(bytes.fromhex(path.read_text("ascii").strip()))
