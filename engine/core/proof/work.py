"""工作: every step, task and piece of evidence has somebody who can do it, a deadline, and another who verifies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.errors import listing
from engine.core.guards import ActorGuard
from engine.core.proof.certificate import Broken, Certificate, Path
from engine.core.proof.people import People, Where, everywhere, held_before
from engine.core.proof.traps import around
from engine.core.proof.ways import Way, edges, entries, path, reached
from engine.core.rulebook import Rulebook
from engine.core.workflows import State, Transition, Workflow


def work(book: Rulebook, led: list[Way]) -> Certificate:
    """Somebody can do each step wherever the case lies, by a deadline, and nobody verifies what she has handled."""
    people = People(book)
    found = _Found()
    looked = 0
    for where in everywhere(book, led):
        looked += _doers(people, where, found)
    for flow in book.workflows.values():
        _unregistered(flow, found)
        _verified(flow, found)
        _counted(flow, found)
    tasks = sum(len(flow.tasks) for flow in book.workflows.values())
    asked = sum(len(step.evidence) for flow in book.workflows.values() for step in flow.transitions.values())
    verified = sum(bool(_since(step)) for flow in book.workflows.values() for step in flow.transitions.values())
    proved = {"步": looked, "种任务": tasks, "项佐证": asked, "处换人复核": verified}
    promise = "每个动作、任务、佐证都有人能办、有时限，要复核的由未经办的人复核"
    return Certificate("工作", promise, proved, tuple(found.broken.values()))


@dataclass
class _Found:
    """What is broken, each place once."""

    broken: dict[tuple[str, str, str], Broken] = field(default_factory=dict)

    def add(self, code: str, flow: Workflow, what: str, expected: str, at: Path) -> None:
        key = (code, flow.name, str(at))
        self.broken.setdefault(key, Broken(code, what, expected, flow.name, at))


def _place(flow: Workflow, step: Transition) -> Path:
    return ("transitions", list(flow.transitions).index(step.name), step.name)


Doers = Mapping[tuple[str, str], frozenset[str]]
"""State and step → who can do it there."""


def _doers(people: People, where: Where, found: _Found) -> int:
    """Note steps that nobody can do where a case may stand, and checks that nobody but the handler could make."""
    way, flow = where.way, where.way.flow
    before = way.before
    held = held_before(where)
    doers: dict[tuple[str, str], frozenset[str]] = {}
    for name in before:
        state = flow.states[name]
        involved = held[name] | {where.lead, *where.supporting}
        for step in flow.leaving(name):
            if not way.left[step.name]:
                continue
            able = people.doers(step, where, state, involved)
            doers[name, step.name] = able
            if not able:
                found.add(
                    "WORK-001",
                    flow,
                    f"{_told(where, path(flow, before, name), state)}，没有人能{step.title}（{step.name}）",
                    f"by 写了 {'、'.join(step.by)}：在 organisation.yaml 里给一个人这样的角色，或改 by",
                    (*_place(flow, step), "by"),
                )
    for (name, verb), able in doers.items():
        step = flow.transitions[verb]
        for since in _since(step) if able else ():
            if not any(_without(way, doers, name, since, user) for user in able):
                at = _told(where, path(flow, before, name), flow.states[name])
                what = f"{at}，能{step.title}的只有经办过的 {listing(sorted(able), 3)}"
                expected = f"自“{since}”以来总有一人未经办才能复核：再给一人这样的角色"
                found.add("WORK-002", flow, what, expected, (*_place(flow, step), "by"))
    return len(doers)


def _told(where: Where, way: str, state: State) -> str:
    owner = where.owner(state)
    return f"{where.way.words}：{way}，归 {owner} 时"


def _since(step: Transition) -> set[str]:
    """The stages since which whoever does a step may not have acted."""
    return {guard.not_since for guards in step.when for guard in guards if isinstance(guard, ActorGuard)}


def _without(way: Way, doers: Doers, goal: str, since: str, user: str) -> bool:
    """Whether a case can get to a state without this user having acted since it entered a stage."""
    flow = way.flow
    starts = [(name, flow.states[name].stage == since) for name in entries(flow)]
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        name, inside = waiting.pop()
        if name == goal:
            return True
        for target, step in way.edges[name].items():
            entered = inside or flow.states[target].stage == since
            others = doers.get((name, step.name), frozenset()) - ({user} if entered else set())
            if others and (target, entered) not in seen:
                seen.add((target, entered))
                waiting.append((target, entered))
    return False


def _unregistered(flow: Workflow, found: _Found) -> None:
    """Tasks whose result nobody can register."""
    for task in flow.tasks.values():
        if not any(step.task == task.name for step in flow.transitions.values()):
            what = f"任务“{task.title}”（{task.name}）没有动作登记它的结果，没有人能办"
            found.add("WORK-001", flow, what, f"加一个 task: {task.name} 的动作，或删去", ("tasks", task.name))


def _verified(flow: Workflow, found: _Found) -> None:
    """Ways around the check by another person: steps that do not ask for one, and stages that were never entered."""
    before = reached(entries(flow), edges(flow))
    for step in flow.transitions.values():
        target = flow.states.get(step.to)
        asked = set(target.verified_since) if target else set()
        each = [{guard.not_since for guard in guards if isinstance(guard, ActorGuard)} for guards in step.when or ((),)]
        for number, since in enumerate(each, 1):
            lacks = asked and not since & asked
            if lacks or (not since and any(each)):
                which = f"的第 {number} 种条件" if len(each) > 1 else ""
                source = path(flow, before, step.sources[0])
                ends = f" → {target.title}" if target else ""
                what = f"{source}{ends}：{step.title}（{step.name}）{which}没有要求换人，经办人可以自己复核"
                expected = _mended(flow, step, asked or set().union(*each))
                found.add("WORK-003", flow, what, expected, (*_place(flow, step), "when"))
        for stage in set().union(*each):
            for source in step.sources:
                if (way := around(flow, source, stage)) is not None:
                    what = f"{way}：没有经过“{stage}”，{step.title}（{step.name}）的换人要求落空，经办人可以自己复核"
                    expected = "not_since 写必经的阶段"
                    found.add("WORK-003", flow, what, expected, (*_place(flow, step), "when"))


def _mended(flow: Workflow, step: Transition, stages: set[str]) -> str:
    """How another person is asked for: since a stage that every way to the step enters, or else by several steps."""
    passed = [stage for stage in sorted(stages) if all(around(flow, each, stage) is None for each in step.sources)]
    if passed:
        return f"在 when 里写 actor: {{not_since: {passed[0]}}}"
    return f"{listing(sorted(stages))} 都不是必经的阶段：按来的环节分成几个动作，各写 actor: {{not_since: …}}"


def _counted(flow: Workflow, found: _Found) -> None:
    """Deadlines that count from a stage which a case may not have been in: whoever brings it there is refused."""
    for state in flow.states.values():
        for index, deadline in enumerate(state.deadlines):
            word, _, stage = deadline.since.partition(" ")
            if word == "stage" and (way := around(flow, state.name, stage)) is not None:
                what = f"{way}：没有经过“{stage}”，时限“{deadline.title}”无从起算"
                place = ("states", state.name, "deadlines", index, "since")
                found.add("WORK-004", flow, what, "since 写必经的阶段、state 或 opened", place)
