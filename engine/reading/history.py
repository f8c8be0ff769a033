"""Every case as the events recorded before a moment made it, with what of its scheduled work was overdue then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from engine.core.case import Case, Event, Plan, micros, moment
from engine.core.evolving import evolve
from engine.core.planning import dues
from engine.core.reports import Standing
from engine.service import Office
from engine.store.plans import PLANNED, changed, plan_of
from engine.store.store import SYSTEM, Driver

_BEFORE = (
    "SELECT case_id, type, actor, occurred_at, recorded_at, data FROM event WHERE recorded_at < ? AND case_id <> ?"
    " ORDER BY case_id, seq"
)
_AT = "SELECT count(*) FROM event WHERE recorded_at = ? AND case_id <> ?"


def recorded_at(driver: Driver, at: datetime) -> int:
    """How many events of cases were recorded at this very moment."""
    (number,) = driver.execute(_AT, (micros(at), SYSTEM)).fetchone()
    return int(number)


def standing_before(office: Office, driver: Driver, at: datetime) -> Iterator[Standing]:
    """Every case as the events recorded before a moment made it, one after another."""
    zone = office.book().zone
    rows = driver.execute(_BEFORE, (micros(at), SYSTEM))
    for case_id, events in groupby(rows, itemgetter(0)):
        case: Case | None = None
        opened, closed, work = at, None, _Work(zone)
        for _, kind, actor, occurred, recorded, data in events:
            opened = moment(recorded) if case is None else opened
            before, happened = case, Event(kind, actor, moment(occurred), orjson.loads(data))
            case = evolve(before, happened, case_id)
            work.follow(office, before, case, happened)
            if case.final and closed is None:
                closed = moment(recorded)
        if case is not None:
            yield Standing(case, opened, closed, None if case.final else work.late(at))


@dataclass(slots=True)
class _Stretch:
    """A plan, and from when until when its due times were asked for."""

    plan: Plan
    first: int
    last: int


@dataclass(slots=True)
class _Work:
    """The scheduled work of a case as its events tell it, without the rows that are kept of it now.

    What each event does to those rows it does to this; an occurrence counts as made once it is due.
    """

    zone: ZoneInfo
    asked: dict[str, list[_Stretch]] = field(default_factory=dict)
    settled: dict[str, set[int]] = field(default_factory=dict)
    """Done or waived."""
    gone: dict[str, set[int]] = field(default_factory=dict)
    passed: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Stretches in which nobody swept, and nothing was made."""

    def follow(self, office: Office, before: Case | None, case: Case, happened: Event) -> None:
        """Take one more event into account."""
        if happened.type == "passed_over":
            told = happened.data
            self.passed.setdefault(told["schedule"], []).append((told["from"], told["to"]))
        ops = changed(office.book(case.release), before, case, happened)
        for verb in PLANNED if ops else ():
            for name, row in ops:
                if name == verb:
                    self._do(verb, row)

    def _do(self, verb: str, row: Mapping[str, Any]) -> None:
        """What an operation does to the rows of tasks, done to this."""
        if verb == "mark":
            settled = self.settled.setdefault(row["schedule"], set())
            (settled.add if row["state"] in SETTLED else settled.discard)(row["due"])
        elif verb == "gone":
            self.gone.setdefault(row["schedule"], set()).add(row["due"])
        elif verb == "ahead":
            for stretch in self.asked.get(row["schedule"], ()):
                stretch.last = min(stretch.last, row["at"])
        elif verb == "end":
            self.asked.pop(row["schedule"], None)
        elif verb == "plan" and row["next_at"] is not None:
            name, plan = row["name"], plan_of(row["plan"])
            self.asked.setdefault(name, []).append(_Stretch(plan, row["next_at"], FOREVER))
            self.gone.get(name, set()).difference_update(plan.due)

    def late(self, at: datetime) -> datetime | None:
        """When the time of the first occurrence ran out that was overdue at a moment; None: none was."""
        ends = (end for name in self.asked for end in self._left(name, micros(at)))
        first = min(ends, default=None)
        return None if first is None else moment(first)

    def _left(self, name: str, at: int) -> Iterator[int]:
        """When the time of each occurrence of a schedule ran out that nobody had done, waived or passed over."""
        over = self.settled.get(name, set()) | self.gone.get(name, set())
        passed = self.passed.get(name, ())
        for stretch in self.asked[name]:
            for due in dues(stretch.plan, stretch.first, min(stretch.last, at - stretch.plan.within), self.zone):
                if due not in over and not any(first <= due <= last for first, last in passed):
                    over.add(due)
                    yield due + stretch.plan.within


SETTLED = ("done", "skipped")
FOREVER = 1 << 62
"""Later than any due time."""
