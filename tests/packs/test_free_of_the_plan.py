"""The engine names nothing of the plan it ships with: another closed loop is another pack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.org import COMMUNITY
from engine.core.rulebook import Rulebook

ENGINE = Path(__file__).resolve().parents[2] / "engine"
OWN = {COMMUNITY, "其他", "正常", "异常", "合格", "不合格", "完成", "未完成", "通过"}
"""A word of the rule language itself, and words that say nothing of any plan."""
PARTS = {"核酸", "阳性", "阴性", "疫情", "疾控", "隔离", "密接", "风险地区", "街道", "菜市场", "督查", "谣言", "转运"}
"""Words that the plan uses inside of longer ones."""
HAN = re.compile(r"[\u4e00-\u9fff]")


def words(book: Rulebook) -> set[str]:
    """What the plan calls its units, categories, venue types, measures and papers, its workflows and their states.

    Chinese titles of states of fewer than four characters, and ids that are one English word, are everyday words.
    """
    told = set(book.organisation.units) | set(book.sources) | PARTS
    told |= {word for paper in book.papers.values() for word in (paper.name, paper.title)}
    for table in book.tables.values():
        told |= {word for of in table.inputs for value in of.values for word in (value, of.titles.get(value, ""))}
        for row in table.rows:
            outcome = [row.then[key] for key in row.then if key not in ("lead", "supporting", "workflow")]
            told |= {str(word) for value in outcome for word in (value if isinstance(value, list | tuple) else [value])}
    for flow in book.workflows.values():
        told |= {flow.name, flow.title} | {task.title for task in flow.tasks.values()}
        for state in flow.states.values():
            told |= {state.name} | ({state.title} if len(state.title) > 3 else set())
    return {word for word in told if len(word) > 1 and (HAN.search(word) or "_" in word)} - OWN


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the engine; a wheel has the pack itself in `shipped`."""
    for path in sorted(ENGINE.rglob("*")):
        name = path.relative_to(ENGINE)
        if path.suffix in (".py", ".yaml", ".typ") and name.parts[0] != "shipped":
            yield name.as_posix(), path.read_text("utf-8")


def named(told: str, known: set[str]) -> list[str]:
    """The words of the plan in a text; an English id only as a word of its own."""
    return sorted(w for w in known if (w in told if HAN.search(w) else re.search(rf"\b{w}\b", told)))


def test_every_part_of_a_word_is_one_of_the_plan(pack_files: dict[str, bytes]) -> None:
    said = "".join(raw.decode() for raw in pack_files.values())
    assert {word for word in PARTS if word not in said} == set()


def test_the_demonstration_is_looked_at_too() -> None:
    assert "demo/story.py" in dict(texts())


def test_nothing_of_the_shipped_plan_is_named_in_the_engine(book: Rulebook) -> None:
    known = words(book)
    assert len(known) > 60
    assert {name: found for name, text in texts() if (found := named(text, known))} == {}


@pytest.mark.parametrize(
    "line", ['if unit == "转运专班":', "# 密接 first", '"close_contact"', 'measure = "集中隔离"', '{"result": "核酸"}']
)
def test_a_line_that_names_something_of_the_plan_is_found(book: Rulebook, line: str) -> None:
    assert named(line, words(book))
