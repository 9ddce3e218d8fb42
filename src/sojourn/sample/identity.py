"""Stable ids for the sample: opaque, derived from a seed and a label, the same on every run."""

from __future__ import annotations

import base64
import hashlib
from random import Random


class Ids:
    """Turns a label into an id. Two organizations with different seeds share no id."""

    def __init__(self, seed: int) -> None:
        self._key = f"sample{seed}".encode()

    def __call__(self, label: str) -> str:
        """Return 22 characters (110 bits) of lower-case base 32, valid as a FHIR id."""
        digest = hashlib.blake2b(label.encode(), digest_size=14, key=self._key).digest()
        return base64.b32encode(digest)[:22].decode().lower()


def stream(seed: int, label: str) -> Random:
    """Return a random stream of its own for one label, so that stories do not disturb each other."""
    return Random(f"{seed}|{label}")  # noqa: S311 - made-up people need no secrecy


def made_up_npi(number: int) -> str:
    """Return a 10-digit NPI with a right check digit that can belong to nobody.

    Real NPIs start with 1 or 2; these start with 9. The check digit is Luhn over 80840 + NPI
    (https://www.cms.gov/Regulations-and-Guidance/Administrative-Simplification/NationalProvIdentStand).
    """
    body = f"9{number:08d}"
    digits = [int(c) for c in "80840" + body]
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return f"{body}{-total % 10}"
