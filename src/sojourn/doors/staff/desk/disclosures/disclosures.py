"""The disclosure log: who got what, under which consent, and the exact payload."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sojourn.base import clock
from sojourn.base.errors import Malformed
from sojourn.care.exchange import clinical
from sojourn.doors.staff.desk.consents.reading import line as consent_line
from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.names import moment, organization_names, patient_names
from sojourn.doors.staff.kinds import title
from sojourn.gate import disclosurelog
from sojourn.gate.scope import PURPOSES
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

CHANNELS = {"fhir": "asked for over the FHIR API", "release": "released by", "hl7v2": "sent by HL7 v2", "cds-hooks": "sent with a question (CDS Hooks) by", "query": "told when we asked them about somebody"}
COUNT = 50


async def waiting(access: Access) -> Waiting:
    """How many left today."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return Waiting(await disclosurelog.count(access, midnight), "left today")


PAGE = DeskPage("/desk/disclosures", "Disclosures", "Who outside got what, when, for which purpose and under which consent, to the byte.", waiting)


class Line(NamedTuple):
    """One disclosure."""

    id: str
    recipient: str
    people: str
    when: str
    how: str
    purpose: str
    what: str
    notice: bool
    made: str


async def show(request: Request) -> Response:
    """GET /desk/disclosures: the newest. POST: of one patient or recipient, or before a moment; these travel in the body."""
    form = await sent(request) if request.method == "POST" else {}
    patient, recipient = form.get("patient") or None, form.get("recipient") or None
    rows = await disclosurelog.entries(request.state.access, patient=patient, recipient=recipient, before=_moment(form.get("cursor", "")), limit=COUNT + 1)
    lines = await _lines(request.state.access, rows[:COUNT])
    more = lines[-1].made if len(rows) > COUNT else ""
    return render(request, PAGE, "desk/disclosures/list.html", block="more" if form.get("cursor") else "", lines=lines, next=more, filtered=bool(patient or recipient),
                  values={"patient": patient or "", "recipient": recipient or ""})  # fmt: skip


async def one(request: Request) -> Response:
    """GET /desk/disclosures/{disclosure}: everything about one, and what left."""
    access = request.state.access
    row = await disclosurelog.one(access, request.path_params["disclosure"])
    (line,) = await _lines(access, [row])
    text = ""
    if row["opens"]:
        _, content = await disclosurelog.payload(access, row["disclosure"])
        text = msgspec.json.format(content, indent=2).decode() if "json" in row["media"] else content.decode() if row["media"] == clinical.MEDIA else ""
    people, consents = await asyncio.gather(patient_names(access, row["patients"]), _consents(access, row["consents"]))
    return render(request, PAGE, "desk/disclosures/one.html", row=row, line=line, text=text, people=people, consents=consents, notice=notice_text(row["notice"]))


async def _consents(access: Access, named: list[str]) -> list[tuple[str, str]]:
    """The consents under which it went: where each is read, and what it is; those that the caller may not see are only counted."""
    ids = [n.removeprefix("Consent/").partition("/")[0] for n in named]
    found = (await access.search("Consent", [("_id", ",".join(sorted(set(ids))))], count=50)).matches if ids and access.may("Consent", "search") else []
    by = {s.id: consent_line(access, s, {}) for s in found}
    of = {s.id: str((s.resource.get("patient") or {}).get("reference", "")).removeprefix("Patient/") for s in found}
    seen = [(f"/patients/{of[i]}/consents/{i}", f"{by[i].title}, signed {by[i].signed}" if by[i].signed else by[i].title) for i in dict.fromkeys(ids) if i in by]
    hidden = len({i for i in ids if i not in by})
    return [*seen, *([("", f"{hidden} that you may not see")] if hidden else [])]


def notice_text(carried: str) -> str:
    """`Statement 1, as of 2024`."""
    id_, _, version = carried.partition(" ")
    return f"{id_.replace('_', ' ').capitalize()}, as of {version}" if id_ else ""


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Malformed("This list has gone stale. Open it again.") from None


async def _lines(access: Access, rows: list[Any]) -> list[Line]:
    people = await patient_names(access, [p for row in rows for p in row["patients"]])
    recipients = await organization_names(access, [row["recipient"] for row in rows])
    return [_line(row, people, recipients) for row in rows]


def _line(row: Any, people: dict[str, str], recipients: dict[str, str]) -> Line:
    seen = [people[p] for p in row["patients"] if p in people]
    rest = len(row["patients"]) - len(seen)
    said = [*seen[:2], *([f"{len(seen) - 2} more"] if len(seen) > 2 else []), *([f"{rest} whom you may not see"] if rest else [])]
    kinds: dict[str, int] = {}
    for name in row["what"]:
        kind = name.partition("/")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    how = CHANNELS.get(row["channel"], row["channel"]) + (f" {row['name']}" if row["channel"] in ("release", "cds-hooks") else "")
    return Line(
        row["disclosure"], recipients.get(row["recipient"], row["name"] if row["channel"] == "fhir" else row["recipient"]), ", ".join(said) or "nobody in particular", moment(row["made"]), how,
        PURPOSES.get(row["purpose"], row["purpose"]), ", ".join(f"{title(kind).lower()} ({n})" for kind, n in kinds.items()), bool(row["notice"]), row["made"].isoformat(),
    )  # fmt: skip
