"""When can it have happened? What is stated by hand, held against what is known of the case and the day it opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.core.case import Case
from engine.core.conditions import Fact, Field
from engine.core.errors import Problem
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Subject
from engine.core.values import duration_words, local_day
from engine.core.workflows import Workflow

EARLIEST_STATEMENT = timedelta(days=30)
"""How long ago something may have happened that is stated only now; further back needs a correction."""
CLOCKS_DIFFER = timedelta(minutes=5)
CORRECT = "更早的事实请按更正办理"
LEAVE_OUT = "核对日期；确实更早的，立案时先不填，立案后按更正办理（bihuan case correct）"
"""The same where there is no case yet to correct."""


class _Statement(Struct):
    """What is stated by hand beside what was known before; no case: it is being opened."""

    before: Reckoning
    after: Reckoning
    stated: Mapping[str, Fact]
    case: Case | None
    flow: Workflow
    kind: Subject

    @property
    def zone(self) -> ZoneInfo:
        return self.after.book.zone

    def dates(self) -> Iterable[tuple[Field, date]]:
        """The dates and times stated that tell of what has happened."""
        for name, value in self.stated.items():
            if isinstance(value, date) and not self.kind.fields[name].future:
                yield self.kind.fields[name], value

    def earliest(self, of: Field) -> tuple[datetime | None, timedelta | Field | None]:
        """Before which moment this cannot have been: so long before the opening, or the last step; None: it may."""
        opened = self.after.opened_at
        if self.case is not None and of.type == "time":
            floor = opened - (CLOCKS_DIFFER if of.back is None else of.back)
            last = None if of.name in self.flow.tested else self._last_step()
            moment = self.before.facts[last.name] if last is not None else None
            if isinstance(moment, datetime) and moment - CLOCKS_DIFFER > floor:
                return moment - CLOCKS_DIFFER, last
            return floor, of.back
        if of.back is not None or self._counts(of.name):
            back = EARLIEST_STATEMENT if of.back is None else of.back
            return opened - back, back
        return None, None

    def _last_step(self) -> Field | None:
        """The time that tells of the latest step so far."""
        steps = [
            (value, name)
            for name, value in self.before.facts.items()
            if isinstance(value, datetime) and name not in self.flow.tested and not self.kind.fields[name].future
        ]
        return self.kind.fields[max(steps)[1]] if steps else None

    def _counts(self, name: str) -> bool:
        """Whether days are counted from a fact, or it chooses how many there are."""
        return name in self.flow.counted or name in self.after.book.dating

    def order(self) -> Iterable[str]:
        """Facts stated in the wrong order, by what the pack says comes first."""
        facts = self.after.facts
        for first, second in self.kind.order:
            if first not in self.stated and second not in self.stated:
                continue
            one, other = facts.get(first), facts.get(second)
            told = {first, second} & self.stated.keys()
            # a step taken once more begins a new round
            again = told == {first} and self.kind.fields[first].type == "time"
            if not isinstance(one, date) or not isinstance(other, date) or again:
                continue
            if self._comparable(one, other) > self._comparable(other, one):
                yield f"{self.kind.fields[second].title}早于{self.kind.fields[first].title}"

    def _comparable(self, value: date, beside: date) -> date:
        """A moment as its day where it is compared with a day."""
        both = isinstance(value, datetime) and isinstance(beside, datetime)
        return local_day(value, self.zone) if isinstance(value, datetime) and not both else value

    def moved_back(self) -> Iterable[str]:
        """Clocks whose day 0 would go back although it was known, or although they run."""
        if not any(self._counts(name) for name in self.stated):
            return
        armed = [] if self.case is None else [one.since for one in self.case.deadlines.values()]
        running = {
            name
            for since in armed
            if since.startswith("clock ")
            for name in self.flow.line(since.removeprefix("clock "))
        }
        for clock in self.flow.clocks.values() if self.case is not None else ():
            old, new = self.before.count(clock.name).day_zero, self.after.count(clock.name).day_zero
            if old is None or new is None or new >= old:
                continue
            moving = [name for name in (*clock.anchor, clock.minus) if name in self.stated] or list(clock.anchor)
            anchor = next((name for name in moving if self.after.facts.get(name) is not None), None)
            if anchor is not None and (clock.name in running or self.before.facts.get(anchor) is not None):
                yield f"{self.kind.fields[anchor].title}会把{clock.title}的第 0 天从 {old} 提前到 {new}"


def _why(floor: timedelta | Field | None) -> str:
    if isinstance(floor, Field):
        return f"早于{floor.title}"
    return f"早于立案前 {duration_words(floor)}" if floor else "早于立案"


def untimely(
    before: Reckoning, after: Reckoning, stated: Mapping[str, Fact], case: Case | None = None
) -> list[Problem]:
    """Why what is stated by hand cannot have been when it is said to have been; each is a matter of correcting."""
    told = _Statement(before, after, stated, case, after.flow, after.book.subjects[after.flow.subject])
    found = []
    for of, value in told.dates():
        floor, why = told.earliest(of)
        if floor is None:
            continue
        early = value < floor if isinstance(value, datetime) else value < local_day(floor, told.zone)
        if early:
            found.append(f"{of.title}（{of.name}）{_why(why)}")
    way = LEAVE_OUT if case is None else CORRECT
    return [Problem("CASE-012", what, way) for what in [*found, *told.order(), *told.moved_back()]]
