"""The people who work at Riverbend: about forty, with credentials, roles and programs."""

from __future__ import annotations

from typing import NamedTuple

from sojourn.sample.identity import Ids


class Staff(NamedTuple):
    """One person of the staff. `job` is a key of JOBS; `login` only for the demo accounts."""

    key: str
    given: str
    family: str
    credential: str
    job: str
    programs: tuple[str, ...]
    gender: str
    login: str = ""

    @property
    def name(self) -> str:
        """The name as it is written under a note."""
        credential = f", {self.credential}" if self.credential else ""
        return f"{self.given} {self.family}{credential}"


class Job(NamedTuple):
    """What somebody does: our words, NUCC provider taxonomy code, SNOMED role code if there is one."""

    text: str
    taxonomy: str
    snomed: str
    kind: str


JOBS = {
    "psychiatrist": Job("Psychiatrist", "2084P0800X", "80584001", "prescriber"),
    "addiction-md": Job("Addiction medicine physician", "2083A0300X", "309343006", "prescriber"),
    "psych-np": Job("Psychiatric nurse practitioner", "363LP0808X", "224571005", "prescriber"),
    "family-np": Job("Nurse practitioner", "363LF0000X", "224571005", "prescriber"),
    "lcsw": Job("Clinical social worker", "1041C0700X", "106328005", "therapist"),
    "lpc": Job("Professional counselor", "101YP2500X", "", "therapist"),
    "lmft": Job("Marriage and family therapist", "106H00000X", "", "therapist"),
    "cadc": Job("Addiction counselor", "101YA0400X", "", "therapist"),
    "intern": Job("Counselor with a limited permit", "101YM0800X", "", "intern"),
    "rn": Job("Registered nurse", "163WP0808X", "224535009", "nurse"),
    "rn-addiction": Job("Registered nurse, addiction care", "163WA0400X", "224535009", "nurse"),
    "tech": Job("Behavioral health technician", "106S00000X", "", "tech"),
    "case": Job("Case manager", "171M00000X", "768820003", "case"),
    "peer": Job("Peer recovery specialist", "175T00000X", "", "peer"),
    "biller": Job("Billing specialist", "", "", "biller"),
    "admissions": Job("Admissions coordinator", "", "", "admissions"),
    "privacy": Job("Privacy officer", "", "", "privacy officer"),
    "integration": Job("Integration manager", "", "", "integration manager"),
}

_ALL_CLINICAL = ("detox", "residential", "iop", "php", "mhop", "psychiatry", "moud", "sudop")
_EVERYWHERE = (*_ALL_CLINICAL, "central")

