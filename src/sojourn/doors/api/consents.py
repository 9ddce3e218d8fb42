"""$words, $sign and $revoke of a Consent: patients sign on their own account."""

from __future__ import annotations

from typing import Any

from sojourn.base import errors
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.gate import ownproof
from sojourn.gate.consenting import ownsigning

_PROOFS = ("password", "totp")


async def words(ask: Ask, type_: str, id_: str) -> Answer:
    """GET Consent/[id]/$words: the form in its exact words, and the digest that a signature names."""
    _of_consents(type_, "$words")
    ask.check_format()
    form = await ownsigning.read(ask.access, id_)
    receipt = await ask.access.note(ask.access.entry("words", "Consent", id_, patients=[str(form.patient["id"])]))
    parameters = [{"name": "heading", "valueString": form.wording.heading}, {"name": "text", "valueString": form.wording.text}, {"name": "digest", "valueString": form.wording.digest}]
    return of_json({"resourceType": "Parameters", "parameter": [*parameters, {"name": "status", "valueCode": form.consent["status"]}]}, receipt=receipt)


async def sign(ask: Ask, type_: str, id_: str) -> Answer:
    """POST Consent/[id]/$sign: `digest`, `name` (typed), and a proof: `password` or `totp`."""
    _of_consents(type_, "$sign")
    await ask.access.check("sign", "Consent", id_)
    given = _given(await ask.json(), ("digest", "name"))
    await _proved(ask, given)
    await ownsigning.sign(ask.access, id_, shown=given["digest"], name=given["name"])
    return await _as_it_is(ask, id_)


async def revoke(ask: Ask, type_: str, id_: str) -> Answer:
    """POST Consent/[id]/$revoke: `statement` (that it is taken back, in the patient's words), and a proof."""
    _of_consents(type_, "$revoke")
    await ask.access.check("sign", "Consent", id_)
    given = _given(await ask.json(), ("statement",))
    await _proved(ask, given)
    await ownsigning.revoke(ask.access, id_, note=given["statement"])
    return await _as_it_is(ask, id_)


async def _as_it_is(ask: Ask, id_: str) -> Answer:
    stored = await ask.access.read("Consent", id_)
    return of_json(stored.resource, receipt=stored.receipt)


async def _proved(ask: Ask, given: dict[str, str]) -> None:
    """Raise Forbidden unless the proof that came with the request is right."""
    kind = next((k for k in _PROOFS if given[k]), "")
    if not kind or not await ownproof.proves(ask.access, kind, given[kind]):
        raise errors.Forbidden("This needs the password of the account, or a code of its authenticator, given now.")


def _of_consents(type_: str, name: str) -> None:
    if type_ != "Consent":
        raise errors.NotSupported(f"{name} is offered for Consent.")


def _given(body: Any, names: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise errors.Malformed(f"Send Parameters with {', '.join(names)} and password or totp.", expression="Parameters")
    found = dict.fromkeys((*names, *_PROOFS), "")
    for parameter in body.get("parameter") or ():
        if not isinstance(parameter, dict) or parameter.get("name") not in found or not isinstance(parameter.get("valueString"), str):
            raise errors.Malformed(f"This takes {', '.join(found)}, each as valueString.", expression="Parameters.parameter")
        found[parameter["name"]] = parameter["valueString"]
    return found
