"""A case decided again under other rules: what is another by a draft than by the rules it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import structs

from engine.core.case import Case, micros, moment
from engine.core.conditions import Fact, Field, from_json
from engine.core.errors import BadInput, Refused
from engine.core.org import FACT
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Rulebook, Subject
from engine.core.tables import Row, Table
from engine.core.units import home_of, unit_of
from engine.core.values import local_day
from engine.core.workflows import State, Workflow

MOST_REMEMBERED = 65_536
LEAD, SUPPORTING, OWNER = ROLES = ("lead", "supporting", "owner")
"""What a unit may be to a case; `owner` of open ones only: who answers for it where it stands."""
CATEGORY, WORKFLOW, DAYS, DUE, UNCOVERED, UNDECIDED = ("category", "workflow", "days", "due", "uncovered", "undecided")
KINDS = (WORKFLOW, CATEGORY, *ROLES, DAYS, DUE, UNCOVERED, UNDECIDED)
"""What may be another for a case, in the order in which a reader asks."""
Met = int | str
"""The rows of a table that a case meets, as a mask; in words: why it cannot be asked about."""


class Change(NamedTuple):
    """One thing that is another by the draft: which kind of thing, what of it, and both in words."""

    kind: str
    what: str
    before: str
    after: str


class Standing(NamedTuple):
    """Where rules put a case by what is known of it; `cannot`: why they cannot tell."""

    category: str = ""
    workflow: str = ""
    lead: str = ""
    supporting: tuple[str, ...] = ()
    owner: str = ""
    matched: bool = True
    outcome: Mapping[str, Any] = {}
    cannot: str = ""

    def units(self, role: str) -> frozenset[str]:
        """The units that are this to the case."""
        if role == SUPPORTING:
            return frozenset(self.supporting)
        return frozenset(filter(None, [self.lead if role == LEAD else self.owner]))


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Cases that both rule books treat alike, times apart: where each puts them, and what is another by that."""

    before: Standing
    after: Standing
    changes: tuple[Change, ...]
    days: bool
    """Whether the days their clocks take may be others: that depends on the times of each."""
    due: bool
    """Whether their deadlines may be."""


class Compared(NamedTuple):
    """One case by both: what is another for it, and which deadlines that were not overdue are so at once."""

    alike: Alike
    changes: tuple[Change, ...]
    overdue: tuple[str, ...] = ()


