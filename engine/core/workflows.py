"""States and transitions as the pack declares them, made legal or illegal by one shared `transitions` machine each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from transitions import EventData, Machine, MachineError
from transitions import Transition as Edge

from engine.core.conditions import Fact
from engine.core.errors import Problem
from engine.core.guards import Guard, StatedGuard

FINAL = ("released", "transferred", "closed")
SAME = "same"
PREVIOUS = "previous"
PARENTS = "parents"
"""The cases that a case hangs on."""
THIS = "case"
"""The number of the case itself, among what is carried over."""
LEVELS = ("提醒", "蓝", "黄", "红")
"""How loud a rung is, the loudest last."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder: how far from the due time, how loud, and who is told."""

    at: timedelta
    level: str
    tell: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who is told what before, at and after a due time (催办阶梯); rungs in the order of time.

    An acknowledgement stops it until the case has lain without work for `again`.
    """

    name: str
    title: str
    rungs: tuple[Rung, ...]
    again: timedelta

    def step(self, rung: int) -> Rung:
        """A rung; after the last one comes the last one again."""
        return self.rungs[min(rung, len(self.rungs) - 1)]

    def gap(self, rung: int) -> timedelta | None:
        """How long after a rung the next one follows; None: there is none."""
        return self.rungs[rung + 1].at - self.rungs[rung].at if rung + 1 < len(self.rungs) else None


@dataclass(frozen=True, slots=True)
class Allowance:
    """Who may put a deadline off, and by how much at most in all."""

    by: tuple[str, ...]
    most: timedelta


@dataclass(frozen=True, slots=True)
class Deadline:
    """A due time of a state: `within` is a duration, a parameter or a term; `since` names what it counts from."""

    name: str
    title: str
    within: str
    since: str
    """opened, state, `stage X`, `fact X` or `clock X` (the moment that clock is done)."""
    ladder: str
    extend: Allowance | None = None
    """Extension (延期) moves the due time."""
    shelve: Allowance | None = None
    """Shelving (挂账) silences the ladder for a while."""
    opens: str = ""
    """The child that is opened when a rung of it is raised, while none of that kind is open."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A day count: day 0 is the local day of the first known anchor (or the next), done at 00:00 of day N."""

    name: str
    title: str
    anchor: tuple[str, ...]
    day_zero: str
    """anchor or next."""
    days: str
    """A parameter, or `decision.X`: the parameter that the deciding rule named as its outcome X."""
    after: str = ""
    """The clock whose end is day 0, instead of an anchor; never done before that one."""
    minus: str = ""
    """The fact that says how many days have been served elsewhere already (补足)."""
    restarts_on: tuple[str, ...] = ()
    """Facts whose day, when later than the anchor's, is day 0 anew."""
    ends_when: tuple[StatedGuard, ...] = ()
    """It is done early once all of these hold."""


@dataclass(frozen=True, slots=True)
class TaskType:
    """Work whose result counts: the fact that holds its result, the one that says when, and its day clock."""

    name: str
    title: str
    result: str
    at: str
    clock: str = ""
    on_result: Mapping[str, str] = field(default_factory=dict)
    """Result → the transition it fires at once, by whoever stated it."""
    opens: Mapping[str, str] = field(default_factory=dict)
    """Result → the child that it opens at once."""
    within: str = ""
    """How long after its due time an occurrence may be done; scheduled tasks have it."""
    ladder: str = ""
    skip_by: tuple[str, ...] = ()
    """Roles that may leave an occurrence undone, with a reason."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact asked for at a transition."""

    field: str
    required: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task that recurs: on the days of a clock, or every so many days, while the case is in one of the stages."""

    name: str
    title: str
    task: str
    stages: tuple[str, ...]
    clock: str = ""
    days: str = ""
    """A parameter, or `decision.X`; empty: every day, or as `every` says."""
    at: tuple[str, ...] = ("08:00",)
    every: str = ""
    """How far apart its days are: a length of whole days, a parameter, or a term; empty: a day."""
    when: tuple[tuple[StatedGuard, ...], ...] = ()
    """Any of these must hold whole, or the case is not asked for it; empty: every case is."""

    def asked(self, facts: Mapping[str, Fact], outcome: Mapping[str, Any]) -> bool:
        """Whether a case with these facts, and decided so, is asked for it."""
        return not self.when or any(all(guard.holds(facts, outcome) for guard in guards) for guards in self.when)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Whoever holds the case offers it, and it is taken over when the receiver accepts: `to` a unit or `fact X`."""

    to: str
    within: str
    ladder: str
    evidence: tuple[Evidence, ...] = ()
    """What the receiver fills in."""


