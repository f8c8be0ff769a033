"""Replay says what a plain reading of the rules says of each case, whatever the edit and whatever the cases."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.core.case import Case, micros
from engine.core.conditions import Fact, holds
from engine.core.judging import typed
from engine.core.reckoning import Reckoning
from engine.core.replaying import ROLES, Compared, Replay
from engine.core.rulebook import Rulebook
from engine.core.tables import Row, Table
from engine.core.units import home_of, unit_of
from engine.core.values import Dated, local_day
from engine.reading.impact import Tally
from tests.population import population

NOW = datetime(2022, 8, 1, 4, 30, tzinfo=UTC)
DAYS = 90
Edit = Callable[[Rulebook, random.Random], Rulebook]


def with_rows(book: Rulebook, name: str, rows: list[Row]) -> Rulebook:
    table = book.tables[name]
    made = Table(name, table.title, table.hit_policy, table.inputs, rows, table.gaps_policy)
    return replace(book, tables={**book.tables, name: made})


def decided_by(book: Rulebook, chance: random.Random) -> tuple[str, list[Row], int]:
    names = [kind.decided_by for kind in book.subjects.values() if kind.decided_by]
    name = chance.choice(["persons", "venue_owners", *names])
    rows = list(book.tables[name].rows)
    return name, rows, chance.randrange(len(rows))


def another_lead(book: Rulebook, chance: random.Random) -> Rulebook:
    name, rows, at = decided_by(book, chance)
    lead = chance.choice(["应急办", "属地社区", "党政办"])
    rows[at] = replace(rows[at], then={**rows[at].then, "lead": lead, "supporting": ["属地社区", "纪工委"]})
    return with_rows(book, name, rows)


def another_category(book: Rulebook, chance: random.Random) -> Rulebook:
    name, rows, at = decided_by(book, chance)
    rows[at] = replace(rows[at], then={**rows[at].then, "category": "另一类"})
    return with_rows(book, name, rows)


def another_workflow(book: Rulebook, chance: random.Random) -> Rulebook:
    name, rows, at = decided_by(book, chance)
    kind = next(kind.name for kind in book.subjects.values() if kind.decided_by == name)
    flow = chance.choice([flow.name for flow in book.workflows.values() if flow.subject == kind])
    rows[at] = replace(rows[at], then={**rows[at].then, "workflow": flow})
    return with_rows(book, name, rows)


def without_a_row(book: Rulebook, chance: random.Random) -> Rulebook:
    name, rows, at = decided_by(book, chance)
    del rows[at]
    return with_rows(book, name, rows) if rows else book


def a_row_that_ends(book: Rulebook, chance: random.Random) -> Rulebook:
    name, rows, at = decided_by(book, chance)
    rows[at] = replace(rows[at], until=date(2022, 6, 1) + timedelta(days=chance.randrange(60)))
    return with_rows(book, name, rows)


def another_term(book: Rulebook, chance: random.Random) -> Rulebook:
    name = chance.choice([term.name for term in book.terms.values() if term.within])
    term = replace(book.terms[name], within=timedelta(hours=chance.choice([1, 5, 100, 2000])))
    return replace(book, terms={**book.terms, name: term})


def another_parameter(book: Rulebook, chance: random.Random) -> Rulebook:
    name = chance.choice([of.name for of in book.parameters.values() if isinstance(of.values[0].value, int)])
    later = Dated(date(2022, 6, 1) + timedelta(days=chance.randrange(40)), chance.choice([1, 7, 20, None]), "", "")
    was = [dated for dated in book.parameters[name].values if dated.since < later.since]
    parameter = replace(book.parameters[name], values=(*was, later))
    return replace(book, parameters={**book.parameters, name: parameter})


def another_state(book: Rulebook, chance: random.Random) -> Rulebook:
    flow = book.workflows[chance.choice([*book.workflows])]
    state = flow.states[chance.choice([name for name, state in flow.states.items() if not state.final])]
    deadlines = tuple(replace(of, within="3h") for of in state.deadlines)
    states = {**flow.states, state.name: replace(state, owner="应急办", deadlines=deadlines)}
    return replace(book, workflows={**book.workflows, flow.name: replace(flow, states=states)})


def a_state_gone(book: Rulebook, chance: random.Random) -> Rulebook:
    flow = book.workflows[chance.choice([*book.workflows])]
    left = {name: state for name, state in flow.states.items() if name == flow.initial or chance.random() < 0.7}
    left = {name: state for name, state in flow.states.items() if name in left or name in flow.continues.values()}
    return replace(book, workflows={**book.workflows, flow.name: replace(flow, states=left)})


EDITS: list[Edit] = [
    another_lead,
    another_category,
    another_workflow,
    without_a_row,
    a_row_that_ends,
    another_term,
    another_parameter,
    another_state,
    a_state_gone,
]


def meant(table: Table, facts: Mapping[str, Fact], day: date) -> tuple[dict[str, Any], bool]:
    """What a table says, row by row as it is written."""
    hits = [
        row
        for row in table.rows
        if (row.since is None or row.since <= day)
        and (row.until is None or day < row.until)
        and any(all(holds(cell, facts.get(name)) for name, cell in cells.items()) for cells in row.when)
    ]
    if table.hit_policy == "collect":
        total: dict[str, list[Any]] = {}
        for row in hits:
            for name, value in row.then.items():
                for item in value if isinstance(value, list | tuple) else [value]:
                    if item not in total.setdefault(name, []):
                        total[name].append(item)
        return dict(total), bool(hits)
    best = min(hits, key=lambda row: row.priority, default=None)
    return dict(best.then) if best else {}, bool(hits)


class Read:
    """A case by one rule book, read plainly."""

    def __init__(self, book: Rulebook, case: Case) -> None:
        book = book.under(case.profile, case.ruled_from)
        flow, self.cannot = book.workflows[case.workflow], ""
        facts = {key: value for key, value in typed(book, case).items() if value is not None}
        if not case.final and case.state not in flow.states:
            self.cannot = f"流程 {flow.title} 没有环节 {case.state}"
            return
        kind = book.subjects[flow.subject]
        day = book.no_earlier(local_day(case.opened_at, book.zone))
        outcome, self.matched = meant(book.tables[kind.decided_by], facts, day)
        if kind.completed_by:
            outcome |= meant(book.tables[kind.completed_by], facts, day)[0]
        self.flow = book.flow_of(kind.name, outcome)
        home = home_of(book, self.flow, facts)
        self.category = str(outcome.get("category", ""))
        self.lead = unit_of(outcome.get("lead", book.default_owner), book.default_owner, home, facts)
        units = [unit_of(unit, self.lead, home, facts) for unit in outcome.get("supporting", ())]
        self.supporting = [unit for unit in dict.fromkeys(units) if unit != self.lead]
        self.owner, self.due, self.days = "", {}, {}
        if not case.final:
            state = flow.states[case.state]
            if self.flow.name != flow.name:
                state = self.flow.states[self.flow.continues.get(state.stage, self.flow.initial)]
                if state.owner.startswith("fact ") and facts.get(state.owner[5:]) is None:
                    state = self.flow.states[self.flow.initial]
            self.owner = (
                unit_of(state.owner, self.lead, home, facts) or self.lead if self.matched else book.default_owner
            )
            reckoning = Reckoning(book, flow, outcome, case.opened_at, facts, case.cut_short)
            armed, _, _ = reckoning.deadlines(
                flow.states[case.state], NOW, structs.replace(case, deadlines={}), stays=True
            )
            titles = {of.name: of.title for of in flow.states[case.state].deadlines}
            self.due = {titles[name]: told[0] for name, told in armed.items()}
        reckoning = Reckoning(book, flow, outcome, case.opened_at, facts, case.cut_short)
        for clock in flow.clocks.values():
            days = reckoning.days(clock.days)
            self.days[clock.title] = days[-1] if days else None

    def units(self, role: str) -> set[str]:
        return {"lead": {self.lead}, "supporting": set(self.supporting), "owner": {self.owner} - {""}}[role]


def differs(was: Read, now: Read) -> tuple[set[tuple[str, str]], set[str]]:
    """What is another, as (kind, what), and what is overdue at once."""
    if was.cannot or now.cannot:
        return ({("undecided", "判定")} if was.cannot != now.cannot else set()), set()
    found = {
        (kind, what)
        for kind, what, one, other in (
            ("workflow", "流程", was.flow.name, now.flow.name),
            ("category", "类别", was.category, now.category),
            ("lead", "牵头", was.lead, now.lead),
            ("supporting", "配合", was.supporting, now.supporting),
            ("owner", "责任单位", was.owner, now.owner),
        )
        if one != other
    }
    if was.matched and not now.matched:
        found.add(("uncovered", "规则"))
    if was.flow.name != now.flow.name:
        return found, set()
    found |= {("days", name) for name in {*was.days, *now.days} if was.days.get(name) != now.days.get(name)}
    other = {name for name in {*was.due, *now.due} if was.due.get(name) != now.due.get(name)}
    found |= {("due", name) for name in other}
    at = micros(NOW)
    return found, {name for name in other if now.due.get(name, at) < at and was.due.get(name, at) >= at}


def replayed(base: Rulebook, draft: Rulebook, cases: list[Case]) -> Iterator[tuple[Case, Compared]]:
    replay = Replay(base, draft, NOW)
    for case in cases:
        yield case, replay.compare(case)


@pytest.fixture(scope="module")
def cases(book: Rulebook) -> list[Case]:
    return [*population(book, 400, NOW, DAYS, 1), *population(book, 400, NOW, DAYS, 2, ["person", "venue"])]


@given(seed=st.integers(0, 2**32), edits=st.lists(st.sampled_from(EDITS), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_replay_is_what_reading_every_case_and_every_row_says(
    book: Rulebook, cases: list[Case], seed: int, edits: list[Edit]
) -> None:
    chance = random.Random(seed)
    draft = book
    for edit in edits:
        draft = edit(draft, chance)
    tally, units, kinds = Tally(), Counter[tuple[str, str, str]](), Counter[str]()
    some = chance.sample(cases, 200)
    for case, found in replayed(book, draft, some):
        was, now = Read(book, case), Read(draft, case)
        other, overdue = differs(was, now)
        assert {(change.kind, change.what) for change in found.changes} == other, case
        assert set(found.overdue) == overdue
        assert all(change.before != change.after for change in found.changes)
        tally.take(case, found)
        kinds.update({kind for kind, _ in other})
        for role in ROLES if not was.cannot and not now.cannot else ():
            one, two = was.units(role), now.units(role)
            for what, them in (("before", one), ("after", two), ("gained", two - one), ("lost", one - two)):
                units.update((unit, role, what) for unit in them)
    told = tally.told({})
    assert {kind: number for kind, number in told["changes"].items() if number} == kinds
    assert {
        (each["unit"], each["role"], what): each[what]
        for each in told["units"]
        for what in ("before", "after", "gained", "lost")
        if each[what]
    } == units
    assert told["cases"]["decided"] == 200


def test_the_same_rules_change_nothing(book: Rulebook, cases: list[Case]) -> None:
    assert not any(found.changes for _, found in replayed(book, replace(book), cases))


@pytest.mark.parametrize("edit", EDITS)
def test_every_kind_of_edit_is_seen_somewhere(book: Rulebook, cases: list[Case], edit: Edit) -> None:
    assert any(
        found.changes
        for seed in range(30)
        for _, found in replayed(book, edit(book, random.Random(seed)), cases[:200] + cases[-100:])
    )
