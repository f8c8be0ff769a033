"""The ways a case can go: what the rules give it, which steps that leaves open, and the shortest path to a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import product
from typing import Any

from engine.core.conditions import Fact
from engine.core.errors import Refused
from engine.core.guards import DecisionGuard, Guard
from engine.core.proof.certificate import Path
from engine.core.proof.tables import uncovered
from engine.core.rulebook import Rulebook, Subject
from engine.core.tables import Table
from engine.core.workflows import PREVIOUS, SAME, Transition, Workflow

MOST_COMBINED = 5_000
"""So many inputs of two tables are looked at together; beyond, each row with all that may be added to it."""

_ANY_DAY = date(2022, 1, 1)
"""Where no row of a table is dated, every day is like another."""


Edges = Mapping[str, Mapping[str, Transition]]
"""State → where it can be left to, and by which step."""


@dataclass(frozen=True)
class Way:
    """What rules may give a case: its workflow and outcome, and where the rule stands that leads there."""

    flow: Workflow
    outcome: Mapping[str, Any]
    rule: str
    of: str
    path: Path = ()

    @property
    def words(self) -> str:
        """The cases that go this way."""
        category = self.outcome.get("category")
        return f"“{category}”（规则 {self.rule}）" if category else self.rule

    @cached_property
    def left(self) -> Mapping[str, tuple[tuple[Guard, ...], ...]]:
        """Step → the alternatives that this outcome leaves of its conditions; none: the step is meant for others."""
        return {name: _left(step, self.outcome) for name, step in self.flow.transitions.items()}

    @cached_property
    def edges(self) -> Edges:
        """Where each state can be left to by cases that go this way."""
        return _edges(self.flow, [step for step in self.flow.transitions.values() if self.left[step.name]])

    @cached_property
    def before(self) -> Mapping[str, str]:
        """Every state that they can reach, with the one before it on a shortest path."""
        return reached(entries(self.flow), self.edges)


def ways(book: Rulebook) -> list[Way]:
    """Every way that a rule leads to, the way of what no rule covers, and workflows that no table leads to."""
    made: list[Way] = []
    for kind in book.subjects.values():
        if kind.decided_by in book.tables:
            made += _of(book, kind, book.tables[kind.decided_by])
    led = {way.flow.name for way in made}
    made += [Way(flow, {}, flow.title, flow.name) for flow in book.workflows.values() if flow.name not in led]
    return made


def _of(book: Rulebook, kind: Subject, table: Table) -> Iterator[Way]:
    added = book.tables.get(kind.completed_by)
    for number, row in enumerate(table.rows):
        flow = book.flow_of(kind.name, row.then)
        for outcome in _completed(table, number, added) if added else [row.then]:
            yield Way(flow, outcome, row.id, table.name, ("rules", number))
    if table.gaps_policy == "default_owner" and uncovered(table) is not None:
        yield Way(book.flow_of(kind.name, {}), {}, f"没有规则覆盖的{kind.title}", table.name)


def _completed(table: Table, number: int, added: Table) -> list[Mapping[str, Any]]:
    """What a row gives together with what the rows of another table add to it."""
    row = table.rows[number]
    names = {of.name: of for of in (*table.inputs, *added.inputs)}
    values: list[list[Fact]] = [
        list(
            dict.fromkeys(
                value for axis in (*table.axes, *added.axes) if axis.name == name for value, _ in axis.examples
            )
        )
        for name in names
    ]
    several = 1
    for each in values:
        several *= len(each)
    if several > MOST_COMBINED:
        return [row.then, *({**row.then, **other.then} for other in added.rows)]
    days = [day for of in (table, added) for day, _ in of.days if day] or [_ANY_DAY]
    made: dict[str, Mapping[str, Any]] = {}
    for chosen in product(*values, days):
        facts = dict(zip(names, chosen[:-1], strict=True))
        day: Any = chosen[-1]
        try:
            decided = table.decide(facts, day)
        except Refused:
            continue
        if decided.rules[:1] == (row.id,):
            outcome = decided.completed(added.decide(facts, day)).outcome
            made.setdefault(str(outcome), outcome)
    return list(made.values())


def _left(transition: Transition, outcome: Mapping[str, Any]) -> tuple[tuple[Guard, ...], ...]:
    """The alternatives of a step that an outcome leaves; one without conditions where there are none."""
    return tuple(
        guards
        for guards in transition.when or ((),)
        if all(guard.holds({}, outcome) for guard in guards if isinstance(guard, DecisionGuard))
    )


def edges(flow: Workflow) -> Edges:
    """Where each state can be left to by any case."""
    return _edges(flow, list(flow.transitions.values()))


def _edges(flow: Workflow, steps: list[Transition]) -> Edges:
    made: dict[str, dict[str, Transition]] = {name: {} for name in flow.states}
    for step in steps:
        for source in step.sources:
            for target in targets(flow, steps, step, source):
                made[source].setdefault(target, step)
    return made


def targets(flow: Workflow, steps: Iterable[Transition], step: Transition, source: str) -> set[str]:
    """Where a step can lead from a state; `previous`: wherever its stage can be entered from."""
    if step.to == SAME:
        return set()
    if step.to != PREVIOUS:
        return {step.to}
    stage = flow.states[source].stage
    return {
        before
        for other in steps
        for before in other.sources
        if flow.states[before].stage != stage
        and other.to not in (SAME, PREVIOUS)
        and flow.states[other.to].stage == stage
    }


def entries(flow: Workflow) -> list[str]:
    """The states in which a case of this workflow may begin."""
    return list(dict.fromkeys([flow.initial, *flow.continues.values()]))


def reached(start: Iterable[str], leading: Edges) -> dict[str, str]:
    """Every state that can be reached, with the one before it on a shortest path."""
    before = dict.fromkeys(start, "")
    waiting = list(before)
    for state in waiting:
        for target in leading[state]:
            if target not in before:
                before[target] = state
                waiting.append(target)
    return before


def closing(flow: Workflow, leading: Edges) -> set[str]:
    """The states from which a final one can be reached."""
    backwards: dict[str, dict[str, Transition]] = {name: {} for name in flow.states}
    for source, targets in leading.items():
        for target, step in targets.items():
            backwards[target][source] = step
    return set(reached([name for name, state in flow.states.items() if state.final], backwards))


def path(flow: Workflow, before: Mapping[str, str], state: str) -> str:
    """The shortest path to a state, in titles."""
    found = [state]
    while before.get(found[0]):
        found.insert(0, before[found[0]])
    return " → ".join(flow.states[name].title for name in found)
