"""The web server of one process: uvicorn, answers in one write, a calm garbage collector."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sojourn.base.collecting import THRESHOLDS

if TYPE_CHECKING:
    from starlette.applications import Starlette


def server(app: Starlette, host: str, port: int, proxies: str = "") -> uvicorn.Server:
    """A server that is ready to run. What was loaded until now is never looked at by the garbage collector again.

    proxies: addresses, with commas between, that are believed when they say for whom and over which scheme they ask.
    """
    config = uvicorn.Config(
        app, host=host, port=port, http=OneWrite, loop="uvloop", log_config=None, access_log=False, server_header=False, lifespan="on", timeout_graceful_shutdown=10,
        proxy_headers=bool(proxies), forwarded_allow_ips=proxies or None, timeout_keep_alive=75,
    )  # fmt: skip
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    return uvicorn.Server(config)


class OneWrite(HttpToolsProtocol):
    """uvicorn writes head and body of an answer one by one: two system calls, and a client woken twice."""

    def connection_made(self, transport: Any) -> None:
        """Put the gathering transport between."""
        super().connection_made(_Gathering(transport))  # type: ignore[arg-type]


class _Gathering:
    """A transport that writes once a turn of the event loop what was given to it within the turn."""

    __slots__ = ("_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write at the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Write what is left, then close."""
        self._flush()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Write what is left, then hand over (an upgrade)."""
        self._flush()
        self._transport.set_protocol(protocol)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
