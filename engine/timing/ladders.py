"""Every ladder of a pack fired on a rehearsal clock: who is told at each rung, and whether that is anybody."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.core.case import Event, micros
from engine.core.errors import Problem
from engine.core.ladders import Fired, endless, owners, running, silent
from engine.core.org import SYSTEM
from engine.core.reckoning import arming
from engine.core.rulebook import Rulebook
from engine.core.values import LONGEST
from engine.core.workflows import State, Workflow
from engine.ids import new_id
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change
from engine.timing.sweep import BATCH, sweep_once

START = datetime(2022, 1, 1, tzinfo=UTC)
DUE = LONGEST + timedelta(days=1)
"""Far enough ahead that no rung lies before the start."""


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
            there = {} if state.final else running(book, flow, state)
            for owner in owners(book, flow, state) if there else ():
                case = new_id()
                cases[case] = (flow, state, owner, there)
                changes.append(Change.of(book, None, b"", (_opened(book, flow, state, owner, there),), case))
    office.act(lambda _: Step(changes, {}))
    office.set_clock(micros(START + DUE + LONGEST))
    while sweep_once(office, BATCH):  # the rungs alone: what a deadline opens besides asks for the facts of a real case
        pass
    with office.store.reading() as driver:
        rows = driver.execute("SELECT case_id, name, told FROM alert ORDER BY case_id, name, rung").fetchall()
    told: dict[tuple[str, str], list[str]] = {}
    for case, name, whom in rows:
        told.setdefault((case, name), []).append(whom)
    return [
        Fired(flow.title, state.title, title, owner, ladder, tuple(told.get((case, name), ())))
        for case, (flow, state, owner, there) in cases.items()
        for name, (title, ladder) in there.items()
    ]


def _opened(book: Rulebook, flow: Workflow, state: State, owner: str, there: Mapping[str, tuple[str, str]]) -> Event:
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
        "armed": {name: arming("opened", micros(START), "", DUE, ladder) for name, (_, ladder) in there.items()},
    }
    return Event("opened", SYSTEM, START, data)


def problems(book: Rulebook, fired: list[Fired]) -> list[Problem]:
    """Rungs that told nobody the organisation knows, and ladders that do not end at a named person."""
    return [*endless(book).values(), *silent(book, fired).values()]