class Replay:
    """Cases compared, one after another, by the rules before (`base`) and by the draft, at the moment `now`.

    Facts are taken as they are known now; the day that counts is that of each case: its opening for rules, what a
    parameter is `dated_by` for its values, and of either the last change of rules that it has gone over to. Cases that
    meet the same rows in the same units are decided once.
    """

    def __init__(self, base: Rulebook, draft: Rulebook, now: datetime) -> None:
        self.base = base
        self.draft = draft
        self.now = now
        self._asked: dict[str, _Asked] = {}
        self._remembered: dict[tuple[Any, ...], Alike] = {}
        self._moved: dict[str, frozenset[str]] = {}
        self._places_alike = _places(base) == _places(draft)
        self._clocks: dict[tuple[str, str], tuple[str, ...] | None] = {}
        """What says how many days the clocks of a workflow take; None: they are others anyhow."""

    def compare(self, case: Case) -> Compared:
        """A case by both rule books."""
        workflow, facts = case.workflow, case.facts
        asked = self._asked.get(workflow)
        if asked is None:
            asked = self._asked[workflow] = _Asked.of(self.base, self.draft, workflow)
        met = asked.met(facts, case.opened_at, case.ruled_from)
        where = "" if case.final else case.state
        own = "" if asked.decided else repr((case.category, case.lead, case.supporting, case.outcome))
        key = (workflow, case.profile, where, own, met, *[facts.get(unit) for unit in asked.units])
        alike = self._remembered.get(key)
        if alike is None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            alike = self._remembered[key] = self._alike(asked, case, met)
        if not (alike.days or alike.due):
            return Compared(alike, alike.changes)
        times, overdue = self._times(alike, asked, structs.replace(case, deadlines={}))  # every one is armed anew
        return Compared(alike, _in_order(alike.changes, times) if times else alike.changes, overdue)

    def _alike(self, asked: _Asked, case: Case, met: tuple[tuple[Met, ...], ...]) -> Alike:
        facts = {name: case.facts.get(name) for name in asked.units}
        was, now = (_told(tables, found) for tables, found in zip(asked.tables, met, strict=True))
        before = _standing(self.base, facts, case, was)
        after = before if was == now and self._places_alike else _standing(self.draft, facts, case, now)
        days = due = False
        if not before.cannot and not after.cannot and before.workflow == after.workflow:
            days = self._days_may_differ(case, before, after)
            due = not case.final and (days or self._due_may_differ(case))
        return Alike(before, after, tuple(self._changes(before, after)), days, due)

    def _changes(self, before: Standing, after: Standing) -> Iterator[Change]:
        if before.cannot or after.cannot:
            if before.cannot != after.cannot:
                yield Change(UNDECIDED, "判定", before.cannot or "可以", after.cannot or "可以")
            return
        if before.workflow != after.workflow:
            was, now = self.base.workflows[before.workflow], self.draft.workflows[after.workflow]
            yield Change(WORKFLOW, "流程", was.title, now.title)
        for kind, what, *told in (
            (CATEGORY, "类别", before.category, after.category),
            (LEAD, "牵头", before.lead, after.lead),
            (SUPPORTING, "配合", "、".join(before.supporting), "、".join(after.supporting)),
            (OWNER, "责任单位", before.owner, after.owner),
        ):
            if told[0] != told[1]:
                yield Change(kind, what, *(words or "无" for words in told))
        if before.matched and not after.matched:
            yield Change(UNCOVERED, "规则", "有", "没有一条对得上")

    def _days_may_differ(self, case: Case, before: Standing, after: Standing) -> bool:
        """Whether a clock may take other days: not where all that they follow from says the same."""
        base, draft = (book.under(case.profile) for book in (self.base, self.draft))
        at = (base.profile, case.workflow)
        if at not in self._clocks:
            was, now = base.workflows[case.workflow], draft.workflows[case.workflow]
            same = _types(base, was) == _types(draft, now) and base.zone == draft.zone and was.clocks == now.clocks
            self._clocks[at] = tuple(clock.days for clock in now.clocks.values()) if same else None
        clocks, moved = self._clocks[at], self._names_moved(base, draft)
        if clocks is None:
            return True
        named = ((_named(days, before.outcome), _named(days, after.outcome)) for days in clocks)
        return any(one != other or one in moved for one, other in named)

    def _due_may_differ(self, case: Case) -> bool:
        """Whether a deadline may be another where the days of clocks are the same."""
        base, draft = (book.under(case.profile) for book in (self.base, self.draft))
        was, now = (book.workflows[case.workflow].states[case.state].deadlines for book in (base, draft))
        moved = self._names_moved(base, draft)
        return was != now or any(of.within in moved for of in now)

    def _names_moved(self, base: Rulebook, draft: Rulebook) -> frozenset[str]:
        """The parameters and terms that do not say the same in both."""
        if base.profile not in self._moved:
            values, terms = [], []
            for book in (base, draft):
                dated = {
                    name: (of.unit, of.dated_by, [(each.since, each.value) for each in of.values])
                    for name, of in book.parameters.items()
                }
                values.append(dated)
                terms.append(
                    {name: (of.within, of.parameter, dated.get(of.parameter)) for name, of in book.terms.items()}
                )
            self._moved[base.profile] = _unlike(*values) | _unlike(*terms)
        return self._moved[base.profile]

    def _times(self, alike: Alike, asked: _Asked, case: Case) -> tuple[list[Change], tuple[str, ...]]:
        """Which days and due times of a case are others, and what is overdue by that at once."""
        facts = asked.typed(case.facts)
        was, now = (
            _Times.of(book, case, standing.outcome, told, self.now if alike.due else None)
            for book, standing, told in zip((self.base, self.draft), (alike.before, alike.after), facts, strict=True)
        )
        changes = [
            Change(DAYS, now.titles.get(name) or was.titles[name], _days(was.days.get(name)), _days(now.days.get(name)))
            for name in {**was.days, **now.days}
            if was.days.get(name) != now.days.get(name)
        ]
        overdue: list[str] = []
        at = micros(self.now)
        for name in {**was.due, **now.due}:
            old, new = was.due.get(name), now.due.get(name)
            if old == new:
                continue
            title = now.titles.get(name) or was.titles[name]
            changes.append(Change(DUE, title, self._at(old), self._at(new)))
            if new is not None and new < at and (old is None or old >= at):
                overdue.append(title)
        return changes, tuple(overdue)

    def _at(self, due: int | None) -> str:
        return "无" if due is None else f"{moment(due).astimezone(self.base.zone):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of the cases of a workflow: by which tables of each book, and the facts that may name a unit."""

    kinds: tuple[Subject | None, ...]
    tables: tuple[tuple[Table, ...], ...]
    reads: tuple[tuple[tuple[Field, ...], ...], ...]
    units: tuple[str, ...]
    decided: bool
    dated: bool
    """Whether any of their rows begins or ends on a day."""
    same: bool
    """Whether the tables of both say the same."""
    alike: bool
    """Whether their facts have the same types in both."""
    zones: tuple[ZoneInfo, ...]

    @classmethod
    def of(cls, base: Rulebook, draft: Rulebook, workflow: str) -> _Asked:
        kinds = tuple(book.kind_of(workflow) if workflow in book.workflows else None for book in (base, draft))
        tables = tuple(
            tuple(book.tables[name] for name in (kind.decided_by, kind.completed_by) if name) if kind else ()
            for book, kind in zip((base, draft), kinds, strict=True)
        )
        units = {of.name for kind in kinds if kind for of in kind.fields.values() if of.type == "unit"}
        named = _units_named(base, draft) & units
        return cls(
            kinds,
            tables,
            tuple(tuple(table.inputs for table in of) for of in tables),
            tuple(sorted(named | {kind.jurisdiction for kind in kinds if kind and kind.jurisdiction})),
            all(kind is None or kind.decided_by for kind in kinds),
            any(len(table.days) > 1 for of in tables for table in of),
            [_says(table) for table in tables[0]] == [_says(table) for table in tables[1]] and base.zone == draft.zone,
            len({tuple((of.name, of.type) for of in kind.fields.values()) for kind in kinds if kind}) == 1,
            (base.zone, draft.zone),
        )

    def met(self, facts: Mapping[str, Any], opened_at: datetime, ruled_from: str) -> tuple[tuple[Met, ...], ...]:
        """The rows of the tables of each book that a case meets."""
        first = self._met(0, facts, opened_at, ruled_from)
        return first, first if self.same else self._met(1, facts, opened_at, ruled_from)

    def _met(self, which: int, facts: Mapping[str, Any], opened_at: datetime, ruled_from: str) -> tuple[Met, ...]:
        day = local_day(opened_at, self.zones[which]) if self.dated else date.min
        if ruled_from and self.dated:
            day = max(day, date.fromisoformat(ruled_from))
        return tuple(
            _met(table, [_fact(of, facts.get(of.name)) for of in fields], day)
            for table, fields in zip(self.tables[which], self.reads[which], strict=True)
        )

    def typed(self, facts: Mapping[str, Any]) -> tuple[Mapping[str, Fact], Mapping[str, Fact]]:
        """The facts of a case as each book knows them."""
        first = _typed(self.kinds[0], facts)
        return first, first if self.alike else _typed(self.kinds[1], facts)


