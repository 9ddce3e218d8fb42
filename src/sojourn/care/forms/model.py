"""The nouns of a form: items, options, conditions; read from a FHIR Questionnaire.

https://hl7.org/fhir/R4/questionnaire.html and https://hl7.org/fhir/uv/sdc/STU3/. What is not understood is left as it is in the resource;
`faults` says what would keep a form from being used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from sojourn.fhir.expressions import ORDINAL

Json = dict[str, Any]

SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
R4: Final = "http://hl7.org/fhir/StructureDefinition/"
HIDDEN: Final = R4 + "questionnaire-hidden"
CONTROL: Final = R4 + "questionnaire-itemControl"
CONTROL_SYSTEM: Final = "http://hl7.org/fhir/questionnaire-item-control"
UNIT: Final = R4 + "questionnaire-unit"
UNIT_OPTION: Final = R4 + "questionnaire-unitOption"
LEAST: Final = R4 + "minValue"
MOST: Final = R4 + "maxValue"
FEWEST: Final = R4 + "questionnaire-minOccurs"
MOST_TIMES: Final = R4 + "questionnaire-maxOccurs"
ENTRY_FORMAT: Final = R4 + "entryFormat"
EXCLUSIVE: Final = R4 + "questionnaire-optionExclusive"
CALCULATED: Final = SDC + "calculatedExpression"
INITIAL: Final = SDC + "initialExpression"
ENABLED: Final = SDC + "enableWhenExpression"
EXTRACT: Final = SDC + "observationExtract"
ABSENT: Final = R4 + "data-absent-reason"
OURS: Final = "https://sojourn.example/fhir/StructureDefinition/"
ASKED_OF: Final = OURS + "asked-of"
"""Who answers: `client` (they may decline to) or `clinician` (who writes down what they found). It holds for everything inside, too."""
KIND: Final = OURS + "form-kind"
"""What a form is for, so that deadlines and places find it: assessment, level-of-care, measure, other."""

QUESTIONS: Final = frozenset({"boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text", "url", "choice", "open-choice", "quantity", "reference", "attachment"})
SUPPORTED: Final = QUESTIONS - {"reference", "attachment"} | {"group", "display"}
"""Types that can be filled in here."""
OPERATORS: Final = ("exists", "=", "!=", ">", "<", ">=", "<=")
VARIABLES: Final = frozenset({"patient", "user", "questionnaire"})
"""What an expression may name beside %resource and %context."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen: its FHIR value[x] by property name, its words, what it is worth, whether it shuts out all others."""

    value: Mapping[str, Any]
    text: str
    key: str
    """As it travels in a form: unique among the options of its item."""
    worth: Decimal | None = None
    chosen: bool = False
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """One condition. value: the answer[x] it is compared with, by property name (without `answer`)."""

    question: str
    operator: str
    value: tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One item with all that changes how it is asked. above: the linkIds of the repeating groups that it stands in, outermost first."""

    link: str
    type: str
    text: str
    raw: Json
    prefix: str = ""
    required: bool = False
    repeats: bool = False
    read_only: bool = False
    hidden: bool = False
    help: str = ""
    options: tuple[Option, ...] = ()
    when: tuple[When, ...] = ()
    when_all: bool = True
    when_expression: str = ""
    calculated: str = ""
    initial_expression: str = ""
    initial: tuple[Mapping[str, Any], ...] = ()
    max_length: int | None = None
    least: Any = None
    most: Any = None
    fewest: int = 0
    most_times: int | None = None
    units: tuple[Mapping[str, Any], ...] = ()
    hint: str = ""
    control: str = ""
    by_client: bool = True
    extract: bool = False
    items: tuple[Item, ...] = ()
    above: tuple[str, ...] = ()

    @property
    def is_question(self) -> bool:
        """Whether it takes an answer."""
        return self.type in QUESTIONS

    @property
    def fixed(self) -> bool:
        """Whether nobody types into it."""
        return self.read_only or bool(self.calculated)

    @property
    def may_refuse(self) -> bool:
        """Whether "would not say" is an answer to it: where the client is asked."""
        return self.is_question and self.by_client and not self.fixed and not self.hidden


@dataclass(frozen=True)
class Form:
    """A Questionnaire, read."""

    resource: Json
    items: tuple[Item, ...]

    @property
    def id(self) -> str:
        """The logical id of this version."""
        return str(self.resource.get("id", ""))

    @property
    def url(self) -> str:
        """The canonical of the form in all its versions."""
        return str(self.resource.get("url", ""))

    @property
    def version(self) -> str:
        """The business version."""
        return str(self.resource.get("version", ""))

    @property
    def canonical(self) -> str:
        """What a response names: url|version."""
        return f"{self.url}|{self.version}" if self.version else self.url

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.resource.get("title") or self.resource.get("name") or "A form without a name")

    @property
    def status(self) -> str:
        """draft, active, retired."""
        return str(self.resource.get("status", ""))

    @property
    def kind(self) -> str:
        """What it is for (KIND)."""
        return str(_extension(self.resource, KIND).get("valueCode", "other"))

    @cached_property
    def all(self) -> tuple[Item, ...]:
        """Every item, in the order of the page."""
        return tuple(_flat(self.items))

    @cached_property
    def by_link(self) -> Mapping[str, Item]:
        """Items by linkId; the first of each, if a form has one twice."""
        found: dict[str, Item] = {}
        for item in self.all:
            found.setdefault(item.link, item)
        return found


def read(resource: Json, value_sets: Mapping[str, list[Json]] | None = None) -> Form:
    """A Questionnaire as a Form. value_sets: codings of value sets that are not contained, by canonical."""
    sets = dict(value_sets or {})
    for inside in resource.get("contained", ()):
        if isinstance(inside, dict) and inside.get("resourceType") == "ValueSet":
            sets[f"#{inside.get('id')}"] = codings_of(inside)
    return Form(resource, tuple(_item(i, sets, by_client=True, above=()) for i in resource.get("item", ()) if isinstance(i, dict)))


def codings_of(value_set: Json) -> list[Json]:
    """What a value set lists: its expansion, else the concepts that its definition spells out."""
    listed = [{k: c[k] for k in ("system", "code", "display") if c.get(k)} for c in (value_set.get("expansion") or {}).get("contains", ())]
    if listed:
        return listed
    return [
        {"system": include.get("system", ""), **{k: c[k] for k in ("code", "display") if c.get(k)}}
        for include in (value_set.get("compose") or {}).get("include", ())
        for c in include.get("concept", ())
    ]


def _flat(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from _flat(item.items)


def _extension(element: Json, url: str) -> Json:
    return next((e for e in element.get("extension", ()) if isinstance(e, dict) and e.get("url") == url), {})


def _every(element: Json, url: str) -> list[Json]:
    return [e for e in element.get("extension", ()) if isinstance(e, dict) and e.get("url") == url]


def _expression(element: Json, url: str) -> str:
    given = _extension(element, url).get("valueExpression") or {}
    return str(given.get("expression", "")) if given.get("language", "text/fhirpath") == "text/fhirpath" else ""


def _control(element: Json) -> str:
    codings = (_extension(element, CONTROL).get("valueCodeableConcept") or {}).get("coding", ())
    return next((str(c.get("code", "")) for c in codings if c.get("system") == CONTROL_SYSTEM), "")


def value_of(element: Mapping[str, Any], prefix: str = "value") -> tuple[str, Any]:
    """The type and value of a value[x]: ("Coding", {...}); ("", None) where there is none."""
    for key, value in element.items():
        if key.startswith(prefix) and key[len(prefix) : len(prefix) + 1].isupper():
            return key[len(prefix) :], value
    return "", None


def _item(raw: Json, sets: Mapping[str, list[Json]], *, by_client: bool, above: tuple[str, ...]) -> Item:
    kind, link = str(raw.get("type", "")), str(raw.get("linkId", ""))
    asked_of = _extension(raw, ASKED_OF).get("valueCode")
    by_client = by_client if asked_of is None else asked_of != "clinician"
    inner = (*above, link) if kind == "group" and raw.get("repeats") is True else above
    children = [i for i in raw.get("item", ()) if isinstance(i, dict)]
    helps = [str(i.get("text", "")) for i in children if i.get("type") == "display" and _control(i) == "help"]
    kept = [i for i in children if not (i.get("type") == "display" and _control(i) == "help")]
    units = [u for e in _every(raw, UNIT_OPTION) if (u := e.get("valueCoding"))] or [u for e in _every(raw, UNIT) if (u := e.get("valueCoding"))]
    return Item(
        link, kind, str(raw.get("text", "")), raw, str(raw.get("prefix", "")), raw.get("required") is True, raw.get("repeats") is True, raw.get("readOnly") is True,
        _extension(raw, HIDDEN).get("valueBoolean") is True, " ".join(filter(None, helps)), _options(raw, sets), _whens(raw), raw.get("enableBehavior", "all") != "any",
        _expression(raw, ENABLED), _expression(raw, CALCULATED), _expression(raw, INITIAL), tuple(i for i in raw.get("initial", ()) if isinstance(i, dict)),
        raw.get("maxLength") if isinstance(raw.get("maxLength"), int) else None, value_of(_extension(raw, LEAST))[1], value_of(_extension(raw, MOST))[1],
        int(_extension(raw, FEWEST).get("valueInteger", 0)), _extension(raw, MOST_TIMES).get("valueInteger"), tuple(units), str(_extension(raw, ENTRY_FORMAT).get("valueString", "")),
        _control(raw), by_client, _extension(raw, EXTRACT).get("valueBoolean") is True,
        tuple(_item(i, sets, by_client=by_client, above=inner) for i in kept), above,
    )  # fmt: skip


def _options(raw: Json, sets: Mapping[str, list[Json]]) -> tuple[Option, ...]:
    listed = [o for o in raw.get("answerOption", ()) if isinstance(o, dict)]
    if not listed and raw.get("answerValueSet"):
        listed = [{"valueCoding": c} for c in sets.get(str(raw["answerValueSet"]), ())]
    out: list[Option] = []
    for n, one in enumerate(listed):
        kind, value = value_of(one)
        if not kind:
            continue
        exclusive = _extension(one, EXCLUSIVE).get("valueBoolean") is True
        worth = _worth(one, value)
        if worth is not None and isinstance(value, dict) and not _extension(value, ORDINAL):
            value = {"extension": [{"url": ORDINAL, "valueDecimal": worth}], **value}  # what it is worth travels with the answer
        out.append(Option({f"value{kind}": value}, _option_text(kind, value), str(n), worth, one.get("initialSelected") is True, exclusive))
    return tuple(out)


def _worth(option: Json, value: Any) -> Decimal | None:
    found = _extension(option, ORDINAL) or (_extension(value, ORDINAL) if isinstance(value, dict) else {})
    return Decimal(str(found["valueDecimal"])) if "valueDecimal" in found else None


def _option_text(kind: str, value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("display") or value.get("code") or value.get("reference") or "")
    return str(value)


def _whens(raw: Json) -> tuple[When, ...]:
    given = [w for w in raw.get("enableWhen", ()) if isinstance(w, dict)]
    return tuple(When(str(w.get("question", "")), str(w.get("operator", "")), value_of(w, "answer")) for w in given)
