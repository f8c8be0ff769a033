"""Occurrences of scheduled tasks, made a little ahead of their due times and never twice, in one pass over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.core.case import Event, micros, moment, occurrence
from engine.core.org import SYSTEM
from engine.core.planning import due_next, dues
from engine.core.rulebook import Rulebook
from engine.service import Office
from engine.store.changes import event_row
from engine.store.plans import plan_of
from engine.store.store import INSERT_EVENT, Writer

BATCH = 5000
AGAIN = 3_600_000_000
"""When a schedule that could not be planned is tried again, in microseconds."""
_DUE = (
    "SELECT case_id, name, event, release, plan, next_at FROM schedule"
    " WHERE ended = 0 AND next_at <= ? ORDER BY next_at LIMIT ?"
)
_THERE = (
    f"SELECT t.case_id, t.schedule, t.due FROM ({_DUE}) AS s CROSS JOIN task AS t"  # noqa: S608 - our own words
    " ON t.case_id = s.case_id AND t.schedule = s.name AND t.due >= s.next_at WHERE t.state <> 'ended'"
)
_MAKE = (
    "INSERT INTO task (case_id, schedule, due, event, ends, state, who) VALUES (?, ?, ?, ?, ?, 'open', '')"
    " ON CONFLICT (case_id, schedule, due) DO UPDATE SET event = excluded.event, ends = excluded.ends, state = 'open',"
    " who = '' WHERE task.state = 'ended'"
)
_ARM = "INSERT INTO deadline (case_id, name, armed_by, due, ladder, rung, next_at) VALUES (?, ?, ?, ?, ?, 0, ?)"
_NEXT = "UPDATE schedule SET next_at = ? WHERE case_id = ? AND name = ? AND event = ?"


def make_ahead(office: Office) -> int:
    """Make every occurrence that is due within `plan_ahead`, batch by batch; how many there were."""
    made = 0
    while (done := make_once(office, BATCH)) is not None:
        made += done
    return made


def make_once(office: Office, most: int) -> int | None:
    """One batch of schedules in one transaction; None: none is due any more."""
    now = micros(office.now())
    horizon = now + office.book().plan_ahead // timedelta(microseconds=1)
    with office.store.reading() as driver:
        if driver.execute(_DUE, (horizon, 1)).fetchone() is None:
            return None
        books = {number: office.book(number) for (number,) in driver.execute("SELECT number FROM release").fetchall()}
    with office.store.writing(now) as writer:
        due = writer.cursor.execute(_DUE, (horizon, most)).fetchall()
        there = set(writer.cursor.execute(_THERE, (horizon, most)).fetchall())
        return _Batch(writer, books, office.account, now, horizon, there).make(due)


def latest_only(wanted: list[int], missed: list[int]) -> tuple[list[int], list[int]]:
    """What is made of what is wanted: of the time nobody swept only the last; and what is passed over."""
    return wanted[max(len(missed) - 1, 0) :], missed[:-1]


@dataclass(slots=True)
class _Batch:
    """The rows one batch writes, gathered and then written statement by statement."""

    writer: Writer
    books: dict[int, Rulebook]
    account: str
    now: int
    horizon: int
    there: set[tuple[str, str, int]]
    tasks: list[tuple[Any, ...]] = field(default_factory=list)
    deadlines: list[tuple[Any, ...]] = field(default_factory=list)
    nexts: list[tuple[Any, ...]] = field(default_factory=list)

    def make(self, due: list[tuple[Any, ...]]) -> int:
        """Make what is due of these schedules; how many occurrences."""
        for row in due:
            try:
                self._schedule(*row)
            except (ValueError, TypeError, KeyError, IndexError):
                self._set_aside(*row)
        many = self.writer.cursor.executemany
        many(_MAKE, self.tasks)
        many(_ARM, self.deadlines)
        many(_NEXT, self.nexts)
        return len(self.tasks)

    def _schedule(self, case_id: str, name: str, event: int, release: int, text: str, next_at: int) -> None:
        book = self.books[release]
        plan = plan_of(text)
        first = book.ladders[plan.ladder].rungs[0].at // timedelta(microseconds=1)
        wanted = [due for due in dues(plan, next_at, self.horizon, book.zone) if (case_id, name, due) not in self.there]
        missed = [due for due in wanted if due + plan.within <= self.now]
        wanted, passed = latest_only(wanted, missed)
        if passed:
            self._passed_over(case_id, name, event, passed)
        for due in wanted:
            ends = due + plan.within
            self.tasks.append((case_id, name, due, event, ends))
            self.deadlines.append((case_id, occurrence(name, due), event, ends, plan.ladder, ends + first))
        self.nexts.append((due_next(plan, self.horizon, book.zone), case_id, name, event))

    def _passed_over(self, case_id: str, name: str, event: int, dues: list[int]) -> None:
        told = {"schedule": name, "planned": event, "from": dues[0], "to": dues[-1]}
        self._tell(case_id, Event("passed_over", SYSTEM, moment(self.now), told, self.account))

    def _tell(self, case_id: str, happened: Event) -> None:
        """Append an event that changes nothing else of a case."""
        execute = self.writer.cursor.execute
        seq, head = execute('SELECT seq, head FROM "case" WHERE id = ?', (case_id,)).fetchone()
        row = event_row(case_id, seq + 1, happened)
        head = self.writer.chain_on(head, [row])
        INSERT_EVENT.many(self.writer.cursor, [row])
        execute('UPDATE "case" SET seq = ?, head = ? WHERE id = ?', (seq + 1, head, case_id))

    def _set_aside(self, case_id: str, name: str, event: int, *_: Any) -> None:
        """A broken schedule must not silence the others: it is recorded and tried later."""
        self.nexts.append((self.horizon + AGAIN, case_id, name, event))
        told = {"case": case_id, "schedule": name}
        self.writer.system(Event("sweep_failed", SYSTEM, moment(self.now), told, self.account))