class _Times(NamedTuple):
    """The days each clock of a case takes, and the due times where it stands, by one rule book."""

    days: Mapping[str, int | None]
    due: Mapping[str, int]
    titles: Mapping[str, str]

    @classmethod
    def of(
        cls, book: Rulebook, case: Case, outcome: Mapping[str, Any], facts: Mapping[str, Fact], now: datetime | None
    ) -> _Times:
        book = book.under(case.profile, case.ruled_from)
        flow = book.workflows[case.workflow]
        cut = {name: when for name, when in case.cut_short.items() if name in flow.clocks}
        reckoning = Reckoning(book, flow, outcome, case.opened_at, facts, cut)
        days = {f"clock {name}": (reckoning.days(of.days) or (None,))[-1] for name, of in flow.clocks.items()}
        titles = {f"clock {name}": of.title for name, of in flow.clocks.items()}
        if now is None:
            return cls(days, {}, titles)
        state = flow.states[case.state]
        armed, _, _ = reckoning.deadlines(state, now, case, stays=True)
        titles |= {of.name: of.title for of in state.deadlines}
        return cls(days, {name: due for name, (due, *_) in armed.items()}, titles)


class _Told(NamedTuple):
    """What the tables say of a case; `cannot`: why they cannot tell."""

    outcome: Mapping[str, Any] = {}
    matched: bool = True
    cannot: str = ""


def _told(tables: Sequence[Table], met: Sequence[Met]) -> _Told:
    """What the rows that a case meets lead to."""
    outcome: Mapping[str, Any] = {}
    matched = True
    try:
        for number, (table, mask) in enumerate(zip(tables, met, strict=True)):
            if isinstance(mask, str):
                return _Told(cannot=mask)
            given, hits = table.outcome(mask)
            matched = matched if number else bool(hits)
            outcome = {**outcome, **given} if number else given
    except Refused as error:
        return _Told(cannot="；".join(problem.what for problem in error.problems))
    return _Told(outcome, matched)


