"""Words typed into one box become search parameters: names, a birth date, a record number."""

from __future__ import annotations

import re

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_US = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_YEAR = re.compile(r"(19|20)\d{2}")


def search_params(words: str) -> list[tuple[str, str]]:
    """FHIR search parameters for Patient, all of which must hold.

    A date (`1988-03-04`, `3/4/1988` read as month and day, or a year) is the birth date; a word with another digit in it
    is a record number; all else begins a part of the name. A comma between family and given name means nothing.
    """
    return [param for word in words.replace(",", " ").split() if (param := _param(word))]


def _param(word: str) -> tuple[str, str] | None:
    if iso := _ISO.fullmatch(word):
        return "birthdate", f"{iso[1]}-{int(iso[2]):02}-{int(iso[3]):02}"
    if us := _US.fullmatch(word):
        return "birthdate", f"{us[3]}-{int(us[1]):02}-{int(us[2]):02}"
    if _YEAR.fullmatch(word):
        return "birthdate", word
    if any(character.isdigit() for character in word):
        return "identifier", escaped(word)
    return ("name", escaped(word)) if any(character.isalnum() for character in word) else None


def escaped(value: str) -> str:
    """A value with the characters escaped that FHIR search gives a meaning (https://hl7.org/fhir/R4/search.html#escaping)."""
    return re.sub(r"([\\$,|])", r"\\\1", value)
