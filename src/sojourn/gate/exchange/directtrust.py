"""Whom we believe by Direct: trust anchors, certificates and revocation lists, by partner."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sojourn.base import clock, errors, ids
from sojourn.gate.exchange import directlists, partners
from sojourn.gate.security import told
from sojourn.record import direct as record
from sojourn.wire import trust
from sojourn.wire.trust import Trust, Untrusted

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

ANCHOR, ADDRESS, LIST = "anchor", "address", "list"
KINDS: Final = {ANCHOR: "Trust anchor", ADDRESS: "Certificate of an address or a domain", LIST: "Revocation list of an authority"}
_PEM: Final = re.compile(r"-----BEGIN (CERTIFICATE|X509 CRL)-----.+?-----END \1-----", re.DOTALL)
_LONGEST: Final = 200_000


class Certificate(NamedTuple):
    """A certificate or a list. partner: '' for every partner; revoked: None while it counts."""

    certificate: str
    partner: str
    kind: str
    fingerprint: str
    body: str
    name: str
    until: datetime
    added: datetime
    author: str
    revoked: datetime | None
    revoker: str
    reason: str


def read(text: str) -> list[x509.Certificate]:
    """The certificates that somebody pasted. Raises Malformed."""
    found = [m[0] for m in _PEM.finditer(text[:_LONGEST]) if m[1] == "CERTIFICATE"]
    try:
        certificates = [x509.load_pem_x509_certificate(one.encode()) for one in found[:20]]
    except ValueError:
        certificates = []
    if not certificates:
        raise errors.Malformed("A certificate is written as PEM: -----BEGIN CERTIFICATE-----.")
    return certificates


async def certificates(access: Access, partner: str) -> list[Certificate]:
    """Certificates and lists of a partner and of every partner, those that were taken back last. Raises Forbidden."""
    await access.check("administer", "Exchange")
    return await _certificates(access.house, access.tenant, partner)


async def _certificates(house: House, tenant: Tenant, partner: str) -> list[Certificate]:
    return [Certificate(*(row[name] for name in Certificate._fields)) for row in await record.certificates(house.db, tenant.number, partner)]


async def add(access: Access, partner: str, kind: str, text: str, *, all_: bool = False) -> None:
    """Enter a certificate or a list. all_: it counts for every partner. Raises Malformed, Conflict, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    await partners.one(access, partner)
    if kind not in KINDS:
        raise errors.Malformed("Choose what it is.")
    body, fingerprint, name, until = _list(text) if kind == LIST else _one(text)
    if kind == ADDRESS and all_:
        raise errors.Malformed("The certificate of an address is one partner's.")
    id_ = ids.new_id("certificate")
    done = await told(
        access, "direct-certificate-add", f"partner={partner}&certificate={id_}&kind={kind}", "gate.direct_add_certificate($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        access.tenant.number, id_, "" if all_ else partner, kind, fingerprint, body, name[:200], until, access.caller.account, clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Conflict("It is there already.")


def _one(text: str) -> tuple[str, str, str, datetime]:
    found = read(text)
    if len(found) != 1:
        raise errors.Malformed("Enter one certificate at a time.")
    return trust.pem(found[0]), trust.fingerprint(found[0]), found[0].subject.rfc4514_string(), found[0].not_valid_after_utc


def _list(text: str) -> tuple[str, str, str, datetime]:
    try:
        found = x509.load_pem_x509_crl(text.strip()[:_LONGEST].encode())
    except ValueError:
        raise errors.Malformed("A revocation list is written as PEM: -----BEGIN X509 CRL-----.") from None
    until = found.next_update_utc
    if until is None:
        raise errors.Malformed("This list does not say until when it is good.")
    return found.public_bytes(Encoding.PEM).decode(), found.fingerprint(hashes.SHA256()).hex(), found.issuer.rfc4514_string(), until


async def revoke(access: Access, partner: str, certificate: str, reason: str) -> None:
    """Take a certificate or list back, at once. Raises NotFound, Malformed, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    if not reason.strip():
        raise errors.Malformed("Write why.")
    done = await told(
        access, "direct-certificate-revoke", f"partner={partner}&certificate={certificate}", "gate.direct_revoke_certificate($1, $2, $3, $4, $5, $6)",
        access.tenant.number, partner, certificate, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.NotFound("There is no such certificate, or it was taken back already.")


class Known(NamedTuple):
    """What is believed of one partner. theirs: certificates that somebody entered for their addresses."""

    trust: Trust
    theirs: tuple[x509.Certificate, ...]

    def recipient(self, address: str, at: datetime) -> x509.Certificate:
        """The certificate to which something for an address is encrypted. Raises Untrusted."""
        mine = [c for c in self.theirs if trust.bound(c, address)]
        problem = Untrusted("No certificate is entered for this address. Ask the partner for it, and enter it on their page.")
        for certificate in sorted(mine, key=lambda c: c.not_valid_after_utc, reverse=True):
            try:
                self.trust.check(certificate, self.theirs, address, at, signs=False)
            except Untrusted as error:
                problem = error
            else:
                return certificate
        raise problem

    def answering(self, signer: x509.Certificate, address: str, at: datetime) -> x509.Certificate:
        """The same for an answer: the certificate with which somebody signed will do where none is entered. Raises Untrusted."""
        try:
            return self.recipient(address, at)
        except Untrusted as error:
            try:
                self.trust.check(signer, self.theirs, address, at, signs=False)
            except Untrusted:
                raise error from None
            return signer


class Standing(NamedTuple):
    """Whether a certificate of an address was taken back by its authority: a state of wire/trust.py, and how that is known."""

    state: str
    said: str


async def standings(access: Access, partner: str) -> dict[str, Standing]:
    """Of each certificate in force that documents go to, by its id. Nothing is fetched. Raises Forbidden."""
    rows = await certificates(access, partner)
    believed, there = await known(access.house, access.tenant, partner), {one.url: one for one in await directlists.fetched(access.house, access.tenant)}
    out = {}
    for row in (r for r in rows if r.kind == ADDRESS and r.revoked is None):
        certificate = x509.load_pem_x509_certificate(row.body.encode())
        address = next(iter(trust.mails(certificate)), "") or next((f"x@{d}" for d in trust.domains(certificate)), "")
        state = believed.trust.standing(certificate, believed.theirs, address, clock.now(), signs=False)
        named = [there[url] for url in trust.points(certificate) if url in there]
        said = next((f"List of its authority fetched {one.good:%Y-%m-%d}, good until {one.until:%Y-%m-%d}." for one in named if one.good is not None and one.until > clock.now()), "")
        why = next((one.problem for one in named if one.problem), "It is fetched when something is sent or comes." if trust.points(certificate) else "The certificate names no address of a list.")
        out[row.certificate] = Standing(state, said or (why if state == trust.UNKNOWN else ""))
    return out


async def known(house: House, tenant: Tenant, partner: str, *, sure: bool = False) -> Known:
    """What is believed of a partner now. sure: only that of which a list says that it was not revoked. What was taken back is not believed, also where it comes along with a message."""
    rows = await _certificates(house, tenant, partner)
    good = [r for r in rows if r.revoked is None]

    def of(kind: str) -> list[x509.Certificate]:
        return [x509.load_pem_x509_certificate(r.body.encode()) for r in good if r.kind == kind]

    lists = [x509.load_pem_x509_crl(r.body.encode()) for r in good if r.kind == LIST]
    lists += [one.found for one in await directlists.fetched(house, tenant) if one.found is not None and one.until > clock.now()]
    current = {r.fingerprint for r in good}
    back = {r.fingerprint for r in rows if r.revoked is not None and r.kind != LIST} - current
    return Known(Trust(of(ANCHOR), back, lists, sure), tuple(of(ADDRESS)))