def _standing(book: Rulebook, facts: Mapping[str, Fact], case: Case, told: _Told) -> Standing:
    """Where rules put a case of which their tables say this."""
    flow = book.workflows.get(case.workflow)
    if flow is None:
        return Standing(cannot=f"没有流程 {case.workflow}")
    if not case.final and case.state not in flow.states:
        return Standing(cannot=f"流程 {flow.title} 没有环节 {case.state}")
    if told.cannot:
        return Standing(cannot=told.cannot)
    try:
        return _placed(book, flow, facts, case, told)
    except Refused as error:
        return Standing(cannot="；".join(problem.what for problem in error.problems))


def _placed(book: Rulebook, flow: Workflow, facts: Mapping[str, Fact], case: Case, told: _Told) -> Standing:
    """Where rules put it; no rule covers it: with the default owner, as if it were opened now."""
    kind = book.subjects[flow.subject]
    state = None if case.final else flow.states[case.state]
    if not kind.decided_by:
        owner = _owner(book, flow, state, case.lead, facts) if state else ""
        return Standing(case.category, flow.name, case.lead, case.supporting, owner, outcome=case.outcome)
    outcome, matched, _ = told
    going = book.flow_of(kind.name, outcome)
    home = home_of(book, going, facts)
    lead = unit_of(outcome.get("lead", book.default_owner), book.default_owner, home, facts)
    supporting = tuple(dict.fromkeys(unit_of(unit, lead, home, facts) for unit in outcome.get("supporting", ())))
    owner = ""
    if state is not None:
        there = state if going is flow else _begins(going, state.stage, facts)
        owner = _owner(book, going, there, lead, facts) if matched else book.default_owner
    category = str(outcome.get("category", ""))
    supporting = tuple(unit for unit in supporting if unit != lead)
    return Standing(category, going.name, lead, supporting, owner, matched, outcome)


def _begins(flow: Workflow, stage: str, facts: Mapping[str, Fact]) -> State:
    """Where a case goes on in another workflow."""
    state = flow.states[flow.continues.get(stage, flow.initial)]
    unknown = state.owner.startswith(FACT) and facts.get(state.owner.removeprefix(FACT)) is None
    return flow.states[flow.initial] if unknown else state


def _owner(book: Rulebook, flow: Workflow, state: State, lead: str, facts: Mapping[str, Fact]) -> str:
    return unit_of(state.owner, lead, home_of(book, flow, facts), facts) or lead


def _met(table: Table, values: Sequence[Fact], day: date) -> Met:
    try:
        return table.mask(values, day)
    except BadInput as error:
        return "；".join(problem.what for problem in error.problems)


def _typed(kind: Subject | None, facts: Mapping[str, Any]) -> dict[str, Fact]:
    fields: Mapping[str, Field] = kind.fields if kind else {}
    read = {name: _fact(fields[name], value) for name, value in facts.items() if name in fields}
    return {name: value for name, value in read.items() if value is not None}


def _fact(of: Field, value: Any) -> Fact:
    if of.type not in ("date", "time"):
        plain: Fact = value
        return plain
    try:
        return from_json(of, value)
    except (TypeError, ValueError):  # it was of another type when it was stated
        return None


def _says(table: Table) -> tuple[Any, ...]:
    """All that decides what a table leads to."""
    return table.hit_policy, table.inputs, table.rows


def _units_named(*books: Rulebook) -> set[str]:
    """The facts that name a unit somewhere: of a state, or in what rules give."""
    words = [state.owner for book in books for flow in book.workflows.values() for state in flow.states.values()]
    rows: list[Row] = [row for book in books for table in book.tables.values() for row in table.rows]
    words += [unit for row in rows for unit in (row.then.get("lead", ""), *row.then.get("supporting", ()))]
    return {word.removeprefix(FACT) for word in words if word.startswith(FACT)}


def _types(book: Rulebook, flow: Workflow) -> dict[str, str]:
    return {name: of.type for name, of in book.subjects[flow.subject].fields.items()}


def _named(days: str, outcome: Mapping[str, Any]) -> str:
    """The parameter that says how many days a clock takes."""
    return str(outcome.get(days.removeprefix("decision."), "")) if days.startswith("decision.") else days


def _places(book: Rulebook) -> tuple[object, ...]:
    """All that says where a case goes by what the tables say of it."""
    return book.subjects, book.workflows, book.organisation, book.default_owner


def _unlike(was: Mapping[str, object], now: Mapping[str, object]) -> frozenset[str]:
    return frozenset(name for name in {*was, *now} if was.get(name) != now.get(name))


def _days(total: int | None) -> str:
    return "无" if total is None else f"{total} 天"


def _in_order(*changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted((one for some in changes for one in some), key=lambda change: KINDS.index(change.kind)))
