"""The FHIR door as an ASGI application: who asks, which page, what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sojourn.base import errors, ids, log
from sojourn.doors.api import emergency, routes
from sojourn.doors.api.answer import JSON, Answer, of_error
from sojourn.doors.api.ask import Ask, Receive, Scope, Send
from sojourn.gate import disclosing
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_ERRORS = 400


class FhirDoor:
    """Everything under the FHIR base. One instance a process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._base = gate.house.base + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every error becomes an OperationOutcome."""
        request = ids.new_id("request")
        path = scope["path"]
        root = scope.get("root_path", "")
        ask: Ask | None = None
        first = b""
        try:
            ask = Ask.of(scope, receive, path.removeprefix(root))
            ask.base = self._base
            answer = await self._answered(ask, request)
            await _leave(ask, answer)
            first = await anext(answer.stream, b"") if answer.stream is not None else b""
        except errors.SojournError as error:
            answer = of_error(error)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing of the error leaves, its kind is logged
            _log.error("request failed", error, request=request)
            answer = of_error(errors.SojournError())
        if ask is not None:
            _finish(ask, answer)
        head = scope["method"] == "HEAD"
        await send(answer.start(request))
        if answer.stream is not None and not head:
            await _streamed(answer.stream, first, receive, send)
            return
        await send({"type": "http.response.body", "body": b"" if head else answer.body})

    async def _answered(self, ask: Ask, request: str) -> Answer:
        if ask.parts and ask.parts[0] in routes.OPEN:
            return await routes.dispatch(ask)
        secret = _bearer(ask)
        ask.access = await self._access(secret, request)
        ask.access = emergency.purpose(ask)
        try:
            return await routes.dispatch(ask)
        except errors.StaleCredential:
            # Something about the caller has changed since it was looked up: look again, once, and ask again.
            self._gate.identity.forget(ask.access.caller)
            ask.access = await self._access(secret, request)
            ask.access = emergency.purpose(ask)
            return await routes.dispatch(ask)

    async def _access(self, secret: str, request: str) -> Access:
        access = await self._gate.access(secret, request)
        if access is None or access.caller.session:
            raise errors.Unauthenticated()
        await self._gate.pace.keep(access.caller)
        return access


async def _streamed(stream: AsyncIterator[bytes], first: bytes, receive: Receive, send: Send) -> None:
    """Send what comes, piece by piece, as long as somebody is there to take it. What fails on the way ends the connection, so that nobody takes
    half a file for a whole one."""
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in stream:
            if gone.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _bearer(ask: Ask) -> str:
    scheme, _, secret = ask.header("authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise errors.Unauthenticated()
    return secret.strip()


async def _leave(ask: Ask, answer: Answer) -> None:
    """The form of the answer; and if it leaves the organization, what must go with it, written down byte for byte."""
    out = None
    outside = ask.access is not None and ask.access.caller.outside
    if outside and answer.status < _ERRORS and answer.body and not answer.about:
        out = answer.leaving or await disclosing.prepare(ask.access, answer.body, spoken=ask.spoken) if answer.leaving or answer.media is JSON else disclosing.Outgoing(answer.body, what=("/".join(ask.parts),))
        answer.body = out.body
    _indent(ask, answer)
    if out is not None and out.shows and ask.method != "HEAD":
        await disclosing.record(ask.access, out, answer.body, media=answer.media.decode("latin-1").partition(";")[0])


def _finish(ask: Ask, answer: Answer) -> None:
    """The coding of the answer on its way."""
    if b"accept-encoding" in ask.headers and ask.takes_gzip():
        answer.compress()


def _indent(ask: Ask, answer: Answer) -> None:
    if "_pretty" in ask.query or ask.method == "POST":
        try:
            if ask.param("_pretty") == "true":
                answer.pretty()
        except errors.SojournError:
            pass
