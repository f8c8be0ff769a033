"""A case and the events that make it: what happened is told once, and the case follows from it alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from msgspec import Struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC: the form in which times are hashed and stored."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(since_epoch: int) -> datetime:
    """The time in UTC that `micros` came from."""
    seconds, microseconds = divmod(since_epoch, 1_000_000)
    return EPOCH + timedelta(0, seconds, microseconds)  # many microseconds alone are slow to add


def wall_time(since_epoch: int, zone: tzinfo) -> str:
    """A moment as the clock on the office's wall shows it, for lists and letters."""
    return moment(since_epoch).astimezone(zone).strftime("%Y-%m-%d %H:%M")


AT = "@"


def occurrence(schedule: str, due: int) -> str:
    """The name of one occurrence of a schedule, also that of its deadline."""
    return f"{schedule}{AT}{due}"


def parts(name: str) -> tuple[str, int]:
    """The schedule and the due time that an occurrence is named after; 0: the deadline of a state."""
    schedule, _, due = name.rpartition(AT)
    return (schedule, int(due)) if schedule else (name, 0)


class Event(NamedTuple):
    """Something that happened to a case, in the past tense; `data` is what JSON can hold and never personal."""

    type: str
    actor: str
    occurred_at: datetime
    data: Mapping[str, Any]
    account: str = ""


class Armed(NamedTuple):
    """A deadline that is running: when it is due, by which ladder it is urged, and the event that armed it.

    `base` is the moment it counts from and `length` how long, as `within` said; both in microseconds.
    """

    due: datetime
    ladder: str
    since: str
    event: int
    base: int
    within: str
    length: int


class Delay(NamedTuple):
    """By how much a deadline that counts from `base` was extended and shelved in all, and until when it is silent.

    All in microseconds. Counted from another moment it is another deadline, and nothing was put off.
    """

    base: int
    extended: int = 0
    shelved: int = 0
    until: int = 0


class Done(NamedTuple):
    """The result of a task, with the time it speaks of (when the swab was taken, not when it was typed in)."""

    task: str
    result: str
    at: datetime
    event: int
    of: str = ""
    """The case that told it, where it is not this one's own."""


class Entry(NamedTuple):
    """When a stage was last entered, or an owner took over, and by which event."""

    at: datetime
    event: int


class Plan(NamedTuple):
    """A schedule that is running: the due times of its task, listed, or daily at these local times from `start` on.

    Listed beside daily ones are those of a former rhythm that nobody has done: they are still to be done.
    """

    task: str
    event: int
    due: tuple[int, ...] = ()
    daily: tuple[str, ...] = ()
    start: int = 0
    within: int = 0
    """How many microseconds after its due time each may be done."""
    ladder: str = ""
    every: int = 1
    """Of a daily plan: on every so manieth day from the day of `start`."""


class Mark(NamedTuple):
    """What became of one occurrence of a task: `claimed`, `done` or `skipped`, and by whom."""

    state: str
    by: str


class Offer(NamedTuple):
    """A hand-over under way: `to` may accept or return it; accepting fires `transition`, or changes the owner only."""

    to: str
    transition: str
    trip: str
    at: datetime
    event: int


class Child(NamedTuple):
    """A case opened by this one: what it is to it, and how it ended (empty: still open)."""

    kind: str
    final: str = ""


class Proposal(NamedTuple):
    """A correction that reaches so far back that a second person has to confirm it."""

    facts: Mapping[str, Any]
    by: str
    event: int


class Asked(NamedTuple):
    """A change of rules of which a person has to say what becomes of the case: which release, by which entry."""

    release: int
    entry: str
    ruled_from: str
    event: int


class Case(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One person, venue, item or matter until it is closed; `facts` as JSON holds them, `personal` by name only."""

    id: str = ""
    workflow: str
    release: int
    subject: str
    state: str
    owner: str
    lead: str
    supporting: tuple[str, ...]
    category: str
    outcome: Mapping[str, Any]
    opened_at: datetime
    entered: Entry
    facts: Mapping[str, Any]
    personal: frozenset[str]
    stages: Mapping[str, Entry]
    acted: Mapping[str, int]
    """The last event of each who acted on the case."""
    involved: frozenset[str]
    """Every unit that led, supported or owned the case."""
    deadlines: Mapping[str, Armed]
    held: Entry
    """Since when the owner is responsible."""
    results: tuple[Done, ...] = ()
    seq: int = 1
    final: str = ""
    left: Mapping[str, str] = {}
    """The state from which each stage was last entered: where `to: previous` leads back to."""
    plans: Mapping[str, Plan] = {}
    offer: Offer | None = None
    returns: int = 0
    """How often the case was given back instead of taken."""
    postponed: Mapping[str, Delay] = {}
    """The deadlines that were extended (延期) or shelved (挂账)."""
    acknowledged: Mapping[str, int] = {}
    """Deadlines whose ladder an acknowledgement stopped, and for how many microseconds without work on the case."""
    parents: Mapping[str, str] = {}
    """The cases that this one hangs on, and what it is to each."""
    follows: str = ""
    """The case of the same subject that was closed for this one."""
    children: Mapping[str, Child] = {}
    index_results: tuple[Done, ...] = ()
    """The results of the cases this one hangs on."""
    proposal: Proposal | None = None
    marks: Mapping[str, Mark] = {}
    """Occurrences of scheduled tasks that somebody has touched, by their name; all others are untouched."""
    cut_short: Mapping[str, datetime] = {}
    """The clocks that ended before their days were full, and when."""
    profile: str = ""
    """The profile (平、急) its lengths and ladders are those of; empty: the ordinary one."""
    ruled_from: str = ""
    """The day of the last change of rules that it was reckoned anew by (ISO): what held then holds for it."""
    freed: Mapping[str, datetime] = {}
    """The clocks that a change of rules ended, and since when: nobody could have been let go before it."""
    asked: Asked | None = None


WORK = frozenset(
    {
        "advanced",
        "stated",
        "corrected",
        "proposed",
        "rejected",
        "offered",
        "accepted",
        "returned",
        "postponed",
        "claimed",
        "skipped",
    }
)
"""Events in which somebody works on the case."""
