"""Words of treatment plans: goals in the client's own voice and planned activities per program."""

from __future__ import annotations

GOALS: dict[str, tuple[str, ...]] = {
    "sud": (
        "Stay off substances one day at a time and reach ninety days",
        "Sleep at least six hours without using anything to get there",
        "Rebuild trust with my family by showing up when I say I will",
        "Carry naloxone and know what to do in an overdose",
        "Take my medication every day and keep my clinic visits",
        "Find three people I can call when an urge is strong",
        "Get back to work at least part time",
        "Find a safe and stable place to live",
        "Learn what sets off my urges and plan for it",
        "Attend at least three recovery meetings a week",
        "Settle my court dates without missing one",
        "Take care of my health: see a doctor and a dentist",
    ),
    "mh": (
        "Feel like myself again on most days",
        "Get out of bed by eight and eat breakfast",
        "Worry less than an hour a day",
        "Go back to school or work with a plan for hard days",
        "Sleep through the night four times a week",
        "Tell one trusted person when I feel unsafe",
        "Leave the house every day, even for a short walk",
        "Drive on the highway again",
        "Speak up at home without it turning into a fight",
        "Take my medication as agreed and notice what it does",
        "Spend time with friends once a week",
    ),
}

PLAN_ACTIVITIES: dict[str, tuple[str, ...]] = {
    "detox": (
        "medical withdrawal management around the clock",
        "daily physician visit",
        "education group",
        "planning of the next level of care",
    ),
    "residential": ("weekly individual counseling", "daily group", "weekly medical visit", "case management"),
    "iop": ("group three times a week", "weekly individual counseling", "recovery support meetings"),
    "php": ("day program five days a week", "weekly individual therapy", "weekly medication visit"),
    "mhop": ("individual therapy every week or two", "questionnaires every two weeks"),
    "psychiatry": ("psychiatric evaluation", "medication visits about every four weeks"),
    "moud": ("medication for opioid use disorder", "regular medical visits", "urine drug screens", "counseling", "naloxone at home"),
    "sudop": ("weekly individual counseling", "weekly evening group"),
}
