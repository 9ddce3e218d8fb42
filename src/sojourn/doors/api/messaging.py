"""POST $process-message: a partner's FHIR message is kept and answered.

doors/messaging does what it asks. Only what is on the disk is answered with ok. The answer follows from what was sent alone: whom it is about, and whether anybody here knows them, changes nothing of it.
https://hl7.org/fhir/R4/messageheader-operation-process-message.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sojourn.base import errors, ids
from sojourn.care.exchange import kinds, naming
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.fhir import codec, messages
from sojourn.fhir import validate as validation
from sojourn.fhir.outcome import Issue, is_error, outcome
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.keeping import Came, Keeper
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.fhir.messages import Message
    from sojourn.gate.exchange.partners import Partner

MOST: Final = 2 * 1024 * 1024
"""Bytes of one message."""
KEPT: Final = "Kept. It is done by itself as far as that is certain; whatever is not, somebody here decides. This answer is the same whomever the message is about."
READ: Final = "Kept. Somebody here reads it: messages of this event are not filed by themselves. This answer is the same whomever the message is about."
_STRANGER: Final = "No partner is registered who sends messages by this service. Ask whoever runs the server to register you, with the messages that are agreed."
_LARGE: Final = 64 * 1024


async def process(ask: Ask) -> Answer:
    """Take one message. Raises Malformed and Invalid for what is no message, NotSupported, TooLarge, and Forbidden for who is no partner."""
    ask.check_format()
    access = ask.access
    await access.check("message", "MessageHeader", "$process-message")
    if len(await ask.body()) > MOST:
        raise errors.TooLarge(f"A message is at most {MOST >> 20} MB. Send it in parts.")
    bundle = _content(ask, await ask.json())
    partner = await partners.by_service(access)
    if partner is None:
        raise errors.Forbidden(_STRANGER)
    message = await _read(bundle, len(await ask.body()))
    refused = _refused(message, partner)
    if not refused and not access.tenant.bench_of:  # on the test bench it is read, and nothing of it is kept
        await _kept(ask, partner, message)
    receipt = await access.note(access.entry("message", "MessageHeader", "$process-message", outcome="refused" if refused else "done"))
    return of_json(_answer(ask, message, refused), receipt=receipt)


def _content(ask: Ask, body: Any) -> Any:
    """The Bundle: the body, or the parameter `content` of one. Raises NotSupported for what is asked beside."""
    said = dict(ask.search_params())
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        parts = [p for p in body.get("parameter") or () if isinstance(p, dict)] if isinstance(body.get("parameter"), list) else []
        said |= {str(p.get("name")): str(next((v for k, v in p.items() if k.startswith("value")), "")).lower() for p in parts if p.get("name") != "content"}
        body = next((p.get("resource") for p in parts if p.get("name") == "content"), None)
    if said.pop("async", "false") != "false":
        raise errors.NotSupported("async is not offered: a message is kept, and answered at once.", expression="async")
    if said.pop("response-url", ""):
        raise errors.NotSupported("response-url is not offered: the answer is that of the request, and nothing is sent to an address in one.", expression="response-url")
    if said:
        raise errors.NotSupported("$process-message takes content and async.")
    return body


async def _read(bundle: Any, size: int) -> Message:
    try:
        message = messages.read(bundle)
    except messages.NoMessage as error:
        raise errors.Malformed(error.why, expression=error.where) from None
    if message.header.get("response"):
        raise errors.NotSupported("Answers to messages are not taken here: none was sent to you.", expression="Bundle.entry[0].resource.response")
    found = validation.validate(bundle) if size < _LARGE else await asyncio.to_thread(validation.validate, bundle)
    wrong = tuple(i for i in found if is_error(i))
    if wrong:
        raise errors.Invalid("The message is not valid FHIR.", issues=wrong)
    return message


def _refused(message: Message, partner: Partner) -> str:
    """Why a message is not taken that can be read; '' where it is. Nothing of whom it is about."""
    kind = kinds.of_event(message.event)
    if not kind:
        return f"Events of HL7 v2 table 0003 ({messages.V2_EVENTS}) are taken as eventCoding."
    if kind not in partner.types:
        return "Messages of this event were not agreed with you."
    return ""


async def _kept(ask: Ask, partner: Partner, message: Message) -> None:
    """On the disk, once however often it comes. Raises Forbidden where the partner was stopped, Unavailable."""
    access = ask.access
    about = message.people()
    same = codec.dumps([message.header, *(r for _, r in message.entries)])  # a Bundle of its own around the same message is the same message
    test = any(isinstance(c, dict) and c.get("code") == "HTEST" for m in (message.header, message.bundle) if isinstance(m.get("meta"), dict) for n in ("tag", "security") for c in m["meta"].get(n) or ())
    came = Came(
        partner.id, kinds.MESSAGING, message.id, kinds.of_event(message.event), "4.0.1", naming.key(about[0]) if about else "", codec.dumps(message.bundle), same=b"message\0" + same, test=test,
    )  # fmt: skip
    try:
        await Keeper(access.house).keep(access.tenant, came)
    except errors.StaleCredential:
        raise errors.Forbidden("Nothing is taken from this partner now.") from None


def _answer(ask: Ask, message: Message, refused: str) -> dict[str, Any]:
    """The response message (https://hl7.org/fhir/R4/messageheader-definitions.html#MessageHeader.response)."""
    header, details = _uuid(), _uuid()
    said = Issue("error", "business-rule", "", refused) if refused else Issue("information", "informational", "", KEPT if kinds.of_event(message.event) in kinds.FILED_OF_FHIR else READ)
    source = message.header.get("source")
    back = source.get("endpoint") if isinstance(source, dict) else None
    event = {"eventCoding": {k: v for k, v in message.header["eventCoding"].items() if k in ("system", "code")}} if "eventCoding" in message.header else {"eventUri": message.header.get("eventUri")}
    own = {
        "resourceType": "MessageHeader", "id": header, **event, **({"destination": [{"endpoint": back}]} if back else {}), "source": {"name": "Sojourn", "endpoint": f"{ask.base}$process-message"},
        "response": {"identifier": message.id, "code": "fatal-error" if refused else "ok", "details": {"reference": f"urn:uuid:{details}"}},
    }  # fmt: skip
    entries = [{"fullUrl": f"urn:uuid:{header}", "resource": own}, {"fullUrl": f"urn:uuid:{details}", "resource": {**outcome([said]), "id": details}}]
    return {"resourceType": "Bundle", "id": _uuid(), "type": "message", "timestamp": instant(ask.access.now), "entry": entries}


def _uuid() -> str:
    return str(UUID(bytes=ids.random_bytes("message", 16), version=4))
