"""What dials: a gateway asked by HTTP, or a folder that a fax server watches.

docs/reaching.md states both. A gateway is given a number and a PDF under a key; the same key again is the same fax. Names of files and addresses are random: they tell nothing of anybody.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import httpx

from sojourn.base import gateways
from sojourn.base.digits import digits
from sojourn.base.settings import BadSetting
from sojourn.web import bounded

DELIVERED, UNDER_WAY, CANCELLED = "delivered", "under way", "cancelled"
BUSY, NO_ANSWER, NOT_A_FAX, NUMBER, OTHER = "busy", "no-answer", "not-a-fax", "invalid-number", "other"
_SECONDS: Final = 60.0
_KEY: Final = re.compile(r"[\w-]{1,80}")
_LARGEST: Final = 20 << 20
"""Bytes of one answer: what a fax is at most (care/papers/reading.py)."""


class Status(NamedTuple):
    """How far a fax is. state: DELIVERED, UNDER_WAY, CANCELLED or why it failed (BUSY, NO_ANSWER, NOT_A_FAX, NUMBER, OTHER)."""

    state: str
    pages: int = 0


class Incoming(NamedTuple):
    """A fax that the gateway received. received: an instant (ISO 8601)."""

    id: str
    sender: str
    line: str
    received: str


class NotThere(Exception):  # noqa: N818 - as a reason
    """The gateway could not be asked, or answered what nobody agreed."""


class TooLarge(NotThere):
    """The answer is larger than is read."""


class _Answer(NamedTuple):
    status: int
    content: bytes


class Gateway(Protocol):
    """What dials."""

    async def send(self, key: str, number: str, pdf: bytes) -> str:
        """Give it a fax; by what it is asked for. Raises NotThere."""

    async def status(self, reference: str) -> Status:
        """How far it is. Raises NotThere."""

    async def cancel(self, reference: str) -> bool:
        """Stop it; False where it is too late. Raises NotThere."""

    async def ready(self) -> str:
        """Words about the gateway. Raises NotThere."""

    async def incoming(self) -> list[Incoming]:
        """What came and is not taken. Raises NotThere."""

    async def take(self, id_: str) -> bytes:
        """The PDF of one. Raises NotThere, TooLarge."""

    async def taken(self, id_: str) -> None:
        """It is kept here: the gateway may forget it. Raises NotThere."""


class Http:
    """A gateway by HTTP. transport: for tests."""

    def __init__(self, base: str, token: str = "", transport: httpx.AsyncBaseTransport | None = None) -> None:
        if not gateways.sound(base):
            raise BadSetting("SOJOURN_FAX_GATEWAY is an address as https://fax.example/api, or a folder as spool:/var/spool/sojourn-fax.")
        self._base, self._transport = base.rstrip("/"), transport
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def _ask(self, method: str, path: str, *, good: tuple[int, ...] = (200,), body: bytes | None = None, headers: Mapping[str, str] | None = None) -> _Answer:
        """One answer, read as it comes and never beyond what is taken, nor anything that grows when it is unpacked."""
        sent = {**self._headers, "accept-encoding": "identity", **(headers or {})}
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, trust_env=False, transport=self._transport) as client, client.stream(method, self._base + path, content=body, headers=sent) as answer:
                if answer.status_code not in good:
                    raise NotThere
                return _Answer(answer.status_code, await bounded.body(answer, _LARGEST))
        except bounded.TooMuch:
            raise TooLarge from None
        except (httpx.HTTPError, OSError, bounded.Packed) as error:
            raise NotThere from error

    async def _json(self, method: str, path: str, **more: Any) -> Any:
        try:
            return json.loads((await self._ask(method, path, **more)).content)
        except (ValueError, RecursionError) as error:
            raise NotThere from error

    async def send(self, key: str, number: str, pdf: bytes) -> str:
        """POST /faxes."""
        headers = {"idempotency-key": key, "content-type": "application/pdf", "fax-to": number}
        said = await self._json("POST", "/faxes", good=(200, 201, 202), body=pdf, headers=headers)
        return _id(said)

    async def status(self, reference: str) -> Status:
        """GET /faxes/{id}."""
        said = await self._json("GET", f"/faxes/{reference}")
        state = str(said.get("status")) if isinstance(said, dict) else ""
        if state == "delivered":
            return Status(DELIVERED, said["pages"] if isinstance(said.get("pages"), int) else 0)
        if state in ("queued", "sending"):
            return Status(UNDER_WAY)
        if state == "failed":
            reason = str(said.get("reason"))
            return Status(reason if reason in (BUSY, NO_ANSWER, NOT_A_FAX, NUMBER, CANCELLED) else OTHER)
        raise NotThere

    async def cancel(self, reference: str) -> bool:
        """DELETE /faxes/{id}."""
        return (await self._ask("DELETE", f"/faxes/{reference}", good=(200, 204, 409))).status != httpx.codes.CONFLICT

    async def ready(self) -> str:
        """GET /status."""
        said = await self._json("GET", "/status")
        if not isinstance(said, dict) or said.get("ready") is not True:
            raise NotThere
        return "The gateway is ready."

    async def incoming(self) -> list[Incoming]:
        """GET /received."""
        said = await self._json("GET", "/received")
        if not isinstance(said, list):
            raise NotThere
        return [Incoming(_id(one), *(str(one.get(k) or "") for k in ("from", "to", "received"))) for one in said[:100]]

    async def take(self, id_: str) -> bytes:
        """GET /received/{id}."""
        return (await self._ask("GET", f"/received/{id_}")).content

    async def taken(self, id_: str) -> None:
        """DELETE /received/{id}."""
        await self._ask("DELETE", f"/received/{id_}", good=(200, 204, 404))


def _id(said: Any) -> str:
    found = str(said.get("id", "")) if isinstance(said, dict) else ""
    if not _KEY.fullmatch(found):
        raise NotThere
    return found


class Spool:
    """A folder that a fax server watches: `out` for what is to be dialled, `done` for what became of it. What it receives it puts into the folder of faxes (docs/documents.md)."""

    def __init__(self, folder: Path) -> None:
        self._out, self._done = folder / "out", folder / "done"

    async def send(self, key: str, number: str, pdf: bytes) -> str:
        """Two files: the PDF, and then the job that names the number."""
        return str(await self._in_thread(self._send, key, number, pdf))

    async def _in_thread(self, do: Any, *args: Any) -> Any:
        try:
            return await asyncio.to_thread(do, *args)
        except OSError as error:
            raise NotThere from error

    def _send(self, key: str, number: str, pdf: bytes) -> str:
        for folder in (self._out, self._done):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not any(p.exists() for p in (self._done / f"{key}.status", self._out / f"{key}.job", self._out / f"{key}.pdf")):
            _whole(self._out / f"{key}.pdf", pdf)
            _whole(self._out / f"{key}.job", f"number: {number}\nfile: {key}.pdf\n".encode())
        elif (self._out / f"{key}.pdf").exists() and not (self._out / f"{key}.job").exists() and not (self._done / f"{key}.taken").exists() and not (self._done / f"{key}.status").exists():
            _whole(self._out / f"{key}.job", f"number: {number}\nfile: {key}.pdf\n".encode())  # we fell between the two
        return key

    async def status(self, reference: str) -> Status:
        """What the fax server wrote."""
        found: Status = await self._in_thread(self._status, reference)
        return found

    def _status(self, reference: str) -> Status:
        path = self._done / f"{reference}.status"
        if not path.exists():
            return Status(UNDER_WAY)
        words = path.read_text("utf-8", "replace").split()
        if words[:1] == ["sent"]:
            return Status(DELIVERED, int(words[1]) if words[1:] and digits(words[1]) else 0)
        return Status(words[0] if words and words[0] in (BUSY, NO_ANSWER, NOT_A_FAX, NUMBER, CANCELLED) else OTHER)

    async def cancel(self, reference: str) -> bool:
        """Take the job away, if the fax server has not."""
        return bool(await self._in_thread(self._cancel, reference))

    def _cancel(self, reference: str) -> bool:
        try:
            (self._out / f"{reference}.job").rename(self._out / f".{reference}.cancelled")
        except FileNotFoundError:
            return False
        (self._out / f"{reference}.pdf").unlink(missing_ok=True)
        return True

    async def ready(self) -> str:
        """Whether the folder is there."""
        if not await asyncio.to_thread(self._out.parent.is_dir):
            raise NotThere
        return "The folder of the fax server is there."

    async def incoming(self) -> list[Incoming]:
        """Nothing: what comes is in a folder of its own."""
        return []

    async def take(self, id_: str) -> bytes:
        """Nothing is there to take."""
        raise NotThere

    async def taken(self, id_: str) -> None:
        """Nothing is there to forget."""


def _whole(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(path)


def of(setting: str, token_file: Path | None) -> Gateway | None:
    """The gateway that the settings name; None for none. Raises BadSetting."""
    if not setting:
        return None
    if setting.startswith("spool:"):
        return Spool(Path(setting.removeprefix("spool:")))
    try:
        token = token_file.read_text("utf-8").strip() if token_file else ""
    except OSError:
        raise BadSetting("The file that SOJOURN_FAX_TOKEN_FILE names cannot be read.") from None
    return Http(setting, token)
