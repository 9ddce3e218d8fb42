"""Certificates for the tests of Direct: an authority, one beneath it, and who they issue to. Keys are made once for each process."""

from __future__ import annotations

import functools
import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sojourn.wire.cms import Holder

FROM = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2050, 1, 1, tzinfo=UTC)


@functools.cache
def key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def issued(
    name: str, by: Holder | None = None, *, ca: bool = False, mail: str = "", domain: str = "", since: datetime = FROM, until: datetime = UNTIL, signs: bool = True, encrypts: bool = True, digest: hashes.HashAlgorithm | None = None,
    path: int | None = None, server: str = "", lists: str = "",
) -> Holder:  # fmt: skip
    """A certificate and its key; without an issuer it is its own. server: the IP address of a server that it is for; lists: where its issuer keeps its revocation list."""
    own = key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by.certificate.subject if by else subject).public_key(own.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.KeyUsage(digital_signature=signs and not ca, content_commitment=False, key_encipherment=encrypts and not ca, data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False), critical=True)
    )  # fmt: skip
    names: list[x509.GeneralName] = [*([x509.RFC822Name(mail)] if mail else []), *([x509.DNSName(domain)] if domain else [])]
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    if by is not None:
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
    if lists:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(lists)], None, None, None)
        made = made.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    if server:
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(server))]), critical=False)
    return Holder(made.sign((by.key if by else own), digest or hashes.SHA256()), own)


def revocations(by: Holder, *serials: int, until: datetime = UNTIL) -> x509.CertificateRevocationList:
    """A revocation list of an authority."""
    made = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject).last_update(until - timedelta(days=7)).next_update(until)
    for serial in serials:
        made = made.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(FROM).build())
    return made.sign(by.key, hashes.SHA256())


@functools.cache
def root(name: str = "Root") -> Holder:
    """An authority."""
    return issued(name, ca=True)


@functools.cache
def address(mail: str, by: str = "Root") -> Holder:
    """A certificate bound to an address."""
    return issued(mail, root(by), mail=mail)


@functools.cache
def domain(name: str, by: str = "Root") -> Holder:
    """A certificate bound to a domain."""
    return issued(name, root(by), domain=name)
