"""GET /health/live, /health/ready, /metrics: for whoever operates the server; no label names anybody."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sojourn.base import clock, errors, metering
from sojourn.base.metering import Sample, metric
from sojourn.base.settings import BadSetting
from sojourn.gate import health

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sojourn.gate.gate import House

_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_OURS: Final = ("fhir", "static", "health", "metrics")
_LEAST: Final = 24


def token(file: Path | None) -> str:
    """The token in the file that the setting names, '' without one. Raises BadSetting."""
    if file is None:
        return ""
    try:
        found = file.read_text("utf-8").strip()
    except OSError:
        raise BadSetting("The file that SOJOURN_METRICS_TOKEN_FILE names cannot be read.") from None
    if len(found) < _LEAST:
        raise BadSetting(f"The token in the file that SOJOURN_METRICS_TOKEN_FILE names has at least {_LEAST} characters.")
    return found


def shape(path: str, known: frozenset[str]) -> str:
    """A path as the metrics name it: by its first part where that is one of ours, which names nobody."""
    first = path.lstrip("/").partition("/")[0]
    return f"/{first}" if not first or first in known else "other"


class Metered:
    """Middleware, outermost: counts answers and how long they took."""

    def __init__(self, app: ASGIApp, requests: metering.Requests, paths: Iterable[str]) -> None:
        self._app, self._requests = app, requests
        self._known = frozenset(_OURS) | {first for p in paths if (first := p.lstrip("/").partition("/")[0]) and "{" not in first}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route, begun, status = shape(scope.get("path", ""), self._known), clock.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._requests.running += 1
        try:
            await self._app(scope, receive, noted)
        finally:
            self._requests.running -= 1
            self._requests.note(route, status, clock.monotonic() - begun)


def routes(house: House, requests: metering.Requests, secret: str) -> list[Route]:
    """The three addresses. secret: the bearer token that opens the metrics; '' opens them to this machine alone."""

    async def live(_: Request) -> Response:
        return _said("alive")

    async def ready(_: Request) -> Response:
        try:
            await health.ready(house)
        except errors.SojournError:
            return _said("not ready", 503)
        return _said("ready")

    async def metrics(request: Request) -> Response:
        if not _may(request, secret):
            return _said("Not Found", 404)
        return Response(await _text(house, requests), headers=_HEADERS | {"content-type": metering.CONTENT_TYPE})

    return [Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]


def _said(words: str, status: int = 200) -> Response:
    return PlainTextResponse(words + "\n", status, headers=_HEADERS)


def _may(request: Request, secret: str) -> bool:
    if secret:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {secret}".encode())
    if any(name in request.headers for name in _FORWARDED) or request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _text(house: House, requests: metering.Requests) -> str:
    now = clock.now()
    try:
        waits, queues, up = await health.waiting(house), await health.queues(house, now), 1
        pool = health.connections(house)
    except errors.SojournError:
        waits, queues, pool, up = [], [], {}, 0
    labels = [{"door": w.door, "direction": w.direction, "state": w.state} for w in waits]
    return "".join([
        metric("sojourn_database_up", "gauge", "1 where the database answers.", [Sample({}, up)]),
        metric("sojourn_database_connections", "gauge", "Connections of this process: open, idle; and requests that wait for one.", [Sample({"state": k}, n) for k, n in pool.items()]),
        metric("sojourn_messages_waiting", "gauge", "Messages of partners that are not done, by door, direction and state.", [Sample(of, w.n) for of, w in zip(labels, waits, strict=True)]),
        metric("sojourn_messages_oldest_seconds", "gauge", "Age of the oldest of these.", [Sample(of, round((now - w.oldest).total_seconds(), 3)) for of, w in zip(labels, waits, strict=True)]),
        metric("sojourn_queue_items", "gauge", "What else waits, by queue and state: deliveries, exports, files, errands, asks, letters, calls.", [Sample({"queue": q.queue, "state": q.state}, q.n) for q in queues]),
        metric("sojourn_queue_oldest_seconds", "gauge", "Age of the oldest of these, where an age says something.", [Sample({"queue": q.queue, "state": q.state}, round(max(0.0, (now - q.oldest).total_seconds()), 3)) for q in queues if q.oldest is not None]),
        metric("sojourn_channel_up", "gauge", "1 where text messages or e-mail could be sent when that was last looked at, by channel.", [Sample({"channel": means}, int(not c.problem)) for means, c in house.channels.items()]),
        metric("process_resident_memory_bytes", "gauge", "Memory of this process.", [Sample({}, n) for n in _memory()]),
        requests.text(),
    ])  # fmt: skip


def _memory() -> list[int]:
    """Resident bytes of this process, where the system says (Linux, proc(5))."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return []
    return [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")]
