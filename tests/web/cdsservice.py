"""A small CDS service of somebody else, over real HTTP: it looks at who asks, keeps what it is sent, and answers what it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

PREFETCH = {
    "patient": "Patient/{{context.patientId}}", "conditions": "Condition?patient={{context.patientId}}", "vitals": "Observation?patient={{context.patientId}}&category=vital-signs",
    "user": "Practitioner/{{context.userId}}", "all": "Observation?code=8867-4",
}  # fmt: skip
CARD: dict[str, Any] = {
    "uuid": "4e0a3a1e-3ee8-416a-acab-5d8e2dd7aa11", "summary": "Look at the heart", "indicator": "warning", "source": {"label": "Advice Ltd"},
    "detail": "# Why\nIt is **fast**. <script>alert(1)</script> [more](https://advice.example/x) [bad](javascript:alert(1))",
    "links": [{"label": "Guide", "url": "https://advice.example/guide", "type": "absolute"}, {"label": "No", "url": "http://advice.example/", "type": "absolute"}, {"label": "App", "url": "https://a.example/", "type": "smart"}],
    "suggestions": [{"uuid": "5e0a3a1e-3ee8-416a-acab-5d8e2dd7aa12", "label": "Order a TSH", "actions": [{"type": "create", "description": "A TSH", "resource": {"resourceType": "ServiceRequest"}}]}],
    "overrideReasons": [{"code": "known", "system": "urn:x", "display": "It is known"}],
}  # fmt: skip


class Advice:
    """One of them. answer: the body of each answer, None for none at all; got: (path, headers, body)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.answer: Any = {"cards": [CARD]}
        self.port = 0

    @property
    def address(self) -> str:
        """Of its discovery."""
        return f"http://127.0.0.1:{self.port}/cds-services"

    def calls(self) -> list[Any]:
        """What it was asked."""
        return [body for path, _, body in self.got if path.count("/") == 2]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = head[0].split(" ")
            if method == "GET":
                services = [{"id": f"{hook}-1", "hook": hook, "title": "Heart advice", "description": "Looks at hearts.", "prefetch": PREFETCH} for hook in ("patient-view", "order-sign", "appointment-book")]
                said: Any = {"services": services}
            else:
                self.got.append((path, headers, json.loads(body)))
                said = self.answer
            if said is None:
                await reader.read()  # it never answers
                return
            out = json.dumps(said).encode()
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(out)}\r\nconnection: close\r\n\r\n".encode() + out)
            await writer.drain()
        finally:
            writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Advice]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
