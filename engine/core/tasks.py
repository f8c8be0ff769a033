"""Who takes a scheduled task on, and who may leave it undone: each gives one event, or a refusal with every reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.core.case import Case, Event, moment, occurrence
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.judging import who
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.core.workflows import TaskType, Transition, Workflow


def task_of(flow: Workflow, name: str) -> TaskType:
    """A task of this workflow by its name or title."""
    task = next((task for task in flow.tasks.values() if name in (task.name, task.title)), None)
    if task is None:
        known = [f"{task.name}（{task.title}）" for task in flow.tasks.values()]
        expected = f"可用：{listing(known) or '无'}"
        raise BadInput(Problem("TASK-001", f"流程 {flow.title} 没有任务 {name}", expected, nearest(name, flow.tasks)))
    return task


def verb_of(flow: Workflow, case: Case, task: TaskType) -> Transition:
    """The transition that records a result of this task where the case stands."""
    there = [transition for transition in flow.transitions.values() if transition.task == task.name]
    found = next((transition for transition in there if case.state in transition.sources), None)
    if found is None:
        sources = {flow.states[source].title for transition in there for source in transition.sources}
        what = f"案件在“{flow.states[case.state].title}”，不能登记{task.title}"
        raise Refused(Problem("CASE-010", what, f"可登记的环节：{listing(sorted(sources)) or '无'}"))
    return found


def claim(
    book: Rulebook, case: Case, schedule: str, due: int, actor: Actor, now: datetime, *, give_up: bool = False
) -> Event:
    """One of those who may do it takes an occurrence on, or gives it up again; another is told who has it."""
    flow = book.workflows[case.workflow]
    task = flow.tasks[case.plans[schedule].task]
    mark = case.marks.get(occurrence(schedule, due))
    verb = verb_of(flow, case, task)
    unmet = who(book, case, verb.by, actor, verb.of)
    if give_up and (mark is None or mark.by != actor.user):
        unmet.append(f"{task.title}（{_when(book, due)}）不在 {actor.user} 名下")
    lapsed = mark is not None and mark.state == "claimed" and _gone(book, case, mark.by, verb)
    if not give_up and mark is not None and not lapsed:
        unmet.append(f"{task.title}（{_when(book, due)}）已由 {mark.by} 认领")
    if unmet:
        raise Refused([Problem("TASK-002", reason) for reason in unmet])
    data = {"schedule": schedule, "due": due, **({"given_up": True} if give_up else {})}
    return Event("claimed", actor.user, now, data, actor.account)


def claimed_by_another(
    book: Rulebook, case: Case, schedule: str, due: int, actor: Actor, verb: Transition
) -> Problem | None:
    """Why a result of this occurrence is not hers to tell: somebody else who may do it has claimed it."""
    mark = case.marks.get(occurrence(schedule, due))
    if mark is None or mark.state != "claimed" or mark.by == actor.user or _gone(book, case, mark.by, verb):
        return None
    title = book.workflows[case.workflow].tasks[case.plans[schedule].task].title
    what = f"{title}（{_when(book, due)}）已由 {mark.by} 认领，结果由 {mark.by} 登记"
    return Problem("TASK-002", what, f"或由 {mark.by} 先放弃：bihuan task claim {case.id} {title} --give-up")


def _gone(book: Rulebook, case: Case, user: str, verb: Transition) -> bool:
    """Whether somebody may no longer act on the case: what she claimed waits for her no more."""
    person = book.organisation.actor(user)
    return person is None or bool(who(book, case, verb.by, person, verb.of))


def filled(book: Rulebook, case: Case, happened: Iterable[Event]) -> dict[str, str]:
    """Which occurrence a result filled, as an answer tells it (empty: none, it was extra); only of scheduled tasks."""
    results = [event.data["task"] for event in happened if "task" in event.data]
    if not results:
        return {}
    flow = book.workflows[case.workflow]
    told = next((one for one in results if any(of.task == one["name"] for of in flow.schedules.values())), None)
    return {} if told is None else {"occurrence": _when(book, told["due"]) if "due" in told else ""}


def skip(book: Rulebook, case: Case, schedule: str, due: int, actor: Actor, now: datetime) -> Event:
    """Somebody who is allowed to leaves an occurrence undone; why, is sealed beside the event."""
    task = book.workflows[case.workflow].tasks[case.plans[schedule].task]
    unmet = who(book, case, task.skip_by, actor) if task.skip_by else [f"{task.title}不能免做"]
    if unmet:
        raise Refused([Problem("TASK-003", reason) for reason in unmet])
    return Event("skipped", actor.user, now, {"schedule": schedule, "due": due}, actor.account)


def _when(book: Rulebook, due: int) -> str:
    return moment(due).astimezone(book.zone).strftime("%m-%d %H:%M")
