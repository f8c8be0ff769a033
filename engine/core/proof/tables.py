"""Decision tables proved exactly, dates included: gaps, overlaps, rows that never win, twins, and holes in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial, reduce
from itertools import islice, product
from math import prod
from operator import and_, or_
from typing import Any

from engine.core.conditions import Fact
from engine.core.proof.space import Levels, OutOfWork, Space
from engine.core.tables import Axis, Row, Table, bits

MOST_EXAMPLES = 20
MOST_COUNTED = 1_000
WORK = 3_000_000
"""So many steps the proof of one table may take; beyond, it is not proved."""
GAP, OVERLAP, NEVER, SHADOWED, TWIN, CONTRARY, PAUSE = range(7)


@dataclass(frozen=True, slots=True)
class Found:
    """Something wrong with a table: which rows, and the inputs (on a day) that show it; nothing else need be known."""

    kind: int
    rows: tuple[Row, ...]
    example: dict[str, Fact]
    day: date | None = None
    """None: any day."""
    alike: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict)
    """Per input, what else it may be in the same gap, whichever of these the others are."""


Telling = Callable[[], Found]
"""What was found, put into an example once it is to be told."""


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
                found.append(item())
            elif number >= MOST_COUNTED:
                break
    except OutOfWork:
        return Proof(tuple(found), number - len(found), proved=False)
    return Proof(tuple(found), number - len(found))


def uncovered(table: Table, work: int = WORK) -> Found | None:
    """Inputs that no row covers, of a table that may leave some to the default owner; None: none were found."""
    try:
        found = next(_Prover(table, work).gaps(), None)
        return found() if found else None
    except OutOfWork:
        return None


def ending(table: Table, work: int = WORK) -> Iterator[Found]:
    """Rows that end, with inputs that nothing covers from that day on."""
    prover = _Prover(table, work)
    try:
        for row, of in enumerate(table.rows):
            if of.until and prover.live[row] and (values := prover.after(row)) is not None:
                yield prover.over((row,), values)
    except OutOfWork:
        return


Holds = Callable[[int, int], bool]
"""Whether something still shows, by the cases that the inputs allow and those that hold on the day."""
_EXPLAINING = 20_000
"""So many steps may be spent on which rows take the place of one that never wins, beside those of the proof."""


class _Prover(Space):
    """One table being proved."""

    def everything_wrong(self) -> Iterator[Telling]:
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

    def never(self) -> Iterator[Telling]:
        """Rows whose conditions exclude each other."""
        for row, live in zip(self.table.rows, self.live, strict=True):
            if not live:
                yield partial(Found, NEVER, (row,), {})

    @cached_property
    def twins(self) -> list[tuple[int, int]]:
        """Pairs of rows that hold for exactly the same inputs and days: the first to win, and one that never does."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for row, live in enumerate(self.live):
            if live:
                sides = zip(*(self.sides[bit] for bit in live), strict=True)
                alike.setdefault(tuple(reduce(or_, each) for each in sides), []).append(row)
        made = []
        for rows in alike.values():
            kinds: list[int] = []
            for row in sorted(rows, key=lambda each: (self.table.rows[each].priority, each)):
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

    def paired(self) -> Iterator[Telling]:
        """Rows that are there twice: saying the same, or something else (which is no mistake where all hits add up)."""
        rows = self.table.rows
        for one, other in map(sorted, self.twins):
            same = rows[one].then == rows[other].then
            if same or self.table.hit_policy != "collect":
                a, b = next((a, b) for a in self.live[one] for b in bits(self.together[a] & self.of_row[other]))
                yield partial(self.both, TWIN if same else CONTRARY, (one, other), (a, b))

    def overlaps(self) -> Iterator[Telling]:
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
                    yield partial(self.both, OVERLAP, pair, (bit, other))

    def shadowed(self) -> Iterator[Telling]:
        """Rows to which rows of better rank leave nothing."""
        rows = self.table.rows
        twins = {other for _, other in self.twins}
        better, rank_of, waiting = 0, None, 0
        for row in sorted(range(len(rows)), key=lambda each: rows[each].priority):
            if rows[row].priority != rank_of:
                better, rank_of, waiting = better | waiting, rows[row].priority, 0
            waiting |= self.of_row[row]
            if self.live[row] and row not in twins and not self.outside(row, better):
                yield partial(self.taken, row, better)

    def both(self, kind: int, rows: tuple[int, int], cases: tuple[int, int]) -> Found:
        """Two rows and where both hold, by these cases."""
        one, other = (self.of_row[row] for row in rows)
        values = self.named(self.narrowed(*cases))
        return self.short(kind, rows, values, lambda mask, day: bool(mask & day & one and mask & day & other))

    def taken(self, row: int, better: int) -> Found:
        """A row that never wins, and the rows that win in its place, the most first, with an example of the first.

        Without work left for that: the rows of better rank that may hold where it does.
        """
        left, self.left = self.left, _EXPLAINING
        won: dict[int, dict[str, Any]] = {}
        met = sorted(self.shares(row, better).items(), key=lambda item: -item[1])
        try:
            for rival, _ in met:
                if (values := self.wins(rival, row)) is not None:
                    won[rival] = values
                    if not self.outside(row, self.of_rows(won)):
                        break
            for rival in reversed(list(won)):
                if not self.outside(row, self.of_rows(set(won) - {rival})):
                    del won[rival]
        except OutOfWork:
            pass
        self.left = left
        if not won:
            return Found(SHADOWED, tuple(self.table.rows[each] for each in (row, *(rival for rival, _ in met))), {})
        first, values = next(iter(won.items()))
        own, rivals = self.of_row[row], self.of_row[first]

        def holds(mask: int, day: int) -> bool:
            mask &= day
            return bool(mask & own and mask & -mask & rivals)

        found = self.short(SHADOWED, (row, *won), values, holds)
        stated: dict[str, Fact] = {name: value for name, value in found.example.items() if value is not None}
        return replace(found, example=stated or found.example)

    def of_rows(self, rows: Iterable[int]) -> int:
        """The cases of rows."""
        return reduce(or_, (self.of_row[row] for row in rows), 0)

    def shares(self, row: int, better: int) -> dict[int, float]:
        """The rows of better rank that meet a row, each with about how much of it lies within them."""
        made: dict[int, float] = {}
        for bit in self.live[row]:
            for other in bits(self.together[bit] & better):
                pairs = zip(self.sides[bit], self.sides[other], strict=True)
                share = prod((mine & its).bit_count() / mine.bit_count() for mine, its in pairs)
                rival = self.table.cases[other].row
                made[rival] = max(made.get(rival, 0), share)
        return made

    def wins(self, rival: int, row: int) -> dict[str, Any] | None:
        """Inputs for which a row is the first that holds, of those for which another holds too."""
        cases = self.of_row[rival]
        ahead = (cases & -cases) - 1
        for bit in self.live[row]:
            for other in bits(self.together[bit] & cases):
                levels = self.narrowed(bit, other)
                if (point := next(self.points(levels, ahead), None)) is not None:
                    return self.named(levels, point)
        return None

    def gaps(self) -> Iterator[Telling]:
        """Inputs that no row covers."""
        for wide in islice(self.open(), MOST_EXAMPLES + 1):
            yield partial(self.gap, wide)

    def gap(self, wide: Sequence[int]) -> Found:
        """A stretch that no row covers: an example with what else it may be, and the rows that miss it by least."""
        reach = dict(zip((name for name, _ in self.levels), wide, strict=True))
        sides = {name: [value for value, mask in self.values[name] if not mask & ~reach[name]] for name in reach}
        partly = [axis.name for axis in self.table.axes if len(sides[axis.name]) < len(axis.examples)]
        needed = [name for name in partly if None not in sides[name] or sides[name] == [None]]
        example = {name: sides[name][0] for name in needed or partly[:1]}
        others = {name: [value for value in sides[name] if value is not example.get(name)] for name in partly}
        rows = self.nearest([example.get(name) if name else sides[""][0] for name in reach])
        return Found(
            GAP,
            tuple(self.table.rows[row] for row in rows),
            example,
            sides[""][0] if len(sides[""]) < len(self.table.days) else None,
            {name: tuple(values) for name, values in others.items() if values},
        )

    def named(self, levels: Levels, point: Sequence[Any] = ()) -> dict[str, Any]:
        """The values of a point by the names of their levels; without one: the first of each level."""
        return dict(zip((name for name, _ in levels), point or [classes[0][0] for _, classes in levels], strict=True))

    def short(self, kind: int, rows: Sequence[int], values: Mapping[str, Any], holds: Holds) -> Found:
        """What was found, with no more facts than it takes: one that need not be known is left out."""
        chosen = {name: next(mask for one, mask in self.values[name] if one is values[name]) for name in values}
        day = chosen.pop("")
        example: dict[str, Fact] = {name: values[name] for name in chosen}
        left = -1
        while left != len(example):  # one that is left out may make another needless that came before it
            left = len(example)
            for axis in (axis for axis in self.table.axes if axis.name in example):
                could = self.could(axis, chosen, lambda mask: holds(mask, day))
                if None in could and could != [None]:
                    del example[axis.name]
                    chosen[axis.name] = axis.unknown
        if not example:
            example = self.mattering(chosen, lambda mask: holds(mask, day))
            chosen |= {name: next(mask for one, mask in self.values[name] if one is example[name]) for name in example}
        inputs = reduce(and_, chosen.values(), self.all)
        any_day = all(holds(inputs, mask) for _, mask in self.table.days)
        told = tuple(self.table.rows[row] for row in rows)
        return Found(kind, told, example, None if any_day else values[""])

    def could(self, axis: Axis, chosen: Mapping[str, int], holds: Callable[[int], bool]) -> list[Fact]:
        """What an input may be, beside what is chosen of the others."""
        others = reduce(and_, (mask for name, mask in chosen.items() if name != axis.name), self.all)
        return [value for value, mask in axis.examples if holds(others & mask)]

    def mattering(self, chosen: Mapping[str, int], holds: Callable[[int], bool]) -> dict[str, Fact]:
        """The first input that may not be anything, with what it may be when it is known; none: nothing matters."""
        for axis in self.table.axes:
            could = self.could(axis, chosen, holds)
            known = [value for value in could if value is not None]
            if known and len(could) < len(axis.examples):
                return {axis.name: known[0]}
        return {}

    def pauses(self) -> Iterator[Telling]:
        """Rows that stop some days before the next one for the same inputs starts, which leaves those to nobody."""
        rows = self.table.rows
        meeting = self.meeting(days=False) if any(row.until for row in rows) else []
        for one, row in enumerate(rows):
            if row.until and self.live[one]:
                met = reduce(or_, (meeting[bit] for bit in self.live[one]))
                later = dict.fromkeys(self.table.cases[bit].row for bit in bits(met))
                for other in sorted(later, key=lambda each: str(rows[each].since)):
                    since = rows[other].since
                    if since and since > row.until and self.alike(one, other) and (values := self.after(one, other)):
                        yield partial(self.over, (one, other), values)
                        break

    def alike(self, one: int, other: int) -> bool:
        """Whether a row may go on where another has ended: where all hits add up, only one for the same inputs."""
        return self.table.hit_policy != "collect" or self.table.rows[one].when == self.table.rows[other].when

    def after(self, *rows: int) -> dict[str, Any] | None:
        """Inputs that all of these rows are for and that nothing covers on the day the first has ended."""
        until = self.table.rows[rows[0]].until
        rivals = self.rivals(rows[0])
        for cases in product(*(self.live[row] for row in rows)):
            levels = self.narrowed(*cases, days=False)
            point = next(self.points(levels, rivals), None) if all(item[1] for item in levels) else None
            if point is not None:
                return {**self.named(levels, point), "": until}
        return None

    def rivals(self, row: int) -> int:
        """What may take over from a row on the day it has ended; where all hits add up: only for the same inputs."""
        rows, until = self.table.rows, self.table.rows[row].until
        valid = next(mask for day, mask in self.table.days if day == until)
        if self.table.hit_policy != "collect":
            return valid
        return valid & self.of_rows(each for each, other in enumerate(rows) if other.when == rows[row].when)

    def over(self, rows: Sequence[int], values: Mapping[str, Any]) -> Found:
        """A row that has ended, maybe one that starts later, and inputs that nothing covers then."""
        rivals, own = self.rivals(rows[0]), [self.of_row[row] for row in rows]
        found = self.short(PAUSE, rows, values, lambda mask, _: not mask & rivals and all(mask & each for each in own))
        return replace(found, day=self.table.rows[rows[0]].until)
