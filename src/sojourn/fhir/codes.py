"""Which codes belong to which value set, as far as the compiled tables can tell.

A few value sets that no FHIR package lists (currencies, media types, UCUM units) are checked by
the rules of their standards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from sojourn.fhir.definitions import DEFINITIONS, on_register

_VALUE_SET: Final = "http://hl7.org/fhir/ValueSet/"

_FHIR: Final = "http://hl7.org/fhir/"
_DEPTH: Final = _FHIR.count("/")

_CURRENCIES: Final = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP"
    " BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN"
    " ETB EUR FJD FKP GBP GEL GGP GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD"
    " IRR ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL"
    " MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK"
    " PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SLE SOS SRD SSP STN SVC"
    " SYP SZL THB TJS TMT TND TOP TRY TTD TVD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND"
    " VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWL".split()
)
"""ISO 4217, with the codes that the standard has withdrawn since 2019."""

_BY_RULE: Final[dict[str, Callable[[str], bool]]] = {
    _VALUE_SET + "currencies": _CURRENCIES.__contains__,
    _VALUE_SET + "mimetypes": lambda code: re.fullmatch(r"[^\s/;]+/[^\s/;]+(\s*;.*)?|json|xml|ttl", code) is not None,
    _VALUE_SET + "ucum-units": lambda code: re.fullmatch(r"[\x21-\x7e]+", code) is not None,
}


def in_value_set(url: str, system: str | None, code: str | None) -> bool | None:
    """Whether (system, code) is in the value set; a None system stands for any.

    None when the tables cannot tell: the value set is unknown, or takes in codes of a system that
    they do not list, such as SNOMED CT. A code of None is in no value set.
    """
    if code is None:
        return False
    rule = code_rule(url)
    if rule is not None:
        return rule(code)
    members = members_of(url)
    if members is None:
        return None
    if system is None:
        if any(codes and code in codes for codes in members.values()):
            return True
        return None if None in members.values() else False
    if system not in members:
        return False
    codes = members[system]
    return None if codes is None else code in codes


@cache
def members_of(url: str) -> dict[str, frozenset[str] | None] | None:
    """System to its codes in the value set (None: not listed); None for an unknown value set."""
    known = DEFINITIONS.value_sets
    facts = known.get(url) or known.get(url.partition("|")[0])
    if facts is None:
        return None
    return {system: _codes(system, codes) for system, codes in facts.items()}


def _codes(system: str, codes: list[str] | bool | None) -> frozenset[str] | None:
    if codes is None:
        return None
    return _all_codes(system) if codes is True else frozenset(codes)  # type: ignore[arg-type]


@cache
def _all_codes(system: str) -> frozenset[str]:
    return frozenset(DEFINITIONS.code_systems.get(system, ()))


@cache
def plain_codes(url: str) -> frozenset[str] | None:
    """Codes of the value set whatever their system; None when they cannot all be listed."""
    members = members_of(url)
    if members is None or None in members.values() or code_rule(url):
        return None
    return frozenset().union(*(codes for codes in members.values() if codes))


def code_rule(url: str) -> Callable[[str], bool] | None:
    """The rule by which codes of a value set that nobody lists are checked."""
    return _BY_RULE.get(url.partition("|")[0])


@cache
def fixed_systems() -> dict[str, frozenset[str]]:
    """Code systems that FHIR itself defines and that only change with its version, with their codes."""
    own = (url for url in DEFINITIONS.code_systems if url.startswith(_FHIR) and url.count("/") == _DEPTH)
    return {url: _all_codes(url) for url in own}


def is_value_set(url: str) -> bool:
    """Whether a URL is that of a value set, and so cannot be that of a code system."""
    return url in DEFINITIONS.value_sets


def _forget() -> None:
    fixed_systems.cache_clear()
    members_of.cache_clear()
    _all_codes.cache_clear()
    plain_codes.cache_clear()


on_register(_forget)