STAFF = (
    Staff("dana", "Dana", "Whitfield", "LCSW", "lcsw", ("mhop",), "female", "dana"),
    Staff("okafor", "Chidi", "Okafor", "MD", "psychiatrist", _ALL_CLINICAL, "male", "okafor"),
    Staff("nina", "Nina", "Petrov", "RN", "rn-addiction", ("detox",), "female", "nina"),
    Staff("tess", "Tess", "Alvarado", "BHT", "tech", ("residential",), "female", "tess"),
    Staff("bill", "Bill", "Lindqvist", "CPC", "biller", _EVERYWHERE, "male", "bill"),
    Staff("priya", "Priya", "Raman", "CHPC", "privacy", _EVERYWHERE, "female", "priya"),
    Staff("adam", "Adam", "Brooks", "", "admissions", _EVERYWHERE, "male", "adam"),
    Staff("sam", "Samantha", "Castellano", "LPC, supervisor", "lpc", ("iop",), "female", "sam"),
    Staff("ivy", "Ivy", "Nakamura", "", "integration", ("central",), "female", "ivy"),
    Staff("lowell", "Grace", "Lowell", "MD", "addiction-md", ("detox", "residential", "moud"), "female"),
    Staff("ferreira", "Tomás", "Ferreira", "MD", "addiction-md", ("moud", "sudop", "iop"), "male"),
    Staff("castaldi", "Renee", "Castaldi", "PMHNP-BC", "psych-np", ("psychiatry", "php"), "female"),
    Staff("osei", "Kwabena", "Osei", "PMHNP-BC", "psych-np", ("psychiatry", "mhop"), "male"),
    Staff("hathaway", "Lynn", "Hathaway", "FNP-C", "family-np", ("detox", "residential"), "female"),
    Staff("bergman", "Ilse", "Bergman", "LCSW", "lcsw", ("mhop",), "female"),
    Staff("duarte", "Paulo", "Duarte", "LCSW", "lcsw", ("mhop",), "male"),
    Staff("mcallister", "Fiona", "McAllister", "LMFT", "lmft", ("mhop", "php"), "female"),
    Staff("sato", "Kenji", "Sato", "LPC", "lpc", ("mhop",), "male"),
    Staff("abernathy", "Ruth", "Abernathy", "LPC", "lpc", ("mhop",), "female"),
    Staff("vega", "Marisol", "Vega", "LCSW", "lcsw", ("php",), "female"),
    Staff("thorne", "Julian", "Thorne", "LPC", "lpc", ("php",), "male"),
    Staff("gallo", "Vincent", "Gallo", "CASAC", "cadc", ("iop",), "male"),
    Staff("ogden", "Patrice", "Ogden", "LCSW, CASAC", "lcsw", ("iop",), "female"),
    Staff("maddox", "Leroy", "Maddox", "CASAC", "cadc", ("residential",), "male"),
    Staff("kessler", "Hannah", "Kessler", "LCSW", "lcsw", ("residential", "detox"), "female"),
    Staff("quiroz", "Elena", "Quiroz", "LPC", "lpc", ("residential",), "female"),
    Staff("stroud", "Derek", "Stroud", "CASAC", "cadc", ("sudop", "moud"), "male"),
    Staff("ivers", "Monique", "Ivers", "LCSW", "lcsw", ("sudop", "moud"), "female"),
    Staff("chowdhury", "Farid", "Chowdhury", "LPC", "lpc", ("sudop",), "male"),
    Staff("raines", "Colleen", "Raines", "RN", "rn-addiction", ("detox", "residential"), "female"),
    Staff("dubois", "Marc", "Dubois", "RN", "rn-addiction", ("detox",), "male"),
    Staff("eklund", "Sofia", "Eklund", "RN", "rn-addiction", ("moud",), "female"),
    Staff("parrish", "Joan", "Parrish", "RN", "rn", ("php", "psychiatry", "mhop"), "female"),
    Staff("tully", "Andre", "Tully", "BHT", "tech", ("residential", "detox"), "male"),
    Staff("zhang", "Mei", "Zhang", "BHT", "tech", ("detox",), "female"),
    Staff("haskell", "Beth", "Haskell", "BHT", "tech", ("residential",), "female"),
    Staff("bonner", "Terrence", "Bonner", "", "case", ("residential", "iop", "detox"), "male"),
    Staff("salcedo", "Inés", "Salcedo", "", "case", ("moud", "sudop"), "female"),
    Staff("pruitt", "Wendy", "Pruitt", "", "case", ("mhop", "php", "psychiatry"), "female"),
    Staff("coles", "Jamal", "Coles", "CRPA", "peer", ("iop", "sudop", "moud"), "male"),
    Staff("nyberg", "Karin", "Nyberg", "", "admissions", _EVERYWHERE, "female"),
    Staff("tran", "Linh", "Tran", "CPC", "biller", _EVERYWHERE, "female"),
    Staff("jules", "Jules", "Marin", "MHC-LP", "intern", ("iop",), "female", "jules"),
)



class Account(NamedTuple):
    """A demo sign-in without its password. `practitioner_id`: the Practitioner's logical id."""

    login: str
    display_name: str
    role: str
    program_keys: tuple[str, ...]
    practitioner_id: str


_ROLE_OF_LOGIN = {"sam": "supervisor", "okafor": "psychiatrist"}


def staff_accounts(seed: int = 1) -> list[Account]:
    """Return the demo sign-ins for the organization made from this seed."""
    ids = Ids(seed)
    return [
        Account(
            person.login,
            person.name,
            _ROLE_OF_LOGIN.get(person.login, JOBS[person.job].kind),
            person.programs,
            ids(f"Practitioner:{person.key}"),
        )
        for person in STAFF
        if person.login
    ]


def staff_of(program: str, kind: str) -> tuple[Staff, ...]:
    """Return who does this kind of work in a program, the ones who work only there first."""
    fitting = [s for s in STAFF if program in s.programs and JOBS[s.job].kind == kind]
    return tuple(sorted(fitting, key=lambda s: len(s.programs)))
