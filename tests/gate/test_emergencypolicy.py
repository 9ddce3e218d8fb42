"""The dated rules of emergency access: which row counts on a day. No database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.gate import bases, emergencypolicy
from sojourn.gate.emergencypolicy import Reason


def reason(code: str, effective: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"code": code, "text": text or code, "opens": ["42CFRPart2"], "source": "a rule", "effective": day(effective).date(), **more}


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


RULES = {
    "limit": [{"effective": day("2026-06-01").date(), "hours": 2}, {"effective": day("2026-01-01").date(), "hours": 4}, {"effective": day("2026-09-01").date(), "until": day("2026-09-30").date(), "hours": 1}],
    "review": [{"effective": day("2026-01-01").date(), "days": 7}, {"effective": day("2026-06-01").date(), "days": 3}],
    "reason": [reason("new", "2026-06-01"), reason("old", "2026-01-01", until=day("2026-05-31").date()), reason("same", "2026-06-01", "as it is now"), reason("same", "2026-01-01", "as it was")],
}  # fmt: skip


def test_the_row_in_force_is_the_last_that_has_begun_and_is_not_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergencypolicy, "_rules", lambda: RULES)
    days = [day(d) for d in ("2026-01-01", "2026-05-31", "2026-06-01", "2026-09-01", "2026-09-30", "2026-10-01")]
    assert [emergencypolicy.hours(d) for d in days] == [4, 4, 2, 1, 1, 2]
    assert [emergencypolicy.review_days(d) for d in days] == [7, 7, 3, 3, 3, 3]
    said = [{r.code: r.text for r in emergencypolicy.reasons(d)} for d in days[:3]]
    assert said == [{"old": "old", "same": "as it was"}] * 2 + [{"new": "new", "same": "as it is now"}]
    assert emergencypolicy.reason("same", days[2]) == Reason("same", "as it is now", ("42CFRPart2",), "a rule")
    assert [emergencypolicy.reason(code, days[2]) for code in ("old", "nothing", "")] == [None] * 3
    with pytest.raises(ValueError, match="empty"):
        emergencypolicy.hours(day("2025-12-31"))


def test_no_reason_that_is_shipped_opens_notes_kept_apart() -> None:
    found = emergencypolicy.reasons(day("2026-03-01"))
    assert {r.code: r.opens for r in found} == {"medical-emergency": ("42CFRPart2",), "declared-disaster": ("42CFRPart2",), "danger": (), "covering": ()}
    assert all(bases.bit_of(code) == bases.PART2 for r in found for code in r.opens)
