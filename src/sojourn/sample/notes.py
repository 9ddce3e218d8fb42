"""Progress notes: short clinical texts built from phrases and the facts of the visit."""

from __future__ import annotations

from datetime import date
from random import Random

from sojourn.sample import intake_texts, phrases
from sojourn.sample.chart import Chart
from sojourn.sample.plan_texts import GOALS
from sojourn.sample.programs import PROGRAM
from sojourn.sample.stories import Stay
from sojourn.sample.visits import Visit

_PRONOUNS = {
    "she": {"they": "she", "them": "her", "their": "her", "themself": "herself"},
    "he": {"they": "he", "them": "him", "their": "his", "themself": "himself"},
    "they": {"they": "they", "them": "them", "their": "their", "themself": "themself"},
}
_FORMATS = (
    ("Data", "Assessment", "Plan"),
    ("Subjective", "Assessment", "Plan"),
    ("Behavior", "Response", "Plan"),
    ("", "", "Plan"),
)


class _Voice:
    """Fills phrases with the facts of one visit, and takes no phrase twice in one note."""

    def __init__(self, chart: Chart, stay: Stay, day: date) -> None:
        self.rng: Random = chart.rng
        self.kind = "sud" if stay.part2 else "mh"
        self.trend = _trend(chart, day)
        person = chart.person
        words = _PRONOUNS.get(person.pronouns, _PRONOUNS["they"])
        goal = self.rng.choice(GOALS[self.kind])
        self._words = words | {key.capitalize(): value.capitalize() for key, value in words.items()}
        self._words |= {
            "n": person.first,
            "goal_quote": f"'{goal}'",
            "hours": str(self.rng.randint(4, 8)),
            "urge": str(self._rating()),
            "few": self.rng.choice(("once", "twice", "three times")),
            "trend": {"better": "down", "same": "unchanged", "worse": "still up"}[self.trend],
            "appetite": {"better": "better", "same": "fair", "worse": "low"}[self.trend],
        }

    def _rating(self) -> int:
        low, high = {"better": (0, 4), "same": (3, 6), "worse": (5, 9)}[self.trend]
        return self.rng.randint(low, high)

    def say(self, bank: phrases.Bank, count: int = 1) -> str:
        """Return some phrases of a bank as one passage."""
        text = " ".join(self.rng.sample(bank, min(count, len(bank))))
        made = text.format_map(self._words)
        return made.replace("They was", "They were").replace("they was", "they were")


def _trend(chart: Chart, day: date) -> str:
    strength = chart.strength(day)
    swing = chart.rng.uniform(-0.16, 0.16)
    level = strength + swing
    return "better" if level < 0.66 else "worse" if level > 1.0 else "same"


def visit_note(chart: Chart, visit: Visit) -> str:
    """Return the text of the note of a visit."""
    voice = _Voice(chart, visit.stay, visit.start.date())
    writers = {"group": _group, "medical": _medical, "nursing": _nursing, "case": _case, "intake": _intake}
    body = writers.get(visit.kind, _individual)(chart, visit, voice)
    where = "by video; client at home in New York" if visit.video else f"at {PROGRAM[visit.stay.program].name}"
    head = f"{visit.start:%B} {visit.start.day}, {visit.start.year}, {_clock(visit)}, {where}."
    return f"{head}\n\n{body}\n\n{visit.staff.name}"


def _clock(visit: Visit) -> str:
    return f"{visit.start:%H:%M} to {visit.end:%H:%M}"


def _individual(chart: Chart, visit: Visit, voice: _Voice) -> str:
    first, second, third = chart.rng.choice(_FORMATS)
    seen = voice.say(phrases.OPENINGS[voice.trend]) + " " + voice.say(phrases.THEMES[voice.kind])
    if chart.rng.random() < 0.25:
        seen += " " + voice.say(phrases.THEMES[voice.kind])
    if visit.kind == "family":
        seen += " A parent joined for the second half; house rules and praise for effort were discussed."
    thought = " ".join(
        (
            voice.say(phrases.METHODS),
            voice.say(phrases.RESPONSES[voice.trend]),
            voice.say(phrases.MENTAL_STATE[voice.trend]),
            _measures(chart, visit),
            _safety(chart, visit, voice),
        )
    )
    return "\n".join(
        (
            _section(first, seen),
            _section(second, " ".join(thought.split())),
            _section(third, voice.say(phrases.PLANS[voice.kind], chart.rng.choice((1, 1, 2)))),
        )
    )


