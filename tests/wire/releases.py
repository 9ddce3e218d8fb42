"""Small invented releases in the shape of the official ones: codes and names are made up, or too plain to belong to anybody."""

from __future__ import annotations

from pathlib import Path


def lines(path: Path, *rows: str) -> None:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", "utf-8")


def tabs(path: Path, heading: str, *rows: str) -> None:
    """Write a table of RF2: words separated by `|` here, by tabs there."""
    lines(path, heading.replace("|", "\t"), *(r.replace("|", "\t") for r in rows))


def snomed(place: Path) -> Path:
    """Three diseases, one of them retired, and their map to ICD-10-CM."""
    place = place / "SnomedCT_Invented_20260301"
    terms = place / "Snapshot/Terminology"
    tabs(terms / "sct2_Concept_Snapshot_US1000124_20260301.txt", "id|effectiveTime|active|moduleId|definitionStatusId",
        "1001|20200101|1|m|d", "1002|20200101|1|m|d", "1003|20240901|0|m|d", "1004|20200101|1|m|d")  # fmt: skip
    full, synonym = "900000000000003001", "900000000000013009"
    tabs(terms / "sct2_Description_Snapshot-en_US1000124_20260301.txt", "id|effectiveTime|active|moduleId|conceptId|languageCode|typeId|term|caseSignificanceId",
        f"d1|20200101|1|m|1001|en|{full}|Craving (finding)|c", f"d2|20200101|1|m|1001|en|{synonym}|Craving|c",
        f"d3|20200101|1|m|1002|en|{full}|Evening craving (finding)|c", f"d4|20200101|1|m|1002|en|{synonym}|Craves in the evening|c", f"d5|20200101|1|m|1002|en|{synonym}|Evening craving|c",
        f"d6|20200101|1|m|1003|en|{full}|Old craving (finding)|c", f'd7|20200101|1|m|1004|en|{full}|Morning "low" craving (finding)|c')  # fmt: skip
    tabs(place / "Snapshot/Refset/Language/der2_cRefset_LanguageSnapshot-en_US1000124_20260301.txt", "id|effectiveTime|active|moduleId|refsetId|referencedComponentId|acceptabilityId",
        "l1|20200101|1|m|900000000000509007|d5|900000000000548007", "l2|20200101|1|m|900000000000509007|d4|900000000000549004")  # fmt: skip
    tabs(terms / "sct2_Relationship_Snapshot_US1000124_20260301.txt", "id|effectiveTime|active|moduleId|sourceId|destinationId|relationshipGroup|typeId|characteristicTypeId|modifierId",
        "r1|20200101|1|m|1002|1001|0|116680003|x|x", "r2|20200101|1|m|1004|1001|0|116680003|x|x", "r3|20200101|1|m|1004|1002|0|363698007|x|x")  # fmt: skip
    tabs(place / "Snapshot/Refset/Content/der2_cRefset_AssociationSnapshot_US1000124_20260301.txt", "id|effectiveTime|active|moduleId|refsetId|referencedComponentId|targetComponentId",
        "a1|20240901|1|m|900000000000526001|1003|1002")  # fmt: skip
    heading = "id|effectiveTime|active|moduleId|refsetId|referencedComponentId|mapGroup|mapPriority|mapRule|mapAdvice|mapTarget|correlationId|mapCategoryId"
    tabs(place / "Snapshot/Refset/Map/der2_iisssccRefset_ExtendedMapSnapshot_US1000124_20260301.txt", heading,
        "m1|20260301|1|m|6011000124106|1001|1|1|TRUE|ALWAYS F10.20|F10.20|c|k",
        "m2|20260301|1|m|6011000124106|1002|1|1|IFA 445518008 (age) < 18 years|IF BELOW 18|F10.10|c|k", "m3|20260301|1|m|6011000124106|1002|1|2|OTHERWISE TRUE|ALWAYS F10.20|F10.20|c|k",
        "m4|20260301|1|m|6011000124106|1004|1|1|TRUE|CANNOT BE CLASSIFIED||c|k", "m5|20260301|0|m|6011000124106|1004|1|1|TRUE|OLD|F99|c|k")  # fmt: skip
    return place


