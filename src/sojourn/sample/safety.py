"""Safety flags: what everybody who treats a client must know at once."""

from __future__ import annotations

from datetime import timedelta

from sojourn.sample.chart import Chart
from sojourn.sample.identity import stream
from sojourn.sample.parts import concept, hl7
from sojourn.sample.stories import Stay

# Program -> what is flagged there, in our own words, and how often.
_FLAGS = {
    "detox": (("Seizure precautions", 0.45), ("Fall risk", 0.2)),
    "residential": (("Leaves without notice: check hourly", 0.12), ("Suicide risk: safety plan in place", 0.18)),
    "iop": (("Suicide risk: safety plan in place", 0.1),),
    "php": (("Suicide risk: safety plan in place", 0.35), ("Self-harm: means safety agreed", 0.15)),
    "mhop": (("Suicide risk: safety plan in place", 0.14),),
    "psychiatry": (("Lithium: keep fluids up, watch level", 0.05),),
    "moud": (("Overdose in the past year: naloxone given", 0.3),),
    "sudop": (("Overdose in the past year: naloxone given", 0.12),),
}


def flags(chart: Chart) -> None:
    """Add flags raised in each stay; those of a stay that has ended are closed with it."""
    draw = stream(chart.seed, f"safety:{chart.person.key}")
    for stay in chart.stays:
        for text, share in _FLAGS.get(stay.program, ()):
            if draw.random() < share:
                _flag(chart, stay, text)


def _flag(chart: Chart, stay: Stay, text: str) -> None:
    ended = stay.end is not None and stay.end < chart.today
    raised = min(stay.start + timedelta(days=1), chart.today - timedelta(days=1))
    period = {"start": max(stay.start, raised).isoformat()} | ({"end": stay.end.isoformat()} if ended and stay.end else {})
    chart.put(
        stay.program,
        "Flag",
        "",
        {
            "status": "inactive" if ended else "active",
            "category": [hl7("flag-category", "safety")],
            "code": concept(text),
            "subject": chart.subject,
            "period": period,
        },
    )
