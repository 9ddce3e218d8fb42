"""Whether a certificate is to be believed (RFC 5280), and for which address of Direct."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

T = TypeVar("T", bound=x509.ExtensionType)

_DEEP: Final = 6
_STEPS: Final = 60
"""Signatures of certificates that are looked at for one question: who sends many that issue each other keeps nobody busy."""
_BITS: Final = 2048
_KNOWN: Final = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE, ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.CERTIFICATE_POLICIES})
"""Critical extensions whose meaning is heeded here; with any other one a certificate is not believed."""
GOOD, REVOKED, UNKNOWN = "good", "revoked", "unknown"
_URL: Final = 500
_WEAK: Final = (hashes.MD5, hashes.SHA1)


class Untrusted(ValueError):
    """A certificate is not believed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What is believed. revoked: fingerprints of certificates that somebody took back; lists: revocation lists that were loaded. sure: where no list says
    whether a certificate was revoked, it is not believed."""

    anchors: Sequence[x509.Certificate] = ()
    revoked: Collection[str] = ()
    lists: Sequence[x509.CertificateRevocationList] = ()
    sure: bool = False

    def check(self, certificate: x509.Certificate, others: Iterable[x509.Certificate], address: str, at: datetime, *, signs: bool) -> list[x509.Certificate]:
        """The chain from a certificate to an anchor, both ends in it. signs: it signed for the address; else something is to be encrypted to it. Raises Untrusted."""
        if not bound(certificate, address):
            raise Untrusted("The certificate is for another address. Ask the partner for the one of this address or its domain.")
        try:
            _leaf(certificate, signs=signs)
            return self._chain(certificate, list(others)[:50], at, 0, [_STEPS])
        except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension) as error:
            raise error if isinstance(error, Untrusted) else Untrusted("The certificate cannot be read as certificates are. Ask the partner for another one.") from None

    def _chain(self, certificate: x509.Certificate, others: list[x509.Certificate], at: datetime, depth: int, left: list[int]) -> list[x509.Certificate]:
        self._good(certificate, at)
        if any(certificate == a for a in self.anchors):
            return [certificate]
        problem: Untrusted | None = None
        for issuer in [*self.anchors, *others] if depth < _DEEP else []:
            if issuer.subject != certificate.issuer or issuer == certificate:
                continue
            left[0] -= 1
            if left[0] < 0:
                raise Untrusted("So many certificates came along that it cannot be seen to whom this one leads. Ask the partner to send only those that are needed.")
            if not _issued(certificate, issuer):
                continue
            try:
                _authority(issuer, depth)
                self._listed(certificate, issuer, at)
                return [certificate, *self._chain(issuer, [o for o in others if o != issuer], at, depth + 1, left)]
            except Untrusted as error:
                problem = error
        raise problem or Untrusted("The certificate leads to no trust anchor of this partner. If their authority is to be trusted, add its certificate as an anchor.")

    def _good(self, certificate: x509.Certificate, at: datetime) -> None:
        """Of any certificate of the chain."""
        if fingerprint(certificate) in self.revoked:
            raise Untrusted("The certificate was revoked here. Ask the partner for a new one.")
        if at < certificate.not_valid_before_utc:
            raise Untrusted("The certificate is not valid yet. Look at the clocks, theirs and ours.")
        if at > certificate.not_valid_after_utc:
            raise Untrusted("The certificate has expired. Ask the partner for a new one.")
        if isinstance(certificate.signature_hash_algorithm, _WEAK):
            raise Untrusted("The certificate is signed with a digest that is too weak. Ask the partner for a new one.")
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _BITS:
            raise Untrusted("The key of the certificate is too short. Ask the partner for one of 2,048 bits or more.")
        if any(e.critical and e.oid not in _KNOWN for e in certificate.extensions):
            raise Untrusted("The certificate has a limit that is not understood here, and so it is not believed.")

    def _listed(self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> None:
        """Whether its issuer took it back, as far as a list of theirs is here."""
        mine = [one for one in self.lists if one.issuer == issuer.subject and one.is_signature_valid(issuer.public_key())]  # type: ignore[arg-type]
        if not mine and self.sure:
            raise Untrusted("Nothing here says whether the certificate was revoked: no list of its authority is entered, and none could be fetched. Enter the list, or ask the partner.")
        if not mine:
            return
        newest = max(mine, key=lambda one: one.last_update_utc)
        if newest.next_update_utc is not None and newest.next_update_utc < at:
            raise Untrusted("The revocation list of this authority is out of date. Load the newest one.")
        if newest.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            raise Untrusted("The certificate was revoked by its authority. Ask the partner for a new one.")


    def standing(self, certificate: x509.Certificate, others: Iterable[x509.Certificate], address: str, at: datetime, *, signs: bool) -> str:
        """What is known of its being taken back: GOOD, REVOKED, UNKNOWN; '' for one that is not believed for another reason."""
        try:
            chain = replace(self, lists=(), sure=False).check(certificate, others, address, at, signs=signs)
        except Untrusted:
            return ""
        states = set()
        for one, issuer in pairwise(chain):
            mine = [x for x in self.lists if speaks(x, issuer, at)]
            states.add(UNKNOWN if not mine else REVOKED if any(x.get_revoked_certificate_by_serial_number(one.serial_number) is not None for x in mine) else GOOD)
        return REVOKED if REVOKED in states else UNKNOWN if UNKNOWN in states or not states else GOOD


def speaks(found: x509.CertificateRevocationList, issuer: x509.Certificate, at: datetime) -> bool:
    """Whether a list is one of an authority, signed by it and good at a moment."""
    try:
        return found.issuer == issuer.subject and found.next_update_utc is not None and at <= found.next_update_utc and bool(found.is_signature_valid(issuer.public_key()))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False


def points(certificate: x509.Certificate) -> list[str]:
    """The addresses at which its authority says to keep its revocation list (RFC 5280, 4.2.1.13), two at most."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        found = [n.value for point in named for n in point.full_name or () if isinstance(n, x509.UniformResourceIdentifier)]
    except (x509.ExtensionNotFound, ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return []
    return [url for url in found if url.lower().startswith(("http://", "https://")) and len(url) < _URL][:2]


def bound(certificate: x509.Certificate, address: str) -> bool:
    """Whether a certificate is for an address or for its domain."""
    domain = address.rpartition("@")[2].lower()
    return address.lower() in mails(certificate) or (bool(domain) and domain in _names(certificate, x509.DNSName))


def mails(certificate: x509.Certificate) -> list[str]:
    """The addresses that a certificate names, in small letters."""
    return _names(certificate, x509.RFC822Name)


def domains(certificate: x509.Certificate) -> list[str]:
    """The domains that a certificate names."""
    return _names(certificate, x509.DNSName)


def _names(certificate: x509.Certificate, kind: type[x509.RFC822Name | x509.DNSName]) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return []
    return [str(n).lower() for n in names.get_values_for_type(kind)]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem(certificate: x509.Certificate) -> str:
    """As text."""
    return certificate.public_bytes(Encoding.PEM).decode()


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _leaf(certificate: x509.Certificate, *, signs: bool) -> None:
    said = certificate.extensions
    if (basic := _of(said, x509.BasicConstraints)) is not None and basic.ca:
        raise Untrusted("This is the certificate of an authority, not of an address.")
    usage = _of(said, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment if signs else usage.key_encipherment):
        raise Untrusted(f"The certificate is not meant {'to sign' if signs else 'to encrypt to'}. Ask the partner for one that is.")
    extended = _of(said, x509.ExtendedKeyUsage)
    if extended is not None and not {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extended):
        raise Untrusted("The certificate is not meant for mail. Ask the partner for one that is.")
    if not signs and not isinstance(certificate.public_key(), rsa.RSAPublicKey):
        raise Untrusted("Nothing can be encrypted to a certificate without an RSA key. Ask the partner for one that has it.")


def _authority(certificate: x509.Certificate, beneath: int) -> None:
    """beneath: authorities between it and the certificate that is asked about."""
    basic, usage = _of(certificate.extensions, x509.BasicConstraints), _of(certificate.extensions, x509.KeyUsage)
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign) or (basic.path_length is not None and basic.path_length < beneath):
        raise Untrusted("The certificate was issued by one that may not issue any.")


def _of(said: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return said.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
