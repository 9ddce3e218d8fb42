"""What leaves with a question to a partner's CDS service: decided for them, written down first.

It is a disclosure. What the partner would be shown if they asked themselves, for that purpose, now, and nothing that the one who has the chart open may not see
themselves: what comes back is shown to them. Whoever may not be known to the partner, or is known only by what the one who looks may not know of (gate/knowing.py), is
not asked about at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sojourn.base import errors, ids
from sojourn.base.db import Transaction
from sojourn.fhir import codec
from sojourn.gate import disclosing, knowing, meeting, releasing
from sojourn.gate.changes import Change, new_id
from sojourn.gate.disclosing import Outgoing
from sojourn.gate.feed import Turn
from sojourn.gate.releasing import Wish
from sojourn.wire import cdshooks

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.cds import Calling
    from sojourn.gate.exchange.partners import Partner
    from sojourn.wire.cdshooks import Described, Wanted

CHANNEL: Final = "cds-hooks"
_MOST: Final = 100
"""Resources for one template."""
_OUTSIDE: Final = "outside"


class Question(NamedTuple):
    """What leaves. asking: the partner's Access; body: the call."""

    asking: Access
    out: Outgoing
    body: bytes
    recipient: str


async def question(access: Access, partner: Partner, calling: Calling, service: Described, patient: str, draft: Mapping[str, Any] | None = None) -> Question | None:
    """The call of a service about a patient, or None where nothing may leave. draft: an order that is not written yet. Nothing has left, and nothing is written."""
    if not access.caller.agent:
        return None
    try:
        asking = await releasing.as_recipient(access, Wish(patient, partner.organization, calling.purpose))
        by = await knowing.by(access, asking, patient)
        if not by.relates:
            return None
        async with knowing.only(asking, patient, by.all) as them:
            made = await _made(access, them, partner, service, patient, draft)
        return made._replace(asking=asking) if made is not None else None
    except (errors.NotFound, errors.Forbidden):
        return None


async def known(access: Access, partner: Partner, calling: Calling, patient: str) -> bool:
    """Whether the partner may still know of the patient."""
    try:
        asking = await releasing.as_recipient(access, Wish(patient, partner.organization, calling.purpose))
    except (errors.NotFound, errors.Forbidden):
        return False
    by = await knowing.by(access, asking, patient)
    async with knowing.only(asking, patient, by.all) as them:
        return bool(await _both(access, them, _person(patient))) and bool(by.relates)


def _person(patient: str) -> Wanted:
    return cdshooks.Wanted("Patient", (("_id", patient),))


async def _made(access: Access, asking: Access, partner: Partner, service: Described, patient: str, draft: Mapping[str, Any] | None = None) -> Question | None:
    templates = {k: w for k, template in service.prefetch.items() if (w := cdshooks.wanted(template, patient)) is not None}
    person, *found = await asyncio.gather(_both(access, asking, _person(patient)), *(_both(access, asking, w) for w in templates.values()))
    if not person:
        return None
    sent: dict[str, Any] = {}
    for (key, want), some in zip(templates.items(), found, strict=True):
        if some is not None:
            sent[key] = some[0] if want.type == "Patient" and len(some) == 1 else _bundle(access, "searchset", some)
    drafts = {"draftOrders": _bundle(access, "collection", [await _drafted(access, asking, draft)])} if draft is not None else {}
    values = [*sent.values(), *drafts.values()]
    outs = await asyncio.gather(*(disclosing.prepare(asking, codec.dumps(v)) for v in [person[0], *values]))
    if not outs[0].shows:
        return None
    made = dict(zip([*sent, *drafts], (codec.loads(o.body) for o in outs[1:]), strict=True))
    orders = {k: made.pop(k) for k in drafts}
    call = {
        "hook": service.hook, "hookInstance": str(UUID(bytes=ids.random_bytes("hook", 16), version=4)), "fhirServer": access.house.base,
        "context": {"userId": access.caller.agent, "patientId": patient, **orders}, **({"prefetch": made} if made else {}),
    }  # fmt: skip
    out = Outgoing(
        b"", tuple(sorted({p for o in outs for p in o.patients})), tuple(dict.fromkeys(w for o in outs for w in o.what)), tuple(sorted({c for o in outs for c in o.consents})),
        next((o.notice for o in outs if o.notice), ""), next((o.scope for o in outs if o.scope), ""), found=True,
    )  # fmt: skip
    return Question(asking, out, codec.dumps(call), partner.organization)


async def _drafted(access: Access, asking: Access, draft: Mapping[str, Any]) -> dict[str, Any]:
    """An order as they would see it if it stood in the record, decided by its program and its content. It is written where `asking` reads, and taken back with it. Raises NotFound."""
    assert isinstance(asking.house.db, Transaction)  # noqa: S101 - of knowing.only
    type_, id_ = str(draft["resourceType"]), new_id()
    await Turn(access.tenant.number, asking.house.db).inside(access).write([Change("create", type_, id_, {**draft, "id": id_})], action="draft")
    return (await asking.read(type_, id_)).resource


async def _both(access: Access, asking: Access, want: Wanted) -> list[dict[str, Any]] | None:
    """What both may see of what is asked for; None where that is not offered."""
    if want.type not in asking.rules.types(_OUTSIDE, "read", asking.house.types):
        return None
    try:
        mine, theirs = await asyncio.gather(access.search(want.type, want.params, count=_MOST), asking.search(want.type, want.params, count=_MOST))
    except (errors.Forbidden, errors.Invalid, errors.Malformed, errors.NotSupported):
        return None
    seen = {s.id: s.resource for s in mine.matches}
    return [meeting.common(s.resource, seen[s.id]) for s in theirs.matches if s.id in seen]


def _bundle(access: Access, kind: str, resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    base = access.house.base
    return {"resourceType": "Bundle", "type": kind, "entry": [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]}


async def leaves(ask: Question) -> None:
    """Write it down; from here on it may leave. Raises Unavailable: then it must not."""
    await disclosing.record(ask.asking, ask.out, ask.body, recipient=ask.recipient, channel=CHANNEL, media="application/json")
