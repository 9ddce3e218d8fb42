"""GET and POST /exchange/partners/{partner}/sftp: how a partner connects, its keys, its files."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Forbidden, Malformed, NotFound, NotSupported, TooManyRequests, Unavailable, VersionConflict
from sojourn.doors.staff.exchange import errand
from sojourn.doors.staff.exchange.desk import TONES
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate.exchange import errands, hostkeys, looking, messages, outbox, partners, pgp, sftp
from sojourn.gate.exchange.sftp import Account
from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.wire import sshkeys

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.exchange.looking import Listed

_MEGABYTE: Final = 1_000_000
VERDICTS: Final = {"": "received", "accepted": "accepted", "waits": "somebody looks at it", "refused": "refused"}
"""What the receipt of a file says."""


async def show(request: Request) -> Response:
    """How they connect."""
    return await _page(request)


async def put(request: Request) -> Response:
    """Open their boxes, or change them."""
    access, said = request.state.access, await sent(request)
    partner = await partners.one(access, request.path_params["partner"])
    before = await sftp.one(access, partner)
    try:
        account = replace(
            before or Account(partner.id, ""), login=said.get("login", "").strip(), most=_megabytes(said.get("most", "")), quota=_megabytes(said.get("quota", "")),
            brings=said.get("brings", ""), gets=said.get("gets", ""), pgp=said.get("pgp", ""), seals=said.get("seals") == "yes", signs=said.get("signs") == "yes",
            every=int(said["every"]) if digits(said.get("every", "")) and len(said["every"]) < 4 else 0, types=tuple(t for t in said.get("own_types", "").replace(" ", ",").split(",") if t), group=said.get("own_group", "").strip(), changed=said.get("changed") == "yes",  # noqa: PLR2004 - hours
        )  # fmt: skip
        await sftp.put(access, account, before)
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/exchange/partners/{partner.id}/sftp", "saved")


def _megabytes(text: str) -> int:
    if not digits(text.strip()) or len(text) > 9:  # noqa: PLR2004 - no file is so large
        raise Malformed("Sizes are whole numbers of megabytes.")
    return int(text) * _MEGABYTE


async def move(request: Request) -> Response:
    """Shut their boxes at once, or open them again."""
    access, said, id_ = request.state.access, await sent(request), request.path_params["partner"]
    try:
        await sftp.move(access, id_, said.get("state", ""), said.get("why", ""))
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, 422)
    return redirect(request, f"/exchange/partners/{id_}/sftp", "saved")


async def keys(request: Request) -> Response:
    """Register a key, or revoke one."""
    access, said, id_ = request.state.access, await sent(request), request.path_params["partner"]
    try:
        if said.get("do") == "revoke":
            await sftp.revoke_key(access, id_, said.get("key", ""), said.get("why", ""))
        else:
            key = sshkeys.public(said.get("public", ""))
            until = _end(access, said.get("until", ""))
            await sftp.add_key(access, id_, key.text, key.fingerprint, said.get("name", ""), good_to=until)
    except sshkeys.BadKey as error:
        return await _page(request, str(error), 422, said)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/exchange/partners/{id_}/sftp", "saved")


def _end(access: Access, day: str) -> datetime | None:
    """The last moment of a day."""
    if not day.strip():
        return None
    try:
        return datetime.combine(datetime.strptime(day.strip(), "%Y-%m-%d").date(), time.max, access.now.tzinfo)  # noqa: DTZ007 - only the day of it
    except ValueError:
        raise Malformed("A day is written as 2027-01-31.") from None


async def out(request: Request) -> Response:
    """Put an export out for them, or take one back."""
    access, said, id_ = request.state.access, await sent(request), request.path_params["partner"]
    gate = request.app.state.gate
    try:
        if said.get("do") == "withdraw":
            await outbox.withdraw(access, gate, id_, said.get("drop", ""))
        else:
            since = f"{day}T00:00:00Z" if (day := said.get("since", "").strip()) else ""
            await outbox.put(access, gate, id_, [t for t in said.get("types", "").replace(" ", ",").split(",") if t], since, said.get("group", "").strip())
    except (Malformed, NotSupported, Forbidden, TooManyRequests) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/exchange/partners/{id_}/sftp", "saved")


async def host_key(request: Request) -> Response:
    """Make the next key of this server, or use it from now on."""
    access, said = request.state.access, await sent(request)
    partner = await partners.one(access, said.get("partner", ""))
    try:
        await (hostkeys.follow(access) if said.get("do") == "follow" else hostkeys.prepare(access))
    except Conflict as error:
        request.path_params["partner"] = partner.id
        return await _page(request, error.message, 409)
    return redirect(request, f"/exchange/partners/{partner.id}/sftp", "saved")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    partner = await partners.one(access, request.path_params["partner"])
    account, found, services, listed, put_out, runs = await asyncio.gather(
        sftp.one(access, partner), sftp.keys(access, partner.id), sftp.services(access), _files(access, partner.id), outbox.listed(access, partner.id), errands.listed(access, partner.id)
    )
    shown: dict[str, Any] = {"public": "", "name": "", "until": "", "types": "", "since": "", "group": "", "pgp": "", "seals": "", "signs": "", "every": "0", "own_types": "", "own_group": "", "changed": "", **(said or {})}
    if "login" not in shown:
        shown = {
            **shown, "login": account.login if account else "", "most": str((account.most if account else sftp.MOST) // _MEGABYTE), "quota": str((account.quota if account else sftp.QUOTA) // _MEGABYTE),
            "brings": account.brings if account else "", "gets": account.gets if account else "", "every": str(account.every if account else 0), "own_types": ", ".join(account.types) if account else "", "own_group": account.group if account else "",
            "changed": "yes" if account and account.changed else "", "pgp": account.pgp if account else "", "seals": "yes" if account and account.seals else "",
            "signs": "yes" if account and account.signs else "",
        }  # fmt: skip
    pgp_key = await _pgp_key(access) if account is not None else ""
    used = max((k.used for k in found if k.used is not None), default=None)
    return PAGES.render(
        request, "exchange/boxes.html", status=status, partner=partner, account=account, pgp_key=pgp_key, said=shown, problem=problem, keys=[_key(k, access.now) for k in found], last=age(used, access.now) if used else "",
        ours=[(s.id, s.name) for s in services if s.whose == "inside"], theirs=[(s.id, s.name) for s in services if s.whose == "outside"], rhythms=[(str(k), v) for k, v in sftp.RHYTHMS.items() if k],
        host=await asyncio.to_thread(hostkeys.public, access.house), following=await asyncio.to_thread(hostkeys.public, access.house, hostkeys.NEXT), out=[_put(p, access.now) for p in put_out], errands=[errand.row(r, access.now) for r in runs], files=listed[:8], more=len(listed) > 8,  # noqa: PLR2004
    )  # fmt: skip


async def _pgp_key(access: Access) -> str:
    """The key of ours to which they encrypt; '' without GnuPG."""
    try:
        return (await pgp.ours(access.house)).public
    except Unavailable:
        return ""


def _key(key: sftp.Key, now: datetime) -> dict[str, Any]:
    good = key.revoked is None and key.good_from <= now and (key.good_to is None or now < key.good_to)
    state = "revoked" if key.revoked is not None else "in force" if good else "ended" if key.good_to is not None and key.good_to <= now else "not yet"
    until = f", until {day_text(key.good_to.date().isoformat())}" if key.good_to is not None else ""
    return {
        "key": key.key, "fingerprint": key.fingerprint, "kind": sshkeys.public(key.public).kind, "name": key.name or "without a name", "state": (state, "good" if good else "plain"), "good": good,
        "added": f"{day_and_time(key.added.isoformat())} by {key.author}{until}", "used": f"{age(key.used, now)} ago".replace("just now ago", "just now") if key.used else "never",
        "ended": f"Revoked {day_and_time(key.revoked.isoformat())} by {key.revoker}{': ' + key.reason if key.reason else ''}" if key.revoked else "",
    }  # fmt: skip


def _put(put: outbox.Put, now: datetime) -> dict[str, Any]:
    taken = sum(times for _, times in put.files)
    words = f"{len(put.files)} {'file' if len(put.files) == 1 else 'files'} taken, {age(put.last, now)} ago".replace("just now ago", "just now") if taken and put.last else "nothing taken yet"
    return {
        "drop": put.drop, "label": put.label, "state": (put.state, "good" if put.state == "out" else "plain"), "is_out": put.state == "out", "taken": words,
        "when": f"put out {day_and_time(put.created.isoformat())} by {put.author}, until {day_and_time(put.until.isoformat())}",
    }  # fmt: skip


async def files(request: Request) -> Response:
    """What a partner brought, with what became of it. Names are not shown: they may say whom a file is about."""
    access = request.state.access
    partner = next((p for p in await partners.every(access) if p.id == request.path_params["partner"]), None)
    if partner is None:
        raise NotFound("There is no such partner.")
    return PAGES.render(request, "exchange/files.html", partner=partner, files=await _files(access, partner.id), administers=access.may("Exchange", "administer"))


async def _files(access: Access, partner: str) -> list[dict[str, Any]]:
    return [_row(f, access.now) for f in await looking.files(access, partner)]


def _row(file: Listed, now: datetime) -> dict[str, Any]:
    if file.state != "kept":
        state, tone = ("being written", "plain") if file.state == "open" else ("whole, under an unfinished name", "plain")
    elif not file.fresh:
        state, tone = "came before", "plain"
    else:
        state, tone = messages.STATES[file.became], TONES[file.became]
    return {
        "id": file.message, "kind": file.kind or "not known yet", "age": age(file.updated, now), "size": _size(file.size), "state": (state, tone), "reason": file.reason,
        "receipt": ("duplicate" if not file.fresh else VERDICTS[file.verdict]) if file.state == "kept" else "", "told": file.told,
    }  # fmt: skip


def _size(n: int) -> str:
    return f"{n} bytes" if n < 1000 else f"{n / 1000:.0f} kB" if n < _MEGABYTE else f"{n / _MEGABYTE:.1f} MB"  # noqa: PLR2004 - as the units say
