"""What is proved of a table, held against every input on every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from itertools import combinations, product
from operator import and_

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.conditions import Between, Cell, Fact, Field, Known, OneOf, Unknown
from engine.core.proof.space import Space
from engine.core.proof.tables import (
    CONTRARY,
    GAP,
    MOST_EXAMPLES,
    NEVER,
    OVERLAP,
    PAUSE,
    SHADOWED,
    TWIN,
    Found,
    ending,
    prove,
    uncovered,
)
from engine.core.tables import Row, Table
from tests.core.test_tables import (
    COLOUR,
    DAYS,
    DOMAINS,
    FLAG,
    MAYBE_DAY,
    RANK,
    SIZE,
    START,
    UP_TO_FIVE,
    WHENS,
    naive,
    one_of,
    tables,
)

ALL_DAYS = [START - timedelta(days=1), *DAYS]
Point = tuple[tuple[Fact, ...], date]
POINTS: list[Point] = list(product(product(*DOMAINS.values()), ALL_DAYS))


def named(values: tuple[Fact, ...]) -> dict[str, Fact]:
    return dict(zip(DOMAINS, values, strict=True))


def places(table: Table) -> dict[str, set[Point]]:
    """Where each row holds, found by asking for every input on every day."""
    made: dict[str, set[Point]] = {row.id: set() for row in table.rows}
    for values, day in POINTS:
        for row in naive(table, named(values), day):
            made[row.id].add((values, day))
    return made


def holding(table: Table, found: Found) -> set[str]:
    return {row.id for row in naive(table, found.example, found.day or DAYS[-1])}


def of_kind(table: Table, kind: int) -> list[Found]:
    proof = prove(table)
    assert proof.proved
    assert not proof.more
    return [found for found in proof.found if found.kind == kind]


def pairs(found: list[Found]) -> set[frozenset[str]]:
    return {frozenset(row.id for row in one.rows[:2]) for one in found}


TABLES = {policy: tables(policy) for policy in ("unique", "priority", "collect")}
YES_OR_NO = st.booleans()


@st.composite
def repeated(draw: st.DrawFn, policy: str, gaps: str = "refuse") -> Table:
    """A table some of whose rows are like others, so that twins and shadows are not left to luck."""
    made = draw(TABLES[policy])
    rows = list(made.rows)
    for number in range(draw(UP_TO_FIVE) % 4 if rows else 0):
        like = rows[draw(UP_TO_FIVE) % len(rows)]
        more = (draw(WHENS),) if draw(YES_OR_NO) else ()
        then = like.then if draw(YES_OR_NO) else {"value": 100 + number}
        rank = draw(RANK) if policy == "priority" else 0
        since = draw(MAYBE_DAY) or like.since
        rows.append(Row(f"S{number}", (*like.when, *more), then, "", rank, since, like.until))
    return Table("t", "表", policy, [COLOUR, FLAG, SIZE], rows, gaps)


def of_policies(*policies: str, gaps: str = "refuse") -> st.SearchStrategy[Table]:
    return st.one_of([repeated(policy, gaps) for policy in policies])


@settings(max_examples=60, deadline=None)
@given(of_policies("unique", "priority"))
def test_gaps_are_those_of_brute_force(table: Table) -> None:
    open_ = set(POINTS) - set().union(*places(table).values())
    proof = prove(table)
    found = [one for one in proof.found if one.kind == GAP]
    assert proof.proved
    if len(proof.found) < MOST_EXAMPLES:
        assert bool(found) is bool(open_)
    for gap in found:
        assert not holding(table, gap)


@settings(max_examples=60, deadline=None)
@given(of_policies("unique", "priority"))
def test_stretches_that_no_row_covers_are_all_that_is_open(table: Table) -> None:
    space = Space(table, 1_000_000)
    stretches = [dict(zip((name for name, _ in space.levels), wide, strict=True)) for wide in space.open()]
    for inputs in product(*(axis.examples for axis in table.axes)):
        for _, day in table.days:
            masks = {"": day} | {axis.name: mask for axis, (_, mask) in zip(table.axes, inputs, strict=True)}
            held = any(not any(mask & ~wide[name] for name, mask in masks.items()) for wide in stretches)
            assert held is not bool(reduce(and_, masks.values()))


@settings(max_examples=60, deadline=None)
@given(of_policies("unique", "priority"))
def test_whatever_is_told_of_a_gap_is_open(table: Table) -> None:
    for gap in (found for found in prove(table).found if found.kind == GAP):
        sides = []
        for axis in table.axes:
            told = [gap.example.get(axis.name), *gap.alike.get(axis.name, ())]
            free = axis.name not in gap.example and axis.name not in gap.alike
            sides.append([value for value, _ in axis.examples] if free else told)
        for values in product(*sides):
            for day in [gap.day] if gap.day else ALL_DAYS:
                assert not naive(table, named(values), day)


@settings(max_examples=60, deadline=None)
@given(of_policies("unique", "priority", gaps="default_owner"))
def test_no_fact_of_an_example_of_two_rows_can_be_left_out(table: Table) -> None:
    for found in prove(table).found:
        if found.kind == OVERLAP and len(found.example) > 1:
            rows = {row.id for row in found.rows}
            for name in (name for name, value in found.example.items() if value is not None):
                less = replace(found, example={**found.example, name: None})
                assert not rows <= holding(table, less)


@settings(max_examples=60, deadline=None)
@given(of_policies(*TABLES, gaps="default_owner"))
def test_rows_that_are_there_twice_are_those_of_brute_force(table: Table) -> None:
    where = places(table)
    classes: list[set[str]] = []
    for row in table.rows:
        if where[row.id]:
            like = next((one for one in classes if where[min(one)] == where[row.id]), None)
            classes.append({row.id}) if like is None else like.add(row.id)
    then = {row.id: row.then for row in table.rows}
    proof = prove(table)
    twins = [one for one in proof.found if one.kind == TWIN]
    contrary = [one for one in proof.found if one.kind == CONTRARY]
    for found in (*twins, *contrary):
        one, other = (row.id for row in found.rows)
        assert where[one] == where[other]
        assert {one, other} <= holding(table, found)
        assert (then[one] == then[other]) is (found.kind == TWIN)
    if table.hit_policy != "collect" and not proof.more:
        told = {row.id for found in (*twins, *contrary) for row in found.rows}
        assert told == set().union(*(one for one in classes if len(one) > 1))


@settings(max_examples=60, deadline=None)
@given(of_policies("unique", "priority", gaps="default_owner"))
def test_overlaps_are_those_of_brute_force_each_with_an_example(table: Table) -> None:
    where = places(table)
    expected = {
        frozenset((one.id, other.id))
        for one, other in combinations(table.rows, 2)
        if (table.hit_policy == "unique" or one.priority == other.priority)
        and where[one.id] & where[other.id]
        and where[one.id] != where[other.id]
    }
    proof = prove(table)
    found = [one for one in proof.found if one.kind == OVERLAP]
    assert pairs(found) <= expected
    if not proof.more:
        assert pairs(found) == expected
    for overlap in found:
        assert {row.id for row in overlap.rows} <= holding(table, overlap)


@settings(max_examples=80, deadline=None)
@given(repeated("priority", "default_owner"))
def test_rows_that_never_win_are_those_of_brute_force(table: Table) -> None:
    where = places(table)
    twice = {
        max(one, other, key=lambda row: (row.priority, table.rows.index(row))).id
        for one, other in combinations(table.rows, 2)
        if where[one.id] == where[other.id]
    }
    expected = set()
    for row in table.rows:
        better = [other for other in table.rows if other.priority < row.priority]
        over = set().union(*(where[other.id] for other in better))
        if where[row.id] and where[row.id] <= over and row.id not in twice:
            expected.add(row.id)
    proof = prove(table)
    if not proof.more:
        assert {one.rows[0].id for one in proof.found if one.kind == SHADOWED} == expected
        assert {one.rows[0].id for one in proof.found if one.kind == NEVER} == {id_ for id_ in where if not where[id_]}
    for found in (one for one in proof.found if one.kind == SHADOWED):
        own, *takers = (row.id for row in found.rows)
        assert own in holding(table, found)
        assert table.decide(found.example, found.day or DAYS[-1]).rules == (takers[0],)
        assert where[own] <= set().union(*(where[id_] for id_ in takers))
        for id_ in takers:
            assert not where[own] <= set().union(*(where[other] for other in takers if other != id_))


@settings(max_examples=80, deadline=None)
@given(repeated("priority", "default_owner"))
def test_rows_that_stop_before_the_next_one_starts_are_those_of_brute_force(table: Table) -> None:
    where = places(table)
    inputs = {id_: {values for values, _ in there} for id_, there in where.items()}
    expected = set()
    for row in table.rows:
        until = row.until
        if until is None or until not in ALL_DAYS:
            continue
        open_ = {values for values in inputs[row.id] if not naive(table, named(values), until)}
        if any(open_ & inputs[other.id] for other in table.rows if other.since and other.since > until):
            expected.add(row.id)
    proof = prove(table)
    if not proof.more:
        found = [one for one in proof.found if one.kind == PAUSE]
        assert {one.rows[0].id for one in found} == expected
        assert all(not naive(table, pause.example, pause.day or START) for pause in found)


def test_a_gap_is_told_with_the_rows_that_miss_it_by_least() -> None:
    red, green = one_of("red"), one_of("green")
    rows = [
        Row("a", ({"colour": red, "flag": one_of(True)}, {"colour": red, "flag": one_of(False)}), {}),
        Row("b", ({"colour": green, "flag": one_of(True), "size": one_of(1)},), {}),
        Row("c", ({"colour": one_of("blue")},), {}),
    ]
    found = of_kind(Table("t", "表", "priority", [COLOUR, FLAG], rows[:1] + rows[2:]), GAP)
    told = [(gap.example, {name: set(values) for name, values in gap.alike.items()}) for gap in found]
    assert told == [
        ({"colour": "green"}, {"colour": {None}}),
        ({"flag": None}, {"colour": {"red", "green"}}),
    ]
    assert [[row.id for row in gap.rows] for gap in found] == [["c"], ["c"]]


def test_a_row_that_never_wins_is_told_with_what_takes_its_place_not_with_what_comes_first() -> None:
    rows = [
        Row("urgent", ({"flag": one_of(True)},), {}, priority=1),
        Row("wide", ({"colour": one_of("red", "green")},), {}, priority=2),
        Row("narrow", ({"colour": one_of("red")},), {}, priority=3),
    ]
    (found,) = of_kind(Table("t", "表", "priority", [COLOUR, FLAG], rows, "default_owner"), SHADOWED)
    assert [row.id for row in found.rows] == ["narrow", "wide"]
    assert found.example == {"colour": "red"}


def test_a_row_that_misses_a_gap_by_one_condition_is_told_before_one_that_misses_it_by_two() -> None:
    rows = [
        Row("two", ({"colour": one_of("red"), "size": one_of(1)},), {}),
        Row("one", ({"colour": one_of("blue"), "size": one_of(2)},), {}),
        Row("rest", ({"size": Between(None, 1)}, {"size": Between(3)}, {"size": Unknown()}), {}, priority=9),
        Row("more", ({"colour": one_of("red", "green"), "size": one_of(2)},), {}),
    ]
    (gap,) = of_kind(Table("t", "表", "priority", [COLOUR, SIZE], rows), GAP)
    assert gap.example == {"colour": None, "size": 2}
    assert {row.id for row in gap.rows} == {"one", "more", "rest"}


def test_the_nearest_rows_are_those_whose_values_stand_nearest() -> None:
    sizes = Field("size", "大小", "integer", low=0, high=90)
    rows = [Row(str(size), ({"size": Between(size, size + 4)},), {}) for size in (0, 20, 40, 80)]
    (gap, *_) = of_kind(Table("t", "表", "unique", [sizes], rows), GAP)
    assert gap.example == {"size": 5}
    assert [row.id for row in gap.rows] == ["0", "20", "40", "80"]
    options = Field("kind", "类型", "enum", tuple("abcdefgh"))
    kinds = [Row(kind, ({"kind": one_of(kind)},), {}) for kind in "abh"]
    (gap,) = of_kind(Table("t", "表", "unique", [options], kinds), GAP)
    assert gap.example == {"kind": "c"}
    assert gap.alike == {"kind": ("d", "e", "f", "g", None)}
    assert [row.id for row in gap.rows] == ["b", "a", "h"]


def test_a_row_that_ends_is_told_with_what_nothing_covers_from_that_day_on() -> None:
    red = {"colour": one_of("red")}
    rows = [
        Row("a", (red,), {}, until=DAYS[1]),
        Row("b", ({"colour": one_of("red"), "flag": one_of(True)},), {}, since=DAYS[1]),
        Row("c", ({"colour": one_of("blue")},), {}, until=DAYS[2]),
        Row("d", ({"colour": one_of("blue")},), {}, since=DAYS[2]),
    ]
    (found,) = ending(Table("t", "表", "unique", [COLOUR, FLAG], rows, "default_owner"))
    assert [row.id for row in found.rows] == ["a"]
    assert (found.example, found.day) == ({"colour": "red"}, DAYS[1])


def test_a_gap_in_time_is_told_with_its_day() -> None:
    rows = [Row("a", ({},), {}, until=DAYS[1]), Row("b", ({},), {}, since=DAYS[3])]
    (gap,) = of_kind(Table("t", "表", "unique", [COLOUR], rows), GAP)
    assert gap.day == DAYS[1]
    assert [row.id for row in gap.rows] == ["a", "b"]


def test_what_stops_in_a_table_that_adds_up_is_told_though_another_row_holds() -> None:
    red = {"colour": one_of("red")}
    rows = [
        Row("a", (red,), {"measures": ["x"]}, until=DAYS[1]),
        Row("b", (red,), {"measures": ["x"]}, since=DAYS[2]),
        Row("c", ({},), {"measures": ["y"]}),
    ]
    (pause,) = of_kind(Table("t", "表", "collect", [COLOUR], rows), PAUSE)
    assert [row.id for row in pause.rows] == ["a", "b"]
    assert pause.day == DAYS[1]


def test_at_most_twenty_examples_are_told_and_that_there_are_more() -> None:
    rows = [Row(f"R{n}", ({},), {"value": n}) for n in range(40)]
    proof = prove(Table("t", "表", "unique", [COLOUR], rows))
    assert len(proof.found) == MOST_EXAMPLES
    assert proof.more == 19


def test_beyond_the_work_allowed_nothing_is_called_proved() -> None:
    rows = [Row("a", ({"colour": one_of("red"), "flag": one_of(True), "size": one_of(1)},), {})]
    table = Table("t", "表", "priority", [COLOUR, FLAG, SIZE], rows)
    assert prove(table).proved
    assert not prove(table, work=2).proved
    assert uncovered(table, work=0) is None


@pytest.mark.parametrize("policy", TABLES)
def test_a_row_whose_range_is_empty_never_holds(policy: str) -> None:
    rows = [Row("a", ({"size": Between(3, 2)},), {"x": 1}), Row("b", ({},), {"x": 2}, priority=9)]
    (never,) = of_kind(Table("t", "表", policy, [SIZE], rows), NEVER)
    assert never.rows[0].id == "a"


def test_of_three_rows_alike_only_the_first_to_win_is_not_told_to_be_there_twice() -> None:
    ranks = {"worst": 2, "best": 0, "between": 1}
    found = prove(Table("t", "表", "priority", [SIZE], [Row(id_, ({},), {}, "", rank) for id_, rank in ranks.items()]))
    assert [(one.kind, [row.id for row in one.rows]) for one in found.found] == [
        (TWIN, ["best", "between"]),
        (TWIN, ["worst", "best"]),
    ]


def test_a_fact_that_another_one_left_out_makes_needless_is_left_out_too() -> None:
    one: dict[str, Cell] = {"colour": Known(), "size": OneOf(frozenset({0}))}
    other: dict[str, Cell] = {"flag": Unknown(), "size": OneOf(frozenset({0}))}
    rows = [Row("a", (one, other), {}, ""), Row("b", (one, other, {}), {}, "")]
    found = of_kind(Table("t", "表", "unique", [COLOUR, FLAG, SIZE], rows, "default_owner"), OVERLAP)
    assert [each.example for each in found] == [{"size": 0}]


def test_a_fact_told_so_that_an_example_is_not_empty_holds_with_the_others_unknown() -> None:
    ways: tuple[dict[str, Cell], ...] = ({"colour": one_of("red"), "flag": Known()}, {"colour": Unknown()})
    rows = [Row("a", ({},), {"x": 1}), Row("b", ways, {"x": 2}, priority=1)]
    table = Table("t", "表", "priority", [COLOUR, FLAG], rows, "default_owner")
    [found] = [one for one in prove(table).found if one.kind == SHADOWED]
    assert holding(table, found) == {"a", "b"}
