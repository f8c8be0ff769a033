"""How far examples and stories reach: all of the shipped rules, and what is left out is told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.core.coverage import Coverage, reached
from engine.core.rulebook import Rulebook
from engine.packs.pack import compile_pack

EXAMPLES = "rules/examples/persons.yaml"


def without(files: dict[str, bytes], *names: str) -> Rulebook:
    text = files[EXAMPLES].decode()
    for name in names:
        text, count = re.subn(rf"\n  - {{name: {name},[^\n]*", "", text)
        assert count == 1, name
    return compile_pack(files | {EXAMPLES: text.encode()})


def of_persons(book: Rulebook) -> Coverage:
    return next(table for table in reached(book).tables if table.title == book.tables["persons"].title)


def test_the_examples_of_the_shipped_pack_reach_every_rule_and_condition(book: Rulebook) -> None:
    far = reached(book)
    assert {table.title: (table.rows_missed, table.cells_missed) for table in far.tables} == {
        table.title: ((), ()) for table in book.tables.values()
    }
    assert all(covered.cells_met == covered.cells >= covered.rows for covered in far.tables)


def test_every_workflow_of_the_shipped_pack_has_a_story(book: Rulebook) -> None:
    assert reached(book).untold == ()


def test_a_rule_that_no_example_hits_is_told(pack_files: dict[str, bytes]) -> None:
    told = without(pack_files, "康复患者", "无症状感染者")
    persons = of_persons(replace(told, stories=()))
    assert persons.rows_missed == ("P11", "P12")
    assert persons.cells_missed[-2:] == ("P11 重点人群为 康复患者", "P12 重点人群为 无症状感染者")
    assert of_persons(told).rows_missed == ("P12",), "a story opens the case of somebody recovered"


@pytest.mark.parametrize(
    ("name", "missed"),
    [
        ("外地回来咽痛", "P02 症状为 咽痛"),
        ("入境人员发热", "P02 入境为 是"),
        ("低风险地区回来发热", "P02 来源地风险等级为 低风险"),
    ],
)
def test_one_value_of_a_rule_that_no_example_has_is_told(pack_files: dict[str, bytes], name: str, missed: str) -> None:
    persons = of_persons(without(pack_files, name))
    assert persons.rows_missed == ()
    assert missed in persons.cells_missed
