"""Decision tables: rows that map facts to an outcome, compiled to bit masks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any

from engine.core.conditions import Between, Cell, Fact, Field, NotOneOf, OneOf, holds, label, to_json, words
from engine.core.errors import BadInput, Problem, Refused, nearest

MOST_REMEMBERED = 65_536
INPUT_TYPES = ("enum", "yes_no", "integer", "number", "date", "unit")


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: any of the `when` mappings, valid from `since` until before `until`, leads to `then`."""

    id: str
    when: tuple[Mapping[str, Cell], ...]
    then: Mapping[str, Any]
    clause: str = ""
    priority: int = 0
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with the rules, inputs and clauses that gave it; not `matched`: no rule covers these inputs."""

    table: str
    rules: tuple[str, ...]
    clauses: tuple[str, ...]
    inputs: Mapping[str, Fact]
    outcome: Mapping[str, Any]
    as_of: date
    matched: bool
    told: Mapping[str, Any]
    """All of it as JSON can hold it, for the event that keeps it."""

    def completed(self, other: Decision) -> Decision:
        """With the lists of a table that adds to it: rules, clauses and inputs of both."""
        rules = (*self.rules, *other.rules)
        clauses = tuple(dict.fromkeys((*self.clauses, *other.clauses)))
        outcome = {**self.outcome, **other.outcome}
        told = {
            **self.told,
            "rules": list(rules),
            "clauses": list(clauses),
            "inputs": {**self.told["inputs"], **other.told["inputs"]},
            "outcome": outcome,
        }
        inputs = MappingProxyType({**self.inputs, **other.inputs})
        return Decision(self.table, rules, clauses, inputs, outcome, self.as_of, self.matched, told)


@dataclass(frozen=True, slots=True)
class RowCase:
    """One `when` mapping of a row: what the masks have a bit for."""

    row: int
    cells: Mapping[str, Cell]


@dataclass(slots=True)
class Axis:
    """One input cut into classes of values that no row tells apart: a mask of cases and an example for each."""

    name: str
    masks: dict[Any, int] = field(default_factory=dict)
    rest: int = 0
    """The mask of a listed value that no cell names (a unit, or an enum value)."""
    points: list[Any] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    unknown: int = 0
    examples: list[tuple[Fact, int]] = field(default_factory=list)

    def mask(self, value: Any) -> int:
        """The cases that a value allows."""
        if value is None:
            return self.unknown
        if self.points:
            index = 2 * bisect_right(self.points, value)
            if index and self.points[index // 2 - 1] == value:
                index -= 1
            return self.segments[index]
        return self.masks.get(value, self.rest)


class Table:
    """A decision table, ready to be asked; raises ValueError for inputs that cannot be one."""

    def __init__(
        self, name: str, title: str, hit_policy: str, inputs: Sequence[Field], rows: Sequence[Row], gaps: str = "refuse"
    ) -> None:
        for of in inputs:
            if of.pii:
                raise ValueError(f"{of.title}（{of.name}）是个人信息，不能作规则输入")
            if of.type not in INPUT_TYPES:
                raise ValueError(f"{of.title}（{of.name}）是 {of.type}，规则输入须为 {'、'.join(INPUT_TYPES)}")
        self.name = name
        self.title = title
        self.hit_policy = hit_policy
        self.gaps_policy = gaps
        self.inputs = tuple(inputs)
        self.rows = tuple(rows)
        self._names = tuple(of.name for of in inputs)
        order = (
            sorted(range(len(rows)), key=lambda i: rows[i].priority) if hit_policy == "priority" else range(len(rows))
        )
        self.cases = [RowCase(i, cells) for i in order for cells in rows[i].when]
        self.axes = [_axis(of, self.cases) for of in inputs]
        self.days = self._dates()
        self._all = (1 << len(self.cases)) - 1
        self._remembered: dict[tuple[Any, ...], Decision] = {}

    def decide(self, facts: Mapping[str, Fact], as_of: date) -> Decision:
        """What these facts lead to on that day; facts that are no inputs are not looked at."""
        get = facts.get
        key = (as_of, *[get(name) for name in self._names])
        found = self._remembered.get(key)
        if found is not None and _same_types(key, found):
            return found
        decision = self._decide(key[1:], as_of)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = decision
        return decision

    def mask(self, values: Iterable[Fact], as_of: date) -> int:
        """Which cases of rows these values of the inputs, in their order, meet on that day: equal ones lead to one."""
        mask = self._all & self._day_mask(as_of)
        for of, axis, value in zip(self.inputs, self.axes, values, strict=True):
            if problem := domain_problem(of, value):
                raise BadInput(problem)
            mask &= axis.mask(value)
        return mask

    def outcome(self, mask: int) -> tuple[Mapping[str, Any], list[Row]]:
        """What a mask leads to, and by which rows; none: no rule covers it."""
        hits = self._hits(mask)
        return _added_up(hits) if self.hit_policy == "collect" else (hits[0].then if hits else {}), hits

    def _decide(self, values: tuple[Fact, ...], as_of: date) -> Decision:
        outcome, hits = self.outcome(self.mask(values, as_of))
        inputs = dict(zip(self._names, values, strict=True))
        rules = tuple(row.id for row in hits)
        clauses = tuple(dict.fromkeys(row.clause for row in hits if row.clause))
        told = {
            "table": self.name,
            "rules": list(rules),
            "clauses": list(clauses),
            "inputs": {key: to_json(value) for key, value in inputs.items()},
            "outcome": dict(outcome),
            "matched": bool(hits),
            "as_of": as_of.isoformat(),
        }
        return Decision(self.name, rules, clauses, MappingProxyType(inputs), outcome, as_of, bool(hits), told)

    def _hits(self, mask: int) -> list[Row]:
        if self.hit_policy == "priority":
            return [self.rows[self.cases[(mask & -mask).bit_length() - 1].row]] if mask else []
        rows = list(dict.fromkeys(self.cases[bit].row for bit in bits(mask)))
        if self.hit_policy == "unique" and len(rows) > 1:
            ids = "、".join(self.rows[row].id for row in rows)
            raise Refused(
                Problem("RULE-025", f"规则表 {self.title} 有多条规则同时命中：{ids}", "unique 表只能命中一条")
            )
        return [self.rows[row] for row in rows]

    def considered(self, facts: Mapping[str, Fact], as_of: date) -> list[tuple[Row, str]]:
        """Every row with the cell that failed, in words; empty for a row that holds."""
        return [(row, self.failed(row, facts, as_of)) for row in self.rows]

    def failed(self, row: Row, facts: Mapping[str, Fact], as_of: date) -> str:
        """A condition of a row that does not hold, in words; empty when all hold.

        Of several alternatives it is the first of that which lacks least; of those, one that nothing known contradicts.
        """
        if (row.since and as_of < row.since) or (row.until and as_of >= row.until):
            return f"有效期 {row.since or ''}～{row.until or ''} 之外"
        lacking = [[name for name, cell in cells.items() if not holds(cell, facts.get(name))] for cells in row.when]
        which = min(range(len(lacking)), key=lambda way: _distance(lacking[way], facts), default=0)
        if not lacking or not (failed := lacking[which]):
            return ""
        of = next(of for of in self.inputs if of.name == failed[0])
        return f"要求 {words(of, row.when[which][of.name])}，现为 {label(of, facts.get(of.name))}"

    def _dates(self) -> list[tuple[date | None, int]]:
        edges = sorted({day for row in self.rows for day in (row.since, row.until) if day})
        days: list[date | None] = [edges[0] - timedelta(days=1), *edges] if edges else [None]
        spans: dict[tuple[date | None, date | None], int] = {}
        for bit, case in enumerate(self.cases):
            row = self.rows[case.row]
            spans[row.since, row.until] = spans.get((row.since, row.until), 0) | 1 << bit
        return [(day, self._valid(day, spans)) for day in days]

    def _valid(self, day: date | None, spans: Mapping[tuple[date | None, date | None], int]) -> int:
        if day is None:
            return reduce(or_, spans.values(), 0)
        held = (mask for (since, until), mask in spans.items() if since is None or since <= day)
        ended = (mask for (_, until), mask in spans.items() if until is not None and until <= day)
        return reduce(or_, held, 0) & ~reduce(or_, ended, 0)

    def _day_mask(self, as_of: date) -> int:
        if len(self.days) == 1:
            return self.days[0][1]
        index = bisect_right(self.days, as_of, lo=1, key=lambda item: item[0] or date.min)
        return self.days[index - 1][1]


def domain_problem(of: Field, value: Fact) -> Problem | None:
    """What is wrong with a value of a closed domain; None when it lies inside or is unknown."""
    if value is None or of.type != "enum" or value in of.values:
        return None
    return Problem(
        "RULE-022",
        f"{of.title}（{of.name}）没有选项 {value}",
        f"可用：{'、'.join(of.values)}",
        nearest(str(value), of.values),
    )


def _distance(lacking: list[str], facts: Mapping[str, Fact]) -> tuple[int, int]:
    """How far some conditions that do not hold are from holding: how many they are, and how many known facts deny."""
    return len(lacking), sum(facts.get(name) is not None for name in lacking)


def _same_types(key: tuple[Any, ...], found: Decision) -> bool:
    """Whether equal keys are the same facts too: True == 1 in Python, but not in a rule."""
    return all(
        one is other or type(one) is type(other) for one, other in zip(key[1:], found.inputs.values(), strict=True)
    )


def _axis(of: Field, cases: list[RowCase]) -> Axis:
    axis = Axis(of.name)
    cells = [(1 << bit, case.cells.get(of.name)) for bit, case in enumerate(cases)]
    axis.unknown = _mask(cells, None)
    if of.type in ("integer", "number", "date"):
        _cut(axis, of, cells)
    else:
        _listed(axis, of, cells)
    axis.examples.append((None, axis.unknown))
    return axis


def _mask(cells: list[tuple[int, Cell | None]], value: Fact) -> int:
    return reduce(or_, (bit for bit, cell in cells if holds(cell, value)), 0)


def _listed(axis: Axis, of: Field, cells: list[tuple[int, Cell | None]]) -> None:
    """Enumerated values: each named value gets its mask from the cells that name it, in one pass."""
    anything = 0
    named: dict[Fact, int] = {}
    excluded: dict[Fact, int] = {}
    for bit, cell in cells:
        if isinstance(cell, OneOf):
            for value in cell.values:
                named[value] = named.get(value, 0) | bit
        elif holds(cell, _ANYTHING):
            anything |= bit
            if isinstance(cell, NotOneOf):
                for value in cell.values:
                    excluded[value] = excluded.get(value, 0) | bit
    domain: list[Fact] = [True, False] if of.type == "yes_no" else list(of.values)
    for value in dict.fromkeys([*domain, *named, *excluded]):
        axis.masks[value] = (anything & ~excluded.get(value, 0)) | named.get(value, 0)
    axis.rest = anything
    axis.examples = list(axis.masks.items())
    if of.type == "unit":
        axis.examples.append(("（其他单位）", anything))


_ANYTHING: Any = object()


def _cut(axis: Axis, of: Field, cells: list[tuple[int, Cell | None]]) -> None:
    """Numbers and dates: a mask for each bound and for each open stretch between two of them."""
    bounds: set[Any] = {edge for edge in (of.low, of.high) if edge is not None}
    for _, cell in cells:
        if isinstance(cell, Between):
            bounds |= {edge for edge in (cell.low, cell.high) if edge is not None}
        elif isinstance(cell, OneOf | NotOneOf):
            bounds |= set(cell.values)
    axis.points = sorted(bounds)
    points = axis.points
    if not points:
        axis.rest = _mask(cells, 0 if of.type != "date" else date.min)
        axis.examples = [(0 if of.type != "date" else date(2022, 1, 1), axis.rest)]
        return
    alike: dict[Cell | None, int] = {}
    for bit, cell in cells:
        alike[cell] = alike.get(cell, 0) | bit
    cells = [(bits, cell) for cell, bits in alike.items()]
    whole = of.type != "number"
    step: Any = timedelta(days=1) if of.type == "date" else 1
    for index in range(2 * len(points) + 1):
        value = _sample(points, index, step, whole=whole)
        mask = 0 if value is None else _mask(cells, value)
        axis.segments.append(mask)
        inside = value is not None and (of.low is None or value >= of.low) and (of.high is None or value <= of.high)
        if inside:
            axis.examples.append((value, mask))


def _sample(points: list[Any], index: int, step: Any, *, whole: bool) -> Any:
    """A value of the stretch: odd ones are the points themselves; None when no whole value lies between two points."""
    if index % 2:
        return points[index // 2]
    if index == 0:
        return points[0] - step
    if index == 2 * len(points):
        return points[-1] + step
    low, high = points[index // 2 - 1], points[index // 2]
    if whole:
        return low + step if low + step < high else None
    return (low + high) / 2


def bits(mask: int) -> Iterator[int]:
    """The positions that are set, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _added_up(hits: list[Row]) -> dict[str, Any]:
    """Lists of all rows together, each value once; numbers of the same thing as their sum."""
    total: dict[str, Any] = {}
    for row in hits:
        for name, value in row.then.items():
            if isinstance(value, Mapping):
                counted = total.setdefault(name, {})
                for thing, number in value.items():
                    counted[thing] = counted.get(thing, 0) + number
                continue
            listed = total.setdefault(name, [])
            listed += [item for item in (value if isinstance(value, list | tuple) else [value]) if item not in listed]
    return total
