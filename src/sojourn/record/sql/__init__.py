"""The SQL of the record: files with names, and the one predicate that is spliced into them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sojourn.record.sql import past

HERE = Path(__file__).parent
_PART = re.compile(r"^-- (\w+) --\n((?:(?!^-- \w+ --$).*\n?)*)", re.M)
_SPLICE = re.compile(r"/\*(standing|limited|beside|row|bare|part|behind|clean|each|body)(_past)?:(\w+)(?::([^*]+))?\*/")
_BITS = "stands.bits"
SENTENCES = ("relation", "bases", "purpose", "deny", "bearing")
"""Named parts of visible.sql that all have to hold for a row to be seen, the cheapest first."""


@lru_cache(maxsize=1)
def parts() -> dict[str, str]:
    """The named parts of visible.sql, comment lines removed."""
    text = (HERE / "visible.sql").read_text()
    return {
        name: "\n".join(line for line in body.splitlines() if line.strip() and not line.startswith("--"))
        for name, body in _PART.findall(text)
    }


def part(alias: str, own: str) -> str:
    """May something on the row `alias` that carries the bases `own` be seen (an element, a token, a reference); arguments still as :name."""
    return parts()["part"].replace("{own}", f"({own})").replace("{r}", alias)


def standing(alias: str) -> str:
    """How the caller stands with the patient of the row `alias`: a query of one row with one number, `bits`."""
    return parts()["standing"].replace("{r}", alias)


def limited(alias: str) -> str:
    """What consents permit of the patient of the row `alias` within the programs that disclose: a query of one row, `programs` and `bits`."""
    return parts()["limited"].replace("{r}", alias)


def beside(alias: str) -> str:
    """The number of `standing` for the row `alias`, where `standing`, `limited` and `limits` say what was asked of its patient without a row."""
    return parts()["beside"].replace("{standing}", standing(alias)).replace("{r}", alias)


def row(alias: str, stands: str = "") -> str:
    """May the row `alias` be seen: relation, bases, deny, and what bears it; the cheapest first.

    stands: where the number of `standing` is found; without it the answer looks for it itself.
    """
    return _sentences(alias, SENTENCES, stands)


def bare(alias: str, stands: str = "") -> str:
    """The same without what bears it."""
    return _sentences(alias, SENTENCES[:-1], stands)


def closed(stands: str) -> str:
    """The bases that are closed to the caller of a patient, where the number of `standing` is in `stands`."""
    return parts()["closed"].replace("{stands}", stands)


def possible(alias: str, closed: str) -> str:
    """Whether the row `alias` may be one that `row` lets through, as far as `closed` of its patient tells."""
    return parts()["possible"].replace("{own}", f"{alias}.own").replace("{closed}", closed).replace("{r}", alias)


def _sentences(alias: str, names: Iterable[str], stands: str) -> str:
    told = " AND ".join("\n " + _sentence(alias, name, stands or _BITS) for name in names)
    # What is not null PostgreSQL holds for nearly always true; a row of comparisons with 0, for next to impossible, and it would plan a first
    # page as if everything had to be gone through for it.
    return f"(CASE WHEN {told} THEN true END IS NOT NULL)" if stands else f"EXISTS (SELECT FROM ({standing(alias)}) stands WHERE {told})"


def _sentence(alias: str, name: str, stands: str) -> str:
    text = parts()[name].replace("{behind}", parts()["behind"]).replace("{covered}", parts()["covered"])
    return text.replace("{own}", f"{alias}.own").replace("{stands}", stands).replace("{r}", alias)


def each(alias: str) -> str:
    """What each sentence of `row` says about the row `alias`, as one object by their names."""
    told = ",\n".join(f"'{name}', {_sentence(alias, name, _BITS)}" for name in SENTENCES)
    return f"(SELECT jsonb_build_object({told}) FROM ({standing(alias)}) stands)"


def behind(alias: str, stands: str = "") -> str:
    """May everything be seen that the row `alias` refers to; what it says at once, without asking each target."""
    return _alone(alias, "behind", stands)


def clean(alias: str, stands: str = "") -> str:
    """May the bytes of the row `alias` be served untouched."""
    return _alone(alias, "clean", stands)


def _alone(alias: str, name: str, stands: str) -> str:
    """A sentence by itself; where nobody looked for the standing yet, it does."""
    told = _sentence(alias, name, stands or _BITS)
    return told if stands else f"EXISTS (SELECT FROM ({standing(alias)}) stands WHERE {told})"


def body(alias: str) -> str:
    """The bytes of the row `alias`: what stands in it or, of a note kept apart, what stands sealed in the table of these."""
    return (
        f"CASE WHEN {alias}.body = '' THEN (SELECT kept.sealed FROM record.kept_apart kept WHERE kept.tenant = {alias}.tenant AND kept.seq = {alias}.seq)"
        f" ELSE {alias}.body END"
    )


def render(text: str) -> str:
    """A function file with the credential's check and the predicate spliced in; :name becomes p_name.

    /*alive*/, /*row:r*/, /*bare:r*/, /*each:r*/, /*clean:r*/, /*behind:r*/, /*part:r:t.mask*/; with _past (/*row_past:r*/) as it stood at p_known.
    /*body:r*/: the bytes to serve.
    /*standing:r*/, and where it is known already /*row:r:stands.bits*/, so also bare, clean and behind; /*limited:p*/ and /*beside:r*/ for the rows of one patient.
    /*decision*/: the parameters of the decision; /*past*/: the functions that the past asks.
    """

    def splice(match: re.Match[str]) -> str:
        kind, past_, alias, more = match.groups()
        made = {"row": row, "bare": bare, "behind": behind, "clean": clean}
        sql = part(alias, more) if kind == "part" else made[kind](alias, more or "") if kind in made else {"each": each, "standing": standing, "limited": limited, "beside": beside, "body": body}[kind](alias)
        return re.sub(r"(?<!:):([a-z]+)", r"p_\1", past.then(sql) if past_ else sql)

    text = text.replace("/*alive*/", parts()["alive"])
    if "/*decision*/" in text:
        text = text.replace("/*decision*/", past.decision()).replace("/*past*/", past.functions())
    return _SPLICE.sub(splice, text)
