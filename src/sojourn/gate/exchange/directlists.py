"""Revocation lists of Direct: fetched from where certificates say, kept for their time (RFC 5280).

Asked for are only addresses of certificates that lead to a trust anchor of the partner: whoever merely writes to us makes this server ask nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from sojourn.base import clock
from sojourn.record import direct as record
from sojourn.wire import trust

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

Fetch = Callable[[str], Awaitable[bytes | None]]
"""Asks an address for its bytes; None where it gives none."""
_PAUSE: Final = timedelta(minutes=30)
"""After one that could not be had, for so long it is not asked for again."""
_AGAIN: Final = timedelta(hours=12)
"""How old a list gets before it is asked for anew, though its time is not over."""
_NOT_THERE: Final = "It could not be fetched. Ask the partner whether their authority's address works, or enter the list."
_NOT_THEIRS: Final = "What is there is no list of that authority that is good now."


class Fetched(NamedTuple):
    """A list as it was fetched. found, good: None where none was good yet, and then `until` says nothing; problem: of the last try, ''."""

    url: str
    found: x509.CertificateRevocationList | None
    until: datetime
    asked: datetime
    good: datetime | None
    problem: str


async def fetched(house: House, tenant: Tenant) -> list[Fetched]:
    """Those that are here."""
    rows = await record.lists(house.db, tenant.number)
    return [Fetched(r["url"], x509.load_der_x509_crl(bytes(r["body"])) if r["body"] else None, r["until"], r["asked"], r["good"], r["problem"]) for r in rows]


async def refresh(house: House, tenant: Tenant, chain: Sequence[x509.Certificate], fetch: Fetch) -> bool:
    """Fetch what the certificates of a chain name and is not here, or old; whether anything was asked for. chain: from the certificate to an anchor."""
    wanted = [(url, issuer) for certificate, issuer in pairwise(chain) for url in trust.points(certificate)]
    if not wanted:
        return False
    there, now, asked = {one.url: one for one in await fetched(house, tenant)}, clock.now(), False
    for url, issuer in wanted:
        one = there.get(url)
        if one is not None and (now - one.asked < _PAUSE or one.good is not None and one.until > now and now - one.good < _AGAIN):
            continue
        asked = True
        body = await fetch(url)
        found = _read(body) if body else None
        good = found is not None and trust.speaks(found, issuer, now)
        until = found.next_update_utc if good and found is not None else None
        problem = "" if until is not None else _NOT_THERE if not body else _NOT_THEIRS
        await record.put_list(house.db, tenant.number, url, found.public_bytes(Encoding.DER) if found is not None and not problem else b"", until or now, problem, now)
    return asked


def _read(body: bytes) -> x509.CertificateRevocationList | None:
    try:
        return x509.load_pem_x509_crl(body) if body.lstrip().startswith(b"-----") else x509.load_der_x509_crl(body)
    except (ValueError, UnsupportedAlgorithm):
        return None
