"""What a case leaves overdue when it closes: it is missed, and told in the log, in the answer and to the leader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engine.core.case import Event, micros, moment, occurrence
from engine.core.corrections import RECLASSIFIED
from engine.core.org import LEADER, SYSTEM
from engine.core.units import seat_of
from engine.store.changes import MISSED, Change

if TYPE_CHECKING:
    from engine.service import Office

_OVERDUE = (
    "SELECT schedule, due FROM task WHERE case_id = ? AND state IN ('open', 'claimed') AND ends <= ?"
    " ORDER BY schedule, due"
)


def told_missed(
    office: Office, changes: Iterable[Change], answer: dict[str, Any]
) -> tuple[list[Change], dict[str, Any]]:
    """The changes, each that closes a case over overdue work with the event that says so; and the answer likewise."""
    told, missed = [], []
    for change in changes:
        left = _left(office, change)
        if not left or change.before is None:
            told.append(change)
            continue
        case, was, book = change.case, change.before, office.book(change.case.release)
        leaders = book.organisation.told(LEADER, was.owner, was.lead, seat_of(book, was))
        data = {"tasks": left, "told": leaders, "alerts": [MISSED]}
        happened = Event(MISSED, SYSTEM, _closing(change).occurred_at, data, office.account)
        told.append(change.then(book, happened))
        titles = book.workflows[case.workflow].schedules
        for name, dues in left.items():
            local = [f"{moment(at).astimezone(book.zone):%Y-%m-%d %H:%M}" for at in dues]
            missed.append({"case": case.id, "told": data["told"], "title": titles[name].title, "due": local})
    return told, answer | ({"missed": missed} if missed else {})


def _closing(change: Change) -> Event:
    return next(one for one in change.events if one.data.get("final") or one.type == RECLASSIFIED)


def _left(office: Office, change: Change) -> dict[str, list[int]]:
    """Schedule → the due times of its tasks that were overdue and open when the case closed; often nothing."""
    before, case = change.before, change.case
    if before is None or before.final or not case.final or not before.plans:
        return {}
    at = micros(_closing(change).occurred_at)
    left: dict[str, list[int]] = {}
    with office.store.reading() as driver:
        for schedule, due in driver.execute(_OVERDUE, (case.id, at)).fetchall():
            mark = case.marks.get(occurrence(schedule, due))
            if mark is None or mark.state == "claimed":
                left.setdefault(schedule, []).append(due)
    return left
