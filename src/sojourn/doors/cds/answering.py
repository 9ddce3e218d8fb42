"""The services: which there are, their cards, and what became of these.

Who calls is a registered service, known by the JWT that it signs. It is answered from what its own account may see: nothing in a call
widens that, and a client of whom it may know nothing is answered like nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from starlette.responses import JSONResponse, Response

from sojourn.base import ids
from sojourn.base.errors import Forbidden, NotFound, SojournError, TooLarge, TooManyRequests, Unauthenticated
from sojourn.base.log import logger
from sojourn.care.cards import making
from sojourn.doors.cds import reading
from sojourn.doors.cds.reading import ORDER_SIGN, PATIENT_VIEW, Call
from sojourn.gate.apps import tokens
from sojourn.gate.apps.refusing import UnknownClient

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.care.cards.making import Card
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant

MOST: Final = 1024 * 1024
"""Bytes of a call."""
REASONS: Final = "https://sojourn.example/fhir/CodeSystem/cds-override"
TOPICS: Final = "https://sojourn.example/fhir/CodeSystem/cds-topic"
_TOPICS = {"risk": "Risk", "precautions": "Precautions", "consent": "Consent", "plan": "Treatment plan"}
_OVERRIDES = (("known", "I know"), ("in-hand", "Somebody is looking after it"), ("not-now", "It does not matter for what I am doing"))
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_log = logger("cds")


class Service(NamedTuple):
    """A service: its id is that of its hook. kinds: of its cards."""

    hook: str
    title: str
    description: str
    kinds: tuple[str, ...]


SERVICES: Final = {
    s.hook: s
    for s in (
        Service(PATIENT_VIEW, "What is open", "Open risk episodes, precautions, consents that need somebody or end soon, plans and reviews that are due", ("risk", "precautions", "consent", "plan")),
        Service(ORDER_SIGN, "What is open, before an order is signed", "Open risk episodes, precautions, consents that need somebody or end soon", ("risk", "precautions", "consent")),
    )
}
"""By id."""


async def discovery(request: Request) -> Response:  # noqa: ARG001 - the same for everybody
    """GET /cds-services."""
    listed = [{"id": s.hook, "hook": s.hook, "title": s.title, "description": s.description, "prefetch": {"patient": "Patient/{{context.patientId}}"}} for s in SERVICES.values()]
    return JSONResponse({"services": listed}, headers=_HEADERS)


Handler = Callable[["Request", "Access", Service, bytes], Awaitable[Response]]


def answered(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler with who calls, the service and the body; every error as an answer that a program understands."""

    async def answer(request: Request) -> Response:
        number = ids.new_id("request")
        more: dict[str, str] = {}
        try:
            service = SERVICES.get(request.path_params["service"])
            if service is None:
                raise NotFound("There is no such service.")
            access = await _access(request, service, number)
            found = await handler(request, access, service, await _body(request))
        except TooManyRequests as error:
            more, status, said = {"retry-after": str(error.after)}, error.status, error.message
        except UnknownClient as error:
            more, status, said = {"www-authenticate": 'Bearer realm="Sojourn"'}, error.status, error.message
        except SojournError as error:
            status, said = (error.status, error.message) if error.status < 500 else (503, "It cannot be answered now; nothing was changed.")  # noqa: PLR2004 - ours to mend
            more = {"www-authenticate": 'Bearer realm="Sojourn"'} if isinstance(error, Unauthenticated) else {}
        except Exception as error:  # noqa: BLE001 - the last resort: nothing of the error leaves, its kind is logged
            _log.error("request failed", error, request=number)
            status, said = 500, "Something went wrong on our side; nothing was changed."
        else:
            found.headers["x-request-id"] = number
            return found
        return JSONResponse({"error": said}, status, headers={**_HEADERS, **more, "x-request-id": number})

    return answer


