"""Every component in both densities and themes, on made-up content; browser tests photograph it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.chart.measures import main_of
from sojourn.doors.staff.pages import PAGES
from sojourn.web.charts import Point, trend
from sojourn.web.forms import Field, Form

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_DAYS = [datetime.fromisoformat(f"2026-{month:02}-12") for month in range(4, 12)]
_COLUMNS = (("what", "Medication", ""), ("dose", "Dose", ""), ("since", "Since", "tight"), ("status", "Status", "tight"))
_ROWS = [
    {"what": "Sertraline 100 mg", "dose": "1 each morning", "since": "Jun 2025", "status": ("active", "plain")},
    {"what": "Trazodone 50 mg", "dose": "1 at bedtime, as needed", "since": "Sep 2025", "status": ("on hold", "amber")},
    {"what": "Hydroxyzine 25 mg", "dose": "", "since": "Oct 2026", "status": None},
]
_FACTS = [
    ("Born", "4 Mar 1988 · 38"),
    ("Pronouns", "she/her"),
    ("Record", "A-10422"),
    ("Allergies", [("Penicillin", "red")]),
    ("Safety", [("Fall risk", "red")]),
]


class Specimen(NamedTuple):
    """All components once, in one density and theme. `n` keeps ids apart."""

    n: int
    density: str
    theme: str
    form: Form
    phq9: str
    gad7: str


async def show(request: Request) -> Response:
    """GET /-/patterns."""
    styles = [(density, theme) for theme in ("light", "dark") for density in ("compact", "comfortable")]
    specimens = [_specimen(n, density, theme) for n, (density, theme) in enumerate(styles)]
    return PAGES.render(request, "patterns/patterns.html", specimens=specimens, columns=_COLUMNS, rows=_ROWS, facts=_FACTS)


def _specimen(n: int, density: str, theme: str) -> Specimen:
    fields = (
        Field(f"name-{n}", "Preferred name", hint="What we call you in the waiting room."),
        Field(f"born-{n}", "Date of birth", "Enter the date of birth."),
        Field(f"language-{n}", "Language", options=(("en", "English"), ("es", "Spanish"))),
    )
    form = Form(fields)
    form.fill({f"name-{n}": "Ana", f"language-{n}": "es"})
    falling = [Point(day, value) for day, value in zip(_DAYS, (21, 19, 17, 18, 13, 11, 9, 7), strict=True)]
    return Specimen(
        n,
        density,
        theme,
        form,
        trend(falling, main_of("phq-9").bands, main_of("phq-9").high, "PHQ-9 over time", f"phq-{n}"),
        trend(falling[-1:], main_of("gad-7").bands, main_of("gad-7").high, "GAD-7 over time", f"gad-{n}"),
    )
