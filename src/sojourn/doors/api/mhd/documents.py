"""Documents for partners who look for them (IHE MHD ITI-67, ITI-68): a list, then each by itself.

Whoever asks from outside is told in a search what there is; the content of each document is asked for at the address that stands in it,
decided again and written down as a disclosure of its own. https://profiles.ihe.net/ITI/MHD/
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Any, Final

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.doors.api.answer import Answer, version_headers
from sojourn.doors.api.ask import Ask
from sojourn.fhir import codec
from sojourn.gate import disclosing
from sojourn.gate.bases import CONFIDENTIALITY
from sojourn.gate.found import Found, Stored

_NOT_THERE: Final = "There is no such document."


def listed(ask: Ask, found: Found) -> None:
    """What an outside caller is told of documents that match: without what is in them, with the address of that. Other callers get what is stored."""
    if ask.access.caller.outside:
        for stored in (*found.matches, *found.included):
            if stored.type == "DocumentReference" and stored.body is not None:
                stored.body = codec.dumps(_entry(ask, stored))


def _entry(ask: Ask, stored: Stored) -> dict[str, Any]:
    r = dict(stored.resource)
    place = f"{ask.base}DocumentReference/{stored.id}"
    r.setdefault("masterIdentifier", {"system": "urn:ietf:rfc:3986", "value": place})
    levels = [{"coding": [c]} for c in (r.get("meta") or {}).get("security") or () if c.get("system") == CONFIDENTIALITY]
    if levels:
        r.setdefault("securityLabel", levels)
    contents = []
    for n, content in enumerate(r.get("content") or ()):
        attachment = dict(content.get("attachment") or {})
        if data := attachment.pop("data", ""):
            attachment = {"contentType": attachment.pop("contentType", "application/octet-stream"), **attachment, "url": f"{place}/$content" + (f"?n={n}" if n else "")}
            attachment.setdefault("size", _size(data))
        contents.append({**content, "attachment": attachment})
    return {**r, "content": contents}


def _size(data: str) -> int:
    """Bytes that some Base64 stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=")


async def content(ask: Ask, type_: str, id_: str) -> Answer:
    """GET DocumentReference/[id]/$content: the bytes of its document (of the n-th, counted from 0). Raises NotFound alike for none and one that is hidden."""
    if type_ != "DocumentReference":
        raise errors.NotSupported("$content is offered for DocumentReference.")
    n = ask.param("n", "0")
    if any(k != "n" for k, _ in ask.search_params()) or not (digits(n) and len(n) < 4):  # noqa: PLR2004 - nobody has so many
        raise errors.NotSupported("$content takes n, the number of the content, counted from 0.")
    access = ask.access
    stored = await access.read("DocumentReference", id_)
    attachment = next((c.get("attachment") or {} for c in (stored.resource.get("content") or ())[int(n) : int(n) + 1]), {})
    try:
        data = base64.b64decode(str(attachment.get("data") or ""))
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise errors.NotFound(_NOT_THERE)
    media = str(attachment.get("contentType") or "")
    safe = media if media and media.isascii() and media.isprintable() else "application/octet-stream"
    headers = [*version_headers(stored.version, stored.updated), (b"content-disposition", b"attachment"), (b"content-security-policy", b"sandbox")]
    answer = Answer(200, data, headers, stored.receipt, safe.encode())
    if access.caller.outside:
        out = await disclosing.prepare(access, stored.body or b"{}")
        answer.leaving = replace(out, body=data)
        answer.headers += _carried(ask, out)
    return answer


def _carried(ask: Ask, out: disclosing.Outgoing) -> list[tuple[bytes, bytes]]:
    """The statement of 42 CFR 2.32(a) and the scope of the consent, where bytes cannot carry them; the entry that named the address carried them, too."""
    said = ((b"x-disclosure-notice", disclosing.statement("fhir", "each", ask.access.now.date()).text), (b"x-disclosure-scope", out.scope)) if out.notice else ()
    return [(name, " ".join(text.split()).encode("latin-1", "replace")) for name, text in said if text]