@dataclass(frozen=True, slots=True)
class ChildType:
    """Cases that this one opens: of which subject, in which states, by whom, and what is known of each at once."""

    name: str
    title: str
    subject: str
    states: tuple[str, ...]
    by: tuple[str, ...]
    sets: Mapping[str, Any] = field(default_factory=dict)
    carries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fact of the child → what of this case it is, the first known: a fact, or the unit owning or leading it."""
    tells: tuple[str, ...] = ()
    """The tasks whose results each of them is told (their index case's)."""
    outlives: bool = False
    """Whether it goes on by itself when this case is closed: else nothing closes this case before it."""
    several: bool = False
    """Whether a step that opens it opens another one though one is open."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a case takes up while it stands in a state: the facts that name its site, its room, and whose room it is."""

    site: str
    room: str
    shared_with: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A step of other cases that a step takes with it, in one transaction: of those it hangs on, or of a kind."""

    fires: str
    gives: Mapping[str, str]
    """Fact of the other → what of this case it is: a fact, `owner`, `lead`, or `case`, its number."""
    of: str = ""
    """The kind of subject of the others; empty: the cases that this one hangs on."""
    each: str = ""
    """The outcome that lists what, and how many of each: one step for every thing."""
    by: str = ""
    """The fact of the other that says which thing it is."""
    amount: str = ""
    """The fact of the other that the number is filled in as."""
    first: str = ""
    """Of several others of the same thing: the one where this fact is lowest first."""
    up_to: str = ""
    """Of several: each is asked for no more than this fact of it, the last one for what is left over."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a case stands: one owner, its deadlines, and for the last ones how it ended."""

    name: str
    title: str
    stage: str
    owner: str
    """A unit, `lead`, 属地社区 or `fact X`; empty in final states."""
    deadlines: tuple[Deadline, ...] = ()
    final: str = ""
    clause: str = ""
    place: Place | None = None
    on_decision: str = ""
    """The transition that a new decision fires at once, where its guards hold."""
    verified_since: tuple[str, ...] = ()
    """Whoever brings a case here may not have acted on it since it entered one of these stages."""
    opens: Mapping[str, tuple[StatedGuard, ...]] = field(default_factory=dict)
    """Child → what must hold here for one to be open: it is opened whenever it does and none of that kind is."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A verb people tap: from where to where, who may, what must hold, and what must be filled in."""

    name: str
    title: str
    sources: tuple[str, ...]
    to: str
    """A state; `same`: the case stays and only what was stated or done is recorded; `previous`: back to where the
    case was before it entered this stage."""
    by: tuple[str, ...]
    of: tuple[str, ...] = ()
    """The units whose people may: `owner`, or what an owner may be; empty: any that take part in the case."""
    when: tuple[tuple[Guard, ...], ...] = ()
    """Any of these lists of guards must hold whole; empty: always."""
    evidence: tuple[Evidence, ...] = ()
    task: str = ""
    danger: bool = False
    clause: str = ""
    hand_over: HandOver | None = None
    decides: bool = False
    """Whether the facts as they are after it decide again where the case belongs."""
    adds: Mapping[str, str] = field(default_factory=dict)
    """Fact → the amount, filled in, that it grows by."""
    takes: Mapping[str, str] = field(default_factory=dict)
    """Fact → the amount, filled in, that it shrinks by; never below what it may be."""
    opens: Mapping[str, tuple[StatedGuard, ...]] = field(default_factory=dict)
    """Child → what must hold after it for one to be opened; beside one that is open only where there may be several."""
    moves: tuple[Move, ...] = ()
    """What it does to other cases; what cannot be done there cannot be done here."""


class _Edge(Edge):
    """An edge of the machine: it says whether it may be taken; what that does to a case, its event tells."""

    def _change_state(self, event_data: EventData) -> None:
        """Nothing: the cursor is thrown away."""


class _Machine(Machine):
    transition_cls = _Edge


class Cursor:
    """What the machine asks about instead of a case: thrown away after one step, it brings back every unmet reason."""

    __slots__ = ("meets", "state", "unmet")

    def __init__(self, state: str, meets: Callable[[Transition], list[Problem]]) -> None:
        self.state = state
        self.meets = meets
        self.unmet: list[Problem] = []


@dataclass(frozen=True)
class Workflow:
    """One case type: its states, transitions, clocks and tasks."""

    name: str
    title: str
    subject: str
    initial: str
    states: Mapping[str, State]
    transitions: Mapping[str, Transition]
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    tasks: Mapping[str, TaskType] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    children: Mapping[str, ChildType] = field(default_factory=dict)
    continues: Mapping[str, str] = field(default_factory=dict)
    """Stage → the state in which a case begins that another one, closed in that stage, has become."""
    clause: str = ""
    stream: str = ""
    """What its cases are reported under together (外防输入、内防反弹)."""

    def timed(self, times: Mapping[str, tuple[str, ...]]) -> Workflow:
        """The same workflow, these of its schedules due at other times of the day."""
        timed = {name: replace(self.schedules[name], at=at) for name, at in times.items()}
        return replace(self, schedules={**self.schedules, **timed})

    @cached_property
    def counted(self) -> frozenset[str]:
        """The facts that its clocks count from."""
        each = ((*clock.anchor, *clock.restarts_on, clock.minus) for clock in self.clocks.values())
        return frozenset(name for names in each for name in names if name)

    @cached_property
    def tested(self) -> frozenset[str]:
        """Times at which tasks were done: they have their own days to fall on."""
        return frozenset(task.at for task in self.tasks.values())

    @cached_property
    def machine(self) -> Machine:
        """The one machine of this workflow, bound to no model and without `to_<state>` back doors."""
        machine = _Machine(
            model=None, states=list(self.states), initial=None, auto_transitions=False, queued=False, send_event=True
        )
        for transition in self.transitions.values():
            machine.add_transition(
                transition.name,
                list(transition.sources),
                "=" if transition.to in (SAME, PREVIOUS) else transition.to,
                conditions=_asks(transition),
            )
        return machine

    def step(self, state: str, name: str, meets: Callable[[Transition], list[Problem]]) -> tuple[bool, list[Problem]]:
        """Whether `name` may be done in a state, else every unmet reason; none: it does not start there."""
        cursor = Cursor(state, meets)
        try:
            moved = self.machine.events[name].trigger(cursor)
        except MachineError:
            return False, []
        return moved, cursor.unmet

    def line(self, clock: str) -> tuple[str, ...]:
        """A clock, and those it comes after."""
        after = self.clocks[clock].after
        return (clock, *self.line(after)) if after else (clock,)

    def named(self, name: str) -> str:
        """The transition of that name or title; what is neither is left as it is."""
        if name in self.transitions:
            return name
        return next((each.name for each in self.transitions.values() if each.title == name), name)

    def leaving(self, state: str) -> tuple[Transition, ...]:
        """What can be done in a state, in the order of the file."""
        return tuple(transition for transition in self.transitions.values() if state in transition.sources)


def _asks(transition: Transition) -> Callable[[EventData], bool]:
    def ask(event: EventData) -> bool:
        cursor: Any = event.model
        cursor.unmet = cursor.meets(transition)
        return not cursor.unmet

    return ask
