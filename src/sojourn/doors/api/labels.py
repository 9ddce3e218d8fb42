"""$meta, $meta-add and $meta-delete: the labels of one resource."""

from __future__ import annotations

from typing import Any

from sojourn.base import errors
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask

_TAKES = "Send Parameters with `meta` (its security labels) and `reason` (why)."


async def show(ask: Ask, type_: str, id_: str) -> Answer:
    """GET [type]/[id]/$meta."""
    ask.check_format()
    stored = await ask.access.read(type_, id_)
    ask.spoken.append(stored.resource)
    return of_json(_parameters(stored.resource.get("meta", {})), receipt=stored.receipt)


async def add(ask: Ask, type_: str, id_: str) -> Answer:
    """POST [type]/[id]/$meta-add: put labels on. For roles that may change the resource; it makes no version."""
    await ask.access.check("update", type_, id_)
    return await _decided(ask, type_, id_, "raise")


async def remove(ask: Ask, type_: str, id_: str) -> Answer:
    """POST [type]/[id]/$meta-delete: take labels off. For roles that oversee."""
    await ask.access.check("oversee", "*", id_)
    return await _decided(ask, type_, id_, "lower")


async def _decided(ask: Ask, type_: str, id_: str, effect: str) -> Answer:
    ask.check_format()
    codes, reason = _given(await ask.json())
    await ask.access.relabel(type_, id_, effect, codes, reason)
    try:
        stored = await ask.access.read(type_, id_)
    except errors.NotFound:  # under a law now that its labeller may not see, such as a note kept apart
        return of_json(_parameters({}), receipt=await ask.access.note(ask.access.entry("label", type_, id_)))
    return of_json(_parameters(stored.resource.get("meta", {})), receipt=stored.receipt)


def _parameters(meta: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "return", "valueMeta": meta}] if meta else []}


def _given(body: Any) -> tuple[list[str], str]:
    """The codes of the labels, and the reason. Tags and profiles belong to the content, and are changed with it."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise errors.Malformed(_TAKES, expression="resourceType")
    parts = {p.get("name"): p for p in body.get("parameter") or () if isinstance(p, dict)}
    meta, reason = parts.get("meta", {}).get("valueMeta"), parts.get("reason", {}).get("valueString", "")
    if not isinstance(meta, dict) or not isinstance(reason, str) or set(meta) - {"security"}:
        raise errors.Malformed(_TAKES, expression="Parameters.parameter")
    security = meta.get("security") or []
    codes = [str(c["code"]) for c in security if isinstance(c, dict) and "code" in c] if isinstance(security, list) else []
    return codes, reason
