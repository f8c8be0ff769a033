"""Where the rows of a decision table hold: its inputs and days, cut into classes that no row tells apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial, reduce
from itertools import combinations
from operator import and_, ne, or_
from typing import Any

from engine.core.tables import Table, bits

Levels = list[tuple[str, list[tuple[Any, int]]]]
"""Per input, and for the day (without a name): a value for each class of values, with the cases that it allows."""


class OutOfWork(Exception):
    """The work allowed is used up."""


class Space:
    """One table's rows over all inputs and days, with the work that may still be spent on looking at them."""

    def __init__(self, table: Table, work: int) -> None:
        self.table = table
        self.left = work
        self.all = (1 << len(table.cases)) - 1

    def spend(self, work: int) -> None:
        """Take from the work that is left."""
        self.left -= work
        if self.left < 0:
            raise OutOfWork

    @cached_property
    def levels(self) -> Levels:
        """The inputs that most cases ask about first: what is left at the end is free for most."""
        made: Levels = [(axis.name, _classes(axis.examples)) for axis in self.table.axes]
        made.append(("", _classes(self.table.days)))
        return sorted(made, key=lambda level: reduce(and_, (mask for _, mask in level[1]), self.all).bit_count())

    @cached_property
    def values(self) -> dict[str, list[tuple[Any, int]]]:
        """Per input, and for the day: every value with its cases."""
        return {"": self.table.days, **{axis.name: axis.examples for axis in self.table.axes}}

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
        free = _free([[mask for _, mask in classes] for _, classes in levels], self.all)
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

    def outside(self, row: int, others: int) -> bool:
        """Whether a row holds anywhere where none of these cases does."""
        for bit in self.live[row]:
            rival = others & self.together[bit]
            if not rival or next(self.points(self.narrowed(bit), rival), None) is not None:
                return True
        return False

    def open(self) -> Iterator[tuple[int, ...]]:
        """Stretches that no row covers, as large as can be, until everything open lies in one; the least known first.

        Each as the cases that its values allow on each level: a value whose cases are among those lies in it.
        """
        unknown = {axis.name: axis.unknown for axis in self.table.axes}
        levels = [[mask for _, mask in classes] for _, classes in self.levels]
        for (name, _), masks in zip(self.levels, levels, strict=True):
            masks.sort(key=partial(ne, unknown.get(name)))
        whole = [reduce(or_, masks, 0) for masks in levels]
        free = _free(levels, self.all)
        found: list[tuple[int, ...]] = []
        done: set[Step] = set()
        stack: list[tuple[int, tuple[int, ...], tuple[Step, ...]]] = [(self.all, (), ())]
        while stack:
            left, chosen, way = stack.pop()
            level = len(chosen)
            within = [number for number, wide in enumerate(found) if _inside(chosen, wide)]
            step = (level, left, sum(1 << number for number in within))
            if left & free[level] or step in done or any(found[each][level:] == (*whole[level:],) for each in within):
                continue
            if not left:
                found.append(_widened([*chosen, *whole[level:]], levels, self.all))
                done.difference_update(way)  # what looks like a place already seen may lead to another gap
                yield found[-1]
                continue
            done.add(step)
            self.spend(len(levels[level]))
            stack += [(left & mask, (*chosen, mask), (*way, step)) for mask in reversed(levels[level])]

    def nearest(self, point: Sequence[Any]) -> list[int]:
        """The rows of which the fewest conditions fail: those that only ended or have not begun, then by values."""
        named = list(zip((name for name, _ in self.levels), point, strict=True))
        allowed = [next(mask for one, mask in self.values[name] if one is value) for name, value in named]
        for failing in range(1, len(allowed) + 1):
            kept = combinations(allowed, len(allowed) - failing)
            if near := reduce(or_, (reduce(and_, masks, self.all) for masks in kept)):
                held = reduce(and_, (mask for (name, _), mask in zip(named, allowed, strict=True) if name))
                far: dict[int, tuple[bool, int]] = {}
                for bit in bits(near):
                    row = self.table.cases[bit].row
                    away = (not self.of_row[row] & held, sum(self._away(bit, *each) for each in named))
                    far[row] = min(far.get(row, away), away)
                return sorted(far, key=lambda row: far[row])
        return []

    def _away(self, bit: int, name: str, value: Any) -> int:
        """How far a value lies from those of a case, in the order in which its input lists them."""
        listed = self.values[name]
        at = next(index for index, (one, _) in enumerate(listed) if one is value)
        there = (index for index, (one, mask) in enumerate(listed) if mask >> bit & 1 and one is not None)
        return min((abs(index - at) for index in there), default=len(listed)) if value is not None else 0


Step = tuple[int, int, int]
"""A level, the cases left there, and the stretches already found that what was chosen lies in."""


def _inside(chosen: Sequence[int], wide: Sequence[int]) -> bool:
    """Whether what was chosen so far lies in a stretch."""
    return not any(mask & ~side for mask, side in zip(chosen, wide, strict=False))


def _free(levels: Sequence[Sequence[int]], every: int) -> list[int]:
    """Per level, and after the last, the cases that whatever is still to be chosen allows."""
    free = [every]
    for masks in reversed(levels):
        free.append(free[-1] & reduce(and_, masks, every))
    return free[::-1]


def _widened(sides: list[int], levels: Sequence[Sequence[int]], every: int) -> tuple[int, ...]:
    """A stretch that no case covers, with every value that can be added to it, the least asked about first."""
    for index in reversed(range(len(sides))):
        others = reduce(and_, (*sides[:index], *sides[index + 1 :]), every)
        sides[index] = reduce(or_, (mask for mask in levels[index] if not mask & others), 0)
    return tuple(sides)


def _classes(values: Sequence[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """One example for each mask: values that no row tells apart are looked at once."""
    first: dict[int, Any] = {}
    for value, mask in values:
        first.setdefault(mask, value)
    return [(value, mask) for mask, value in first.items()]
