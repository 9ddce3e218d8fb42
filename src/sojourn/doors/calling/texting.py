"""Text messages by a gateway asked over HTTP; docs/calling.md states what it is asked.

A shape of our own: a small adapter stands between it and a vendor's. The same key again is the same message.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx

from sojourn.base import gateways
from sojourn.base.settings import BadSetting
from sojourn.gate.channels import GIVEN, LATER, REFUSED, SMS, address

if TYPE_CHECKING:
    from sojourn.gate.channels import Message

_SECONDS: Final = 15.0
_LARGEST: Final = 65536
_GONE: Final = "The text gateway could not be asked. Whoever runs the server looks whether it is there."
_NOT_US: Final = "The text gateway does not let us in. Whoever runs the server looks at its token."


class Texting:
    """The channel. transport: for tests."""

    def __init__(self, base: str, token: str = "", transport: httpx.AsyncBaseTransport | None = None) -> None:
        if not gateways.sound(base):
            raise BadSetting("SOJOURN_TEXT_GATEWAY is an address as https://text.example/api.")
        self._base, self._transport = base.rstrip("/"), transport
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self.problem = ""

    async def send(self, message: Message) -> str:
        """POST /messages."""
        to = address(SMS, message.to)
        if not to:
            return REFUSED
        status = await self._ask("POST", "/messages", json={"to": to, "text": message.text}, headers={"idempotency-key": message.key})
        return GIVEN if status in (200, 201, 202) else REFUSED if status == HTTPStatus.UNPROCESSABLE_ENTITY else LATER

    async def look(self) -> None:
        """GET /status."""
        status = await self._ask("GET", "/status")
        self.problem = "" if status in (200, 204) else _NOT_US if status in (401, 403) else _GONE

    async def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> int:
        """The status of the answer, 0 for none; no more of an answer is read than is bounded."""
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, trust_env=False, transport=self._transport) as client, client.stream(
                method, self._base + path, headers={**self._headers, **(headers or {})}, **more
            ) as answer:
                size = 0
                async for part in answer.aiter_raw():
                    size += len(part)
                    if size > _LARGEST:
                        raise httpx.ReadError("too large")
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return 0
        return answer.status_code
