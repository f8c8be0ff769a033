"""When scheduled work is due, and which occurrence of it a result belongs to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.core.case import Case, Plan, micros, moment, occurrence, parts
from engine.core.evolving import REMEMBERED
from engine.core.values import local_day, local_time

DAY = 86_400_000_000
WEEK = 7 * DAY


def dues(plan: Plan, since: int, until: int, zone: ZoneInfo) -> Sequence[int]:
    """The due times of a plan from one moment to another, both included, in microseconds since 1970."""
    listed = plan.due[bisect_left(plan.due, since) : bisect_right(plan.due, until)]
    if not plan.daily:
        return listed
    start = plan.start if plan.every > 1 else 0
    daily = _daily(plan.daily, max(since, plan.start), until, zone, start, plan.every)
    return sorted({*daily, *listed}) if listed else daily


def first_time(times: Sequence[str], since: datetime, zone: ZoneInfo) -> int:
    """The first of these times of day at or after a moment, today or tomorrow."""
    days = (local_day(since, zone) + timedelta(days=number) for number in (0, 1))
    return min(at for day in days for time in times if (at := micros(local_time(day, time, zone))) >= micros(since))


def undone(case: Case, schedule: str, until: int, zone: ZoneInfo) -> list[int]:
    """The due times up to a moment of a schedule that runs, of which nobody did or skipped the task; of 45 days."""
    since = remembered_since(case, schedule, until)
    return [due for due in dues(case.plans[schedule], since, until, zone) if _still_open(case, schedule, due)]


def remembered_since(case: Case, schedule: str, until: int) -> int:
    """From which due time on a case knows what became of those up to a moment; what came before is forgotten."""
    marked = [due for of, due in map(parts, case.marks) if of == schedule]
    return max(until, *marked) - REMEMBERED + 1 if marked else until - REMEMBERED


def _still_open(case: Case, schedule: str, due: int) -> bool:
    mark = case.marks.get(occurrence(schedule, due))
    return mark is None or mark.state == "claimed"


def due_next(plan: Plan, after: int, zone: ZoneInfo) -> int | None:
    """The first due time later than a moment; None: there is none any more."""
    further = max(WEEK, (plan.every + 1) * DAY)
    later = dues(plan, after + 1, max(after, plan.start) + further, zone) if plan.daily else plan.due
    return next((due for due in later if due > after), None)


@lru_cache(4096)
def _daily(times: tuple[str, ...], since: int, until: int, zone: ZoneInfo, start: int, every: int) -> tuple[int, ...]:
    first, last = local_day(moment(since), zone), local_day(moment(until), zone)
    waits = (local_day(moment(start), zone) - first).days % every
    days = [first + timedelta(days=number) for number in range(waits, (last - first).days + 1, every)]
    found = (micros(local_time(day, at, zone)) for day in days for at in times)
    return tuple(due for due in found if since <= due <= until)


def fitting(case: Case, task: str, at: int, zone: ZoneInfo) -> tuple[str, int] | None:
    """The schedule and due time of the occurrence that a result of this moment belongs to; none: it was extra.

    The earliest still open whose time it falls in; else the next one of the same day, early by no more than the time
    allowed after it; else the last one, done late.
    """
    plans = {name: plan for name, plan in case.plans.items() if plan.task == task}
    day = local_day(moment(at), zone)
    end = micros(local_time(day + timedelta(days=1), "00:00", zone)) - 1
    running = sorted((due, name) for name, plan in plans.items() for due in dues(plan, at - plan.within, at, zone))
    ahead = sorted(
        (due, name) for name, plan in plans.items() for due in dues(plan, at + 1, min(end, at + plan.within), zone)
    )
    past = [
        (found[-1], name)
        for name, plan in plans.items()
        if (found := dues(plan, at - (plan.every + 1) * DAY if plan.daily else 0, at, zone))
    ]
    wanted = [*running, *ahead, *sorted(past)[-1:]]
    return next(((name, due) for due, name in wanted if _still_open(case, name, due)), None)
