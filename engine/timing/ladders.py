"""Every ladder of a pack fired on a rehearsal clock: who is told at each rung, and whether that is anybody."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.core.case import Event, micros
from engine.core.errors import Problem
from engine.core.org import COMMUNITY, FACT, LEAD, SYSTEM
from engine.core.reckoning import HAND_OVER, arming
from engine.core.rulebook import Rulebook
from engine.core.values import LONGEST
from engine.core.workflows import State, Workflow
from engine.ids import new_id
from engine.service import Office, Step
from engine.store.changes import Change
from engine.timing.sweep import move_clock

START = datetime(2022, 1, 1, tzinfo=UTC)
DUE = LONGEST + timedelta(days=1)
"""Far enough ahead that no rung lies before the start."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A ladder as it climbed: where, for which deadline of whose, and whom each rung told."""

    workflow: str
    state: str
    deadline: str
    owner: str
    ladder: str
    told: tuple[str, ...]


def fire_all(files: Mapping[str, bytes]) -> tuple[Rulebook, list[Fired]]:
    """Every deadline, hand-over and task of every open state, for every unit that may own it, until nothing is due.

    A throw-away rehearsal database: the same sweep raises the alerts as in earnest.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        office = Office.create(base / "db" / "office.db", base / "key" / "master.key", files, START)
        try:
            return office.book(), _fired(office)
        finally:
            office.close()


def _fired(office: Office) -> list[Fired]:
    book = office.book()
    cases: dict[str, tuple[Workflow, State, str, dict[str, tuple[str, str]]]] = {}
    changes = []
    for flow in book.workflows.values():
        for state in flow.states.values():
            running = {} if state.final else _running(book, flow, state)
            for owner in _owners(book, flow, state) if running else ():
                case = new_id()
                cases[case] = (flow, state, owner, running)
                changes.append(Change.of(book, None, b"", (_opened(book, flow, state, owner, running),), case))
    office.act(lambda _: Step(changes, {}))
    move_clock(office, DUE + LONGEST)
    with office.store.reading() as driver:
        rows = driver.execute("SELECT case_id, name, told FROM alert ORDER BY case_id, name, rung").fetchall()
    told: dict[tuple[str, str], list[str]] = {}
    for case, name, whom in rows:
        told.setdefault((case, name), []).append(whom)
    return [
        Fired(flow.title, state.title, title, owner, ladder, tuple(told.get((case, name), ())))
        for case, (flow, state, owner, running) in cases.items()
        for name, (title, ladder) in running.items()
    ]


def _running(book: Rulebook, flow: Workflow, state: State) -> dict[str, tuple[str, str]]:
    """What may be running in a state: name → title and ladder."""
    running = {deadline.name: (deadline.title, deadline.ladder) for deadline in state.deadlines}
    running[HAND_OVER] = ("交接签收", book.hand_over.ladder)
    for transition in flow.leaving(state.name):
        if transition.hand_over is not None:
            running[f"{HAND_OVER} {transition.name}"] = (f"{transition.title}：签收", transition.hand_over.ladder)
    for schedule in flow.schedules.values():
        if state.stage in schedule.stages:
            running[f"task {schedule.name}"] = (schedule.title, flow.tasks[schedule.task].ladder)
    return running


def _owners(book: Rulebook, flow: Workflow, state: State) -> Iterator[str]:
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


def _opened(book: Rulebook, flow: Workflow, state: State, owner: str, running: Mapping[str, tuple[str, str]]) -> Event:
    """A case that stands in this state at once, everything that may run there running."""
    data: dict[str, Any] = {
        "workflow": flow.name,
        "release": book.release,
        "subject": "",
        "to": state.name,
        "stage": state.stage,
        "owner": owner,
        "lead": owner,
        "supporting": [],
        "category": "",
        "decision": {"matched": True, "outcome": {}},
        "armed": {name: arming("opened", micros(START), "", DUE, ladder) for name, (_, ladder) in running.items()},
    }
    return Event("opened", SYSTEM, START, data)


def problems(book: Rulebook, fired: list[Fired]) -> list[Problem]:
    """Rungs that tell nobody the organisation knows, and ladders that do not end at a named person."""
    wrong: dict[tuple[str, str], Problem] = {}
    for name, ladder in book.ladders.items():
        if ladder.rungs[-1].tell not in ("leader", "unit.head"):
            what = f"催办阶梯“{ladder.title}”（{name}）最后一级告 {ladder.rungs[-1].tell}，没有落到人"
            wrong[name, ""] = Problem("LADDER-002", what, "最后一级写 tell: leader 或 unit.head")
    for item in fired:
        rungs = book.ladders[item.ladder].rungs
        for rung, told in zip(rungs, (*item.told, *[""] * len(rungs)), strict=False):
            if reason := _nobody(book, rung.tell, told, item.owner):
                where = f"如 {item.workflow}·{item.state}·{item.deadline}"
                wrong[rung.tell, item.owner] = Problem("LADDER-001", f"{rung.level}级无人可告：{reason}", where)
    return list(wrong.values())


def _nobody(book: Rulebook, tell: str, told: str, owner: str) -> str:
    """Why a rung tells nobody; empty when it tells somebody."""
    organisation = book.organisation
    if tell == "leader":
        leaders = {leader.user for leader in organisation.leaders}
        return "" if told in leaders else f"没有班子成员分管 {owner}（organisation.yaml 的 leaders）"
    if tell == "unit.head":
        heads = {unit.head for unit in organisation.units.values() if unit.head.strip()}
        return "" if told in heads else f"{owner} 没有第一责任人 head"
    return "" if told in organisation.units else f"没有单位 {told or '（空）'}"
