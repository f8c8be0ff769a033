"""One pass over what is due: each rung of each deadline raised exactly once, however many sweepers run."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.core.case import Event, micros, moment
from engine.core.errors import BadInput, Problem
from engine.core.org import SYSTEM
from engine.lookback import look_back
from engine.planning import make_ahead
from engine.service import Office
from engine.store.changes import event_row
from engine.store.store import INSERT_EVENT, Writer

BATCH = 1000
AGAIN = timedelta(hours=1)
"""When a deadline that could not be swept is tried again."""
_DUE = "SELECT case_id, name, armed_by, due, ladder, rung FROM deadline WHERE next_at <= ? ORDER BY next_at LIMIT ?"
_NEXT = (
    "SELECT min(at) FROM (SELECT min(next_at) AS at FROM deadline WHERE next_at <= ?"
    " UNION ALL SELECT min(next_at) - ? FROM schedule WHERE ended = 0 AND next_at <= ?)"
)
_HEAD = 'SELECT seq, head, owner, release FROM "case" WHERE id = ?'


def sweep(office: Office) -> int:
    """Look back where a list was loaded, make the tasks to come, and raise every alert that is due; how many alerts."""
    look_back(office)
    make_ahead(office)
    raised = 0
    while count := sweep_once(office, BATCH):
        raised += count
    return raised


def sweep_once(office: Office, most: int) -> int:
    """One batch in one transaction: alert, event, next rung and message, all or none."""
    now = micros(office.now())
    with office.store.reading() as driver:
        releases = [number for (number,) in driver.execute("SELECT number FROM release")]
    books = {number: office.book(number) for number in releases}
    with office.store.writing(now) as writer:
        due = writer.cursor.execute(_DUE, (now, most)).fetchall()
        if due:
            _Batch(writer, books, office.account, now).raise_all(due)
    return len(due)


@dataclass(slots=True)
class _Batch:
    """The rows one batch writes, gathered and then written statement by statement."""

    writer: Writer
    books: dict[int, Any]
    account: str
    now: int

    def raise_all(self, due: list[tuple[Any, ...]]) -> None:
        heads: dict[str, tuple[int, bytes]] = {}
        stands: dict[str, tuple[str, int]] = {}
        events, alerts, nexts, messages = [], [], [], []
        now = moment(self.now)
        for case_id, name, armed_by, due_at, ladder, rung in due:
            try:
                if case_id not in heads:
                    seq, head, *rest = self.writer.cursor.execute(_HEAD, (case_id,)).fetchone()
                    heads[case_id], stands[case_id] = (seq, head), (rest[0], rest[1])
                owner, release = stands[case_id]
                book = self.books[release]
                rungs = book.ladders[ladder].rungs
                step = rungs[rung]
            except (KeyError, IndexError, TypeError):
                self._set_aside(case_id, name)
                continue
            seq, head = heads[case_id]
            told = book.organisation.told(step.tell, owner)
            data = {"deadline": name, "armed": armed_by, "rung": rung, "level": step.level, "told": told, "due": due_at}
            row = event_row(case_id, seq + 1, Event("alerted", SYSTEM, now, data, self.account))
            heads[case_id] = (seq + 1, self.writer.chain_on(head, [row]))
            events.append(row)
            later = due_at + rungs[rung + 1].at // _MICRO if rung + 1 < len(rungs) else None
            nexts.append((rung + 1, later, case_id, name))
            alerts.append((case_id, armed_by, name, rung, step.level, told, due_at, self.now))
            messages.append((case_id, told, f"{step.level}：案件 {case_id} 时限 {name}", self.now))
        self._write(events, heads, nexts, alerts, messages)

    def _set_aside(self, case_id: str, name: str) -> None:
        """A deadline whose case or ladder is broken must not silence the others: it is recorded and tried later."""
        later = self.now + AGAIN // _MICRO
        self.writer.cursor.execute(
            "UPDATE deadline SET next_at = ? WHERE case_id = ? AND name = ?", (later, case_id, name)
        )
        told = {"case": case_id, "deadline": name}
        self.writer.system(Event("sweep_failed", SYSTEM, moment(self.now), told, self.account))

    def _write(
        self,
        events: list[dict[str, Any]],
        heads: dict[str, tuple[int, bytes]],
        nexts: list[tuple[Any, ...]],
        alerts: list[tuple[Any, ...]],
        messages: list[tuple[Any, ...]],
    ) -> None:
        many = self.writer.cursor.executemany
        INSERT_EVENT.many(self.writer.cursor, events)
        many(
            'UPDATE "case" SET seq = ?, head = ? WHERE id = ?',
            [(seq, head, case) for case, (seq, head) in heads.items()],
        )
        many("UPDATE deadline SET rung = ?, next_at = ? WHERE case_id = ? AND name = ?", nexts)
        many(
            "INSERT INTO alert (case_id, armed_by, name, rung, level, told, due, raised_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            alerts,
        )
        many("INSERT INTO outbox (case_id, told, text, created_at) VALUES (?, ?, ?, ?)", messages)


_MICRO = moment(1) - moment(0)


def move_clock(office: Office, step: timedelta) -> int:
    """Move a rehearsal's clock on, sweeping at each due instant in order; how many alerts that raised."""
    if step <= timedelta(0):
        raise BadInput(Problem("CLOCK-002", "时钟只能往前拨", "如 +3h、+14d"))
    target = micros(office.now() + step)
    ahead = office.book().plan_ahead // _MICRO
    raised = 0
    while True:
        with office.store.reading() as driver:
            due = driver.execute(_NEXT, (target, ahead, target + ahead)).fetchone()[0]
        office.set_clock(target if due is None else max(due, micros(office.now())))
        if due is None:
            return raised
        raised += sweep(office)


def deliver(office: Office, most: int = 1000) -> Generator[tuple[str, str], None, None]:
    """Messages not yet delivered, each marked once its receiver took it: delivered at least once."""
    with office.store.reading() as driver:
        waiting = driver.execute(
            "SELECT id, told, text FROM outbox WHERE delivered_at IS NULL ORDER BY id LIMIT ?", (most,)
        ).fetchall()
    done = []
    for number, told, text in waiting:
        yield told, text
        done.append((micros(office.now()), number))
    if done:
        with office.store.writing(done[-1][0]) as writer:
            writer.cursor.executemany("UPDATE outbox SET delivered_at = ? WHERE id = ? AND delivered_at IS NULL", done)
