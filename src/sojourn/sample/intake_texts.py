"""Longer passages for intake assessments and discharge summaries, in our own words."""

from __future__ import annotations

Bank = tuple[str, ...]

HISTORY: dict[str, Bank] = {
    "sud": (
        "{n} first used at a party in high school; use became regular after a work injury about six years ago.",
        "Use grew slowly over ten years and became daily after a divorce.",
        "Two earlier treatment episodes, the longer one followed by fourteen months without use.",
        "Longest time without use was eight months, supported by a sponsor and night work.",
        "One overdose last year, reversed by a bystander with naloxone.",
        "Withdrawal in the past included shaking and sleeplessness, never a seizure.",
        "Last use was two days before this visit.",
        "{n} prefers smoking to injecting and has asked about test strips.",
        "Costs of use led to debt and a move in with relatives.",
        "{n} has been on medication before and found that it took the edge off urges.",
    ),
    "mh": (
        "{n} noticed low mood first in college; it came back after the birth of a child.",
        "Worry began in childhood and became daily with a new job last spring.",
        "One hospital stay four years ago after a crisis, no attempts since.",
        "Earlier therapy for ten sessions helped with sleep but ended when insurance changed.",
        "Nightmares and startle since a car crash three years ago.",
        "A parent lived with depression; a grandparent drank heavily.",
        "Attention was always hard; school reports said 'bright but drifting'.",
        "Panic comes on in stores and on buses, about twice a week.",
        "{n} tried one antidepressant before and stopped because of stomach upset.",
        "Mood dips in winter; summers are easier.",
    ),
}

HOME: Bank = (
    "Lives alone in a quiet building and knows the neighbors.",
    "Lives with family; the house is loud but loving.",
    "Lives with a partner who does not use substances and wants to help.",
    "Shares rent with two roommates and keeps to {their} room.",
    "Stays in a shelter for now and is on a housing list.",
    "Recently moved back in with a parent.",
)

WORK: Bank = (
    "Works part time and needs a letter for missed shifts.",
    "Out of work since spring and would like training.",
    "Works full time; mornings are hard.",
    "On medical leave until next month.",
    "Studies and helps in a relative's shop.",
    "Cares for children during the day.",
)

RISK: Bank = (
    "Risk and protection: past self-harm as a teenager; children and faith speak for living.",
    "Risk and protection: recent loss and poor sleep; strong bond with a sibling.",
    "Risk and protection: no firearms at home; medicines are kept in a locked box.",
    "Risk and protection: lives alone; agreed to daily texts with a friend.",
    "Risk and protection: lowered tolerance after a break in use; has naloxone and knows how to use it.",
)

STRENGTHS: Bank = (
    "sense of humor",
    "a supportive relative",
    "steady work history",
    "love of music",
    "faith",
    "pride in parenting",
    "honesty about setbacks",
    "skill with tools",
    "a close friend in recovery",
    "patience with animals",
)

COURSE: dict[str, Bank] = {
    "sud": (
        "Settled in after the first days and joined groups regularly.",
        "Named personal triggers and wrote a plan for the first two weeks.",
        "Started medication without problems.",
        "A family meeting was held by phone with signed permission.",
        "Worked with the case manager on housing and benefits.",
        "One strong urge in the second half was talked through with staff.",
        "Practiced refusal skills and overdose response.",
    ),
    "mh": (
        "Attended most days and took an active part.",
        "Learned grounding and used it on the bus.",
        "Medication was adjusted once with benefit.",
        "Rebuilt a morning routine step by step.",
        "A safety plan was written and shared with a trusted person.",
        "Sleep improved from four to about seven hours.",
        "Returned to some duties at home.",
    ),
}

MEDICAL_PLANS: dict[str, Bank] = {
    "detox": (
        "Continue taper; vital signs and withdrawal scores as ordered.",
        "Fluids, thiamine and comfort medicine as needed.",
        "Discuss medication for the time after withdrawal tomorrow.",
        "Counselor to meet today about the next level of care.",
    ),
    "sud": (
        "Same dose; next visit as scheduled.",
        "Refill sent; naloxone at home confirmed.",
        "Urine screen at next visit; results will be talked over together.",
        "Check liver tests with the next blood draw.",
        "Prescription monitoring program checked; no unexpected entries.",
    ),
    "mh": (
        "Same dose; look again in four weeks.",
        "Increase by one step if mood has not moved by the next visit.",
        "Take the medicine in the morning to protect sleep.",
        "Call if side effects bother or mood drops.",
        "Continue therapy alongside medication.",
    ),
}

NEXT_CONTACT: Bank = (
    "Next contact by phone on Thursday.",
    "Will meet again in three weeks.",
    "Client will bring the missing letter.",
    "Will call back when the office confirms.",
    "Follow up after the appointment.",
)