async def _access(request: Request, service: Service, number: str) -> Access:
    """What the caller may see: under the account of the service that signed the call, within its scopes. Raises UnknownClient, Forbidden."""
    gate, tenant = request.app.state.gate, _tenant(request)
    scheme, _, signed = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not signed.strip():
        raise Unauthenticated("Send a JWT that your key signed: Authorization: Bearer …")
    address = request.client.host if request.client else ""
    here = f"{gate.house.base.removesuffix('/fhir')}/cds-services/{service.hook}"
    app = await gate.clients.calling(tenant, signed.strip(), (here, here + "/feedback") if request.url.path.endswith("/feedback") else (here,), request.app.state.outbound.kept, address)
    given = await tokens.for_service(gate.house, tenant, app, app.scopes, number)
    access: Access | None = await gate.access(given.answer["access_token"], number)
    if access is None:
        raise UnknownClient
    await gate.pace.keep(access.caller)
    if access.caller.outside:
        # Of every client alike. What leaves the house leaves by doors that mark it and write down what was disclosed.
        await access.refuse("cds-hook", "", "outside")
        raise Forbidden("Cards are for systems of this organization. An outside organization asks by the FHIR API.")
    return access


def _tenant(request: Request) -> Tenant:
    found: Tenant | None = request.app.state.gate.tenant_of(request.url.hostname or "")
    if found is None:
        raise NotFound("There is no such service.")
    return found


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            raise TooLarge("A call has at most a megabyte; prefetch only what the service asks for.")
    return body


async def call(request: Request, access: Access, service: Service, body: bytes) -> Response:
    """POST /cds-services/{service}."""
    asked = reading.call(reading.value(body), service.hook)
    house = request.app.state.gate.house
    patient = await _whom(access, asked, house.base) if asked.for_staff else ""
    cards = await making.made(access, patient, service.kinds) if patient else []
    await access.note(access.entry("cds-hook", "Patient" if patient else "", f"hook={asked.hook}&instance={asked.instance}&user={asked.user}", patients=[patient] if patient else []))
    return JSONResponse({"cards": [_card(card, access.tenant.name, house.base.removesuffix("/fhir")) for card in cards]}, headers=_HEADERS)


async def _whom(access: Access, asked: Call, base: str) -> str:
    """The id of the client that is meant, or '': alike for one who is not there, one who may not be seen, and one of whom it is not sure.

    Ids are ours where the calling system works on our FHIR server. Another one's client is found by the identifiers it sent along, if all
    that match name one client, whose day of birth is not another.
    """
    if asked.base in ("", base.rstrip("/")):
        found = (await access.search("Patient", [("_id", asked.patient)], count=1)).resources
    else:
        several = [(await access.search("Patient", [("identifier", f"{_escaped(system)}|{_escaped(value)}")], count=2)).resources for system, value in asked.identifiers]
        by = {str(p["id"]): p for page in several for p in page if p.get("active") is not False}
        found = [p for p in by.values() if not asked.born or not p.get("birthDate") or p["birthDate"] == asked.born] if len(by) == 1 else []
    return str(found[0]["id"]) if found else ""


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\|,$" else c for c in text)


def _card(card: Card, organization: str, root: str) -> dict[str, Any]:
    return {
        "uuid": str(UUID(bytes=ids.random_bytes("card", 16), version=4)),
        "summary": card.summary[: making.LONGEST],
        "indicator": card.indicator,
        "detail": card.detail,
        "source": {"label": organization, "url": root + "/", "topic": {"system": TOPICS, "code": card.kind, "display": _TOPICS[card.kind]}},
        "overrideReasons": [{"system": REASONS, "code": code, "display": words} for code, words in _OVERRIDES],
        "links": [{"label": "Open the chart", "url": root + card.path, "type": "absolute"}],
    }


async def feedback(request: Request, access: Access, service: Service, body: bytes) -> Response:  # noqa: ARG001 - part of the protocol
    """POST /cds-services/{service}/feedback: kept in the trail, whichever card it is about."""
    for told in reading.feedback(reading.value(body)):
        await access.note(access.entry("cds-feedback", "", f"hook={service.hook}&card={told.card}&outcome={told.outcome}" + (f"&reason={told.reason}" if told.reason else "")))
    return Response(status_code=200, headers=_HEADERS)
