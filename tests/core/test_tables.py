from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.conditions import Between, Cell, Fact, Field, Known, NotOneOf, OneOf, Unknown, holds
from engine.core.errors import BadInput, Refused
from engine.core.tables import Row, Table

COLOUR = Field("colour", "颜色", "enum", ("red", "green", "blue"))
FLAG = Field("flag", "标记", "yes_no")
SIZE = Field("size", "大小", "integer", low=0, high=4)
UNIT = Field("unit", "单位", "unit", ("甲", "乙"))
START = date(2022, 1, 1)
DAYS = [START + timedelta(days=n) for n in range(4)]
DOMAINS: dict[str, list[Fact]] = {
    "colour": [*COLOUR.values, None],
    "flag": [True, False, None],
    "size": [*range(5), None],
}


def one_of(*values: Fact) -> OneOf:
    return OneOf(frozenset(values))


def cells_of(field: Field) -> st.SearchStrategy[Cell | None]:
    values = [value for value in DOMAINS[field.name] if value is not None]
    some = st.sets(st.sampled_from(values), min_size=1).map(frozenset)
    kinds: list[st.SearchStrategy[Any]] = [
        st.none(),
        some.map(OneOf),
        some.map(NotOneOf),
        st.just(Known()),
        st.just(Unknown()),
    ]
    if field.type == "integer":
        bound = st.none() | st.integers(-1, 5)
        kinds.append(st.builds(Between, bound, bound, st.booleans(), st.booleans()))
    return st.one_of(kinds)


# Made once: a strategy made anew at every draw costs many times what it draws.
WHENS = st.fixed_dictionaries({field.name: cells_of(field) for field in (COLOUR, FLAG, SIZE)}).map(
    lambda cells: {name: cell for name, cell in cells.items() if cell is not None}
)
SOME_WHENS = st.lists(WHENS, min_size=1, max_size=2)
MAYBE_DAY = st.none() | st.sampled_from(DAYS)
RANK = st.integers(0, 2)
UP_TO_FIVE = st.integers(0, 5)


@st.composite
def tables(draw: st.DrawFn, policy: str) -> Table:
    rows = []
    for number in range(draw(UP_TO_FIVE)):
        since, until = draw(MAYBE_DAY), draw(MAYBE_DAY)
        priority = draw(RANK) if policy == "priority" else 0
        rows.append(
            Row(f"R{number}", tuple(draw(SOME_WHENS)), {"value": number}, f"条{number}", priority, since, until)
        )
    return Table("t", "表", policy, [COLOUR, FLAG, SIZE], rows)


def naive(table: Table, facts: dict[str, Fact], day: date) -> list[Row]:
    """Every row that holds, one after the other."""
    return [
        row
        for row in table.rows
        if (row.since is None or row.since <= day)
        and (row.until is None or day < row.until)
        and any(all(holds(cell, facts.get(name)) for name, cell in cells.items()) for cells in row.when)
    ]


def whole_domain() -> list[dict[str, Fact]]:
    return [dict(zip(DOMAINS, values, strict=True)) for values in product(*DOMAINS.values())]


@settings(max_examples=60, deadline=None)
@given(tables("priority"), st.sampled_from(DAYS))
def test_priority_takes_the_best_ranked_row_that_holds(table: Table, day: date) -> None:
    for facts in whole_domain():
        hits = naive(table, facts, day)
        decision = table.decide(facts, day)
        best = min((row.priority for row in hits), default=None)
        assert decision.matched is bool(hits)
        if len([row for row in hits if row.priority == best]) == 1:
            assert decision.rules == tuple(row.id for row in hits if row.priority == best)


@settings(max_examples=50, deadline=None)
@given(tables("collect"), st.sampled_from(DAYS))
def test_collect_adds_up_every_row_that_holds_in_their_order(table: Table, day: date) -> None:
    for facts in whole_domain():
        hits = naive(table, facts, day)
        decision = table.decide(facts, day)
        assert decision.rules == tuple(row.id for row in hits)
        assert decision.outcome == ({"value": [row.then["value"] for row in hits]} if hits else {})


@settings(max_examples=60, deadline=None)
@given(tables("unique"), st.sampled_from(DAYS))
def test_unique_takes_the_one_row_or_refuses(table: Table, day: date) -> None:
    for facts in whole_domain():
        hits = naive(table, facts, day)
        if len(hits) > 1:
            with pytest.raises(Refused, match="RULE-025"):
                table.decide(facts, day)
        else:
            assert table.decide(facts, day).rules == tuple(row.id for row in hits)


def test_a_value_outside_its_domain_is_told_with_the_nearest() -> None:
    table = Table("t", "表", "unique", [COLOUR], [Row("a", ({},), {"x": 1})])
    with pytest.raises(BadInput, match="did you mean green"):
        table.decide({"colour": "gren"}, START)


def test_true_and_one_are_not_the_same_fact() -> None:
    table = Table("t", "表", "priority", [FLAG, SIZE], [Row("a", ({"size": one_of(1)},), {"x": 1})])
    assert table.decide({"flag": True, "size": 1}, START).inputs["flag"] is True
    assert table.decide({"flag": None, "size": 1}, START).inputs["flag"] is None
    assert table.decide({"flag": 1, "size": True}, START).inputs["size"] is True


def test_a_unit_nobody_names_is_met_by_what_takes_any() -> None:
    table = Table(
        "t", "表", "priority", [UNIT], [Row("a", ({"unit": one_of("甲")},), {}), Row("b", ({},), {}, priority=1)]
    )
    assert table.decide({"unit": "丙"}, START).rules == ("b",)


@pytest.mark.parametrize(
    ("field", "words"),
    [(Field("n", "姓名", "text"), "规则输入须为"), (Field("n", "姓名", "text", pii=True), "个人信息")],
)
def test_texts_and_personal_facts_are_no_inputs(field: Field, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Table("t", "表", "unique", [field], [])


def test_the_explanation_names_the_first_cell_that_failed() -> None:
    rows = [
        Row("a", ({"colour": one_of("red"), "flag": one_of(True)},), {}),
        Row("b", ({"colour": one_of("green")},), {}, since=DAYS[2]),
        Row("c", ({"colour": one_of("green")},), {}),
    ]
    table = Table("t", "表", "priority", [COLOUR, FLAG], rows)
    told = {row.id: why for row, why in table.considered({"colour": "green"}, START)}
    assert told["a"] == "要求 颜色为 red，现为 green"
    assert "之外" in told["b"]
    assert told["c"] == ""


def test_of_several_alternatives_the_explanation_names_the_nearest() -> None:
    ways = (
        {"colour": one_of("red"), "flag": one_of(True)},
        {"colour": one_of("red")},
        {"colour": one_of("green"), "flag": one_of(True)},
    )
    table = Table("t", "表", "priority", [COLOUR, FLAG], [Row("a", ways, {})])
    [(_, why)] = table.considered({"colour": "green"}, START)
    assert why == "要求 标记为 是，现为 未知", "one that nothing known contradicts before one that lacks as much"
    [(_, why)] = table.considered({"colour": "blue", "flag": False}, START)
    assert why == "要求 颜色为 red，现为 blue"


def test_the_memory_of_decisions_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.core.tables.MOST_REMEMBERED", 3)
    table = Table("t", "表", "priority", [SIZE], [Row("a", ({},), {"x": 1})])
    assert [table.decide({"size": n}, START).matched for n in (0, 1, 2, 3, 4, 0)] == [True] * 6