def _section(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _measures(chart: Chart, visit: Visit) -> str:
    seen = [(when, name, value) for when, name, value in chart.scores if when <= visit.start]
    phq = [value for _, name, value in seen if name == "PHQ-9"]
    if len(phq) > 1 and phq[-1] != phq[-2]:
        return f"PHQ-9 {phq[-1]}, was {phq[-2]}."
    return f"PHQ-9 {phq[-1]}." if phq else ""


def _safety(chart: Chart, visit: Visit, voice: _Voice) -> str:
    latest = [value for when, name, value in chart.scores if name == "PHQ-9" and when <= visit.start]
    watch = bool(latest) and latest[-1] >= 20 and chart.rng.random() < 0.5
    return voice.say(phrases.SAFETY["watch" if watch else "low"])


def _group(chart: Chart, visit: Visit, voice: _Voice) -> str:
    minutes = int((visit.end - visit.start).total_seconds() // 60)
    what = f"Day program, main topic {visit.topic}" if visit.stay.program == "php" else f"Group on {visit.topic}"
    return "\n".join(
        (
            f"{what}, {minutes} minutes.",
            voice.say(phrases.GROUP_PART[voice.trend]) + " " + voice.say(phrases.MENTAL_STATE[voice.trend]),
            "Plan: " + voice.say(phrases.GROUP_PLANS),
        )
    )


def _medical(chart: Chart, visit: Visit, voice: _Voice) -> str:
    kind = "detox" if visit.stay.program == "detox" else voice.kind
    opening = voice.say(phrases.OPENINGS[voice.trend]) + " " if kind != "detox" else ""
    problem = _problem(chart, visit.stay)
    return "\n".join(
        (
            "Subjective: " + opening + voice.say(phrases.MEDICAL[kind], 2),
            "Objective: " + f"{voice.say(phrases.MENTAL_STATE[voice.trend])} {_measures(chart, visit)}".rstrip(),
            f"Assessment: {problem}: {_course(voice)}. {_safety(chart, visit, voice)}",
            "Plan: " + voice.say(intake_texts.MEDICAL_PLANS[kind], 2),
        )
    )


def _course(voice: _Voice) -> str:
    return {"better": "improving", "same": "partly improved", "worse": "not yet controlled"}[voice.trend]


def _problem(chart: Chart, stay: Stay) -> str:
    problem = chart.main_problem(stay)
    return problem.text if problem else "Diagnosis under review"


def _nursing(chart: Chart, visit: Visit, voice: _Voice) -> str:
    return f"{chart.person.first}: " + voice.say(phrases.NURSING, chart.rng.choice((2, 3, 3)))


def _case(chart: Chart, visit: Visit, voice: _Voice) -> str:
    return voice.say(phrases.CASE, chart.rng.choice((1, 2))) + " " + voice.say(intake_texts.NEXT_CONTACT)


def _intake(chart: Chart, visit: Visit, voice: _Voice) -> str:
    person = chart.person
    also = [d.text.lower() for d in chart.diagnoses if d.family == "medical"][:4]
    strengths = chart.rng.sample(intake_texts.STRENGTHS, 2)
    problem = _problem(chart, visit.stay)
    return "\n\n".join(
        (
            f"Reason for visit: {person.first}, {person.age(visit.start.date())} years old, asked for help with {problem.lower()}.",
            "History: " + voice.say(intake_texts.HISTORY[voice.kind], 3),
            "Health: " + (", ".join(also) + "." if also else "no long-term medical conditions reported."),
            "Home and work: " + voice.say(intake_texts.HOME) + " " + voice.say(intake_texts.WORK),
            f"Strengths: {strengths[0]} and {strengths[1]}.",
            "Today: " + voice.say(phrases.MENTAL_STATE["same"]) + " " + _safety(chart, visit, voice),
            voice.say(intake_texts.RISK),
            f"Impression: {problem}. Recommended: {PROGRAM[visit.stay.program].name}.",
            f"Goal in own words: {voice.say(('{goal_quote}',))}. Plan: " + voice.say(phrases.PLANS[voice.kind], 2),
        )
    )


def discharge_note(chart: Chart, stay: Stay) -> str:
    """Return the text of a discharge summary."""
    end = stay.end or chart.today
    voice = _Voice(chart, stay, end)
    ended = {
        "against advice": "left before the planned date; risks were explained, naloxone and appointments were given",
        "transferred": "completed this level of care and moved to the next one",
        "home": "completed the stay and went home",
        "completed": "completed the program",
    }[stay.outcome]
    days = (end - stay.start).days
    measures = [value for when, name, value in chart.scores if name == "PHQ-9" and stay.start <= when.date() <= end]
    change = f" PHQ-9 went from {measures[0]} to {measures[-1]}." if len(measures) > 1 else ""
    return "\n\n".join(
        (
            f"{PROGRAM[stay.program].name}: {stay.start:%B} {stay.start.day} to {end:%B} {end.day}, {end.year} ({days} days).",
            f"{chart.person.first} was admitted for {_problem(chart, stay).lower()} and {ended}.",
            "Course: " + voice.say(intake_texts.COURSE[voice.kind], 3) + " " + voice.say(phrases.RESPONSES[voice.trend]) + change,
            "At discharge: " + voice.say(phrases.MENTAL_STATE[voice.trend]) + " " + voice.say(phrases.SAFETY["low"]),
            "Aftercare: " + voice.say(phrases.PLANS[voice.kind], 3) + " Crisis line 988 reviewed.",
        )
    )
