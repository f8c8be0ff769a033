"""Reference lists: dated facts kept as data, and the ordered steps that match a stay to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.conditions import Fact
from engine.core.values import midnight, same_name

SEPARATOR = "\x1f"
HIGHEST = "highest"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list: how it is headed, and what it may hold."""

    name: str
    title: str
    type: str
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One way a stay meets an entry: which columns are the same, when the entry stood, and the level that gives."""

    how: str
    same: tuple[str, ...]
    first_within: timedelta | None
    """None: listed at any moment of the day; else first listed within so long after its end."""
    where: Mapping[str, frozenset[str]]
    level: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the list: its ranked value and since when until when it stood (None: still)."""

    level: str
    listed_from: datetime
    listed_until: datetime | None


Stay = tuple[Fact, ...]
"""Where somebody was and until which day, in the order in which the list declares its `stay`."""
Key = str | bytes
"""The compared columns of a stay or entry in one: as text, or as the keyed hash that is stored."""
Candidates = Mapping[tuple[str, ...], Mapping[Key, Sequence[Entry]]]
"""Per set of columns, the entries under each key made of them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A declared list: its columns, validity, rank, and how a stay of a case is matched."""

    name: str
    title: str
    columns: Mapping[str, Column]
    listed_from: str
    listed_until: str
    rank: str
    order: tuple[str, ...]
    natural_key: tuple[str, ...]
    stay: Mapping[str, str]
    """Column of the list, or `until` (the day of leaving) → fact of the case."""
    steps: tuple[Step, ...]
    otherwise: tuple[str, str]
    """How and level when no step matches."""
    gives: Mapping[str, str]
    """Fact of the case → level, how, or current (the level as the list stands when it is asked)."""

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """The different sets of columns that steps compare, in their order."""
        return tuple(dict.fromkeys(step.same for step in self.steps))

    def key_of(self, same: tuple[str, ...], stay: Stay) -> str:
        """The compared form of these columns of a stay; empty when one is missing."""
        names = tuple(self.stay)
        parts = [same_name(str(stay[names.index(column)] or "")) for column in same]
        return SEPARATOR.join(parts) if all(parts) else ""

    def keys_of(self, stay: Stay) -> tuple[str, ...]:
        """The keys of a stay, in the order of `keys`."""
        return tuple([self.key_of(same, stay) for same in self.keys])

    def day_of(self, stay: Stay) -> date:
        """The day on which a stay ended."""
        day: Any = stay[tuple(self.stay).index("until")]
        return day  # type: ignore[no-any-return]

    def level_fact(self) -> str:
        """The fact of a case that holds the level."""
        return next((name for name, what in self.gives.items() if what == "level"), "")

    def stay_of(self, told: Callable[[str], Fact]) -> Stay | None:
        """Where somebody stayed until which day; None when the day she left is not known."""
        if not isinstance(told(self.stay["until"]), date):
            return None
        return tuple([told(name) for name in self.stay.values()])


@dataclass(slots=True)
class Matcher:
    """Matches many stays against the entries known at one time; what was found for a key and day is remembered."""

    reference: Reference
    candidates: Candidates
    known_at: datetime
    zone: ZoneInfo
    found: dict[tuple[int, Key, date | None], str | None] = field(default_factory=dict)
    places: list[int] = field(init=False)
    """Which of a stay's keys each step compares."""

    def __post_init__(self) -> None:
        keys = self.reference.keys
        self.places = [keys.index(step.same) for step in self.reference.steps]

    def of(self, keys: Sequence[Key], day: date) -> dict[str, Fact]:
        """The facts the list gives for a stay, told by its keys and the day it ended."""
        how, level = self._first(keys, day) or self.reference.otherwise
        told = {"how": how, "level": level}
        if "current" in self.reference.gives.values():
            told["current"] = (self._first(keys, None) or self.reference.otherwise)[1]
        return {name: told[what] for name, what in self.reference.gives.items()}

    def _first(self, keys: Sequence[Key], day: date | None) -> tuple[str, str] | None:
        """How and at which level the first step that fits does; no day: as the list stands now."""
        for index, step in enumerate(self.reference.steps):
            key = keys[self.places[index]]
            if not key or (day is None and step.first_within is not None):
                continue
            spot = (index, key, day)
            if spot not in self.found:
                self.found[spot] = self._look(step, key, day)
            if (level := self.found[spot]) is not None:
                return step.how, level
        return None

    def _look(self, step: Step, key: Key, day: date | None) -> str | None:
        start = end = self.known_at
        if day is not None:
            start, end = midnight(day, self.zone), midnight(day + timedelta(days=1), self.zone)
        allowed = step.where.get(self.reference.rank)
        levels = {
            entry.level
            for entry in self.candidates.get(step.same, {}).get(key, ())
            if entry.listed_from <= self.known_at
            and (allowed is None or entry.level in allowed)
            and _stood(entry, start, end, step.first_within)
        }
        if not levels:
            return None
        if step.level != HIGHEST:
            return step.level
        return next(level for level in self.reference.order if level in levels)


def _stood(entry: Entry, start: datetime, end: datetime, first_within: timedelta | None) -> bool:
    if first_within is not None:
        return end <= entry.listed_from < end + first_within
    return entry.listed_from < end and (entry.listed_until is None or entry.listed_until > start)
