"""Labels in words: what a code of a label says to people."""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "42CFRPart2": "Part 2 (42 CFR Part 2)", "SUDCN": "SUD counseling note", "PSYTHPN": "Psychotherapy note", "MH": "Mental health", "HIV": "HIV", "SEX": "Reproductive and sexual health",
    "SDV": "Violence and abuse", "GDIS": "Genes", "MINOR": "Care a minor consented to alone", "PRS": "Asked for by the patient", "SUD": "Substance use", "ETHUD": "Alcohol use disorder",
    "OPIOIDUD": "Opioid use disorder", "STD": "Sexually transmitted infection", "SCA": "Sickle cell disease",
}  # fmt: skip
"""By the code of the label."""

LAWS: Final = {
    "unlabelled": "unreadable label", "part2": "42 CFR Part 2", "sud_counseling": "SUD counseling notes", "psychotherapy": "Psychotherapy notes", "mental_health": "Mental health law",
    "hiv": "HIV law", "reproductive": "Reproductive health law", "violence": "Law on domestic and sexual violence", "genetic": "Genetic privacy law", "minor": "Care a minor consented to alone",
    "patient_requested": "Agreed restriction",
}  # fmt: skip
"""By the name of the basis."""


def labels(codes: list[str]) -> str:
    """`HIV, Substance use`."""
    return ", ".join(LABELS.get(code, code) for code in codes)
