"""Benefits: what the payer's system said, what the telephone said, and what we rely on.

One QuestionnaireResponse for each case, changed in place, each version kept; its form is made here from `benefits.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.care.admissions import case as cases
from sojourn.care.resources import author, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

COLUMNS: Final = (("payer", "The payer's system said"), ("phone", "The telephone said"), ("rely", "We rely on"))
CALL: Final = (("representative", "Who spoke for the payer"), ("reference", "Reference number of the call"), ("called-at", "Day and time of the call"))
_IDENTIFIER: Final = "https://sojourn.example/fhir/NamingSystem/benefits"


class Row(NamedTuple):
    """One fact. level: the level of care that it is about, or ''."""

    code: str
    text: str
    level: str

    @property
    def name(self) -> str:
        """Of its fields, without the column."""
        return f"{self.code}.{self.level}" if self.level else self.code


class Sheet(NamedTuple):
    """What is written: values by `row.column` and by the names of CALL; version: '' before it is first saved."""

    id: str
    version: str
    values: dict[str, str]
    saved: str


@lru_cache(maxsize=1)
def _rows() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    data = tomllib.loads((Path(__file__).parent / "benefits.toml").read_text("utf-8"))
    return [(r["code"], r["text"]) for r in data["row"]], [(r["code"], r["text"]) for r in data["for-each"]]


def rows(level: str) -> list[Row]:
    """The facts of a worksheet for a level of care."""
    always, each = _rows()
    return [*(Row(code, text, "") for code, text in always), *(Row(code, text, level) for code, text in each if level)]


def canonical(access: Access) -> str:
    """The address of its form."""
    return f"{access.house.base}/Questionnaire/benefits|1"


async def of_case(access: Access, case: cases.Case) -> Sheet:
    """The worksheet of a case; an empty one before it is saved."""
    found = await access.search("QuestionnaireResponse", [("patient", case.patient), ("identifier", f"{_IDENTIFIER}|{case.id}")], count=1)
    for stored in found.matches:
        values = {str(item["linkId"]): str(a["valueString"]) for item in stored.resource.get("item", ()) for a in item.get("answer", ())[:1]}
        return Sheet(stored.id, stored.version, values, str(stored.resource.get("authored", "")))
    return Sheet("", "", {}, "")


async def save(access: Access, case: cases.Case, values: Mapping[str, str], version: str) -> None:
    """Keep the worksheet. Raises VersionConflict where somebody else changed it since `version`."""
    sheet = await of_case(access, case)
    texts = {f"{row.name}.{column}": f"{row.text}{f' ({row.level})' if row.level else ''}: {title}" for row in rows(case.level) for column, title in COLUMNS} | dict(CALL)
    kept = sheet.values | {k: v.strip() for k, v in values.items()}
    items = [{"linkId": link, "text": texts.get(link, link), "answer": [{"valueString": value}]} for link, value in kept.items() if value]
    made: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse", "identifier": {"system": _IDENTIFIER, "value": case.id}, "questionnaire": canonical(access), "status": "in-progress",
        "subject": ref("Patient", case.patient), "authored": moment(access), **({"author": who} if (who := author(access)) else {}), **({"item": items} if items else {}),
    }  # fmt: skip
    id_ = sheet.id or new_id()
    await access.write([Change("update" if sheet.id else "create", "QuestionnaireResponse", id_, made | ({"id": id_} if sheet.id else {}), if_match=version or None if sheet.id else None, program=case.program or None)], action="benefits")
