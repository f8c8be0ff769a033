"""What cannot be done is set aside, tried again ever later, and after three tries told as an incident."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar

from engine.core.case import Event, moment
from engine.core.org import SYSTEM
from engine.core.reckoning import MICRO
from engine.core.rulebook import Rulebook
from engine.store import schema as s
from engine.store.statements import INSERT_OUTBOX
from engine.store.store import Writer, of_a_record

DEADLINE, SCHEDULE, MESSAGE, DUTY, CASE = "deadline", "schedule", "message", "duty", "case"
TRIES = 3
"""After so many tries somebody is told."""
FIRST, LONGEST = timedelta(minutes=1), timedelta(days=1)
"""How long until the second try, and how long at most between two."""
WORDS = {
    DEADLINE: "催办不下去",
    SCHEDULE: "排不出任务",
    MESSAGE: "消息送不出去",
    DUTY: "例行检查做不完",
    CASE: "新规则套用不上",
}
Item = TypeVar("Item")


class Setback(NamedTuple):
    """What could not be done: a deadline or schedule of a case, a plan on a case, a message, a duty of the sweep."""

    kind: str
    case: str
    name: str


def each(
    writer: Writer, items: Sequence[Item], work: Callable[[Sequence[Item]], None], aside: Callable[[Item, str], None]
) -> None:
    """Do all at once; what fails is found by halves and set aside alone, so that nothing else waits for it.

    A database that cannot be written is nobody's own fault: that ends the pass. A record in it that cannot be read is.
    """
    try:
        with writer.part():
            work(items)
    except Exception as error:
        if isinstance(error, sqlite3.OperationalError) and not of_a_record(error):
            raise
        if len(items) == 1:
            aside(items[0], type(error).__name__)
            return
        middle = len(items) // 2
        each(writer, items[:middle], work, aside)
        each(writer, items[middle:], work, aside)


def set_aside(writer: Writer, book: Rulebook | None, account: str, found: Setback, error: str) -> None:
    """Note a failed try with the kind of its error (never its words), and tell of the third."""
    row = writer.cursor.execute(
        "SELECT tries, since FROM incident WHERE kind = ? AND case_id = ? AND name = ?", found
    ).fetchone()
    before, since = row or (0, writer.now)
    tries = before + 1
    again = writer.now + min(FIRST * 4 ** min(tries - 1, 10), LONGEST) // MICRO
    told = {**found._asdict(), "tries": tries, "again": again, "since": since, "error": error}
    writer.system(Event("set_aside", SYSTEM, moment(writer.now), told, account))
    writer.insert(
        s.IncidentRow,
        ("kind", "case_id", "name", "tries", "since", "again_at", "error"),
        [(*found, tries, since, again, error)],
        clash="REPLACE",
    )
    if tries == TRIES and book is not None:
        _tell(writer, book, found)


def recovered(writer: Writer, account: str, found: Setback) -> None:
    """What was set aside is done, or has nothing left to be done."""
    writer.system(Event("recovered", SYSTEM, moment(writer.now), found._asdict(), account))
    writer.cursor.execute("DELETE FROM incident WHERE kind = ? AND case_id = ? AND name = ?", found)


def head(book: Rulebook) -> str:
    """Who is told of incidents: the first responsible person of the default owner."""
    return book.organisation.told("unit.head", book.default_owner)


def _tell(writer: Writer, book: Rulebook, found: Setback) -> None:
    """One message; that a message to this same person is not taken is only listed, for it would go the same way."""
    to = head(book)
    if found.kind == MESSAGE:
        row = writer.cursor.execute("SELECT told FROM outbox WHERE id = ?", (int(found.name),)).fetchone()
        if row is None or row[0] == to:
            return
    about = f"案件 {found.case}：" if found.case else ""
    text = f"{about}{WORDS[found.kind]}（{found.name}），已试 {TRIES} 次"
    INSERT_OUTBOX.many(writer.cursor, [{"case_id": found.case, "told": to, "text": text, "created_at": writer.now}])
