"""GET /exchange: what waits, and partners. GET /exchange/messages: envelopes, never what is in them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sojourn.base.digits import digits
from sojourn.care.exchange.kinds import MESSAGING
from sojourn.care.handoff import referral
from sojourn.doors.staff.exchange.agreed import ending, silence
from sojourn.doors.staff.exchange.bench import tag_of
from sojourn.doors.staff.exchange.owing import line
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import contracts, documented, errands, messages, partners, posting, troubles, trying, watching
from sojourn.gate.exchange.keeping import ASIDE, FAILED, HELD, MAPPED, OUT, RECEIVED, REVIEW
from sojourn.gate.exchange.ways import DOORS, FAX
from sojourn.gate.papers import MHD

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.exchange.messages import Envelope
    from sojourn.gate.exchange.troubles import Trouble
    from sojourn.gate.exchange.trying import Clearance

TONES: Final = {RECEIVED: "plain", REVIEW: "amber", HELD: "amber", FAILED: "red", MAPPED: "good", ASIDE: "plain"}
_KINDS: Final = {(MHD, "document"): "Document (MHD)"}


async def show(request: Request) -> Response:
    """What waits for somebody, and the partners."""
    access = request.state.access
    (found, waiting, heard, open_, runs), (keepers, clear) = await asyncio.gather(
        asyncio.gather(partners.every(access), messages.waiting(access), messages.heard(access), messages.listed(access, states=(REVIEW, FAILED, HELD)), errands.listed(access)),
        asyncio.gather(watching.keepers(access), trying.clearances(access)),
    )
    owed, wrong = await asyncio.gather(contracts.overdue(access, 1, found), troubles.open_(access, found))
    names = {p.id: p.name for p in found}
    counts = []
    for state in (RECEIVED, REVIEW, FAILED, HELD):
        some = [w for w in waiting if w.state == state]
        oldest = min((w.oldest for w in some), default=None)
        late = state == RECEIVED and oldest is not None and access.now - oldest > watching.LATE
        counts.append({
            "state": state, "name": messages.STATES[state], "n": sum(w.n for w in some), "oldest": age(oldest, access.now) if oldest is not None else "", "late": late,
            "tone": "red" if late else TONES[state],
        })  # fmt: skip
    rows = [
        {
            "id": p.id, "name": p.name, "api": p.door == partners.API, "how": _how(p), "state": tag_of(clear.get(p.id), p), "held": trying.WHY[c.why] if p.active and (c := clear.get(p.id)) is not None and c.why else "", "papers": _papers(p, clear.get(p.id)), "day": heard.get(p.id, (0, None))[0],
            "heard": age(last, access.now) if (last := heard.get(p.id, (0, None))[1]) is not None else "never", "silent": silence(p, last, access.now), "agreement": ending(p, access.now),
            "answers": keepers.get(str(p.agreed.get("answers", "")), "nobody now") if p.agreed.get("answers") else "", "data": str(p.agreed.get("data", "")),
            "waits": sum(w.n for w in waiting if w.partner == p.id and w.state != RECEIVED) + sum(t.partner == p.id for t in wrong),
        }
        for p in found
    ]  # fmt: skip
    return PAGES.render(
        request, "exchange/desk.html", troubles=[(r.errand.partner, names.get(r.errand.partner, ""), r.problem) for r in runs if r.errand.active and r.problem], counts=counts, partners=rows, rows=[row(e, names, access.now) for e in open_[:10]], more=len(open_) > 10, overdue=[line(o, access.now) for o in owed], broken=[_broken(t, names, access) for t in wrong], sees=all(access.may(t, a) for t, a in (("Patient", "search"), *referral.NEEDS)), administers=access.may("Exchange", "administer"), oversees=access.may("Exchange", "withheld"),  # noqa: PLR2004
    )  # fmt: skip


def _broken(trouble: Trouble, names: dict[str, str], access: Access) -> dict[str, str]:
    """What does not work, as the list shows it; who looks after partners comes to where it is put right."""
    if trouble.way == troubles.MAILBOX:
        what, address = "Our Direct mailbox", "/exchange/direct"
    elif trouble.way == troubles.REFUSED:
        return {"what": "Mail to our Direct mailbox", "why": trouble.said, "address": "/exchange/direct" if access.may("Exchange", "administer") else "", "last": "", "tag": "Not taken"}
    elif trouble.way == troubles.TOLD:
        return {"what": "Subscriptions", "why": trouble.said, "address": "/exchange/subscriptions", "last": "", "tag": "Does not work"}
    elif not trouble.partner:
        what, address = "The fax gateway" if trouble.way == FAX else DOORS[trouble.way].title, ""
    else:
        what, address = f"{DOORS[trouble.way].title} to {names[trouble.partner]}", f"/exchange/partners/{trouble.partner}/ways"
    last = age(trouble.good, access.now) if trouble.good is not None else ""
    return {
        "what": what, "why": trouble.said, "address": address if access.may("Exchange", "administer") else "",
        "tag": "Does not work", "last": "has not worked yet" if not last else "worked just now" if last == "just now" else f"last worked {last} ago",
    }  # fmt: skip


def _papers(partner: partners.Partner, standing: Clearance | None) -> str:
    """What of a partner's documents waits, and why; ''."""
    if not partner.active or standing is None:
        return ""
    goes, asks = standing.goes if partner.reached.get("ways") else "", standing.asks if partner.fhir.get("on") else ""
    said = [f"{documented.WHY[goes]} Documents to them wait, by whatever way."] if goes else []
    return " ".join([*said, *([f"{documented.WHY[asks] + ' ' if asks != goes else ''}They are not asked about clients."] if asks else [])])


