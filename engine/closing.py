"""What a step leaves undone for good: what was overdue is missed, and told in the log, the answer and to the leader.

What was to be done and not overdue yet is dropped, and the answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.core.case import Event, micros, moment, occurrence, wall_time
from engine.core.org import LEADER, SYSTEM
from engine.core.planning import dues, remembered_since
from engine.core.units import seat_of
from engine.store.changes import MISSED, Change

if TYPE_CHECKING:
    from engine.service import Office

_DUE = (
    "SELECT schedule, due, ends FROM task WHERE case_id = ? AND state IN ('open', 'claimed')"
    " AND schedule IN (SELECT value FROM json_each(?)) AND due <= ? ORDER BY schedule, due"
)
Dues = dict[str, list[int]]
"""Schedule → due times of its tasks."""


class _Left(NamedTuple):
    """What a step leaves undone, and when it does."""

    at: int
    missed: Dues
    dropped: Dues


def told_undone(
    office: Office, changes: Iterable[Change], answer: dict[str, Any]
) -> tuple[list[Change], dict[str, Any]]:
    """The changes, each that leaves overdue work with the event that says so; and the answer, with what is dropped."""
    told, missed, dropped = [], [], []
    for change in changes:
        left = _left(office, change)
        if left is None or change.before is None:
            told.append(change)
            continue
        was, book = change.before, office.book(change.case.release)
        dropped += _words(office, change, left.dropped)
        if not left.missed:
            told.append(change)
            continue
        leaders = book.organisation.told(LEADER, was.owner, was.lead, seat_of(book, was))
        data = {"tasks": left.missed, "told": leaders, "alerts": [MISSED]}
        told.append(change.then(book, Event(MISSED, SYSTEM, moment(left.at), data, office.account)))
        missed += [each | {"told": leaders} for each in _words(office, change, left.missed)]
    return told, answer | ({"missed": missed} if missed else {}) | ({"dropped": dropped} if dropped else {})


def _words(office: Office, change: Change, left: Dues) -> list[dict[str, Any]]:
    """Tasks as an answer tells them, by the rules that asked for them."""
    was = change.before or change.case
    book = office.book(was.release)
    titles = book.workflows[was.workflow].schedules
    return [
        {
            "case": was.id,
            "title": titles[name].title,
            "due": [wall_time(at, book.zone) for at in times],
        }
        for name, times in left.items()
    ]


def _left(office: Office, change: Change) -> _Left | None:
    """What was due of the schedules that a change cuts, and nobody has done; None: nothing.

    An open case goes on asking for what is overdue as far as it remembers; what its rules took back is not missed.
    """
    case, cut = change.case, _cut(change)
    if not cut:
        return None
    at, zone = max(micros(happened.occurred_at) for happened in change.events), office.book(case.release).zone
    left = _Left(at, {}, {})
    with office.store.reading() as driver:
        rows = driver.execute(_DUE, (case.id, json.dumps(sorted(cut)), at)).fetchall()
    for schedule, due, ends in rows:
        mark, plan = case.marks.get(occurrence(schedule, due)), case.plans.get(schedule)
        settled = mark is not None and mark.state != "claimed"
        if settled or (plan is not None and due in dues(plan, due, due, zone)):
            continue
        if ends > at:
            if due > cut[schedule]:
                left.dropped.setdefault(schedule, []).append(due)
        elif plan is None and (case.final or due < remembered_since(case, schedule, at - (ends - due))):
            left.missed.setdefault(schedule, []).append(due)
    return left if left.missed or left.dropped else None


def _cut(change: Change) -> dict[str, int]:
    """The schedules of which a change withdraws tasks, and after which due time; often none."""
    if not change.planned:
        return {}
    rows = [(verb, row) for ops in change.planned for verb, row in ops if verb in ("ahead", "end")]
    return {row["schedule"]: row["at"] if verb == "ahead" else 0 for verb, row in rows}
