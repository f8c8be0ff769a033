"""Occurrences of scheduled tasks as rows, made a little ahead of their due times and never twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.case import Event, Plan, moment, occurrence
from engine.core.org import SYSTEM
from engine.core.planning import due_next, dues
from engine.core.reckoning import MICRO
from engine.core.rulebook import Rulebook
from engine.store.changes import Ready, event_row
from engine.store.plans import plan_of
from engine.store.statements import INSERT_EVENT
from engine.store.store import Writer

_BEGUN = "FROM json_each(?1) AS j CROSS JOIN schedule AS s ON s.case_id = j.value AND s.ended = 0 AND s.next_at <= ?2"
_OF = f"SELECT s.case_id, s.name, s.event, s.release, s.plan, s.next_at {_BEGUN} ORDER BY s.case_id, s.name"
_THERE = (
    f"SELECT t.case_id, t.schedule, t.due {_BEGUN} CROSS JOIN task AS t"
    " ON t.case_id = s.case_id AND t.schedule = s.name AND t.due >= s.next_at WHERE t.state <> 'ended'"
)
_MAKE = (
    "INSERT INTO task (case_id, schedule, due, event, ends, state, who) VALUES (?, ?, ?, ?, ?, 'open', '')"
    " ON CONFLICT (case_id, schedule, due) DO UPDATE SET event = excluded.event, ends = excluded.ends, state = 'open',"
    " who = '' WHERE task.state = 'ended'"
)
_ARM = "INSERT INTO deadline (case_id, name, armed_by, due, ladder, rung, next_at) VALUES (?, ?, ?, ?, ?, 0, ?)"
_NEXT = "UPDATE schedule SET next_at = ? WHERE case_id = ? AND name = ? AND event = ?"


def make_begun(writer: Writer, ready: Iterable[Ready], books: Callable[[int], Rulebook], account: str) -> None:
    """Make what is due within `plan_ahead` of the plans that these changes began: whoever began them sees their work.

    What comes due later is made by the sweep.
    """
    begun = [each.row["id"] for each in ready if any(verb == "plan" for ops in each.planned for verb, _ in ops)]
    if not begun:
        return
    horizon = writer.now + books(0).plan_ahead // MICRO
    asked = (json.dumps(begun), horizon)
    due = writer.cursor.execute(_OF, asked).fetchall()
    there = set(writer.cursor.execute(_THERE, asked).fetchall())
    Batch(writer, books, account, horizon, there).make(due)


def latest_only(wanted: list[int], missed: list[int]) -> tuple[list[int], list[int]]:
    """What is made of what is wanted: of the time nobody swept only the last; and what is passed over."""
    return wanted[max(len(missed) - 1, 0) :], missed[:-1]


@dataclass(slots=True)
class Batch:
    """The rows one batch writes, gathered and then written statement by statement."""

    writer: Writer
    books: Callable[[int], Rulebook]
    account: str
    horizon: int
    there: set[tuple[str, str, int]]
    made: int = 0

    def make(self, due: Sequence[tuple[Any, ...]]) -> None:
        """Make what is due of these schedules."""
        tasks: list[tuple[Any, ...]] = []
        deadlines: list[tuple[Any, ...]] = []
        nexts: list[tuple[Any, ...]] = []
        for case_id, name, event, release, text, next_at in due:
            book, plan = self.books(release), plan_of(text)
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
        missed = [at for at in wanted if at + plan.within <= self.writer.now]
        wanted, passed = latest_only(wanted, missed)
        if passed:
            told = {"schedule": name, "planned": event, "from": passed[0], "to": passed[-1]}
            self._tell(case_id, Event("passed_over", SYSTEM, moment(self.writer.now), told, self.account))
        return wanted

    def _tell(self, case_id: str, happened: Event) -> None:
        """Append an event that changes nothing else of a case."""
        execute = self.writer.cursor.execute
        seq, head = execute('SELECT seq, head FROM "case" WHERE id = ?', (case_id,)).fetchone()
        row = event_row(case_id, seq + 1, happened)
        head = self.writer.chain_on(head, [row])
        INSERT_EVENT.many(self.writer.cursor, [row])
        execute('UPDATE "case" SET seq = ?, head = ? WHERE id = ?', (seq + 1, head, case_id))