def _how(partner: partners.Partner) -> str:
    return "CDS Hooks" if partner.door == "cds" else ("FHIR API, FHIR messages" if partner.types else "FHIR API") if partner.door == partners.API else "SFTP" if partner.door == "sftp" else "documents only" if partner.door == "none" else "TLS, certificate" if partner.certificate else "from here only" if not partner.plain else "unencrypted, by decision"


def row(envelope: Envelope, names: dict[str, str], now: datetime) -> dict[str, Any]:
    """An envelope as a list shows it."""
    state = "Waits behind another" if envelope.behind else (messages.STATES_OUT if envelope.direction == OUT else messages.STATES)[envelope.state]
    kind = envelope.kind.replace("^", " ") + (" by FHIR" if envelope.door == MESSAGING else "")
    return {
        "id": envelope.id, "kind": _KINDS.get((envelope.door, envelope.kind)) or kind or "no type", "partner": names.get(envelope.partner, "—"), "state": (state, TONES[envelope.state]), "age": age(envelope.received, now),
        "way": DOORS[envelope.version].title.lower() if envelope.door == posting.DOOR and envelope.version in DOORS else "", "reason": envelope.reason, "out": envelope.direction == OUT, "control": envelope.control, "received": day_and_time(envelope.received),
    }  # fmt: skip


async def listed(request: Request) -> Response:
    """Envelopes, the last to come first; of a state, a partner."""
    access, asked = request.state.access, request.query_params
    state = asked.get("state", "") if asked.get("state", "") in messages.STATES else ""
    before = int(asked["before"]) if digits(asked.get("before", "")) and len(asked["before"]) < 19 else 0  # noqa: PLR2004 - as many as a bigint has
    found = await partners.every(access)
    partner = asked.get("partner", "") if asked.get("partner", "") in {p.id for p in found} else ""
    some = await messages.listed(access, states=(state,) if state else (), partner=partner, before=before)
    shown = some[: messages.PAGE]
    following = "?" + urlencode({"state": state, "partner": partner, "before": shown[-1].seq}) if len(some) > messages.PAGE else ""
    return PAGES.render(
        request, "exchange/messages.html", rows=[row(e, {p.id: p.name for p in found}, access.now) for e in shown], states=messages.STATES, state=state, partner=partner,
        partners=[(p.id, p.name) for p in found], following=following,
    )  # fmt: skip
