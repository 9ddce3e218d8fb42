"""Pools of made-up people: given and family names by community, languages, US Core race and ethnicity."""

from __future__ import annotations

from typing import NamedTuple


class Community(NamedTuple):
    """Names that go together. Race: OMB codes and text; `language`: BCP 47 of those who prefer another."""

    weight: int
    race: tuple[str, ...]
    race_text: str
    detailed: str
    hispanic: bool
    language: str
    female: tuple[str, ...]
    male: tuple[str, ...]
    family: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WHITE, BLACK, ASIAN, NATIVE, PACIFIC = "2106-3", "2054-5", "2028-9", "1002-5", "2076-8"

COMMUNITIES = (
    Community(
        38,
        (WHITE,),
        "White",
        "",
        False,
        "",
        _words(
            "Abigail Bethany Carol Denise Eleanor Faith Gwen Heather Irene Jocelyn Kara Lorraine Megan Nora Paige "
            "Robin Stacy Tabitha Valerie Wren"
        ),
        _words(
            "Aaron Blake Colin Dustin Evan Frank Grant Howard Ian Jeremy Keith Logan Mitchell Neil Owen Perry Russell Scott Trevor Wade"
        ),
        _words(
            "Ashworth Barlow Calloway Dunmore Ellery Farnham Goodwin Hollis Ingram Jessup Kirkland Lockhart Merriweather "
            "Norwood Ostrander Pemberton Quimby Rutledge Stoddard Thackeray Underhill Wexler Yarborough"
        ),
    ),
    Community(
        24,
        (BLACK,),
        "Black or African American",
        "",
        False,
        "",
        _words("Aaliyah Brianna Camille Deja Ebony Fatou Imani Jasmine Keisha Latoya Monique Nia Renita Shanice Tamika Zora"),
        _words("Andre Byron Cedric Darius Elijah Germaine Isaiah Jalen Kendrick Lamar Malik Quincy Reggie Terrell Vernon Xavier"),
        _words(
            "Baptiste Chambers Dorsey Eubanks Freeman Gaines Hargrove Isom Jeffries Kincaid Lyles McCray Nettles Pettway "
            "Roundtree Sykes Tolliver Vickers Winfield"
        ),
    ),
    Community(
        22,
        (WHITE,),
        "White",
        "",
        True,
        "es",
        _words(
            "Alejandra Beatriz Camila Daniela Esperanza Fernanda Gabriela Itzel Jimena Lucía Marisela Noemí Paloma Rocío "
            "Sofía Ximena Yolanda"
        ),
        _words(
            "Álvaro Benicio César Diego Emiliano Fabián Gerardo Hernán Ismael Joaquín Leonel Mateo Nicolás Óscar Ramón Sebastián Ulises"
        ),
        _words(
            "Acevedo Barrera Cárdenas Delgado Escobedo Figueroa Guzmán Herrera Ibarra Juárez Lozano Maldonado Núñez "
            "Orozco Peña Quiñones Rentería Saldívar Toledo Villaseñor Zamora"
        ),
    ),
    Community(
        12,
        (ASIAN,),
        "Asian",
        "",
        False,
        "",
        _words("Ananya Mei-Ling Hana Ji-woo Linh Priyanka Sakura Thanh Xiu Yuna"),
        _words("Arjun Bao Daisuke Hiro Jun-ho Kiran Minh Rohan Tuan Wei"),
        _words("Banerjee Cho Dang Fujimoto Hwang Iyer Khanna Lim Mehta Ngo Okada Park Quach Sharma Tanaka Vo Wong Yoon"),
    ),
    Community(
        5,
        (NATIVE,),
        "American Indian or Alaska Native",
        "",
        False,
        "",
        _words("Aiyana Dawn Kaya Leotie Winona"),
        _words("Dakota Hiawatha Mahkah Tahoma Wyatt"),
        _words("Deerfield Jacobs Longboat Redwing Skenandore Whitecloud"),
    ),
    Community(
        4,
        (PACIFIC,),
        "Native Hawaiian or Other Pacific Islander",
        "",
        False,
        "",
        _words("Leilani Malia Sina Talia"),
        _words("Kaleo Manaia Sione Tevita"),
        _words("Faleolo Kahananui Mataafa Tupou"),
    ),
    Community(
        8,
        (WHITE,),
        "White",
        "",
        False,
        "ar",
        _words("Amal Dalia Hanan Layla Noor Rania"),
        _words("Bilal Faris Hassan Karim Omar Tariq"),
        _words("Al-Rashid Bitar Darwish Haddad Khoury Mansour Sabbagh"),
    ),
    Community(
        7,
        (WHITE,),
        "White",
        "",
        False,
        "ru",
        _words("Agnieszka Bożena Darya Irina Katarzyna Zofia"),
        _words("Aleksei Bohdan Dmitri Jakub Łukasz Zbigniew"),
        _words("Bielawski Czarnecki Ivanenko Kowalczyk Morozov Wójcik Zieliński"),
    ),
    Community(
        8,
        (WHITE, BLACK),
        "More than one race",
        "",
        False,
        "",
        _words("Ariel Jada Kiara Mariah Sienna Skye"),
        _words("Jaden Micah Phoenix Rowan Tyson Zion"),
        _words("Alcott-Rivers Bright Delacroix Fontaine Grady-Sims Halloway Monroe St.Clair"),
    ),
    Community(
        4,
        (BLACK,),
        "Black or African American",
        "",
        False,
        "ht",
        _words("Fabiola Mirlande Nadège Wideline"),
        _words("Emmanuel Jean-Robert Rénald Wilner"),
        _words("Charles-Pierre Desrosiers Jean-Baptiste Toussaint"),
    ),
)

LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "ar": "Arabic",
    "ru": "Russian",
    "ht": "Haitian Creole",
    "so": "Somali",
    "vi": "Vietnamese",
    "pl": "Polish",
}

STREETS = _words(
    "Ashgrove Birchfield Copperline Dovetail Elmhurst Fernhollow Granary Hawthorn Ironbridge Juniper "
    "Kingfisher Lantern Millpond Nettlewood Orchard Pinewater Quarryside Rosemead Silverbirch Tanglewood"
)
STREET_KINDS = ("Street", "Avenue", "Lane", "Road", "Court", "Terrace")
TOWNS = (("Alder Falls", "10099"), ("East Tamarack", "10098"), ("Port Linden", "10097"), ("Gray Heron", "10096"))
