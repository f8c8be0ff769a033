"""Alerts noted by whom they concern: the ladder stops until nothing is done for too long."""

from __future__ import annotations

from datetime import datetime

from engine.core.case import Event
from engine.core.noting import noted
from engine.core.org import Actor
from engine.core.reckoning import MICRO
from engine.ids import read_id
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change
from engine.store.store import Writer

_UNHEARD = (
    "SELECT d.name, d.ladder FROM deadline AS d WHERE d.case_id = ? AND (? = '' OR d.name = ?) AND EXISTS"
    " (SELECT 1 FROM alert AS a WHERE a.case_id = d.case_id AND a.armed_by = d.armed_by AND a.name = d.name"
    " AND a.acknowledged_at IS NULL) ORDER BY d.name"
)


def acknowledge(office: Office, case_id: str, name: str, actor: Actor) -> int:
    """Take note of the alerts of a case (one deadline's by name or title, or all); how many were open.

    Their ladders stop, and go on when nobody works on the case.
    """
    taken = 0

    def decide(now: datetime) -> Step:
        nonlocal name
        case, head = office.case(case_id, actor)
        book = office.book(case.release)
        with office.store.reading() as driver:
            unheard = driver.execute(
                "SELECT name, told FROM alert WHERE case_id = ? AND acknowledged_at IS NULL", (case.id,)
            ).fetchall()
            name = noted(book, case, unheard, name, actor)
            stopped = driver.execute(_UNHEARD, (case.id, name, name)).fetchall()
        again = {key: book.ladders[ladder].again // MICRO for key, ladder in stopped if ladder in book.ladders}
        told = {"name": name, "again": again}
        happened = Event("acknowledged", actor.user, now, told, actor.account)
        change = Change.of(book, case, head, (happened,))
        return Step([change], {}, before=mark)

    def mark(writer: Writer) -> None:
        nonlocal taken
        writer.cursor.execute(
            "UPDATE alert SET acknowledged_by = ?, acknowledged_at = ?"
            " WHERE case_id = ? AND (? = '' OR name = ?) AND acknowledged_at IS NULL",
            (actor.user, writer.now, read_id(case_id), name, name),
        )
        taken = writer.cursor.rowcount

    office.act(decide)
    return taken
