"""Lists compared with a table: what it names, what it does not know, and every fault of a table that cannot be loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sojourn.care.listing import Item
from sojourn.care.medications import checking, inforce, tables
from sojourn.cli import main

HEAD = '[table]\ntitle = "Ours"\nversion = "1"\neffective = 2026-11-01\ncomplete = true\nsource = "Our pharmacist"\n'


def items(*names: str) -> list[Item]:
    return [Item(f"MedicationRequest/{n}", name) for n, name in enumerate(names)]


def said(*names: str, allergies: tuple[str, ...] = ()) -> checking.Checked:
    return checking.check(tables.starter(), items(*names), [Item(f"AllergyIntolerance/{n}", name) for n, name in enumerate(allergies)])


def test_the_shipped_table_has_no_fault_is_marked_incomplete_and_every_row_has_a_source() -> None:
    table = tables.starter()
    assert not table.complete
    assert all(p.source and p.text for p in (*table.pairs, *table.crosses.values()))
    assert any(not p.sure for p in table.pairs)
    assert any(p.sure for p in table.pairs)


@pytest.mark.parametrize(
    ("names", "severity", "kind"),
    [
        (("Buprenorphine 8 mg and naloxone 2 mg film", "Lorazepam 1 mg tablet"), "major", "interaction"),
        (("Naltrexone 50 mg tablet", "Suboxone film"), "contraindicated", "interaction"),
        (("LITHIUM carbonate 300 mg", "Advil 200 mg"), "major", "interaction"),
        (("Sertraline 50 mg tablet", "Sertraline 100 mg tablet"), "moderate", "duplicate"),
        (("Sertraline 50 mg tablet", "Escitalopram 10 mg tablet"), "major", "duplicate"),
        (("Valproic acid 250 mg", "Lamictal 25 mg"), "major", "interaction"),
    ],
)
def test_a_pair_is_found_by_names_brands_and_classes_in_either_order(names: tuple[str, str], severity: str, kind: str) -> None:
    for order in (names, names[::-1]):
        found = said(*order).findings
        assert (severity, kind) in [(f.severity, f.kind) for f in found]


def test_what_one_source_tells_and_another_ordered_is_no_duplicate() -> None:
    told, ordered, again = (Item(f"MedicationRequest/{n}", "Sertraline 50 mg", (), source) for n, source in enumerate(("home", "here", "here")))
    assert checking.check(tables.starter(), [told, ordered], []).findings == []
    assert [f.kind for f in checking.check(tables.starter(), [told, ordered, again], []).findings] == ["duplicate"]


def test_parts_of_words_are_no_ingredient() -> None:
    table = tables.starter()
    assert table.ingredients_in("Codeinex") == frozenset()
    assert table.ingredients_in("Hydrocodone and acetaminophen") == {"hydrocodone"}
    assert table.ingredients_in("An unlisted name", [(tables.RXNORM, "7243")]) == {"naltrexone"}
    assert table.ingredients_in("An unlisted name", [("http://example.org", "7243")]) == frozenset()


def test_an_allergy_is_compared_by_substance_and_by_class() -> None:
    assert [f.severity for f in said("Amoxicillin 500 mg", allergies=("Penicillin V",)).findings] == ["major"]
    assert [f.severity for f in said("Codeine 30 mg", allergies=("Codeine",)).findings] == ["contraindicated"]
    assert [f.severity for f in said("Bactrim DS", allergies=("Sulfa drugs",)).findings] == ["major"]
    assert said("Morphine 15 mg", allergies=("Codeine",)).findings == []


def test_what_was_not_compared_is_named_and_never_called_safe() -> None:
    checked = said("Sertraline 50 mg", "Levothyroxine 50 mcg", "Albuterol inhaler", "Fish oil", "Lisinopril 10 mg", allergies=("Latex",))
    text = " ".join(checked.said())
    assert "3 of 5 medications are not known to the table: Levothyroxine 50 mcg, Albuterol inhaler, Fish oil." in text
    assert "1 of 1 allergy is not known to the table: Latex." in text
    assert "not complete" in text
    assert checked.said()[-1] == checking.ALWAYS == said().said()[-1]
    assert "no interaction" not in text.casefold()


def test_the_same_lines_and_sentence_have_the_same_key_in_any_order() -> None:
    a, b = Item("MedicationRequest/a", "Lorazepam"), Item("MedicationRequest/b", "Methadone")
    keys = {tuple(f.key for f in checking.check(tables.starter(), order, []).findings) for order in ([a, b], [b, a])}
    assert len(keys) == 1
    (first,) = checking.check(tables.starter(), [a, b], []).findings
    assert first.covered({"MedicationRequest/a", "MedicationRequest/b"})
    (other,) = checking.check(tables.starter(), [a, Item("MedicationRequest/c", "Methadone")], []).findings
    assert other.key == first.key
    assert not other.covered(first.refs)  # another order of the same is asked again


def test_what_is_told_and_ordered_of_one_medication_warns_once() -> None:
    told, ordered, other = Item("MedicationStatement/a", "Neurontin", (), "home"), Item("MedicationRequest/b", "Gabapentin 300 mg", (), "here"), Item("MedicationRequest/c", "Lorazepam", (), "here")
    (found,) = checking.check(tables.starter(), [told, ordered, other], []).findings
    assert (found.title, len(found.refs)) == ("Gabapentin 300 mg with Lorazepam", 3)
    (before,) = checking.check(tables.starter(), [ordered, other], []).findings
    assert found.covered(before.refs)  # that it is told as well asks nothing anew


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a = [", "unreadable"),
        ("[[pair]]\n", "no-head"),
        ('[table]\ntitle = "x"\nversion = "1"\nsource = "s"\ncomplete = true\neffective = "soon"\n', "no-date"),
        (HEAD.replace("complete = true", ""), "complete"),
        (HEAD + "[[pairs]]\n", "unknown-part"),
        (HEAD + '[[ingredient]]\nkey = "x"\nnames = []\n', "no-names"),
        (HEAD + '[[ingredient]]\nkey = "x"\nnames = ["x"]\nclasses = ["nowhere"]\n', "no-such-class"),
        (HEAD + '[[ingredient]]\nkey = "x"\nnames = ["x"]\n[[ingredient]]\nkey = "x"\nnames = ["y"]\n', "twice"),
        (HEAD + '[[pair]]\na = "nobody"\nb = "lithium"\nseverity = "major"\ntext = "t"\nsource = "s"\n', "no-such-ingredient"),
        (HEAD + '[[pair]]\na = "lithium"\nb = "class:nsaid"\nseverity = "bad"\ntext = "t"\nsource = "s"\n', "severity"),
        (HEAD + '[[pair]]\na = "lithium"\nb = "class:nsaid"\nseverity = "major"\ntext = "t"\nsource = " "\n', "no-source"),
        (HEAD + '[[pair]]\na = "lithium"\nb = "class:nsaid"\nseverity = "major"\ntext = ""\nsource = "s"\n', "no-text"),
        (HEAD + '[[allergen]]\nnames = ["x"]\nclass = "nowhere"\n', "no-such-class"),
        (HEAD + "[class]\nkey = 1\n", "not-a-list"),
    ],
)
def test_a_table_with_a_fault_is_refused_and_the_fault_has_a_name(text: str, code: str) -> None:
    with pytest.raises(inforce.FaultyTable) as refused:
        inforce.examined(text)
    assert code in [f.code for f in refused.value.faults]


def test_rows_of_an_organization_go_before_those_that_are_shipped_and_add_to_them() -> None:
    own = HEAD + '[[ingredient]]\nkey = "kratom"\nnames = ["kratom"]\nclasses = ["opioid"]\n[[pair]]\na = "class:benzodiazepine"\nb = "class:opioid"\nseverity = "contraindicated"\ntext = "Never here."\nsource = "Our formulary"\n'
    table = inforce.examined(own)
    found = checking.check(table, items("Kratom powder", "Ativan"), []).findings
    assert [(f.severity, f.source) for f in found] == [("contraindicated", "Our formulary")]
    assert not table.complete  # as long as it rests on one that is not
    assert checking.check(table, items("Lithium", "Ibuprofen"), []).findings


def test_a_command_line_names_every_fault_and_loads_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(HEAD + '[[ingredient]]\nkey = "kratom"\nnames = ["kratom"]\n')
    bad.write_text(HEAD + '[[pair]]\na = "nobody"\nb = "lithium"\nseverity = "bad"\ntext = "t"\nsource = "s"\n')
    assert main(["load-medications", str(good), "--check"]) == 0
    assert "Ours, version 1" in capsys.readouterr().out
    assert main(["load-medications", str(bad), "--check"]) == 1
    said = capsys.readouterr().err
    assert "pair 1: no-such-ingredient" in said
    assert "pair 1: severity" in said


def test_json_and_a_table_that_stands_alone_are_read_too() -> None:
    raw = {
        "table": {"title": "Alone", "version": "2", "effective": "2026-11-01", "complete": True, "source": "s", "alone": True},
        "ingredient": [{"key": "a", "names": ["aa"]}, {"key": "b", "names": ["bb"]}], "pair": [{"a": "a", "b": "b", "severity": "moderate", "text": "t", "source": "s"}],
    }  # fmt: skip
    table = inforce.examined(json.dumps(raw))
    assert (set(table.ingredients), len(table.pairs), table.complete) == ({"a", "b"}, 1, True)
