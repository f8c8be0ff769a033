"""Figures as of any moment, from the log alone: asked later they are the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine import vault
from engine.core.case import Event, micros
from engine.core.conditions import label
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.org import Actor
from engine.core.reports import FACT, Moment, Report, Sheet, Standing, figures, said
from engine.core.rulebook import Rulebook
from engine.reading.history import recorded_at, standing_before
from engine.service import Office
from engine.store import subjects
from engine.store.store import Driver

_ENDS = {"released": "解除", "transferred": "移交", "closed": "办结", "": "在办"}


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is told: its headers, and its rows; numbers are numbers."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    total: str = ""

    @property
    def sums(self) -> tuple[str | int, ...]:
        """The last row of figures, all of them added up; empty where none is asked for."""
        columns = range(1, len(self.headers))
        return (self.total, *(sum(int(row[at]) for row in self.rows) for at in columns)) if self.total else ()


@dataclass(frozen=True, slots=True)
class Told:
    """A report about a moment."""

    report: Report
    at: datetime
    since: datetime
    pages: tuple[Page, ...]
    only: tuple[str, ...] = ()
    """The units it is about, where it is not about all."""
    left_out: int = 0
    """How much was recorded at that very moment, and is not in it."""


def tell(office: Office, name: str, actor: Actor, at: datetime | None = None) -> Told:
    """The report of that name as of a moment, over the cases it may tell her of; now unless said.

    What is recorded at that very moment comes after it, so nothing that is added later changes the figures.
    """
    book, now = office.book(), office.now()
    if name not in book.reports:
        known = listing(list(book.reports)) or "无"
        raise BadInput(Problem("REPORT-001", f"没有报表 {name}", f"可用：{known}", nearest(name, book.reports)))
    reach = _reach(office, book.reports[name], actor)
    at = at or now
    if at > now:
        raise Refused(Problem("REPORT-002", "这一刻还没有到", "--as-of 写现在或以前的时刻"))
    report = book.reports[name]
    asked = Moment(at, at - report.period)
    with office.store.reading() as driver:
        standings = [
            (office.book(standing.case.release), standing)
            for standing in standing_before(office, driver, at)
            if reach is None or reach & standing.case.involved
        ]
        pages = tuple(_page(office, driver, book, sheet, asked, standings) for sheet in report.sheets)
        left_out = recorded_at(driver, at)
    if reach is not None:
        pages = tuple(replace(page, rows=tuple(row for row in page.rows if any(row[1:]))) for page in pages)
    return Told(report, at, asked.since, pages, tuple(sorted(reach or ())), left_out)


def _reach(office: Office, report: Report, actor: Actor) -> frozenset[str] | None:
    """The units whose cases a report tells her of, None: all; refused where there are none."""
    organisation = office.book().organisation
    exports = organisation.permits(actor, "export")
    reaches = [report.reach(organisation, actor), *([office.reach(actor, "export")] if exports else [])]
    if None in reaches:
        return None
    units = frozenset(unit for reach in reaches for unit in reach or ())
    if not units:
        titles = [organisation.roles[role].title for role in report.own]
        titles += [role.title for role in organisation.roles.values() if "export" in role.may]
        raise Refused(
            Problem(
                "AUTH-002",
                f"{actor.user} 不能出{report.title}",
                f"可以出的单位：{listing(list(report.sent_by)) or '无'}；角色：{listing(titles) or '无'}",
            )
        )
    return units


def log(office: Office, actor: Actor, told: Told) -> None:
    """Record that a report was written out, and about which moment."""
    now = office.now()
    data = {"report": told.report.name, "as_of": micros(told.at)}
    with office.store.writing(micros(now)) as writer:
        writer.system(Event("reported", actor.user, now, data, actor.account))


Standings = list[tuple[Rulebook, Standing]]


def _page(office: Office, driver: Driver, book: Rulebook, sheet: Sheet, at: Moment, standings: Standings) -> Page:
    if sheet.listed:
        headers = tuple(shown.title for shown in sheet.listed)
        return Page(sheet.title, headers, tuple(_listed(office, driver, sheet, at, standings)))
    headers = (_titles(book, sheet.rows), *(column.title for column in sheet.columns))
    counted = figures(sheet, at, standings).items()
    rows: list[tuple[str | int, ...]] = [(_titled(book, sheet.rows, value), *numbers) for value, numbers in counted]
    return Page(sheet.title, headers, tuple(rows), sheet.total)


def _listed(
    office: Office, driver: Driver, sheet: Sheet, at: Moment, standings: Standings
) -> Iterable[tuple[str, ...]]:
    """The cases of a list, the first opened first; personal facts masked."""
    chosen = [
        (book, standing)
        for book, standing in standings
        if at.counts(sheet.cases, standing) and sheet.of.takes(lambda w, b=book, c=standing.case: said(b, c, w))  # type: ignore[misc]
    ]
    chosen.sort(key=lambda item: (item[1].opened, item[1].case.id))
    keys = subjects.keys(driver, office.master, [standing.case.subject for _, standing in chosen])
    for book, standing in chosen:
        key = keys.get(standing.case.subject)
        personal = subjects.opened(driver, key) if key is not None else {}
        yield tuple(_shown(book, standing, shown.show, personal) for shown in sheet.listed)


def _shown(book: Rulebook, standing: Standing, word: str, personal: dict[str, str]) -> str:
    case = standing.case
    if word == "case":
        return case.id
    if word in ("opened_at", "due"):
        late = [standing.late] if standing.late is not None else []
        due = min([*(armed.due for armed in case.deadlines.values()), *late], default=None)
        when = case.opened_at if word == "opened_at" else due
        return when.astimezone(book.zone).strftime("%Y-%m-%d %H:%M") if when else ""
    of: Any = book.kind_of(case.workflow).fields.get(word.removeprefix(FACT)) if word.startswith(FACT) else None
    if of is not None and of.pii:
        return vault.mask(of.check, personal.get(of.name, "")) if of.name in case.personal else ""
    if word == "state":
        return book.workflows[case.workflow].states[case.state].title
    value = said(book, case, word)
    return _titled(book, word, value) if value else ""


def _titled(book: Rulebook, word: str, value: str) -> str:
    """A value as it is shown."""
    if word == "final":
        return _ENDS.get(value, value)
    if not value:
        return "（未填）"
    if word == "workflow" and value in book.workflows:
        return book.workflows[value].title
    if word == "subject" and value in book.subjects:
        return book.subjects[value].title
    if word == "state":
        return next((flow.states[value].title for flow in book.workflows.values() if value in flow.states), value)
    if word.startswith(FACT):
        named = word.removeprefix(FACT)
        of = next((kind.fields[named] for kind in book.subjects.values() if named in kind.fields), None)
        return label(of, value) if of is not None else value
    return value


_WORDS = {
    "workflow": "流程",
    "subject": "对象",
    "category": "类别",
    "state": "环节",
    "stage": "阶段",
    "owner": "责任单位",
    "lead": "牵头单位",
    "final": "去向",
    "stream": "防线",
}


def _titles(book: Rulebook, word: str) -> str:
    """What the first column is called."""
    if word.startswith(FACT):
        named = word.removeprefix(FACT)
        return next((kind.fields[named].title for kind in book.subjects.values() if named in kind.fields), named)
    return _WORDS[word]
