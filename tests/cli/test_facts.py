"""`bihuan facts`: what there is to fill in, and every value of it."""

from __future__ import annotations

import json

from engine.core.rulebook import Rulebook
from tests.cli.test_cli import Bihuan, answer, bihuan, rehearsal

__all__ = ["bihuan", "rehearsal"]
VENUE = ["case", "open", "场所名称=示例", "地址=和平路1号", "所属社区=华业社区", "--as", "huaye"]


def test_every_kind_is_listed_with_its_title_and_what_it_asks_for(rehearsal: Bihuan, book: Rulebook) -> None:
    told = rehearsal("facts").stdout
    kinds = [of for of in book.subjects.values() if of.decided_by]
    assert all(of.title in told and of.name in told for of in kinds)
    assert "品名、存放地点、批号" in told
    assert [each["kind"] for each in answer(rehearsal, "facts")["kinds"]] == [of.name for of in kinds]


def test_the_values_of_a_fact_are_never_cut(rehearsal: Bihuan, book: Rulebook) -> None:
    values = book.subjects["venue"].fields["venue_type"].values
    assert len(values) == 27
    shown = rehearsal("facts", "场所", "场所类型").stdout
    assert all(f"│ {value} " in shown for value in values)
    told = answer(rehearsal, "facts", "venue", "venue_type")
    assert tuple(value["value"] for value in told["values"]) == values
    (listed,) = [each for each in answer(rehearsal, "facts", "场所")["facts"] if each["fact"] == "venue_type"]
    assert tuple(value["value"] for value in listed["values"]) == values
    assert "等 27 项" in rehearsal("facts", "场所").stdout  # the overview alone is short, and says how to see the rest


def test_a_wrong_option_is_told_with_all_that_there_are(rehearsal: Bihuan, book: Rulebook) -> None:
    values = book.subjects["venue"].fields["venue_type"].values
    words = [*VENUE, "场所类型=菜市", "--kind", "场所"]
    assert "、".join(values) in rehearsal(*words, exit_code=2).stderr
    (problem,) = json.loads(rehearsal(*words, "--json", exit_code=2).stdout)["problems"]
    assert "、".join(values) in problem["what"]


def test_a_kind_is_named_by_its_title_or_its_name(rehearsal: Bihuan) -> None:
    first = answer(rehearsal, *VENUE, "场所类型=网吧", "--kind", "场所")
    second = answer(rehearsal, *(word.replace("示例", "另一") for word in VENUE), "场所类型=台球室", "--kind", "venue")
    assert first["category"] == second["category"] == "文娱场馆"


def test_a_wrong_kind_is_told_with_all_kinds_and_the_nearest(rehearsal: Bihuan) -> None:
    told = rehearsal(*VENUE, "--kind", "场地", exit_code=2).stderr
    assert "没有对象类别 场地" in told
    assert "场所（venue）" in told
    assert "补货（order）" in told
    assert "bihuan facts" in rehearsal("case", "open", "--help").stdout
    assert "可用：人员（person）" in rehearsal("facts", "事项", exit_code=2).stderr  # nobody opens one by hand


def test_a_fact_that_there_is_not_is_told_with_the_nearest(rehearsal: Bihuan) -> None:
    told = rehearsal("facts", "信息", "社区", exit_code=2).stderr
    assert "FACT-001 — 信息没有要素 社区" in told
    assert "是不是 所属社区" in told


def test_a_unit_without_a_list_may_be_any_unit(rehearsal: Bihuan, book: Rulebook) -> None:
    told = answer(rehearsal, "facts", "信息", "报告单位")
    assert [value["value"] for value in told["values"]] == list(book.organisation.units)
