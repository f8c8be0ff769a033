"""Stories run as the engine would run them, without a database: every step through the same judging."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.core import corrections, custody, lifecycle
from engine.core.case import Case, Event, micros, moment
from engine.core.errors import BihuanError
from engine.core.evolving import evolve
from engine.core.judging import Stated
from engine.core.opening import called_for, opened_by
from engine.core.org import SYSTEM, Actor
from engine.core.planning import due_next, dues
from engine.core.rulebook import Expected, Rulebook, Story, StoryStep
from engine.core.values import local_day, midnight
from engine.core.workflows import ChildType


class Failure(NamedTuple):
    """Where a story does not hold: the step (0: the opening), and what happened instead."""

    step: int
    what: str


def run(book: Rulebook, story: Story) -> Failure | None:
    """The first step of a story that does not come out as told; None when all do."""
    return tell(book, story, [])


def tell(book: Rulebook, story: Story, happened: list[Event]) -> Failure | None:
    """As `run`; all events of the story are added to `happened`."""
    case: Case | None = None
    for number, step in enumerate(story.steps):
        try:
            events = _happens(book, story, case, step)
            case = _after(case, events)
            called = _opened(called_for(book, case), case, step.at)
            case = _after(case, called)
            happened += (*events, *called)
        except BihuanError as refusal:
            if wrong := _other_refusal(step, refusal):
                return Failure(number, wrong)
            continue
        if step.refused:
            return Failure(number, f"应被拒绝，却办成了（{'、'.join(step.refused)}）")
        if wrong := "；".join(_differs(book, case, step.expect, step.at)):
            return Failure(number, wrong)
    return None


def _after(case: Case | None, events: Iterable[Event]) -> Case:
    for event in events:
        case = evolve(None if event.type == "opened" else case, event, "C")
    if case is None:
        raise AssertionError("a story opens with an event")
    return case


def _happens(book: Rulebook, story: Story, case: Case | None, step: StoryStep) -> tuple[Event, ...]:
    """The events of one step; raises what the engine would."""
    actor = book.organisation.actor(step.by) or Actor(step.by)
    stated = Stated(step.facts, step.personal)
    if case is None:
        opened, _ = lifecycle.open_case(book, story.subject, "S", stated, actor, step.at, workflow=story.workflow)
        return (opened,)
    if step.told:
        return tuple(_told(case, key, value, step.at) for key, value in step.told)
    if step.correct:
        return _corrected(corrections.correct(book, case, actor, stated, step.at, _SUCCESSOR))
    if not step.do:
        return custody.accept(book, case, actor, stated, step.at)
    happened = lifecycle.advance(book, case, step.do, actor, stated, step.at)
    happened += _opened(opened_by(book, case, happened), case, step.at)
    if not book.workflows[case.workflow].transitions[step.do].decides:
        return happened
    again = corrections.decide_again(book, _after(case, happened), actor, step.at, _SUCCESSOR)
    return happened if again is None else (*happened, *_corrected(again))


def _opened(kinds: tuple[ChildType, ...], case: Case, at: datetime) -> tuple[Event, ...]:
    """What the cases that are opened tell the one they hang on; none of them is told whole."""
    names = (f"C{len(case.children) + number}" for number in range(1, len(kinds) + 1))
    return tuple(
        Event("child_opened", SYSTEM, at, {"child": name, "kind": kind.name})
        for name, kind in zip(names, kinds, strict=True)
    )


_SUCCESSOR = "C+"


def _corrected(done: corrections.Correction) -> tuple[Event, ...]:
    """The events of a correction; the story goes on with the case that goes on."""
    return done.events if done.successor is None else (*done.events, done.successor[1])


def _told(case: Case, key: str, value: str, at: datetime) -> Event:
    """What a linked case tells this one."""
    if key.startswith("index.task."):
        done = {"name": key.removeprefix("index.task."), "result": value, "at": micros(at)}
        return Event("index_tested", SYSTEM, at, {"index": "I1", "task": done})
    kind = key.removeprefix("children.")
    if value == "opened":
        return Event("child_opened", SYSTEM, at, {"child": f"C{len(case.children) + 1}", "kind": kind})
    still = next((name for name, child in case.children.items() if child.kind == kind and not child.final), "C0")
    return Event("child_closed", SYSTEM, at, {"child": still, "kind": kind, "final": "closed"})


def _other_refusal(step: StoryStep, refusal: BihuanError) -> str:
    """Why this is not the refusal that was told; empty when it is: each reason named, none besides."""
    reasons = [f"{problem.what}；{problem.expected}" for problem in refusal.problems]
    told = "；".join(problem.what for problem in refusal.problems)
    if not step.refused:
        return f"被拒绝：{told}"
    unheard = [words for words in step.refused if not any(words in reason for reason in reasons)]
    besides = [reason for reason in reasons if not any(words in reason for words in step.refused)]
    if unheard:
        return f"拒绝的理由里没有“{'”“'.join(unheard)}”，实为：{told}"
    return f"拒绝的理由还有：{'；'.join(besides)}" if besides else ""


def _differs(book: Rulebook, case: Case, expect: Expected, at: datetime) -> list[str]:
    """What is other than a story says, each in words."""
    wrong = [
        f"{key} 应为 {value}，得到 {getattr(case, key) or '无'}"
        for key, value in expect.is_.items()
        if getattr(case, key) != value
    ]
    for name, due in expect.due.items():
        armed = case.deadlines.get(name)
        if (armed.due if armed else None) != due:
            wrong.append(f"时限 {name} 应为 {_local(book, due)}，得到 {_local(book, armed.due if armed else None)}")
    for clock, day in expect.count.items():
        zero = lifecycle.count_of(book, case, clock).day_zero if clock in book.workflows[case.workflow].clocks else None
        number = (local_day(at, book.zone) - zero).days if zero else None
        if number != day:
            wrong.append(f"计时 {clock} 应为第 {day} 天，得到 {'无法起算' if number is None else f'第 {number} 天'}")
    for schedule, times in expect.planned.items():
        left = planned(book, case, schedule, at)
        if left != times:
            shown = "、".join(_local(book, one) for one in left) or "无"
            wrong.append(f"计划 {schedule} 应为 {'、'.join(_local(book, one) for one in times) or '无'}，得到 {shown}")
    return wrong


def planned(book: Rulebook, case: Case, schedule: str, at: datetime) -> tuple[datetime, ...]:
    """The due times a schedule still has after a moment; of one without end those of the same day, or the next one."""
    plan = case.plans.get(schedule)
    if plan is None:
        return ()
    after, tomorrow = micros(at), micros(midnight(local_day(at, book.zone) + timedelta(days=1), book.zone))
    until = max((tomorrow - 1, *plan.due))
    if plan.every > 1:
        until = due_next(plan, after, book.zone) or until
    return tuple(moment(due) for due in dues(plan, after + 1, until, book.zone))


def _local(book: Rulebook, moment: datetime | None) -> str:
    return moment.astimezone(book.zone).strftime("%Y-%m-%d %H:%M") if moment else "无"
