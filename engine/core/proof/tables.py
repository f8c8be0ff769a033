"""Decision tables proved exactly, dates included: gaps, overlaps, rows that never win, twins, and holes in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, reduce
from itertools import combinations, islice
from operator import and_, or_
from typing import Any

from engine.core.conditions import Fact
from engine.core.tables import Row, Table, bits

MOST_EXAMPLES = 20
MOST_COUNTED = 1_000
WORK = 3_000_000
"""So many steps the proof of one table may take; beyond, it is not proved."""
GAP, OVERLAP, NEVER, SHADOWED, TWIN, CONTRARY, PAUSE = range(7)
Levels = list[tuple[str, list[tuple[Any, int]]]]
"""Per input, and for the day (without a name): a value for each class of values, with the cases that it allows."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something wrong with a table: which rows, and inputs (on a day) that show it."""

    kind: int
    rows: tuple[Row, ...]
    example: dict[str, Fact]
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What is wrong with a table, at most 20 of it; `more` are there at least; not `proved`: the work was too much."""

    found: tuple[Found, ...] = ()
    more: int = 0
    proved: bool = True


def prove(table: Table, work: int = WORK) -> Proof:
    """Everything that is wrong with a table, told by at most 20 examples; beyond the work allowed: not proved."""
    prover = _Prover(table, work)
    found: list[Found] = []
    number = 0
    try:
        for item in prover.everything_wrong():
            number += 1
            if number <= MOST_EXAMPLES:
                found.append(item)
            elif number >= MOST_COUNTED:
                break
    except _OutOfWork:
        return Proof(tuple(found), number - len(found), proved=False)
    return Proof(tuple(found), number - len(found))


def uncovered(table: Table, work: int = WORK) -> Found | None:
    """Inputs that no row covers, of a table that may leave some to the default owner; None: none were found."""
    try:
        return next(_Prover(table, work).gaps(), None)
    except _OutOfWork:
        return None


_OVER = 4
"""So many of the rows that leave nothing to another are told."""


class _OutOfWork(Exception):
    """The work allowed is used up."""


class _Prover:
    """One table being proved, with the work that is left for it."""

    def __init__(self, table: Table, work: int) -> None:
        self.table = table
        self.left = work
        self.all = (1 << len(table.cases)) - 1

    def spend(self, work: int) -> None:
        self.left -= work
        if self.left < 0:
            raise _OutOfWork

    def everything_wrong(self) -> Iterator[Found]:
        """What is wrong, of every kind that the hit policy makes a mistake."""
        yield from self.never()
        yield from self.paired()
        if self.table.hit_policy != "collect":
            yield from self.overlaps()
        if self.table.hit_policy == "priority":
            yield from self.shadowed()
        if self.table.hit_policy == "collect" or self.table.gaps_policy == "default_owner":
            yield from self.pauses()
        else:
            yield from self.gaps()

    @cached_property
    def levels(self) -> Levels:
        """The inputs that most cases ask about first: what is left at the end is free for most."""
        made: Levels = [(axis.name, _classes(axis.examples)) for axis in self.table.axes]
        made.append(("", _classes(self.table.days)))
        return sorted(made, key=lambda level: reduce(and_, (mask for _, mask in level[1]), self.all).bit_count())

    @cached_property
    def of_row(self) -> list[int]:
        """Per row, its cases."""
        made = [0] * len(self.table.rows)
        for bit, case in enumerate(self.table.cases):
            made[case.row] |= 1 << bit
        return made

    @cached_property
    def sides(self) -> list[tuple[int, ...]]:
        """Per case, in which classes of each level it holds."""
        columns = []
        for _, classes in self.levels:
            column, began, before = [0] * len(self.table.cases), [0] * len(self.table.cases), 0
            for index, mask in enumerate([*(mask for _, mask in classes), 0]):
                changed = mask ^ before
                self.spend(changed.bit_count())
                for bit in bits(changed):
                    if mask >> bit & 1:
                        began[bit] = index
                    else:
                        column[bit] |= (1 << index) - (1 << began[bit])
                before = mask
            columns.append(column)
        return list(zip(*columns, strict=True))

    def meeting(self, *, days: bool) -> list[int]:
        """Per case, the cases that can hold for the same inputs, and with `days` on the same day."""
        made = [self.all] * len(self.table.cases)
        for index, (name, classes) in enumerate(self.levels):
            known: dict[int, int] = {}
            for bit, sides in enumerate(self.sides if name or days else ()):
                if (where := sides[index]) not in known:
                    self.spend(where.bit_count())
                    known[where] = reduce(or_, (classes[each][1] for each in bits(where)), 0)
                made[bit] &= known[where]
        return made

    @cached_property
    def together(self) -> list[int]:
        """Per case, the cases that can hold at the same time."""
        return self.meeting(days=True)

    @cached_property
    def live(self) -> list[list[int]]:
        """Per row, those of its cases that can hold at all."""
        return [[bit for bit in bits(mask) if all(self.sides[bit])] for mask in self.of_row]

    def narrowed(self, *cases: int, days: bool = True) -> Levels:
        """The levels with only the classes in which all of these cases hold."""
        return [
            (name, [classes[each] for each in bits(reduce(and_, (self.sides[bit][index] for bit in cases)))])
            for index, (name, classes) in enumerate(self.levels)
            if name or days
        ]

    def points(self, levels: Levels, cases: int) -> Iterator[tuple[Any, ...]]:
        """Values, one of each level, at which none of these cases holds; what is like one looked at is left out."""
        free = [self.all]
        for _, classes in reversed(levels):
            free.append(free[-1] & reduce(and_, (allowed for _, allowed in classes), self.all))
        free.reverse()
        done: set[tuple[int, int]] = set()
        stack: list[tuple[int, int, tuple[Any, ...]]] = [(0, cases, ())]
        while stack:
            level, left, chosen = stack.pop()
            if left & free[level] or (left and (level, left) in done):
                continue
            if not left:
                yield (*chosen, *(classes[0][0] for _, classes in levels[level:]))
                continue
            done.add((level, left))
            classes = levels[level][1]
            self.spend(len(classes))
            below = {left & allowed: value for value, allowed in reversed(classes)}
            stack += [(level + 1, remaining, (*chosen, value)) for remaining, value in below.items()]

    def told(self, kind: int, rows: Sequence[int], levels: Levels, values: Sequence[Any] = ()) -> Found:
        """What was found, by values in the order of the table's inputs and the day where days matter."""
        chosen = values or [classes[0][0] for _, classes in levels]
        named = dict(zip((name for name, _ in levels), chosen, strict=True))
        example = {axis.name: named[axis.name] for axis in self.table.axes}
        return Found(kind, tuple(self.table.rows[row] for row in rows), example, named.get(""))

    def outside(self, row: int, others: int) -> bool:
        """Whether a row holds anywhere where none of these cases does."""
        for bit in self.live[row]:
            rival = others & self.together[bit]
            if not rival or next(self.points(self.narrowed(bit), rival), None) is not None:
                return True
        return False

    def never(self) -> Iterator[Found]:
        """Rows whose conditions exclude each other."""
        for row, live in zip(self.table.rows, self.live, strict=True):
            if not live:
                yield Found(NEVER, (row,), {})

    @cached_property
    def twins(self) -> list[tuple[int, int]]:
        """Pairs of rows that hold for exactly the same inputs and days."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for row, live in enumerate(self.live):
            if live:
                sides = zip(*(self.sides[bit] for bit in live), strict=True)
                alike.setdefault(tuple(reduce(or_, each) for each in sides), []).append(row)
        made = []
        for rows in alike.values():
            kinds: list[int] = []
            for row in rows:
                same = next((one for one in kinds if self.same(one, row)), None)
                if same is None:
                    kinds.append(row)
                else:
                    made.append((same, row))
        return made

    def same(self, one: int, other: int) -> bool:
        """Whether two rows whose sides are alike hold at the same points."""
        if len(self.live[one]) == len(self.live[other]) == 1:
            return True
        return not self.outside(one, self.of_row[other]) and not self.outside(other, self.of_row[one])

    def paired(self) -> Iterator[Found]:
        """Rows that are there twice: saying the same, or something else (which is no mistake where all hits add up)."""
        rows = self.table.rows
        for one, other in self.twins:
            same = rows[one].then == rows[other].then
            if same or self.table.hit_policy != "collect":
                a, b = next((a, b) for a in self.live[one] for b in bits(self.together[a] & self.of_row[other]))
                yield self.told(TWIN if same else CONTRARY, (one, other), self.narrowed(a, b))

    def overlaps(self) -> Iterator[Found]:
        """Rows that can hold at once although the hit policy forbids it."""
        rows, cases = self.table.rows, self.table.cases
        ranks: dict[int, int] = {}
        for bit, case in enumerate(cases):
            rank = rows[case.row].priority
            ranks[rank] = ranks.get(rank, 0) | 1 << bit
        first = {other: one for one, other in self.twins}
        seen: set[tuple[int, int]] = set()
        for bit, case in enumerate(cases):
            rivals = self.together[bit] >> (bit + 1) << (bit + 1)
            if self.table.hit_policy == "priority":
                rivals &= ranks[rows[case.row].priority]
            for other in bits(rivals):
                pair = (min(case.row, cases[other].row), max(case.row, cases[other].row))
                if first.get(pair[0], pair[0]) != first.get(pair[1], pair[1]) and pair not in seen:
                    seen.add(pair)
                    self.spend(len(self.levels))
                    yield self.told(OVERLAP, pair, self.narrowed(bit, other))

    def shadowed(self) -> Iterator[Found]:
        """Rows to which rows of better rank leave nothing: those and the row, which stands first."""
        rows = self.table.rows
        twins = {max(pair, key=lambda each: (rows[each].priority, each)) for pair in self.twins}
        better, rank_of, waiting = 0, None, 0
        for row in sorted(range(len(rows)), key=lambda each: rows[each].priority):
            if rows[row].priority != rank_of:
                better, rank_of, waiting = better | waiting, rows[row].priority, 0
            waiting |= self.of_row[row]
            if self.live[row] and row not in twins and not self.outside(row, better):
                met = reduce(or_, (self.together[bit] for bit in self.live[row])) & better
                over = dict.fromkeys(self.table.cases[bit].row for bit in islice(bits(met), _OVER))
                yield self.told(SHADOWED, (row, *over), self.narrowed(self.live[row][0]))

    def gaps(self) -> Iterator[Found]:
        """Inputs that no row covers, with the rows that miss them by the fewest conditions."""
        for point in self.points(self.levels, self.all):
            yield self.told(GAP, self.nearest(point), self.levels, point)

    def nearest(self, point: Sequence[Any]) -> list[int]:
        """The rows of which the fewest conditions fail, first those that have only ended or not begun."""
        allowed = [dict(classes)[value] for (_, classes), value in zip(self.levels, point, strict=True)]
        for failing in range(1, len(allowed) + 1):
            kept = combinations(allowed, len(allowed) - failing)
            if near := reduce(or_, (reduce(and_, masks, self.all) for masks in kept)):
                rows = dict.fromkeys(self.table.cases[bit].row for bit in bits(near))
                held = reduce(and_, (mask for (name, _), mask in zip(self.levels, allowed, strict=True) if name))
                return sorted(rows, key=lambda row: not self.of_row[row] & held)
        return []

    def pauses(self) -> Iterator[Found]:
        """Rows that stop some days before the next one for the same inputs starts, which leaves those to nobody."""
        rows = self.table.rows
        meeting = self.meeting(days=False) if any(row.until for row in rows) else []
        for one, row in enumerate(rows):
            if row.until and self.live[one]:
                met = reduce(or_, (meeting[bit] for bit in self.live[one]))
                later = dict.fromkeys(self.table.cases[bit].row for bit in bits(met))
                for other in sorted(later, key=lambda each: str(rows[each].since)):
                    since = rows[other].since
                    if since and since > row.until and (found := self.pause(one, other)):
                        yield found
                        break

    def pause(self, one: int, other: int) -> Found | None:
        """Inputs that both rows are for and that nothing covers on the day the first has ended."""
        rows = self.table.rows
        until = rows[one].until
        rivals = next(mask for day, mask in self.table.days if day == until)
        if self.table.hit_policy == "collect":
            if rows[one].when != rows[other].when:
                return None
            alike = (mask for row, mask in zip(rows, self.of_row, strict=True) if row.when == rows[one].when)
            rivals &= reduce(or_, alike)
        for a in self.live[one]:
            for b in self.live[other]:
                levels = self.narrowed(a, b, days=False)
                point = next(self.points(levels, rivals), None) if all(item[1] for item in levels) else None
                if point is not None:
                    found = self.told(PAUSE, (one, other), levels, point)
                    return Found(found.kind, found.rows, found.example, until)
        return None


def _classes(values: Sequence[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """One example for each mask: values that no row tells apart are looked at once."""
    first: dict[int, Any] = {}
    for value, mask in values:
        first.setdefault(mask, value)
    return [(value, mask) for mask, value in first.items()]
