"""Occurrences of scheduled tasks, made a little ahead of their due times and never twice, in one pass over them."""

from __future__ import annotations

import contextlib
from typing import Any

from engine.core.case import micros
from engine.core.reckoning import MICRO
from engine.service import Office
from engine.store.occurrences import Batch
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
        batch = Batch(writer, books.__getitem__, office.account, horizon, there)
        latest = books[max(books)] if books else None

        def broken(row: tuple[Any, ...], error: str) -> None:
            set_aside(writer, latest, office.account, Setback(SCHEDULE, row[0], row[1]), error)

        each(writer, due, batch.make, broken)
        for case, name in writer.cursor.execute(_OVER, (horizon,)).fetchall():
            recovered(writer, office.account, Setback(SCHEDULE, case, name))
        return batch.made
