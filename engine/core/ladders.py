"""Whom each rung tells, for everything that may run in every open state, and whether that is anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.core.errors import Problem
from engine.core.org import COMMUNITY, FACT, LEAD, LEAD_HEAD, LEADER, UNIT_HEAD
from engine.core.reckoning import HAND_OVER
from engine.core.rulebook import Rulebook
from engine.core.workflows import State, Workflow


@dataclass(frozen=True, slots=True)
class Fired:
    """A ladder as it climbs: where, for which deadline of whose, and whom each rung tells."""

    workflow: str
    state: str
    deadline: str
    owner: str
    ladder: str
    told: tuple[str, ...]


def climbs(book: Rulebook) -> Iterator[Fired]:
    """Every deadline, hand-over and task of every open state, for every unit that may own it, as the pack says it."""
    for flow in book.workflows.values():
        for state in flow.states.values():
            for owner in () if state.final else owners(book, flow, state):
                for title, ladder in running(book, flow, state).values():
                    told = tuple(book.organisation.told(rung.tell, owner) for rung in book.ladders[ladder].rungs)
                    yield Fired(flow.title, state.title, title, owner, ladder, told)


def variants(book: Rulebook, ladder: str) -> list[str]:
    """A ladder as it is in the ordinary profile, and in each other that has its own."""
    return list(dict.fromkeys([ladder, *(book.under(profile).ladder(ladder) for profile in book.profiles)]))


def running(book: Rulebook, flow: Workflow, state: State) -> dict[str, tuple[str, str]]:
    """What may be running in a state, in any profile: name → title and ladder."""
    found = {deadline.name: (deadline.title, deadline.ladder) for deadline in state.deadlines}
    found[HAND_OVER] = ("交接签收", book.hand_over.ladder)
    for transition in flow.leaving(state.name):
        if transition.hand_over is not None:
            found[f"{HAND_OVER} {transition.name}"] = (f"{transition.title}：签收", transition.hand_over.ladder)
    for schedule in flow.schedules.values():
        if state.stage in schedule.stages:
            found[f"task {schedule.name}"] = (schedule.title, flow.tasks[schedule.task].ladder)
    return {
        name if ladder == each else f"{name} {each}": (title, each)
        for name, (title, ladder) in found.items()
        for each in variants(book, ladder)
    }


def owners(book: Rulebook, flow: Workflow, state: State) -> Iterator[str]:
    """Every unit that may own a state."""
    leads = [
        str(row.then.get("lead", book.default_owner))
        for table in book.tables.values()
        for row in table.rows
        if row.then.get("workflow", book.default_workflow) == flow.name
    ]
    several = {LEAD: [*leads, book.default_owner]}.get(state.owner, [state.owner])
    found: dict[str, None] = {}
    for owner in several:
        if owner == COMMUNITY:
            found |= dict.fromkeys(book.organisation.communities)
        elif owner.startswith(FACT):
            found |= dict.fromkeys(book.kind_of(flow.name).fields[owner.removeprefix(FACT)].values)
        else:
            found[owner] = None
    yield from found


def endless(book: Rulebook) -> dict[str, Problem]:
    """Ladders that do not end at a named leader."""
    return {
        name: Problem(
            "LADDER-002",
            f"催办阶梯“{ladder.title}”（{name}）最后一级告 {ladder.rungs[-1].tell}，没有落到具名领导",
            "最后一级写 tell: leader",
        )
        for name, ladder in book.ladders.items()
        if ladder.rungs[-1].tell != "leader"
    }


def silent(book: Rulebook, fired: Iterable[Fired]) -> dict[tuple[str, str], Problem]:
    """Rungs that tell nobody the organisation knows: whom they should tell of which owner → why it is nobody."""
    wrong: dict[tuple[str, str], Problem] = {}
    for item in fired:
        rungs = book.ladders[item.ladder].rungs
        for rung, told in zip(rungs, (*item.told, *[""] * len(rungs)), strict=False):
            if reason := _nobody(book, rung.tell, told, item.owner):
                where = f"如 {item.workflow}·{item.state}·{item.deadline}"
                wrong.setdefault(
                    (rung.tell, item.owner), Problem("LADDER-001", f"{rung.level}级无人可告：{reason}", where)
                )
    return wrong


def _nobody(book: Rulebook, tell: str, told: str, owner: str) -> str:
    """Why a rung tells nobody; empty when it tells somebody."""
    organisation = book.organisation
    if tell == LEADER:
        leaders = {leader.user for leader in organisation.leaders}
        return "" if told in leaders else f"没有班子成员分管 {owner}（organisation.yaml 的 leaders）"
    if tell in (UNIT_HEAD, LEAD_HEAD):
        heads = {unit.head for unit in organisation.units.values() if unit.head.strip()}
        return "" if told in heads else f"{owner} 没有第一责任人 head"
    return "" if told in organisation.units else f"没有单位 {told or '（空）'}"
