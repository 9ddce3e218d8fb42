"""The URLs of plans."""

from __future__ import annotations

from sojourn.care.plan import reviews, writing
from sojourn.doors.staff.plan import builder, caseload, changing, following, reviewing, signing, suggestions, words
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
READS = (*PATIENT, *writing.READS)
WRITES = (*READS, *writing.WRITES)
SIGNS = (*READS, ("CarePlan", "update"), ("Provenance", "create"))
ONE = "/patients/{id}/plan/{plan}"

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/plan", builder.choose, verb="Treatment plan", key="l", needs=READS, group="This chart"),
    Screen("/patients/{id}/plan", builder.begin, ("POST",), needs=WRITES),
    Screen(ONE, builder.show, needs=READS),
    Screen(ONE, changing.act, ("POST",), needs=WRITES),
    Screen(f"{ONE}/typed", builder.typed, ("POST",), needs=WRITES),
    Screen(f"{ONE}/sign", signing.show, needs=READS),
    Screen(f"{ONE}/sign", signing.send, ("POST",), needs=SIGNS),
    Screen(f"{ONE}/review", reviewing.show, needs=READS),
    Screen(f"{ONE}/review", reviewing.send, ("POST",), needs=(*READS, *reviews.NEEDS)),
    Screen(f"{ONE}/review/typed", reviewing.typed, ("POST",), needs=(*READS, *reviews.NEEDS)),
    Screen(f"{ONE}/thread/{{objective}}", following.show, needs=READS),
    Screen(f"{ONE}/words", words.plain, needs=READS),
    Screen(f"{ONE}/words", words.given, ("POST",), needs=(*READS, ("Communication", "create"))),
    Screen(f"{ONE}/print", words.printed, needs=READS),
    Screen("/patients/{id}/loose-ends", caseload.chart, verb="Loose ends of the plan", needs=READS, group="This chart"),
    Screen("/plans", caseload.show, verb="Plans and reviews due", key="g l", needs=(*READS, ("EpisodeOfCare", "search")), group="Places"),
    Screen("/plans/suggestions", suggestions.show, verb="Suggestions for plans", needs=(("PlanDefinition", "search"),), group="Places"),
    Screen("/plans/suggestions", suggestions.send, ("POST",), needs=(("PlanDefinition", "search"), *suggestions.WRITES)),
)
"""Those of one chart, then those of whoever works with plans."""