def rxnorm(place: Path) -> Path:
    """An ingredient, its tablet, the brand of that, and a number that was taken out."""
    place = place / "RxNorm_full_03022026"
    rrf = place / "rrf"

    def atom(cui: str, source: str, term: str, code: str, text: str, suppressed: str = "N") -> str:
        return f"{cui}|ENG||||||a{cui}{source}{term}||{cui}||{source}|{term}|{code}|{text}||{suppressed}|4096|"

    lines(rrf / "RXNCONSO.RRF", atom("9001", "RXNORM", "IN", "9001", "calmol"), atom("9002", "RXNORM", "SCD", "9002", "calmol 10 MG Oral Tablet"), atom("9002", "RXNORM", "PSN", "9002", "calmol 10 mg tablet"),
          atom("9003", "RXNORM", "SBD", "9003", "calmol 10 MG Oral Tablet [Stillex]"), atom("9001", "SNOMEDCT_US", "PT", "1500", "Calmol"), atom("9009", "RXNORM", "SCD", "9009", "calmol 5 MG Oral Tablet", "O"))  # fmt: skip

    def relation(first: str, second: str, rela: str) -> str:
        return f"{first}||CUI|RO|{second}||CUI|{rela}|r||RXNORM||||N|4096|"

    lines(rrf / "RXNREL.RRF", relation("9001", "9002", "has_ingredient"), relation("9002", "9003", "tradename_of"), relation("9003", "9002", "has_tradename"))
    lines(rrf / "RXNSAT.RRF", "9002|||a|AUI|9002|t||NDC|RXNORM|00000111122|N|4096|", "9002|||a|AUI|9002|t||NDC|GS|999|N|4096|")
    lines(rrf / "RXNCUI.RRF", "9008|20210101|20240101|1|9002|")
    return place


def loinc(place: Path) -> Path:
    """Two terms, of which one is deprecated."""
    place = place / "Loinc_9.99"
    heading = '"LOINC_NUM","COMPONENT","PROPERTY","TIME_ASPCT","SYSTEM","SCALE_TYP","METHOD_TYP","CLASS","STATUS","LONG_COMMON_NAME","SHORTNAME"'
    lines(place / "LoincTable/Loinc.csv", heading, '"90001-1","Calmol","MCnc","Pt","Ser","Qn","","DRUG/TOX","ACTIVE","Calmol, ""free"", in Serum","Calmol SerPl-mCnc"',
          '"90002-9","Calmol","MCnc","Pt","Bld","Qn","","DRUG/TOX","DEPRECATED","","Calmol Bld"')  # fmt: skip
    lines(place / "LoincTable/MapTo.csv", '"LOINC","MAP_TO","COMMENT"', '"90002-9","90001-1",""')
    return place


def hcpcs(place: Path) -> Path:
    """A code with a title of two records, one that has ended, a modifier and a dental code, which are left out."""

    def record(code: str, kind: str, title: str, short: str = "", since: str = "", until: str = "") -> str:
        return f"{code:<5}{'00100':<5}{kind}{title:<80}{short:<28}".ljust(268) + f"{since:<8}{since:<8}{until:<8}N".ljust(52)

    path = place / "HCPC2026_JAN_ANWEB.txt"
    lines(path, record("H9901", "3", "Peer walk, for each", "Peer walk", "20200101"), record("H9901", "4", "15 minutes"), record("H9902", "3", "Old visit", "Old", "20100101", "20251231"),
          record("   XX", "7", "A modifier"), record("D9999", "3", "A tooth", "Tooth", "20200101"))  # fmt: skip
    return path


def icd(place: Path) -> Path:
    """Four lines of an order file."""
    path = place / "icd10cm-order-2027.txt"
    lines(path, *(f"{n:05} {code:<7} {leaf} {'Short':<60} {title}" for n, (code, leaf, title) in enumerate(
        (("F10", "0", "Alcohol related disorders"), ("F101", "0", "Alcohol abuse"), ("F1010", "1", "Alcohol abuse, uncomplicated"), ("F99", "1", "Mental disorder, not otherwise specified")), 1)))  # fmt: skip
    return path
