"""Sites and programs of Riverbend Behavioral Health, and which programs are Part 2 programs."""

from __future__ import annotations

from typing import NamedTuple


class Site(NamedTuple):
    """A place with an address. `sud_only`: the public knows it as a substance use facility."""

    key: str
    name: str
    street: str
    city: str
    postal_code: str
    phone: str
    sud_only: bool


class Program(NamedTuple):
    """A service line. `part2`: a program under 42 CFR 2.11, decided by the deployer, never guessed."""

    key: str
    name: str
    part2: bool
    site: str
    level_of_care: str


SITES = (
    Site("house", "Riverbend House", "410 Millrace Lane", "Alder Falls", "10099", "518-555-0110", True),
    Site("day", "Riverbend Day Center", "22 Foundry Street", "Alder Falls", "10099", "518-555-0120", False),
    Site("north", "Northgate Clinic", "1180 Larkspur Avenue", "East Tamarack", "10098", "518-555-0130", False),
    Site("harbor", "Harbor Clinic", "7 Ropewalk Court", "Port Linden", "10097", "518-555-0140", True),
)

PROGRAMS = (
    Program("detox", "Withdrawal Management Unit", True, "house", "3.7"),
    Program("residential", "Residential Recovery Program", True, "house", "3.5"),
    Program("iop", "Intensive Outpatient Recovery", True, "day", "2.1"),
    Program("php", "Mental Health Day Program", False, "day", "PHP"),
    Program("mhop", "Outpatient Counseling", False, "north", "OP"),
    Program("psychiatry", "Psychiatry and Medication Care", False, "north", "OP"),
    Program("moud", "Medication for Opioid Use Disorder Clinic", True, "harbor", "1.7"),
    Program("sudop", "Outpatient Recovery Counseling", True, "harbor", "1.5"),
    # Registration serves the whole organization: who a person is and who pays says nothing about
    # substance use, because Riverbend also treats people for other reasons (42 CFR 2.13(c)).
    Program("central", "Central Registration", False, "north", "none"),
)

PROGRAM = {program.key: program for program in PROGRAMS}
SUD_PROGRAMS = ("detox", "residential", "iop", "moud", "sudop")


def programs() -> list[Program]:
    """Return the programs of the sample organization; the last, `central`, only registers people."""
    return list(PROGRAMS)
