"""A fax gateway of our own that speaks the protocol of docs/reaching.md: it dials nobody, and says what a test tells it that happened."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.doors.fax.gateways import Http

TOKEN = "fax-token"  # noqa: S105 - of the counterpart


class Counterpart:
    """It remembers faxes by their key. lines: what happens on a number, the next first (`busy`, `no-answer`, `not-a-fax`, `delivered`); none: it is queued."""

    def __init__(self) -> None:
        self.faxes: dict[str, tuple[str, bytes]] = {}
        self.lines: dict[str, list[str]] = {}
        self.said: dict[str, dict[str, object]] = {}
        self.received: dict[str, tuple[dict[str, str], bytes]] = {}
        self.down = False
        routes = [
            Route("/api/faxes", self._send, methods=["POST"]), Route("/api/faxes/{id}", self._one, methods=["GET", "DELETE"]), Route("/api/status", self._status),
            Route("/api/received", self._list), Route("/api/received/{id}", self._taken, methods=["GET", "DELETE"]),
        ]  # fmt: skip
        self.app = Starlette(routes=routes)

    def gateway(self, token: str = TOKEN) -> Http:
        """Ours, that asks it."""
        return Http("https://fax.example/api", token, httpx.ASGITransport(self.app))

    def _refused(self, request: Request) -> Response | None:
        if self.down:
            return Response(status_code=503)
        return None if request.headers.get("authorization") == f"Bearer {TOKEN}" else Response(status_code=401)

    async def _send(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        key, body = request.headers["idempotency-key"], await request.body()
        assert request.headers["content-type"] == "application/pdf"
        if key not in self.faxes:
            number = request.headers["fax-to"]
            self.faxes[key] = (number, body)
            happens = self.lines.get(number, [])
            what = happens.pop(0) if happens else "queued"
            self.said[key] = {"status": what} if what in ("queued", "delivered") else {"status": "failed", "reason": what}
        return JSONResponse({"id": key}, 202)

    async def _one(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        id_ = request.path_params["id"]
        if request.method == "GET":
            return JSONResponse(self.said[id_]) if id_ in self.said else Response(status_code=404)
        if self.said[id_]["status"] != "queued":
            return Response(status_code=409)
        self.said[id_] = {"status": "failed", "reason": "cancelled"}
        return Response(status_code=204)

    async def _status(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"ready": True})

    async def _list(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse([{"id": k, **facts} for k, (facts, _) in self.received.items()])

    async def _taken(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        id_ = request.path_params["id"]
        if request.method == "GET":
            return Response(self.received[id_][1], media_type="application/pdf")
        self.received.pop(id_, None)
        return Response(status_code=204)
