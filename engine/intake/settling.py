"""Rows that did not go in, until each is settled: by a row that came back corrected, or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from engine.core import lifecycle
from engine.core.case import Case, Event
from engine.core.errors import BadInput, Problem
from engine.core.evolving import evolve
from engine.core.judging import Stated
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.intake.given import parse
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change
from engine.store.store import Driver, Lost, Writer, load_case

OPEN_OUTCOMES = ("refused", "ask")
MOST_ROW = 2**31
CORRECTED = "已更正录入"
_WAITS = "r.answers = '' AND r.settled_at IS NULL AND r.outcome IN ('refused', 'ask')"


class Waiting(NamedTuple):
    """A row that waits to be settled, and the matter that keeps it."""

    matter: str
    file: str
    row: int

    @property
    def name(self) -> str:
        """What a returned workbook calls it, and the rows that came back for it."""
        return f"{self.file}-{self.row}"


def named(text: str) -> tuple[str, int] | None:
    """The list and line a returned workbook names."""
    file, _, number = text.rpartition("-")
    return (file, int(number)) if number.isascii() and number.isdigit() and int(number) < MOST_ROW else None


def waiting(driver: Driver, file: str, row: int, source: str = "") -> Waiting | None:
    """The row that a line of a list leaves waiting: itself, or the one it came back for; None: it waits no more."""
    if not 0 < row < MOST_ROW:
        return None
    found = driver.execute("SELECT answers FROM intake_row WHERE file = ? AND row = ?", (file, row)).fetchone()
    first = named(found[0]) if found and found[0] else (file, row)
    kept = driver.execute(
        "SELECT f.matter, r.file, r.row FROM intake_row AS r JOIN intake_file AS f ON f.id = r.file"  # noqa: S608 - our own words
        f" WHERE r.file = ? AND r.row = ? AND (? = '' OR f.source = ?) AND {_WAITS}",
        (*(first or (file, row)), source, source),
    ).fetchone()
    return Waiting(*kept) if kept else None


def sent_before(driver: Driver, sent: str) -> Waiting | None:
    """The row with the very same cells that waits already."""
    kept = driver.execute(
        "SELECT f.matter, r.file, r.row FROM intake_row AS r JOIN intake_file AS f ON f.id = r.file"  # noqa: S608 - our own words
        f" WHERE r.sent = ? AND r.sent <> '' AND {_WAITS} ORDER BY r.rowid LIMIT 1",
        (sent,),
    ).fetchone()
    return Waiting(*kept) if kept else None


def settling(
    office: Office, driver: Driver, rows: Iterable[Waiting], settled_as: str, actor: Actor, now: datetime
) -> list[Change]:
    """What settling these rows does to their matters; with the last of its rows a matter is finished."""
    changes = []
    acting = replace(actor, engine=True)
    for matter, group in groupby(sorted(rows), attrgetter("matter")):
        settled = list(group)
        found = load_case(driver, matter)
        if found is None or not office.book().organisation.concerns(actor, found[0].involved):
            raise BadInput([_nothing(item.file, item.row) for item in settled])
        before, head = found
        book = office.book(before.release)
        left = driver.execute(
            f"SELECT count(*) FROM intake_row AS r WHERE r.file = ? AND {_WAITS}",  # noqa: S608 - our own words
            (settled[0].file,),
        ).fetchone()[0]
        events: list[Event] = []
        case = before
        for place, item in enumerate(settled, 1):
            told = {"settled_row": item.row, "settled_as": settled_as, "outstanding": left - place}
            case = _go(book, case, "settle", acting, told, now, events)
        if left == len(settled):
            _go(book, case, "finish", acting, {}, now, events)
        changes.append(Change.of(book, before, head, tuple(events)))
    return changes


def _go(
    book: Rulebook, case: Case, name: str, actor: Actor, raw: dict[str, Any], now: datetime, events: list[Event]
) -> Case:
    stated = parse(book, book.kind_of(case.workflow), raw, now)[0] if raw else Stated()
    for happened in lifecycle.advance(book, case, name, actor, stated, now):
        events.append(happened)
        case = evolve(case, happened)
    return case


def mark(writer: Writer, rows: Iterable[Waiting], subjects: dict[Waiting, str] | None = None) -> None:
    """Rows settled, under the write lock; raises `Lost` when somebody was first.

    Whoever came back in a corrected row is whom the refused one was about: erasing her reaches both.
    """
    for item in rows:
        writer.cursor.execute(
            "UPDATE intake_row SET settled_at = ? WHERE file = ? AND row = ? AND settled_at IS NULL",
            (writer.now, item.file, item.row),
        )
        if writer.cursor.rowcount != 1:
            raise Lost(Problem("CASE-409", "这一行刚被别人了结"))
        if subject := (subjects or {}).get(item, ""):
            writer.cursor.execute(
                "UPDATE intake_row SET subject = ? WHERE subject = '' AND (file = ? AND row = ? OR answers = ?)",
                (subject, item.file, item.row, item.name),
            )


def settle(office: Office, file: str, rows: Sequence[int], settled_as: str, actor: Actor) -> dict[str, Any]:
    """Settle refused or asked-about rows of a list by hand, all or none; with the last one its matter is finished."""
    office.require(actor, "intake")

    def decide(now: datetime) -> Step:
        with office.store.reading() as driver:
            found = {row: waiting(driver, file, row) for row in rows}
            if missing := [row for row, item in found.items() if item is None]:
                raise BadInput([_nothing(file, row) for row in missing])
            settled = sorted({item for item in found.values() if item is not None})
            changes = settling(office, driver, settled, settled_as, actor, now)
        last = changes[-1].case
        answer = office.answer(office.book(last.release), last) | {"settled": len(settled)}
        return Step(changes, answer, before=lambda writer: mark(writer, settled))

    return office.act(decide)


def _nothing(file: str, row: int) -> Problem:
    return Problem("SHEET-021", f"名单 {file} 第 {row} 行没有待了结的事", f"行的结果见 bihuan intake export {file}")
