"""措施: what a clause asks for is done and looked at by somebody, every clause is covered, every vague word bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.guards import DecisionGuard
from engine.core.org import SYSTEM
from engine.core.proof.certificate import Broken, Certificate, Path
from engine.core.proof.people import People, Where, everywhere
from engine.core.proof.ways import Way
from engine.core.rulebook import Rulebook
from engine.core.workflows import Schedule, Workflow


def measures(book: Rulebook, led: list[Way]) -> Certificate:
    """Whatever rules add to a case is carried out and checked, every clause is covered, every vague word bound."""
    clauses = [clause for document in book.documents.values() for clause in document.clauses.values()]
    asked = {(key, value) for *_, key, value in _added(book, led)}
    vague = sum(len(of.text.occurrences(word)) for of in book.documents.values() for word in of.vague)
    broken = [*_uncovered(book), *_carried(book, led), *_counted(book), *_checked(book, led)]
    proved = {"项措施": len(asked), "条条款": len(clauses), "处模糊词": vague, "个用语": len(book.terms)}
    promise = "每项措施有任务落实、有人检查，每条条款有着落，每个模糊词定了数"
    return Certificate("措施", promise, proved, tuple(broken))


def _uncovered(book: Rulebook) -> Iterator[Broken]:
    """Clauses that nothing carries out and nobody has waived."""
    for document in book.documents.values():
        for clause in document.clauses.values():
            if clause.missing:
                what = f"条款 {clause.id}（{clause.heading}）没有落实：{clause.quote}"
                expected = "carried_by 写明由哪条规则、哪个流程落实；不由软件做的写 waived: 理由"
                yield Broken("CLAUSE-006", what, expected, f"clause {clause.id}")


def _added(book: Rulebook, led: list[Way]) -> Iterator[tuple[Workflow, str, Path, str, str]]:
    """What rules of completing tables add: the workflow it comes to, the table and place, the outcome, the value."""
    for kind in book.subjects.values():
        table = book.tables.get(kind.completed_by)
        for number, row in enumerate(table.rows if table else ()):
            for key, value in row.then.items():
                if isinstance(value, Mapping):
                    continue
                for one in value if isinstance(value, list | tuple) else [value]:
                    for flow in _receiving(kind.decided_by, key, str(one), led):
                        yield flow, kind.completed_by, ("rules", number, "then", key), key, str(one)


def _receiving(table: str, key: str, value: str, led: list[Way]) -> list[Workflow]:
    """The workflows that this value comes to."""
    return list({way.flow.name: way.flow for way in led if way.of == table and value in _listed(way, key)}.values())


def _listed(way: Way, key: str) -> list[str]:
    given: Any = way.outcome.get(key, ())
    return [str(one) for one in given] if isinstance(given, list | tuple) else [str(given)]


def _carried(book: Rulebook, led: list[Way]) -> Iterator[Broken]:
    """Values that no plan and no step of the workflow asks about: nobody would ever do it."""
    for flow, table, path, key, value in _added(book, led):
        if not any(_means(guard, key, value) for guard in _guards(flow)):
            what = f"{key}: {value} 到了流程 {flow.name}（{flow.title}）没有任务或动作落实"
            expected = f"加一个 when: {{decision.{key}: {value}}} 的计划和任务，或删去"
            yield Broken("CLAUSE-007", what, expected, table, path)


def _counted(book: Rulebook) -> Iterator[Broken]:
    """Things listed with their numbers that no step of any workflow of the subject takes from anywhere."""
    for kind in book.subjects.values():
        flows = (flow for flow in book.workflows.values() if flow.subject == kind.name)
        taken = {move.each for flow in flows for step in flow.transitions.values() for move in step.moves}
        table = book.tables.get(kind.completed_by)
        for number, row in enumerate(table.rows if table else ()):
            for key, value in row.then.items():
                if isinstance(value, Mapping) and key not in taken:
                    what = f"{key} 列出的数量没有动作去领去办：{'、'.join(value)}"
                    path: Path = ("rules", number, "then", key)
                    yield Broken("CLAUSE-007", what, f"加一个 moves 里写 each: {key} 的动作", kind.completed_by, path)


def _guards(flow: Workflow) -> Iterator[object]:
    for schedule in flow.schedules.values():
        yield from (guard for guards in schedule.when for guard in guards)
    for step in flow.transitions.values():
        yield from (guard for guards in step.when for guard in guards)


def _means(guard: object, key: str, value: str) -> bool:
    """Whether a condition is about this value: it names it, or all but some."""
    return isinstance(guard, DecisionGuard) and guard.name == key and (guard.negated or value in guard.allowed)


def _checked(book: Rulebook, led: list[Way]) -> Iterator[Broken]:
    """Planned work on what rules add that nobody of the units responsible could look at."""
    people = People(book)
    told: set[tuple[str, str]] = set()
    for where in everywhere(book, [way for way in led if book.subjects[way.flow.subject].completed_by]):
        flow = where.way.flow
        for schedule in flow.schedules.values():
            asked = schedule.when and schedule.asked({}, where.way.outcome)
            if asked and (flow.name, schedule.name) not in told and (owner := _unseen(people, where, schedule)):
                told.add((flow.name, schedule.name))
                what = f"{where.way.words}：“{schedule.title}”没有牵头或责任单位（{owner}）的人检查"
                expected = f"登记任务 {schedule.task} 的动作，by 里写上他们的角色"
                yield Broken("CLAUSE-008", what, expected, flow.name, ("schedules", schedule.name))


def _unseen(people: People, where: Where, schedule: Schedule) -> str:
    """The owner of a state in which nobody of it, or of the lead, could register the work; empty: there is none."""
    flow = where.way.flow
    for state in flow.states.values():
        if state.final or state.stage not in schedule.stages:
            continue
        owner = where.owner(state)
        units = {owner, where.lead}
        roles = {role for step in flow.leaving(state.name) if step.task == schedule.task for role in step.by}
        able = people.able(tuple(sorted(roles - {SYSTEM})), owner, frozenset(units))
        if not any(units & person.units() for person in people.staff if person.user in able):
            return owner
    return ""
