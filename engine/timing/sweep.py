"""One pass over what is due: each rung of each deadline raised exactly once, however many sweepers run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from engine.commands.drafts import begin
from engine.core.case import Event, micros, moment
from engine.core.errors import BadInput, Problem
from engine.core.noting import title_of
from engine.core.org import ALSO, LEADER, SYSTEM
from engine.core.reckoning import MICRO
from engine.core.rulebook import Rulebook
from engine.service import LATEST, Office
from engine.store.changes import event_row
from engine.store.statements import INSERT_EVENT
from engine.store.store import Driver, Writer
from engine.timing.lookback import look_back
from engine.timing.loop import nightly
from engine.timing.migrating import carry_out
from engine.timing.openings import open_due
from engine.timing.planning import make_ahead
from engine.timing.setbacks import DEADLINE, DUTY, Setback, each, recovered, set_aside

BATCH = 1000
Result = TypeVar("Result")
_DUE = (
    "SELECT case_id, name, armed_by, due, ladder, rung, next_at FROM deadline AS d"
    " WHERE next_at <= ?1 AND NOT EXISTS (SELECT 1 FROM incident AS i WHERE i.kind = 'deadline'"
    " AND i.case_id = d.case_id AND i.name = d.name AND i.again_at > ?1) ORDER BY next_at LIMIT ?2"
)
_NEXT = (
    (
        "SELECT next_at FROM deadline AS d WHERE next_at <= ?1 AND NOT EXISTS (SELECT 1 FROM incident AS i"
        " WHERE i.kind = 'deadline' AND i.case_id = d.case_id AND i.name = d.name) ORDER BY next_at LIMIT 1"
    ),
    "SELECT min(again_at) FROM incident WHERE kind <> 'message' AND again_at <= ?1",
    (
        "SELECT min(effective_from) FROM release WHERE begun_at IS NULL AND withdrawn_at IS NULL AND effective_from <="
        " ?1 AND NOT EXISTS (SELECT 1 FROM incident WHERE kind = 'duty' AND name = 'begin')"
    ),
    (
        "SELECT min(due) FROM migration AS m JOIN release AS r ON r.number = m.release AND r.withdrawn_at IS NULL WHERE"
        " state IN ('planned', 'applying', 'reverting') AND due <= ?1"
        " AND NOT EXISTS (SELECT 1 FROM incident WHERE kind = 'duty' AND name = 'migrate')"
    ),
)
_PLAN = (
    "SELECT next_at - ?2 FROM schedule AS s WHERE ended = 0 AND next_at <= ?1 + ?2 AND NOT EXISTS (SELECT 1 FROM"
    " incident AS i WHERE i.kind = 'schedule' AND i.case_id = s.case_id AND i.name = s.name) ORDER BY next_at LIMIT 1"
)
"""When the next tasks are to be made."""
_OVER = (
    "SELECT i.case_id, i.name FROM incident AS i WHERE i.kind = 'deadline' AND NOT EXISTS"
    " (SELECT 1 FROM deadline AS d WHERE d.case_id = i.case_id AND d.name = i.name AND d.next_at <= ?1)"
)
"""Set aside once, and now raised, ended or put off."""
_HEAD = "SELECT seq, head, owner, json_extract(snapshot, '$.lead'), release, workflow, state FROM \"case\" WHERE id = ?"

_FACT = 'SELECT json_extract(snapshot, ?) FROM "case" WHERE id = ?'


def sweep(office: Office) -> int:
    """Begin with new rules, move cases to them, look back, make tasks, open and raise what is due, check the loop.

    How many alerts and breaches that was.
    """
    _duty(office, "begin", begin)
    _duty(office, "migrate", carry_out)
    _duty(office, "look_back", look_back)
    _duty(office, "plan", make_ahead)
    _duty(office, "open", open_due)
    raised = 0
    while count := sweep_once(office, BATCH):
        raised += count
    return raised + (_duty(office, "loop", nightly) or 0)


def _duty(office: Office, name: str, work: Callable[[Office], Result]) -> Result | None:
    """What a sweep does beside the alerts; that it fails is set aside like any other, and the alerts go out."""
    found, now = Setback(DUTY, "", name), micros(office.now())
    with office.store.reading() as driver:
        tried = driver.execute("SELECT again_at FROM incident WHERE kind = ? AND case_id = ? AND name = ?", found)
        again = tried.fetchone()
    if again is not None and again[0] > now:
        return None
    error, done = "", None
    try:
        done = work(office)
    except Exception as failed:  # noqa: BLE001 - whatever it is, it must not silence the alerts
        error = type(failed).__name__
    if error or again is not None:
        with office.store.writing(now) as writer:
            if error:
                set_aside(writer, office.book(), office.account, found, error)
            else:
                recovered(writer, office.account, found)
    return done


def sweep_once(office: Office, most: int) -> int:
    """One batch in one transaction: alert, event, next rung and message, all or none."""
    now = micros(office.now())
    books = _books(office)
    with office.store.writing(now) as writer:
        due = writer.cursor.execute(_DUE, (now, most)).fetchall()
        batch = _Batch(writer, books, office.account, now)
        if due:
            each(writer, due, batch.raise_all, batch.set_aside)
        for case, name in writer.cursor.execute(_OVER, (now,)).fetchall():
            recovered(writer, office.account, Setback(DEADLINE, case, name))
    return len(due)


def _books(office: Office) -> dict[int, Rulebook]:
    """The releases; one that cannot be read sets the cases under it aside, and no others."""
    with office.store.reading() as driver:
        releases = [number for (number,) in driver.execute("SELECT number FROM release ORDER BY number")]
    books = {}
    for number in releases:
        with contextlib.suppress(Exception):
            books[number] = office.book(number)
    return books


@dataclass(slots=True)
class _Batch:
    """The rows one batch writes, gathered and then written statement by statement."""

    writer: Writer
    books: dict[int, Rulebook]
    account: str
    now: int
    titles: dict[tuple[int, str, str, str], str] = field(default_factory=dict)

    def raise_all(self, due: Sequence[tuple[Any, ...]]) -> None:
        heads: dict[str, tuple[int, bytes]] = {}
        stands: dict[str, tuple[str, str, int, str, str]] = {}
        events, alerts, nexts, messages = [], [], [], []
        now = moment(self.now)
        for case_id, name, armed_by, due_at, ladder, rung, at in due:
            if case_id not in heads:
                seq, head, *rest = self.writer.cursor.execute(_HEAD, (case_id,)).fetchone()
                heads[case_id], stands[case_id] = (seq, head), tuple(rest)
            owner, lead, release, workflow, state = stands[case_id]
            book = self.books[release]
            steps = book.ladders[ladder]
            step, gap = steps.step(rung), steps.gap(rung)
            seq, head = heads[case_id]
            community = self._community(case_id, book.kind_of(workflow).jurisdiction) if step.tell == LEADER else ""
            told = book.organisation.told(step.tell, owner, lead, community)
            data = {"deadline": name, "armed": armed_by, "rung": rung, "level": step.level, "told": told, "due": due_at}
            row = event_row(case_id, seq + 1, Event("alerted", SYSTEM, now, data, self.account))
            heads[case_id] = (seq + 1, self.writer.chain_on(head, [row]))
            events.append(row)
            nexts.append((rung + 1, None if gap is None else at + gap // MICRO, case_id, name))
            alerts.append((case_id, armed_by, name, rung, step.level, told, due_at, self.now))
            text = f"{step.level}：案件 {case_id} 时限 {self._title(release, workflow, state, name)}"
            messages += [(case_id, each, text, self.now) for each in told.split(ALSO)]
        self._write(events, heads, nexts, alerts, messages)

    def _community(self, case_id: str, fact: str) -> str:
        """The community a case is in, by the fact that names it; read only where somebody is told for it."""
        if not fact:
            return ""
        found = self.writer.cursor.execute(_FACT, (f"$.facts.{fact}", case_id)).fetchone()
        return found[0] or ""

    def _title(self, release: int, workflow: str, state: str, name: str) -> str:
        """What a deadline is called, looked for once in a batch."""
        key = (release, workflow, state, name)
        if key not in self.titles:
            self.titles[key] = title_of(self.books[release].workflows[workflow], name, state)
        return self.titles[key]

    def set_aside(self, due: tuple[Any, ...], error: str) -> None:
        """A deadline whose case, ladder or release is broken."""
        latest = self.books[max(self.books)] if self.books else None
        set_aside(self.writer, latest, self.account, Setback(DEADLINE, due[0], due[1]), error)

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


def move_clock(office: Office, step: timedelta) -> int:
    """Move a rehearsal's clock on, sweeping at each due instant in order; how many alerts that raised."""
    if step <= timedelta(0):
        raise BadInput(Problem("CLOCK-002", "时钟只能往前拨", "如 +3h、+14d"))
    now = office.now()
    if step > LATEST - now:
        raise BadInput(Problem("CLOCK-002", "时钟拨得太远", f"最晚到 {LATEST:%Y-%m-%d}"))
    target = micros(now + step)
    ahead = office.book().plan_ahead // MICRO
    raised = 0
    while True:
        with office.store.reading() as driver:
            due = _next(driver, target, ahead)
        office.set_clock(target if due is None else max(due, micros(office.now())))
        if due is None:
            return raised + (_duty(office, "loop", nightly) or 0)
        raised += sweep(office)


def _next(driver: Driver, until: int, ahead: int) -> int | None:
    """The next instant at which a sweep has something to do."""
    found = [row[0] for sql in _NEXT if (row := driver.execute(sql, (until,)).fetchone())]
    found += [at for (at,) in driver.execute(_PLAN, (until, ahead)).fetchall()]
    return min((at for at in found if at is not None), default=None)
