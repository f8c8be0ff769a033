"""Traps: places that a case of one kind can come to and not get out of, told by the shortest way in.

Where a step leads back to where a case was, it depends on the way the case has come; so a place is a state with that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.core.proof.ways import Way, entries
from engine.core.workflows import PREVIOUS, SAME, Transition, Workflow

Place = tuple[str, tuple[tuple[str, str], ...]]
"""A state, and for each stage that can be left backwards the state from which it was entered last."""


def traps(way: Way) -> Iterator[tuple[str, str]]:
    """States in which cases that go this way would be caught, each with the shortest way in, in titles.

    Any case of the workflow may become one of this kind where it stands, for a correction decides again.
    """
    flow = way.flow
    before = _walked(flow)
    ends = _ending(flow, [step for step in flow.transitions.values() if way.left[step.name]], before)
    told = set()
    for place in before:
        if place not in ends and place[0] not in told:
            told.add(place[0])
            yield place[0], _path(flow, before, place)


def around(flow: Workflow, goal: str, stage: str) -> str | None:
    """The shortest way to a state that never enters a stage, in titles; None: there is none."""
    before = _walked(flow, avoiding=stage)
    place = next((place for place in before if place[0] == goal), None)
    return None if place is None else _path(flow, before, place)


def _walked(flow: Workflow, avoiding: str = "") -> dict[Place, Place | None]:
    """Every place a case can come to, each with the one before it on a shortest way."""
    steps = list(flow.transitions.values())
    kept = {name for name, state in flow.states.items() if state.stage != avoiding}
    before: dict[Place, Place | None] = {(name, ()): None for name in entries(flow) if name in kept}
    waiting = list(before)
    for place in waiting:
        for target in _onward(flow, steps, place):
            if target[0] in kept and target not in before:
                before[target] = place
                waiting.append(target)
    return before


def _ending(flow: Workflow, steps: list[Transition], places: Iterable[Place]) -> set[Place]:
    """The places from which a final state can be reached by these steps."""
    backwards: dict[Place, list[Place]] = {place: [] for place in places}
    for place in backwards:
        for target in _onward(flow, steps, place):
            backwards[target].append(place)
    waiting = [place for place in backwards if flow.states[place[0]].final]
    found = set(waiting)
    for place in waiting:
        for source in backwards[place]:
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


def _onward(flow: Workflow, steps: list[Transition], place: Place) -> Iterator[Place]:
    """The places that these steps lead to."""
    state, left = place
    stage = flow.states[state].stage
    for step in steps:
        if state in step.sources and step.to != SAME:
            target = dict(left).get(stage, flow.initial) if step.to == PREVIOUS else step.to
            yield target, _entered(flow, place, target, back=step.to == PREVIOUS)


def _entered(flow: Workflow, place: Place, target: str, *, back: bool) -> tuple[tuple[str, str], ...]:
    """From where each stage was entered last, once a case has got to another state."""
    state, left = place
    stage = flow.states[target].stage
    if back or stage == flow.states[state].stage or stage not in _returning(flow):
        return left
    return tuple(sorted({**dict(left), stage: state}.items()))


def _returning(flow: Workflow) -> set[str]:
    """The stages that a step leads back out of."""
    steps = (step for step in flow.transitions.values() if step.to == PREVIOUS)
    return {flow.states[source].stage for step in steps for source in step.sources}


def _path(flow: Workflow, before: dict[Place, Place | None], place: Place) -> str:
    way: list[str] = []
    at: Place | None = place
    while at is not None:
        way.insert(0, flow.states[at[0]].title)
        at = before[at]
    return " → ".join(way)
