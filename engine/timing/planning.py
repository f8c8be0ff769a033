"""Occurrences of scheduled tasks, made a little ahead of their due times and never twice, in one pass over them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.case import Event, Plan, micros, moment, occurrence
from engine.core.org import SYSTEM
from engine.core.planning import due_next, dues
from engine.core.reckoning import MICRO
from engine.core.rulebook import Rulebook
from engine.service import Office
from engine.store.changes import event_row
from engine.store.plans import plan_of
from engine.store.statements import INSERT_EVENT
from engine.store.store import Writer
from engine.timing.setbacks import SCHEDULE, Setback, each, recovered, set_aside

BATCH = 5000
_DUE = (
    "SELECT case_id, name, event, release, plan, next_at FROM schedule AS s WHERE ended = 0 AND next_at <= ?1"
    " AND NOT EXISTS (SELECT 1 FROM incident AS i WHERE i.kind = 'schedule' AND i.case_id = s.case_id"
    " AND i.name = s.name AND i.again_at > ?3) ORDER BY next_at LIMIT ?2"
)
_OVER = (
    "SELECT i.case_id, i.name FROM incident AS i WHERE i.kind = 'schedule' AND NOT EXISTS (SELECT 1 FROM schedule AS s"
    " WHERE s.case_id = i.case_id AND s.name = i.name AND s.ended = 0 AND s.next_at <= ?)"
)
"""Set aside once, and now planned or ended."""
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
    horizon = now + office.book().plan_ahead // MICRO
    with office.store.reading() as driver:
        over = driver.execute(_OVER, (horizon,)).fetchall()
        if not over and driver.execute(_DUE, (horizon, 1, now)).fetchone() is None:
            return None
        releases = [number for (number,) in driver.execute("SELECT number FROM release").fetchall()]
    books = {}
    for number in releases:
        with contextlib.suppress(Exception):  # its cases are set aside, and no others
            books[number] = office.book(number)
    with office.store.writing(now) as writer:
        due = writer.cursor.execute(_DUE, (horizon, most, now)).fetchall()
        there = set(writer.cursor.execute(_THERE, (horizon, most, now)).fetchall())
        batch = _Batch(writer, books, office.account, now, horizon, there)
        each(writer, due, batch.make, batch.set_aside)
        for case, name in writer.cursor.execute(_OVER, (horizon,)).fetchall():
            recovered(writer, office.account, Setback(SCHEDULE, case, name))
        return batch.made


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
    made: int = 0

    def make(self, due: Sequence[tuple[Any, ...]]) -> None:
        """Make what is due of these schedules."""
        tasks: list[tuple[Any, ...]] = []
        deadlines: list[tuple[Any, ...]] = []
        nexts: list[tuple[Any, ...]] = []
        for case_id, name, event, release, text, next_at in due:
            book, plan = self.books[release], plan_of(text)
            first = book.ladders[plan.ladder].rungs[0].at // MICRO
            for at in self._wanted(case_id, name, event, plan, dues(plan, next_at, self.horizon, book.zone)):
                ends = at + plan.within
                tasks.append((case_id, name, at, event, ends))
                deadlines.append((case_id, occurrence(name, at), event, ends, plan.ladder, ends + first))
            nexts.append((due_next(plan, self.horizon, book.zone), case_id, name, event))
        many = self.writer.cursor.executemany
        many(_MAKE, tasks)
        many(_ARM, deadlines)
        many(_NEXT, nexts)
        self.made += len(tasks)

    def _wanted(self, case_id: str, name: str, event: int, plan: Plan, due: Sequence[int]) -> list[int]:
        """The due times that are not made yet; of a time when nobody swept only the last."""
        wanted = [at for at in due if (case_id, name, at) not in self.there]
        missed = [at for at in wanted if at + plan.within <= self.now]
        wanted, passed = latest_only(wanted, missed)
        if passed:
            told = {"schedule": name, "planned": event, "from": passed[0], "to": passed[-1]}
            self._tell(case_id, Event("passed_over", SYSTEM, moment(self.now), told, self.account))
        return wanted

    def _tell(self, case_id: str, happened: Event) -> None:
        """Append an event that changes nothing else of a case."""
        execute = self.writer.cursor.execute
        seq, head = execute('SELECT seq, head FROM "case" WHERE id = ?', (case_id,)).fetchone()
        row = event_row(case_id, seq + 1, happened)
        head = self.writer.chain_on(head, [row])
        INSERT_EVENT.many(self.writer.cursor, [row])
        execute('UPDATE "case" SET seq = ?, head = ? WHERE id = ?', (seq + 1, head, case_id))

    def set_aside(self, due: tuple[Any, ...], error: str) -> None:
        """A schedule whose case, plan or release is broken."""
        latest = self.books[max(self.books)] if self.books else None
        set_aside(self.writer, latest, self.account, Setback(SCHEDULE, due[0], due[1]), error)
