"""Schedules and the occurrences of their tasks as rows: what each event of a case does to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from engine.core.case import Case, Event, Plan, micros, occurrence
from engine.core.planning import due_next
from engine.core.rulebook import Rulebook

Op = tuple[str, dict[str, Any]]
"""What is done to the rows, and with which values."""
_TASK = "case_id = :case_id AND schedule = :schedule"
_OPEN = "state IN ('open', 'claimed')"
_UNDUE = "DELETE FROM deadline WHERE case_id = :case_id AND name = :name"
PLANNED: dict[str, tuple[str, ...]] = {
    "mark": (
        (
            "INSERT INTO task (case_id, schedule, due, event, ends, state, who)"
            " VALUES (:case_id, :schedule, :due, :event, :ends, :state, :who) ON CONFLICT (case_id, schedule, due)"
            " DO UPDATE SET state = excluded.state, who = excluded.who,"
            " event = CASE WHEN task.state = 'ended' THEN excluded.event ELSE task.event END,"
            " ends = CASE WHEN task.state = 'ended' THEN excluded.ends ELSE task.ends END"
        ),
    ),
    "undue": (_UNDUE,),
    "gone": (f"DELETE FROM task WHERE {_TASK} AND due = :due AND {_OPEN}", _UNDUE),  # noqa: S608 - our own words
    "ahead": (
        f"UPDATE task SET state = 'ended' WHERE {_TASK} AND due > :at AND {_OPEN}",  # noqa: S608 - the same
        "DELETE FROM deadline WHERE case_id = :case_id AND name > :after AND name < :before",
    ),
    "end": (
        (
            "UPDATE task SET state = CASE WHEN ends <= :at THEN 'missed' ELSE 'ended' END"  # noqa: S608 - the same
            f" WHERE {_TASK} AND {_OPEN}"
        ),
        "DELETE FROM deadline WHERE case_id = :case_id AND name > :after AND name < :before",
    ),
    "close": ("UPDATE schedule SET ended = :ended WHERE case_id = :case_id AND name = :name AND ended = 0",),
    "plan": (
        (
            "INSERT INTO schedule (case_id, name, event, release, plan, next_at, ended)"
            " SELECT :case_id, :name, :event, :release, :plan, CASE WHEN :next_at IS NULL THEN"
            " CASE WHEN so_far <= :last THEN so_far END ELSE min(:next_at, coalesce(so_far, :next_at)) END, 0"
            " FROM (SELECT (SELECT s.next_at FROM schedule AS s WHERE s.case_id = :case_id AND s.name = :name"
            " AND s.event = :instead) AS so_far)"
        ),
    ),
}
"""What is done to schedules and their tasks, in the order in which one event does it: what is done before what ends."""


def plan_text(plan: Plan) -> str:
    """A plan as its row holds it."""
    return orjson.dumps([*plan]).decode()


def plan_of(text: str) -> Plan:
    """The plan that `plan_text` wrote down."""
    task, event, due, daily, *rest = orjson.loads(text)
    return Plan(task, event, tuple(due), tuple(daily), *rest)


def changed(book: Rulebook, before: Case | None, case: Case, happened: Event) -> list[Op]:
    """What an event does to the schedule and task rows of a case."""
    here = {"case_id": case.id}
    running: Mapping[str, Plan] = before.plans if before is not None else {}
    ops = [(verb, here | row) for verb, row in _marked(running, happened)]
    for name in sorted(running.keys() | case.plans.keys()) if running != case.plans else ():
        old, new = running.get(name), case.plans.get(name)
        if old != new:
            ops += [(verb, here | row) for verb, row in _replanned(book, case, name, old, new, happened)]
    return ops


_BECOMES = {"advanced": "done", "claimed": "claimed", "skipped": "skipped"}
"""What an occurrence is after an event that is about it."""


def _marked(running: Mapping[str, Plan], happened: Event) -> Iterator[Op]:
    """An occurrence that was taken on, done or left undone."""
    told = happened.data.get("task", {}) if happened.type == "advanced" else happened.data
    if happened.type not in _BECOMES or "due" not in told:
        return
    schedule, due = told["schedule"], told["due"]
    state = "open" if told.get("given_up") else _BECOMES[happened.type]
    plan = running[schedule]
    yield (
        "mark",
        {
            "schedule": schedule,
            "due": due,
            "event": plan.event,
            "ends": due + plan.within,
            "state": state,
            "who": "" if state == "open" else happened.actor,
        },
    )
    if state in ("done", "skipped"):
        yield "undue", {"name": occurrence(schedule, due)}


def _replanned(
    book: Rulebook, case: Case, name: str, old: Plan | None, new: Plan | None, happened: Event
) -> Iterator[Op]:
    """A schedule that begins, goes on otherwise, or ends: what was open and is wanted no more goes.

    Of one that goes on in another rhythm, that is what lies ahead; of one that asks for nothing more, what is not
    overdue. The rest stays to be done.
    """
    at = micros(happened.occurred_at)
    over = new is not None and not new.daily and new.due[-1] <= at - new.within
    anew = old is not None and new is not None and (over or bool(old.daily or new.daily))
    if old is not None:
        if new is None:
            yield "end", {"schedule": name, "after": f"{name}@", "before": f"{name}A", "at": at}
        elif anew:
            upto = at - new.within if over else at
            yield "ahead", {"schedule": name, "after": occurrence(name, upto), "before": f"{name}A", "at": upto}
        if new is not None and not new.daily:
            for due in old.due:
                if due not in new.due:
                    yield "gone", {"schedule": name, "due": due, "name": occurrence(name, due)}
        yield "close", {"name": name, "ended": case.seq}
    if new is not None:
        first = at if anew else new.start - 1 if new.daily else -1
        yield (
            "plan",
            {
                "name": name,
                "event": case.seq,
                "release": case.release,
                "plan": plan_text(new),
                "next_at": due_next(new, first, book.zone),
                "instead": old.event if anew and old is not None else 0,
                "last": new.due[-1] if new.due else None,
            },
        )
