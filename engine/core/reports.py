"""Figures of cases as they stood at a moment: which are counted, by what they are grouped, and how often each is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from engine.core.case import Case
from engine.core.org import Actor, Organisation

if TYPE_CHECKING:
    from engine.core.rulebook import Rulebook

COUNTS = ("all", "open", "opened", "closed", "overdue")
"""What may be counted: every case, those open at the moment, opened or closed in the period, past their time."""
WORDS = ("workflow", "subject", "category", "state", "stage", "owner", "lead", "final", "stream")
"""What cases are chosen and grouped by, beside `fact.X`."""
FACT = "fact."
SHOWN = ("case", *WORDS, "opened_at", "due")
"""What a list may show of a case, beside `fact.X`."""
YES_NO = {True: "是", False: "否"}
REPLACED = "reclassified"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cases: each word has one of its values; none: all of them."""

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def takes(self, said: Callable[[str], str]) -> bool:
        """Whether a case of which these words are said is one of them."""
        return all(said(word) in allowed for word, allowed in self.values.items())


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures: what is counted, of which cases."""

    title: str
    count: str
    of: Choice


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a list: what is shown of each case."""

    title: str
    show: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of a report: figures by `rows`, or a list of the cases that `cases` counts."""

    title: str
    of: Choice
    rows: str = ""
    order: tuple[str, ...] = ()
    """In which order the values of `rows` come; those that are chosen come even where nothing is counted."""
    columns: tuple[Column, ...] = ()
    total: str = ""
    cases: str = ""
    listed: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What is told to whom, over which period, page by page."""

    name: str
    title: str
    to: str
    period: timedelta
    sheets: tuple[Sheet, ...]
    clause: str = ""
    sent_by: tuple[str, ...] = ()
    """The units that send it: their people may make it, whole."""
    own: tuple[str, ...] = ()
    """The roles that may make the part of it that is about the cases they see."""

    def reach(self, organisation: Organisation, actor: Actor) -> frozenset[str] | None:
        """The units whose cases she may be told of; None: all of them."""
        own = [(organisation.roles[role], unit) for role, unit in actor.roles if role in self.own]
        if actor.units() & set(self.sent_by) or any(role.sees_all for role, _ in own):
            return None
        return frozenset(unit for _, unit in own)


class Standing(NamedTuple):
    """A case as it stood at a moment, and when it was recorded as opened and as closed.

    `late`: when the time of its first task ran out that was overdue at that moment; None: none was.
    """

    case: Case
    opened: datetime
    closed: datetime | None
    late: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that is asked about, and where the period before it begins; what is recorded at it comes after it."""

    at: datetime
    since: datetime

    def counts(self, count: str, standing: Standing) -> bool:
        """Whether a case counts as this; one that goes on as another case is counted as that one only."""
        case = standing.case
        if case.final == REPLACED:
            return False
        if count == "opened":
            return standing.opened >= self.since
        if count == "closed":
            return standing.closed is not None and standing.closed >= self.since
        if count == "open":
            return not case.final
        if count == "overdue":
            late = standing.late is not None or any(armed.due <= self.at for armed in case.deadlines.values())
            return not case.final and late
        return True


def said(book: Rulebook, case: Case, word: str) -> str:
    """What a word says of a case: an id, as conditions use it; empty: nothing."""
    flow = book.workflows[case.workflow]
    if word.startswith(FACT):
        value = case.facts.get(word.removeprefix(FACT))
        return "" if value is None else YES_NO[value] if isinstance(value, bool) else str(value)
    told = {
        "workflow": case.workflow,
        "subject": flow.subject,
        "stage": flow.states[case.state].stage,
        "category": case.category,
        "state": case.state,
        "owner": case.owner,
        "lead": case.lead,
        "final": case.final,
        "stream": flow.stream,
    }
    return told[word]


def figures(sheet: Sheet, at: Moment, standings: Iterable[tuple[Rulebook, Standing]]) -> dict[str, list[int]]:
    """Each value of `rows` with a number per column."""
    chosen = sheet.of.values.get(sheet.rows, frozenset())
    found: dict[str, list[int]] = {value: [0] * len(sheet.columns) for value in sheet.order if value in chosen}
    for book, standing in standings:

        def told(word: str, book: Rulebook = book, case: Case = standing.case) -> str:
            return said(book, case, word)

        for index, column in enumerate(sheet.columns if sheet.of.takes(told) else ()):
            if at.counts(column.count, standing) and column.of.takes(told):
                found.setdefault(told(sheet.rows), [0] * len(sheet.columns))[index] += 1
    places = {value: index for index, value in enumerate(sheet.order)}
    return dict(sorted(found.items(), key=lambda row: (places.get(row[0], len(places)), row[0])))
