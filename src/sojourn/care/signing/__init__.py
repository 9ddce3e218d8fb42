"""Signing: what somebody saw and signed stays as it is, and anybody can check that it did."""

from sojourn.care.signing.meanings import MEANINGS
from sojourn.care.signing.people import IDENTITIES, METHODS, Signer
from sojourn.care.signing.preparing import Signed, prepare
from sojourn.care.signing.reading import Signature, already, signatures

__all__ = ["IDENTITIES", "MEANINGS", "METHODS", "Signature", "Signed", "Signer", "already", "prepare", "signatures"]
